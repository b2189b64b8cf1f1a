// SPDX-License-Identifier: AGPL-3.0-or-later

package admission_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"testing"
	"time"

	"meetcoop/internal/admission"
	"meetcoop/internal/admission/admissiontest"
	"meetcoop/internal/fault"
	"meetcoop/internal/identity"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
)

// crowd lets n people join at once, in turn through the gates and into the rooms, and returns how many
// were let in and the codes of the refusals.
func crowd(t *testing.T, h admissiontest.Host, n, rooms int, gates ...*admission.Gate) (admitted int, refused map[string]int) {
	t.Helper()
	refused = map[string]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			_, err := gates[i%len(gates)].Join(context.Background(), h.Joining(fmt.Sprintf("room-%d", i%rooms), fmt.Sprint(i)))
			for fault.CodeOf(err) == "admission.try_again" { // a slow machine; people are asked to do the same
				_, err = gates[i%len(gates)].Join(context.Background(), h.Joining(fmt.Sprintf("room-%d", i%rooms), fmt.Sprint(i)))
			}
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				admitted++
				return
			}
			if fault.KindOf(err) != fault.LimitReached {
				t.Errorf("join %d: %v", i, err)
			}
			refused[fault.CodeOf(err)]++
		})
	}
	close(start)
	wg.Wait()
	return admitted, refused
}

// consistent fails the test when what is stored breaks an invariant.
func consistent(t *testing.T, w *admissiontest.World) {
	t.Helper()
	problems, err := w.Gate.CheckInvariants(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
}

// complaints fails the test when the gate has something to complain about: locks that do not hold show
// as batches that had to be tried one by one.
func complaints(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(writer(func(line []byte) {
		if bytes.Contains(line, []byte("one by one")) {
			t.Errorf("%s", line)
		}
	}), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) { w(b); return len(b), nil }

// nodes runs fn with one and with two gates on one database, each with a handle of its own.
func nodes(t *testing.T, fn func(t *testing.T, w *admissiontest.World, gates []*admission.Gate)) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		for n := 1; n <= 2; n++ {
			t.Run(fmt.Sprintf("%s/nodes=%d", engine, n), func(t *testing.T) {
				t.Parallel()
				where := storetest.Location(t, engine)
				quiet := admissiontest.Options{Log: complaints(t)}
				w := admissiontest.New(t, storetest.Open(t, where), quiet)
				gates := []*admission.Gate{w.Gate}
				for range n - 1 {
					gates = append(gates, w.Second(storetest.Open(t, where), quiet).Gate)
				}
				fn(t, w, gates)
				consistent(t, w)
			})
		}
	}
}

func TestExactlyAsManyEnterAsThereAreSeats(t *testing.T) {
	nodes(t, func(t *testing.T, w *admissiontest.World, gates []*admission.Gate) {
		for _, limit := range []int{1, 10, 199, 200} {
			for round := range 3 {
				h := w.Host(fmt.Sprintf("coop-%d-%d", limit, round), limit)
				admitted, refused := crowd(t, h, 200, 3, gates...)
				if n := refused["admission.seats_full"] + refused["admission.participants_full"]; admitted != limit || n != 200-limit {
					t.Errorf("limit %d: %d let in, refused %v", limit, admitted, refused)
				}
				if u := w.Usage(h); u.Seats.Used != limit {
					t.Errorf("limit %d: %d seats used", limit, u.Seats.Used)
				}
			}
		}
	})
}

func TestTwentyMembersAtOnceDoNotDisturbEachOther(t *testing.T) {
	nodes(t, func(t *testing.T, w *admissiontest.World, gates []*admission.Gate) {
		var wg sync.WaitGroup
		for i := range 20 {
			h := w.Host(fmt.Sprintf("coop-%d", i), 10)
			wg.Go(func() {
				if admitted, refused := crowd(t, h, 50, 2, gates...); admitted != 10 {
					t.Errorf("member %d: %d let in, refused %v", i, admitted, refused)
				}
			})
		}
		wg.Wait()
	})
}

func TestAChangingLimitBesideACrowdIsNeverExceeded(t *testing.T) {
	nodes(t, func(t *testing.T, w *admissiontest.World, gates []*admission.Gate) {
		h := w.Host("hilado", 10)
		var wg sync.WaitGroup
		wg.Go(func() { // what the command line does beside the running program
			for i := range 10 {
				n := int64(10 + i%2)
				_, err := w.Levels.Override(context.Background(), identity.Operator(), tariff.OverrideInput{
					Member: h.ID, Fields: tariff.OverrideFields{Seats: &n, Participants: &n}, Reason: "test",
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
		admitted, refused := crowd(t, h, 300, 2, gates...)
		wg.Wait()
		if admitted < 10 || admitted > 11 {
			t.Errorf("%d let in at a limit of 10 or 11, refused %v", admitted, refused)
		}
	})
}

func TestTheSamePersonInTheSameMeetingHoldsOneSeat(t *testing.T) {
	nodes(t, func(t *testing.T, w *admissiontest.World, gates []*admission.Gate) {
		h := w.Host("hilado", 2)
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				if _, err := gates[i%len(gates)].Join(context.Background(), h.Joining("room", "always me")); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if u := w.Usage(h); u.Seats.Used != 1 {
			t.Errorf("%d seats for one person", u.Seats.Used)
		}
		w.Join(h, "other room", "always me")
		if u := w.Usage(h); u.Seats.Used != 2 || u.RunningRooms.Used != 2 {
			t.Errorf("in two meetings: %d seats, %d rooms", u.Seats.Used, u.RunningRooms.Used)
		}
	})
}

func TestANewParticipantTakesTheSeatOver(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := admissiontest.New(t, db)
		ctx := context.Background()
		h := w.Host("hilado", 1)
		first := w.Join(h, "room", "ada")
		must(t, w.Gate.Present(ctx, first.Meeting.ID, first.Seat.Participant))
		second := w.Join(h, "room", "ada")
		if second.Replaced != first.Seat.Participant || second.Started || second.Meeting.ID != first.Meeting.ID {
			t.Errorf("got %+v", second)
		}
		// What is still told of the old tab must not touch the seat.
		must(t, w.Gate.Release(ctx, first.Meeting.ID, first.Seat.Participant, admission.WhyLeft))
		must(t, w.Gate.Away(ctx, first.Meeting.ID, first.Seat.Participant))
		wantFault(t, w.Gate.Present(ctx, first.Meeting.ID, first.Seat.Participant), fault.NotFound, "admission.no_seat")
		must(t, w.Gate.Present(ctx, first.Meeting.ID, second.Seat.Participant))
		if u := w.Usage(h); u.Seats.Used != 1 || u.Seats.Held != 0 {
			t.Errorf("got %+v", u.Seats)
		}
		consistent(t, w)
	})
}

func TestEveryLimitSaysWhichAndHowFull(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := admissiontest.New(t, db, admissiontest.Options{MaxPeople: 12})
		ctx := context.Background()
		one, two, three := int64(1), int64(2), int64(3)

		seats := w.HostOn("with-seats", "organisation")
		w.Override(t, seats.ID, tariff.OverrideFields{Seats: &three, Participants: &two})
		w.Join(seats, "a", "p1")
		w.Join(seats, "a", "p2")
		_, err := w.Gate.Join(ctx, seats.Joining("a", "p3"))
		wantFault(t, err, fault.LimitReached, "admission.participants_full", fault.Params{"Limit": 2, "Used": 2})
		w.Join(seats, "b", "p3")
		_, err = w.Gate.Join(ctx, seats.Joining("b", "p4"))
		wantFault(t, err, fault.LimitReached, "admission.seats_full", fault.Params{"Limit": 3, "Used": 3})

		rooms := w.HostOn("with-rooms", "organisation")
		w.Override(t, rooms.ID, tariff.OverrideFields{RunningRooms: &one})
		w.Join(rooms, "a", "p1")
		_, err = w.Gate.Join(ctx, rooms.Joining("b", "p2"))
		wantFault(t, err, fault.LimitReached, "admission.running_rooms", fault.Params{"Limit": 1, "Used": 1})

		in := rooms.Joining("c", "p3")
		in.MayStart, in.Meeting = false, ""
		_, err = w.Gate.Join(ctx, in)
		wantFault(t, err, fault.Conflict, "room.not_started")

		in = rooms.Joining("a", "p4")
		in.Within = "meet_of_yesterday"
		_, err = w.Gate.Join(ctx, in)
		wantFault(t, err, fault.Conflict, "meeting.ended")

		capped := w.HostOn("with-cap", "custom")
		in = capped.Joining("a", "p1")
		in.Cap, in.Reserve = 3, 2
		_, err = w.Gate.Join(ctx, in)
		must(t, err)
		_, err = w.Gate.Join(ctx, capped.Joining("a", "p2"))
		wantFault(t, err, fault.LimitReached, "admission.participants_full", fault.Params{"Limit": 3, "Used": 1})
		in = capped.Joining("a", "p3")
		in.Role = admission.RoleModerator
		_, err = w.Gate.Join(ctx, in)
		must(t, err)

		large := w.HostOn("with-many", "custom")
		for i := range 6 { // six seats of this engine are taken above
			w.Join(large, "a", fmt.Sprint(i))
		}
		_, err = w.Gate.Join(ctx, large.Joining("b", "one too many"))
		wantFault(t, err, fault.LimitReached, "fleet.engine_full", fault.Params{"Limit": 12, "Used": 12})
		consistent(t, w)

		w.Pass(time.Second) // after the grants
		must(t, w.Members.Suspend(ctx, identity.Operator(), seats.ID, "test"))
		_, err = w.Gate.Join(ctx, seats.Joining("a", "p1"))
		wantFault(t, err, fault.Forbidden, "member.suspended")
		must(t, w.Members.Close(ctx, identity.Operator(), rooms.ID, "test"))
		_, err = w.Gate.Join(ctx, rooms.Joining("a", "p1"))
		wantFault(t, err, fault.Forbidden, "member.closed")
	})
}

func TestOneMeetingTakesHalfOfAnEngineAtMost(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := admissiontest.New(t, db, admissiontest.Options{MaxPeople: 4})
		h := w.HostOn("hilado", "custom")
		w.Join(h, "a", "p1")
		w.Join(h, "a", "p2")
		_, err := w.Gate.Join(context.Background(), h.Joining("a", "p3"))
		wantFault(t, err, fault.LimitReached, "fleet.engine_full", fault.Params{"Limit": 2, "Used": 2})
		w.Join(h, "b", "p3")
	})
}

func TestAnEngineIsNeverOverfullFromManyMembers(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			where := storetest.Location(t, engine)
			w := admissiontest.New(t, storetest.Open(t, where), admissiontest.Options{MaxPeople: 20})
			gates := []*admission.Gate{w.Gate, w.Second(storetest.Open(t, where)).Gate}
			var mu sync.Mutex
			total, codes := 0, map[string]int{}
			var wg sync.WaitGroup
			for i := range 10 {
				h := w.HostOn(fmt.Sprintf("coop-%d", i), "custom")
				wg.Go(func() {
					n, refused := crowd(t, h, 8, 1, gates...)
					mu.Lock()
					defer mu.Unlock()
					total += n
					for code, n := range maps.All(refused) {
						codes[code] += n
					}
				})
			}
			wg.Wait()
			if total != 20 || codes["fleet.engine_full"] != 60 {
				t.Errorf("%d people on an engine for 20, refused %v", total, codes)
			}
			consistent(t, w)
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantFault fails the test unless err is that fault, with those parameters if any are given.
func wantFault(t *testing.T, err error, kind fault.Kind, code string, params ...fault.Params) {
	t.Helper()
	f := fault.As(err)
	if f == nil || f.Kind != kind || f.Code != code {
		t.Fatalf("got %v, want %v %s", err, kind, code)
	}
	for k, v := range mapOf(params) {
		if f.Params[k] != v {
			t.Errorf("%s: %s is %v, want %v", code, k, f.Params[k], v)
		}
	}
}

func mapOf(params []fault.Params) fault.Params {
	if len(params) == 0 {
		return nil
	}
	return params[0]
}

// Gates that share a handle see each other's seats, and a change of the entitlement made through it, at once: what a lane remembers is
// not trusted beyond its own writes.
func TestGatesOnOneHandleSeeWhatEachOtherWrites(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := admissiontest.New(t, db)
		beside := w.Second(db)
		h, other := w.Host("hilado", 4), w.Host("libre", 4)
		w.Join(h, "one", "ada")
		beside.Join(h, "one", "bo")
		w.Join(other, "one", "ada") // of somebody else: what is remembered of hilado is older than one batch
		beside.Join(other, "one", "bo")
		w.Join(h, "one", "cem")
		beside.Join(h, "one", "dea")
		for _, g := range []*admission.Gate{w.Gate, beside.Gate} {
			_, err := g.Join(t.Context(), h.Joining("one", "eva"))
			wantFault(t, err, fault.LimitReached, "admission.participants_full")
		}
		w.Override(t, h.ID, tariff.OverrideFields{Seats: &[]int64{5}[0], Participants: &[]int64{5}[0]})
		w.Join(h, "one", "eva")
		w.Override(t, h.ID, tariff.OverrideFields{Seats: &[]int64{6}[0], Participants: &[]int64{6}[0]})
		w.Join(h, "one", "flo") // nobody else has written since eva but who changed the limit
		w.Override(t, h.ID, tariff.OverrideFields{Seats: &[]int64{1}[0], Participants: &[]int64{1}[0]})
		for _, g := range []*admission.Gate{w.Gate, beside.Gate} {
			_, err := g.Join(t.Context(), h.Joining("one", "gil"))
			wantFault(t, err, fault.LimitReached, "admission.participants_full")
		}
		consistent(t, w)
	})
}

// What nobody may do, write these rows past the gate and its mark, is refused when it is noticed, and mended by reading again.
func TestALedgerThatIsNotAsLockedIsNeverWritten(t *testing.T) {
	db := storetest.New(t, store.SQLite) // elsewhere the rows are read each time
	w := admissiontest.New(t, db)
	h := w.Host("hilado", 4)
	w.Join(h, "one", "ada")
	must(t, db.Write(t.Context(), func(tx store.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE member_usage SET version = version + 1`)
		return err
	}))
	if _, err := w.Gate.Join(t.Context(), h.Joining("one", "bo")); err == nil || fault.KindOf(err) != fault.Internal {
		t.Errorf("%v, want an internal error", err)
	}
	consistent(t, w)
	w.Join(h, "one", "bo")
	consistent(t, w)
}
