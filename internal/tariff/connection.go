// SPDX-License-Identifier: AGPL-3.0-or-later

package tariff

import (
	"context"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// OfConnections returns the limits of those connections of a member that have a level or tags of their own, and until when they hold;
// none is for ever. They count within the member's own limits, never beyond; their tags are those of the connection. A level that no
// longer exists limits nothing. It joins r.
func OfConnections(ctx context.Context, r store.Reader, member id.Member, zone string, now instant.Instant) (own map[id.Connection]Limits, until instant.Instant, err error) {
	connections, err := membership.ConnectionsOf(ctx, r, member)
	if err != nil {
		return nil, until, err
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		loc = time.UTC
	}
	own = map[id.Connection]Limits{}
	for _, c := range connections {
		if !c.RevokedAt.IsZero() {
			continue
		}
		if len(c.Tags) > 0 {
			own[c.ID] = Limits{Seats: Unlimited, Participants: Unlimited, RunningRooms: Unlimited, Tags: c.Tags}
		}
		if c.Level == "" {
			continue
		}
		versions, err := Versions(ctx, r, c.Level)
		if err != nil {
			return nil, until, err
		}
		level, next, ok := inForce(versions, now.In(loc))
		if !ok {
			continue
		}
		limits := level.Limits
		limits.Tags = c.Tags
		own[c.ID] = limits
		if !next.IsZero() {
			until = instant.Earlier(until, next.Start(loc))
		}
	}
	return own, until, nil
}
