// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"context"
	"errors"

	"meetcoop/internal/admission"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/store"
)

// maxDenial bounds what a moderator writes to somebody who is not let in, in characters.
const maxDenial = 200

// Admit lets somebody in who waits at the door: they get a seat, and their page goes on by itself. When none is free the
// moderator gets the limit's fault and the guest waits on. NotFound (live.person_unknown) when nobody waits under that
// id; admitting somebody who is inside already is no error, as two moderators may press at once.
func (s *Service) Admit(ctx context.Context, m id.Meeting, who Who, target id.Participant) error {
	var join admission.JoinInput
	inside := false
	err := s.moderate(ctx, m, who, func(ctx context.Context, sc *scene, me participant) error {
		inside = false
		if p, known, err := participantByID(ctx, sc.tx, m, target); err != nil || (known && p.State.seated()) {
			inside = known
			return err
		}
		w, ok, err := waiterByID(ctx, sc.tx, sc.m.Room, target)
		if err != nil {
			return err
		}
		if !ok || w.Kind != waitingDoor {
			return fault.New(fault.NotFound, "live.person_unknown")
		}
		join, err = sc.m.join(ctx, sc.tx, w.ID, w.Key, w.Role)
		return err
	})
	if err != nil || inside {
		return err
	}
	got, err := s.deps.Gate.Join(ctx, join)
	if errors.Is(err, errOver) {
		err = s.why(ctx, EnterInput{Meeting: m, Who: who})
	}
	if err != nil {
		return err
	}
	if there, err := s.confirm(ctx, m, got.Seat); err != nil || there {
		return err
	}
	return fault.New(fault.NotFound, "live.person_unknown")
}

// confirm reports whether the holder of a seat that was just given is really inside. Whoever left the door, or was put
// out, while the seat was on its way has it taken back: nobody would ever sit on it.
func (s *Service) confirm(ctx context.Context, m id.Meeting, seat admission.Seat) (bool, error) {
	var there bool
	err := s.deps.DB.Read(ctx, func(r store.Reader) error {
		p, known, err := participantByKey(ctx, r, m, seat.Person)
		there = known && p.State.seated() && p.ID == seat.Participant
		return err
	})
	if err != nil || there {
		return there, err
	}
	return false, s.deps.Gate.Release(ctx, m, seat.Participant, admission.WhyLeft)
}

// AdmitAll lets in whoever waits, first come first, until no seat is free: then the limit's fault, and the others wait
// on.
func (s *Service) AdmitAll(ctx context.Context, m id.Meeting, who Who) error {
	var list []Waiting
	err := s.moderate(ctx, m, who, func(ctx context.Context, sc *scene, me participant) (err error) {
		list, err = lobbyOf(ctx, sc.tx, sc.m.Room)
		return err
	})
	if err != nil {
		return err
	}
	for _, w := range list {
		err := s.Admit(ctx, m, who, w.ID)
		if err != nil && !errors.Is(err, fault.New(fault.NotFound, "live.person_unknown")) { // left the door meanwhile
			return err
		}
	}
	return nil
}

// Deny turns somebody away who waits at the door, with a few words or none. They may knock again.
func (s *Service) Deny(ctx context.Context, m id.Meeting, who Who, target id.Participant, text string) error {
	if text != "" {
		var err error
		if text, err = cleanText(text, maxDenial); err != nil {
			return err
		}
	}
	return s.moderate(ctx, m, who, func(ctx context.Context, sc *scene, me participant) error {
		w, ok, err := waiterByID(ctx, sc.tx, sc.m.Room, target)
		if err != nil {
			return err
		}
		if !ok || w.Kind != waitingDoor {
			return fault.New(fault.NotFound, "live.person_unknown")
		}
		if err := setWaiterKind(ctx, sc.tx, w.ID, waitingDenied, text); err != nil {
			return err
		}
		sc.room = true
		return sc.tellLobby(ctx)
	})
}
