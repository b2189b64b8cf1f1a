// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"encoding/json"
	"sync"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/membership"
	"meetcoop/internal/tariff"
)

// limits are what the gate needs of an entitlement. member_usage keeps them as a document, so that a
// decision reads one row.
type limits struct { // short names and no zeros: the document is written with every batch
	State        membership.State     `json:"st"`
	Allowed      bool                 `json:"ok,omitempty"`
	Seats        tariff.Limit         `json:"s"`
	Participants tariff.Limit         `json:"p"`
	RunningRooms tariff.Limit         `json:"r"`
	Duration     time.Duration        `json:"d,omitempty"` // 0 is unlimited
	Scope        tariff.DurationScope `json:"sc"`
	Pause        time.Duration        `json:"pa,omitempty"`
	PerDay       time.Duration        `json:"pd,omitempty"` // 0 is unlimited
	Reserve      int                  `json:"mr,omitempty"`
	Enforcement  tariff.Enforcement   `json:"e"`
	Grace        int                  `json:"g,omitempty"` // per cent
	Tags         []string             `json:"t,omitempty"`
	Zone         string               `json:"z"`

	Own map[id.Connection]own `json:"c,omitempty"` // of connections with a level or tags of their own
}

// own are the limits of one connection, within those of its member.
type own struct {
	Seats        tariff.Limit  `json:"s"`
	Participants tariff.Limit  `json:"p"`
	RunningRooms tariff.Limit  `json:"r"`
	Duration     time.Duration `json:"d,omitempty"` // 0 is unlimited
	Tags         []string      `json:"t,omitempty"` // that every server must carry, beside those of the member's level
}

// of returns the limits of a connection; unlimited when it has no level of its own.
func (l limits) of(c id.Connection) own {
	if o, ok := l.Own[c]; ok {
		return o
	}
	return own{Seats: tariff.Unlimited, Participants: tariff.Unlimited, RunningRooms: tariff.Unlimited}
}

func limitsOf(e tariff.Entitlement) limits {
	l := e.Limits
	return limits{
		State: e.Standing.State, Allowed: e.Allowed, Seats: l.Seats, Participants: l.Participants, RunningRooms: l.RunningRooms,
		Duration: l.Duration, Scope: l.DurationScope, Pause: l.DurationPause, PerDay: l.DurationPerDay,
		Reserve: l.ModeratorsReserve, Enforcement: l.Enforcement, Grace: l.GracePercent, Tags: l.Tags, Zone: e.Zone,
	}
}

func parseLimits(doc string) (limits, error) {
	var l limits
	err := json.Unmarshal([]byte(doc), &l)
	return l, err
}

func (l limits) document() (string, error) {
	b, err := json.Marshal(l)
	return string(b), err
}

// zones keeps what time.LoadLocation would read from disk each time.
var zones sync.Map // name -> *time.Location

// zone returns where the member's days begin; UTC when the name is not known on this machine.
func (l limits) zone() *time.Location {
	if known, ok := zones.Load(l.Zone); ok {
		return known.(*time.Location)
	}
	loc, err := time.LoadLocation(l.Zone)
	if err != nil {
		loc = time.UTC
	}
	zones.Store(l.Zone, loc)
	return loc
}

// withGrace raises a limit of people by what the level lets in above it, rounded down: 10 with 25 per
// cent is 12.
func (l limits) withGrace(n tariff.Limit) tariff.Limit {
	if l.Enforcement != tariff.EnforceGrace || n < 0 {
		return n
	}
	return n + n*tariff.Limit(l.Grace)/100
}

// refusal returns why nobody enters at all, or nil.
func (l limits) refusal() *fault.Error {
	switch {
	case l.Allowed:
		return nil
	case l.State == membership.StandingClosed:
		return fault.New(fault.Forbidden, "member.closed")
	}
	return fault.New(fault.Forbidden, "member.suspended")
}

// full is the fault for a limit that is reached.
func full(code string, limit tariff.Limit, used int) *fault.Error {
	n, _ := limit.Int()
	return fault.New(fault.LimitReached, code, fault.Params{"Limit": n, "Used": used})
}
