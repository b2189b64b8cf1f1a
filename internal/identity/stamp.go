// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"math/bits"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/instant"
)

// What a form stamp may live: people need longer than 2 seconds for name and address, and forms left open
// over an hour are rather replayed than filled in (identity design, 6.9).
const (
	stampYoungest = 2 * time.Second
	stampOldest   = time.Hour
)

// WorkBits is how many leading zero bits SHA-256(stamp ":" work) must have: about 260,000 tries, a second in a
// browser's script, which is nothing for one person and much for ten thousand sign-ups.
const WorkBits = 18

// maxWorkBytes bounds the text a browser found.
const maxWorkBytes = 32

// Form is what the hidden fields of the sign-up form carry back.
type Form struct {
	Stamp string // from NewForm
	Trap  string // the honeypot: a field people do not see; anything in it is a robot's
	Work  string // found by the page's script when NewForm asked for it; else empty
}

// FormTicket is what the sign-up page needs to render its hidden fields.
type FormTicket struct {
	Stamp    string
	WorkBits int // 0: no proof of work is asked now
}

// newStamp returns the base64 of time, 64 random bits and a MAC over both.
func newStamp(k keyring, now instant.Instant) string {
	var b [32]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.Micros()))
	_, _ = rand.Read(b[8:16]) // never fails since Go 1.24
	copy(b[16:], k.sum("form stamp", string(b[:16])))
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// checkForm returns Invalid: signup.robot, signup.form_stale, signup.form_fast.
func checkForm(k keyring, f Form, now instant.Instant) error {
	if f.Trap != "" {
		return fault.New(fault.Invalid, "signup.robot")
	}
	b, err := base64.RawURLEncoding.DecodeString(f.Stamp)
	if err != nil || len(b) != 32 || !hmac.Equal(b[16:], k.sum("form stamp", string(b[:16]))[:16]) {
		return fault.New(fault.Invalid, "signup.form_stale")
	}
	age := now.Sub(instant.Micros(int64(binary.BigEndian.Uint64(b[:8]))))
	switch {
	case age > stampOldest:
		return fault.New(fault.Invalid, "signup.form_stale")
	case age < stampYoungest:
		return fault.New(fault.Invalid, "signup.form_fast")
	}
	return nil
}

// WorkDone reports whether work is a proof of work over stamp (hashcash, without its header format).
func WorkDone(stamp, work string) bool {
	if work == "" || len(work) > maxWorkBytes {
		return false
	}
	sum := sha256.Sum256([]byte(stamp + ":" + work))
	return bits.LeadingZeros64(binary.BigEndian.Uint64(sum[:8])) >= WorkBits
}
