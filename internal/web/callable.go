// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// resolveWithin bounds the wait for a name while somebody waits for an answer.
const resolveWithin = 2 * time.Second

// Callable returns an address that an outsider named if Outbound with the same allow could call it as names stand now: http or
// https, no user, and at least one address that is public or allowed. It is ErrAddress otherwise. A name that cannot be resolved at
// the moment passes: what counts is the look when it is dialled.
func Callable(ctx context.Context, address string, allow ...netip.Prefix) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || u.User != nil || u.Opaque != "" || endsInNumber(u.Hostname()) {
		return nil, ErrAddress
	}
	if p := u.Port(); p != "" {
		if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
			return nil, ErrAddress
		}
	}
	ctx, cancel := context.WithTimeout(ctx, resolveWithin)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", u.Hostname())
	if missing, ok := errors.AsType[*net.DNSError](err); ok && !missing.IsNotFound || errors.Is(err, context.DeadlineExceeded) {
		return u, nil
	}
	for _, a := range found {
		if a = a.Unmap().WithZone(""); Public(a) || slices.ContainsFunc(allow, func(p netip.Prefix) bool { return p.Contains(a) }) {
			return u, nil
		}
	}
	return nil, ErrAddress
}

// endsInNumber reports whether a host is a number to other resolvers than ours, such as 2130706433, 0x7f.1 or 127.1, without being an
// address (WHATWG URL, "ends in a number").
func endsInNumber(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	host = strings.TrimSuffix(host, ".")
	last := host[strings.LastIndexByte(host, '.')+1:]
	if last == "" {
		return true
	}
	_, err := strconv.ParseUint(last, 0, 64)
	return err == nil || strings.Trim(last, "0123456789") == "" || errors.Is(err, strconv.ErrRange)
}
