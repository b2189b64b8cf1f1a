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
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
)

// queue puts people on the waiting list of a room and returns their participants.
func queue(t *testing.T, w *admissiontest.World, h admissiontest.Host, room string, who ...string) []id.Participant {
	t.Helper()
	var out []id.Participant
	for i, name := range who {
		in := h.Joining(room, name)
		in.Wait = true
		a, err := w.Gate.Join(context.Background(), in)
		must(t, err)
		if !a.Waiting || a.Ahead != i {
			t.Fatalf("%s: %+v, want to wait behind %d", name, a, i)
		}
		out = append(out, in.Participant)
	}
	return out
}

// state is "in" for a participant let in, "waits N" behind N, or the code of a fault.
func state(t *testing.T, w *admissiontest.World, p id.Participant) string {
	t.Helper()
	a, err := w.Gate.KeepWaiting(context.Background(), p)
	switch {
	case err != nil:
		return fault.CodeOf(err)
	case a.Waiting:
		return fmt.Sprint("waits ", a.Ahead)
	case a.Seat.Participant != p || a.Meeting.ID != a.Seat.Meeting:
		t.Errorf("%s got the seat %+v", p, a.Seat)
	}
	return "in"
}

func wantStates(t *testing.T, w *admissiontest.World, people []id.Participant, want ...string) {
	t.Helper()
	for i, p := range people {
		if got := state(t, w, p); got != want[i] {
			t.Errorf("number %d: %s, want %s", i, got, want[i])
		}
	}
}

func TestWhoWaitsIsLetInInOrderAsSeatsBecomeFree(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := admissiontest.New(t, db)
		ctx := context.Background()
		h := w.Host("hilado", 3)
		a := w.Join(h, "one", "ada")
		b := w.Join(h, "one", "bo")
		c := w.Join(h, "two", "cy")
		for _, s := range []admission.Admission{a, b, c} {
			must(t, w.Gate.Present(ctx, s.Meeting.ID, s.Seat.Participant))
		}
		line := queue(t, w, h, "two", "dee", "eve")
		in := h.Joining("one", "fay")
		in.Wait = true
		_, err := w.Gate.Join(ctx, in)
		must(t, err)
		line = append(line, in.Participant)
		wantStates(t, w, line, "waits 0", "waits 1", "waits 2")

		must(t, w.Gate.Release(ctx, a.Meeting.ID, a.Seat.Participant, admission.WhyLeft))
		wantStates(t, w, line, "in", "waits 0", "waits 1")

		// The end of a meeting sends home who waits for it, and makes room for the others.
		must(t, w.Gate.End(ctx, b.Meeting.ID, fleet.EndHost))
		wantStates(t, w, line, "in", "in", "admission.not_waiting")

		// A seat that runs out is given on as well.
		must(t, w.Gate.Away(ctx, c.Meeting.ID, c.Seat.Participant))
		next := queue(t, w, h, "two", "gus")
		w.Pass(59 * time.Second)
		wantStates(t, w, next, "waits 0")
		w.Pass(2 * time.Second)
		wantStates(t, w, next, "in")
		consistent(t, w)
	})
}

func TestARaisedLimitLetsInWhoWaits(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		told := make(chan id.Participant, 10)
		w := admissiontest.New(t, db, admissiontest.Options{Observer: &admitted{told: told}})
		h := w.Host("hilado", 1)
		w.Join(h, "one", "ada")
		<-told
		line := queue(t, w, h, "one", "bo", "cy")
		two := int64(2)
		w.Override(t, h.ID, tariff.OverrideFields{Seats: &two, Participants: &two})
		if got := <-told; got != line[0] { // nobody asked: the gate follows the change by itself
			t.Errorf("%s was let in, want %s", got, line[0])
		}
		wantStates(t, w, line, "in", "waits 0")
	})
}

func TestAJoinWithoutATicketOvertakesNobodyWhoFits(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := admissiontest.New(t, db)
		ctx := context.Background()
		h := w.Host("hilado", 1)
		a := w.Join(h, "one", "ada")
		line := queue(t, w, h, "one", "bo")
		_, err := w.Gate.Join(ctx, h.Joining("one", "pushy"))
		wantFault(t, err, fault.LimitReached, "admission.participants_full")
		must(t, w.Gate.Release(ctx, a.Meeting.ID, a.Seat.Participant, admission.WhyLeft))
		_, err = w.Gate.Join(ctx, h.Joining("one", "pushy"))
		wantFault(t, err, fault.LimitReached, "admission.participants_full")
		wantStates(t, w, line, "in")
	})
}

func TestAPlaceThatIsNotRefreshedIsPassedOverAndThenGone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := admissiontest.New(t, db)
		ctx := context.Background()
		h := w.Host("hilado", 1)
		a := w.Join(h, "one", "ada")
		must(t, w.Gate.Present(ctx, a.Meeting.ID, a.Seat.Participant))
		line := queue(t, w, h, "one", "asleep", "awake")
		w.Pass(10 * time.Second)
		wantStates(t, w, line[1:], "waits 1")
		w.Pass(10 * time.Second)
		wantStates(t, w, line[1:], "waits 0")
		must(t, w.Gate.Release(ctx, a.Meeting.ID, a.Seat.Participant, admission.WhyLeft))
		wantStates(t, w, line, "waits 0", "in")
		w.Pass(2 * time.Minute)
		wantStates(t, w, line[:1], "admission.not_waiting")
		if u := w.Usage(h); u.Waiting != 0 {
			t.Errorf("%d wait", u.Waiting)
		}
		consistent(t, w)
	})
}

func TestWhoWaitsToStartAMeetingStartsItWhenASeatIsFree(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := admissiontest.New(t, db)
		ctx := context.Background()
		h := w.Host("hilado", 1)
		a := w.Join(h, "one", "ada")
		in := h.Joining("two", "bo")
		in.Wait = true
		_, err := w.Gate.Join(ctx, in)
		must(t, err)
		must(t, w.Gate.End(ctx, a.Meeting.ID, fleet.EndEmpty))
		got, err := w.Gate.KeepWaiting(ctx, in.Participant)
		must(t, err)
		if got.Meeting.ID != in.Meeting || got.Meeting.ExternalID != "two" {
			t.Errorf("got %+v", got)
		}
		must(t, w.Gate.StopWaiting(ctx, in.Participant)) // too late, and harmless
		consistent(t, w)
	})
}

func TestTheWaitingListEndsAtAThousand(t *testing.T) {
	db := storetest.New(t, store.SQLite) // the same decision on both
	w := admissiontest.New(t, db)
	h := w.Host("hilado", 1)
	w.Join(h, "one", "ada")
	for i := range 1000 {
		in := h.Joining("one", fmt.Sprint("w", i))
		in.Wait = true
		if _, err := w.Gate.Join(context.Background(), in); err != nil {
			t.Fatal(err)
		}
	}
	in := h.Joining("one", "the last")
	in.Wait = true
	_, err := w.Gate.Join(context.Background(), in)
	wantFault(t, err, fault.LimitReached, "admission.waiting_full", fault.Params{"Limit": 1000, "Used": 1000})
}
