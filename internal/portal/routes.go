// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import "net/http"

// Class says who may call a route. The wrapper enforces it before the handler runs; what depends on the thing
// asked for (is this your room?) is decided by the capability the handler calls.
type Class string

const (
	Public   Class = "public"   // anyone; the answer is the same for all who are not signed in
	Guest    Class = "guest"    // anyone who knows the link; the handler asks who
	Person   Class = "person"   // signed in; others are led to /signin and back
	Member   Class = "member"   // signed in and affiliated with {member}; to others it does not exist
	Billing  Class = "billing"  // owner, manager or billing of {member}
	Manager  Class = "manager"  // owner or manager of {member}
	Owner    Class = "owner"    // owner of {member}
	Operator Class = "operator" // platform role; to others it does not exist
)

// HandlerFunc answers one request: parse, authorise, call one service method, render. An error it returns is
// logged and shown by the wrapper; it must not have written anything then.
type HandlerFunc func(w http.ResponseWriter, r *Request) error

// Route is one line of the table.
type Route struct {
	Method  string // GET (serves HEAD too) or POST
	Pattern string // as http.ServeMux has it; the member's slug is always {member}
	Class   Class
	Handler HandlerFunc
}

// table is the whole URL space of the portal. A page has GET, an act has POST and answers 303.
func (h *Handler) table() []Route {
	routes := []Route{
		{"POST", "/language", Public, h.languageSet},
		{"POST", "/theme", Public, h.themeSet},
	}
	if h.Dev {
		routes = append(routes, Route{"GET", "/dev/components", Public, h.componentsShow})
	}
	return routes
}
