// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"meetcoop/internal/locale"
	"meetcoop/internal/locale/localetest"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

// Every code in the sources of this package has a text in every language, and every text of
// this package is of use.
func TestEveryFaultHasAText(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`"((?:identity|person|session|signin|signup)\.[a-z_]+)"`)
	no := []string{ // actions of audit events and the like, which nobody is told
		"person.born", "person.profile", "person.signin_link", "person.unnamed", "session.begin", "session.device_unknown", "session.end", "session.end_others",
		"identity.refuse_domains", "identity.refused_domains", "identity.secret", "identity.person", "identity.letter", "identity.device", "identity.forget",
	}
	var codes []string
	for _, f := range files {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range code.FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains(no, m[1]) {
				codes = append(codes, m[1])
			}
		}
	}
	slices.Sort(codes)
	codes = slices.Compact(codes)
	c := localetest.Catalog(t)
	for _, tag := range locale.Supported {
		for _, code := range codes {
			if !c.Has(tag, "fault."+code) {
				t.Errorf("%s has no text for %s", tag, code)
			}
		}
		for _, key := range c.Keys(tag) {
			if bare, ok := strings.CutPrefix(key, "fault."); ok && code.MatchString(`"`+bare+`"`) && !slices.Contains(codes, bare) {
				t.Errorf("%s has a text for %s, which nobody says", tag, bare)
			}
		}
	}
}

func TestEveryLetterInEveryLanguage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		hostile := map[string]any{"Member": "Sol\r\nBcc: x@example.org <script>", "Inviter": "Ana\u202e", "Until": noon, "Device": "Firefox, Linux", "When": noon}
		for _, tag := range append([]locale.Tag{locale.Pseudo}, locale.Supported...) {
			for _, kind := range []string{"signup", "signin", "known", "unknown", "device", "invite"} {
				f := letterFacts{URL: "https://meet.example/x", Params: hostile}
				if kind == "signup" || kind == "signin" || kind == "known" {
					f.Code, f.Note = "012345", "letter.note_code"
				}
				l := w.letter(kind, "ana@example.org", tag, f)
				for _, part := range []string{l.Text, l.HTML} {
					if !strings.Contains(part, f.URL) || !strings.Contains(part, f.Code) || strings.Contains(part, "{{") || strings.Contains(part, "…") && tag != locale.Pseudo {
						t.Errorf("%s in %s:\n%s", kind, tag, part)
					}
				}
				if l.Subject == "" || strings.ContainsAny(l.Subject, "\r\n") || strings.Contains(l.HTML, "<script>") || strings.Contains(l.Text, "\nBcc") {
					t.Errorf("%s in %s: subject %q\n%s", kind, tag, l.Subject, l.Text)
				}
			}
		}
	})
}
