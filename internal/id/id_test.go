// SPDX-License-Identifier: AGPL-3.0-or-later

package id

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"meetcoop/internal/fault"
)

var form = regexp.MustCompile(`^[a-z]+_[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}$`) // RFC 9562, sections 4.1, 4.2 and 5.7

func TestEveryKindHasItsFormAndPrefix(t *testing.T) {
	drawn := map[string]string{
		"person": string(NewPerson()), "email": string(NewEmail()), "chal": string(NewChallenge()), "ses": string(NewSession()), "ev": string(NewEvent()),
		"mem": string(NewMember()), "aff": string(NewAffiliation()), "stew": string(NewStewardship()), "fact": string(NewFact()), "ovr": string(NewOverride()),
		"conn": string(NewConnection()), "dec": string(NewDecision()), "lvl": string(NewLevel()), "room": string(NewRoom()), "srv": string(NewServer()),
		"meet": string(NewMeeting()), "part": string(NewParticipant()), "use": string(NewUsage()), "job": string(NewJob()), "mail": string(NewMail()),
		"node": string(NewNode()), "msg": string(NewMessage()), "sec": string(NewSecret()), "cont": string(NewContainer()),
	}
	for want, got := range drawn {
		if !form.MatchString(got) || !strings.HasPrefix(got, want+"_") {
			t.Errorf("%s: %q", want, got)
		}
	}
	if len(drawn) != len(prefixes) {
		t.Errorf("%d kinds drawn, %d prefixes: two kinds share one, or one is not tested", len(drawn), len(prefixes))
	}
}

func TestByteOrderIsOrderOfCreation(t *testing.T) {
	// The clock stands still for as long as the test runs, as after a step backwards, so that the counter has to
	// carry into the milliseconds.
	clock.Lock()
	stood := clock.ms
	clock.ms = uint64(time.Now().Add(time.Hour).UnixMilli())
	clock.Unlock()
	defer func() {
		clock.Lock()
		clock.ms = stood
		clock.Unlock()
	}()
	ids := make([]Room, 10_000) // more than the counter's 4096
	for i := range ids {
		ids[i] = NewRoom()
	}
	if !slices.IsSorted(ids) || len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Error("identifiers are not strictly increasing")
	}
}

func TestParallelDrawsNeverMeet(t *testing.T) {
	const goroutines, each = 8, 2000
	drawn := make([][]Room, goroutines)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for range each {
				drawn[g] = append(drawn[g], NewRoom())
			}
		})
	}
	wg.Wait()
	all := slices.Concat(drawn...)
	slices.Sort(all)
	if n := len(slices.Compact(all)); n != goroutines*each {
		t.Errorf("%d different identifiers of %d", n, goroutines*each)
	}
}

func TestTheTimeIsInside(t *testing.T) {
	before := time.Now().UnixMilli()
	hex := strings.TrimPrefix(string(NewRoom()), "room_")[:12]
	var ms int64
	for _, c := range hex {
		ms = ms<<4 | int64(strings.IndexRune("0123456789abcdef", c))
	}
	if after := time.Now().UnixMilli(); ms < before || ms > after+1000 { // parallel draws may have pushed it ahead
		t.Errorf("time %d is not between %d and %d", ms, before, after)
	}
}

func TestMalformedIsAnsweredLikeUnknown(t *testing.T) {
	good := string(NewRoom())
	if r, err := ParseRoom(good); err != nil || string(r) != good {
		t.Errorf("ParseRoom(%q) = %q, %v", good, r, err)
	}
	for name, s := range map[string]string{
		"empty": "", "only a prefix": "room_", "of another kind": string(NewMember()), "too short": good[:36], "too long": good + "0",
		"upper case": strings.ToUpper(good), "capitals in digits": "room_" + strings.ToUpper(good[5:]), "markup": "room_<script>alert(1)</script>00000000",
		"a null byte": good[:36] + "\x00", "letters that fold to digits": "room_" + strings.Repeat("٠", 16),
	} {
		_, err := ParseRoom(s)
		if fault.KindOf(err) != fault.NotFound || err == nil || fault.CodeOf(err) != "id.malformed" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEachParserKnowsItsOwnKindOnly(t *testing.T) {
	parsers := map[string]func(string) error{
		string(NewMeeting()):     func(s string) error { _, err := ParseMeeting(s); return err },
		string(NewParticipant()): func(s string) error { _, err := ParseParticipant(s); return err },
		string(NewRoom()):        func(s string) error { _, err := ParseRoom(s); return err },
		string(NewSession()):     func(s string) error { _, err := ParseSession(s); return err },
		string(NewMember()):      func(s string) error { _, err := ParseMember(s); return err },
		string(NewPerson()):      func(s string) error { _, err := ParsePerson(s); return err },
		string(NewMail()):        func(s string) error { _, err := ParseMail(s); return err },
	}
	for own, parse := range parsers {
		for s := range parsers {
			if err := parse(s); (err == nil) != (s == own) {
				t.Errorf("the parser of %s on %s: %v", own, s, err)
			}
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		_ = NewRoom()
	}
}

func TestADerivedParticipantIsTheSameForTheSameTwo(t *testing.T) {
	a, b := NewMeeting(), NewMeeting()
	one, two := [16]byte{1}, [16]byte{2}
	p := DerivedParticipant(a, one)
	if p != DerivedParticipant(a, one) || p == DerivedParticipant(a, two) || p == DerivedParticipant(b, one) {
		t.Error("not one for each two")
	}
	for _, m := range []Meeting{a, b, "meet_0", ""} {
		if _, err := ParseParticipant(string(DerivedParticipant(m, two))); err != nil {
			t.Errorf("of %q: %v", m, err)
		}
	}
	if string(p)[:17] != "part_"+string(a)[5:17] {
		t.Errorf("%s does not begin as %s", p, a)
	}
}
