// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
	"sync/atomic"
)

type countKey struct{}

// Counting returns a context whose transactions count their statements, those that begin and end one aside: a page
// has a budget of them.
func Counting(ctx context.Context) (context.Context, *atomic.Int64) {
	n := &atomic.Int64{}
	return context.WithValue(ctx, countKey{}, n), n
}

func counted(ctx context.Context) {
	if n, ok := ctx.Value(countKey{}).(*atomic.Int64); ok {
		n.Add(1)
	}
}
