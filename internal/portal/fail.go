// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"strconv"

	"meetcoop/internal/fault"
	"meetcoop/internal/identity"
	"meetcoop/internal/web"
)

// Status returns the HTTP status of an error: that of its kind, 405 for a path that exists for another method, and 429
// for every limit that time alone lifts.
func Status(err error) int {
	if fault.CodeOf(err) == "page.method" {
		return http.StatusMethodNotAllowed
	}
	if _, rate := identity.IsRate(err); rate {
		return http.StatusTooManyRequests
	}
	return web.Status(err)
}

// retryAfter tells clients when to come again: after a rate, and when something of ours is down.
func retryAfter(w http.ResponseWriter, err error) {
	wait, rate := identity.IsRate(err)
	switch code := Status(err); {
	case rate:
		w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())+1))
	case code == http.StatusServiceUnavailable, code == http.StatusTooManyRequests:
		w.Header().Set("Retry-After", strconv.Itoa(web.RetryAfter))
	}
}

// faultPage shows an error that no page of its own explains.
type faultPage struct {
	Page
	Message string
	Foot    Trace
	Actions []Button
}

// fail logs an error once and answers with the page that explains it. Who must sign in first is sent to do so.
func (h *Handler) fail(w http.ResponseWriter, r *Request, err error) {
	kind := fault.KindOf(err)
	h.Log.Log(r.Context(), web.Level(err), "request refused", "request_id", r.ID, "route", r.route.Pattern, "code", fault.CodeOf(err), "err", err)
	if kind == fault.Unauthenticated && !r.HX() {
		http.Redirect(w, r.Request, signInFirst(r), http.StatusSeeOther)
		return
	}
	if kind == fault.Unauthenticated {
		w.Header().Set("HX-Redirect", signInFirst(r))
	}
	retryAfter(w, err)
	code := Status(err)
	page := faultPage{
		Page:    h.page(r, "", r.P.T("portal.fault."+titleOf(code))),
		Message: r.P.Fault(err),
		Foot:    r.trace(err),
		Actions: faultActions(r, kind),
	}
	page.Alarm = page.Message
	name := "fault"
	if r.HX() {
		name = "fault#fragment"
	}
	if err := h.render(w, r, code, name, page); err != nil {
		h.Log.Error("fault page failed", "request_id", r.ID, "err", err)
		http.Error(w, r.ID, code)
	}
}

func titleOf(code int) string {
	switch code {
	case http.StatusNotFound:
		return "not_found"
	case http.StatusForbidden:
		return "forbidden"
	case http.StatusInternalServerError:
		return "internal"
	case http.StatusServiceUnavailable:
		return "unavailable"
	case http.StatusTooManyRequests:
		return "rate"
	default:
		return "refused"
	}
}

func faultActions(r *Request, kind fault.Kind) []Button {
	home := Button{Kind: ButtonPlain, Icon: "house", Label: r.P.T("portal.fault.home"), Href: "/"}
	if r.Visitor.SignedIn() {
		home.Href = "/rooms"
	}
	if kind == fault.Unavailable || kind == fault.Internal || kind == fault.Conflict {
		again := Button{Kind: ButtonPrimary, Icon: "refresh-cw", Label: r.P.T("portal.fault.again"), Href: r.URL.RequestURI()}
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			return []Button{again, home}
		}
	}
	return []Button{home}
}

// trace is the last line of a refusal: what an operator needs to find it in the logs.
func (r *Request) trace(err error) Trace {
	return Trace{Code: fault.CodeOf(err), Request: r.ID, At: r.P.DateTime(r.Now)}
}
