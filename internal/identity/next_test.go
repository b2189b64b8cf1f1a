// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"net/url"
	"strings"
	"testing"
)

func TestReturnAddressesStayHere(t *testing.T) {
	for _, s := range []string{
		"/", "/rooms", "/r/amber-oak-42", "/m/sol/people?sort=name&page=2", "/r/caf%C3%A9", "/rooms/", "/a?next=//evil.example", "/a.b/c:d@e", "/a?x=%2F%5C",
	} {
		if !LocalPath(s) {
			t.Errorf("%q is ours", s)
		}
	}
	for _, s := range []string{
		"", "rooms", "//evil.example", "///evil.example", `/\evil.example`, `\\evil.example`, "https://evil.example", "javascript:alert(1)", "/a//b",
		"/\t/evil.example", "/\n/evil.example", " /rooms", "/ rooms", "/%2Fevil.example", "/%2fevil.example", "/%5cevil.example", "/%255cevil.example",
		"/a/../..//evil.example", "/..", "/./a", "/%2e%2e/a", "/%2E/a", "/a%00", "/a%0d%0aSet-Cookie:x", "/a%", "/a%zz", "/a?%zz", "/a#b", "/\u2215evil.example",
		"/é", "@evil.example", "/@evil.example/..", "//user@evil.example", "http:/rooms", "/" + strings.Repeat("a", maxNextBytes), "/a\x7f",
	} {
		if LocalPath(s) {
			t.Errorf("%q leads elsewhere or nowhere", s)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	for _, s := range []string{"/rooms", "//evil", `/\evil`, "/%2F/evil", "/a/../b", "/a?b=c#d", "/;/x", "/%09/evil"} {
		f.Add(s)
	}
	base, err := url.Parse("https://meet.example/signin/link/x")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !LocalPath(s) {
			return
		}
		// As a lax browser reads it: backslash is a slash, tabs and newlines are not there.
		lax := strings.NewReplacer(`\`, "/", "\t", "", "\n", "", "\r", "").Replace(s)
		for _, v := range []string{s, lax} {
			u, err := url.Parse(v)
			if err != nil {
				t.Fatalf("%q: %v", v, err)
			}
			to := base.ResolveReference(u)
			if to.Scheme != "https" || to.Host != "meet.example" || to.User != nil || u.Host != "" || u.Scheme != "" || to.Fragment != "" {
				t.Fatalf("%q leads to %s", v, to)
			}
			if to.RequestURI() != s {
				t.Fatalf("%q is read as %q", s, to.RequestURI())
			}
			once, err := url.PathUnescape(to.EscapedPath())
			if err != nil || strings.HasPrefix(once, "//") || strings.ContainsAny(once, "\\\r\n\x00") {
				t.Fatalf("%q decodes to %q, %v", s, once, err)
			}
		}
	})
}
