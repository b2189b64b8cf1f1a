// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import (
	"fmt"
	"maps"
	"reflect"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/nicksnyder/go-i18n/v2/i18n/template"

	"meetcoop/internal/fault"
	"meetcoop/internal/instant"
	"meetcoop/internal/money"
)

// Printer speaks one language to somebody in one time zone. It is safe for concurrent use.
type Printer struct {
	catalog *Catalog
	tag     Tag
	zone    *time.Location
	own     *messages
	f       *format
}

// Tag returns the language, for the lang attribute.
func (p *Printer) Tag() Tag { return p.tag }

// Zone returns the time zone in which instants are written; never nil.
func (p *Printer) Zone() *time.Location { return p.zone }

// In returns the same language in another zone.
func (p *Printer) In(zone *time.Location) *Printer {
	q := *p
	q.zone = zone
	return &q
}

// T returns the text of key with its placeholders filled from params (later maps win). A text with plural forms takes
// the form of the integer parameter Count, else that of Limit. A missing key gives the English text, else the key
// itself, and is logged as an error; a missing parameter gives "…" and is logged. A strict catalog panics on both.
func (p *Printer) T(key string, params ...map[string]any) string {
	return p.text(key, merged(params))
}

// N returns the text of key in the plural form for count, which also fills the placeholder {{.Count}}.
func (p *Printer) N(key string, count int, params ...map[string]any) string {
	values := merged(params)
	values["Count"] = count
	return p.text(key, values)
}

// Fault returns what a person is told about err: the text fault.<code> with the parameters of the outermost fault in
// its chain, and that of fault.internal for everything else. The cause is never part of it. Fault(nil) is "".
func (p *Printer) Fault(err error) string {
	if err == nil {
		return ""
	}
	f := fault.As(err)
	if f == nil {
		return p.text("fault.internal", nil)
	}
	return p.text("fault."+f.Code, f.Params)
}

// Field returns what a person is told about one wrong field of an input.
func (p *Printer) Field(f fault.Field) string { return p.text("fault."+f.Code, f.Params) }

func merged(params []map[string]any) map[string]any {
	out := map[string]any{}
	for _, m := range params {
		maps.Copy(out, m)
	}
	return out
}

var parser = &template.TextParser{}

func (p *Printer) text(key string, values map[string]any) string {
	m := p.own
	e, ok := m.entries[key]
	if !ok {
		p.catalog.missing(p.tag, key, "no such key")
		m = p.catalog.languages[English]
		if e, ok = m.entries[key]; !ok {
			return key
		}
	}
	if len(e.placeholders) == 0 && !e.plural() {
		return e.forms["other"]
	}
	c := i18n.LocalizeConfig{MessageID: key, TemplateParser: parser}
	if e.plural() {
		n, ok := count(values)
		if !ok {
			p.catalog.missing(p.tag, key, "plural forms but neither Count nor Limit")
		}
		c.PluralCount = n
	}
	data := make(map[string]string, len(e.placeholders))
	for _, name := range e.placeholders {
		v, ok := values[name]
		if !ok {
			p.catalog.missing(p.tag, key, "no parameter "+name)
			v = "…"
		}
		data[name] = p.Value(v)
	}
	c.TemplateData = data
	s, err := m.localizer.Localize(&c)
	if err != nil {
		p.catalog.missing(p.tag, key, err.Error())
		return e.forms["other"]
	}
	return s
}

// count finds the number that chooses the plural form.
func count(values map[string]any) (int64, bool) {
	for _, name := range []string{"Count", "Limit"} {
		if v, ok := values[name]; ok {
			if n, ok := integer(v); ok {
				return n, true
			}
		}
	}
	return 0, false
}

func integer(v any) (int64, bool) {
	switch r := reflect.ValueOf(v); {
	case r.CanInt():
		return r.Int(), true
	case r.CanUint() && r.Uint() < 1<<63:
		return int64(r.Uint()), true
	}
	return 0, false
}

// Value writes a parameter the way the language writes values of its type: see the comment of the package. Other types are
// written by fmt.Sprint, named integer types that have a String method by that method.
func (p *Printer) Value(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case money.Amount:
		return p.Money(v)
	case instant.Instant:
		return p.DateTime(v)
	case instant.Date:
		return p.Date(v)
	case time.Duration:
		return p.Duration(v)
	case []string:
		return p.List(v)
	case fmt.Stringer:
		return v.String()
	}
	if n, ok := integer(v); ok {
		return p.Number(n)
	}
	return fmt.Sprint(v)
}
