// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"container/heap"
	"time"
)

// due is something that time does: the end or disappearance of a meeting, somebody connecting. What lies ahead is a heap, so that
// looking whether anything is due costs nothing however many meetings there are.
type due struct {
	at    time.Time
	do    func(at time.Time)
	index int // its place in the heap plus one; 0: not planned
}

type dues []*due

// Len implements heap.Interface.
func (d dues) Len() int { return len(d) }

// Less implements heap.Interface.
func (d dues) Less(i, j int) bool { return d[i].at.Before(d[j].at) }

// Swap implements heap.Interface.
func (d dues) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = i+1, j+1
}

// Push implements heap.Interface.
func (d *dues) Push(x any) {
	e, _ := x.(*due)
	*d = append(*d, e)
	e.index = len(*d)
}

// Pop implements heap.Interface.
func (d *dues) Pop() any {
	last := len(*d) - 1
	e := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	e.index = 0
	return e
}

// plan sets when e happens; the zero time is never.
func (s *Server) plan(e *due, at time.Time) {
	e.at = at
	switch {
	case at.IsZero() && e.index > 0:
		heap.Remove(&s.ahead, e.index-1)
	case at.IsZero():
	case e.index > 0:
		heap.Fix(&s.ahead, e.index-1)
	default:
		heap.Push(&s.ahead, e)
	}
}

// pass lets time do its work.
func (s *Server) pass(now time.Time) {
	for len(s.ahead) > 0 && !s.ahead[0].at.After(now) {
		e, _ := heap.Pop(&s.ahead).(*due)
		e.do(e.at)
	}
}

// locked runs do with the server to itself, at a time whose work is done.
func (s *Server) locked(do func(now time.Time)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.pass(now)
	do(now)
	s.setAlarm()
}

// now is the server's clock: the given one and what control calls have moved it by.
func (s *Server) now() time.Time { return s.cfg.Now().Add(s.offset) }

// setAlarm wakes the server for what is next, where the clock runs by itself. With a clock of the test nothing happens until
// somebody asks.
func (s *Server) setAlarm() {
	if !s.ownClock || s.closed || len(s.ahead) == 0 || s.ahead[0].at.Equal(s.alarmAt) {
		return
	}
	s.alarmAt = s.ahead[0].at
	wait := max(s.alarmAt.Sub(s.now()), 0)
	if s.alarm != nil {
		s.alarm.Reset(wait)
		return
	}
	s.alarm = time.AfterFunc(wait, func() {
		s.locked(func(time.Time) { s.alarmAt = time.Time{} })
	})
}

// Jump moves the server's clock by d, backwards too, and does what is due then.
func (s *Server) Jump(d time.Duration) {
	s.mu.Lock()
	s.offset += d
	s.alarmAt = time.Time{}
	s.mu.Unlock()
	s.Pass()
}

// SetClockOffset makes the server's clock wrong by d.
func (s *Server) SetClockOffset(d time.Duration) {
	s.mu.Lock()
	by := d - s.offset
	s.mu.Unlock()
	s.Jump(by)
}

// Pass does what is due. A server with a clock of the test needs it where nobody calls the API; others wake by themselves.
func (s *Server) Pass() { s.locked(func(time.Time) {}) }
