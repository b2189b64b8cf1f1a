// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"fmt"
	"testing"

	"meetcoop/internal/engine/bbb/bbbtest"
	"meetcoop/internal/fleet"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// A meeting for which many are expected weighs before they come, and one that was large before is expected to be so again.
func TestMeetingsWeighWhatIsExpectedOfThem(t *testing.T) {
	o := gatewaytest.Options{Servers: 2, Server: bbbtest.Config{AutoConnect: true}}
	each(t, o, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{RunningRooms: limit(100), Seats: limit(1000), Participants: limit(200)})
		on := func(room string) int {
			t.Helper()
			for i, s := range c.Servers {
				for _, m := range s.Meetings() {
					if m.Name == room && !m.Ended {
						return i
					}
				}
			}
			t.Fatalf("%s runs nowhere", room)
			return -1
		}
		create := func(room, more string) int {
			t.Helper()
			k.Must("create", "name="+room+"&meetingID="+room+"&attendeePW=ap&moderatorPW=mp"+more)
			return on(room)
		}
		// 150 expected weigh as much as seven meetings of which nothing is known; the limits cap what a client says.
		large := create("large", "&meta_bbb-meeting-size-hint=150&maxParticipants=150")
		for i := range 7 {
			if got := create(fmt.Sprint("small-", i), ""); got == large {
				t.Errorf("small-%d went to the server of the large one", i)
			}
		}
		absurd := create("absurd", "&meta_bbb-meeting-size-hint=99999999999&maxParticipants=20")
		if next := create("after-absurd", "&meta_bbb-meeting-size-hint=-5"); next == absurd && absurd != large {
			t.Errorf("a hint beyond the limit weighs more than the limit")
		}
		for i := range 6 {
			if session, r := k.Enter(fmt.Sprintf("fullName=P&meetingID=small-0&password=ap&userID=u%d", i)); session == "" {
				t.Fatalf("not let in: %s", r.Body)
			}
		}
		k.Must("end", "meetingID=small-0")
		if most, known := largest(t, c, k, "small-0"); most != 6 || !known {
			t.Errorf("the largest so far %d, %v", most, known)
		}
		if _, known := largest(t, c, k, "never"); known {
			t.Error("something is known of a meeting that never was")
		}
	})
}

func largest(t *testing.T, c *gatewaytest.Cooperative, k *gatewaytest.Client, external string) (most int, known bool) {
	t.Helper()
	do(t, c.DB.Read(t.Context(), func(r store.Reader) (err error) {
		most, known, err = fleet.Largest(t.Context(), r, k.Connection.ID, external, 8)
		return err
	}))
	return most, known
}

// What is not ours, and voices and cameras, weigh once the list shows them, and no more once they are gone.
func TestStrangersAndCamerasWeigh(t *testing.T) {
	o := gatewaytest.Options{Server: bbbtest.Config{AutoConnect: true}}
	each(t, o, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		extra := func() (units int) {
			t.Helper()
			do(t, c.DB.Read(t.Context(), func(r store.Reader) error {
				all, err := fleet.Loads(t.Context(), r, instant.Of(c.Clock.Now().Time()))
				for _, l := range all {
					units += l.Extra
				}
				return err
			}))
			return units
		}
		there := c.ServerClient(0)
		_, err := there.Create(t.Context(), "name=Stranger&meetingID=stranger&attendeePW=ap&moderatorPW=mp", nil, "", 0)
		do(t, err)
		gatewaytest.Until(t, "the stranger weighs", func() bool { return extra() == 5 })
		do(t, there.End(t.Context(), "stranger", ""))
		gatewaytest.Until(t, "it is gone", func() bool { return extra() == 0 })
	})
}
