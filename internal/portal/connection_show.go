// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"slices"
	"time"

	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/usage"
)

// connectionPage is one connection: how to plug it in, what it used, its rules, and how to end it.
type connectionPage struct {
	Page
	Gone     *Notice // it was revoked
	Adopting *Notice // it takes over what another load balancer runs
	Endpoint CopyField
	Facts    []usageLine
	Keys     []keyLine
	Fresh    string // said in place of all figures while nobody has used it
	Tabs     Tabs
	Chart    Chart
	Totals   []usageLine
	Refusals *Table
	None     string
	Rules    []ruleLine
	Adding   ruleForm
	Recipes  []recipe
	Change   *Button
	Rotate   *Button
	Revoke   *Button
}

// keyLine is one secret of a connection, of which only the end is shown.
type keyLine struct {
	Text  string
	Sub   string
	Badge *Badge
}

// stretch is a tab of the chart: its slots begin every hour or every day.
type stretch struct {
	key   string
	slots int
	step  time.Duration
}

var stretches = []stretch{{"month", 30, 24 * time.Hour}, {"hours", 48, time.Hour}}

// begins are the instants at which the slots begin; the last holds now. Days begin in zone.
func (s stretch) begins(now instant.Instant, zone *time.Location) []instant.Instant {
	var out []instant.Instant
	for i := 1 - s.slots; i <= 0; i++ {
		if s.step == time.Hour {
			out = append(out, instant.Of(now.Time().Truncate(time.Hour)).Add(time.Duration(i)*time.Hour))
			continue
		}
		out = append(out, now.In(zone).AddDays(i).Start(zone))
	}
	return out
}

func stretchOf(r *Request) stretch {
	for _, s := range stretches {
		if s.key == r.URL.Query().Get("span") {
			return s
		}
	}
	return stretches[0]
}

func (h *Handler) connectionShow(w http.ResponseWriter, r *Request) error {
	page, err := h.connection(r, Mistakes{})
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "connection_show", page)
}

func (h *Handler) connection(r *Request, m Mistakes) (connectionPage, error) {
	f, err := h.connectionFigures(r, r.PathValue("connection"), stretchOf(r).begins(r.Now, r.Hat.Member.Location()))
	if err != nil {
		return connectionPage{}, err
	}
	return h.connectionOf(r, f, m), nil
}

func (h *Handler) connectionOf(r *Request, f connectionFigures, m Mistakes) connectionPage {
	c, path := f.Current, h.connectionPath(r, keyword(f.Current))
	page := connectionPage{
		Page:     h.page(r, "connections", c.Name),
		Endpoint: CopyField{ID: "endpoint", Label: r.P.T("connections.endpoint"), Value: h.endpoint(c.Name)},
		Tabs:     Tabs{Label: r.P.T("usage.tabs")},
		Facts:    append(connectionFacts(r, c, f.Places), usageLine{Label: r.P.T("connections.created"), Value: r.P.DateTime(c.CreatedAt)}),
	}
	page.Trail = h.connectionsTrail(r, membership.Connection{})
	for _, s := range stretches {
		page.Tabs.Links = append(page.Tabs.Links, NavLink{Label: r.P.T("connections.tab." + s.key), Href: path + "?span=" + s.key, Current: s.key == stretchOf(r).key})
	}
	_, used := f.Shares[c.ID]
	if !used && c.RevokedAt.IsZero() && !slices.ContainsFunc(f.Keys, func(k membership.Secret) bool { return !k.UsedAt.IsZero() }) {
		page.Fresh = lastUsed(r, instant.Instant{})
	}
	connectionUsage(r, &page, f)
	if len(f.Service) > 0 {
		page.Facts = append(page.Facts, usageLine{Label: r.P.T("connections.service"), Value: r.P.List(f.Service), Hint: r.P.T("connections.service_hint")})
	}
	if !c.RevokedAt.IsZero() {
		page.Gone = &Notice{Kind: NoticeInfo, Text: r.P.T("connections.gone", map[string]any{"When": r.P.DateTime(c.RevokedAt)})}
		return page
	}
	for i, k := range f.Keys {
		page.Keys = append(page.Keys, keyOf(r, k, i == 0))
	}
	page.Adopting = adopting(r, f, path)
	page.Rules, page.Adding = rulesOf(r, path, c, m)
	page.Recipes = h.recipes(r, c, "")
	page.Change = &Button{Icon: "pencil", Label: r.P.T("connections.change"), Href: path + "/edit"}
	page.Rotate = &Button{Icon: "refresh-cw", Label: r.P.T("connections.rotate"), Href: path + "/rotate"}
	page.Revoke = &Button{Kind: ButtonDanger, Icon: "trash-2", Label: r.P.T("connections.revoke"), Href: path + "/revoke"}
	return page
}

// adopting reminds who can end it that something goes on which is for a move only: each list of a server is searched for such meetings, and
// whoever can begin meetings there under that name has them counted here.
func adopting(r *Request, f connectionFigures, path string) *Notice {
	if !f.Places || !f.Current.Adopts {
		return nil
	}
	out := &Notice{Kind: NoticeInfo, Text: r.P.T("connections.adopting", map[string]any{"Name": f.Current.Origin}), Link: Link{Label: r.P.T("connections.change"), Href: path + "/edit#f-adopts"}}
	if f.Current.Origin == membership.NoTenant {
		out.Text = r.P.T("connections.adopting_unnamed")
	}
	return out
}

// lastLetters is how much of a secret is shown to tell it from others: of 40 letters, too little to guess the rest.
const lastLetters = 4

func keyOf(r *Request, k membership.Secret, newest bool) keyLine {
	line := keyLine{Text: r.P.T("connections.ends_with", map[string]any{"Letters": k.Text[len(k.Text)-lastLetters:]}), Sub: r.P.T("connections.key", map[string]any{"When": r.P.DateTime(k.CreatedAt), "Used": lastUsed(r, k.UsedAt)})}
	switch {
	case newest:
		line.Badge = &Badge{Kind: NoticeOK, Icon: "check", Text: r.P.T("connections.newest")}
	case !k.ExpiresAt.IsZero():
		line.Badge = &Badge{Kind: NoticeWarn, Icon: "clock", Text: r.P.T("connections.valid_until", map[string]any{"When": r.P.DateTimeShort(k.ExpiresAt)})}
	}
	return line
}

// connectionUsage draws what the connection used in the chosen tab.
func connectionUsage(r *Request, page *connectionPage, f connectionFigures) {
	chosen, share := stretchOf(r), f.Shares[f.Current.ID]
	in := BarChartInput{
		ID: "seats", Title: r.P.T("connections.chart." + chosen.key), Caption: r.P.T("connections.chart." + chosen.key), Head: r.P.T("usage.day"),
		Unit: r.P.T("usage.peak"), MarkUnit: r.P.T("usage.refused"), TableText: r.P.T("usage.as_table"), Finding: r.P.N("usage.finding", share.Peak()),
	}
	if limit, limited := f.Now.Entitlement.Limits.Seats.Int(); limited && limit > 0 {
		in.Limit, in.LimitText = limit, r.P.T("usage.chart_limit", map[string]any{"Limit": limit})
	}
	slots := share.Slots
	if slots == nil { // nothing was used
		for _, at := range chosen.begins(r.Now, r.Hat.Member.Location()) {
			slots = append(slots, usage.Slot{From: at})
		}
	}
	for _, s := range slots {
		label := r.P.DateShort(s.From.In(r.Hat.Member.Location()))
		if chosen.step == time.Hour {
			label = r.P.DateTimeShort(s.From)
		}
		in.Bars = append(in.Bars, Bar{Label: label, Value: s.Peak, Mark: s.Refused})
	}
	page.Chart = newBarChart(in)
	page.Totals = []usageLine{
		{Label: r.P.T("connections.now"), Value: r.P.Number(int64(peopleOf(f.Now)[f.Current.ID]))},
		{Label: r.P.T("usage.meetings"), Value: r.P.Number(int64(share.Meetings))},
		{Label: r.P.T("usage.hours"), Value: r.P.DurationShort(share.Duration)},
		{Label: r.P.T("usage.person_hours"), Value: r.P.DurationShort(share.SeatTime)},
	}
	page.Refusals = refusalsTable(r, share.Refusals)
	if page.Refusals == nil {
		page.None = r.P.T("usage.no_refusals")
	}
}
