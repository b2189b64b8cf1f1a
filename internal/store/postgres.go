// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"meetcoop/internal/fault"
)

type postgresDB struct{ pool *sql.DB }

func openPostgres(ctx context.Context, dbURL string) (*postgresDB, error) {
	cfg, err := pgx.ParseConfig(dbURL)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "store.url")
	}
	if cfg.RuntimeParams["application_name"] == "" {
		cfg.RuntimeParams["application_name"] = "meetcoop"
	}
	cfg.RuntimeParams["timezone"] = "UTC"
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

func (d *postgresDB) write(ctx context.Context, fn func(Tx) error) error {
	return d.tx(ctx, sql.LevelSerializable, fn)
}

func (d *postgresDB) gate(ctx context.Context, fn func(Tx) error) error {
	return d.tx(ctx, sql.LevelReadCommitted, fn)
}

func (d *postgresDB) tx(ctx context.Context, level sql.IsolationLevel, fn func(Tx) error) error {
	tx, err := d.pool.BeginTx(ctx, &sql.TxOptions{Isolation: level})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if err := fn(&sqlTx{tx: tx, engine: Postgres}); err != nil {
		return err
	}
	return tx.Commit()
}

func (d *postgresDB) read(ctx context.Context, fn func(Reader) error) error {
	return readTx(ctx, d.pool, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, Postgres, nil, fn)
}

func readTx(ctx context.Context, pool *sql.DB, opts *sql.TxOptions, engine Engine, cache *stmtCache, fn func(Reader) error) error {
	tx, err := pool.BeginTx(ctx, opts)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	return fn(&sqlTx{tx: tx, engine: engine, cache: cache})
}

// sqlTx is a transaction of database/sql. pgx prepares and caches by itself; for SQLite's readers
// cache does.
type sqlTx struct {
	tx     *sql.Tx
	engine Engine
	cache  *stmtCache
}

func (t *sqlTx) Engine() Engine { return t.engine }

func (t *sqlTx) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return t.tx.ExecContext(ctx, query, args...)
}

func (t *sqlTx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if t.cache != nil {
		s, err := t.cache.get(ctx, query)
		if err != nil {
			return nil, err
		}
		return t.tx.StmtContext(ctx, s).QueryContext(ctx, args...)
	}
	return t.tx.QueryContext(ctx, query, args...)
}

func (t *sqlTx) QueryRow(ctx context.Context, query string, args ...any) Scanner {
	if t.cache != nil {
		s, err := t.cache.get(ctx, query)
		if err != nil {
			return failedRow{err}
		}
		return t.tx.StmtContext(ctx, s).QueryRowContext(ctx, args...)
	}
	return t.tx.QueryRowContext(ctx, query, args...)
}

type failedRow struct{ err error }

func (r failedRow) Scan(...any) error { return r.err }

// stmtCache prepares each text once per pool; database/sql spreads it over the connections.
type stmtCache struct {
	mu    sync.Mutex
	pool  *sql.DB
	stmts map[string]*sql.Stmt
}

func newStmtCache(pool *sql.DB) *stmtCache { return &stmtCache{pool: pool, stmts: map[string]*sql.Stmt{}} }

func (c *stmtCache) get(ctx context.Context, query string) (*sql.Stmt, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	if len(c.stmts) >= maxStatements {
		return nil, fmt.Errorf("more than %d different statements: a value was written into SQL", maxStatements)
	}
	s, err := c.pool.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.stmts[query] = s
	return s, nil
}

func (c *stmtCache) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.stmts {
		_ = s.Close() // the pool is closed next
	}
}
