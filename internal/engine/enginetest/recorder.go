// SPDX-License-Identifier: AGPL-3.0-or-later

package enginetest

import (
	"errors"
	"sync"
	"testing"
	"time"

	"meetcoop/internal/engine"
)

// recorder is a consumer of events that refuses each one the first time, so that every
// engine is seen to give it again.
type recorder struct {
	mu      sync.Mutex
	refused map[string]bool
	events  []engine.Event
	changed chan struct{}
}

func newRecorder() *recorder {
	return &recorder{refused: map[string]bool{}, changed: make(chan struct{})}
}

var errNotNow = errors.New("not now")

func (r *recorder) note(e engine.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.refused[e.Key] {
		r.refused[e.Key] = true
		return errNotNow
	}
	r.events = append(r.events, e)
	close(r.changed)
	r.changed = make(chan struct{})
	return nil
}

// same compares what the suite can foresee of an event: not the key and not the time.
func same(want, got engine.Event) bool {
	got.Key, got.At = "", want.At
	return want == got
}

func (r *recorder) has(ref engine.Ref, want engine.Event) bool {
	want.Meeting = ref.Meeting
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if same(want, e) {
			return true
		}
	}
	return false
}

// await waits for an event of the meeting that is as foreseen and carries key and time.
func (r *recorder) await(t *testing.T, ref engine.Ref, want engine.Event) {
	t.Helper()
	want.Meeting = ref.Meeting
	deadline := time.After(patience)
	for {
		r.mu.Lock()
		changed := r.changed
		for _, e := range r.events {
			if same(want, e) {
				r.mu.Unlock()
				if e.Key == "" || e.At.IsZero() {
					t.Errorf("event without key or time: %+v", e)
				}
				return
			}
		}
		r.mu.Unlock()
		select {
		case <-changed:
		case <-deadline:
			t.Fatalf("never told: %+v\nof this meeting: %+v", want, r.of(ref))
		}
	}
}

func (r *recorder) of(ref engine.Ref) (out []engine.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Meeting == ref.Meeting {
			out = append(out, e)
		}
	}
	return out
}
