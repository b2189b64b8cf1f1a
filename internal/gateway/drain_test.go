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
	"meetcoop/internal/id"
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
	drainUntil(t, n, serverRow(t, c, 0).ID, until)
}

func drainUntil(t *testing.T, n *gatewaytest.Node, server id.Server, until instant.Instant) {
	t.Helper()
	if _, err := n.Fleet.SetAdmin(t.Context(), fleet.AdminInput{Actor: identity.Operator(), Server: server, Admin: fleet.AdminDraining, Until: until}); err != nil {
		t.Fatal(err)
	}
}

func wanted(t *testing.T, n *gatewaytest.Node, server id.Server, a fleet.Admin) {
	t.Helper()
	if _, err := n.Fleet.SetAdmin(t.Context(), fleet.AdminInput{Actor: identity.Operator(), Server: server, Admin: a}); err != nil {
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
			o := gatewaytest.Options{Servers: 2, Server: bbbtest.Config{AutoConnect: true}, PollEvery: 100 * time.Millisecond}
			c := gatewaytest.New(t, db, o)
			first := c.Node(db, o)
			wanted(t, first, serverRow(t, c, 1).ID, fleet.AdminCordoned)
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
			second := c.Node(storetest.Open(t, loc), o)
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
			if n := audited(t, c, "server.admin"); n != 3 {
				t.Errorf("%d changes of servers in the audit trail, want the cordon of one, the drain of the other and one end of it", n)
			}
			next.Stop() // and the second node leads
			wanted(t, second, serverRow(t, c, 1).ID, fleet.AdminEnabled)
			gatewaytest.Until(t, "a meeting begins on the other server", func() bool {
				return k.Via(second).Ask("create", "name=CC&meetingID=room-c").OK()
			})
			drainUntil(t, second, serverRow(t, c, 1).ID, instant.Of(time.Now()).Add(100*time.Millisecond))
			gatewaytest.Until(t, "the second node ends a drain", func() bool { return serverRow(t, c, 1).Admin == fleet.AdminDisabled })
			if told.Load() != 1 || audited(t, c, "server.admin") != 6 {
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

// A deadline that was put off, or a server that is wanted again, ends nothing. A meeting on the other server ends with that one's deadline,
// which is later: both were looked at then.
func TestADrainThatIsTakenBackEndsNothing(t *testing.T) {
	for what, wantedThen := range map[string]fleet.Admin{"put off": fleet.AdminDraining, "wanted again": fleet.AdminEnabled} {
		t.Run(what, func(t *testing.T) {
			each(t, gatewaytest.Options{Servers: 2, Server: bbbtest.Config{AutoConnect: true}, PollEvery: 100 * time.Millisecond}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
				k := c.Client(n, "hilado", tariff.OverrideFields{RunningRooms: limit(10)})
				wanted(t, n, serverRow(t, c, 1).ID, fleet.AdminCordoned)
				k.Must("create", "name=AA&meetingID=room-a&attendeePW=ap&moderatorPW=mp")
				wanted(t, n, serverRow(t, c, 0).ID, fleet.AdminCordoned)
				wanted(t, n, serverRow(t, c, 1).ID, fleet.AdminEnabled)
				k.Must("create", "name=BB&meetingID=room-b&attendeePW=ap&moderatorPW=mp")
				if session, r := k.Enter("fullName=P&meetingID=room-a&password=ap&userID=u1"); session == "" {
					t.Fatalf("not let in: %s", r.Body)
				}
				deadline := instant.Of(time.Now()).Add(time.Second)
				drainUntil(t, n, serverRow(t, c, 1).ID, deadline.Add(100*time.Millisecond))
				drain(t, c, n, deadline)
				if wantedThen == fleet.AdminDraining {
					drain(t, c, n, deadline.Add(time.Hour))
				} else {
					wanted(t, n, serverRow(t, c, 0).ID, wantedThen)
				}
				gatewaytest.Until(t, "the other server is disabled", func() bool { return serverRow(t, c, 1).Admin == fleet.AdminDisabled })
				if v := serverRow(t, c, 0); v.Admin != wantedThen || k.Ask("isMeetingRunning", "meetingID=room-a").Root.Value("running") != "true" {
					t.Errorf("the server is %s, and the meeting runs: %s", v.Admin, k.Ask("isMeetingRunning", "meetingID=room-a").Body)
				}
				if r := k.Ask("getMeetingInfo", "meetingID=room-b"); r.Key() != "notFound" {
					t.Errorf("the other server was disabled before its deadline: %s", r.Body)
				}
			})
		})
	}
}
