// SPDX-License-Identifier: AGPL-3.0-or-later

package membership

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
)

func day(s string) instant.Date {
	d, err := instant.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

// noon is 12:00 UTC of a day.
func noon(s string) instant.Instant { return day(s).Start(time.UTC).Add(12 * time.Hour) }

func chosen(on, level string) Fact {
	return Fact{Source: "chosen " + on, Kind: FactChosen, Level: level, From: day(on), HappenedAt: noon(on)}
}

func covered(from, until, level string) Fact {
	return Fact{Source: "covered " + from, Kind: FactCovered, Level: level, From: day(from), Until: day(until), HappenedAt: noon(from)}
}

func trusted(from, until, trustedUntil, level string) Fact {
	f := covered(from, until, level)
	f.TrustedUntil = day(trustedUntil)
	return f
}

func granted(from, level string) Fact {
	return Fact{Source: "granted " + from, Kind: FactGranted, Level: level, From: day(from), HappenedAt: noon(from)}
}

func single(kind FactKind, on string) Fact {
	return Fact{Source: string(kind) + " " + on, Kind: kind, From: day(on), HappenedAt: noon(on)}
}

func uncovered(on, undoes string) Fact {
	f := single(FactUncovered, on)
	f.Undoes = undoes
	return f
}

func lent(from, until, level string) Override {
	return Override{ID: id.Override("ovr " + from), Level: level, From: day(from), Until: day(until), CreatedAt: noon(from)}
}

func TestFold(t *testing.T) {
	madrid := mustZone(t, "Europe/Madrid")
	for _, c := range []struct {
		name      string
		facts     []Fact
		overrides []Override
		at        string
		state     State
		level     string
		line      int
		boundary  string // first day of the change, "" for never
	}{
		{"nothing has happened", nil, nil, "2027-03-05", StandingFree, "free", 10, ""},
		{"a cover is a host", []Fact{covered("2027-03-01", "2027-04-01", "level-2")}, nil, "2027-03-05", StandingHost, "level-2", 4, "2027-04-01"},
		{"the day a cover ends is in grace", []Fact{covered("2027-03-01", "2027-04-01", "level-2")}, nil, "2027-04-01", StandingGrace, "level-2", 7, "2027-04-15"},
		{"the example of Fold", []Fact{covered("2027-03-01", "2027-04-01", "level-2")}, nil, "2027-04-05", StandingGrace, "level-2", 7, "2027-04-15"},
		{"after grace come arrears", []Fact{covered("2027-03-01", "2027-04-01", "level-2")}, nil, "2027-04-15", StandingArrears, "free", 8, "2027-10-01"},
		{"six months later the debt is for the ledger alone", []Fact{covered("2027-03-01", "2027-04-01", "level-2")}, nil, "2027-10-01", StandingFree, "free", 10, ""},
		{"a next cover goes on without a gap", []Fact{covered("2027-03-01", "2027-04-01", "level-2"), covered("2027-04-01", "2027-05-01", "level-3")}, nil, "2027-03-31", StandingHost, "level-2", 4, "2027-04-01"},
		{"a late payment restores everything", []Fact{covered("2027-03-01", "2027-04-01", "level-2"), covered("2027-06-10", "2027-07-10", "level-2")}, nil, "2027-06-10", StandingHost, "level-2", 4, "2027-07-10"},
		{"an unpaid invoice is trusted until its day", []Fact{trusted("2027-03-01", "2027-04-01", "2027-03-15", "level-2")}, nil, "2027-03-14", StandingHost, "level-2", 4, "2027-03-15"},
		{"then it is in grace", []Fact{trusted("2027-03-01", "2027-04-01", "2027-03-15", "level-2")}, nil, "2027-03-15", StandingGrace, "level-2", 7, "2027-03-29"},
		{"trust does not outlast the cover", []Fact{trusted("2027-03-01", "2027-04-01", "2027-05-01", "level-2")}, nil, "2027-04-02", StandingGrace, "level-2", 7, "2027-04-15"},
		{"a charge-back is arrears at once", []Fact{covered("2027-03-01", "2027-04-01", "level-2"), uncovered("2027-03-20", "covered 2027-03-01")}, nil, "2027-03-21", StandingArrears, "free", 6, "2027-09-01"},
		{"a charge-back of the next period skips grace", []Fact{covered("2027-02-01", "2027-03-01", "level-2"), covered("2027-03-01", "2027-04-01", "level-2"), uncovered("2027-03-05", "covered 2027-03-01")}, nil, "2027-03-06", StandingArrears, "free", 6, "2027-09-01"},
		{"a charge-back of an old period matters no more", []Fact{covered("2027-02-01", "2027-03-01", "level-2"), covered("2027-03-01", "2027-04-01", "level-2"), uncovered("2027-04-02", "covered 2027-02-01")}, nil, "2027-04-03", StandingGrace, "level-2", 7, "2027-04-15"},
		{"who cancelled is host until the period ends", []Fact{covered("2027-03-01", "2027-04-01", "level-2"), single(FactCancelled, "2027-03-10")}, nil, "2027-03-31", StandingHost, "level-2", 4, "2027-04-01"},
		{"and free afterwards, not late", []Fact{covered("2027-03-01", "2027-04-01", "level-2"), single(FactCancelled, "2027-03-10")}, nil, "2027-04-01", StandingFree, "free", 5, ""},
		{"who chose again is late again", []Fact{covered("2027-03-01", "2027-04-01", "level-2"), single(FactCancelled, "2027-03-10"), chosen("2027-04-03", "level-1")}, nil, "2027-04-04", StandingGrace, "level-2", 7, "2027-04-15"},
		{"a chosen level is pending", []Fact{chosen("2027-03-01", "level-2")}, nil, "2027-03-30", StandingPending, "free", 9, "2027-03-31"},
		{"for thirty days", []Fact{chosen("2027-03-01", "level-2")}, nil, "2027-03-31", StandingFree, "free", 10, ""},
		{"choosing the free level awaits nothing", []Fact{chosen("2027-03-01", "free")}, nil, "2027-03-02", StandingFree, "free", 10, ""},
		{"what lies ahead does not count yet", []Fact{chosen("2027-03-10", "level-2")}, nil, "2027-03-05", StandingFree, "free", 10, "2027-03-10"},
		{"a grant is a host", []Fact{granted("2027-03-01", "organisation")}, nil, "2027-03-05", StandingHost, "organisation", 3, ""},
		{"a later grant replaces it", []Fact{granted("2027-03-01", "organisation"), granted("2027-03-10", "level-1")}, nil, "2027-03-12", StandingHost, "level-1", 3, ""},
		{"a grant of the free level ends it", []Fact{granted("2027-03-01", "organisation"), granted("2027-03-10", "free")}, nil, "2027-03-12", StandingFree, "free", 10, ""},
		{"a subscription ends a grant", []Fact{granted("2027-03-01", "organisation"), covered("2027-03-10", "2027-04-10", "level-1")}, nil, "2027-03-12", StandingHost, "level-1", 4, "2027-04-10"},
		{"for good", []Fact{granted("2027-03-01", "organisation"), covered("2027-03-10", "2027-04-10", "level-1")}, nil, "2027-04-12", StandingGrace, "level-1", 7, "2027-04-24"},
		{"an override is a host until its day", nil, []Override{lent("2027-03-01", "2027-03-08", "level-3")}, "2027-03-07", StandingHost, "level-3", 3, "2027-03-08"},
		{"and falls back by itself", []Fact{chosen("2027-02-20", "level-1")}, []Override{lent("2027-03-01", "2027-03-08", "level-3")}, "2027-03-08", StandingPending, "free", 9, "2027-03-22"},
		{"an override begun later wins over a grant", []Fact{granted("2027-03-01", "level-1")}, []Override{lent("2027-03-05", "2027-03-08", "level-3")}, "2027-03-06", StandingHost, "level-3", 3, "2027-03-08"},
		{"a grant begun later wins over an override", []Fact{granted("2027-03-05", "level-1")}, []Override{lent("2027-03-01", "2027-03-08", "level-3")}, "2027-03-06", StandingHost, "level-1", 3, ""},
		{"a suspension comes before all that was paid", []Fact{covered("2027-03-01", "2027-04-01", "level-2"), single(FactSuspended, "2027-03-03")}, nil, "2027-03-05", StandingSuspended, "", 2, ""},
		{"lifting gives it back", []Fact{covered("2027-03-01", "2027-04-01", "level-2"), single(FactSuspended, "2027-03-03"), single(FactLifted, "2027-03-04")}, nil, "2027-03-05", StandingHost, "level-2", 4, "2027-04-01"},
		{"closed comes before all", []Fact{covered("2027-03-01", "2027-04-01", "level-2"), single(FactSuspended, "2027-03-03"), single(FactClosed, "2027-03-04")}, nil, "2027-03-05", StandingClosed, "", 1, ""},
		{"a payment for the time before does not open it again", []Fact{single(FactClosed, "2027-03-04"), covered("2027-02-01", "2027-04-01", "level-2")}, nil, "2027-03-05", StandingClosed, "", 1, ""},
		{"choosing a level does", []Fact{single(FactClosed, "2027-03-04"), chosen("2027-03-05", "level-2")}, nil, "2027-03-05", StandingPending, "free", 9, "2027-04-04"},
		{"six months from 31 August end on the last of February", []Fact{covered("2027-08-01", "2027-08-31", "level-2")}, nil, "2028-02-28", StandingArrears, "free", 8, "2028-02-29"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Fold(c.facts, c.overrides, madrid, DefaultPolicy, noon(c.at))
			if got.State != c.state || got.Level != c.level || got.Line != c.line {
				t.Errorf("got %s of %q by line %d, want %s of %q by line %d", got.State, got.Level, got.Line, c.state, c.level, c.line)
			}
			if got.Boundary.In(madrid).String() != c.boundary && (c.boundary != "" || !got.Boundary.IsZero()) {
				t.Errorf("boundary %s, want the start of %q", got.Boundary, c.boundary)
			}
			if c.boundary != "" && got.Boundary != day(c.boundary).Start(madrid) {
				t.Errorf("boundary %s is not the first instant of %s in Madrid", got.Boundary, c.boundary)
			}
		})
	}
}

func TestSameDayEventsCountInTheOrderTheyHappened(t *testing.T) {
	suspended, lifted := single(FactSuspended, "2027-03-03"), single(FactLifted, "2027-03-03")
	lifted.HappenedAt = suspended.HappenedAt.Add(time.Minute)
	if got := Fold([]Fact{lifted, suspended}, nil, time.UTC, DefaultPolicy, noon("2027-03-03")); got.State != StandingFree {
		t.Errorf("lifted a minute after the suspension, but %s", got.State)
	}
	lifted.HappenedAt = suspended.HappenedAt.Add(-time.Minute)
	if got := Fold([]Fact{lifted, suspended}, nil, time.UTC, DefaultPolicy, noon("2027-03-03")); got.State != StandingSuspended {
		t.Errorf("suspended a minute after the lift, but %s", got.State)
	}
}

func TestARevokedOverrideIsNone(t *testing.T) {
	o := lent("2027-03-01", "2027-03-08", "level-3")
	o.RevokedAt = noon("2027-03-02")
	if got := Fold(nil, []Override{o}, time.UTC, DefaultPolicy, noon("2027-03-03")); got.State != StandingFree || !got.Boundary.IsZero() {
		t.Errorf("got %s until %s", got.State, got.Boundary)
	}
}

// TestFoldAgainstSlowReference replays every day since the first fact, in three zones: one with a leap
// day and summer time, one whose summer began at midnight, so that days began at 01:00, and one a day ahead.
func TestFoldAgainstSlowReference(t *testing.T) {
	zones := []string{"Europe/Stockholm", "America/Sao_Paulo", "Pacific/Kiritimati"}
	first := instant.NewDate(2018, time.September, 1)
	rapid.Check(t, func(t *rapid.T) {
		zone := mustZone(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		facts := drawFacts(t, first)
		overrides := drawOverrides(t, first)
		want := newReference(facts, overrides, first.AddDays(-1))

		shuffled := rapid.Permutation(append(slices.Clone(facts), facts[:len(facts)/2]...)).Draw(t, "shuffled")
		lentTo := rapid.Permutation(overrides).Draw(t, "overrides")
		for range 8 {
			today := first.AddDays(rapid.IntRange(-3, 700).Draw(t, "day"))
			at := today.Start(zone)
			switch rapid.IntRange(0, 2).Draw(t, "moment") {
			case 1:
				at = today.AddDays(1).Start(zone).Add(-time.Microsecond)
			case 2:
				at = at.Add(time.Duration(rapid.IntRange(0, 22*3600).Draw(t, "second")) * time.Second)
			}
			got := Fold(shuffled, lentTo, zone, DefaultPolicy, at)
			if wanted := want.on(today); outcomeOf(got) != wanted {
				t.Fatalf("%s (%s in %s): %+v, want %+v", at, today, zone, outcomeOf(got), wanted)
			}
			if wanted := want.boundary(today, zone); got.Boundary != wanted {
				t.Fatalf("%s in %s: boundary %s, want %s", today, zone, got.Boundary, wanted)
			}
		}
	})
}

var testLevels = []string{"free", "level-1", "level-2"}

func drawFacts(t *rapid.T, first instant.Date) []Fact {
	kinds := []FactKind{FactChosen, FactCovered, FactCovered, FactCovered, FactUncovered, FactCancelled, FactGranted, FactSuspended, FactLifted, FactClosed}
	n := rapid.IntRange(0, 12).Draw(t, "facts")
	facts := make([]Fact, 0, n)
	for i := range n {
		f := Fact{Source: fmt.Sprintf("s%02d", i), Kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
		f.From = first.AddDays(rapid.IntRange(0, 600).Draw(t, "from"))
		if i > 0 && rapid.Bool().Draw(t, "same day as another") {
			f.From = facts[rapid.IntRange(0, i-1).Draw(t, "which")].From
		}
		f.HappenedAt = instant.Micros(rapid.Int64Range(1, 3).Draw(t, "happened"))
		switch f.Kind {
		case FactChosen:
			f.Level = rapid.SampledFrom(testLevels).Draw(t, "level")
		case FactCovered:
			f.Level = rapid.SampledFrom(testLevels[1:]).Draw(t, "level")
			f.Until = f.From.AddDays(rapid.IntRange(1, 90).Draw(t, "days"))
			if rapid.IntRange(0, 3).Draw(t, "trusted") == 0 {
				f.TrustedUntil = f.From.AddDays(rapid.IntRange(-3, 100).Draw(t, "trust"))
			}
		case FactGranted:
			f.Level = rapid.SampledFrom(testLevels).Draw(t, "level")
			if rapid.Bool().Draw(t, "ends") {
				f.Until = f.From.AddDays(rapid.IntRange(1, 200).Draw(t, "days"))
			}
		case FactUncovered:
			f.Undoes = fmt.Sprintf("s%02d", rapid.IntRange(0, 11).Draw(t, "undoes"))
		}
		facts = append(facts, f)
	}
	return facts
}

func drawOverrides(t *rapid.T, first instant.Date) []Override {
	var out []Override
	for i := range rapid.IntRange(0, 3).Draw(t, "overrides") {
		o := Override{ID: id.Override(fmt.Sprint("o", i)), Level: rapid.SampledFrom(testLevels).Draw(t, "lent")}
		o.From = first.AddDays(rapid.IntRange(0, 600).Draw(t, "from"))
		o.Until = o.From.AddDays(rapid.IntRange(1, 120).Draw(t, "days"))
		o.CreatedAt = instant.Micros(rapid.Int64Range(1, 3).Draw(t, "created"))
		if rapid.IntRange(0, 4).Draw(t, "revoked") == 0 {
			o.RevokedAt = instant.Micros(1)
		}
		out = append(out, o)
	}
	return out
}

type outcome struct {
	State   State
	Level   string
	LevelOn instant.Date
	Line    int
}

func outcomeOf(s Standing) outcome { return outcome{s.State, s.Level, s.LevelOn, s.Line} }

// reference walks the calendar once, a day at a time, and keeps what is open: it shares no step with Fold.
type reference struct {
	first    instant.Date
	outcomes []outcome
}

const referenceDays = 1500

func newReference(facts []Fact, overrides []Override, first instant.Date) *reference {
	facts, overrides = slices.Clone(facts), slices.Clone(overrides)
	slices.SortFunc(facts, func(a, b Fact) int {
		return cmp.Or(cmp.Compare(a.HappenedAt.Micros(), b.HappenedAt.Micros()), cmp.Compare(a.Source, b.Source))
	})
	slices.SortFunc(overrides, func(a, b Override) int {
		return cmp.Or(cmp.Compare(a.CreatedAt.Micros(), b.CreatedAt.Micros()), cmp.Compare(a.ID, b.ID))
	})
	bad := map[string]bool{}
	for _, f := range facts {
		if f.Kind == FactUncovered {
			bad[f.Undoes] = true
		}
	}
	ends := func(c Fact) instant.Date {
		if !c.TrustedUntil.IsZero() && c.TrustedUntil.Before(c.Until) {
			return c.TrustedUntil
		}
		return c.Until
	}
	var (
		closed, suspended, cancelled bool
		open                         []Fact // grants that hold, the last one counts
		begun                        []Fact // covers that began, in order
		lastGood                     Fact   // the good cover that ended last
		lastChoice                   Fact
	)
	r := &reference{first: first}
	for n := range referenceDays {
		d := first.AddDays(n)
		open = slices.DeleteFunc(open, func(g Fact) bool { return g.Until == d })
		for _, f := range facts {
			if f.From != d {
				continue
			}
			switch f.Kind {
			case FactClosed:
				closed = true
			case FactSuspended:
				suspended = true
			case FactLifted:
				suspended = false
			case FactChosen:
				closed, cancelled, lastChoice = false, false, f
			case FactCancelled:
				cancelled = true
			case FactGranted:
				closed, open = false, append(open, f)
			case FactCovered:
				closed, begun = false, append(begun, f)
			}
		}
		for _, c := range begun {
			if c.From == d {
				open = nil
			}
		}
		for _, c := range begun { // the one that began last is met last
			if !bad[c.Source] && ends(c) == d && c.From.Before(d) {
				lastGood = c
			}
		}
		r.outcomes = append(r.outcomes, func() outcome {
			if closed {
				return outcome{StandingClosed, "", instant.Date{}, 1}
			}
			if suspended {
				return outcome{StandingSuspended, "", instant.Date{}, 2}
			}
			lentLevel, lentFrom, lentAt := "", instant.Date{}, int64(0)
			if len(open) > 0 {
				if g := open[len(open)-1]; g.Level != "free" {
					lentLevel, lentFrom, lentAt = g.Level, g.From, g.HappenedAt.Micros()
				}
			}
			for _, o := range overrides {
				inForce := o.RevokedAt.IsZero() && o.Level != "free" && !d.Before(o.From) && d.Before(o.Until)
				later := o.From.After(lentFrom) || o.From == lentFrom && o.CreatedAt.Micros() >= lentAt
				if inForce && (lentLevel == "" || later) {
					lentLevel, lentFrom, lentAt = o.Level, o.From, o.CreatedAt.Micros()
				}
			}
			if lentLevel != "" {
				return outcome{StandingHost, lentLevel, instant.Date{}, 3}
			}
			for _, b := range slices.Backward(begun) {
				if c := b; !bad[c.Source] && d.Before(ends(c)) {
					return outcome{StandingHost, c.Level, c.From, 4}
				}
			}
			if cancelled {
				return outcome{StandingFree, "free", instant.Date{}, 5}
			}
			var e instant.Date
			if lastGood.Source != "" {
				e = ends(lastGood)
			}
			for _, c := range begun {
				if bad[c.Source] && !c.From.Before(e) && d.Before(c.From.AddMonths(6)) {
					return outcome{StandingArrears, "free", instant.Date{}, 6}
				}
			}
			if lastGood.Source != "" && d.Before(e.AddDays(14)) {
				return outcome{StandingGrace, lastGood.Level, lastGood.From, 7}
			}
			if lastGood.Source != "" && d.Before(e.AddMonths(6)) {
				return outcome{StandingArrears, "free", instant.Date{}, 8}
			}
			if lastChoice.Source != "" && lastChoice.Level != "free" && d.Before(lastChoice.From.AddDays(30)) {
				return outcome{StandingPending, "free", instant.Date{}, 9}
			}
			return outcome{StandingFree, "free", instant.Date{}, 10}
		}())
	}
	return r
}

func (r *reference) on(d instant.Date) outcome {
	for n, o := range r.outcomes {
		if r.first.AddDays(n) == d {
			return o
		}
	}
	return outcome{StandingFree, "free", instant.Date{}, 10} // before the first fact
}

func (r *reference) boundary(today instant.Date, zone *time.Location) instant.Instant {
	now := r.on(today)
	for n, o := range r.outcomes {
		if d := r.first.AddDays(n); d.After(today) && o != now {
			return d.Start(zone)
		}
	}
	return instant.Instant{}
}

func mustZone(t interface {
	Helper()
	Fatal(...any)
}, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// BenchmarkFoldTenYears guards the promise of 100 us (docs/performance.md).
func BenchmarkFoldTenYears(b *testing.B) {
	facts := []Fact{chosen("2017-01-01", "level-2")}
	for n := range 120 {
		from := instant.NewDate(2017, time.January, 1).AddMonths(n)
		facts = append(facts, Fact{Source: fmt.Sprint(n), Kind: FactCovered, Level: "level-2", From: from, Until: from.AddMonths(1), HappenedAt: from.Start(time.UTC)})
	}
	zone := mustZone(b, "Europe/Madrid")
	for b.Loop() {
		Fold(facts, nil, zone, DefaultPolicy, noon("2026-12-15"))
	}
}
