// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"context"

	"meetcoop/internal/admission"
	"meetcoop/internal/engine"
	"meetcoop/internal/id"
)

// What the timers call every few seconds, for tests that do not wait so long.

func (s *Service) HoldSeats(ctx context.Context) error  { return s.holdSeats(ctx) }
func (s *Service) ClearDoors(ctx context.Context) error { return s.clearDoors(ctx, s.deps.Now()) }
func (s *Service) MoveFromDead(ctx context.Context) error {
	return s.moveFromDead(ctx)
}

// Fold gives the service an event of its engine, and Confirm looks after a seat that was just given: for what happens
// rarely by itself.

func (s *Service) Fold(ctx context.Context, server id.Server, ev engine.Event) error {
	return s.fold(ctx, server, s.engines[server], ev)
}

func (s *Service) Confirm(ctx context.Context, m id.Meeting, seat admission.Seat) (bool, error) {
	return s.confirm(ctx, m, seat)
}
