// SPDX-License-Identifier: AGPL-3.0-or-later

package fleet

import (
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/tariff"
)

// Kind says what runs on a server.
type Kind string

// The kinds of server.
const (
	KindSFU Kind = "sfu" // LiveKit, embedded in a node or external
	KindBBB Kind = "bbb" // BigBlueButton
)

// Observed is what a server was last seen to be.
type Observed string

// The observed states.
const (
	ObservedUnknown Observed = "unknown" // never seen yet
	ObservedUp      Observed = "up"
	ObservedSuspect Observed = "suspect" // calls fail, not long enough to be sure
	ObservedDown    Observed = "down"
)

// Admin is what an operator wants of a server.
type Admin string

// The wanted states.
const (
	AdminEnabled  Admin = "enabled"
	AdminCordoned Admin = "cordoned" // no new meetings
	AdminDraining Admin = "draining" // no new meetings, disabled when empty
	AdminDisabled Admin = "disabled"
)

// SilentAfter is how long an engine may be silent before it counts as down. Its node reports every
// second or two; a child that crashed is back within five.
const SilentAfter = 10 * time.Second

// Server is a place where meetings run.
type Server struct {
	ID        id.Server
	Kind      Kind
	StableKey string   // names the place over restarts: a node's data directory, a URL; unique
	Name      string   // for operators
	URL       string   // where nodes reach it
	Node      id.Node  // the node that owns an embedded engine; none for all others
	Observed  Observed // as last written; ask State
	Admin     Admin
	LoadUnits int             // how much it carries, in load units; weighs in Place; above 0
	MaxPeople int             // most people at once, half of it in one meeting; 0 is no limit
	Key       string          // API key; of an embedded engine only good for this start
	Secret    string          // API secret; see Key
	Tags      []string        // sorted; never nil
	SeenAt    instant.Instant // last sign of life

	DrainUntil instant.Instant // while draining: when what still runs there is ended; none is when it ends by itself
}

// State returns what the server is at now: an engine that has been silent is down, whatever was
// written last.
func (s Server) State(now instant.Instant) Observed {
	if s.Kind == KindSFU && s.Observed == ObservedUp && now.Sub(s.SeenAt) > SilentAfter {
		return ObservedDown
	}
	return s.Observed
}

// Usable reports whether people can be sent there now. A cordoned server keeps its meetings.
func (s Server) Usable(now instant.Instant) bool {
	return s.State(now) == ObservedUp && s.Admin != AdminDisabled
}

// MeetingCap returns the most people one meeting may have there.
func (s Server) MeetingCap() tariff.Limit {
	if s.MaxPeople == 0 {
		return tariff.Unlimited
	}
	return tariff.Limit(max(1, s.MaxPeople/2))
}

// State is where a meeting is in its life.
type State string

// The states of a meeting. The portal's meetings are live from the first moment and end; the others
// belong to meetings on BigBlueButton servers (gateway.md S1).
const (
	Stub       State = "stub"       // made without a server because a limit was reached
	Reserved   State = "reserved"   // the server has not confirmed yet
	Live       State = "live"       // it runs
	Detached   State = "detached"   // its server was declared dead
	Superseded State = "superseded" // replaced on another server
	Ended      State = "ended"
	Void       State = "void" // refused, or never reached a server
)

// EndReason says why a meeting ended. The words are those of the meeting page.
type EndReason string

// The reasons.
const (
	EndHost     EndReason = "host"     // a moderator ended it for all
	EndDuration EndReason = "duration" // its time was used up
	EndEmpty    EndReason = "empty"    // nobody was left, or nobody came
	EndPlatform EndReason = "platform" // the operator, or the program
)

// Meeting is what runs in a room, or for an API client, now or in the past.
type Meeting struct {
	ID         id.Meeting
	Member     id.Member
	Connection id.Connection // with ExternalID its key: one open meeting at most carries both
	ExternalID string        // for a portal room the room's id
	Room       id.Room       // none for API clients
	Server     id.Server     // none for a stub
	State      State
	StartedAt  instant.Instant
	DeadlineAt instant.Instant // when it is ended for all; none is never
	Asked      time.Duration   // how long it was asked to last at most; 0 is as long as the level allows
	Cap        tariff.Limit    // most people it was asked to hold; Unlimited if nothing was asked
	Reserve    int             // places of Cap only a moderator may take
	Expected   int             // people thought to come, for placement; 0 where nobody thinks
	Kept       int             // seats of the member kept for this meeting while it runs
	StartedBy  id.Participant
	EndedAt    instant.Instant // none while open
	EndReason  EndReason       // "" while open

	People     int // seats held now, whoever is on the way in included
	Moderators int // of them
	Peak       int // most People so far
	Seconds    int // that seats given back were held, together
}

// Open reports whether people may still come in.
func (m Meeting) Open() bool { return m.State == Live }
