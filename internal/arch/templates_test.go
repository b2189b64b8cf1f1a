// SPDX-License-Identifier: AGPL-3.0-or-later

package arch_test

import (
	"errors"
	"go/ast"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

var (
	action   = regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	wordForm = regexp.MustCompile(`\pL{2,}`)
)

// spokenAttributes are read by people; "value" only on buttons.
var spokenAttributes = []string{"alt", "title", "placeholder", "aria-label", "aria-description", "aria-roledescription", "summary", "label"}

// literalWords returns the words of a template that do not come from the catalog.
func literalWords(t *testing.T, template string) []string {
	t.Helper()
	// An action becomes a mark without letters, so that text beside it stays what it is.
	z := html.NewTokenizer(strings.NewReader(action.ReplaceAllString(template, "\u2008")))
	var out []string
	silent := 0
	for {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			if !errors.Is(z.Err(), io.EOF) {
				t.Fatal(z.Err())
			}
			return out
		case html.TextToken:
			if w := strings.TrimSpace(string(z.Text())); silent == 0 && wordForm.MatchString(w) {
				out = append(out, w)
			}
		case html.StartTagToken, html.SelfClosingTagToken, html.EndTagToken:
			tok := z.Token()
			if tok.Data == "script" || tok.Data == "style" || tok.Data == "code" || tok.Data == "kbd" {
				switch kind {
				case html.StartTagToken:
					silent++
				case html.EndTagToken:
					silent--
				}
			}
			for _, a := range tok.Attr {
				button := a.Key == "value" && tok.Data == "input" && slices.ContainsFunc(tok.Attr, func(b html.Attribute) bool {
					return b.Key == "type" && (b.Val == "submit" || b.Val == "button")
				})
				if (button || slices.Contains(spokenAttributes, a.Key)) && wordForm.MatchString(a.Val) {
					out = append(out, a.Key+"="+a.Val)
				}
			}
		}
	}
}

func TestTemplatesHoldNoWords(t *testing.T) {
	for _, name := range files(t, `^internal/.*\.html$`) {
		if strings.Contains(name, "/testdata/") {
			continue
		}
		for _, words := range literalWords(t, read(t, name)) {
			t.Errorf("%s: %q belongs into locales", name, words)
		}
	}
}

func TestLiteralWordsAreFound(t *testing.T) {
	for template, want := range map[string]string{
		`<p>{{.T "a.b"}}</p>`:                                         "",
		`<p class="lead">Hello {{.Name}}</p>`:                         "Hello \u2008",
		`<img alt="A cat" src="cat.png">`:                             "alt=A cat",
		`<input type="submit" value="Send">`:                          "value=Send",
		`<input type="radio" value="hosts">`:                          "",
		`<button aria-label="{{.T "x.y"}}"><svg></svg></button>`:      "",
		`{{/* a comment with words */}}<code>make run</code> · 3 × 4`: "",
		`{{if .A}}One{{else}}{{end}}`:                                 "\u2008One\u2008\u2008",
	} {
		if got := strings.Join(literalWords(t, template), "|"); got != want {
			t.Errorf("%s: %q, want %q", template, got, want)
		}
	}
}

// TestNothingSkipsEscaping finds conversions that tell html/template to trust a text.
func TestNothingSkipsEscaping(t *testing.T) {
	for _, s := range sources(t) {
		ast.Inspect(s.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			sel, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if of, _ := sel.X.(*ast.Ident); of != nil && of.Name == "template" && slices.Contains([]string{"HTML", "JS", "CSS", "URL", "HTMLAttr", "JSStr", "Srcset"}, sel.Sel.Name) {
				if _, constant := call.Args[0].(*ast.BasicLit); !constant && !trusted[s.name] {
					t.Errorf("%s: template.%s switches escaping off", s.at(call), sel.Sel.Name)
				}
			}
			return true
		})
	}
}

// trusted are the files that convert something they made themselves, with nothing of other people in it.
var trusted = map[string]bool{
	"internal/portal/render.go": true, // the drawing beside a word, its name escaped
}
