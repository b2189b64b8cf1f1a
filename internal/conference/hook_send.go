// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
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
	body := ""
	for i := range all {
		if !all[i].wants(c, event) {
			continue
		}
		if body == "" {
			if body, err = s.hookBody(doc, at); err != nil {
				return err
			}
		}
		l, fresh, lost := s.hooks.outbox.put(all[i], body)
		s.hooks.metrics.sent.WithLabelValues("lost").Add(float64(lost))
		if fresh {
			s.spawn(func(ctx context.Context) { s.work(ctx, l) })
		}
	}
	return nil
}

// work delivers a line until it is empty or its hook is gone.
func (s *Service) work(ctx context.Context, l *line) {
	for {
		body, ok := s.hooks.outbox.next(l)
		if !ok {
			return
		}
		if !s.deliver(ctx, l.hook, body) {
			s.hooks.metrics.sent.WithLabelValues("lost").Add(float64(1 + s.hooks.outbox.clear(l)))
			return
		}
	}
}

// deliver sends one body until it arrives. It is false when there is nobody to send it to any more.
func (s *Service) deliver(ctx context.Context, h Hook, body string) bool {
	for tries := 0; ; {
		now, ok, err := s.hookNow(ctx, h)
		if err == nil && !ok {
			return false
		}
		if err == nil {
			err = s.sendNoting(ctx, now, body)
		} else {
			err = notTried{err}
		}
		if err == nil {
			return true
		}
		s.deps.Log.DebugContext(ctx, "event not delivered", "hook", h.ID, "tries", tries+1, "err", err)
		pause := time.Second
		if !errors.As(err, &notTried{}) {
			if tries == len(s.deps.HookWaits) {
				s.dropHook(ctx, h)
				return false
			}
			pause = s.deps.HookWaits[tries]
			tries++
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
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
