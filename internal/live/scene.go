// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/usage"
)

// scene is one change of one meeting: a transaction that holds the meeting's row, which guards the participants,
// events and chat of the meeting. What it tells and commands is written by close.
type scene struct {
	tx       store.Tx
	now      instant.Instant
	m        meeting
	events   []event
	commands []command
	room     bool // the room's doors and lists are to be told too
	touched  bool // the row is to be written
	local    bool // this node owns the engine
}

// event is one line of a meeting's log. Audience is all, moderators or one participant; Also is a participant who may
// read it beside the audience: the sender.
type event struct {
	N        int64
	Kind     string
	Audience string
	Also     id.Participant
	Data     json.RawMessage
}

// The kinds of event, as the pages know them.
const (
	kindState    = "state"
	kindPerson   = "person"
	kindGone     = "gone"
	kindChat     = "chat"
	kindReaction = "reaction"
	kindLocks    = "locks"
	kindSeats    = "seats"
	kindDeadline = "deadline"
	kindTime     = "time"
	kindLobby    = "lobby"
	kindMuted    = "muted"
	kindRemoved  = "removed"
	kindReplaced = "replaced"
	kindEnded    = "ended"
	kindEngine   = "engine"
)

// open locks the meeting's row and returns the scene, or nil when live does not know the meeting (an API client's on a
// BigBlueButton server). It joins tx.
func open(ctx context.Context, tx store.Tx, now instant.Instant, m id.Meeting) (*scene, error) {
	row, ok, err := lockMeeting(ctx, tx, m)
	if err != nil || !ok {
		return nil, err
	}
	return &scene{tx: tx, now: now, m: row}, nil
}

// tell appends an event for the audience.
func (sc *scene) tell(kind, audience string, data any) { sc.tellAlso(kind, audience, "", data) }

// tellAlso is tell with one participant who may read it beside the audience.
func (sc *scene) tellAlso(kind, audience string, also id.Participant, data any) {
	raw, err := json.Marshal(data)
	if err != nil {
		panic(fmt.Sprintf("live: event %s cannot be written: %v", kind, err)) // our own types: a mistake of the code
	}
	sc.m.Events++
	sc.events = append(sc.events, event{N: sc.m.Events, Kind: kind, Audience: audience, Also: also, Data: raw})
	sc.touched = true
}

// show tells everybody how a participant is now.
func (sc *scene) show(p participant) { sc.tell(kindPerson, ToAll, p.seen(sc.m.Locks)) }

func (sc *scene) command(c command) {
	c.Meeting = sc.m.ID
	sc.commands = append(sc.commands, c)
}

// close writes the row, the events, the commands and the change notes.
func (sc *scene) close(ctx context.Context) error {
	if sc.m.EndedAt.IsZero() {
		if due := sc.m.next(); due != sc.m.DueAt && !sc.dueNow() {
			sc.m.DueAt, sc.touched = due, true
		}
	} else {
		sc.m.DueAt = instant.Instant{}
	}
	if sc.touched {
		if err := writeMeeting(ctx, sc.tx, sc.m); err != nil {
			return err
		}
	}
	if len(sc.events) > 0 {
		if err := insertEvents(ctx, sc.tx, sc.m.ID, sc.now, sc.events); err != nil {
			return err
		}
		if err := store.Changed(ctx, sc.tx, sc.now, topicMeeting, string(sc.m.ID)); err != nil {
			return err
		}
	}
	if sc.room {
		if err := store.Changed(ctx, sc.tx, sc.now, topicRoom, string(sc.m.Room)); err != nil {
			return err
		}
	}
	return enqueueCommands(ctx, sc)
}

// dueNow reports whether the row asks the timers to look at once (seats or limits may have changed): that stays until
// they have.
func (sc *scene) dueNow() bool { return !sc.m.DueAt.IsZero() && !sc.m.DueAt.After(sc.now) }

// soon asks the timers to look at the meeting at their next round.
func (sc *scene) soon() { sc.m.DueAt, sc.touched = sc.now, true }

// ended is the fault for a meeting that is over; its code carries the reason.
func (m meeting) endedFault() error {
	return fault.New(fault.Conflict, "meeting.ended_"+string(m.EndReason))
}

// actor returns the caller's participant, or why they may not act: the meeting has ended, they were removed, or they
// hold no seat.
func (sc *scene) actor(ctx context.Context, key usage.PersonKey) (participant, error) {
	if !sc.m.EndedAt.IsZero() {
		return participant{}, sc.m.endedFault()
	}
	p, ok, err := participantByKey(ctx, sc.tx, sc.m.ID, key)
	switch {
	case err != nil:
		return participant{}, err
	case !ok:
		return participant{}, errNotInside
	case p.State == Removed:
		return participant{}, errRemoved
	case !p.State.seated():
		return participant{}, errNotInside
	}
	return p, nil
}

var (
	errUnknown   = fault.New(fault.NotFound, "meeting.unknown")
	errNotInside = fault.New(fault.NotFound, "meeting.not_inside")
	errRemoved   = fault.New(fault.Forbidden, "room.removed")
	errModerator = fault.New(fault.Forbidden, "live.moderators_only")
)

// act runs fn in a scene as the caller, and then does what it commanded where the engine is this node's.
func (s *Service) act(ctx context.Context, m id.Meeting, who Who, fn func(ctx context.Context, sc *scene, me participant) error) error {
	known := false
	err := s.scene(ctx, m, func(ctx context.Context, sc *scene) error {
		known = true
		key, err := sc.m.keyOf(ctx, sc.tx, who)
		if err != nil {
			return err
		}
		me, err := sc.actor(ctx, key)
		if err != nil {
			return err
		}
		return fn(ctx, sc, me)
	})
	if err == nil && !known {
		err = errUnknown
	}
	s.metrics.posted(err)
	return err
}

// moderate is act for verbs that only moderators have.
func (s *Service) moderate(ctx context.Context, m id.Meeting, who Who, fn func(ctx context.Context, sc *scene, me participant) error) error {
	return s.act(ctx, m, who, func(ctx context.Context, sc *scene, me participant) error {
		if me.Role != Moderator {
			return errModerator
		}
		return fn(ctx, sc, me)
	})
}

// target returns another participant of the meeting whose state is one of those wanted.
func (sc *scene) target(ctx context.Context, p id.Participant, states ...Presence) (participant, error) {
	t, ok, err := participantByID(ctx, sc.tx, sc.m.ID, p)
	if err != nil {
		return participant{}, err
	}
	if !ok || !slices.Contains(states, t.State) {
		return participant{}, fault.New(fault.NotFound, "live.person_unknown")
	}
	return t, nil
}

// save writes a participant and tells everybody.
func (sc *scene) save(ctx context.Context, p participant) error {
	if err := writeParticipant(ctx, sc.tx, p); err != nil {
		return err
	}
	sc.show(p)
	return nil
}
