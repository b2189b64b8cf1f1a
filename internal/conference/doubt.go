// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"meetcoop/internal/admission"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
)

const (
	doubtedFor  = 30 * time.Second // then one caller finds out anew; polls mostly do before
	slowLook    = time.Second      // a server that answers a look so late is not waited for either
	createDoubt = 2 * time.Second  // a create may take long, as slides are fetched; but others need not wait for the same
)

// doubts are the servers that did not answer this node a moment ago. Polls decide what a server is; until they have, nobody who can be
// answered without it waits for one, and new meetings begin on others: fifty dead servers of five hundred delay no request twice.
type doubts struct {
	now instant.Clock

	mu sync.Mutex
	at map[id.Server]instant.Instant
}

// heard notes what came of asking a server, and how long it took when that tells something.
func (d *doubts) heard(server id.Server, took, most time.Duration, err error) {
	switch {
	case err == nil && took > most:
		d.raise(server)
	case err == nil:
		d.settle(server)
	case fault.KindOf(err) == fault.Unavailable || errors.Is(err, context.DeadlineExceeded):
		d.raise(server)
	}
}

func (d *doubts) raise(server id.Server) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at == nil {
		d.at = map[id.Server]instant.Instant{}
	}
	d.at[server] = d.now()
}

func (d *doubts) settle(server id.Server) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.at, server)
}

func (d *doubts) has(server id.Server) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	at, doubted := d.at[server]
	if doubted && d.now().Sub(at) > doubtedFor {
		delete(d.at, server)
		return false
	}
	return doubted
}

// doubted returns the servers that are doubted, and whether there may be one left that carries the tags and is not among others.
func (s *Service) doubted(ctx context.Context, tags []string, others []id.Server) (not []id.Server, left bool, err error) {
	all, err := s.servers.all(ctx)
	if err != nil {
		return nil, false, err
	}
	now := s.deps.Now()
	for server, v := range all {
		if v.Kind != fleet.KindBBB || v.Admin != fleet.AdminEnabled || !v.Usable(now) {
			continue
		}
		if s.doubts.has(server) {
			not = append(not, server)
			continue
		}
		lacks := func(tag string) bool { return !slices.Contains(v.Tags, tag) }
		left = left || !slices.ContainsFunc(tags, lacks) && !slices.Contains(others, server)
	}
	return not, left, nil
}

// reserve is Gate.Reserve on a server that is not doubted, if there may be one.
func (s *Service) reserve(ctx context.Context, in admission.ReserveInput, tags []string, then admission.Then) (admission.Admission, error) {
	not, left, err := s.doubted(ctx, slices.Concat(tags, in.Tags), nil)
	if err != nil {
		return admission.Admission{}, err
	}
	if left && len(not) > 0 && in.On == "" {
		careful := in
		careful.Not, careful.Kinds = not, []fleet.Kind{fleet.KindBBB}
		if a, err := s.deps.Gate.Reserve(ctx, careful, then); fault.CodeOf(err) != "fleet.no_server" {
			return a, err
		}
	}
	return s.deps.Gate.Reserve(ctx, in, then)
}

// elsewhere is Gate.Elsewhere, to a server that is not doubted if there may be one: servers often fail together, and those that did not
// answer a moment ago may be next.
func (s *Service) elsewhere(ctx context.Context, c *Conference, tried []id.Server) (admission.Admission, error) {
	not, left, err := s.doubted(ctx, nil, tried)
	if err != nil {
		return admission.Admission{}, err
	}
	if left && len(not) > 0 {
		a, err := s.deps.Gate.Elsewhere(ctx, c.ID, []fleet.Kind{fleet.KindBBB}, slices.Concat(tried, not), s.noting(c))
		if fault.CodeOf(err) != "fleet.no_server" {
			return a, err
		}
	}
	return s.deps.Gate.Elsewhere(ctx, c.ID, s.kinds(), tried, s.noting(c))
}
