// SPDX-License-Identifier: AGPL-3.0-or-later

package locale_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/money"
)

// sample is one value as the script testdata/intl.mjs reads it, with our way of writing it.
type sample struct {
	What     string   `json:"what"`
	N        int64    `json:"n"`
	Decimal  string   `json:"decimal,omitempty"`
	Currency string   `json:"currency,omitempty"`
	Digits   int      `json:"digits"`
	Date     string   `json:"date,omitempty"`
	At       string   `json:"at,omitempty"`
	Zone     string   `json:"zone,omitempty"`
	Items    []string `json:"items,omitempty"`
	Parts    [][2]any `json:"parts,omitempty"`
	Unit     string   `json:"unit,omitempty"`

	ours func(*locale.Printer) string
}

func (s sample) String() string { s.ours = nil; b, _ := json.Marshal(s); return string(b) }

// samples are the values compared in every language; more than two hundred.
func samples(t *testing.T) []sample {
	t.Helper()
	var out []sample
	for _, n := range []int64{0, 1, 9, 10, 99, 100, 999, 1000, 1234, 9999, 10000, 12345, 99999, 100000, 123456, 999999, 1000000,
		1234567, 12345678, 123456789, 1234567890, 9007199254740991, -1, -12, -999, -1000, -1234, -12345, -1234567} {
		out = append(out, sample{What: "number", N: n, ours: func(p *locale.Printer) string { return p.Number(n) }})
	}
	for _, n := range []int64{0, 1, 50, 83, 100, 1000, 12345, -5} {
		out = append(out, sample{What: "percent", N: n, ours: func(p *locale.Printer) string { return p.Percent(n) }})
	}
	for _, tc := range []struct{ decimal, currency string }{
		{"0.00", "EUR"}, {"0.05", "EUR"}, {"1.00", "EUR"}, {"12.50", "EUR"}, {"999.99", "EUR"}, {"1000.00", "EUR"}, {"1234.50", "EUR"},
		{"9999.99", "EUR"}, {"10000.00", "EUR"}, {"12345.67", "EUR"}, {"1234567.89", "EUR"}, {"-0.05", "EUR"}, {"-1234.50", "EUR"},
		{"-12345.00", "EUR"}, {"90071992547409.93", "EUR"},
		{"20.00", "GBP"}, {"1234.50", "GBP"}, {"-1234.50", "GBP"}, {"110.00", "SEK"}, {"1234.50", "SEK"}, {"-12345.00", "SEK"},
		{"1234.50", "USD"}, {"-1.00", "USD"}, {"1234.50", "CHF"}, {"-5.00", "CHF"}, {"1234.50", "DKK"}, {"1234.50", "NOK"},
		{"1234", "ISK"}, {"12345", "JPY"}, {"1234.50", "PLN"}, {"1234.50", "CZK"}, {"1234.50", "HUF"}, {"1234.50", "RON"},
		{"1234.567", "KWD"}, {"1234.50", "CAD"}, {"1234.50", "AUD"}, {"1234.50", "MXN"}, {"1234.50", "BRL"}, {"1234", "KRW"},
		{"1234.50", "UYU"}, {"1234.50", "INR"}, {"1234.50", "TRY"}, {"1234.50", "UAH"},
	} {
		a, err := money.Parse(tc.decimal, tc.currency)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, sample{What: "money", Decimal: tc.decimal, Currency: tc.currency, Digits: a.Currency.Digits(),
			ours: func(p *locale.Printer) string { return p.Money(a) }})
	}
	for month := time.January; month <= time.December; month++ {
		out = append(out, dates(instant.NewDate(2027, month, int(month)*2))...)
	}
	out = append(out, dates(instant.NewDate(2028, time.February, 29))...)
	for n := range 7 {
		d := instant.NewDate(2027, time.January, 11+n)
		out = append(out, sample{What: "weekday", Date: d.String(), ours: func(p *locale.Printer) string { return p.Weekday(d.Weekday()) }})
	}
	for _, at := range []string{"2027-01-12T00:00:00Z", "2027-03-28T00:59:00Z", "2027-03-28T01:00:00Z", "2027-07-04T08:05:00Z",
		"2027-08-01T22:30:00Z", "2027-10-31T01:30:00Z", "2027-12-31T23:59:59Z"} {
		for _, zone := range []string{"UTC", "Europe/Madrid", "Europe/London", "Asia/Kolkata", "America/Montevideo"} {
			out = append(out, times(t, at, zone)...)
		}
	}
	for _, items := range [][]string{{"Ada"}, {"Ada", "Bo"}, {"Ada", "Bo", "Cleo"}, {"Ada", "Iris"}, {"Ada", "Hilda"}, {"Ada", "Hielo"},
		{"Ada", "Bo", "Oscar"}, {"Ada", "Horacio"}, {"Ada", "Ignasi"}, {"7", "8"}, {"Ada", "Bo", "Cleo", "Dag", "Eva"}} {
		out = append(out,
			sample{What: "list", Items: items, ours: func(p *locale.Printer) string { return p.List(items) }},
			sample{What: "listOr", Items: items, ours: func(p *locale.Printer) string { return p.ListOr(items) }})
	}
	return append(out, spans()...)
}

func dates(d instant.Date) []sample {
	return []sample{
		{What: "date", Date: d.String(), ours: func(p *locale.Printer) string { return p.Date(d) }},
		{What: "dateShort", Date: d.String(), ours: func(p *locale.Printer) string { return p.DateShort(d) }},
		{What: "dateFull", Date: d.String(), ours: func(p *locale.Printer) string { return p.DateFull(d) }},
		{What: "day", Date: d.String(), ours: func(p *locale.Printer) string { return p.Day(d) }},
		{What: "month", Date: d.String(), ours: func(p *locale.Printer) string { return p.Month(d) }},
	}
}

func times(t *testing.T, at, name string) []sample {
	t.Helper()
	when, err := time.Parse(time.RFC3339, at)
	if err != nil {
		t.Fatal(err)
	}
	i, z := instant.Of(when), zone(t, name)
	return []sample{
		{What: "clock", At: at, Zone: name, ours: func(p *locale.Printer) string { return p.In(z).Clock(i) }},
		{What: "dateTime", At: at, Zone: name, ours: func(p *locale.Printer) string { return p.In(z).DateTime(i) }},
		{What: "dateTimeShort", At: at, Zone: name, ours: func(p *locale.Printer) string { return p.In(z).DateTimeShort(i) }},
	}
}

func spans() []sample {
	var out []sample
	for _, tc := range []struct {
		d     time.Duration
		parts [][2]any
	}{
		{0, [][2]any{{0, "minute"}}},
		{999 * time.Millisecond, [][2]any{{0, "minute"}}},
		{time.Second, [][2]any{{1, "second"}}},
		{59 * time.Second, [][2]any{{59, "second"}}},
		{time.Minute, [][2]any{{1, "minute"}}},
		{2*time.Minute + 30*time.Second, [][2]any{{2, "minute"}, {30, "second"}}},
		{time.Hour, [][2]any{{1, "hour"}}},
		{90 * time.Minute, [][2]any{{1, "hour"}, {30, "minute"}}},
		{time.Hour + 59*time.Second, [][2]any{{1, "hour"}}},
		{-3 * time.Hour, [][2]any{{3, "hour"}}},
		{24 * time.Hour, [][2]any{{24, "hour"}}},
		{47*time.Hour + time.Minute, [][2]any{{47, "hour"}, {1, "minute"}}},
		{48 * time.Hour, [][2]any{{2, "day"}}},
		{73*time.Hour + 20*time.Minute, [][2]any{{3, "day"}, {1, "hour"}}},
		{1234 * 24 * time.Hour, [][2]any{{1234, "day"}}},
	} {
		out = append(out,
			sample{What: "duration", Parts: tc.parts, ours: func(p *locale.Printer) string { return p.Duration(tc.d) }},
			sample{What: "durationShort", Parts: tc.parts, ours: func(p *locale.Printer) string { return p.DurationShort(tc.d) }})
	}
	now := instant.Of(time.Date(2027, 6, 15, 12, 0, 0, 0, time.UTC))
	for _, tc := range []struct {
		d    time.Duration
		n    int64
		unit string
	}{
		{0, 0, "second"}, {-59 * time.Second, 0, "second"}, {59 * time.Second, 0, "second"},
		{-time.Minute, -1, "minute"}, {-119 * time.Second, -1, "minute"}, {-59 * time.Minute, -59, "minute"}, {5 * time.Minute, 5, "minute"},
		{-time.Hour, -1, "hour"}, {-23 * time.Hour, -23, "hour"}, {time.Hour, 1, "hour"}, {3 * time.Hour, 3, "hour"},
		{-24 * time.Hour, -1, "day"}, {-35 * time.Hour, -1, "day"}, {-37 * time.Hour, -2, "day"}, {24 * time.Hour, 1, "day"},
		{48 * time.Hour, 2, "day"}, {72 * time.Hour, 3, "day"}, {-29 * 24 * time.Hour, -29, "day"},
		{-30 * 24 * time.Hour, -1, "month"}, {60 * 24 * time.Hour, 2, "month"}, {-364 * 24 * time.Hour, -11, "month"},
		{-365 * 24 * time.Hour, -1, "year"}, {-3000 * 24 * time.Hour, -8, "year"}, {800 * 24 * time.Hour, 2, "year"},
	} {
		out = append(out, sample{What: "ago", N: tc.n, Unit: tc.unit, ours: func(p *locale.Printer) string { return p.Ago(now.Add(tc.d), now) }})
	}
	return out
}

func TestValuesAreWrittenAsCLDRSays(t *testing.T) {
	values := samples(t)
	if len(values) < 200 {
		t.Fatalf("only %d values", len(values))
	}
	question, err := json.Marshal(map[string]any{"languages": locale.Supported, "values": values})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "testdata/intl.mjs")
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(question), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("node (needed to compare with Intl): %v\n%s", err, stderr.String())
	}
	var answers map[locale.Tag][]string
	if err := json.Unmarshal(stdout.Bytes(), &answers); err != nil {
		t.Fatal(err)
	}
	c := load(t, nil)
	for _, tag := range locale.Supported {
		t.Run(string(tag), func(t *testing.T) {
			p := c.Printer(tag, nil)
			if len(answers[tag]) != len(values) {
				t.Fatalf("%d answers for %d values", len(answers[tag]), len(values))
			}
			for i, v := range values {
				if got, want := v.ours(p), answers[tag][i]; got != want {
					t.Errorf("%s: %+q, Intl says %+q", v, got, want)
				}
			}
		})
	}
}

// The facts of the design, kept apart from Intl, so that a new Node.js cannot move them without a word.
func TestMoneyAndDatesAreWrittenAsTheCooperativesWriteThem(t *testing.T) {
	c := load(t, nil)
	euros, crowns := money.Amount{Minor: 123450, Currency: money.EUR}, money.Amount{Minor: 123450, Currency: money.SEK}
	d := instant.NewDate(2027, time.January, 12)
	for tag, want := range map[locale.Tag][3]string{
		locale.English: {"€1,234.50", "SEK\u00a01,234.50", "12 January 2027"},
		locale.Catalan: {"1.234,50\u00a0€", "1.234,50\u00a0SEK", "12 de gener del 2027"},
		locale.Spanish: {"1234,50\u00a0€", "1234,50\u00a0SEK", "12 de enero de 2027"},
		locale.German:  {"1.234,50\u00a0€", "1.234,50\u00a0SEK", "12. Januar 2027"},
		locale.French:  {"1\u202f234,50\u00a0€", "1\u202f234,50\u00a0SEK", "12 janvier 2027"},
		locale.Dutch:   {"€\u00a01.234,50", "SEK\u00a01.234,50", "12 januari 2027"},
		locale.Swedish: {"1\u00a0234,50\u00a0€", "1\u00a0234,50\u00a0kr", "12 januari 2027"},
	} {
		p := c.Printer(tag, nil)
		if got := [3]string{p.Money(euros), p.Money(crowns), p.Date(d)}; got != want {
			t.Errorf("%s: %+q, want %+q", tag, got, want)
		}
	}
}

func TestNoneIsWrittenAsNothing(t *testing.T) {
	p := load(t, nil).Printer(locale.English, nil)
	now := instant.Of(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	got := fmt.Sprint(p.Date(instant.Date{}), p.DateShort(instant.Date{}), p.Day(instant.Date{}), p.Month(instant.Date{}), p.Clock(instant.Instant{}),
		p.DateTime(instant.Instant{}), p.DateTimeShort(instant.Instant{}), p.Ago(instant.Instant{}, now), p.Ago(now, instant.Instant{}), p.List(nil))
	if got != "" {
		t.Errorf("none is written as %q", got)
	}
}

// Intl looks at the bare letter only and says "y Íñigo"; the Academy goes by the sound.
func TestSpanishJoinsBySound(t *testing.T) {
	p := load(t, nil).Printer(locale.Spanish, nil)
	for _, tc := range [][3]string{
		{"Íñigo", "Ada e Íñigo", "Ada o Íñigo"}, {"Óscar", "Ada y Óscar", "Ada u Óscar"}, {"Hilario", "Ada e Hilario", "Ada o Hilario"},
		{"hiato", "Ada y hiato", "Ada o hiato"}, {"Hortensia", "Ada y Hortensia", "Ada u Hortensia"}, {"", "Ada y ", "Ada o "},
	} {
		items := []string{"Ada", tc[0]}
		if p.List(items) != tc[1] || p.ListOr(items) != tc[2] {
			t.Errorf("%q: %q, %q", tc[0], p.List(items), p.ListOr(items))
		}
	}
}
