// SPDX-License-Identifier: AGPL-3.0-or-later

package money

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"meetcoop/internal/fault"
)

// Amount is Minor minor units of Currency: {1250, "EUR"} is 12.50 EUR. It may be negative. The range is symmetric, -Max to
// Max, so that negation never fails. Amounts of the same currency compare with ==. The zero value is no amount in no currency.
type Amount struct {
	Minor    int64
	Currency Currency
}

// Max is the largest number of minor units; -Max is the smallest.
const Max = math.MaxInt64

func overflow() error { return fault.New(fault.Invalid, "money.overflow") }

// Zero returns nothing of the currency.
func Zero(c Currency) Amount { return Amount{Currency: c} }

// Parse reads an amount written with a decimal point and no grouping: "12", "12.5", "12.50", "-0.05". More digits
// than the currency has are refused, not rounded. Faults: Invalid money.currency, money.amount, money.overflow.
func Parse(text, currency string) (Amount, error) {
	c, err := ParseCurrency(currency)
	if err != nil {
		return Amount{}, err
	}
	bad := fault.New(fault.Invalid, "money.amount")
	digitsText, negative := strings.CutPrefix(text, "-")
	whole, fraction, point := strings.Cut(digitsText, ".")
	if whole == "" || len(fraction) > c.Digits() || point && fraction == "" {
		return Amount{}, bad
	}
	all := whole + fraction + strings.Repeat("0", c.Digits()-len(fraction))
	for _, b := range []byte(all) {
		if b < '0' || b > '9' {
			return Amount{}, bad
		}
	}
	minor, err := strconv.ParseInt(all, 10, 64)
	if err != nil {
		return Amount{}, overflow()
	}
	if negative {
		minor = -minor
	}
	return Amount{minor, c}, nil
}

// Decimal returns the number alone, as Parse reads it, with all digits of the currency: "12.50".
func (a Amount) Decimal() string {
	n := a.Currency.Digits()
	sign, abs := "", uint64(a.Minor)
	if a.Minor < 0 {
		sign, abs = "-", -abs
	}
	s := strconv.FormatUint(abs, 10)
	if n == 0 {
		return sign + s
	}
	if len(s) <= n {
		s = strings.Repeat("0", n+1-len(s)) + s
	}
	return sign + s[:len(s)-n] + "." + s[len(s)-n:]
}

// String returns "12.50 EUR", for logs and operators; people read locale.Printer.Money.
func (a Amount) String() string { return a.Decimal() + " " + string(a.Currency) }

// IsZero reports whether the amount is nothing, in whatever currency.
func (a Amount) IsZero() bool { return a.Minor == 0 }

// Sign returns -1, 0 or +1.
func (a Amount) Sign() int { return cmp.Compare(a.Minor, 0) }

func (a Amount) same(b Amount) error {
	if a.Currency != b.Currency {
		return fault.New(fault.Conflict, "money.mixed", fault.Params{"One": string(a.Currency), "Other": string(b.Currency)})
	}
	return nil
}

// Add returns a + b. Faults: Conflict money.mixed, Invalid money.overflow.
func (a Amount) Add(b Amount) (Amount, error) {
	if err := a.same(b); err != nil {
		return Amount{}, err
	}
	sum := a.Minor + b.Minor
	if (a.Minor > 0) == (b.Minor > 0) && (sum > 0) != (a.Minor > 0) && a.Minor != 0 && b.Minor != 0 || sum == math.MinInt64 {
		return Amount{}, overflow()
	}
	return Amount{sum, a.Currency}, nil
}

// Sub returns a - b. Faults: Conflict money.mixed, Invalid money.overflow.
func (a Amount) Sub(b Amount) (Amount, error) { return a.Add(b.Neg()) }

// Neg returns -a.
func (a Amount) Neg() Amount { return Amount{-a.Minor, a.Currency} }

// Times returns a taken n times. Fault: Invalid money.overflow.
func (a Amount) Times(n int64) (Amount, error) {
	hi, lo := bits.Mul64(magnitude(a.Minor), magnitude(n))
	if hi != 0 || lo > Max {
		return Amount{}, overflow()
	}
	minor := int64(lo)
	if (a.Minor < 0) != (n < 0) {
		minor = -minor
	}
	return Amount{minor, a.Currency}, nil
}

// Cmp returns -1, 0 or +1 as a is less than, equal to or more than b. Fault: Conflict money.mixed.
func (a Amount) Cmp(b Amount) (int, error) {
	if err := a.same(b); err != nil {
		return 0, err
	}
	return cmp.Compare(a.Minor, b.Minor), nil
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

type document struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

// MarshalJSON writes {"amount":"12.50","currency":"EUR"}, and null for the zero value.
func (a Amount) MarshalJSON() ([]byte, error) {
	if a == (Amount{}) {
		return []byte("null"), nil
	}
	return json.Marshal(document{a.Decimal(), string(a.Currency)})
}

// UnmarshalJSON reads what MarshalJSON writes; the faults are those of Parse.
func (a *Amount) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		*a = Amount{}
		return nil
	}
	var d document
	if err := json.Unmarshal(raw, &d); err != nil {
		return fmt.Errorf("parse amount: %w", err)
	}
	v, err := Parse(d.Amount, d.Currency)
	*a = v
	return err
}
