// SPDX-License-Identifier: AGPL-3.0-or-later

// Testcount reads what `go test -json` prints, shows what a person wants to see of it, and keeps the counts.
//
//	go test -json ./... | testcount -to FILE   shows packages, failures and skips; appends the counts to FILE
//	testcount -to FILE -add NAME P F S         appends the counts of something else that ran
//	testcount -sum FILE                        prints the sum of all as the last line of make test
//
// Counted is each test and subtest that has no subtests of its own, so that a table of ten cases is ten. A package that
// does not build or crashes is one failure. With -sum the exit code is 1 when anything failed or was skipped, or nothing ran:
// a skipped test is a hole that nobody looks at.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
)

func main() {
	to := flag.String("to", "", "append the counts to `file`")
	add := flag.String("add", "", "append the three given counts under this `name`")
	sum := flag.String("sum", "", "print the sum of the counts in `file`")
	flag.Parse()
	if err := run(*to, *add, *sum, flag.Args(), os.Stdin, os.Stdout); err != nil {
		if !errors.Is(err, errNotGreen) {
			fmt.Fprintln(os.Stderr, "testcount:", err)
		}
		os.Exit(1)
	}
}

// errNotGreen: something failed or was skipped, or nothing ran. The sum has been printed and is the last word.
var errNotGreen = errors.New("not green")

func run(to, add, sum string, args []string, in io.Reader, out io.Writer) error {
	switch {
	case sum != "":
		return total(sum, out)
	case add != "":
		if len(args) != 3 {
			return fmt.Errorf("-add %s wants passed, failed and skipped", add)
		}
		var c counts
		for i, n := range []*int{&c.passed, &c.failed, &c.skipped} {
			v, err := strconv.Atoi(args[i])
			if err != nil || v < 0 {
				return fmt.Errorf("%q is no count", args[i])
			}
			*n = v
		}
		return keep(to, c)
	}
	c, err := follow(in, out)
	if err != nil {
		return err
	}
	return keep(to, c)
}

// counts are tests by how they ended.
type counts struct{ passed, failed, skipped int }

func keep(file string, c counts) error {
	if file == "" {
		return nil
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(f, c.passed, c.failed, c.skipped); err != nil {
		return err
	}
	return f.Close()
}

func total(file string, out io.Writer) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	var all counts
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var c counts
		if _, err := fmt.Sscan(lines.Text(), &c.passed, &c.failed, &c.skipped); err != nil {
			return fmt.Errorf("%s: %q: %w", file, lines.Text(), err)
		}
		all.passed += c.passed
		all.failed += c.failed
		all.skipped += c.skipped
	}
	fmt.Fprintf(out, "%d passed, %d failed, %d skipped\n", all.passed, all.failed, all.skipped)
	if all.failed > 0 || all.skipped > 0 || all.passed == 0 {
		return errNotGreen
	}
	return nil
}
