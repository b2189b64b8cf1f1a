// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"strings"

	"meetcoop/internal/locale"
	"meetcoop/internal/membership"
)

// entry is one place of the nav. Its text is portal.nav.<name>. An entry whose page is not in the route table is not drawn.
type entry struct {
	name, icon, path string
	group            string            // "" for everybody, "member" for those with a hat, "platform"
	roles            []membership.Role // of the hat, without which it is not drawn; nil: any
	bar              bool              // also in the bottom bar
	admin            bool              // for admins of the platform only
}

var entries = []entry{
	{name: "rooms", icon: "door-open", path: "/rooms", bar: true},
	{name: "recordings", icon: "film", path: "/recordings", bar: true},
	{name: "usage", icon: "gauge", path: "/m/{member}/usage", group: "member", bar: true},
	{name: "connections", icon: "plug", path: "/m/{member}/connections", group: "member", roles: rolesOf[Manager]},
	{name: "member_recordings", icon: "archive", path: "/m/{member}/recordings", group: "member", roles: rolesOf[Manager]},
	{name: "quarantine", icon: "circle-help", path: "/admin/recordings", group: "platform", admin: true},
	{name: "servers", icon: "server", path: "/admin/servers", group: "platform", admin: true},
	{name: "service_users", icon: "captions", path: "/admin/service-users", group: "platform", admin: true},
	{name: "outbox", icon: "inbox", path: "/outbox", group: "platform"},
	{name: "levels", icon: "layout-grid", path: "/levels", bar: true},
	{name: "account", icon: "user", path: "/account", bar: true},
}

// foot are the entries that stand below the others in the rail.
var foot = map[string]bool{"levels": true, "account": true}

// shell fills the parts of the page that depend on who reads it.
func (h *Handler) shell(p *Page, r *Request, here string) {
	if !r.Visitor.SignedIn() {
		p.Nav = h.publicNav(r.P, here)
		return
	}
	p.Layout, p.Person, p.LiveFrom = LayoutApp, r.Visitor.Person.Name, "/live"
	hat := r.Hat
	if hat.Member.Slug == "" && len(r.Visitor.Hats) > 0 {
		hat = r.Visitor.Hats[0]
	}
	p.HatName = hat.Member.Name
	if p.HatName == "" {
		p.HatName = r.Visitor.Person.Name
	}
	for _, other := range r.Visitor.Hats {
		p.Hats = append(p.Hats, HatLink{
			Name: other.Member.Name, Role: roleWords(r.P, other), Href: "/m/" + other.Member.Slug + "/usage", Current: other.Member.Slug == hat.Member.Slug,
		})
	}
	meet, member, platform, low := NavGroup{}, NavGroup{Title: r.P.T("portal.nav.organisation")}, NavGroup{Title: r.P.T("portal.nav.platform")}, NavGroup{}
	for _, e := range entries {
		if !h.served(e.path) || e.admin && !r.Actor().PlatformAdmin || (e.group == "member" && (hat.Member.Slug == "" || (e.roles != nil && !hat.Has(e.roles...)))) {
			continue
		}
		link := NavLink{Label: r.P.T("portal.nav." + e.name), Href: strings.Replace(e.path, "{member}", hat.Member.Slug, 1), Icon: e.icon, Current: e.name == here}
		switch {
		case e.group == "member":
			member.Links = append(member.Links, link)
		case e.group == "platform":
			platform.Links = append(platform.Links, link)
		case foot[e.name]:
			low.Links = append(low.Links, link)
		default:
			meet.Links = append(meet.Links, link)
		}
		if e.bar && len(p.Bar) < 4 {
			p.Bar = append(p.Bar, link)
		}
	}
	for _, g := range []NavGroup{meet, member, platform, low} {
		if len(g.Links) > 0 {
			p.Nav = append(p.Nav, g)
		}
	}
}

// publicNav is the head of public pages.
func (h *Handler) publicNav(p *locale.Printer, here string) []NavGroup {
	var links []NavLink
	for _, e := range []entry{{name: "levels", path: "/levels"}, {name: "signin", path: "/signin"}, {name: "signup", path: "/signup"}} {
		if h.served(e.path) {
			links = append(links, NavLink{Label: p.T("portal.nav." + e.name), Href: e.path, Current: e.name == here})
		}
	}
	return []NavGroup{{Links: links}}
}

// served reports whether the route table has a page at this pattern.
func (h *Handler) served(pattern string) bool {
	for _, route := range h.routes {
		if route.Method == "GET" && route.Pattern == pattern {
			return true
		}
	}
	return false
}

// roleWords names the weightiest role, as people say it.
func roleWords(p *locale.Printer, hat Hat) string {
	for _, role := range membership.Roles {
		if hat.Has(role) {
			return p.T("portal.role." + string(role))
		}
	}
	return ""
}
