// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Client finds out who is asking. Peers within trusted are proxies: what they say of their own peer
// is believed, from right to left, up to the first address that is no proxy of ours. X-Forwarded-For
// counts; where it is absent, Forwarded (RFC 7239). With trusted empty both are ignored.
func Client(trusted []netip.Prefix) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx := context.WithValue(r.Context(), keyClient, clientAddress(r, trusted))
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}

// ClientOf returns the address of who is asking: the zero Addr when it is not known.
func ClientOf(r *http.Request) netip.Addr {
	if a, ok := r.Context().Value(keyClient).(netip.Addr); ok {
		return a
	}
	return clientAddress(r, nil)
}

// ClientNetwork returns the network that counts as one client in limits of rates: /24 for IPv4, /64
// for IPv6, as text; "" when the address is not known.
func ClientNetwork(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 24
	}
	p, err := a.Prefix(bits)
	if err != nil || !a.IsValid() {
		return ""
	}
	return p.String()
}

// maxHops bounds the work that a long header makes.
const maxHops = 20

func clientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	peer, _ := address(r.RemoteAddr)
	hops := forwardedFor(r.Header)
	for i := 0; i < len(hops) && i < maxHops && proxy(peer, trusted); i++ {
		next, ok := address(hops[len(hops)-1-i])
		if !ok { // "unknown", an obfuscated name, nonsense: what is left of it is hearsay
			break
		}
		peer = next
	}
	return peer
}

func proxy(a netip.Addr, trusted []netip.Prefix) bool {
	return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(a) })
}

// address reads "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]" and "[2001:db8::1]:80".
func address(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if p, err := netip.ParseAddrPort(s); err == nil {
		return p.Addr().Unmap(), true
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	return a.Unmap(), err == nil
}

func forwardedFor(h http.Header) []string {
	if lines := h.Values("X-Forwarded-For"); len(lines) > 0 {
		return strings.Split(strings.Join(lines, ","), ",")
	}
	var hops []string
	for _, element := range strings.Split(strings.Join(h.Values("Forwarded"), ","), ",") {
		hop := ""
		for _, pair := range strings.Split(element, ";") {
			name, value, _ := strings.Cut(pair, "=")
			if strings.EqualFold(strings.TrimSpace(name), "for") {
				hop = strings.Trim(strings.TrimSpace(value), `"`)
			}
		}
		hops = append(hops, hop) // an element without "for" stays, so that nobody moves up in the row
	}
	return hops
}
