// SPDX-License-Identifier: AGPL-3.0-or-later

package tariff

import (
	"context"
	"time"

	"meetcoop/internal/decision"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/money"
	"meetcoop/internal/store"
)

// FoundingLevels is the list with which an instance begins: that of July 2020
// (https://wiki.meet.coop/wiki/Service_levels), a month, net of tax; running rooms and hosts are ours.
func FoundingLevels(from instant.Date) DefineInput {
	level := func(key string, euros int64, months int, l LimitsInput) LevelInput {
		return LevelInput{Key: key, Contribution: money.Amount{Minor: 100 * euros, Currency: "EUR"}, MinimumMonths: months, Limits: l}
	}
	small := func(people, rooms, running Limit, d time.Duration, hosts Limit, recording bool) LimitsInput {
		return LimitsInput{
			Seats: &people, Participants: &people, Rooms: &rooms, RunningRooms: &running, Duration: Span(d), Hosts: &hosts, Recording: recording,
		}
	}
	hundred := Limit(100)
	custom := level("custom", 0, 1, LimitsInput{Duration: Span(24 * time.Hour), Recording: true, Branding: true})
	custom.ByQuotation = true
	return DefineInput{Decision: decision.Founding, ValidFrom: from, Levels: []LevelInput{
		level(membership.DefaultPolicy.FreeLevel, 0, 0, small(5, 1, 1, time.Hour, 1, false)),
		level("level-1", 10, 1, small(10, 5, 2, 3*time.Hour, 1, false)),
		level("level-2", 20, 1, small(20, 5, 2, 3*time.Hour, 2, false)),
		level("level-3", 45, 1, small(50, 5, 3, 3*time.Hour, 5, true)),
		level("organisation", 100, 3, LimitsInput{Seats: &hundred, Participants: &hundred, Duration: Span(24 * time.Hour), Recording: true, Branding: true}),
		custom,
	}}
}

// SeedFoundingLevels gives an instance without levels the founding list, in force from a day, and reports
// whether it did. Two processes may call it at once. Conflict (decision.founding_over) when operational
// members exist already: they decide.
func (s *Service) SeedFoundingLevels(ctx context.Context, from instant.Date) (seeded bool, err error) {
	now := s.deps.Now()
	err = s.deps.DB.Write(ctx, func(tx store.Tx) error {
		seeded = false
		all, err := AllVersions(ctx, tx)
		if err != nil || len(all) > 0 {
			return err
		}
		seeded = true
		_, err = s.define(ctx, tx, now, identity.System(), FoundingLevels(from))
		return err
	})
	return seeded, err
}
