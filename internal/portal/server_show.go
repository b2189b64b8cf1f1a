// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"slices"

	"meetcoop/internal/fleet"
	"meetcoop/internal/store"
)

// serverPage is one server: how it is, what an admin wants of it, and what can be wanted next.
type serverPage struct {
	Page
	Observed, Wanted Badge
	Meaning          string // of the wanted state
	Load             Meter
	Facts            []usageLine
	Change           Button
	Acts             []serverOffer
}

// serverOffer is one act: what it does, and its button.
type serverOffer struct {
	Text   string
	Button Button
}

// serverChange is what may be done to a server.
type serverChange struct {
	name   string
	admin  fleet.Admin // the state it leads to
	from   []fleet.Admin
	bbb    bool // for BigBlueButton servers only
	direct bool // needs no page of its own: it can be taken back at once
	danger bool
	icon   string
}

var (
	notEnabled    = []fleet.Admin{fleet.AdminCordoned, fleet.AdminDraining, fleet.AdminDisabled}
	inService     = []fleet.Admin{fleet.AdminEnabled, fleet.AdminCordoned, fleet.AdminDraining}
	serverChanges = []serverChange{
		{name: "enable", admin: fleet.AdminEnabled, from: notEnabled, direct: true, icon: "check"},
		{name: "cordon", admin: fleet.AdminCordoned, from: []fleet.Admin{fleet.AdminEnabled, fleet.AdminDraining}, direct: true, icon: "circle-pause"},
		{name: "deadline", admin: fleet.AdminDraining, from: []fleet.Admin{fleet.AdminDraining}, bbb: true, icon: "clock"},
		{name: "drain", admin: fleet.AdminDraining, from: []fleet.Admin{fleet.AdminEnabled, fleet.AdminCordoned}, bbb: true, icon: "hourglass"},
		{name: "disable", admin: fleet.AdminDisabled, from: inService, icon: "circle-x"},
		{name: "panic", admin: fleet.AdminDisabled, from: inService, bbb: true, danger: true, icon: "triangle-alert"},
		{name: "remove", from: []fleet.Admin{fleet.AdminDisabled}, bbb: true, danger: true, icon: "trash-2"},
	}
)

// fits reports whether the act can be done to a server now.
func (a serverChange) fits(s fleet.Server) bool {
	return slices.Contains(a.from, s.Admin) && (!a.bbb || s.Kind == fleet.KindBBB)
}

func (h *Handler) serverShow(w http.ResponseWriter, r *Request) error {
	s, load, err := h.server(r)
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "server_show", h.serverOf(r, s, load))
}

// server finds the server of the path and what runs there. NotFound (fleet.server).
func (h *Handler) server(r *Request) (s fleet.Server, load fleet.Load, err error) {
	err = h.DB.Read(r.Context(), func(tx store.Reader) error {
		all, err := fleet.Servers(r.Context(), tx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(s fleet.Server) bool { return string(s.ID) == r.PathValue("server") })
		if i < 0 {
			return errNoServer
		}
		loads, err := fleet.Loads(r.Context(), tx, r.Now)
		s, load = all[i], loads[all[i].ID]
		return err
	})
	return s, load, err
}

func (h *Handler) serverOf(r *Request, s fleet.Server, load fleet.Load) serverPage {
	page := serverPage{
		Page: h.page(r, "servers", s.Name), Observed: observedBadge(r, s), Wanted: adminBadge(r, s), Meaning: r.P.T("servers.means." + string(s.Admin)),
		Load: newMeter(r.P.T("servers.load"), r.P.T("servers.load_of", map[string]any{"Units": load.Units(), "Limit": s.LoadUnits}), loadWords(r, load), load.Units(), s.LoadUnits),
		Facts: []usageLine{
			{Label: r.P.T("servers.url"), Value: s.URL},
			{Label: r.P.T("servers.kind"), Value: r.P.T("servers.kind." + string(s.Kind))},
			{Label: r.P.T("servers.seen"), Value: seenWords(r, s)},
			{Label: r.P.T("servers.weight"), Value: weightWords(s)},
			{Label: r.P.T("servers.tags"), Value: tagWords(r, s)},
		},
		Change: Button{Icon: "pencil", Label: r.P.T("servers.change"), Href: serverPath(s) + "/edit"},
	}
	if len(s.Tags) > 0 {
		page.Facts[len(page.Facts)-1].Hint = r.P.T("servers.tags_hint")
	}
	if !s.DrainUntil.IsZero() {
		page.Meaning = r.P.T("servers.means.draining_until", map[string]any{"When": r.P.DateTimeShort(s.DrainUntil)})
	}
	page.Trail = []Link{{Label: r.P.T("servers.title"), Href: "/admin/servers"}}
	for _, a := range serverChanges {
		if !a.fits(s) {
			continue
		}
		b := Button{Icon: a.icon, Label: r.P.T("servers.act." + a.name), Href: serverPath(s) + "/" + a.name}
		if a.direct {
			b.Href, b.Post = "", b.Href
		}
		if a.danger {
			b.Kind = ButtonDanger
		}
		page.Acts = append(page.Acts, serverOffer{r.P.T("servers.act_text." + a.name), b})
	}
	return page
}
