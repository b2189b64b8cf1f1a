// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"context"
	"errors"
	"time"

	"meetcoop/internal/admission"
	"meetcoop/internal/engine"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

const (
	compareEvery = 10 * time.Second // engine.md E1: how long a lost event may keep a seat
	followAgain  = time.Second      // pause after an engine's events broke off
)

// follow folds the events of one engine of this node. It begins by making its meetings anew: a node that was restarted
// finds its engine empty.
func (s *Service) follow(ctx context.Context, server id.Server, e engine.Engine) {
	s.revive(ctx, server, e)
	for ctx.Err() == nil {
		err := e.Events(ctx, func(ev engine.Event) error { return s.fold(ctx, server, e, ev) })
		if err != nil && ctx.Err() == nil {
			s.deps.Log.Warn("engine's events broke off", "server", server, "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(followAgain):
		}
	}
}

// fold applies one event. Events come at least once and in any order, so it looks at what is, not at what was told
// before. What it returns an error for is given again.
func (s *Service) fold(ctx context.Context, server id.Server, e engine.Engine, ev engine.Event) error {
	switch ev.Kind {
	case engine.EventDown:
		return s.eachMeetingOn(ctx, server, func(m meeting) error {
			return s.scene(ctx, m.ID, func(ctx context.Context, sc *scene) error {
				if sc.m.EndedAt.IsZero() && sc.m.Server == server {
					sc.engineIs(engineDown)
				}
				return nil
			})
		})
	case engine.EventBack:
		s.revive(ctx, server, e)
	case engine.EventEntered:
		return s.entered(ctx, server, e, ev)
	case engine.EventLeft, engine.EventLost:
		if ev.Why == engine.LeftEnded || ev.Why == engine.LeftRemoved {
			return nil // our own doing
		}
		return s.away(ctx, ev.Meeting, ev.Participant, ev.Session, instant.Instant{})
	case engine.EventEnded:
		// Ended by us, or forgotten by the engine because it stood empty: then it must be there for who comes next.
		return ignoreDown(s.create(ctx, e, engine.Ref{Meeting: ev.Meeting, Server: server}))
	}
	return nil
}

// ignoreDown drops an error that the engine's return, or the meeting's end, will settle.
func ignoreDown(err error) error {
	if errors.Is(err, engine.ErrDown) || errors.Is(err, engine.ErrBroken) || errors.Is(err, engine.ErrEnded) {
		return nil
	}
	return err
}

// revive makes the open meetings of an engine anew and tells their pages to connect again.
func (s *Service) revive(ctx context.Context, server id.Server, e engine.Engine) {
	err := s.eachMeetingOn(ctx, server, func(m meeting) error {
		return ignoreDown(s.create(ctx, e, engine.Ref{Meeting: m.ID, Server: server}))
	})
	if err != nil && ctx.Err() == nil {
		s.deps.Log.Warn("meetings were not all made anew", "server", server, "err", err)
	}
}

func (s *Service) eachMeetingOn(ctx context.Context, server id.Server, fn func(meeting) error) error {
	var rows []meeting
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		rows, err = meetingsOn(ctx, r, server)
		return err
	})
	if err != nil {
		return err
	}
	var all []error
	for _, m := range rows {
		all = append(all, fn(m))
	}
	return errors.Join(all...)
}

// entered notes that somebody's media is connected. Whoever holds no seat is put out: strangers, who was removed, and
// who comes after the end.
func (s *Service) entered(ctx context.Context, server id.Server, e engine.Engine, ev engine.Event) error {
	ref := engine.Ref{Meeting: ev.Meeting, Server: server}
	welcome := false
	err := s.scene(ctx, ev.Meeting, func(ctx context.Context, sc *scene) error {
		welcome = false
		p, known, err := participantByID(ctx, sc.tx, ev.Meeting, ev.Participant)
		if err != nil || !known || !p.State.seated() || !sc.m.EndedAt.IsZero() || sc.m.Server != server {
			return err
		}
		welcome = true
		return sc.connected(ctx, p, ev.Session)
	})
	if err != nil {
		return err
	}
	if welcome {
		err = s.deps.Gate.Present(ctx, ev.Meeting, ev.Participant)
		if !isGone(err) {
			return err
		}
	}
	return ignoreDown(e.Remove(ctx, ref, ev.Participant))
}

// connected shows somebody as inside.
func (sc *scene) connected(ctx context.Context, p participant, session string) error {
	if p.State == Inside && p.Session == session {
		return nil
	}
	was := p.State
	p.State, p.Session, p.SeenAt = Inside, session, sc.now
	sc.m.Visited, sc.m.EmptySince, sc.touched = true, instant.Instant{}, true
	if was == Inside {
		return writeParticipant(ctx, sc.tx, p) // a reload: nothing the others would see
	}
	sc.room = true
	return sc.save(ctx, p)
}

// away notes that somebody was cut off. The end of an older session than the latest says nothing; a list says something
// only about who was there before it was begun (listBegan; none for an event).
func (s *Service) away(ctx context.Context, m id.Meeting, who id.Participant, session string, listBegan instant.Instant) error {
	gone := false
	err := s.scene(ctx, m, func(ctx context.Context, sc *scene) error {
		gone = false
		p, known, err := participantByID(ctx, sc.tx, m, who)
		switch {
		case err != nil || !known || p.State != Inside || !sc.m.EndedAt.IsZero():
			return err
		case session != "" && session != p.Session:
			return nil
		case !listBegan.IsZero() && !p.SeenAt.Before(listBegan):
			return nil
		}
		gone = true
		p.State = Away
		return sc.save(ctx, p)
	})
	if err != nil || !gone {
		return err
	}
	return s.deps.Gate.Away(ctx, m, who)
}

// compare holds the meetings of one engine against what it lists, every few seconds.
func (s *Service) compare(ctx context.Context, server id.Server, e engine.Engine) {
	tick := time.NewTicker(compareEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.Reconcile(ctx, server, e); err != nil && ctx.Err() == nil {
			s.deps.Log.Warn("engine could not be compared", "server", server, "err", err)
		}
	}
}

// Reconcile repairs what lost events have left: it asks the engine what truly runs, puts strangers out, ends what has
// ended for us, notes who is there and who is not, and tells admission. A list that fails leads to no conclusion.
func (s *Service) Reconcile(ctx context.Context, server id.Server, e engine.Engine) error {
	began := s.deps.Now()
	list, err := e.List(ctx)
	if err != nil {
		return ignoreDown(err)
	}
	running := map[id.Meeting]engine.Running{}
	for _, m := range list {
		running[m.Meeting] = m
	}
	var seen []admission.Seen
	err = s.eachMeetingOn(ctx, server, func(m meeting) error {
		here := running[m.ID]
		delete(running, m.ID)
		people, err := s.reconcileMeeting(ctx, e, m, here, began)
		if err == nil {
			seen = append(seen, admission.Seen{Meeting: m.ID, People: people})
		}
		return err
	})
	for m := range running {
		err = errors.Join(err, s.endStray(ctx, server, e, m))
	}
	if err != nil {
		return err // admission may only be given a complete list
	}
	return s.deps.Gate.Reconcile(ctx, server, seen, began)
}

// endStray ends what runs in the engine though it does not run on it for us. A meeting that began after the first look
// is none.
func (s *Service) endStray(ctx context.Context, server id.Server, e engine.Engine, m id.Meeting) error {
	var row meeting
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		row, _, err = meetingByID(ctx, r, m)
		return err
	})
	switch {
	case err != nil:
		return err
	case row.ID == "":
		return nil // not one of ours: an external engine may serve other programs
	case row.EndedAt.IsZero() && row.Server == server:
		return nil
	}
	why := engine.EndPlatform
	if !row.EndedAt.IsZero() {
		why = engine.EndReason(row.EndReason)
	}
	return e.End(ctx, engine.Ref{Meeting: m, Server: server}, why)
}

func (s *Service) reconcileMeeting(ctx context.Context, e engine.Engine, m meeting, here engine.Running, began instant.Instant) ([]admission.SeenPerson, error) {
	var rows []participant
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		rows, err = participantsOf(ctx, r, m.ID) // after the list: who was admitted meanwhile is no stranger
		return err
	})
	if err != nil {
		return nil, err
	}
	byID := map[id.Participant]participant{}
	for _, p := range rows {
		byID[p.ID] = p
	}
	var people []admission.SeenPerson
	for _, there := range here.Participants {
		p, known := byID[there.Participant]
		delete(byID, there.Participant)
		switch {
		case !known || !p.State.seated():
			s.metrics.repaired.Inc()
			if err := e.Remove(ctx, engine.Ref{Meeting: m.ID, Server: m.Server}, there.Participant); err != nil {
				return nil, err
			}
			continue
		case there.Connected && (p.State != Inside || p.Session != there.Session):
			s.metrics.repaired.Inc()
			err := s.scene(ctx, m.ID, func(ctx context.Context, sc *scene) error {
				now, known, err := participantByID(ctx, sc.tx, m.ID, p.ID)
				if err != nil || !known || !now.State.seated() || !sc.m.EndedAt.IsZero() {
					return err
				}
				return sc.connected(ctx, now, there.Session)
			})
			if err != nil {
				return nil, err
			}
		case !there.Connected && p.State != Inside:
			continue // on the way in: the lease decides
		}
		people = append(people, admission.SeenPerson{Participant: p.ID, Person: p.Key, Role: admission.Role(p.Role)})
	}
	for _, p := range byID {
		if p.State != Inside || !p.SeenAt.Before(began) {
			continue
		}
		s.metrics.repaired.Inc()
		if err := s.away(ctx, m.ID, p.ID, "", began); err != nil {
			return nil, err
		}
	}
	return people, nil
}
