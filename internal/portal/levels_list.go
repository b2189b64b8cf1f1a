// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"time"

	"meetcoop/internal/decision"
	"meetcoop/internal/locale"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// levelsPage is the price list: what members contribute and what they get.
type levelsPage struct {
	Page
	Cards []levelCard
	Table Table
	Since string
	Scope string
}

// levelCard is one level in words.
type levelCard struct {
	Key, Name, Price, Per string
	Lines                 []string
	Start                 Button
}

func (h *Handler) levelsList(w http.ResponseWriter, r *Request) error {
	var levels []tariff.Level
	var made decision.Decision
	var found bool
	err := h.DB.Read(r.Context(), func(tx store.Reader) (err error) {
		if levels, err = tariff.Levels(r.Context(), tx, r.Now); err != nil || len(levels) == 0 {
			return err
		}
		made, found, err = decision.Find(r.Context(), tx, levels[len(levels)-1].DecisionKey)
		return err
	})
	if err != nil {
		return err
	}
	if !found {
		made = decision.Decision{}
	}
	return h.render(w, r, http.StatusOK, "levels_list", h.levelsOf(r, levels, made))
}

// levelsOf draws the price list; made is the decision that adopted it, zero when the register knows none.
func (h *Handler) levelsOf(r *Request, levels []tariff.Level, made decision.Decision) levelsPage {
	page := levelsPage{Page: h.page(r, "levels", r.P.T("levels.title")), Cards: levelCards(r, levels)}
	page.Lead = r.P.T("levels.lead")
	if len(levels) > 0 {
		page.Since = r.P.T("levels.since", map[string]any{"Date": r.P.Date(levels[len(levels)-1].ValidFrom)})
		if made.Title != "" {
			page.Since = r.P.T("levels.since_decision", map[string]any{"Date": r.P.Date(levels[len(levels)-1].ValidFrom), "Decision": made.Title})
		}
		page.Table = levelTable(r, levels)
	}
	return page
}

func levelCards(r *Request, levels []tariff.Level) []levelCard {
	out := make([]levelCard, 0, len(levels))
	for _, l := range levels {
		c := levelCard{Key: l.Key, Name: levelName(r.P, l.Key), Start: Button{Kind: ButtonPlain, Label: r.P.T("levels.start"), Describe: r.P.T("levels.start_level", map[string]any{"Level": levelName(r.P, l.Key)}), Href: "/signup?level=" + l.Key}}
		switch {
		case l.ByQuotation:
			c.Price = r.P.T("levels.quotation")
		case l.IsFree():
			c.Price = r.P.T("levels.free")
		default:
			c.Price, c.Per = r.P.Money(l.Contribution), r.P.T("levels.per_month")
		}
		for _, row := range levelRows {
			if text := row.line(r.P, l.Limits); text != "" {
				c.Lines = append(c.Lines, text)
			}
		}
		out = append(out, c)
	}
	return out
}

// levelRows are the limits in the order of the price list: a sentence for the card, a cell for the table.
var levelRows = []struct {
	key  string
	line func(*locale.Printer, tariff.Limits) string
	cell func(*locale.Printer, tariff.Limits) string
}{
	{"seats", countLine("levels.seats", func(l tariff.Limits) tariff.Limit { return l.Seats }), countCell(func(l tariff.Limits) tariff.Limit { return l.Seats })},
	{"running", countLine("levels.running", func(l tariff.Limits) tariff.Limit { return l.RunningRooms }), countCell(func(l tariff.Limits) tariff.Limit { return l.RunningRooms })},
	{"rooms", countLine("levels.rooms", func(l tariff.Limits) tariff.Limit { return l.Rooms }), countCell(func(l tariff.Limits) tariff.Limit { return l.Rooms })},
	{"duration", func(p *locale.Printer, l tariff.Limits) string {
		if l.Duration == 0 {
			return ""
		}
		return p.T("levels.duration", map[string]any{"Duration": p.Duration(l.Duration)})
	}, func(p *locale.Printer, l tariff.Limits) string { return spanWords(p, l.Duration) }},
	{"hosts", countLine("levels.hosts", func(l tariff.Limits) tariff.Limit { return l.Hosts }), countCell(func(l tariff.Limits) tariff.Limit { return l.Hosts })},
}

func countLine(key string, of func(tariff.Limits) tariff.Limit) func(*locale.Printer, tariff.Limits) string {
	return func(p *locale.Printer, l tariff.Limits) string {
		n, limited := of(l).Int()
		if !limited {
			return p.T(key + "_any")
		}
		return p.N(key, n)
	}
}

func countCell(of func(tariff.Limits) tariff.Limit) func(*locale.Printer, tariff.Limits) string {
	return func(p *locale.Printer, l tariff.Limits) string {
		n, limited := of(l).Int()
		if !limited {
			return p.T("levels.any")
		}
		return p.Number(int64(n))
	}
}

func spanWords(p *locale.Printer, d time.Duration) string {
	if d == 0 {
		return p.T("levels.any")
	}
	return p.DurationShort(d)
}

func levelTable(r *Request, levels []tariff.Level) Table {
	t := Table{Caption: r.P.T("levels.table"), Columns: []Column{{Label: r.P.T("levels.level")}, {Label: r.P.T("levels.contribution"), Number: true}}}
	for _, row := range levelRows {
		t.Columns = append(t.Columns, Column{Label: r.P.T("levels.col." + row.key), Number: true})
	}
	for i, c := range levelCards(r, levels) {
		cells := []Cell{{Text: c.Name}, {Text: c.Price}}
		for _, row := range levelRows {
			cells = append(cells, Cell{Text: row.cell(r.P, levels[i].Limits)})
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

// levelName is what people call a level: the founding ones have translated names, others their key.
func levelName(p *locale.Printer, key string) string {
	if foundingNames[key] {
		return p.T("level." + key)
	}
	return key
}

var foundingNames = map[string]bool{"free": true, "level-1": true, "level-2": true, "level-3": true, "organisation": true, "custom": true}
