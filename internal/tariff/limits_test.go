// SPDX-License-Identifier: AGPL-3.0-or-later

package tariff

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"meetcoop/internal/decision"
	"meetcoop/internal/fault"
	"meetcoop/internal/instant"
	"meetcoop/internal/money"
)

func TestLimit(t *testing.T) {
	for _, c := range []struct {
		limit Limit
		used  int
		want  bool
	}{{5, 5, true}, {5, 6, false}, {0, 0, true}, {0, 1, false}, {Unlimited, 1 << 40, true}} {
		if got := c.limit.Allows(c.used); got != c.want {
			t.Errorf("%s allows %d: %v", c.limit, c.used, got)
		}
	}
	for _, c := range []struct{ a, b, want Limit }{{3, 5, 3}, {5, 3, 3}, {Unlimited, 3, 3}, {3, Unlimited, 3}, {Unlimited, Unlimited, Unlimited}, {0, Unlimited, 0}} {
		if got := c.a.Min(c.b); got != c.want {
			t.Errorf("min of %s and %s: %s", c.a, c.b, got)
		}
	}
	if n, limited := Unlimited.Int(); n != 0 || limited {
		t.Errorf("unlimited is %d, %v", n, limited)
	}
	if n, limited := Limit(7).Int(); n != 7 || !limited {
		t.Errorf("7 is %d, %v", n, limited)
	}
}

func TestLimitsInJSON(t *testing.T) {
	l := Limits{Seats: 5, Participants: Unlimited, Duration: time.Hour, DurationPause: 30 * time.Minute, Enforcement: EnforceGrace, GracePercent: 10, DurationScope: ScopeMember}
	raw, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"seats":5,"participants":null,"rooms":0,"running_rooms":0,"hosts":0,"connections":0,"recording":false,"branding":false,` +
		`"retention_days":0,"storage_bytes":0,"enforcement":"grace","grace_percent":10,"duration_scope":"member","moderators_reserve":0,"tags":[],` +
		`"duration":"1h0m0s","duration_pause":"30m0s","duration_per_day":null}`
	if string(raw) != want {
		t.Errorf("got  %s\nwant %s", raw, want)
	}
	var back struct {
		Seats, Participants Limit
	}
	back.Participants = 3
	if err := json.Unmarshal(raw, &back); err != nil || back.Seats != 5 || back.Participants != Unlimited {
		t.Errorf("%+v, %v", back, err)
	}
	for _, bad := range []string{`{"Seats":-1}`, `{"Seats":1.5}`, `{"Seats":"5"}`, `{"Seats":1e30}`} {
		if err := json.Unmarshal([]byte(bad), &back); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

func ptr[T any](v T) *T { return &v }

func goodInput() DefineInput {
	return DefineInput{Decision: "d", ValidFrom: instant.NewDate(2027, 1, 1), Levels: []LevelInput{{Key: "solo", Contribution: money.Zero("EUR")}}}
}

func TestEveryWrongFieldOfAFileIsNamed(t *testing.T) {
	in := DefineInput{Levels: []LevelInput{
		{Key: "solo", Contribution: money.Zero("EUR")},
		{Key: "solo", Contribution: money.Amount{Minor: -1, Currency: "EUR"}, SetUp: money.Amount{Minor: 5, Currency: "GBP"}, Version: -1, MinimumMonths: 61, ByQuotation: true,
			Limits: LimitsInput{
				Seats: ptr(Limit(0)), Participants: ptr(Limit(maxCount + 1)), Rooms: ptr(Limit(-2)), Duration: Span(59 * time.Second), DurationPause: Span(25 * time.Hour),
				DurationPerDay: Span(time.Minute + time.Millisecond), Enforcement: "grace 0%", DurationScope: "forever", ModeratorsReserve: -1, Tags: []string{"EU west"},
			}},
		{Key: "-x", Limits: LimitsInput{Seats: ptr(Limit(3)), ModeratorsReserve: 3, StorageBytes: ptr(Limit(1 << 60))}},
		{Key: "free", Contribution: money.Amount{Minor: 100, Currency: "EUR"}},
	}}
	got := map[string]string{}
	for _, f := range fault.As(in.Validate()).Fields {
		got[f.Name] = f.Code
	}
	want := map[string]string{
		"decision": "level.decision_missing", "valid_from": "level.valid_from_missing",
		"levels[1].key": "level.key_twice", "levels[1].contribution": "level.contribution", "levels[1].set_up": "level.set_up", "levels[1].version": "level.version",
		"levels[1].minimum_months": "level.minimum_months", "levels[1].by_quotation": "level.by_quotation", "levels[1].seats": "level.count",
		"levels[1].participants": "level.count", "levels[1].rooms": "level.count", "levels[1].duration": "level.duration", "levels[1].duration_pause": "level.duration",
		"levels[1].duration_per_day": "level.duration", "levels[1].enforcement": "level.enforcement", "levels[1].duration_scope": "level.duration_scope",
		"levels[1].moderators_reserve": "level.moderators_reserve", "levels[1].tags": "level.tags",
		"levels[2].key": "level.key", "levels[2].contribution": "level.contribution", "levels[2].moderators_reserve": "level.moderators_reserve", "levels[2].storage_bytes": "level.count",
		"levels[3].contribution": "level.free_costs",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if err := goodInput().Validate(); err != nil {
		t.Error(err)
	}
	empty := goodInput()
	empty.Levels = nil
	if err := empty.Validate(); fault.KindOf(err) != fault.Invalid {
		t.Errorf("no levels: %v", err)
	}
}

func TestDefaultsOfALevel(t *testing.T) {
	day := instant.NewDate(2027, 1, 1)
	eur := money.Amount{Minor: 1000, Currency: "EUR"}
	for name, c := range map[string]struct {
		in    LevelInput
		scope DurationScope
	}{
		"without contribution the time counts over the member": {LevelInput{Key: "a", Contribution: money.Zero("EUR")}, ScopeMember},
		"with one over the meeting":                            {LevelInput{Key: "a", Contribution: eur}, ScopeMeeting},
		"by quotation over the meeting":                        {LevelInput{Key: "a", Contribution: money.Zero("EUR"), ByQuotation: true}, ScopeMeeting},
		"what the file says":                                   {LevelInput{Key: "a", Contribution: eur, Limits: LimitsInput{DurationScope: ScopeRoom}}, ScopeRoom},
	} {
		l := c.in.level(0, decision.Decision{Key: "d"}, day)
		want := Limits{
			Seats: Unlimited, Participants: Unlimited, Rooms: Unlimited, RunningRooms: Unlimited, Hosts: Unlimited, Connections: Unlimited,
			RetentionDays: Unlimited, StorageBytes: Unlimited, Enforcement: EnforceHard, DurationScope: c.scope, DurationPause: 30 * time.Minute, Tags: []string{},
		}
		if diff := cmp.Diff(want, l.Limits); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
		if l.SetUp != money.Zero("EUR") {
			t.Errorf("%s: set-up %v", name, l.SetUp)
		}
	}
}

func TestReadFile(t *testing.T) {
	good := `{
  "decision": "2020-07", "valid_from": "2020-07-01",
  "levels": [
    {"key": "level-3", "contribution": {"amount": "45.00", "currency": "EUR"}, "minimum_months": 1,
     "limits": {"seats": 50, "rooms": null, "duration": "3h", "recording": true, "enforcement": "grace 10%", "tags": ["eu"]}}
  ]
}`
	in, err := ReadFile([]byte(good))
	if err != nil {
		t.Fatal(err)
	}
	want := DefineInput{Decision: "2020-07", ValidFrom: instant.NewDate(2020, 7, 1), Levels: []LevelInput{{
		Key: "level-3", Contribution: money.Amount{Minor: 4500, Currency: "EUR"}, MinimumMonths: 1,
		Limits: LimitsInput{Seats: ptr(Limit(50)), Duration: Span(3 * time.Hour), Recording: true, Enforcement: "grace 10%", Tags: []string{"eu"}},
	}}}
	if fmt.Sprintf("%+v", in.Levels[0].Limits.Tags) != "[eu]" || in.ValidFrom != want.ValidFrom || in.Levels[0].Contribution != want.Levels[0].Contribution ||
		*in.Levels[0].Limits.Seats != 50 || in.Levels[0].Limits.Rooms != nil || in.Levels[0].Limits.Duration != Span(3*time.Hour) {
		t.Errorf("%+v", in)
	}
	for name, c := range map[string]struct {
		text string
		line int
	}{
		"an unknown name":          {strings.Replace(good, `"seats"`, `"chairs"`, 1), 5},
		"broken":                   {strings.Replace(good, `"seats":`, `"seats"`, 1), 5},
		"a word for a number":      {strings.Replace(good, `50`, `"many"`, 1), 4},
		"a negative number":        {strings.Replace(good, `50`, `-50`, 1), 4},
		"something behind the end": {good + "\n{}", 8},
		"a day that is none":       {strings.Replace(good, `2020-07-01`, `2020-07-32`, 1), 7},
		"nothing":                  {"", 1},
		"not a duration":           {strings.Replace(good, `"3h"`, `"three hours"`, 1), 4},
	} {
		_, err := ReadFile([]byte(c.text))
		f := fault.As(err)
		if f == nil || f.Code != "level.file" {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if line := f.Params["Line"].(int); line != c.line {
			t.Errorf("%s: line %d, want %d: %v", name, line, c.line, err)
		}
	}
}

func TestEnforcementIsReadAndRefused(t *testing.T) {
	for s, want := range map[string]string{
		"": "hard 0", "hard": "hard 0", "create": "create 0", "grace 1%": "grace 1", "grace 100%": "grace 100",
		"grace": "", "grace 0%": "", "grace 101%": "", "grace 07%": "", "grace +7%": "", "grace 7": "", "soft": "", "10%": "",
	} {
		e, n, ok := parseEnforcement(s)
		got := ""
		if ok {
			got = fmt.Sprintf("%s %d", e, n)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}

func TestOverridesInOrder(t *testing.T) {
	base := Limits{Seats: 10, Participants: 10, Rooms: 5, ModeratorsReserve: 3, Duration: time.Hour}
	at := func(n int64) instant.Instant { return instant.Micros(n) }
	overrides := []LimitOverride{
		{From: at(10), Until: at(50), Fields: OverrideFields{Seats: ptr(int64(20)), Recording: ptr(true)}},
		{From: at(20), Fields: OverrideFields{Seats: ptr(int64(2))}},
		{From: at(30), Until: at(40), Fields: OverrideFields{Duration: ptr(Span(2 * time.Minute))}},
		{From: at(15), Until: at(99), RevokedAt: at(16), Fields: OverrideFields{Rooms: ptr(int64(99))}},
	}
	for _, c := range []struct {
		now      int64
		seats    Limit
		reserve  int
		duration time.Duration
		names    string
		boundary int64
	}{
		{9, 10, 3, time.Hour, "[]", 10},
		{10, 20, 3, time.Hour, "[recording seats]", 20},
		{19, 20, 3, time.Hour, "[recording seats]", 20},
		{20, 2, 1, time.Hour, "[recording seats]", 30},
		{35, 2, 1, 2 * time.Minute, "[duration recording seats]", 40},
		{40, 2, 1, time.Hour, "[recording seats]", 50},
		{50, 2, 1, time.Hour, "[seats]", 0},
	} {
		l := base
		names, boundary := replaced(&l, overrides, at(c.now))
		if l.Seats != c.seats || l.ModeratorsReserve != c.reserve || l.Duration != c.duration || fmt.Sprint(names) != c.names || boundary.Micros() != c.boundary || l.Rooms != 5 {
			t.Errorf("at %d: %+v %v until %d", c.now, l, names, boundary.Micros())
		}
	}
}

// TestReplacedHoldsUntilItsBoundary says that no limit changes before the instant that was announced.
func TestReplacedHoldsUntilItsBoundary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var overrides []LimitOverride
		for range rapid.IntRange(0, 6).Draw(t, "overrides") {
			from := rapid.Int64Range(1, 50).Draw(t, "from")
			o := LimitOverride{From: instant.Micros(from), Fields: OverrideFields{Seats: ptr(rapid.Int64Range(1, 9).Draw(t, "seats"))}}
			if rapid.Bool().Draw(t, "ends") {
				o.Until = instant.Micros(from + rapid.Int64Range(1, 50).Draw(t, "for"))
			}
			overrides = append(overrides, o)
		}
		now := rapid.Int64Range(1, 110).Draw(t, "now")
		l := Limits{Seats: 100}
		_, boundary := replaced(&l, overrides, instant.Micros(now))
		for later := now; later < 120 && (boundary.IsZero() || later < boundary.Micros()); later++ {
			m := Limits{Seats: 100}
			replaced(&m, overrides, instant.Micros(later))
			if m.Seats != l.Seats {
				t.Fatalf("at %d %s seats until %d, but %s at %d", now, l.Seats, boundary.Micros(), m.Seats, later)
			}
		}
	})
}

func TestPlacesOfAVersion(t *testing.T) {
	now := instant.Of(time.Date(2027, 1, 11, 12, 0, 0, 0, time.UTC))
	v := func(version int, from string, seats Limit) Level {
		d, _ := instant.ParseDate(from)
		return Level{ID: "lvl_there", Key: "a", Version: version, ValidFrom: d, Limits: Limits{Seats: seats}}
	}
	past, future := v(1, "2026-01-01", 1), v(2, "2027-06-01", 2)
	for _, c := range []struct {
		name    string
		there   []Level
		wanted  Level
		version int // of the result
		known   bool
		draft   bool
		code    string
	}{
		{"the first may begin in the past", nil, v(0, "2020-07-01", 9), 1, false, false, ""},
		{"the next begins today", []Level{past}, v(0, "2027-01-11", 9), 2, false, false, ""},
		{"or later", []Level{past, future}, v(0, "2027-07-01", 9), 3, false, false, ""},
		{"the same again is nothing", []Level{past, future}, v(0, "2027-06-01", 2), 2, true, false, ""},
		{"also by its number", []Level{past, future}, v(1, "2026-01-01", 1), 1, true, false, ""},
		{"what is to come is replaced by its number", []Level{past, future}, v(2, "2027-05-01", 7), 2, false, true, ""},
		{"yesterday is over", []Level{past}, v(0, "2027-01-10", 9), 0, false, false, "level.overlap"},
		{"on the day of another", []Level{past, future}, v(0, "2027-06-01", 9), 0, false, false, "level.overlap"},
		{"before another", []Level{past, future}, v(0, "2027-03-01", 9), 0, false, false, "level.overlap"},
		{"in force", []Level{past}, v(1, "2026-01-01", 9), 0, false, false, "level.in_force"},
		{"in force, moved to the future", []Level{past}, v(1, "2028-01-01", 1), 0, false, false, "level.in_force"},
		{"in force where tomorrow has begun", []Level{past, v(2, "2027-01-12", 2)}, v(2, "2027-01-12", 9), 0, false, false, "level.in_force"},
		{"a number too high", []Level{past}, v(3, "2028-01-01", 9), 0, false, false, "input.invalid"},
		{"replaced across its successor", []Level{past, v(2, "2027-05-01", 2), v(3, "2027-06-01", 3)}, v(2, "2027-06-01", 9), 0, false, false, "level.overlap"},
	} {
		got, known, draft, err := place(c.there, c.wanted, now)
		switch {
		case c.code != "":
			if fault.CodeOf(err) != c.code || err == nil {
				t.Errorf("%s: %v", c.name, err)
			}
		case err != nil || got.Version != c.version || known != c.known || (draft != "") != c.draft:
			t.Errorf("%s: version %d, known %v, draft %q, %v", c.name, got.Version, known, draft, err)
		}
	}
}
