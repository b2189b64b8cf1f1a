// SPDX-License-Identifier: AGPL-3.0-or-later

package store_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

// benchmark runs one transaction per iteration from 16 callers; figures are in docs/performance.md.
func benchmark(b *testing.B, run func(db *store.DB, ctx context.Context, n int64) error) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		b.Run(string(engine), func(b *testing.B) {
			db, err := store.Open(b.Context(), production(storetest.Location(b, engine)))
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = db.Close() }() // the database is thrown away
			ctx := b.Context()
			if err := db.Write(ctx, func(tx store.Tx) error {
				for i := range 64 {
					if err := put(ctx, tx, fmt.Sprint("row", i), "0"); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				b.Fatal(err)
			}
			var n atomic.Int64
			b.SetParallelism(8) // per processor
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := run(db, ctx, n.Add(1)); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tx/s")
		})
	}
}

func production(cfg store.Config) store.Config {
	cfg.Strict = false
	return cfg
}

// BenchmarkWrite changes one of 64 rows after reading it.
func BenchmarkWrite(b *testing.B) { benchmark(b, change64((*store.DB).Write)) }

// BenchmarkGate does the same under row locks.
func BenchmarkGate(b *testing.B) { benchmark(b, change64((*store.DB).Gate)) }

func change64(verb func(*store.DB, context.Context, func(store.Tx) error) error) func(*store.DB, context.Context, int64) error {
	names := make([]string, 64)
	for i := range names {
		names[i] = fmt.Sprint("row", i)
	}
	return func(db *store.DB, ctx context.Context, n int64) error {
		name := names[n%64]
		return verb(db, ctx, func(tx store.Tx) error {
			var v string
			if err := tx.QueryRow(ctx, `SELECT value FROM instance WHERE name = $1`+store.ForUpdate(tx), name).Scan(&v); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `UPDATE instance SET value = $2 WHERE name = $1`, name, v)
			return err
		})
	}
}

// BenchmarkRead reads one row by its key.
func BenchmarkRead(b *testing.B) {
	benchmark(b, func(db *store.DB, ctx context.Context, n int64) error {
		return db.Read(ctx, func(r store.Reader) error { _, err := get(ctx, r, "row7"); return err })
	})
}
