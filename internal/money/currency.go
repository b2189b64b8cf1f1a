// SPDX-License-Identifier: AGPL-3.0-or-later

package money

import "meetcoop/internal/fault"

// Currency is an ISO 4217 code such as "EUR". The zero value is none.
type Currency string

// The currencies of the demo federation and of the cooperatives it is modelled on.
const (
	EUR Currency = "EUR"
	GBP Currency = "GBP"
	SEK Currency = "SEK"
)

// digits holds the number of digits after the decimal sign (ISO 4217, list one, "minor unit") of the currencies that can be used.
var digits = map[Currency]int{
	EUR: 2, GBP: 2, SEK: 2,
	"ARS": 2, "AUD": 2, "BAM": 2, "BRL": 2, "CAD": 2, "CHF": 2, "CLP": 0, "COP": 2, "CZK": 2, "DKK": 2, "HKD": 2, "HUF": 2,
	"INR": 2, "ISK": 0, "JPY": 0, "KRW": 0, "KWD": 3, "MAD": 2, "MKD": 2, "MXN": 2, "NOK": 2, "NZD": 2, "PLN": 2, "RON": 2,
	"RSD": 2, "SGD": 2, "TND": 3, "TRY": 2, "UAH": 2, "USD": 2, "UYU": 2, "ZAR": 2,
}

// ParseCurrency returns s as a currency, or Invalid (money.currency) when it is not one that can be used.
func ParseCurrency(s string) (Currency, error) {
	c := Currency(s)
	if !c.Known() {
		return "", fault.New(fault.Invalid, "money.currency")
	}
	return c, nil
}

// Known reports whether amounts can be kept in c.
func (c Currency) Known() bool { _, ok := digits[c]; return ok }

// Digits returns how many digits the currency has after the decimal sign: 0, 2 or 3. An unknown currency has 2.
func (c Currency) Digits() int {
	if n, ok := digits[c]; ok {
		return n
	}
	return 2
}
