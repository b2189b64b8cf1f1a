// SPDX-License-Identifier: AGPL-3.0-or-later

package rooms

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"regexp"
)

// newSlug draws the end of a room's link: a quality, two things and a number from 10 to 99, for example
// "amber-oak-river-42". About 1,400 million can be drawn, so that trying links finds a room of a federation with
// 5,000 of them once in 280,000 tries, while the rate limit of the pages stops a visitor after some dozens.
// It draws from the system's secure source; whether the slug is free is decided by the unique index.
func newSlug() string {
	return fmt.Sprintf("%s-%s-%s-%d", pick(qualities), pick(things), pick(things), 10+draw(90))
}

func pick(words []string) string { return words[draw(len(words))] }

func draw(n int) int {
	v, err := rand.Int(rand.Reader, big.NewInt(int64(n)))
	if err != nil {
		panic("crypto/rand: " + err.Error()) // documented never to happen since Go 1.24
	}
	return int(v.Int64())
}

var slugForm = regexp.MustCompile(`^[a-z]{2,12}(-[a-z]{2,12}){1,3}-[0-9]{1,4}$`)

// ValidSlug reports whether s could be a room's slug; what could not is never looked up.
func ValidSlug(s string) bool { return len(s) <= 60 && slugForm.MatchString(s) }
