// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"meetcoop/internal/admission"
	"meetcoop/internal/engine"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// EnterInput is a page that wants in, for the first time or again.
type EnterInput struct {
	Meeting id.Meeting
	Who     Who
	From    netip.Addr // the page's address, for engine.loopback_only; the zero value is not judged
}

// Entered is what a page needs to take part.
type Entered struct {
	State State
	Entry engine.Entry
}

// Enter gives an admitted person the way to the media and the whole state. A page that was cut off calls it again and
// keeps its seat while that is held; whose seat ran out gets another one if one is free. NotFound (meeting.unknown,
// meeting.not_inside), Forbidden (room.removed), Conflict (meeting.ended_<why>, room.locked), LimitReached as Knock,
// Unavailable (engine.down, live.engine_starting, engine.loopback_only).
func (s *Service) Enter(ctx context.Context, in EnterInput) (Entered, error) {
	var m meeting
	var p participant
	var join admission.JoinInput
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		if m, p, err = s.inside(ctx, r, in.Meeting, in.Who); err != nil {
			return err
		}
		join, err = m.join(ctx, r, p.ID, p.Key, p.Role)
		return err
	})
	if err != nil {
		return Entered{}, err
	}
	if !p.State.seated() && m.DoorClosed && p.Role != Moderator {
		return Entered{}, fault.New(fault.Conflict, "room.locked")
	}
	got, err := s.deps.Gate.Join(ctx, join)
	if errors.Is(err, errOver) {
		err = s.why(ctx, in)
	}
	if err != nil {
		return Entered{}, err
	}
	if there, err := s.confirm(ctx, m.ID, got.Seat); err != nil {
		return Entered{}, err
	} else if !there {
		return Entered{}, s.why(ctx, in)
	}
	server, err := s.ready(ctx, m.ID, got.Meeting.Server)
	if err != nil {
		return Entered{}, err
	}
	var out Entered
	err = s.deps.DB.Read(ctx, func(r store.Reader) error {
		// Anew: while the engine was made ready somebody may have been removed, or the meeting ended.
		if m, p, err = s.inside(ctx, r, in.Meeting, in.Who); err != nil {
			return err
		}
		if !p.State.seated() {
			return errNotInside
		}
		out.State, err = s.state(ctx, r, m, p)
		return err
	})
	if err != nil {
		return Entered{}, err
	}
	out.Entry, err = s.deps.Enter(ctx, server, engine.JoinInput{
		Ref: engine.Ref{Meeting: m.ID, Server: server.ID}, Participant: p.ID, Role: engine.Role(p.Role), Grants: p.may(m.Locks).grants(), From: in.From,
	})
	return out, err
}

// errOver is the gate's answer for a meeting that has ended meanwhile; ours says why.
var errOver = fault.New(fault.Conflict, "meeting.ended")

// why says what came between somebody and the seat they were just given.
func (s *Service) why(ctx context.Context, in EnterInput) error {
	err := s.deps.DB.Read(ctx, func(r store.Reader) error {
		_, _, err := s.inside(ctx, r, in.Meeting, in.Who)
		return err
	})
	if err == nil {
		err = errNotInside
	}
	return err
}

// inside returns the running meeting and the caller's participant, seated or not. It joins r.
func (s *Service) inside(ctx context.Context, r store.Reader, id id.Meeting, who Who) (meeting, participant, error) {
	m, ok, err := meetingByID(ctx, r, id)
	switch {
	case err != nil:
		return m, participant{}, err
	case !ok:
		return m, participant{}, errUnknown
	}
	key, err := m.keyOf(ctx, r, who)
	if err != nil {
		return m, participant{}, err
	}
	p, ok, err := participantByKey(ctx, r, m.ID, key)
	switch {
	case err != nil:
		return m, p, err
	case !ok:
		return m, p, errNotInside
	case !m.EndedAt.IsZero():
		return m, p, m.endedFault()
	case p.State == Removed:
		return m, p, errRemoved
	}
	return m, p, nil
}

// The patience of somebody entering with an engine on another node that does not know the meeting yet.
const (
	readyWithin = 4 * time.Second
	readyLook   = 100 * time.Millisecond
)

// ready returns the meeting's server when people can connect to it.
func (s *Service) ready(ctx context.Context, m id.Meeting, on id.Server) (fleet.Server, error) {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for {
		var server fleet.Server
		var row meeting
		err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
			if server, err = fleet.ServerByID(ctx, r, on); err != nil {
				return err
			}
			row, _, err = meetingByID(ctx, r, m)
			return err
		})
		switch {
		case ctx.Err() != nil:
			return fleet.Server{}, fault.New(fault.Unavailable, "live.engine_starting")
		case err != nil:
			return fleet.Server{}, err
		case !row.EndedAt.IsZero():
			return fleet.Server{}, row.endedFault()
		}
		if e, local := s.engines[on]; local {
			// Always asked: the engine may have lost the meeting and not told yet.
			return server, s.create(ctx, e, engine.Ref{Meeting: m, Server: on})
		}
		switch {
		case row.Engine == engineReady && row.Server == on:
			return server, nil
		case row.Engine == engineDown:
			return fleet.Server{}, engine.ErrDown
		}
		select {
		case <-ctx.Done():
		case <-time.After(readyLook):
		}
	}
}

// Authorise returns nil when the participant may open a media connection now: the meeting runs, they hold a seat and
// were not removed. The proxy asks it for every socket. NotFound (meeting.unknown, meeting.not_inside), Forbidden
// (room.removed), Conflict (meeting.ended_<why>).
func (s *Service) Authorise(ctx context.Context, m id.Meeting, p id.Participant) error {
	return s.deps.DB.Read(ctx, func(r store.Reader) error {
		row, ok, err := meetingByID(ctx, r, m)
		switch {
		case err != nil:
			return err
		case !ok:
			return errUnknown
		case !row.EndedAt.IsZero():
			return row.endedFault()
		}
		who, ok, err := participantByID(ctx, r, m, p)
		switch {
		case err != nil:
			return err
		case ok && who.State == Removed:
			return errRemoved
		case !ok || !who.State.seated():
			return errNotInside
		}
		return nil
	})
}

// state is all that p may know of the meeting in the reader's snapshot.
func (s *Service) state(ctx context.Context, r store.Reader, m meeting, p participant) (State, error) {
	now := s.deps.Now()
	st := State{Now: now, N: m.Events, People: []Person{}, Waiting: []Waiting{}, Removed: []Out{}}
	about, err := m.about(ctx, r)
	if err != nil {
		return st, err
	}
	member, err := membership.Get(ctx, r, m.Member)
	if err != nil {
		return st, err
	}
	used, err := s.deps.Gate.UsageNow(ctx, r, m.Member, now)
	if err != nil {
		return st, err
	}
	most := used.Entitlement.Limits.Participants
	if i := slices.IndexFunc(used.Meetings, func(f fleet.Meeting) bool { return f.ID == m.ID }); i >= 0 {
		most = most.Min(used.Meetings[i].Cap)
	}
	st.Meeting = Meeting{
		ID: m.ID, Room: about.Room, Name: about.Name, Member: member.Name, StartedAt: m.StartedAt, DeadlineAt: orNone(m.DeadlineAt),
		Locks: m.Locks, Door: m.door(), Seats: seatsOf(used), Cap: number(most), MuteOnEntry: m.MuteOnEntry,
	}
	st.Me = Me{ID: p.ID, Name: p.Name, Role: p.Role, Hand: p.Hand, May: p.may(m.Locks)}
	all, err := participantsOf(ctx, r, m.ID)
	if err != nil {
		return st, err
	}
	for _, o := range all {
		switch {
		case o.State.seated():
			st.People = append(st.People, o.seen(m.Locks))
		case o.State == Removed && p.Role == Moderator:
			st.Removed = append(st.Removed, Out{ID: o.ID, Name: o.Name})
		}
	}
	if p.Role == Moderator {
		if st.Waiting, err = lobbyOf(ctx, r, m.Room); err != nil {
			return st, err
		}
	}
	st.Chat, err = chatFor(ctx, r, m.ID, p)
	return st, err
}

func seatsOf(u admission.Usage) Seats {
	return Seats{Used: u.Seats.Used, Limit: number(u.Seats.Limit), Held: u.Seats.Held}
}

// number is a limit as pages read it: nil is unlimited.
func number(l interface{ Int() (int, bool) }) *int {
	n, limited := l.Int()
	if !limited {
		return nil
	}
	return &n
}
