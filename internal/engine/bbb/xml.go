// SPDX-License-Identifier: AGPL-3.0-or-later

package bbb

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Attr is one attribute of an element, its value without escapes.
type Attr struct{ Name, Value string }

// Element is one element of an answer, with everything in it in its order, so that what a newer server says can be
// handed on though nobody here knows it. Names are as written, prefix included. It is not safe for concurrent change.
type Element struct {
	Name  string
	Attrs []Attr
	Text  string // all character data of its own; where there are Kids, white space alone counts as none
	Kids  []*Element
}

// Child returns the first child of that name, nil when there is none; of nil it is nil, so that calls can be chained.
func (e *Element) Child(name string) *Element {
	if e == nil {
		return nil
	}
	for _, k := range e.Kids {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// Value returns the text of the first child of that name without the white space around it, "" when there is none.
func (e *Element) Value(name string) string {
	if k := e.Child(name); k != nil {
		return strings.TrimSpace(k.Text)
	}
	return ""
}

// Set makes text all that the first child of that name holds, elements in it included; without such a child it appends one.
func (e *Element) Set(name, text string) {
	if k := e.Child(name); k != nil {
		k.Text, k.Kids = text, nil
		return
	}
	e.Kids = append(e.Kids, &Element{Name: name, Text: text})
}

// Remove removes all children of that name.
func (e *Element) Remove(name string) {
	e.Kids = slices.DeleteFunc(e.Kids, func(k *Element) bool { return k.Name == name })
}

// Clone returns a copy that shares nothing which can change; of nil it is nil.
func (e *Element) Clone() *Element {
	if e == nil {
		return nil
	}
	c := &Element{Name: e.Name, Attrs: slices.Clone(e.Attrs), Text: e.Text}
	if e.Kids != nil {
		c.Kids = make([]*Element, len(e.Kids))
		for i, k := range e.Kids {
			c.Kids[i] = k.Clone()
		}
	}
	return c
}

// Append appends the element as XML to b, without a declaration. Characters that XML 1.0 cannot hold are dropped, and so is
// an element or an attribute whose name is none: what is appended is always well-formed.
func (e *Element) Append(b []byte) []byte {
	if e == nil || !isName(e.Name) {
		return b
	}
	b = append(b, '<')
	b = append(b, e.Name...)
	for _, a := range e.Attrs {
		if isName(a.Name) {
			b = append(b, ' ')
			b = append(b, a.Name...)
			b = append(b, '=', '"')
			b = escape(b, a.Value, true)
			b = append(b, '"')
		}
	}
	if e.Text == "" && len(e.Kids) == 0 {
		return append(b, '/', '>')
	}
	b = append(b, '>')
	b = escape(b, e.Text, false)
	for _, k := range e.Kids {
		b = k.Append(b)
	}
	b = append(b, '<', '/')
	b = append(b, e.Name...)
	return append(b, '>')
}

// escape appends text so that reading it gives the same again. A carriage return, and any line break or tab in an
// attribute, would be changed by a reader (XML 1.0, sections 2.11 and 3.3.3) and is written as a reference.
func escape(b []byte, s string, attribute bool) []byte {
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		size, as := 1, ""
		switch {
		case c == '&':
			as = "&amp;"
		case c == '<':
			as = "&lt;"
		case c == '>':
			as = "&gt;"
		case c == '\r':
			as = "&#13;"
		case attribute && c == '"':
			as = "&quot;"
		case attribute && c == '\t':
			as = "&#9;"
		case attribute && c == '\n':
			as = "&#10;"
		case c == '\t' || c == '\n' || c >= ' ' && c < utf8.RuneSelf:
			i++
			continue
		default:
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			if isChar(r) && !(r == utf8.RuneError && size == 1) {
				i += size
				continue
			}
		}
		b = append(b, s[from:i]...)
		b = append(b, as...)
		i += size
		from = i
	}
	return append(b, s[from:]...)
}

// isChar is the production Char of XML 1.0, section 2.2.
func isChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000 && r <= 0x10FFFF
}

// isName reports whether s is a name with at most one prefix (Namespaces in XML 1.0, section 4).
func isName(s string) bool {
	return s != "" && nameLength([]byte(s)) == len(s) && prefixFits(s)
}

func prefixFits(name string) bool {
	prefix, local, found := strings.Cut(name, ":")
	if !found {
		return true
	}
	r, _ := utf8.DecodeRuneInString(local)
	return prefix != "" && local != "" && isNameStart(r) && !strings.Contains(local, ":")
}

// nameLength returns how many bytes at the beginning of b are a name, 0 when none are.
func nameLength(b []byte) int {
	for i := 0; i < len(b); {
		c, size := rune(b[i]), 1
		if c < utf8.RuneSelf {
			if !inName[c] {
				return i
			}
		} else if c, size = utf8.DecodeRune(b[i:]); !isNameStart(c) && !isNameRest(c) || c == utf8.RuneError && size == 1 {
			return i
		}
		if i == 0 && c != ':' && !isNameStart(c) {
			return 0
		}
		i += size
	}
	return len(b)
}

// inName are the ASCII characters of names.
var inName = func() (in [utf8.RuneSelf]bool) {
	for c := range rune(utf8.RuneSelf) {
		in[c] = c == ':' || isNameStart(c) || isNameRest(c)
	}
	return in
}()

// isNameStart is the production NameStartChar of XML 1.0 (fifth edition), section 2.3, without the colon.
func isNameStart(r rune) bool {
	switch {
	case r < utf8.RuneSelf:
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_'
	case r <= 0x2FF:
		return r >= 0xC0 && r != 0xD7 && r != 0xF7
	case r <= 0x1FFF:
		return r >= 0x370 && r != 0x37E
	case r <= 0x218F:
		return r == 0x200C || r == 0x200D || r >= 0x2070
	case r <= 0xD7FF:
		return r >= 0x2C00 && r <= 0x2FEF || r >= 0x3001
	default:
		return r >= 0xF900 && r <= 0xFDCF || r >= 0xFDF0 && r <= 0xFFFD || r >= 0x10000 && r <= 0xEFFFF
	}
}

// isNameRest is what NameChar adds to NameStartChar.
func isNameRest(r rune) bool {
	return r >= '0' && r <= '9' || r == '-' || r == '.' || r == 0xB7 || r >= 0x300 && r <= 0x36F || r == 0x203F || r == 0x2040
}
