// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"context"
	"strings"
	"testing"

	"meetcoop/internal/fleet"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/identity"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
)

func to[T any](v T) *T { return &v }

func set(t *testing.T, n *gatewaytest.Node, in membership.ConnectionChange) {
	t.Helper()
	if _, err := n.Members.SetConnection(context.Background(), identity.Operator(), in); err != nil {
		t.Fatal(err)
	}
}

// What is changed of a connection holds for its next calls, through the other node too.
func TestAChangedConnectionIsServedOtherwise(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			loc := storetest.Location(t, engine)
			db := storetest.Open(t, loc)
			c := gatewaytest.New(t, db, gatewaytest.Options{Servers: 3})
			n := c.Node(db, gatewaytest.Options{})
			other := c.Node(storetest.Open(t, loc), gatewaytest.Options{})
			k := c.Client(n, "hilado", tariff.OverrideFields{RunningRooms: limit(20), Seats: limit(50)})
			id := k.Connection.ID
			create := func(k *gatewaytest.Client, meeting string) gatewaytest.Reply {
				return k.Ask("create", "name=Assembly&attendeePW=ap&moderatorPW=mp&meetingID="+meeting)
			}
			if r := create(k.Via(other), "before"); !r.OK() {
				t.Fatal(r.Body)
			}

			// Tags: only the second server has them, and a meeting that moves goes to one that has them too.
			tag := func(i int) {
				if _, err := n.Fleet.Change(context.Background(), fleet.ChangeInput{Server: serverRow(t, c, i).ID, Tags: to([]string{"large"})}); err != nil {
					t.Fatal(err)
				}
			}
			set(t, n, membership.ConnectionChange{Connection: id, Tags: to([]string{"large"})})
			gatewaytest.Until(t, "no server has the tag", func() bool { return create(k.Via(other), "none").Key() == "noServerAvailable" })
			tag(1)
			gatewaytest.Until(t, "the tagged server is used", func() bool { return create(k.Via(other), "tagged").OK() })
			if got := len(c.Servers[1].Meetings()); got > 2 || len(c.Servers[1].Meetings()) == 0 {
				t.Errorf("%d meetings on the tagged server", got)
			}
			c.Servers[1].Kill()
			tag(2)
			before := len(c.Servers[2].Meetings())
			gatewaytest.Until(t, "it moves to the other tagged server", func() bool { return create(k, "tagged").OK() && len(c.Servers[2].Meetings()) > before })

			// The way of joining: the browser is not given a signed link any more.
			set(t, n, membership.ConnectionChange{Connection: id, JoinMode: to(membership.JoinHandover)})
			gatewaytest.Until(t, "handed over, and created for it", func() bool {
				_ = k.Ask("end", "meetingID=handed&password=mp") // what the other node made before it heard of the change
				if r := create(k.Via(other), "handed"); !r.OK() {
					t.Fatal(r.Body)
				}
				asked := c.Servers[2].Last("create")
				r := k.Via(other).Ask("join", "fullName=P&meetingID=handed&password=ap&userID=u1")
				return r.Location != nil && r.Location.Query().Get("checksum") == "" && strings.Contains(asked[len(asked)-1].Query, "allowRequestsWithoutSession=true")
			})

			// A level of its own, smaller than what the member has: free lets in five people.
			set(t, n, membership.ConnectionChange{Connection: id, Level: to("free")})
			gatewaytest.Until(t, "the level's one room is in use", func() bool { return create(k.Via(other), "narrow").Key() == "runningRoomsReached" })
			set(t, n, membership.ConnectionChange{Connection: id, Refusal: to(membership.RefusalJoin)})
			gatewaytest.Until(t, "it is answered for", func() bool { return create(k.Via(other), "narrow").OK() })
			set(t, n, membership.ConnectionChange{Connection: id, Level: to("")})
			gatewaytest.Until(t, "the member's limits again", func() bool {
				return k.Via(other).Ask("join", "fullName=P&meetingID=narrow&password=ap&userID=u2").Location != nil
			})
		})
	}
}

func TestEventsAreSignedAsTheConnectionSays(t *testing.T) {
	each(t, quick, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k, r := c.Client(n, "hilado", tariff.OverrideFields{RunningRooms: limit(20)}), newReceiver(t)
		r.wants(k, "/?x=1", "&eventID=meeting-created")
		want := ""
		for i, a := range membership.HookAlgorithms {
			set(t, n, membership.ConnectionChange{Connection: k.Connection.ID, HookAlgorithm: to(a)})
			r.signs(string(a))
			k.Must("create", "name=Assembly&attendeePW=ap&moderatorPW=mp&meetingID=coop-"+string(rune('a'+i)))
			want += "meeting-created "
			r.until(want[:len(want)-1])
		}
	})
}
