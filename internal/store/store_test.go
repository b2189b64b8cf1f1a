// SPDX-License-Identifier: AGPL-3.0-or-later

package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

var noon = instant.Of(time.Date(2027, 1, 12, 12, 0, 0, 0, time.UTC))

// put is a write of one row; get reads it back ("" when absent).
func put(ctx context.Context, tx store.Tx, name, value string) error {
	_, err := tx.Exec(ctx, `INSERT INTO instance (name, value, changed_at) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value, noon)
	return err
}

func get(ctx context.Context, r store.Reader, name string) (string, error) {
	v, _, err := store.Find(ctx, r, store.Value[string], `SELECT value FROM instance WHERE name = $1`, name)
	return v, err
}

func want(t *testing.T, db *store.DB, name, want string) {
	t.Helper()
	var got string
	if err := db.Read(context.Background(), func(r store.Reader) (err error) { got, err = get(context.Background(), r, name); return err }); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("%s is %q, want %q", name, got, want)
	}
}

// usable fails the test unless the handle still writes and reads.
func usable(t *testing.T, db *store.DB) {
	t.Helper()
	ctx := context.Background()
	if err := db.Write(ctx, func(tx store.Tx) error { return put(ctx, tx, "usable", "yes") }); err != nil {
		t.Fatalf("the handle is not usable any more: %v", err)
	}
	want(t, db, "usable", "yes")
}

func TestParallelWritersLoseNoIncrement(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		verbs := map[string]func(context.Context, func(store.Tx) error) error{"write": db.Write, "gate": db.Gate}
		var wg sync.WaitGroup
		for name, verb := range verbs {
			if err := db.Write(ctx, func(tx store.Tx) error { return put(ctx, tx, name, "0") }); err != nil {
				t.Fatal(err)
			}
			for range 8 {
				wg.Go(func() {
					for range 5 {
						err := verb(ctx, func(tx store.Tx) error {
							var v int
							if err := tx.QueryRow(ctx, `SELECT CAST(value AS BIGINT) FROM instance WHERE name = $1`+store.ForUpdate(tx), name).Scan(&v); err != nil {
								return err
							}
							return put(ctx, tx, name, strconv.Itoa(v+1))
						})
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
		wg.Wait()
		for name := range verbs {
			want(t, db, name, "40")
		}
	})
}

// Two doctors, each of whom may go home while the other stays: the classic that snapshots alone allow.
func TestWriteIsSerializable(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		if err := db.Write(ctx, func(tx store.Tx) error {
			return errors.Join(put(ctx, tx, "ada", "here"), put(ctx, tx, "bob", "here"))
		}); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		var both sync.WaitGroup // on PostgreSQL both have read before one writes
		first := map[string]bool{}
		var mu sync.Mutex
		if db.Engine() == store.Postgres {
			both.Add(2)
		}
		for _, name := range []string{"ada", "bob"} {
			wg.Go(func() {
				err := db.Write(ctx, func(tx store.Tx) error {
					here, err := store.All(ctx, tx, store.Value[string], `SELECT name FROM instance WHERE value = $1`, "here")
					if err != nil {
						return err
					}
					mu.Lock()
					again := first[name]
					first[name] = true
					mu.Unlock()
					if db.Engine() == store.Postgres && !again {
						both.Done()
						both.Wait()
					}
					if len(here) < 2 {
						return nil
					}
					return put(ctx, tx, name, "home")
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		var here []string
		if err := db.Read(ctx, func(r store.Reader) (err error) {
			here, err = store.All(ctx, r, store.Value[string], `SELECT name FROM instance WHERE value = $1`, "here")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if len(here) != 1 {
			t.Errorf("%v stayed, want exactly one", here)
		}
	})
}

// Look, and insert what is not there: whoever comes second must find it, not collide.
func TestLookingBeforeInsertingNeverCollides(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		for name, verb := range map[string]func(context.Context, func(store.Tx) error) error{"write": db.Write, "gate": db.Gate} {
			var wg, looked sync.WaitGroup
			found := make(chan bool, 2)
			if db.Engine() == store.Postgres {
				looked.Add(2)
			}
			for range 2 {
				var once sync.Once
				wg.Go(func() {
					var there bool
					err := verb(ctx, func(tx store.Tx) (err error) {
						_, there, err = store.Find(ctx, tx, store.Value[string], `SELECT value FROM instance WHERE name = $1`, name)
						if err != nil {
							return err
						}
						if db.Engine() == store.Postgres { // both have looked before one inserts
							once.Do(looked.Done)
							looked.Wait()
						}
						if there {
							return nil
						}
						_, err = tx.Exec(ctx, `INSERT INTO instance (name, value, changed_at) VALUES ($1, '1', $2)`, name, noon)
						return err
					})
					if err != nil {
						t.Errorf("%s: %v", name, err)
					}
					found <- there
				})
			}
			wg.Wait()
			if a, b := <-found, <-found; a == b {
				t.Errorf("%s: both found %v", name, a)
			}
		}
	})
}

func TestReadSeesOneSnapshot(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		if err := db.Write(ctx, func(tx store.Tx) error { return put(ctx, tx, "n", "1") }); err != nil {
			t.Fatal(err)
		}
		err := db.Read(ctx, func(r store.Reader) error {
			before, err := get(ctx, r, "n")
			if err != nil {
				return err
			}
			written := make(chan error)
			go func() { written <- db.Write(ctx, func(tx store.Tx) error { return put(ctx, tx, "n", "2") }) }()
			if err := <-written; err != nil {
				return err
			}
			after, err := get(ctx, r, "n")
			if before != "1" || after != "1" {
				t.Errorf("read %q, then %q in one snapshot", before, after)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		want(t, db, "n", "2")
	})
}

func TestReadRefusesToWrite(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		err := db.Read(ctx, func(r store.Reader) error {
			if _, ok := r.(store.Tx); ok {
				t.Error("a Reader can be taken for a Tx")
			}
			return r.QueryRow(ctx, `INSERT INTO instance (name, value, changed_at) VALUES ('n', '1', $1) RETURNING value`, noon).Scan(new(string))
		})
		if err == nil {
			t.Error("a Read has written")
		}
		want(t, db, "n", "")
		usable(t, db)
	})
}

func TestAPanicRollsBackAndPassesOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		func() {
			defer func() {
				if p := recover(); p != "oh" {
					t.Errorf("recovered %v", p)
				}
			}()
			_ = db.Write(ctx, func(tx store.Tx) error {
				if err := put(ctx, tx, "n", "1"); err != nil {
					t.Error(err)
				}
				panic("oh")
			})
		}()
		want(t, db, "n", "")
		usable(t, db)
	})
}

func TestACallerThatGoesAwayLeavesNothingBehind(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for range 20 { // the driver's goroutine and ours race
			ctx, cancel := context.WithCancel(t.Context())
			err := db.Write(ctx, func(tx store.Tx) error {
				if err := put(ctx, tx, "n", "1"); err != nil {
					return err
				}
				cancel()
				_ = put(ctx, tx, "m", "1") // an error that is not looked at
				return nil
			})
			if !errors.Is(err, context.Canceled) {
				t.Fatalf("cancelled inside: %v", err)
			}
			if err := db.Write(ctx, func(store.Tx) error { t.Error("began for nobody"); return nil }); !errors.Is(err, context.Canceled) {
				t.Fatalf("cancelled before: %v", err)
			}
		}
		want(t, db, "n", "")
		want(t, db, "m", "")
		usable(t, db)
	})
}

func TestALongQueryStopsWithItsCaller(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for range 6 { // more than there are readers on a small machine
			// An interruption between the driver's look at ctx and the first step of the statement would be lost
			// (modernc.org/sqlite, interruptOnDone): let it step.
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			err := db.Read(ctx, func(r store.Reader) error {
				var n int64
				return r.QueryRow(ctx, `WITH RECURSIVE up (n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM up WHERE n < 100000000) SELECT COUNT(*) FROM up`).Scan(&n)
			})
			cancel()
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("ended with %v", err)
			}
		}
		usable(t, db)
	})
}

func TestAFailedStatementLosesTheTransaction(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		insert := func(tx store.Tx, name string) error {
			_, err := tx.Exec(ctx, `INSERT INTO instance (name, value, changed_at) VALUES ($1, '1', $2)`, name, noon)
			return err
		}
		err := db.Write(ctx, func(tx store.Tx) error {
			if err := insert(tx, "n"); err != nil {
				return err
			}
			_ = insert(tx, "n") // twice; the mistake is to go on
			_ = insert(tx, "m")
			return nil
		})
		if fault.KindOf(err) != fault.Conflict || fault.CodeOf(err) != "store.unique" {
			t.Errorf("got %v, want store.unique", err)
		}
		want(t, db, "n", "")
		want(t, db, "m", "")
		usable(t, db)
	})
}

func TestErrorsOfTheDriverBecomeFaultsByCode(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		if err := db.Write(ctx, func(tx store.Tx) error {
			for _, text := range []string{
				`CREATE TABLE parent (id TEXT NOT NULL PRIMARY KEY)`,
				`CREATE TABLE child (id TEXT NOT NULL PRIMARY KEY, parent TEXT NOT NULL REFERENCES parent (id), n BIGINT NOT NULL CHECK (n > 0))`,
				`INSERT INTO parent (id) VALUES ('p')`,
				`INSERT INTO child (id, parent, n) VALUES ('c', 'p', 1)`,
			} {
				if _, err := tx.Exec(ctx, text); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		own := fault.New(fault.LimitReached, "test.limit")
		for name, c := range map[string]struct {
			text string
			want *fault.Error
		}{
			"primary key":          {`INSERT INTO parent (id) VALUES ('p')`, fault.New(fault.Conflict, "store.unique")},
			"missing parent":       {`INSERT INTO child (id, parent, n) VALUES ('d', 'q', 1)`, fault.New(fault.Conflict, "store.reference")},
			"parent with children": {`DELETE FROM parent WHERE id = 'p'`, fault.New(fault.Conflict, "store.reference")},
			"check":                {`UPDATE child SET n = 0`, fault.New(fault.Invalid, "store.check")},
			"null":                 {`UPDATE child SET n = NULL`, fault.New(fault.Invalid, "store.check")},
			"own":                  {``, own},
		} {
			err := db.Write(ctx, func(tx store.Tx) error {
				if c.text == "" {
					return fmt.Errorf("around: %w", own)
				}
				_, err := tx.Exec(ctx, c.text)
				return err
			})
			if !errors.Is(err, c.want) {
				t.Errorf("%s: %v, want %v", name, err, c.want)
			}
		}
		err := db.Write(ctx, func(tx store.Tx) error { _, err := tx.Exec(ctx, `SELECT nonsense`); return err })
		if err == nil || fault.KindOf(err) != fault.Internal {
			t.Errorf("a mistake in SQL: %v", err)
		}
	})
}

func TestOneStatementAtATime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		if err := db.Write(ctx, func(tx store.Tx) error { return errors.Join(put(ctx, tx, "a", "1"), put(ctx, tx, "b", "1")) }); err != nil {
			t.Fatal(err)
		}
		err := db.Write(ctx, func(tx store.Tx) error {
			rows, err := tx.Query(ctx, `SELECT name FROM instance`)
			if err != nil || !rows.Next() {
				return errors.Join(err, errors.New("no row"))
			}
			return put(ctx, tx, "c", "1") // rows are open
		})
		if err == nil || !strings.Contains(err.Error(), "still open") {
			t.Errorf("a statement beside open rows: %v", err)
		}
		if err := db.Write(ctx, func(tx store.Tx) error { // rows left open at the end do no harm
			rows, err := tx.Query(ctx, `SELECT name FROM instance`)
			if err == nil && !rows.Next() {
				err = errors.New("no row")
			}
			return err
		}); err != nil {
			t.Error(err)
		}
		want(t, db, "c", "")
		usable(t, db)
	})
}

func TestATransactionDoesNotOutliveItsFunction(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		var kept store.Tx
		if err := db.Write(ctx, func(tx store.Tx) error { kept = tx; return nil }); err != nil {
			t.Fatal(err)
		}
		if err := put(ctx, kept, "n", "1"); err == nil {
			t.Error("a kept transaction still writes")
		}
		want(t, db, "n", "")
	})
}

func TestATransactionInsideATransactionPanics(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		nested := func(name string, inner func() error) {
			defer func() {
				if recover() == nil {
					t.Errorf("%s inside a transaction went through", name)
				}
			}()
			_ = db.Write(ctx, func(store.Tx) error { return inner() })
		}
		nested("Write", func() error { return db.Write(ctx, func(store.Tx) error { return nil }) })
		nested("Gate", func() error { return db.Gate(ctx, func(store.Tx) error { return nil }) })
		nested("Read", func() error { return db.Read(ctx, func(store.Reader) error { return nil }) })
		usable(t, db)
	})
}

func TestADryRunLeavesNothing(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		cfg := storetest.Location(t, engine)
		cfg.DryRun = true
		db, ctx := storetest.Open(t, cfg), t.Context()
		woken := false
		db.Listen(topic, func() { woken = true })
		if err := db.Write(ctx, func(tx store.Tx) error {
			store.Wake(tx, topic)
			if err := put(ctx, tx, "n", "1"); err != nil {
				return err
			}
			if v, err := get(ctx, tx, "n"); v != "1" || err != nil {
				t.Errorf("%s: inside it reads %q, %v", engine, v, err)
			}
			return nil
		}); err != nil {
			t.Errorf("%s: %v", engine, err)
		}
		if want(t, db, "n", ""); woken {
			t.Errorf("%s: a dry run woke somebody", engine)
		}
		no := fault.New(fault.Conflict, "test.no")
		if err := db.Gate(ctx, func(store.Tx) error { return no }); !errors.Is(err, no) {
			t.Errorf("%s: a refusal is told as %v", engine, err)
		}
	}
}

func TestFindTellsNothingFromSomething(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		err := db.Write(ctx, func(tx store.Tx) error {
			if _, ok, err := store.Find(ctx, tx, store.Value[string], `SELECT value FROM instance WHERE name = $1`, "n"); ok || err != nil {
				t.Errorf("absent: %v, %v", ok, err)
			}
			if err := tx.QueryRow(ctx, `SELECT value FROM instance WHERE name = $1`, "n").Scan(new(string)); !errors.Is(err, sql.ErrNoRows) {
				t.Errorf("QueryRow of nothing: %v", err)
			}
			if err := put(ctx, tx, "n", "1"); err != nil { // nothing found is no failure
				return err
			}
			if v, ok, err := store.Find(ctx, tx, store.Value[string], `SELECT value FROM instance WHERE name = $1`, "n"); v != "1" || !ok || err != nil {
				t.Errorf("present: %q, %v, %v", v, ok, err)
			}
			n, err := store.Affected(tx.Exec(ctx, `DELETE FROM instance`))
			if n != 1 {
				t.Errorf("%d rows deleted", n)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestAClosedHandleSaysSo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		if err := errors.Join(db.Close(), db.Close()); err != nil {
			t.Fatal(err)
		}
		if err := db.Write(t.Context(), func(store.Tx) error { return nil }); err == nil {
			t.Error("wrote after Close")
		}
		if err := db.Read(t.Context(), func(store.Reader) error { return nil }); err == nil {
			t.Error("read after Close")
		}
	})
}

func TestOpenRefusesWhatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  store.Config
		want *fault.Error
	}{
		"unreadable URL": {store.Config{URL: "postgres://a:geheim@[::1"}, fault.New(fault.Invalid, "store.url")},
		"nobody there":   {store.Config{URL: "postgres://a:geheim@127.0.0.1:1/x"}, fault.New(fault.Unavailable, "store.unavailable")},
		"no such place":  {store.Config{Path: "/dev/null/meetcoop.db"}, fault.New(fault.Unavailable, "store.unavailable")},
	} {
		db, err := store.Open(t.Context(), c.cfg)
		if err == nil {
			_ = db.Close()
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s: the password is in the error: %v", name, err)
		}
	}
}

// TestTheLogIsCopiedBesideTheWriter writes far less than would make the writer itself copy the log into the file.
func TestTheLogIsCopiedBesideTheWriter(t *testing.T) {
	cfg := storetest.Location(t, store.SQLite)
	db := storetest.Open(t, cfg)
	for i := range 64 {
		err := db.Write(t.Context(), func(tx store.Tx) error {
			return store.SetNote(t.Context(), tx, noon, fmt.Sprint("copied-", i), "yes")
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for give := time.Now().Add(10 * time.Second); ; {
		file, err := os.ReadFile(cfg.Path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(file, []byte("copied-1")) {
			return
		}
		if time.Now().After(give) {
			t.Fatal("the file does not have what was written")
		}
		runtime.Gosched()
	}
}
