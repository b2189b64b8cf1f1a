// SPDX-License-Identifier: AGPL-3.0-or-later

package arch_test

import (
	"fmt"
	"go/ast"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"
	"testing"

	"meetcoop/internal/locale"
)

// use is where a code is given to a fault.
type use struct {
	kind string // as the constant of package fault is named; "field" of an input; "" when the call does not show it
	at   string
}

var (
	codeForm = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$`)
	kinds    = []string{"Internal", "Invalid", "Unauthenticated", "Forbidden", "NotFound", "Conflict", "LimitReached", "Unavailable"}
)

// faultCodes returns every code that the sources give to fault.New, fault.Wrap, Check.Field and the literals fault.Error and fault.Field.
// Where a call passes something else than a literal, it must be a name that ends in "code": then every literal that is assigned,
// given, or returned under such a name counts, in all sources. A code put together from a literal and a
// value ("meeting.ended_" + reason) counts as all codes that begin so and have words.
func faultCodes(t *testing.T) map[string][]use {
	t.Helper()
	codes := collector{t: t, out: map[string][]use{}, positions: map[string]int{}}
	for _, s := range sources(t) {
		codes.declarations(s)
	}
	for _, s := range sources(t) {
		ast.Inspect(s.ast, func(n ast.Node) bool { codes.node(s, n); return true })
	}
	codes.out["internal"] = []use{{"Internal", "whatever is no fault"}}
	return codes.out
}

type collector struct {
	t         *testing.T
	out       map[string][]use
	positions map[string]int // package.name of a function or struct -> which argument or field is its code
}

func namedCode(name string) bool { return strings.HasSuffix(strings.ToLower(name), "code") }

// given notes the code in an argument of a call that makes a fault.
func (c *collector) given(s source, e ast.Expr, kind string) {
	switch e := e.(type) {
	case *ast.BasicLit:
		c.literal(s, e, kind)
	case *ast.BinaryExpr:
		prefix, ok := text(e.X)
		if !ok {
			c.t.Errorf("%s: a code put together begins with its literal", s.at(e))
			return
		}
		found := false
		for _, key := range catalog(c.t).Keys(locale.English) {
			if code, isFault := strings.CutPrefix(key, "fault."); isFault && strings.HasPrefix(code, prefix) {
				c.out[code] = append(c.out[code], use{kind, s.at(e)})
				found = true
			}
		}
		if !found {
			c.out[prefix+"..."] = []use{{kind, s.at(e)}} // has no words, as another test will say
		}
	case *ast.Ident:
		c.named(s, e, e.Name)
	case *ast.SelectorExpr:
		c.named(s, e, e.Sel.Name)
	case *ast.CallExpr:
		if id, ok := e.Fun.(*ast.Ident); ok {
			c.named(s, e, id.Name)
		}
	}
}

func (c *collector) named(s source, e ast.Expr, name string) {
	if !namedCode(name) {
		c.t.Errorf("%s: %s holds a code of a fault; let its name end in code, so that it can be followed", s.at(e), name)
	}
}

func (c *collector) literal(s source, e ast.Expr, kind string) {
	v, ok := text(e)
	if !ok || v == "" {
		return
	}
	if !codeForm.MatchString(v) {
		if kind != "" { // other literals under the name "code" need not be codes of faults
			c.t.Errorf("%s: %q does not have the form area.reason", s.at(e), v)
		}
		return
	}
	c.out[v] = append(c.out[v], use{kind, s.at(e)})
}

// declarations learns which parameter of a function and which field of a struct is a code.
func (c *collector) declarations(s source) {
	for _, d := range s.ast.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if i, ok := codeAt(d.Type.Params); ok {
				c.positions[s.pkg+"."+d.Name.Name] = i
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if ts, ok := spec.(*ast.TypeSpec); ok {
					if st, ok := ts.Type.(*ast.StructType); ok {
						if i, ok := codeAt(st.Fields); ok {
							c.positions[s.pkg+"."+ts.Name.Name] = i
						}
					}
				}
			}
		}
	}
}

func codeAt(list *ast.FieldList) (int, bool) {
	i := 0
	for _, f := range list.List {
		for _, name := range f.Names {
			if namedCode(name.Name) {
				return i, true
			}
			i++
		}
	}
	return 0, false
}

func (c *collector) node(s source, n ast.Node) {
	switch n := n.(type) {
	case *ast.CallExpr:
		c.call(s, n)
	case *ast.CompositeLit:
		c.composite(s, n)
	case *ast.AssignStmt:
		for i, to := range n.Lhs {
			if id, ok := to.(*ast.Ident); ok && namedCode(id.Name) && i < len(n.Rhs) {
				c.literal(s, n.Rhs[i], "")
			}
		}
	case *ast.ValueSpec:
		for i, name := range n.Names {
			if namedCode(name.Name) && i < len(n.Values) {
				c.literal(s, n.Values[i], "")
			}
		}
	case *ast.FuncDecl:
		c.function(s, n)
	}
}

// function notes what a function returns as a code; one whose own name says code speaks of nothing else.
func (c *collector) function(s source, n *ast.FuncDecl) {
	if n.Type.Results == nil || n.Body == nil {
		return
	}
	if namedCode(n.Name.Name) {
		ast.Inspect(n.Body, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok {
				c.literal(s, lit, "")
			}
			return true
		})
		return
	}
	if at, ok := codeAt(n.Type.Results); ok {
		ast.Inspect(n.Body, func(n ast.Node) bool {
			if r, ok := n.(*ast.ReturnStmt); ok && at < len(r.Results) {
				c.literal(s, r.Results[at], "")
			}
			return true
		})
	}
}

func (c *collector) call(s source, n *ast.CallExpr) {
	switch fun := n.Fun.(type) {
	case *ast.SelectorExpr:
		of, _ := fun.X.(*ast.Ident)
		switch {
		case of != nil && of.Name == "fault" && fun.Sel.Name == "New" && len(n.Args) >= 2:
			c.given(s, n.Args[1], kindName(n.Args[0]))
		case of != nil && of.Name == "fault" && fun.Sel.Name == "Wrap" && len(n.Args) >= 3:
			c.given(s, n.Args[2], kindName(n.Args[1]))
		case fun.Sel.Name == "Field" && len(n.Args) >= 3:
			c.given(s, n.Args[2], "field")
		default:
			if i, ok := c.positions[s.pkg+"."+fun.Sel.Name]; ok && i < len(n.Args) {
				c.literal(s, n.Args[i], "")
			}
		}
	case *ast.Ident:
		if i, ok := c.positions[s.pkg+"."+fun.Name]; ok && i < len(n.Args) {
			c.literal(s, n.Args[i], "")
		}
	}
}

func (c *collector) composite(s source, n *ast.CompositeLit) {
	for _, e := range n.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok && namedCode(key.Name) {
				c.literal(s, kv.Value, "")
			}
		}
	}
	if id, ok := n.Type.(*ast.Ident); ok {
		if i, ok := c.positions[s.pkg+"."+id.Name]; ok && i < len(n.Elts) {
			c.literal(s, n.Elts[i], "")
		}
	}
}

func kindName(e ast.Expr) string {
	if sel, ok := e.(*ast.SelectorExpr); ok && slices.Contains(kinds, sel.Sel.Name) {
		return sel.Sel.Name
	}
	return ""
}

func TestEveryFaultHasWords(t *testing.T) {
	c := catalog(t)
	for code, uses := range faultCodes(t) {
		if !c.Has(locale.English, "fault."+code) {
			t.Errorf("%s: no English text fault.%s", uses[0].at, code)
		}
	}
}

func TestEveryFaultHasOneKind(t *testing.T) {
	for code, uses := range faultCodes(t) {
		seen := map[string]string{}
		for _, u := range uses {
			if u.kind != "" && u.kind != "field" {
				seen[u.kind] = u.at
			}
		}
		if len(seen) > 1 {
			t.Errorf("fault %s has several kinds, so that nobody knows its status: %v", code, seen)
		}
	}
}

const faultsHead = `# Faults

Every refusal and error of the program has a code that never changes. This page is generated from the sources and the English texts by
` + "`make generate`" + `; the words in braces are filled in. What a kind means for a status and an exit code is in ARCHITECTURE.md; "field" is said
beside one field of a form whose own code is ` + "`input.invalid`" + `.

| code | kind | what people read |
|---|---|---|
`

func TestFaultsAreListed(t *testing.T) {
	c := catalog(t)
	codes := faultCodes(t)
	var b strings.Builder
	b.WriteString(faultsHead)
	names := slices.Sorted(maps.Keys(codes))
	for _, code := range names {
		var found []string
		for _, u := range codes[code] {
			if u.kind != "" && !slices.Contains(found, u.kind) {
				found = append(found, u.kind)
			}
		}
		sort.Strings(found)
		said := c.Section(locale.English, "fault."+code)["fault."+code]["other"]
		said = strings.NewReplacer("{{.", "{", "}}", "}", "|", "\\|", "\n", " ").Replace(said)
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", code, strings.Join(found, ", "), said)
	}
	name := filepath.Join(root(), "docs", "faults.md")
	if *update {
		if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if read(t, "docs/faults.md") != b.String() {
		t.Error("docs/faults.md is stale: run make generate")
	}
}
