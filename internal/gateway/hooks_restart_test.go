// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"meetcoop/internal/engine/bbb/bbbtest"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
)

// untold counts the events that stand in the table.
func untold(t *testing.T, c *gatewaytest.Cooperative) (n, tries int) {
	t.Helper()
	err := c.DB.Read(context.Background(), func(r store.Reader) error {
		return r.QueryRow(context.Background(), `SELECT COUNT(*), CAST(COALESCE(MAX(tries), 0) AS BIGINT) FROM hook_event`).Scan(&n, &tries)
	})
	if err != nil {
		t.Error(err)
	}
	return n, tries
}

// Everything a client had not been told when the program stopped, or was killed, it is told after that, once, in the order in which it
// happened, and what happens meanwhile comes after it.
func TestEventsOutliveTheProgram(t *testing.T) {
	o := gatewaytest.Options{Server: bbbtest.Config{AutoConnect: true}, PollEvery: 100 * time.Millisecond, HookWaits: []time.Duration{
		20 * time.Millisecond, 40 * time.Millisecond, time.Second, time.Second, time.Second, 5 * time.Second, 5 * time.Second, 5 * time.Second,
	}}
	for _, killed := range []bool{false, true} {
		name := map[bool]string{false: "stopped", true: "killed"}[killed]
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				c := gatewaytest.New(t, db, o)
				n := c.Node(db, o)
				k, r := c.Client(n, "hilado", tariff.OverrideFields{RunningRooms: limit(10), Seats: limit(50)}), newReceiver(t)
				r.wants(k, "/", "")
				gatewaytest.Until(t, "the server tells", func() bool { return len(c.Servers[0].Hooks()) == 1 })
				k.Must("create", "name=Assembly&meetingID=coop-1&attendeePW=ap&moderatorPW=mp")
				r.until("meeting-created")
				gatewaytest.Until(t, "nothing is left of what was told", func() bool { n, _ := untold(t, c); return n == 0 })
				r.answer(http.StatusServiceUnavailable)
				want := "meeting-created"
				for _, who := range []string{"ana", "ben", "eva"} {
					if session, refused := k.Enter("fullName=P&meetingID=coop-1&password=ap&userID=" + who); session == "" {
						t.Fatal(refused.Body)
					}
					want += " user-joined:" + who
					events := strings.Count(want, ":")
					gatewaytest.Until(t, who+" stands in the table", func() bool { n, _ := untold(t, c); return n == events })
				}
				gatewaytest.Until(t, "it was tried three times", func() bool { _, tries := untold(t, c); return tries >= 3 })
				n.Stop()
				if got, _ := untold(t, c); got != 3 {
					t.Fatalf("%d events outlive the stop", got)
				}
				if killed { // they are still in the hand of a node that is silent
					if err := db.Write(t.Context(), func(tx store.Tx) error {
						_, err := tx.Exec(t.Context(), `UPDATE hook_event SET node = 'node_dead'`)
						return err
					}); err != nil {
						t.Fatal(err)
					}
				}
				r.answer(http.StatusOK)
				next := c.Node(db, o)
				k = k.Via(next)
				k.Must("create", "name=Assembly&meetingID=coop-2&attendeePW=ap&moderatorPW=mp")
				r.until(want + " meeting-created")
				k.Must("end", "meetingID=coop-1&password=mp")
				gatewaytest.Until(t, "the end is told last", func() bool { return strings.HasSuffix(r.names(), "meeting-ended") })
				gatewaytest.Until(t, "nothing is left", func() bool { n, _ := untold(t, c); return n == 0 })
				if got := r.names(); !strings.HasPrefix(got, want+" meeting-created") || strings.Count(got, "user-joined:ana") != 1 {
					t.Errorf("told %s", got)
				}
			})
		})
	}
}

// The tries before a stop count: who does not answer for as many tries as there are is forgotten, however often the program restarts.
func TestARestartGivesNoFurtherTries(t *testing.T) {
	o := gatewaytest.Options{PollEvery: 100 * time.Millisecond, HookWaits: []time.Duration{20 * time.Millisecond, 600 * time.Millisecond, 100 * time.Millisecond}}
	each(t, o, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k, r := c.Client(n, "hilado", tariff.OverrideFields{}), newReceiver(t)
		r.wants(k, "/", "&eventID=meeting-created")
		r.answer(http.StatusServiceUnavailable)
		k.Must("create", "name=Assembly&meetingID=coop-1&attendeePW=ap&moderatorPW=mp")
		gatewaytest.Until(t, "it was tried twice", func() bool { _, tries := untold(t, c); return tries == 2 })
		n.Stop()
		next := c.Node(c.DB, o)
		gatewaytest.Until(t, "the hook is forgotten", func() bool {
			return !strings.Contains(k.Via(next).Must("hooks/list", "").Body, "<hookID>")
		})
		if got := r.tries(); got != 4 {
			t.Errorf("%d tries, want 4", got)
		}
		if got, _ := untold(t, c); got != 0 {
			t.Errorf("%d events of a hook that is gone", got)
		}
	})
}

// A hook that is destroyed takes with it what it was still to be told.
func TestADestroyedHookIsToldNothing(t *testing.T) {
	each(t, quick, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k, r := c.Client(n, "hilado", tariff.OverrideFields{RunningRooms: limit(5)}), newReceiver(t)
		r.answer(http.StatusServiceUnavailable)
		r.wants(k, "/", "&eventID=meeting-created")
		k.Must("create", "name=Assembly&meetingID=coop-1&attendeePW=ap&moderatorPW=mp")
		hook := k.Must("hooks/list", "").Root.Child("hooks").Child("hook").Value("hookID")
		k.Must("hooks/destroy", "hookID="+hook)
		gatewaytest.Until(t, "nothing is left", func() bool { n, _ := untold(t, c); return n == 0 })
	})
}
