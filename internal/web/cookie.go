// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"net/http"
	"net/url"
	"time"
)

// Cookies sets and reads the cookies of one installation. On https a name gets the prefix "__Host-",
// which browsers accept only with Secure, Path=/ and no Domain, so that no neighbouring name can plant
// one (RFC 6265bis, section 4.1.3.2). On http, which is loopback, it has neither: not every client
// returns Secure cookies there.
type Cookies struct{ secure bool }

// NewCookies returns the cookies of the installation at publicURL.
func NewCookies(publicURL *url.URL) Cookies { return Cookies{publicURL.Scheme == "https"} }

// Name returns the name under which a cookie travels.
func (c Cookies) Name(name string) string {
	if c.secure {
		return "__Host-" + name
	}
	return name
}

// Get returns the value of a cookie, "" when there is none.
func (c Cookies) Get(r *http.Request, name string) string {
	k, err := r.Cookie(c.Name(name))
	if err != nil {
		return ""
	}
	return k.Value
}

// Set sends a cookie that scripts cannot read and that foreign sites' forms do not carry. A lifetime
// of zero is that of the browser's session.
func (c Cookies) Set(w http.ResponseWriter, name, value string, lifetime time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: c.Name(name), Value: value, Path: "/", MaxAge: int(lifetime / time.Second),
		Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// Remember sends a cookie that holds a choice of looks and says nothing about a person, under its plain
// name: what reads it runs before anybody knows whose request it is.
func (c Cookies) Remember(w http.ResponseWriter, name, value string, lifetime time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: int(lifetime / time.Second), Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// Clear makes the browser forget a cookie.
func (c Cookies) Clear(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: c.Name(name), Path: "/", MaxAge: -1, Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}
