// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"crypto/sha1" // #nosec G505: internal ids are made so
	"encoding/hex"
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
	number                    int64 // in the order of creation
	external, internal, name  string
	attendeePW, moderatorPW   string
	voiceBridge, dialNumber   string
	created                   time.Time
	minutes                   int           // 0: without end
	lasts                     time.Duration // the same
	maxParticipants           int
	record, marked, autoStart bool // marked: somebody has pressed the button
	meta                      map[string]string
	disabled                  []string // features
	guestPolicy               string
	logoutURL, endedURL       string
	parent                    *meeting   // of a breakout room
	rooms                     []*meeting // its breakout rooms that are still listed
	sequence                  int
	freeJoin                  bool
	nobodyCame, everybodyLeft time.Duration // after which it ends; the second 0: never
	needsModerator            bool
	noModerator               time.Duration // how long it goes on without one
	registered                []*person     // by join, in its order
	here                      int           // how many of them are connected
	everybody                 int           // how many have ever been connected
	justLeft                  []*person
	started, ended, lastLeft  time.Time
	moderatorLeft             time.Time // when the last one went; zero: there is one, or never was
	everJoined, forced        bool
	due                       due
	query                     string // of create, as it came
	body                      []byte
	documents                 []Document
	chat                      []ChatMessage
}

func (m *meeting) createTime() int64 { return m.created.UnixMilli() }

// internalID is the hash of the external id and the time of creation: a new meeting of the same id has a new one.
func internalID(external string, created time.Time) string {
	sum := sha1.Sum([]byte(external)) // #nosec G401
	return hex.EncodeToString(sum[:]) + "-" + strconv.FormatInt(created.UnixMilli(), 10)
}

func (m *meeting) online() []*person {
	out := make([]*person, 0, m.here)
	for _, p := range m.registered {
		if p.connected {
			out = append(out, p)
		}
	}
	return out
}

func (m *meeting) running() bool { return m.ended.IsZero() && m.here > 0 }

// javaDate writes a time as Java's Date.toString does, in UTC.
func javaDate(t time.Time) string { return t.UTC().Format("Mon Jan 02 15:04:05 UTC 2006") }

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// info is a meeting as getMeetingInfo and getMeetings tell it.
// gone are listed as if they were still here.
func (m *meeting) info(s *Server, gone []*person) []node {
	online := m.online()
	var listening, voice, moderators, video int64
	attendees := make([]node, 0, len(online))
	for _, p := range online {
		count := func(n *int64, v bool) {
			if v {
				*n++
			}
		}
		count(&listening, p.listenOnly)
		count(&voice, p.voice)
		video += int64(p.cameras)
		count(&moderators, p.role == Moderator)
		attendees = append(attendees, p.attendee())
	}
	for _, p := range gone {
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
	for _, b := range m.rooms {
		if b.ended.IsZero() {
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

// count writes a number of people: the older line groups thousands, and so does a fault.
func (s *Server) count(name string, n int64) node {
	if s.cfg.Profile == V26 || s.grouping {
		return el(name, grouped(n))
	}
	return num(name, n)
}

// grouped writes 1234567 as 1,234,567.
func grouped(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func (p *person) attendee() node {
	client := "HTML5"
	if p.dialIn {
		client = "DIAL_IN"
	}
	kids := []node{el("userID", p.external), el("fullName", p.name), el("role", string(p.role)), yes("isPresenter", p.presenter), yes("isListeningOnly", p.listenOnly),
		yes("hasJoinedVoice", p.voice), yes("hasVideo", p.cameras > 0), el("clientType", client)}
	if len(p.customdata) > 0 {
		kids = append(kids, group("customdata", metadata(p.customdata)))
	}
	return group("attendee", kids)
}
