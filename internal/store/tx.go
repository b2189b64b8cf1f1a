// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"database/sql"
	"errors"
)

// Scanner is one row under the cursor.
type Scanner interface{ Scan(dest ...any) error }

// Reader runs queries. It is not safe for concurrent use and dies with the function it was handed
// to. One query at a time: rows must be read to their end or closed before the next statement, as
// PostgreSQL has one conversation per connection and SQLite one cursor per prepared text.
type Reader interface {
	Query(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRow(ctx context.Context, query string, args ...any) Scanner
	Engine() Engine
}

// Tx is a Reader that may also change rows. After the first statement that fails the transaction is
// lost on both engines: what follows is refused, and returning nil does not commit. On PostgreSQL an Exec is answered together with
// what follows it, the COMMIT at the latest, unless its result is asked (docs/adr/0021): so is its error.
type Tx interface {
	Reader
	Exec(ctx context.Context, query string, args ...any) (sql.Result, error)
}

var (
	errOpenRows = errors.New("store: a statement while the rows of another are still open")
	errOver     = errors.New("store: transaction used after the function it was handed to has returned")
)

// runner is what an engine offers a transaction.
type runner interface {
	exec(ctx context.Context, query string, args []any) (sql.Result, error)
	query(ctx context.Context, query string, args []any) (*sql.Rows, error)
}

// reader is a transaction as Read hands it out; txn adds Exec, so that asserting a Reader to a Tx fails.
type reader struct {
	within context.Context // of this attempt, which is shorter than the caller's
	engine Engine
	run    runner
	lent   *sql.Rows // the rows last handed out, perhaps still open
	failed error     // of the first statement that failed
	over   bool
	woken  map[Topic]struct{}
}

type txn struct{ *reader }

func (t *reader) Engine() Engine { return t.engine }

// ready refuses a statement that PostgreSQL would refuse, so that SQLite does too.
func (t *reader) ready(ctx context.Context) error {
	if t.over {
		return errOver
	}
	if t.failed != nil {
		return t.failed
	}
	err := ctx.Err()
	if err == nil {
		err = t.within.Err()
	}
	if err == nil && t.lent != nil {
		if _, closed := t.lent.Columns(); closed == nil {
			err = errOpenRows
		}
	}
	t.failed = err
	return err
}

func (t *reader) Query(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := t.ready(ctx); err != nil {
		return nil, err
	}
	counted(ctx)
	rows, err := t.run.query(ctx, query, args)
	t.lent, t.failed = rows, err
	return rows, err
}

func (t *reader) QueryRow(ctx context.Context, query string, args ...any) Scanner {
	rows, err := t.Query(ctx, query, args...)
	return &oneRow{t, rows, err}
}

func (t txn) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := t.ready(ctx); err != nil {
		return nil, err
	}
	counted(ctx)
	res, err := t.run.exec(ctx, query, args)
	t.failed = err
	return res, err
}

// end closes what fn left open and returns what the attempt came to. A contended statement counts
// even when fn returned something else: whatever it concluded is void.
func (t *reader) end(err error) error {
	t.over = true
	if t.lent != nil {
		rowsErr := t.lent.Err()
		_ = t.lent.Close() // an error of the rows is in rowsErr
		if t.failed == nil {
			t.failed = rowsErr
		}
	}
	switch {
	case t.failed != nil && (err == nil || contended(t.failed)):
		return t.failed
	case err == nil:
		return t.within.Err()
	}
	return err
}

type oneRow struct {
	t    *reader
	rows *sql.Rows
	err  error
}

// Scan reads the first row; sql.ErrNoRows when there is none.
func (r *oneRow) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer func() { _ = r.rows.Close() }() // Close below tells; this is for the early returns
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			r.t.failed = err
			return err
		}
		return sql.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	if err := r.rows.Close(); err != nil {
		r.t.failed = err
		return err
	}
	return nil
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
	return res.RowsAffected()
}

// ForUpdate returns the suffix that locks the rows a SELECT returns: PostgreSQL needs it said,
// SQLite has locked the database already.
func ForUpdate(r Reader) string {
	if r.Engine() == Postgres {
		return " FOR UPDATE"
	}
	return ""
}

// SkipLocked is ForUpdate for taking work from a queue: rows that another transaction holds are
// passed over instead of awaited. For use in Gate.
func SkipLocked(r Reader) string {
	if r.Engine() == Postgres {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}
