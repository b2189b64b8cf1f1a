// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"slices"
	"time"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

const (
	infoAge     = 2 * time.Second // an older state is looked at again for getMeetingInfo
	runningAge  = time.Second     // and for a false of isMeetingRunning
	runningWait = 500 * time.Millisecond
)

// Info returns the children of getMeetingInfo. Problem notFound.
func (s *Service) Info(ctx context.Context, connection membership.Connection, name string) (string, error) {
	c, err := s.find(ctx, connection.ID, name)
	if err != nil {
		return "", err
	}
	if c == nil {
		if v, ok, err := s.stubNamed(ctx, connection, name); ok || err != nil {
			return v.told(), err
		}
	}
	if c == nil || c.State == fleet.Detached {
		return "", ErrNotFound
	}
	if c.State == fleet.Reserved {
		if c, err = s.awaitLive(ctx, c); err != nil {
			if _, problem := err.(Problem); problem { //nolint:errorlint // made here, never wrapped
				err = ErrNotFound
			}
			return "", err
		}
	}
	if s.deps.Now().Sub(c.Seen.At) > infoAge {
		c = s.fresh(ctx, c, askWithin)
	}
	if c == nil {
		return "", ErrNotFound
	}
	return c.told(), nil
}

// Running reports whether somebody is in a meeting. One that does not exist is not running.
func (s *Service) Running(ctx context.Context, connection id.Connection, name string) (bool, error) {
	c, err := s.find(ctx, connection, name)
	if err != nil || c == nil || c.State != fleet.Live {
		return false, err
	}
	if c.Seen.Running {
		return true, nil
	}
	if s.deps.Now().Sub(c.Seen.At) > runningAge {
		c = s.fresh(ctx, c, runningWait)
	}
	return c != nil && c.Seen.Running, nil
}

// Meetings returns what render makes of a connection's live meetings: of each its children of <meeting>, in order of creation. The
// result is remembered under name until something changes.
func (s *Service) Meetings(connection id.Connection, name string, render func(meetings []string) []byte) []byte {
	return s.board.rendered(connection, name, func(all []*Conference) []byte {
		told := make([]string, 0, len(all))
		for _, c := range all {
			if c.State == fleet.Live {
				told = append(told, c.told())
			}
		}
		return render(told)
	})
}

// Live returns a meeting that can be spoken to, with a way to its server. Problem notFound.
func (s *Service) live(ctx context.Context, connection id.Connection, name string) (*Conference, *server, error) {
	c, err := s.find(ctx, connection, name)
	if err != nil {
		return nil, nil, err
	}
	if c == nil || c.State != fleet.Live {
		return nil, nil, ErrNotFound
	}
	srv, err := s.servers.get(ctx, c.Server)
	return c, srv, err
}

// fresh looks at a meeting on its server, once for all who ask at that time, and returns what is known then; nil when it has ended.
// A server that does not answer in time changes nothing, and one that did not a moment ago is not waited for.
func (s *Service) fresh(ctx context.Context, c *Conference, within time.Duration) *Conference {
	if s.doubts.has(c.Server) {
		return c
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	life := s.lifetime()
	_ = s.flights.refresh(ctx, refreshKey{meeting: c.ID}, func() error { // what went wrong is in the log of the poll
		look, cancel := context.WithTimeout(life, askWithin)
		defer cancel()
		began := s.deps.Now()
		err := s.look(look, c)
		s.doubts.heard(c.Server, s.deps.Now().Sub(began), slowLook, err)
		return err
	})
	if now := s.board.get(c.ID); now != nil {
		return now
	}
	if s.board.find(c.Connection, c.ExternalID) == nil {
		return nil
	}
	return c
}

func (s *Service) lifetime() context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.life
}

// look asks a meeting's server about it.
func (s *Service) look(ctx context.Context, c *Conference) error {
	srv, err := s.servers.get(ctx, c.Server)
	if err != nil {
		return err
	}
	began := s.deps.Now()
	info, err := srv.Info(ctx, c.ServerKey)
	if err != nil {
		if fault.CodeOf(err) != "bbb.not_found" {
			return err
		}
		// Once is no proof: a server that is starting knows nothing. The whole list must lack it too.
		list, err := srv.Meetings(ctx)
		if err != nil || slices.ContainsFunc(list, func(m bbb.Meeting) bool { return m.ExternalID == c.ServerKey }) || began.Sub(c.StartedAt) < infoAge {
			return err
		}
		s.poller.soon(c.Server) // others may be gone too
		return s.ended(ctx, c, fleet.EndEmpty)
	}
	return s.saw(ctx, c, info, began)
}

// saw notes what a server told about one meeting.
func (s *Service) saw(ctx context.Context, c *Conference, info bbb.Meeting, began instant.Instant) error {
	if info.InternalID != c.InternalID {
		return nil // a copy of before or after; the row decides
	}
	if info.EndTime != 0 || info.ForciblyEnded {
		return s.ended(ctx, c, whyEnded(c, info))
	}
	seen := Seen{At: began, Running: info.Running, People: people(info), XML: c.tenantsWords(info)}
	if !s.board.see(c.ID, seen) {
		return nil
	}
	now := s.deps.Now()
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		if err := saveSeen(ctx, tx, c.ID, seen); err != nil {
			return err
		}
		return store.Changed(ctx, tx, now, TopicConference, string(c.ID))
	})
}

// whyEnded reads the reason from the time: servers do not tell it.
func whyEnded(c *Conference, info bbb.Meeting) fleet.EndReason {
	if minutes := info.Tree.Value("duration"); minutes != "" && minutes != "0" && !c.DeadlineAt.IsZero() && info.EndTime >= c.DeadlineAt.Add(-time.Minute).Time().UnixMilli() {
		return fleet.EndDuration
	}
	if info.ForciblyEnded {
		return fleet.EndHost
	}
	return fleet.EndEmpty
}

// people counts who is in a meeting; one external id is one person.
func people(info bbb.Meeting) int {
	seen := map[string]bool{}
	for _, a := range info.Attendees {
		seen[a.UserID] = true
	}
	return len(seen)
}
