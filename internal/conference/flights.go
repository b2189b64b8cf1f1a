// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"slices"
	"sync"
	"time"

	"meetcoop/internal/id"
)

// flights are the calls of this node that others wait for: creations under way, ends asked for, refreshes and reads shared.
type flights struct {
	mu        sync.Mutex
	creating  map[id.Meeting]chan struct{}
	ends      map[id.Meeting]time.Time
	refreshes map[refreshKey]*refresh
	lookups   map[boardKey]*lookup
}

// refreshKey tells looks at a meeting's server from waits for its reservation.
type refreshKey struct {
	meeting id.Meeting
	reserve bool
}

// refresh is one look that several callers share.
type refresh struct {
	done chan struct{}
	err  error
}

// begin notes that this node makes a meeting; finish wakes those who wait for it.
func (f *flights) begin(m id.Meeting) (finish func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.creating == nil {
		f.creating = map[id.Meeting]chan struct{}{}
	}
	done := make(chan struct{})
	f.creating[m] = done
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.creating[m] == done {
			delete(f.creating, m)
		}
		close(done)
	}
}

// done is closed when this node has made the meeting, or given up; nil when it does not make it.
func (f *flights) done(m id.Meeting) <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.creating[m]
}

const endsFor = time.Minute

// asksEnd notes that a server accepted to end a meeting.
func (f *flights) asksEnd(m id.Meeting) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ends == nil {
		f.ends = map[id.Meeting]time.Time{}
	}
	for k, at := range f.ends {
		if time.Since(at) > endsFor {
			delete(f.ends, k)
		}
	}
	f.ends[m] = time.Now()
}

// ending reports whether the end of a meeting was asked for through this node a moment ago.
func (f *flights) ending(m id.Meeting) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	at, ok := f.ends[m]
	return ok && time.Since(at) <= endsFor
}

// refresh runs look once for all who ask for the same at the same time, and waits for it as long as ctx allows.
func (f *flights) refresh(ctx context.Context, m refreshKey, look func() error) error {
	f.mu.Lock()
	if f.refreshes == nil {
		f.refreshes = map[refreshKey]*refresh{}
	}
	r := f.refreshes[m]
	if r == nil {
		r = &refresh{done: make(chan struct{})}
		f.refreshes[m] = r
		go func() {
			r.err = look()
			f.mu.Lock()
			delete(f.refreshes, m)
			f.mu.Unlock()
			close(r.done)
		}()
	}
	f.mu.Unlock()
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lookup is a row that is being read. Whoever asks meanwhile shares the read that follows: it begins after they asked, so it shows them
// whatever was committed before, as one of their own would.
type lookup struct {
	done chan struct{}
	c    Conference
	ok   bool
	err  error
	next *lookup // not begun; nil while nobody asks
}

// lookUp reads the row of an external id, once for all who ask before the read begins, and waits for it as long as ctx allows.
func (f *flights) lookUp(ctx context.Context, key boardKey, read func(context.Context) (Conference, bool, error)) (Conference, bool, error) {
	f.mu.Lock()
	if f.lookups == nil {
		f.lookups = map[boardKey]*lookup{}
	}
	mine, running := &lookup{done: make(chan struct{})}, f.lookups[key]
	switch {
	case running == nil:
		f.lookups[key] = mine
		go f.lookOn(context.WithoutCancel(ctx), key, mine, read) // others may wait for it by then
	case running.next == nil:
		running.next = mine
	default:
		mine = running.next
	}
	f.mu.Unlock()
	select {
	case <-mine.done:
		c := mine.c
		c.CreateTimes, c.EndURLs = slices.Clip(c.CreateTimes), slices.Clip(c.EndURLs) // whoever appends does so for itself
		return c, mine.ok, mine.err
	case <-ctx.Done():
		return Conference{}, false, ctx.Err()
	}
}

// lookOn reads for those who asked, and then for those who asked meanwhile.
func (f *flights) lookOn(ctx context.Context, key boardKey, l *lookup, read func(context.Context) (Conference, bool, error)) {
	for l != nil {
		func() {
			ctx, cancel := context.WithTimeout(ctx, createWithin)
			defer cancel()
			l.c, l.ok, l.err = read(ctx)
		}()
		close(l.done)
		f.mu.Lock()
		if l = l.next; l != nil {
			f.lookups[key] = l
		} else {
			delete(f.lookups, key)
		}
		f.mu.Unlock()
	}
}
