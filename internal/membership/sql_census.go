// SPDX-License-Identifier: AGPL-3.0-or-later

package membership

import (
	"context"

	"meetcoop/internal/store"
)

// Census is how many members the register has, the cooperative itself not counted.
type Census struct {
	Organisations int
	Individuals   int
}

// Count returns the census. It joins r.
func Count(ctx context.Context, r store.Reader) (Census, error) {
	var c Census
	err := r.QueryRow(ctx, `SELECT CAST(COALESCE(SUM(CASE WHEN individual THEN 0 ELSE 1 END), 0) AS BIGINT), CAST(COALESCE(SUM(CASE WHEN individual THEN 1 ELSE 0 END), 0) AS BIGINT)
		FROM member WHERE slug <> $1`, HouseSlug).Scan(&c.Organisations, &c.Individuals)
	return c, err
}
