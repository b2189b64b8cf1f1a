// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"context"
	"crypto/sha256"
	"sync"

	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// KeepWaiting refreshes a place on the waiting list; a place that is not refreshed for 15 s is passed
// over, after two minutes it is gone. The answer says how many are ahead, or holds the seat if the
// participant was let in meanwhile. NotFound (admission.not_waiting).
func (g *Gate) KeepWaiting(ctx context.Context, p id.Participant) (Admission, error) {
	member, err := g.participantsMember(ctx, p)
	if err != nil {
		return Admission{}, err
	}
	return g.submit(ctx, &request{kind: kindKeep, member: member, participant: p})
}

// StopWaiting gives a place on the waiting list up. Whoever is not on it is no error. A seat taken
// meanwhile stays: Release frees it.
func (g *Gate) StopWaiting(ctx context.Context, p id.Participant) error {
	member, err := g.participantsMember(ctx, p)
	if fault.KindOf(err) == fault.NotFound && err != nil {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = g.submit(ctx, &request{kind: kindStop, member: member, participant: p})
	return err
}

// Reconcile compares a complete list of what runs on a server with the seats: who is listed is present,
// who is not, though the list was begun after they were last seen, is away and keeps the seat for
// Deps.Away. Whoever is listed without a seat is counted (Seat.Late). Meetings the list does not name
// count as empty; none is ended here. A list that is not complete must not be given.
func (g *Gate) Reconcile(ctx context.Context, server id.Server, seen []Seen, began instant.Instant) error {
	var running []fleet.Meeting
	err := g.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		running, err = fleet.RunningOn(ctx, r, server)
		return err
	})
	if err != nil {
		return err
	}
	people := map[id.Meeting][]SeenPerson{}
	for _, s := range seen {
		people[s.Meeting] = s.People
	}
	byMember := map[id.Member]*request{}
	var requests []*request
	for _, m := range running {
		req := byMember[m.Member]
		if req == nil {
			req = &request{kind: kindReconcile, member: m.Member, began: began}
			byMember[m.Member] = req
			requests = append(requests, req)
		}
		req.seen = append(req.seen, Seen{m.ID, people[m.ID]})
	}
	return g.submitAll(ctx, requests)
}

// unknownPerson is the key of somebody of whom only the participant is known.
func unknownPerson(p id.Participant) PersonKey {
	sum := sha256.Sum256([]byte(p))
	return PersonKey(sum[:16])
}

// Tick looks at every member for whom time alone changes something: seats that ran out, deadlines,
// forgotten tickets. It is a duty, each second, for one node or all.
func (g *Gate) Tick(ctx context.Context) error {
	now := g.deps.Now()
	var due []id.Member
	err := g.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		due, err = membersDue(ctx, r, now)
		return err
	})
	if err != nil {
		return err
	}
	requests := make([]*request, len(due))
	for i, m := range due {
		requests[i] = &request{kind: kindSweep, member: m}
	}
	return g.submitAll(ctx, requests)
}

// submitAll submits requests of different members side by side and returns the first error.
func (g *Gate) submitAll(ctx context.Context, requests []*request) error {
	var wg sync.WaitGroup
	var once sync.Once
	var first error
	for _, req := range requests {
		wg.Go(func() {
			if _, err := g.submit(ctx, req); err != nil {
				once.Do(func() { first = err })
			}
		})
	}
	wg.Wait()
	return first
}

// EntitlementChanged has the next decision for the member, on every node, read its entitlement again.
// Whatever changes a standing, a level or an override calls it in its own transaction (it implements
// membership.Changed), and tells membership.TopicEntitlement. It joins tx.
func (g *Gate) EntitlementChanged(ctx context.Context, tx store.Tx, now instant.Instant, member id.Member) error {
	return raiseEntitlement(ctx, tx, now, member)
}

func (g *Gate) refreshIfUsed(ctx context.Context, member id.Member) error {
	var used bool
	err := g.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		used, err = inUse(ctx, r, member)
		return err
	})
	if err != nil || !used {
		return err
	}
	return g.Refresh(ctx, member)
}

// UsageNow returns what the member uses, with the limits of its present entitlement. It joins r.
func (g *Gate) UsageNow(ctx context.Context, r store.Reader, member id.Member, now instant.Instant) (Usage, error) {
	e, err := g.deps.Entitled(ctx, r, member, now)
	if err != nil {
		return Usage{}, err
	}
	u := Usage{Entitlement: e}
	u.Seats.Limit, u.RunningRooms.Limit = e.Limits.Seats, e.Limits.RunningRooms
	if u.Seats.Used, u.Seats.Held, err = countSeats(ctx, r, member, now); err != nil {
		return Usage{}, err
	}
	if u.Meetings, err = fleet.Running(ctx, r, member); err != nil {
		return Usage{}, err
	}
	u.RunningRooms.Used = len(u.Meetings)
	u.Waiting, err = countFresh(ctx, r, member, now.Add(-freshFor))
	return u, err
}

// members remembers whose a meeting or a participant is, which never changes.
type memberCache struct {
	mu    sync.Mutex
	known map[string]id.Member
}

const cacheMost = 100000

func (c *memberCache) find(key string, read func() (id.Member, error)) (id.Member, error) {
	c.mu.Lock()
	m, ok := c.known[key]
	c.mu.Unlock()
	if ok {
		return m, nil
	}
	m, err := read()
	if err == nil {
		c.put(key, m)
	}
	return m, err
}

func (c *memberCache) put(key string, m id.Member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= cacheMost {
		c.known = map[string]id.Member{}
	}
	c.known[key] = m
}

func (g *Gate) participantsMember(ctx context.Context, p id.Participant) (id.Member, error) {
	return g.members.find(string(p), func() (m id.Member, err error) {
		err = g.deps.DB.Read(ctx, func(r store.Reader) error {
			m, err = memberOfParticipant(ctx, r, p)
			return err
		})
		return m, err
	})
}

// forMeeting submits a request about a meeting to the lane of its member.
func (g *Gate) forMeeting(ctx context.Context, m id.Meeting, req *request) (Admission, error) {
	member, err := g.members.find(string(m), func() (found id.Member, err error) {
		err = g.deps.DB.Read(ctx, func(r store.Reader) error {
			found, err = memberOfMeeting(ctx, r, m)
			return err
		})
		return found, err
	})
	if err != nil {
		return Admission{}, err
	}
	req.member, req.meeting = member, m
	return g.submit(ctx, req)
}
