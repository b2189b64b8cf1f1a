// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"slices"
	"strings"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// serviceUserNewPage asks for a pattern and where it holds.
type serviceUserNewPage struct {
	Page
	Errors     FormErrors
	Refused    *Notice
	Action     string
	Pattern    Field
	Where      Choices
	Connection Field
	Back       Link
}

// Where a pattern holds. Nothing is chosen for all by leaving something out: it takes people out of what limits count.
const (
	whereOne = "one"
	whereAll = "all"
)

// connectionsInUse are those of everybody.
func (h *Handler) connectionsInUse(r *Request) (all []membership.Connection, err error) {
	err = h.DB.Read(r.Context(), func(tx store.Reader) error {
		all, err = membership.AllConnections(r.Context(), tx)
		return err
	})
	return all, err
}

func (h *Handler) serviceUserNew(w http.ResponseWriter, r *Request) error {
	all, err := h.connectionsInUse(r)
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "service_user_new", h.serviceUserForm(r, all, Mistakes{}))
}

func (h *Handler) serviceUserForm(r *Request, all []membership.Connection, m Mistakes) serviceUserNewPage {
	chosen := r.FormValue("where")
	if chosen == "" {
		chosen = whereOne
	}
	page := serviceUserNewPage{
		Page: h.page(r, "service_users", r.P.T("service_users.new")), Errors: m.Summary(), Action: serviceUsersPath, Back: Link{Label: r.P.T("portal.cancel"), Href: serviceUsersPath},
		Pattern: Field{
			Name: "pattern", Label: r.P.T("service_users.pattern"), Hint: r.P.T("service_users.pattern_hint"), Value: r.FormValue("pattern"), Error: m.Of("pattern"), MaxLength: 128,
			Placeholder: "recorder-*", Autofocus: !m.Summary().Any(),
		},
		Where: Choices{Name: "where", Legend: r.P.T("service_users.where"), Error: m.Of("where")},
		Connection: Field{
			Name: "connection", Label: r.P.T("recordings.connection"), Hint: r.P.T("service_users.connection_hint"), Value: r.FormValue("connection"), Error: m.Of("connection"),
			MaxLength: 63, Optional: true, Unsaid: true,
		},
	}
	page.Lead = r.P.T("service_users.lead")
	page.Trail = []Link{{Label: r.P.T("servers.title"), Href: "/admin/servers"}, {Label: r.P.T("service_users.title"), Href: serviceUsersPath}}
	page.Where.Options = []Choice{
		{Value: whereOne, Label: r.P.T("service_users.where.one"), Chosen: chosen == whereOne},
		{Value: whereAll, Label: r.P.T("service_users.where.all"), Hint: r.P.T("service_users.where_hint"), Chosen: chosen == whereAll},
	}
	for _, c := range all {
		page.Connection.Suggestions = append(page.Connection.Suggestions, c.Name)
	}
	return page
}

// serviceUserInput reads the form: the pattern and the connection, none for all. Invalid (input.invalid) with the wrong fields.
func serviceUserInput(r *Request, all []membership.Connection) (connection id.Connection, pattern string, err error) {
	var c fault.Check
	pattern = strings.TrimSpace(r.FormValue("pattern"))
	c.Field(membership.IsServicePattern(pattern), "pattern", "service_user.pattern")
	where, name := r.FormValue("where"), strings.TrimSpace(r.FormValue("connection"))
	c.Field(where == whereOne || where == whereAll, "where", "input.choice")
	switch {
	case where == whereAll:
		c.Field(name == "", "connection", "service_user.where")
	case name == "":
		c.Field(false, "connection", "input.required")
	default:
		i := slices.IndexFunc(all, func(v membership.Connection) bool { return v.Name == name })
		c.Field(i >= 0, "connection", "connection.unknown")
		if i >= 0 {
			connection = all[i].ID
		}
	}
	return connection, pattern, c.Err()
}

func (h *Handler) serviceUserAdd(w http.ResponseWriter, r *Request) error {
	all, err := h.connectionsInUse(r)
	if err != nil {
		return err
	}
	connection, pattern, err := serviceUserInput(r, all)
	if err == nil {
		_, err = h.Members.AddServiceUser(r.Context(), r.Actor(), connection, pattern)
	}
	if code := fault.CodeOf(err); code == "connection.unknown" || code == "connection.revoked" { // revoked a moment ago
		var c fault.Check
		c.Field(false, "connection", code)
		err = c.Err()
	}
	if m, wrong := mistakes(r.P, err); wrong {
		return h.render(w, r, http.StatusUnprocessableEntity, "service_user_new", h.serviceUserForm(r, all, m))
	}
	if fault.CodeOf(err) == "service_user.many" {
		return h.render(w, r, http.StatusConflict, "service_user_new", h.serviceUserFormRefused(r, all, err))
	}
	if err != nil {
		return err
	}
	return h.seeOther(w, r, serviceUsersPath, "service_user_added")
}

// serviceUserFormRefused is the form when there are too many patterns.
func (h *Handler) serviceUserFormRefused(r *Request, all []membership.Connection, err error) serviceUserNewPage {
	page := h.serviceUserForm(r, all, Mistakes{})
	page.Refused = &Notice{Kind: NoticeWarn, Text: r.P.Fault(err)}
	page.Alarm = page.Refused.Text
	return page
}
