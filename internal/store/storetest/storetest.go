// SPDX-License-Identifier: AGPL-3.0-or-later

// Package storetest gives each test a fresh, migrated database of its own, on both engines.
package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"

	"meetcoop/internal/store"
)

// EnvPostgres names the variable with the URL of a PostgreSQL server on which tests may create
// databases. `make test` starts one and sets it; without it tests fail, they do not skip.
const EnvPostgres = "MEETCOOP_TEST_POSTGRES"

// Each runs fn once per engine, as a parallel subtest with a database of its own.
func Each(t *testing.T, fn func(t *testing.T, db *store.DB)) {
	t.Helper()
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			fn(t, New(t, engine))
		})
	}
}

// New returns a fresh, migrated database that is closed and removed with the test.
func New(t testing.TB, engine store.Engine) *store.DB {
	t.Helper()
	return Open(t, Location(t, engine))
}

// Open opens another handle on a database that Location made: what a second node would hold.
func Open(t testing.TB, cfg store.Config) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // a test may have closed it to see a restart
	return db
}

// Location makes a fresh, migrated database and returns where it is.
func Location(t testing.TB, engine store.Engine) store.Config {
	t.Helper()
	if engine == store.Postgres {
		return store.Config{URL: postgresCopy(t), Strict: true}
	}
	return store.Config{Path: sqliteCopy(t), Strict: true}
}

// Empty returns where an empty database may be made, without schema: for tests of migrations.
func Empty(t testing.TB, engine store.Engine) store.Config {
	t.Helper()
	if engine == store.Postgres {
		admin := admin(t)
		name := newName()
		create(t, admin, name, "")
		return store.Config{URL: withDatabase(os.Getenv(EnvPostgres), name), Strict: true}
	}
	return store.Config{Path: filepath.Join(t.TempDir(), "meetcoop.db"), Strict: true}
}

var template struct {
	lite, pg       sync.Once
	liteBytes      []byte
	pgName         string
	liteErr, pgErr error
	n              atomic.Int64
}

// sqliteCopy migrates one file per process and hands out copies: migrating costs more than most tests.
func sqliteCopy(t testing.TB) string {
	template.lite.Do(func() {
		template.liteErr = func() error {
			dir, err := os.MkdirTemp("", "meetcoop-template")
			if err != nil {
				return err
			}
			defer func() { _ = os.RemoveAll(dir) }() // a stray temporary file harms nobody
			path := filepath.Join(dir, "t.db")
			if err := migrate(store.Config{Path: path}); err != nil {
				return err
			}
			template.liteBytes, err = os.ReadFile(path) // closing the last connection has checkpointed the WAL
			return err
		}()
	})
	if template.liteErr != nil {
		t.Fatal(template.liteErr)
	}
	path := filepath.Join(t.TempDir(), "meetcoop.db")
	if err := os.WriteFile(path, template.liteBytes, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func postgresCopy(t testing.TB) string {
	admin := admin(t)
	base := os.Getenv(EnvPostgres)
	template.pg.Do(func() {
		template.pgErr = func() error {
			template.pgName = fmt.Sprintf("template_%d_%s", os.Getpid(), suffix())
			if _, err := admin.Exec(`CREATE DATABASE ` + template.pgName); err != nil {
				return err
			}
			return migrate(store.Config{URL: withDatabase(base, template.pgName)})
		}()
	})
	if template.pgErr != nil {
		t.Fatal(template.pgErr)
	}
	name := newName()
	create(t, admin, name, ` TEMPLATE `+template.pgName+` STRATEGY FILE_COPY`)
	return withDatabase(base, name)
}

// admin returns a connection on which databases are made and dropped.
func admin(t testing.TB) *sql.DB {
	t.Helper()
	base := os.Getenv(EnvPostgres)
	if base == "" {
		t.Fatalf("%s is not set: run the tests with `make test`, or start a server with `eval $(make test-db)`", EnvPostgres)
	}
	db, err := sql.Open("pgx", base)
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func newName() string {
	return fmt.Sprintf("test_%d_%d_%s", os.Getpid(), template.n.Add(1), suffix())
}

func create(t testing.TB, admin *sql.DB, name, how string) {
	t.Helper()
	if _, err := admin.Exec(`CREATE DATABASE ` + name + how); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = admin.Exec(`DROP DATABASE ` + name + ` WITH (FORCE)`) // the whole server is thrown away later
	})
}

func suffix() string {
	exe := filepath.Base(os.Args[0])
	return strings.ToLower(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' {
			return r
		}
		return -1
	}, exe))
}

func migrate(cfg store.Config) error {
	ctx := context.Background()
	db, err := store.Open(ctx, cfg)
	if err != nil {
		return err
	}
	if _, err := db.Migrate(ctx); err != nil {
		_ = db.Close() // the migration's error tells more
		return err
	}
	return db.Close()
}

func withDatabase(base, name string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	u.Path = "/" + name
	return u.String()
}
