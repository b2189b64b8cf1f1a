// SPDX-License-Identifier: AGPL-3.0-or-later

package bbb

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of a query (gateway.md Z2).
const (
	maxQuery  = 16 << 10
	maxParams = 200
	maxMeta   = 100
)

// The ways in which a query is none.
var (
	ErrQueryTooLong = errors.New("bbb: a query longer than 16 KiB, or of more than 200 parameters")
	ErrQueryEscape  = errors.New("bbb: a query with a bad escape or broken UTF-8")
)

// Query is a query string taken apart at & alone and put together again with what was not touched in its order and encoding: a
// signature is over the text, and servers see what the client wrote. A semicolon is data. The zero value is empty.
type Query struct{ params []param }

type param struct {
	raw        string // as it came
	key, value string // decoded; the value without control characters and trimmed, as servers read it
}

// ParseQuery takes a raw query apart. ErrQueryTooLong, ErrQueryEscape.
func ParseQuery(raw string) (Query, error) {
	var q Query
	if len(raw) > maxQuery {
		return q, ErrQueryTooLong
	}
	meta := 0
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		k, v, _ := strings.Cut(part, "=")
		key, err := url.QueryUnescape(k)
		if err != nil || !utf8.ValidString(key) {
			return q, ErrQueryEscape
		}
		value, err := url.QueryUnescape(v)
		if err != nil || !utf8.ValidString(value) {
			return q, ErrQueryEscape
		}
		if strings.HasPrefix(key, "meta_") {
			meta++
		}
		if len(q.params) == maxParams || meta > maxMeta {
			return q, ErrQueryTooLong
		}
		q.params = append(q.params, param{part, key, Clean(value)})
	}
	return q, nil
}

// Clean is what servers do to every value before they look at it: control characters go, blanks around it too.
func Clean(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s))
}

// Get returns the first value of key, "" when there is none.
func (q Query) Get(key string) string {
	for _, p := range q.params {
		if p.key == key {
			return p.value
		}
	}
	return ""
}

// Has reports whether key was given, with whatever value.
func (q Query) Has(key string) bool {
	return slices.ContainsFunc(q.params, func(p param) bool { return p.key == key })
}

// Keys returns every key once, in order.
func (q Query) Keys() []string {
	var out []string
	for _, p := range q.params {
		if !slices.Contains(out, p.key) {
			out = append(out, p.key)
		}
	}
	return out
}

// RawValue returns the first value of key as it was, before Clean.
func (q Query) RawValue(key string) string {
	for _, p := range q.params {
		if p.key == key {
			_, v, _ := strings.Cut(p.raw, "=")
			out, _ := url.QueryUnescape(v) // was checked
			return out
		}
	}
	return ""
}

// Without returns q without some keys.
func (q Query) Without(keys ...string) Query {
	out := Query{make([]param, 0, len(q.params))}
	for _, p := range q.params {
		if !slices.Contains(keys, p.key) {
			out.params = append(out.params, p)
		}
	}
	return out
}

// With returns q with one value for key, at the place of the first one it had, else at the end.
func (q Query) With(key, value string) Query {
	fresh := param{url.QueryEscape(key) + "=" + url.QueryEscape(value), key, Clean(value)}
	out := Query{make([]param, 0, len(q.params)+1)}
	done := false
	for _, p := range q.params {
		if p.key != key {
			out.params = append(out.params, p)
			continue
		}
		if !done {
			out.params = append(out.params, fresh)
			done = true
		}
	}
	if !done {
		out.params = append(out.params, fresh)
	}
	return out
}

// String returns the raw query.
func (q Query) String() string {
	parts := make([]string, len(q.params))
	for i, p := range q.params {
		parts[i] = p.raw
	}
	return strings.Join(parts, "&")
}

// Metadata returns the parameters meta_<name> that servers accept: the whole key is meta_, a letter, and letters, digits or
// hyphens. Names come lower-cased; of equal names the first wins.
func (q Query) Metadata() map[string]string {
	out := map[string]string{}
	for _, p := range q.params {
		name, ok := strings.CutPrefix(p.key, "meta_")
		if !ok || !isMetaName(name) {
			continue
		}
		name = strings.ToLower(name)
		if _, twice := out[name]; !twice {
			out[name] = p.value
		}
	}
	return out
}

func isMetaName(name string) bool {
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r != '-' && (r < '0' || r > '9')) {
			return false
		}
	}
	return name != ""
}

// Portable returns q as a browser can be sent it: what stands in no URL as it is (blanks, quotes, # and bytes beyond ASCII, which
// some clients leave bare) is encoded anew, and custom data whose name makes no XML element is left out, since servers write the
// name into their lists as it is.
func (q Query) Portable() Query {
	out := Query{make([]param, 0, len(q.params))}
	for _, p := range q.params {
		if name, custom := strings.CutPrefix(p.key, "userdata-"); custom && !isName(name) {
			continue
		}
		if strings.ContainsFunc(p.raw, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"#<>\^`+"`{|}", r) }) {
			_, value, _ := strings.Cut(p.raw, "=")
			decoded, err := url.QueryUnescape(value)
			if err != nil {
				continue // was checked when it was taken apart
			}
			p.raw = url.QueryEscape(p.key) + "=" + url.QueryEscape(decoded)
		}
		out.params = append(out.params, p)
	}
	return out
}
