// SPDX-License-Identifier: AGPL-3.0-or-later

package money

import (
	"cmp"
	"math/big"
	"slices"

	"meetcoop/internal/fault"
)

// Split divides the amount in proportion to weights, which must not be negative and not all be zero. The parts come in the order of
// the weights and sum to the amount exactly: each gets its share rounded towards zero, and the minor units left over go,
// one each, to the parts that lost most by rounding, earlier parts first (largest remainder).
// 10.00 EUR over 1, 1, 1 is 3.34, 3.33, 3.33; over 2, 1 it is 6.67, 3.33. A weight of zero gets nothing.
// Fault: Invalid money.weights.
func (a Amount) Split(weights ...int64) ([]Amount, error) {
	total := new(big.Int) // the sum and the products may need more than 64 bits
	for _, w := range weights {
		if w < 0 {
			return nil, fault.New(fault.Invalid, "money.weights")
		}
		total.Add(total, big.NewInt(w))
	}
	if total.Sign() == 0 {
		return nil, fault.New(fault.Invalid, "money.weights")
	}
	parts := make([]Amount, len(weights))
	remainders := make([]*big.Int, len(weights))
	order := make([]int, len(weights))
	left := a.Minor
	for i, w := range weights {
		share, rest := new(big.Int).QuoRem(new(big.Int).Mul(big.NewInt(a.Minor), big.NewInt(w)), total, new(big.Int))
		parts[i] = Amount{share.Int64(), a.Currency}
		remainders[i] = rest.Abs(rest)
		order[i] = i
		left -= parts[i].Minor
	}
	slices.SortStableFunc(order, func(i, j int) int { return remainders[j].Cmp(remainders[i]) })
	unit := int64(cmp.Compare(left, 0))
	for _, i := range order {
		if left == 0 {
			break
		}
		parts[i].Minor += unit
		left -= unit
	}
	return parts, nil
}
