// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// A create is answered from what was committed before it came, whoever reads it.
func TestALookupIsSharedOnlyIfItBeginsAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flights
		var committed, reads atomic.Int64
		read := func(context.Context) (Conference, bool, error) {
			reads.Add(1)
			seen := committed.Load()
			time.Sleep(time.Second) // the answer is on its way
			return Conference{CreateTime: seen}, true, nil
		}
		ask := func(want int64) {
			c, ok, err := f.lookUp(t.Context(), boardKey{"c", "room"}, read)
			if err != nil || !ok || c.CreateTime < want {
				t.Errorf("%d, %t, %v; %d was committed before it was asked for", c.CreateTime, ok, err, want)
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() { ask(0) })
		synctest.Wait() // the first read has begun
		committed.Store(1)
		for range 20 {
			wg.Go(func() { ask(1) })
		}
		wg.Wait()
		if n := reads.Load(); n != 2 {
			t.Errorf("%d reads for one and twenty more, want 2", n)
		}
		committed.Store(2)
		ask(2)
		synctest.Wait() // until whoever read has noted that nobody asks any more
		if len(f.lookups) != 0 {
			t.Errorf("%d lookups are remembered", len(f.lookups))
		}
	})
}

func TestWhoeverGivesUpALookupHarmsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f flights
		read := func(ctx context.Context) (Conference, bool, error) {
			time.Sleep(time.Second)
			return Conference{}, true, ctx.Err()
		}
		gone, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, _, err := f.lookUp(gone, boardKey{"c", "room"}, read); !errors.Is(err, context.Canceled) {
				t.Errorf("%v, want that it was cancelled", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if _, ok, err := f.lookUp(t.Context(), boardKey{"c", "room"}, read); !ok || err != nil {
				t.Errorf("%t, %v", ok, err)
			}
		})
		synctest.Wait()
		cancel()
		wg.Wait()
	})
}
