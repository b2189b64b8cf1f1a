// SPDX-License-Identifier: AGPL-3.0-or-later

package store_test

import (
	"context"
	"strconv"
	"sync"
	"testing"

	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

func TestParallelWritersLoseNoIncrement(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		if err := db.Write(ctx, func(tx store.Tx) error {
			_, err := tx.Exec(ctx, `INSERT INTO instance (name, value, changed_at) VALUES ($1, $2, $3)`, "n", "0", "2026-01-01T00:00:00.000000Z")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 5 {
					err := db.Write(ctx, func(tx store.Tx) error {
						var v int
						if err := tx.QueryRow(ctx, `SELECT CAST(value AS BIGINT) FROM instance WHERE name = $1`, "n").Scan(&v); err != nil {
							return err
						}
						_, err := tx.Exec(ctx, `UPDATE instance SET value = $1 WHERE name = $2`, strconv.Itoa(v+1), "n")
						return err
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		var v string
		if err := db.Read(ctx, func(r store.Reader) error {
			return r.QueryRow(ctx, `SELECT value FROM instance WHERE name = $1`, "n").Scan(&v)
		}); err != nil {
			t.Fatal(err)
		}
		if v != "40" {
			t.Errorf("40 increments gave %s", v)
		}
	})
}
