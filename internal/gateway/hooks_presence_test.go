// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"meetcoop/internal/engine/bbb/bbbtest"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/tariff"
)

// rare are options with which only webhooks can tell anything in the time of a test.
var rare = gatewaytest.Options{PollEvery: time.Minute, Lease: 400 * time.Millisecond, Hold: 100 * time.Millisecond}

// heard waits until our hook is on a server.
func heard(t *testing.T, s *bbbtest.Running) string {
	t.Helper()
	gatewaytest.Until(t, "hook on the server", func() bool { return len(s.Hooks()) > 0 })
	return s.Hooks()[0]
}

// do fails a test for an error of the simulator.
func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func TestWebhooksTellOfPresenceAtOnce(t *testing.T) {
	each(t, rare, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{})
		srv := c.Servers[0]
		to := heard(t, srv)
		k.Must("create", "name=Assembly&meetingID=coop-1&attendeePW=ap&moderatorPW=mp")
		first, _ := k.Enter("fullName=Ana&meetingID=coop-1&password=mp&userID=ana")
		second, _ := k.Enter("fullName=Ana&meetingID=coop-1&password=mp&userID=ana")
		do(t, srv.Connect(first))
		do(t, srv.Connect(second))
		time.Sleep(rare.Lease + 200*time.Millisecond) // the one wait that proves something: the lease is over, and no poll came
		if seats, _ := used(t, c, n, k); seats != 1 {
			t.Errorf("%d seats of one person with two sessions, after the lease", seats)
		}
		do(t, srv.Leave(first))
		do(t, srv.Delivered(t.Context()))
		time.Sleep(3 * rare.Hold)
		if seats, _ := used(t, c, n, k); seats != 1 {
			t.Errorf("%d seats after the old session left", seats)
		}
		left := time.Now()
		do(t, srv.Leave(second))
		gatewaytest.Until(t, "seat free", func() bool { seats, _ := used(t, c, n, k); return seats == 0 })
		if took := time.Since(left); took > time.Second {
			t.Errorf("free after %v", took)
		}
		third, _ := k.Enter("fullName=Ben&meetingID=coop-1&password=ap&userID=ben")
		do(t, srv.Delivered(t.Context())) // the fault is to befall the next event
		do(t, srv.AddFault(bbbtest.Fault{Kind: bbbtest.FaultForged, Call: bbbtest.CallbackHook, Times: 1}))
		do(t, srv.Connect(third))
		gatewaytest.Until(t, "lease over, as nobody believed the forged event", func() bool { seats, _ := used(t, c, n, k); return seats == 0 })
		for name, to := range map[string]string{"another server's": strings.Replace(to, "/events/", "/events/x", 1), "no token": to[:strings.LastIndex(to, "/")+1]} {
			req, err := http.NewRequest(http.MethodPost, to, strings.NewReader("event=[]"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if r := gatewaytest.Do(t, req); r.Status != http.StatusNotFound {
				t.Errorf("%s: %d", name, r.Status)
			}
		}
		do(t, srv.End(theirs(srv)))
		gatewaytest.Until(t, "room free", func() bool { _, rooms := used(t, c, n, k); return rooms == 0 })
		if !slices.Equal(srv.Hooks(), []string{to}) {
			t.Errorf("hooks %v", srv.Hooks())
		}
		n.Stop()
		m := c.Node(c.DB, rare) // under another public URL, as after a move
		gatewaytest.Until(t, "the new address alone", func() bool {
			return slices.Equal(srv.Hooks(), []string{strings.Replace(to, n.URL, m.URL, 1)})
		})
	})
}

// theirs is the name by which a server knows its one meeting.
func theirs(s *bbbtest.Running) string { return s.Meetings()[0].ID }
