// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// apiPath is where the API of every BigBlueButton is.
const apiPath = "/bigbluebutton/api"

// call is one request, and what befalls it.
type call struct {
	name  string // "" is the root call
	http  *http.Request
	p     params
	body  []byte
	now   time.Time
	fault Fault
}

// ServeHTTP implements http.Handler: the API below /bigbluebutton/api, and the control calls below /sim/.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !s.awake(r.Context()) {
		reset(w, nil)
		return
	}
	path, ours := strings.CutPrefix(r.URL.Path, apiPath)
	if strings.HasPrefix(r.URL.Path, "/sim/") {
		s.control(w, r)
		return
	}
	to, known := routes[path]
	known = known && to.serves(s.cfg.Profile) && ours
	allowed := r.Method == http.MethodGet && to.get || r.Method == http.MethodPost && to.post
	switch {
	case !known:
		http.NotFound(w, r)
		return
	case !allowed:
		http.Error(w, "", http.StatusMethodNotAllowed)
		return
	}
	c := &call{name: strings.TrimPrefix(path, "/"), http: r}
	if errors.Is(c.read(), errTooLarge) {
		http.Error(w, "", http.StatusRequestEntityTooLarge)
		return
	}
	if c.p.values == nil { // a broken body says nothing
		c.p = params{url.Values{}}
	}
	c.fault = s.struck(c)
	if c.fault.Before && c.fault.Kind != FaultLatency {
		s.send(w, c, &out{status: http.StatusOK, header: http.Header{}})
		return
	}
	if c.fault.Before && !s.waits(r, c.fault.Delay) {
		reset(w, nil)
		return
	}
	s.send(w, c, s.answer(c, to))
}

// answer does what the call says, with the server to itself.
func (s *Server) answer(c *call, to route) *out {
	w := &out{status: http.StatusOK, header: http.Header{}}
	if c.name != "getMeetingInfo" && c.name != "getRecordings" {
		w.header.Set("Cache-Control", "no-cache")
	}
	if c.fault.Kind == FaultFailed {
		fail(w, breach{c.fault.Key, "The simulator was told to fail."})
		return w
	}
	c.now = s.cfg.Now()
	if b := s.verify(c, to); b != nil {
		if c.name == "join" {
			s.refuse(w, c, *b)
		} else {
			fail(w, *b)
		}
		return w
	}
	s.locked(func(now time.Time) {
		c.now = now
		s.grouping = c.fault.Kind == FaultThousands
		if strings.HasPrefix(c.name, "hooks/") && s.hooks.off {
			http.NotFound(w, c.http)
			return
		}
		to.do(s, w, c)
	})
	return w
}

// verify runs what comes before the fields of a call are looked at.
func (s *Server) verify(c *call, to route) *breach {
	sum := c.p.get("checksum")
	query := c.http.URL.RawQuery
	switch to.check {
	case open:
		return nil
	case hooking, older:
		bad := &breach{"checksumError", "You did not pass the checksum security check"}
		if to.check == hooking {
			bad.text += "."
		}
		if sum == "" {
			return bad
		}
		for _, n := range to.needs {
			if c.p.get(n.param) == "" {
				return &n.breach
			}
		}
		if !s.signed(c.name, withoutChecksum(query, sum), sum) {
			return bad
		}
	default:
		if sum == "" {
			return &breach{"checksumError", "You must provide the checksum"}
		}
		ok := s.signed(c.name, withoutChecksum(query, sum), sum)
		if !ok && query == "" { // all in a form: signed over what the form says, newer documents say over nothing
			ok = s.signed(c.name, queryOf(c.p.values), sum)
		}
		if !ok {
			return &breach{"checksumError", "Checksums do not match"}
		}
	}
	if !typeFits(c.http, to.types) {
		return &breach{"unsupportedContentType", "POST request Content-Type is missing or unsupported"}
	}
	return nil
}
