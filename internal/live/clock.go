// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"meetcoop/internal/admission"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

const (
	tickEvery  = 250 * time.Millisecond
	doorsEvery = 5 * time.Second
	lookEvery  = 2 * time.Second // at servers that are down
	// movePatience is how long an engine may be down before its meetings move: a crashed child is back within five
	// seconds and keeps them.
	movePatience = 6 * time.Second
	// holdEvery is how often seats are renewed while the engine is down and the pages are there.
	holdEvery = 20 * time.Second
)

// tick runs the timers. Every node runs them: the row of a meeting is locked and looked at again before anything is
// done, so the second finds nothing.
func (s *Service) tick(ctx context.Context) {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	changed := make(chan id.Member, 256)
	if err := s.deps.DB.Watch(ctx, membership.TopicEntitlement, func(key string) {
		select {
		case changed <- id.Member(key):
		default: // the next change of a seat tells it
		}
	}); err != nil {
		s.deps.Log.Error("changes of levels are not followed", "err", err)
	}
	last := map[string]time.Time{}
	every := func(name string, period time.Duration, fn func(context.Context) error) {
		if time.Since(last[name]) < period {
			return
		}
		last[name] = time.Now()
		if err := fn(ctx); err != nil && ctx.Err() == nil {
			s.deps.Log.Warn("timer failed", "timer", name, "err", err)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-changed:
			if err := s.tellMember(ctx, m); err != nil && ctx.Err() == nil {
				s.deps.Log.Warn("new limits not told to running meetings yet", "member", m, "err", err)
			}
			continue
		case <-ticker.C:
		}
		every("due", 0, s.RunDue)
		every("doors", doorsEvery, func(ctx context.Context) error { return s.clearDoors(ctx, s.deps.Now()) })
		every("servers", lookEvery, s.moveFromDead)
		every("hold", holdEvery, s.holdSeats)
	}
}

// tellMember asks the running meetings of a member to tell the number of seats: the limit is another one.
func (s *Service) tellMember(ctx context.Context, m id.Member) error {
	now := s.deps.Now()
	return s.deps.DB.Gate(ctx, func(tx store.Tx) error { return askMember(ctx, tx, m, now) })
}

// RunDue does what is due by time in all meetings: warnings, the number of seats, ends. Start calls it every quarter of a
// second; calling it once more is harmless.
func (s *Service) RunDue(ctx context.Context) error {
	now := s.deps.Now()
	var due []id.Meeting
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		due, err = dueMeetings(ctx, r, now)
		return err
	})
	if err != nil {
		return err
	}
	var all []error
	for _, m := range due {
		all = append(all, s.runMeeting(ctx, m))
	}
	return errors.Join(all...)
}

func (s *Service) runMeeting(ctx context.Context, m id.Meeting) error {
	var why fleet.EndReason
	err := s.scene(ctx, m, func(ctx context.Context, sc *scene) error {
		why = ""
		if !sc.m.EndedAt.IsZero() || !sc.dueNow() {
			return nil // another node was faster
		}
		if why = sc.m.over(sc.now); why != "" {
			return nil
		}
		if minutes := sc.m.warning(sc.now); minutes > 0 {
			sc.m.Warned = minutes
			sc.tell(kindTime, ToAll, timeLeft{Minutes: minutes})
		}
		used, err := s.deps.Gate.UsageNow(ctx, sc.tx, sc.m.Member, sc.now)
		if err != nil {
			return err
		}
		sc.tellSeats(seatsOf(used))
		sc.m.DueAt, sc.touched = sc.m.next(), true
		return nil
	})
	if err != nil || why == "" {
		return err
	}
	return s.end(ctx, m, why)
}

type timeLeft struct {
	Minutes int `json:"minutes"`
}

// tellSeats tells the number of seats when it is another one than last told.
func (sc *scene) tellSeats(seats Seats) {
	raw, err := json.Marshal(seats)
	if err != nil || string(raw) == sc.m.SeatsTold {
		return
	}
	sc.m.SeatsTold = string(raw)
	sc.tell(kindSeats, ToAll, seats)
}

// moveFromDead gives meetings another server when theirs has been down for a while. Where none is free they stay, and
// their pages wait.
func (s *Service) moveFromDead(ctx context.Context) error {
	now := s.deps.Now()
	var dead []meeting
	err := s.deps.DB.Read(ctx, func(r store.Reader) error {
		servers, err := fleet.Servers(ctx, r)
		if err != nil {
			return err
		}
		for _, server := range servers {
			if server.Kind != fleet.KindSFU || !s.deadFor(server, now, movePatience) {
				continue
			}
			rows, err := meetingsOn(ctx, r, server.ID)
			if err != nil {
				return err
			}
			dead = append(dead, rows...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var all []error
	for _, m := range dead {
		err := s.scene(ctx, m.ID, func(ctx context.Context, sc *scene) error {
			if sc.m.EndedAt.IsZero() && sc.m.Server == m.Server {
				sc.engineIs(engineDown)
			}
			return nil
		})
		if err == nil {
			_, err = s.deps.Gate.Move(ctx, m.ID)
		}
		if err != nil && !expected(err) {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// deadFor reports whether a server has been unusable for so long: silent, or telling that its engine is down.
func (s *Service) deadFor(server fleet.Server, now instant.Instant, patience time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if server.Usable(now) {
		delete(s.deadSince, server.ID)
		return false
	}
	if s.deadSince[server.ID].IsZero() {
		s.deadSince[server.ID] = instant.Earlier(now, server.SeenAt)
	}
	return now.Sub(s.deadSince[server.ID]) >= patience
}

// holdSeats renews the seats of people whose pages are here while their engine is down: they cannot be inside, and must
// not lose their place by our fault.
func (s *Service) holdSeats(ctx context.Context) error {
	var all []error
	for m, people := range s.hubs.present() {
		all = append(all, s.holdIn(ctx, m, people))
	}
	return errors.Join(all...)
}

func (s *Service) holdIn(ctx context.Context, m id.Meeting, people map[id.Participant]bool) error {
	var row meeting
	var rows []participant
	var joins []admission.JoinInput
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		joins = nil
		if row, _, err = meetingByID(ctx, r, m); err != nil || row.Engine != engineDown || !row.EndedAt.IsZero() {
			return err
		}
		if rows, err = participantsOf(ctx, r, m); err != nil {
			return err
		}
		for _, p := range rows {
			if !people[p.ID] || !p.State.seated() {
				continue
			}
			join, err := row.join(ctx, r, p.ID, p.Key, p.Role)
			if err != nil {
				return err
			}
			joins = append(joins, join)
		}
		return nil
	})
	if err != nil {
		return err
	}
	var all []error
	for _, join := range joins {
		_, err := s.deps.Gate.Join(ctx, join)
		if err != nil && !expected(err) {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// expected reports whether a fault is an answer rather than trouble: no server is free, the meeting has ended, full.
func expected(err error) bool {
	switch fault.KindOf(err) {
	case fault.NotFound, fault.Conflict, fault.LimitReached, fault.Unavailable:
		return true
	}
	return false
}
