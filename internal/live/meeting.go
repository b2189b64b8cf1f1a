// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"time"

	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/usage"
)

// The engine's view of a meeting.
const (
	engineCold  = "cold"  // not made there yet
	engineReady = "ready" // people can connect
	engineDown  = "down"  // interrupted
)

// meeting is the row live_meeting.
type meeting struct {
	ID          id.Meeting
	Room        id.Room // or, for an API client's, the meeting's own id: its place at the door
	Member      id.Member
	Connection  id.Connection // of an API client; none for a room's
	ExternalID  string        // by which the client calls it
	Asked       string        // query of the client's create
	Title       string        // as the client named it
	LeaveURL    string        // where the client wants people to go afterwards
	Server      id.Server
	Engine      string
	Events      int64 // number of the last event
	Hands       int   // order given to the last hand
	Locks       Locks
	DoorClosed  bool
	MuteOnEntry bool
	StartedAt   instant.Instant
	DeadlineAt  instant.Instant
	Visited     bool            // somebody was really inside
	EmptySince  instant.Instant // when the last seat was given back; none while somebody has one
	Warned      int             // minutes of the last warning given: 0, 10 or 2
	SeatsTold   string          // the last seats event's data
	DueAt       instant.Instant // when timers have something to do; none is never
	EndedAt     instant.Instant
	EndReason   fleet.EndReason
}

func (m meeting) door() Door {
	if m.DoorClosed {
		return DoorClosed
	}
	return DoorOpen
}

// The patience with meetings nobody is in (engine.md E10).
const (
	nobodyCame = 5 * time.Minute
	lastLeft   = time.Minute
	// outage is how much longer an empty meeting is kept while its engine is down: its people are at their pages.
	outage = 5 * time.Minute
)

// emptyAt is when the meeting ends for want of people; none while somebody has a seat.
func (m meeting) emptyAt() instant.Instant {
	if m.EmptySince.IsZero() {
		return instant.Instant{}
	}
	at := m.EmptySince.Add(lastLeft)
	if !m.Visited {
		at = instant.Later(m.StartedAt.Add(nobodyCame), m.EmptySince)
	}
	if m.Engine == engineDown {
		at = at.Add(outage)
	}
	return at
}

// warning returns the minutes to warn of at now (10 or 2), or 0. A meeting that is shorter than ten minutes as a whole
// is warned at two only, and each warning is given once for one deadline.
func (m meeting) warning(now instant.Instant) int {
	if m.DeadlineAt.IsZero() || !now.Before(m.DeadlineAt) || !m.Visited {
		return 0 // before somebody is inside nobody would hear it
	}
	switch left := m.DeadlineAt.Sub(now); {
	case left <= 2*time.Minute && m.Warned != 2:
		return 2
	case left <= 10*time.Minute && m.Warned == 0 && left > 2*time.Minute && m.DeadlineAt.Sub(m.StartedAt) >= 10*time.Minute:
		return 10
	}
	return 0
}

// next is when a timer of the meeting has something to do; none is never.
func (m meeting) next() instant.Instant {
	due := m.emptyAt()
	if m.DeadlineAt.IsZero() {
		return due
	}
	due = instant.Earlier(due, m.DeadlineAt)
	if !m.Visited {
		return due
	}
	if m.Warned != 2 {
		due = instant.Earlier(due, m.DeadlineAt.Add(-2*time.Minute))
	}
	if m.Warned == 0 && m.DeadlineAt.Sub(m.StartedAt) >= 10*time.Minute {
		due = instant.Earlier(due, m.DeadlineAt.Add(-10*time.Minute))
	}
	return due
}

// move sets another deadline. Warnings whose time has moved on are given again.
func (m *meeting) move(deadline, now instant.Instant) {
	m.DeadlineAt = deadline
	left := deadline.Sub(now)
	switch {
	case deadline.IsZero() || left > 10*time.Minute:
		m.Warned = 0
	case left > 2*time.Minute && m.Warned == 2:
		m.Warned = 10
	}
}

// over returns why the meeting is to end at now, or "".
func (m meeting) over(now instant.Instant) fleet.EndReason {
	if !m.DeadlineAt.IsZero() && !now.Before(m.DeadlineAt) {
		return fleet.EndDuration
	}
	if at := m.emptyAt(); !at.IsZero() && !now.Before(at) {
		return fleet.EndEmpty
	}
	return ""
}

// participant is the row live_participant: one person in one meeting.
type participant struct {
	ID       id.Participant
	Meeting  id.Meeting
	Key      usage.PersonKey
	Person   id.Person // none for a guest
	SentAs   string    // an API client's id of the person; none in rooms
	Name     string
	Role     Role
	Owner    bool // of the room: cannot be put out or demoted
	State    Presence
	Session  string // the engine's name for the latest connection
	Hand     int
	Allowed  allowed
	Stream   int // counts the event streams opened; the newest counts
	ChatAt   instant.Instant
	ReactAt  instant.Instant
	JoinedAt instant.Instant
	SeenAt   instant.Instant // when media last connected; none before the first time
}

// allowance is what a moderator has said about one thing of one person: nothing (the lock decides), yes or no.
type allowance string

const (
	byLock allowance = ""
	yes    allowance = "yes"
	no     allowance = "no"
)

func (a allowance) under(locked bool) bool { return a == yes || a == byLock && !locked }

type allowed struct{ Chat, Mic, Camera, Screen allowance }

// may is what the participant may do under the meeting's locks. Moderators may everything.
func (p participant) may(l Locks) May {
	if p.Role == Moderator {
		return May{Mic: true, Camera: true, Screen: true, Chat: true}
	}
	return May{
		Mic: p.Allowed.Mic.under(l.Mic), Camera: p.Allowed.Camera.under(l.Camera),
		Screen: p.Allowed.Screen.under(l.Screen), Chat: p.Allowed.Chat.under(l.Chat),
	}
}

func (p participant) seen(l Locks) Person {
	return Person{ID: p.ID, Name: p.Name, Role: p.Role, State: p.State, Hand: p.Hand, May: p.may(l)}
}
