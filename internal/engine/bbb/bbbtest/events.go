// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// hookWaits are between the tries of one event; after the last the hook is dropped.
var hookWaits = []time.Duration{
	100 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 10 * time.Second, 30 * time.Second,
	time.Minute, time.Minute, time.Minute, time.Minute,
}

// event is one body on its way, with the secret it is signed with.
type event struct{ body, key string }

// told is what an event is about.
type told struct {
	id, external, internal string
	attributes             map[string]any
}

// tell sends an event about a meeting, and somebody in it, to the hooks that want it.
func (s *Server) tell(m *meeting, p *person, id string, now time.Time) {
	if len(s.hooks.list) == 0 {
		return
	}
	about := map[string]any{"internal-meeting-id": m.internal, "external-meeting-id": m.external}
	attributes := map[string]any{"meeting": about}
	if id == "meeting-created" {
		parent := ""
		if m.parent != nil {
			parent = m.parent.internal
		}
		maps.Copy(about, map[string]any{
			"name": m.name, "is-breakout": m.parent != nil, "parent-id": parent, "duration": m.minutes, "create-time": m.createTime(), "create-date": javaDate(m.created),
			"moderator-pass": m.moderatorPW, "viewer-pass": m.attendeePW, "record": m.record, "voice-conf": m.voiceBridge, "dial-number": m.dialNumber,
			"max-users": m.maxParticipants, "metadata": m.meta,
		})
	}
	if p != nil {
		attributes["user"] = map[string]any{
			"internal-user-id": p.internal, "external-user-id": p.external, "name": p.name, "role": p.role, "presenter": p.presenter, "guest": p.guest, "userdata": p.customdata,
		}
	}
	s.enqueue(told{id: id, external: m.external, internal: m.internal, attributes: attributes}, now)
}

// tellRecording sends an event about a recording, with the format where it is about one.
func (s *Server) tellRecording(r *recording, format, id string, now time.Time) {
	if len(s.hooks.list) == 0 {
		return
	}
	attributes := map[string]any{"meeting": map[string]any{"internal-meeting-id": r.id, "external-meeting-id": r.external}, "record-id": r.id}
	if format != "" {
		attributes["workflow"] = format
	}
	s.enqueue(told{id: id, external: r.external, internal: r.id, attributes: attributes}, now)
}

// enqueue puts an event into the queue of every hook that wants it.
func (s *Server) enqueue(t told, now time.Time) {
	doc, err := json.Marshal([]any{map[string]any{"data": map[string]any{"type": "event", "id": t.id, "attributes": t.attributes, "event": map[string]any{"ts": now.UnixMilli()}}}})
	if err != nil {
		return
	}
	raw, err := json.Marshal([]any{map[string]any{"envelope": map[string]any{"name": t.id, "timestamp": now.UnixMilli()}, "core": map[string]any{"header": map[string]any{"name": t.id, "meetingId": t.internal}, "body": t.attributes}}})
	if err != nil {
		return
	}
	domain := s.cfg.URL
	if u, err := url.Parse(s.cfg.URL); err == nil {
		domain = u.Hostname()
	}
	for _, h := range s.hooks.list {
		if !h.wants(t) {
			continue
		}
		text := doc
		if h.raw {
			text = raw
		}
		body := "domain=" + url.QueryEscape(domain) + "&event=" + url.QueryEscape(string(text)) + "&timestamp=" + strconv.FormatInt(now.UnixMilli(), 10)
		s.line(h, body)
	}
}

// line puts one body in a queue, where faults allow, and sees that the queue is worked off.
func (s *Server) line(h *hook, body string) {
	f := s.pick(CallbackHook)
	e := event{body: body, key: s.key(f)}
	switch f.Kind {
	case FaultLost:
		return
	case FaultTwice:
		h.queue = append(h.queue, e, e)
	case FaultDisordered: // goes after the next one
		h.held = append(h.held, e)
		return
	default:
		h.queue = append(h.queue, e)
	}
	h.queue = append(h.queue, h.held...)
	h.held = nil
	if !h.sending {
		h.sending = true
		s.sender.run(func() { s.work(h) })
	}
}

// work delivers the events of a hook, one after the other.
func (s *Server) work(h *hook) {
	for {
		s.mu.Lock()
		if len(h.queue) == 0 {
			h.sending = false
			s.mu.Unlock()
			return
		}
		e := h.queue[0]
		h.queue = h.queue[1:]
		s.mu.Unlock()
		l := letter{method: http.MethodPost, url: h.to, media: "application/x-www-form-urlencoded", body: e.body}
		if s.cfg.HookBearer {
			l.bearer = e.key
		} else {
			l.url = withQuery(h.to, "checksum="+Checksum(s.cfg.HookHash, h.to, e.body, e.key))
		}
		delivered := s.until(h.ctx, hookWaits, func() bool {
			s.sent(CallbackHook, l.url, []byte(l.body))
			status := s.post(h.ctx, l)
			return fine(status) || status == http.StatusUnauthorized
		})
		if !delivered {
			s.mu.Lock()
			s.removeHook(h.id)
			s.mu.Unlock()
		}
	}
}
