// SPDX-License-Identifier: AGPL-3.0-or-later

package admission_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"meetcoop/internal/admission"
	"meetcoop/internal/admission/admissiontest"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/membership/membershiptest"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
	"meetcoop/internal/usage"
)

// yard is a world with two BigBlueButton servers that are up, and a member with a connection.
type yard struct {
	*admissiontest.World
	host    admissiontest.Host
	servers []id.Server
}

func newYard(t *testing.T, db *store.DB, f tariff.OverrideFields) *yard {
	t.Helper()
	y := &yard{World: admissiontest.New(t, db)}
	servers, err := fleet.New(fleet.Deps{DB: db, Now: y.Clock.Now, Sealer: membershiptest.Sealer{}})
	must(t, err)
	for i := range 2 {
		v, err := servers.Add(context.Background(), fleet.AddInput{Name: fmt.Sprint(i), URL: fmt.Sprintf("https://bbb%d.example/bigbluebutton/api", i), Secret: "x", LoadUnits: 175, Admin: fleet.AdminEnabled})
		must(t, err)
		must(t, servers.Heartbeat(context.Background(), v.ID, fleet.ObservedUp))
		y.servers = append(y.servers, v.ID)
	}
	y.Fleet = servers
	y.host = y.HostOn("hilado", "organisation")
	if f.Connections == nil {
		n := int64(9)
		f.Connections = &n
	}
	y.Override(t, y.host.ID, f)
	y.host.Connection = y.connect(t, "hilado", "")
	return y
}

func (y *yard) connect(t *testing.T, name, level string) id.Connection {
	t.Helper()
	members, err := membership.New(membership.Deps{
		DB: y.DB, Now: y.Clock.Now, Log: complaints(t), Levels: tariff.Register{}, Changed: y.Gate, Inviter: y.Letters, Sealer: membershiptest.Sealer{},
	})
	must(t, err)
	c, _, err := members.Connect(context.Background(), identity.Operator(), membership.ConnectInput{Member: y.host.ID, Name: name, Level: level})
	must(t, err)
	return c.ID
}

func (y *yard) input(room string) admission.ReserveInput {
	return admission.ReserveInput{Member: y.host.ID, Connection: y.host.Connection, ExternalID: room, Meeting: id.NewMeeting(), Cap: tariff.Unlimited, Kinds: []fleet.Kind{fleet.KindBBB}}
}

func (y *yard) reserve(t *testing.T, room string) admission.Admission {
	t.Helper()
	a, err := y.Gate.Reserve(context.Background(), y.input(room), nil)
	must(t, err)
	return a
}

// join is a viewer's on an API client's connection, who starts nothing.
func (y *yard) join(room, who string) error {
	in := y.host.Joining(room, who)
	in.MayStart, in.Meeting = false, ""
	_, err := y.Gate.Join(context.Background(), in)
	return err
}

func (y *yard) rooms(t *testing.T) (running, seats int) {
	t.Helper()
	must(t, y.DB.Read(context.Background(), func(r store.Reader) error {
		u, err := y.Gate.UsageNow(context.Background(), r, y.host.ID, y.Clock.Now())
		running, seats = u.RunningRooms.Used, u.Seats.Used
		return err
	}))
	return running, seats
}

func TestAReservationCountsUntilItIsVoided(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		two := int64(2)
		y := newYard(t, db, tariff.OverrideFields{RunningRooms: &two})
		ctx := context.Background()
		a := y.reserve(t, "one")
		if again := y.reserve(t, "one"); again.Started || again.Meeting.ID != a.Meeting.ID {
			t.Errorf("reserved twice: %+v", again)
		}
		wantFault(t, y.join("one", "ana"), fault.Unavailable, "meeting.not_ready")
		b := y.reserve(t, "two")
		_, err := y.Gate.Reserve(ctx, y.input("three"), nil)
		wantFault(t, err, fault.LimitReached, "admission.running_rooms")
		must(t, y.Gate.Void(ctx, b.Meeting.ID, nil))
		if running, _ := y.rooms(t); running != 1 {
			t.Errorf("%d rooms after a void", running)
		}
		y.reserve(t, "three")
		ran := 0
		confirmed, err := y.Gate.Confirm(ctx, a.Meeting.ID, true, func(context.Context, store.Tx, instant.Instant, admission.Admission) error { ran++; return nil })
		must(t, err)
		if confirmed.Meeting.State != fleet.Live || ran != 1 {
			t.Errorf("confirmed: %+v, then ran %d times", confirmed.Meeting, ran)
		}
		must(t, y.join("one", "ana"))
		_, err = y.Gate.Confirm(ctx, a.Meeting.ID, true, nil)
		wantFault(t, err, fault.Conflict, "meeting.ended")
		must(t, y.Gate.Void(ctx, a.Meeting.ID, nil)) // live: left alone
		must(t, y.join("one", "ben"))
		consistent(t, y.World)
	})
}

func TestAMeetingMovesWithItsPeople(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		y := newYard(t, db, tariff.OverrideFields{})
		ctx := context.Background()
		a := y.reserve(t, "one")
		a, err := y.Gate.Confirm(ctx, a.Meeting.ID, true, nil)
		must(t, err)
		must(t, y.join("one", "ana"))
		key := usage.KeyOf(y.host.Connection, "ana")
		must(t, y.Gate.Reconcile(ctx, a.Meeting.Server, []admission.Seen{{Meeting: a.Meeting.ID, People: []admission.SeenPerson{{Participant: id.DerivedParticipant(a.Meeting.ID, key), Person: key}}}}, y.Clock.Now().Add(time.Second)))
		must(t, y.Gate.Detach(ctx, a.Meeting.ID, nil))
		wantFault(t, y.join("one", "ben"), fault.Unavailable, "meeting.not_ready")
		moved, err := y.Gate.Elsewhere(ctx, a.Meeting.ID, []fleet.Kind{fleet.KindBBB}, []id.Server{a.Meeting.Server}, nil)
		must(t, err)
		if moved.Meeting.Server == a.Meeting.Server || moved.Meeting.ID != a.Meeting.ID || moved.Meeting.State != fleet.Reserved || moved.Meeting.StartedAt != a.Meeting.StartedAt {
			t.Errorf("moved to %+v", moved.Meeting)
		}
		_, err = y.Gate.Elsewhere(ctx, a.Meeting.ID, []fleet.Kind{fleet.KindBBB}, y.servers, nil)
		wantFault(t, err, fault.Unavailable, "fleet.no_server")
		_, err = y.Gate.Confirm(ctx, a.Meeting.ID, false, nil)
		must(t, err)
		must(t, y.join("one", "ana")) // brings the seat along
		if running, seats := y.rooms(t); running != 1 || seats != 1 {
			t.Errorf("%d rooms, %d seats", running, seats)
		}
		consistent(t, y.World)
	})
}

func TestSeatsOfADeadServerAreKeptForThreeMinutes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		y := newYard(t, db, tariff.OverrideFields{})
		ctx := context.Background()
		a := y.reserve(t, "one")
		_, err := y.Gate.Confirm(ctx, a.Meeting.ID, true, nil)
		must(t, err)
		must(t, y.join("one", "ana"))
		key := usage.KeyOf(y.host.Connection, "ana")
		must(t, y.Gate.Present(ctx, a.Meeting.ID, participantOf(t, y, a.Meeting.ID, key)))
		must(t, y.Gate.Detach(ctx, a.Meeting.ID, nil))
		y.Pass(179 * time.Second)
		must(t, y.Gate.Tick(ctx))
		if _, seats := y.rooms(t); seats != 1 {
			t.Errorf("%d seats after 179 s", seats)
		}
		y.Pass(2 * time.Second)
		must(t, y.Gate.Tick(ctx))
		if running, seats := y.rooms(t); seats != 0 || running != 1 {
			t.Errorf("%d seats, %d rooms after 181 s", seats, running)
		}
		must(t, y.Gate.Reattach(ctx, a.Meeting.ID, nil))
		must(t, y.join("one", "ana"))
		consistent(t, y.World)
	})
}

// participantOf finds the participant that holds a person's seat.
func participantOf(t *testing.T, y *yard, m id.Meeting, key usage.PersonKey) (p id.Participant) {
	t.Helper()
	must(t, y.DB.Raw().QueryRowContext(context.Background(), `SELECT participant FROM seat WHERE meeting = $1 AND person_key = $2`, string(m), key.String()).Scan(&p))
	return p
}

func TestAConnectionsOwnLevelCountsWithinItsMembers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		many := int64(100)
		y := newYard(t, db, tariff.OverrideFields{Seats: &many, Participants: &many, RunningRooms: &many})
		level := y.level(t)
		small := y.connect(t, "small", level.Key)
		big := y.host
		y.host.Connection = small
		seats, _ := level.Limits.Seats.Int()
		running, _ := level.Limits.RunningRooms.Int()
		for i := range running {
			a := y.reserve(t, fmt.Sprint("room", i))
			_, err := y.Gate.Confirm(context.Background(), a.Meeting.ID, true, nil)
			must(t, err)
		}
		_, err := y.Gate.Reserve(context.Background(), y.input("another"), nil)
		wantFault(t, err, fault.LimitReached, "admission.running_rooms")
		in := 0
		for i := range seats + 5 {
			switch err := y.join(fmt.Sprint("room", i%running), fmt.Sprint("p", i)); {
			case err == nil:
				in++
			case fault.CodeOf(err) != "admission.seats_full" && fault.CodeOf(err) != "admission.participants_full":
				t.Fatal(err)
			}
		}
		if in > seats {
			t.Errorf("%d in, the level of the connection allows %d", in, seats)
		}
		y.host = big // the member's other connection goes on
		y.reserve(t, "big")
		consistent(t, y.World)
	})
}

// level is the smallest founding level that limits rooms and seats.
func (y *yard) level(t *testing.T) tariff.Level {
	t.Helper()
	levels, err := y.Levels.Levels(context.Background())
	must(t, err)
	for _, l := range levels {
		_, seats := l.Limits.Seats.Int()
		_, rooms := l.Limits.RunningRooms.Int()
		if seats && rooms {
			return l
		}
	}
	t.Fatal("no level limits rooms and seats")
	return tariff.Level{}
}

func TestARefusalIsNotedOnceAMinute(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		one := int64(1)
		y := newYard(t, db, tariff.OverrideFields{RunningRooms: &one})
		y.reserve(t, "one")
		noted := func() (n int) {
			must(t, db.Raw().QueryRowContext(context.Background(), `SELECT COUNT(*) FROM usage_fact WHERE kind = 'refused'`).Scan(&n))
			return n
		}
		for range 3 { // as Greenlight tries
			_, err := y.Gate.Reserve(context.Background(), y.input("two"), nil)
			wantFault(t, err, fault.LimitReached, "admission.running_rooms")
		}
		if n := noted(); n != 1 {
			t.Errorf("noted %d times", n)
		}
		y.Pass(61 * time.Second)
		_, err := y.Gate.Reserve(context.Background(), y.input("two"), nil)
		wantFault(t, err, fault.LimitReached, "admission.running_rooms")
		if n := noted(); n != 2 {
			t.Errorf("noted %d times after a minute", n)
		}
	})
}
