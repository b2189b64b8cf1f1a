// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"database/sql"
	"errors"
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
	pool := sql.OpenDB(pipelines{stdlib.GetConnector(*cfg)})
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
	return d.transact(ctx, "begin isolation level serializable", fn, (*pipeline).commit)
}

func (d *postgresDB) gate(ctx context.Context, fn func(runner) error) error {
	return d.transact(ctx, "begin isolation level read committed", fn, (*pipeline).commit)
}

func (d *postgresDB) read(ctx context.Context, fn func(runner) error) error {
	return d.transact(ctx, "begin isolation level repeatable read read only", fn, (*pipeline).leave)
}

// peek leaves it to the pool which connection is asked.
func (d *postgresDB) peek(ctx context.Context, fn func(runner) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return fn(postgresPool{d.pool})
}

func (d *postgresDB) transact(ctx context.Context, begin string, fn func(runner) error, end func(*pipeline, context.Context) error) error {
	conn, err := d.pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // it goes back to the pool
	raw := func(do func(p *pipeline) error) error {
		return conn.Raw(func(c any) error { return do(c.(*pipeline)) }) // what the pool opens
	}
	if err := raw(func(p *pipeline) error { p.begin(ctx, begin); return nil }); err != nil {
		return err
	}
	ended := false
	defer func() {
		if !ended { // a panic, or the end of the goroutine: the connection must not stay inside
			_ = raw(func(p *pipeline) error { p.abandon(ctx); return nil })
		}
	}()
	err = fn(postgresTx{conn})
	ended = true
	if err == nil {
		return raw(func(p *pipeline) error { return end(p, ctx) })
	}
	return raw(func(p *pipeline) error {
		// What is still queued may tell that others were faster, and then whatever fn concluded is void; of a dry run it must tell what
		// is wrong with it.
		if p.err == nil && len(p.queue) > 0 && !p.untouched() || errors.Is(err, errTakenBack) {
			p.flush(ctx)
		}
		if p.err != nil && (errors.Is(err, errTakenBack) || contended(p.err)) {
			err = p.err
		}
		p.abandon(ctx)
		return err
	})
}

// postgresTx needs no statement cache: pgx prepares and caches by itself.
type postgresTx struct{ conn *sql.Conn }

func (t postgresTx) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	return t.conn.ExecContext(ctx, query, args...)
}

func (t postgresTx) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	return t.conn.QueryContext(ctx, query, args...)
}

type postgresPool struct{ pool *sql.DB }

func (postgresPool) exec(context.Context, string, []any) (sql.Result, error) {
	return nil, errSecond // nobody can ask: a Reader has no Exec
}

func (p postgresPool) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	return p.pool.QueryContext(ctx, query, args...)
}
