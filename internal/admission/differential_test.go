// SPDX-License-Identifier: AGPL-3.0-or-later

package admission_test

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"meetcoop/internal/admission"
	"meetcoop/internal/admission/admissiontest"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
	"meetcoop/internal/usage"
)

// TestGatesOnADatabaseDecideLikeOneThatForgetsNothing gives the same requests to gates on a database, in
// turn, and to decide on a ledger in memory. One gate reads all seats of a member, one as few as it can;
// each finds its memory overtaken by the others.
func TestGatesOnADatabaseDecideLikeOneThatForgetsNothing(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			where := storetest.Location(t, engine)
			w := admissiontest.New(t, storetest.Open(t, where))
			few := w.Second(storetest.Open(t, where))
			few.Gate.ReadFew()
			fewToo := w.Second(storetest.Open(t, where))
			fewToo.Gate.ReadFew()
			gates := []*admission.Gate{w.Gate, few.Gate, fewToo.Gate}
			n := 0
			rapid.Check(t, func(rt *rapid.T) {
				n++
				h := w.Host(fmt.Sprintf("hilado-%d", n), 3)
				differ(rt, t, w, h, gates)
			})
			consistent(t, w)
		})
	}
}

func differ(rt *rapid.T, t *testing.T, w *admissiontest.World, h admissiontest.Host, gates []*admission.Gate) {
	ctx := context.Background()
	ref := admission.NewReference(h.ID, w.Entitlement(t, h.ID), w.Server)
	var given []id.Participant
	var meetings []id.Meeting
	for range rapid.IntRange(5, 30).Draw(rt, "steps") {
		w.Clock.Pass(time.Millisecond)
		g := gates[rapid.IntRange(0, len(gates)-1).Draw(rt, "gate")]
		someone := func() id.Participant {
			if len(given) == 0 {
				return "nobody"
			}
			return rapid.SampledFrom(given[max(0, len(given)-8):]).Draw(rt, "who")
		}
		op := admission.Op{Kind: rapid.SampledFrom([]string{"join", "join", "join", "join", "present", "away", "release", "end", "keep_waiting", "stop_waiting", "reconcile", "time", "limit"}).Draw(rt, "op")}
		op.Participant = someone()
		if s, ok := ref.Seats()[op.Participant]; ok {
			op.Meeting = s.Meeting
		} else if len(meetings) > 0 {
			op.Meeting = rapid.SampledFrom(meetings).Draw(rt, "meeting")
		}
		var got admission.Admission
		var err error
		switch op.Kind {
		case "join":
			op.Join = h.Joining(fmt.Sprint("room", rapid.IntRange(0, 1).Draw(rt, "room")), fmt.Sprint("p", rapid.IntRange(0, 5).Draw(rt, "person")))
			op.Join.Wait = rapid.Bool().Draw(rt, "wait")
			op.Join.Service = rapid.IntRange(0, 2).Draw(rt, "service") == 0
			op.Join.MayStart = rapid.IntRange(0, 2).Draw(rt, "start") > 0
			if rapid.Bool().Draw(rt, "moderator") {
				op.Join.Role = admission.RoleModerator
			}
			given = append(given, op.Join.Participant)
			got, err = g.Join(ctx, op.Join)
			if got.Started {
				meetings = append(meetings, got.Meeting.ID)
			}
		case "keep_waiting":
			got, err = g.KeepWaiting(ctx, op.Participant)
		case "stop_waiting":
			err = g.StopWaiting(ctx, op.Participant)
		case "time":
			w.Clock.Pass(time.Duration(rapid.SampledFrom([]int{2, 16, 61, 76, 130, 5000}).Draw(rt, "seconds")) * time.Second)
			must(t, w.Fleet.Heartbeat(ctx, w.Server.ID, fleet.ObservedUp))
			must(t, g.Tick(ctx))
			op.Kind = "sweep"
		case "limit":
			seats := int64(rapid.IntRange(1, 4).Draw(rt, "seats"))
			rooms := int64(rapid.IntRange(1, 2).Draw(rt, "rooms"))
			reserve := int64(rapid.IntRange(0, 1).Draw(rt, "reserve"))
			w.Override(t, h.ID, tariff.OverrideFields{Seats: &seats, RunningRooms: &rooms, ModeratorsReserve: &reserve, Duration: span(time.Duration(rapid.IntRange(1, 90).Draw(rt, "minutes")) * time.Minute)})
			must(t, g.Refresh(ctx, h.ID))
			ref.Limit(w.Entitlement(t, h.ID), w.Clock.Now())
			op.Kind = "sweep"
		case "reconcile":
			op.Began = w.Clock.Now().Add(-time.Duration(rapid.IntRange(0, 2).Draw(rt, "ago")) * time.Second)
			for _, m := range meetings {
				op.Seen = append(op.Seen, admission.Seen{Meeting: m})
			}
			for _, s := range sorted(ref.Seats()) { // also of meetings that began when somebody who waited was let in
				if !slices.ContainsFunc(op.Seen, func(seen admission.Seen) bool { return seen.Meeting == s.Meeting }) {
					op.Seen = append(op.Seen, admission.Seen{Meeting: s.Meeting})
				}
			}
			for p, s := range sorted(ref.Seats()) {
				if rapid.Bool().Draw(rt, "listed") {
					list(op.Seen, s.Meeting, admission.SeenPerson{Participant: p, Person: s.Person, Role: s.Role})
				}
			}
			if p := op.Participant; len(meetings) > 0 && ref.Seats()[p].Participant == "" {
				list(op.Seen, op.Meeting, admission.SeenPerson{Participant: p, Person: usage.KeyOf(h.Connection, fmt.Sprint("p", rapid.IntRange(0, 5).Draw(rt, "stranger"))), Service: rapid.Bool().Draw(rt, "helper")})
			}
			err = g.Reconcile(ctx, w.Server.ID, op.Seen, op.Began)
		default:
			if op.Meeting == "" {
				continue
			}
			switch op.Kind {
			case "present":
				err = g.Present(ctx, op.Meeting, op.Participant)
			case "away":
				err = g.Away(ctx, op.Meeting, op.Participant)
			case "release":
				err = g.Release(ctx, op.Meeting, op.Participant, admission.WhyLeft)
			case "end":
				err = g.End(ctx, op.Meeting, fleet.EndHost)
			}
		}
		want, wantErr := ref.Do(op, w.Clock.Now())
		if fault.CodeOf(err) != fault.CodeOf(wantErr) || got.Waiting != want.Waiting || got.Ahead != want.Ahead || got.Replaced != want.Replaced ||
			(op.Kind == "join" && (got.Started != want.Started || got.Meeting.DeadlineAt != want.Meeting.DeadlineAt)) {
			rt.Fatalf("%s %+v:\ngot  %+v %v\nwant %+v %v", op.Kind, op, got, err, want, wantErr)
		}
		if d := cmp.Diff(ref.Seats(), seatsIn(t, w, h), cmp.AllowUnexported(instant.Instant{})); d != "" {
			rt.Fatalf("after %s %+v seats differ (-want +got):\n%s", op.Kind, op, d)
		}
		problems, err := w.Gate.CheckInvariants(ctx)
		must(t, err)
		if len(problems) > 0 {
			rt.Fatalf("after %s %+v: %v", op.Kind, op, problems)
		}
	}
}

func list(seen []admission.Seen, m id.Meeting, p admission.SeenPerson) {
	for i := range seen {
		if seen[i].Meeting == m {
			seen[i].People = append(seen[i].People, p)
		}
	}
}

// sorted walks seats in the order of their participants, so that a failure can be drawn again.
func sorted(seats map[id.Participant]admission.Seat) iter.Seq2[id.Participant, admission.Seat] {
	return func(yield func(id.Participant, admission.Seat) bool) {
		for _, p := range slices.Sorted(maps.Keys(seats)) {
			if !yield(p, seats[p]) {
				return
			}
		}
	}
}

// seatsIn returns the seats of a member as they are stored.
func seatsIn(t *testing.T, w *admissiontest.World, h admissiontest.Host) map[id.Participant]admission.Seat {
	t.Helper()
	out := map[id.Participant]admission.Seat{}
	must(t, w.DB.Read(context.Background(), func(r store.Reader) error {
		_, err := store.All(context.Background(), r, func(s store.Scanner) (struct{}, error) {
			v := admission.Seat{Member: h.ID}
			err := s.Scan(&v.Meeting, &v.Person, &v.Participant, &v.Role, &v.Present, &v.Late, &v.TakenAt, &v.SeenAt, &v.ExpiresAt, &v.Service)
			out[v.Participant] = v
			return struct{}{}, err
		}, `SELECT meeting, person_key, participant, role, present, late, taken_at, seen_at, expires_at, service FROM seat WHERE member = $1`, string(h.ID))
		return err
	}))
	return out
}
