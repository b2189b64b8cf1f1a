// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	_ "modernc.org/sqlite" // registers the driver "sqlite"

	"meetcoop/internal/fault"
)

// sqliteDB keeps one connection for writing, so that writers queue in this process instead of
// failing in the file, and some for reading, which WAL lets run beside the writer.
type sqliteDB struct {
	writers, readers *sql.DB
	write1           chan *sqliteConn // holds the writer while it is free
	reads            chan *sqliteConn // holds the free readers
	all              int              // readers there are
	path             string
	dsn              string
	gone             chan struct{} // closed by close
	once             sync.Once
	written          int           // transactions of the writer since the last poke; belongs to whoever holds it
	marked           int64         // Mark; this and the next belong to the holder of the writer as well
	dataVersion      int64         // as last seen; another value says that another connection has committed
	poke             chan struct{} // asks for a checkpoint
	tidied           chan struct{} // closed when the goroutine of checkpoints has ended; nil before it began
}

const (
	// checkpointEvery is after how many writes the log is copied into the file beside the writer, which would stop for
	// it otherwise, with two waits for the disk. A rare write does not wake it.
	checkpointEvery = 16
	// checkpointPages is when the writer does it itself: a log that is written without a pause is never copied whole
	// by somebody else, and only then begins anew. 16 MB.
	checkpointPages = "wal_autocheckpoint(2000)"
	// pageSize is twice the usual: what a batch costs is mostly how many pages it writes. A file keeps the size it was made with.
	pageSize = "page_size(8192)"
)

var errClosed = errors.New("store: the database handle is closed")

func openSQLite(ctx context.Context, path string) (_ *sqliteDB, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "store.unavailable")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "store.unavailable")
	}
	// The driver applies pragmas in alphabetical order, busy_timeout first: another process may
	// hold the file while we connect. The journal mode comes after them, as a file in WAL mode has a page size already.
	dsn := func(extra ...string) string {
		q := url.Values{"_pragma": append([]string{"busy_timeout(5000)", "foreign_keys(1)", "synchronous(NORMAL)",
			pageSize, "temp_store(MEMORY)", "cache_size(-8000)"}, extra...), "_journal_mode": {"WAL"}}
		return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: q.Encode()}).String()
	}
	n := max(4, runtime.NumCPU())
	d := &sqliteDB{write1: make(chan *sqliteConn, 1), reads: make(chan *sqliteConn, n), path: path, dsn: dsn(checkpointPages), gone: make(chan struct{}), poke: make(chan struct{}, 1)}
	defer func() {
		if err != nil {
			_ = d.close() // the error of opening tells more
		}
	}()
	if d.writers, err = sql.Open("sqlite", d.dsn); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if d.readers, err = sql.Open("sqlite", dsn("query_only(1)")); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	w, err := newSQLiteConn(ctx, d.writers)
	// Processes that open a new file at once all turn it to WAL; whoever is not the first is refused there without the wait that
	// busy_timeout asks for.
	for began := time.Now(); contended(err) && time.Since(began) < writeTimeout && ctx.Err() == nil; {
		time.Sleep(retryFirst + rand.N(retryFirst))
		w, err = newSQLiteConn(ctx, d.writers)
	}
	if err != nil {
		return nil, classify(fmt.Errorf("open database %s: %w", path, err))
	}
	d.write1 <- w
	for range n {
		r, err := newSQLiteConn(ctx, d.readers)
		if err != nil {
			return nil, classify(fmt.Errorf("open database %s: %w", path, err))
		}
		d.reads <- r
		d.all++
	}
	d.tidied = make(chan struct{})
	go d.checkpoint()
	return d, nil
}

// checkpoint copies the log into the file whenever it is asked to, on a connection of its own. What it cannot copy, because
// somebody reads or writes, waits for the next time.
func (d *sqliteDB) checkpoint() {
	defer close(d.tidied)
	for {
		select {
		case <-d.gone:
			return
		case <-d.poke:
		}
		_, _ = d.readers.Exec("PRAGMA wal_checkpoint(PASSIVE)") // the writer does it, at the latest
	}
}

// openForMigration lends goose a connection of its own, as the writer's is never free. It begins
// with the write lock like write does.
func (d *sqliteDB) openForMigration() (*sql.DB, error) {
	own, err := sql.Open("sqlite", d.dsn+"&_txlock=immediate")
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	own.SetMaxOpenConns(1)
	return own, nil
}

func (d *sqliteDB) raw() *sql.DB { return d.readers }

func (d *sqliteDB) close() (err error) {
	d.once.Do(func() {
		close(d.gone)
		if d.tidied != nil {
			<-d.tidied
		}
		for range d.all { // wait for the running reads, then for the running write
			err = errors.Join(err, (<-d.reads).close())
		}
		if d.all > 0 {
			err = errors.Join(err, (<-d.write1).close())
		}
		for _, pool := range []*sql.DB{d.readers, d.writers} {
			if pool != nil {
				err = errors.Join(err, pool.Close())
			}
		}
	})
	return err
}

// BEGIN IMMEDIATE takes the write lock now: a deferred transaction that upgrades later fails with
// SQLITE_BUSY whatever the time-out, as its snapshot is old by then.
func (d *sqliteDB) write(ctx context.Context, fn func(runner) error) error {
	return d.transact(ctx, d.write1, "BEGIN IMMEDIATE", func(c *sqliteConn) error {
		if d.written++; d.written >= checkpointEvery {
			d.written = 0
			select {
			case d.poke <- struct{}{}:
			default:
			}
		}
		return fn(wholeStatements{c, d})
	})
}

func (d *sqliteDB) gate(ctx context.Context, fn func(runner) error) error { return d.write(ctx, fn) }

func (d *sqliteDB) read(ctx context.Context, fn func(runner) error) error {
	return d.transact(ctx, d.reads, "BEGIN", func(c *sqliteConn) error { return fn(c) })
}

func (d *sqliteDB) transact(ctx context.Context, free chan *sqliteConn, begin string, fn func(*sqliteConn) error) error {
	if err := ctx.Err(); err != nil {
		return err // select would choose at random
	}
	var c *sqliteConn
	select {
	case c = <-free:
		defer func() { free <- c }()
	case <-d.gone:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	// These three run to their end whatever becomes of ctx: an interrupted BEGIN may have begun.
	whole := context.WithoutCancel(ctx)
	if _, err := c.conn.ExecContext(whole, begin); err != nil {
		return err
	}
	committed := false
	defer func() {
		if committed {
			return
		}
		// An error, a panic or the end of the goroutine: the connection must not stay inside. Where
		// SQLite has rolled back by itself (disk full, I/O error) ROLLBACK fails; that is well.
		_, _ = c.conn.ExecContext(whole, "ROLLBACK")
	}()
	if err := fn(c); err != nil {
		return err
	}
	if _, err := c.conn.ExecContext(whole, "COMMIT"); err != nil {
		return err
	}
	committed = true
	return nil
}

// sqliteConn is one connection with the statements prepared on it; modernc's driver would parse
// the text each time.
type sqliteConn struct {
	conn  *sql.Conn
	stmts map[string]*sql.Stmt
	execs map[string]driver.StmtExecContext // past database/sql, whose care for each value costs a tenth of a write; see exec
	args  []driver.NamedValue               // of the running exec
}

// maxStatements bounds the prepared statements; the texts are constants, so it is never reached
// but by a mistake that puts values into SQL.
const maxStatements = 1000

var errTooMany = errors.New("store: too many different statements: a value was written into SQL")

func newSQLiteConn(ctx context.Context, pool *sql.DB) (*sqliteConn, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &sqliteConn{conn: conn, stmts: map[string]*sql.Stmt{}, execs: map[string]driver.StmtExecContext{}}, nil
}

func (c *sqliteConn) close() error {
	for _, s := range c.stmts {
		_ = s.Close() // the statement holds nothing but memory
	}
	for _, s := range c.execs {
		_ = s.(driver.Stmt).Close()
	}
	return c.conn.Close()
}

func (c *sqliteConn) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	if len(c.stmts) >= maxStatements {
		return nil, errTooMany
	}
	s, err := c.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.stmts[query] = s
	return s, nil
}

// exec runs a statement on the driver's connection. Nobody else has c, and its sql.Conn is used for nothing at the same time.
func (c *sqliteConn) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	s, ok := c.execs[query]
	if !ok {
		if len(c.execs) >= maxStatements {
			return nil, errTooMany
		}
		if err := c.conn.Raw(func(conn any) error {
			prepared, err := conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
			if err == nil {
				s = prepared.(driver.StmtExecContext)
			}
			return err
		}); err != nil {
			return nil, err
		}
		c.execs[query] = s
	}
	c.args = c.args[:0]
	for i, a := range args {
		v, err := value(a)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	defer clear(c.args) // what a caller has written is not kept
	return s.ExecContext(ctx, c.args)
}

// value is what the driver takes, as database/sql would make it.
func value(a any) (driver.Value, error) {
	switch v := a.(type) {
	case nil, string, int64, bool:
		return v, nil
	case int:
		return int64(v), nil
	}
	return driver.DefaultParameterConverter.ConvertValue(a)
}

func (c *sqliteConn) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	s, err := c.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// wholeStatements runs every statement of a write to its end whatever becomes of ctx, which is
// looked at between them (reader.ready): an interrupted INSERT, UPDATE or DELETE makes SQLite roll
// back the whole transaction by itself, and what follows would be committed one by one
// (https://www.sqlite.org/c3ref/interrupt.html). It also spares a goroutine per statement.
type wholeStatements struct {
	*sqliteConn
	db *sqliteDB
}

func (w wholeStatements) mark() int64 {
	w.db.marked++
	return w.db.marked
}

// marks asks SQLite whether another connection has committed since it was last asked
// (https://www.sqlite.org/pragma.html#pragma_data_version).
func (w wholeStatements) marks(ctx context.Context) (int64, error) {
	s, err := w.stmt(ctx, "PRAGMA data_version")
	if err != nil {
		return 0, err
	}
	var version int64
	if err := s.QueryRowContext(context.WithoutCancel(ctx)).Scan(&version); err != nil {
		return 0, err
	}
	if version != w.db.dataVersion {
		w.db.dataVersion = version
		w.db.marked++
	}
	return w.db.marked, nil
}

func (w wholeStatements) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	return w.sqliteConn.exec(context.WithoutCancel(ctx), query, args)
}

func (w wholeStatements) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	return w.sqliteConn.query(context.WithoutCancel(ctx), query, args)
}
