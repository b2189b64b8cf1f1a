// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// Catalog holds every text in every language. It does not change once loaded and is safe for concurrent use.
type Catalog struct {
	languages map[Tag]*messages
	missing   func(tag Tag, key, why string)
}

type messages struct {
	localizer *i18n.Localizer
	entries   map[string]entry
}

// entry is one message: its plural forms, or only "other" when the text has none.
type entry struct {
	forms        map[string]string
	placeholders []string // sorted
}

func (e entry) plural() bool { return len(e.forms) > 1 }

var pluralForms = []string{"one", "many", "other"} // all that the supported languages know (CLDR 48)

var placeholder = regexp.MustCompile(`\{\{\.([A-Z][A-Za-z0-9]*)\}\}`)

// Load reads every file <area>.<language>.json at the root of files. It returns an error that names each
// unreadable file, unknown language, twice defined key, and text that holds anything but plain
// placeholders between braces. Whether the languages are complete is the business of a test.
func Load(files fs.FS) (*Catalog, error) {
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return nil, fmt.Errorf("list locales: %w", err)
	}
	c := &Catalog{languages: map[Tag]*messages{}, missing: logMissing}
	for _, t := range Supported {
		c.languages[t] = &messages{entries: map[string]entry{}}
	}
	var faults []error
	for _, name := range names {
		if err := c.add(files, name); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	c.languages[Pseudo] = &messages{entries: pseudo(c.languages[English].entries)}
	for t, m := range c.languages {
		if err := m.build(t); err != nil {
			return nil, fmt.Errorf("language %s: %w", t, err)
		}
	}
	return c, nil
}

// Strict returns a catalog that panics on a missing key or parameter instead of logging it. Tests use it.
func (c *Catalog) Strict() *Catalog {
	strict := *c
	strict.missing = func(tag Tag, key, why string) {
		panic(fmt.Sprintf("locale %s: %q: %s", tag, key, why))
	}
	return &strict
}

func logMissing(tag Tag, key, why string) {
	slog.Error("text is missing", "language", string(tag), "key", key, "why", why)
}

// Has reports whether the language has a text for key.
func (c *Catalog) Has(tag Tag, key string) bool {
	m, ok := c.languages[tag]
	if !ok {
		return false
	}
	_, ok = m.entries[key]
	return ok
}

// Keys returns the keys of a language, sorted; nil for an unknown language.
func (c *Catalog) Keys(tag Tag) []string {
	m, ok := c.languages[tag]
	if !ok {
		return nil
	}
	return slices.Sorted(maps.Keys(m.entries))
}

// Section returns the raw texts whose keys start with prefix, by key and plural form ("one", "many",
// "other"), placeholders still in place: what a page in the browser needs to speak for itself.
func (c *Catalog) Section(tag Tag, prefix string) map[string]map[string]string {
	out := map[string]map[string]string{}
	if m, ok := c.languages[tag]; ok {
		for k, e := range m.entries {
			if strings.HasPrefix(k, prefix) {
				out[k] = maps.Clone(e.forms)
			}
		}
	}
	return out
}

// Printer returns what speaks the language to somebody in the zone. An unknown language is English; a nil
// zone is UTC.
func (c *Catalog) Printer(tag Tag, zone *time.Location) *Printer {
	m, ok := c.languages[tag]
	if !ok {
		tag, m = English, c.languages[English]
	}
	if zone == nil {
		zone = time.UTC
	}
	base := tag
	if tag == Pseudo {
		base = English
	}
	return &Printer{catalog: c, tag: tag, zone: zone, own: m, f: formats[base]}
}

func (c *Catalog) add(files fs.FS, name string) error {
	_, lang, ok := strings.Cut(strings.TrimSuffix(path.Base(name), ".json"), ".")
	if !ok || !slices.Contains(Supported, Tag(lang)) {
		return errors.New("name is not <area>.<language>.json")
	}
	raw, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	found, err := parse(raw)
	if err != nil {
		return err
	}
	m := c.languages[Tag(lang)]
	for key, e := range found {
		if _, twice := m.entries[key]; twice {
			return fmt.Errorf("key %q is in another file too", key)
		}
		m.entries[key] = e
	}
	return nil
}

// parse walks the tokens itself, because encoding/json takes the last of two equal keys without a word.
func parse(raw []byte) (map[string]entry, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	out := map[string]entry{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		key, _ := t.(string)
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("key %q: %w", key, err)
		}
		if _, twice := out[key]; twice {
			return nil, fmt.Errorf("key %q twice", key)
		}
		e, err := parseEntry(value)
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", key, err)
		}
		out[key] = e
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the object")
	}
	return out, nil
}

func parseEntry(value json.RawMessage) (entry, error) {
	e := entry{forms: map[string]string{}}
	var text string
	if err := json.Unmarshal(value, &text); err == nil {
		e.forms["other"] = text
	} else if err := json.Unmarshal(value, &e.forms); err != nil {
		return e, errors.New("neither a text nor an object of plural forms")
	}
	if e.forms["other"] == "" {
		return e, errors.New(`no text, or no form "other"`)
	}
	for form, text := range e.forms {
		if !slices.Contains(pluralForms, form) {
			return e, fmt.Errorf("unknown plural form %q", form)
		}
		if rest := placeholder.ReplaceAllString(text, ""); strings.Contains(rest, "{{") || strings.Contains(rest, "}}") {
			return e, fmt.Errorf("braces hold something else than a placeholder: %q", text)
		}
		for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(e.placeholders, m[1]) {
				e.placeholders = append(e.placeholders, m[1])
			}
		}
	}
	slices.Sort(e.placeholders)
	return e, nil
}

func (m *messages) build(tag Tag) error {
	t := language.MustParse(string(tag))
	bundle := i18n.NewBundle(t) // one bundle per language, so that go-i18n never guesses between them
	for key, e := range m.entries {
		msg := &i18n.Message{ID: key, One: e.forms["one"], Many: e.forms["many"], Other: e.forms["other"]}
		if err := bundle.AddMessages(t, msg); err != nil {
			return fmt.Errorf("key %q: %w", key, err)
		}
	}
	m.localizer = i18n.NewLocalizer(bundle, string(tag))
	return nil
}
