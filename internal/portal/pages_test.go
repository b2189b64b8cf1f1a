// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/membership"
	"meetcoop/locales"
)

// sample is one state of a page.
type sample struct {
	page, name string // page may name a block, as for render
	data       func(r *Request) any
}

var samples []sample

// sampleOf registers a state of a page; see doc.go.
func sampleOf(page, name string, data func(r *Request) any) struct{} {
	samples = append(samples, sample{page, name, data})
	return struct{}{}
}

// samplePage is the shell of a sample: that of Alba Serra, owner of Hilado.
func samplePage(r *Request, here, titleKey string) Page {
	return testPortal.page(r, here, r.P.T(titleKey))
}

// testPortal serves no stored data: only what samples and tests give it.
var testPortal = func() *Handler {
	catalog, err := locale.Load(locales.FS)
	if err != nil {
		panic(err)
	}
	h, err := New(Deps{
		Log: slog.New(slog.DiscardHandler), Now: func() instant.Instant { return sampleNow }, Catalog: catalog.Strict(),
		Assets: plainAssets{}, Visitors: &fakeVisitors{}, Name: "Meet Example", Dev: true,
	})
	if err != nil {
		panic(err)
	}
	return h
}()

var sampleNow = instant.Of(time.Date(2027, 1, 12, 17, 42, 0, 0, time.UTC))

type plainAssets struct{}

func (plainAssets) URL(name string) string { return "/assets/" + name }

// sampleVisitor is Alba Serra of Hilado, who reads in the given language.
func sampleVisitor(tag locale.Tag) Visitor {
	person := id.Person("person_0192f0c1a2b37c4d8e9f0a1b2c3d4e5f")
	return Visitor{
		Actor:  identity.Actor{Kind: identity.ActorPerson, Person: person, Session: "ses_1", Door: identity.DoorPortal},
		Person: identity.Person{ID: person, Name: "Alba Serra", Locale: tag, Zone: "Europe/Madrid", Theme: identity.ThemeSystem, Status: identity.StatusActive},
		Hats: []Hat{
			{membership.Member{ID: "mem_1", Slug: "hilado", Name: "Hilado, cooperativa de trabajo"}, []membership.Role{membership.RoleOwner, membership.RoleHost}},
			{membership.Member{ID: "mem_2", Slug: "long-street", Name: "Neighbours of the Long Street"}, []membership.Role{membership.RoleMember}},
		},
	}
}

// sampleRequest is a request of Alba Serra for path, or of somebody not signed in with v's zero value.
func sampleRequest(v Visitor, tag locale.Tag, route Route, target string) *Request {
	return &Request{
		Request: httptest.NewRequest(http.MethodGet, target, nil), Visitor: v, Now: sampleNow, ID: "01J8ZQ4T", route: route, theme: identity.ThemeSystem,
		P: testPortal.Catalog.Printer(tag, v.Person.Location()),
	}
}

// writePages makes TestPages leave what it rendered in a directory, as <page>.<sample>.<language>.html with an index of the files in
// pages.json: the accessibility matrix and the overflow test open them in a browser.
var writePages = flag.String("write-pages", "", "directory for the rendered samples")

// keep writes one rendered sample.
func keep(t *testing.T, name, content string) {
	t.Helper()
	if *writePages == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*writePages, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPages(t *testing.T) {
	var written []string
	languages := append([]locale.Tag{locale.Pseudo}, locale.Supported...)
	for _, s := range samples {
		for _, tag := range languages {
			t.Run(fmt.Sprintf("%s/%s/%s", s.page, s.name, tag), func(t *testing.T) {
				defer func() {
					if missing := recover(); missing != nil { // a text, by the strict catalog: the other pages still count
						t.Fatal(missing)
					}
				}()
				r := sampleRequest(sampleVisitor(tag), tag, Route{Class: Person}, "/")
				var out bytes.Buffer
				if err := testPortal.templates.execute(&out, s.page, tag, s.data(r)); err != nil {
					t.Fatal(err)
				}
				for _, fault := range inspect(out.String()) {
					t.Error(fault)
				}
				file := fmt.Sprintf("%s.%s.%s.html", strings.ReplaceAll(s.page, "#", "-"), s.name, tag)
				keep(t, file, out.String())
				written = append(written, file)
			})
		}
	}
	index, err := json.Marshal(written)
	if err != nil {
		t.Fatal(err)
	}
	keep(t, "pages.json", string(index))
}

func TestEveryPageHasSamples(t *testing.T) {
	files, err := fs.Glob(embedded, "pages/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(path.Base(file), ".html")
		found := false
		for _, s := range samples {
			page, _, _ := strings.Cut(s.page, "#")
			found = found || page == name
		}
		if !found {
			t.Errorf("page %s has no sample", name)
		}
	}
}

func TestInspectFindsFaults(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"an id twice":                   {`<h1>a</h1><p id="x">a</p><p id="x">b</p>`, "id x twice"},
		"no heading":                    {`<p>a</p>`, "0 h1"},
		"two headings":                  {`<h1>a</h1><h1>b</h1>`, "2 h1"},
		"a field without a label":       {`<h1>a</h1><input name="q">`, "input q has no label"},
		"a button without words":        {`<h1>a</h1><button><svg></svg></button>`, "button without words"},
		"a link without words":          {`<h1>a</h1><a href="/x"></a>`, "a without words"},
		"an unclosed element":           {`<h1>a</h1><div><p>b</p>`, "div is not closed"},
		"a closed element never opened": {`<h1>a</h1></section>`, "section closed but not open"},
		"an inline style":               {`<h1 style="color:red">a</h1>`, "inline style"},
		"an inline script":              {`<h1>a</h1><script>1</script>`, "inline script"},
		"an event handler":              {`<h1 onclick="x">a</h1>`, "onclick"},
		"a key instead of a text":       {`<h1>portal.nav.more</h1>`, "looks like a key"},
		"a reference to nothing":        {`<h1 aria-labelledby="nobody">a</h1>`, "refers to nobody"},
		"a name without what is shown":  {`<h1>a</h1><button aria-label="begin it">Start</button>`, "but shows"},
		"a missing value":               {`<h1>a</h1><p>&lt;no value&gt;</p>`, "no value"},
		"a form that gets with a body":  {`<h1>a</h1><form method="put"></form>`, "form method put"},
	} {
		t.Run(name, func(t *testing.T) {
			found := strings.Join(inspect(`<!doctype html><html lang="en"><head><title>x</title></head><body>`+c.body+`</body></html>`), "\n")
			if !strings.Contains(found, c.want) {
				t.Errorf("want a complaint with %q, got %q", c.want, found)
			}
		})
	}
	if found := inspect(`<!doctype html><html lang="en"><head><title>x</title></head><body><h1>a</h1></body></html>`); len(found) > 0 {
		t.Errorf("complaints about a sound page: %q", found)
	}
}

var rawKey = regexp.MustCompile(`\b(fault|done|portal|connections|servers|confirm|rooms|room|account|usage|levels|home|join|meet|signin|signup)\.[a-z_]+(\.[a-z_]+)*\b`)

var void = map[string]bool{"area": true, "base": true, "br": true, "col": true, "embed": true, "hr": true, "img": true, "input": true, "link": true, "meta": true, "source": true, "track": true, "wbr": true}

// inspect returns what is wrong with a page.
func inspect(page string) []string {
	var faults []string
	complain := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	balance(page, complain)
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return append(faults, err.Error())
	}
	ids, labelled, h1 := map[string]bool{}, map[string]bool{}, 0
	walk(doc, func(n *html.Node) {
		if v := attr(n, "id"); v != "" {
			if ids[v] {
				complain("id %s twice", v)
			}
			ids[v] = true
		}
		if n.Data == "label" && attr(n, "for") != "" {
			labelled[attr(n, "for")] = true
		}
	})
	walk(doc, func(n *html.Node) {
		for _, a := range n.Attr {
			switch {
			case a.Key == "style":
				complain("inline style on %s", n.Data)
			case strings.HasPrefix(a.Key, "on"):
				complain("%s on %s", a.Key, n.Data)
			case a.Key == "for" || a.Key == "aria-labelledby" || a.Key == "aria-describedby" || a.Key == "list" || a.Key == "popovertarget" || a.Key == "data-copy" || a.Key == "data-dialog":
				for _, ref := range strings.Fields(a.Val) {
					if !ids[ref] {
						complain("%s of %s refers to %s, which is not there", a.Key, n.Data, ref)
					}
				}
			case a.Key == "href" && strings.HasPrefix(a.Val, "#") && len(a.Val) > 1 && n.Data == "a":
				if !ids[a.Val[1:]] {
					complain("link refers to %s, which is not there", a.Val)
				}
			}
		}
		switch n.Data {
		case "h1":
			h1++
		case "script":
			if attr(n, "src") == "" && attr(n, "type") != "application/json" {
				complain("inline script")
			}
		case "style":
			if !inside(n, "svg") {
				complain("inline style element")
			}
		case "form":
			if m := attr(n, "method"); m != "" && m != "post" && m != "get" {
				complain("form method %s", m)
			}
		case "input", "select", "textarea":
			kind := attr(n, "type")
			if kind != "hidden" && kind != "submit" && !labelled[attr(n, "id")] && attr(n, "aria-label") == "" && !inside(n, "label") {
				complain("%s %s has no label", n.Data, attr(n, "name"))
			}
		case "a", "button", "summary", "h2", "h3", "th", "option", "legend", "label":
			if strings.TrimSpace(words(n)) == "" && attr(n, "aria-label") == "" && attr(n, "value") == "" {
				complain("%s without words", n.Data)
			}
			// WCAG 2.5.3. The pseudo language puts each text in brackets of its own.
			said, seen := strings.ToLower(attr(n, "aria-label")), strings.TrimRight(strings.ToLower(strings.Join(strings.Fields(words(n)), " ")), "?!.…")
			if said != "" && !strings.Contains(said, seen) && !strings.Contains(page, `lang="`+string(locale.Pseudo)) {
				complain("%s is named %q but shows %q", n.Data, said, seen)
			}
		}
		if n.FirstChild != nil && n.FirstChild.Type == html.TextNode && n.Data != "script" && !strings.Contains(attr(n, "class"), "code") {
			text := n.FirstChild.Data
			if m := rawKey.FindString(text); m != "" {
				complain("%q looks like a key", m)
			}
			if strings.Contains(text, "<no value>") {
				complain("no value in %s", n.Data)
			}
		}
	})
	if h1 != 1 {
		complain("%d h1", h1)
	}
	return faults
}

// balance finds what the parser would silently mend: elements not closed, or closed without being open.
func balance(page string, complain func(string, ...any)) {
	z := html.NewTokenizer(strings.NewReader(page))
	var open []string
	for {
		switch z.Next() {
		case html.ErrorToken:
			for _, name := range open {
				complain("%s is not closed", name)
			}
			return
		case html.StartTagToken:
			name, _ := z.TagName()
			if !void[string(name)] {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			switch {
			case len(open) > 0 && open[len(open)-1] == string(name):
				open = open[:len(open)-1]
			case len(open) > 1 && open[len(open)-2] == string(name):
				complain("%s is not closed", open[len(open)-1])
				open = open[:len(open)-2]
			default:
				complain("%s closed but not open", name)
			}
		}
	}
}

func walk(n *html.Node, visit func(*html.Node)) {
	if n.Type == html.ElementNode {
		visit(n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		walk(c, visit)
	}
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func inside(n *html.Node, name string) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Data == name {
			return true
		}
	}
	return false
}

// words is all text in n that a screen reader would read.
func words(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	if attr(n, "aria-hidden") == "true" {
		return ""
	}
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		b.WriteString(words(c))
	}
	return b.String()
}
