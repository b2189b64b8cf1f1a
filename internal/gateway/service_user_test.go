// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"meetcoop/internal/admission"
	"meetcoop/internal/engine/bbb/bbbtest"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/identity"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
)

// Two helpers of a meeting come in when it is full and take no seat, through two nodes at once; the third, and whoever only says that
// they are a bot, are people like others.
func TestServiceUsersTakeNoSeat(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			loc := storetest.Location(t, engine)
			db := storetest.Open(t, loc)
			o := gatewaytest.Options{Server: bbbtest.Config{AutoConnect: true}, PollEvery: 100 * time.Millisecond}
			c := gatewaytest.New(t, db, o)
			n := c.Node(db, o)
			other := c.Node(storetest.Open(t, loc), o)
			k := c.Client(n, "hilado", tariff.OverrideFields{Seats: limit(2), RunningRooms: limit(10)})
			add := func(pattern string) {
				if _, err := n.Members.AddServiceUser(context.Background(), identity.Operator(), k.Connection.ID, pattern); err != nil {
					t.Fatal(err)
				}
			}
			sent := func() string {
				all := c.Servers[0].Last("create")
				return all[len(all)-1].Query
			}
			k.Must("create", "name=Assembly&meetingID=plain&attendeePW=ap&moderatorPW=mp")
			if q := sent(); !strings.Contains(q, "maxParticipants=2") {
				t.Errorf("created with %s", q)
			}
			join := func(k *gatewaytest.Client, who, more string) (bool, gatewaytest.Reply) {
				session, r := k.Enter("fullName=P&meetingID=room&password=ap&userID=" + who + more)
				return session != "", r
			}
			add("recorder-*")
			gatewaytest.Until(t, "the cap that is sent is two higher", func() bool {
				k.Must("create", "name=Assembly&meetingID=room&attendeePW=ap&moderatorPW=mp")
				if strings.Contains(sent(), "maxParticipants=4") {
					return true
				}
				k.Ask("end", "meetingID=room&password=mp")
				return false
			})
			for i := range 2 {
				if ok, r := join(k, fmt.Sprint("u", i), ""); !ok {
					t.Fatal(r.Body)
				}
			}
			if ok, r := join(k, "u3", "&bot=true"); ok || r.Key() != "maxParticipantsReached" {
				t.Errorf("a bot that nobody named: %s", r.Body)
			}
			if ok, r := join(k, "", "&bot=true"); ok {
				t.Errorf("somebody without a name: %s", r.Body)
			}
			// Four helpers at once through both nodes: two come in.
			in := make(chan bool)
			for i := range 4 {
				via := k
				if i%2 == 1 {
					via = k.Via(other)
				}
				go func() {
					_, r := join(via, fmt.Sprint("recorder-", i), "")
					in <- r.Status == http.StatusFound // the gate lets them in; the server has a cap of its own
				}()
			}
			came := 0
			for range 4 {
				if <-in {
					came++
				}
			}
			if came != admission.ServicePlaces {
				t.Errorf("%d helpers came in, want %d", came, admission.ServicePlaces)
			}
			if seats, rooms := used(t, c, n, k); seats != 2 || rooms != 2 {
				t.Errorf("%d seats, %d rooms", seats, rooms)
			}
			gatewaytest.Until(t, "all four are seen", func() bool { return strings.Count(k.Ask("getMeetings", "").Body, "<userID>") == 4 })
			problems, err := n.Gate.CheckInvariants(context.Background())
			if err != nil || len(problems) > 0 {
				t.Errorf("I1: %v %v", problems, err)
			}
			if seats, _ := used(t, c, n, k); seats != 2 {
				t.Errorf("%d seats after a poll", seats)
			}
			// Found inside without a seat (a restored database): counted as what they are.
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			must(db.Write(t.Context(), func(tx store.Tx) error {
				_, err := tx.Exec(t.Context(), `DELETE FROM seat WHERE service = $1`, true)
				return err
			}))
			must(db.Write(t.Context(), func(tx store.Tx) error {
				_, err := tx.Exec(t.Context(), `UPDATE member_usage SET version = version + 1`)
				return err
			}))
			gatewaytest.Until(t, "they are there again, without a seat", func() bool {
				held := 0
				must(db.Read(t.Context(), func(r store.Reader) error {
					return r.QueryRow(t.Context(), `SELECT COUNT(*) FROM seat WHERE service = $1 AND present = $1`, true).Scan(&held)
				}))
				return held == 2
			})
			if seats, _ := used(t, c, n, k); seats != 2 {
				t.Errorf("%d seats after they were found", seats)
			}
			must(n.Members.RemoveServiceUser(context.Background(), identity.Operator(), k.Connection.ID, "recorder-*"))
			gatewaytest.Until(t, "the cap is that of the limits again", func() bool {
				k.Must("create", "name=Assembly&meetingID=later&attendeePW=ap&moderatorPW=mp")
				if strings.Contains(sent(), "maxParticipants=2") {
					return true
				}
				k.Ask("end", "meetingID=later&password=mp")
				return false
			})
			if ok, r := k.Enter("fullName=P&meetingID=later&password=ap&userID=recorder-9"); ok != "" || r.Key() != "maxParticipantsReached" {
				t.Errorf("somebody who was a helper: %s", r.Body)
			}
		})
	}
}
