// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"time"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// revive has a detached meeting made again on another server, under the same row. It returns nil when the row must be looked at
// again: it is live now, or somebody else has it in hand.
func (s *Service) revive(ctx context.Context, c *Conference) error {
	finish := s.flights.begin(c.ID)
	defer finish()
	from := c.Server
	a, err := s.elsewhere(ctx, c, []id.Server{from})
	if isOver(err) {
		return nil
	}
	if err != nil {
		return err
	}
	c.Meeting = a.Meeting
	s.orphan(ctx, from, c.ServerKey)
	asked, b, err := s.stored(ctx, c)
	if err != nil {
		s.giveUp(ctx, c)
		return err
	}
	if _, err := s.establish(ctx, c, a.Most, asked, b); err != nil {
		return err
	}
	s.metrics.revived.Inc()
	s.deps.Log.InfoContext(ctx, "meeting made again elsewhere", "meeting", c.ID, "from", from, "server", c.Server)
	return nil
}

// stored is the create of a meeting as it was sent, for a successor.
func (s *Service) stored(ctx context.Context, c *Conference) (bbb.Query, body, error) {
	q, err := bbb.ParseQuery(c.Query)
	if err != nil {
		return q, body{}, err
	}
	var conn membership.Connection
	var kept storedBody
	err = s.deps.DB.Read(ctx, func(r store.Reader) error {
		if conn, err = membership.ConnectionByID(ctx, r, c.Connection); err != nil {
			return err
		}
		kept, _, err = bodyOf(ctx, r, c.ID)
		return err
	})
	if err != nil {
		return q, body{}, err
	}
	q = asCreated(q, conn)
	if kept.media == "" {
		return q, body{}, nil
	}
	raw, err := base64.StdEncoding.DecodeString(kept.body)
	if err != nil {
		return q, body{}, err
	}
	var from io.ReadSeeker = bytes.NewReader(raw)
	return q, body{from, kept.media, int64(len(raw))}, nil
}

// settle takes up a reservation whose node went silent: its server knows what became of it. It returns nil when the row must be
// looked at again.
func (s *Service) settle(ctx context.Context, c *Conference) error {
	srv, err := s.servers.get(ctx, c.Server)
	if err != nil {
		return err
	}
	info, err := srv.Info(ctx, c.ServerKey)
	switch {
	case err == nil && info.EndTime == 0 && !info.ForciblyEnded:
		_, err = s.adopt(ctx, c, srv, err)
		if isOver(err) {
			return nil
		}
		return err
	case err == nil || fault.CodeOf(err) == "bbb.not_found":
		s.giveUp(ctx, c)
		return nil
	case srv.Server.State(s.deps.Now()) == fleet.ObservedDown:
		s.orphan(ctx, c.Server, c.ServerKey)
		s.giveUp(ctx, c)
		return nil
	}
	return fault.New(fault.Unavailable, "meeting.not_ready") // it keeps counting until its server answers or is dead
}

// reap takes up what is overdue: reservations nobody finished, detached meetings nobody came back to, and servers that should be empty.
// It is a duty.
func (s *Service) reap(ctx context.Context) error {
	now := s.deps.Now()
	return errors.Join(s.reapMeetings(ctx, now), s.endDrained(ctx, now), s.takeUp(ctx, false))
}

func (s *Service) reapMeetings(ctx context.Context, now instant.Instant) error {
	var late []id.Meeting
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		late, err = overdue(ctx, r, now.Add(-reservedGrace))
		return err
	})
	if err != nil {
		return err
	}
	for _, m := range late {
		var c Conference
		var ok bool
		err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
			c, ok, err = byID(ctx, r, m)
			return err
		})
		if err != nil {
			return err
		}
		switch {
		case !ok:
		case c.State == fleet.Reserved:
			if err := s.settle(ctx, &c); err != nil && fault.KindOf(err) != fault.Unavailable {
				s.deps.Log.WarnContext(ctx, "reservation not settled", "meeting", m, "err", err)
			}
		case c.State == fleet.Detached && c.People == 0:
			if err := s.deps.Gate.End(ctx, m, fleet.EndEmpty); err != nil {
				return err
			}
		}
	}
	return nil
}

// trim forgets stubs that nobody came for. It is a duty.
func (s *Service) trim(ctx context.Context) error {
	now := s.deps.Now()
	return s.deps.DB.Write(ctx, func(tx store.Tx) error { return trimStubs(ctx, tx, now) })
}

// isOver asks a meeting's server whether it has ended, and ends it here when it has.
func (s *Service) isOver(ctx context.Context, c *Conference) (bool, error) {
	srv, err := s.servers.get(ctx, c.Server)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	info, err := srv.Info(ctx, c.ServerKey)
	switch {
	case fault.CodeOf(err) == "bbb.not_found" && err != nil:
	case err != nil:
		return false, nil // not known: it counts as running
	case info.EndTime == 0 && !info.ForciblyEnded && info.InternalID == c.InternalID:
		return false, nil
	}
	return true, s.ended(ctx, c, fleet.EndHost)
}

// askWithin bounds a look at a server while a client waits for something else.
const askWithin = 1500 * time.Millisecond

// ended ends a meeting here that has ended on its server.
func (s *Service) ended(ctx context.Context, c *Conference, why fleet.EndReason) error {
	if err := s.deps.Gate.End(context.WithoutCancel(ctx), c.ID, why); err != nil {
		return err
	}
	s.board.remove(c.ID)
	return nil
}
