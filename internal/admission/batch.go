// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"cmp"
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
	"meetcoop/internal/usage"
)

// work is what a batch does for one member.
type work struct {
	member   id.Member
	requests []*request
	ledger   *ledger
	answers  []answer
	out      *changes
	renewed  bool // the limits were read anew, and are to be stored
}

// byMember sorts a batch into members, in the order in which their rows are locked, and keeps the
// order of arrival within each.
func byMember(batch []*request) []*work {
	at := map[id.Member]*work{}
	var out []*work
	for _, req := range batch {
		w := at[req.member]
		if w == nil {
			w = &work{member: req.member}
			at[req.member] = w
			out = append(out, w)
		}
		w.requests = append(w.requests, req)
	}
	slices.SortFunc(out, func(a, b *work) int { return cmp.Compare(a.member, b.member) })
	return out
}

// commit decides a batch in one transaction and answers it after the commit. On an error nothing is
// answered and nothing remembered.
func (l *lane) commit(ctx context.Context, batch []*request) error {
	g, now := l.gate, l.gate.deps.Now()
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	all := byMember(batch)
	var p *places
	attempt := 0
	err := g.deps.DB.Gate(ctx, func(tx store.Tx) (err error) {
		defer func() {
			if r := recover(); r != nil { // of one request: the others must not suffer
				err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
			}
		}()
		if attempt++; attempt > 1 {
			l.forget(all) // the attempt before has changed the ledgers
		}
		p, err = l.decideAll(ctx, tx, all, now)
		if err != nil {
			return err
		}
		return l.write(ctx, tx, all, now)
	})
	if err != nil {
		l.forget(all)
		return err
	}
	l.remember(all)
	g.fleet.settle(p)
	for _, w := range all {
		for _, m := range w.out.started { // whoever began it will speak of it next
			g.members.put(string(m.ID), w.member)
		}
		g.metrics.late.Add(float64(w.out.late))
		for i, req := range w.requests {
			g.metrics.wait.Observe(time.Since(req.at).Seconds())
			g.metrics.decided(req.kind, w.answers[i].err)
			req.finish(w.answers[i])
		}
	}
	return nil
}

// decideAll locks the members, brings their ledgers up to date and lets decide answer.
func (l *lane) decideAll(ctx context.Context, tx store.Tx, all []*work, now instant.Instant) (*places, error) {
	g := l.gate
	unchanged, err := l.follow(ctx, tx)
	if err != nil {
		return nil, err
	}
	locked, err := lockUsage(ctx, tx, all, l.memory, unchanged)
	if err != nil {
		return nil, err
	}
	reread := make([]bool, len(all))
	for i, w := range all {
		row := locked.rows[w.member]
		fresh := row.holds(locked.entitlements[w.member], now)
		if w.ledger, err = g.ledgerFor(ctx, tx, l.memory[w.member], row, w, now, !fresh); err != nil {
			return nil, err
		}
		w.ledger.asOf = l.disturbed
		if fresh {
			continue
		}
		if err := g.entitle(ctx, tx, w.ledger, locked.entitlements[w.member], now); err != nil {
			return nil, err
		}
		reread[i], w.renewed = true, true
	}
	p, err := g.fleet.read(ctx, tx, locked.fleet, now)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(all, (*work).admits) {
		if err := p.lock(ctx, tx, now); err != nil {
			return nil, err
		}
	}
	for i, w := range all {
		w.answers, w.out = decide(w.ledger, w.requests, now, rules{g.deps.Lease, g.deps.Away, g.deps.Hold, detachedHold}, p, reread[i])
	}
	return p, nil
}

// follow returns whether the rows of a ledger are known to be as they were when the lane last had them: nobody but the lane itself has
// written any since (ADR 20). It joins tx.
func (l *lane) follow(ctx context.Context, tx store.Tx) (func(*ledger) bool, error) {
	marks, known, err := store.Marks(ctx, tx)
	if err != nil || !known {
		return func(*ledger) bool { return false }, err
	}
	if marks != l.marks {
		l.disturbed++
	}
	l.marks = store.Mark(tx) // of the writes of this batch, for other gates on the same handle
	return func(mem *ledger) bool { return mem.complete && mem.asOf == l.disturbed }, nil
}

// admits reports whether people may come to a server, or be moved to one.
func (w *work) admits() bool {
	return len(w.ledger.queue) > 0 || slices.ContainsFunc(w.requests, func(req *request) bool {
		return req.kind == kindJoin || req.kind == kindMove
	})
}

// holds reports whether the limits stored are still those in force: nothing has changed since, and no
// boundary has passed.
func (u usageRow) holds(version int64, now instant.Instant) bool {
	return u.version > 0 && u.limitsVersion == version && (u.limitsUntil.IsZero() || now.Before(u.limitsUntil))
}

// entitle reads what the member may use now.
func (g *Gate) entitle(ctx context.Context, tx store.Tx, l *ledger, version int64, now instant.Instant) error {
	e, err := g.deps.Entitled(ctx, tx, l.member, now)
	if err != nil {
		return fmt.Errorf("entitlement: %w", err)
	}
	l.limits, l.limitsVersion, l.limitsUntil = limitsOf(e), version, e.ValidUntil
	if e.Allowed {
		connections, until, err := tariff.OfConnections(ctx, tx, l.member, e.Zone, now)
		if err != nil {
			return fmt.Errorf("levels of connections: %w", err)
		}
		l.limitsUntil = instant.Earlier(l.limitsUntil, until)
		for c, v := range connections {
			if l.limits.Own == nil {
				l.limits.Own = map[id.Connection]own{}
			}
			l.limits.Own[c] = own{v.Seats, v.Participants, v.RunningRooms, v.Duration, v.Tags}
		}
	}
	l.limitsDoc, err = l.limits.document()
	return err
}

// write stores what was decided and tells the observer.
func (l *lane) write(ctx context.Context, tx store.Tx, all []*work, now instant.Instant) error {
	if err := writeMeetings(ctx, tx, all); err != nil {
		return err
	}
	if err := writeRows(ctx, tx, all); err != nil {
		return err
	}
	var facts []usage.Fact
	var events []event
	for _, w := range all {
		facts = append(facts, w.out.facts...)
		events = append(events, w.out.events...)
	}
	if err := l.gate.deps.Facts.Record(ctx, tx, facts...); err != nil {
		return err
	}
	for _, w := range all {
		for i, req := range w.requests {
			if a := w.answers[i]; a.changed && req.then != nil {
				if err := req.then(ctx, tx, now, a.admission); err != nil {
					return err
				}
			}
		}
	}
	return l.gate.tell(ctx, tx, now, events)
}

// writeMeetings stores meetings before seats refer to them. One that began and ended in this batch is
// written in its last state.
func writeMeetings(ctx context.Context, tx store.Tx, all []*work) error {
	var started, counted []fleet.Meeting
	for _, w := range all {
		fresh := map[id.Meeting]bool{}
		for _, m := range w.out.started {
			started = append(started, m.Meeting)
			fresh[m.ID] = true
		}
		for _, m := range w.out.meetings {
			if !fresh[m.ID] {
				counted = append(counted, m.Meeting)
			}
		}
		for _, m := range w.out.moved {
			if fresh[m.ID] {
				continue
			}
			if err := fleet.Save(ctx, tx, m.Meeting); err != nil {
				return err
			}
		}
	}
	if err := fleet.Insert(ctx, tx, started...); err != nil {
		return err
	}
	return fleet.SaveCounts(ctx, tx, counted...)
}

// tell passes events to the observer, runs of the same kind together.
func (g *Gate) tell(ctx context.Context, tx store.Tx, now instant.Instant, events []event) error {
	if g.deps.Observer == nil {
		return nil
	}
	for len(events) > 0 {
		first, n := events[0], 1
		var err error
		switch first.kind {
		case eventStarted:
			err = g.deps.Observer.MeetingStarted(ctx, tx, now, first.meeting)
		case eventChanged:
			err = g.deps.Observer.MeetingChanged(ctx, tx, now, first.meeting)
		case eventEnded:
			err = g.deps.Observer.MeetingEnded(ctx, tx, now, first.meeting)
		default:
			seats := []Seat{first.seat}
			for n < len(events) && events[n].kind == first.kind && events[n].why == first.why {
				seats = append(seats, events[n].seat)
				n++
			}
			if first.kind == eventAdmitted {
				err = g.deps.Observer.Admitted(ctx, tx, now, seats)
			} else {
				err = g.deps.Observer.Released(ctx, tx, now, seats, first.why)
			}
		}
		if err != nil {
			return fmt.Errorf("observer: %w", err)
		}
		events = events[n:]
	}
	return nil
}
