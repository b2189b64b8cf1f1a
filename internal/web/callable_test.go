// SPDX-License-Identifier: AGPL-3.0-or-later

package web_test

import (
	"net/netip"
	"testing"

	"meetcoop/internal/web"
)

func TestAddressesThatOutsidersMayName(t *testing.T) {
	allow := netip.MustParsePrefix("10.9.0.0/16")
	for address, want := range map[string]bool{
		"http://10.9.1.2/hook":          true, // allowed
		"https://93.184.216.34/":        true,
		"http://[2606:4700::1111]:8080": true,
		"http://10.8.1.2/":              false,
		"http://127.0.0.1/":             false,
		"http://127.0.0.1./":            false,
		"http://localhost/":             false,
		"http://[::1]/":                 false,
		"http://[::ffff:127.0.0.1]/":    false,
		"http://[fe80::1%25eth0]/":      false,
		"http://169.254.169.254/latest": false,
		"http://100.64.0.1/":            false,
		"http://224.0.0.1/":             false,
		"http://0.0.0.0/":               false,
		"http://[64:ff9b::7f00:1]/":     false,
		"http://[2002:7f00:1::]/":       false,
		"http://2130706433/":            false,
		"http://0x7f000001/":            false,
		"http://0177.0.0.1/":            false,
		"http://127.1/":                 false,
		"http://99999999999999999999/":  false,
		"ftp://93.184.216.34/":          false,
		"file:///etc/passwd":            false,
		"javascript:alert(1)":           false,
		"//93.184.216.34/":              false,
		"http://user@93.184.216.34/":    false,
		"http://93.184.216.34:0/":       false,
		"http://93.184.216.34:70000/":   false,
		"http:///path":                  false,
		"":                              false,
		"http://93.184.216.34\n/":       false,
	} {
		if _, err := web.Callable(t.Context(), address, allow); (err == nil) != want {
			t.Errorf("%q callable: %v, want %v", address, err == nil, want)
		}
	}
}
