// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"net/url"
	"slices"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/membership"
)

// removalPath is the page that asks before one is removed. A pattern may hold what paths give a meaning, so both parts of what names a
// service user stand behind the question mark.
func removalPath(u membership.NamedServiceUser) string {
	return serviceUsersPath + "/remove?" + url.Values{"connection": {string(u.Connection)}, "pattern": {u.Pattern}}.Encode()
}

func (h *Handler) serviceUserRemoveAsk(w http.ResponseWriter, r *Request) error {
	all, err := h.namedServiceUsers(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	i := slices.IndexFunc(all, func(u membership.NamedServiceUser) bool {
		return string(u.Connection) == q.Get("connection") && u.Pattern == q.Get("pattern")
	})
	if i < 0 {
		return fault.New(fault.NotFound, "service_user.unknown")
	}
	return h.render(w, r, http.StatusOK, "confirm", h.removalOf(r, all[i]))
}

func (h *Handler) removalOf(r *Request, u membership.NamedServiceUser) confirmPage {
	page := confirmPage{
		Page: h.page(r, "service_users", r.P.T("service_users.remove_title", map[string]any{"Pattern": u.Pattern})), Action: removalPath(u), Text: r.P.T("service_users.remove_text"),
		Effects: []string{r.P.T("service_users.remove_all"), r.P.T("service_users.remove_inside")},
		Confirm: Button{Kind: ButtonDanger, Icon: "trash-2", Label: r.P.T("service_users.remove")}, Back: Link{Label: r.P.T("portal.cancel"), Href: serviceUsersPath},
	}
	if u.Connection != "" {
		page.Effects[0] = r.P.T("service_users.remove_here", map[string]any{"Connection": u.Name})
	}
	page.Trail = []Link{{Label: r.P.T("servers.title"), Href: "/admin/servers"}, {Label: r.P.T("service_users.title"), Href: serviceUsersPath}}
	return page
}

// serviceUserRemove removes what the address names. Somebody else who was faster has done what was asked for, and so has the same form
// sent twice: the list says so.
func (h *Handler) serviceUserRemove(w http.ResponseWriter, r *Request) error {
	q := r.URL.Query()
	err := h.Members.RemoveServiceUser(r.Context(), r.Actor(), id.Connection(q.Get("connection")), q.Get("pattern"))
	if fault.CodeOf(err) == "service_user.unknown" {
		return h.seeOther(w, r, serviceUsersPath, "service_user_gone")
	}
	if err != nil {
		return err
	}
	return h.seeOther(w, r, serviceUsersPath, "service_user_removed")
}
