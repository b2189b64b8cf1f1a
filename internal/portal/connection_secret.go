// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"time"

	"meetcoop/internal/membership"
)

// connectionSecretPage shows a secret, once. It is the answer to the very POST that drew it, the one page that does not lead to another
// with 303: a secret to be fetched by the next page would have to wait for it in an address, a cookie or a table, where it could be
// read again. The answer is never stored (no-store), and sending the form again shows no secret: a taken name and a key that was
// replaced meanwhile both lead to the page of the connection.
type connectionSecretPage struct {
	Page
	Notice   Notice
	Endpoint CopyField
	Secret   CopyField
	Recipes  []recipe
	Next     Button
}

// secretOf is the page of a fresh secret; overlap is how long the one before stays valid, 0 when there was none.
func (h *Handler) secretOf(r *Request, c membership.Connection, secret string, overlap time.Duration) connectionSecretPage {
	title, lead := r.P.T("connections.made", map[string]any{"Name": c.Name}), r.P.T("connections.made_lead")
	if overlap > 0 {
		title, lead = r.P.T("connections.rotated", map[string]any{"Name": c.Name}), r.P.T("connections.rotated_lead", map[string]any{"When": r.P.DateTime(r.Now.Add(overlap))})
	}
	page := connectionSecretPage{
		Page:     h.page(r, "connections", title),
		Notice:   Notice{Kind: NoticeWarn, Title: r.P.T("connections.once"), Text: r.P.T("connections.once_text")},
		Secret:   CopyField{ID: "secret", Label: r.P.T("connections.secret"), Value: secret, Secret: true},
		Endpoint: CopyField{ID: "endpoint", Label: r.P.T("connections.endpoint"), Value: h.endpoint(c.Name)},
		Recipes:  h.recipes(r, c, secret),
		Next:     Button{Kind: ButtonPrimary, Label: r.P.T("connections.noted"), Href: h.connectionPath(r, keyword(c))},
	}
	page.Lead = lead
	page.Trail = h.connectionsTrail(r, c)
	page.Path = h.connectionPath(r, keyword(c)) // a change of language leads there: this page is not to be had again
	return page
}
