// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"context"
	"fmt"
	"time"

	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

const (
	// quietFor is after how many batches without interference of another node all are read again.
	quietFor = 4
	// clocksDiffer is how far the clocks of two nodes may be apart.
	clocksDiffer = 2 * time.Second
)

// reading bounds how many seats of a member are read at once.
type reading struct {
	most   int // all of up to so many are read when nothing is remembered
	anyway int // reading so many costs as little as reading the few a batch asks for
}

var defaultReading = reading{most: 20000, anyway: 64}

// ledgerFor returns what is known of the member whose row is locked: memory, if nobody else has written
// since, else what the tables say. renewed says that the limits will be read again. It joins tx.
func (g *Gate) ledgerFor(ctx context.Context, tx store.Tx, mem *ledger, row usageRow, w *work, now instant.Instant, renewed bool) (*ledger, error) {
	l := mem
	if mem == nil || !mem.complete || mem.version != row.version {
		var err error
		if l, err = g.reading.ledger(ctx, tx, mem, row, w, now, renewed); err != nil {
			return nil, fmt.Errorf("read seats of %s: %w", w.member, err)
		}
	}
	for _, req := range w.requests {
		if req.kind == kindReconcile {
			if err := g.findGone(ctx, tx, l, req, now); err != nil {
				return nil, err
			}
		}
	}
	return l, nil
}

// ledger makes a ledger from the rows. Meetings and waiters are few and always read; of the seats all, or
// those the batch asks for and those that ran out.
func (b reading) ledger(ctx context.Context, tx store.Tx, mem *ledger, row usageRow, w *work, now instant.Instant, renewed bool) (*ledger, error) {
	l := newLedger(w.member)
	l.version, l.seats, l.moderators, l.drawn, l.peak, l.peakHour = row.version, row.seats, row.moderators, row.drawn, row.peak, row.peakHour
	l.limitsVersion, l.limitsUntil, l.nextExpiry = row.limitsVersion, row.limitsUntil, row.nextExpiry
	l.complete = true
	if row.version == 0 {
		return l, nil // just made
	}
	if err := l.readLimits(ctx, tx, mem); err != nil {
		return nil, err
	}
	if row.rooms > 0 {
		running, err := fleet.Running(ctx, tx, l.member)
		if err != nil {
			return nil, err
		}
		for _, m := range running {
			l.addMeeting(m)
		}
	}
	if row.waiting > 0 {
		waiters, err := waitersOf(ctx, tx, l.member)
		if err != nil {
			return nil, err
		}
		for _, o := range waiters {
			l.addWaiter(o)
		}
	}
	switch {
	case row.seats <= b.anyway:
	case mem == nil:
		l.complete = row.seats <= b.most
	case mem.version != row.version:
		l.complete = false
	default:
		l.quiet = mem.quiet + 1
		l.complete = l.quiet >= quietFor && row.seats <= b.most
	}
	due := !row.nextExpiry.IsZero() && !row.nextExpiry.After(now)
	if !l.complete && !due && !renewed && !w.needsClocks(l) {
		l.unloaded = row.nextExpiry // nothing at all is due before that
		return l, l.readSome(ctx, tx, w, now)
	}
	clocks, err := clocksOf(ctx, tx, l.member)
	if err != nil {
		return nil, err
	}
	for _, c := range clocks {
		l.clocks[c.clockKey] = c.clock
	}
	if l.complete {
		return l, l.readAll(ctx, tx)
	}
	if err := l.addSeats(seatsExpired(ctx, tx, l.member, now)); err != nil {
		return nil, err
	}
	if l.unloaded, err = nextSeatExpiry(ctx, tx, l.member, now); err != nil {
		return nil, err
	}
	return l, l.readSome(ctx, tx, w, now)
}

// needsClocks reports whether a meeting may begin or end in this batch.
func (w *work) needsClocks(l *ledger) bool {
	for _, req := range w.requests {
		if req.kind == kindEnd || req.kind == kindReserve || req.kind == kindVoid || (req.kind == kindJoin && l.open[req.join.key()] == nil) {
			return true
		}
	}
	return len(l.queue) > 0
}

// readLimits takes the limits from memory when they are those of the row.
func (l *ledger) readLimits(ctx context.Context, tx store.Tx, mem *ledger) (err error) {
	if mem != nil && mem.limitsDoc != "" && mem.limitsVersion == l.limitsVersion && mem.limitsUntil == l.limitsUntil {
		l.limits, l.limitsDoc = mem.limits, mem.limitsDoc
		return nil
	}
	if l.limitsDoc, err = findLimits(ctx, tx, l.member); err != nil {
		return err
	}
	l.limits, err = parseLimits(l.limitsDoc)
	return err
}

func (l *ledger) addSeats(seats []*Seat, err error) error {
	for _, s := range seats {
		l.addSeat(s)
	}
	return err
}

func (l *ledger) readAll(ctx context.Context, tx store.Tx) error {
	keys := make([]string, 0, len(l.meetings))
	for m := range l.meetings {
		keys = append(keys, string(m))
	}
	return eachSeat(ctx, tx, selectMeetings, nil, keys, l.addSeat)
}

// readSome reads the seats decide will look at: those of the people who join and of the participants
// named, and all of meetings that end or are compared with a list.
func (l *ledger) readSome(ctx context.Context, tx store.Tx, w *work, now instant.Instant) error {
	whole := map[id.Meeting]bool{}
	persons := map[id.Meeting][]string{}
	var participants []string
	for _, m := range l.meetings {
		if !m.DeadlineAt.IsZero() && !m.DeadlineAt.After(now) {
			whole[m.ID] = true
		}
	}
	for _, req := range w.requests {
		switch req.kind {
		case kindJoin:
			if m := l.open[req.join.key()]; m != nil {
				persons[m.ID] = append(persons[m.ID], req.join.Person.String())
				if req.join.Service {
					whole[m.ID] = true // how many of them are there
				}
			}
		case kindPresent, kindAway, kindRelease, kindKeep:
			participants = append(participants, string(req.participant))
		case kindEnd, kindVoid, kindDetach:
			if l.meetings[req.meeting] != nil {
				whole[req.meeting] = true
			}
		case kindReconcile:
			for _, s := range req.seen {
				if l.meetings[s.Meeting] != nil {
					whole[s.Meeting] = true
				}
			}
		}
	}
	var meetings []string
	for m := range whole {
		meetings = append(meetings, string(m))
	}
	if err := eachSeat(ctx, tx, selectMeetings, nil, meetings, l.addSeat); err != nil {
		return err
	}
	for m, keys := range persons {
		if err := eachSeat(ctx, tx, selectPersons, []any{string(m)}, keys, l.addSeat); err != nil {
			return err
		}
	}
	return eachSeat(ctx, tx, selectParticipants, []any{string(l.member)}, participants, l.addSeat)
}

// findGone notes who of an engine's list has left since it was begun, so that nobody is counted who is
// gone. Mostly everybody listed has a seat, and nothing is read.
func (g *Gate) findGone(ctx context.Context, tx store.Tx, l *ledger, req *request, now instant.Instant) error {
	for _, seen := range req.seen {
		for _, p := range seen.People {
			if l.holders[p.Participant] != nil || p.Person.IsZero() || l.meetings[seen.Meeting] == nil {
				continue
			}
			left, err := g.deps.Facts.HasLeft(ctx, tx, l.member, seen.Meeting, req.began.Add(-clocksDiffer), now, string(WhyExpired))
			if err != nil {
				return err
			}
			if req.gone == nil {
				req.gone = map[seatKey]bool{}
			}
			if req.gone[seatKey{seen.Meeting, p.Person}], err = left(p.Person); err != nil {
				return err
			}
		}
	}
	return nil
}
