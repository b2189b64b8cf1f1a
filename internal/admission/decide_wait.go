// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"slices"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
)

// letIn gives what is free to the oldest tickets that fit (gateway.md R5). Afterwards no fresh waiter
// fits, so a join without a ticket overtakes nobody who could have had the seat.
func (d *decision) letIn() {
	for again := true; again; again = d.freed { // whoever starts a meeting lets in older ones who may not
		d.freed = false
		for _, w := range slices.Clone(d.queue) {
			if !w.fresh(d.now) {
				continue
			}
			if _, f := d.enter(&w.JoinInput); f == nil {
				d.tear(w)
			}
		}
	}
}

// enqueue draws a ticket, or keeps the one the person has.
func (d *decision) enqueue(w *waiter, in *JoinInput) answer {
	switch {
	case w == nil && len(d.queue) >= mostWaiters:
		return answer{err: full("admission.waiting_full", mostWaiters, len(d.queue))}
	case w == nil:
		d.drawn++
		w = &waiter{JoinInput: *in, place: d.drawn, queuedAt: d.now}
		d.addWaiter(w)
	default:
		if w.Participant != in.Participant {
			d.out.torn[w.Participant] = struct{}{}
			delete(d.waiting, w.Participant)
		}
		w.JoinInput = *in
		d.waiting[w.Participant] = w
	}
	w.Service = false // who waits, waits for a place like others
	d.refresh(w)
	return d.waits(w)
}

func (d *decision) refresh(w *waiter) {
	w.refreshedAt = d.now
	d.out.queued[w.ticket()] = struct{}{}
	d.out.dirty = true
}

func (d *decision) waits(w *waiter) answer {
	ahead := 0
	for _, o := range d.queue {
		if o == w {
			break
		}
		if o.fresh(d.now) {
			ahead++
		}
	}
	return answer{admission: Admission{Waiting: true, Ahead: ahead}}
}

// tear removes a ticket.
func (d *decision) tear(w *waiter) {
	d.dropWaiter(w)
	d.out.torn[w.Participant] = struct{}{}
	d.out.dirty = true
}

// keep refreshes the ticket of a participant, who may have been let in meanwhile.
func (d *decision) keep(p id.Participant) answer {
	if w := d.waiting[p]; w != nil {
		slept := !w.fresh(d.now)
		d.refresh(w)
		if slept { // what became free meanwhile went past it
			d.letIn()
		}
		if d.waiting[p] != nil {
			return d.waits(w)
		}
	}
	if s := d.holders[p]; s != nil {
		return answer{admission: Admission{Seat: *s}.of(d.meetings[s.Meeting])}
	}
	return answer{err: fault.New(fault.NotFound, "admission.not_waiting")}
}
