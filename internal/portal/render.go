// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"meetcoop/internal/locale"
)

//go:embed layout components pages
var embedded embed.FS

// templates holds one set per page: layout and components, which all share, and the page's own file. A set is
// cloned per language at first use, because a template function cannot know who it speaks to.
type templates struct {
	files   fs.FS
	reload  bool // parse again for every page (--dev)
	catalog *locale.Catalog
	assets  Assets

	mu    sync.Mutex
	plain map[string]*template.Template                // by page, never executed
	ready map[locale.Tag]map[string]*template.Template // by language and page
}

func newTemplates(d Deps) (*templates, error) {
	t := &templates{files: d.Templates, reload: d.Templates != nil, catalog: d.Catalog, assets: d.Assets}
	if t.files == nil {
		t.files = embedded
	}
	return t, t.parse()
}

// parse reads all files, so that a broken one is known at start.
func (t *templates) parse() error {
	shared, err := template.New("").Funcs(t.funcs(locale.English)).ParseFS(t.files, "layout/*.html", "components/*.html")
	if err != nil {
		return fmt.Errorf("parse layout: %w", err)
	}
	names, err := fs.Glob(t.files, "pages/*.html")
	if err != nil {
		return fmt.Errorf("list pages: %w", err)
	}
	plain := make(map[string]*template.Template, len(names))
	for _, file := range names {
		set, err := shared.Clone()
		if err == nil {
			set, err = set.ParseFS(t.files, file)
		}
		if err != nil {
			return fmt.Errorf("parse page: %w", err)
		}
		plain[strings.TrimSuffix(path.Base(file), ".html")] = set
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.plain, t.ready = plain, map[locale.Tag]map[string]*template.Template{}
	return nil
}

// set returns the templates of a page, bound to a language.
func (t *templates) set(name string, tag locale.Tag) (*template.Template, error) {
	if t.reload {
		if err := t.parse(); err != nil {
			return nil, err
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if set := t.ready[tag][name]; set != nil {
		return set, nil
	}
	plain := t.plain[name]
	if plain == nil {
		return nil, fmt.Errorf("no page %q", name)
	}
	set, err := plain.Clone()
	if err != nil {
		return nil, fmt.Errorf("clone page %s: %w", name, err)
	}
	set.Funcs(t.funcs(tag))
	if t.ready[tag] == nil {
		t.ready[tag] = map[string]*template.Template{}
	}
	t.ready[tag][name] = set
	return set, nil
}

// funcs are all that templates may call. What depends on the reader's time zone is formatted in Go.
func (t *templates) funcs(tag locale.Tag) template.FuncMap {
	p := t.catalog.Printer(tag, nil)
	return template.FuncMap{
		// t "key" "Name" value ...: the text of a key.
		"t": func(key string, pairs ...any) (string, error) {
			params, err := pairsToMap(pairs)
			return p.T(key, params), err
		},
		// n "key" count "Name" value ...: the text of a key in the right plural form.
		"n": func(key string, count int, pairs ...any) (string, error) {
			params, err := pairsToMap(pairs)
			return p.N(key, count, params), err
		},
		// icon, with its name: a drawing beside a word; never alone, but in close, copy and more, whose button has a label.
		"icon": func(name string) template.HTML {
			return template.HTML(`<svg class="icon" aria-hidden="true"><use href="` + template.HTMLEscapeString(t.assets.URL("icons.svg")+"#"+name) + `"/></svg>`)
		},
		// asset, with a plain name: the path of a built file.
		"asset": t.assets.URL,
	}
}

func pairsToMap(pairs []any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("odd number of parameters: %v", pairs)
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("parameter name is %T", pairs[i])
		}
		m[name] = pairs[i+1]
	}
	return m, nil
}

// execute writes a page, or with "page#block" one block of it (a fragment), in the given language.
func (t *templates) execute(out *bytes.Buffer, name string, tag locale.Tag, data any) error {
	page, block, _ := strings.Cut(name, "#")
	if block == "" {
		block = "document"
	}
	set, err := t.set(page, tag)
	if err != nil {
		return err
	}
	if err := set.ExecuteTemplate(out, block, data); err != nil {
		return fmt.Errorf("render %s: %w", name, err)
	}
	return nil
}

// render answers with a page: name is that of its file in pages/, data its struct, which embeds Page. With
// "name#block" it answers with one block only. Nothing is written unless all of it could be.
func (h *Handler) render(w http.ResponseWriter, r *Request, status int, name string, data any) error {
	var out bytes.Buffer
	if err := h.templates.execute(&out, name, r.P.Tag(), data); err != nil {
		return err
	}
	head := w.Header()
	head.Set("Content-Type", "text/html; charset=utf-8")
	head.Add("Vary", "Cookie, Accept-Language, HX-Request")
	if r.route.Class != Public || r.Visitor.SignedIn() || status != http.StatusOK || r.Method == http.MethodPost || h.Dev {
		head.Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_, err := out.WriteTo(w)
		return dropped(h, r, err)
	}
	sum := sha256.Sum256(out.Bytes())
	etag := `"` + hex.EncodeToString(sum[:12]) + `"`
	head.Set("Cache-Control", "private, max-age=60") // private: language and theme come from cookies
	head.Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	_, err := out.WriteTo(w)
	return dropped(h, r, err)
}

// dropped notes a reader who went away; there is nobody left to tell.
func dropped(h *Handler, r *Request, err error) error {
	if err != nil {
		h.Log.Debug("answer not sent", "request_id", r.ID, "err", err)
	}
	return nil
}

// seeOther ends an act: 303 to a path of this site. done is the key of a text (done.<key>) that the next page shows once; it may be empty.
func (h *Handler) seeOther(w http.ResponseWriter, r *Request, to, done string) error {
	if done != "" {
		base, fragment, _ := strings.Cut(to, "#")
		sep := "?"
		if strings.Contains(base, "?") {
			sep = "&"
		}
		to = base + sep + "done=" + done
		if fragment != "" {
			to += "#" + fragment
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r.Request, to, http.StatusSeeOther)
	return nil
}
