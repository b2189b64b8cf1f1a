// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"meetcoop/internal/admission"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
	"meetcoop/internal/usage"
)

// KnockInput is somebody at the door of a room.
type KnockInput struct {
	Room   id.Room
	Who    Who
	Name   string // shown to the others; empty: the one given before, else the person's own
	Code   string
	Client string // the visitor's network address, for counting wrong codes; only a digest is kept
	Wait   bool   // when all seats are taken, wait for one instead of being refused
}

// EntryState is what came of knocking.
type EntryState string

// The outcomes that are no refusal.
const (
	Admitted   EntryState = "admitted"    // holds a seat: on to the meeting page
	NotStarted EntryState = "not_started" // waits until a meeting runs
	AtDoor     EntryState = "waiting"     // waits until a moderator lets them in
	ForSeat    EntryState = "seat"        // waits until a seat is free
)

// Entry is where somebody stands.
type Entry struct {
	State       EntryState
	Meeting     id.Meeting     // when admitted
	Participant id.Participant // when admitted
	Ahead       int            // people before them, when waiting for a seat
	Fault       error          // why they wait: room.not_started, room.waiting or the limit's fault; nil when admitted
}

// Knock goes through the checks of the door and, when they pass, takes a seat. It answers where the person stands, or
// refuses with the fault of the first check that failed: room.unknown, rooms.dormant, member.suspended,
// admission.running_rooms, room.removed, room.locked, room.code_needed, room.code, room.code_wait, room.signin,
// room.people_only, room.invited_only, admission.participants_full, admission.seats_full, admission.duration_exhausted,
// fleet.no_server; Invalid (input.invalid) for a name that cannot be shown. Nothing is told to the others before
// admission, except to moderators that somebody waits.
func (s *Service) Knock(ctx context.Context, in KnockInput) (Entry, error) {
	e, err := s.knock(ctx, in)
	s.metrics.knocked(e, err)
	return e, err
}

func (s *Service) knock(ctx context.Context, in KnockInput) (Entry, error) {
	now := s.deps.Now()
	d, at, err := s.look(ctx, in, now)
	if err != nil {
		return Entry{}, err
	}
	v, why := d.verdict()
	switch v {
	case turnedDown, wrongCode:
		return Entry{}, s.turnDown(ctx, now, at, v, why)
	}
	if at.name, err = s.nameFor(in, at); err != nil {
		return Entry{}, err
	}
	switch v {
	case waitStart:
		return Entry{State: NotStarted, Fault: why}, s.stand(ctx, now, &at, waitingStart)
	case waitAdmit:
		return Entry{State: AtDoor, Fault: why}, s.stand(ctx, now, &at, waitingDoor)
	}
	return s.enterGate(ctx, now, d, at, in.Wait)
}

// place is who stands at which door.
type place struct {
	room       rooms.Room
	connection id.Connection
	key        usage.PersonKey
	who        Who
	role       Role
	person     identity.Person // zero for a guest
	running    fleet.Meeting   // zero when nothing runs
	known      participant     // zero when never admitted to it
	waiting    waiter          // zero when not yet at the door
	client     string          // digest of the address
	name       string
}

// look reads in one snapshot all that the checks ask about.
func (s *Service) look(ctx context.Context, in KnockInput, now instant.Instant) (doorway, place, error) {
	at := place{who: in.Who}
	d := doorway{Code: in.Code, Now: now}
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		if at.room, err = s.deps.Rooms.Get(ctx, r, in.Room, now); err != nil {
			return err
		}
		if at.connection, err = membership.PortalConnection(ctx, r, at.room.Member); err != nil {
			return err
		}
		at.key = in.Who.key(at.connection)
		if at.key.IsZero() {
			return fault.New(fault.Invalid, "live.no_cookie")
		}
		if d.Role, err = rooms.RoleIn(ctx, r, at.room, in.Who.Actor); err != nil {
			return err
		}
		if in.Who.Actor.SignedIn() == nil {
			if at.person, err = identity.GetPerson(ctx, r, in.Who.Actor.Person); err != nil {
				return err
			}
		}
		used, err := s.deps.Gate.UsageNow(ctx, r, at.room.Member, now)
		if err != nil {
			return err
		}
		d.Allowed, d.RunningLimit, d.RunningRooms = used.Entitlement.Allowed, used.RunningRooms.Limit, used.RunningRooms.Used
		for _, m := range used.Meetings {
			if m.Connection == at.connection && m.ExternalID == string(at.room.ID) && m.Open() {
				at.running, d.Running = m, true
			}
		}
		if d.Running {
			if err := s.lookInside(ctx, r, &d, &at); err != nil {
				return err
			}
		}
		if at.waiting, _, err = waiterByKey(ctx, r, at.room.ID, at.key); err != nil {
			return err
		}
		d.CodeGiven = at.waiting.CodeGiven
		at.client = digest(in.Client)
		d.Tries, err = codeTriesOf(ctx, r, at.room.ID, "guest:"+at.key.String(), "client:"+at.client, now.Add(-codePause))
		return err
	})
	d.Room, d.SignedIn = at.room, in.Who.Actor.SignedIn() == nil
	switch {
	case at.known.ID != "":
		at.role = at.known.Role // what a moderator made them in this meeting
	case d.Role == rooms.RoleModerator:
		at.role = Moderator
	default:
		at.role = Viewer
	}
	return d, at, err
}

func (s *Service) lookInside(ctx context.Context, r store.Reader, d *doorway, at *place) error {
	m, ok, err := meetingByID(ctx, r, at.running.ID)
	if err != nil || !ok {
		return err
	}
	d.Closed = m.DoorClosed
	if at.known, ok, err = participantByKey(ctx, r, m.ID, at.key); err != nil || !ok {
		return err
	}
	d.Known, d.Banned, d.Seated = at.known.State != Removed, at.known.State == Removed, at.known.State.seated()
	return nil
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:12])
}

// nameFor is the name shown inside: the one typed, else the one given at this door before, else the account's.
func (s *Service) nameFor(in KnockInput, at place) (string, error) {
	typed := in.Name
	for _, known := range []string{at.known.Name, at.waiting.Name, at.person.Name} {
		if typed == "" {
			typed = known
		}
	}
	return cleanName(typed)
}

func cleanName(typed string) (string, error) {
	name, code := identity.CleanName(typed)
	var c fault.Check
	c.Field(code == "", "name", code, fault.Params{"Limit": identity.MaxNameRunes})
	return name, c.Err()
}

// turnDown records the refusal, and a wrong code, and returns it.
func (s *Service) turnDown(ctx context.Context, now instant.Instant, at place, v verdict, why error) error {
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		if v == wrongCode {
			for _, who := range []string{"guest:" + at.key.String(), "client:" + at.client} {
				if err := countTry(ctx, tx, at.room.ID, who, now, now.Add(-codePause)); err != nil {
					return err
				}
			}
		}
		return s.deps.Facts.Record(ctx, tx, usage.Fact{
			At: now, Member: at.room.Member, Connection: at.connection, Meeting: at.running.ID, Kind: usage.Refused,
			PersonKey: at.key, N: 1, Code: fault.CodeOf(why),
		})
	})
	if err != nil {
		return err
	}
	return why
}

// enterGate asks admission for a seat. The row at the door holds the name meanwhile; admission's observer turns it into
// a participant in the transaction that gives the seat, which for who waits may be any time after it is asked.
func (s *Service) enterGate(ctx context.Context, now instant.Instant, d doorway, at place, wait bool) (Entry, error) {
	if !d.Seated {
		kind := waitingEntry
		if wait {
			kind = waitingSeat
		}
		if err := s.stand(ctx, now, &at, kind); err != nil {
			return Entry{}, err
		}
	}
	got, err := s.deps.Gate.Join(ctx, admission.JoinInput{
		Member: at.room.Member, Connection: at.connection, ExternalID: string(at.room.ID), Room: at.room.ID,
		Participant: at.participant(), Person: at.key, Role: admission.Role(at.role),
		MayStart: d.mayStart(), Meeting: id.NewMeeting(), Wait: wait,
	})
	switch {
	case err != nil && fault.KindOf(err) == fault.LimitReached:
		// The place at the door stays for a while, so that "wait for a seat" needs no second form.
		return Entry{}, errors.Join(s.rekind(ctx, at.waiting.ID, waitingRefused), err)
	case err != nil:
		return Entry{}, errors.Join(s.rekind(ctx, at.waiting.ID, waitingNone), err)
	case got.Waiting:
		return waitingForSeat(got.Ahead), nil
	}
	if there, err := s.confirm(ctx, got.Meeting.ID, got.Seat); err != nil {
		return Entry{}, err
	} else if !there {
		return Entry{}, fault.New(fault.NotFound, "live.not_waiting") // gave up in another tab, or was put out
	}
	return Entry{State: Admitted, Meeting: got.Meeting.ID, Participant: got.Seat.Participant}, nil
}

func waitingForSeat(ahead int) Entry {
	return Entry{State: ForSeat, Ahead: ahead, Fault: fault.New(fault.LimitReached, "admission.seats_wait", fault.Params{"Ahead": ahead})}
}

// participant is the id the person has, or will have, in the meeting.
func (at place) participant() id.Participant {
	if at.known.ID != "" {
		return at.known.ID
	}
	return at.waiting.ID
}
