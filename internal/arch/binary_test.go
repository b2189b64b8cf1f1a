// SPDX-License-Identifier: AGPL-3.0-or-later

package arch_test

import (
	"regexp"
	"strings"
	"testing"
)

// TestModulesForTestsNeverReachTheProgram looks at each foreign package that our tests import and our other sources do not.
func TestModulesForTestsNeverReachTheProgram(t *testing.T) {
	own, tests := map[string]bool{}, map[string]string{}
	packages := list(t, "./...")
	for _, p := range packages {
		for _, to := range p.Imports {
			if isTestPackage(p.ImportPath) {
				tests[to] = p.ImportPath
			} else {
				own[to] = true
			}
		}
		for _, to := range append(p.TestImports, p.XTestImports...) {
			tests[to] = p.ImportPath
		}
	}
	program := map[string]bool{}
	for _, p := range list(t, "-deps", "./cmd/meetcoop") {
		program[p.ImportPath] = !p.Standard
	}
	if len(program) < 100 {
		t.Fatalf("the program has only %d packages", len(program))
	}
	for to, from := range tests {
		foreign := strings.Contains(strings.SplitN(to, "/", 2)[0], ".")
		if program[to] && !own[to] && (foreign || isTestPackage(to)) {
			t.Errorf("%s is imported by tests of %s only, and yet part of the program", to, from)
		}
	}
}

// What rules must not reach for: time enters as a value, and context.Background belongs to main. Platform and engine, and the
// queue before the gate, measure how long things take and set deadlines of sockets, with the clock of the machine; nothing
// they decide by it is a rule.
func TestTimeEntersAsAValue(t *testing.T) {
	clock, background := regexp.MustCompile(`\btime\.(Now|Since|Until)\(`), regexp.MustCompile(`\bcontext\.(Background|TODO)\(\)`)
	measuring := regexp.MustCompile(`^internal/(instant|id|store|jobs|mail|web|telemetry|engine|admission)/`)
	deadline := regexp.MustCompile(`\.Set(Read|Write)?Deadline\(time\.Now\(\)`)
	for _, s := range sources(t) {
		for i, line := range strings.Split(read(t, s.name), "\n") {
			code, _, _ := strings.Cut(line, "//")
			if clock.MatchString(code) && !measuring.MatchString(s.name) && !deadline.MatchString(code) {
				t.Errorf("%s:%d: time enters as a value: %s", s.name, i+1, strings.TrimSpace(line))
			}
			if background.MatchString(code) && !strings.HasPrefix(s.name, "cmd/") && backgrounds[s.name] == "" {
				t.Errorf("%s:%d: a context comes from the caller: %s", s.name, i+1, strings.TrimSpace(line))
			}
		}
	}
}

// backgrounds are the files with a context of their own, and why nobody could give them one.
var backgrounds = map[string]string{
	"internal/engine/sfu/filter.go": "a line of the child's log belongs to no request",
	"internal/jobs/runner.go":       "hands its lease back after its own context has ended",
	"internal/web/server.go":        "http.Server asks for the context that all requests descend from",
}
