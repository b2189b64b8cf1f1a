// SPDX-License-Identifier: AGPL-3.0-or-later

package membership

import (
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
)

// FactKind says what happened.
type FactKind string

// The facts a standing is folded from.
const (
	FactChosen    FactKind = "chosen"    // a level was chosen; it is not paid yet
	FactCovered   FactKind = "covered"   // a contribution covers a level from From until Until
	FactUncovered FactKind = "uncovered" // the cover with source Undoes was refunded or charged back
	FactCancelled FactKind = "cancelled" // the member stopped its contribution
	FactGranted   FactKind = "granted"   // an operator assigned a level while no subscription runs
	FactSuspended FactKind = "suspended"
	FactLifted    FactKind = "lifted" // the suspension ended
	FactClosed    FactKind = "closed"
)

// Fact is one entry in the append-only history of a member. Days are whole days in the member's
// zone, intervals half open: From is the first day, Until the first day no longer meant.
type Fact struct {
	ID           id.Fact         `json:"id"`
	Member       id.Member       `json:"-"`
	Source       string          `json:"source"` // what it was recorded for (a ledger entry, a command); once per source
	Kind         FactKind        `json:"kind"`
	Level        string          `json:"level,omitempty"`        // key of the level: chosen, covered, granted
	From         instant.Date    `json:"from"`                   // first day; for a single event the day it counts from
	Until        instant.Date    `json:"until,omitzero"`         // covered: required; granted: none means open
	TrustedUntil instant.Date    `json:"trusted_until,omitzero"` // covered: invoiced and trusted, but not paid, until this day
	Undoes       string          `json:"undoes,omitempty"`       // uncovered: the source of the cover
	Reason       string          `json:"reason,omitempty"`       // what people read: refund, why suspended
	HappenedAt   instant.Instant `json:"happened_at"`            // the payment's time, not the import's; orders events of one day
}

// State is where a member stands.
type State string

// The states, in the words of the cooperative.
const (
	StandingFree      State = "free"
	StandingPending   State = "pending" // a level is chosen, its first contribution not here yet
	StandingHost      State = "host"
	StandingGrace     State = "grace"   // the contribution is late; nothing is taken away yet
	StandingArrears   State = "arrears" // late for long; free limits
	StandingSuspended State = "suspended"
	StandingClosed    State = "closed"
)

// Standing is how a member stands at one instant, and why.
type Standing struct {
	State    State           `json:"state"`
	Level    string          `json:"level"`             // key of the level whose limits hold; "" when suspended or closed
	LevelOn  instant.Date    `json:"level_on,omitzero"` // the day whose version of the level counts; none means the present one
	Line     int             `json:"line"`              // the line of the table at Fold that decided, 1 to 10
	Boundary instant.Instant `json:"next_boundary"`     // when the calendar alone changes it next; none means never
	Facts    []Fact          `json:"facts"`             // the facts that line rests on; never nil
	Override id.Override     `json:"override,omitempty"`
	// Holds is when the calendar changes anything of this: Boundary, or earlier where it then rests on other facts. None means never. For
	// whoever remembers it.
	Holds instant.Instant `json:"-"`
}

// LineCovered is the line of a contribution that covers the day.
const LineCovered = 4

// Active reports whether the member may use the service at all.
func (s Standing) Active() bool {
	return s.State != StandingSuspended && s.State != StandingClosed
}

// Override is a level lent to a member until a day, with a reason.
type Override struct {
	ID         id.Override     `json:"id"`
	Member     id.Member       `json:"-"`
	Level      string          `json:"level"`
	From       instant.Date    `json:"from"`
	Until      instant.Date    `json:"until"` // never none
	ReasonKind ReasonKind      `json:"reason_kind"`
	Reason     string          `json:"reason"`
	LentBy     id.Person       `json:"-"` // none when the command line did
	ForCoop    id.Member       `json:"-"` // the operational member acted for; may be none
	CreatedAt  instant.Instant `json:"created_at"`
	RevokedAt  instant.Instant `json:"-"`
}

// ReasonKind groups the reasons for lending a level.
type ReasonKind string

// The kinds of reason.
const (
	ReasonTrial         ReasonKind = "trial"
	ReasonSolidarity    ReasonKind = "solidarity"
	ReasonPaidElsewhere ReasonKind = "paid_elsewhere"
	ReasonWork          ReasonKind = "work"
	ReasonCorrection    ReasonKind = "correction"
)

// Valid reports whether k is one of the kinds.
func (k ReasonKind) Valid() bool {
	switch k {
	case ReasonTrial, ReasonSolidarity, ReasonPaidElsewhere, ReasonWork, ReasonCorrection:
		return true
	}
	return false
}

// Policy holds the day counts that a decision of the cooperative can change.
type Policy struct {
	FreeLevel     string // key of the level without contribution
	GraceDays     int    // after a cover ends everything stays for so long
	ArrearsMonths int    // and is owed for so long, counted from the same day
	PendingDays   int    // a chosen level is awaited for so long
}

// DefaultPolicy is in force until a decision says otherwise.
var DefaultPolicy = Policy{FreeLevel: "free", GraceDays: 14, ArrearsMonths: 6, PendingDays: 30}
