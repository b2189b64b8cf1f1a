// SPDX-License-Identifier: AGPL-3.0-or-later

package usage

import (
	"context"
	"time"

	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// Keep is how long facts are kept: a year for the usage page, and a month to look back at its end.
const Keep = 400 * 24 * time.Hour

// keepKeys is how many days the secret of a day outlives it: a clock may be a little off, and a
// meeting may run over midnight.
const keepKeys = 2

// Trim destroys the secrets of days that are over and removes facts older than keep. It is a duty for
// one node, once a day, in many short transactions.
func Trim(ctx context.Context, db *store.DB, now instant.Instant, keep time.Duration) error {
	err := db.Write(ctx, func(tx store.Tx) error {
		return deleteKeysBefore(ctx, tx, now.In(time.UTC).AddDays(-keepKeys))
	})
	for n := int64(trimAtOnce); err == nil && n == trimAtOnce; {
		err = db.Write(ctx, func(tx store.Tx) (err error) {
			n, err = deleteFacts(ctx, tx, now.Add(-keep), trimAtOnce)
			return err
		})
	}
	return err
}

// trimAtOnce bounds a transaction of Trim: joins wait for it on SQLite.
const trimAtOnce = 1000
