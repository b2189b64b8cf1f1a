// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"slices"
	"strings"

	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/membership"
)

// Visitor is who asks, as the shell and the wrapper need it. The zero value is somebody who is not signed in.
type Visitor struct {
	Actor  identity.Actor  // goes to every service that needs a right
	Person identity.Person // zero unless signed in
	Hats   []Hat           // the members they act for, the one with most rights first
}

// Hat is one member the person acts for.
type Hat struct {
	Member membership.Member
	Roles  []membership.Role
}

// SignedIn reports whether the visitor is a person.
func (v Visitor) SignedIn() bool { return v.Actor.SignedIn() == nil }

// Hat returns the hat of the member with this slug; ok is false when the visitor has none there.
func (v Visitor) Hat(slug string) (hat Hat, ok bool) {
	for _, hat := range v.Hats {
		if hat.Member.Slug == slug {
			return hat, true
		}
	}
	return Hat{}, false
}

// Has reports whether the hat holds any of the roles.
func (hat Hat) Has(roles ...membership.Role) bool {
	return slices.ContainsFunc(roles, func(r membership.Role) bool { return slices.Contains(hat.Roles, r) })
}

// Request is what a handler gets: the request, who asks, and the language to answer in.
type Request struct {
	*http.Request
	Visitor Visitor
	Hat     Hat             // the member named in the path, for routes of class Member and narrower
	P       *locale.Printer // speaks the visitor's language in the visitor's zone
	Now     instant.Instant // one instant for the whole request
	ID      string          // request id, as in the logs and on error pages
	theme   identity.Theme
	route   Route
}

// Actor returns who asks, for the services.
func (r *Request) Actor() identity.Actor { return r.Visitor.Actor }

// Next returns where to go after an act, from the form field "next": a path of this site, else fallback.
func (r *Request) Next(fallback string) string {
	if next := r.FormValue("next"); identity.LocalPath(next) {
		return next
	}
	return fallback
}

// Looks reports whether somebody only looks: HEAD, or a browser that fetches a page it may show later
// (https://wicg.github.io/nav-speculation/prefetch.html). Nothing may change then, and nobody's turn comes.
func (r *Request) Looks() bool {
	return r.Method == http.MethodHead || strings.HasPrefix(r.Header.Get("Sec-Purpose"), "prefetch")
}

// HX reports whether htmx asks, and so whether a fragment may be answered instead of a page.
func (r *Request) HX() bool { return r.Header.Get("HX-Request") == "true" }
