// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"net/url"

	"meetcoop/internal/fault"
	"meetcoop/internal/instant"
	"meetcoop/internal/web"
)

// clientRefusePage is what somebody sees who came through an API client (a course, a cloud) and is not let in.
type clientRefusePage struct {
	Page
	Refusal Refusal
}

// againAfter is how often the page tries by itself, in seconds; the address is the signed join.
const againAfter = "5"

// RefuseClient answers a join of an API client that was refused, with status 200, as such clients expect: why, how full, and what
// to do. back is where the visitor came from, "" when nobody knows; with again the page tries every five seconds.
func (h *Handler) RefuseClient(w http.ResponseWriter, raw *http.Request, err error, back string, again bool) {
	r, requestErr := h.request(raw, Route{Class: Guest})
	if requestErr != nil {
		h.fail(w, r, requestErr)
		return
	}
	h.Log.Log(r.Context(), web.Level(err), "not let in", "request_id", r.ID, "code", fault.CodeOf(err))
	w.Header().Set("Cache-Control", "no-store")
	if again {
		w.Header().Set("Refresh", againAfter)
	}
	if err := h.render(w, r, http.StatusOK, "client_refuse", h.clientRefuseOf(r, err, back, again)); err != nil {
		h.fail(w, r, err)
	}
}

// clientRefuseOf draws the refusal.
func (h *Handler) clientRefuseOf(r *Request, err error, back string, again bool) clientRefusePage {
	code, title, reason := fault.CodeOf(err), "refuse.other", r.P.Fault(err)
	switch code {
	case "admission.seats_full", "admission.running_rooms", "member.suspended": // their titles name the member, which the client's people do not know
		title = "usage.refusal." + code
	case "admission.seats_wait":
		title, reason = "usage.refusal.admission.seats_full", r.P.T("wait.seat")+" "+r.placeInLine(aheadOf(err))
	default:
		if explained[code] {
			title = "refuse." + code
		}
	}
	page := clientRefusePage{
		Page:    h.page(r, "", r.P.N(title, limitOf(err), map[string]any{"Limit": limitOf(err)})),
		Refusal: Refusal{Reason: reason, Trace: r.trace(err)},
	}
	page.Layout, page.Robots, page.LiveFrom = LayoutBare, false, ""
	if again {
		page.Refusal.Foot = append(page.Refusal.Foot, r.P.T("refuse.tries_itself", nil))
	}
	if f := fault.As(err); f != nil {
		if until, ok := f.Params["Until"].(instant.Instant); ok {
			page.Refusal.Foot = append(page.Refusal.Foot, r.P.T("refuse.again_at", map[string]any{"When": r.P.DateTime(until)}))
		}
	}
	page.Refusal.Offers = []Offer{{Button: Button{Kind: ButtonPrimary, Icon: "refresh-cw", Label: r.P.T("refuse.try_again"), Href: r.URL.RequestURI()}}}
	if to := backTo(r, back); to.Href != "" {
		page.Refusal.Offers = append(page.Refusal.Offers, Offer{Button: Button{Kind: ButtonPlain, Icon: "arrow-left", Label: to.Label, Href: to.Href}})
	}
	return page
}

// aheadOf is how many wait before somebody who was told to wait.
func aheadOf(err error) int {
	if f := fault.As(err); f != nil {
		if n, ok := f.Params["Ahead"].(int); ok {
			return n
		}
	}
	return 0
}

// backTo is the way to a client's own page, named by its host; none without an address.
func backTo(r *Request, address string) Link {
	u, err := url.Parse(address)
	if address == "" || err != nil {
		return Link{}
	}
	return Link{Label: r.P.T("refuse.back_to", map[string]any{"Where": u.Hostname()}), Href: address}
}
