// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"context"
	"slices"
	"strings"

	"meetcoop/internal/admission"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
)

// Observer writes what admission decides about seats and meetings into the running meeting, in the deciding
// transaction. It needs nothing but that transaction, so it is made before the gate, and the service after it.
type Observer struct{}

var _ admission.Observer = Observer{}

// MeetingStarted opens the meeting's row. One without a room (an API client's) is live's once it is hosted here (Service.Host).
func (Observer) MeetingStarted(ctx context.Context, tx store.Tx, now instant.Instant, m fleet.Meeting) error {
	if m.Room == "" {
		return nil
	}
	room, err := rooms.ByID(ctx, tx, m.Room)
	if err != nil {
		return err
	}
	sc := &scene{tx: tx, now: now, room: true, m: meeting{
		ID: m.ID, Room: m.Room, Member: m.Member, Server: m.Server, Engine: engineCold, MuteOnEntry: room.Settings.MuteOnEntry,
		StartedAt: m.StartedAt, DeadlineAt: m.DeadlineAt, EmptySince: m.StartedAt,
	}}
	fresh, err := insertMeeting(ctx, tx, sc.m)
	if err != nil || !fresh {
		return err // told twice: the row is there
	}
	if err := rooms.Used(ctx, tx, now, m.Room); err != nil {
		return err
	}
	sc.touched = true // its due time
	sc.command(command{Verb: verbCreate})
	return sc.close(ctx)
}

// MeetingChanged follows another deadline or server.
func (Observer) MeetingChanged(ctx context.Context, tx store.Tx, now instant.Instant, m fleet.Meeting) error {
	sc, err := open(ctx, tx, now, m.ID)
	if err != nil || sc == nil || !sc.m.EndedAt.IsZero() {
		return err
	}
	if m.DeadlineAt != sc.m.DeadlineAt {
		sc.m.move(m.DeadlineAt, now)
		sc.tell(kindDeadline, ToAll, deadline{At: orNone(m.DeadlineAt)})
		sc.soon() // a warning may be due at once
	}
	if m.Server != sc.m.Server {
		sc.m.Server, sc.touched = m.Server, true
		sc.engineIs(engineDown) // until the new one knows the meeting; then the pages enter again
		sc.command(command{Verb: verbCreate})
	}
	return sc.close(ctx)
}

type deadline struct {
	At *instant.Instant `json:"at"`
}

func orNone(i instant.Instant) *instant.Instant {
	if i.IsZero() {
		return nil
	}
	return &i
}

// MeetingEnded closes the meeting: every page is told why, nobody enters, and who waited for a moderator or a seat waits for
// the next one to begin.
func (Observer) MeetingEnded(ctx context.Context, tx store.Tx, now instant.Instant, m fleet.Meeting) error {
	sc, err := open(ctx, tx, now, m.ID)
	if err != nil || sc == nil || !sc.m.EndedAt.IsZero() {
		return err
	}
	sc.m.EndedAt, sc.m.EndReason = now, m.EndReason
	sc.tell(kindEnded, ToAll, ended{Why: m.EndReason})
	sc.room = true
	if err := leaveAll(ctx, tx, m.ID); err != nil {
		return err
	}
	sendHome := waitersToStart
	if sc.m.Connection != "" { // another meeting will not have this one's place at the door
		sendHome = dropWaitersAt
	}
	if err := sendHome(ctx, tx, sc.m.Room); err != nil {
		return err
	}
	sc.command(command{Verb: verbEnd, Why: string(m.EndReason)})
	return sc.close(ctx)
}

// Admitted turns who stood at the door into participants; who held a seat before and comes back is shown again.
func (Observer) Admitted(ctx context.Context, tx store.Tx, now instant.Instant, seats []admission.Seat) error {
	return eachMeeting(ctx, tx, now, seats, func(sc *scene, seat admission.Seat) error {
		p, known, err := participantByKey(ctx, tx, sc.m.ID, seat.Person)
		if err != nil {
			return err
		}
		w, waited, err := waiterByKey(ctx, tx, sc.m.Room, seat.Person)
		if err != nil {
			return err
		}
		switch {
		case known && p.State == Removed:
			return nil // put out while the seat was on its way; whoever asked for it gives it back
		case known:
			if err := sc.comeBack(ctx, &p, seat, w); err != nil {
				return err
			}
		case waited:
			p = w.participant(sc.m, now)
			if p.ID, p.Role = seat.Participant, Role(seat.Role); seat.Present {
				p.State = Inside
			}
			if err := insertParticipant(ctx, tx, p); err != nil {
				return err
			}
			sc.show(p)
		default:
			return nil // left the door meanwhile; whoever asked for the seat gives it back
		}
		if waited {
			if err := dropWaiter(ctx, tx, w.ID); err != nil {
				return err
			}
			if w.Kind == waitingDoor {
				if err := sc.tellLobby(ctx); err != nil {
					return err
				}
			}
		}
		sc.seated()
		return nil
	})
}

// comeBack shows somebody again who has been here before. A seat under another participant means that two first
// entries of the same person crossed: the one that holds the seat counts.
func (sc *scene) comeBack(ctx context.Context, p *participant, seat admission.Seat, w waiter) error {
	if p.ID != seat.Participant {
		sc.tell(kindGone, ToAll, gone{ID: p.ID, Name: p.Name, Why: goneLeft})
		sc.command(command{Verb: verbRemove, Participants: []id.Participant{p.ID}})
		if err := renameParticipant(ctx, sc.tx, p.ID, seat.Participant); err != nil {
			return err
		}
		p.ID, p.State = seat.Participant, Left
	}
	if p.State.seated() {
		return nil
	}
	if w.Name != "" {
		p.Name = w.Name
	}
	p.State, p.Session, p.Hand = Connecting, "", 0
	if seat.Present {
		p.State = Inside
	}
	return sc.save(ctx, *p)
}

// seated notes that somebody has a seat.
func (sc *scene) seated() {
	sc.m.EmptySince, sc.touched, sc.room = instant.Instant{}, true, true
}

func (w waiter) participant(m meeting, now instant.Instant) participant {
	return participant{
		ID: w.ID, Meeting: m.ID, Key: w.Key, Person: w.Person, SentAs: w.SentAs, Name: w.Name, Role: w.Role, Owner: w.Owner, State: Connecting, JoinedAt: now,
	}
}

// gone tells that somebody is no longer inside.
type gone struct {
	ID   id.Participant `json:"id"`
	Name string         `json:"name"`
	Why  string         `json:"why"`
}

// Why somebody is gone, in the words of the pages.
const (
	goneLeft    = "left"
	goneRemoved = "removed"
	goneLost    = "lost"
)

// Released takes people off the list whose seats are free.
func (Observer) Released(ctx context.Context, tx store.Tx, now instant.Instant, seats []admission.Seat, why admission.Why) error {
	if why == admission.WhyReplaced || why == admission.WhyEnded {
		return nil // Admitted, and MeetingEnded, tell of it
	}
	return eachMeeting(ctx, tx, now, seats, func(sc *scene, seat admission.Seat) error {
		p, known, err := participantByKey(ctx, tx, sc.m.ID, seat.Person)
		if err != nil || !known || !p.State.seated() || p.ID != seat.Participant {
			return err
		}
		word := goneLost
		switch why {
		case admission.WhyLeft:
			word = goneLeft
		case admission.WhyRemoved:
			word = goneRemoved
		}
		p.State, p.Hand = Left, 0
		if err := writeParticipant(ctx, tx, p); err != nil {
			return err
		}
		sc.tell(kindGone, ToAll, gone{ID: p.ID, Name: p.Name, Why: word})
		sc.room = true
		return sc.emptied(ctx)
	})
}

// emptied begins the patience with an empty meeting when nobody has a seat any more.
func (sc *scene) emptied(ctx context.Context) error {
	n, err := countSeated(ctx, sc.tx, sc.m.ID)
	if err == nil && n == 0 && sc.m.EmptySince.IsZero() {
		sc.m.EmptySince, sc.touched = sc.now, true
	}
	return err
}

// eachMeeting opens one scene per meeting, in the order of their ids so that two gates never wait for each other, and
// calls fn for its seats in their order. Then all meetings of these members are asked to tell the new number of seats.
func eachMeeting(ctx context.Context, tx store.Tx, now instant.Instant, seats []admission.Seat, fn func(*scene, admission.Seat) error) error {
	sorted := slices.Clone(seats)
	slices.SortStableFunc(sorted, func(a, b admission.Seat) int { return strings.Compare(string(a.Meeting), string(b.Meeting)) })
	for len(sorted) > 0 {
		m := sorted[0].Meeting
		n := slices.IndexFunc(sorted, func(s admission.Seat) bool { return s.Meeting != m })
		if n < 0 {
			n = len(sorted)
		}
		sc, err := open(ctx, tx, now, m)
		if err != nil {
			return err
		}
		for _, seat := range sorted[:n] {
			if sc == nil || !sc.m.EndedAt.IsZero() {
				break
			}
			if err := fn(sc, seat); err != nil {
				return err
			}
		}
		if sc != nil && sc.m.EndedAt.IsZero() {
			if err := sc.close(ctx); err != nil {
				return err
			}
		}
		sorted = sorted[n:]
	}
	// One gate at a time decides for a member, so taking the rows of its meetings in any order is safe.
	var told []id.Member
	for _, seat := range seats {
		if slices.Contains(told, seat.Member) {
			continue
		}
		told = append(told, seat.Member)
		if err := askMember(ctx, tx, seat.Member, now); err != nil {
			return err
		}
	}
	return nil
}
