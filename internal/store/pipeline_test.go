// SPDX-License-Identifier: AGPL-3.0-or-later

package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"sync"
	"testing"

	"meetcoop/internal/fault"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

// insert fails when the row is there.
func insert(ctx context.Context, tx store.Tx, name string) (sql.Result, error) {
	return tx.Exec(ctx, `INSERT INTO instance (name, value, changed_at) VALUES ($1, $2, $3)`, name, "new", noon)
}

// Where an Exec is answered with what follows it, its failure is still that of the transaction.
func TestAFailedExecLosesTheTransactionWheneverItIsHeardOf(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		if err := db.Write(ctx, func(tx store.Tx) error { return put(ctx, tx, "there", "old") }); err != nil {
			t.Fatal(err)
		}
		mine := fault.New(fault.Forbidden, "mine")
		for name, c := range map[string]struct {
			then func(tx store.Tx) error
			code string
		}{
			"at the end":          {func(store.Tx) error { return nil }, "store.unique"},
			"with a next query":   {func(tx store.Tx) error { _, err := get(ctx, tx, "there"); return err }, "store.unique"},
			"with a next exec":    {func(tx store.Tx) error { return put(ctx, tx, "later", "x") }, "store.unique"},
			"which fn swallows":   {func(tx store.Tx) error { _, _ = get(ctx, tx, "there"); return nil }, "store.unique"},
			"or knows better":     {func(store.Tx) error { return mine }, "mine"},
			"after forty of them": {func(tx store.Tx) error { return many(ctx, tx, 40) }, "store.unique"},
		} {
			for verb, run := range map[string]func(context.Context, func(store.Tx) error) error{"write": db.Write, "gate": db.Gate} {
				err := run(ctx, func(tx store.Tx) error {
					if err := put(ctx, tx, "before", "x"); err != nil {
						return err
					}
					if _, err := insert(ctx, tx, "there"); err != nil && c.code != "mine" {
						return err // SQLite says so at once
					}
					return c.then(tx)
				})
				if fault.CodeOf(err) != c.code {
					t.Errorf("%s, %s: %v, want %s", name, verb, err, c.code)
				}
				want(t, db, "before", "")
				want(t, db, "later", "")
				want(t, db, "there", "old")
			}
		}
		usable(t, db)
	})
}

func many(ctx context.Context, tx store.Tx, n int) error {
	for i := range n {
		if err := put(ctx, tx, fmt.Sprint("many", i), "x"); err != nil {
			return err
		}
	}
	return nil
}

func TestAResultCanBeAskedWhenever(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		var during, after sql.Result
		if err := db.Write(ctx, func(tx store.Tx) (err error) {
			if during, err = insert(ctx, tx, "one"); err != nil {
				return err
			}
			if n, err := during.RowsAffected(); n != 1 || err != nil {
				t.Errorf("%d, %v inside", n, err)
			}
			if n, err := store.Affected(tx.Exec(ctx, `UPDATE instance SET value = $1 WHERE name = $2`, "x", "nobody")); n != 0 || err != nil {
				t.Errorf("%d, %v for nothing", n, err)
			}
			after, err = insert(ctx, tx, "two")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for _, r := range []sql.Result{during, after} {
			if n, err := r.RowsAffected(); n != 1 || err != nil {
				t.Errorf("%d, %v after the commit", n, err)
			}
		}
		want(t, db, "two", "new")
	})
}

// A command that only shows what it would do hears of everything that is wrong with it.
func TestADryRunRunsToItsEnd(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			where := storetest.Location(t, engine)
			ctx, kept := t.Context(), storetest.Open(t, where)
			if err := kept.Write(ctx, func(tx store.Tx) error { return put(ctx, tx, "there", "old") }); err != nil {
				t.Fatal(err)
			}
			where.DryRun = true
			dry := storetest.Open(t, where)
			err := dry.Write(ctx, func(tx store.Tx) error { _, err := insert(ctx, tx, "there"); return err })
			if fault.CodeOf(err) != "store.unique" {
				t.Errorf("%v, want store.unique", err)
			}
			if err := dry.Write(ctx, func(tx store.Tx) error { _, err := insert(ctx, tx, "other"); return err }); err != nil {
				t.Error(err)
			}
			want(t, kept, "other", "")
		})
	}
}

func TestPeekRunsOneStatement(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		usable(t, db)
		var got string
		if err := db.Peek(ctx, func(r store.Reader) (err error) { got, err = get(ctx, r, "usable"); return err }); err != nil || got != "yes" {
			t.Errorf("%q, %v", got, err)
		}
		if err := db.Peek(ctx, func(r store.Reader) error {
			if _, err := get(ctx, r, "usable"); err != nil {
				return err
			}
			_, err := get(ctx, r, "usable")
			return err
		}); err == nil {
			t.Error("a second statement was run")
		}
		if err := db.Peek(ctx, func(r store.Reader) error {
			if _, writes := r.(store.Tx); writes {
				t.Error("it can write")
			}
			_, err := r.Query(ctx, `SELECT nothing FROM nowhere`)
			return err
		}); err == nil {
			t.Error("an error was lost")
		}
		gone, cancel := context.WithCancel(ctx)
		cancel()
		if err := db.Peek(gone, func(r store.Reader) error { _, err := get(gone, r, "usable"); return err }); err == nil {
			t.Error("somebody who has gone was answered")
		}
		usable(t, db)
	})
}

// turns is a way to a PostgreSQL server that counts how often the client speaks after the server has.
type turns struct {
	mu     sync.Mutex
	n      int
	server bool // spoke last
}

func (c *turns) spoke(server bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !server && c.server {
		c.n++
	}
	c.server = server
}

func (c *turns) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.n
	c.n = 0
	return n
}

// through returns the URL that leads through c.
func (c *turns) through(t *testing.T, to string) string {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	in, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close() })
	behind := u.Host
	u.Host = in.Addr().String()
	pass := func(to, from net.Conn, server bool) {
		defer func() { _ = to.Close() }()
		b := make([]byte, 1<<16)
		for {
			n, err := from.Read(b)
			if err != nil {
				return
			}
			c.spoke(server)
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
	}
	go func() {
		for {
			client, err := in.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", behind)
			if err != nil {
				_ = client.Close()
				return
			}
			go pass(server, client, false)
			go pass(client, server, true)
		}
	}()
	return u.String()
}

// A round trip is what a busy PostgreSQL is waited for most: BEGIN, statements whose answer tells nothing, and COMMIT take none of
// their own.
func TestStatementsTravelTogether(t *testing.T) {
	where := storetest.Location(t, store.Postgres)
	c := &turns{}
	where.URL = c.through(t, where.URL)
	db, ctx := storetest.Open(t, where), t.Context()
	look := func(r store.Reader) error { _, err := get(ctx, r, "usable"); return err }
	for name, v := range map[string]struct {
		run  func() error
		want int
	}{
		"a write that looks and then writes three times": {func() error {
			return db.Write(ctx, func(tx store.Tx) error {
				if err := look(tx); err != nil {
					return err
				}
				return many(ctx, tx, 3)
			})
		}, 2},
		"a gate that only writes":        {func() error { return db.Gate(ctx, func(tx store.Tx) error { return many(ctx, tx, 3) }) }, 1},
		"a transaction without anything": {func() error { return db.Write(ctx, func(store.Tx) error { return nil }) }, 0},
		"a peek":                         {func() error { return db.Peek(ctx, look) }, 1},
		"a count that is asked for": {func() error {
			return db.Write(ctx, func(tx store.Tx) error {
				_, err := store.Affected(insert(ctx, tx, "usable"))
				if err == nil {
					_, err = store.Affected(tx.Exec(ctx, `DELETE FROM instance WHERE name = $1`, "usable"))
				}
				return err
			})
		}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 { // statements are prepared the first time
				c.count()
				if err := v.run(); err != nil {
					t.Fatal(err)
				}
			}
			if got := c.count(); got != v.want {
				t.Errorf("%d round trips, want %d", got, v.want)
			}
		})
	}
}

// Nobody waits for the end of a Read. Of a connection that is lost then, one caller may hear at most, as of any that is lost.
func TestAConnectionLostAfterAReadIsReplaced(t *testing.T) {
	where := storetest.Location(t, store.Postgres)
	db, other, ctx := storetest.Open(t, where), storetest.Open(t, where), t.Context()
	usable(t, db)
	if err := other.Read(ctx, func(r store.Reader) error {
		rows, err := r.Query(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
		if err != nil {
			return err
		}
		for rows.Next() {
		}
		return rows.Close()
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Write(ctx, func(tx store.Tx) error { return put(ctx, tx, "usable", "again") }); err != nil && fault.CodeOf(err) != "store.unavailable" {
		t.Errorf("%v, want store.unavailable or nothing", err)
	}
	usable(t, db)
}
