// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"

	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// serviceUsersPage lists whose userIDs are helpers', for admins of the platform.
type serviceUsersPage struct {
	Page
	New      *Button
	Patterns *Table
	Empty    *Empty
}

const serviceUsersPath = "/admin/service-users"

func (h *Handler) serviceUsersList(w http.ResponseWriter, r *Request) error {
	all, err := h.namedServiceUsers(r)
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "service_users_list", h.serviceUsersOf(r, all))
}

func (h *Handler) namedServiceUsers(r *Request) (all []membership.NamedServiceUser, err error) {
	err = h.DB.Read(r.Context(), func(tx store.Reader) error {
		all, err = membership.NamedServiceUsers(r.Context(), tx)
		return err
	})
	return all, err
}

func (h *Handler) serviceUsersOf(r *Request, all []membership.NamedServiceUser) serviceUsersPage {
	page := serviceUsersPage{Page: h.page(r, "service_users", r.P.T("service_users.title"))}
	page.Trail = []Link{{Label: r.P.T("servers.title"), Href: "/admin/servers"}}
	add := Button{Kind: ButtonPrimary, Icon: "plus", Label: r.P.T("service_users.new"), Href: serviceUsersPath + "/new"}
	if len(all) == 0 {
		page.Empty = &Empty{Icon: "captions", Text: r.P.T("service_users.empty"), Action: &add}
		return page
	}
	page.Lead, page.New = r.P.T("service_users.lead"), &add
	page.Patterns = &Table{ID: "service-users", Caption: r.P.T("service_users.title"), CaptionHidden: true, Columns: []Column{
		{Label: r.P.T("service_users.pattern")}, {Label: r.P.T("service_users.where")}, {Label: r.P.T("service_users.since")}, {Label: r.P.T("recordings.acts"), Hidden: true},
	}}
	for _, u := range all {
		where := Cell{Text: r.P.T("recordings.connection_any")}
		if u.Connection != "" {
			where.Text = u.Name
		}
		if !u.RevokedAt.IsZero() {
			where.Sub = r.P.T("connections.gone", map[string]any{"When": r.P.DateTime(u.RevokedAt)})
		}
		page.Patterns.Rows = append(page.Patterns.Rows, []Cell{
			{Text: u.Pattern}, where, {Text: r.P.DateTimeShort(u.CreatedAt)},
			{Buttons: []Button{{
				Kind: ButtonQuiet, Small: true, Icon: "trash-2", Label: r.P.T("service_users.remove"),
				Describe: r.P.T("service_users.remove_one", map[string]any{"Pattern": u.Pattern, "Connection": where.Text}), Href: removalPath(u),
			}}},
		})
	}
	return page
}
