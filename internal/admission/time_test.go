// SPDX-License-Identifier: AGPL-3.0-or-later

package admission_test

import (
	"context"
	"testing"
	"time"

	"meetcoop/internal/admission"
	"meetcoop/internal/admission/admissiontest"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
)

func span(d time.Duration) *tariff.Span { s := tariff.Span(d); return &s }

// meetingNow returns a meeting as it is stored.
func meetingNow(t *testing.T, w *admissiontest.World, a admission.Admission) fleet.Meeting {
	t.Helper()
	var m fleet.Meeting
	must(t, w.DB.Read(context.Background(), func(r store.Reader) (err error) {
		m, err = fleet.ByID(context.Background(), r, a.Meeting.ID)
		return err
	}))
	return m
}

func TestASeatNotTakenUpIsFreeAfterTheLease(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := admissiontest.New(t, db)
		h := w.Host("hilado", 2)
		w.Join(h, "one", "never comes")
		inside := w.Join(h, "one", "comes")
		must(t, w.Gate.Present(context.Background(), inside.Meeting.ID, inside.Seat.Participant))
		w.Pass(74 * time.Second)
		if u := w.Usage(h); u.Seats.Used != 2 || u.Seats.Held != 1 {
			t.Errorf("before the lease is over: %+v", u.Seats)
		}
		w.Pass(2 * time.Second)
		w.Pass(time.Hour)
		if u := w.Usage(h); u.Seats.Used != 1 || u.Seats.Held != 0 {
			t.Errorf("afterwards: %+v", u.Seats)
		}
		consistent(t, w)
	})
}

func TestTheDurationEndsTheMeetingOnTheSecondThoughNobodyAsks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := admissiontest.New(t, db, admissiontest.Options{Observer: &diary{}})
		h := w.HostOn("hilado", "organisation")
		w.Override(t, h.ID, tariff.OverrideFields{Duration: span(2 * time.Minute)})
		a := w.Join(h, "one", "ada")
		must(t, w.Gate.Present(context.Background(), a.Meeting.ID, a.Seat.Participant))
		if want := w.Clock.Now().Add(2 * time.Minute); a.Meeting.DeadlineAt != want {
			t.Errorf("deadline %v, want %v", a.Meeting.DeadlineAt, want)
		}
		w.Pass(119 * time.Second)
		if m := meetingNow(t, w, a); !m.Open() {
			t.Errorf("ended early: %+v", m)
		}
		w.Pass(time.Second)
		m := meetingNow(t, w, a)
		if m.State != fleet.Ended || m.EndReason != fleet.EndDuration || m.EndedAt != a.Meeting.DeadlineAt || m.People != 0 {
			t.Errorf("got %+v", m)
		}
		if u := w.Usage(h); u.Seats.Used != 0 || u.RunningRooms.Used != 0 {
			t.Errorf("got %+v", u)
		}
		// A level that counts each meeting by itself allows the next at once.
		w.Join(h, "one", "ada")
		consistent(t, w)
	})
}

func TestStartingAnewGrantsAFreeMemberNoFreshTime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := admissiontest.New(t, db)
		ctx := context.Background()
		h := w.HostOn("hilado", "") // free: 60 minutes for all rooms together
		a := w.Join(h, "one", "ada")
		must(t, w.Gate.Present(ctx, a.Meeting.ID, a.Seat.Participant))
		w.Pass(40 * time.Minute)
		must(t, w.Gate.End(ctx, a.Meeting.ID, fleet.EndHost))
		w.Pass(10 * time.Minute)
		b := w.Join(h, "another room", "ada")
		if left := b.Meeting.DeadlineAt.Sub(w.Clock.Now()); left != 20*time.Minute {
			t.Errorf("%v left, want 20 minutes", left)
		}
		must(t, w.Gate.Present(ctx, b.Meeting.ID, b.Seat.Participant))
		w.Pass(19*time.Minute + 30*time.Second)
		must(t, w.Gate.End(ctx, b.Meeting.ID, fleet.EndHost))
		ended := w.Clock.Now()
		_, err := w.Gate.Join(ctx, h.Joining("one", "ada"))
		wantFault(t, err, fault.LimitReached, "admission.duration_exhausted", fault.Params{"Until": ended.Add(30 * time.Minute)})

		// Another node that remembers nothing says the same.
		_, err = w.Second(db).Gate.Join(ctx, h.Joining("one", "ada"))
		wantFault(t, err, fault.LimitReached, "admission.duration_exhausted", fault.Params{"Until": ended.Add(30 * time.Minute)})

		w.Pass(30 * time.Minute)
		c := w.Join(h, "one", "ada")
		if left := c.Meeting.DeadlineAt.Sub(w.Clock.Now()); left != time.Hour {
			t.Errorf("after the pause %v left, want an hour", left)
		}
		consistent(t, w)
	})
}

func TestARaisedDurationMovesTheEndAndALoweredOneDoesNot(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := admissiontest.New(t, db, admissiontest.Options{Observer: &diary{}})
		h := w.HostOn("hilado", "organisation")
		w.Override(t, h.ID, tariff.OverrideFields{Duration: span(30 * time.Minute)})
		a := w.Join(h, "one", "ada")
		began := w.Clock.Now()
		for _, c := range []struct{ set, want time.Duration }{
			{time.Hour, time.Hour}, {10 * time.Minute, time.Hour}, {2 * time.Hour, 2 * time.Hour},
		} {
			w.Pass(time.Second)
			w.Override(t, h.ID, tariff.OverrideFields{Duration: span(c.set)})
			must(t, w.Gate.Refresh(context.Background(), h.ID))
			if got := meetingNow(t, w, a).DeadlineAt.Sub(began); got != c.want {
				t.Errorf("set to %v: the meeting may last %v, want %v", c.set, got, c.want)
			}
		}
		var changes int
		for _, line := range lines(t, db) {
			if line[:7] == "changed" {
				changes++
			}
		}
		if changes != 2 {
			t.Errorf("told %d changes, want 2: %q", changes, lines(t, db))
		}
	})
}

func TestAMeetingThatAskedForLessEndsEarlier(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := admissiontest.New(t, db)
		h := w.HostOn("hilado", "organisation")
		in := h.Joining("one", "ada")
		in.Duration = 5 * time.Minute
		a, err := w.Gate.Join(context.Background(), in)
		must(t, err)
		if got := a.Meeting.DeadlineAt.Sub(a.Meeting.StartedAt); got != 5*time.Minute {
			t.Errorf("may last %v", got)
		}
		w.Override(t, h.ID, tariff.OverrideFields{Duration: span(30 * time.Hour)})
		must(t, w.Gate.Refresh(context.Background(), h.ID))
		if got := meetingNow(t, w, a).DeadlineAt.Sub(a.Meeting.StartedAt); got != 5*time.Minute {
			t.Errorf("after a raise it may last %v", got)
		}
	})
}

func TestListsOfAnEngineRepairWhatEventsDidNotTell(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := admissiontest.New(t, db)
		ctx := context.Background()
		h := w.Host("hilado", 3)
		a := w.Join(h, "one", "event lost")
		b := w.Join(h, "one", "gone unnoticed")
		m := a.Meeting.ID
		must(t, w.Gate.Present(ctx, m, b.Seat.Participant))
		list := func(began instant.Instant, people ...admission.SeenPerson) {
			t.Helper()
			must(t, w.Gate.Reconcile(ctx, w.Server.ID, []admission.Seen{{Meeting: m, People: people}}, began))
		}
		who := func(a admission.Admission) admission.SeenPerson {
			return admission.SeenPerson{Participant: a.Seat.Participant, Person: a.Seat.Person}
		}
		// A list begun before somebody was seen says nothing about them.
		list(w.Clock.Now().Add(-time.Second), who(a))
		if u := w.Usage(h); u.Seats.Used != 2 || u.Seats.Held != 0 {
			t.Errorf("got %+v", u.Seats)
		}
		w.Pass(5 * time.Second)
		list(w.Clock.Now(), who(a))
		if u := w.Usage(h); u.Seats.Used != 2 || u.Seats.Held != 1 {
			t.Errorf("who is not listed is awaited: got %+v", u.Seats)
		}
		w.Pass(61 * time.Second)
		if u := w.Usage(h); u.Seats.Used != 1 {
			t.Errorf("and then gone: got %+v", u.Seats)
		}

		// Who is inside without a seat is counted at once; who left since the list was begun is not.
		list(w.Clock.Now(), who(a), who(b))
		if u := w.Usage(h); u.Seats.Used != 2 {
			t.Errorf("found inside: got %+v", u.Seats)
		}
		began := w.Clock.Now()
		must(t, w.Gate.Release(ctx, m, a.Seat.Participant, admission.WhyLeft))
		w.Clock.Pass(time.Second)
		list(began, who(a), who(b))
		if u := w.Usage(h); u.Seats.Used != 1 {
			t.Errorf("who left was counted again: got %+v", u.Seats)
		}
		// A list without a meeting ends nothing.
		w.Pass(time.Second)
		must(t, w.Gate.Reconcile(ctx, w.Server.ID, nil, w.Clock.Now()))
		if u := w.Usage(h); u.RunningRooms.Used != 1 || u.Seats.Held != 1 {
			t.Errorf("got %+v", u)
		}
		consistent(t, w)
	})
}

func TestWhoIsFoundInsideClosesTheDoorAboveTheLimit(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := admissiontest.New(t, db)
		ctx := context.Background()
		h := w.Host("hilado", 1)
		a := w.Join(h, "one", "ada")
		must(t, w.Gate.Present(ctx, a.Meeting.ID, a.Seat.Participant))
		stranger := h.Joining("one", "bo")
		must(t, w.Gate.Reconcile(ctx, w.Server.ID, []admission.Seen{{Meeting: a.Meeting.ID, People: []admission.SeenPerson{
			{Participant: a.Seat.Participant, Person: a.Seat.Person}, {Participant: stranger.Participant, Person: stranger.Person},
		}}}, w.Clock.Now()))
		if u := w.Usage(h); u.Seats.Used != 2 {
			t.Fatalf("got %+v", u.Seats)
		}
		must(t, w.Gate.Release(ctx, a.Meeting.ID, a.Seat.Participant, admission.WhyLeft))
		_, err := w.Gate.Join(ctx, h.Joining("one", "cy"))
		wantFault(t, err, fault.LimitReached, "admission.participants_full")
		must(t, w.Gate.Release(ctx, a.Meeting.ID, stranger.Participant, admission.WhyLeft))
		w.Join(h, "one", "cy")
	})
}

func TestAMeetingMovesWhenItsServerIsSilent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := admissiontest.New(t, db, admissiontest.Options{Observer: &diary{}})
		ctx := context.Background()
		h := w.Host("hilado", 5)
		a := w.Join(h, "one", "ada")
		moved, err := w.Gate.Move(ctx, a.Meeting.ID)
		must(t, err)
		if moved.Server != w.Server.ID {
			t.Errorf("moved while the server is up: %+v", moved)
		}
		w.Clock.Pass(11 * time.Second)
		_, err = w.Gate.Move(ctx, a.Meeting.ID)
		wantFault(t, err, fault.Unavailable, "fleet.no_server")
		_, err = w.Gate.Join(ctx, h.Joining("one", "bo"))
		wantFault(t, err, fault.Unavailable, "fleet.no_server")
		other, err := w.Fleet.RegisterEngine(ctx, fleet.RegisterInput{StableKey: "other", Name: "other", URL: "ws://127.0.0.1:7881"})
		must(t, err)
		b := w.Join(h, "one", "bo")
		if b.Meeting.Server != other.ID || b.Meeting.ID != a.Meeting.ID {
			t.Errorf("got %+v", b.Meeting)
		}
		if u := w.Usage(h); u.Seats.Used != 2 {
			t.Errorf("the move changed seats: %+v", u.Seats)
		}
		consistent(t, w)
	})
}
