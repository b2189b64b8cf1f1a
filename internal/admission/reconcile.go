// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"context"
	"crypto/sha256"
	"sync"

	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

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
