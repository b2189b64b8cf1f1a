// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"slices"

	"meetcoop/internal/fault"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// connectionNewPage asks for what a connection is called and how it refuses.
type connectionNewPage struct {
	Page
	Errors  FormErrors
	Action  string
	Name    Field
	Refusal Choices
	Join    Choices
	Refused *Notice
}

func (h *Handler) connectionNew(w http.ResponseWriter, r *Request) error {
	return h.render(w, r, http.StatusOK, "connection_new", h.connectionForm(r, Mistakes{}))
}

func (h *Handler) connectionForm(r *Request, m Mistakes) connectionNewPage {
	choice := func(group, value string, chosen bool) Choice {
		return Choice{Value: value, Label: r.P.T("connections." + group + "." + value), Hint: r.P.T("connections." + group + "_hint." + value), Chosen: chosen}
	}
	refusal, join := membership.Refusal(r.FormValue("refusal")), membership.JoinMode(r.FormValue("join_mode"))
	page := connectionNewPage{
		Page: h.page(r, "connections", r.P.T("connections.new")), Errors: m.Summary(), Action: "/m/" + r.Hat.Member.Slug + "/connections",
		Name: Field{
			Name: "name", Label: r.P.T("connections.name"), Hint: r.P.T("connections.name_hint", map[string]any{"Root": h.PublicURL + "/bbb/"}), Value: r.FormValue("name"),
			Error: m.Of("name"), MaxLength: 63, Placeholder: r.Hat.Member.Slug + "-moodle", Autofocus: !m.Summary().Any(),
		},
		Refusal: Choices{Name: "refusal", Legend: r.P.T("connections.refusal"), Error: m.Of("refusal"), Options: []Choice{
			choice("refusal", string(membership.RefusalCreate), refusal != membership.RefusalJoin), choice("refusal", string(membership.RefusalJoin), refusal == membership.RefusalJoin),
		}},
		Join: Choices{Name: "join_mode", Legend: r.P.T("connections.join_mode"), Error: m.Of("join_mode"), Options: []Choice{
			choice("join_mode", string(membership.JoinRedirect), join != membership.JoinHandover), choice("join_mode", string(membership.JoinHandover), join == membership.JoinHandover),
		}},
	}
	page.Lead = r.P.T("connections.new_lead")
	page.Trail = h.connectionsTrail(r, membership.Connection{})
	return page
}

func (h *Handler) connectionCreate(w http.ResponseWriter, r *Request) error {
	c, secret, err := h.Members.Connect(r.Context(), r.Actor(), membership.ConnectInput{
		Member: r.Hat.Member.ID, Name: r.FormValue("name"), Refusal: membership.Refusal(r.FormValue("refusal")), JoinMode: membership.JoinMode(r.FormValue("join_mode")),
	})
	if err == nil {
		return h.render(w, r, http.StatusOK, "connection_secret", h.secretOf(r, c, secret, 0))
	}
	if fault.CodeOf(err) == "connection.name_taken" {
		// The same form again, most likely by reloading the page with the secret: the connection is there, its secret is not shown again.
		own, ownErr := h.ownConnection(r, r.FormValue("name"))
		if ownErr != nil {
			return ownErr
		}
		if own.Name != "" {
			return h.seeOther(w, r, h.connectionPath(r, keyword(own)), "connection_exists")
		}
		err = taken(err)
	}
	if m, wrong := mistakes(r.P, err); wrong {
		return h.render(w, r, http.StatusUnprocessableEntity, "connection_new", h.connectionForm(r, m))
	}
	if fault.CodeOf(err) == "connection.limit" {
		return h.render(w, r, http.StatusConflict, "connection_new", h.connectionFormRefused(r, err))
	}
	return err
}

// connectionFormRefused is the form when the level's connections are in use.
func (h *Handler) connectionFormRefused(r *Request, err error) connectionNewPage {
	page := h.connectionForm(r, Mistakes{})
	page.Refused = &Notice{Kind: NoticeWarn, Text: r.P.Fault(err), Link: Link{Label: r.P.T("usage.advice_levels"), Href: "/levels"}}
	page.Alarm = page.Refused.Text
	return page
}

// taken shows a name that is somebody's beside the field.
func taken(err error) error {
	var c fault.Check
	c.Field(false, "name", fault.CodeOf(err), fault.As(err).Params)
	return c.Err()
}

// ownConnection finds the connection in use of that name of the member in the path; without one it is the zero value.
func (h *Handler) ownConnection(r *Request, name string) (own membership.Connection, err error) {
	err = h.DB.Read(r.Context(), func(tx store.Reader) error {
		all, err := membership.ConnectionsOf(r.Context(), tx, r.Hat.Member.ID)
		if i := slices.IndexFunc(all, func(c membership.Connection) bool { return c.Name == name && c.RevokedAt.IsZero() }); i >= 0 {
			own = all[i]
		}
		return err
	})
	return own, err
}
