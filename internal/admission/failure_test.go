// SPDX-License-Identifier: AGPL-3.0-or-later

package admission_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/admission"
	"meetcoop/internal/admission/admissiontest"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
)

func TestWhoHangsUpTakesNothingFromTheOthers(t *testing.T) {
	nodes(t, func(t *testing.T, w *admissiontest.World, gates []*admission.Gate) {
		h := w.Host("hilado", 50)
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				ctx := context.Background()
				if i%2 == 0 {
					impatient, cancel := context.WithCancel(ctx)
					go cancel()
					ctx = impatient
				}
				_, err := gates[i%len(gates)].Join(ctx, h.Joining("one", fmt.Sprint(i)))
				switch {
				case err == nil, fault.KindOf(err) == fault.LimitReached, fault.CodeOf(err) == "admission.try_again":
				case i%2 == 0 && errors.Is(err, context.Canceled):
				default:
					t.Errorf("join %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		// Whoever left before the commit may hold a seat until the lease is over, never one too many.
		if u := w.Usage(h); u.Seats.Used > 50 {
			t.Errorf("%d seats", u.Seats.Used)
		}
	})
}

// poison fails for some, as a bug in a listener would.
type poison struct{ diary }

func TestAPoisonedRequestHarmsItselfAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var bad id.Participant
		listener := &poison{}
		listener.fail = func(line string) error {
			if bad != "" && strings.HasSuffix(line, string(bad)) {
				panic("a bug")
			}
			return nil
		}
		w := admissiontest.New(t, db, admissiontest.Options{Observer: listener})
		h := w.Host("hilado", 100)
		w.Join(h, "one", "first")
		poisoned := h.Joining("one", "poisoned")
		bad = poisoned.Participant
		twice := h.Joining("one", "first") // a participant that somebody else has already
		stolen := w.Join(h, "one", "owner")
		twice.Participant, twice.Person = stolen.Seat.Participant, h.Joining("one", "thief").Person
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				in := h.Joining("one", fmt.Sprint(i))
				switch i {
				case 30:
					in = poisoned
				case 40:
					in = twice
				}
				_, err := w.Gate.Join(context.Background(), in)
				if (err != nil) != (i == 30 || i == 40) {
					t.Errorf("join %d: %v", i, err)
				}
				if i == 30 && fault.KindOf(err) != fault.Internal {
					t.Errorf("the poisoned one got %v", err)
				}
			})
		}
		wg.Wait()
		if u := w.Usage(h); u.Seats.Used != 60 {
			t.Errorf("%d seats, want 60", u.Seats.Used)
		}
		consistent(t, w)
	})
}

func TestAMemberThatDoesNotExistIsRefusedAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := admissiontest.New(t, db)
		h := w.Host("hilado", 5)
		nobody := admissiontest.Host{ID: id.NewMember(), Connection: h.Connection}
		if _, err := w.Gate.Join(context.Background(), nobody.Joining("one", "ada")); err == nil {
			t.Error("let in")
		}
		w.Join(h, "one", "ada")
	})
}

func TestARefusalFromStaleMemoryIsNone(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			where := storetest.Location(t, engine)
			w := admissiontest.New(t, storetest.Open(t, where))
			other := w.Second(storetest.Open(t, where))
			ctx := context.Background()
			h := w.Host("hilado", 1)
			a := w.Join(h, "one", "ada")
			_, err := w.Gate.Join(ctx, h.Joining("one", "bo")) // this gate remembers: full
			wantFault(t, err, fault.LimitReached, "admission.participants_full")
			must(t, other.Gate.Release(ctx, a.Meeting.ID, a.Seat.Participant, admission.WhyLeft))
			w.Join(h, "one", "bo")
			_, err = other.Gate.Join(ctx, h.Joining("one", "cy"))
			wantFault(t, err, fault.LimitReached, "admission.participants_full")
			consistent(t, w)
		})
	}
}

func TestAnOverrideIsInForceAtTheNextDecisionOfEveryNode(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			where := storetest.Location(t, engine)
			w := admissiontest.New(t, storetest.Open(t, where))
			other := w.Second(storetest.Open(t, where))
			ctx := context.Background()
			h := w.Host("hilado", 1)
			w.Join(h, "one", "ada")
			two := int64(2)
			w.Override(t, h.ID, tariff.OverrideFields{Seats: &two, Participants: &two})
			if _, err := other.Gate.Join(ctx, h.Joining("one", "bo")); err != nil {
				t.Errorf("the other node: %v", err)
			}
			one := int64(1)
			w.Clock.Pass(time.Second)
			w.Override(t, h.ID, tariff.OverrideFields{Seats: &one, Participants: &one})
			_, err := w.Gate.Join(ctx, h.Joining("one", "cy"))
			wantFault(t, err, fault.LimitReached, "admission.participants_full", fault.Params{"Limit": 1, "Used": 2})
		})
	}
}

func TestALimitThatEndsByTheCalendarIsReadAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := admissiontest.New(t, db)
		h := w.Host("hilado", 1)
		two := int64(2)
		madrid, err := time.LoadLocation("Europe/Madrid")
		must(t, err)
		_, err = w.Levels.Override(context.Background(), identity.Operator(), tariff.OverrideInput{
			Member: h.ID, Fields: tariff.OverrideFields{Seats: &two, Participants: &two}, Reason: "test", Until: w.Clock.Now().In(madrid).AddDays(1),
		})
		must(t, err)
		w.Join(h, "one", "ada")
		w.Join(h, "one", "bo")
		w.Pass(24 * time.Hour) // everybody's lease is over, and the override too
		w.Join(h, "one", "ada")
		_, err = w.Gate.Join(context.Background(), h.Joining("one", "bo"))
		wantFault(t, err, fault.LimitReached, "admission.participants_full", fault.Params{"Limit": 1, "Used": 1})
	})
}

func TestASilentDatabaseIsTryAgainAndNeverComeIn(t *testing.T) {
	db := storetest.New(t, store.SQLite)
	w := admissiontest.New(t, db)
	h := w.Host("hilado", 5)
	must(t, db.Close())
	_, err := w.Gate.Join(context.Background(), h.Joining("one", "ada"))
	wantFault(t, err, fault.Unavailable, "admission.try_again")
}

func TestAStoppedGateLetsNobodyIn(t *testing.T) {
	db := storetest.New(t, store.SQLite)
	w := admissiontest.New(t, db)
	h := w.Host("hilado", 5)
	w.Gate.Stop()
	w.Gate.Stop()
	_, err := w.Gate.Join(context.Background(), h.Joining("one", "ada"))
	wantFault(t, err, fault.Unavailable, "admission.try_again")
	must(t, w.Gate.Start(context.Background()))
	w.Join(h, "one", "ada")
}

func TestDecisionsAreCounted(t *testing.T) {
	db := storetest.New(t, store.SQLite)
	reg := prometheus.NewRegistry()
	w := admissiontest.New(t, db, admissiontest.Options{Registry: reg})
	h := w.Host("hilado", 1)
	w.Join(h, "one", "ada")
	_, _ = w.Gate.Join(context.Background(), h.Joining("one", "bo"))
	families, err := reg.Gather()
	must(t, err)
	got := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "meetcoop_admission_decisions_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := m.GetLabel()              // sorted by name: code, request
			if labels[1].GetValue() == "join" { // the gate refreshes by itself after the overrides above
				got[labels[1].GetValue()+" "+labels[0].GetValue()] = m.GetCounter().GetValue()
			}
		}
	}
	want := map[string]float64{"join ok": 1, "join admission.participants_full": 1}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("decisions differ (-want +got):\n%s", d)
	}
}
