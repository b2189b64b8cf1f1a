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

// over is a meeting that has ended: how long it took, how many people it had at most.
func over(c id.Connection, m id.Meeting, end instant.Instant, took time.Duration, people int) []usage.Fact {
	f := func(kind usage.Kind, n int) usage.Fact {
		return usage.Fact{At: end, Member: member, Connection: c, Meeting: m, Kind: kind, N: n}
	}
	return []usage.Fact{f(usage.Ended, int(took.Seconds())), f(usage.Peak, people), f(usage.Seated, 60*people)}
}

func TestConnectionsShareWhatTheirMemberUsed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		hourly := func(hour, n int) usage.Fact {
			return usage.Fact{At: at(1, hour, 0, 0), Member: member, Kind: usage.Peak, N: n}
		}
		facts := []usage.Fact{hourly(9, 18), hourly(10, 11), fact(at(1, 9, 5, 0), usage.Refused, bo, 3, "admission.seats_full")}
		facts = append(facts, over(conn, "meet_a", at(1, 10, 10, 0), time.Hour, 12)...)
		facts = append(facts, over(conn, "meet_b", at(1, 9, 50, 0), 30*time.Minute, 9)...)
		facts = append(facts, over("conn_2", "meet_c", at(1, 11, 30, 0), 20*time.Minute, 4)...)
		facts = append(facts, over("conn_2", "meet_d", at(2, 11, 30, 0), 20*time.Minute, 40)...) // after the span
		record(t, db, usage.NewRecorder(), facts...)

		got := map[id.Connection]usage.Share{}
		err := db.Read(context.Background(), func(r store.Reader) (err error) {
			got, err = usage.ReadShares(context.Background(), r, usage.SharesInput{
				Member: member, Slots: []instant.Instant{at(1, 9, 0, 0), at(1, 10, 0, 0), at(1, 11, 0, 0), at(1, 12, 0, 0)}, Until: at(1, 13, 0, 0),
				Now: at(1, 12, 30, 0), Seats: 5, Running: []usage.Running{{Connection: "conn_3", Since: at(1, 12, 10, 0), Peak: 5}},
			})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		slot := func(hour, peak, refused, attempts int) usage.Slot {
			return usage.Slot{From: at(1, hour, 0, 0), Peak: peak, Refused: refused, Attempts: attempts}
		}
		want := map[id.Connection]usage.Share{
			conn: { // 12 and 9 at once, but the member had 18; after ten one of them is left, and the member had 11
				Slots: []usage.Slot{slot(9, 18, 1, 3), slot(10, 11, 0, 0), slot(11, 0, 0, 0), slot(12, 0, 0, 0)}, Meetings: 2, Duration: 90 * time.Minute, SeatTime: 21 * time.Minute,
				Refusals: []usage.Refusals{{Code: "admission.seats_full", Refused: 1, Attempts: 3, Last: at(1, 9, 5, 0)}},
			},
			"conn_2": {Slots: []usage.Slot{slot(9, 0, 0, 0), slot(10, 0, 0, 0), slot(11, 4, 0, 0), slot(12, 0, 0, 0)}, Meetings: 1, Duration: 20 * time.Minute, SeatTime: 4 * time.Minute},
			"conn_3": {Slots: []usage.Slot{slot(9, 0, 0, 0), slot(10, 0, 0, 0), slot(11, 0, 0, 0), slot(12, 5, 0, 0)}},
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b instant.Instant) bool { return a == b })); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if s := got[conn]; s.Peak() != 18 || s.Refused() != 1 {
			t.Errorf("%d seats at most and %d refusals", s.Peak(), s.Refused())
		}
	})
}
