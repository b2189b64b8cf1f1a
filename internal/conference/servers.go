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
	embedded  func(id.Server) http.RoundTripper // nil: engines of this installation are none

	mu      sync.Mutex
	readAt  time.Time // of version
	version int64     // of what is known
	known   map[id.Server]*server
}

type server struct {
	fleet.Server

	*bbb.Client
}

// embedded says that it is an engine of this installation: package live holds its meetings against what runs there, and tells
// admission who is inside and when they are over. No poll does.
func (s *server) embedded() bool { return s.Kind == fleet.KindSFU }

// embeddedURL is under which the client of such an engine calls it. Nothing is ever connected to.
const embeddedURL = "http://embedded.invalid/bigbluebutton/api"

const serversAge = time.Second

// all returns the servers that clients' meetings may run on, at most a second old.
func (s *servers) all(ctx context.Context) (map[id.Server]*server, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.readAt) < serversAge {
		return s.known, nil
	}
	var rows []fleet.Server
	var version int64
	err := s.db.Read(ctx, func(r store.Reader) (err error) {
		if version, err = fleet.Version(ctx, r); err != nil || version == s.version {
			return err
		}
		rows, err = fleet.Servers(ctx, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	if version == s.version {
		s.readAt = time.Now()
		return s.known, nil
	}
	known := make(map[id.Server]*server, len(rows))
	for _, row := range rows {
		old := s.known[row.ID]
		if row.Kind != fleet.KindBBB {
			if s.embedded == nil {
				continue
			}
			if old == nil {
				c, err := bbb.New(bbb.Config{URL: embeddedURL, Secret: draw(32), Transport: s.embedded(row.ID)})
				if err != nil {
					return nil, err
				}
				old = &server{Client: c}
			}
			known[row.ID] = &server{row, old.Client}
			continue
		}
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
	s.known, s.version, s.readAt = known, version, time.Now()
	return known, nil
}

// forget has the next call look whether the servers have changed.
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
