// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"context"
	"net/netip"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
)

// Engine is one place where meetings run. All methods are safe for concurrent use, may
// be repeated, and return faults. Any of them may answer Unavailable (engine.down) while
// the engine is away; nothing has happened then that List would not show.
type Engine interface {
	// Capabilities returns what this engine can do: constant for the life of the process.
	Capabilities() Capabilities

	// Create makes the meeting known to the engine, or finds it there (Created.Fresh is
	// false then). Conflict (engine.ended) once End was called for it.
	Create(ctx context.Context, in CreateInput) (Created, error)

	// Join returns the way in for one admitted person whose seat is already held. It lifts an
	// earlier Remove of the same person. It does not create the meeting. Conflict
	// (engine.ended) after End; Unavailable (engine.loopback_only) when in.From cannot
	// reach the media; Invalid for an input that Validate refuses.
	Join(ctx context.Context, in JoinInput) (Entry, error)

	// End ends the meeting for everybody and for ever. A meeting the engine does not know
	// counts as ended: no error.
	End(ctx context.Context, m Ref, why EndReason) error

	// List returns what truly runs, with people and tracks, in the order of the meetings'
	// ids. It is the truth for reconciliation; a meeting without people may be missing.
	List(ctx context.Context) ([]Running, error)

	// Remove puts a person out. No entry given out before works until the next Join. A
	// person who is not there is no error. Unavailable (engine.unsupported) without Kick.
	Remove(ctx context.Context, m Ref, p id.Participant) error

	// Mute stops what the person sends of that medium; the person may start it again. It
	// never un-mutes. A person who sends nothing of it is no error; NotFound
	// (engine.not_there) when the person is not in the meeting.
	Mute(ctx context.Context, m Ref, p id.Participant, k Media) error

	// Allow changes what a person may publish, at once: what is no longer allowed stops.
	// NotFound (engine.not_there) when the person is not in the meeting.
	Allow(ctx context.Context, m Ref, p id.Participant, g Grants) error

	// Events calls f for each event until ctx is done and then returns nil. When f returns
	// an error the event is given again later. There is one consumer at a time: a second
	// call while one runs returns Conflict (engine.events_taken).
	Events(ctx context.Context, f func(Event) error) error
}

// Ref names a meeting and the server of the fleet on which it runs. Server may be empty
// where only one server is behind the engine; no engine decides by it.
type Ref struct {
	Meeting id.Meeting
	Server  id.Server
}

// CreateInput describes a meeting to an engine.
type CreateInput struct {
	Ref
	// MaxPeople is the engine's own backstop: more connections at once are refused with an
	// opaque error. 0 is none. The limit people read about is admission's, not this one.
	MaxPeople int
}

// Created is the outcome of Create.
type Created struct {
	Ref
	Fresh bool // this call made it; false: it ran already
}

// Role says which of the two kinds of person somebody is in a meeting.
type Role string

// The roles. A moderator has no more rights inside the engine than a viewer: what
// moderators do, this program does for them.
const (
	RoleModerator Role = "moderator"
	RoleViewer    Role = "viewer"
)

// Media is one kind of what a person can send.
type Media string

// The media. Screen includes the sound of the shared screen.
const (
	MediaMicrophone Media = "microphone"
	MediaCamera     Media = "camera"
	MediaScreen     Media = "screen"
)

// Known reports whether m is one of the media.
func (m Media) Known() bool {
	return m == MediaMicrophone || m == MediaCamera || m == MediaScreen
}

// Grants says what a person may publish. Everybody may see and hear; nobody may send
// data, change metadata or administrate through the engine.
type Grants struct {
	Microphone bool
	Camera     bool
	Screen     bool
}

// Allows reports whether g contains m.
func (g Grants) Allows(m Media) bool {
	switch m {
	case MediaMicrophone:
		return g.Microphone
	case MediaCamera:
		return g.Camera
	case MediaScreen:
		return g.Screen
	}
	return false
}

// MaxTTL is the longest life of an Entry: enough for a slow page, too short to be worth keeping.
const MaxTTL = 2 * time.Minute

// JoinInput asks for the way in for one person.
type JoinInput struct {
	Ref         Ref
	Participant id.Participant
	Role        Role
	Grants      Grants
	// TTL is how long the Entry may be used to come in: (0, MaxTTL]; 0 means MaxTTL. Who is
	// inside stays inside.
	TTL time.Duration
	// From is the person's address as far as it is known, for engine.loopback_only. The zero
	// value means unknown and is not judged.
	From netip.Addr
}

// Entry is the way in. Token is a secret of that person: it goes to their page and nowhere else.
type Entry struct {
	Kind  string // "sfu" or "bbb": which page can use it
	URL   string // where the page connects: ws(s):// for sfu, https:// for bbb
	Token string // empty where the URL carries everything
}

// Running is one meeting as the engine sees it.
type Running struct {
	Meeting      id.Meeting
	Since        instant.Instant
	Participants []RunningParticipant // in the order of their ids
}

// RunningParticipant is one person as the engine sees them.
type RunningParticipant struct {
	Participant id.Participant
	Session     string          // see Event.Session
	Since       instant.Instant // when this session came
	Connected   bool            // media flows; false: connecting or connecting again
	Publishing  []Media         // what is being sent and not muted, in alphabetical order
}

// EventKind says what happened.
type EventKind string

// The kinds. Down and Back are about the whole engine and carry no meeting.
const (
	EventCreated     EventKind = "created"     // the meeting runs
	EventEnded       EventKind = "ended"       // the meeting is gone from the engine: by End, or because nobody is left in it
	EventEntered     EventKind = "entered"     // a person's media is connected
	EventLeft        EventKind = "left"        // a person went, or was put out: Event.Why
	EventLost        EventKind = "lost"        // a person's connection broke; they may come back
	EventPublished   EventKind = "published"   // Event.Media is being sent
	EventUnpublished EventKind = "unpublished" // Event.Media is no longer sent
	EventDown        EventKind = "down"        // the engine is away; its meetings are interrupted
	EventBack        EventKind = "back"        // the engine is there again; its meetings were made again, empty
)

// LeftWhy says how a person left.
type LeftWhy string

// The reasons of EventLeft.
const (
	LeftSelf    LeftWhy = "self"    // the person left
	LeftRemoved LeftWhy = "removed" // Remove, or a stranger put out
	LeftEnded   LeftWhy = "ended"   // the meeting ended
)

// Event is something that happened in an engine. Consumers fold events: each may come
// twice (same Key) and in any order.
type Event struct {
	Key         string // the same for each delivery of the same event, within one engine
	Kind        EventKind
	At          instant.Instant
	Meeting     id.Meeting
	Participant id.Participant
	// Session names one connection of the person. A reload makes a new one, and the end of
	// the old one may be told after the beginning of the new: whoever folds Left and Lost
	// ignores those of a session that is not the latest entered. It is not secret.
	Session string
	Media   Media   // of Published and Unpublished
	Why     LeftWhy // of Left
}

// EndReason says why a meeting is ended.
type EndReason string

// The reasons for End.
const (
	EndHost     EndReason = "host"     // a moderator ended it for all
	EndDuration EndReason = "duration" // the level's time was used up
	EndEmpty    EndReason = "empty"    // nobody was left
	EndPlatform EndReason = "platform" // the operator, or the program itself
)

// Capabilities says what an engine can do. Pages do not draw what is absent.
type Capabilities struct {
	Kick        bool // Remove works
	Mute        bool // Mute works
	Lock        bool // Allow works
	WaitingRoom bool
	Chat        bool
	Hands       bool
	Slides      bool
	Notes       bool
	Breakouts   bool
	Polls       bool
	DialIn      bool
	Captions    bool
	Recording   Recording
	MaxPeople   int // in one meeting; 0: no limit of its own
}

// Recording says where an engine can record.
type Recording string

// The ways of recording.
const (
	RecordingNone   Recording = "none"
	RecordingServer Recording = "server"
	RecordingLocal  Recording = "local" // on the moderator's own computer, by the page
)
