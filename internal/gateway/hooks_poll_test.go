// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"net/http"
	"testing"
	"time"

	"meetcoop/internal/engine/bbb/bbbtest"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/tariff"
)

// bare are options for servers without bbb-webhooks.
func bare() gatewaytest.Options {
	o := quick
	o.Server.NoHooks = true
	return o
}

// polls waits until a server is polled.
func polls(t *testing.T, s *bbbtest.Running) {
	t.Helper()
	gatewaytest.Until(t, "polled", func() bool { return s.Counters()["getMeetings"] > 0 })
}

func TestWithoutWebhooksEventsAreMadeFromPolls(t *testing.T) {
	each(t, bare(), func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		srv := c.Servers[0]
		polls(t, srv)
		k, r := c.Client(n, "hilado", tariff.OverrideFields{}), newReceiver(t)
		r.wants(k, "/", "")
		internal := k.Must("create", "name=Assembly&meetingID=coop-1&attendeePW=ap&moderatorPW=mp").Root.Value("internalMeetingID")
		first, _ := k.Enter("fullName=Ana&meetingID=coop-1&password=mp&userID=ana")
		second, _ := k.Enter("fullName=Ana&meetingID=coop-1&password=mp&userID=ana")
		do(t, srv.Connect(first))
		k.Must("getMeetingInfo", "meetingID=coop-1") // a look of somebody else takes nothing from the poll
		r.until("meeting-created user-joined:ana")
		do(t, srv.Connect(second))
		do(t, srv.Leave(first))
		ben, _ := k.Enter("fullName=Ben&meetingID=coop-1&password=ap&userID=ben")
		do(t, srv.Connect(ben))
		r.until("meeting-created user-joined:ana user-joined:ben")
		do(t, srv.Leave(second))
		r.until("meeting-created user-joined:ana user-joined:ben user-left:ana")
		do(t, srv.End(theirs(srv)))
		r.until("meeting-created user-joined:ana user-joined:ben user-left:ana meeting-ended")
		all := r.all()
		for _, g := range all {
			if g.External != "coop-1" || g.Internal != internal {
				t.Errorf("%s is about %s, %s", g.Name, g.External, g.Internal)
			}
		}
		if all[1].UserInternal == "" || all[1].UserInternal != all[3].UserInternal || all[1].UserInternal == all[2].UserInternal {
			t.Errorf("sessions %s and %s of one, %s of another", all[1].UserInternal, all[3].UserInternal, all[2].UserInternal)
		}
	})
}

func TestARestartLosesNoEndAndTellsNobodyTwice(t *testing.T) {
	o := bare()
	o.HookWaits = []time.Duration{200 * time.Millisecond, 300 * time.Millisecond, 400 * time.Millisecond, time.Second}
	each(t, o, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		srv := c.Servers[0]
		polls(t, srv)
		k, r, ends := c.Client(n, "hilado", tariff.OverrideFields{}), newReceiver(t), newReceiver(t)
		r.wants(k, "/", "&meetingID=coop-1")
		ends.wants(k, "/", "&eventID=meeting-ended")
		ends.answer(http.StatusServiceUnavailable)
		for _, m := range []string{"coop-1", "coop-2"} {
			k.Must("create", "name=Assembly&meetingID="+m+"&attendeePW=ap&moderatorPW=mp")
		}
		ana, _ := k.Enter("fullName=Ana&meetingID=coop-1&password=mp&userID=ana")
		ben, _ := k.Enter("fullName=Ben&meetingID=coop-1&password=ap&userID=ben")
		do(t, srv.Connect(ana))
		k.Must("end", "meetingID=coop-2&password=mp")
		r.until("meeting-created user-joined:ana")
		gatewaytest.Until(t, "tried", func() bool { return ends.tries() > 0 })
		n.Stop()
		do(t, srv.Connect(ben))
		ends.answer(http.StatusOK)
		c.Node(c.DB, o)
		r.until("meeting-created user-joined:ana user-joined:ben")
		ends.until("meeting-ended")
		pollsAgain(t, srv)
		if got := r.names(); got != "meeting-created user-joined:ana user-joined:ben" {
			t.Errorf("told again: %s", got)
		}
	})
}
