// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"errors"

	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// endDrained ends what still runs on servers whose time to empty is over, and disables them. It is for the node that leads, by its
// clock; done again, or by two nodes at once, it does nothing more.
func (s *Service) endDrained(ctx context.Context, now instant.Instant) error {
	all, err := s.servers.all(ctx)
	if err != nil {
		return err
	}
	var failed []error
	for _, srv := range all {
		if overdueToEmpty(srv.Server, now) {
			failed = append(failed, s.endDrainedOn(ctx, srv, now))
		}
	}
	return errors.Join(failed...)
}

func overdueToEmpty(v fleet.Server, now instant.Instant) bool {
	return v.Admin == fleet.AdminDraining && !v.DrainUntil.IsZero() && !v.DrainUntil.After(now)
}

// endDrainedOn ends the meetings of one server for good: clients are told as of any end, and a job has the server end its copies for as
// long as that takes it. One that is being made there is waited for.
func (s *Service) endDrainedOn(ctx context.Context, srv *server, now instant.Instant) error {
	var here []fleet.Meeting
	var v fleet.Server
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		if v, err = fleet.ServerByID(ctx, r, srv.ID); err != nil {
			return err
		}
		here, err = fleet.RunningOn(ctx, r, srv.ID)
		return err
	})
	if err != nil {
		return unless(err, fault.NotFound) // it was removed a moment ago
	}
	if !overdueToEmpty(v, now) { // its operator gave it more time
		s.servers.forget()
		return nil
	}
	ended, coming := 0, false
	for _, m := range here {
		switch m.State {
		case fleet.Live:
			if err := s.deps.Gate.End(ctx, m.ID, fleet.EndPlatform); err != nil {
				return err
			}
			s.board.remove(m.ID)
			ended++
		case fleet.Reserved:
			coming = true
		}
	}
	if ended > 0 {
		s.deps.Log.InfoContext(ctx, "meetings ended at the deadline of a drain", "server", v.ID, "name", v.Name, "meetings", ended)
	}
	if coming {
		return nil // a second later it runs, or is void
	}
	_, err = s.deps.Fleet.SetAdmin(ctx, fleet.AdminInput{Server: v.ID, Admin: fleet.AdminDisabled, Only: fleet.AdminDraining, Force: true})
	s.servers.forget()
	return unless(err, fault.Conflict) // another node was faster, or an operator wants something else of it
}

// unless returns an error of any other kind.
func unless(err error, k fault.Kind) error {
	if err == nil || fault.KindOf(err) == k {
		return nil
	}
	return err
}
