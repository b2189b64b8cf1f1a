// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
)

// keptEach is how many of the last requests of a call are kept.
const keptEach = 4

// Request is one that arrived, or one sent as a callback.
type Request struct {
	Call   string
	Method string
	Query  string // as it came, checksum included; of callbacks the whole address
	Header http.Header
	Body   []byte
}

// seen is what is known about one call.
type seen struct {
	count int64
	last  []Request
}

// note counts a request. The server is locked.
func (s *Server) note(r Request) {
	x := s.seen[r.Call]
	if x == nil {
		x = &seen{}
		s.seen[r.Call] = x
	}
	x.count++
	if len(x.last) == keptEach {
		copy(x.last, x.last[1:])
		x.last = x.last[:keptEach-1]
	}
	x.last = append(x.last, r)
}

// struck counts a request and draws what befalls it.
func (s *Server) struck(c *call) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(Request{Call: c.name, Method: c.http.Method, Query: c.http.URL.RawQuery, Header: c.http.Header, Body: c.body})
	return s.pick(c.name)
}

// sent counts a callback.
func (s *Server) sent(name, to string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.note(Request{Call: name, Query: to, Body: body})
}

// Counters returns how often each call was made, and each callback tried. Wrongly signed calls count too; the root call is "".
func (s *Server) Counters() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int64{}
	for name, x := range s.seen {
		out[name] = x.count
	}
	return out
}

// Last returns the latest requests of a call, or tries of a callback, the newest last; four at most.
func (s *Server) Last(call string) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen[call] == nil {
		return nil
	}
	out := slices.Clone(s.seen[call].last)
	for i := range out {
		out[i].Header, out[i].Body = maps.Clone(out[i].Header), bytes.Clone(out[i].Body)
	}
	return out
}
