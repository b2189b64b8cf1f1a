// SPDX-License-Identifier: AGPL-3.0-or-later

package usage

import (
	"context"
	"time"

	"meetcoop/internal/id"
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
	var member id.Member
	for err == nil {
		var found bool
		err = db.Read(ctx, func(r store.Reader) (err error) {
			member, found, err = nextMember(ctx, r, member)
			return err
		})
		if err != nil || !found {
			return err
		}
		err = db.Write(ctx, func(tx store.Tx) error {
			_, err := deleteFactsBefore(ctx, tx, member, now.Add(-keep))
			return err
		})
	}
	return err
}
