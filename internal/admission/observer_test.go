// SPDX-License-Identifier: AGPL-3.0-or-later

package admission_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"meetcoop/internal/admission"
	"meetcoop/internal/admission/admissiontest"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

// admitted tells who was let in. A transaction that runs twice tells twice.
type admitted struct {
	told chan id.Participant
}

func (a *admitted) Admitted(_ context.Context, _ store.Tx, _ instant.Instant, seats []admission.Seat) error {
	for _, s := range seats {
		a.told <- s.Participant
	}
	return nil
}

func (*admitted) MeetingStarted(context.Context, store.Tx, instant.Instant, fleet.Meeting) error {
	return nil
}

func (*admitted) MeetingChanged(context.Context, store.Tx, instant.Instant, fleet.Meeting) error {
	return nil
}

func (*admitted) MeetingEnded(context.Context, store.Tx, instant.Instant, fleet.Meeting) error {
	return nil
}

func (*admitted) Released(context.Context, store.Tx, instant.Instant, []admission.Seat, admission.Why) error {
	return nil
}

// diary writes down what it hears, in the transaction, as a row per event.
type diary struct{ fail func(line string) error }

func (d *diary) note(ctx context.Context, tx store.Tx, now instant.Instant, line string) error {
	if d.fail != nil {
		if err := d.fail(line); err != nil {
			return err
		}
	}
	return store.Changed(ctx, tx, now, "diary", line)
}

func (d *diary) Admitted(ctx context.Context, tx store.Tx, now instant.Instant, seats []admission.Seat) error {
	for _, s := range seats {
		if err := d.note(ctx, tx, now, fmt.Sprintf("admitted %s", s.Participant)); err != nil {
			return err
		}
	}
	return nil
}

func (d *diary) Released(ctx context.Context, tx store.Tx, now instant.Instant, seats []admission.Seat, why admission.Why) error {
	for _, s := range seats {
		if err := d.note(ctx, tx, now, fmt.Sprintf("released %s %s", s.Participant, why)); err != nil {
			return err
		}
	}
	return nil
}

func (d *diary) MeetingStarted(ctx context.Context, tx store.Tx, now instant.Instant, m fleet.Meeting) error {
	return d.note(ctx, tx, now, "started "+m.ExternalID)
}

func (d *diary) MeetingChanged(ctx context.Context, tx store.Tx, now instant.Instant, m fleet.Meeting) error {
	return d.note(ctx, tx, now, fmt.Sprintf("changed %s %s %v", m.ExternalID, m.Server, m.DeadlineAt))
}

func (d *diary) MeetingEnded(ctx context.Context, tx store.Tx, now instant.Instant, m fleet.Meeting) error {
	return d.note(ctx, tx, now, fmt.Sprintf("ended %s %s", m.ExternalID, m.EndReason))
}

// lines returns what was committed.
func lines(t *testing.T, db *store.DB) []string {
	t.Helper()
	var out []string
	must(t, db.Read(context.Background(), func(r store.Reader) (err error) {
		out, err = store.All(context.Background(), r, store.Value[string], `SELECT changed_key FROM change WHERE topic = 'diary' ORDER BY seq`)
		return err
	}))
	return out
}

func TestTheObserverHearsEverythingInOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := admissiontest.New(t, db, admissiontest.Options{Observer: &diary{}})
		ctx := context.Background()
		h := w.Host("hilado", 5)
		a := w.Join(h, "one", "ada")
		b := w.Join(h, "one", "bo")
		again := w.Join(h, "one", "bo")
		must(t, w.Gate.Release(ctx, a.Meeting.ID, a.Seat.Participant, admission.WhyRemoved))
		must(t, w.Gate.End(ctx, a.Meeting.ID, fleet.EndHost))
		must(t, w.Gate.End(ctx, a.Meeting.ID, fleet.EndHost))
		want := []string{
			"started one",
			"admitted " + string(a.Seat.Participant),
			"admitted " + string(b.Seat.Participant),
			fmt.Sprintf("released %s replaced", b.Seat.Participant),
			"admitted " + string(again.Seat.Participant),
			fmt.Sprintf("released %s removed", a.Seat.Participant),
			fmt.Sprintf("released %s ended", again.Seat.Participant),
			"ended one host",
		}
		if got := lines(t, db); !slices.Equal(got, want) {
			t.Errorf("heard %q, want %q", got, want)
		}
	})
}
