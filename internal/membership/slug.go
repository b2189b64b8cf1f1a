// SPDX-License-Identifier: AGPL-3.0-or-later

package membership

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// The bounds of a slug, which is a DNS label and a path segment.
const (
	minSlug = 2
	maxSlug = 40
)

// reserved are words a member may not be called by: the first segments of our own paths (contract.md
// section 3), so that /{slug}/... can be given to a member later, and names of hosts that people would
// take for the cooperative's own.
var reserved = map[string]bool{}

func init() {
	for _, s := range strings.Fields(`
		account admin api assets bbb calendar coop decisions dev events favicon fund healthz help legal levels m media meet members
		metrics notices oauth outbox privacy r readyz recordings robots rooms rtc scim signin signout signup static status terms well-known
		autoconfig ftp localhost mail ns1 ns2 postmaster root smtp support webmaster www house`) {
		reserved[s] = true
	}
}

// slugCode returns "" when s can be a member's slug, else member.slug_malformed or member.slug_reserved.
// The house alone is called by a reserved word.
func slugCode(s string) string {
	if len(s) < minSlug || len(s) > maxSlug || s[0] == '-' || s[len(s)-1] == '-' || strings.HasPrefix(s, "xn--") {
		return "member.slug_malformed"
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return "member.slug_malformed"
		}
	}
	if reserved[s] {
		return "member.slug_reserved"
	}
	return ""
}

// latin spells letters that do not decompose into a letter and a mark.
var latin = strings.NewReplacer("ß", "ss", "æ", "ae", "œ", "oe", "ø", "o", "đ", "d", "ð", "d", "þ", "th", "ł", "l", "ı", "i", "ŀ", "l", "·", "", "’", "", "'", "")

// slugBase makes the beginning of a slug from a name: "Cooperativa L'Avenç, SCCL" is
// "cooperativa-lavenc-sccl". It returns "member" when nothing of the name can be spelled, and leaves
// room for a number behind it.
func slugBase(name string) string {
	var b strings.Builder
	gap := false
	for _, r := range norm.NFKD.String(latin.Replace(strings.ToLower(name))) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			if gap && b.Len() > 0 {
				b.WriteByte('-')
			}
			gap = false
			b.WriteRune(r)
		case !unicode.IsMark(r):
			gap = true
		}
	}
	s := b.String()
	if len(s) > maxSlug-6 { // "-99999"
		s = s[:maxSlug-6]
		if cut := strings.LastIndexByte(s, '-'); cut > maxSlug/2 {
			s = s[:cut] // rather whole words
		}
	}
	s = strings.TrimRight(s, "-")
	if code := slugCode(s); code == "member.slug_malformed" {
		return "member"
	}
	return s
}

// freeSlug returns base, or base with the smallest number from 2 on that is not taken.
func freeSlug(base string, taken []string) string {
	used := make(map[string]bool, len(taken))
	for _, s := range taken {
		used[s] = true
	}
	slug := base
	for n := 2; used[slug] || slugCode(slug) != ""; n++ {
		slug = base + "-" + strconv.Itoa(n)
	}
	return slug
}

// foldName returns what names are sorted and searched by: without case and marks.
func foldName(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsMark(r) {
			return -1
		}
		return r
	}, norm.NFKD.String(strings.ToLower(s)))
}
