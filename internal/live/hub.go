// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"context"
	"sync"

	"meetcoop/internal/id"
)

// hubKeeps is how many events of a meeting a node keeps in memory for its streams; older ones are read from the database.
const hubKeeps = 512

// hub hands the events of one meeting to the streams of this node: one query for each change, whatever the number of
// readers.
type hub struct {
	load func(ctx context.Context, after int64) ([]event, error)

	mu     sync.Mutex // held while loading, so that one stream loads for all
	events []event    // ascending, without gaps
	stale  bool

	bell sync.Mutex
	wake chan struct{} // closed and replaced at each change

	// Guarded by hubs.mu:
	refs    int
	readers map[id.Participant]int // how many streams each has open here
}

// hubs are the hubs of this node, one for each meeting that somebody here follows.
type hubs struct {
	mu      sync.Mutex
	by      map[id.Meeting]*hub
	stopped chan struct{}
}

func newHubs() *hubs { return &hubs{by: map[id.Meeting]*hub{}, stopped: make(chan struct{})} }

// join returns the meeting's hub and what gives it back.
func (hs *hubs) join(m id.Meeting, load func(context.Context, int64) ([]event, error)) (*hub, func()) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	h := hs.by[m]
	if h == nil {
		h = &hub{load: load, wake: make(chan struct{}), stale: true, readers: map[id.Participant]int{}}
		hs.by[m] = h
	}
	h.refs++
	var once sync.Once
	return h, func() {
		once.Do(func() {
			hs.mu.Lock()
			defer hs.mu.Unlock()
			if h.refs--; h.refs == 0 {
				delete(hs.by, m)
			}
		})
	}
}

// changed wakes the streams of a meeting.
func (hs *hubs) changed(m id.Meeting) {
	hs.mu.Lock()
	h := hs.by[m]
	hs.mu.Unlock()
	if h != nil {
		h.ring()
	}
}

// read counts a stream of somebody, and returns what ends that.
func (hs *hubs) read(h *hub, p id.Participant) func() {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	h.readers[p]++
	return func() {
		hs.mu.Lock()
		defer hs.mu.Unlock()
		if h.readers[p]--; h.readers[p] == 0 {
			delete(h.readers, p)
		}
	}
}

// present returns whose pages follow which meetings on this node.
func (hs *hubs) present() map[id.Meeting]map[id.Participant]bool {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	out := map[id.Meeting]map[id.Participant]bool{}
	for m, h := range hs.by {
		out[m] = map[id.Participant]bool{}
		for p := range h.readers {
			out[m][p] = true
		}
	}
	return out
}

func (hs *hubs) stop() {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	select {
	case <-hs.stopped:
	default:
		close(hs.stopped)
	}
}

func (h *hub) ring() {
	h.bell.Lock()
	defer h.bell.Unlock()
	h.stale = true
	close(h.wake)
	h.wake = make(chan struct{})
}

// waiter returns a channel that is closed at the next change. Take it before reading, so that no change is missed.
func (h *hub) waiter() <-chan struct{} {
	h.bell.Lock()
	defer h.bell.Unlock()
	return h.wake
}

func (h *hub) takeStale() bool {
	h.bell.Lock()
	defer h.bell.Unlock()
	was := h.stale
	h.stale = false
	return was
}

// after returns the events that follow number n, in order. known is false when they are older than what the hub and
// the database keep, or n is from another time: then the reader needs the whole state.
func (h *hub) after(ctx context.Context, n int64) (events []event, known bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.events) == 0 || n < h.events[0].N-1 { // first reader, or one that comes back after a while
		found, err := h.load(ctx, n)
		if err != nil {
			return nil, false, err
		}
		if len(found) > 0 && found[0].N != n+1 {
			return nil, false, nil
		}
		if len(h.events) == 0 || (len(found) > 0 && found[len(found)-1].N >= h.events[len(h.events)-1].N) {
			h.keep(found)
		}
		return found, true, nil
	}
	last := h.events[len(h.events)-1].N
	if h.takeStale() || n > last {
		found, err := h.load(ctx, last)
		if err != nil {
			h.ring() // somebody must read it later
			return nil, false, err
		}
		if len(found) > 0 {
			h.keep(append(h.events, found...))
			last = h.events[len(h.events)-1].N
		}
	}
	if n >= last {
		return nil, n == last, nil
	}
	i := n + 1 - h.events[0].N
	return h.events[i:len(h.events):len(h.events)], true, nil
}

func (h *hub) keep(events []event) {
	if extra := len(events) - hubKeeps; extra > 0 {
		events = append([]event(nil), events[extra:]...)
	}
	h.events = events
}

// bells wake whoever waits for something about rooms on this node.
type bells struct {
	mu      sync.Mutex
	by      map[id.Room]map[chan struct{}]bool
	stopped chan struct{}
}

func newBells() *bells {
	return &bells{by: map[id.Room]map[chan struct{}]bool{}, stopped: make(chan struct{})}
}

// listen returns a channel that gets something after a change in any of the rooms (changes that come together may be
// one), and what ends that.
func (b *bells) listen(rooms ...id.Room) (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range rooms {
		if b.by[r] == nil {
			b.by[r] = map[chan struct{}]bool{}
		}
		b.by[r][ch] = true
	}
	return ch, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, r := range rooms {
			if delete(b.by[r], ch); len(b.by[r]) == 0 {
				delete(b.by, r)
			}
		}
	}
}

func (b *bells) ring(room id.Room) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for ch := range b.by[room] {
		select {
		case ch <- struct{}{}:
		default: // told already, and not looked yet
		}
	}
}

func (b *bells) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-b.stopped:
	default:
		close(b.stopped)
	}
}
