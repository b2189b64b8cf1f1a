// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"regexp"

	"meetcoop/internal/identity"
)

// The two cookies that say who somebody is. On https they carry the prefix __Host-, with which browsers accept them
// from this very host alone; on loopback http not every client returns Secure cookies, so there it is left out.
const (
	sessionCookie = "session" // a person's session: identity keeps its hash
	browserCookie = "browser" // recognises this browser: who asked for a code, and which guest this is
)

// SessionToken reads the session token of a request; "" without one. Package app hands it to Sessions.
func SessionToken(secure bool) func(*http.Request) string {
	return func(r *http.Request) string { return cookie(r, hostCookie(secure, sessionCookie)) }
}

func hostCookie(secure bool, name string) string {
	if secure {
		return "__Host-" + name
	}
	return name
}

func (h *Handler) setCookie(w http.ResponseWriter, name, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: hostCookie(h.Secure, name), Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: h.Secure, SameSite: http.SameSiteLaxMode,
	})
}

// browserForm is what identity.NewToken draws; anything else in the cookie is not ours.
var browserForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// browser returns what recognises this browser, or "" when it keeps nothing.
func (h *Handler) browser(r *Request) string {
	if v := cookie(r.Request, hostCookie(h.Secure, browserCookie)); browserForm.MatchString(v) {
		return v
	}
	return ""
}

// keepBrowser returns what recognises this browser and gives it a cookie when it has none yet.
func (h *Handler) keepBrowser(w http.ResponseWriter, r *Request) string {
	if v := h.browser(r); v != "" {
		return v
	}
	v := identity.NewToken()
	h.setCookie(w, browserCookie, v, yearSeconds)
	return v
}

// signedIn ends a proof: the session's cookie, then on to where the person wanted to go.
func (h *Handler) signedIn(w http.ResponseWriter, r *Request, in identity.SignedIn) error {
	h.setCookie(w, sessionCookie, in.SessionToken, sessionSeconds)
	to := in.Next
	if to == "" {
		to = "/rooms"
	}
	return h.seeOther(w, r, to, "")
}

// sessionSeconds is the longest life of a session, 90 days; the server ends it earlier when idle.
const sessionSeconds = 90 * 24 * 60 * 60
