// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"strings"

	"meetcoop/internal/fault"
	"meetcoop/internal/membership"
)

// confirmPage asks before something that cannot be undone, or that touches others: what happens, and perhaps a name to type.
type confirmPage struct {
	Page
	Errors  FormErrors
	Refused *Notice
	Action  string
	Text    string
	Effects []string
	Hidden  []Choice // what the form says besides, by the name in Label
	Which   *whichOnes
	Until   *Select
	Force   *Switch
	Typed   *Field
	Confirm Button
	Back    Link
}

// whichOnes names what is affected, where it is several.
type whichOnes struct {
	Title string
	Names []string
	Open  bool
}

func (h *Handler) connectionRevokeAsk(w http.ResponseWriter, r *Request) error {
	f, err := h.connectionInUse(r)
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "confirm", h.revokeOf(r, f.Current, Mistakes{}))
}

func (h *Handler) revokeOf(r *Request, c membership.Connection, m Mistakes) confirmPage {
	name, path := c.Name, h.connectionPath(r, keyword(c))
	page := confirmPage{
		Page: h.page(r, "connections", r.P.T("connections.revoke_title", map[string]any{"Name": name})), Errors: m.Summary(),
		Action: path + "/revoke", Text: r.P.T("connections.revoke_text"),
		Effects: []string{r.P.T("connections.revoke_calls"), r.P.T("connections.revoke_running"), r.P.T("connections.revoke_name")},
		Typed:   typedName(r, name, m), Confirm: Button{Kind: ButtonDanger, Label: r.P.T("connections.revoke")}, Back: Link{Label: r.P.T("portal.cancel"), Href: path},
	}
	page.Trail = h.connectionsTrail(r, c)
	return page
}

// typedName asks to type a name, so that nobody ends a thing by a slip.
func typedName(r *Request, name string, m Mistakes) *Field {
	return &Field{Name: "typed", Label: r.P.T("confirm.typed"), Hint: r.P.T("confirm.typed_hint", map[string]any{"Name": name}), Value: r.FormValue("typed"), Error: m.Of("typed"), MaxLength: 254}
}

// typedWrong returns Invalid with the field typed unless the name was typed.
func typedWrong(r *Request, name string) error {
	var c fault.Check
	c.Field(strings.TrimSpace(r.FormValue("typed")) == name, "typed", "confirm.name", fault.Params{"Name": name})
	return c.Err()
}

func (h *Handler) connectionRevoke(w http.ResponseWriter, r *Request) error {
	f, err := h.connectionInUse(r)
	if err != nil {
		return err
	}
	if m, wrong := mistakes(r.P, typedWrong(r, f.Current.Name)); wrong {
		return h.render(w, r, http.StatusUnprocessableEntity, "confirm", h.revokeOf(r, f.Current, m))
	}
	if err := h.Members.Revoke(r.Context(), r.Actor(), f.Current.ID); err != nil {
		return err
	}
	return h.seeOther(w, r, "/m/"+r.Hat.Member.Slug+"/connections", "connection_revoked")
}
