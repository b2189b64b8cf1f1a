// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"slices"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/tariff"
	"meetcoop/internal/usage"
)

func (in *ReserveInput) key() meetingKey { return meetingKey{in.Connection, in.ExternalID} }

// leaseFor returns how long a seat is kept for somebody who joins.
func (d *decision) leaseFor(in *JoinInput) time.Duration {
	if in.Lease > 0 {
		return in.Lease
	}
	return d.rules.lease
}

// holdOf returns how long the seat of somebody cut off is kept.
func (d *decision) holdOf(m *meeting) time.Duration {
	if s, _ := d.places.server(m.Server); s.Kind == fleet.KindBBB {
		return d.rules.hold
	}
	return d.rules.away
}

// reserve makes a meeting whose server must still be asked, or answers with the open one.
func (d *decision) reserve(in *ReserveInput) answer {
	if m := d.open[in.key()]; m != nil {
		return answer{admission: Admission{Most: d.most(m)}.of(m)}
	}
	if !in.Running {
		if f := d.mayReserve(in); f != nil {
			d.refused(&JoinInput{Connection: in.Connection, ExternalID: in.ExternalID}, f)
			return answer{err: f}
		}
	}
	left := d.limits.left(d.clocks[roomClock(in.key())], d.clocks[memberClock], d.now)
	if own := d.limits.of(in.Connection).Duration; own > 0 && (in.Duration == 0 || own < in.Duration) {
		in.Duration = own
	}
	m := &meeting{seats: map[PersonKey]*Seat{}, Meeting: fleet.Meeting{
		ID: in.Meeting, Member: in.Member, Connection: in.Connection, ExternalID: in.ExternalID, State: fleet.Reserved,
		StartedAt: d.now, DeadlineAt: left.deadline(d.now, in.Duration), Asked: in.Duration, Cap: in.Cap,
	}}
	if m.Cap <= 0 {
		m.Cap = tariff.Unlimited
	}
	server, f := d.place(in)
	if f != nil {
		d.refused(&JoinInput{Connection: in.Connection, ExternalID: in.ExternalID}, f)
		return answer{err: f}
	}
	m.Server = server.ID
	m.Expected = in.Expected
	if n, limited := d.most(m).Int(); limited {
		m.Expected = min(m.Expected, n)
	}
	d.meetings[m.ID], d.open[m.key()] = m, m
	d.out.started = append(d.out.started, m)
	d.out.dirty = true
	d.places.shift(m.Server, 1, 0)
	d.places.expect(m.Server, m.Expected)
	for _, k := range []clockKey{roomClock(m.key()), memberClock} {
		d.setClock(k, d.clocks[k].begin(d.now, d.limits.Pause))
	}
	return answer{admission: Admission{Started: true, Most: d.most(m)}.of(m), changed: true}
}

// place chooses where a meeting will be made.
func (d *decision) place(in *ReserveInput) (fleet.Server, *fault.Error) {
	if in.On == "" {
		return d.places.choose(d.now, in.Kinds, d.tags(in.Connection, in.Tags), in.Not, 0)
	}
	s, known := d.places.server(in.On)
	if !known || !in.Running && !s.Usable(d.now) {
		return s, fault.New(fault.Unavailable, "fleet.server_silent")
	}
	return s, nil
}

// mayReserve checks what a create is refused for.
func (d *decision) mayReserve(in *ReserveInput) *fault.Error {
	if f := d.limits.refusal(); f != nil {
		return f
	}
	if n := len(d.meetings); !d.limits.RunningRooms.Allows(n + 1) {
		return full("admission.running_rooms", d.limits.RunningRooms, n)
	}
	if own := d.limits.of(in.Connection).RunningRooms; own != tariff.Unlimited {
		running := 0
		for _, m := range d.meetings {
			if m.Connection == in.Connection {
				running++
			}
		}
		if !own.Allows(running + 1) {
			return full("admission.running_rooms", own, running)
		}
	}
	left := d.limits.left(d.clocks[roomClock(in.key())], d.clocks[memberClock], d.now)
	if left.limited && left.left < shortest {
		return fault.New(fault.LimitReached, "admission.duration_exhausted", fault.Params{"Until": left.next})
	}
	if d.limits.Enforcement == tariff.EnforceCreate {
		return d.noSeat(in.Meeting, in.Connection, RoleModerator)
	}
	return nil
}

// most is how many people the limits in force let into a meeting.
func (d *decision) most(m *meeting) tariff.Limit {
	if d.limits.Enforcement == tariff.EnforceCreate {
		return d.limits.Participants.Min(m.Cap).Min(d.limits.of(m.Connection).Participants)
	}
	own := d.limits.of(m.Connection)
	return d.limits.withGrace(d.limits.Participants).Min(d.limits.withGrace(d.limits.Seats)).Min(m.Cap).Min(own.Participants).Min(own.Seats)
}

// tags are what a server must carry: those of the level, of the connection, and those asked for.
func (d *decision) tags(c id.Connection, more []string) []string {
	own := d.limits.of(c).Tags
	if len(own)+len(more) == 0 {
		return d.limits.Tags
	}
	return slices.Concat(d.limits.Tags, own, more)
}

// transition takes a meeting on a BigBlueButton server from one state of its life to the next (gateway.md, section 2).
func (d *decision) transition(req *request) answer {
	m := d.meetings[req.meeting]
	over := answer{err: fault.New(fault.Conflict, "meeting.ended")}
	switch req.kind {
	case kindConfirm:
		if m == nil || m.State != fleet.Reserved {
			return over
		}
		m.State = fleet.Live
		if !req.first { // it has only moved
			d.changed(m)
			break
		}
		d.out.moved[m.ID] = m
		d.out.dirty = true
		d.fact(usage.Started, m, nil, 1, "")
		d.out.events = append(d.out.events, event{kind: eventStarted, meeting: m.Meeting})
	case kindElsewhere:
		if m == nil || (m.State != fleet.Reserved && m.State != fleet.Detached) {
			return over
		}
		s, f := d.places.choose(d.now, req.reserve.Kinds, d.tags(m.Connection, nil), req.reserve.Not, m.People)
		if f != nil {
			return answer{err: f}
		}
		d.places.shift(m.Server, -1, -m.People)
		d.places.shift(s.ID, 1, m.People)
		d.places.expect(s.ID, max(0, m.Expected-m.People))
		m.State, m.Server = fleet.Reserved, s.ID
		d.changed(m)
	case kindVoid:
		if m == nil || m.State != fleet.Reserved {
			return answer{}
		}
		for _, s := range inOrder(m.seats) {
			d.release(s, WhyEnded)
		}
		d.close(m, fleet.Void, d.now, fleet.EndPlatform)
		d.letIn()
	case kindDetach:
		if m == nil || m.State == fleet.Detached {
			return answer{}
		}
		m.State = fleet.Detached
		for _, s := range inOrder(m.seats) {
			if s.Present {
				s.Present, s.ExpiresAt, s.SeenAt = false, d.now.Add(d.rules.detached), d.now
				d.expects(s)
				d.touch(s)
			}
		}
		d.changed(m)
	case kindReattach:
		if m == nil || m.State != fleet.Detached {
			return answer{}
		}
		m.State = fleet.Live
		d.changed(m)
	default:
		return answer{}
	}
	return answer{admission: Admission{Most: d.most(m)}.of(m), changed: true}
}
