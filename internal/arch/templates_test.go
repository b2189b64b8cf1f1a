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
	"text/template/parse"

	"golang.org/x/net/html"
)

var (
	action   = regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	wordForm = regexp.MustCompile(`\pL{2,}`)
)

// spokenAttributes are read by people; "value" only on buttons.
var spokenAttributes = []string{"alt", "title", "placeholder", "aria-label", "aria-description", "aria-roledescription", "summary", "label"}

// withoutActions replaces what stands in braces by something without letters that leaves the tags around it whole: a dot in a
// text and in the value of an attribute, a space between attributes, a made-up name where the name of an element stands.
//
// Each action inside a tag is told to inside.
func withoutActions(template string, inside func(action string)) string {
	template = strings.NewReplacer("<noscript", "<div", "</noscript", "</div").Replace(template) // a tokenizer with scripts takes its content for raw text
	var b strings.Builder
	inTag, quote := false, rune(0)
	at := 0
	pass := func(text string) {
		for _, c := range text {
			switch {
			case !inTag:
				inTag = c == '<'
			case quote != 0:
				if c == quote {
					quote = 0
				}
			case c == '"' || c == '\'':
				quote = c
			case c == '>':
				inTag = false
			}
		}
		b.WriteString(text)
	}
	for _, hit := range action.FindAllStringIndex(template, -1) {
		pass(template[at:hit[0]])
		at = hit[1]
		if inTag {
			inside(template[hit[0]:hit[1]])
		}
		switch before := b.String(); {
		case !inTag || quote != 0:
			b.WriteString("·")
		case strings.HasSuffix(before, "<") || strings.HasSuffix(before, "</"):
			b.WriteString("x ")
		default:
			b.WriteString(" ")
		}
	}
	pass(template[at:])
	return b.String()
}

// literalWords returns the words of a template that do not come from the catalog.
func literalWords(t *testing.T, template string) []string {
	t.Helper()
	z := html.NewTokenizer(strings.NewReader(withoutActions(template, func(string) {})))
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

// definitions returns the templates that a file defines, and itself, by name.
func definitions(t *testing.T, name string) map[string]string {
	t.Helper()
	trees := map[string]*parse.Tree{}
	tree := parse.New(name)
	tree.Mode = parse.SkipFuncCheck
	if _, err := tree.Parse(read(t, name), "", "", trees); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for defined, tree := range trees {
		out[defined] = tree.Root.String()
	}
	return out
}

var calls = regexp.MustCompile(`^\{\{-?\s*template "([^"]+)"`)

func TestTemplatesHoldNoWords(t *testing.T) {
	defined := map[string]map[string]string{}
	attributes := map[string]bool{} // templates that others put into a tag: they hold names and values of attributes, no text
	for _, name := range files(t, `^internal/.*\.html$`) {
		if strings.Contains(name, "/testdata/") {
			continue
		}
		defined[name] = definitions(t, name)
		for _, body := range defined[name] {
			withoutActions(body, func(action string) {
				if m := calls.FindStringSubmatch(action); m != nil {
					attributes[m[1]] = true
				}
			})
		}
	}
	for name, templates := range defined {
		for part, body := range templates {
			if attributes[part] {
				body = "<x " + body + ">"
			}
			for _, words := range literalWords(t, body) {
				t.Errorf("%s, %s: %q belongs into locales", name, part, words)
			}
		}
	}
}

func TestLiteralWordsAreFound(t *testing.T) {
	for template, want := range map[string]string{
		`<p>{{.T "a.b"}}</p>`:                                         "",
		`<p class="lead">Hello {{.Name}}</p>`:                         "Hello ·",
		`<img alt="A cat" src="cat.png">`:                             "alt=A cat",
		`<input type="submit" value="Send">`:                          "value=Send",
		`<input type="radio" value="hosts">`:                          "",
		`<button aria-label="{{.T "x.y"}}"><svg></svg></button>`:      "",
		`{{/* a comment with words */}}<code>make run</code> · 3 × 4`: "",
		`{{if .A}}One{{else}}{{end}}`:                                 "·One··",
		`<{{if .Link}}a href="{{.Link}}"{{else}}button{{end}} class="a{{if .B}} plain{{end}}">{{.Label}}</{{if .Link}}a{{else}}button{{end}}>`: "",
		`<input{{if .P}} placeholder="{{.P}}"{{end}} required{{if .Q}} title="Quite so"{{end}}>`:                                               "title=Quite so",
		`<noscript><p class="notice">{{.T}} Scripts are off</p></noscript>`:                                                                    "· Scripts are off",
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

// sentence is what people would read: two words of letters with a space between them.
var sentence = regexp.MustCompile(`\pL{2,} \pL{2,}`)

// speakers are the calls whose words operators read, in logs and errors: those are English.
var speakers = []string{"Errorf", "New", "Debug", "Info", "Warn", "Error", "Log", "LogAttrs", "DebugContext", "InfoContext", "WarnContext", "ErrorContext", "panic"}

// TestPagesSpeakThroughTheCatalog finds sentences in the Go sources of the pages. The page of components is for developers.
func TestPagesSpeakThroughTheCatalog(t *testing.T) {
	for _, s := range sources(t) {
		if !strings.HasPrefix(s.name, "internal/portal/") || s.name == "internal/portal/components_show.go" {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ImportSpec:
				return false
			case *ast.CallExpr:
				name := ""
				switch fun := n.Fun.(type) {
				case *ast.SelectorExpr:
					name = fun.Sel.Name
				case *ast.Ident:
					name = fun.Name
				}
				return !slices.Contains(speakers, name)
			case *ast.BasicLit:
				if v, ok := text(n); ok && sentence.MatchString(v) && !strings.ContainsAny(v, "=<;{") && v[0] != ':' { // a colon begins a comment of an event stream
					t.Errorf("%s: %q belongs into locales", s.at(n), v)
				}
			}
			return true
		})
	}
}

var (
	scriptLiteral  = regexp.MustCompile("\"(?:[^\"\\\\\n]|\\\\.)*\"|'(?:[^'\\\\\n]|\\\\.)*'|`[^`]*`")
	scriptSilent   = regexp.MustCompile(`console\.|new \w*Error\(|querySelector|^\s*(//|\*|/\*)|className|class:|new Function`)
	scriptComments = regexp.MustCompile(`//.*$`)
)

func TestScriptsSpeakThroughTheCatalog(t *testing.T) {
	for _, name := range files(t, `^assets/src/.*\.ts$`) {
		for i, line := range strings.Split(read(t, name), "\n") {
			if scriptSilent.MatchString(line) {
				continue
			}
			for _, lit := range scriptLiteral.FindAllString(scriptComments.ReplaceAllString(line, ""), -1) {
				if sentence.MatchString(lit) && !strings.ContainsAny(lit, "=<;{") {
					t.Errorf("%s:%d: %s belongs into locales", name, i+1, lit)
				}
			}
		}
	}
}
