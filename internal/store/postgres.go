// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"meetcoop/internal/fault"
)

type postgresDB struct{ pool *sql.DB }

func openPostgres(ctx context.Context, dbURL string) (*postgresDB, error) {
	cfg, err := pgx.ParseConfig(dbURL)
	if err != nil {
		return nil, fault.New(fault.Invalid, "store.url") // the cause would repeat the password
	}
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "meetcoop"
	}
	cfg.RuntimeParams["timezone"] = "UTC"
	// A node that is stopped in the middle of a transaction must not hold rows for ever; the change
	// feed counts on it too (oldestWriter in change.go).
	cfg.RuntimeParams["idle_in_transaction_session_timeout"] = "15000"
	pool := stdlib.OpenDB(*cfg)
	// Twice the four lanes of the gate and the portal's pages; PostgreSQL's default allows 100 in all.
	pool.SetMaxOpenConns(24)
	pool.SetMaxIdleConns(24)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	ping, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := pool.PingContext(ping); err != nil {
		_ = pool.Close() // the ping tells why
		return nil, fault.Wrap(err, fault.Unavailable, "store.unavailable")
	}
	return &postgresDB{pool}, nil
}

func (d *postgresDB) raw() *sql.DB { return d.pool }
func (d *postgresDB) close() error { return d.pool.Close() }

func (d *postgresDB) write(ctx context.Context, fn func(runner) error) error {
	return d.transact(ctx, sql.TxOptions{Isolation: sql.LevelSerializable}, fn)
}

func (d *postgresDB) gate(ctx context.Context, fn func(runner) error) error {
	return d.transact(ctx, sql.TxOptions{Isolation: sql.LevelReadCommitted}, fn)
}

func (d *postgresDB) read(ctx context.Context, fn func(runner) error) error {
	return d.transact(ctx, sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, fn)
}

func (d *postgresDB) transact(ctx context.Context, opts sql.TxOptions, fn func(runner) error) error {
	tx, err := d.pool.BeginTx(ctx, &opts)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := fn(postgresTx{tx}); err != nil {
		return err
	}
	return tx.Commit()
}

// postgresTx needs no statement cache: pgx prepares and caches by itself.
type postgresTx struct{ tx *sql.Tx }

func (t postgresTx) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	return t.tx.ExecContext(ctx, query, args...)
}

func (t postgresTx) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	return t.tx.QueryContext(ctx, query, args...)
}
