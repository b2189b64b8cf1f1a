// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"context"
	"strings"
	"unicode"

	"meetcoop/internal/admission"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
	"meetcoop/internal/usage"
)

// HostInput describes the meeting of an API client on an embedded engine.
type HostInput struct {
	Meeting     fleet.Meeting // reserved or live, with its connection and a server of kind sfu
	Asked       string        // query of the client's create, for who answers its calls; kept as it is
	Title       string        // as the client named it
	LeaveURL    string        // where people go afterwards; may be empty
	MuteOnEntry bool
	Locks       Locks
}

// Host makes the meeting of an API client known, so that people can be sent in. Hosting it again changes nothing
// but its server, and opens it anew when its copy here had ended.
func (s *Service) Host(ctx context.Context, in HostInput) error {
	now := s.deps.Now()
	f := in.Meeting
	var after []command
	err := s.deps.DB.Gate(ctx, func(tx store.Tx) error {
		sc := &scene{tx: tx, now: now, m: meeting{
			ID: f.ID, Room: id.Room(f.ID), Member: f.Member, Connection: f.Connection, ExternalID: f.ExternalID, Server: f.Server, Engine: engineCold,
			Asked: in.Asked, Title: in.Title, LeaveURL: in.LeaveURL, MuteOnEntry: in.MuteOnEntry, Locks: in.Locks, StartedAt: f.StartedAt, DeadlineAt: f.DeadlineAt, EmptySince: now,
		}}
		_, sc.local = s.engines[f.Server]
		fresh, err := insertMeeting(ctx, tx, sc.m)
		if err != nil {
			return err
		}
		if !fresh {
			old, err := open(ctx, tx, now, f.ID)
			if err != nil || (old.m.EndedAt.IsZero() && old.m.Server == f.Server) {
				return err
			}
			again := sc.m
			old.local, sc = sc.local, old
			sc.m.Server = f.Server
			sc.engineIs(engineDown)     // until this one knows the meeting
			if !sc.m.EndedAt.IsZero() { // the copy before ended when the meeting went to a server of another kind; now it is back
				sc.m.EndedAt, sc.m.EndReason, sc.m.EmptySince, sc.m.DeadlineAt = instant.Instant{}, "", now, again.DeadlineAt
			}
		}
		sc.touched = true
		sc.command(command{Verb: verbCreate})
		if err := sc.close(ctx); err != nil {
			return err
		}
		after = sc.commands
		return nil
	})
	if err == nil {
		s.run(ctx, after)
	}
	return err
}

// Guest is somebody whom an API client sends into one of its meetings.
type Guest struct {
	Meeting     id.Meeting
	Participant id.Participant // who holds the seat of Person, unless they wait
	Person      usage.PersonKey
	SentAs      string // the client's id of the person
	Name        string // as the client says; what cannot be shown is left out
	Role        Role
	Wait        bool // until a moderator lets them in, who then asks the gate for a seat
}

// Send lets somebody in who was given a seat, or puts them at the door to wait for a moderator. Sending them again changes nothing
// while they are inside. NotFound (meeting.unknown) when the meeting does not run here, Forbidden (room.removed), Conflict
// (meeting.ended_<why>, room.locked).
func (s *Service) Send(ctx context.Context, g Guest) error {
	now := s.deps.Now()
	return s.deps.DB.Gate(ctx, func(tx store.Tx) error {
		sc, err := open(ctx, tx, now, g.Meeting)
		switch {
		case err != nil:
			return err
		case sc == nil || sc.m.Connection == "":
			return errUnknown
		case !sc.m.EndedAt.IsZero():
			return sc.m.endedFault()
		}
		p, known, err := participantByKey(ctx, tx, g.Meeting, g.Person)
		switch {
		case err != nil:
			return err
		case known && p.State == Removed:
			return errRemoved
		case known && p.State.seated():
			return nil // a reload, or a second tab
		case sc.m.DoorClosed && g.Role != Moderator:
			return fault.New(fault.Conflict, "room.locked")
		}
		w := waiter{ID: g.Participant, Room: sc.m.Room, Key: g.Person, SentAs: g.SentAs, Name: shown(g.Name), Role: g.Role, CodeGiven: true, Since: now, SeenAt: now}
		if g.Wait {
			if err := sc.wait(ctx, w); err != nil {
				return err
			}
			return sc.close(ctx)
		}
		if known {
			return nil // who was inside before comes back with the seat (Observer.Admitted)
		}
		p = w.participant(sc.m, now)
		if err := insertParticipant(ctx, tx, p); err != nil {
			return err
		}
		sc.show(p)
		sc.seated()
		return sc.close(ctx)
	})
}

// wait puts somebody at the door of a client's meeting.
func (sc *scene) wait(ctx context.Context, w waiter) error {
	w.Kind = waitingDoor
	before, there, err := waiterByKey(ctx, sc.tx, sc.m.Room, w.Key)
	if err != nil {
		return err
	}
	if there && before.Kind == w.Kind {
		w.Since = before.Since
	}
	if _, err := putWaiter(ctx, sc.tx, w); err != nil {
		return err
	}
	return sc.tellLobby(ctx)
}

// shown is a name as the pages can show it: API clients send what they like.
func shown(name string) string {
	name = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(name, ""), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp)
	}), " ")
	if r := []rune(name); len(r) > identity.MaxNameRunes {
		name = string(r[:identity.MaxNameRunes])
	}
	if name, code := identity.CleanName(name); code == "" {
		return name
	}
	return "-"
}

// ClientMeeting is a running meeting of an API client, for who answers its calls.
type ClientMeeting struct {
	ID         id.Meeting
	Asked      string // the query of the create, as Host was given it
	Title      string
	Begun      instant.Instant // when it was made
	DeadlineAt instant.Instant // zero: none
	Visited    bool            // somebody has been inside
	People     []ClientPerson  // with a seat
}

// ClientPerson is somebody in a client's meeting.
type ClientPerson struct {
	ID      id.Participant
	SentAs  string // the client's id of the person
	Name    string
	Role    Role
	Arrived bool // their media was connected since they were given the seat: no longer on the way in
}

// ClientMeetings returns the running meetings of API clients on a server with their people, oldest first. It joins r.
func ClientMeetings(ctx context.Context, r store.Reader, server id.Server) ([]ClientMeeting, error) {
	rows, err := meetingsOn(ctx, r, server)
	if err != nil {
		return nil, err
	}
	out := make([]ClientMeeting, 0, len(rows))
	for _, m := range rows {
		if m.Connection == "" {
			continue
		}
		c, err := m.forClient(ctx, r)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// ClientMeetingByID returns one of them; ok is false when it does not run there. It joins r.
func ClientMeetingByID(ctx context.Context, r store.Reader, server id.Server, m id.Meeting) (c ClientMeeting, ok bool, err error) {
	row, ok, err := meetingByID(ctx, r, m)
	if err != nil || !ok || row.Connection == "" || row.Server != server || !row.EndedAt.IsZero() {
		return c, false, err
	}
	c, err = row.forClient(ctx, r)
	return c, err == nil, err
}

func (m meeting) forClient(ctx context.Context, r store.Reader) (ClientMeeting, error) {
	c := ClientMeeting{ID: m.ID, Asked: m.Asked, Title: m.Title, Begun: m.StartedAt, DeadlineAt: m.DeadlineAt, Visited: m.Visited}
	all, err := participantsOf(ctx, r, m.ID)
	for _, p := range all {
		if p.State.seated() {
			c.People = append(c.People, ClientPerson{ID: p.ID, SentAs: p.SentAs, Name: p.Name, Role: p.Role, Arrived: p.State != Connecting})
		}
	}
	return c, err
}

// Finish ends a client's meeting for everybody when it runs on this server, or the copy it left behind there. NotFound
// (meeting.unknown) when neither is there.
func (s *Service) Finish(ctx context.Context, m id.Meeting, server id.Server) error {
	var runs, left bool
	err := s.deps.DB.Read(ctx, func(r store.Reader) error {
		row, ok, err := meetingByID(ctx, r, m)
		if err != nil || !ok || row.Connection == "" || row.Server != server || !row.EndedAt.IsZero() {
			return err
		}
		f, err := fleet.ByID(ctx, r, m)
		runs = f.Server == server && (f.State == fleet.Live || f.State == fleet.Reserved)
		left = !runs
		return err
	})
	switch {
	case err != nil:
		return err
	case runs:
		return s.end(ctx, m, fleet.EndHost)
	case !left:
		return errUnknown
	}
	now := s.deps.Now()
	return s.deps.DB.Gate(ctx, func(tx store.Tx) error {
		return Observer{}.MeetingEnded(ctx, tx, now, fleet.Meeting{ID: m, EndReason: fleet.EndPlatform})
	})
}

// Say puts a line into the chat of a client's meeting under a name that is nobody's. Invalid (input.invalid with field text
// live.text), NotFound (meeting.unknown), Conflict (meeting.ended_<why>).
func (s *Service) Say(ctx context.Context, m id.Meeting, name, text string) error {
	text, err := cleanText(text, maxText)
	if err != nil {
		return err
	}
	known := false
	err = s.scene(ctx, m, func(ctx context.Context, sc *scene) error {
		known = sc.m.Connection != ""
		switch {
		case !known:
			return nil
		case !sc.m.EndedAt.IsZero():
			return sc.m.endedFault()
		}
		line := Line{ID: id.NewMessage(), N: sc.m.Events + 1, Name: shown(name), To: ToAll, Text: text, At: sc.now}
		sc.tell(kindChat, ToAll, line)
		return insertLine(ctx, sc.tx, sc.m.ID, line)
	})
	if err == nil && !known {
		err = errUnknown
	}
	return err
}

// keyOf returns what the caller is known by in the meeting. Invalid (live.no_cookie) for a browser that shows nothing at a room's,
// NotFound (meeting.not_inside) for whom no client sent into its own. It joins r.
func (m meeting) keyOf(ctx context.Context, r store.Reader, who Who) (usage.PersonKey, error) {
	if m.Connection == "" {
		return keyIn(ctx, r, m.Member, who)
	}
	if who.Sent.IsZero() {
		return who.Sent, errNotInside
	}
	return who.Sent, nil
}

// join is what the gate is asked for somebody's seat within the meeting. It joins r.
func (m meeting) join(ctx context.Context, r store.Reader, p id.Participant, key usage.PersonKey, role Role) (admission.JoinInput, error) {
	in := admission.JoinInput{
		Member: m.Member, Connection: m.Connection, ExternalID: m.ExternalID, Participant: p, Person: key, Role: admission.Role(role), Within: m.ID,
	}
	if m.Connection != "" {
		return in, nil
	}
	var err error
	in.Connection, err = membership.PortalConnection(ctx, r, m.Member)
	in.ExternalID, in.Room = string(m.Room), m.Room
	return in, err
}
