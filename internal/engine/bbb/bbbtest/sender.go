// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// callbackTimeout is how long the receiver of a callback may take.
const callbackTimeout = 5 * time.Second

// sender does what a server does towards others, and knows when it has done.
type sender struct {
	client *http.Client

	mu   sync.Mutex
	busy int
	idle chan struct{} // closed when nothing is under way
}

func (x *sender) init(transport http.RoundTripper) {
	if transport == nil {
		transport = &http.Transport{MaxIdleConnsPerHost: 4}
	}
	x.client = &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	x.idle = make(chan struct{})
	close(x.idle)
}

func (x *sender) run(do func()) {
	x.mu.Lock()
	if x.busy == 0 {
		x.idle = make(chan struct{})
	}
	x.busy++
	x.mu.Unlock()
	go func() {
		defer func() {
			x.mu.Lock()
			defer x.mu.Unlock()
			if x.busy--; x.busy == 0 {
				close(x.idle)
			}
		}()
		do()
	}()
}

func (x *sender) done() <-chan struct{} {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.idle
}

func (x *sender) wait() { <-x.done() }

// Delivered waits until no callback is under way any more, those to be tried again included. It returns the error of ctx when
// that is over first.
func (s *Server) Delivered(ctx context.Context) error {
	select {
	case <-s.sender.done():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// letter is one callback as it goes out.
type letter struct {
	method, url, media, bearer, body string
}

// post sends a letter once and returns the status; 0 is none.
func (s *Server) post(ctx context.Context, l letter) int {
	if !s.awake(ctx) {
		return 0
	}
	ctx, cancel := context.WithTimeout(ctx, callbackTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, l.method, l.url, strings.NewReader(l.body))
	if err != nil {
		s.cfg.Log.Warn("callback without a usable address", "err", err)
		return 0
	}
	if l.media != "" {
		req.Header.Set("Content-Type", l.media)
	}
	if l.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+l.bearer)
	}
	res, err := s.sender.client.Do(req)
	if err != nil {
		s.cfg.Log.Warn("callback not delivered", "err", err)
		return 0
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20)) // so that the connection is used again
	_ = res.Body.Close()
	return res.StatusCode
}

// until tries again after each of the waits until try succeeds.
func (s *Server) until(ctx context.Context, waits []time.Duration, try func() bool) bool {
	for i := 0; ; i++ {
		if try() {
			return true
		}
		if i == len(waits) || s.cfg.Sleep(ctx, waits[i]) != nil {
			return false
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// fine reports whether a status says that something arrived.
func fine(status int) bool { return status >= 200 && status < 300 }

// withQuery adds to the query of an address and keeps what is there.
func withQuery(to, more string) string {
	to, _, _ = strings.Cut(to, "#")
	return to + cmp.Or(map[bool]string{true: "&"}[strings.Contains(to, "?")], "?") + more
}
