// SPDX-License-Identifier: AGPL-3.0-or-later

package decision

import (
	"context"

	"meetcoop/internal/store"
)

const columns = `d.id, d.decision_key, d.title, d.link, d.decided_on, d.founding, d.recorded_at`

func scan(s store.Scanner) (Decision, error) {
	var d Decision
	err := s.Scan(&d.ID, &d.Key, &d.Title, &d.Link, &d.DecidedOn, &d.Founding, &d.RecordedAt)
	return d, err
}

// Find returns the decision with this key, and whether there is one.
func Find(ctx context.Context, r store.Reader, key string) (Decision, bool, error) {
	return store.Find(ctx, r, scan, `SELECT `+columns+` FROM decision d WHERE d.decision_key = $1`, key)
}

// List returns every decision, the latest first.
func List(ctx context.Context, r store.Reader) ([]Decision, error) {
	return store.All(ctx, r, scan, `SELECT `+columns+` FROM decision d ORDER BY d.decided_on DESC, d.id DESC`)
}

// insert returns false when the key is taken.
func insert(ctx context.Context, tx store.Tx, d Decision) (bool, error) {
	n, err := store.Affected(tx.Exec(ctx, `
INSERT INTO decision (id, decision_key, title, link, decided_on, founding, recorded_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		string(d.ID), d.Key, d.Title, d.Link, d.DecidedOn, d.Founding, d.RecordedAt))
	return n > 0, err
}
