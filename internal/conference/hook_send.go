// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// hookWaits are the pauses between tries of one event, about five minutes together; after the last the hook is dropped (bbb-api 10).
var hookWaits = []time.Duration{
	100 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 10 * time.Second, 30 * time.Second,
	time.Minute, time.Minute, time.Minute, time.Minute,
}

const hookTimeout = 5 * time.Second // of one try

// tell has the hooks of a conference's connection told of an event. What it returns is an error of the database.
func (s *Service) tell(ctx context.Context, c *Conference, event string, doc map[string]any, at int64) error {
	all, err := s.hooks.book.find(ctx, s.deps.DB, c.Connection)
	if err != nil {
		return err
	}
	wanting := slices.DeleteFunc(slices.Clone(all), func(h Hook) bool { return !h.wants(c, event) })
	if len(wanting) == 0 {
		return nil
	}
	body, err := s.hookBody(doc, at)
	if err != nil {
		return err
	}
	now := s.deps.Now()
	var numbers []int64
	err = s.deps.DB.Write(ctx, func(tx store.Tx) error {
		numbers = numbers[:0]
		for _, h := range wanting {
			n, err := insertHookEvent(ctx, tx, now, h, c.ID, body, s.deps.Node)
			if err != nil {
				return err
			}
			numbers = append(numbers, n)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, h := range wanting {
		s.enqueueEvent(ctx, h, queued{id: numbers[i], body: body})
	}
	return nil
}

// enqueueEvent puts what stands in hook_event into the line of its hook.
func (s *Service) enqueueEvent(ctx context.Context, h Hook, e queued) {
	l, fresh, lost := s.hooks.outbox.put(h, e)
	s.hooks.metrics.sent.WithLabelValues("lost").Add(float64(len(lost)))
	s.forgetEvents(ctx, lost...)
	if fresh {
		s.spawn(func(ctx context.Context) { s.work(ctx, l) })
	}
}

// forgetEvents deletes events that were told, or that nobody will be told.
func (s *Service) forgetEvents(ctx context.Context, events ...int64) {
	if len(events) == 0 {
		return
	}
	err := s.deps.DB.Write(context.WithoutCancel(ctx), func(tx store.Tx) error { return deleteHookEvents(ctx, tx, events) })
	if err != nil { // it is told once more after a restart
		s.deps.Log.DebugContext(ctx, "event told and not forgotten", "err", err)
	}
}

// work delivers a line until it is empty or its hook is gone. At a stop the rest stays for the next start.
func (s *Service) work(ctx context.Context, l *line) {
	for {
		e, ok := s.hooks.outbox.next(l)
		if !ok {
			return
		}
		switch s.deliver(ctx, l.hook, e) {
		case eventTold:
			s.forgetEvents(ctx, e.id)
		case eventKept:
			return
		case eventLost:
			s.hooks.metrics.sent.WithLabelValues("lost").Add(float64(1 + s.hooks.outbox.clear(l)))
			err := s.deps.DB.Write(context.WithoutCancel(ctx), func(tx store.Tx) error { return deleteEventsOf(ctx, tx, l.hook.ID) })
			if err != nil { // who takes them up finds that there is no hook
				s.deps.Log.DebugContext(ctx, "events of a hook not forgotten", "hook", l.hook.ID, "err", err)
			}
			return
		}
	}
}

// fate is what became of an event.
type fate int

const (
	eventTold fate = iota
	eventLost      // there is nobody to send it to any more
	eventKept      // the program stops
)

// deliver sends one event until it arrives.
func (s *Service) deliver(ctx context.Context, h Hook, e queued) fate {
	for {
		now, ok, err := s.hookNow(ctx, h)
		if err == nil && !ok {
			return eventLost
		}
		if err == nil {
			err = s.sendNoting(ctx, now, e.body)
		} else {
			err = notTried{err}
		}
		if err == nil {
			return eventTold
		}
		if ctx.Err() != nil {
			return eventKept
		}
		s.deps.Log.DebugContext(ctx, "event not delivered", "hook", h.ID, "tries", e.tries+1, "err", err)
		pause := time.Second
		if !errors.As(err, &notTried{}) {
			if e.tries >= len(s.deps.HookWaits) {
				s.dropHook(ctx, h)
				return eventLost
			}
			pause = s.deps.HookWaits[e.tries]
			e.tries++
			s.noteTries(ctx, e)
		}
		select {
		case <-ctx.Done():
			return eventKept
		case <-time.After(pause):
		}
	}
}

// noteTries keeps how often an event was tried, so that a restart does not begin from the first again.
func (s *Service) noteTries(ctx context.Context, e queued) {
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error { return saveTries(ctx, tx, e) })
	if err != nil { // some tries more, at worst
		s.deps.Log.DebugContext(ctx, "tries of an event not noted", "err", err)
	}
}

// takeUp puts events that no living node has in hand into this node's lines. former says that this node has just started: what a former
// life of it had is nobody's either.
func (s *Service) takeUp(ctx context.Context, former bool) error {
	now := s.deps.Now()
	var found []storedEvent
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		found = nil
		held, err := heldEvents(ctx, tx)
		if err != nil || len(held) == 0 {
			return err
		}
		alive, err := jobs.Nodes(ctx, tx, now)
		if err != nil {
			return err
		}
		var orphaned []id.Node
		for _, node := range held {
			mine := node == s.deps.Node
			if mine && former || !mine && !slices.ContainsFunc(alive, func(n jobs.Node) bool { return n.ID == node }) {
				orphaned = append(orphaned, node)
			}
		}
		for _, node := range orphaned {
			events, err := eventsHeldBy(ctx, tx, node)
			if err != nil {
				return err
			}
			found = append(found, events...)
			if err := handOver(ctx, tx, node, s.deps.Node); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(found, func(a, b storedEvent) int { return cmp.Compare(a.id, b.id) })
	for _, e := range found {
		s.enqueueEvent(ctx, Hook{ID: e.hook, Connection: e.connection}, e.queued)
	}
	if len(found) > 0 {
		s.deps.Log.InfoContext(ctx, "events taken up that were not told yet", "events", len(found))
	}
	return nil
}

// layDown gives what this node had not told yet to whoever starts, or is there, next.
func (s *Service) layDown(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error { return handOver(ctx, tx, s.deps.Node, "") })
	if err != nil { // found all the same when this node has been silent for a while
		s.deps.Log.WarnContext(ctx, "events not told yet not laid down", "err", err)
	}
}

// notTried is an error of ours: the receiver was not even asked, and nothing is held against it.
type notTried struct{ error }

func (n notTried) Unwrap() error { return n.error }

// hookNow returns a hook as it is now; ok is false when it was destroyed.
func (s *Service) hookNow(ctx context.Context, h Hook) (Hook, bool, error) {
	all, err := s.hooks.book.find(ctx, s.deps.DB, h.Connection)
	for _, now := range all {
		if now.ID == h.ID {
			return now, true, err
		}
	}
	return h, false, err
}

// sendNoting sends a body once and notes when a hook begins or ceases to fail.
func (s *Service) sendNoting(ctx context.Context, h Hook, body string) error {
	err := s.send(ctx, h, body)
	since := h.FailingSince
	switch {
	case ctx.Err() != nil, errors.As(err, &notTried{}):
		return err
	case err == nil:
		s.hooks.metrics.sent.WithLabelValues("delivered").Inc()
		since = instant.Instant{}
	default:
		s.hooks.metrics.sent.WithLabelValues("failed").Inc()
		if since.IsZero() {
			since = s.deps.Now()
		}
	}
	if since == h.FailingSince {
		return err
	}
	now := s.deps.Now()
	werr := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		if err := noteFailing(ctx, tx, h, since); err != nil {
			return err
		}
		return store.Changed(ctx, tx, now, TopicHook, string(h.Connection))
	})
	if werr != nil { // it is only shown
		s.deps.Log.DebugContext(ctx, "state of a hook not noted", "hook", h.ID, "err", werr)
	}
	return err
}

var errNoSecret = errors.New("conference: a connection without a secret")

// send posts a body once. The address gets a checksum over itself, the body as sent, and the secret its connection last used. 2xx and
// 401 are success (bbb-api 10).
func (s *Service) send(ctx context.Context, h Hook, body string) error {
	secret, algorithm, err := s.secretOf(ctx, h.Connection)
	if errors.Is(err, errNoSecret) {
		return err
	}
	if err != nil {
		return notTried{err}
	}
	release, err := s.hooks.outbox.slot(ctx, h.Connection)
	if err != nil {
		return notTried{err}
	}
	defer release()
	sep := "?"
	if strings.Contains(h.URL, "?") {
		sep = "&"
	}
	sum := hookDigest(hookHashes[algorithm](), h.URL, []byte(body), secret)
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL+sep+"checksum="+hex.EncodeToString(sum), strings.NewReader(body))
	if err != nil {
		return errors.New("no address to call")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := s.deps.Outbound.Do(req)
	if err != nil {
		return fmt.Errorf("call %s: %w", req.URL.Hostname(), unwrapURL(err))
	}
	defer func() { _ = resp.Body.Close() }() // nothing is to be learned
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, callbackAnswer))
	if (resp.StatusCode < 200 || resp.StatusCode > 299) && resp.StatusCode != http.StatusUnauthorized {
		return fmt.Errorf("call %s: HTTP status %d", req.URL.Hostname(), resp.StatusCode)
	}
	return nil
}

// secretOf returns the secret that a connection last signed with, the newest when it never did (gateway.md T2), and with what events are
// signed.
func (s *Service) secretOf(ctx context.Context, connection id.Connection) (string, membership.HookAlgorithm, error) {
	var c membership.Connection
	var keys []membership.Secret
	now := s.deps.Now()
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		if c, err = membership.ConnectionByID(ctx, r, connection); err != nil {
			return err
		}
		keys, err = s.deps.Keys(ctx, r, c, now)
		return err
	})
	if err != nil {
		return "", "", err
	}
	if len(keys) == 0 {
		return "", "", errNoSecret
	}
	last := keys[0]
	for _, k := range keys[1:] {
		if k.UsedAt.After(last.UsedAt) {
			last = k
		}
	}
	return last.Text, c.HookAlgorithm, nil
}

// dropHook forgets a hook that nobody answered for about five minutes.
func (s *Service) dropHook(ctx context.Context, h Hook) {
	err := s.DestroyHook(context.WithoutCancel(ctx), h.Connection, h.ID)
	if errors.Is(err, ErrHookUnknown) {
		return
	}
	if err != nil { // the next event that cannot be delivered tries again
		s.deps.Log.WarnContext(ctx, "hook that nobody answers not dropped", "hook", h.ID, "err", err)
		return
	}
	s.hooks.metrics.dropped.Inc()
	s.deps.Log.InfoContext(ctx, "hook that nobody answers dropped", "hook", h.ID, "connection", h.Connection)
}
