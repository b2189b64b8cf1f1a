// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Callback names what a server sends by itself, for faults and counters.
const (
	CallbackHook      = "webhook"
	CallbackEnded     = "meeting-ended"
	CallbackReady     = "recording-ready"
	CallbackAnalytics = "analytics"
)

// endedWaits are between the five tries of a callback at the end of a meeting.
var endedWaits = []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute}

// tellEnd tells all who wanted to know that a meeting is over. Breakout rooms tell by webhooks only.
func (s *Server) tellEnd(m *meeting) {
	s.tell(m, nil, "meeting-ended", m.ended)
	if m.parent != nil {
		return
	}
	marks := "recordingmarks=" + strconv.FormatBool(m.marked)
	if to := m.endedURL; to != "" {
		if s.cfg.Profile != V26 {
			to = withQuery(to, marks)
		}
		s.send5(to)
	}
	if to := m.meta["endcallbackurl"]; to != "" {
		s.send5(withQuery(to, marks+"&meetingID="+url.QueryEscape(m.external)))
	}
	if to := m.meta["analytics-callback-url"]; to != "" {
		s.sendAnalytics(m, to)
	}
}

// send5 calls an address until it answers well, five times at most.
func (s *Server) send5(to string) {
	s.copies(CallbackEnded, func(Fault) {
		s.until(s.ctx, endedWaits, func() bool {
			s.sent(CallbackEnded, to, nil)
			return fine(s.post(s.ctx, letter{method: http.MethodGet, url: to}))
		})
	})
}

// copies runs a delivery as often as the faults say: once, not at all, or twice.
func (s *Server) copies(name string, deliver func(f Fault)) {
	f := s.pick(name)
	n := 1
	switch f.Kind {
	case FaultLost:
		n = 0
	case FaultTwice:
		n = 2
	}
	for range n {
		s.sender.run(func() { deliver(f) })
	}
}

// key is what to sign with: a forger does not know the secret.
func (s *Server) key(f Fault) string {
	if f.Kind == FaultForged {
		return "not " + s.cfg.Secret
	}
	return s.cfg.Secret
}

// sendAnalytics posts what was learnt about a meeting, once.
func (s *Server) sendAnalytics(m *meeting, to string) {
	body, err := json.Marshal(map[string]any{
		"version": "1.0", "meeting_id": m.external, "internal_meeting_id": m.internal,
		"data": map[string]any{"metadata": m.meta, "duration": int64(m.ended.Sub(m.created).Seconds()), "start": m.created.UTC().Format(time.RFC3339), "finish": m.ended.UTC().Format(time.RFC3339), "attendees": []any{}},
	})
	if err != nil {
		return
	}
	expires := map[string]int64{"exp": m.ended.Add(24 * time.Hour).Unix()}
	s.copies(CallbackAnalytics, func(f Fault) {
		s.sent(CallbackAnalytics, to, body)
		s.post(s.ctx, letter{method: http.MethodPost, url: to, media: "application/json", bearer: Token("HS512", s.key(f), expires), body: string(body)})
	})
}

// sendReady tells that a format of a recording is there: once, whatever the answer.
func (s *Server) sendReady(r *recording) {
	to := ""
	for _, name := range []string{"bbb-recording-ready-url", "bn-recording-ready-url", "canvas-recording-ready-url"} {
		if to == "" {
			to = r.meta[name]
		}
	}
	if to == "" {
		return
	}
	payload := map[string]string{"meeting_id": r.external, "record_id": r.id}
	s.copies(CallbackReady, func(f Fault) {
		body := url.Values{"signed_parameters": {Token("HS256", s.key(f), payload)}}.Encode()
		s.sent(CallbackReady, to, []byte(body))
		s.post(s.ctx, letter{method: http.MethodPost, url: to, media: "application/x-www-form-urlencoded", body: body})
	})
}
