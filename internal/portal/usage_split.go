// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"meetcoop/internal/id"
	"meetcoop/internal/usage"
)

// splitOf says which connection used what: the rooms of the portal first, then each application. It is nil for a member without
// applications. Managers, who may see the connections, get links.
func splitOf(r *Request, f usageFigures) *Table {
	if len(f.Links) == 0 {
		return nil
	}
	t := &Table{Caption: r.P.T("connections.split"), Columns: []Column{{Label: r.P.T("connections.connection")}}}
	row := func(name, href string, in func(id.Connection) bool) []Cell {
		return append([]Cell{{Text: name, Href: href}}, splitCells(r, f, in)...)
	}
	if f.Span.days == 0 {
		t.Columns = append(t.Columns, Column{Label: r.P.T("connections.now"), Number: true}, Column{Label: r.P.T("connections.meetings_now"), Number: true})
	} else {
		t.Columns = append(t.Columns, Column{Label: r.P.T("usage.peak"), Number: true}, Column{Label: r.P.T("usage.meetings"), Number: true}, Column{Label: r.P.T("usage.hours"), Number: true}, Column{Label: r.P.T("usage.refused"), Number: true})
	}
	known := map[id.Connection]bool{}
	for _, c := range f.Links {
		known[c.ID] = true
	}
	t.Rows = append(t.Rows, row(r.P.T("connections.portal_rooms"), "", func(c id.Connection) bool { return !known[c] }))
	for _, c := range f.Links {
		if _, used := f.Shares[c.ID]; !c.RevokedAt.IsZero() && !used {
			continue
		}
		href := ""
		if r.Hat.Has(rolesOf[Manager]...) {
			href = "/m/" + r.Hat.Member.Slug + "/connections/" + keyword(c)
		}
		t.Rows = append(t.Rows, row(c.Name, href, func(id id.Connection) bool { return id == c.ID }))
	}
	return t
}

// splitCells adds up what some connections used.
func splitCells(r *Request, f usageFigures, in func(id.Connection) bool) []Cell {
	number := func(n int) Cell { return Cell{Text: r.P.Number(int64(n))} }
	if f.Span.days == 0 {
		people, meetings := 0, 0
		for _, m := range f.Now.Meetings {
			if in(m.Connection) {
				people += m.People
				meetings++
			}
		}
		return []Cell{number(people), number(meetings)}
	}
	var sum usage.Share
	peak, refused := 0, 0
	for c, s := range f.Shares {
		if in(c) {
			peak += s.Peak() // of one connection only: the portal has one
			refused += s.Refused()
			sum.Meetings += s.Meetings
			sum.Duration += s.Duration
		}
	}
	return []Cell{number(peak), number(sum.Meetings), {Text: r.P.DurationShort(sum.Duration)}, number(refused)}
}
