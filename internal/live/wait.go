// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"context"
	"io"
	"time"

	"meetcoop/internal/admission"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
	"meetcoop/internal/usage"
)

// waitingKind is for what somebody stands at the door.
type waitingKind string

const (
	waitingNone    waitingKind = ""        // the row is to be taken away
	waitingEntry   waitingKind = "entry"   // on the way through the gate, for a moment
	waitingStart   waitingKind = "start"   // for a meeting to run
	waitingDoor    waitingKind = "door"    // for a moderator
	waitingSeat    waitingKind = "seat"    // for a seat
	waitingRefused waitingKind = "refused" // no longer: all full; may still choose to wait
	waitingDenied  waitingKind = "denied"  // no longer: a moderator declined
)

// waiter is the row live_waiting: somebody at the door of a room. Its id becomes the participant's.
type waiter struct {
	ID        id.Participant
	Room      id.Room
	Key       usage.PersonKey
	Person    id.Person
	SentAs    string // an API client's id of the person; none in rooms
	Name      string
	Role      Role
	Owner     bool
	Kind      waitingKind
	CodeGiven bool
	Told      string // a moderator's words, when denied
	Since     instant.Instant
	SeenAt    instant.Instant
}

// How long somebody may be silent at the door. A waiting page speaks every seenEvery, one without scripts at each
// refresh.
const (
	seenEvery  = 10 * time.Second
	silentAt   = 45 * time.Second
	keepAtDoor = 10 * time.Minute // who was refused or denied: as long as the page may be open
)

// stand puts the person at the door, or changes for what they stand there. Moderators are told of who waits for them.
func (s *Service) stand(ctx context.Context, now instant.Instant, at *place, kind waitingKind) error {
	fresh := waiter{
		ID: id.NewParticipant(), Room: at.room.ID, Key: at.key, Person: at.person.ID, Name: at.name, Role: at.role,
		Owner: at.person.ID != "" && at.person.ID == at.room.Owner, Kind: kind, CodeGiven: true, Since: now, SeenAt: now,
	}
	return s.deps.DB.Gate(ctx, func(tx store.Tx) error {
		sc, err := openRoom(ctx, tx, now, at.room.ID)
		if err != nil {
			return err
		}
		before, there, err := waiterByKey(ctx, tx, at.room.ID, at.key)
		if err != nil {
			return err
		}
		w := fresh
		if at.known.ID != "" { // keeps the id of before, by which the engine and the others know them
			w.ID = at.known.ID
			if there && before.ID != w.ID {
				if err := dropWaiter(ctx, tx, before.ID); err != nil {
					return err
				}
			}
		}
		if there && before.Kind == kind {
			w.Since = before.Since
		}
		if w.ID, err = putWaiter(ctx, tx, w); err != nil {
			return err
		}
		at.waiting = w
		if sc != nil && (kind == waitingDoor || before.Kind == waitingDoor) {
			if err := sc.tellLobby(ctx); err != nil {
				return err
			}
			return sc.close(ctx)
		}
		return nil
	})
}

// rekind changes for what somebody stands at the door, if they still do.
func (s *Service) rekind(ctx context.Context, w id.Participant, kind waitingKind) error {
	return s.deps.DB.Gate(ctx, func(tx store.Tx) error {
		if kind == waitingNone {
			return dropWaiter(ctx, tx, w)
		}
		return setWaiterKind(ctx, tx, w, kind, "")
	})
}

// openRoom locks the meeting that runs in a room; nil when none does.
func openRoom(ctx context.Context, tx store.Tx, now instant.Instant, room id.Room) (*scene, error) {
	m, ok, err := runningIn(ctx, tx, room)
	if err != nil || !ok {
		return nil, err
	}
	sc, err := open(ctx, tx, now, m)
	if err != nil || sc == nil || !sc.m.EndedAt.IsZero() {
		return nil, err
	}
	return sc, nil
}

// tellLobby tells moderators who waits for them.
func (sc *scene) tellLobby(ctx context.Context) error {
	list, err := lobbyOf(ctx, sc.tx, sc.m.Room)
	if err != nil {
		return err
	}
	sc.tell(kindLobby, ToModerators, lobby{Waiting: list})
	return nil
}

type lobby struct {
	Waiting []Waiting `json:"waiting"`
}

// Place is where those stand who wait to be let into a client's meeting. Of a room's meeting it is nowhere: its room is.
func Place(m id.Meeting) id.Room { return id.Room(m) }

// Wait says where somebody who stands at the door is now, and does what has become possible: who waits for the meeting
// to begin goes through the checks again once it runs. It counts as a sign of life. NotFound (live.not_waiting) when
// they do not stand there (any more), Forbidden (room.denied with Text) when a moderator declined, and the faults of
// Knock.
func (s *Service) Wait(ctx context.Context, room id.Room, who Who) (Entry, error) {
	now := s.deps.Now()
	var w waiter
	var inside participant
	var running id.Meeting
	err := s.deps.DB.Read(ctx, func(r store.Reader) error {
		key := who.Sent
		if key.IsZero() {
			at, err := s.deps.Rooms.Get(ctx, r, room, now)
			if err != nil {
				return err
			}
			if key, err = keyIn(ctx, r, at.Member, who); err != nil {
				return err
			}
		}
		var err error
		if w, _, err = waiterByKey(ctx, r, room, key); err != nil {
			return err
		}
		var open bool
		if running, open, err = runningIn(ctx, r, room); err != nil || !open {
			return err
		}
		inside, _, err = participantByKey(ctx, r, running, key)
		return err
	})
	switch {
	case err != nil:
		return Entry{}, err
	case inside.State.seated():
		return Entry{State: Admitted, Meeting: running, Participant: inside.ID}, nil
	case w.ID == "":
		return Entry{}, fault.New(fault.NotFound, "live.not_waiting")
	case !who.Sent.IsZero() && w.Kind != waitingDoor && w.Kind != waitingDenied:
		return Entry{}, fault.New(fault.NotFound, "live.not_waiting") // nobody knocks by themselves at a client's meeting
	}
	switch w.Kind {
	case waitingDenied:
		if w.Told == "" {
			return Entry{}, fault.New(fault.Forbidden, "room.denied")
		}
		return Entry{}, fault.New(fault.Forbidden, "room.denied_text", fault.Params{"Text": w.Told})
	case waitingStart:
		if running == "" {
			return Entry{State: NotStarted, Fault: fault.New(fault.Conflict, "room.not_started")}, s.seen(ctx, w.ID, now)
		}
	case waitingDoor:
		return Entry{State: AtDoor, Fault: fault.New(fault.Conflict, "room.waiting")}, s.seen(ctx, w.ID, now)
	case waitingSeat:
		got, err := s.deps.Gate.KeepWaiting(ctx, w.ID)
		if err == nil && got.Waiting {
			return waitingForSeat(got.Ahead), s.seen(ctx, w.ID, now)
		}
		if err != nil && !isGone(err) {
			return Entry{}, err
		}
		return s.knock(ctx, KnockInput{Room: room, Who: who, Wait: true}) // let in just now, or the place was lost
	}
	return s.knock(ctx, KnockInput{Room: room, Who: who})
}

// seen notes a sign of life of somebody at the door, at most every few seconds.
func (s *Service) seen(ctx context.Context, w id.Participant, now instant.Instant) error {
	return s.deps.DB.Gate(ctx, func(tx store.Tx) error { return markSeen(ctx, tx, w, now, now.Add(-seenEvery/2)) })
}

// StopWaiting takes the person away from the door. Not standing there is no error.
func (s *Service) StopWaiting(ctx context.Context, room id.Room, who Who) error {
	now := s.deps.Now()
	var w waiter
	var running id.Meeting
	err := s.deps.DB.Gate(ctx, func(tx store.Tx) error {
		running = ""
		key := who.Sent
		if key.IsZero() {
			at, err := rooms.ByID(ctx, tx, room)
			if err != nil {
				return err
			}
			if key, err = keyIn(ctx, tx, at.Member, who); err != nil {
				return err
			}
		}
		sc, err := openRoom(ctx, tx, now, room)
		if err != nil {
			return err
		}
		var there bool
		if w, there, err = waiterByKey(ctx, tx, room, key); err != nil || !there {
			return err
		}
		if err := dropWaiter(ctx, tx, w.ID); err != nil || sc == nil {
			return err
		}
		running = sc.m.ID
		if w.Kind != waitingDoor {
			return nil
		}
		if err := sc.tellLobby(ctx); err != nil {
			return err
		}
		return sc.close(ctx)
	})
	if err != nil || w.ID == "" {
		return err
	}
	if err := s.deps.Gate.StopWaiting(ctx, w.ID); err != nil || running == "" {
		return err
	}
	// A seat may have been given between the two: nobody would ever sit on it.
	return s.deps.Gate.Release(ctx, running, w.ID, admission.WhyLeft)
}

// keyIn returns the person's key on the portal connection of a member. Invalid (live.no_cookie) for a browser that
// shows neither session nor cookie.
func keyIn(ctx context.Context, r store.Reader, member id.Member, who Who) (usage.PersonKey, error) {
	c, err := membership.PortalConnection(ctx, r, member)
	if err != nil {
		return usage.PersonKey{}, err
	}
	key := who.key(c)
	if key.IsZero() {
		return key, fault.New(fault.Invalid, "live.no_cookie")
	}
	return key, nil
}

// WaitEvent is one event on a waiting page.
type WaitEvent struct {
	Kind    string // ahead, started, admitted or denied
	Ahead   int
	Meeting id.Meeting
	Fault   error // of denied: why
}

// The kinds of event on a waiting page.
const (
	WaitAhead    = "ahead"    // Ahead people are before them
	WaitStarted  = "started"  // the meeting runs; a moderator still has to let them in
	WaitAdmitted = "admitted" // on to Meeting; nothing follows
	WaitDenied   = "denied"   // not let in: Fault; nothing follows
)

// WaitStream is the events of one waiting page. It is not safe for concurrent use. Close it.
type WaitStream struct {
	s     *Service
	bell  <-chan struct{}
	close func()
	room  id.Room
	who   Who
	state EntryState
	ahead int
	begun bool
	over  bool
}

// OpenWait begins the events of a waiting page.
func (s *Service) OpenWait(room id.Room, who Who) *WaitStream {
	ws := &WaitStream{s: s, room: room, who: who}
	ws.bell, ws.close = s.doors.listen(room)
	return ws
}

// Close ends the stream. The person waits on: StopWaiting ends that.
func (ws *WaitStream) Close() { ws.close() }

// Next waits for news and returns it; every few seconds it gives a sign of life for the person. It returns io.EOF after
// the last event, and when the service stops.
func (ws *WaitStream) Next(ctx context.Context) (WaitEvent, error) {
	for {
		if ws.over {
			return WaitEvent{}, io.EOF
		}
		entry, err := ws.s.Wait(ctx, ws.room, ws.who)
		if ctx.Err() != nil {
			return WaitEvent{}, ctx.Err()
		}
		if err != nil {
			if fault.KindOf(err) == fault.Unavailable || fault.KindOf(err) == fault.Internal {
				return WaitEvent{}, err // trouble is no refusal: the page tries again
			}
			ws.over = true
			return WaitEvent{Kind: WaitDenied, Fault: err}, nil
		}
		before, begun := ws.state, ws.begun
		ws.state, ws.begun = entry.State, true
		switch {
		case entry.State == Admitted:
			ws.over = true
			return WaitEvent{Kind: WaitAdmitted, Meeting: entry.Meeting}, nil
		case entry.State == ForSeat && (!begun || before != ForSeat || entry.Ahead != ws.ahead):
			ws.ahead = entry.Ahead
			return WaitEvent{Kind: WaitAhead, Ahead: entry.Ahead}, nil
		case begun && before == NotStarted && entry.State == AtDoor:
			return WaitEvent{Kind: WaitStarted}, nil
		}
		select {
		case <-ctx.Done():
			return WaitEvent{}, ctx.Err()
		case <-ws.s.doors.stopped:
			return WaitEvent{}, io.EOF
		case <-ws.bell:
		case <-time.After(seenEvery):
		}
	}
}

// clearDoors takes away who has been silent at a door for too long, and tells the moderators.
func (s *Service) clearDoors(ctx context.Context, now instant.Instant) error {
	var gone []waiter
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		gone, err = silentWaiters(ctx, r, now.Add(-silentAt), now.Add(-keepAtDoor))
		return err
	})
	if err != nil {
		return err
	}
	for _, w := range gone {
		err := s.deps.DB.Gate(ctx, func(tx store.Tx) error {
			sc, err := openRoom(ctx, tx, now, w.Room)
			if err != nil {
				return err
			}
			dropped, err := dropSilentWaiter(ctx, tx, w.ID, w.SeenAt)
			if err != nil || !dropped || sc == nil || w.Kind != waitingDoor {
				return err
			}
			if err := sc.tellLobby(ctx); err != nil {
				return err
			}
			return sc.close(ctx)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
