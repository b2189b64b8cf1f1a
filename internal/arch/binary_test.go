// SPDX-License-Identifier: AGPL-3.0-or-later

package arch_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// forTests are the modules that only tests may use.
var forTests = []string{"github.com/google/go-cmp", "pgregory.net/rapid", "github.com/rogpeppe/go-internal"}

func TestModulesForTestsNeverReachTheProgram(t *testing.T) {
	for _, tags := range []string{"", "noengine"} {
		program := list(t, "-deps", "-tags="+tags, "./cmd/meetcoop")
		if len(program) < 100 {
			t.Fatalf("the program has only %d packages", len(program))
		}
		for _, p := range program {
			own := strings.HasPrefix(p.ImportPath, module+"/")
			if own && (isTestPackage(p.ImportPath) || slices.Contains(p.Imports, "testing")) || slices.ContainsFunc(forTests, func(m string) bool { return strings.HasPrefix(p.ImportPath, m) }) {
				t.Errorf("%s is part of the program (tags %q)", p.ImportPath, tags)
			}
			if tags == "noengine" && strings.HasPrefix(p.ImportPath, "github.com/livekit/livekit-server") {
				t.Errorf("%s is part of the program without engine", p.ImportPath)
			}
		}
	}
}

// What rules must not reach for: time enters as a value, and context.Background belongs to main. Platform and engine, the queue
// before the gate, the rounds of live, the polls of servers and the brake of the gateway measure how long things take, pace themselves and set deadlines of sockets, with the
// clock of the machine; nothing they decide by it is a rule.
func TestTimeEntersAsAValue(t *testing.T) {
	clock, background := regexp.MustCompile(`\btime\.(Now|Since|Until)\(`), regexp.MustCompile(`\bcontext\.(Background|TODO)\(\)`)
	measuring := regexp.MustCompile(`^internal/(instant|id|store|jobs|mail|web|telemetry|engine|admission)/|^internal/live/clock\.go$|^internal/conference/(poll|servers|flights)\.go$|^internal/gateway/brake\.go$`)
	deadline := regexp.MustCompile(`\.Set(Read|Write)?Deadline\(time\.Now\(\)`)
	for _, s := range sources(t) {
		for i, line := range strings.Split(read(t, s.name), "\n") {
			if !strings.Contains(line, "time.") && !strings.Contains(line, "context.") {
				continue
			}
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
	"internal/app/lockbox.go":       "the key is opened when it is first needed, for all who need it later",
	"internal/engine/sfu/filter.go": "a line of the child's log belongs to no request",
	"internal/jobs/runner.go":       "hands its lease back after its own context has ended",
	"internal/web/server.go":        "http.Server asks for the context that all requests descend from",
}
