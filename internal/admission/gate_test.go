// SPDX-License-Identifier: AGPL-3.0-or-later

package admission_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"meetcoop/internal/admission"
	"meetcoop/internal/admission/admissiontest"
	"meetcoop/internal/fault"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

// crowd lets n people join at once, in turn through the gates and into the rooms, and returns how many
// were let in and the codes of the refusals.
func crowd(t *testing.T, h admissiontest.Host, n int, rooms int, name string, gates ...*admission.Gate) (admitted int, refused map[string]int) {
	t.Helper()
	refused = map[string]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			_, err := gates[i%len(gates)].Join(context.Background(), h.Joining(fmt.Sprintf("room-%d", i%rooms), fmt.Sprintf("%s-%d", name, i)))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				admitted++
				return
			}
			if fault.KindOf(err) != fault.LimitReached {
				t.Errorf("join %d: %v", i, err)
			}
			refused[fault.CodeOf(err)]++
		})
	}
	close(start)
	wg.Wait()
	return admitted, refused
}

func TestExactlyAsManyAreLetInAsThereAreSeats(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := admissiontest.New(t, db)
		for _, limit := range []int{1, 10, 199, 200} {
			for round := range 3 {
				h := w.Host(fmt.Sprintf("coop-%d-%d", limit, round), limit)
				admitted, refused := crowd(t, h, 200, 1, "p", w.Gate)
				if admitted != limit || refused["admission.participants_full"] != 200-limit {
					t.Errorf("limit %d: %d let in, refused %v", limit, admitted, refused)
				}
				if u := w.Usage(h); u.Seats.Used != limit {
					t.Errorf("limit %d: %d seats used", limit, u.Seats.Used)
				}
			}
		}
		consistent(t, w)
	})
}

// consistent fails the test when what is stored breaks an invariant.
func consistent(t *testing.T, w *admissiontest.World) {
	t.Helper()
	problems, err := w.Gate.CheckInvariants(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%v", p)
	}
}

var _ = errors.Is
