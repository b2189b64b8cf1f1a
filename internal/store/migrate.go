// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"meetcoop/internal/fault"
	"meetcoop/migrations"
)

// Migrate applies the migrations that are missing, in order, each in its own transaction. Two
// processes may call it at once: on PostgreSQL they queue on an advisory lock, on SQLite on a lock
// of the directory.
// Conflict (store.schema_newer) when the database is of a newer program; it is left untouched.
func (db *DB) Migrate(ctx context.Context) (applied int, err error) {
	if lite, ok := db.backend.(*sqliteDB); ok {
		lock, err := lockForMigration(ctx, lite.path)
		if err != nil {
			return 0, fmt.Errorf("migrate: %w", err)
		}
		defer lock.Release()
	}
	if err := db.refuseNewer(ctx); err != nil {
		return 0, err
	}
	err = db.withProvider(func(p *goose.Provider) error {
		results, err := p.Up(ctx)
		applied = len(results)
		return err
	})
	if err != nil {
		return applied, fmt.Errorf("migrate: %w", err)
	}
	return applied, nil
}

// CheckSchema returns nil when the schema is exactly the one this program knows; Conflict
// store.schema_newer or store.schema_older otherwise, with the two versions as have and want.
func (db *DB) CheckSchema(ctx context.Context) error {
	if err := db.refuseNewer(ctx); err != nil {
		return err
	}
	have, want, err := db.SchemaVersion(ctx)
	if err != nil {
		return err
	}
	if have < want {
		return fault.New(fault.Conflict, "store.schema_older", fault.Params{"Have": have, "Want": want})
	}
	return nil
}

// SchemaVersion returns the version of the database (0 for an empty one) and the newest this
// program knows. It changes nothing.
func (db *DB) SchemaVersion(ctx context.Context) (have, want int64, err error) {
	err = db.withProvider(func(p *goose.Provider) error {
		for _, s := range p.ListSources() {
			want = max(want, s.Version)
		}
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	present, err := db.hasVersionTable(ctx)
	if err != nil || !present {
		return 0, want, err
	}
	err = db.Read(ctx, func(r Reader) error {
		return r.QueryRow(ctx, `SELECT CAST(COALESCE(MAX(version_id), 0) AS BIGINT) FROM schema_version`).Scan(&have)
	})
	return have, want, err
}

func (db *DB) refuseNewer(ctx context.Context) error {
	have, want, err := db.SchemaVersion(ctx)
	if err != nil {
		return err
	}
	if have > want {
		return fault.New(fault.Conflict, "store.schema_newer", fault.Params{"Have": have, "Want": want})
	}
	return nil
}

func (db *DB) hasVersionTable(ctx context.Context) (bool, error) {
	query := `SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'`
	if db.engine == Postgres {
		query = `SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'schema_version'`
	}
	var n int
	err := db.Read(ctx, func(r Reader) error { return r.QueryRow(ctx, query).Scan(&n) })
	return n > 0, err
}

// withProvider lends goose a connection of its own: the writer's is never free.
func (db *DB) withProvider(fn func(*goose.Provider) error) error {
	dialect, dir, conn := goose.DialectPostgres, "postgres", db.backend.raw()
	opts := []goose.ProviderOption{goose.WithTableName("schema_version"), goose.WithDisableGlobalRegistry(true)}
	if lite, ok := db.backend.(*sqliteDB); ok {
		own, err := lite.openForMigration()
		if err != nil {
			return err
		}
		defer func() { _ = own.Close() }() // goose has reported its own errors by then
		dialect, dir, conn = goose.DialectSQLite3, "sqlite", own
	} else {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300)) // asks every second for five minutes
		if err != nil {
			return fmt.Errorf("migration lock: %w", err)
		}
		opts = append(opts, goose.WithSessionLocker(locker))
	}
	files, err := fs.Sub(migrations.Files, dir)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	p, err := goose.NewProvider(dialect, conn, files, opts...)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	return fn(p)
}
