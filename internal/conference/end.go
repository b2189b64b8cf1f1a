// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"cmp"
	"context"
	"time"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fleet"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// endLooks are when a server is asked whether an end it accepted has happened.
var endLooks = []time.Duration{0, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second}

// End ends a meeting for everybody. It answers as soon as the server has accepted; seats and room are free when the server proves
// the end. A server that cannot be reached is asked by a job until it answers.
//
// Errors: Problem notFound, or what the server said.
func (s *Service) End(ctx context.Context, connection membership.Connection, q bbb.Query) error {
	ctx, cancel := context.WithTimeout(ctx, joinWithin)
	defer cancel()
	c, err := s.find(ctx, connection.ID, q.Get("meetingID"))
	if err != nil {
		return err
	}
	if c == nil {
		v, ok, err := s.stubNamed(ctx, connection, q.Get("meetingID"))
		if err != nil || !ok {
			return cmp.Or(err, error(ErrNotFound))
		}
		return s.deps.DB.Write(ctx, func(tx store.Tx) error { return deleteStub(ctx, tx, connection.ID, v.ExternalID) })
	}
	if c.State == fleet.Reserved {
		if c, err = s.awaitLive(ctx, c); err != nil {
			return err
		}
	}
	if c.State == fleet.Detached {
		s.orphan(ctx, c.Server, c.ServerKey)
		return s.ended(ctx, c, fleet.EndHost)
	}
	srv, err := s.servers.get(ctx, c.Server)
	if err != nil {
		return err
	}
	answer, err := srv.Do(ctx, bbb.Request{Call: "end", Query: q.Without("checksum").With("meetingID", c.ServerKey).String()})
	switch {
	case err != nil:
		s.deps.Log.WarnContext(ctx, "end not told to the server yet", "meeting", c.ID, "server", c.Server, "err", err)
		return s.endLater(ctx, c.ID)
	case !answer.OK && answer.Key == "notFound":
		if err := s.ended(ctx, c, fleet.EndEmpty); err != nil {
			return err
		}
		return ErrNotFound
	case !answer.OK:
		return said(answer)
	}
	s.flights.asksEnd(c.ID)
	if over, err := s.isOver(ctx, c); over || err != nil {
		return err
	}
	s.spawn(func(ctx context.Context) { s.watchEnd(ctx, *c) })
	return nil
}

// watchEnd looks a few times whether an accepted end has happened; polls look after that.
func (s *Service) watchEnd(ctx context.Context, c Conference) {
	for _, pause := range endLooks[1:] {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if over, err := s.isOver(ctx, &c); over || err != nil {
			return
		}
	}
}
