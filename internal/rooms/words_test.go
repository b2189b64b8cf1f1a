// SPDX-License-Identifier: AGPL-3.0-or-later

package rooms

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/locale/localetest"
	"meetcoop/internal/tariff"
)

func TestLinkWordsAreShortPlainAndMany(t *testing.T) {
	plain := regexp.MustCompile(`^[a-z]{2,10}$`)
	for name, words := range map[string][]string{"qualities": qualities, "things": things} {
		if !slices.IsSorted(words) || len(slices.Compact(slices.Clone(words))) != len(words) {
			t.Errorf("%s are not sorted and unique", name)
		}
		for _, w := range words {
			if !plain.MatchString(w) {
				t.Errorf("%s: %q", name, w)
			}
		}
	}
	if n := len(qualities) * len(things) * len(things) * 90; n < 1_000_000_000 {
		t.Errorf("only %d links can be drawn", n)
	}
}

func TestDrawnSlugsAreValidAndDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 2000 {
		s := newSlug()
		if !ValidSlug(s) || seen[s] {
			t.Fatalf("slug %q valid %v, seen before %v", s, ValidSlug(s), seen[s])
		}
		seen[s] = true
	}
}

func TestWhatCannotBeASlugIsNotLookedUp(t *testing.T) {
	for s, want := range map[string]bool{
		"amber-oak-42": true, "amber-oak-river-42": true, "": false, "amber-oak": false, "Amber-oak-42": false, "amber-oak-42 ": false,
		"amber--oak-42": false, "../etc-42": false, strings.Repeat("amber-", 20) + "42": false,
	} {
		if got := ValidSlug(s); got != want {
			t.Errorf("%q: %v", s, got)
		}
	}
}

func TestAccessCodeIsComparedAsPeopleReadItOut(t *testing.T) {
	s := Settings{AccessCode: "Haus7"}
	for code, want := range map[string]bool{"Haus7": true, " haus7 ": true, "HAUS7": true, "haus": false, "": false, "haus77": false} {
		if got := s.Opens(code); got != want {
			t.Errorf("%q: %v", code, got)
		}
	}
	if !(Settings{}).Opens("anything") {
		t.Error("a room without code asks for one")
	}
}

func TestDormancyFollowsThePlace(t *testing.T) {
	for _, c := range []struct {
		place int
		limit tariff.Limit
		want  bool
	}{{1, 1, false}, {2, 1, true}, {0, 1, false}, {900, tariff.Unlimited, false}, {1, 0, true}} {
		if got := asleep(c.place, c.limit); got != c.want {
			t.Errorf("place %d of %s: asleep %v", c.place, c.limit, got)
		}
	}
}

var (
	seven   = instant.Micros(1799776800000000) // 2027-01-12 18:00 UTC
	example = CalendarInput{
		UID: "room_1@meet.example", Sequence: 2, Summary: "Weekly round; board, café", Description: "Line one\nhttps://meet.example/r/amber-oak-42",
		URL: "https://meet.example/r/amber-oak-42", Starts: seven, Ends: instant.Micros(seven.Micros() + 3600e6), Now: instant.Micros(seven.Micros() - 86400e6),
	}
)

func TestCalendarFile(t *testing.T) {
	want := strings.Join([]string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//meetcoop//rooms//EN", "METHOD:PUBLISH", "BEGIN:VEVENT", "UID:room_1@meet.example", "SEQUENCE:2",
		"DTSTAMP:20270111T180000Z", "DTSTART:20270112T180000Z", "DTEND:20270112T190000Z", `SUMMARY:Weekly round\; board\, café`,
		`DESCRIPTION:Line one\nhttps://meet.example/r/amber-oak-42`, "LOCATION:https://meet.example/r/amber-oak-42",
		"URL:https://meet.example/r/amber-oak-42", "END:VEVENT", "END:VCALENDAR", "",
	}, "\r\n")
	if diff := cmp.Diff(want, string(Calendar(example))); diff != "" {
		t.Error(diff)
	}
}

// Whatever is typed: lines of at most 75 octets, whole characters, and nobody smuggles a property in.
func TestCalendarFileHoldsAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := example
		in.Summary = rapid.String().Draw(t, "summary")
		in.Description = rapid.String().Draw(t, "description")
		in.URL = rapid.String().Draw(t, "url")
		file := string(Calendar(in))
		if !utf8.ValidString(file) {
			t.Fatal("not UTF-8")
		}
		lines := strings.Split(strings.TrimSuffix(file, "\r\n"), "\r\n")
		for _, l := range lines {
			if len(l) > 75 || strings.ContainsAny(l, "\r\n") {
				t.Fatalf("line %q", l)
			}
			if !utf8.ValidString(l) {
				t.Fatalf("a character is cut: %q", l)
			}
		}
		whole := strings.Split(strings.ReplaceAll(strings.TrimSuffix(file, "\r\n"), "\r\n ", ""), "\r\n")
		names := []string{}
		for _, l := range whole {
			name, _, _ := strings.Cut(l, ":")
			names = append(names, name)
		}
		want := []string{"BEGIN", "VERSION", "PRODID", "METHOD", "BEGIN", "UID", "SEQUENCE", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY"}
		if in.Description != "" {
			want = append(want, "DESCRIPTION")
		}
		if in.URL != "" {
			want = append(want, "LOCATION", "URL")
		}
		if diff := cmp.Diff(append(want, "END", "END"), names); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestInvitationSaysWhatAGuestNeeds(t *testing.T) {
	catalog := localetest.Catalog(t)
	got := Invitation(catalog.Printer(locale.English, nil), InvitationInput{
		Room: "Weekly round", Host: "Ana Puig", Member: "Hilado", URL: "https://meet.example/r/amber-oak-42", Code: "haus7", Starts: seven,
	})
	for _, want := range []string{"Ana Puig invites you to “Weekly round”.\n", "https://meet.example/r/amber-oak-42\n", "haus7\n", "12 January 2027", "A room of Hilado."} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in:\n%s", want, got)
		}
	}
	plain := Invitation(catalog.Printer(locale.Catalan, nil), InvitationInput{Room: "Ronda", URL: "https://meet.example/r/a-b-10"})
	if !strings.HasPrefix(plain, "Et conviden a «Ronda».\n\nEnllaç: https://meet.example/r/a-b-10\n\n") {
		t.Errorf("without date, code and host:\n%s", plain)
	}
}
