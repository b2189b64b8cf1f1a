// SPDX-License-Identifier: AGPL-3.0-or-later

package fleet_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/membership/membershiptest"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
	"meetcoop/internal/tariff/tarifftest"
)

var ctx = context.Background()

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAnEngineIsOneServerOverRestarts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		now := instant.Of(time.Date(2027, time.January, 11, 12, 0, 0, 0, time.UTC))
		s, err := fleet.New(fleet.Deps{DB: db, Now: func() instant.Instant { return now }})
		must(t, err)
		in := fleet.RegisterInput{StableKey: "host:/data", Name: "embedded", URL: "ws://127.0.0.1:1", Node: "node_1", Key: "k1", Secret: "s1", MaxPeople: 50}
		first, err := s.RegisterEngine(ctx, in)
		must(t, err)
		if first.State(now) != fleet.ObservedUp || first.MeetingCap() != 25 || first.LoadUnits != 60 {
			t.Errorf("got %+v", first)
		}
		in.URL, in.Key, in.Node = "ws://127.0.0.1:2", "k2", "node_2"
		second, err := s.RegisterEngine(ctx, in)
		must(t, err)
		want := first
		want.URL, want.Key, want.Node = in.URL, in.Key, in.Node
		if d := cmp.Diff(want, second, cmp.AllowUnexported(instant.Instant{})); d != "" {
			t.Errorf("after a restart it differs (-want +got):\n%s", d)
		}
		now = now.Add(11 * time.Second)
		if second.Usable(now) {
			t.Error("a silent engine is usable")
		}
		must(t, s.Heartbeat(ctx, second.ID, fleet.ObservedUp))
		must(t, db.Read(ctx, func(r store.Reader) error {
			all, err := fleet.Servers(ctx, r)
			if len(all) != 1 || !all[0].Usable(now) {
				t.Errorf("got %+v", all)
			}
			return err
		}))
		must(t, s.Heartbeat(ctx, second.ID, fleet.ObservedDown))
		must(t, db.Read(ctx, func(r store.Reader) error {
			one, err := fleet.ServerByID(ctx, r, second.ID)
			if one.Usable(now) {
				t.Errorf("got %+v", one)
			}
			return err
		}))
		if err := s.Heartbeat(ctx, "srv_none", fleet.ObservedUp); fault.CodeOf(err) != "fleet.server" {
			t.Errorf("got %v", err)
		}
		_, err = s.RegisterEngine(ctx, fleet.RegisterInput{})
		if f := fault.As(err); f == nil || len(f.Fields) != 3 {
			t.Errorf("got %v", err)
		}
	})
}

func TestABigBlueButtonServerIsNotedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, err := fleet.New(fleet.Deps{DB: db, Now: instant.System(0), Sealer: membershiptest.Sealer{}})
		must(t, err)
		in := fleet.AddInput{Name: "bbb1", URL: "https://bbb1.example/bigbluebutton/api", Secret: "x", LoadUnits: 175, Tags: []string{"eu", "eu"}, Admin: fleet.AdminDisabled}
		got, err := s.Add(ctx, in)
		must(t, err)
		if got.Kind != fleet.KindBBB || got.State(instant.Instant{}) != fleet.ObservedUnknown || len(got.Tags) != 1 {
			t.Errorf("got %+v", got)
		}
		if _, err := s.Add(ctx, in); fault.KindOf(err) != fault.Conflict {
			t.Errorf("twice: %v", err)
		}
		if _, err := s.Add(ctx, fleet.AddInput{}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("nothing: %v", err)
		}
	})
}

func TestOneOpenMeetingCarriesAnExternalID(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := tarifftest.New(t, db)
		member := w.Member(t, "hilado", "").ID
		var conn id.Connection
		must(t, db.Read(ctx, func(r store.Reader) (err error) {
			conn, err = membership.PortalConnection(ctx, r, member)
			return err
		}))
		now := w.Clock.Now()
		meeting := func(began time.Duration, state fleet.State) fleet.Meeting {
			m := fleet.Meeting{
				ID: id.NewMeeting(), Member: member, Connection: conn, ExternalID: "room_1", Room: "room_1", State: state, StartedAt: now.Add(began),
				Asked: 90 * time.Minute, Cap: tariff.Unlimited, StartedBy: "part_1", People: 2, Moderators: 1, Peak: 3, Seconds: 9,
			}
			if state == fleet.Ended {
				m.EndedAt, m.EndReason, m.People, m.Moderators = now, fleet.EndHost, 0, 0
			}
			return m
		}
		insert := func(m fleet.Meeting) error {
			return db.Write(ctx, func(tx store.Tx) error { return fleet.Insert(ctx, tx, m) })
		}
		past, live := meeting(-2*time.Hour, fleet.Ended), meeting(-time.Hour, fleet.Live)
		past.Cap = 7
		must(t, insert(past))
		must(t, insert(live))
		if err := insert(meeting(0, fleet.Live)); fault.CodeOf(err) != "store.unique" {
			t.Errorf("a second open one: %v", err)
		}
		must(t, db.Read(ctx, func(r store.Reader) error {
			history, err := fleet.History(ctx, r, member, "room_1", 10)
			must(t, err)
			if d := cmp.Diff([]fleet.Meeting{live, past}, history, cmp.AllowUnexported(instant.Instant{})); d != "" {
				t.Errorf("history differs (-want +got):\n%s", d)
			}
			running, err := fleet.Running(ctx, r, member)
			must(t, err)
			open, found, err := fleet.Open(ctx, r, conn, "room_1")
			must(t, err)
			if len(running) != 1 || running[0].ID != live.ID || !found || open.ID != live.ID {
				t.Errorf("running %+v, open %+v", running, open)
			}
			between, err := fleet.Between(ctx, r, member, now.Add(-3*time.Hour), now.Add(-90*time.Minute))
			must(t, err)
			if len(between) != 1 || between[0].ID != past.ID {
				t.Errorf("between: %+v", between)
			}
			if _, err := fleet.ByID(ctx, r, "meet_none"); fault.CodeOf(err) != "meeting.unknown" {
				t.Errorf("got %v", err)
			}
			return nil
		}))
	})
}
