// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// create makes a meeting, or answers for the one that has the id. Only the passwords are compared then.
func (s *Server) create(w http.ResponseWriter, c *call) {
	b := first(c.p.meetingID(true), c.p.name(), c.p.password("attendeePW"), c.p.password("moderatorPW"), c.p.integer("voiceBridge"), c.p.boolean("record"), c.p.boolean("isBreakout"))
	if b != nil {
		fail(w, *b)
		return
	}
	attendee, moderator := c.p.get("attendeePW"), c.p.get("moderatorPW")
	if m := s.index.live(c.p.get("meetingID")); m != nil {
		same := attendee == m.attendeePW && moderator == m.moderatorPW
		if !same && (attendee != "" || moderator != "") {
			fail(w, breach{"idNotUnique", "A meeting already exists with that meeting ID. Please use a different meeting ID."})
			return
		}
		s.created(w, m, "duplicateWarning", "This conference was already in existence and may currently be in progress.")
		return
	}
	bridge := c.p.get("voiceBridge")
	if s.index.bridges[bridge] != nil || s.index.bridges[c.p.get("webVoice")] != nil {
		answer(w, "FAILED", []node{group("errors", []node{group("error", []node{el("key", "nonUniqueVoiceBridge"), el("message", "The selected voice bridge is already in use.")})})})
		return
	}
	m, b := s.newMeeting(c)
	if b != nil {
		fail(w, *b)
		return
	}
	m.documents, m.query, m.body = s.documents(c, m), c.http.URL.RawQuery, c.body
	s.open(m, c.now)
	s.created(w, m, "", "")
}

// newMeeting reads what create says about one.
func (s *Server) newMeeting(c *call) (*meeting, *breach) {
	minutes := func(key string, def int) time.Duration { return time.Duration(c.p.number(key, def)) * time.Minute }
	m := &meeting{
		external: c.p.get("meetingID"), name: c.p.get("name"), attendeePW: c.p.get("attendeePW"), moderatorPW: c.p.get("moderatorPW"),
		voiceBridge: c.p.get("voiceBridge"), dialNumber: cmp.Or(c.p.get("dialNumber"), "613-555-1234"),
		minutes: c.p.number("duration", 0), lasts: minutes("duration", 0), maxParticipants: c.p.number("maxParticipants", 0), record: c.p.flag("record", false),
		autoStart: c.p.flag("autoStartRecording", false), meta: c.p.meta(), disabled: strings.Split(c.p.get("disabledFeatures"), ","),
		guestPolicy: cmp.Or(c.p.get("guestPolicy"), "ALWAYS_ACCEPT"), logoutURL: cmp.Or(c.p.get("logoutURL"), s.cfg.URL), endedURL: c.p.get("meetingEndedURL"),
		nobodyCame: minutes("meetingExpireIfNoUserJoinedInMinutes", 5), everybodyLeft: minutes("meetingExpireWhenLastUserLeftInMinutes", 1),
		needsModerator: c.p.flag("endWhenNoModerator", false), noModerator: minutes("endWhenNoModeratorDelayInMinutes", 1),
	}
	if m.logoutURL == "default" {
		m.logoutURL = s.cfg.URL
	}
	if !c.p.flag("isBreakout", false) {
		return m, nil
	}
	if c.p.get("parentMeetingID") == "" {
		key := "parentMeetingIDMissing"
		if s.cfg.Profile != V30 {
			key = "parentMeetingIdMissing"
		}
		return nil, &breach{key, "No parent meeting ID was provided for the breakout room."}
	}
	parent := s.index.find(c.p.get("parentMeetingID"))
	if parent == nil || !parent.ended.IsZero() {
		return nil, &breach{"parentMeetingDoesNotExist", "No meeting with the parent meeting ID was found."}
	}
	m.parent, m.sequence, m.freeJoin = parent, c.p.number("sequence", 0), c.p.flag("freeJoin", false)
	return m, nil
}

// open gives a meeting what it has not been given and lets it begin.
func (s *Server) open(m *meeting, now time.Time) {
	m.attendeePW, m.moderatorPW = cmp.Or(m.attendeePW, drawn(8)), cmp.Or(m.moderatorPW, drawn(8))
	m.created = now.Truncate(time.Millisecond)
	m.internal = internalID(m.external, m.created)
	for s.index.byInternal[m.internal] != nil { // ended, and made anew at once: ids of one millisecond must differ
		m.created = m.created.Add(time.Millisecond)
		m.internal = internalID(m.external, m.created)
	}
	for m.voiceBridge == "" {
		if bridge := strconv.Itoa(10_000 + s.luck.IntN(90_000)); s.index.bridges[bridge] == nil || len(s.index.bridges) > 80_000 {
			m.voiceBridge = bridge
		}
	}
	m.due.do = func(at time.Time) { s.turn(m, at) }
	s.index.add(m)
	s.replan(m)
	s.tell(m, nil, "meeting-created", now)
}

func (s *Server) created(w http.ResponseWriter, m *meeting, key, message string) {
	parent := "bbb-none"
	if m.parent != nil {
		parent = m.parent.internal
	}
	kids := []node{el("meetingID", m.external), el("internalMeetingID", m.internal), el("parentMeetingID", parent)}
	kids = append(kids, optional("attendeePW", m.attendeePW)...)
	kids = append(kids, optional("moderatorPW", m.moderatorPW)...)
	kids = append(kids, num("createTime", m.createTime()), el("voiceBridge", m.voiceBridge), el("dialNumber", m.dialNumber), el("createDate", javaDate(m.created)),
		yes("hasUserJoined", m.everJoined), num("duration", int64(m.minutes)), yes("hasBeenForciblyEnded", m.forced), el("messageKey", key), el("message", message))
	success(w, kids...)
}

// isMeetingRunning says false for what does not exist.
func (s *Server) isMeetingRunning(w http.ResponseWriter, c *call) {
	if b := c.p.meetingID(false); b != nil {
		fail(w, *b)
		return
	}
	m := s.index.find(c.p.get("meetingID"))
	success(w, yes("running", m != nil && m.running()))
}

var notFound = breach{"notFound", "A meeting with that ID does not exist"}

// end takes any password of a possible length: its value has not been compared since 2.4.
func (s *Server) end(w http.ResponseWriter, c *call) {
	if b := first(c.p.meetingID(false), c.p.password("password")); b != nil {
		fail(w, *b)
		return
	}
	m := s.index.find(c.p.get("meetingID"))
	if m == nil {
		fail(w, notFound)
		return
	}
	s.finish(m, c.now, true)
	success(w, el("messageKey", "sentEndMeetingRequest"),
		el("message", "A request to end the meeting was sent. Please wait a few seconds, and then use the getMeetingInfo or isMeetingRunning API calls to verify that it was ended."))
}

func (s *Server) getMeetingInfo(w http.ResponseWriter, c *call) {
	if b := c.p.meetingID(false); b != nil {
		fail(w, *b)
		return
	}
	m := s.index.find(c.p.get("meetingID"))
	if m == nil {
		fail(w, notFound)
		return
	}
	success(w, m.info(s, nil)...)
}

func (s *Server) getMeetings(w http.ResponseWriter, c *call) {
	if len(s.index.all) == 0 {
		success(w, el("meetings", ""), el("messageKey", "noMeetings"), el("message", "no meetings were found on this server"))
		return
	}
	list := make([]node, 0, len(s.index.all))
	for i, m := range s.index.all {
		var gone []*person
		if s.cfg.Profile == V26 {
			m.justLeft = slices.DeleteFunc(m.justLeft, func(p *person) bool { return p.connected || c.now.Sub(p.left) >= justLeftFor })
			gone = m.justLeft
		}
		told := group("meeting", m.info(s, gone))
		switch {
		case c.fault.Kind == FaultMissing && i%2 == 0:
			continue
		case c.fault.Kind == FaultDoubled:
			list = append(list, told)
		}
		list = append(list, told)
	}
	success(w, group("meetings", list))
}

// justLeftFor is how long the older line lists those who have left.
const justLeftFor = 10 * time.Second

// getSessions has one entry per connection and names meetings by their internal ids; "serverr" is the original's.
func (s *Server) getSessions(w http.ResponseWriter, _ *call) {
	var list []node
	for _, m := range s.index.all {
		for _, p := range m.online() {
			for _, there := range p.tabs {
				if there {
					list = append(list, group("meeting", []node{el("meetingID", m.internal), el("meetingName", m.name), el("userName", p.name)}))
				}
			}
		}
	}
	if list == nil {
		success(w, el("sessions", ""), el("messageKey", "noSessions"), el("message", "no sessions were found on this serverr"))
		return
	}
	success(w, group("sessions", list))
}

// roleOf decides by role, which wins over password. The odd key is the original's.
func (c *call) roleOf(m *meeting) (Role, *breach) {
	switch role := Role(strings.ToUpper(c.p.get("role"))); role {
	case Moderator, Viewer:
		return role, nil
	}
	switch password := c.p.get("password"); password {
	case m.moderatorPW:
		return Moderator, nil
	case m.attendeePW:
		return Viewer, nil
	case "":
		return "", &breach{"Params required", "You must either send the valid role of the user, or the password, which should match the moderator or attendee password."}
	}
	return "", &breach{"Params required", "You must enter a valid password"}
}
