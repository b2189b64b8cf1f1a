// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/engine/bbb/bbbtest"
	"meetcoop/internal/fault"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/live"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
)

// sent is somebody whose signed join led to a page of ours.
type sent struct {
	t       *testing.T
	n       *gatewaytest.Node
	meeting id.Meeting
	who     live.Who
	session string
}

// follow reads where a join leads.
func follow(t *testing.T, n *gatewaytest.Node, to *url.URL) sent {
	t.Helper()
	if to == nil || !strings.HasPrefix(to.String(), n.URL+"/meet/") {
		t.Fatalf("led to %v", to)
	}
	m, err := id.ParseMeeting(strings.TrimSuffix(strings.TrimPrefix(to.Path, "/meet/"), "/in"))
	do(t, err)
	person, ok := n.Tickets.Open(m, to.Query().Get("ticket"), instant.Of(time.Now()))
	if !ok {
		t.Fatalf("the ticket in %s opens nothing", to)
	}
	return sent{t: t, n: n, meeting: m, who: live.Who{Sent: person}}
}

// join joins and follows.
func join(t *testing.T, k *gatewaytest.Client, n *gatewaytest.Node, query string) sent {
	t.Helper()
	r := k.Ask("join", query)
	if r.Status != 302 {
		t.Fatalf("join %s: %d %s", query, r.Status, r.Body)
	}
	return follow(t, n, r.Location)
}

// enter is what the page does, up to the media.
func (s *sent) enter() (live.Entered, error) {
	s.t.Helper()
	got, err := s.n.Live.Enter(context.Background(), live.EnterInput{Meeting: s.meeting, Who: s.who})
	if err == nil {
		s.session, err = s.n.Engine.Enter(got.Entry)
	}
	return got, err
}

func (s *sent) mustEnter() live.State {
	s.t.Helper()
	got, err := s.enter()
	do(s.t, err)
	return got.State
}

var onEngine = gatewaytest.Options{Engine: true}

func TestAMeetingOfAClientOnTheEmbeddedEngine(t *testing.T) {
	each(t, onEngine, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{})
		events := newReceiver(t)
		events.wants(k, "/hook", "")
		made := k.Must("create", "name=Spring+Assembly&meetingID=coop-42&attendeePW=ap&moderatorPW=mp&meta_tenant=north&duration=60&logoutURL=https%3A%2F%2Fcourse.example%2Fback&muteOnStart=true&lockSettingsDisableMic=true")
		again := k.Must("create", "name=Other&meetingID=coop-42&attendeePW=ap&moderatorPW=mp")
		if again.Key() != "duplicateWarning" || again.Root.Value("internalMeetingID") != made.Root.Value("internalMeetingID") || made.Root.Value("duration") != "60" {
			t.Errorf("created twice: %s\n%s", made.Body, again.Body)
		}
		if r := k.Must("isMeetingRunning", "meetingID=coop-42"); r.Root.Value("running") != "false" {
			t.Errorf("before anybody is in: %s", r.Body)
		}
		ana := join(t, k, n, "fullName=Ana+%E2%80%AE%0A&meetingID=coop-42&password=mp&userID=u1&createTime="+made.Root.Value("createTime"))
		if r := k.Must("getMeetingInfo", "meetingID=coop-42"); r.Root.Value("participantCount") != "0" {
			t.Errorf("a join alone is nobody there: %s", r.Body)
		}
		glance, err := n.Live.Glance(t.Context(), ana.meeting, ana.who)
		if err != nil || glance.Name != "Spring Assembly" || glance.LeaveURL != "https://course.example/back" {
			t.Errorf("the page shows %+v, %v", glance, err)
		}
		state := ana.mustEnter()
		if state.Me.Role != live.Moderator || state.Me.Name != "Ana" || !state.Meeting.MuteOnEntry || !state.Meeting.Locks.Mic || state.Meeting.Name != "Spring Assembly" || state.Meeting.DeadlineAt == nil {
			t.Errorf("inside: %+v", state)
		}
		ben := join(t, k, n, "fullName=Ben&meetingID="+made.Root.Value("internalMeetingID")+"&password=ap&userID=u2")
		if got := ben.mustEnter(); got.Me.Role != live.Viewer || len(got.People) != 2 {
			t.Errorf("Ben inside: %+v", got)
		}
		gatewaytest.Until(t, "both are seen", func() bool {
			return k.Must("getMeetingInfo", "meetingID=coop-42").Root.Value("participantCount") == "2"
		})
		info := k.Must("getMeetingInfo", "meetingID=coop-42")
		if info.Root.Value("running") != "true" || info.Root.Value("moderatorCount") != "1" || info.Root.Child("metadata").Value("tenant") != "north" || !strings.Contains(info.Body, "<userID>u2</userID><fullName>Ben</fullName><role>VIEWER</role>") {
			t.Errorf("info: %s", info.Body)
		}
		if seats, rooms := used(t, c, n, k); seats != 2 || rooms != 1 {
			t.Errorf("%d seats, %d rooms", seats, rooms)
		}
		k.Must("sendChatMessage", "meetingID=coop-42&message=The+vote+begins&userName=Bot")
		if r := k.Ask("insertDocument", "meetingID=coop-42"); r.OK() {
			t.Errorf("slides where there are none: %s", r.Body)
		}
		if got, err := ana.enter(); err != nil || len(got.State.Chat) != 1 || got.State.Chat[0].Text != "The vote begins" || got.State.Chat[0].Name != "Bot" {
			t.Errorf("chat: %+v, %v", got.State.Chat, err)
		}
		join(t, k, n, "fullName=Ben&meetingID=coop-42&password=ap&userID=u2") // again: the same person
		if seats, _ := used(t, c, n, k); seats != 2 {
			t.Errorf("%d seats after a second join", seats)
		}
		do(t, n.Live.Leave(t.Context(), ben.meeting, ben.who))
		gatewaytest.Until(t, "Ben's seat is free", func() bool { seats, _ := used(t, c, n, k); return seats == 1 })
		events.until("meeting-created user-joined:u1 user-joined:u2 user-left:u2")

		k.Must("end", "meetingID=coop-42&password=mp")
		if seats, rooms := used(t, c, n, k); seats != 0 || rooms != 0 {
			t.Errorf("after the end %d seats, %d rooms", seats, rooms)
		}
		if r := k.Ask("getMeetingInfo", "meetingID=coop-42"); r.Key() != "notFound" {
			t.Errorf("after the end: %s", r.Body)
		}
		if _, err := ana.enter(); fault.CodeOf(err) != "meeting.ended_host" {
			t.Errorf("entering after the end: %v", err)
		}
		events.until("meeting-created user-joined:u1 user-joined:u2 user-left:u2 meeting-ended")
		fresh := k.Must("create", "name=Spring+Assembly&meetingID=coop-42&attendeePW=ap&moderatorPW=mp")
		if fresh.Root.Value("internalMeetingID") == made.Root.Value("internalMeetingID") {
			t.Error("a new meeting under the ids of the old one")
		}
		if _, err := n.Live.Enter(t.Context(), live.EnterInput{Meeting: ana.meeting, Who: ana.who}); fault.CodeOf(err) != "meeting.ended_host" {
			t.Errorf("the old ticket: %v", err)
		}
	})
}

// The embedded engine's own answers have the elements of a server's, in their order.
func TestTheEmbeddedEngineAnswersAsAServer(t *testing.T) {
	db := storetest.New(t, store.SQLite)
	c := gatewaytest.New(t, db, onEngine)
	n := c.Node(db, onEngine)
	k := c.Client(n, "hilado", tariff.OverrideFields{})
	_, _, there := one(t, gatewaytest.Options{Server: bbbtest.Config{AutoConnect: true}})
	for _, s := range []struct{ what, call, query string }{
		{"create", "create", "name=Room&meetingID=mm&attendeePW=ap&moderatorPW=mp&meta_a=1&meta_b=2&duration=60&maxParticipants=7"},
		{"nobody in it", "getMeetingInfo", "meetingID=mm"}, {"list", "getMeetings", ""},
		{"join", "join", "fullName=Ana&meetingID=mm&password=mp&redirect=false&userID=u1"},
		{"somebody in it", "getMeetingInfo", "meetingID=mm"},
		// The last, as the engine makes no rooms itself and does not list those of clients with their parent.
		{"breakout", "create", "name=Room&meetingID=mm-b&isBreakout=true&parentMeetingID=mm&sequence=1"}, {"info of it", "getMeetingInfo", "meetingID=mm-b"},
		{"end", "end", "meetingID=mm-b"},
	} {
		if s.what == "somebody in it" {
			ana := join(t, k, n, "fullName=Ana&meetingID=mm&password=mp&userID=u1")
			ana.mustEnter()
			for _, client := range []*gatewaytest.Client{k, there} {
				gatewaytest.Until(t, "Ana is seen", func() bool {
					return strings.Contains(client.Ask("getMeetingInfo", "meetingID=mm").Body, "<fullName>Ana")
				})
			}
		}
		got, want := k.Must(s.call, s.query), there.Must(s.call, s.query)
		if diff := cmp.Diff(paths(want.Root, ""), paths(got.Root, "")); diff != "" || got.Key() != want.Key() {
			t.Errorf("%s (-server +engine):\n%s%s", s.what, diff, got.Body)
		}
	}
}

func TestLimitsHoldOnTheEmbeddedEngine(t *testing.T) {
	each(t, onEngine, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{Seats: limit(10), RunningRooms: limit(2)})
		b := c.Another(n, k.Member, "hilado-b")
		k.Must("create", "name=Circle&meetingID=aa&attendeePW=ap&moderatorPW=mp")
		b.Must("create", "name=Circle&meetingID=aa&attendeePW=ap&moderatorPW=mp")
		if r := k.Ask("create", "name=Board&meetingID=bb&attendeePW=ap&moderatorPW=mp"); r.Key() != "runningRoomsReached" {
			t.Errorf("a third room: %s", r.Body)
		}
		var in atomic.Int64
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				if r := []*gatewaytest.Client{k, b}[i%2].Ask("join", fmt.Sprintf("fullName=P%d&meetingID=aa&password=ap&userID=u%d", i, i)); r.Status == 302 {
					in.Add(1)
				}
			})
		}
		wg.Wait()
		if seats, rooms := used(t, c, n, k); in.Load() != 10 || seats != 10 || rooms != 2 {
			t.Errorf("%d were let in; %d seats and %d rooms, limit 10 and 2", in.Load(), seats, rooms)
		}
		if r := k.Must("getMeetingInfo", "meetingID=aa"); r.Root.Value("participantCount") != "0" {
			t.Errorf("nobody has arrived: %s", r.Body)
		}
	})
}

func TestGuestsWaitAtTheDoorOfTheEmbeddedEngine(t *testing.T) {
	each(t, onEngine, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{Seats: limit(2)})
		k.Must("create", "name=Board&meetingID=board&attendeePW=ap&moderatorPW=mp&guestPolicy=ASK_MODERATOR")
		host := join(t, k, n, "fullName=Ana&meetingID=board&password=mp&userID=ana")
		host.mustEnter()
		r := k.Must("join", "fullName=Ben&meetingID=board&password=ap&userID=ben&guest=true&redirect=false")
		if r.Root.Value("guestStatus") != "WAIT" {
			t.Errorf("a guest: %s", r.Body)
		}
		to, err := url.Parse(r.Root.Value("url"))
		do(t, err)
		ben := follow(t, n, to)
		cai := join(t, k, n, "fullName=Cai&meetingID=board&password=ap&userID=cai&guest=true")
		if seats, _ := used(t, c, n, k); seats != 1 {
			t.Errorf("%d seats: who waits at our door holds none", seats)
		}
		waits := func(s sent) (live.Entry, error) { return n.Live.Wait(t.Context(), live.Place(s.meeting), s.who) }
		if e, err := waits(ben); err != nil || e.State != live.AtDoor {
			t.Errorf("Ben stands %+v, %v", e, err)
		}
		if _, err := ben.enter(); fault.CodeOf(err) != "meeting.not_inside" {
			t.Errorf("entering past the door: %v", err)
		}
		if _, err := n.Live.Wait(t.Context(), live.Place(ben.meeting), live.Who{Guest: "somebody"}); fault.KindOf(err) != fault.NotFound {
			t.Errorf("the door of a client's meeting for everybody: %v", err)
		}
		waiting := host.mustEnter().Waiting
		if len(waiting) != 2 || waiting[0].Name != "Ben" || waiting[1].Name != "Cai" {
			t.Fatalf("moderators see %+v", waiting)
		}
		do(t, n.Live.Admit(t.Context(), host.meeting, host.who, waiting[0].ID))
		if e, err := waits(ben); err != nil || e.State != live.Admitted || e.Meeting != ben.meeting {
			t.Errorf("let in: %+v, %v", e, err)
		}
		ben.mustEnter()
		if err := n.Live.Admit(t.Context(), host.meeting, host.who, waiting[1].ID); fault.KindOf(err) != fault.LimitReached {
			t.Errorf("a third seat of two: %v", err)
		}
		do(t, n.Live.Deny(t.Context(), host.meeting, host.who, waiting[1].ID, "not today"))
		if _, err := waits(cai); fault.CodeOf(err) != "room.denied_text" {
			t.Errorf("declined: %v", err)
		}
		dan := join(t, k, n, "fullName=Dan&meetingID=board&password=ap&userID=dan&guest=true")
		k.Must("end", "meetingID=board")
		if _, err := waits(dan); fault.CodeOf(err) != "live.not_waiting" {
			t.Errorf("waiting for what is over: %v", err)
		}
		if g, err := n.Live.Glance(t.Context(), dan.meeting, dan.who); err != nil || g.Name != "Board" {
			t.Errorf("the page of what is over, for who waited: %+v, %v", g, err)
		}
		if _, err := n.Live.Glance(t.Context(), dan.meeting, live.Who{}); fault.CodeOf(err) != "meeting.not_inside" {
			t.Errorf("the page for everybody: %v", err)
		}
	})
}

// Who was put out stays out, by whatever link; who comes while the door is shut waits for another time, and holds no seat for it.
func TestClosedDoorsOfTheEmbeddedEngineGiveSeatsBack(t *testing.T) {
	each(t, onEngine, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{})
		k.Must("create", "name=Board&meetingID=board&attendeePW=ap&moderatorPW=mp")
		host := join(t, k, n, "fullName=Ana&meetingID=board&password=mp&userID=ana")
		host.mustEnter()
		ben := join(t, k, n, "fullName=Ben&meetingID=board&password=ap&userID=ben")
		p := ben.mustEnter().Me.ID
		do(t, n.Live.Remove(t.Context(), host.meeting, host.who, p))
		if r := k.Ask("join", "fullName=Ben&meetingID=board&password=ap&userID=ben"); r.Key() != "guestDeniedAccess" {
			t.Errorf("put out and back: %d %s", r.Status, r.Body)
		}
		do(t, n.Live.Door(t.Context(), host.meeting, host.who, true))
		if r := k.Ask("join", "fullName=Cai&meetingID=board&password=ap&userID=cai"); r.Key() != "guestDeniedAccess" {
			t.Errorf("through a shut door: %d %s", r.Status, r.Body)
		}
		if seats, _ := used(t, c, n, k); seats != 1 {
			t.Errorf("%d seats, want Ana's", seats)
		}
	})
}

// Servers come first; when the last one dies the same links lead to the embedded engine, and its return ends the old copies.
func TestTheEmbeddedEngineIsTheLastResort(t *testing.T) {
	o := gatewaytest.Options{Engine: true, Servers: 1, Server: bbbtest.Config{AutoConnect: true}}
	each(t, o, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{})
		made := k.Must("create", "name=Room&meetingID=mm&attendeePW=ap&moderatorPW=mp")
		link := "fullName=Ana&meetingID=mm&password=mp&userID=ana&createTime=" + made.Root.Value("createTime")
		if session, r := k.Enter(link); session == "" {
			t.Fatalf("not on the server: %s", r.Body)
		}
		gatewaytest.Until(t, "Ana is in", func() bool { return strings.Contains(k.Ask("getMeetings", "").Body, "<userID>ana") })
		c.Servers[0].Kill()
		var ana sent
		gatewaytest.Until(t, "the link works", func() bool {
			r := k.Ask("join", link)
			if r.Status != 302 || !strings.HasPrefix(r.Location.Path, "/meet/") {
				return false
			}
			ana = follow(t, n, r.Location)
			return true
		})
		ana.mustEnter()
		gatewaytest.Until(t, "Ana is seen", func() bool { return strings.Contains(k.Ask("getMeetingInfo", "meetingID=mm").Body, "<userID>ana") })
		if seats, rooms := used(t, c, n, k); seats != 1 || rooms != 1 {
			t.Errorf("%d seats, %d rooms", seats, rooms)
		}
		do(t, c.Servers[0].Revive(true))
		gatewaytest.Until(t, "the old copy is ended", func() bool {
			all := c.Servers[0].Meetings()
			return len(all) == 1 && all[0].Ended
		})
		if _, err := ana.enter(); err != nil {
			t.Errorf("after the server's return: %v", err)
		}
		k.Must("end", "meetingID=mm")
		if r := k.Must("create", "name=Room&meetingID=mm&attendeePW=ap&moderatorPW=mp"); r.Key() != "" {
			t.Errorf("made again: %s", r.Body)
		}
		if session, r := k.Enter("fullName=Ana&meetingID=mm&password=mp&userID=ana"); session == "" {
			t.Errorf("the next one is on the server again: %v", r.Location)
		}
	})
}

func TestTicketsOpenOneMeetingForAWhile(t *testing.T) {
	db := storetest.New(t, store.SQLite)
	c := gatewaytest.New(t, db, onEngine)
	n := c.Node(db, onEngine)
	k := c.Client(n, "hilado", tariff.OverrideFields{})
	k.Must("create", "name=Circle&meetingID=aa&attendeePW=ap&moderatorPW=mp")
	k.Must("create", "name=Board&meetingID=bb&attendeePW=ap&moderatorPW=mp")
	a, b := k.Ask("join", "fullName=Ana&meetingID=aa&password=mp&userID=ana").Location, join(t, k, n, "fullName=Ana&meetingID=bb&password=mp&userID=ana")
	in := follow(t, n, a)
	ticket, now := a.Query().Get("ticket"), instant.Of(time.Now())
	for what, bad := range map[string]string{
		"cut": ticket[:len(ticket)-1], "longer": ticket + "A", "none": "", "dots": "...", "huge": strings.Repeat("a.", 1<<16), "another's": strings.Replace(ticket, string(in.meeting), string(b.meeting), 1),
	} {
		for _, m := range []id.Meeting{in.meeting, b.meeting} {
			if who, ok := n.Tickets.Open(m, bad, now); ok || !who.IsZero() {
				t.Errorf("%s opens %s", what, m)
			}
		}
	}
	if _, ok := n.Tickets.Open(b.meeting, ticket, now); ok {
		t.Error("it opens another meeting")
	}
	if _, ok := n.Tickets.Open(in.meeting, ticket, now.Add(6*time.Minute)); ok {
		t.Error("it opens after its time")
	}
	if _, ok := live.NewTickets(make([]byte, 32)).Open(in.meeting, ticket, now); ok {
		t.Error("it opens under another key")
	}
	// Whom a client made somebody in one meeting is nobody in another.
	if _, err := n.Live.Enter(t.Context(), live.EnterInput{Meeting: b.meeting, Who: live.Who{Guest: "x"}}); fault.CodeOf(err) != "meeting.not_inside" {
		t.Errorf("a guest of rooms: %v", err)
	}
}

// On two nodes, the other's engine, and the death of a node while people are inside.
func TestTheEmbeddedEngineOfAnotherNode(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		o := onEngine
		c := gatewaytest.New(t, db, o)
		first := c.Node(db, o)
		k := c.Client(first, "hilado", tariff.OverrideFields{})
		k.Must("create", "name=Circle&meetingID=aa&attendeePW=ap&moderatorPW=mp")
		plain := c.Node(db, gatewaytest.Options{}) // a node without an engine
		other := c.Node(db, o)
		via := k.Via(other)
		if r := via.Must("getMeetingInfo", "meetingID=aa"); r.Root.Value("meetingName") != "Circle" {
			t.Errorf("by the other node: %s", r.Body)
		}
		r := via.Ask("join", "fullName=Ana&meetingID=aa&password=mp&userID=ana")
		ana := follow(t, other, r.Location)
		ana.n = first
		if _, err := first.Live.Enter(t.Context(), live.EnterInput{Meeting: ana.meeting, Who: ana.who}); err != nil {
			t.Errorf("entering at its engine's node: %v", err)
		}
		if r := k.Via(plain).Ask("join", "fullName=Ben&meetingID=aa&password=ap&userID=ben"); r.Status == 302 && r.Location.Host != "" && !strings.Contains(r.Location.Path, "/meet/") {
			t.Errorf("by a node that knows no engines: %v", r.Location)
		}
		via.Must("end", "meetingID=aa")
		gatewaytest.Until(t, "ended at the first node too", func() bool {
			_, err := first.Live.Enter(context.Background(), live.EnterInput{Meeting: ana.meeting, Who: ana.who})
			return fault.CodeOf(err) == "meeting.ended_host"
		})
	})
}
