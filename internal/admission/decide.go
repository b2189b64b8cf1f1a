// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/usage"
)

// rules are the times a decision goes by.
type rules struct {
	lease, away time.Duration
	hold        time.Duration // away on a BigBlueButton server
	detached    time.Duration // away when the server itself is gone
}

// answer is what a request gets once everything is committed.
type answer struct {
	admission Admission
	changed   bool // a meeting was reserved, confirmed or moved: Then runs
	err       error
}

// changes is what a decision wants written. Rows are named; their final state is in the ledger.
type changes struct {
	dirty       bool // the row in member_usage must be written
	rescheduled bool // and the moment of the next change by time alone has moved, or the hour of the peak
	seats       map[seatKey]struct{}
	meetings    map[id.Meeting]*meeting // counts, and for meetings in moved everything
	started     []*meeting
	moved       map[id.Meeting]*meeting // server, deadline, state or end are others
	queued      map[ticketKey]struct{}  // tickets drawn or refreshed
	torn        map[id.Participant]struct{}
	clocks      map[clockKey]struct{}
	facts       []usage.Fact
	events      []event
	late        int
}

type seatKey struct {
	meeting id.Meeting
	person  PersonKey
}

// eventKind says which method of Observer an event is for.
type eventKind uint8

const (
	eventStarted eventKind = iota
	eventChanged
	eventEnded
	eventAdmitted
	eventReleased
)

type event struct {
	kind    eventKind
	meeting fleet.Meeting
	seat    Seat
	why     Why
}

// decision is the work on one member in one batch.
type decision struct {
	*ledger
	now    instant.Instant
	rules  rules
	places *places
	out    *changes
	left   map[seatKey]struct{} // seats given back in this batch, other than by running out
	freed  bool                 // a join has made it possible for others to enter
}

// decide answers the requests of one member in order of arrival, changing the ledger. It does no I/O:
// the same ledger, requests, time and places give the same result. What has expired goes first, so no
// janitor is needed for the numbers to be true; then whoever waits and fits is let in, and again after
// each request that frees something.
//
// Seats the requests speak of must be in the ledger, or it must be complete; see load. reread says that
// the ledger's limits were just read again.
func decide(l *ledger, requests []*request, now instant.Instant, r rules, p *places, reread bool) ([]answer, *changes) {
	d := &decision{
		ledger: l, now: now, rules: r, places: p, left: map[seatKey]struct{}{},
		out: &changes{
			seats: map[seatKey]struct{}{}, meetings: map[id.Meeting]*meeting{}, moved: map[id.Meeting]*meeting{},
			queued: map[ticketKey]struct{}{}, torn: map[id.Participant]struct{}{}, clocks: map[clockKey]struct{}{},
		},
	}
	d.rollPeak()
	d.dropExpired()
	if reread {
		d.extend()
	}
	d.letIn()
	answers := make([]answer, len(requests))
	for i, req := range requests {
		answers[i] = d.one(req)
	}
	d.scheduleNext()
	d.out.dirty = d.out.dirty || reread
	return answers, d.out
}

func (d *decision) one(req *request) answer {
	switch req.kind {
	case kindJoin:
		return d.join(&req.join)
	case kindPresent:
		return d.present(req.meeting, req.participant)
	case kindAway:
		d.away(req.meeting, req.participant)
	case kindRelease:
		if s := d.holder(req.meeting, req.participant); s != nil {
			d.release(s, req.why)
			d.letIn()
		}
	case kindEnd:
		if m := d.meetings[req.meeting]; m != nil {
			d.end(m, d.now, req.reason)
			d.letIn()
		}
	case kindMove:
		return d.move(req.meeting)
	case kindKeep:
		return d.keep(req.participant)
	case kindStop:
		if w := d.waiting[req.participant]; w != nil {
			d.tear(w)
		}
	case kindReconcile:
		d.reconcile(req)
	case kindReserve:
		return d.reserve(&req.reserve)
	case kindConfirm, kindElsewhere, kindVoid, kindDetach, kindReattach:
		return d.transition(req)
	case kindSweep, kindRefresh:
		// what they are for has been done above
	}
	return answer{}
}

// holder returns the seat of a participant in that meeting, or nil.
func (d *decision) holder(m id.Meeting, p id.Participant) *Seat {
	if s := d.holders[p]; s != nil && s.Meeting == m {
		return s
	}
	return nil
}

// join lets somebody in, queues them or refuses.
func (d *decision) join(in *JoinInput) answer {
	a, f := d.enter(in)
	w := d.tickets[in.ticket()]
	switch {
	case f == nil:
		if w != nil {
			d.tear(w)
		}
		if d.freed {
			d.letIn()
		}
		return answer{admission: a}
	case in.Wait && waitable(f):
		return d.enqueue(w, in)
	}
	d.refused(in, f)
	return answer{err: f}
}

// waitable reports whether a refusal passes by itself when somebody leaves.
func waitable(f *fault.Error) bool {
	return f.Code == "admission.seats_full" || f.Code == "admission.participants_full" || f.Code == "fleet.engine_full"
}

// scheduleNext sets when the member must be looked at again though nobody asks. An earlier moment than
// needed is kept: looking in vain is cheaper than writing the index with every join.
func (d *decision) scheduleNext() {
	next := d.due()
	if d.nextExpiry == next || (d.nextExpiry.After(d.now) && !next.IsZero() && d.nextExpiry.Before(next)) {
		return
	}
	d.nextExpiry, d.out.rescheduled = next, true
	d.out.dirty = true
}

// fact notes what happened for the usage page.
func (d *decision) fact(kind usage.Kind, m *meeting, s *Seat, n int, code string) {
	f := usage.Fact{At: d.now, Member: d.member, Connection: m.Connection, Meeting: m.ID, Kind: kind, N: n, Code: code}
	if s != nil {
		f.PersonKey = s.Person
	}
	d.out.facts = append(d.out.facts, f)
}

// refusal is one reason for one person (nobody for a create) at one meeting of an API client.
type refusal struct {
	ticket ticketKey
	code   string
}

const (
	toldFor  = time.Minute
	toldMost = 1000
)

// told reports whether the same refusal was noted in the last minute, and notes that it is now: clients try three times, and pages
// every few seconds (gateway.md R4).
func (d *decision) told(r refusal) bool {
	if at, ok := d.refusals[r]; ok && d.now.Sub(at) < toldFor {
		return true
	}
	if d.refusals == nil || len(d.refusals) >= toldMost {
		d.refusals = map[refusal]instant.Instant{}
	}
	d.refusals[r] = d.now
	return false
}

// refused notes a refusal by a limit, a standing or a server; what the room itself decides is no
// matter of usage.
func (d *decision) refused(in *JoinInput, f *fault.Error) {
	if f.Kind == fault.Conflict || (in.Room == "" && d.told(refusal{in.ticket(), f.Code})) {
		return
	}
	fact := usage.Fact{At: d.now, Member: d.member, Connection: in.Connection, Kind: usage.Refused, PersonKey: in.Person, N: 1, Code: f.Code}
	if m := d.open[in.key()]; m != nil {
		fact.Meeting = m.ID
	}
	d.out.facts = append(d.out.facts, fact)
}
