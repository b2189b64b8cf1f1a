// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/instant"
	"meetcoop/internal/rooms"
	"meetcoop/internal/tariff"
)

// doorway is all that is known about one attempt to enter a room, read in one snapshot.
type doorway struct {
	Room     rooms.Room
	Role     rooms.Role
	SignedIn bool
	Now      instant.Instant

	Allowed bool // the member may use anything at all

	Running      bool // a meeting is open
	RunningRooms int  // of the member, this one not included
	RunningLimit tariff.Limit

	Known  bool // admitted to this meeting before
	Seated bool // and holds a seat
	Banned bool
	Closed bool // the door

	CodeGiven bool // the right code was given before, in this attempt's place at the door
	Code      string
	Tries     tries
}

// verdict is what the door says.
type verdict string

const (
	enter      verdict = "enter"       // on to the gate
	waitStart  verdict = "not_started" // until a meeting runs
	waitAdmit  verdict = "waiting"     // until a moderator lets them in
	wrongCode  verdict = "wrong_code"  // refused, and the try counts
	turnedDown verdict = "refused"
)

// mayStart reports whether the person may begin the meeting. With a waiting room only moderators can: somebody must
// be there to let people in.
func (d doorway) mayStart() bool {
	if d.Role == rooms.RoleModerator {
		return true
	}
	if d.Role == rooms.RoleNone || d.Room.Settings.WaitingRoom {
		return false
	}
	switch d.Room.Settings.MayStart {
	case rooms.StartAnyone:
		return true
	case rooms.StartSignedIn:
		return d.SignedIn
	}
	return false
}

// verdict goes through the checks in their order (engine.md E8); the first that fails answers. Participants and seats
// come after it, at the gate. A refusal is a fault whose page says what to do; waitStart and waitAdmit come with the
// fault that says why one waits.
func (d doorway) verdict() (verdict, error) {
	moderator := d.Role == rooms.RoleModerator
	switch {
	case d.Room.Archived():
		return turnedDown, fault.New(fault.NotFound, "room.unknown")
	case d.Room.Dormant:
		return turnedDown, fault.New(fault.Conflict, "rooms.dormant")
	case !d.Allowed:
		return turnedDown, fault.New(fault.Forbidden, "member.suspended")
	case !d.Running && d.mayStart() && !d.RunningLimit.Allows(d.RunningRooms+1):
		n, _ := d.RunningLimit.Int()
		return turnedDown, fault.New(fault.LimitReached, "admission.running_rooms", fault.Params{"Limit": n, "Used": d.RunningRooms})
	case d.Banned:
		return turnedDown, errRemoved
	case d.Seated:
		return enter, nil // a reload, or a second tab
	case d.Closed && !moderator:
		return turnedDown, fault.New(fault.Conflict, "room.locked")
	}
	if v, err := d.code(moderator); err != nil {
		return v, err
	}
	if d.Role == rooms.RoleNone {
		return turnedDown, d.stranger()
	}
	switch {
	case !d.Running && !d.mayStart():
		return waitStart, fault.New(fault.Conflict, "room.not_started")
	case d.Room.Settings.WaitingRoom && !moderator && !d.Known:
		return waitAdmit, fault.New(fault.Conflict, "room.waiting")
	}
	return enter, nil
}

func (d doorway) code(moderator bool) (verdict, error) {
	if d.Room.Settings.AccessCode == "" || moderator || d.Known || d.CodeGiven {
		return enter, nil
	}
	if wait := d.Tries.wait(d.Now); wait > 0 {
		return turnedDown, fault.New(fault.LimitReached, "room.code_wait", fault.Params{"Count": int((wait + time.Minute - 1) / time.Minute)})
	}
	switch {
	case d.Code == "":
		return turnedDown, fault.New(fault.Invalid, "room.code_needed")
	case d.Room.Settings.Opens(d.Code):
		return enter, nil
	case d.Tries.left() == 1:
		return wrongCode, fault.New(fault.Invalid, "room.code_last")
	}
	return wrongCode, fault.New(fault.Invalid, "room.code", fault.Params{"Limit": d.Tries.left() - 1})
}

// stranger says what somebody without a role in the room can do about it.
func (d doorway) stranger() error {
	switch {
	case !d.SignedIn:
		return fault.New(fault.Forbidden, "room.signin")
	case d.Room.Settings.MayEnter == rooms.EnterPeople:
		return fault.New(fault.Forbidden, "room.people_only")
	}
	return fault.New(fault.Forbidden, "room.invited_only")
}

// The patience with wrong access codes: so many for one guest, then a pause. An address may be shared by a school, so
// it gets more; both count, as a guest gets a new cookie for nothing.
const (
	codeTries        = 5
	codeTriesAddress = 25
	codePause        = 10 * time.Minute
)

// tries counts the wrong codes of a guest and of their address at one room. Since is when the first of them was.
type tries struct {
	Guest, Address           int
	GuestSince, AddressSince instant.Instant
}

// wait returns how long no code is looked at; 0 when one may be tried.
func (t tries) wait(now instant.Instant) time.Duration {
	var wait time.Duration
	if t.Guest >= codeTries {
		wait = max(wait, codePause-now.Sub(t.GuestSince))
	}
	if t.Address >= codeTriesAddress {
		wait = max(wait, codePause-now.Sub(t.AddressSince))
	}
	return wait
}

func (t tries) left() int { return max(1, min(codeTries-t.Guest, codeTriesAddress-t.Address)) }
