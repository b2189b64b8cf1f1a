// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"context"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
	"meetcoop/internal/usage"
)

// PersonKey stands for one person on one connection; see usage.KeyOf.
type PersonKey = usage.PersonKey

// Role is what somebody is in a meeting, as far as seats go.
type Role string

// The roles. Some seats may be kept for moderators (tariff.Limits.ModeratorsReserve, JoinInput.Reserve).
const (
	RoleModerator Role = "moderator"
	RoleViewer    Role = "viewer"
)

// Why says how a seat became free.
type Why string

// The reasons. WhyReplaced is told when the same person took the seat over with a new participant.
const (
	WhyLeft     Why = "left"     // went by themselves
	WhyRemoved  Why = "removed"  // a moderator put them out
	WhyExpired  Why = "expired"  // never came, or was cut off and did not come back
	WhyEnded    Why = "ended"    // the meeting ended
	WhyReplaced Why = "replaced" // another tab of the same person
)

// ServicePlaces is how many helpers in one meeting take no place (gateway.md J3).
const ServicePlaces = 2

// Seat is one person's place in a running meeting.
type Seat struct {
	Member      id.Member
	Meeting     id.Meeting
	Person      PersonKey
	Participant id.Participant
	Role        Role
	Present     bool            // really inside
	ExpiresAt   instant.Instant // when it is free again unless they come; none while Present
	Late        bool            // found inside without a seat
	Service     bool            // of a helper of the operator's: takes no place
	TakenAt     instant.Instant
	SeenAt      instant.Instant // last change of Present; none before the first
}

// JoinInput asks to let one person into a meeting.
type JoinInput struct {
	Member      id.Member
	Connection  id.Connection // with ExternalID the meeting's key
	ExternalID  string        // for a portal room the room's id
	Room        id.Room       // none for API clients
	Participant id.Participant
	Person      PersonKey
	Role        Role

	// Within, unless none, is the only meeting wanted: Conflict meeting.ended when it is over, even
	// if another has begun in the room.
	Within id.Meeting

	// The rest counts only when this join starts the meeting.

	MayStart bool
	Meeting  id.Meeting    // a fresh id for it; needed with MayStart
	Cap      tariff.Limit  // most people in it; 0 and below mean no cap of its own
	Reserve  int           // places of it only a moderator may take
	Kept     int           // seats of the member that nobody else may take while it runs
	Duration time.Duration // most it may last; 0 is as long as the level allows

	// Lease is how long the seat is kept for whoever is on the way; 0 is Deps.Lease.
	Lease time.Duration

	// Service says that this is a helper of the operator's, a recorder mostly: the first ServicePlaces of them in a meeting take no
	// place, whatever the limits; further ones are people like others.
	Service bool

	// Wait puts the person on the waiting list when the seats or the meeting are full; a later
	// refusal of another kind is still a fault.
	Wait bool
}

// Validate returns all wrong fields as one Invalid fault.
func (in JoinInput) Validate() error {
	var c fault.Check
	c.Field(in.Member != "", "member", "input.required")
	c.Field(in.Connection != "", "connection", "input.required")
	c.Field(in.ExternalID != "", "external_id", "input.required")
	c.Field(in.Participant != "", "participant", "input.required")
	c.Field(!in.Person.IsZero(), "person", "input.required")
	c.Field(in.Role == RoleModerator || in.Role == RoleViewer, "role", "input.choice")
	c.Field(!in.MayStart || in.Meeting != "", "meeting", "input.required")
	c.Field(in.Reserve >= 0, "reserve", "input.choice")
	c.Field(in.Kept >= 0, "kept", "input.choice")
	c.Field(in.Duration >= 0, "duration", "input.choice")
	c.Field(in.Lease >= 0, "lease", "input.choice")
	return c.Err()
}

// Admission is the answer to a join. Exactly one of Waiting and a Seat with a participant holds.
type Admission struct {
	Meeting  fleet.Meeting
	Seat     Seat
	Started  bool           // this join started the meeting
	Replaced id.Participant // whom of the same person this join took the seat over from; none mostly
	Waiting  bool           // on the waiting list; Meeting and Seat are zero
	Ahead    int            // how many fresh waiters are before this one
	Most     tariff.Limit   // of Reserve and what follows it: the most people the limits let into the meeting
}

// Seen is what an engine lists of one meeting.
type Seen struct {
	Meeting id.Meeting
	People  []SeenPerson
}

// SeenPerson is somebody an engine lists. Person, Role and Service are asked for in case the seat is gone; a
// zero Person counts as somebody unknown to us.
type SeenPerson struct {
	Participant id.Participant
	Person      PersonKey
	Role        Role
	Service     bool // see JoinInput
}

// Observer hears what the gate decided, inside the deciding transaction: it writes through tx or does
// nothing, and an error of it undoes the decision. It must be quick. For one decision the order is the
// order of the events; a batch tells of several members.
type Observer interface {
	// MeetingStarted tells of a meeting that is live from now on.
	MeetingStarted(ctx context.Context, tx store.Tx, now instant.Instant, m fleet.Meeting) error
	// MeetingChanged tells that the deadline or the server is another one.
	MeetingChanged(ctx context.Context, tx store.Tx, now instant.Instant, m fleet.Meeting) error
	// MeetingEnded tells of the end; its seats were Released before with WhyEnded.
	MeetingEnded(ctx context.Context, tx store.Tx, now instant.Instant, m fleet.Meeting) error
	// Admitted tells of seats given, to who joined, and to who waited.
	Admitted(ctx context.Context, tx store.Tx, now instant.Instant, seats []Seat) error
	// Released tells of seats given back. With WhyReplaced the person holds the seat still, under
	// the participant Admitted tells of next.
	Released(ctx context.Context, tx store.Tx, now instant.Instant, seats []Seat, why Why) error
}

// Level is a figure with its limit.
type Level struct {
	Used  int
	Limit tariff.Limit
}

// SeatUsage is how full a member is.
type SeatUsage struct {
	Used  int // held and present, what admission decides with
	Limit tariff.Limit
	Held  int // of Used: on the way in, or cut off and awaited
	Peak  int // most in this hour, which usage learns when the hour is over
}

// Usage is what a member uses now.
type Usage struct {
	Seats        SeatUsage
	RunningRooms Level
	Waiting      int             // fresh waiters
	Meetings     []fleet.Meeting // open ones, oldest first; never nil
	Entitlement  tariff.Entitlement
}
