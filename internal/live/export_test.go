// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import "context"

// What the timers call every few seconds, for tests that do not wait so long.

func (s *Service) HoldSeats(ctx context.Context) error  { return s.holdSeats(ctx) }
func (s *Service) ClearDoors(ctx context.Context) error { return s.clearDoors(ctx, s.deps.Now()) }
func (s *Service) MoveFromDead(ctx context.Context) error {
	return s.moveFromDead(ctx)
}
