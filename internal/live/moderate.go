// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"context"

	"meetcoop/internal/admission"
	"meetcoop/internal/engine"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/store"
)

// All verbs in this file answer Forbidden (live.moderators_only) to viewers, and the faults of a caller who is not
// inside: NotFound (meeting.unknown, meeting.not_inside), Forbidden (room.removed), Conflict (meeting.ended_<why>). A
// person who is not there is NotFound (live.person_unknown).

// LockInput changes some locks; nil leaves one as it is.
type LockInput struct {
	Chat, Mic, Camera, Screen, Names *bool
}

// Lock says what only moderators may do from now on. What is locked stops at once, except for whom it is allowed.
func (s *Service) Lock(ctx context.Context, m id.Meeting, who Who, in LockInput) error {
	return s.moderate(ctx, m, who, func(ctx context.Context, sc *scene, me participant) error {
		before := sc.m.Locks
		set := func(to *bool, from *bool) {
			if from != nil {
				*to = *from
			}
		}
		l := &sc.m.Locks
		set(&l.Chat, in.Chat)
		set(&l.Mic, in.Mic)
		set(&l.Camera, in.Camera)
		set(&l.Screen, in.Screen)
		set(&l.Names, in.Names)
		if *l == before {
			return nil
		}
		sc.tellLocks()
		return sc.regrant(ctx, before)
	})
}

// Door closes the door for whoever is not inside and no moderator, or opens it.
func (s *Service) Door(ctx context.Context, m id.Meeting, who Who, closed bool) error {
	return s.moderate(ctx, m, who, func(ctx context.Context, sc *scene, me participant) error {
		if sc.m.DoorClosed == closed {
			return nil
		}
		sc.m.DoorClosed, sc.room = closed, true
		sc.tellLocks()
		return nil
	})
}

type locksEvent struct {
	Locks
	Door Door `json:"door"`
}

func (sc *scene) tellLocks() { sc.tell(kindLocks, ToAll, locksEvent{sc.m.Locks, sc.m.door()}) }

// regrant shows everybody whose rights differ from those under the locks before, and has the engine follow.
func (sc *scene) regrant(ctx context.Context, before Locks) error {
	all, err := participantsOf(ctx, sc.tx, sc.m.ID)
	if err != nil {
		return err
	}
	var changed []id.Participant
	for _, p := range all {
		if !p.State.seated() || p.may(before) == p.may(sc.m.Locks) {
			continue
		}
		sc.show(p)
		if p.may(before).grants() != p.may(sc.m.Locks).grants() {
			changed = append(changed, p.ID)
		}
	}
	if len(changed) > 0 {
		sc.command(command{Verb: verbAllow, Participants: changed})
	}
	return nil
}

// muted tells somebody that a moderator has switched something of theirs off.
type muted struct {
	By    string `json:"by"` // the moderator's name
	Media Media  `json:"media"`
}

// Mute switches something of somebody off; they may switch it on again. Invalid (input.choice) for unknown media.
func (s *Service) Mute(ctx context.Context, m id.Meeting, who Who, target id.Participant, media Media) error {
	k, ok := media.engine()
	var c fault.Check
	c.Field(ok, "media", "input.choice")
	if err := c.Err(); err != nil {
		return err
	}
	return s.moderate(ctx, m, who, func(ctx context.Context, sc *scene, me participant) error {
		t, err := sc.target(ctx, target, Connecting, Inside, Away)
		if err != nil {
			return err
		}
		sc.tell(kindMuted, string(t.ID), muted{By: me.Name, Media: media})
		sc.command(command{Verb: verbMute, Participants: []id.Participant{t.ID}, Media: k})
		return nil
	})
}

// MuteAll switches the microphones of all viewers off.
func (s *Service) MuteAll(ctx context.Context, m id.Meeting, who Who) error {
	return s.moderate(ctx, m, who, func(ctx context.Context, sc *scene, me participant) error {
		all, err := participantsOf(ctx, sc.tx, sc.m.ID)
		if err != nil {
			return err
		}
		var ids []id.Participant
		for _, p := range all {
			if p.State.seated() && p.Role == Viewer {
				sc.tell(kindMuted, string(p.ID), muted{By: me.Name, Media: Mic})
				ids = append(ids, p.ID)
			}
		}
		if len(ids) > 0 {
			sc.command(command{Verb: verbMute, Participants: ids, Media: engine.MediaMicrophone})
		}
		return nil
	})
}

// Remove puts somebody out. They stay out of this meeting, by any token they hold, until lifted. Forbidden (live.owner)
// for the owner of the room and for oneself. Removing twice is no error.
func (s *Service) Remove(ctx context.Context, m id.Meeting, who Who, target id.Participant) error {
	err := s.moderate(ctx, m, who, func(ctx context.Context, sc *scene, me participant) error {
		t, err := sc.target(ctx, target, Connecting, Inside, Away, Left, Removed)
		switch {
		case err != nil:
			return err
		case t.State == Removed:
			return nil
		case t.Owner || t.ID == me.ID:
			return fault.New(fault.Forbidden, "live.owner")
		}
		wasSeated := t.State.seated()
		t.State, t.Hand = Removed, 0
		if err := writeParticipant(ctx, sc.tx, t); err != nil {
			return err
		}
		sc.tell(kindRemoved, string(t.ID), struct{}{})
		if wasSeated {
			sc.tell(kindGone, ToAll, gone{ID: t.ID, Name: t.Name, Why: goneRemoved})
		}
		sc.room = true
		sc.command(command{Verb: verbRemove, Participants: []id.Participant{t.ID}})
		if err := sc.emptied(ctx); err != nil {
			return err
		}
		return sc.audit(ctx, who, "meeting.remove", string(t.ID), nil)
	})
	if err != nil {
		return err
	}
	return s.deps.Gate.Release(ctx, m, target, admission.WhyRemoved)
}

// Lift lets somebody who was removed come back; they enter through the room's link again. Somebody who was not removed
// is no error.
func (s *Service) Lift(ctx context.Context, m id.Meeting, who Who, target id.Participant) error {
	return s.moderate(ctx, m, who, func(ctx context.Context, sc *scene, me participant) error {
		t, err := sc.target(ctx, target, Connecting, Inside, Away, Left, Removed)
		if err != nil || t.State != Removed {
			return err
		}
		t.State = Left
		if err := writeParticipant(ctx, sc.tx, t); err != nil {
			return err
		}
		sc.tell(kindLifted, ToModerators, Out{ID: t.ID, Name: t.Name})
		return sc.audit(ctx, who, "meeting.lift", string(t.ID), nil)
	})
}

// SetRole makes somebody moderator of this meeting, or viewer. Forbidden (live.owner) for the owner of the room.
func (s *Service) SetRole(ctx context.Context, m id.Meeting, who Who, target id.Participant, role Role) error {
	var c fault.Check
	c.Field(role == Moderator || role == Viewer, "role", "input.choice")
	if err := c.Err(); err != nil {
		return err
	}
	return s.moderate(ctx, m, who, func(ctx context.Context, sc *scene, me participant) error {
		t, err := sc.target(ctx, target, Connecting, Inside, Away)
		switch {
		case err != nil:
			return err
		case t.Role == role:
			return nil
		case t.Owner:
			return fault.New(fault.Forbidden, "live.owner")
		}
		before := t.may(sc.m.Locks).grants()
		t.Role = role
		if err := sc.save(ctx, t); err != nil {
			return err
		}
		if role == Moderator { // who waits was not told to them so far
			list, err := lobbyOf(ctx, sc.tx, sc.m.Room)
			if err != nil {
				return err
			}
			sc.tell(kindLobby, string(t.ID), lobby{Waiting: list})
		}
		if before != t.may(sc.m.Locks).grants() {
			sc.command(command{Verb: verbAllow, Participants: []id.Participant{t.ID}})
		}
		return sc.audit(ctx, who, "meeting.role", string(t.ID), map[string]string{"role": string(role)})
	})
}

// AllowInput says what one viewer may do whatever the locks say; nil leaves it as it is.
type AllowInput struct {
	Mic, Camera, Screen, Chat *bool
}

// Allow lets one viewer do something despite a lock, or takes it from them though nothing is locked; what is taken stops
// at once. Moderators may everything anyway.
func (s *Service) Allow(ctx context.Context, m id.Meeting, who Who, target id.Participant, in AllowInput) error {
	return s.moderate(ctx, m, who, func(ctx context.Context, sc *scene, me participant) error {
		t, err := sc.target(ctx, target, Connecting, Inside, Away)
		if err != nil {
			return err
		}
		before := t
		set := func(to *allowance, from *bool) {
			switch {
			case from == nil:
			case *from:
				*to = yes
			default:
				*to = no
			}
		}
		set(&t.Allowed.Mic, in.Mic)
		set(&t.Allowed.Camera, in.Camera)
		set(&t.Allowed.Screen, in.Screen)
		set(&t.Allowed.Chat, in.Chat)
		if t.Allowed == before.Allowed {
			return nil
		}
		if before.may(sc.m.Locks).grants() != t.may(sc.m.Locks).grants() {
			sc.command(command{Verb: verbAllow, Participants: []id.Participant{t.ID}})
		}
		return sc.save(ctx, t)
	})
}

// LowerHand lowers somebody's hand. One that is down is no error.
func (s *Service) LowerHand(ctx context.Context, m id.Meeting, who Who, target id.Participant) error {
	return s.moderate(ctx, m, who, func(ctx context.Context, sc *scene, me participant) error {
		t, err := sc.target(ctx, target, Connecting, Inside, Away)
		if err != nil || t.Hand == 0 {
			return err
		}
		t.Hand = 0
		return sc.save(ctx, t)
	})
}

// End ends the meeting for all.
func (s *Service) End(ctx context.Context, m id.Meeting, who Who) error {
	err := s.moderate(ctx, m, who, func(ctx context.Context, sc *scene, me participant) error {
		return sc.audit(ctx, who, "meeting.end", string(m), nil)
	})
	if err != nil {
		return err
	}
	return s.end(ctx, m, fleet.EndHost)
}

// EndByOperator ends a meeting for the platform: the command line, or the program itself. Forbidden
// (identity.operator_only) for everybody else.
func (s *Service) EndByOperator(ctx context.Context, actor identity.Actor, m id.Meeting) error {
	if err := actor.Runs(); err != nil {
		return err
	}
	return s.end(ctx, m, fleet.EndPlatform)
}

// end ends the meeting at the gate, whose observer closes it here, and then in an engine of this node at once.
func (s *Service) end(ctx context.Context, m id.Meeting, why fleet.EndReason) error {
	if err := s.deps.Gate.End(ctx, m, why); err != nil {
		return err
	}
	var row meeting
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		row, _, err = meetingByID(ctx, r, m)
		return err
	})
	if err == nil && !row.EndedAt.IsZero() {
		s.run(ctx, []command{{Verb: verbEnd, Meeting: m, Server: row.Server, Why: string(row.EndReason)}})
	}
	return err
}

// kindLifted tells moderators that somebody may come back.
const kindLifted = "lifted"

func (sc *scene) audit(ctx context.Context, who Who, action, object string, detail map[string]string) error {
	actor := who.Actor
	if actor.Kind == "" {
		actor = identity.Anonymous() // a guest whom a moderator made moderator
	}
	if detail == nil {
		detail = map[string]string{}
	}
	detail["meeting"] = string(sc.m.ID)
	return identity.Audit(ctx, sc.tx, sc.now, identity.Event{Actor: actor, Action: action, Object: object, Member: sc.m.Member, Detail: detail})
}
