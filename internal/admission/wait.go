// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"context"
	"sync"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
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
	switch {
	case err == nil:
	case fault.KindOf(err) == fault.NotFound:
		return nil
	default:
		return err
	}
	_, err = g.submit(ctx, &request{kind: kindStop, member: member, participant: p})
	return err
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
