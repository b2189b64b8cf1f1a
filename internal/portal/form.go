// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"meetcoop/internal/fault"
	"meetcoop/internal/locale"
)

// Mistakes are the wrong fields of a form that was sent, in the reader's words. The zero value is a form without mistakes.
type Mistakes struct {
	byName map[string]string
	sum    FormErrors
}

// mistakes reads the wrong fields out of an Invalid fault, in the order in which the form checks them. ok is false
// for every other error: that one is for the wrapper. Handlers answer 422 with the same page.
func mistakes(p *locale.Printer, err error) (m Mistakes, ok bool) {
	f := fault.As(err)
	if f == nil || f.Kind != fault.Invalid || len(f.Fields) == 0 {
		return Mistakes{}, false
	}
	m = Mistakes{byName: map[string]string{}}
	for _, field := range f.Fields {
		text := p.Field(field)
		if _, twice := m.byName[field.Name]; twice {
			continue
		}
		m.byName[field.Name] = text
		m.sum.Items = append(m.sum.Items, Link{Label: text, Href: "#f-" + field.Name})
	}
	m.sum.Heading = p.N("portal.form.errors", len(m.sum.Items))
	return m, true
}

// notDone says at a field why what a form asks for was not done although the form is right, so that what was typed stays.
func notDone(p *locale.Printer, field string, err error) Mistakes {
	text := p.Fault(err)
	return Mistakes{byName: map[string]string{field: text}, sum: FormErrors{Heading: p.T("portal.form.not_done"), Items: []Link{{Label: text, Href: "#f-" + field}}}}
}

// Of returns what is wrong with the named field, or "".
func (m Mistakes) Of(name string) string { return m.byName[name] }

// Summary is the list above the form.
func (m Mistakes) Summary() FormErrors { return m.sum }
