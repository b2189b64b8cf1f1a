// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"context"

	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// UsageNow returns what the member uses, with the limits of its present entitlement. It joins r.
func (g *Gate) UsageNow(ctx context.Context, r store.Reader, member id.Member, now instant.Instant) (Usage, error) {
	e, err := g.deps.Entitled(ctx, r, member, now)
	if err != nil {
		return Usage{}, err
	}
	u := Usage{Entitlement: e}
	u.Seats.Limit, u.RunningRooms.Limit = e.Limits.Seats, e.Limits.RunningRooms
	if u.Seats.Used, u.Seats.Held, err = countSeats(ctx, r, member, now); err != nil {
		return Usage{}, err
	}
	if u.Meetings, err = fleet.Running(ctx, r, member); err != nil {
		return Usage{}, err
	}
	u.RunningRooms.Used = len(u.Meetings)
	u.Waiting, err = countFresh(ctx, r, member, now.Add(-freshFor))
	return u, err
}

// EntitlementChanged has the next decision for the member, on every node, read its entitlement again.
// Whatever changes a standing, a level or an override calls it in its own transaction (it implements
// membership.Changed), and tells membership.TopicEntitlement. It joins tx.
func (g *Gate) EntitlementChanged(ctx context.Context, tx store.Tx, now instant.Instant, member id.Member) error {
	return raiseEntitlement(ctx, tx, now, member)
}

func (g *Gate) refreshIfUsed(ctx context.Context, member id.Member) error {
	var used bool
	err := g.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		used, err = inUse(ctx, r, member)
		return err
	})
	if err != nil || !used {
		return err
	}
	return g.Refresh(ctx, member)
}
