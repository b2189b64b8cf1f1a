// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"

	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"meetcoop/internal/fault"
)

// sqliteDB keeps one connection for writing, so that writers queue in this process instead of
// failing in the file, and a pool for reading, which WAL lets run beside the writer.
type sqliteDB struct {
	writers *sql.DB
	readers *sql.DB
	turn    chan struct{} // holds one token: who has it may use conn
	conn    *sql.Conn
	stmts   map[string]*sql.Stmt // prepared on conn; modernc's driver would parse the text each time
	reads   *stmtCache
	dsn     string
}

// maxStatements bounds the prepared statements; the texts are constants, so it is never reached
// but by a mistake that puts values into SQL.
const maxStatements = 1000

func openSQLite(ctx context.Context, path string) (*sqliteDB, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "store.unavailable")
	}
	dsn := func(extra url.Values) string {
		q := url.Values{"_pragma": {"busy_timeout(5000)", "foreign_keys(1)", "synchronous(NORMAL)", "journal_mode(WAL)", "temp_store(MEMORY)", "cache_size(-16000)"}}
		for k, v := range extra {
			q[k] = append(q[k], v...)
		}
		return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
	}
	w, err := sql.Open("sqlite", dsn(url.Values{"_txlock": {"immediate"}}))
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	w.SetMaxOpenConns(1)
	conn, err := w.Conn(ctx)
	if err != nil {
		return nil, classify(fmt.Errorf("open database %s: %w", path, err))
	}
	r, err := sql.Open("sqlite", dsn(url.Values{"_pragma": {"query_only(1)"}}))
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	r.SetMaxOpenConns(max(4, runtime.NumCPU()))
	r.SetMaxIdleConns(max(4, runtime.NumCPU()))
	d := &sqliteDB{writers: w, readers: r, turn: make(chan struct{}, 1), conn: conn, stmts: map[string]*sql.Stmt{}, reads: newStmtCache(r), dsn: dsn(url.Values{"_txlock": {"immediate"}})}
	d.turn <- struct{}{}
	return d, nil
}

func (d *sqliteDB) openForMigration() (*sql.DB, error) {
	own, err := sql.Open("sqlite", d.dsn)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	own.SetMaxOpenConns(1)
	return own, nil
}

func (d *sqliteDB) raw() *sql.DB { return d.readers }

func (d *sqliteDB) close() error {
	<-d.turn // wait for the running write
	for _, s := range d.stmts {
		_ = s.Close() // the connection goes next
	}
	d.reads.close()
	err := d.readers.Close()
	if e := d.conn.Close(); err == nil {
		err = e
	}
	if e := d.writers.Close(); err == nil {
		err = e
	}
	return err
}

func (d *sqliteDB) gate(ctx context.Context, fn func(Tx) error) error { return d.write(ctx, fn) }

func (d *sqliteDB) write(ctx context.Context, fn func(Tx) error) (err error) {
	select {
	case <-d.turn:
		defer func() { d.turn <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	// BEGIN IMMEDIATE takes the write lock now: a deferred transaction that upgrades later fails
	// with SQLITE_BUSY whatever the time-out, as its snapshot is old by then.
	if _, err := d.conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	done := false
	defer func() {
		if !done { // an error, a panic or a cancelled context: the connection must not stay inside
			_, rb := d.conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
			if rb != nil && err == nil {
				err = rb
			}
		}
	}()
	if err := fn(&sqliteTx{d}); err != nil {
		return err
	}
	if _, err := d.conn.ExecContext(context.WithoutCancel(ctx), "COMMIT"); err != nil {
		return err
	}
	done = true
	return nil
}

type sqliteTx struct{ d *sqliteDB }

func (t *sqliteTx) Engine() Engine { return SQLite }

func (t *sqliteTx) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := t.d.stmts[query]; ok {
		return s, nil
	}
	if len(t.d.stmts) >= maxStatements {
		for q, s := range t.d.stmts {
			_ = s.Close() // a full cache is emptied; nothing is lost but time
			delete(t.d.stmts, q)
		}
	}
	s, err := t.d.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	t.d.stmts[query] = s
	return s, nil
}

func (t *sqliteTx) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := t.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

func (t *sqliteTx) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := t.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

func (t *sqliteTx) QueryRow(ctx context.Context, query string, args ...any) Scanner {
	s, err := t.stmt(ctx, query)
	if err != nil {
		return failedRow{err}
	}
	return s.QueryRowContext(ctx, args...)
}

func (d *sqliteDB) read(ctx context.Context, fn func(Reader) error) error {
	return readTx(ctx, d.readers, nil, SQLite, d.reads, fn)
}
