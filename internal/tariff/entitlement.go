// SPDX-License-Identifier: AGPL-3.0-or-later

package tariff

import (
	"context"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// Entitled returns what a member may use at now: the limits of the level its standing names, single
// limits replaced. A contribution that covers a period keeps the version that was in force on its first
// day; everything else follows the version of the day. NotFound (member.unknown); Unavailable
// (level.missing) when the level has no version at all, which only an unfinished set-up can bring about.
// It joins r and is five queries.
func Entitled(ctx context.Context, r store.Reader, member id.Member, now instant.Instant) (Entitlement, error) {
	m, err := membership.Get(ctx, r, member)
	if err != nil {
		return Entitlement{}, err
	}
	standing, err := m.Standing(ctx, r, now)
	if err != nil {
		return Entitlement{}, err
	}
	e := Entitlement{Member: member, Standing: standing, Overridden: []string{}, Zone: m.Zone, ValidUntil: standing.Holds}
	if !standing.Active() {
		e.Limits.Tags = []string{}
		return e, nil
	}
	versions, err := Versions(ctx, r, standing.Level)
	if err != nil {
		return Entitlement{}, err
	}
	day := standing.LevelOn
	if day.IsZero() {
		day = now.In(m.Location())
	}
	level, next, ok := inForce(versions, day)
	if !ok {
		return Entitlement{}, fault.New(fault.Unavailable, "level.missing", fault.Params{"Level": standing.Level})
	}
	if standing.LevelOn.IsZero() {
		e.ValidUntil = instant.Earlier(e.ValidUntil, next.Start(m.Location()))
	}
	overrides, err := openOverrides(ctx, r, member, now)
	if err != nil {
		return Entitlement{}, err
	}
	e.Level, e.LevelID, e.Version, e.Limits, e.Allowed = level.Key, level.ID, level.Version, level.Limits, true
	var boundary instant.Instant
	e.Overridden, boundary = replaced(&e.Limits, overrides, now)
	e.ValidUntil = instant.Earlier(e.ValidUntil, boundary)
	return e, nil
}

// inForce returns the version that counts on day and the first day of the one after it, none if there is
// none. A day before the first version (a contribution older than the list) counts the first.
func inForce(versions []Level, day instant.Date) (level Level, next instant.Date, ok bool) {
	for _, v := range versions {
		if ok && v.ValidFrom.After(day) {
			return level, v.ValidFrom, true
		}
		level, ok = v, true
	}
	return level, instant.Date{}, ok
}

// Levels returns the versions in force at an instant, by the calendar of UTC, in the order of the price list.
func Levels(ctx context.Context, r store.Reader, on instant.Instant) ([]Level, error) {
	return levelsOn(ctx, r, on.In(time.UTC))
}

// Register answers what package membership asks about levels. The zero value is ready to use.
type Register struct{}

// LevelExists implements membership.Levels.
func (Register) LevelExists(ctx context.Context, r store.Reader, key string, day instant.Date) (bool, error) {
	versions, err := Versions(ctx, r, key)
	return len(versions) > 0 && !versions[0].ValidFrom.After(day), err
}

// HostPlaces implements membership.Levels: none while the member is suspended or closed.
func (Register) HostPlaces(ctx context.Context, r store.Reader, member id.Member, now instant.Instant) (int, error) {
	e, err := Entitled(ctx, r, member, now)
	if err != nil {
		return 0, err
	}
	return int(e.Limits.Hosts), nil
}

// ConnectionPlaces implements membership.Levels: none while the member is suspended or closed.
func (Register) ConnectionPlaces(ctx context.Context, r store.Reader, member id.Member, now instant.Instant) (int, error) {
	e, err := Entitled(ctx, r, member, now)
	if err != nil {
		return 0, err
	}
	return int(e.Limits.Connections), nil
}
