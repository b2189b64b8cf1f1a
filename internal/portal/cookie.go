// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"regexp"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/web"
)

// The two cookies that say who somebody is.
const (
	sessionCookie = "session" // a person's session: identity keeps its hash
	browserCookie = "browser" // recognises this browser: who asked for a code, and which guest this is
)

const (
	year            = 365 * 24 * time.Hour
	sessionLifetime = 90 * 24 * time.Hour // the longest; the server ends a session earlier when idle
)

// SessionToken reads the session token of a request; "" without one. Package app hands it to Sessions.
func SessionToken(c web.Cookies) func(*http.Request) string {
	return func(r *http.Request) string { return c.Get(r, sessionCookie) }
}

// browserForm is what identity.NewToken draws; anything else in the cookie is not ours.
var browserForm = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)

// browser returns what recognises this browser, or "" when it keeps nothing.
func (h *Handler) browser(r *Request) string {
	if v := h.Cookies.Get(r.Request, browserCookie); browserForm.MatchString(v) {
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
	h.Cookies.Set(w, browserCookie, v, year)
	return v
}

// signedIn ends a proof: the session's cookie, then on to where the person wanted to go.
func (h *Handler) signedIn(w http.ResponseWriter, r *Request, in identity.SignedIn) error {
	h.Cookies.Set(w, sessionCookie, in.SessionToken, sessionLifetime)
	to := in.Next
	if to == "" && in.New {
		to = h.firstDoor(r, in.Person.ID)
	}
	if to == "" {
		to = "/rooms"
	}
	return h.seeOther(w, r, to, "")
}

// firstDoor is the door of the room that was made for a newcomer, so that one press is left to the first meeting; "" when there is none.
func (h *Handler) firstDoor(r *Request, person id.Person) string {
	listed, err := h.Rooms.ListFor(r.Context(), identity.Actor{Kind: identity.ActorPerson, Person: person, Door: identity.DoorPortal})
	if err != nil {
		h.Log.Warn("first room not found", "request_id", r.ID, "err", err)
		return ""
	}
	for _, l := range listed {
		if l.Own {
			return "/r/" + l.Slug + "/join"
		}
	}
	return ""
}
