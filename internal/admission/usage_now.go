// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"context"

	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// UsageNow returns what the member uses, with the limits of its present entitlement. It joins r.
func (g *Gate) UsageNow(ctx context.Context, r store.Reader, member id.Member, now instant.Instant) (Usage, error) {
	e, err := g.deps.Entitled(ctx, r, member, now)
	if err != nil {
		return Usage{}, err
	}
	return UsageUnder(ctx, r, e, now)
}

// UsageUnder is UsageNow for an entitlement that was read already: two queries. It joins r.
func UsageUnder(ctx context.Context, r store.Reader, e tariff.Entitlement, now instant.Instant) (Usage, error) {
	u := Usage{Entitlement: e}
	u.Seats.Limit, u.RunningRooms.Limit = e.Limits.Seats, e.Limits.RunningRooms
	err := countUsage(ctx, r, e.Member, now, &u)
	if err != nil {
		return Usage{}, err
	}
	u.Meetings, err = fleet.Running(ctx, r, e.Member)
	u.RunningRooms.Used = len(u.Meetings)
	return u, err
}

// EntitlementVersion rises with each EntitlementChanged of the member; 0 before the first (it is a
// tariff.Version). It joins r.
func EntitlementVersion(ctx context.Context, r store.Reader, member id.Member) (int64, error) {
	return entitlementVersion(ctx, r, member)
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
