// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"meetcoop/internal/engine/bbb/bbbtest"
	"meetcoop/internal/fleet"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
)

// serverRow is a server as the database has it.
func serverRow(t *testing.T, c *gatewaytest.Cooperative, i int) (v fleet.Server) {
	t.Helper()
	err := c.DB.Read(t.Context(), func(r store.Reader) (err error) {
		v, err = fleet.ByName(t.Context(), r, c.Servers[i].Addr())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func drain(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node, until instant.Instant) {
	t.Helper()
	if _, err := n.Fleet.SetAdmin(t.Context(), fleet.AdminInput{Actor: identity.Operator(), Server: serverRow(t, c, 0).ID, Admin: fleet.AdminDraining, Until: until}); err != nil {
		t.Fatal(err)
	}
}

// At the deadline of a drain the rest is ended for good, told as any end, once, by whichever of two nodes leads, also when the node
// that was there at the beginning is not there any more.
func TestADrainEndsAtItsDeadline(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			loc := storetest.Location(t, engine)
			db := storetest.Open(t, loc)
			o := gatewaytest.Options{Server: bbbtest.Config{AutoConnect: true}, PollEvery: 100 * time.Millisecond}
			c := gatewaytest.New(t, db, o)
			first := c.Node(db, o)
			k := c.Client(first, "hilado", tariff.OverrideFields{Seats: limit(10), RunningRooms: limit(10)})
			var told atomic.Int32
			back := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { told.Add(1) }))
			t.Cleanup(back.Close)
			hook := newReceiver(t)
			hook.wants(k, "/events", "")
			gatewaytest.Until(t, "the server tells", func() bool { return len(c.Servers[0].Hooks()) == 1 })
			k.Must("create", "name=AA&meetingID=room-a&attendeePW=ap&moderatorPW=mp&meta_endCallbackUrl="+url.QueryEscape(back.URL+"/?x=1"))
			if session, r := k.Enter("fullName=P&meetingID=room-a&password=ap&userID=u1"); session == "" {
				t.Fatalf("not let in: %s", r.Body)
			}
			hook.until("meeting-created user-joined:u1")

			deadline := instant.Of(time.Now()).Add(2 * time.Second)
			drain(t, c, first, deadline)
			first.Stop()
			next := c.Node(storetest.Open(t, loc), o)
			c.Node(storetest.Open(t, loc), o)
			k = k.Via(next)
			gatewaytest.Until(t, "no meeting begins there", func() bool { return k.Ask("create", "name=BB&meetingID=room-b").Key() == "noServerAvailable" })
			if at := instant.Of(time.Now()); at.Before(deadline) && k.Ask("isMeetingRunning", "meetingID=room-a").Root.Value("running") != "true" {
				t.Error("ended before the deadline")
			}
			gatewaytest.Until(t, "the server is disabled", func() bool { return serverRow(t, c, 0).Admin == fleet.AdminDisabled })
			if now := instant.Of(time.Now()); now.Before(deadline) {
				t.Errorf("disabled %s before the deadline", deadline.Sub(now))
			}
			if v := serverRow(t, c, 0); !v.DrainUntil.IsZero() {
				t.Errorf("a disabled server has the deadline %s", v.DrainUntil)
			}
			gatewaytest.Until(t, "its copy is ended", func() bool {
				all := c.Servers[0].Meetings()
				return len(all) == 1 && all[0].Ended
			})
			gatewaytest.Until(t, "the client's address was called", func() bool { return told.Load() == 1 })
			hook.until("meeting-created user-joined:u1 meeting-ended")
			if seats, rooms := used(t, c, next, k); seats != 0 || rooms != 0 {
				t.Errorf("%d seats and %d rooms", seats, rooms)
			}
			if n := audited(t, c, "server.admin"); n != 2 {
				t.Errorf("%d changes of the server in the audit trail, want the drain and one end of it", n)
			}
			time.Sleep(1500 * time.Millisecond) // the second node looks too
			if told.Load() != 1 || audited(t, c, "server.admin") != 2 {
				t.Errorf("told %d times, %d events", told.Load(), audited(t, c, "server.admin"))
			}
		})
	}
}

func audited(t *testing.T, c *gatewaytest.Cooperative, action string) (n int) {
	t.Helper()
	err := c.DB.Read(t.Context(), func(r store.Reader) error {
		return r.QueryRow(t.Context(), `SELECT COUNT(*) FROM audit_event WHERE action = $1`, action).Scan(&n)
	})
	if err != nil {
		t.Error(err)
	}
	return n
}

// A deadline that was put off, or a server that is wanted again, ends nothing.
func TestADrainThatIsTakenBackEndsNothing(t *testing.T) {
	each(t, gatewaytest.Options{Server: bbbtest.Config{AutoConnect: true}, PollEvery: 100 * time.Millisecond}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{})
		k.Must("create", "name=AA&meetingID=room-a&attendeePW=ap&moderatorPW=mp")
		if session, r := k.Enter("fullName=P&meetingID=room-a&password=ap&userID=u1"); session == "" {
			t.Fatalf("not let in: %s", r.Body)
		}
		drain(t, c, n, instant.Of(time.Now()).Add(1500*time.Millisecond))
		drain(t, c, n, instant.Of(time.Now()).Add(time.Hour))
		time.Sleep(2500 * time.Millisecond)
		if v := serverRow(t, c, 0); v.Admin != fleet.AdminDraining {
			t.Fatalf("the server is %s", v.Admin)
		}
		drain(t, c, n, instant.Of(time.Now()).Add(1500*time.Millisecond))
		if _, err := n.Fleet.SetAdmin(t.Context(), fleet.AdminInput{Server: serverRow(t, c, 0).ID, Admin: fleet.AdminEnabled}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2500 * time.Millisecond)
		if v := serverRow(t, c, 0); v.Admin != fleet.AdminEnabled || k.Ask("isMeetingRunning", "meetingID=room-a").Root.Value("running") != "true" {
			t.Errorf("the server is %s, and the meeting runs: %s", v.Admin, k.Ask("isMeetingRunning", "meetingID=room-a").Body)
		}
	})
}
