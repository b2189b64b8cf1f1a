// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"meetcoop/internal/identity"
)

var braces = regexp.MustCompile(`\{[^}]+\}`)

func TestRouteTable(t *testing.T) {
	stranger := portalOf(t, &fakeVisitors{v: Visitor{Actor: identity.Anonymous()}}, Route{})
	seen := map[string]bool{}
	for _, route := range testPortal.Routes() {
		name := route.Method + " " + route.Pattern
		t.Run(name, func(t *testing.T) {
			if seen[name] {
				t.Error("twice in the table")
			}
			seen[name] = true
			if route.Method != http.MethodGet && route.Method != http.MethodPost {
				t.Errorf("method %s: forms know GET and POST", route.Method)
			}
			switch route.Class {
			case Public, Guest:
				return
			case Person, Operator:
			case Member, Billing, Manager, Owner:
				if !strings.Contains(route.Pattern, "{member}") {
					t.Errorf("class %s without {member}", route.Class)
				}
			default:
				t.Fatalf("unknown class %q", route.Class)
			}
			path := braces.ReplaceAllString(route.Pattern, "x")
			if got := ask(stranger, route.Method, path, nil); got.StatusCode != 303 || !strings.HasPrefix(got.Header.Get("Location"), "/signin?next=") {
				t.Errorf("a stranger gets %d, want to be sent to sign in", got.StatusCode)
			}
		})
	}
}

func read(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
