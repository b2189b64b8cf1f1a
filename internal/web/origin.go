// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"meetcoop/internal/fault"
)

// Origin refuses with Forbidden (web.origin) every change that a page of another site, even of the
// same domain, makes a browser send. Exempt are patterns of http.ServeMux whose handlers read no
// cookie.
func Origin(refuse Refuser, exempt ...string) Middleware {
	protection := http.NewCrossOriginProtection()
	for _, pattern := range exempt {
		protection.AddInsecureBypassPattern(pattern)
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := protection.Check(r); err != nil {
				refuse(w, r, fault.Wrap(err, fault.Forbidden, "web.origin"))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// Hosts answers 421 (web.host) to every Host that is neither that of publicURL nor one of others;
// while publicURL is loopback, every loopback name is ours. Ports are not compared: a proxy may have
// its own. Nothing we write is ever made from the Host header; this keeps others from serving our
// pages under their name.
func Hosts(publicURL *url.URL, refuse Refuser, others ...string) Middleware {
	ours := map[string]bool{hostname(publicURL.Host): true}
	for _, h := range others {
		ours[hostname(h)] = true
	}
	local := IsLoopback(publicURL.Hostname())
	home := publicURL.Scheme + "://" + publicURL.Host
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			host := hostname(r.Host)
			if !ours[host] && (!local || !IsLoopback(host)) {
				refuse(w, r, fault.New(fault.NotFound, "web.host", fault.Params{"URL": home}))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// hostname cuts the port, the brackets of IPv6 and the dot of a complete name.
func hostname(hostport string) string {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
}

// IsLoopback reports whether a host, without port, can only be this machine: "localhost", a name
// below it (RFC 6761, section 6.3) or a loopback address.
func IsLoopback(host string) bool {
	host = hostname(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}
