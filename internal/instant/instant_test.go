// SPDX-License-Identifier: AGPL-3.0-or-later

package instant_test

import (
	"database/sql/driver"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meetcoop/internal/instant"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// anyInstant lies between the years 1 and 9999, the range of both databases and of RFC 3339.
var anyInstant = rapid.Custom(func(t *rapid.T) instant.Instant {
	first := time.Date(1, 1, 2, 0, 0, 0, 0, time.UTC).UnixMicro()
	last := time.Date(9999, 12, 30, 0, 0, 0, 0, time.UTC).UnixMicro()
	return instant.Micros(rapid.Int64Range(first, last).Draw(t, "micros"))
})

var anyDate = rapid.Custom(func(t *rapid.T) instant.Date {
	return instant.NewDate(rapid.IntRange(1, 9999).Draw(t, "year"), time.Month(rapid.IntRange(1, 12).Draw(t, "month")), rapid.IntRange(1, 28).Draw(t, "day"))
})

func TestAnInstantSurvivesEveryForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i := anyInstant.Draw(t, "instant")
		stored, err := i.Value()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(i)
		if err != nil {
			t.Fatal(err)
		}
		for name, read := range map[string]func(*instant.Instant) error{
			"column":    func(j *instant.Instant) error { return j.Scan(stored) },
			"time.Time": func(j *instant.Instant) error { return j.Scan(i.Time().In(time.FixedZone("", 3600))) },
			"JSON":      func(j *instant.Instant) error { return json.Unmarshal(raw, j) },
		} {
			var j instant.Instant
			if i.IsZero() {
				continue
			}
			if err := read(&j); err != nil || i != j {
				t.Fatalf("%s of %s: %s, %v", name, i, j, err)
			}
		}
		if s, _ := stored.(string); !i.IsZero() && len(s) != 27 { // the CHECK of the columns
			t.Fatalf("stored as %q", s)
		}
	})
}

func TestByteOrderOfTheColumnIsTimeOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyInstant.Draw(t, "a"), anyInstant.Draw(t, "b")
		if a.IsZero() || b.IsZero() {
			return
		}
		if strings.Compare(a.String(), b.String()) != a.Compare(b) || a.Before(b) != (a.Compare(b) < 0) || a.After(b) != b.Before(a) {
			t.Fatalf("%s and %s", a, b)
		}
	})
}

func TestNoneIsNone(t *testing.T) {
	var none instant.Instant
	var noDate instant.Date
	some := instant.Of(time.Date(2027, 1, 12, 0, 0, 0, 0, time.UTC))
	for name, ok := range map[string]bool{
		"of the zero time":             instant.Of(time.Time{}) == none,
		"and back":                     none.Time().IsZero(),
		"printed":                      none.String() == "" && noDate.String() == "",
		"nothing later than none":      none.Add(time.Hour) == none,
		"no day after no day":          noDate.AddDays(1) == noDate && noDate.AddMonths(1) == noDate,
		"no beginning of no day":       noDate.Start(time.UTC) == none,
		"earlier of one":               instant.Earlier(none, some) == some && instant.Earlier(some, none) == some,
		"later of one":                 instant.Later(none, some) == some && instant.Later(some, none) == some,
		"before everything":            none.Before(some),
		"the first day of 1970 is one": !instant.NewDate(1970, 1, 1).IsZero() && instant.NewDate(1970, 1, 1).String() == "1970-01-01",
		"and so is the day before":     instant.NewDate(1969, 12, 31).String() == "1969-12-31",
	} {
		if !ok {
			t.Error(name)
		}
	}
	for _, v := range []driver.Valuer{none, noDate} {
		if stored, err := v.Value(); stored != nil || err != nil {
			t.Errorf("none is stored as %v, %v", stored, err)
		}
	}
	if err := some.Scan(nil); err != nil || !some.IsZero() {
		t.Errorf("NULL is read as %s, %v", some, err)
	}
	if raw, err := json.Marshal(struct{ A instant.Instant }{}); err != nil || string(raw) != `{"A":""}` {
		t.Errorf("none is %s, %v", raw, err)
	}
}

func TestMicrosecondsAndNoMore(t *testing.T) {
	at := time.Date(2027, 1, 12, 19, 5, 0, 123_456_789, time.UTC)
	if got := instant.Of(at).String(); got != "2027-01-12T19:05:00.123456Z" {
		t.Errorf("cut to %s", got)
	}
	if got := instant.Of(at).Add(1500 * time.Nanosecond).Sub(instant.Of(at)); got != time.Microsecond {
		t.Errorf("1.5 µs later is %s", got)
	}
}

func TestForeignValuesAreRefused(t *testing.T) {
	var i instant.Instant
	var d instant.Date
	for name, err := range map[string]error{
		"a number":            i.Scan(int64(7)),
		"another layout":      i.Scan("2027-01-12 19:05:00"),
		"a date as instant":   i.UnmarshalText([]byte("2027-01-12")),
		"a number as date":    d.Scan(7),
		"a day that is not":   d.UnmarshalText([]byte("2027-02-29")),
		"an instant as date":  d.UnmarshalText([]byte("2027-01-12T00:00:00Z")),
		"a date of two words": d.Scan([]byte("12 Jan")),
	} {
		if err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

func TestADateSurvivesEveryForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDate.Draw(t, "date")
		n := rapid.IntRange(-100_000, 100_000).Draw(t, "days")
		parsed, err := instant.ParseDate(d.String())
		if err != nil || parsed != d {
			t.Fatalf("%s read back as %s, %v", d, parsed, err)
		}
		var scanned instant.Date
		if err := scanned.Scan(d.String()); err != nil || scanned != d {
			t.Fatalf("%s scanned as %s, %v", d, scanned, err)
		}
		if y, m, day := d.Parts(); instant.NewDate(y, m, day) != d || d.Weekday() != time.Date(y, m, day, 0, 0, 0, 0, time.UTC).Weekday() {
			t.Fatalf("parts of %s: %d %s %d, %s", d, y, m, day, d.Weekday())
		}
		if e := d.AddDays(n); e.AddDays(-n) != d || e.Before(d) != (n < 0) || e.After(d) != (n > 0) {
			t.Fatalf("%s + %d days = %s", d, n, e)
		}
	})
}

func TestAMonthLaterIsInThatMonth(t *testing.T) {
	for _, tc := range []struct {
		from   string
		months int
		want   string
	}{
		{"2027-01-31", 1, "2027-02-28"}, {"2028-01-31", 1, "2028-02-29"}, {"2027-03-31", -1, "2027-02-28"}, {"2027-12-15", 1, "2028-01-15"},
		{"2027-01-15", -1, "2026-12-15"}, {"2027-01-31", 12, "2028-01-31"}, {"2028-02-29", 12, "2029-02-28"}, {"2027-05-31", 0, "2027-05-31"},
		{"1970-01-31", -1, "1969-12-31"},
	} {
		d, err := instant.ParseDate(tc.from)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.AddMonths(tc.months); got.String() != tc.want {
			t.Errorf("%s + %d months = %s, want %s", tc.from, tc.months, got, tc.want)
		}
	}
}

func TestADayBeginsWhereItIs(t *testing.T) {
	for name, tc := range map[string]struct{ date, zone, want string }{
		"in UTC":                                 {"2027-01-12", "UTC", "2027-01-12T00:00:00.000000Z"},
		"in winter":                              {"2027-01-12", "Europe/Madrid", "2027-01-11T23:00:00.000000Z"},
		"in summer":                              {"2027-07-12", "Europe/Madrid", "2027-07-11T22:00:00.000000Z"},
		"where midnight is skipped":              {"2018-11-04", "America/Sao_Paulo", "2018-11-04T03:00:00.000000Z"},
		"where the last hour before comes twice": {"2018-02-18", "America/Sao_Paulo", "2018-02-18T03:00:00.000000Z"},
		"on a day that the island jumped over":   {"2011-12-31", "Pacific/Apia", "2011-12-30T10:00:00.000000Z"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := instant.ParseDate(tc.date)
			if err != nil {
				t.Fatal(err)
			}
			z := zone(t, tc.zone)
			start := d.Start(z)
			if start.String() != tc.want || start.In(z) != d {
				t.Errorf("%s in %s begins at %s (day %s), want %s", d, tc.zone, start, start.In(z), tc.want)
			}
			if before := start.Add(-time.Microsecond).In(z); before == d {
				t.Errorf("a microsecond before its beginning it is %s already", before)
			}
		})
	}
}

func TestTheClockOfTheDemoRunsAhead(t *testing.T) {
	ahead := instant.System(30 * 24 * time.Hour)().Sub(instant.System(0)())
	if ahead < 30*24*time.Hour-time.Minute || ahead > 30*24*time.Hour+time.Minute {
		t.Errorf("ahead by %s", ahead)
	}
}
