// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// sessionsEach is how many sessions one external id may have before the oldest is thrown out.
const sessionsEach = 3

// join registers somebody and leads them to the client. They take part once the client connects.
func (s *Server) join(w http.ResponseWriter, c *call) {
	m, b := s.joinable(c)
	if b != nil {
		s.refuse(w, c, *b)
		return
	}
	if id := c.p.get("existingUserID"); id != "" && s.cfg.Profile == V30 {
		if p := m.known(id); p != nil {
			s.again(w, c, p)
			return
		}
	}
	if given := c.p.get("createTime"); given != "" && given != strconv.FormatInt(m.createTime(), 10) {
		s.turnAway(w, c, m, breach{"mismatchCreateTimeParam", "The createTime parameter submitted mismatches with the current meeting."})
		return
	}
	role, b := c.roleOf(m)
	if b != nil {
		fail(w, *b) // XML with status 200, even when redirecting
		return
	}
	p := &person{
		meeting: m, internal: "w_" + drawn(12), external: c.p.get("userID"), name: c.p.get("fullName"), role: role, bot: c.p.flag("bot", false),
		guest: c.p.flag("guest", false), session: drawn(16), auth: drawn(12), customdata: userdata(c.p),
	}
	p.external = cmp.Or(p.external, p.internal)
	p.guestStatus = m.guestStatusOf(role, p.guest, c.p.flag("auth", !c.p.has("guest")))
	if m.full(p) {
		s.turnAway(w, c, m, breach{"maxParticipantsReached", "The number of participants allowed for this meeting has been reached."})
		return
	}
	s.register(p, c.now)
	if p.guestStatus == "DENY" {
		s.turnAway(w, c, m, breach{"guestDeniedAccess", "You have been denied access to this meeting based on the meeting's guest policy"})
		return
	}
	s.comes(p, c.now)
	s.admit(w, c, p, p.session)
}

// joinable runs the validators. A meeting that does not exist breaks several rules; this one is reported.
func (s *Server) joinable(c *call) (*meeting, *breach) {
	if b := first(c.p.meetingID(false), c.p.fullName(), c.p.integer("createTime"), c.p.boolean("guest"), c.p.boolean("auth")); b != nil {
		return nil, b
	}
	m := s.index.find(c.p.get("meetingID"))
	switch {
	case m == nil:
		return nil, &breach{"invalidMeetingIdentifier", "A meeting with that ID does not exist"}
	case !m.ended.IsZero():
		return nil, &breach{"meetingForciblyEnded", "You can not re-join a meeting that has already been forcibly ended. However, once the meeting is removed from memory (according to the timeout configured on this server, you will be able to once again create a meeting with the same meeting ID"}
	}
	return m, c.p.password("password")
}

func (p params) fullName() *breach {
	if p.get("fullName") == "" || !utf8.ValidString(p.get("fullName")) {
		return &breach{"missingParamFullName", "You must provide your name"}
	}
	return nil
}

// guestStatusOf is the table of the guest policies, with authenticated guests taken for guests where the policy asks.
func (m *meeting) guestStatusOf(role Role, guest, authenticated bool) string {
	if role == Moderator {
		return "ALLOW"
	}
	switch m.guestPolicy {
	case "ALWAYS_ACCEPT":
		return "ALLOW"
	case "ASK_MODERATOR":
		if guest || authenticated {
			return "WAIT"
		}
		return "ALLOW"
	case "ALWAYS_ACCEPT_AUTH":
		if guest {
			return "WAIT"
		}
		return "ALLOW"
	}
	return "DENY" // ALWAYS_DENY, and what is no policy
}

// full counts external ids of those registered: a person with several tabs is one, one without an id is new each time. Known ids
// and bots pass.
func (m *meeting) full(p *person) bool {
	if m.maxParticipants <= 0 || p.bot {
		return false
	}
	ids := map[string]bool{}
	for _, other := range m.registered {
		ids[other.external] = true
	}
	return !ids[p.external] && len(ids) >= m.maxParticipants
}

// register keeps the newest sessions of an external id.
func (s *Server) register(p *person, now time.Time) {
	m := p.meeting
	var same []*person
	for _, other := range m.registered {
		if other.external == p.external {
			same = append(same, other)
		}
	}
	if len(same) >= sessionsEach {
		for token := range maps.Clone(same[0].tabs) {
			s.drop(same[0], token, now)
		}
	}
	p.tabs = map[string]bool{p.session: false}
	m.registered = append(m.registered, p)
	s.sessions[p.session] = p
}

// again opens a second session for somebody who is registered, in place of another one where the caller says so.
func (s *Server) again(w http.ResponseWriter, c *call, p *person) {
	old := c.p.get("replaceSessionToken")
	token := s.another(p, c.now)
	if _, theirs := p.tabs[old]; theirs {
		s.drop(p, old, c.now)
	}
	s.admit(w, c, p, token)
}

func (m *meeting) known(internal string) *person {
	for _, p := range m.registered {
		if p.internal == internal {
			return p
		}
	}
	return nil
}

// userdata are the parameters userdata-<name>; a name with another dash is no name.
func userdata(p params) map[string]string {
	out := map[string]string{}
	for key := range p.values {
		name, ok := strings.CutPrefix(key, "userdata-")
		if ok && name != "" && !strings.Contains(name, "-") {
			out[name] = p.get(key)
		}
	}
	return out
}

func (s *Server) admit(w http.ResponseWriter, c *call, p *person, token string) {
	to := s.clientURL(c, p, token)
	if c.p.flag("redirect", true) {
		http.SetCookie(w, &http.Cookie{Name: "JSESSIONID", Value: drawn(32), Path: "/bigbluebutton", HttpOnly: true})
		http.Redirect(w, c.http, to, http.StatusFound)
		return
	}
	key := "successfullyJoined"
	if p.guestStatus == "WAIT" && s.cfg.Profile != V30 {
		key = "guestWait"
	}
	success(w, el("messageKey", key), el("message", "You have joined successfully."), el("meeting_id", p.meeting.internal), el("user_id", p.internal),
		el("auth_token", p.auth), el("session_token", token), el("guestStatus", p.guestStatus), el("url", to))
}

func (s *Server) clientURL(c *call, p *person, token string) string {
	switch {
	case s.cfg.Profile == V30 && c.p.get("enforceLayout") != "":
		return s.cfg.URL + "/html5client?waitLayout=1&sessionToken=" + token
	case s.cfg.Profile == V30:
		return s.cfg.URL + "/html5client?sessionToken=" + token
	case p.guestStatus == "WAIT":
		return s.cfg.URL + "/html5client/guestWait?sessionToken=" + token
	}
	return s.cfg.URL + "/html5client/join?sessionToken=" + token
}

// turnAway refuses after the validators: as XML where the caller asked for no redirect and the line honours that.
func (s *Server) turnAway(w http.ResponseWriter, c *call, m *meeting, b breach) {
	if s.cfg.Profile == V30 && !c.p.flag("redirect", true) {
		fail(w, b)
		return
	}
	s.redirect(w, c, m.logoutURL, b)
}

// refuse leads to the error page; what validators refuse is redirected even with redirect=false.
func (s *Server) refuse(w http.ResponseWriter, c *call, b breach) { s.redirect(w, c, s.cfg.URL, b) }

func (s *Server) redirect(w http.ResponseWriter, c *call, otherwise string, b breach) {
	to := cmp.Or(c.p.get("logoutURL"), otherwise)
	if s.cfg.Profile != V26 {
		to = cmp.Or(c.p.get("errorRedirectUrl"), to)
	}
	list, err := json.Marshal([]map[string]string{{"key": b.key, "message": b.text}})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	sep := "?"
	if strings.Contains(to, "?") {
		sep = "&"
	}
	http.Redirect(w, c.http, to+sep+"errors="+url.QueryEscape(string(list)), http.StatusFound)
}
