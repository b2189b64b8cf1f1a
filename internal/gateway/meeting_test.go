// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"meetcoop/internal/admission"
	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/engine/bbb/bbbtest"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/id"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
	"meetcoop/internal/usage"
)

func limit(n int64) *int64 { return &n }

// each runs a test on both databases with one node.
func each(t *testing.T, o gatewaytest.Options, fn func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := gatewaytest.New(t, db, o)
		fn(t, c, c.Node(db, o))
	})
}

// used is the seats and running rooms the gate counts for a client's member.
func used(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node, k *gatewaytest.Client) (seats, rooms int) {
	t.Helper()
	err := c.DB.Read(context.Background(), func(r store.Reader) error {
		u, err := n.Gate.UsageNow(context.Background(), r, k.Member.ID, c.Clock.Now())
		seats, rooms = u.Seats.Used, u.RunningRooms.Used
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return seats, rooms
}

func TestAMeetingFromCreateToEnd(t *testing.T) {
	each(t, gatewaytest.Options{Servers: 2, Server: bbbtest.Config{AutoConnect: true}}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{})
		made := k.Must("create", "name=Spring+Assembly&meetingID=coop-42&attendeePW=ap&moderatorPW=mp&meta_tenant=north")
		if made.Key() != "" || made.Root.Value("meetingID") != "coop-42" || made.Root.Value("moderatorPW") != "mp" {
			t.Errorf("created: %s", made.Body)
		}
		again := k.Must("create", "name=Other&meetingID=coop-42&attendeePW=ap&moderatorPW=mp")
		if again.Key() != "duplicateWarning" || again.Root.Value("createTime") != made.Root.Value("createTime") {
			t.Errorf("created twice: %s", again.Body)
		}
		if r := k.Ask("create", "name=Other&meetingID=coop-42&attendeePW=ap"); r.Key() != "idNotUnique" {
			t.Errorf("with one password: %s", r.Body)
		}
		if r := k.Must("isMeetingRunning", "meetingID=coop-42"); r.Root.Value("running") != "false" {
			t.Errorf("before anybody is in: %s", r.Body)
		}
		if session, r := k.Enter("fullName=Ana&meetingID=coop-42&password=mp&userID=u1"); session == "" {
			t.Fatalf("not let in: %d %s", r.Status, r.Body)
		}
		gatewaytest.Until(t, "running", func() bool { return k.Ask("isMeetingRunning", "meetingID=coop-42").Root.Value("running") == "true" })
		info := k.Must("getMeetingInfo", "meetingID=coop-42")
		who := info.Root.Child("attendees").Child("attendee")
		if who.Value("userID") != "u1" || who.Value("role") != "MODERATOR" || info.Root.Child("metadata").Value("tenant") != "north" {
			t.Errorf("info: %s", info.Body)
		}
		if byInternal := k.Must("getMeetingInfo", "meetingID="+made.Root.Value("internalMeetingID")); byInternal.Root.Value("meetingID") != "coop-42" {
			t.Errorf("by internal id: %s", byInternal.Body)
		}
		if list := k.Must("getMeetings", ""); list.Root.Child("meetings").Child("meeting").Value("meetingID") != "coop-42" {
			t.Errorf("list: %s", list.Body)
		}
		gatewaytest.Until(t, "sessions", func() bool { return strings.Contains(k.Ask("getSessions", "").Body, "<userName>Ana</userName>") })
		if strings.Contains(info.Body, "mc") && strings.Contains(info.Body, ">mc") {
			t.Errorf("an id of a server reached the client: %s", info.Body)
		}
		if seats, rooms := used(t, c, n, k); seats != 1 || rooms != 1 {
			t.Errorf("%d seats, %d rooms", seats, rooms)
		}
		if r := k.Must("end", "meetingID=coop-42&password=mp"); r.Key() != "sentEndMeetingRequest" {
			t.Errorf("end: %s", r.Body)
		}
		gatewaytest.Until(t, "room and seat free", func() bool { seats, rooms := used(t, c, n, k); return seats == 0 && rooms == 0 })
		if r := k.Ask("getMeetingInfo", "meetingID=coop-42"); r.Key() != "notFound" {
			t.Errorf("after the end: %s", r.Body)
		}
		if r := k.Must("getMeetings", ""); r.Key() != "noMeetings" {
			t.Errorf("after the end: %s", r.Body)
		}
		anew := k.Must("create", "name=Spring+Assembly&meetingID=coop-42&attendeePW=x1&moderatorPW=x2")
		if anew.Key() != "" || anew.Root.Value("internalMeetingID") == made.Root.Value("internalMeetingID") {
			t.Errorf("created again: %s", anew.Body)
		}
	})
}

// crowd has n persons join at once and returns how many were let in.
func crowd(n int, join func(i int) gatewaytest.Reply) (in int, refused map[string]int) {
	var mu sync.Mutex
	refused = map[string]int{}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			r := join(i)
			mu.Lock()
			defer mu.Unlock()
			if r.Status == http.StatusFound {
				in++
				return
			}
			refused[r.Key()]++
		})
	}
	wg.Wait()
	return in, refused
}

func TestTwoHundredJoinsAtALimitOfTen(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			loc := storetest.Location(t, engine)
			db := storetest.Open(t, loc)
			c := gatewaytest.New(t, db, gatewaytest.Options{Servers: 2})
			nodes := []*gatewaytest.Node{c.Node(db, gatewaytest.Options{})}
			if engine == store.Postgres { // a second process
				nodes = append(nodes, c.Node(storetest.Open(t, loc), gatewaytest.Options{}))
			}
			first := c.Client(nodes[0], "hilado", tariff.OverrideFields{Seats: limit(10), Participants: limit(10)})
			second := c.Another(nodes[0], first.Member, "hilado-2")
			// Rooms of both connections, through every node: one member, one limit.
			var rooms []func(query string) gatewaytest.Reply
			for i, k := range []*gatewaytest.Client{first, second} {
				for j, n := range nodes {
					query := fmt.Sprintf("name=Room&meetingID=room-%d-%d&attendeePW=ap&moderatorPW=mp", i, j)
					k.Via(n).Must("create", query)
					rooms = append(rooms, func(q string) gatewaytest.Reply {
						return k.Via(n).Ask("join", fmt.Sprintf("meetingID=room-%d-%d&password=ap&", i, j)+q)
					})
				}
			}
			rooms = append(rooms, portalRoom(t, c, nodes, first.Member.ID)) // and a room of the member's own pages
			in, refused := crowd(200, func(i int) gatewaytest.Reply {
				return rooms[i%len(rooms)](fmt.Sprintf("fullName=P%d&userID=u%d", i, i))
			})
			if in != 10 || refused["maxParticipantsReached"] != 190 {
				t.Errorf("%d let in, refused %v", in, refused)
			}
		})
	}
}

// portalRoom joins a room of the portal at the gate, as its pages do, on an engine of its own.
func portalRoom(t *testing.T, c *gatewaytest.Cooperative, nodes []*gatewaytest.Node, member id.Member) func(query string) gatewaytest.Reply {
	t.Helper()
	ctx := context.Background()
	if _, err := nodes[0].Fleet.RegisterEngine(ctx, fleet.RegisterInput{StableKey: "engine", Name: "engine", URL: "ws://127.0.0.1:1", Key: "k", Secret: "s"}); err != nil {
		t.Fatal(err)
	}
	var connection id.Connection
	if err := c.DB.Read(ctx, func(r store.Reader) (err error) {
		connection, err = membership.PortalConnection(ctx, r, member)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return func(query string) gatewaytest.Reply {
		_, err := nodes[len(query)%len(nodes)].Gate.Join(ctx, admission.JoinInput{
			Member: member, Connection: connection, ExternalID: "room", Participant: id.NewParticipant(), Person: usage.KeyOf(connection, query),
			Role: admission.RoleViewer, MayStart: true, Meeting: id.NewMeeting(), Cap: tariff.Unlimited,
		})
		switch fault.CodeOf(err) {
		case "admission.seats_full", "admission.participants_full":
			return gatewaytest.Reply{Status: http.StatusOK, Root: &bbb.Element{Kids: []*bbb.Element{{Name: "messageKey", Text: "maxParticipantsReached"}}}}
		}
		if err != nil {
			t.Error(err)
		}
		return gatewaytest.Reply{Status: http.StatusFound}
	}
}

func TestFortyMeetingsCreatedEightTimesAtOnce(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			loc := storetest.Location(t, engine)
			db := storetest.Open(t, loc)
			c := gatewaytest.New(t, db, gatewaytest.Options{Servers: 2})
			nodes := []*gatewaytest.Node{c.Node(db, gatewaytest.Options{}), nil}
			nodes[1] = nodes[0]
			if engine == store.Postgres {
				nodes[1] = c.Node(storetest.Open(t, loc), gatewaytest.Options{})
			}
			k := c.Client(nodes[0], "hilado", tariff.OverrideFields{RunningRooms: limit(100)})
			var wg sync.WaitGroup
			var mu sync.Mutex
			ids := map[string]map[string]bool{}
			for i := range 40 * 8 {
				wg.Go(func() {
					meeting := fmt.Sprintf("meeting-%d", i%40)
					r := k.Via(nodes[i/40%2]).Ask("create", "name=Many&meetingID="+meeting+"&attendeePW=ap&moderatorPW=mp")
					mu.Lock()
					defer mu.Unlock()
					if !r.OK() {
						t.Errorf("%s: %s", meeting, r.Body)
					}
					if ids[meeting] == nil {
						ids[meeting] = map[string]bool{}
					}
					ids[meeting][r.Root.Value("internalMeetingID")] = true
				})
			}
			wg.Wait()
			for meeting, internal := range ids {
				if len(internal) != 1 {
					t.Errorf("%s has several internal ids: %v", meeting, internal)
				}
			}
			n := 0
			for i, s := range c.Servers {
				here := len(s.Meetings())
				n += here
				if here == 0 {
					t.Errorf("server %d was given nothing", i)
				}
			}
			if n != 40 {
				t.Errorf("%d meetings on the servers, want 40", n)
			}
			if _, rooms := used(t, c, nodes[0], k); rooms != 40 {
				t.Errorf("%d rooms counted", rooms)
			}
		})
	}
}

func TestLimitsHoldWhateverAClientAsksFor(t *testing.T) {
	each(t, gatewaytest.Options{}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{Seats: limit(50), Participants: limit(10), RunningRooms: limit(30), Duration: duration(90 * time.Minute)})
		for i, ask := range []struct{ sent, most, minutes string }{
			{"", "10", "90"},
			{"&maxParticipants=5&duration=30", "5", "30"},
			{"&maxParticipants=0&duration=0", "10", "90"},
			{"&maxParticipants=-1&duration=-60", "10", "90"},
			{"&maxParticipants=1000000&duration=1000000", "10", "90"},
			{"&maxParticipants=many&duration=long", "10", "90"},
			{"&maxParticipants=99999999999999999999&duration=99999999999999999999", "10", "90"},
			{"&maxParticipants=&duration=", "10", "90"},
			{"&maxParticipants=3&maxParticipants=100&duration=20&duration=100", "3", "20"},
		} {
			query := fmt.Sprintf("name=Many&meetingID=room-%d&attendeePW=ap&moderatorPW=mp%s", i, ask.sent)
			if r := k.Must("create", query); r.Root.Value("duration") != ask.minutes {
				t.Errorf("%q lasts %s, want %s", ask.sent, r.Root.Value("duration"), ask.minutes)
			}
			if r := k.Must("getMeetingInfo", fmt.Sprintf("meetingID=room-%d", i)); r.Root.Value("maxUsers") != ask.most {
				t.Errorf("%q holds %s, want %s", ask.sent, r.Root.Value("maxUsers"), ask.most)
			}
		}
		in, _ := crowd(20, func(i int) gatewaytest.Reply {
			return k.Ask("join", fmt.Sprintf("fullName=P&meetingID=room-1&password=ap&userID=u%d", i))
		})
		if in != 5 {
			t.Errorf("%d in a meeting that asked for 5", in)
		}
		for i := 9; ; i++ {
			r := k.Ask("create", fmt.Sprintf("name=Many&meetingID=room-%d", i))
			if r.OK() && i < 30 {
				continue
			}
			if i != 30 || r.Key() != "runningRoomsReached" || !strings.Contains(r.Body, "30") {
				t.Errorf("create number %d: %s", i+1, r.Body)
			}
			break
		}
	})
}

func duration(d time.Duration) *tariff.Span {
	s := tariff.Span(d)
	return &s
}

func TestTwoMembersWithTheSameIDsNeverMeet(t *testing.T) {
	each(t, gatewaytest.Options{Server: bbbtest.Config{AutoConnect: true}}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		a, b := c.Client(n, "hilado", tariff.OverrideFields{}), c.Client(n, "sol", tariff.OverrideFields{})
		for _, name := range []string{"assembly", "ab", strings.Repeat("%F0%9F%8C%B1", 256), "e%CC%81x", "%C3%A9x", "a+b", "x%3By"} {
			made := a.Must("create", "name=Mine&attendeePW=ap&moderatorPW=mp&meta_who=hilado&meetingID="+name)
			for call, want := range map[string]string{"getMeetingInfo": "notFound", "end": "notFound", "join": "invalidMeetingIdentifier"} {
				for _, asked := range []string{name, made.Root.Value("internalMeetingID")} {
					if r := b.Ask(call, "fullName=Eve&password=mp&meetingID="+asked); r.Key() != want {
						t.Errorf("%s of the other's %s: %s", call, name, r.Body)
					}
				}
			}
			theirs := b.Must("create", "name=Theirs&attendeePW=ap&moderatorPW=mp&meetingID="+name)
			if theirs.Key() != "" || theirs.Root.Value("internalMeetingID") == made.Root.Value("internalMeetingID") {
				t.Errorf("the other's create: %s", theirs.Body)
			}
			if session, r := a.Enter("fullName=Ana&password=mp&userID=u1&meetingID=" + name); session == "" {
				t.Errorf("not let in: %s", r.Body)
			}
			gatewaytest.Until(t, "Ana is in", func() bool {
				return strings.Contains(a.Ask("getMeetingInfo", "meetingID="+name).Body, "<fullName>Ana</fullName>")
			})
			for _, r := range []gatewaytest.Reply{b.Must("getMeetingInfo", "meetingID="+name), b.Must("getMeetings", ""), b.Must("getSessions", "")} {
				if strings.Contains(r.Body, "Ana") || strings.Contains(r.Body, "hilado") || strings.Contains(r.Body, "Mine") {
					t.Errorf("the other sees: %s", r.Body)
				}
			}
			b.Must("end", "meetingID="+name)
			if r := a.Must("getMeetingInfo", "meetingID="+name); !strings.Contains(r.Body, "Ana") {
				t.Errorf("the other's end ended mine: %s", r.Body)
			}
			a.Must("end", "meetingID="+name)
		}
	})
}

func TestAServerThatDiesLosesNoMeeting(t *testing.T) {
	o := gatewaytest.Options{Servers: 2, Server: bbbtest.Config{AutoConnect: true}}
	each(t, o, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{RunningRooms: limit(100), Seats: limit(100)})
		join := func(i int) string {
			return fmt.Sprintf("fullName=P&meetingID=room-%d&password=ap&userID=u%d&createTime=", i, i)
		}
		links := make([]string, 10)
		for i := range links {
			made := k.Must("create", fmt.Sprintf("name=Many&meetingID=room-%d&attendeePW=ap&moderatorPW=mp", i))
			links[i] = join(i) + made.Root.Value("createTime")
			if session, r := k.Enter(links[i]); session == "" {
				t.Fatalf("not let in: %s", r.Body)
			}
		}
		gatewaytest.Until(t, "everybody is present", func() bool { return strings.Count(k.Ask("getMeetings", "").Body, "<userID>") == len(links) })
		dead := c.Servers[0]
		left := len(dead.Meetings())
		dead.Kill()
		// The same links work again on the other server.
		gatewaytest.Until(t, "every link works", func() bool {
			for _, link := range links {
				if session, _ := k.Enter(link); session == "" {
					return false
				}
			}
			return true
		})
		if got := len(c.Servers[1].Meetings()); got != len(links) {
			t.Errorf("%d meetings on the living server, want %d", got, len(links))
		}
		if seats, rooms := used(t, c, n, k); seats != len(links) || rooms != len(links) {
			t.Errorf("%d seats and %d rooms for %d people in %d rooms", seats, rooms, len(links), len(links))
		}
		if err := dead.Revive(true); err != nil {
			t.Fatal(err)
		}
		gatewaytest.Until(t, fmt.Sprintf("%d old copies are ended", left), func() bool {
			for _, m := range dead.Meetings() {
				if !m.Ended {
					return false
				}
			}
			return true
		})
		if r := k.Must("getMeetings", ""); strings.Count(r.Body, "<meeting>") != len(links) {
			t.Errorf("after the return: %s", r.Body)
		}
	})
}

func TestRefusalsOfAJoin(t *testing.T) {
	each(t, gatewaytest.Options{}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{Seats: limit(1), Participants: limit(1)})
		k.Must("create", "name=One&meetingID=one&attendeePW=ap&moderatorPW=mp")
		if r := k.Ask("join", "fullName=Ana&meetingID=one&password=ap&userID=ana"); r.Status != http.StatusFound {
			t.Fatal(r.Body)
		}
		query := "fullName=Ben&meetingID=one&password=ap&userID=ben"
		portal := "https://portal.example/left?a=1"
		for what, c := range map[string]struct {
			query, accept string
			want          string // prefix of where one is sent, or text of the page, or the key
		}{
			"a script":                      {query, "", "maxParticipantsReached"},
			"redirect=false":                {query + "&redirect=false&errorRedirectUrl=" + url.QueryEscape(portal), "text/html", "maxParticipantsReached"},
			"errorRedirectUrl":              {query + "&errorRedirectUrl=" + url.QueryEscape(portal), "text/html", portal + "&errors=%5B%7B%22key%22%3A%22maxParticipantsReached%22"},
			"a browser":                     {query, "text/html,*/*", "page: admission.participants_full back="},
			"a browser with logoutURL":      {query + "&logoutURL=" + url.QueryEscape(portal), "text/html", "page: admission.participants_full back=" + portal},
			"a script with logoutURL":       {query + "&logoutURL=" + url.QueryEscape(portal), "", portal + "&errors="},
			"an address that is none":       {query + "&logoutURL=javascript%3Aalert(1)&errorRedirectUrl=%2F%2Fevil", "", "maxParticipantsReached"},
			"a wrong password":              {"fullName=Ben&meetingID=one&password=xx&errorRedirectUrl=" + url.QueryEscape(portal), "text/html", "Params required"},
			"an unknown meeting, a browser": {"fullName=Ben&meetingID=none&password=ap&logoutURL=" + url.QueryEscape(portal), "text/html", portal + "&errors=%5B%7B%22key%22%3A%22invalidMeetingIdentifier%22"},
			"another createTime":            {query + "&createTime=1", "", "mismatchCreateTimeParam"},
		} {
			req, err := http.NewRequest(http.MethodGet, k.URL("join", c.query), http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Accept", c.accept)
			r := gatewaytest.Do(t, req)
			switch {
			case r.Location != nil:
				if !strings.HasPrefix(r.Location.String(), c.want) {
					t.Errorf("%s is sent to %s", what, r.Location)
				}
			case r.Key() != "":
				if r.Key() != c.want || r.Status != http.StatusOK {
					t.Errorf("%s: %d %s", what, r.Status, r.Body)
				}
			default:
				if !strings.Contains(r.Body, c.want) {
					t.Errorf("%s: %s", what, r.Body)
				}
			}
			if r.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s may be stored: %q", what, r.Header.Get("Cache-Control"))
			}
		}
		// A failed checksum never redirects.
		req, err := http.NewRequest(http.MethodGet, k.URL("join", query)+"0&logoutURL="+url.QueryEscape(portal), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "text/html")
		if r := gatewaytest.Do(t, req); r.Key() != "checksumError" || r.Status != http.StatusOK {
			t.Errorf("a wrong checksum: %d %s", r.Status, r.Body)
		}
	})
}
