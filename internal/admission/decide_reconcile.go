// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

// reconcile compares what an engine lists of the member's meetings with their seats.
func (d *decision) reconcile(req *request) {
	for _, seen := range req.seen {
		m := d.meetings[seen.Meeting]
		if m == nil {
			continue
		}
		listed := map[*Seat]bool{}
		for _, p := range seen.People {
			s := d.holder(m.ID, p.Participant)
			switch {
			case s == nil:
				d.stranger(m, p, req)
				continue
			case !s.Present && s.SeenAt.Before(req.began):
				d.inside(s)
			}
			listed[s] = true
		}
		for _, s := range inOrder(m.seats) {
			if s.Present && !listed[s] && s.SeenAt.Before(req.began) {
				d.away(m.ID, s.Participant)
			}
		}
	}
	d.letIn()
}

// stranger is listed by the engine without a seat: theirs ran out while they were inside, unless they
// left since the list began, or sit there as a newer participant. They are counted at once, above the
// limit if need be (gateway.md H3).
func (d *decision) stranger(m *meeting, p SeenPerson, req *request) {
	if p.Person.IsZero() {
		p.Person = unknownPerson(p.Participant)
	}
	if p.Role != RoleModerator {
		p.Role = RoleViewer
	}
	key := seatKey{m.ID, p.Person}
	_, leftNow := d.left[key]
	if m.seats[p.Person] != nil || d.holders[p.Participant] != nil || leftNow || req.gone[key] {
		return
	}
	for _, w := range []*waiter{d.tickets[ticketKey{m.key(), p.Person}], d.waiting[p.Participant]} {
		if w != nil && d.waiting[w.Participant] == w {
			d.tear(w)
		}
	}
	service := p.Service && m.services() < ServicePlaces
	d.take(m, &Seat{
		Member: d.member, Meeting: m.ID, Person: p.Person, Participant: p.Participant, Role: p.Role,
		Present: true, Late: !service, Service: service, TakenAt: d.now, SeenAt: d.now,
	}, "late")
	if !service {
		d.out.late++
	}
}
