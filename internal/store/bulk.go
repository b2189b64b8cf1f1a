// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"strconv"
	"strings"
)

// bulkSizes are the numbers of rows that statements are prepared for, largest first: any number of
// rows is made of few statements, and the prepared texts stay few (gateway.md A8).
var bulkSizes = [...]int{64, 16, 4, 1}

// firstSize is the largest of them worth while on an engine. SQLite's statements cost no round trip, and
// its driver finds each value by walking all of them: 640 take longer than 4 times 160.
func firstSize(e Engine) int {
	if e == SQLite {
		return 1
	}
	return 0
}

// Bulk writes or reads many rows with few statements. Build it once, from constant text; it is safe
// for concurrent use.
type Bulk struct {
	cols  int
	texts map[Engine][len(bulkSizes)]string
}

// NewRows makes a Bulk whose text is head, then a list of rows of cols placeholders, then tail:
// INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT ...
func NewRows(head string, cols int, tail string) *Bulk {
	return newBulk(head, 0, cols, tail, "(", "), (", ")")
}

// NewIn makes a Bulk for a list of single values: head ... IN ($1, $2) tail. fixed placeholders, $1
// onward, come before those of the list.
func NewIn(head string, fixed int, tail string) *Bulk {
	return newBulk(head+" (", fixed, 1, ")"+tail, "", ", ", "")
}

// NewEach makes a Bulk like NewIn that looks every value up by itself: one ends in "column =" and is
// joined with UNION ALL. It is for a column behind another one in an index: given a list, PostgreSQL may
// read all there is under the first column, if it does not know how much that is.
func NewEach(one string, fixed int) *Bulk {
	return newBulk("", fixed, 1, "", one+" ", " UNION ALL "+one+" ", "")
}

func newBulk(head string, fixed, cols int, tail, open, between, end string) *Bulk {
	out := &Bulk{cols: cols, texts: map[Engine][len(bulkSizes)]string{}}
	for _, engine := range []Engine{SQLite, Postgres} {
		var texts [len(bulkSizes)]string
		for i, size := range bulkSizes {
			var b strings.Builder
			b.WriteString(head + open)
			for n := range size * cols {
				switch {
				case n%cols > 0:
					b.WriteString(", ")
				case n > 0:
					b.WriteString(between)
				}
				if engine == SQLite {
					b.WriteByte('?') // the next; its driver compares the names of $n as texts
				} else {
					b.WriteString("$" + strconv.Itoa(fixed+n+1))
				}
			}
			b.WriteString(end + tail)
			texts[i] = b.String()
		}
		out.texts[engine] = texts
	}
	return out
}

// Exec writes the rows, whose values follow one another in args, and returns how many were affected.
// It joins tx. Row order is kept.
func (b *Bulk) Exec(ctx context.Context, tx Tx, args []any) (affected int64, err error) {
	texts := b.texts[tx.Engine()]
	for i := firstSize(tx.Engine()); i < len(bulkSizes); i++ {
		for n := bulkSizes[i] * b.cols; len(args) >= n; args = args[n:] {
			one, err := Affected(tx.Exec(ctx, texts[i], args[:n]...))
			if err != nil {
				return affected, err
			}
			affected += one
		}
	}
	return affected, nil
}

// Each runs the query of a NewIn or NewEach for every key, in parts, and calls scan with each row. A part that is
// not full is filled by repeating its last key, so a query must not mind. It joins r.
func (b *Bulk) Each(ctx context.Context, r Reader, fixed []any, keys []string, suffix string, scan func(Scanner) error) error {
	texts := b.texts[r.Engine()]
	args := make([]any, 0, len(fixed)+bulkSizes[0])
	for len(keys) > 0 {
		i := len(bulkSizes) - 1
		for i > firstSize(r.Engine()) && bulkSizes[i] < len(keys) {
			i--
		}
		n := min(bulkSizes[i], len(keys))
		args = append(args[:0], fixed...)
		for k := range bulkSizes[i] {
			args = append(args, keys[min(k, n-1)])
		}
		keys = keys[n:]
		if err := eachRow(ctx, r, texts[i]+suffix, args, scan); err != nil {
			return err
		}
	}
	return nil
}

func eachRow(ctx context.Context, r Reader, query string, args []any, scan func(Scanner) error) error {
	rows, err := r.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // rows.Err below tells what matters
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
