// SPDX-License-Identifier: AGPL-3.0-or-later

// Package money holds amounts: whole minor units (cents, öre) of one currency, in 64 bits, exact and checked.
//
// There are no fractions of a minor unit and no floating point. Every operation that could leave the
// range or mix currencies returns an error instead of a wrong amount. What is divided is divided by
// [Amount.Split], which never loses or invents a cent.
package money
