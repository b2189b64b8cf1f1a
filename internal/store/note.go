// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"

	"meetcoop/internal/instant"
)

// Note returns a value kept for the whole instance under a dotted name ("app.demo"), "" when there is none.
// It joins r.
func Note(ctx context.Context, r Reader, name string) (string, error) {
	v, _, err := Find(ctx, r, Value[string], `SELECT value FROM instance WHERE name = $1`, name)
	return v, err
}

// SetNote keeps a value for the whole instance, in place of an earlier one. It joins tx.
func SetNote(ctx context.Context, tx Tx, now instant.Instant, name, value string) error {
	_, err := tx.Exec(ctx, `
INSERT INTO instance (name, value, changed_at) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at`, name, value, now)
	return err
}
