// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// Address is an e-mail address that could be delivered to. The zero value is none.
type Address struct {
	local, domain string // as typed (NFC); ASCII form
	key           string
}

// The longest local part and whole address (RFC 5321, sections 4.5.3.1.1 and 4.5.3.1.3 less the brackets).
const (
	maxLocalBytes   = 64
	maxAddressBytes = 254
)

// atext is what RFC 5322, section 3.2.3 allows in an atom besides letters and digits.
const atext = "!#$%&'*+-/=?^_`{|}~"

// ParseAddress reads an address as a person types it: local part, @, domain name with at least one dot.
// Quoted local parts, comments and address literals are refused: nobody in the federation has one, and
// each is a way to smuggle something into a header. ok is false for anything else that is no address.
func ParseAddress(s string) (a Address, ok bool) {
	if len(s) > 4*maxAddressBytes || !utf8.ValidString(s) {
		return Address{}, false
	}
	s = norm.NFC.String(strings.TrimSpace(s))
	at := strings.LastIndexByte(s, '@')
	if at < 1 || !goodLocal(s[:at]) {
		return Address{}, false
	}
	domain, ok := goodDomain(s[at+1:])
	if !ok || at+1+len(domain) > maxAddressBytes {
		return Address{}, false
	}
	local := s[:at]
	// Lower case may leave NFC, and NFC may bring capitals back: both again, until the key is its own key.
	key := norm.NFC.String(strings.ToLower(local))
	if again := norm.NFC.String(strings.ToLower(key)); again != key || !goodLocal(key) || len(key)+1+len(domain) > maxAddressBytes {
		return Address{}, false
	}
	return Address{local: local, domain: domain, key: key + "@" + domain}, true
}

// String returns the address as it is written on an envelope: the domain in its ASCII form.
func (a Address) String() string {
	if a.key == "" {
		return ""
	}
	return a.local + "@" + a.domain
}

// Key returns what makes two spellings the same address: trimmed, NFC, ASCII domain, lower case without
// regard to any language. It is itself an address with the same key.
func (a Address) Key() string { return a.key }

// Domain returns the domain in lower-case ASCII.
func (a Address) Domain() string { return a.domain }

func goodLocal(s string) bool {
	if s == "" || len(s) > maxLocalBytes || s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return false
	}
	for _, r := range s {
		switch {
		case r == '.', r < utf8.RuneSelf && strings.ContainsRune(atext, r):
		case r < utf8.RuneSelf && (r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z'):
		case r >= utf8.RuneSelf && !invisible(r) && (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r)): // RFC 6531
		default:
			return false
		}
	}
	return true
}

var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

func goodDomain(s string) (string, bool) {
	ascii, err := domains.ToASCII(s)
	if err != nil || len(ascii) > 253 {
		return "", false
	}
	dot := strings.LastIndexByte(ascii, '.')
	if dot < 1 || dot == len(ascii)-1 {
		return "", false
	}
	if top := ascii[dot+1:]; strings.Trim(top, "0123456789") == "" {
		return "", false // an IPv4 address, not a name
	}
	return ascii, true
}
