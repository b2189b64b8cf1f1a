// SPDX-License-Identifier: AGPL-3.0-or-later

package membership

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSlugsAreMadeFromNames(t *testing.T) {
	for name, want := range map[string]string{
		"Hilado":                    "hilado",
		"Cooperativa L'Avenç, SCCL": "cooperativa-lavenc-sccl",
		"Förening för möten":        "forening-for-moten",
		"Große Straße e.V.":         "grosse-strasse-e-v",
		"Œuvre des Été":             "oeuvre-des-ete",
		"col·lectiu":                "collectiu",
		"Łódź":                      "lodz",
		"  --a!!  b--  ":            "a-b",
		"Кооператив":                "member",
		"会議":                        "member",
		"X":                         "member",
		"xn--bcher":                 "xn-bcher",
		"Worker cooperative of the very long name": "worker-cooperative-of-the-very",
		strings.Repeat("a", 80):                    strings.Repeat("a", 34),
	} {
		if got := slugBase(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestSlugsAreRefused(t *testing.T) {
	for slug, want := range map[string]string{
		"hilado": "", "h2": "", "a-b": "", strings.Repeat("a", 40): "",
		"": "member.slug_malformed", "h": "member.slug_malformed", strings.Repeat("a", 41): "member.slug_malformed",
		"-a": "member.slug_malformed", "a-": "member.slug_malformed", "A": "member.slug_malformed", "a b": "member.slug_malformed",
		"a.b": "member.slug_malformed", "é1": "member.slug_malformed", "xn--ab": "member.slug_malformed", "../x": "member.slug_malformed",
		"admin": "member.slug_reserved", "oauth": "member.slug_reserved", "house": "member.slug_reserved", "well-known": "member.slug_reserved", "rooms": "member.slug_reserved",
	} {
		if got := slugCode(slug); got != want {
			t.Errorf("%q: %q, want %q", slug, got, want)
		}
	}
}

func TestAFreeSlugIsAlwaysFound(t *testing.T) {
	for name, c := range map[string]struct {
		taken []string
		want  string
	}{
		"Hilado": {nil, "hilado"},
		"hilado": {[]string{"hilado", "hilado-2", "hilado-4"}, "hilado-3"},
		"Admin":  {nil, "admin-2"},
		"House":  {[]string{"house"}, "house-2"},
	} {
		if got := freeSlug(slugBase(name), c.taken); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.String().Draw(t, "name")
		var taken []string
		for range 3 {
			slug := freeSlug(slugBase(name), taken)
			if code := slugCode(slug); code != "" {
				t.Fatalf("%q made %q: %s", name, slug, code)
			}
			for _, other := range taken {
				if other == slug {
					t.Fatalf("%q given twice", slug)
				}
			}
			taken = append(taken, slug)
		}
	})
}
