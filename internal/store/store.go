// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"meetcoop/internal/fault"
)

// Engine names the database behind a handle. Only sql.go files ask, and only where
// the two truly need different text.
type Engine string

// The two engines, both first class: the whole suite runs on both.
const (
	SQLite   Engine = "sqlite"
	Postgres Engine = "postgres"
)

// Scanner is one row under the cursor.
type Scanner interface{ Scan(dest ...any) error }

// Reader runs queries. It is not safe for concurrent use and dies with the function it was handed to.
type Reader interface {
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) Scanner
	Engine() Engine
}

// Tx is a Reader that may also change rows.
type Tx interface {
	Reader
	Exec(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Config says where the database is.
type Config struct {
	Path string       // SQLite file; ignored when URL is set
	URL  string       // postgres://...; empty means SQLite
	Log  *slog.Logger // nil discards
}

// DB is a handle on one database. It is safe for concurrent use.
type DB struct {
	engine  Engine
	backend backend
	log     *slog.Logger
	feed    *feed
}

// backend is what differs between the engines: how a transaction begins.
type backend interface {
	write(ctx context.Context, fn func(Tx) error) error
	gate(ctx context.Context, fn func(Tx) error) error
	read(ctx context.Context, fn func(Reader) error) error
	raw() *sql.DB
	close() error
}

// Open connects; it does not migrate (see Migrate and CheckSchema). Unavailable (store.unavailable)
// when the database cannot be reached, Conflict (store.locked) when another process holds the SQLite
// file in a way that cannot be shared.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	db := &DB{log: log}
	var err error
	if cfg.URL != "" {
		db.engine = Postgres
		db.backend, err = openPostgres(ctx, cfg.URL)
	} else {
		db.engine = SQLite
		db.backend, err = openSQLite(ctx, cfg.Path)
	}
	if err != nil {
		return nil, err
	}
	db.feed = newFeed(db)
	return db, nil
}

// Close waits for running transactions and closes all connections.
func (db *DB) Close() error {
	db.feed.stop()
	return db.backend.close()
}

// Engine returns which engine this is.
func (db *DB) Engine() Engine { return db.engine }

// Raw returns the handle beneath, for migrations, doctor and tests only.
func (db *DB) Raw() *sql.DB { return db.backend.raw() }

// The bounds of one write: after that many attempts or that long, the caller hears store.contended.
// Contention is resolved by waiting a random time that doubles from retryFirst, so that two hot
// writers do not meet again in step.
const (
	writeAttempts = 12
	writeTimeout  = 5 * time.Second
	retryFirst    = 2 * time.Millisecond
	retryMost     = 200 * time.Millisecond
)

// Write runs fn in a serializable transaction and commits when it returns nil. fn may run more
// than once, so it has no effect but through tx: no network, no mail, no channel, no clock. A fault
// of fn is returned as it is. Unavailable (store.contended) after a bounded number of retries.
// Calling Write inside fn deadlocks on SQLite: functions that join a transaction take a Tx.
func (db *DB) Write(ctx context.Context, fn func(Tx) error) error {
	return db.retry(ctx, func(ctx context.Context) error { return db.backend.write(ctx, fn) })
}

// Gate runs fn like Write, but on PostgreSQL under READ COMMITTED: fn must first lock, in sorted
// order, the rows that guard all it reads (SELECT ... FOR UPDATE through ForUpdate). It exists for
// the admission gate and the running meeting alone, where SERIALIZABLE would let one of two nodes starve on a hot row
// (docs/adr/0004).
func (db *DB) Gate(ctx context.Context, fn func(Tx) error) error {
	return db.retry(ctx, func(ctx context.Context) error { return db.backend.gate(ctx, fn) })
}

// Read runs fn on one consistent, read-only snapshot.
func (db *DB) Read(ctx context.Context, fn func(Reader) error) error {
	return classify(db.backend.read(ctx, fn))
}

func (db *DB) retry(ctx context.Context, once func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	wait := retryFirst
	for attempt := 1; ; attempt++ {
		err := once(ctx)
		if err == nil {
			db.feed.wake()
			return nil
		}
		if !contended(err) {
			return classify(err)
		}
		if attempt == writeAttempts {
			return fault.Wrap(err, fault.Unavailable, "store.contended")
		}
		select {
		case <-ctx.Done():
			return fault.Wrap(errors.Join(ctx.Err(), err), fault.Unavailable, "store.contended")
		case <-time.After(wait/2 + rand.N(wait)):
		}
		wait = min(2*wait, retryMost)
	}
}

// ForUpdate returns the suffix that locks the rows a SELECT returns: PostgreSQL needs it said,
// SQLite has locked the database already.
func ForUpdate(r Reader) string {
	if r.Engine() == Postgres {
		return " FOR UPDATE"
	}
	return ""
}

// All returns every row of a query, scanned. No rows is an empty, non-nil slice.
func All[T any](ctx context.Context, r Reader, scan func(Scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := r.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // rows.Err below tells what matters
	out := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// Find returns the first row of a query, scanned, and whether there was one.
func Find[T any](ctx context.Context, r Reader, scan func(Scanner) (T, error), query string, args ...any) (T, bool, error) {
	v, err := scan(r.QueryRow(ctx, query, args...))
	if errors.Is(err, sql.ErrNoRows) {
		var none T
		return none, false, nil
	}
	return v, err == nil, err
}

// Value scans a single column; it is a scan function for All and Find.
func Value[T any](s Scanner) (T, error) {
	var v T
	err := s.Scan(&v)
	return v, err
}

// Affected returns how many rows res changed.
func Affected(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("rows affected: %w", err)
	}
	return n, nil
}
