// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"net/url"
	"strings"
)

// maxNextBytes bounds a return address; the longest of our own is under 300.
const maxNextBytes = 1024

// LocalPath reports whether s is a path of this site that a browser can be sent to after sign-in. It
// reads s as strictly as the laxest browser does not: one leading slash; printable ASCII without backslash,
// space or fragment; no empty, "." or ".." segment, plain or percent-encoded; no encoded slash, backslash
// or control character in the path. A link to another site cannot be written like that.
func LocalPath(s string) bool {
	if s == "" || len(s) > maxNextBytes || s[0] != '/' {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\\#\"<>^`{|}", c) >= 0 {
			return false
		}
	}
	path, query, _ := strings.Cut(s, "?")
	if _, err := url.QueryUnescape(query); err != nil {
		return false
	}
	segments := strings.Split(path[1:], "/")
	for i, raw := range segments {
		if raw == "" && i == len(segments)-1 {
			break // "/" itself, or a trailing slash
		}
		seg, err := url.PathUnescape(raw)
		if err != nil || seg == "" || seg == "." || seg == ".." {
			return false
		}
		for _, c := range []byte(seg) {
			if c < ' ' || c == 0x7f || c == '/' || c == '\\' {
				return false
			}
		}
		if strings.Contains(raw, "%25") {
			return false // encoded twice: we have no such path, and somebody else may decode twice
		}
	}
	return true
}

// nextOrNone drops a return address that is not ours: the person lands on our own page instead.
func nextOrNone(s string) string {
	if LocalPath(s) {
		return s
	}
	return ""
}
