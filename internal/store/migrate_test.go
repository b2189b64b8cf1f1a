// SPDX-License-Identifier: AGPL-3.0-or-later

package store_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"meetcoop/internal/fault"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

// The environment that turns the test binary into another process of the program: see TestMain.
const (
	envMigrate = "STORE_TEST_MIGRATE" // path or URL of a database to migrate
	envServe   = "STORE_TEST_SERVE"   // data directory to hold until stdin ends
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(envMigrate) != "":
		os.Exit(asProcess(migrateProcess))
	case os.Getenv(envServe) != "":
		os.Exit(asProcess(serveProcess))
	}
	os.Exit(m.Run())
}

func asProcess(run func() error) int {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func migrateProcess() error {
	cfg := store.Config{Path: os.Getenv(envMigrate)}
	if filepath.Ext(cfg.Path) != ".db" {
		cfg = store.Config{URL: cfg.Path}
	}
	db, err := store.Open(background, cfg)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	_, _ = new(bytes.Buffer).ReadFrom(os.Stdin) // all processes wait here for the same moment
	n, err := db.Migrate(background)
	if err != nil {
		return err
	}
	fmt.Println(n)
	return errors.Join(db.CheckSchema(background), db.Close())
}

func serveProcess() error {
	_, err := store.LockDataDir(os.Getenv(envServe))
	if err != nil {
		return err
	}
	fmt.Println("locked")
	var b bytes.Buffer
	_, _ = b.ReadFrom(os.Stdin) // until killed
	return nil
}

func TestProcessesThatMigrateAtOnceAgree(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			cfg := storetest.Empty(t, engine)
			const processes = 4
			var begin []func() error
			var lines []*bufio.Scanner
			var wait []func() error
			for range processes {
				cmd := exec.CommandContext(t.Context(), os.Args[0])
				cmd.Env = append(os.Environ(), envMigrate+"="+cfg.Path+cfg.URL)
				cmd.Stderr = os.Stderr
				in, inErr := cmd.StdinPipe()
				out, outErr := cmd.StdoutPipe()
				if err := errors.Join(inErr, outErr, cmd.Start()); err != nil {
					t.Fatal(err)
				}
				begin, lines, wait = append(begin, in.Close), append(lines, bufio.NewScanner(out)), append(wait, cmd.Wait)
			}
			for i, l := range lines {
				if !l.Scan() || l.Text() != "ready" {
					t.Fatalf("process %d says %q", i, l.Text())
				}
			}
			for _, b := range begin {
				if err := b(); err != nil {
					t.Fatal(err)
				}
			}
			outputs := make([]string, processes)
			for i, l := range lines {
				l.Scan()
				outputs[i] = l.Text()
				if err := wait[i](); err != nil {
					t.Errorf("process %d: %v", i, err)
				}
			}
			workers := 0
			for _, out := range outputs {
				if out != "0" {
					workers++
				}
			}
			if workers != 1 {
				t.Errorf("%d processes applied migrations, want one: %q", workers, outputs)
			}
		})
	}
}

func TestASchemaOfANewerProgramIsRefusedUntouched(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		if err := db.CheckSchema(ctx); err != nil {
			t.Fatal(err)
		}
		have, known, err := db.SchemaVersion(ctx)
		if err != nil || have != known {
			t.Fatalf("version %d of %d, %v", have, known, err)
		}
		exec := func(text string, args ...any) {
			t.Helper()
			if err := db.Write(ctx, func(tx store.Tx) error { _, err := tx.Exec(ctx, text, args...); return err }); err != nil {
				t.Fatal(err)
			}
		}
		applied := true
		if db.Engine() == store.SQLite {
			exec(`INSERT INTO schema_version (version_id, is_applied) VALUES (9999, 1)`)
		} else {
			exec(`INSERT INTO schema_version (version_id, is_applied) VALUES (9999, $1)`, applied)
		}
		newer := fault.New(fault.Conflict, "store.schema_newer")
		if err := db.CheckSchema(ctx); !errors.Is(err, newer) {
			t.Errorf("CheckSchema: %v", err)
		}
		if n, err := db.Migrate(ctx); n != 0 || !errors.Is(err, newer) {
			t.Errorf("Migrate: %d applied, %v", n, err)
		}
		exec(`DELETE FROM schema_version WHERE version_id >= $1`, known)
		if err := db.CheckSchema(ctx); !errors.Is(err, fault.New(fault.Conflict, "store.schema_older")) {
			t.Errorf("an older schema: %v", err)
		}
	})
}

func TestAnEmptyDatabaseIsOlderAndStaysEmptyWhenAsked(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		db := storetest.Open(t, storetest.Empty(t, engine))
		have, known, err := db.SchemaVersion(t.Context())
		if have != 0 || known == 0 || err != nil {
			t.Errorf("%s: version %d of %d, %v", engine, have, known, err)
		}
		if err := db.CheckSchema(t.Context()); !errors.Is(err, fault.New(fault.Conflict, "store.schema_older")) {
			t.Errorf("%s: %v", engine, err)
		}
		if n := len(tables(t, db)); n != 0 {
			t.Errorf("%s: asking made %d tables", engine, n)
		}
	}
}

func TestOneProcessServesFromADirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), envServe+"="+dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fscanln(out, new(string)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.LockDataDir(dir); !errors.Is(err, fault.New(fault.Conflict, "store.locked")) {
		t.Errorf("beside a serving process: %v", err)
	}
	db := storetest.Open(t, store.Config{Path: filepath.Join(dir, "meetcoop.db")}) // the command line does not ask
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Errorf("migrate beside a serving process: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	lock, err := store.LockDataDir(dir)
	if err != nil {
		t.Fatalf("after its death: %v", err)
	}
	if _, err := store.LockDataDir(dir); err == nil {
		t.Error("locked twice in one process")
	}
	lock.Release()
	lock.Release()
	if again, err := store.LockDataDir(dir); err != nil {
		t.Errorf("after Release: %v", err)
	} else {
		again.Release()
	}
}
