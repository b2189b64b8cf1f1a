// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/usage"
)

// Tickets say who somebody is that an API client sent into one of its meetings. They are bearer tokens: whoever shows one is
// that person, in that meeting alone, until it runs out. They give no seat.
type Tickets struct{ key []byte }

// NewTickets returns the tickets of an installation; all nodes have the same key, of 32 bytes.
func NewTickets(key []byte) Tickets { return Tickets{key} }

// Make returns a ticket of letters, digits and -_. that is good until then, to the second.
func (t Tickets) Make(m id.Meeting, person usage.PersonKey, until instant.Instant) string {
	text := string(m) + "." + person.String() + "." + strconv.FormatInt(until.Time().Unix(), 36)
	return text + "." + base64.RawURLEncoding.EncodeToString(t.mac(text))
}

// Open returns whom a ticket names in a meeting. ok is false for a ticket that ran out, is for another meeting, or is none.
func (t Tickets) Open(m id.Meeting, ticket string, now instant.Instant) (person usage.PersonKey, ok bool) {
	i := strings.LastIndexByte(ticket, '.')
	if i < 0 || len(ticket) > mostTicket {
		return person, false
	}
	sum, err := base64.RawURLEncoding.DecodeString(ticket[i+1:])
	if err != nil || !hmac.Equal(sum, t.mac(ticket[:i])) {
		return person, false
	}
	parts := strings.Split(ticket[:i], ".")
	if len(parts) != 3 || parts[0] != string(m) {
		return person, false
	}
	until, err := strconv.ParseInt(parts[2], 36, 64)
	if err != nil || !now.Time().Before(time.Unix(until, 0)) {
		return person, false
	}
	raw, err := hex.DecodeString(parts[1])
	if err != nil || len(raw) != len(person) {
		return person, false
	}
	copy(person[:], raw)
	return person, !person.IsZero()
}

const mostTicket = 256

func (t Tickets) mac(text string) []byte {
	mac := hmac.New(sha256.New, t.key)
	_, _ = mac.Write([]byte("live ticket\x00" + text)) // never fails
	return mac.Sum(nil)[:16]
}
