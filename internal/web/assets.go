// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// AssetPath is where built files are served.
const AssetPath = "/assets/"

// Assets serves the built files of the browser: a directory with files under names that hold a hash
// of their content, beside each text file the same as .br and .gz, and manifest.json from plain to
// hashed names. It is safe for concurrent use.
type Assets struct {
	files fs.FS
	live  bool // read the manifest for each use: files are built anew while we run

	mu    sync.Mutex
	names map[string]string
	known map[string]bool // hashed names
}

// NewAssets reads the manifest of files. Without one every name stands for itself and is not cached
// for ever. live is for --dev.
func NewAssets(files fs.FS, live bool) (*Assets, error) {
	a := &Assets{files: files, live: live}
	return a, a.load()
}

func (a *Assets) load() error {
	raw, err := fs.ReadFile(a.files, "manifest.json")
	if errors.Is(err, fs.ErrNotExist) {
		raw, err = []byte("{}"), nil
	}
	if err != nil {
		return fmt.Errorf("read asset manifest: %w", err)
	}
	names := map[string]string{}
	if err := json.Unmarshal(raw, &names); err != nil {
		return fmt.Errorf("read asset manifest: %w", err)
	}
	known := map[string]bool{}
	for _, hashed := range names {
		known[hashed] = true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.names, a.known = names, known
	return nil
}

// Built reports whether there is anything to serve.
func (a *Assets) Built() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.names) > 0
}

// URL returns the path under which a file is served: "portal.css" gives
// "/assets/portal.0a1b2c3d4e.css". An unknown name gives its path without a hash.
func (a *Assets) URL(name string) string {
	if a.live {
		_ = a.load() // a manifest half written: the old names do until the next page
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if hashed, ok := a.names[name]; ok {
		name = hashed
	}
	return AssetPath + name
}

// kinds are the types of built files; the machine's own table differs from distribution to distribution.
var kinds = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".json": "application/json", ".map": "application/json",
	".svg": "image/svg+xml", ".png": "image/png", ".webp": "image/webp", ".ico": "image/x-icon", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
	".wasm": "application/wasm",
}

// ServeHTTP serves GET and HEAD below AssetPath. Unknown names are 404 without a page: browsers ask,
// not people.
func (a *Assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, AssetPath)
	kind := kinds[path.Ext(name)]
	if kind == "" || name == "manifest.json" || !fs.ValidPath(name) {
		http.NotFound(w, r)
		return
	}
	coded, coding := name, ""
	for _, c := range [...]struct{ coding, suffix string }{{"br", ".br"}, {"gzip", ".gz"}} {
		if accepts(r.Header, c.coding) && a.has(name+c.suffix) {
			coded, coding = name+c.suffix, c.coding
			break
		}
	}
	content, err := fs.ReadFile(a.files, coded)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	if coding != "" {
		h.Set("Content-Encoding", coding)
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(content)))
	h.Add("Vary", "Accept-Encoding")
	h.Set("Cache-Control", a.caching(name))
	if r.Method != http.MethodHead {
		_, _ = w.Write(content) // who does not listen any more is not told
	}
}

func (a *Assets) has(name string) bool {
	info, err := fs.Stat(a.files, name)
	return err == nil && info.Mode().IsRegular()
}

// caching lets browsers keep for ever what changes its name when it changes: files of the manifest,
// and chunks, whose names only scripts know. With no manifest, or files built anew, nothing is kept.
func (a *Assets) caching(name string) string {
	if a.live || !a.hashed(name) {
		return "no-cache"
	}
	return "public, max-age=31536000, immutable"
}

// hashed reports whether a name is one of the manifest, or looks like a chunk: name.HASH.ext with at
// least eight letters or digits.
func (a *Assets) hashed(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.names) == 0 {
		return false
	}
	parts := strings.Split(path.Base(name), ".")
	return a.known[name] || (len(parts) >= 3 && len(parts[len(parts)-2]) >= 8)
}
