// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// ErrAddress is the error of a connection to an address that outsiders may not have us call.
var ErrAddress = errors.New("web: an address that is not called for others")

// specialNets are networks that netip's predicates do not name: shared, benchmarking, documentation, reserved (IANA special-purpose
// address registries, RFC 6890) and the translations that hide an IPv4 address.
var specialNets = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"), netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"), netip.MustParsePrefix("100::/64"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("fec0::/10"),
}

// Public reports whether an address may be called because somebody outside named it: not loopback, private, link-local (cloud
// metadata), multicast or otherwise special.
func Public(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsValid() || a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() || a.IsInterfaceLocalMulticast() {
		return false
	}
	for _, p := range specialNets {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// Outbound returns a client for addresses that outsiders named: it connects to public addresses and those in allow only. The
// address is looked at when it is dialled, after the name was resolved, so that a name cannot change its meaning in between. It
// follows no redirects, keeps no cookies, and goes through no proxy.
func Outbound(timeout time.Duration, allow ...netip.Prefix) *http.Client {
	dialer := &net.Dialer{Timeout: 3 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return ErrAddress
		}
		if Public(at.Addr()) {
			return nil
		}
		for _, p := range allow {
			if p.Contains(at.Addr().Unmap()) {
				return nil
			}
		}
		return ErrAddress
	}}
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: 3 * time.Second, ResponseHeaderTimeout: timeout, MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConns: 64, MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second,
		},
	}
}
