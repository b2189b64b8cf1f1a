// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/web"
)

// Hook is an address that an API client wants told of the events of its meetings.
type Hook struct {
	ID           int64 // of one sequence over the instance
	Connection   id.Connection
	URL          string
	Meeting      string          // the external id it is bound to; "" for all meetings of the connection
	Events       []string        // names in small letters; none for all
	CreatedAt    instant.Instant //
	FailingSince instant.Instant // none while it takes what it is sent
}

// TopicHook is the change-feed topic of hooks; the key is the connection's id.
const TopicHook store.Topic = "hook"

const (
	mostHooks     = 100  // of a connection
	mostHookURL   = 2000 // bytes
	mostHookNames = 4000 // bytes of the names of events
)

// The problems with hooks; keys and texts are the API's.
var (
	ErrHook        = Problem{"createHookError", "An error happened while creating your hook. Check the logs."}
	ErrHookUnknown = Problem{"destroyMissingHook", "The hook informed was not found."}
)

// wants reports whether a hook is told of an event of a meeting.
func (h *Hook) wants(c *Conference, event string) bool {
	return (h.Meeting == "" || h.Meeting == c.ExternalID || h.Meeting == c.InternalID) && (len(h.Events) == 0 || slices.Contains(h.Events, event))
}

// HookInput describes a new hook.
type HookInput struct {
	Connection id.Connection
	URL        string
	Meeting    string // external id; "" for all
	Events     string // names with commas between; "" for all
}

// CreateHook registers an address; known says that it was registered before, which changes nothing. Problem createHookError for an
// address that is not called for others (gateway.md Z1), and when the connection has as many hooks as it may.
func (s *Service) CreateHook(ctx context.Context, in HookInput) (h Hook, known bool, err error) {
	h = Hook{Connection: in.Connection, URL: in.URL, Meeting: in.Meeting, Events: []string{}, CreatedAt: s.deps.Now()}
	for e := range strings.SplitSeq(strings.ToLower(in.Events), ",") {
		if e = strings.TrimSpace(e); e != "" && !slices.Contains(h.Events, e) {
			h.Events = append(h.Events, e)
		}
	}
	if len(in.URL) > mostHookURL || len(in.Events) > mostHookNames || utf8.RuneCountInString(in.Meeting) > 256 || strings.Contains(in.URL, "#") {
		return h, false, ErrHook
	}
	if _, err := web.Callable(ctx, in.URL, s.deps.Allow...); err != nil {
		return h, false, ErrHook
	}
	err = s.deps.DB.Write(ctx, func(tx store.Tx) error {
		all, err := hooksOf(ctx, tx, h.Connection)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(all, func(o Hook) bool { return o.URL == h.URL }); i >= 0 {
			h, known = all[i], true
			return nil
		}
		if known = false; len(all) >= mostHooks {
			return ErrHook
		}
		if h.ID, err = insertHook(ctx, tx, h); err != nil {
			return err
		}
		return store.Changed(ctx, tx, h.CreatedAt, TopicHook, string(h.Connection))
	})
	s.hooks.book.drop(in.Connection)         // a meeting made next must find it; other nodes hear within a second
	if fault.CodeOf(err) == "store.unique" { // another node was faster
		return s.CreateHook(ctx, in)
	}
	return h, known, err
}

// Hooks returns the hooks of a connection by number; of those bound to a meeting only the ones of meeting, unless that is "".
func (s *Service) Hooks(ctx context.Context, connection id.Connection, meeting string) ([]Hook, error) {
	var all []Hook
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		all, err = hooksOf(ctx, r, connection)
		return err
	})
	return slices.DeleteFunc(all, func(h Hook) bool { return meeting != "" && h.Meeting != "" && h.Meeting != meeting }), err
}

// DestroyHook forgets a hook and what it was still to be told. Problem destroyMissingHook when the connection has no such one.
func (s *Service) DestroyHook(ctx context.Context, connection id.Connection, hook int64) error {
	now := s.deps.Now()
	defer s.hooks.book.drop(connection)
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		n, err := deleteHook(ctx, tx, connection, hook)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrHookUnknown
		}
		return store.Changed(ctx, tx, now, TopicHook, string(connection))
	})
}

// hookBook is what this node remembers of hooks, at most a second old.
type hookBook struct {
	mu  sync.Mutex
	of  map[id.Connection][]Hook // an empty one says that there are none
	age int                      // raised when something is dropped, so that a read under way does not bring it back
}

const hookBookMost = 50000

// hooks is what this node does with webhooks: ours on servers, and those of clients.
type hooks struct {
	servers  serverHooks
	presence presence
	heard    heard
	book     hookBook
	outbox   outbox
	polled   polled
	remarks  remarks
	metrics  *hookMetrics
}

// watch follows changes of hooks.
func (b *hookBook) watch(ctx context.Context, db *store.DB) error {
	return db.Watch(ctx, TopicHook, func(key string) { b.drop(id.Connection(key)) })
}

// drop has the hooks of a connection read again.
func (b *hookBook) drop(connection id.Connection) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.age++
	delete(b.of, connection)
}

// find returns the hooks of a connection, from memory mostly. Nobody changes what it returns.
func (b *hookBook) find(ctx context.Context, db *store.DB, connection id.Connection) ([]Hook, error) {
	b.mu.Lock()
	all, known := b.of[connection]
	age := b.age
	b.mu.Unlock()
	if known {
		return all, nil
	}
	err := db.Read(ctx, func(r store.Reader) (err error) {
		all, err = hooksOf(ctx, r, connection)
		return err
	})
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.age == age {
		if len(b.of) >= hookBookMost {
			clear(b.of) // it is a memory
		}
		if b.of == nil {
			b.of = map[id.Connection][]Hook{}
		}
		b.of[connection] = all
	}
	return all, nil
}
