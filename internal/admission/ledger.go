// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"container/heap"
	"slices"
	"time"

	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
)

// ledger is what is known of one member's seats, meetings, waiters and clocks as of version. It is
// owned by a lane. decide changes it in place; when the transaction fails the lane forgets it.
type ledger struct {
	member  id.Member
	version int64 // of the row in member_usage

	// complete says that every seat is in memory. Meetings and waiters always are; seats and
	// clocks may be only those a batch asked for, when another node writes for the member too (gateway.md A3).
	complete bool
	asOf     int64 // lane.disturbed when the row was last read, or known not to have changed
	quiet    int   // batches in a row in which nobody else wrote, while not complete

	limits        limits
	limitsDoc     string          // the same as stored
	limitsVersion int64           // of entitlement_change they were read at
	limitsUntil   instant.Instant // when they must be read again; none is never

	seats      int             // counting rows
	moderators int             // of them
	drawn      int64           // tickets ever drawn
	peak       int             // most seats in the hour that began at peakHour
	peakHour   instant.Instant // none while nobody holds a seat
	nextExpiry instant.Instant // as stored: nothing happens by time alone before it; none is never

	meetings map[id.Meeting]*meeting
	open     map[meetingKey]*meeting
	holders  map[id.Participant]*Seat
	queue    []*waiter // in order of place
	tickets  map[ticketKey]*waiter
	waiting  map[id.Participant]*waiter
	clocks   map[clockKey]clock
	expiries expiries
	refusals map[refusal]instant.Instant // noted in the last minute; only in memory
	unloaded instant.Instant             // nothing that is not in memory is due before; none if everything is
}

// meeting is an open meeting with its seats, as far as they are in memory.
type meeting struct {
	fleet.Meeting
	seats map[PersonKey]*Seat
}

func (m *meeting) key() meetingKey { return meetingKey{m.Connection, m.ExternalID} }

// meetingKey is what an open meeting is found by.
type meetingKey struct {
	connection id.Connection
	external   string
}

func (in *JoinInput) key() meetingKey { return meetingKey{in.Connection, in.ExternalID} }

// waiter is a ticket of the waiting list: a join that is tried again when something becomes free.
type waiter struct {
	JoinInput
	place       int64
	queuedAt    instant.Instant
	refreshedAt instant.Instant
}

// ticketKey allows one ticket per person and meeting.
type ticketKey struct {
	meeting meetingKey
	person  PersonKey
}

func (in *JoinInput) ticket() ticketKey { return ticketKey{in.key(), in.Person} }

const (
	freshFor     = 15 * time.Second // a ticket not refreshed for so long holds no place
	forgottenFor = 2 * time.Minute  // and after so long it is torn up
	mostWaiters  = 1000             // per member
)

func (w *waiter) fresh(now instant.Instant) bool { return now.Sub(w.refreshedAt) <= freshFor }

func newLedger(member id.Member) *ledger {
	return &ledger{
		member: member, meetings: map[id.Meeting]*meeting{}, open: map[meetingKey]*meeting{}, holders: map[id.Participant]*Seat{},
		tickets: map[ticketKey]*waiter{}, waiting: map[id.Participant]*waiter{}, clocks: map[clockKey]clock{},
	}
}

// addMeeting, addSeat and addWaiter put a stored row into memory; counters are not touched.
func (l *ledger) addMeeting(f fleet.Meeting) *meeting {
	m := &meeting{Meeting: f, seats: map[PersonKey]*Seat{}}
	l.meetings[m.ID], l.open[m.key()] = m, m
	return m
}

func (l *ledger) addSeat(s *Seat) {
	m := l.meetings[s.Meeting]
	if m == nil || m.seats[s.Person] != nil {
		return // asked for twice in a batch
	}
	m.seats[s.Person] = s
	l.holders[s.Participant] = s
	l.expects(s)
}

func (l *ledger) addWaiter(w *waiter) {
	l.queue = append(l.queue, w)
	l.tickets[w.ticket()], l.waiting[w.Participant] = w, w
}

func (l *ledger) dropWaiter(w *waiter) {
	l.queue = slices.DeleteFunc(l.queue, func(o *waiter) bool { return o == w })
	delete(l.tickets, w.ticket())
	delete(l.waiting, w.Participant)
}

// expects notes when a seat runs out.
func (l *ledger) expects(s *Seat) {
	if !s.Present {
		heap.Push(&l.expiries, expiry{s.ExpiresAt, s})
	}
}

// expired returns a seat that has run out by now, or nil.
func (l *ledger) expired(now instant.Instant) *Seat {
	if first := l.firstExpiry(); first != nil && !first.ExpiresAt.After(now) {
		return first
	}
	return nil
}

// firstExpiry returns the seat in memory that runs out next, or nil. Entries of the heap whose seat
// was given back or moved on since are dropped on the way.
func (l *ledger) firstExpiry() *Seat {
	for len(l.expiries) > 0 {
		top := l.expiries[0]
		if l.holders[top.seat.Participant] == top.seat && !top.seat.Present && top.seat.ExpiresAt == top.at {
			return top.seat
		}
		heap.Pop(&l.expiries)
	}
	return nil
}

type expiry struct {
	at   instant.Instant
	seat *Seat
}

// expiries is a heap, the earliest first.
type expiries []expiry

func (h expiries) Len() int           { return len(h) }
func (h expiries) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h expiries) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *expiries) Push(x any)        { *h = append(*h, x.(expiry)) }
func (h *expiries) Pop() any {
	last := len(*h) - 1
	x := (*h)[last]
	(*h)[last] = expiry{}
	*h = (*h)[:last]
	return x
}

// due returns the earliest moment at which time alone changes something; none is never.
func (l *ledger) due() instant.Instant {
	at := l.unloaded
	if s := l.firstExpiry(); s != nil {
		at = instant.Earlier(at, s.ExpiresAt)
	}
	for _, m := range l.meetings {
		at = instant.Earlier(at, m.DeadlineAt)
	}
	for _, w := range l.queue {
		at = instant.Earlier(at, w.refreshedAt.Add(forgottenFor))
	}
	for _, c := range l.clocks {
		if c.since.IsZero() {
			at = instant.Earlier(at, c.idleFrom(l.limits))
		}
	}
	if !l.peakHour.IsZero() {
		at = instant.Earlier(at, l.peakHour.Add(time.Hour))
	}
	if len(l.meetings)+len(l.queue) > 0 {
		at = instant.Earlier(at, l.limitsUntil)
	}
	return at
}
