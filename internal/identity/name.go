// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxNameRunes is the longest name, in code points after normalisation.
const MaxNameRunes = 80

// maxMarks is how many combining marks may follow one another: written languages need up to three
// (Vietnamese, Hebrew with accents), the towers that cover the lines above need many.
const maxMarks = 4

// CleanName returns the name of a human as it is kept: NFC, trimmed, inner space single. code is "" when
// the name is good, else person.name_empty, person.name_long (parameter Limit), person.name_characters
// (control, direction override, invisible) or person.name_link (a link, an address, or what a mail program
// would turn into one).
func CleanName(s string) (name, code string) { return clean(s, bareDomain) }

// CleanTitle is CleanName for what may be named after its web site, such as an organisation: "meet.coop"
// passes, a link with scheme or path and an address do not.
func CleanTitle(s string) (title, code string) { return clean(s, nil) }

// A word with a dot inside and at least two letters behind it is made a link by mail and chat programs.
// "J.R. Smith" and "St. John" pass.
var (
	bareDomain = regexp.MustCompile(`[\pL\pN]\.\pL[\pL\pM]`)
	link       = regexp.MustCompile(`(?i)://|\bwww\.|[\pL\pN]\.\pL{2,}[/:?#]|\bmailto:`)
)

func clean(s string, alsoLink *regexp.Regexp) (string, string) {
	if len(s) > 16*MaxNameRunes { // no work for 10,000 characters
		return "", "person.name_long"
	}
	if !utf8.ValidString(s) {
		return "", "person.name_characters"
	}
	s = norm.NFC.String(s)
	marks, words := 0, false
	for _, r := range s {
		switch {
		case r == ' ' || r == 0xA0 || r == 0x3000: // the spaces of keyboards; Fields below folds them
		case invisible(r) || unicode.IsSpace(r):
			return "", "person.name_characters"
		}
		if unicode.IsMark(r) {
			if marks++; marks > maxMarks {
				return "", "person.name_characters"
			}
			continue
		}
		marks = 0
		words = words || unicode.IsLetter(r) || unicode.IsNumber(r)
	}
	s = strings.Join(strings.Fields(s), " ")
	switch {
	case !words:
		return "", "person.name_empty"
	case utf8.RuneCountInString(s) > MaxNameRunes:
		return "", "person.name_long"
	case strings.ContainsAny(s, "@＠") || link.MatchString(s) || alsoLink != nil && alsoLink.MatchString(s):
		return "", "person.name_link"
	}
	return s, ""
}

// invisible reports what a name or address could hide behind: control and format characters (direction
// overrides, zero-width), line separators, private use, unassigned, and the letters and symbols that show nothing.
func invisible(r rune) bool {
	switch {
	case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Cs, unicode.Co, unicode.Zl, unicode.Zp):
		return true
	case unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector, unicode.Noncharacter_Code_Point):
		return true
	case r == 0x2800: // the empty Braille pattern
		return true
	}
	return !unicode.IsPrint(r) && !unicode.IsSpace(r) // unassigned
}

// nameFrom makes a first name for somebody invited without one out of the address: "ana.puig" is "Ana
// Puig". It returns "" when the address gives nothing.
func nameFrom(a Address) string {
	words := strings.FieldsFunc(a.local, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) })
	for i, w := range words {
		first, size := utf8.DecodeRuneInString(w)
		words[i] = string(unicode.ToTitle(first)) + w[size:]
	}
	name, _ := CleanName(strings.Join(words, " "))
	return name
}
