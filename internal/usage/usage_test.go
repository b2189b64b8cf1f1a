// SPDX-License-Identifier: AGPL-3.0-or-later

package usage_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/usage"
)

const (
	member = id.Member("mem_1")
	conn   = id.Connection("conn_1")
	weekly = id.Meeting("meet_1")
)

var (
	ada = usage.KeyOf(conn, "ada")
	bo  = usage.KeyOf(conn, "bo")
)

func at(day, hour, minute, second int) instant.Instant {
	return instant.Of(time.Date(2027, time.January, day, hour, minute, second, 0, time.UTC))
}

func record(t *testing.T, db *store.DB, r *usage.Recorder, facts ...usage.Fact) {
	t.Helper()
	if err := db.Write(context.Background(), func(tx store.Tx) error { return r.Record(context.Background(), tx, facts...) }); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, db *store.DB, from, until int) usage.Report {
	t.Helper()
	var out usage.Report
	if err := db.Read(context.Background(), func(r store.Reader) (err error) {
		out, err = usage.Read(context.Background(), r, member, instant.NewDate(2027, 1, from), instant.NewDate(2027, 1, until), time.UTC)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func fact(at instant.Instant, kind usage.Kind, who usage.PersonKey, n int, code string) usage.Fact {
	return usage.Fact{At: at, Member: member, Connection: conn, Meeting: weekly, Kind: kind, PersonKey: who, N: n, Code: code}
}

func TestAReportAddsUpWhatHappened(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := usage.NewRecorder()
		peak := func(at instant.Instant, n int) usage.Fact {
			return usage.Fact{At: at, Member: member, Kind: usage.Peak, N: n}
		}
		other := fact(at(1, 12, 0, 0), usage.Ended, usage.PersonKey{}, 999, "host")
		other.Member = "mem_2"
		record(t, db, r,
			fact(at(1, 9, 0, 0), usage.Started, usage.PersonKey{}, 1, ""),
			fact(at(1, 9, 0, 0), usage.Joined, ada, 1, ""),
			peak(at(1, 9, 0, 0), 2), peak(at(1, 10, 0, 0), 5), peak(at(2, 9, 0, 0), 3),
			fact(at(1, 9, 5, 0), usage.Refused, bo, 1, "admission.seats_full"),
			fact(at(1, 10, 0, 0), usage.Left, ada, 3600, "left"),
			fact(at(1, 10, 0, 0), usage.Ended, usage.PersonKey{}, 3600, "host"),
			fact(at(1, 10, 0, 0), usage.Peak, usage.PersonKey{}, 9, ""), // of the meeting: not the member's
			fact(at(1, 10, 0, 0), usage.Seated, usage.PersonKey{}, 5400, ""),
			fact(at(3, 0, 0, 0), usage.Ended, usage.PersonKey{}, 60, "empty"), // the day after the span
			other,
		)
		want := usage.Report{
			Days: []usage.Day{
				{Date: instant.NewDate(2027, 1, 1), Peak: 5, Meetings: 1, Duration: time.Hour, Refused: 1, Attempts: 1},
				{Date: instant.NewDate(2027, 1, 2), Peak: 3},
			},
			Refusals: []usage.Refusals{{Code: "admission.seats_full", Refused: 1, Attempts: 1, Last: at(1, 9, 5, 0)}},
			Meetings: 1, Duration: time.Hour, SeatTime: 90 * time.Minute,
		}
		if d := cmp.Diff(want, read(t, db, 1, 3), cmp.AllowUnexported(instant.Date{}, instant.Instant{})); d != "" {
			t.Errorf("report differs (-want +got):\n%s", d)
		}
	})
}

func TestTriesWithinAMinuteAreOneRefusal(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := usage.NewRecorder()
		full := func(at instant.Instant, who usage.PersonKey) usage.Fact {
			return fact(at, usage.Refused, who, 1, "admission.seats_full")
		}
		record(t, db, r, full(at(1, 9, 0, 0), ada), full(at(1, 9, 0, 0), ada), full(at(1, 9, 0, 0), bo))
		record(t, db, r, full(at(1, 9, 0, 30), ada))
		record(t, db, usage.NewRecorder(), full(at(1, 9, 0, 59), ada)) // another node
		record(t, db, r, fact(at(1, 9, 0, 59), usage.Refused, ada, 1, "admission.running_rooms"))
		record(t, db, r, full(at(1, 9, 1, 0), ada)) // a minute after the first
		got := read(t, db, 1, 2).Refusals
		want := []usage.Refusals{
			{Code: "admission.seats_full", Refused: 3, Attempts: 6, Last: at(1, 9, 1, 0)},
			{Code: "admission.running_rooms", Refused: 1, Attempts: 1, Last: at(1, 9, 0, 59)},
		}
		if d := cmp.Diff(want, got, cmp.AllowUnexported(instant.Instant{})); d != "" {
			t.Errorf("refusals differ (-want +got):\n%s", d)
		}
	})
}

func keys(t *testing.T, db *store.DB) (out []string) {
	t.Helper()
	if err := db.Read(context.Background(), func(r store.Reader) (err error) {
		out, err = store.All(context.Background(), r, store.Value[string], `SELECT person_key FROM usage_fact ORDER BY at, id`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestNobodyCanBeFollowedFromDayToDay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		one, two := usage.NewRecorder(), usage.NewRecorder()
		record(t, db, one, fact(at(1, 9, 0, 0), usage.Joined, ada, 1, ""))
		record(t, db, two, fact(at(1, 10, 0, 0), usage.Joined, ada, 1, "")) // the same day, another node
		record(t, db, one, fact(at(2, 9, 0, 0), usage.Joined, ada, 1, ""))
		got := keys(t, db)
		if got[0] != got[1] || got[0] == got[2] || got[0] == ada.String() {
			t.Errorf("keys of one person on one day, the same day, another day: %v; the person is %v", got, ada)
		}
		if err := usage.Trim(context.Background(), db, at(10, 0, 0, 0), usage.Keep); err != nil {
			t.Fatal(err)
		}
		var secrets int
		if err := db.Read(context.Background(), func(r store.Reader) error {
			return r.QueryRow(context.Background(), `SELECT COUNT(*) FROM usage_key`).Scan(&secrets)
		}); err != nil {
			t.Fatal(err)
		}
		if secrets != 0 || len(keys(t, db)) != 3 {
			t.Errorf("%d secrets and %d facts are left", secrets, len(keys(t, db)))
		}
	})
}

func TestFactsAreForgottenAfterTheirTime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var facts []usage.Fact
		for i := range 2500 {
			facts = append(facts, fact(at(1, 0, 0, i), usage.Joined, ada, 1, ""))
		}
		record(t, db, usage.NewRecorder(), facts...)
		if err := usage.Trim(context.Background(), db, at(2, 0, 0, 2499), 24*time.Hour); err != nil {
			t.Fatal(err)
		}
		if got := len(keys(t, db)); got != 1 {
			t.Errorf("%d facts are left, want the last one", got)
		}
	})
}
