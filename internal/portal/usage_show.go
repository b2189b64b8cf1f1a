// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"slices"
	"strconv"

	"meetcoop/internal/admission"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
	"meetcoop/internal/usage"
)

// usagePage tells what a member uses against its level: used, limit, and what happens at the limit.
type usagePage struct {
	Page
	Level    string
	Standing Badge
	Boundary string
	Tabs     Tabs

	Seats   *SeatRow // of the tab now
	Meters  []Meter
	Lines   []usageLine
	Running *Table
	None    string

	Chart    *Chart // of the tabs month and year
	Totals   []usageLine
	Refusals *Table
	Split    *Table // by connection, when there is more than the portal's own
	Advice   *Notice
	CSV      Link
}

type usageLine struct{ Label, Value, Hint string }

// span is a tab of the page.
type span struct {
	key  string
	days int
}

var spans = []span{{"now", 0}, {"month", 30}, {"year", 365}}

func (h *Handler) usageShow(w http.ResponseWriter, r *Request) error {
	f, err := h.usageFigures(r)
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "usage_show", h.usageOf(r, f))
}

func (h *Handler) usageOf(r *Request, f usageFigures) usagePage {
	ent, chosen := f.Now.Entitlement, f.Span
	page := usagePage{
		Page:     h.page(r, "usage", r.P.T("usage.title")),
		Standing: standingBadge(r, ent.Standing),
		Tabs:     Tabs{Label: r.P.T("usage.tabs")},
		CSV:      Link{Label: r.P.T("usage.csv"), Href: "/m/" + r.Hat.Member.Slug + "/usage.csv?span=" + chosen.key},
	}
	page.Lead = r.Hat.Member.Name
	page.Banners = bannersOf(r, standingOf{r.Hat.Member, ent.Standing})
	if ent.Level != "" { // none while suspended
		page.Level = r.P.T("usage.level", map[string]any{"Level": levelName(r.P, ent.Level)})
	}
	if !ent.Standing.Boundary.IsZero() {
		page.Boundary = r.P.T("usage.until", map[string]any{"Date": r.P.Date(ent.Standing.Boundary.In(r.P.Zone()))})
	}
	for _, s := range spans {
		page.Tabs.Links = append(page.Tabs.Links, NavLink{Label: r.P.T("usage.tab." + s.key), Href: "/m/" + r.Hat.Member.Slug + "/usage?span=" + s.key, Current: s.key == chosen.key})
	}
	if chosen.days == 0 {
		usageNow(r, &page, f)
	} else {
		usagePast(r, &page, f.Report, ent.Limits, chosen)
	}
	page.Split = splitOf(r, f)
	page.Advice = advice(r, f.Last, ent)
	return page
}

// adviceDays is how far back the advice looks.
const adviceDays = 90

// usageFigures is what the page of a tab rests on.
type usageFigures struct {
	Span   span
	Now    admission.Usage
	Report usage.Report // of Span; zero for the tab now
	Last   usage.Report // what the advice rests on
	Rooms  int
	Hosts  int
	Names  map[id.Room]string // of the rooms where a meeting runs
	Links  []membership.Connection
	Shares map[id.Connection]usage.Share // of Span, which is one slot; nil for the tab now
}

// usageFigures reads the figures of the chosen tab in one snapshot.
func (h *Handler) usageFigures(r *Request) (usageFigures, error) {
	f := usageFigures{Span: spans[0]}
	for _, s := range spans {
		if s.key == r.URL.Query().Get("span") {
			f.Span = s
		}
	}
	member := r.Hat.Member
	zone := member.Location()
	tomorrow := r.Now.In(zone).AddDays(1)
	err := h.DB.Read(r.Context(), func(tx store.Reader) (err error) {
		if f.Now, err = h.Gate.UsageNow(r.Context(), tx, member.ID, r.Now); err != nil {
			return err
		}
		if f.Span.days > 0 {
			if f.Report, err = usage.Read(r.Context(), tx, member.ID, tomorrow.AddDays(-f.Span.days), tomorrow, zone); err != nil {
				return err
			}
		}
		if f.Last, err = usage.Read(r.Context(), tx, member.ID, tomorrow.AddDays(-adviceDays), tomorrow, zone); err != nil {
			return err
		}
		untilNow(f.Report.Days, f.Now)
		untilNow(f.Last.Days, f.Now)
		// The names of applications are worth a query where something of theirs is to be named.
		if f.Span.days > 0 || slices.ContainsFunc(f.Now.Meetings, func(m fleet.Meeting) bool { return m.Room == "" }) {
			if f.Links, err = membership.ConnectionsOf(r.Context(), tx, member.ID); err != nil {
				return err
			}
		}
		if f.Span.days == 0 {
			return h.usageInside(r, tx, &f)
		}
		if len(f.Links) > 0 {
			f.Shares, err = usage.ReadShares(r.Context(), tx, sharesInput(r, f.Now, []instant.Instant{tomorrow.AddDays(-f.Span.days).Start(zone)}))
		}
		return err
	})
	return f, err
}

// untilNow counts this hour's peak into the last day: the memory of usage gets it when the hour is over.
func untilNow(days []usage.Day, now admission.Usage) {
	if n := len(days); n > 0 {
		days[n-1].Peak = max(days[n-1].Peak, now.Seats.Used, now.Seats.Peak)
	}
}

// usageInside adds what the tab now shows beside the gate's figures.
func (h *Handler) usageInside(r *Request, tx store.Reader, f *usageFigures) (err error) {
	if f.Rooms, err = rooms.Count(r.Context(), tx, r.Hat.Member.ID); err != nil {
		return err
	}
	counts, err := membership.CountsOf(r.Context(), tx, r.Hat.Member.ID)
	if err != nil {
		return err
	}
	f.Hosts = counts.Hosts
	held := make([]id.Room, 0, len(f.Now.Meetings))
	for _, m := range f.Now.Meetings {
		if m.Room != "" {
			held = append(held, m.Room)
		}
	}
	f.Names, err = rooms.Names(r.Context(), tx, held)
	return err
}

func usageNow(r *Request, page *usagePage, f usageFigures) {
	now := f.Now
	row := seatRowOf(r, now)
	row.Hint = r.P.T("usage.seats_hint")
	page.Seats = &row
	limits := now.Entitlement.Limits
	page.Meters = []Meter{
		figure(r, "running", now.RunningRooms.Used, limits.RunningRooms),
		figure(r, "rooms", f.Rooms, limits.Rooms),
		figure(r, "hosts", f.Hosts, limits.Hosts),
	}
	page.Lines = []usageLine{
		{Label: r.P.T("levels.col.duration"), Value: spanWords(r.P, limits.Duration), Hint: r.P.T("usage.duration_hint")},
		{Label: r.P.T("usage.participants"), Value: limitWords(r, limits.Participants), Hint: r.P.T("usage.participants_hint")},
		{Label: r.P.T("usage.recording"), Value: r.P.T(map[bool]string{true: "usage.yes", false: "usage.no"}[limits.Recording])},
	}
	if len(now.Meetings) == 0 {
		page.None = r.P.T("usage.nothing_running")
		return
	}
	page.Running = &Table{Caption: r.P.T("usage.running"), Columns: []Column{{Label: r.P.T("usage.room")}, {Label: r.P.T("usage.people"), Number: true}, {Label: r.P.T("usage.since")}, {Label: r.P.T("usage.ends")}}}
	for _, m := range now.Meetings {
		ends := r.P.T("levels.any")
		if !m.DeadlineAt.IsZero() {
			ends = r.P.Clock(m.DeadlineAt)
			if m.DeadlineAt.In(r.P.Zone()) != r.Now.In(r.P.Zone()) {
				ends = r.P.DateTimeShort(m.DeadlineAt)
			}
		}
		page.Running.Rows = append(page.Running.Rows, []Cell{{Text: meetingName(f, m)}, {Text: r.P.Number(int64(m.People))}, {Text: r.P.Clock(m.StartedAt)}, {Text: ends}})
	}
}

// meetingName is the name of the room, or of the application that holds the meeting: what it calls the meeting is its own affair.
func meetingName(f usageFigures, m fleet.Meeting) string {
	if m.Room != "" {
		return f.Names[m.Room]
	}
	for _, c := range f.Links {
		if c.ID == m.Connection {
			return c.Name
		}
	}
	return ""
}

func limitWords(r *Request, l tariff.Limit) string {
	n, limited := l.Int()
	if !limited {
		return r.P.T("levels.any")
	}
	return r.P.Number(int64(n))
}

// figure is a meter in words: used, limit, what happens there.
func figure(r *Request, key string, used int, l tariff.Limit) Meter {
	n, limited := l.Int()
	if !limited {
		return newMeter(r.P.T("usage."+key), r.P.T("usage.of_any", map[string]any{"Used": used}), "", used, -1)
	}
	return newMeter(r.P.T("usage."+key), r.P.T("usage.of", map[string]any{"Used": used, "Limit": n}), r.P.T("usage."+key+"_hint"), used, n)
}

func usagePast(r *Request, page *usagePage, report usage.Report, limits tariff.Limits, chosen span) {
	limit, limited := limits.Seats.Int()
	if !limited {
		limit = 0
	}
	peak := 0
	in := BarChartInput{
		ID: "seats", Title: r.P.T("usage.chart." + chosen.key), Limit: limit, LimitText: r.P.T("usage.chart_limit", map[string]any{"Limit": limit}),
		Caption: r.P.T("usage.chart." + chosen.key), Head: r.P.T("usage.day"), Unit: r.P.T("usage.peak"), MarkUnit: r.P.T("usage.refused"), TableText: r.P.T("usage.as_table"),
	}
	for _, bar := range bars(r, report.Days, chosen) {
		peak = max(peak, bar.Value)
		in.Bars = append(in.Bars, bar)
	}
	in.Finding = r.P.N("usage.finding", peak)
	chart := newBarChart(in)
	page.Chart = &chart
	page.Totals = []usageLine{
		{Label: r.P.T("usage.meetings"), Value: r.P.Number(int64(report.Meetings))},
		{Label: r.P.T("usage.hours"), Value: r.P.DurationShort(report.Duration)},
		{Label: r.P.T("usage.person_hours"), Value: r.P.DurationShort(report.SeatTime)},
	}
	page.Refusals = refusalsTable(r, report.Refusals)
	if page.Refusals == nil {
		page.None = r.P.T("usage.no_refusals")
	}
}

// refusalsTable lists reasons, the most frequent first; nil when nobody was refused.
func refusalsTable(r *Request, found []usage.Refusals) *Table {
	if len(found) == 0 {
		return nil
	}
	t := &Table{Caption: r.P.T("usage.refusals"), Columns: []Column{{Label: r.P.T("usage.reason")}, {Label: r.P.T("usage.refused"), Number: true}, {Label: r.P.T("usage.tries"), Number: true}, {Label: r.P.T("usage.last")}}}
	for _, f := range found {
		t.Rows = append(t.Rows, []Cell{{Text: refusalWords(r, f.Code)}, {Text: r.P.Number(int64(f.Refused))}, {Text: r.P.Number(int64(f.Attempts))}, {Text: r.P.DateTimeShort(f.Last)}})
	}
	return t
}

// refusalWords names a reason; one without words of its own shows its code, which docs and support know.
func refusalWords(r *Request, code string) string {
	if explained[code] {
		return r.P.T("usage.refusal." + code)
	}
	return code
}

// bars are one a day, or one a week for the year.
func bars(r *Request, days []usage.Day, chosen span) []Bar {
	step := 1
	if chosen.days > 100 {
		step = 7
	}
	var out []Bar
	for i := 0; i < len(days); i += step {
		b := Bar{Label: r.P.DateShort(days[i].Date)}
		for _, d := range days[i:min(i+step, len(days))] {
			b.Value = max(b.Value, d.Peak)
			b.Mark += d.Refused
		}
		out = append(out, b)
	}
	return out
}

// advice is given in both directions: a larger level when people were refused for seats, a smaller one when less than half was
// ever used in the last 90 days.
func advice(r *Request, last usage.Report, ent tariff.Entitlement) *Notice {
	limit, limited := ent.Limits.Seats.Int()
	if !limited || limit == 0 {
		return nil
	}
	days, peak := 0, 0
	for _, d := range last.Days {
		peak = max(peak, d.Peak)
		if d.Refused > 0 {
			days++
		}
	}
	choose := Link{Label: r.P.T("usage.advice_levels"), Href: "/levels"}
	switch {
	case days > 0:
		return &Notice{Kind: NoticeWarn, Title: r.P.T("usage.advice"), Text: r.P.N("usage.advice_larger", days), Link: choose}
	case last.Meetings >= adviceMeetings && 2*peak <= limit && ent.Level != "free":
		return &Notice{Kind: NoticeInfo, Title: r.P.T("usage.advice"), Text: r.P.T("usage.advice_smaller", map[string]any{"Peak": peak, "Limit": limit}), Link: choose}
	}
	return nil
}

// adviceMeetings is how many meetings are needed before a smaller level is suggested.
const adviceMeetings = 5

func standingBadge(r *Request, s membership.Standing) Badge {
	b := Badge{Text: r.P.T("standing." + string(s.State)), Icon: "check", Kind: NoticeOK}
	switch s.State {
	case membership.StandingGrace, membership.StandingPending:
		b.Kind, b.Icon = NoticeWarn, "clock"
	case membership.StandingArrears, membership.StandingSuspended, membership.StandingClosed:
		b.Kind, b.Icon = NoticeBad, "circle-alert"
	case membership.StandingFree:
		b.Kind, b.Icon = "", "circle"
	}
	return b
}

// usageCSV is the days of a tab as a table for spreadsheets.
func (h *Handler) usageCSV(w http.ResponseWriter, r *Request) error {
	f, err := h.usageFigures(r)
	if err != nil {
		return err
	}
	report := f.Report
	if f.Span.days == 0 {
		report = f.Last
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="usage-`+r.Hat.Member.Slug+`.csv"`)
	w.Header().Set("Cache-Control", "no-store")
	rows := [][]string{{"date", "peak_seats", "meetings", "minutes", "refused", "attempts"}}
	for _, d := range report.Days {
		rows = append(rows, []string{d.Date.String(), strconv.Itoa(d.Peak), strconv.Itoa(d.Meetings), strconv.Itoa(int(d.Duration.Minutes())), strconv.Itoa(d.Refused), strconv.Itoa(d.Attempts)})
	}
	return dropped(h, r, writeCSV(w, rows))
}
