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

// The two sources of time and chance that rules must not reach for: time enters as a value, and
// context.Background belongs to main. The place of each exception is its reason.
var reached = map[string]map[string]string{
	`\btime\.Now\(\)`: {
		"internal/instant/":   "the clock itself",
		"internal/id/":        "the time inside an identifier orders it and decides nothing",
		"internal/telemetry/": "measures durations",
		"internal/web/":       "measures durations",
	},
	`\bcontext\.Background\(\)`: {"cmd/": "main"},
}

func TestTimeEntersAsAValue(t *testing.T) {
	for pattern, exceptions := range reached {
		re := regexp.MustCompile(pattern)
		for _, s := range sources(t) {
			excepted := false
			for place := range exceptions {
				excepted = excepted || strings.HasPrefix(s.name, place)
			}
			if excepted {
				continue
			}
			for i, line := range strings.Split(read(t, s.name), "\n") {
				code, _, _ := strings.Cut(line, "//")
				if re.MatchString(code) {
					t.Errorf("%s:%d: %s", s.name, i+1, strings.TrimSpace(line))
				}
			}
		}
	}
}
