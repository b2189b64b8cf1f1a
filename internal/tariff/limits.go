// SPDX-License-Identifier: AGPL-3.0-or-later

package tariff

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Limit is a number that may not be exceeded, or Unlimited. Zero is a limit: nothing is allowed.
// Unlimited is NULL in the database and null in JSON.
type Limit int64

// Unlimited is the absence of a limit.
const Unlimited Limit = -1

// Allows reports whether used things fit: used counts them all, the wanted one included.
func (l Limit) Allows(used int) bool { return l < 0 || int64(used) <= int64(l) }

// Min returns the stricter of two limits.
func (l Limit) Min(m Limit) Limit {
	switch {
	case l < 0:
		return m
	case m < 0:
		return l
	}
	return min(l, m)
}

// Int returns the limit as a number, and whether there is one at all.
func (l Limit) Int() (n int, limited bool) {
	if l < 0 {
		return 0, false
	}
	return int(l), true
}

// String returns the number, or "unlimited". It is for logs; pages have words of their own.
func (l Limit) String() string {
	if l < 0 {
		return "unlimited"
	}
	return strconv.FormatInt(int64(l), 10)
}

// MarshalJSON writes a number, or null for Unlimited.
func (l Limit) MarshalJSON() ([]byte, error) {
	if l < 0 {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, int64(l), 10), nil
}

// UnmarshalJSON reads a number that is not negative; null is Unlimited.
func (l *Limit) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*l = Unlimited
		return nil
	}
	var n int64
	if err := json.Unmarshal(b, &n); err != nil {
		return fmt.Errorf("limit: %w", err)
	}
	if n < 0 {
		return fmt.Errorf("limit: %d is negative", n)
	}
	*l = Limit(n)
	return nil
}

// Enforcement says how strictly seats are held (gateway.md A11).
type Enforcement string

// The ways to hold a limit.
const (
	EnforceHard   Enforcement = "hard"   // nobody above the limit
	EnforceCreate Enforcement = "create" // whoever joins passes; no new meeting when nothing is free
	EnforceGrace  Enforcement = "grace"  // GracePercent above the limit are let in
)

// DurationScope says over what the time limit of a meeting is counted (gateway.md L3).
type DurationScope string

// The scopes. For room and member a sitting is a chain of meetings with pauses shorter than
// DurationPause: starting anew at once grants no fresh time.
const (
	ScopeMeeting DurationScope = "meeting"
	ScopeRoom    DurationScope = "room"
	ScopeMember  DurationScope = "member"
)

// Limits are what a level, or a member after its overrides, may use. The zero value allows nothing.
type Limits struct {
	Seats        Limit `json:"seats"`         // people in all running meetings of the member together
	Participants Limit `json:"participants"`  // people in one meeting
	Rooms        Limit `json:"rooms"`         // standing rooms
	RunningRooms Limit `json:"running_rooms"` // meetings at once
	Hosts        Limit `json:"hosts"`         // people who may open rooms
	Connections  Limit `json:"connections"`   // API credentials; the portal's own is not counted

	Duration time.Duration `json:"-"` // of one meeting or sitting; 0 is unlimited; whole seconds

	Recording     bool  `json:"recording"`
	Branding      bool  `json:"branding"`
	RetentionDays Limit `json:"retention_days"` // how long recordings are kept
	StorageBytes  Limit `json:"storage_bytes"`  // of all recordings together

	Enforcement       Enforcement   `json:"enforcement"`
	GracePercent      int           `json:"grace_percent"` // 0 to 100; only with EnforceGrace
	DurationScope     DurationScope `json:"duration_scope"`
	DurationPause     time.Duration `json:"-"`                  // a pause this long begins a new sitting; never 0
	DurationPerDay    time.Duration `json:"-"`                  // sum of a day in the member's zone; 0 is unlimited
	ModeratorsReserve int           `json:"moderators_reserve"` // seats only a moderator may take; below Seats
	Tags              []string      `json:"tags"`               // servers that may be asked for; never nil
}

// MarshalJSON writes durations in Go's syntax ("3h0m0s"), null for unlimited.
func (l Limits) MarshalJSON() ([]byte, error) {
	type plain Limits // without the methods, or this would call itself
	if l.Tags == nil {
		l.Tags = []string{}
	}
	return json.Marshal(struct {
		plain
		Duration       Span `json:"duration"`
		DurationPause  Span `json:"duration_pause"`
		DurationPerDay Span `json:"duration_per_day"`
	}{plain(l), Span(l.Duration), Span(l.DurationPause), Span(l.DurationPerDay)})
}

// Equal reports whether both allow the same.
func (l Limits) Equal(m Limits) bool {
	if !slices.Equal(l.Tags, m.Tags) {
		return false
	}
	l.Tags, m.Tags = nil, nil
	return l.comparable() == m.comparable()
}

type comparableLimits struct {
	seats, participants, rooms, runningRooms, hosts, connections, retention, storage Limit
	duration, pause, perDay                                                          time.Duration
	recording, branding                                                              bool
	enforcement                                                                      Enforcement
	scope                                                                            DurationScope
	grace, reserve                                                                   int
}

func (l Limits) comparable() comparableLimits {
	return comparableLimits{l.Seats, l.Participants, l.Rooms, l.RunningRooms, l.Hosts, l.Connections, l.RetentionDays, l.StorageBytes,
		l.Duration, l.DurationPause, l.DurationPerDay, l.Recording, l.Branding, l.Enforcement, l.DurationScope, l.GracePercent, l.ModeratorsReserve}
}
