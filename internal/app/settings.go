// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// envPrefix begins every variable of ours. A variable that begins so and is none is refused: a
// misspelt limit must not be silently absent.
const envPrefix = "MEETCOOP_"

// envTests is left to the test suite (storetest.EnvPostgres).
const envTests = "MEETCOOP_TEST_"

// setting is one field of Config as the outside names it.
type setting struct {
	flag   string // "public-url"
	env    string // "MEETCOOP_PUBLIC_URL"
	secret bool
}

func settings() []setting {
	var out []setting
	for f := range fields() {
		name := f.Tag.Get("name")
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		_, secret := f.Tag.Lookup("secret")
		out = append(out, setting{flag: name, env: envPrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_")), secret: secret})
	}
	return out
}

func fields() func(func(reflect.StructField) bool) {
	t := reflect.TypeFor[Config]()
	return func(yield func(reflect.StructField) bool) {
		for field := range t.Fields() {
			if !yield(field) {
				return
			}
		}
	}
}

// resolver gives the parser the values of variables and of the settings file.
type resolver struct {
	known  map[string]setting // by flag
	values map[string]string  // by variable
	origin map[string]string  // by variable: where the value came from, for messages
}

// newResolver reads the file (absent is fine when it is the default one) and the environment.
func newResolver(environ []string, file string, fileRequired bool) (*resolver, error) {
	r := &resolver{known: map[string]setting{}, values: map[string]string{}, origin: map[string]string{}}
	names := []string{}
	for _, s := range settings() {
		r.known[s.flag] = s
		names = append(names, s.env)
		if s.secret {
			names = append(names, s.env+"_FILE")
		}
	}
	lines, err := readEnvFile(file)
	if err != nil && (fileRequired || !errors.Is(err, fs.ErrNotExist)) {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	var own []string
	for _, kv := range environ {
		if strings.HasPrefix(kv, envPrefix) && !strings.HasPrefix(kv, envTests) && !strings.HasPrefix(kv, envPrefix+"CONFIG=") {
			own = append(own, kv)
		}
	}
	for _, src := range []struct {
		origin string
		lines  []string
	}{{file, lines}, {"the environment", own}} {
		for _, kv := range src.lines {
			name, value, ok := strings.Cut(kv, "=")
			if !ok {
				return nil, fmt.Errorf("%s: %q is not NAME=value", src.origin, kv)
			}
			if !slices.Contains(names, name) {
				return nil, fmt.Errorf("%s: unknown setting %s, did you mean %s?", src.origin, name, nearest(name, names))
			}
			r.values[name], r.origin[name] = value, src.origin
		}
	}
	return r, nil
}

// readEnvFile returns the NAME=value lines of a file; blank lines and lines that begin with # are
// passed over, one pair of quotes around a value is removed.
func readEnvFile(path string) ([]string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var out []string
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if ok {
			name, value = strings.TrimSpace(strings.TrimPrefix(name, "export ")), strings.TrimSpace(value)
			if len(value) >= 2 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
				value = value[1 : len(value)-1]
			}
			line = name + "=" + value
		}
		out = append(out, line)
	}
	return out, nil
}

// Validate implements kong.Resolver.
func (r *resolver) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver: it is asked for flags that were not given on the command line.
func (r *resolver) Resolve(_ *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	s, ok := r.known[flag.Name]
	if !ok || parent.Command != nil { // flags of single commands have no variables
		return nil, nil
	}
	if v, ok := r.values[s.env]; ok {
		return v, nil
	}
	if path, ok := r.values[s.env+"_FILE"]; ok {
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("%s_FILE: %w", s.env, err)
		}
		return strings.TrimRight(string(b), "\r\n"), nil
	}
	return nil, nil
}

// nearest returns the name that takes the fewest single-letter edits to reach.
func nearest(name string, names []string) string {
	best, least := "", len(name)+100
	for _, n := range names {
		if d := distance(name, n); d < least {
			best, least = n, d
		}
	}
	return best
}

// distance is the Levenshtein distance, by two rows of the usual table.
func distance(a, b string) int {
	prev := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range len(a) {
		cur := make([]int, len(b)+1)
		cur[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			cur[j+1] = min(prev[j+1]+1, cur[j]+1, prev[j]+cost)
		}
		prev = cur
	}
	return prev[len(b)]
}
