// SPDX-License-Identifier: AGPL-3.0-or-later

package store_test

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

func TestMarksTellWhetherSomebodyElseHasWritten(t *testing.T) {
	where := storetest.Location(t, store.SQLite)
	db, other := storetest.Open(t, where), storetest.Open(t, where)
	within := func(db *store.DB, fn func(tx store.Tx) error) {
		t.Helper()
		if err := db.Gate(background, fn); err != nil && !errors.Is(err, errStop) {
			t.Fatal(err)
		}
	}
	marks := func() (n int64) {
		t.Helper()
		within(db, func(tx store.Tx) error {
			var known bool
			var err error
			if n, known, err = store.Marks(background, tx); !known {
				t.Error("not known on SQLite")
			}
			return err
		})
		return n
	}
	n := 0
	write := func(tx store.Tx) error {
		n++ // the same once more would change no page, and so commit nothing
		return store.SetNote(background, tx, instant.Of(time.Unix(1, 0)), "test.mark", strconv.Itoa(n))
	}

	before := marks()
	stays := func(what string, fn func()) {
		t.Helper()
		if fn(); marks() != before {
			t.Errorf("%s: %d, want %d", what, marks(), before)
		}
	}
	grows := func(what string, fn func()) {
		t.Helper()
		fn()
		now := marks()
		if now <= before {
			t.Errorf("%s: %d, want more than %d", what, now, before)
		}
		before = now
	}
	stays("nothing", func() {})
	stays("a write of the same handle without a mark", func() { within(db, write) })
	stays("a read of another handle", func() {
		if err := other.Read(background, func(r store.Reader) error { _, err := store.Note(background, r, "test.mark"); return err }); err != nil {
			t.Fatal(err)
		}
	})
	stays("a write of another handle that is taken back", func() {
		within(other, func(tx store.Tx) error { return errors.Join(write(tx), errStop) })
	})
	grows("a mark", func() { within(db, func(tx store.Tx) error { store.Mark(tx); return nil }) })
	grows("a mark of a transaction taken back", func() { within(db, func(tx store.Tx) error { store.Mark(tx); return errStop }) })
	grows("a write of another handle", func() { within(other, write) })
	grows("and the next", func() { within(other, write) })
	stays("what the mark said it would be", func() {
		within(db, func(tx store.Tx) error { before = store.Mark(tx); return nil })
	})
}

var errStop = errors.New("stop")

func TestMarksAreNotKnownOnPostgres(t *testing.T) {
	db := storetest.New(t, store.Postgres)
	if err := db.Gate(context.Background(), func(tx store.Tx) error {
		_, known, err := store.Marks(background, tx)
		if known || store.Mark(tx) != 0 {
			t.Error("known")
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}
