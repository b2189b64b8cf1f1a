// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

// The operator's commands, as an operator types them: testdata/*.txtar. Each script runs once on SQLite and once on PostgreSQL; $DB is
// the setting that names its database.

// bin holds the program as it is released. Built with the race detector each command would take seconds to begin, a hundred and fifty times,
// and a command has nothing that runs side by side.
var bin string

func TestMain(m *testing.M) {
	var err error
	if bin, err = os.MkdirTemp("", "meetcoop-commands-"); err != nil {
		panic(err)
	}
	build := exec.Command("go", "build", "-o", filepath.Join(bin, "meetcoop"), ".")
	build.Env, build.Stdout, build.Stderr = append(os.Environ(), "CGO_ENABLED=0"), os.Stdout, os.Stderr
	if err = build.Run(); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(bin)
	os.Exit(code)
}

func TestCommands(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			testscript.Run(t, testscript.Params{
				Dir:                 "testdata",
				RequireExplicitExec: true,
				RequireUniqueNames:  true,
				Setup: func(env *testscript.Env) error {
					data := env.WorkDir + "/data"
					env.Setenv("MEETCOOP_DATA", data)
					env.Setenv("PATH", bin+string(filepath.ListSeparator)+env.Getenv("PATH"))
					if engine == store.Postgres {
						env.Setenv("MEETCOOP_DATABASE_URL", storetest.Empty(env.T().(testing.TB), store.Postgres).URL)
					}
					return nil
				},
				Cmds: map[string]func(*testscript.TestScript, bool, []string){
					// code N meetcoop ... : runs a command that must end with exit code N.
					"code": func(ts *testscript.TestScript, neg bool, args []string) {
						if neg || len(args) < 2 {
							ts.Fatalf("usage: code N command [arg...]")
						}
						err := ts.Exec(args[1], args[2:]...)
						got := "0"
						if err != nil {
							got = strings.TrimPrefix(err.Error(), "exit status ")
						}
						if got != args[0] {
							ts.Fatalf("exit code %s, want %s", got, args[0])
						}
					},
				},
			})
		})
	}
}
