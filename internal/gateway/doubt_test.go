// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"fmt"
	"testing"
	"time"

	"meetcoop/internal/engine/bbb/bbbtest"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/tariff"
)

// A server that did not answer is asked no more while callers wait, and no meeting begins on it; what is known of its meetings is told.
func TestASilentServerIsWaitedForOnce(t *testing.T) {
	o := gatewaytest.Options{Servers: 2, Server: bbbtest.Config{AutoConnect: true}, PollEvery: time.Hour, DetachAfter: time.Hour}
	each(t, o, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{RunningRooms: limit(50)})
		k.Must("create", "name=First&meetingID=first&attendeePW=ap&moderatorPW=mp")
		silent, other := c.Servers[0], c.Servers[1]
		if len(silent.Meetings()) == 0 {
			silent, other = other, silent
		}
		do(t, silent.AddFault(bbbtest.Fault{Kind: bbbtest.FaultLatency, Call: "getMeetingInfo", Delay: 3 * time.Second}))
		gatewaytest.Until(t, "it is asked", func() bool {
			k.Must("getMeetingInfo", "meetingID=first")
			return silent.Counters()["getMeetingInfo"] > 0
		})
		for range 8 {
			if r := k.Ask("getMeetingInfo", "meetingID=first"); !r.OK() || r.Root.Value("meetingName") != "First" {
				t.Errorf("told: %s", r.Body)
			}
		}
		if n := silent.Counters()["getMeetingInfo"]; n != 1 {
			t.Errorf("the silent server was asked %d times", n)
		}
		for i := range 6 {
			k.Must("create", fmt.Sprintf("name=Next&meetingID=next-%d&attendeePW=ap&moderatorPW=mp", i))
		}
		if len(silent.Meetings()) != 1 || len(other.Meetings()) != 6 {
			t.Errorf("%d meetings on the silent server, %d on the other", len(silent.Meetings()), len(other.Meetings()))
		}
		do(t, other.AddFault(bbbtest.Fault{Kind: bbbtest.FaultLatency, Call: "getMeetingInfo", Delay: 3 * time.Second}))
		gatewaytest.Until(t, "it is asked", func() bool {
			k.Must("getMeetingInfo", "meetingID=next-0")
			return other.Counters()["getMeetingInfo"] > 0
		})
		k.Must("create", "name=Last&meetingID=last&attendeePW=ap&moderatorPW=mp") // all are doubted: any will do
	})
}
