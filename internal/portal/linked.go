// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import "strings"

// linked cuts a text at the addresses of this site, which become links. Other addresses stay text.
func linked(text, base string) []letterPart {
	var parts []letterPart
	for {
		at := strings.Index(text, base+"/")
		if at < 0 {
			return append(parts, letterPart{Text: text})
		}
		end := at + strings.IndexFunc(text[at:], func(r rune) bool { return r <= ' ' || strings.ContainsRune(`<>"`, r) })
		if end < at {
			end = len(text)
		}
		parts = append(parts, letterPart{Text: text[:at]}, letterPart{Text: text[at:end], Href: text[at+len(base) : end]})
		text = text[end:]
	}
}
