// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/tariff"
	"meetcoop/internal/usage"
)

// enter takes a seat for somebody, in the order of engine.md E8, or changes nothing and says why not.
func (d *decision) enter(in *JoinInput) (Admission, *fault.Error) {
	if f := d.limits.refusal(); f != nil {
		return Admission{}, f
	}
	m := d.open[in.key()]
	if in.Within != "" && (m == nil || m.ID != in.Within) {
		return Admission{}, fault.New(fault.Conflict, "meeting.ended")
	}
	if m == nil {
		return d.start(in)
	}
	if !m.Open() {
		return Admission{}, fault.New(fault.Unavailable, "meeting.not_ready")
	}
	if s := m.seats[in.Person]; s != nil {
		return d.again(m, s, in), nil
	}
	server, known := d.places.server(m.Server)
	service := in.Service && m.services() < ServicePlaces
	if f := d.crowded(m, in.Role, server); f != nil && !service {
		return Admission{}, f
	}
	if d.limits.Enforcement != tariff.EnforceCreate && !service {
		if f := d.noSeat(m.ID, m.Connection, in.Role); f != nil {
			return Admission{}, f
		}
	}
	if usable := known && server.Usable(d.now); !usable && server.Kind == fleet.KindBBB {
		return Admission{}, fault.New(fault.Unavailable, "fleet.server_silent")
	} else if !usable {
		if f := d.rehost(m); f != nil {
			return Admission{}, f
		}
	} else if d.places.full(m.Server, 1) {
		return Admission{}, fleet.EngineFull(server.MaxPeople)
	}
	return Admission{Seat: *d.seat(m, in, service)}.of(m), nil
}

// services counts the seats of a meeting that take no place. All of its seats must be in memory; see readSome.
func (m *meeting) services() int {
	n := 0
	for _, s := range m.seats {
		if s.Service {
			n++
		}
	}
	return n
}

// of puts the meeting as it is after the seat was taken into the answer.
func (a Admission) of(m *meeting) Admission {
	a.Meeting = m.Meeting
	return a
}

// start begins a meeting with its first seat.
func (d *decision) start(in *JoinInput) (Admission, *fault.Error) {
	if !in.MayStart {
		return Admission{}, fault.New(fault.Conflict, "room.not_started")
	}
	if n := len(d.meetings); !d.limits.RunningRooms.Allows(n + 1) {
		return Admission{}, full("admission.running_rooms", d.limits.RunningRooms, n)
	}
	left := d.limits.left(d.clocks[roomClock(in.key())], d.clocks[memberClock], d.now)
	if left.limited && left.left < shortest {
		return Admission{}, fault.New(fault.LimitReached, "admission.duration_exhausted", fault.Params{"Until": left.next})
	}
	m := &meeting{seats: map[PersonKey]*Seat{}, Meeting: fleet.Meeting{
		ID: in.Meeting, Member: in.Member, Connection: in.Connection, ExternalID: in.ExternalID, Room: in.Room, State: fleet.Live,
		StartedAt: d.now, DeadlineAt: left.deadline(d.now, in.Duration), Asked: in.Duration, Cap: in.Cap, Reserve: in.Reserve, Kept: in.Kept, StartedBy: in.Participant,
	}}
	if m.Cap <= 0 {
		m.Cap = tariff.Unlimited
	}
	server, noServer := d.places.choose(d.now, portalKinds, d.limits.Tags, nil, 1)
	if f := d.crowded(m, in.Role, server); f != nil {
		return Admission{}, f
	}
	if f := d.noSeat(m.ID, m.Connection, in.Role); f != nil {
		return Admission{}, f
	}
	if noServer != nil {
		return Admission{}, noServer
	}
	m.Server = server.ID
	d.meetings[m.ID], d.open[m.key()] = m, m
	d.freed = true // for those who wait for it and may not start it
	d.out.started = append(d.out.started, m)
	d.places.shift(m.Server, 1, 0)
	for _, k := range []clockKey{roomClock(m.key()), memberClock} {
		d.setClock(k, d.clocks[k].begin(d.now, d.limits.Pause))
	}
	d.fact(usage.Started, m, nil, 1, "")
	d.out.events = append(d.out.events, event{kind: eventStarted, meeting: m.Meeting})
	return Admission{Seat: *d.seat(m, in, false), Started: true}.of(m), nil
}

// crowded checks the people of one meeting: the level's limit, the meeting's own cap and what a server
// of its engine can hold.
func (d *decision) crowded(m *meeting, role Role, server fleet.Server) *fault.Error {
	own := server.MeetingCap()
	if !own.Allows(m.People + 1) {
		return full("fleet.engine_full", own, m.People)
	}
	limit := d.limits.withGrace(d.limits.Participants).Min(m.Cap).Min(d.limits.of(m.Connection).Participants)
	most, limited := limit.Int()
	viewers := m.People - m.Moderators
	if !limit.Allows(m.People+1) || (limited && role == RoleViewer && viewers >= most-m.Reserve) {
		return full("admission.participants_full", limit, m.People)
	}
	return nil
}

// noSeat checks the seats of the member. Seats kept for other meetings count as used; the moderators'
// reserve is closed for viewers (gateway.md J4).
func (d *decision) noSeat(m id.Meeting, c id.Connection, role Role) *fault.Error {
	if own := d.limits.of(c).Seats; own != tariff.Unlimited {
		held := 0
		for _, other := range d.meetings {
			if other.Connection == c {
				held += other.People
			}
		}
		if !own.Allows(held + 1) {
			return full("admission.seats_full", own, held)
		}
	}
	limit := d.limits.withGrace(d.limits.Seats)
	most, limited := limit.Int()
	if !limited {
		return nil
	}
	used := d.seats
	for _, other := range d.meetings {
		if other.Kept > other.People && other.ID != m {
			used += other.Kept - other.People
		}
	}
	viewers, reserve := d.seats-d.moderators, min(d.limits.Reserve, max(0, most-1))
	if used >= most || (role == RoleViewer && viewers >= most-reserve) {
		return full("admission.seats_full", limit, used)
	}
	return nil
}
