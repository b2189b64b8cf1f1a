// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"meetcoop/internal/engine"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/usage"
)

// Who is a browser at the door or inside: a signed-in person, or a guest by the cookie the room page gave; in the meeting of an
// API client whoever its signed link made them.
type Who struct {
	Actor identity.Actor
	Guest string          // the guest cookie's value; counts only without a session
	Sent  usage.PersonKey // by an API client to the one meeting asked about; zero in all others
}

// key is what the person is known by on a connection; zero for a browser with neither session nor cookie.
func (w Who) key(c id.Connection) usage.PersonKey {
	switch {
	case w.Actor.Kind == identity.ActorPerson && w.Actor.Person != "":
		return usage.KeyOf(c, string(w.Actor.Person))
	case w.Guest != "":
		return usage.KeyOf(c, "guest:"+w.Guest)
	}
	return usage.PersonKey{}
}

// Role is what somebody is in a meeting.
type Role string

// The roles. Moderators hold the verbs that concern others.
const (
	Moderator Role = "moderator"
	Viewer    Role = "viewer"
)

// Presence is where a participant is.
type Presence string

// The states of a participant. The first three hold a seat.
const (
	Connecting Presence = "connecting" // admitted, media not connected yet
	Inside     Presence = "inside"
	Away       Presence = "away" // cut off and awaited
	Left       Presence = "left"
	Removed    Presence = "removed" // put out, and stays out until lifted
)

func (p Presence) seated() bool { return p == Connecting || p == Inside || p == Away }

// May is what a person may do now: the locks of the meeting, and what a moderator has allowed or taken from them.
type May struct {
	Mic    bool `json:"mic"`
	Camera bool `json:"camera"`
	Screen bool `json:"screen"`
	Chat   bool `json:"chat"`
}

func (m May) grants() engine.Grants {
	return engine.Grants{Microphone: m.Mic, Camera: m.Camera, Screen: m.Screen}
}

// Person is a participant as the others see them.
type Person struct {
	ID    id.Participant `json:"id"`
	Name  string         `json:"name"`
	Role  Role           `json:"role"`
	State Presence       `json:"state"` // connecting, inside or away
	Hand  int            `json:"hand"`  // the order of raising; 0 is down
	May   May            `json:"may"`
}

// Waiting is somebody at the door, as moderators see them.
type Waiting struct {
	ID    id.Participant  `json:"id"`
	Name  string          `json:"name"`
	Since instant.Instant `json:"since"`
}

// The receivers of a line of chat that are no participant.
const (
	ToAll        = "all"
	ToModerators = "moderators"
)

// Line is one message of the chat.
type Line struct {
	ID     id.Message      `json:"id"`
	N      int64           `json:"n"` // number of its event
	From   id.Participant  `json:"from"`
	Name   string          `json:"name"` // of the sender, at the time
	To     string          `json:"to"`   // ToAll, ToModerators, or a participant
	ToName string          `json:"to_name"`
	Text   string          `json:"text"` // plain, 1 to 500 characters
	At     instant.Instant `json:"at"`
}

// Locks say what only moderators may do: true is locked.
type Locks struct {
	Chat   bool `json:"chat"`
	Mic    bool `json:"mic"`
	Camera bool `json:"camera"`
	Screen bool `json:"screen"`
	Names  bool `json:"names"`
}

// Door says whether people may still come in. Moderators, and who holds a seat, always may.
type Door string

// The states of the door.
const (
	DoorOpen   Door = "open"
	DoorClosed Door = "closed"
)

// Seats is how full the member is, over all its meetings.
type Seats struct {
	Used  int  `json:"used"`
	Limit *int `json:"limit"` // nil is unlimited
	Held  int  `json:"held"`  // of Used: on the way in, or cut off and awaited
}

// Meeting is the running meeting as its pages see it.
type Meeting struct {
	ID          id.Meeting       `json:"id"`
	Room        string           `json:"room"` // slug; none for the meeting of an API client
	Name        string           `json:"name"` // of the room, or as its client called it
	Member      string           `json:"member"`
	StartedAt   instant.Instant  `json:"started_at"`
	DeadlineAt  *instant.Instant `json:"deadline_at"` // nil: it may last as long as it likes
	Locks       Locks            `json:"locks"`
	Door        Door             `json:"door"`
	Seats       Seats            `json:"seats"`
	Cap         *int             `json:"cap"` // most people in this meeting; nil is unlimited
	MuteOnEntry bool             `json:"mute_on_entry"`
}

// Me is the reader of a state.
type Me struct {
	ID   id.Participant `json:"id"`
	Name string         `json:"name"`
	Role Role           `json:"role"`
	Hand int            `json:"hand"`
	May  May            `json:"may"`
}

// Out is somebody who was removed and may be lifted.
type Out struct {
	ID   id.Participant `json:"id"`
	Name string         `json:"name"`
}

// State is all that one participant may know of the meeting at one moment.
type State struct {
	Now     instant.Instant `json:"now"`
	N       int64           `json:"n"` // number of the last event it holds
	Meeting Meeting         `json:"meeting"`
	Me      Me              `json:"me"`
	People  []Person        `json:"people"`
	Waiting []Waiting       `json:"waiting"` // empty for viewers
	Removed []Out           `json:"removed"` // empty for viewers
	Chat    []Line          `json:"chat"`    // the last 200 lines the reader may see
}

// Media is one kind of what a person sends, in the words of the pages.
type Media string

// The media.
const (
	Mic    Media = "mic"
	Camera Media = "camera"
	Screen Media = "screen"
)

func (m Media) engine() (engine.Media, bool) {
	switch m {
	case Mic:
		return engine.MediaMicrophone, true
	case Camera:
		return engine.MediaCamera, true
	case Screen:
		return engine.MediaScreen, true
	}
	return "", false
}

// Reactions are the pictures people may send.
var Reactions = []string{"thumbs_up", "heart", "clap", "laugh", "surprised", "celebrate"}
