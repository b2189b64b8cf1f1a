// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// event is one line of `go test -json` (go doc test2json, and go help buildjson for the build-... actions).
type event struct {
	Action      string
	Package     string
	ImportPath  string
	Test        string
	Elapsed     float64
	Output      string
	FailedBuild string
}

// result is one test so far.
type result struct {
	output strings.Builder
	parent bool // it has subtests
	ended  string
}

// running is one package so far.
type running struct {
	tests  map[string]*result
	output strings.Builder // of no test: panics, leaks, TestMain
	counts counts
}

func (p *running) test(name string) *result {
	r, ok := p.tests[name]
	if !ok {
		r = &result{}
		p.tests[name] = r
		if i := strings.LastIndexByte(name, '/'); i >= 0 {
			p.test(name[:i]).parent = true
		}
	}
	return r
}

// follow reads events until the end, prints a line per package and everything about what did not pass.
func follow(in io.Reader, out io.Writer) (counts, error) {
	var all counts
	packages := map[string]*running{}
	builds := map[string]*strings.Builder{}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			break
		} else if err != nil && !errors.Is(err, io.EOF) {
			return all, err
		}
		var e event
		if json.Unmarshal([]byte(line), &e) != nil {
			fmt.Fprint(out, line) // go itself speaks, or a program that a test started
			continue
		}
		if e.Action == "build-output" {
			if builds[e.ImportPath] == nil {
				builds[e.ImportPath] = &strings.Builder{}
			}
			builds[e.ImportPath].WriteString(e.Output)
			continue
		}
		if e.Package == "" {
			continue
		}
		p, ok := packages[e.Package]
		if !ok {
			p = &running{tests: map[string]*result{}}
			packages[e.Package] = p
		}
		if e.Test != "" {
			p.testEvent(e, out)
			continue
		}
		switch e.Action {
		case "output":
			p.output.WriteString(e.Output)
		case "pass", "fail", "skip":
			if b := builds[e.FailedBuild]; b != nil {
				fmt.Fprint(out, b.String())
			}
			p.end(e, out)
			all.passed += p.counts.passed
			all.failed += p.counts.failed
			all.skipped += p.counts.skipped
			delete(packages, e.Package)
		}
	}
	for name := range packages { // the stream broke off
		fmt.Fprintf(out, "FAIL %s: no result\n", name)
		all.failed++
	}
	return all, nil
}

func (p *running) testEvent(e event, out io.Writer) {
	r := p.test(e.Test)
	switch e.Action {
	case "output":
		r.output.WriteString(e.Output)
	case "pass", "fail", "skip":
		r.ended = e.Action
		if e.Action != "pass" {
			fmt.Fprintf(out, "--- %s %s %s (%.2fs)\n", strings.ToUpper(e.Action), e.Package, e.Test, e.Elapsed)
			fmt.Fprint(out, told(r.output.String()))
		}
		r.output.Reset()
	}
}

// end counts the package's tests and prints its line.
func (p *running) end(e event, out io.Writer) {
	leafFailed := false
	for _, r := range p.tests {
		switch {
		case r.ended == "fail" && !r.parent:
			p.counts.failed++
			leafFailed = true
		case r.ended == "skip":
			p.counts.skipped++
		case r.ended == "" && !r.parent: // it ran when the package crashed
			p.counts.failed++
			leafFailed = true
		case r.ended == "pass" && !r.parent:
			p.counts.passed++
		}
	}
	if e.Action == "fail" {
		if !leafFailed { // it did not build, crashed between tests, or a test failed around its subtests
			p.counts.failed++
		}
		for name, r := range p.tests {
			if r.ended == "" {
				fmt.Fprintf(out, "--- UNFINISHED %s %s\n%s", e.Package, name, r.output.String())
			}
		}
		fmt.Fprint(out, told(p.output.String()))
	}
	if e.Action == "skip" && len(p.tests) == 0 { // no test files
		return
	}
	fmt.Fprintf(out, "%-4s %s %.1fs: %d passed, %d failed, %d skipped\n",
		strings.ToUpper(e.Action), e.Package, e.Elapsed, p.counts.passed, p.counts.failed, p.counts.skipped)
}

// told leaves out the lines with which the test program announces what the events say.
func told(output string) string {
	var b strings.Builder
	for line := range strings.Lines(output) {
		head := strings.TrimLeft(line, " ")
		if strings.HasPrefix(head, "=== ") || strings.HasPrefix(head, "--- ") || strings.HasPrefix(line, "FAIL") || strings.HasPrefix(line, "ok ") {
			continue
		}
		b.WriteString(line)
	}
	return b.String()
}
