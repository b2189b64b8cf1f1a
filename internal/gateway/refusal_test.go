// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/identity"
	"meetcoop/internal/membership"
	"meetcoop/internal/tariff"
)

// Greenlight v3 creates before each join, tries a refused create three times with the same query, sorts its parameters and sends an
// empty password to getMeetingInfo (github.com/bigbluebutton/greenlight, app/services/big_blue_button_api.rb and the gem
// bigbluebutton-api-ruby).
func TestGreenlightTriesARefusedCreateThreeTimes(t *testing.T) {
	each(t, gatewaytest.Options{}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{RunningRooms: limit(1)})
		create := func(room string) gatewaytest.Reply {
			return k.Ask("create", "attendeePW=ap&meetingID="+room+"&meta_bbb-origin=greenlight&meta_endCallbackUrl=https%3A%2F%2Fg.example%2Fmeeting_ended&moderatorPW=mp&name=Home+Room&record=false")
		}
		if r := create("room-one"); !r.OK() {
			t.Fatal(r.Body)
		}
		for range 3 {
			if r := create("room-two"); r.Status != http.StatusOK || r.Key() != "runningRoomsReached" || !strings.Contains(r.Root.Value("message"), "1 running room") {
				t.Errorf("refused create: %d %s", r.Status, r.Body)
			}
		}
		if r := create("room-one"); r.Key() != "duplicateWarning" {
			t.Errorf("create before a join: %s", r.Body)
		}
		for range 3 {
			if r := k.Must("isMeetingRunning", "meetingID=room-two"); r.Root.Value("running") != "false" {
				t.Error(r.Body)
			}
		}
		if r := k.Ask("getMeetingInfo", "meetingID=room-two&password="); r.Key() != "notFound" {
			t.Error(r.Body)
		}
		var refused int
		if err := c.DB.Raw().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM usage_fact WHERE kind = 'refused'`).Scan(&refused); err != nil || refused != 1 {
			t.Errorf("%d refusals noted, %v", refused, err)
		}
		if _, rooms := used(t, c, n, k); rooms != 1 || len(c.Servers[0].Meetings()) != 1 {
			t.Errorf("%d rooms, %d meetings on the server", rooms, len(c.Servers[0].Meetings()))
		}
	})
}

func TestARefusedMeetingIsAnsweredForAndRefusedAtTheJoin(t *testing.T) {
	each(t, gatewaytest.Options{}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{RunningRooms: limit(1)})
		conn, secret, err := n.Members.Connect(context.Background(), identity.Operator(), membership.ConnectInput{Member: k.Member.ID, Name: "greenlight", Refusal: membership.RefusalJoin})
		if err != nil {
			t.Fatal(err)
		}
		k.Connection, k.Secret = conn, secret
		k.Must("create", "name=One&meetingID=one&attendeePW=ap&moderatorPW=mp")
		first := k.Must("create", "name=Two&meetingID=two&meta_who=two")
		if first.Key() != "" || first.Root.Value("internalMeetingID") == "" {
			t.Errorf("first create: %s", first.Body)
		}
		if again := k.Must("create", "name=Two&meetingID=two"); again.Key() != "duplicateWarning" || again.Root.Value("createTime") != first.Root.Value("createTime") {
			t.Errorf("again: %s", again.Body)
		}
		if r := k.Must("getMeetingInfo", "meetingID=two"); r.Root.Value("running") != "false" || r.Root.Value("participantCount") != "0" || r.Root.Child("metadata").Value("who") != "two" {
			t.Errorf("info: %s", r.Body)
		}
		join := "fullName=Ana&meetingID=two&userID=ana&password=" + first.Root.Value("moderatorPW") + "&createTime=" + first.Root.Value("createTime")
		req, err := http.NewRequest(http.MethodGet, k.URL("join", join), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "text/html")
		if r := gatewaytest.Do(t, req); !strings.Contains(r.Body, "page: admission.running_rooms") {
			t.Errorf("a browser: %d %s", r.Status, r.Body)
		}
		if _, rooms := used(t, c, n, k); rooms != 1 {
			t.Errorf("%d rooms", rooms)
		}
		// The same link works as soon as a room is free.
		k.Must("end", "meetingID=one")
		gatewaytest.Until(t, "the room is free", func() bool { _, rooms := used(t, c, n, k); return rooms == 0 })
		if session, r := k.Enter(join); session == "" {
			t.Errorf("not let in: %d %s", r.Status, r.Body)
		}
		if r := k.Must("create", "name=Two&meetingID=two"); r.Key() != "duplicateWarning" || r.Root.Value("createTime") == first.Root.Value("createTime") {
			t.Errorf("the meeting it became: %s", r.Body)
		}
		k.Must("end", "meetingID=two")
		gatewaytest.Until(t, "ended", func() bool { return k.Ask("getMeetingInfo", "meetingID=two").Key() == "notFound" })
	})
}

func TestAMemberThatIsPausedStartsNothing(t *testing.T) {
	each(t, gatewaytest.Options{}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{})
		k.Must("create", "name=One&meetingID=one&attendeePW=ap&moderatorPW=mp")
		if err := n.Members.Suspend(context.Background(), identity.Operator(), k.Member.ID, "unpaid"); err != nil {
			t.Fatal(err)
		}
		gatewaytest.Until(t, "accountInactive", func() bool { return k.Ask("create", "name=Two&meetingID=two").Key() == "accountInactive" })
		if r := k.Ask("join", "fullName=Ana&meetingID=one&password=ap"); r.Key() != "accountInactive" {
			t.Errorf("join: %s", r.Body)
		}
		if r := k.Must("getMeetings", ""); !strings.Contains(r.Body, "<meetingID>one</meetingID>") {
			t.Errorf("what runs is not ended: %s", r.Body)
		}
	})
}

// Whoever keeps the page of a refused join open stands in line, in the order of their first repetition; who was never refused does not
// overtake, and who closes the page loses the place.
func TestARefusedBrowserStandsInLine(t *testing.T) {
	o := gatewaytest.Options{Lease: 400 * time.Millisecond}
	each(t, o, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{Seats: limit(1)})
		k.Must("create", "name=Room&meetingID=room&attendeePW=ap&moderatorPW=mp")
		cookies := map[string]string{}
		join := func(who string) gatewaytest.Reply {
			t.Helper()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, k.URL("join", "fullName="+who+"&meetingID=room&password=ap&userID="+who), http.NoBody)
			do(t, err)
			req.Header.Set("Accept", "text/html")
			if cookies[who] != "" {
				req.Header.Set("Cookie", cookies[who])
			}
			r := gatewaytest.Do(t, req)
			cookies[who], _, _ = strings.Cut(r.Header.Get("Set-Cookie"), ";")
			return r
		}
		queued := func() (n int) {
			t.Helper()
			do(t, c.DB.Raw().QueryRowContext(t.Context(), `SELECT COUNT(*) FROM waiter`).Scan(&n))
			return n
		}
		hold := func(who string) {
			t.Helper()
			if r := join(who); r.Status != http.StatusFound {
				t.Fatalf("%s: %d %s", who, r.Status, r.Body)
			}
		}
		hold("ana")
		join("ben")
		if got := queued(); got != 0 || !strings.HasPrefix(cookies["ben"], "meetcoop_wait=") {
			t.Errorf("refused once: %d in line, cookie %q", got, cookies["ben"])
		}
		join("cai")
		if r := join("ben"); !strings.Contains(r.Body, "page: admission.seats_wait") {
			t.Errorf("the page again: %s", r.Body)
		}
		join("cai")
		join("cai")
		if got := queued(); got != 2 {
			t.Errorf("%d in line, want Ben and Cai", got)
		}
		// Ana does not come: the lease runs out, and the seat is Ben's although Dan asks first.
		gatewaytest.Until(t, "Ben is let in, and nobody before him", func() bool {
			if r := join("dan"); r.Status == http.StatusFound {
				t.Fatal("Dan overtook")
			}
			delete(cookies, "dan")
			if r := join("cai"); r.Status == http.StatusFound {
				t.Fatal("Cai overtook")
			}
			return join("ben").Status == http.StatusFound
		})
		if seats, _ := used(t, c, n, k); seats != 1 {
			t.Errorf("%d seats of 1", seats)
		}
		if r := k.Ask("join", "fullName=Eva&meetingID=room&password=ap&userID=eva"); r.Key() != "maxParticipantsReached" {
			t.Errorf("a script: %s", r.Body)
		}
		if got := queued(); got != 1 {
			t.Errorf("%d in line, want Cai", got)
		}
	})
}
