// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/instant"
)

// Figures are shown by the node that counts, from its first count until another one leads or counting fails for long.
func TestFiguresAreShownByWhoCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCompat(nil, func() instant.Instant { return instant.Of(time.Now()) }, 10*time.Minute)
		shown := func() int {
			to := make(chan prometheus.Metric, 100)
			c.Collect(to)
			return len(to)
		}
		counts := map[State]map[string]int{Published: {"bbb-1": 3, "bbb-2": 0}}
		is := func(what string, want int) {
			t.Helper()
			synctest.Wait()
			if got := shown(); got != want {
				t.Errorf("%s: %d figures, want %d", what, got, want)
			}
		}
		is("nothing was counted", 0)
		first, end := context.WithCancel(t.Context())
		c.show(first, counts)
		time.Sleep(5 * time.Minute)
		c.show(first, counts)
		time.Sleep(10 * time.Minute)
		is("after a count", 2)
		time.Sleep(time.Second)
		is("two counts were missed", 0)
		c.show(first, counts)
		is("after the next one", 2)
		end()
		is("another node leads", 0)

		second, again := context.WithCancel(t.Context())
		c.show(second, counts)
		third, last := context.WithCancel(t.Context())
		c.show(third, counts) // before the end of the leadership before was heard of
		again()
		is("what an earlier leadership leaves alone", 2)
		last()
		is("the last one ends", 0)
	})
}
