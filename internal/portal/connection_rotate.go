// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/membership"
)

// connectionRotatePage asks how long the secret before stays valid.
type connectionRotatePage struct {
	Page
	Errors  FormErrors
	Text    string
	Overlap Choices
	Confirm Button
	Back    Link
}

// overlaps are the choices; the middle one is right for most.
var overlaps = []struct {
	value string
	d     time.Duration
}{{"1h", time.Hour}, {"24h", 24 * time.Hour}, {"7d", 7 * 24 * time.Hour}}

const usualOverlap = "24h"

func (h *Handler) connectionRotateAsk(w http.ResponseWriter, r *Request) error {
	f, err := h.connectionInUse(r)
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "connection_rotate", h.rotateOf(r, f, Mistakes{}))
}

// connectionInUse finds the connection of the path for an act. NotFound (connection.unknown), Conflict (connection.revoked).
func (h *Handler) connectionInUse(r *Request) (connectionFigures, error) {
	f, err := h.connectionFigures(r, r.PathValue("connection"), nil)
	if err == nil && !f.Current.RevokedAt.IsZero() {
		err = fault.New(fault.Conflict, "connection.revoked")
	}
	return f, err
}

func (h *Handler) rotateOf(r *Request, f connectionFigures, m Mistakes) connectionRotatePage {
	c := f.Current
	page := connectionRotatePage{
		Page: h.page(r, "connections", r.P.T("connections.rotate_title", map[string]any{"Name": c.Name})), Errors: m.Summary(), Text: r.P.T("connections.rotate_text"),
		Overlap: Choices{Name: "overlap", Legend: r.P.T("connections.overlap"), Error: m.Of("overlap")},
		// It names the secret to be replaced: whoever sends the form twice replaces it once.
		Confirm: Button{Kind: ButtonPrimary, Icon: "refresh-cw", Label: r.P.T("connections.rotate"), Name: "newest", Value: newestOf(f.Keys)},
		Back:    Link{Label: r.P.T("portal.cancel"), Href: h.connectionPath(r, keyword(c))},
	}
	chosen := r.FormValue("overlap")
	for _, o := range overlaps {
		page.Overlap.Options = append(page.Overlap.Options, Choice{
			Value: o.value, Label: r.P.Duration(o.d), Hint: r.P.T("connections.overlap_hint." + o.value), Chosen: o.value == chosen || chosen == "" && o.value == usualOverlap,
		})
	}
	page.Trail = h.connectionsTrail(r, c)
	return page
}

func (h *Handler) connectionRotate(w http.ResponseWriter, r *Request) error {
	f, err := h.connectionInUse(r)
	if err != nil {
		return err
	}
	if newestOf(f.Keys) != r.FormValue("newest") {
		return h.seeOther(w, r, h.connectionPath(r, keyword(f.Current)), "connection_rotated_before")
	}
	overlap := time.Duration(0)
	for _, o := range overlaps {
		if o.value == r.FormValue("overlap") {
			overlap = o.d
		}
	}
	secret, err := h.Members.Rotate(r.Context(), r.Actor(), f.Current.ID, overlap)
	if m, wrong := mistakes(r.P, err); wrong {
		return h.render(w, r, http.StatusUnprocessableEntity, "connection_rotate", h.rotateOf(r, f, m))
	}
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "connection_secret", h.secretOf(r, f.Current, secret, overlap))
}

func newestOf(keys []membership.Secret) string {
	if len(keys) == 0 {
		return ""
	}
	return string(keys[0].ID)
}
