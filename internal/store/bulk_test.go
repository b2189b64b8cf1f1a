// SPDX-License-Identifier: AGPL-3.0-or-later

package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

func TestAnyNumberOfRowsIsWrittenAndFoundInOrder(t *testing.T) {
	insert := store.NewRows(`INSERT INTO instance (name, value, changed_at) VALUES `, 3, ``)
	read := store.NewIn(`SELECT name FROM instance WHERE value = $1 AND name IN`, 1, ` ORDER BY name`)
	look := store.NewEach(`SELECT name FROM instance WHERE value = $1 AND name =`, 1)
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := context.Background()
		for _, n := range []int{0, 1, 3, 4, 5, 63, 64, 65, 150} {
			var args []any
			want := []string{}
			for i := range n {
				name := fmt.Sprintf("n%03d-%03d", n, i)
				want = append(want, name)
				args = append(args, name, fmt.Sprint(n), "2026-01-01T00:00:00.000000Z")
			}
			got, looked := []string{}, map[string]bool{}
			err := db.Write(ctx, func(tx store.Tx) error {
				affected, err := insert.Exec(ctx, tx, args)
				if err != nil {
					return err
				}
				if affected != int64(n) {
					t.Errorf("%d rows: %d affected", n, affected)
				}
				if err := read.Each(ctx, tx, []any{fmt.Sprint(n)}, want, ``, func(s store.Scanner) error {
					name, err := store.Value[string](s)
					got = append(got, name)
					return err
				}); err != nil {
					return err
				}
				return look.Each(ctx, tx, []any{fmt.Sprint(n)}, want, ``, func(s store.Scanner) error {
					name, err := store.Value[string](s)
					looked[name] = true
					return err
				})
			})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%d rows: found %v", n, got)
			}
			if len(looked) != n {
				t.Errorf("%d rows: looked up %d", n, len(looked))
			}
		}
	})
}
