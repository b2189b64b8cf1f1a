// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"

	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/store"
)

// serversPage lists where meetings run, for admins of the platform.
type serversPage struct {
	Page
	New     *Button
	Servers *Table
	Empty   *Empty
	Helpers Link // of the platform in meetings
}

func (h *Handler) serversList(w http.ResponseWriter, r *Request) error {
	var all []fleet.Server
	var loads map[id.Server]fleet.Load
	err := h.DB.Read(r.Context(), func(tx store.Reader) (err error) {
		if all, err = fleet.Servers(r.Context(), tx); err != nil {
			return err
		}
		loads, err = fleet.Loads(r.Context(), tx, r.Now)
		return err
	})
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "servers_list", h.serversOf(r, all, loads))
}

func (h *Handler) serversOf(r *Request, all []fleet.Server, loads map[id.Server]fleet.Load) serversPage {
	page := serversPage{Page: h.page(r, "servers", r.P.T("servers.title"))}
	page.Lead = r.P.T("servers.lead")
	page.Helpers = Link{Label: r.P.T("connections.service"), Href: serviceUsersPath}
	create := Button{Kind: ButtonPrimary, Icon: "plus", Label: r.P.T("servers.new"), Href: "/admin/servers/new"}
	if len(all) == 0 {
		page.Empty = &Empty{Icon: "server", Text: r.P.T("servers.empty"), Action: &create}
		return page
	}
	page.New = &create
	page.Servers = &Table{ID: "servers", Caption: r.P.T("servers.title"), CaptionHidden: true, Columns: []Column{
		{Label: r.P.T("servers.name")}, {Label: r.P.T("servers.state")}, {Label: r.P.T("servers.wanted")}, {Label: r.P.T("servers.load"), Number: true}, {Label: r.P.T("servers.seen")}, {Label: r.P.T("servers.tags")},
	}}
	for _, s := range all {
		observed, wanted, load := observedBadge(r, s), adminBadge(r, s), loads[s.ID]
		page.Servers.Rows = append(page.Servers.Rows, []Cell{
			{Text: s.Name, Sub: s.URL, Href: serverPath(s)}, {Badge: &observed}, {Badge: &wanted},
			{Text: r.P.T("servers.load_of", map[string]any{"Units": load.Units(), "Limit": s.LoadUnits}), Sub: loadWords(r, load)},
			{Text: seenWords(r, s)}, {Text: tagWords(r, s)},
		})
	}
	return page
}

func serverPath(s fleet.Server) string { return "/admin/servers/" + string(s.ID) }

// loadWords tells what runs on a server: meetings, people.
func loadWords(r *Request, l fleet.Load) string {
	return r.P.N("servers.meetings", l.Meetings) + " · " + r.P.N("servers.people", l.People)
}

func seenWords(r *Request, s fleet.Server) string {
	if s.SeenAt.IsZero() {
		return r.P.T("servers.never")
	}
	return r.P.Ago(s.SeenAt, r.Now)
}

func tagWords(r *Request, s fleet.Server) string {
	if len(s.Tags) == 0 {
		return r.P.T("servers.no_tags")
	}
	return r.P.List(s.Tags)
}

func observedBadge(r *Request, s fleet.Server) Badge {
	state := s.State(r.Now)
	b := Badge{Text: r.P.T("servers.observed." + string(state)), Icon: "circle-help"}
	switch state {
	case fleet.ObservedUp:
		b.Kind, b.Icon = NoticeOK, "check"
	case fleet.ObservedSuspect:
		b.Kind, b.Icon = NoticeWarn, "triangle-alert"
	case fleet.ObservedDown:
		b.Kind, b.Icon = NoticeBad, "circle-alert"
	}
	return b
}

func adminBadge(r *Request, s fleet.Server) Badge {
	b := Badge{Text: r.P.T("servers.admin." + string(s.Admin)), Icon: "check", Kind: NoticeOK}
	switch s.Admin {
	case fleet.AdminCordoned, fleet.AdminDraining:
		b.Kind, b.Icon = NoticeWarn, "circle-pause"
	case fleet.AdminDisabled:
		b.Kind, b.Icon = "", "circle-x"
	}
	return b
}
