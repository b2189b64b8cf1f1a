// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"crypto/sha1" // #nosec G505: what the original signs these links with
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// The calls of the client in the browser carry a session token instead of a checksum.

func (c *call) session(s *Server) (*person, *breach) {
	token := c.p.get("sessionToken")
	p := s.sessions[token]
	switch {
	case token == "":
		return nil, &breach{"missingToken", "You must provide a session token"}
	case p == nil:
		return nil, &breach{"missingSession", "Could not find conference."}
	}
	return p, nil
}

func failed(w http.ResponseWriter, c *call, b breach) {
	answerJSON(w, response(map[string]any{"returncode": "FAILED", "messageKey": b.key, "message": b.text, "sessionToken": c.p.get("sessionToken")}))
}

// getJoinURL makes a link for the same person. It is signed with the "&" that its query begins with.
func (s *Server) getJoinURL(w http.ResponseWriter, c *call) {
	p, b := c.session(s)
	if b != nil {
		failed(w, c, *b)
		return
	}
	set := []string{"fullName", p.name, "meetingID", p.meeting.external, "role", string(p.role), "userID", p.external, "redirect", "true"}
	if s.cfg.Profile == V30 {
		set = append(set, "existingUserID", p.internal)
		if c.p.flag("replaceSession", false) {
			set = append(set, "replaceSessionToken", c.p.get("sessionToken"))
		}
		for _, key := range []string{"sessionName", "enforceLayout"} {
			if v := c.p.get(key); v != "" {
				set = append(set, key, v)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(c.p.values)) {
			if strings.HasPrefix(key, "userdata-") {
				set = append(set, key, c.p.get(key))
			}
		}
	}
	var query strings.Builder
	for i := 0; i < len(set); i += 2 {
		query.WriteString("&" + set[i] + "=" + url.QueryEscape(set[i+1]))
	}
	to := s.cfg.URL + apiPath + "/join?" + query.String() + "&checksum=" + Checksum(sha1.New, "join", query.String(), s.cfg.Secret)
	answerJSON(w, response(map[string]any{"returncode": "SUCCESS", "message": "Join URL provided successfully.", "url": to}))
}

func (s *Server) stuns(w http.ResponseWriter, c *call) {
	if _, b := c.session(s); b != nil {
		answerJSON(w, map[string]any{"returncode": "FAILED", "message": "Could not find conference.", "logoutURL": s.cfg.URL})
		return
	}
	answerJSON(w, map[string]any{"stunServers": []any{map[string]any{"url": "stun:stun.invalid:3478"}}, "turnServers": []any{}, "remoteIceCandidates": []any{}})
}

// signOut always succeeds.
func (s *Server) signOut(w http.ResponseWriter, c *call) {
	if p, b := c.session(s); b == nil {
		s.drop(p, c.p.get("sessionToken"), c.now)
	}
	success(w)
}

func (s *Server) learningDashboard(w http.ResponseWriter, c *call) {
	p, b := c.session(s)
	switch {
	case b != nil:
		failed(w, c, *b)
	case p.role != Moderator:
		failed(w, c, breach{"notModerator", "Access is only allowed for moderators."})
	default:
		answerJSON(w, response(map[string]any{"returncode": "SUCCESS", "data": `{"intId":"` + p.meeting.internal + `"}`, "sessionToken": c.p.get("sessionToken")}))
	}
}

func (s *Server) feedback(w http.ResponseWriter, c *call) {
	if _, b := c.session(s); b != nil {
		failed(w, c, *b)
		return
	}
	answerJSON(w, response(map[string]any{"returncode": "SUCCESS"}))
}

// enter tells the older clients who they are.
func (s *Server) enter(w http.ResponseWriter, c *call) {
	p, b := c.session(s)
	if b == nil && p.guestStatus != "ALLOW" {
		b = &breach{"guestDeny", "Guest user not allowed to join meeting."}
	}
	if b != nil {
		failed(w, c, *b)
		return
	}
	m := p.meeting
	answerJSON(w, response(map[string]any{
		"returncode": "SUCCESS", "fullname": p.name, "confname": m.name, "meetingID": m.internal, "externMeetingID": m.external, "externUserID": p.external, "internalUserID": p.internal,
		"authToken": p.auth, "role": p.role, "guest": p.guest, "guestStatus": p.guestStatus, "conference": m.internal, "room": m.internal, "voicebridge": m.voiceBridge,
		"dialnumber": m.dialNumber, "webvoiceconf": m.voiceBridge, "mode": "LIVE", "record": m.record, "isBreakout": m.parent != nil, "logoutTimer": 0,
		"customdata": p.customdata, "metadata": m.meta,
	}))
}

// guestWait tells the older clients whether they may come in.
func (s *Server) guestWait(w http.ResponseWriter, c *call) {
	p, b := c.session(s)
	if b != nil {
		failed(w, c, *b)
		return
	}
	key, text := "guestWait", "Guest waiting for approval to join meeting."
	to := s.cfg.URL + "/html5client/guestWait?sessionToken=" + c.p.get("sessionToken")
	place := slices.IndexFunc(slices.DeleteFunc(slices.Clone(p.meeting.registered), func(o *person) bool { return o.guestStatus != "WAIT" }), func(o *person) bool { return o == p }) + 1
	code := "SUCCESS"
	switch p.guestStatus {
	case "ALLOW":
		key, text, to = "guestAllowed", "Guest allowed to join meeting.", s.clientURL(c, p, c.p.get("sessionToken"))
	case "DENY":
		key, text, to, code = "guestDeny", "Guest denied of joining the meeting.", p.meeting.logoutURL, "FAILED"
	}
	answerJSON(w, response(map[string]any{
		"returncode": code, "messageKey": key, "message": text, "meeting_id": p.meeting.internal, "user_id": p.internal, "auth_token": p.auth,
		"session_token": c.p.get("sessionToken"), "guestStatus": p.guestStatus, "lobbyMessage": "", "url": to, "positionInWaitingQueue": place,
	}))
}
