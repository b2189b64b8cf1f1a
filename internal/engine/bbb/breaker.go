// SPDX-License-Identifier: AGPL-3.0-or-later

package bbb

import (
	"sync"
	"time"
)

// The numbers of the breaker (gateway.md F2).
const (
	failuresInRow = 3
	windowSeconds = 10
	windowCalls   = 10 // fewer calls than these in the window prove nothing
	firstPause    = 5 * time.Second
	longestPause  = time.Minute
)

// outcome is how a call ended, as the breaker sees it.
type outcome uint8

const (
	undecided outcome = iota // says nothing about the server: the caller went away, or an answer that a caller can provoke
	answered                 // also FAILED
	failed                   // unreachable, silent, cut off, or no application behind the web server
)

// pass is the permission for one call; it is given back with its outcome, once.
type pass struct {
	period uint64 // in which period of the breaker the call began: a late outcome does not count against the next
	turn   bool   // this call is the one on which an open breaker waits
	probe  bool
}

// breaker keeps calls from a server that does not answer. It is safe for concurrent use.
type breaker struct {
	now func() time.Time

	mu     sync.Mutex
	period uint64 // raised by every opening and closing
	open   bool
	until  time.Time
	pause  time.Duration
	turn   bool // taken by a call in flight
	inRow  int
	window [windowSeconds]second
	opened uint64
}

type second struct {
	at            int64 // Unix
	calls, failed int
}

// lets reports whether a call would be let through now, without taking a turn.
func (b *breaker) lets(probe bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.open || probe || !b.turn && !b.now().Before(b.until)
}

// enter lets a call through or not. An open breaker lets probes through, and one call at a time once its pause is over.
func (b *breaker) enter(probe bool) (pass, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := pass{period: b.period, probe: probe}
	if !b.open {
		return p, true
	}
	if !b.turn && !b.now().Before(b.until) {
		b.turn, p.turn = true, true
	}
	return p, p.turn || probe
}

// leave takes the outcome of a call.
func (b *breaker) leave(p pass, o outcome) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p.period != b.period {
		return
	}
	if p.turn {
		b.turn = false
	}
	switch {
	case o == undecided:
	case b.open && o == answered && (p.turn || p.probe):
		b.change(false)
		b.pause = 0
	case b.open && o == failed && p.turn:
		b.pause = min(2*b.pause, longestPause)
		b.until = b.now().Add(b.pause)
	case !b.open:
		b.note(o)
	}
}

// note counts an outcome while closed, and opens when there are too many failures.
func (b *breaker) note(o outcome) {
	now := b.now().Unix()
	s := &b.window[((now%windowSeconds)+windowSeconds)%windowSeconds]
	if s.at != now {
		*s = second{at: now}
	}
	s.calls++
	if o == answered {
		b.inRow = 0
		return
	}
	s.failed++
	b.inRow++
	calls, failed := 0, 0
	for _, s := range b.window {
		if now-s.at < windowSeconds && s.at <= now {
			calls += s.calls
			failed += s.failed
		}
	}
	if b.inRow >= failuresInRow || calls >= windowCalls && 2*failed >= calls {
		b.change(true)
		b.opened++
		b.pause = firstPause
		b.until = b.now().Add(b.pause)
	}
}

// change begins a new period.
func (b *breaker) change(open bool) {
	b.period++
	b.open, b.turn, b.inRow = open, false, 0
	b.window = [windowSeconds]second{}
}

// Breaker is the state of the breaker of one server.
type Breaker string

// The states of a breaker.
const (
	BreakerClosed   Breaker = "closed"    // calls go through
	BreakerOpen     Breaker = "open"      // only probes go through
	BreakerHalfOpen Breaker = "half_open" // one call goes through and decides
)

func (b *breaker) state() (state Breaker, until time.Time, opened uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !b.open:
		return BreakerClosed, time.Time{}, b.opened
	case b.now().Before(b.until):
		return BreakerOpen, b.until, b.opened
	default:
		return BreakerHalfOpen, b.until, b.opened
	}
}
