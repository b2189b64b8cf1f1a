// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"net/http"
	"slices"
	"strings"
)

// CSP is a Content-Security-Policy (https://www.w3.org/TR/CSP3/): directives in order, each with its
// sources. The zero value allows everything; start from DefaultCSP.
type CSP struct{ directives []directive }

type directive struct {
	name    string
	sources []string
}

// DefaultCSP is the policy of all pages: everything from ourselves, nothing inline, never framed.
func DefaultCSP() CSP {
	self := []string{"'self'"}
	none := []string{"'none'"}
	return CSP{[]directive{
		{"default-src", none}, {"script-src", self}, {"style-src", self}, {"img-src", []string{"'self'", "data:"}},
		{"font-src", self}, {"connect-src", self}, {"form-action", self}, {"base-uri", none}, {"frame-ancestors", none},
	}}
}

// With returns the policy with sources added to a directive, in place of 'none'.
func (c CSP) With(name string, sources ...string) CSP {
	out := CSP{slices.Clone(c.directives)}
	for i, d := range out.directives {
		if d.name == name {
			kept := slices.DeleteFunc(slices.Clone(d.sources), func(s string) bool { return s == "'none'" })
			out.directives[i].sources = slices.Concat(kept, sources)
			return out
		}
	}
	out.directives = append(out.directives, directive{name, sources})
	return out
}

// String returns the value of the header.
func (c CSP) String() string {
	parts := make([]string, len(c.directives))
	for i, d := range c.directives {
		parts[i] = d.name + " " + strings.Join(d.sources, " ")
	}
	return strings.Join(parts, "; ")
}

// SetCSP replaces the policy of this answer; a handler calls it before it writes.
func SetCSP(w http.ResponseWriter, c CSP) { w.Header().Set("Content-Security-Policy", c.String()) }

const (
	noDevices  = "camera=(), microphone=(), display-capture=(), geolocation=(), payment=(), usb=(), interest-cohort=()"
	ourDevices = "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self), speaker-selection=(self), geolocation=(), payment=(), usb=(), interest-cohort=()"
)

// SecureOptions say what differs between installations.
type SecureOptions struct {
	HTTPS bool     // --public-url is https: browsers are told to stay with it for a year
	Media []string // path prefixes whose pages may use camera, microphone and screen: "/r/", "/meet/"
}

// Secure sets the headers that make browsers careful, on every answer.
func Secure(o SecureOptions) Middleware {
	policy := DefaultCSP().String()
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Security-Policy", policy)
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("X-Frame-Options", "DENY") // for what is older than frame-ancestors, which wins elsewhere
			h.Set("Referrer-Policy", "same-origin")
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			h.Set("Cross-Origin-Resource-Policy", "same-origin")
			devices := noDevices
			if slices.ContainsFunc(o.Media, func(prefix string) bool { return strings.HasPrefix(r.URL.Path, prefix) }) {
				devices = ourDevices
			}
			h.Set("Permissions-Policy", devices)
			if o.HTTPS {
				h.Set("Strict-Transport-Security", "max-age=31536000")
			}
			next.ServeHTTP(w, r)
		})
	}
}
