// SPDX-License-Identifier: AGPL-3.0-or-later

package tariff

import (
	"context"
	"encoding/json"
	"fmt"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/money"
	"meetcoop/internal/store"
)

const levelColumns = `l.id, l.level_key, l.version, l.position, l.decision_key, l.valid_from, l.currency, l.contribution, l.set_up, l.by_quotation,
l.minimum_months, l.seats, l.participants, l.rooms, l.running_rooms, l.hosts, l.connections, l.duration_seconds, l.recording, l.branding,
l.retention_days, l.storage_bytes, l.enforcement, l.grace_percent, l.duration_scope, l.duration_pause_seconds, l.duration_per_day_seconds,
l.moderators_reserve, l.tags`

func scanLevel(s store.Scanner) (Level, error) {
	var (
		v                       Level
		currency                money.Currency
		duration, pause, perDay Span
		tags                    string
		m                       = &v.Limits
	)
	err := s.Scan(&v.ID, &v.Key, &v.Version, &v.Position, &v.DecisionKey, &v.ValidFrom, &currency, &v.Contribution.Minor, &v.SetUp.Minor, &v.ByQuotation,
		&v.MinimumMonths, &m.Seats, &m.Participants, &m.Rooms, &m.RunningRooms, &m.Hosts, &m.Connections, &duration, &m.Recording, &m.Branding,
		&m.RetentionDays, &m.StorageBytes, &m.Enforcement, &m.GracePercent, &m.DurationScope, &pause, &perDay, &m.ModeratorsReserve, &tags)
	if err != nil {
		return v, err
	}
	v.Contribution.Currency, v.SetUp.Currency = currency, currency
	m.Duration, m.DurationPause, m.DurationPerDay = duration.duration(), pause.duration(), perDay.duration()
	m.Tags = []string{}
	if err := json.Unmarshal([]byte(tags), &m.Tags); err != nil {
		return v, fmt.Errorf("tags of level %s: %w", v.ID, err)
	}
	return v, nil
}

func insertLevel(ctx context.Context, tx store.Tx, v Level, now instant.Instant) error {
	tags, err := json.Marshal(v.Limits.Tags)
	if err != nil {
		return fmt.Errorf("tags of level %s: %w", v.Key, err)
	}
	m := v.Limits
	_, err = tx.Exec(ctx, `
INSERT INTO level (id, level_key, version, position, decision_key, valid_from, currency, contribution, set_up, by_quotation,
	minimum_months, seats, participants, rooms, running_rooms, hosts, connections, duration_seconds, recording, branding,
	retention_days, storage_bytes, enforcement, grace_percent, duration_scope, duration_pause_seconds, duration_per_day_seconds,
	moderators_reserve, tags, defined_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30)`,
		string(v.ID), v.Key, v.Version, v.Position, v.DecisionKey, v.ValidFrom, string(v.Contribution.Currency), v.Contribution.Minor, v.SetUp.Minor, v.ByQuotation,
		v.MinimumMonths, m.Seats, m.Participants, m.Rooms, m.RunningRooms, m.Hosts, m.Connections, Span(m.Duration), m.Recording, m.Branding,
		m.RetentionDays, m.StorageBytes, string(m.Enforcement), m.GracePercent, string(m.DurationScope), Span(m.DurationPause), Span(m.DurationPerDay),
		m.ModeratorsReserve, string(tags), now)
	return err
}

// deleteDraft removes a version that has never been in force.
func deleteDraft(ctx context.Context, tx store.Tx, level id.Level) error {
	_, err := tx.Exec(ctx, `DELETE FROM level WHERE id = $1`, string(level))
	return err
}

// Versions returns every version of a level, the first first; none for an unknown key.
func Versions(ctx context.Context, r store.Reader, key string) ([]Level, error) {
	return store.All(ctx, r, scanLevel, `SELECT `+levelColumns+` FROM level l WHERE l.level_key = $1 ORDER BY l.version`, key)
}

// AllVersions returns every version of every level, in the order of the price list, later versions last.
func AllVersions(ctx context.Context, r store.Reader) ([]Level, error) {
	return store.All(ctx, r, scanLevel, `SELECT `+levelColumns+` FROM level l ORDER BY l.position, l.level_key, l.version`)
}

// levelsOn returns the versions in force on a day, in the order of the price list.
func levelsOn(ctx context.Context, r store.Reader, day instant.Date) ([]Level, error) {
	return store.All(ctx, r, scanLevel, `
SELECT `+levelColumns+` FROM level l
WHERE l.valid_from <= $1
  AND NOT EXISTS (SELECT 1 FROM level later WHERE later.level_key = l.level_key AND later.valid_from > l.valid_from AND later.valid_from <= $1)
ORDER BY l.position, l.level_key`, day)
}

// nextPosition returns the place behind all others on the price list.
func nextPosition(ctx context.Context, r store.Reader) (int, error) {
	var n int
	err := r.QueryRow(ctx, `SELECT CAST(COALESCE(MAX(position) + 1, 0) AS BIGINT) FROM level`).Scan(&n)
	return n, err
}

// --- limit overrides ---

const overrideColumns = `o.id, o.member, o.seats, o.participants, o.rooms, o.running_rooms, o.hosts, o.connections, o.duration_seconds, o.recording, o.branding,
o.retention_days, o.storage_bytes, o.moderators_reserve, o.reason, o.from_at, o.until_at, o.created_at, o.revoked_at`

func scanOverride(s store.Scanner) (LimitOverride, error) {
	var v LimitOverride
	var duration Span
	f := &v.Fields
	err := s.Scan(&v.ID, &v.Member, &f.Seats, &f.Participants, &f.Rooms, &f.RunningRooms, &f.Hosts, &f.Connections, &duration, &f.Recording, &f.Branding,
		&f.RetentionDays, &f.StorageBytes, &f.ModeratorsReserve, &v.Reason, &v.From, &v.Until, &v.CreatedAt, &v.RevokedAt)
	if duration != 0 {
		f.Duration = &duration
	}
	return v, err
}

// LimitOverrides returns the limits replaced for a member, those that are over or were revoked included,
// in the order in which they count: of two for one limit the later row wins.
func LimitOverrides(ctx context.Context, r store.Reader, member id.Member) ([]LimitOverride, error) {
	return store.All(ctx, r, scanOverride, `SELECT `+overrideColumns+` FROM limit_override o WHERE o.member = $1 ORDER BY o.from_at, o.created_at, o.id`, string(member))
}

func openOverrides(ctx context.Context, r store.Reader, member id.Member, now instant.Instant) ([]LimitOverride, error) {
	return store.All(ctx, r, scanOverride, `
SELECT `+overrideColumns+` FROM limit_override o
WHERE o.member = $1 AND o.revoked_at IS NULL AND (o.until_at IS NULL OR o.until_at > $2) ORDER BY o.from_at, o.created_at, o.id`, string(member), now)
}

func insertOverride(ctx context.Context, tx store.Tx, v LimitOverride) error {
	f := v.Fields
	var duration any
	if f.Duration != nil {
		duration = *f.Duration
	}
	_, err := tx.Exec(ctx, `
INSERT INTO limit_override (id, member, seats, participants, rooms, running_rooms, hosts, connections, duration_seconds, recording, branding,
	retention_days, storage_bytes, moderators_reserve, reason, from_at, until_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
		string(v.ID), string(v.Member), f.Seats, f.Participants, f.Rooms, f.RunningRooms, f.Hosts, f.Connections, duration, f.Recording, f.Branding,
		f.RetentionDays, f.StorageBytes, f.ModeratorsReserve, v.Reason, v.From, v.Until, v.CreatedAt)
	return err
}

// revokeOverride returns false when the member has no such open override.
func revokeOverride(ctx context.Context, tx store.Tx, member id.Member, o id.Override, now instant.Instant) (bool, error) {
	n, err := store.Affected(tx.Exec(ctx, `
UPDATE limit_override SET revoked_at = $3 WHERE member = $1 AND id = $2 AND revoked_at IS NULL AND (until_at IS NULL OR until_at > $3)`, string(member), string(o), now))
	return n > 0, err
}

// --- everybody ---

// membersAfter returns up to limit member ids after one; "" begins with the first.
func membersAfter(ctx context.Context, r store.Reader, after id.Member, limit int) ([]id.Member, error) {
	return store.All(ctx, r, store.Value[id.Member], `SELECT id FROM member WHERE id > $1 ORDER BY id LIMIT $2`, string(after), limit)
}
