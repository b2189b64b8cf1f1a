// SPDX-License-Identifier: AGPL-3.0-or-later

package sfu

import (
	"context"
	"sync"
	"time"

	"meetcoop/internal/engine"
)

// maxQueued events wait for a consumer. Beyond it the oldest go: List tells what they told.
const maxQueued = 8192

// queue holds events until the one consumer has taken them.
type queue struct {
	mu    sync.Mutex
	open  []engine.Event
	taken bool
	wake  chan struct{}
	lost  int
}

func newQueue() *queue { return &queue{wake: make(chan struct{}, 1)} }

func (q *queue) put(e engine.Event) {
	q.mu.Lock()
	if len(q.open) >= maxQueued {
		q.open = q.open[1:]
		q.lost++
	}
	q.open = append(q.open, e)
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

func (q *queue) first() (engine.Event, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.open) == 0 {
		return engine.Event{}, false
	}
	return q.open[0], true
}

// done removes the event just given, unless it has been pushed out meanwhile.
func (q *queue) done(key string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.open) > 0 && q.open[0].Key == key {
		q.open = q.open[1:]
	}
}

// give runs Events of the contract.
func (q *queue) give(ctx context.Context, f func(engine.Event) error) error {
	q.mu.Lock()
	if q.taken {
		q.mu.Unlock()
		return engine.ErrEventsTaken
	}
	q.taken = true
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		q.taken = false
		q.mu.Unlock()
	}()

	const firstWait, longestWait = 50 * time.Millisecond, 5 * time.Second
	wait := firstWait
	for ctx.Err() == nil {
		e, found := q.first()
		if !found {
			select {
			case <-ctx.Done():
			case <-q.wake:
			}
			continue
		}
		if f(e) == nil {
			q.done(e.Key)
			wait = firstWait
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, longestWait)
	}
	return nil
}
