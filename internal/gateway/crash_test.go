// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
)

// A node that was killed within a create leaves a reservation. What a kill leaves is written here: the row as it was before the
// server answered, overdue. Whoever meets it asks the server.
func TestAReservationOfADeadNodeIsSettled(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			loc := storetest.Location(t, engine)
			db := storetest.Open(t, loc)
			c := gatewaytest.New(t, db, gatewaytest.Options{Servers: 2})
			dead := c.Node(db, gatewaytest.Options{})
			k := c.Client(dead, "hilado", tariff.OverrideFields{RunningRooms: limit(3)})
			query := func(i int) string {
				return fmt.Sprintf("name=Room&meetingID=room-%d&attendeePW=ap&moderatorPW=mp", i)
			}
			kept := k.Must("create", query(0))
			k.Must("create", query(1))
			k.Must("create", query(2))
			dead.Stop()
			past := instant.Of(time.Now().Add(-time.Minute))
			err := db.Write(t.Context(), func(tx store.Tx) error {
				if _, err := tx.Exec(t.Context(), `UPDATE meeting SET state = 'reserved' WHERE connection = $1`, string(k.Connection.ID)); err != nil {
					return err
				}
				_, err := tx.Exec(t.Context(), `UPDATE conference SET internal_id = '', reply = '', reserved_until = $1`, past)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			c.Servers[0].Forget() // what it was asked never came to be
			known := map[string]bool{}
			for _, s := range c.Servers {
				for _, m := range s.Meetings() {
					known[m.InternalID] = true
				}
			}
			next := k.Via(c.Node(storetest.Open(t, loc), gatewaytest.Options{}))
			again := next.Must("create", query(0))
			if known[kept.Root.Value("internalMeetingID")] && again.Root.Value("internalMeetingID") != kept.Root.Value("internalMeetingID") {
				t.Errorf("what the server has is not taken up: %s", again.Body)
			}
			for i := 1; i < 3; i++ {
				next.Must("create", query(i))
			}
			n := 0
			for _, s := range c.Servers {
				n += len(s.Meetings())
			}
			if n != 3 {
				t.Errorf("%d meetings on the servers, want 3", n)
			}
			if r := next.Ask("create", query(3)); r.Key() != "runningRoomsReached" {
				t.Errorf("a fourth: %s", r.Body)
			}
			for i := range 3 {
				if r := next.Ask("join", fmt.Sprintf("fullName=P&meetingID=room-%d&password=ap", i)); r.Status != 302 {
					t.Errorf("join %d: %s", i, r.Body)
				}
			}
		})
	}
}
