// SPDX-License-Identifier: AGPL-3.0-or-later

package engine

import (
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
)

// Deadlines of one call (E1). An engine applies them itself; a caller's shorter deadline wins.
const (
	CallTimeout   = 2 * time.Second
	CreateTimeout = 10 * time.Second
)

// The faults that engines return. They are compared by kind and code (errors.Is).
var (
	// ErrDown: the engine does not answer now; trying again helps.
	ErrDown = fault.New(fault.Unavailable, "engine.down")
	// ErrBroken: the engine crashed too often and waits for the operator.
	ErrBroken = fault.New(fault.Unavailable, "engine.broken")
	// ErrNone: this installation has no engine of its own and no server is known.
	ErrNone = fault.New(fault.Unavailable, "engine.none")
	// ErrEnded: the meeting has ended; a new one has a new id.
	ErrEnded = fault.New(fault.Conflict, "engine.ended")
	// ErrNotThere: the person is not in the meeting.
	ErrNotThere = fault.New(fault.NotFound, "engine.not_there")
	// ErrUnsupported: the engine cannot do this (see Capabilities).
	ErrUnsupported = fault.New(fault.Unavailable, "engine.unsupported")
	// ErrLoopbackOnly: media is bound to this machine until the operator opens it.
	ErrLoopbackOnly = fault.New(fault.Unavailable, "engine.loopback_only")
	// ErrMediaUnknown: not one of the media.
	ErrMediaUnknown = fault.New(fault.Invalid, "engine.media_unknown")
	// ErrEventsTaken: somebody reads the events of this engine already.
	ErrEventsTaken = fault.New(fault.Conflict, "engine.events_taken")
)

// Validate reports all wrong fields: a meeting that is not one of ours, a negative MaxPeople.
func (in CreateInput) Validate() error {
	var c fault.Check
	checkMeeting(&c, in.Meeting)
	c.Field(in.MaxPeople >= 0, "max_people", "engine.max_people_negative")
	return c.Err()
}

// Validate reports all wrong fields: ids that are not ours, an unknown role, a TTL out of range.
func (in JoinInput) Validate() error {
	var c fault.Check
	checkMeeting(&c, in.Ref.Meeting)
	_, err := id.ParseParticipant(string(in.Participant))
	c.Field(err == nil, "participant", "id.malformed")
	c.Field(in.Role == RoleModerator || in.Role == RoleViewer, "role", "engine.role_unknown")
	c.Field(in.TTL >= 0 && in.TTL <= MaxTTL, "ttl", "engine.ttl_range", fault.Params{"Max": MaxTTL.String()})
	return c.Err()
}

func checkMeeting(c *fault.Check, m id.Meeting) {
	_, err := id.ParseMeeting(string(m))
	c.Field(err == nil, "meeting", "id.malformed")
}
