// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
)

// pipelines opens connections of the kind below.
type pipelines struct{ driver.Connector }

// Connect implements driver.Connector.
func (p pipelines) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := p.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &pipeline{Conn: c.(*stdlib.Conn)}, nil // what GetConnector promises
}

// pipeline is a connection on which a transaction spends no round trip on what tells nothing (docs/adr/0021): BEGIN travels with
// the first statement, an Exec with the next statement whose answer is looked at, or with the COMMIT. Outside of begin and end it is
// pgx's own. Its methods are called under the lock that database/sql has on a connection.
type pipeline struct {
	*stdlib.Conn

	within bool             // a transaction
	queue  []*sent          // what was not sent yet
	err    error            // the first failure of the transaction
	left   pgx.BatchResults // the answer to a COMMIT that nobody waits for
}

// sent is a statement that is sent with the next one. It is its own driver.Result.
type sent struct {
	on    *pipeline
	ctx   context.Context // of the caller
	query string
	args  []any
	tag   pgconn.CommandTag
	err   error
	over  bool // the answer is known
}

// mostQueued bounds what is kept back: a transaction that writes a thousand rows one by one has the database work meanwhile.
const mostQueued = 32

var errTxOver = errors.New("store: the transaction has ended without this statement")

// LastInsertId implements driver.Result.
func (*sent) LastInsertId() (int64, error) {
	return 0, errors.New("store: no LastInsertId on PostgreSQL; use RETURNING")
}

// RowsAffected implements driver.Result: now the answer is looked at.
func (s *sent) RowsAffected() (int64, error) {
	if !s.over {
		s.on.flush(s.ctx)
	}
	return s.tag.RowsAffected(), s.err
}

// begin notes that a transaction begins with the next statement.
func (p *pipeline) begin(ctx context.Context, text string) {
	p.within, p.err, p.queue = true, nil, p.queue[:0]
	p.add(ctx, text, nil)
}

func (p *pipeline) add(ctx context.Context, query string, args []any) *sent {
	s := &sent{on: p, ctx: ctx, query: query, args: args}
	p.queue = append(p.queue, s)
	return s
}

// untouched reports whether nothing of the transaction has reached the server.
func (p *pipeline) untouched() bool { return p.Conn.Conn().PgConn().TxStatus() == 'I' }

// flush sends what is queued and reads the answers; the first failure is that of the transaction.
func (p *pipeline) flush(ctx context.Context) {
	if len(p.queue) == 0 {
		return
	}
	p.settle(p.send(ctx), nil)
}

// send sends what is queued.
func (p *pipeline) send(ctx context.Context) pgx.BatchResults {
	b := &pgx.Batch{QueuedQueries: make([]*pgx.QueuedQuery, len(p.queue))}
	for i, s := range p.queue {
		b.QueuedQueries[i] = &pgx.QueuedQuery{SQL: s.query, Arguments: s.args}
	}
	return p.Conn.Conn().SendBatch(ctx, b)
}

// settle reads the answers to what is queued, and what follows them with read, unless one of them is a failure.
func (p *pipeline) settle(answers pgx.BatchResults, read func() error) {
	for i, s := range p.queue {
		if s.over = true; p.err != nil {
			s.err = p.err
			continue
		}
		if s.tag, s.err = answers.Exec(); s.err != nil {
			p.err = s.err
		}
		p.queue[i] = nil
	}
	p.queue = p.queue[:0]
	if read != nil && p.err == nil {
		if p.err = read(); p.err == nil {
			return // whoever reads closes
		}
	}
	if err := answers.Close(); p.err == nil {
		p.err = err
	}
}

// ExecContext implements driver.ExecerContext.
func (p *pipeline) ExecContext(ctx context.Context, query string, named []driver.NamedValue) (driver.Result, error) {
	if !p.within {
		return p.Conn.ExecContext(ctx, query, named)
	}
	if p.err != nil {
		return nil, p.err
	}
	s := p.add(ctx, query, values(named))
	// Statements are prepared before the first of them runs, which one that makes a table (only tests do) must have done.
	if len(named) == 0 || len(p.queue) > mostQueued {
		p.flush(ctx)
	}
	return s, p.err
}

// QueryContext implements driver.QueryerContext.
func (p *pipeline) QueryContext(ctx context.Context, query string, named []driver.NamedValue) (driver.Rows, error) {
	if !p.within {
		return p.Conn.QueryContext(ctx, query, named)
	}
	if p.err != nil {
		return nil, p.err
	}
	out := &pipedRows{on: p}
	if len(p.queue) == 0 {
		p.err = out.open(p.Conn.Conn().Query(ctx, query, values(named)...))
	} else {
		b := p.add(ctx, query, values(named)) // for send alone: its answer is rows
		answers := p.send(ctx)
		b.over, p.queue = true, p.queue[:len(p.queue)-1]
		p.settle(answers, func() error {
			out.answers = answers
			return out.open(answers.Query())
		})
	}
	if p.err != nil {
		return nil, p.err
	}
	return out, nil
}

// commit sends what is queued with the COMMIT.
func (p *pipeline) commit(ctx context.Context) error {
	if p.err == nil && p.untouched() && len(p.queue) == 1 {
		p.end() // there was only BEGIN
		return nil
	}
	if p.err == nil {
		done := p.add(ctx, "commit", nil)
		if p.flush(ctx); p.err == nil && done.tag.String() == "ROLLBACK" {
			p.err = pgx.ErrTxCommitRollback
		}
	}
	err := p.err
	if !p.untouched() {
		p.rollback(ctx)
	}
	p.end()
	return err
}

// leave ends a transaction that has only read, and waits for nobody: its results are in hand, and what a COMMIT says of them is nothing.
// The answer is read before the connection is used again (ResetSession).
func (p *pipeline) leave(ctx context.Context) error {
	if err := p.err; err != nil || p.untouched() {
		p.abandon(ctx)
		return err
	}
	whole := context.WithoutCancel(ctx) // whoever asked may leave before the answer comes
	p.add(whole, "commit", nil)
	p.left = p.send(whole)
	p.end()
	return nil
}

// abandon takes back what was done, and does not even send what is queued.
func (p *pipeline) abandon(ctx context.Context) {
	if !p.untouched() {
		p.rollback(ctx)
	}
	p.end()
}

// rollbackWithin is how long the server has to take something back; then the connection is given up, which does it too.
const rollbackWithin = 5 * time.Second

func (p *pipeline) rollback(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackWithin)
	defer cancel()
	if _, err := p.Conn.Conn().Exec(ctx, "rollback"); err != nil {
		_ = p.Conn.Conn().Close(ctx) // the pool opens another
	}
}

func (p *pipeline) end() {
	for _, s := range p.queue {
		s.over, s.err = true, errTxOver
	}
	p.within, p.err, p.queue = false, nil, nil
}

// ResetSession implements driver.SessionResetter: it is called before the connection is lent again.
func (p *pipeline) ResetSession(ctx context.Context) error {
	if left := p.left; left != nil {
		p.left = nil
		if left.Close() != nil {
			return driver.ErrBadConn
		}
	}
	return p.Conn.ResetSession(ctx)
}

func values(named []driver.NamedValue) []any {
	out := make([]any, len(named))
	for i, v := range named {
		out[i] = v.Value
	}
	return out
}

// pipedRows are the rows of a statement in a transaction.
type pipedRows struct {
	on      *pipeline
	rows    pgx.Rows
	answers pgx.BatchResults // they came in; nil for none
	names   []string
	columns []func([]byte) (driver.Value, error)
	ahead   bool // the first row was read already
	more    bool
}

// open takes rows over and reads the first, so that a statement that fails does so at once.
func (r *pipedRows) open(rows pgx.Rows, err error) error {
	if err != nil {
		return err
	}
	r.rows, r.ahead, r.more = rows, true, rows.Next()
	if err := rows.Err(); err != nil {
		return err
	}
	fields := rows.FieldDescriptions()
	r.names, r.columns = make([]string, len(fields)), make([]func([]byte) (driver.Value, error), len(fields))
	for i, f := range fields {
		if r.names[i], r.columns[i] = f.Name, columnOf(r.on.Conn.Conn().TypeMap(), f); r.columns[i] == nil {
			rows.Close()
			return fmt.Errorf("store: column %s is of a type that no table of ours has (%d)", f.Name, f.DataTypeOID)
		}
	}
	return nil
}

// columnOf returns what reads a column, as database/sql wants its values; nil for types that house style does not know.
func columnOf(m *pgtype.Map, f pgconn.FieldDescription) func([]byte) (driver.Value, error) {
	switch f.DataTypeOID {
	case pgtype.TextOID, pgtype.VarcharOID, pgtype.NameOID, pgtype.UnknownOID:
		return func(src []byte) (driver.Value, error) { return string(src), nil } // the same in both formats
	case pgtype.Int8OID, pgtype.Int4OID, pgtype.Int2OID:
		return column(m, f, func(v int64) (driver.Value, error) { return v, nil })
	case pgtype.BoolOID:
		return column(m, f, func(v bool) (driver.Value, error) { return v, nil })
	case pgtype.TimestamptzOID:
		return column(m, f, func(v pgtype.Timestamptz) (driver.Value, error) { return v.Value() })
	case pgtype.DateOID:
		return column(m, f, func(v pgtype.Date) (driver.Value, error) { return v.Value() })
	case pgtype.Float8OID:
		return column(m, f, func(v float64) (driver.Value, error) { return v, nil })
	case pgtype.ByteaOID:
		return column(m, f, func(v []byte) (driver.Value, error) { return v, nil })
	}
	return nil
}

func column[T any](m *pgtype.Map, f pgconn.FieldDescription, as func(T) (driver.Value, error)) func([]byte) (driver.Value, error) {
	v := new(T)
	plan := m.PlanScan(f.DataTypeOID, f.Format, v)
	return func(src []byte) (driver.Value, error) {
		if err := plan.Scan(src, v); err != nil {
			return nil, err
		}
		return as(*v)
	}
}

// Columns implements driver.Rows.
func (r *pipedRows) Columns() []string { return r.names }

// Next implements driver.Rows.
func (r *pipedRows) Next(dest []driver.Value) (err error) {
	if r.ahead {
		r.ahead = false
	} else {
		r.more = r.rows.Next()
	}
	if !r.more {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	for i, src := range r.rows.RawValues() {
		if dest[i] = nil; src == nil {
			continue
		}
		if dest[i], err = r.columns[i](src); err != nil {
			return fmt.Errorf("column %s: %w", r.names[i], err)
		}
	}
	return nil
}

// Close implements driver.Rows.
func (r *pipedRows) Close() error {
	r.rows.Close()
	err := r.rows.Err()
	if r.answers != nil {
		if late := r.answers.Close(); err == nil {
			err = late
		}
	}
	if err != nil && r.on.err == nil && r.on.within {
		r.on.err = err
	}
	return err
}
