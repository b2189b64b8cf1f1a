// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"cmp"
	"slices"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/tariff"
	"meetcoop/internal/usage"
)

// seat gives a new seat; the limits have been checked.
func (d *decision) seat(m *meeting, in *JoinInput, service bool) *Seat {
	s := &Seat{
		Member: d.member, Meeting: m.ID, Person: in.Person, Participant: in.Participant, Role: in.Role,
		ExpiresAt: d.now.Add(d.leaseFor(in)), TakenAt: d.now, Service: service,
	}
	d.take(m, s, "")
	return s
}

// take counts a new seat.
func (d *decision) take(m *meeting, s *Seat, code string) {
	m.seats[s.Person] = s
	d.holders[s.Participant] = s
	d.count(m, s, 1)
	m.Peak = max(m.Peak, m.People)
	d.peak = max(d.peak, d.seats)
	if d.peakHour.IsZero() {
		d.peakHour, d.out.rescheduled = hourOf(d.now), true
	}
	d.touch(s)
	d.expects(s)
	if !s.Service {
		d.fact(usage.Joined, m, s, 1, code)
	}
	d.out.events = append(d.out.events, event{kind: eventAdmitted, seat: *s})
}

// count adds by seats of the role of s to all counters; a seat that takes no place counts nowhere.
func (d *decision) count(m *meeting, s *Seat, by int) {
	if s.Service {
		return
	}
	d.seats += by
	m.People += by
	if s.Role == RoleModerator {
		d.moderators += by
		m.Moderators += by
	}
	d.places.shift(m.Server, 0, by)
	d.out.meetings[m.ID] = m
	d.out.dirty = true
}

// touch has the row of a seat written, or deleted when it is gone by then.
func (d *decision) touch(s *Seat) {
	d.out.seats[seatKey{s.Meeting, s.Person}] = struct{}{}
	d.out.dirty = true
}

// again keeps the seat of somebody who joins once more. A new participant (another tab, a reload) takes
// it over and is on the way in; the row is written in any case, as a release may be on its way.
func (d *decision) again(m *meeting, s *Seat, in *JoinInput) Admission {
	a := Admission{}
	if s.Role != in.Role {
		d.count(m, s, -1)
		s.Role = in.Role
		d.count(m, s, 1)
		d.freed = true // a viewer's place, if they were one and are moderator now
	}
	if s.Participant != in.Participant {
		a.Replaced = s.Participant
		d.out.events = append(d.out.events, event{kind: eventReleased, seat: *s, why: WhyReplaced})
		delete(d.holders, s.Participant)
		s.Participant, s.Present, s.ExpiresAt = in.Participant, false, instant.Instant{}
		d.holders[s.Participant] = s
		d.out.events = append(d.out.events, event{kind: eventAdmitted, seat: *s})
	}
	if !s.Present {
		s.ExpiresAt = instant.Later(s.ExpiresAt, d.now.Add(d.leaseFor(in)))
		d.expects(s)
	}
	d.touch(s)
	a.Seat = *s
	return a.of(m)
}

func (d *decision) present(m id.Meeting, p id.Participant) answer {
	s := d.holder(m, p)
	if s == nil {
		return answer{err: fault.New(fault.NotFound, "admission.no_seat")}
	}
	d.inside(s)
	return answer{admission: Admission{Seat: *s}}
}

// inside notes that the holder is really there.
func (d *decision) inside(s *Seat) {
	s.Present, s.ExpiresAt, s.SeenAt = true, instant.Instant{}, d.now
	d.touch(s)
}

// away notes that the holder was cut off.
func (d *decision) away(m id.Meeting, p id.Participant) {
	if s := d.holder(m, p); s != nil && s.Present {
		s.Present, s.ExpiresAt, s.SeenAt = false, d.now.Add(d.holdOf(d.meetings[m])), d.now
		d.expects(s)
		d.touch(s)
	}
}

// release takes a seat back at once.
func (d *decision) release(s *Seat, why Why) {
	m := d.meetings[s.Meeting]
	delete(m.seats, s.Person)
	delete(d.holders, s.Participant)
	d.count(m, s, -1)
	d.touch(s)
	if why != WhyExpired {
		d.left[seatKey{s.Meeting, s.Person}] = struct{}{}
	}
	if held := seconds(d.now.Sub(s.TakenAt)); !s.Service {
		m.Seconds += held
		d.fact(usage.Left, m, s, held, string(why))
	}
	d.out.events = append(d.out.events, event{kind: eventReleased, seat: *s, why: why})
}

// end closes a meeting: seats and room are free at once, its clocks stop, and whoever waits for it is
// sent home unless it ended because nobody was in it.
func (d *decision) end(m *meeting, at instant.Instant, why fleet.EndReason) {
	for _, s := range inOrder(m.seats) {
		d.release(s, WhyEnded)
	}
	if why != fleet.EndEmpty {
		for _, w := range slices.Clone(d.queue) {
			if w.key() == m.key() {
				d.tear(w)
			}
		}
	}
	d.close(m, fleet.Ended, at, why)
	d.fact(usage.Ended, m, nil, seconds(at.Sub(m.StartedAt)), string(why))
	d.fact(usage.Peak, m, nil, m.Peak, "")
	d.fact(usage.Seated, m, nil, m.Seconds, "")
	d.out.events = append(d.out.events, event{kind: eventEnded, meeting: m.Meeting})
}

// close takes a meeting out of the counts and stops its clocks. One that nobody was in has used no time (gateway.md L3).
func (d *decision) close(m *meeting, state fleet.State, at instant.Instant, why fleet.EndReason) {
	m.State, m.EndedAt, m.EndReason = state, at, why
	delete(d.meetings, m.ID)
	delete(d.open, m.key())
	d.out.meetings[m.ID], d.out.moved[m.ID] = m, m
	d.out.dirty = true
	d.places.shift(m.Server, -1, 0)
	keys := []clockKey{roomClock(m.key())}
	if len(d.meetings) == 0 {
		keys = append(keys, memberClock)
	}
	for _, k := range keys {
		c, until := d.clocks[k], at
		if m.Peak == 0 && c.since == m.StartedAt {
			until = m.StartedAt
		}
		d.setClock(k, c.end(until, d.limits.zone()))
	}
}

func (d *decision) setClock(k clockKey, c clock) {
	d.clocks[k] = c
	d.out.clocks[k] = struct{}{}
	d.out.dirty = true
}

// move finds another server for a meeting whose own is down.
func (d *decision) move(id id.Meeting) answer {
	m := d.meetings[id]
	if m == nil {
		return answer{err: fault.New(fault.Conflict, "meeting.ended")}
	}
	if s, known := d.places.server(m.Server); s.Kind != fleet.KindBBB && (!known || !s.Usable(d.now)) {
		if f := d.rehost(m); f != nil {
			return answer{err: f}
		}
	}
	return answer{admission: Admission{Meeting: m.Meeting}}
}

// rehost gives a meeting another server. Everybody keeps the seat: they come back by themselves.
func (d *decision) rehost(m *meeting) *fault.Error {
	s, f := d.places.choose(d.now, portalKinds, d.limits.Tags, []id.Server{m.Server}, m.People)
	if f != nil {
		return f
	}
	d.places.shift(m.Server, -1, -m.People)
	d.places.shift(s.ID, 1, m.People)
	m.Server = s.ID
	d.changed(m)
	return nil
}

func (d *decision) changed(m *meeting) {
	d.out.moved[m.ID] = m
	d.out.dirty = true
	d.out.events = append(d.out.events, event{kind: eventChanged, meeting: m.Meeting})
}

// extend moves the deadlines of running meetings after the limits were read again: later, never
// earlier. Differences below a second are rounding.
func (d *decision) extend() {
	for _, m := range d.inOrderOfStart() {
		if m.DeadlineAt.IsZero() {
			continue
		}
		deadline := d.deadlineOf(m)
		if deadline.IsZero() || deadline.Sub(m.DeadlineAt) >= time.Second {
			m.DeadlineAt = deadline
			d.changed(m)
		}
	}
}

// deadlineOf returns when a running meeting must end by the limits in force; none is never.
func (d *decision) deadlineOf(m *meeting) instant.Instant {
	room, member := d.clocks[roomClock(m.key())], d.clocks[memberClock]
	at := d.limits.leftOfDay(room, member, d.now).deadline(d.now, 0)
	if d.limits.Scope == tariff.ScopeMeeting {
		at = instant.Earlier(at, timeLeft{d.limits.Duration > 0, d.limits.Duration, d.now}.deadline(m.StartedAt, 0))
	} else {
		at = instant.Earlier(at, d.limits.leftOfSitting(room, member, d.now).deadline(d.now, 0))
	}
	if m.Asked > 0 {
		at = instant.Earlier(at, m.StartedAt.Add(m.Asked))
	}
	return at
}

// seconds rounds down; a clock that was set back gives 0.
func seconds(d time.Duration) int { return max(0, int(d/time.Second)) }

func hourOf(now instant.Instant) instant.Instant { return instant.Of(now.Time().Truncate(time.Hour)) }

// inOrder returns the seats in the order they were taken, so that equal input gives equal output.
func inOrder(seats map[PersonKey]*Seat) []*Seat {
	out := make([]*Seat, 0, len(seats))
	for _, s := range seats {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *Seat) int {
		return cmp.Or(a.TakenAt.Compare(b.TakenAt), cmp.Compare(a.Participant, b.Participant))
	})
	return out
}

func (d *decision) inOrderOfStart() []*meeting {
	out := make([]*meeting, 0, len(d.meetings))
	for _, m := range d.meetings {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b *meeting) int {
		return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.ID, b.ID))
	})
	return out
}
