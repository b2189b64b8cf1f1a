// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"encoding/base64"
	"strconv"
	"testing"
	"time"

	"meetcoop/internal/engine/bbb/bbbtest"
	"meetcoop/internal/fleet"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/identity"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// begin makes a meeting on a server as another load balancer does, and brings people into it.
func begin(t *testing.T, c *gatewaytest.Cooperative, server int, key, more string, people int) {
	t.Helper()
	there := c.ServerClient(server)
	made, err := there.Create(t.Context(), "name="+key+"&meetingID="+key+"&attendeePW=ap&moderatorPW=mp"+more, nil, "", 0)
	do(t, err)
	if !made.OK {
		t.Fatalf("not made: %s %s", made.Key, made.Message)
	}
	for i := range people {
		r := get(t, there.Sign("join", "fullName=P&meetingID="+key+"&password=ap&userID=old"+strconv.Itoa(i)))
		if r.Location == nil || r.Location.Query().Get("sessionToken") == "" {
			t.Fatalf("not joined: %d %s", r.Status, r.Body)
		}
	}
}

// runs tells under which name a server still has meetings, that have not ended.
func runs(s *bbbtest.Running, key string) (n int) {
	for _, m := range s.Meetings() {
		if m.ID == key && !m.Ended {
			n++
		}
	}
	return n
}

// pollsAgain waits until a server was asked, and answered, twice from now on: what a poll does about a list is done then.
func pollsAgain(t *testing.T, s *bbbtest.Running) {
	t.Helper()
	want := s.Counters()["getMeetings"] + 3
	gatewaytest.Until(t, "polled again", func() bool { return s.Counters()["getMeetings"] >= want })
}

func lists(k *gatewaytest.Client) (ids []string) {
	for _, m := range k.Ask("getMeetings", "").Root.Child("meetings").Kids {
		ids = append(ids, m.Value("meetingID"))
	}
	return ids
}

// Meetings that Scalelite or b3scale began go on for the same clients, with the people in them, and count; those of others are left alone.
func TestRunningMeetingsAreTakenOver(t *testing.T) {
	o := gatewaytest.Options{Servers: 2, Server: bbbtest.Config{AutoConnect: true}, PollEvery: 100 * time.Millisecond}
	each(t, o, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{RunningRooms: limit(2), Seats: limit(5)})
		other := c.Client(n, "telar", tariff.OverrideFields{})
		front := c.Another(n, other.Member, "telar-front")
		set(t, n, membership.ConnectionChange{Connection: k.Connection.ID, Origin: to("1b2c"), Adopts: to(true)})
		set(t, n, membership.ConnectionChange{Connection: front.Connection.ID, Origin: to("telar-front"), Adopts: to(true)})
		set(t, n, membership.ConnectionChange{Connection: other.Connection.ID, Origin: to("left-alone")})

		joined := base64.URLEncoding.EncodeToString([]byte(`["telar-front","room-a","b3scl"]`))
		begin(t, c, 0, "room-a", "&meta_tenant-id=1b2c&meta_course=7", 2)
		begin(t, c, 1, "room-b", "&meta_tenant-id=1b2c", 1)
		begin(t, c, 1, "room-c", "&meta_tenant-id=1b2c", 0)
		begin(t, c, 0, joined, "", 1)
		begin(t, c, 0, "strange", "&meta_tenant-id=nobody", 1)
		begin(t, c, 0, "waits", "&meta_tenant-id=left-alone", 1)
		begin(t, c, 0, "untold", "", 1)
		gatewaytest.Until(t, "all of them are listed", func() bool { return len(lists(k)) == 3 && len(lists(front)) == 1 })
		if got := lists(front); got[0] != "room-a" {
			t.Errorf("b3scale's client is told of %q", got)
		}
		if got := lists(other); len(got) != 0 {
			t.Errorf("somebody who adopts nothing is told of %q", got)
		}
		gatewaytest.Until(t, "their people have seats", func() bool { seats, rooms := used(t, c, n, k); return seats == 3 && rooms == 3 })
		info := k.Must("getMeetingInfo", "meetingID=room-a")
		if info.Root.Value("participantCount") != "2" || info.Root.Child("metadata").Value("course") != "7" || info.Root.Value("attendeePW") != "ap" {
			t.Errorf("told: %s", info.Body)
		}

		// A link to it works and leads to its people; limits count what was there before.
		for i, want := range []bool{true, true, false} {
			session, r := k.Enter("fullName=New&meetingID=room-a&password=ap&userID=new" + strconv.Itoa(i))
			if (session != "") != want {
				t.Errorf("person %d of 2 places: %v: %s", i, session != "", r.Body)
			}
		}
		if session, r := front.Enter("fullName=New&meetingID=room-a&password=mp&userID=new"); session == "" {
			t.Errorf("b3scale's client: %s", r.Body)
		}
		gatewaytest.Until(t, "all are in one meeting", func() bool {
			return k.Must("getMeetingInfo", "meetingID=room-a").Root.Value("participantCount") == "4"
		})
		if r := k.Ask("create", "name=DD&meetingID=room-d"); r.OK() || r.Key() != "runningRoomsReached" {
			t.Errorf("a fourth room of two: %s", r.Body)
		}
		if r := k.Must("create", "name=AA&meetingID=room-a&attendeePW=ap&moderatorPW=mp"); r.Key() != "duplicateWarning" {
			t.Errorf("made again: %s", r.Body)
		}

		// Ended here, it is ended there, and made anew under an id of ours.
		k.Must("end", "meetingID=room-b")
		gatewaytest.Until(t, "its server has ended it", func() bool { return runs(c.Servers[1], "room-b") == 0 })
		k.Must("end", "meetingID=room-c")
		k.Must("create", "name=BB&meetingID=room-b&attendeePW=ap&moderatorPW=mp")
		if runs(c.Servers[0], "room-b")+runs(c.Servers[1], "room-b") != 0 {
			t.Error("made anew under the old id")
		}
		for key, server := range map[string]int{"strange": 0, "waits": 0, "untold": 0} {
			if runs(c.Servers[server], key) != 1 {
				t.Errorf("%s was ended", key)
			}
		}
	})
}

// Once over, an id that another load balancer gave is its own again: what it begins under it is never ended as a copy of ours.
func TestAnAdoptedIDStaysThatOfTheOtherLoadBalancer(t *testing.T) {
	o := gatewaytest.Options{Server: bbbtest.Config{AutoConnect: true}, PollEvery: 100 * time.Millisecond}
	each(t, o, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{})
		set(t, n, membership.ConnectionChange{Connection: k.Connection.ID, Origin: to(membership.NoTenant), Adopts: to(true)})
		begin(t, c, 0, "room-a", "", 1)
		gatewaytest.Until(t, "it is taken over", func() bool { return len(lists(k)) == 1 })
		first := k.Must("getMeetingInfo", "meetingID=room-a").Root.Value("internalMeetingID")
		k.Must("end", "meetingID=room-a")
		gatewaytest.Until(t, "it is over", func() bool { return len(lists(k)) == 0 && runs(c.Servers[0], "room-a") == 0 })

		begin(t, c, 0, "room-a", "&meta_x=1", 1)
		gatewaytest.Until(t, "the next one is taken over too", func() bool { return len(lists(k)) == 1 })
		if got := k.Must("getMeetingInfo", "meetingID=room-a").Root.Value("internalMeetingID"); got == first {
			t.Errorf("it is the one before: %s", got)
		}
		set(t, n, membership.ConnectionChange{Connection: k.Connection.ID, Adopts: to(false)})
		k.Must("end", "meetingID=room-a")
		gatewaytest.Until(t, "it is over", func() bool { return len(lists(k)) == 0 && runs(c.Servers[0], "room-a") == 0 })
		begin(t, c, 0, "room-a", "", 1)
		k.Must("create", "name=AA&meetingID=room-a&attendeePW=ap&moderatorPW=mp")
		pollsAgain(t, c.Servers[0])
		if runs(c.Servers[0], "room-a") != 1 {
			t.Error("a meeting of the other load balancer was ended")
		}
	})
}

// The limit of a level on duration counts from when a meeting is taken over; its copy is ended and not taken over again.
func TestAnAdoptedMeetingEndsInTime(t *testing.T) {
	o := gatewaytest.Options{Server: bbbtest.Config{AutoConnect: true}, PollEvery: 100 * time.Millisecond}
	each(t, o, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{})
		set(t, n, membership.ConnectionChange{Connection: k.Connection.ID, Origin: to("1b2c"), Adopts: to(true)})
		begin(t, c, 0, "room-a", "&meta_tenant-id=1b2c", 1)
		gatewaytest.Until(t, "it is taken over", func() bool { return len(lists(k)) == 1 })
		srv := c.Servers[0]
		do(t, srv.AddFault(bbbtest.Fault{Kind: bbbtest.FaultStatus, Status: 500, Call: "end", Before: true}))
		do(t, n.Gate.End(t.Context(), openOf(t, c, k, "room-a").ID, fleet.EndPlatform))
		gatewaytest.Until(t, "it is listed no more", func() bool { return len(lists(k)) == 0 })
		pollsAgain(t, srv)
		if runs(srv, "room-a") != 1 {
			t.Error("the copy does not run any more: nothing is shown")
		}
		srv.ClearFaults()
		gatewaytest.Until(t, "its server has ended it", func() bool { return runs(srv, "room-a") == 0 })
		if n := adoptedRows(t, c); n != 1 {
			t.Errorf("%d meetings were taken over, want 1", n)
		}
	})
}

func openOf(t *testing.T, c *gatewaytest.Cooperative, k *gatewaytest.Client, external string) (m fleet.Meeting) {
	t.Helper()
	do(t, c.DB.Read(t.Context(), func(r store.Reader) (err error) {
		m, _, err = fleet.Open(t.Context(), r, k.Connection.ID, external)
		return err
	}))
	return m
}

func adoptedRows(t *testing.T, c *gatewaytest.Cooperative) (n int) {
	t.Helper()
	do(t, c.DB.Read(t.Context(), func(r store.Reader) error {
		return r.QueryRow(t.Context(), `SELECT COUNT(*) FROM conference WHERE adopted = $1`, true).Scan(&n)
	}))
	return n
}

// A server that dies takes an adopted meeting as little with it as any other: the same link leads to its successor.
func TestAnAdoptedMeetingOutlivesItsServer(t *testing.T) {
	o := gatewaytest.Options{Servers: 2, Server: bbbtest.Config{AutoConnect: true}, PollEvery: 100 * time.Millisecond, DetachAfter: time.Second}
	each(t, o, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{Seats: limit(5)})
		set(t, n, membership.ConnectionChange{Connection: k.Connection.ID, Origin: to("1b2c"), Adopts: to(true)})
		begin(t, c, 0, "room-a", "&meta_tenant-id=1b2c&meta_course=7", 2)
		gatewaytest.Until(t, "its people have seats", func() bool { seats, _ := used(t, c, n, k); return seats == 2 })
		c.Servers[0].Kill()
		gatewaytest.Until(t, "the link leads to the successor", func() bool {
			session, _ := k.Enter("fullName=P&meetingID=room-a&password=mp&userID=old0")
			return session != ""
		})
		if len(c.Servers[1].Meetings()) != 1 {
			t.Errorf("%d meetings on the other server", len(c.Servers[1].Meetings()))
		}
		info := k.Must("getMeetingInfo", "meetingID=room-a")
		if info.Root.Value("attendeePW") != "ap" || info.Root.Child("metadata").Value("course") != "7" || info.Root.Value("meetingName") != "room-a" {
			t.Errorf("told: %s", info.Body)
		}
		if seats, rooms := used(t, c, n, k); seats > 2 || rooms != 1 {
			t.Errorf("%d seats and %d rooms", seats, rooms)
		}
		begin(t, c, 1, "room-z", "&meta_tenant-id=1b2c", 0)
		do(t, n.Members.Revoke(t.Context(), identity.Operator(), k.Connection.ID))
		pollsAgain(t, c.Servers[1])
		if runs(c.Servers[1], "room-z") != 1 {
			t.Error("a meeting of a revoked connection's tenant was ended")
		}
	})
}

// Hostile ids and answers take nothing over.
func TestOnlyWhatAClientCouldHaveChosenIsTakenOver(t *testing.T) {
	o := gatewaytest.Options{Server: bbbtest.Config{AutoConnect: true}, PollEvery: 100 * time.Millisecond}
	each(t, o, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{})
		set(t, n, membership.ConnectionChange{Connection: k.Connection.ID, Origin: to("1b2c"), Adopts: to(true)})
		for _, inner := range []string{`["1b2c","x","b3scl"]`, `["1b2c","a,b","b3scl"]`, `["1b2c","a\u0007b","b3scl"]`, `["1b2c","room-a","other"]`, `["1b2c","room-a"]`} {
			begin(t, c, 0, base64.URLEncoding.EncodeToString([]byte(inner)), "", 1)
		}
		begin(t, c, 0, "room-a", "&meta_tenant-id=1b2c", 1)
		gatewaytest.Until(t, "the fine one is taken over", func() bool { return len(lists(k)) == 1 })
		pollsAgain(t, c.Servers[0])
		if got := lists(k); len(got) != 1 || got[0] != "room-a" {
			t.Errorf("taken over: %q", got)
		}
		if got := len(c.Servers[0].Meetings()); got != 6 {
			t.Errorf("%d meetings are there", got)
		}
	})
}
