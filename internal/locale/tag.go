// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import (
	"strings"

	"golang.org/x/text/language"
)

// Tag names a supported language, as in the lang attribute of a page: "en", "ca". The zero value is none.
type Tag string

// The supported languages. Pseudo is English made longer and put in brackets; it exists for tests of pages
// and is no choice for people.
const (
	English Tag = "en"
	Catalan Tag = "ca"
	Spanish Tag = "es"
	German  Tag = "de"
	French  Tag = "fr"
	Dutch   Tag = "nl"
	Swedish Tag = "sv"
	Pseudo  Tag = "en-XA"
)

// Supported lists the languages in which every text exists, in the order in which a person is offered them.
var Supported = []Tag{English, Catalan, Spanish, German, French, Dutch, Swedish}

// Parse returns the supported language that s (a BCP 47 tag such as "ca" or "ca-ES-valencia") belongs to;
// ok is false when there is none.
func Parse(s string) (tag Tag, ok bool) {
	if len(s) > 35 { // the longest tag BCP 47 asks implementations to take (RFC 5646, section 4.4.1)
		return "", false
	}
	base, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(s), "_", "-"), "-")
	for _, t := range Supported {
		if string(t) == base {
			return t, true
		}
	}
	return "", false
}

// Match chooses the language of an answer. The first argument that names a supported language wins: the
// account's, the cookie's, that of ?lang=, the best of the Accept-Language header (RFC 9110, section
// 12.5.4), the member's; else English. Each may be empty or nonsense.
func Match(account, cookie, query, acceptLanguage, member string) Tag {
	for _, s := range []string{account, cookie, query} {
		if t, ok := Parse(s); ok {
			return t
		}
	}
	if len(acceptLanguage) <= 1000 { // browsers send under 100; more is an attempt to keep us busy
		wanted, _, err := language.ParseAcceptLanguage(acceptLanguage) // sorted by quality
		if err == nil {
			for _, w := range wanted {
				if t, ok := Parse(w.String()); ok {
					return t
				}
			}
		}
	}
	if t, ok := Parse(member); ok {
		return t
	}
	return English
}
