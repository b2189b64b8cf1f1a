// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"meetcoop/internal/id"
)

const (
	hookFlights = 4        // callbacks of one connection under way: slow receivers only hold up themselves
	mostQueued  = 1000     // events that wait for one hook
	mostWaiting = 64 << 20 // bytes of all that wait on this node
)

// outbox is what this node still has to tell clients, one line per hook, so that events arrive in their order. What it holds stands in
// hook_event too, where another node, or this one after a restart, finds what was not told.
type outbox struct {
	mu    sync.Mutex
	lines map[int64]*line
	bytes int
	slots map[id.Connection]*slots
}

// line is the events for one hook, oldest first, without the one under way. It exists while somebody works it off.
type line struct {
	hook  Hook
	queue []queued // by number
}

// queued is one event for one hook.
type queued struct {
	id    int64 // of its row; later events have higher ones
	body  string
	tries int // that failed
}

type slots struct {
	places chan struct{}
	users  int
}

// put adds an event to a hook's line. fresh says that the line is new and needs somebody to work it off; lost are older events that had to
// go.
func (o *outbox) put(h Hook, e queued) (l *line, fresh bool, lost []int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	l = o.lines[h.ID]
	if fresh = l == nil; fresh {
		if o.lines == nil {
			o.lines = map[int64]*line{}
		}
		l = &line{hook: h}
		o.lines[h.ID] = l
	}
	at, _ := slices.BinarySearchFunc(l.queue, e.id, func(q queued, id int64) int { return cmp.Compare(q.id, id) })
	l.queue = slices.Insert(l.queue, at, e)
	o.bytes += len(e.body)
	for len(l.queue) > 1 && (len(l.queue) > mostQueued || o.bytes > mostWaiting) {
		o.bytes -= len(l.queue[0].body)
		lost = append(lost, l.queue[0].id)
		l.queue = l.queue[1:]
	}
	return l, fresh, lost
}

// next takes the oldest event; ok is false when there is none, and the line is no more.
func (o *outbox) next(l *line) (e queued, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(l.queue) == 0 {
		delete(o.lines, l.hook.ID)
		return queued{}, false
	}
	e = l.queue[0]
	l.queue = l.queue[1:]
	o.bytes -= len(e.body)
	return e, true
}

// clear forgets a line and returns how many events that were.
func (o *outbox) clear(l *line) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range l.queue {
		o.bytes -= len(e.body)
	}
	n := len(l.queue)
	l.queue = nil
	delete(o.lines, l.hook.ID)
	return n
}

// slot waits for one of the callbacks that a connection may have under way.
func (o *outbox) slot(ctx context.Context, c id.Connection) (release func(), err error) {
	o.mu.Lock()
	s := o.slots[c]
	if s == nil {
		if o.slots == nil {
			o.slots = map[id.Connection]*slots{}
		}
		s = &slots{places: make(chan struct{}, hookFlights)}
		o.slots[c] = s
	}
	s.users++
	o.mu.Unlock()
	leave := func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if s.users--; s.users == 0 {
			delete(o.slots, c)
		}
	}
	select {
	case s.places <- struct{}{}:
		return func() { <-s.places; leave() }, nil
	case <-ctx.Done():
		leave()
		return nil, ctx.Err()
	}
}
