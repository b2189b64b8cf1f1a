// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"sync"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

const (
	topicPoll    store.Topic = "conference.poll" // the key is a server's id
	soonEvery                = time.Second       // a server is polled out of turn no more often, whatever it tells
	overEvery                = 5 * time.Second   // and no more often asked whether a meeting is over
	mostRemarked             = 10000
)

// remarks remembers when something was last done because a server said so: one that lies must not keep us busy.
type remarks struct {
	mu sync.Mutex
	at map[string]instant.Instant
}

// may reports whether something was not done for that long, and notes that it is done now.
func (r *remarks) may(now instant.Instant, what string, every time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if last, known := r.at[what]; known && now.Sub(last) < every {
		return false
	}
	if r.at == nil || len(r.at) >= mostRemarked {
		r.at = map[string]instant.Instant{}
	}
	r.at[what] = now
	return true
}

// pollSoon has the leader poll a server of which this node may have missed something.
func (s *Service) pollSoon(ctx context.Context, server id.Server) {
	now := s.deps.Now()
	if !s.hooks.remarks.may(now, "poll "+string(server), soonEvery) {
		return
	}
	if s.poller.leads() {
		s.poller.soon(server)
		return
	}
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error { return store.Changed(ctx, tx, now, topicPoll, string(server)) })
	if err != nil { // its turn comes
		s.deps.Log.DebugContext(ctx, "leader not asked for a poll", "server", server, "err", err)
	}
}

// watch follows changed hooks, and what other nodes want polled.
func (h *hooks) watch(ctx context.Context, db *store.DB, p *poller) error {
	if err := db.Watch(ctx, topicPoll, func(key string) { p.soon(id.Server(key)) }); err != nil {
		return err
	}
	return h.book.watch(ctx, db)
}
