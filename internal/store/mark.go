// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import "context"

// marker is a runner of an engine that knows of everything that is committed.
type marker interface {
	mark() int64
	marks(ctx context.Context) (int64, error)
}

// Mark says that tx changes something that somebody remembers by Marks. It returns what Marks gives from now on, if nobody marks again.
// A transaction that is taken back has marked all the same. It joins tx.
func Mark(tx Tx) int64 {
	if t, ok := tx.(txn); ok {
		if m, ok := t.run.(marker); ok {
			return m.mark()
		}
	}
	return 0
}

// Marks returns a number that has grown since it was last returned if a transaction of this handle has called Mark, or if another
// handle, of this process or another, has committed anything at all. Whoever remembers rows that are never changed without Mark need not
// read them again while it stays. Not known on PostgreSQL, where nobody can tell without asking each row. It joins tx.
func Marks(ctx context.Context, tx Tx) (n int64, known bool, err error) {
	t, ok := tx.(txn)
	if !ok {
		return 0, false, nil
	}
	m, ok := t.run.(marker)
	if !ok {
		return 0, false, nil
	}
	if err := t.ready(ctx); err != nil {
		return 0, false, err
	}
	counted(ctx)
	n, t.failed = m.marks(ctx)
	return n, true, t.failed
}
