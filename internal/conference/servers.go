// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"net/http"
	"sync"
	"time"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/store"
)

// servers are the clients of the BigBlueButton servers this node knows, one each for as long as address and secret stay the same:
// breaker and connections live in it.
type servers struct {
	fleet     *fleet.Service
	db        *store.DB
	transport http.RoundTripper

	mu     sync.Mutex
	readAt time.Time
	known  map[id.Server]*server
}

type server struct {
	fleet.Server

	*bbb.Client
}

const serversAge = time.Second

// all returns the BigBlueButton servers, at most a second old.
func (s *servers) all(ctx context.Context) (map[id.Server]*server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.readAt) < serversAge {
		return s.known, nil
	}
	var rows []fleet.Server
	err := s.db.Read(ctx, func(r store.Reader) (err error) {
		rows, err = fleet.Servers(ctx, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	known := make(map[id.Server]*server, len(rows))
	for _, row := range rows {
		if row.Kind != fleet.KindBBB {
			continue
		}
		old := s.known[row.ID]
		if old != nil && old.URL == row.URL && old.Secret == row.Secret {
			known[row.ID] = &server{row, old.Client}
			continue
		}
		secret, err := s.fleet.Secret(row)
		if err != nil {
			return nil, err
		}
		c, err := bbb.New(bbb.Config{URL: row.URL, Secret: secret, Transport: s.transport})
		if err != nil {
			return nil, err
		}
		known[row.ID] = &server{row, c}
	}
	s.known, s.readAt = known, time.Now()
	return known, nil
}

// forget has the next call read the servers again.
func (s *servers) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readAt = time.Time{}
}

var errSilent = fault.New(fault.Unavailable, "fleet.server_silent")

// get returns a server by its id; Unavailable (fleet.server_silent) when it is gone.
func (s *servers) get(ctx context.Context, v id.Server) (*server, error) {
	all, err := s.all(ctx)
	if err != nil {
		return nil, err
	}
	if c := all[v]; c != nil {
		return c, nil
	}
	s.forget() // it may be new
	if all, err = s.all(ctx); err != nil {
		return nil, err
	}
	if c := all[v]; c != nil {
		return c, nil
	}
	return nil, errSilent
}
