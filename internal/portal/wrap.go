// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"meetcoop/internal/fault"
	"meetcoop/internal/identity"
	"meetcoop/internal/locale"
	"meetcoop/internal/membership"
	"meetcoop/internal/web"
)

// serve wraps a route: it finds out who asks and in which language, lets nobody past the route's class, and
// turns an error into a page.
func (h *Handler) serve(route Route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, raw *http.Request) {
		r, err := h.request(raw, route)
		if err == nil {
			err = admit(r)
		}
		if err == nil {
			err = route.Handler(w, r)
		}
		if err != nil {
			h.fail(w, r, err)
		}
	})
}

// request never returns nil, so that an error can be shown in the right language.
func (h *Handler) request(raw *http.Request, route Route) (*Request, error) {
	v, err := h.Visitors.Visitor(raw.Context(), raw)
	r := &Request{Request: raw, Visitor: v, Now: h.Now(), ID: web.RequestID(raw), route: route}
	r.theme = knownTheme(identity.Theme(cookie(raw, themeCookie)))
	if v.SignedIn() {
		r.theme = v.Person.Theme
	}
	tag := locale.Match(string(v.Person.Locale), cookie(raw, web.LanguageCookie), raw.URL.Query().Get("lang"), raw.Header.Get("Accept-Language"), "")
	if h.Dev && raw.URL.Query().Get("lang") == string(locale.Pseudo) {
		tag = locale.Pseudo
	}
	r.P = h.Catalog.Printer(tag, v.Person.Location())
	if err != nil {
		return r, fmt.Errorf("find visitor: %w", err)
	}
	return r, nil
}

var rolesOf = map[Class][]membership.Role{
	Member:  membership.Roles,
	Billing: {membership.RoleOwner, membership.RoleManager, membership.RoleBilling},
	Manager: {membership.RoleOwner, membership.RoleManager},
	Owner:   {membership.RoleOwner},
}

// admit enforces the class of the route and fills r.Hat.
func admit(r *Request) error {
	switch class := r.route.Class; class {
	case Public, Guest:
		return nil
	case Person:
		return signedIn(r)
	case Operator:
		if err := signedIn(r); err != nil {
			return err
		}
		if !r.Actor().PlatformAdmin {
			return fault.New(fault.NotFound, "page.unknown")
		}
		return nil
	default:
		if err := signedIn(r); err != nil {
			return err
		}
		hat, ok := r.Visitor.Hat(r.PathValue("member"))
		if !ok {
			return fault.New(fault.NotFound, "page.unknown")
		}
		r.Hat = hat
		if !hat.Has(rolesOf[class]...) {
			return fault.New(fault.Forbidden, "page.role", fault.Params{"Member": hat.Member.Name})
		}
		return nil
	}
}

func signedIn(r *Request) error {
	if r.Visitor.SignedIn() {
		return nil
	}
	return fault.New(fault.Unauthenticated, "page.signin")
}

// signInFirst is where somebody goes who must sign in to see the page they asked for.
func signInFirst(r *Request) string {
	next := r.URL.RequestURI()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		next = localReferer(r)
	}
	return "/signin?" + url.Values{"next": {next}}.Encode()
}

// localReferer is the page a form was on, as a path of this site, else "/".
func localReferer(r *Request) string {
	u, err := url.Parse(r.Referer())
	if err != nil || u.Host != r.Host || !identity.LocalPath(u.RequestURI()) {
		return "/"
	}
	return u.RequestURI()
}

// unknown answers what no route matches. A path that exists for another method says for which.
func (h *Handler) unknown(w http.ResponseWriter, r *Request) error {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := h.mux.Handler(other); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		return fault.New(fault.NotFound, "page.unknown")
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	return fault.New(fault.Invalid, "page.method")
}
