// SPDX-License-Identifier: AGPL-3.0-or-later

package arch_test

import (
	"slices"
	"strings"
	"testing"
)

// row is one floor of the house, top floor first; ARCHITECTURE.md draws it. Names are directories below internal.
type row struct {
	name     string
	packages []string
	sideways // whom a package may import on its own row
}

type sideways int

const (
	nobody sideways = iota
	left            // those to its left
	all             // everybody: words are small, and Go itself forbids a circle
)

var house = []row{
	{"app", []string{"app"}, nobody},
	{"faces", []string{"gateway", "portal", "cli"}, nobody},
	{"capabilities, row 2", []string{"usage", "rooms", "fleet", "admission", "conference", "recording", "live"}, left},
	{"capabilities, row 1", []string{"identity", "membership", "decision", "tariff"}, left},
	{"engines", []string{"engine"}, left},
	{"platform", []string{"seal", "store", "jobs", "mail", "web", "telemetry"}, left},
	{"words", []string{"money", "id", "fault", "instant", "locale"}, all},
}

// outside are the packages above and beside the house, with who may import each.
var outside = map[string][]string{
	"cmd/meetcoop":  nil,
	"cmd/bbbsim":    nil,
	"test/soak":     nil,
	"internal/arch": nil,
	"migrations":    {"internal/store", "internal/app"},
	"locales":       {"internal/app", "internal/portal", "internal/cli"},
	"assets":        {"internal/app", "internal/portal"},
}

// wordModules are the modules that words may use; everything else there is the standard library.
var wordModules = map[string][]string{
	"locale": {"github.com/nicksnyder/go-i18n/v2", "golang.org/x/text"},
}

// place finds the row and the position in it of a package; a package below another one (engine/sfu) lives in its place.
func place(importPath string) (floor, seat int, ok bool) {
	inside, ok := strings.CutPrefix(importPath, module+"/internal/")
	if !ok {
		return 0, 0, false
	}
	name, _, _ := strings.Cut(inside, "/")
	for i, r := range house {
		if j := slices.Index(r.packages, name); j >= 0 {
			return i, j, true
		}
	}
	return 0, 0, false
}

// forbidden says why from may not import to, or "".
func forbidden(from, to string) string {
	if isTestPackage(to) && !isTestPackage(from) && from != module+"/cmd/bbbsim" { // itself for tests, and not released
		return "a package for tests would reach the program"
	}
	if importers, ok := outside[strings.TrimPrefix(to, module+"/")]; ok {
		if !isTestPackage(from) && !slices.Contains(importers, strings.TrimPrefix(from, module+"/")) {
			return "only these may import it: " + strings.Join(importers, " ")
		}
		return ""
	}
	floor, seat, ok := place(to)
	if !ok {
		return "it has no place in the table"
	}
	own, ownSeat, ok := place(from)
	switch {
	case !ok: // cmd stands above the house
		return ""
	case floor > own:
		return ""
	case floor < own:
		return "arrows go down, from " + house[floor].name + " to " + house[own].name
	case seat == ownSeat:
		return ""
	case house[own].sideways == nobody:
		return "nothing in the row " + house[own].name + " imports its neighbour"
	case house[own].sideways == left && seat > ownSeat:
		return "in its row it stands to the right"
	}
	return ""
}

func TestArrowsGoDown(t *testing.T) {
	packages := list(t, "./...")
	if len(packages) < 10 {
		t.Fatalf("only %d packages listed", len(packages))
	}
	for _, p := range packages {
		if _, _, ok := place(p.ImportPath); !ok {
			if _, ok := outside[strings.TrimPrefix(p.ImportPath, module+"/")]; !ok {
				t.Errorf("%s has no place in the table", p.ImportPath)
			}
		}
		for _, to := range p.Imports {
			if !strings.HasPrefix(to, module+"/") {
				continue
			}
			if why := forbidden(p.ImportPath, to); why != "" {
				t.Errorf("%s imports %s: %s", p.ImportPath, to, why)
			}
		}
	}
}

func TestEveryPlaceIsTaken(t *testing.T) {
	taken := map[string]bool{}
	for _, p := range list(t, "./internal/...") {
		name, _, _ := strings.Cut(strings.TrimPrefix(p.ImportPath, module+"/internal/"), "/")
		taken[name] = true
	}
	for _, r := range house {
		for _, name := range r.packages {
			if !taken[name] {
				t.Errorf("the table has a place for %s, which does not exist", name)
			}
		}
	}
}

func TestWordsNeedNothing(t *testing.T) {
	words := house[len(house)-1]
	for _, p := range list(t, "./internal/...") {
		if floor, seat, ok := place(p.ImportPath); ok && floor == len(house)-1 {
			for _, to := range p.Imports {
				first, _, _ := strings.Cut(to, "/")
				own := slices.ContainsFunc(wordModules[words.packages[seat]], func(m string) bool { return strings.HasPrefix(to, m) })
				if strings.Contains(first, ".") && !own {
					t.Errorf("%s imports %s, but words use the standard library only", p.ImportPath, to)
				}
			}
		}
	}
}

func TestTheRuleItself(t *testing.T) {
	for _, tc := range []struct {
		from, to string
		allowed  bool
	}{
		{"cmd/meetcoop", "internal/app", true},
		{"internal/app", "internal/portal", true},
		{"internal/portal", "internal/rooms", true},
		{"internal/live", "internal/admission", true},
		{"internal/live", "internal/engine/sfu", true},
		{"internal/engine/sfu", "internal/engine", true},
		{"internal/store", "migrations", true},
		{"internal/id", "internal/fault", true},
		{"internal/rooms/roomstest", "locales", true},
		{"internal/mail", "internal/web", false},
		{"internal/engine/enginetest", "internal/engine", true},
		{"internal/admission", "internal/live", false},
		{"internal/portal", "internal/cli", false},
		{"internal/identity", "internal/rooms", false},
		{"internal/identity", "internal/membership", false},
		{"internal/rooms", "internal/portal", false},
		{"internal/live", "internal/engine/enginetest", false},
		{"internal/rooms", "migrations", false},
		{"internal/money", "internal/store", false},
		{"internal/rooms", "internal/helpers", false},
		{"internal/app", "cmd/meetcoop", false},
		{"cmd/bbbsim", "internal/engine/bbb/bbbtest", true},
		{"cmd/meetcoop", "internal/engine/bbb/bbbtest", false},
	} {
		if why := forbidden(module+"/"+tc.from, module+"/"+tc.to); (why == "") != tc.allowed {
			t.Errorf("%s -> %s: allowed should be %v, reason %q", tc.from, tc.to, tc.allowed, why)
		}
	}
}
