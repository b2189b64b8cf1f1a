// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"crypto/sha1" // #nosec G505: internal ids are made so
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Role is what somebody may do in a meeting.
type Role string

// The roles, as replies spell them.
const (
	Moderator Role = "MODERATOR"
	Viewer    Role = "VIEWER"
)

// meeting is one that runs, or has ended a moment ago.
type meeting struct {
	external, internal, name  string
	attendeePW, moderatorPW   string
	voiceBridge, dialNumber   string
	created                   time.Time
	minutes                   int // 0: without end
	maxParticipants           int
	record                    bool
	meta                      map[string]string
	guestPolicy               string
	logoutURL                 string
	parent                    *meeting // of a breakout room
	sequence                  int
	freeJoin                  bool
	nobodyCame, everybodyLeft time.Duration // after which it ends; the second 0: never
	registered                []*person     // by join, in its order
	started, ended, lastLeft  time.Time
	everJoined, forced        bool
}

// person is one registration by join; connected once the client is there.
type person struct {
	meeting            *meeting
	internal, external string
	name               string
	role               Role
	guest, bot         bool
	guestStatus        string // ALLOW, WAIT or DENY
	session, auth      string
	connected          bool
	listenOnly         bool
	voice, video       bool
	presenter          bool
	customdata         map[string]string
}

func (m *meeting) createTime() int64 { return m.created.UnixMilli() }

// internalID is the hash of the external id and the time of creation: a new meeting of the same id has a new one.
func internalID(external string, created time.Time) string {
	sum := sha1.Sum([]byte(external)) // #nosec G401
	return hex.EncodeToString(sum[:]) + "-" + strconv.FormatInt(created.UnixMilli(), 10)
}

func (m *meeting) online() []*person {
	var out []*person
	for _, p := range m.registered {
		if p.connected {
			out = append(out, p)
		}
	}
	return out
}

func (m *meeting) running() bool { return m.ended.IsZero() && len(m.online()) > 0 }

// pass lets time do its work: ends by duration and by nobody being there, and the disappearance of what has ended.
func (s *Server) pass(now time.Time) {
	for _, m := range s.meetings {
		if !m.ended.IsZero() {
			continue
		}
		over := func(since time.Time, d time.Duration) bool { return d > 0 && !now.Before(since.Add(d)) }
		switch online := len(m.online()); {
		case over(m.created, time.Duration(m.minutes)*time.Minute):
			s.finish(m, m.created.Add(time.Duration(m.minutes)*time.Minute), true)
		case online == 0 && !m.everJoined && over(m.created, m.nobodyCame):
			s.finish(m, m.created.Add(m.nobodyCame), false)
		case online == 0 && m.everJoined && over(m.lastLeft, m.everybodyLeft):
			s.finish(m, m.lastLeft.Add(m.everybodyLeft), false)
		}
	}
	s.meetings = slices.DeleteFunc(s.meetings, func(m *meeting) bool { return !m.ended.IsZero() && !now.Before(m.ended.Add(s.cfg.Grace)) })
}

// finish ends a meeting and its breakout rooms.
func (s *Server) finish(m *meeting, at time.Time, forced bool) {
	if !m.ended.IsZero() {
		return
	}
	m.ended, m.forced = at, forced
	for _, p := range m.registered {
		p.connected = false
		delete(s.sessions, p.session)
	}
	for _, b := range s.meetings {
		if b.parent == m {
			s.finish(b, at, forced)
		}
	}
}

// find returns the meeting with that id, internal ids first; among equal external ids the one that has not ended.
func (s *Server) find(id string) *meeting {
	var found *meeting
	for _, m := range s.meetings {
		if m.internal == id {
			return m
		}
		if m.external == id && (found == nil || !found.ended.IsZero()) {
			found = m
		}
	}
	return found
}

// live is find without what has ended.
func (s *Server) live(external string) *meeting {
	for _, m := range s.meetings {
		if m.external == external && m.ended.IsZero() {
			return m
		}
	}
	return nil
}

// javaDate writes a time as Java's Date.toString does, in UTC.
func javaDate(t time.Time) string { return t.UTC().Format("Mon Jan 02 15:04:05 UTC 2006") }

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// info is a meeting as getMeetingInfo and getMeetings tell it.
func (m *meeting) info(s *Server) []node {
	online := m.online()
	var listening, voice, video, moderators int64
	attendees := make([]node, 0, len(online))
	for _, p := range online {
		count := func(n *int64, v bool) {
			if v {
				*n++
			}
		}
		count(&listening, p.listenOnly)
		count(&voice, p.voice)
		count(&video, p.video)
		count(&moderators, p.role == Moderator)
		attendees = append(attendees, p.attendee())
	}
	out := []node{el("meetingName", m.name), el("meetingID", m.external), el("internalMeetingID", m.internal), num("createTime", m.createTime()),
		el("createDate", javaDate(m.created)), el("voiceBridge", m.voiceBridge), el("dialNumber", m.dialNumber)}
	out = append(out, optional("attendeePW", m.attendeePW)...)
	out = append(out, optional("moderatorPW", m.moderatorPW)...)
	out = append(out, yes("running", m.running()), num("duration", int64(m.minutes)), yes("hasUserJoined", m.everJoined), yes("recording", m.record),
		yes("hasBeenForciblyEnded", m.forced), num("startTime", millis(m.started)), num("endTime", millis(m.ended)), s.count("participantCount", int64(len(online))),
		s.count("listenerCount", listening), s.count("voiceParticipantCount", voice), s.count("videoCount", video), num("maxUsers", int64(m.maxParticipants)),
		s.count("moderatorCount", moderators), group("attendees", attendees), group("metadata", metadata(m.meta)), yes("isBreakout", m.parent != nil))
	if m.parent != nil {
		out = append(out, el("parentMeetingID", m.parent.internal), num("sequence", int64(m.sequence)), yes("freeJoin", m.freeJoin))
	}
	var rooms []node
	for _, b := range s.meetings {
		if b.parent == m && b.ended.IsZero() {
			rooms = append(rooms, el("breakout", b.internal))
		}
	}
	if rooms != nil {
		out = append(out, group("breakoutRooms", rooms))
	}
	return out
}

func metadata(meta map[string]string) []node {
	var out []node
	for _, k := range slices.Sorted(maps.Keys(meta)) {
		out = append(out, el(k, meta[k]))
	}
	return out
}

// count writes a number of people: the older line groups thousands.
func (s *Server) count(name string, n int64) node {
	if s.cfg.Profile == V26 && n >= 1000 {
		return el(name, fmt.Sprintf("%d,%03d", n/1000, n%1000))
	}
	return num(name, n)
}

func (p *person) attendee() node {
	kids := []node{el("userID", p.external), el("fullName", p.name), el("role", string(p.role)), yes("isPresenter", p.presenter), yes("isListeningOnly", p.listenOnly),
		yes("hasJoinedVoice", p.voice), yes("hasVideo", p.video), el("clientType", "HTML5")}
	if len(p.customdata) > 0 {
		kids = append(kids, group("customdata", metadata(p.customdata)))
	}
	return group("attendee", kids)
}
