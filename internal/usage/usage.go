// SPDX-License-Identifier: AGPL-3.0-or-later

package usage

import (
	"crypto/sha256"
	"database/sql/driver"
	"encoding/hex"
	"fmt"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
)

// PersonKey stands for one person on one connection, without telling who it is. Zero is nobody.
type PersonKey [16]byte

// KeyOf returns the key of somebody on a connection: who is a person's id, a guest's cookie, or what a
// client calls the user. It is the first 16 bytes of SHA-256 over the connection, a zero byte and who.
func KeyOf(c id.Connection, who string) PersonKey {
	sum := sha256.Sum256([]byte(string(c) + "\x00" + who))
	return PersonKey(sum[:16])
}

// String returns 32 hexadecimal digits, the stored form.
func (k PersonKey) String() string { return hex.EncodeToString(k[:]) }

// Value implements driver.Valuer: the text of String, NULL for nobody.
func (k PersonKey) Value() (driver.Value, error) {
	if k.IsZero() {
		return nil, nil
	}
	return k.String(), nil
}

// Scan implements sql.Scanner for what Value gives.
func (k *PersonKey) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*k = PersonKey{}
		return nil
	case string:
		if n, err := hex.Decode(k[:], []byte(v)); err != nil || n != len(k) {
			return fmt.Errorf("scan person key: %d characters", len(v))
		}
		return nil
	}
	return fmt.Errorf("scan person key: unexpected %T", src)
}

// IsZero reports whether k is nobody.
func (k PersonKey) IsZero() bool { return k == PersonKey{} }

// Kind says what a fact tells.
type Kind string

// The kinds of fact, and what N and Code mean in each.
const (
	Started Kind = "started" // a meeting began; N is 1
	Joined  Kind = "joined"  // a person took a seat; N is 1; Code "late" when found inside without one
	Left    Kind = "left"    // a seat was given back; N is the seconds it was held; Code says why
	Refused Kind = "refused" // somebody was not let in; N counts the attempts, Code is the fault's
	Ended   Kind = "ended"   // a meeting ended; N is the seconds it lived; Code says why
	Seated  Kind = "seated"  // a meeting ended; N is the seconds all its seats were held together
	Peak    Kind = "peak"    // most seats at once: of a meeting at its end, of the member in the hour that At begins (no meeting)
)

// Fact is one thing that happened.
type Fact struct {
	At         instant.Instant
	Member     id.Member
	Connection id.Connection // none for a member's peak
	Meeting    id.Meeting    // none for a member's peak, and for a refusal when nothing ran
	Kind       Kind
	PersonKey  PersonKey // zero for facts about no single person; re-keyed when stored
	N          int
	Code       string
}
