// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import (
	"strings"
	"unicode/utf8"
)

var accents = strings.NewReplacer("a", "á", "e", "é", "i", "í", "o", "ö", "u", "ü", "c", "ç", "n", "ñ", "s", "š", "y", "ý",
	"A", "Å", "E", "É", "I", "Î", "O", "Ø", "U", "Û", "C", "Ç", "N", "Ñ", "S", "Š", "Y", "Ÿ")

// pseudo makes every text 40 % longer, accented and bracketed, so that a page shows what it cut off, what it
// did not take from the catalog, and what breaks when words grow. Placeholders stay as they are.
func pseudo(english map[string]entry) map[string]entry {
	out := make(map[string]entry, len(english))
	for key, e := range english {
		forms := make(map[string]string, len(e.forms))
		for form, text := range e.forms {
			var b strings.Builder
			b.WriteString("[")
			at := 0
			for _, hit := range placeholder.FindAllStringIndex(text, -1) {
				b.WriteString(accents.Replace(text[at:hit[0]]))
				b.WriteString(text[hit[0]:hit[1]])
				at = hit[1]
			}
			b.WriteString(accents.Replace(text[at:]))
			for n := (utf8.RuneCountInString(text)*4 + 9) / 10; n > 0; n -= 6 {
				b.WriteString(" longer"[:min(n+1, 7)])
			}
			b.WriteString("]")
			forms[form] = b.String()
		}
		out[key] = entry{forms: forms, placeholders: e.placeholders}
	}
	return out
}
