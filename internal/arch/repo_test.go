// SPDX-License-Identifier: AGPL-3.0-or-later

package arch_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "meetcoop"

var update = flag.Bool("update", false, "rewrite generated files")

// root is the directory of go.mod, seen from this package.
var root = sync.OnceValue(func() string {
	dir, err := filepath.Abs("../..")
	if err != nil {
		panic(err)
	}
	return dir
})

// run returns what a command prints when run at the root.
func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = root()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr.String())
	}
	return out
}

// files returns the paths, from the root, of all files that git keeps or would keep, whose names match.
func files(t *testing.T, match string) []string {
	t.Helper()
	re := regexp.MustCompile(match)
	var out []string
	for _, name := range strings.Split(string(run(t, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")), "\x00") {
		if !re.MatchString(name) || name == "" {
			continue
		}
		if _, err := os.Stat(filepath.Join(root(), name)); err == nil { // deleted and not yet committed
			out = append(out, name)
		}
	}
	if len(out) == 0 {
		t.Fatalf("no file matches %s", match)
	}
	return out
}

func read(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root(), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// source is one parsed Go file that reaches a program: no test, no test package.
type source struct {
	name string // path from the root
	pkg  string // import path
	ast  *ast.File
	fset *token.FileSet
}

func (s source) at(n ast.Node) string { return s.fset.Position(n.Pos()).String() }

var parsed struct {
	sync.Once
	sources []source
}

// sources parses the Go files of cmd and internal once for all tests.
func sources(t *testing.T) []source {
	t.Helper()
	parsed.Do(func() {
		for _, name := range files(t, `^(cmd|internal)/.*\.go$`) {
			pkg := path.Join(module, path.Dir(name))
			if strings.HasSuffix(name, "_test.go") || isTestPackage(pkg) {
				continue
			}
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, name, read(t, name), parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			parsed.sources = append(parsed.sources, source{name, pkg, f, fset})
		}
	})
	return parsed.sources
}

// literals calls visit for each string literal of the file except import paths.
func (s source) literals(visit func(lit *ast.BasicLit, value string)) {
	ast.Inspect(s.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.BasicLit:
			if v, ok := text(n); ok {
				visit(n, v)
			}
		}
		return true
	})
}

// text returns the value of a string literal.
func text(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	v, err := strconv.Unquote(lit.Value)
	return v, err == nil
}

// goPackage is what `go list` says about a package.
type goPackage struct {
	ImportPath   string
	Standard     bool
	Imports      []string
	TestImports  []string
	XTestImports []string
	Module       *struct{ Path string }
}

func list(t *testing.T, args ...string) []goPackage {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(run(t, "go", append([]string{"list", "-json=ImportPath,Standard,Imports,TestImports,XTestImports,Module"}, args...)...)))
	var out []goPackage
	for {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
}

// isTestPackage reports whether the package serves tests only: its name ends in "test", such as storetest.
func isTestPackage(importPath string) bool { return strings.HasSuffix(importPath, "test") }
