// SPDX-License-Identifier: AGPL-3.0-or-later

package bbb

import (
	"strconv"
	"strings"
)

// What numbers in an answer may be. Beyond, they are taken as 0: nothing is decided on them alone.
const (
	maxCount  = 1_000_000
	maxMillis = 9_999_999_999_999 // the year 2286
)

// Created is what a server says of a meeting that it made, or had already.
type Created struct {
	MeetingID, InternalID, ParentID string // ParentID is "" when it is no breakout room
	AttendeePW, ModeratorPW         string // "" when the server left them out
	VoiceBridge, DialNumber         string
	CreateTime                      int64  // milliseconds since 1970; join takes no other unit
	CreateDate                      string // as the server writes it
	Minutes                         int    // 0 is without end
	HasUserJoined, ForciblyEnded    bool
	Duplicate                       bool // the meeting was there before
}

// ParseCreated reads the answer to create. A FAILED one is Answer.Err; a success without internal id or time is bbb.unanswered: the
// server may have made the meeting.
func ParseCreated(a *Answer) (Created, error) {
	if err := a.Err(); err != nil {
		return Created{}, err
	}
	e := a.Root
	c := Created{
		MeetingID: e.Value("meetingID"), InternalID: e.Value("internalMeetingID"), ParentID: parentOf(e),
		AttendeePW: e.Value("attendeePW"), ModeratorPW: e.Value("moderatorPW"),
		VoiceBridge: e.Value("voiceBridge"), DialNumber: e.Value("dialNumber"),
		CreateTime: number(e.Value("createTime"), maxMillis), CreateDate: e.Value("createDate"),
		Minutes:       int(number(e.Value("duration"), maxCount)),
		HasUserJoined: truth(e.Value("hasUserJoined")), ForciblyEnded: truth(e.Value("hasBeenForciblyEnded")),
		Duplicate: a.Key == "duplicateWarning",
	}
	if c.InternalID == "" || c.CreateTime == 0 {
		return Created{}, unanswered("a created meeting without id or time", nil)
	}
	return c, nil
}

// Meeting is a meeting as its server tells it.
type Meeting struct {
	ExternalID, InternalID, Name string // ExternalID, the server's meetingID, is never ""
	ParentID                     string // internal id of the meeting whose breakout room this is; "" otherwise
	CreateTime                   int64  // milliseconds since 1970, as the others; 0 is unknown
	StartTime, EndTime           int64  // EndTime is 0 while it lives
	Running, ForciblyEnded       bool   // Running: somebody is really connected
	Recording                    bool   // it may be recorded
	HasUserJoined, Breakout      bool
	Participants, Moderators     int // people
	Listeners, Voice, Video      int // people who only listen, people who can speak, pictures
	Attendees                    []Attendee
	Metadata                     map[string]string // names without meta_, as the server spells them
	BreakoutRooms                []string          // ids
	Tree                         *Element          // everything, to hand on; not a copy
}

// Attendee is one connected person of a meeting.
type Attendee struct {
	UserID, FullName                    string // UserID is the one given at join
	Role, ClientType                    string // MODERATOR or VIEWER; HTML5 and others
	Presenter, ListenOnly, Voice, Video bool
}

// ParseMeeting reads a meeting of getMeetings or the answer to getMeetingInfo. It is bbb.unanswered when there is no meetingID.
func ParseMeeting(e *Element) (Meeting, error) {
	count := func(name string) int { return int(number(e.Value(name), maxCount)) }
	m := Meeting{
		ExternalID: e.Value("meetingID"), InternalID: e.Value("internalMeetingID"), Name: e.Value("meetingName"), ParentID: parentOf(e),
		CreateTime: number(e.Value("createTime"), maxMillis),
		StartTime:  number(e.Value("startTime"), maxMillis), EndTime: number(e.Value("endTime"), maxMillis),
		Running: truth(e.Value("running")), ForciblyEnded: truth(e.Value("hasBeenForciblyEnded")), Recording: truth(e.Value("recording")),
		HasUserJoined: truth(e.Value("hasUserJoined")), Breakout: truth(e.Value("isBreakout")),
		Participants: count("participantCount"), Moderators: count("moderatorCount"),
		Listeners: count("listenerCount"), Voice: count("voiceParticipantCount"), Video: count("videoCount"),
		Metadata: map[string]string{}, Tree: e,
	}
	if m.ExternalID == "" {
		return Meeting{}, unanswered("a meeting without id", nil)
	}
	if list := e.Child("attendees"); list != nil {
		for _, k := range list.Kids {
			if k.Name == "attendee" {
				m.Attendees = append(m.Attendees, attendee(k))
			}
		}
	}
	if list := e.Child("metadata"); list != nil {
		for _, k := range list.Kids {
			if _, known := m.Metadata[k.Name]; !known {
				m.Metadata[k.Name] = strings.TrimSpace(k.Text)
			}
		}
	}
	if list := e.Child("breakoutRooms"); list != nil {
		for _, k := range list.Kids {
			if room := strings.TrimSpace(k.Text); k.Name == "breakout" && room != "" {
				m.BreakoutRooms = append(m.BreakoutRooms, room)
			}
		}
	}
	return m, nil
}

func attendee(e *Element) Attendee {
	return Attendee{
		UserID: e.Value("userID"), FullName: e.Value("fullName"), Role: strings.ToUpper(e.Value("role")), ClientType: e.Value("clientType"),
		Presenter: truth(e.Value("isPresenter")), ListenOnly: truth(e.Value("isListeningOnly")),
		Voice: truth(e.Value("hasJoinedVoice")), Video: truth(e.Value("hasVideo")),
	}
}

// parentOf reads the id of the parent; "bbb-none" is how servers say that there is none.
func parentOf(e *Element) string {
	if p := e.Value("parentMeetingID"); p != "bbb-none" {
		return p
	}
	return ""
}

func truth(s string) bool { return strings.EqualFold(s, "true") }

// number reads a count or a time from 0 to most; anything else is 0. Servers of 2.6 print counts with the thousands separator of
// their language from 1,000 on (spec, section 7).
func number(s string, most int64) int64 {
	if len(s) > 32 {
		return 0
	}
	groups := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(",.'’ \u00a0\u202f", r) })
	for i, g := range groups {
		if i > 0 && len(g) != 3 || i == 0 && len(groups) > 1 && len(g) > 3 {
			return 0
		}
	}
	n, err := strconv.ParseUint(strings.Join(groups, ""), 10, 63)
	if err != nil || n > uint64(most) {
		return 0
	}
	return int64(n)
}
