// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTestsAreCountedByTheirLeaves(t *testing.T) {
	for name, tc := range map[string]struct {
		stream string
		want   counts
		shown  []string
		hidden []string
	}{
		"a parent is not counted beside its cases": {`
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestA/one"}
{"Action":"output","Package":"p","Test":"TestA/one","Output":"talk\n"}
{"Action":"pass","Package":"p","Test":"TestA/one"}
{"Action":"run","Package":"p","Test":"TestA/two"}
{"Action":"pass","Package":"p","Test":"TestA/two"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Elapsed":1.5}`, counts{2, 0, 0}, []string{"PASS p 1.5s: 2 passed"}, []string{"talk"}},
		"a failure shows what it said": {`
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:7: want 1\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"run","Package":"p","Test":"TestB"}
{"Action":"pass","Package":"p","Test":"TestB"}
{"Action":"fail","Package":"p"}`, counts{1, 1, 0}, []string{"--- FAIL p TestA", "want 1"}, nil},
		"a parent that fails by itself is a failure": {`
{"Action":"run","Package":"p","Test":"TestA/one"}
{"Action":"pass","Package":"p","Test":"TestA/one"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p"}`, counts{1, 1, 0}, nil, nil},
		"a skip is shown and counted": {`
{"Action":"output","Package":"p","Test":"TestA","Output":"no browser\n"}
{"Action":"skip","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p"}`, counts{0, 0, 1}, []string{"--- SKIP p TestA", "no browser"}, nil},
		"a package that does not build is a failure": {`
{"ImportPath":"p","Action":"build-output","Output":"p.go:1: undefined: x\n"}
{"ImportPath":"p","Action":"build-fail"}
{"Action":"start","Package":"p"}
{"Action":"fail","Package":"p","FailedBuild":"p"}`, counts{0, 1, 0}, []string{"undefined: x", "FAIL p"}, nil},
		"a crash fails the test that ran": {`
{"Action":"run","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestA","Output":"panic: oh\n"}
{"Action":"fail","Package":"p"}`, counts{0, 1, 0}, []string{"UNFINISHED p TestA", "panic: oh"}, nil},
		"a stream that breaks off is a failure": {`
{"Action":"start","Package":"p"}`, counts{0, 1, 0}, []string{"no result"}, nil},
		"a package without tests is nothing":    {`{"Action":"skip","Package":"p"}`, counts{}, nil, []string{"p"}},
		"what go says itself is passed through": {"go: cannot find main module\n", counts{}, []string{"cannot find main module"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			got, err := follow(strings.NewReader(strings.TrimPrefix(tc.stream, "\n")), &out)
			if err != nil || got != tc.want {
				t.Errorf("counts %+v, %v, want %+v\n%s", got, err, tc.want, &out)
			}
			for _, s := range tc.shown {
				if !strings.Contains(out.String(), s) {
					t.Errorf("%q is not shown in\n%s", s, &out)
				}
			}
			for _, s := range tc.hidden {
				if strings.Contains(out.String(), s) {
					t.Errorf("%q is shown in\n%s", s, &out)
				}
			}
		})
	}
}

func TestCountsAreAddedUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "counts")
	if err := run(file, "browser", "", []string{"12", "0", "0"}, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := run(file, "", "", nil, strings.NewReader(`{"Action":"pass","Package":"p","Test":"TestA"}`+"\n"+`{"Action":"pass","Package":"p"}`), &strings.Builder{}); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := run("", "", file, nil, nil, &out); err != nil || out.String() != "13 passed, 0 failed, 0 skipped\n" {
		t.Errorf("sum %q, %v", out.String(), err)
	}
	for _, bad := range []string{"0 0 0\n", "7 1 0\n", "7 0 1\n", ""} {
		other := filepath.Join(t.TempDir(), "counts")
		if err := os.WriteFile(other, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := run("", "", other, nil, nil, &out); !errors.Is(err, errNotGreen) {
			t.Errorf("counts %q are green: %v", bad, err)
		}
	}
	for _, args := range [][]string{{"1"}, {"1", "x", "0"}, {"1", "-1", "0"}} {
		if err := run(file, "browser", "", args, nil, nil); err == nil {
			t.Errorf("%v counted", args)
		}
	}
	if raw, err := os.ReadFile(file); err != nil || string(raw) != "12 0 0\n1 0 0\n" {
		t.Errorf("file %q, %v", raw, err)
	}
}
