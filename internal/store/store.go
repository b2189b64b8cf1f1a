// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"

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

// Config says where the database is.
type Config struct {
	Path string       // SQLite file; ignored when URL is set
	URL  string       // postgres://...; empty means SQLite
	Log  *slog.Logger // nil discards
	// Registry gets the metrics of transactions; nil: none.
	Registry prometheus.Registerer
	// Strict panics when a transaction is opened inside another one of the same goroutine, which
	// would deadlock on SQLite and see half a truth on PostgreSQL. Tests set it; it costs
	// microseconds per transaction.
	Strict bool
	// DryRun lets every Write and Gate run to its end and then takes it back: what a command prints
	// is true, nothing of it stays.
	DryRun bool
}

// DB is a handle on one database. It is safe for concurrent use.
type DB struct {
	engine  Engine
	backend backend
	log     *slog.Logger
	feed    *feed
	nesting *nesting // nil unless strict
	dryRun  bool
	metrics *metrics
}

// backend is what differs between the engines: how a transaction begins and ends. fn returns what
// the attempt came to; nil commits.
type backend interface {
	write(ctx context.Context, fn func(runner) error) error
	gate(ctx context.Context, fn func(runner) error) error
	read(ctx context.Context, fn func(runner) error) error
	raw() *sql.DB
	close() error
}

// Open connects; it does not migrate (see Migrate and CheckSchema). Unavailable (store.unavailable)
// when the database cannot be reached or its file not be opened, Invalid (store.url) when the URL
// cannot be read.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	db := &DB{log: cfg.Log, dryRun: cfg.DryRun, metrics: newMetrics(cfg.Registry)}
	if db.log == nil {
		db.log = slog.New(slog.DiscardHandler)
	}
	if cfg.Strict {
		db.nesting = &nesting{}
	}
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

// Close waits for running transactions and closes all connections. Closing twice is harmless;
// transactions that begin afterwards fail.
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
// fn must not open another transaction: functions that join one take a Tx.
func (db *DB) Write(ctx context.Context, fn func(Tx) error) error {
	return db.retry(ctx, "write", db.backend.write, fn)
}

// Gate runs fn like Write, but on PostgreSQL under READ COMMITTED: fn must first lock, in sorted
// order, the rows that guard all it reads (SELECT ... FOR UPDATE through ForUpdate). It exists for
// the admission gate, the running meeting and the queue of jobs alone, where SERIALIZABLE would let
// one of two nodes starve on a hot row (docs/adr/0004).
func (db *DB) Gate(ctx context.Context, fn func(Tx) error) error {
	return db.retry(ctx, "gate", db.backend.gate, fn)
}

// errTakenBack ends the transaction of a dry run.
var errTakenBack = errors.New("taken back")

// Read runs fn on one consistent, read-only snapshot.
func (db *DB) Read(ctx context.Context, fn func(Reader) error) (err error) {
	defer db.nesting.enter()()
	defer db.metrics.observe("read", time.Now(), &err)
	return classify(db.backend.read(ctx, func(run runner) error {
		r := &reader{within: ctx, engine: db.engine, run: run}
		return r.end(fn(r))
	}))
}

// Peek is Read for a single statement, which is one snapshot by itself: on PostgreSQL it costs no transaction around it, a third of the
// work. A second statement is refused. Nothing but SQLite refuses one that writes, as both engines run the same texts.
func (db *DB) Peek(ctx context.Context, fn func(Reader) error) (err error) {
	defer db.nesting.enter()()
	defer db.metrics.observe("read", time.Now(), &err)
	read := db.backend.read
	if p, ok := db.backend.(peeker); ok {
		read = p.peek
	}
	return classify(read(ctx, func(run runner) error {
		r := &reader{within: ctx, engine: db.engine, run: &once{runner: run}}
		return r.end(fn(r))
	}))
}

var errSecond = errors.New("store: a second statement in a Peek; use Read")

// once runs one query.
type once struct {
	runner

	spent bool
}

func (o *once) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	if o.spent {
		return nil, errSecond
	}
	o.spent = true
	return o.runner.query(ctx, query, args)
}

// peeker is a backend that has a shorter way than read for a single statement. SQLite has none: what a transaction costs there is
// microseconds.
type peeker interface {
	peek(ctx context.Context, fn func(runner) error) error
}

type transact func(context.Context, func(runner) error) error

func (db *DB) retry(ctx context.Context, verb string, begin transact, fn func(Tx) error) (err error) {
	defer db.nesting.enter()()
	defer db.metrics.observe(verb, time.Now(), &err)
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	wait, collided := retryFirst, false
	for attempt := 1; ; attempt++ {
		var woken map[Topic]struct{}
		err := begin(ctx, func(run runner) error {
			t := txn{&reader{within: ctx, engine: db.engine, run: run}}
			err := t.end(fn(t))
			woken = t.woken
			if err == nil && db.dryRun {
				return errTakenBack
			}
			return err
		})
		if errors.Is(err, errTakenBack) {
			return nil
		}
		if err == nil {
			db.feed.wake(woken)
			return nil
		}
		if !contended(err) {
			// PostgreSQL reports some races as a unique violation: both looked, found nothing and
			// inserted. Looking again settles whether it was one.
			if collided || !uniqueInPostgres(err) {
				return classify(err)
			}
			collided = true
		}
		if attempt == writeAttempts {
			return fault.Wrap(err, fault.Unavailable, "store.contended")
		}
		db.metrics.retries.WithLabelValues(verb).Inc()
		select {
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err() // the caller has gone; nothing is wrong with the database
			}
			return fault.Wrap(err, fault.Unavailable, "store.contended")
		case <-time.After(wait/2 + rand.N(wait)):
		}
		wait = min(2*wait, retryMost)
	}
}
