// SPDX-License-Identifier: AGPL-3.0-or-later

package money_test

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"meetcoop/internal/fault"
	"meetcoop/internal/money"
)

func code(err error) string {
	if err == nil {
		return ""
	}
	return fault.CodeOf(err)
}

func TestAmountsAreReadExactlyOrNotAtAll(t *testing.T) {
	for name, tc := range map[string]struct {
		text, currency string
		minor          int64
		code           string
	}{
		"whole":                          {"12", "EUR", 1200, ""},
		"one digit":                      {"12.5", "EUR", 1250, ""},
		"all digits":                     {"12.50", "EUR", 1250, ""},
		"negative":                       {"-0.05", "EUR", -5, ""},
		"minus nothing":                  {"-0", "EUR", 0, ""},
		"no minor unit":                  {"1500", "JPY", 1500, ""},
		"three digits":                   {"1.234", "KWD", 1234, ""},
		"the largest":                    {"92233720368547758.07", "EUR", math.MaxInt64, ""},
		"the smallest":                   {"-92233720368547758.07", "EUR", -math.MaxInt64, ""},
		"one too many":                   {"92233720368547758.08", "EUR", 0, "money.overflow"},
		"the lonely end of 64 bits":      {"-92233720368547758.08", "EUR", 0, "money.overflow"},
		"far too many":                   {strings.Repeat("9", 10_000), "EUR", 0, "money.overflow"},
		"a fraction of a cent":           {"0.005", "EUR", 0, "money.amount"},
		"a fraction of a yen":            {"1.5", "JPY", 0, "money.amount"},
		"nothing":                        {"", "EUR", 0, "money.amount"},
		"only a sign":                    {"-", "EUR", 0, "money.amount"},
		"no whole part":                  {".50", "EUR", 0, "money.amount"},
		"no fraction":                    {"1.", "EUR", 0, "money.amount"},
		"a plus":                         {"+1", "EUR", 0, "money.amount"},
		"two signs":                      {"--1", "EUR", 0, "money.amount"},
		"a comma":                        {"1,50", "EUR", 0, "money.amount"},
		"a space":                        {" 1", "EUR", 0, "money.amount"},
		"an exponent":                    {"1e3", "EUR", 0, "money.amount"},
		"foreign digits":                 {"١٢", "EUR", 0, "money.amount"},
		"an unknown currency":            {"1", "XXX", 0, "money.currency"},
		"a currency in lower case":       {"1", "eur", 0, "money.currency"},
		"no currency":                    {"1", "", 0, "money.currency"},
		"an underscore (Go reads these)": {"1_0", "EUR", 0, "money.amount"},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := money.Parse(tc.text, tc.currency)
			if code(err) != tc.code || a.Minor != tc.minor {
				t.Errorf("Parse(%.40q) = %d, %v", tc.text, a.Minor, err)
			}
		})
	}
}

func euros(minor int64) money.Amount { return money.Amount{Minor: minor, Currency: money.EUR} }

func TestCurrenciesAreNeverMixed(t *testing.T) {
	a, b := euros(1), money.Amount{Minor: 1, Currency: money.SEK}
	_, add := a.Add(b)
	_, sub := a.Sub(b)
	_, cmp := a.Cmp(b)
	for name, err := range map[string]error{"Add": add, "Sub": sub, "Cmp": cmp} {
		if code(err) != "money.mixed" || fault.KindOf(err) != fault.Conflict {
			t.Errorf("%s of EUR and SEK: %v", name, err)
		}
	}
}

func TestExamplesOfTheComments(t *testing.T) {
	for _, tc := range []struct {
		whole   int64
		weights []int64
		want    []int64
	}{
		{1000, []int64{1, 1, 1}, []int64{334, 333, 333}},
		{1000, []int64{2, 1}, []int64{667, 333}},
		{-1000, []int64{1, 1, 1}, []int64{-334, -333, -333}},
		{1, []int64{0, 1, 1}, []int64{0, 1, 0}},
		{0, []int64{3, 4}, []int64{0, 0}},
	} {
		parts, err := euros(tc.whole).Split(tc.weights...)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range parts {
			if p != euros(tc.want[i]) {
				t.Errorf("%d over %v: part %d is %s, want %d", tc.whole, tc.weights, i, p, tc.want[i])
			}
		}
	}
	for _, weights := range [][]int64{nil, {0}, {0, 0}, {2, -1}} {
		if _, err := euros(100).Split(weights...); code(err) != "money.weights" {
			t.Errorf("weights %v: %v", weights, err)
		}
	}
}

func TestJSONIsTheContract(t *testing.T) {
	raw, err := json.Marshal(map[string]money.Amount{"price": euros(1250), "none": {}})
	if want := `{"none":null,"price":{"amount":"12.50","currency":"EUR"}}`; err != nil || string(raw) != want {
		t.Errorf("JSON %s, %v, want %s", raw, err, want)
	}
	var a money.Amount
	for text, want := range map[string]string{
		`{"amount":"1.005","currency":"EUR"}`: "money.amount", `{"amount":"1","currency":"EURO"}`: "money.currency", `{"amount":1}`: "internal", `7`: "internal",
	} {
		if err := json.Unmarshal([]byte(text), &a); code(err) != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

var (
	anyCurrency = rapid.SampledFrom([]money.Currency{"EUR", "JPY", "KWD", "SEK"})
	anyMinor    = rapid.OneOf(rapid.Int64Range(-money.Max, money.Max), rapid.Int64Range(-1000, 1000), rapid.SampledFrom([]int64{money.Max, -money.Max}))
)

func anyAmount(t *rapid.T, c money.Currency, name string) money.Amount {
	return money.Amount{Minor: anyMinor.Draw(t, name), Currency: c}
}

func TestWhatIsPrintedIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := anyAmount(t, anyCurrency.Draw(t, "currency"), "amount")
		b, err := money.Parse(a.Decimal(), string(a.Currency))
		if err != nil || a != b {
			t.Fatalf("%s read back as %s, %v", a, b, err)
		}
		raw, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		var c money.Amount
		if err := json.Unmarshal(raw, &c); err != nil || a != c {
			t.Fatalf("%s through JSON is %s, %v", a, c, err)
		}
	})
}

func TestASplitLosesAndInventsNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := anyAmount(t, anyCurrency.Draw(t, "currency"), "whole")
		weights := rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(0, 100), rapid.Int64Range(0, math.MaxInt64)), 1, 12).Draw(t, "weights")
		total := new(big.Int)
		for _, w := range weights {
			total.Add(total, big.NewInt(w))
		}
		parts, err := whole.Split(weights...)
		if total.Sign() == 0 {
			if code(err) != "money.weights" {
				t.Fatalf("weights %v: %v", weights, err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		sum := money.Zero(whole.Currency)
		for i, p := range parts {
			if sum, err = sum.Add(p); err != nil {
				t.Fatal(err)
			}
			if p.Sign()*whole.Sign() < 0 || weights[i] == 0 && p.Minor != 0 {
				t.Fatalf("part %d of %s over %v is %s", i, whole, weights, p)
			}
			// No part is a whole minor unit or more away from its exact share: |part*total - whole*weight| < total.
			off := new(big.Int).Mul(big.NewInt(p.Minor), total)
			off.Sub(off, new(big.Int).Mul(big.NewInt(whole.Minor), big.NewInt(weights[i])))
			if off.CmpAbs(total) >= 0 {
				t.Fatalf("part %d of %s over %v is %s: off by a unit or more", i, whole, weights, p)
			}
		}
		if sum != whole {
			t.Fatalf("parts of %s sum to %s", whole, sum)
		}
	})
}

// Every operation either gives what unbounded arithmetic gives, or refuses because that does not fit.
func TestArithmeticIsExactOrRefused(t *testing.T) {
	limit := big.NewInt(money.Max)
	agrees := func(t *rapid.T, what string, got money.Amount, err error, want *big.Int) {
		t.Helper()
		if want.CmpAbs(limit) > 0 {
			if code(err) != "money.overflow" {
				t.Fatalf("%s = %s, %v, but %s does not fit", what, got, err, want)
			}
			return
		}
		if err != nil || big.NewInt(got.Minor).Cmp(want) != 0 {
			t.Fatalf("%s = %s, %v, want %s", what, got, err, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		c := anyCurrency.Draw(t, "currency")
		a, b := anyAmount(t, c, "a"), anyAmount(t, c, "b")
		n := rapid.OneOf(rapid.Int64(), rapid.Int64Range(-12, 12)).Draw(t, "n")
		x, y := big.NewInt(a.Minor), big.NewInt(b.Minor)
		sum, err := a.Add(b)
		agrees(t, "Add", sum, err, new(big.Int).Add(x, y))
		difference, err := a.Sub(b)
		agrees(t, "Sub", difference, err, new(big.Int).Sub(x, y))
		product, err := a.Times(n)
		agrees(t, "Times", product, err, new(big.Int).Mul(x, big.NewInt(n)))
		if order, err := a.Cmp(b); err != nil || order != x.Cmp(y) {
			t.Fatalf("Cmp = %d, %v", order, err)
		}
		if a.Neg().Neg() != a || a.Neg().Sign() != -a.Sign() {
			t.Fatalf("Neg(%s) = %s", a, a.Neg())
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"12.50", "-0.05", "92233720368547758.07", "1.", ".5", "--1", "٣", "1e9"} {
		f.Add(s, "EUR")
	}
	f.Add("1500", "JPY")
	f.Fuzz(func(t *testing.T, text, currency string) {
		a, err := money.Parse(text, currency)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("kind of %v", err)
			}
			return
		}
		if b, err := money.Parse(a.Decimal(), currency); err != nil || a != b {
			t.Fatalf("%q is %s, read back as %s, %v", text, a, b, err)
		}
	})
}
