// SPDX-License-Identifier: AGPL-3.0-or-later

package tariff

import (
	"slices"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
)

// OverrideFields are single limits replaced for one member; nil leaves a limit to the level.
type OverrideFields struct {
	Seats             *int64 `json:"seats,omitempty"`
	Participants      *int64 `json:"participants,omitempty"`
	Rooms             *int64 `json:"rooms,omitempty"`
	RunningRooms      *int64 `json:"running_rooms,omitempty"`
	Hosts             *int64 `json:"hosts,omitempty"`
	Connections       *int64 `json:"connections,omitempty"`
	Duration          *Span  `json:"duration,omitempty"`
	Recording         *bool  `json:"recording,omitempty"`
	Branding          *bool  `json:"branding,omitempty"`
	RetentionDays     *int64 `json:"retention_days,omitempty"`
	StorageBytes      *int64 `json:"storage_bytes,omitempty"`
	ModeratorsReserve *int64 `json:"moderators_reserve,omitempty"`
}

// LimitOverride is one row of replaced limits.
type LimitOverride struct {
	ID        id.Override     `json:"id"`
	Member    id.Member       `json:"member"`
	Fields    OverrideFields  `json:"limits"`
	Reason    string          `json:"reason"`
	From      instant.Instant `json:"from"`
	Until     instant.Instant `json:"until"` // none: until it is ended
	CreatedAt instant.Instant `json:"created_at"`
	RevokedAt instant.Instant `json:"revoked_at"`
}

// OverrideInput replaces single limits of a member from now on. At least one field is set.
type OverrideInput struct {
	Member id.Member
	Fields OverrideFields
	Reason string       // required
	Until  instant.Date // first day without it, in the member's zone; none is open
}

// maxReason bounds what somebody writes as a reason, in bytes.
const maxReason = 500

// Validate returns Invalid (input.invalid) with every wrong field. today is the member's.
func (in OverrideInput) Validate(today instant.Date) error {
	var c fault.Check
	f := in.Fields
	c.Field(f != OverrideFields{}, "limits", "override.empty")
	for _, n := range f.numbers() {
		if n.value != nil {
			c.Field(*n.value >= n.least && *n.value <= n.most, n.name, "level.count", fault.Params{"Least": n.least, "Most": n.most})
		}
	}
	if f.Duration != nil {
		c.Field(*f.Duration != 0, "duration", "level.duration", fault.Params{"Least": minDuration, "Most": maxDuration})
		checkSpan(&c, "duration", *f.Duration, maxDuration)
	}
	c.Field(in.Reason != "", "reason", "member.reason_missing")
	c.Field(len(in.Reason) <= maxReason, "reason", "member.reason_long", fault.Params{"Limit": maxReason})
	c.Field(in.Until.IsZero() || in.Until.After(today), "until", "override.until")
	return c.Err()
}

type numberField struct {
	name        string
	value       *int64
	least, most int64
	apply       func(*Limits, Limit)
}

// numbers lists the counted fields with the bounds of each. Zero is refused where it would take away
// everything: suspending is a verb of its own.
func (f OverrideFields) numbers() []numberField {
	return []numberField{
		{"seats", f.Seats, 1, maxCount, func(l *Limits, n Limit) { l.Seats = n }},
		{"participants", f.Participants, 1, maxCount, func(l *Limits, n Limit) { l.Participants = n }},
		{"rooms", f.Rooms, 1, maxCount, func(l *Limits, n Limit) { l.Rooms = n }},
		{"running_rooms", f.RunningRooms, 1, maxCount, func(l *Limits, n Limit) { l.RunningRooms = n }},
		{"hosts", f.Hosts, 1, maxCount, func(l *Limits, n Limit) { l.Hosts = n }},
		{"connections", f.Connections, 1, maxCount, func(l *Limits, n Limit) { l.Connections = n }},
		{"retention_days", f.RetentionDays, 1, maxDays, func(l *Limits, n Limit) { l.RetentionDays = n }},
		{"storage_bytes", f.StorageBytes, 1, maxBytes, func(l *Limits, n Limit) { l.StorageBytes = n }},
		{"moderators_reserve", f.ModeratorsReserve, 0, maxCount, func(l *Limits, n Limit) { l.ModeratorsReserve = int(n) }},
	}
}

// apply replaces the limits that f names and returns their names.
func (f OverrideFields) apply(l *Limits) (names []string) {
	for _, n := range f.numbers() {
		if n.value != nil {
			n.apply(l, Limit(*n.value))
			names = append(names, n.name)
		}
	}
	if f.Duration != nil {
		l.Duration = f.Duration.duration()
		names = append(names, "duration")
	}
	if f.Recording != nil {
		l.Recording = *f.Recording
		names = append(names, "recording")
	}
	if f.Branding != nil {
		l.Branding = *f.Branding
		names = append(names, "branding")
	}
	return names
}

func (s Span) duration() time.Duration { return time.Duration(s) }

// replaced applies the overrides in force at now, in order, and returns the names of the limits they
// replaced, sorted, and the next instant at which one begins or ends. A moderators' reserve that no
// longer lies below the seats is cut to the last seat but one: J4 of gateway.md.
func replaced(l *Limits, overrides []LimitOverride, now instant.Instant) (names []string, boundary instant.Instant) {
	names = []string{}
	for _, o := range overrides {
		switch {
		case !o.RevokedAt.IsZero() || !o.Until.IsZero() && !now.Before(o.Until):
			continue
		case now.Before(o.From):
			boundary = instant.Earlier(boundary, o.From)
			continue
		}
		boundary = instant.Earlier(boundary, o.Until)
		names = append(names, o.Fields.apply(l)...)
	}
	if n, limited := l.Seats.Int(); limited && l.ModeratorsReserve >= n {
		l.ModeratorsReserve = max(n-1, 0)
	}
	slices.Sort(names)
	return slices.Compact(names), boundary
}
