// SPDX-License-Identifier: AGPL-3.0-or-later

package membership

import (
	"context"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

const factColumns = `f.id, f.member, f.source, f.kind, COALESCE(f.level, ''), f.from_on, f.until_on, f.trusted_until, COALESCE(f.undoes, ''), f.reason, f.happened_at`

func scanFact(s store.Scanner) (Fact, error) {
	var f Fact
	err := s.Scan(&f.ID, &f.Member, &f.Source, &f.Kind, &f.Level, &f.From, &f.Until, &f.TrustedUntil, &f.Undoes, &f.Reason, &f.HappenedAt)
	return f, err
}

// Facts returns the history of a member, oldest first.
func Facts(ctx context.Context, r store.Reader, member id.Member) ([]Fact, error) {
	return store.All(ctx, r, scanFact, `SELECT `+factColumns+` FROM standing_fact f WHERE f.member = $1 ORDER BY f.from_on, f.happened_at, f.source`, string(member))
}

func factOfSource(ctx context.Context, r store.Reader, source string) (Fact, bool, error) {
	return store.Find(ctx, r, scanFact, `SELECT `+factColumns+` FROM standing_fact f WHERE f.source = $1`, source)
}

// insertFact returns false when there is a fact of that source already.
func insertFact(ctx context.Context, tx store.Tx, f Fact, now instant.Instant) (bool, error) {
	n, err := store.Affected(tx.Exec(ctx, `
INSERT INTO standing_fact (id, member, source, kind, level, from_on, until_on, trusted_until, undoes, reason, happened_at, recorded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING`,
		string(f.ID), string(f.Member), f.Source, string(f.Kind), orNull(f.Level), f.From, f.Until, f.TrustedUntil, orNull(f.Undoes), f.Reason, f.HappenedAt, now))
	return n > 0, err
}

const overrideColumns = `o.id, o.member, o.level, o.from_on, o.until_on, o.reason_kind, o.reason, COALESCE(o.lent_by, ''), COALESCE(o.for_coop, ''), o.created_at, o.revoked_at`

func scanOverride(s store.Scanner) (Override, error) {
	var o Override
	err := s.Scan(&o.ID, &o.Member, &o.Level, &o.From, &o.Until, &o.ReasonKind, &o.Reason, &o.LentBy, &o.ForCoop, &o.CreatedAt, &o.RevokedAt)
	return o, err
}

// Overrides returns the levels lent to a member, revoked and ended ones included, oldest first.
func Overrides(ctx context.Context, r store.Reader, member id.Member) ([]Override, error) {
	return store.All(ctx, r, scanOverride, `SELECT `+overrideColumns+` FROM override o WHERE o.member = $1 ORDER BY o.id`, string(member))
}

func insertOverride(ctx context.Context, tx store.Tx, o Override) error {
	_, err := tx.Exec(ctx, `
INSERT INTO override (id, member, level, from_on, until_on, reason_kind, reason, lent_by, for_coop, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		string(o.ID), string(o.Member), o.Level, o.From, o.Until, string(o.ReasonKind), o.Reason, orNull(o.LentBy), orNull(o.ForCoop), o.CreatedAt)
	return err
}

// revokeOverride returns false when there is no such open override of the member.
func revokeOverride(ctx context.Context, tx store.Tx, member id.Member, o id.Override, now instant.Instant) (bool, error) {
	n, err := store.Affected(tx.Exec(ctx, `UPDATE override SET revoked_at = $3 WHERE member = $1 AND id = $2 AND revoked_at IS NULL`, string(member), string(o), now))
	return n > 0, err
}

// StandingOf returns how the member stands at now, under DefaultPolicy. NotFound (member.unknown).
func StandingOf(ctx context.Context, r store.Reader, member id.Member, now instant.Instant) (Standing, error) {
	m, err := Get(ctx, r, member)
	if err != nil {
		return Standing{}, err
	}
	return m.Standing(ctx, r, now)
}

// Standing is StandingOf for a member that was read already: two queries.
func (m Member) Standing(ctx context.Context, r store.Reader, now instant.Instant) (Standing, error) {
	facts, err := Facts(ctx, r, m.ID)
	if err != nil {
		return Standing{}, err
	}
	overrides, err := Overrides(ctx, r, m.ID)
	if err != nil {
		return Standing{}, err
	}
	return Fold(facts, overrides, m.Location(), DefaultPolicy, now), nil
}

// Standings returns how each of the given members stands at now: two queries, whatever their number.
func Standings(ctx context.Context, r store.Reader, members []Member, now instant.Instant) (map[id.Member]Standing, error) {
	facts, err := store.All(ctx, r, scanFact, `SELECT `+factColumns+` FROM standing_fact f`)
	if err != nil {
		return nil, err
	}
	overrides, err := store.All(ctx, r, scanOverride, `SELECT `+overrideColumns+` FROM override o WHERE o.revoked_at IS NULL`)
	if err != nil {
		return nil, err
	}
	factsOf, lentTo := map[id.Member][]Fact{}, map[id.Member][]Override{}
	for _, f := range facts {
		factsOf[f.Member] = append(factsOf[f.Member], f)
	}
	for _, o := range overrides {
		lentTo[o.Member] = append(lentTo[o.Member], o)
	}
	out := make(map[id.Member]Standing, len(members))
	for _, m := range members {
		out[m.ID] = Fold(factsOf[m.ID], lentTo[m.ID], m.Location(), DefaultPolicy, now)
	}
	return out, nil
}
