// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// hooks are what bbb-webhooks keeps.
type hooks struct {
	off  bool // not installed on this server
	last int  // number given
	list []*hook
}

// hook is one subscription.
type hook struct {
	id      int
	to      string
	meeting string // external id; "": all meetings
	events  []string
	raw     bool

	queue   []event
	held    []event // overtaken by the next
	sending bool
	ctx     context.Context
	cancel  context.CancelFunc
}

func (h *hook) wants(m told) bool {
	return (h.meeting == "" || h.meeting == m.external || h.meeting == m.internal) && (len(h.events) == 0 || slices.Contains(h.events, m.id))
}

func (s *Server) hooksCreate(w http.ResponseWriter, c *call) {
	to := c.p.get("callbackURL")
	if to == "" {
		fail(w, breach{"missingParamCallbackURL", "You must specify a callbackURL in the parameters."})
		return
	}
	for _, h := range s.hooks.list {
		if h.to == to {
			success(w, num("hookID", int64(h.id)), el("messageKey", "duplicateWarning"), el("message", "There is already a hook for this callback URL."))
			return
		}
	}
	s.hooks.last++
	h := &hook{id: s.hooks.last, to: to, meeting: c.p.get("meetingID"), raw: c.p.flag("getRaw", false)}
	for e := range strings.SplitSeq(strings.ToLower(c.p.get("eventID")), ",") {
		if e = strings.TrimSpace(e); e != "" {
			h.events = append(h.events, e)
		}
	}
	h.ctx, h.cancel = context.WithCancel(s.ctx)
	s.hooks.list = append(s.hooks.list, h)
	success(w, num("hookID", int64(h.id)), yes("permanentHook", false), yes("rawData", h.raw))
}

// hooksList tells the hooks of a meeting and those of all, or every one.
func (s *Server) hooksList(w http.ResponseWriter, c *call) {
	var list []node
	id := c.p.get("meetingID")
	for _, h := range s.hooks.list {
		if id != "" && h.meeting != "" && h.meeting != id {
			continue
		}
		kids := []node{num("hookID", int64(h.id)), {name: "callbackURL", text: h.to, cdata: true}}
		if h.meeting != "" {
			kids = append(kids, node{name: "meetingID", text: h.meeting, cdata: true})
		}
		if len(h.events) > 0 {
			kids = append(kids, el("eventID", strings.Join(h.events, ",")))
		}
		list = append(list, group("hook", append(kids, yes("permanentHook", false), yes("rawData", h.raw))))
	}
	success(w, group("hooks", list))
}

func (s *Server) hooksDestroy(w http.ResponseWriter, c *call) {
	given := c.p.get("hookID")
	if given == "" {
		fail(w, breach{"missingParamHookID", "You must specify a hookID in the parameters."})
		return
	}
	id, err := strconv.Atoi(given)
	if err != nil || !s.removeHook(id) {
		fail(w, breach{"destroyMissingHook", "The hook informed was not found."})
		return
	}
	success(w, yes("removed", true))
}

func (s *Server) hooksPing(w http.ResponseWriter, _ *call) {
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write([]byte("bbb-webhooks up!")) // nobody left to tell
}

// removeHook forgets a hook and what it still had to tell.
func (s *Server) removeHook(id int) bool {
	i := slices.IndexFunc(s.hooks.list, func(h *hook) bool { return h.id == id })
	if i < 0 {
		return false
	}
	s.hooks.list[i].cancel()
	s.hooks.list[i].queue = nil
	s.hooks.list = slices.Delete(s.hooks.list, i, i+1)
	return true
}

func (s *Server) dropHooks() {
	for _, h := range slices.Clone(s.hooks.list) {
		s.removeHook(h.id)
	}
}

// SetHooks switches bbb-webhooks on or off, as if it were installed or removed; off forgets all hooks.
func (s *Server) SetHooks(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.off = !on
	if !on {
		s.dropHooks()
	}
}

// Hooks returns the addresses of the hooks there are.
func (s *Server) Hooks() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, h := range s.hooks.list {
		out = append(out, h.to)
	}
	return out
}
