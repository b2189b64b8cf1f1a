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
)

// Then runs inside the transaction of a change of a meeting, after the meeting was written: whoever owns more about it
// (conference) writes that there. It may run more than once, does no I/O but through tx, and its error undoes the change.
type Then func(ctx context.Context, tx store.Tx, now instant.Instant, a Admission) error

// ReserveInput asks for a meeting on a server that must be asked first, a BigBlueButton server. The meeting counts as a
// running room from then on, and takes no seat.
type ReserveInput struct {
	Member     id.Member
	Connection id.Connection // with ExternalID the meeting's key
	ExternalID string
	Meeting    id.Meeting    // a fresh id for it
	Cap        tariff.Limit  // most people in it; 0 and below mean no cap of its own
	Duration   time.Duration // most it may last; 0 is as long as the level allows
	Expected   int           // people thought to come, for the choice of a server; what the limits let in at most counts
	Kinds      []fleet.Kind  // where it can run
	Tags       []string      // what its server must carry beside the tags of the level; nil mostly
	Not        []id.Server   // servers that were tried already
	On         id.Server     // the only one that will do; none mostly
	Running    bool          // it runs on On, with people in it: no limit refuses it, and all of it counts from now on
}

// Validate returns all wrong fields as one Invalid fault.
func (in ReserveInput) Validate() error {
	var c fault.Check
	c.Field(in.Member != "", "member", "input.required")
	c.Field(in.Connection != "", "connection", "input.required")
	c.Field(in.ExternalID != "", "external_id", "input.required")
	c.Field(in.Meeting != "", "meeting", "input.required")
	c.Field(in.Duration >= 0, "duration", "input.choice")
	c.Field(in.Expected >= 0, "expected", "input.choice")
	c.Field(len(in.Kinds) > 0, "kinds", "input.required")
	c.Field(in.On != "" || !in.Running, "on", "input.required")
	return c.Err()
}

// Reserve makes a meeting in state Reserved, or answers with the open one that has the external id (Started is false then).
// Most is the most people the limits in force let into it. then runs only when it was made.
//
// Faults: as Join for a join that starts a meeting, without those about people; LimitReached admission.seats_full only
// where the level enforces at creation (gateway.md A11).
func (g *Gate) Reserve(ctx context.Context, in ReserveInput, then Then) (Admission, error) {
	if err := in.Validate(); err != nil {
		return Admission{}, err
	}
	return g.submit(ctx, &request{kind: kindReserve, member: in.Member, reserve: in, then: then})
}

// Confirm makes a reserved meeting live: its server has it. first says that it begins, and has not only moved. Conflict
// (meeting.ended) when it is no longer reserved.
func (g *Gate) Confirm(ctx context.Context, m id.Meeting, first bool, then Then) (Admission, error) {
	return g.forMeeting(ctx, m, &request{kind: kindConfirm, then: then, first: first})
}

// Elsewhere moves a reserved or detached meeting to another server, where it is reserved. Conflict (meeting.ended) when it
// is in another state by now; Unavailable (fleet.no_server) when there is no other server: nothing has changed then.
func (g *Gate) Elsewhere(ctx context.Context, m id.Meeting, kinds []fleet.Kind, not []id.Server, then Then) (Admission, error) {
	return g.forMeeting(ctx, m, &request{kind: kindElsewhere, reserve: ReserveInput{Kinds: kinds, Not: not}, then: then})
}

// Void gives a reserved meeting's room back: its server refused it, or none was reached. One in another state is no error.
func (g *Gate) Void(ctx context.Context, m id.Meeting, then Then) error {
	_, err := g.forMeeting(ctx, m, &request{kind: kindVoid, then: then})
	return err
}

// Detach notes that the server of a live meeting is dead, or that a reserved successor found none: people inside keep their
// seats for 180 s, and the next create or join moves it (Elsewhere). One in another state is no error.
func (g *Gate) Detach(ctx context.Context, m id.Meeting, then Then) error {
	_, err := g.forMeeting(ctx, m, &request{kind: kindDetach, then: then})
	return err
}

// Reattach makes a detached meeting live again: its server is back and has it. One in another state is no error.
func (g *Gate) Reattach(ctx context.Context, m id.Meeting, then Then) error {
	_, err := g.forMeeting(ctx, m, &request{kind: kindReattach, then: then})
	return err
}
