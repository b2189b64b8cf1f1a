// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"sync"

	"meetcoop/internal/admission"
	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/id"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
	"meetcoop/internal/usage"
)

// helpers are the service users as this node remembers them: read again when somebody changed them.
type helpers struct {
	mu    sync.Mutex
	known bool
	age   int // raised with each change, so that a read under way does not bring back what was
	of    map[id.Connection][]membership.ServiceUser
}

// watch follows changes.
func (h *helpers) watch(ctx context.Context, db *store.DB) error {
	return db.Watch(ctx, membership.TopicServiceUser, func(string) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.age++
		h.known = false
	})
}

func (h *helpers) all(ctx context.Context, db *store.DB) (map[id.Connection][]membership.ServiceUser, error) {
	h.mu.Lock()
	of, known, age := h.of, h.known, h.age
	h.mu.Unlock()
	if known {
		return of, nil
	}
	var rows []membership.ServiceUser
	err := db.Read(ctx, func(r store.Reader) (err error) {
		rows, err = membership.ServiceUsers(ctx, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	of = map[id.Connection][]membership.ServiceUser{}
	for _, u := range rows {
		of[u.Connection] = append(of[u.Connection], u)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.age == age {
		h.of, h.known = of, true
	}
	return of, nil
}

// helping returns what tells helpers of a connection from others; some is false when it has none.
func (s *Service) helping(ctx context.Context, connection id.Connection) (is func(userID string) bool, some bool, err error) {
	of, err := s.helpers.all(ctx, s.deps.DB)
	if err != nil {
		return nil, false, err
	}
	everywhere, here := of[""], of[connection]
	return func(userID string) bool {
		for _, list := range [][]membership.ServiceUser{everywhere, here} {
			for _, u := range list {
				if u.Matches(userID) {
					return true
				}
			}
		}
		return false
	}, len(everywhere)+len(here) > 0, nil
}

// withHelpers adds to the most people of a meeting those who take no place: the server counts them.
func (s *Service) withHelpers(ctx context.Context, connection id.Connection, most tariff.Limit) (tariff.Limit, error) {
	n, limited := most.Int()
	if !limited {
		return most, nil
	}
	_, some, err := s.helping(ctx, connection)
	if err != nil || !some {
		return most, err
	}
	return tariff.Limit(n + admission.ServicePlaces), nil
}

// markHelpers says of people whom a server lists which of them are helpers.
func (s *Service) markHelpers(ctx context.Context, c *Conference, people []admission.SeenPerson, info bbb.Meeting) error {
	is, some, err := s.helping(ctx, c.Connection)
	if err != nil || !some {
		return err
	}
	for _, a := range info.Attendees {
		if !is(a.UserID) {
			continue
		}
		key := usage.KeyOf(c.Connection, a.UserID)
		for i := range people {
			if people[i].Person == key {
				people[i].Service = true
			}
		}
	}
	return nil
}
