// SPDX-License-Identifier: AGPL-3.0-or-later

package admission_test

import (
	"context"
	"testing"

	"meetcoop/internal/admission/admissiontest"
	"meetcoop/internal/fault"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

func TestTheDoctorFindsAndRepairsWrongCounters(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) { repairs(t, storetest.Location(t, engine)) })
	}
}

func repairs(t *testing.T, where store.Config) {
	w := admissiontest.New(t, storetest.Open(t, where))
	ctx := context.Background()
	h := w.Host("hilado", 2)
	a := w.Join(h, "one", "ada")
	somebody := storetest.Open(t, where) // with a tool of their own
	must(t, somebody.Write(ctx, func(tx store.Tx) error {
		for _, q := range []string{
			`UPDATE member_usage SET seats = 7, waiting = 2, version = version + 1 WHERE member = $1`,
			`UPDATE meeting_count SET people = 5, peak = 5 WHERE meeting IN (SELECT id FROM meeting WHERE member = $1)`,
		} {
			if _, err := tx.Exec(ctx, q, string(h.ID)); err != nil {
				return err
			}
		}
		return nil
	}))
	_, err := w.Gate.Join(ctx, h.Joining("one", "bo"))
	wantFault(t, err, fault.LimitReached, "admission.participants_full")
	found, err := w.Gate.RepairCounters(ctx, true)
	must(t, err)
	if len(found) != 3 || found[0].Repaired || found[0].Column != "seats" || found[0].Stored != 7 || found[0].Counted != 1 {
		t.Errorf("a dry run found %v", found)
	}
	done, err := w.Gate.RepairCounters(ctx, false)
	must(t, err)
	if len(done) != 3 || !done[0].Repaired {
		t.Errorf("repaired %v", done)
	}
	consistent(t, w)
	if b := w.Join(h, "one", "bo"); b.Meeting.ID != a.Meeting.ID || b.Meeting.People != 2 {
		t.Errorf("got %+v", b.Meeting)
	}
}
