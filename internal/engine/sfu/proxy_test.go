// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !noengine

package sfu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/livekit/protocol/auth"
	"github.com/livekit/protocol/livekit"
	"github.com/pion/webrtc/v4"

	"meetcoop/internal/engine"
	"meetcoop/internal/engine/sfu/sfutest"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
)

func TestProxy(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	t.Cleanup(func() {
		until(t, "nothing kept of who has gone", func() bool { return len(s.proxy.sockets(func(claim) bool { return true })) == 0 })
	})
	for name, test := range map[string]func(*testing.T, *site){
		"only four paths exist":                         fourPaths,
		"tokens that do not open":                       badTokens,
		"a foreign page opens nothing":                  foreignOrigin,
		"compression is not taken up":                   noCompression,
		"a frame of 257 KiB ends the socket":            bigFrame,
		"a flood ends the socket":                       flood,
		"one token cannot make a second person":         noSecondPerson,
		"nobody is sent to public STUN servers":         noSTUN,
		"no answer of LiveKit's is passed on":           noForeignWords,
		"a refreshed token of a removed person is dead": refreshedToken,
		"a removal during the opening of a socket wins": removalRace,
		"two removals of a person at once both succeed": removedTwice,
		"an ended meeting opens to nobody":              endedMeeting,
		"validate says what the socket would":           validates,
		"a meeting nobody made is made":                 madeOnEntry,
		"many sockets of one person":                    manySockets,
		"sockets opened again and again":                restless,
		"sound and pictures arrive":                     mediaArrives,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t, s) })
	}
}

func (s *site) get(t *testing.T, path string, h http.Header) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(patient(t), http.MethodGet, s.origin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(req.Header, h)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// knock tries to open a socket and returns the status of the answer.
func (s *site) knock(t *testing.T, token string) int {
	t.Helper()
	c, resp, err := sfutest.Dial(patient(t), engine.Entry{URL: EntryURL(s.cfg.PublicURL), Token: token}, s.origin, nil)
	if err == nil {
		_ = c.Close()
	}
	if resp == nil {
		t.Fatalf("no answer: %v", err)
	}
	return resp.StatusCode
}

func fourPaths(t *testing.T, s *site) {
	token := s.entry(t, s.meeting(t), id.NewParticipant()).Token
	for _, path := range []string{
		"/", "/agent", "/twirp/livekit.RoomService/ListRooms", "/whip/v1", "/rtc/", "/rtc/v2", "/rtc/v1/", "/rtc/validate/validate",
		"/rtc/../twirp/livekit.RoomService/ListRooms", "/rtc//v1", "//rtc", "/rtc/v1/validate/x", "/RTC", "/debug/pprof/", "/metrics",
	} {
		if got := s.get(t, path+"?access_token="+token, nil).StatusCode; got != http.StatusNotFound {
			t.Errorf("%s answered %d, want 404", path, got)
		}
	}
	if got := s.get(t, "/rtc?access_token="+token, nil).StatusCode; got != http.StatusNotFound {
		t.Errorf("/rtc without an upgrade answered %d, want 404", got)
	}
	resp, err := http.Post(s.origin+"/rtc/validate", "application/protobuf", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST answered %d, want 405", resp.StatusCode)
	}
	long := s.get(t, "/rtc/validate?join_request="+strings.Repeat("x", maxURIBytes), nil)
	if long.StatusCode != http.StatusRequestURITooLong {
		t.Errorf("a very long query answered %d, want 414", long.StatusCode)
	}
}

func badTokens(t *testing.T, s *site) {
	ref, who := s.meeting(t), id.NewParticipant()
	good := s.entry(t, ref, who).Token
	if got := s.knock(t, good); got != http.StatusSwitchingProtocols {
		t.Fatalf("the good token was answered with %d", got)
	}
	in := engine.JoinInput{Ref: ref, Participant: who, Role: engine.RoleViewer}
	mint := func(key, secret string, in engine.JoinInput) string {
		token, err := Mint(key, secret, in)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	// By hand: what Mint would never sign.
	sign := func(change func(*auth.VideoGrant)) string {
		no := false
		g := &auth.VideoGrant{RoomJoin: true, Room: string(ref.Meeting), CanPublishData: &no, CanUpdateOwnMetadata: &no}
		change(g)
		token, err := auth.NewAccessToken(s.creds.Key, s.creds.Secret).SetIdentity(string(who)).SetValidFor(time.Minute).SetVideoGrant(g).ToJWT()
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	stranger, other := in, in
	stranger.Participant = id.NewParticipant()
	other.Ref.Meeting = s.meeting(t).Meeting
	head, rest, _ := strings.Cut(good, ".")
	body, _, _ := strings.Cut(rest, ".")

	for name, c := range map[string]struct {
		token string
		want  int
	}{
		"none":                             {"", 401},
		"not a token":                      {"let me in", 401},
		"signed by another key":            {mint(s.creds.Key, newCredentials().Secret, in), 401},
		"of another key":                   {mint("mc0", s.creds.Secret, in), 401},
		"without a signature":              {head + "." + body + ".", 401},
		"with another's signature":         {head + "." + body + "." + good[strings.LastIndex(good, ".")+2:] + "A", 401},
		"algorithm none":                   {"eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0." + body + ".", 401},
		"expired":                          {expired(t, s, ref, who), 401},
		"that may administrate":            {sign(func(g *auth.VideoGrant) { g.RoomAdmin = true }), 401},
		"that may list":                    {sign(func(g *auth.VideoGrant) { g.RoomList = true }), 401},
		"that may send data":               {sign(func(g *auth.VideoGrant) { g.CanPublishData = nil }), 401},
		"hidden":                           {sign(func(g *auth.VideoGrant) { g.Hidden = true }), 401},
		"that may not join":                {sign(func(g *auth.VideoGrant) { g.RoomJoin = false }), 401},
		"of a room that is no meeting":     {sign(func(g *auth.VideoGrant) { g.Room = "weekly" }), 401},
		"of somebody not admitted":         {mint(s.creds.Key, s.creds.Secret, stranger), 403},
		"of a meeting one is not asked to": {mint(s.creds.Key, s.creds.Secret, other), 403},
		"very long":                        {head + "." + strings.Repeat("A", maxTokenBytes) + ".A", 401},
	} {
		if got := s.knock(t, c.token); got != c.want {
			t.Errorf("a token %s was answered with %d, want %d", name, got, c.want)
		}
	}
}

func foreignOrigin(t *testing.T, s *site) {
	entry := s.entry(t, s.meeting(t), id.NewParticipant())
	for _, origin := range []string{"", "null", "http://evil.test", s.origin + ".evil.test", strings.Replace(s.origin, "http:", "https:", 1)} {
		c, resp, err := sfutest.Dial(patient(t), entry, origin, nil)
		if err == nil {
			_ = c.Close()
			t.Errorf("a page of %q opened a socket", origin)
			continue
		}
		if resp == nil || resp.StatusCode != http.StatusForbidden {
			t.Errorf("a page of %q was answered with %v, want 403", origin, resp)
		}
	}
}

func noCompression(t *testing.T, s *site) {
	entry := s.entry(t, s.meeting(t), id.NewParticipant())
	compressing := &websocket.Dialer{EnableCompression: true}
	c, resp, err := compressing.DialContext(patient(t), entry.URL+"/rtc?protocol=16&access_token="+entry.Token, http.Header{"Origin": {s.origin}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if got := resp.Header.Get("Sec-Websocket-Extensions"); got != "" {
		t.Errorf("the proxy agreed to %q", got)
	}
}

// closing reads until the socket ends and returns the close code.
func closing(t *testing.T, c *websocket.Conn) int {
	t.Helper()
	deadline, _ := patient(t).Deadline()
	_ = c.SetReadDeadline(deadline)
	for {
		if _, _, err := c.ReadMessage(); err != nil {
			if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
				return closed.Code
			}
			t.Logf("ended with %v", err)
			return 0
		}
	}
}

func (s *site) open(t *testing.T, ref engine.Ref, who id.Participant) *websocket.Conn {
	t.Helper()
	c, _, err := sfutest.Dial(patient(t), s.entry(t, ref, who), s.origin, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func bigFrame(t *testing.T, s *site) {
	c := s.open(t, s.meeting(t), id.NewParticipant())
	// An unknown field of protobuf: LiveKit itself would swallow it.
	frame := append([]byte{0xfa, 0xff, 0x3f}, bytes.Repeat([]byte{0}, 257<<10)...)
	if err := c.WriteMessage(websocket.BinaryMessage, frame); err != nil {
		t.Fatal(err)
	}
	if got := closing(t, c); got != websocket.CloseMessageTooBig && got != websocket.ClosePolicyViolation {
		t.Errorf("closed with %d, want 1009 or 1008", got)
	}
}

func flood(t *testing.T, s *site) {
	c := s.open(t, s.meeting(t), id.NewParticipant())
	go func() {
		for range 10 * frameBurst {
			if c.WriteMessage(websocket.BinaryMessage, nil) != nil { // an empty message: LiveKit ignores it
				return
			}
		}
	}()
	if got := closing(t, c); got != websocket.ClosePolicyViolation && got != 0 {
		t.Errorf("closed with %d, want 1008", got)
	}
	until(t, "counted", func() bool { return strings.Contains(s.log.String(), "why=frame_rate") })
}

func noSecondPerson(t *testing.T, s *site) {
	ref, who := s.meeting(t), id.NewParticipant()
	entry := s.entry(t, ref, who)
	u, err := url.Parse(entry.URL + "/rtc?publish=twin&auto_subscribe=0&protocol=16&access_token=" + entry.Token)
	if err != nil {
		t.Fatal(err)
	}
	c, _, err := websocket.DefaultDialer.DialContext(patient(t), u.String(), http.Header{"Origin": {s.origin}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, _, err := c.ReadMessage(); err != nil {
		t.Fatal(err)
	}
	a, err := s.ready()
	if err != nil {
		t.Fatal(err)
	}
	people, err := s.people(patient(t), a, ref.Meeting)
	if err != nil || len(people) != 1 || people[0].Identity != string(who) {
		t.Errorf("LiveKit sees %v, %v; want %s alone", people, err, who)
	}
}

func noSTUN(t *testing.T, s *site) {
	if got := s.enter(t, s.meeting(t), id.NewParticipant()).Joined().IceServers; len(got) != 0 {
		t.Errorf("the page is told to ask %v", got)
	}
}

func noForeignWords(t *testing.T, s *site) {
	ref, who := s.meeting(t), id.NewParticipant()
	token := s.entry(t, ref, who).Token
	// LiveKit refuses this: /rtc/v1 needs a join request. v1.13.5 would tell in its own words.
	req, err := http.NewRequestWithContext(patient(t), http.MethodGet, s.origin+"/rtc/v1?access_token="+token, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range map[string]string{
		"Origin": s.origin, "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
	} {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, _ := io.ReadAll(resp.Body)
	if got := string(body); resp.StatusCode != http.StatusBadRequest || got != "not understood\n" {
		t.Errorf("answered %d %q", resp.StatusCode, got)
	}
	if strings.Contains(s.log.String(), token) {
		t.Error("the log holds a token")
	}
}

func refreshedToken(t *testing.T, s *site) {
	ref, who := s.meeting(t), id.NewParticipant()
	c := s.enter(t, ref, who)
	fresh, err := c.Refreshed(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.knock(t, fresh); got != http.StatusSwitchingProtocols {
		t.Fatalf("before the removal the refreshed token was answered with %d", got)
	}
	c = s.enter(t, ref, who) // the knock replaced the first
	if err := s.Remove(patient(t), ref, who); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.Gone():
	case <-patient(t).Done():
		t.Fatal("the removed person stayed")
	}
	if got := c.Why(); got != livekit.DisconnectReason_PARTICIPANT_REMOVED {
		t.Errorf("the page was told %v, want %v", got, livekit.DisconnectReason_PARTICIPANT_REMOVED)
	}
	if got := s.knock(t, fresh); got != http.StatusForbidden {
		t.Errorf("the refreshed token was answered with %d, want 403", got)
	}
}

// The authoriser said yes, then the removal came, then the socket would have opened.
func removalRace(t *testing.T, s *site) {
	ref, who := s.meeting(t), id.NewParticipant()
	entry := s.entry(t, ref, who)
	p, err := NewProxy(ProxyConfig{
		PublicURL: s.cfg.PublicURL, Log: s.cfg.Log, Engine: s.Engine,
		Authorise: func(ctx context.Context, m id.Meeting, p id.Participant) (Route, error) {
			return s.gate.authorise(ctx, m, p)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.attach(s.proxy) // only one is asked about strangers
	asked := p.cfg.Authorise
	p.cfg.Authorise = func(ctx context.Context, m id.Meeting, who id.Participant) (Route, error) {
		route, err := asked(ctx, m, who)
		s.gate.set(m, who, false)
		p.Kick(m, who)
		return route, err
	}
	front := newFront(t, p)
	entry.URL = "ws://" + front
	c, _, err := sfutest.Dial(patient(t), entry, s.origin, nil)
	if err != nil {
		return // refused: as good
	}
	defer func() { _ = c.Close() }()
	closing(t, c)
	until(t, "nobody in the meeting", func() bool {
		a, err := s.ready()
		if err != nil {
			return false
		}
		people, err := s.people(patient(t), a, ref.Meeting)
		return err == nil && len(people) == 0
	})
}

// A moderator removes whom the judge of strangers puts out at that very moment.
func removedTwice(t *testing.T, s *site) {
	ref := s.meeting(t)
	for range 3 {
		who := id.NewParticipant()
		s.enter(t, ref, who)
		failed := make(chan error, 4)
		for range cap(failed) {
			go func() { failed <- s.Remove(patient(t), ref, who) }()
		}
		for range cap(failed) {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
	}
}

func endedMeeting(t *testing.T, s *site) {
	ref, who := s.meeting(t), id.NewParticipant()
	entry := s.entry(t, ref, who)
	c, err := sfutest.Enter(patient(t), entry, s.origin)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.End(patient(t), ref, engine.EndHost); err != nil {
		t.Fatal(err)
	}
	select {
	case <-c.Gone():
	case <-patient(t).Done():
		t.Fatal("the socket stayed open")
	}
	if got := c.Why(); got != livekit.DisconnectReason_ROOM_DELETED {
		t.Errorf("the page was told %v, want %v", got, livekit.DisconnectReason_ROOM_DELETED)
	}
	if got := s.knock(t, entry.Token); got != http.StatusForbidden {
		t.Errorf("answered %d, want 403", got)
	}
}

func validates(t *testing.T, s *site) {
	ref, who := s.meeting(t), id.NewParticipant()
	token := s.entry(t, ref, who).Token
	for _, path := range []string{"/rtc/validate", "/rtc/v1/validate"} {
		if got := s.get(t, path+"?access_token="+token, nil).StatusCode; got != http.StatusOK {
			t.Errorf("%s answered %d, want 200", path, got)
		}
		if got := s.get(t, path, http.Header{"Authorization": {"Bearer " + token}}).StatusCode; got != http.StatusOK {
			t.Errorf("%s with a header answered %d, want 200", path, got)
		}
		if got := s.get(t, path+"?access_token=x", nil).StatusCode; got != http.StatusUnauthorized {
			t.Errorf("%s without a token answered %d, want 401", path, got)
		}
		if got := s.get(t, path+"?access_token="+token, http.Header{"Origin": {"http://evil.test"}}).StatusCode; got != http.StatusForbidden {
			t.Errorf("%s from elsewhere answered %d, want 403", path, got)
		}
	}
	s.gate.set(ref.Meeting, who, false)
	if got := s.get(t, "/rtc/validate?access_token="+token, nil).StatusCode; got != http.StatusForbidden {
		t.Errorf("answered %d to somebody removed, want 403", got)
	}
}

func madeOnEntry(t *testing.T, s *site) {
	ref := engine.Ref{Meeting: id.NewMeeting()}
	s.enter(t, ref, id.NewParticipant())
	got, err := s.Create(patient(t), engine.CreateInput{Ref: ref})
	if err != nil || got.Fresh {
		t.Errorf("create after somebody entered: %+v, %v; want it to be there", got, err)
	}
}

func manySockets(t *testing.T, s *site) {
	ref, who := s.meeting(t), id.NewParticipant()
	first := s.open(t, ref, who)
	for range maxSockets {
		s.open(t, ref, who)
	}
	closing(t, first)
	if got := len(s.proxy.sockets(func(c claim) bool { return c == claim{ref.Meeting, who} })); got > maxSockets {
		t.Errorf("%d sockets of one person are open, want at most %d", got, maxSockets)
	}
}

func restless(t *testing.T, s *site) {
	token := s.entry(t, s.meeting(t), id.NewParticipant()).Token
	for range 2 * openings {
		if s.knock(t, token) == http.StatusTooManyRequests {
			return
		}
	}
	t.Errorf("%d sockets were opened in a row", 2*openings)
}

func mediaArrives(t *testing.T, s *site) {
	ref := s.meeting(t)
	a, b := s.enter(t, ref, id.NewParticipant()), s.enter(t, ref, id.NewParticipant())
	for _, c := range []*sfutest.Client{a, b} {
		for _, k := range []engine.Media{engine.MediaMicrophone, engine.MediaCamera} {
			if err := c.Publish(patient(t), k); err != nil {
				t.Fatalf("publish %s: %v", k, err)
			}
		}
	}
	for name, c := range map[string]*sfutest.Client{"the first": a, "the second": b} {
		for _, k := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
			until(t, fmt.Sprintf("%s receives %s", name, k), func() bool { return c.Received(k) >= 10 })
		}
	}
}

func TestTwoNodesShareAMeeting(t *testing.T) {
	t.Parallel()
	owner, other := serve(t, nil), serve(t, nil)
	ref := owner.meeting(t)
	a, b := id.NewParticipant(), id.NewParticipant()

	// What the database tells both nodes: the meeting is on the owner's engine.
	other.gate.routes[ref.Meeting] = Route{Credentials: owner.Credentials(), Peer: owner.origin}
	for _, g := range []*gate{owner.gate, other.gate} {
		g.set(ref.Meeting, a, true)
		g.set(ref.Meeting, b, true)
	}
	// Both nodes are one site to a page.
	owner.proxy.origin, other.proxy.cfg.PublicURL = other.origin, owner.cfg.PublicURL
	relayOrigin := other.origin
	other.proxy.origin = relayOrigin

	direct, err := sfutest.Enter(patient(t), owner.entry(t, ref, a), relayOrigin)
	if err != nil {
		t.Fatalf("enter at the owner: %v", err)
	}
	defer direct.Lose()
	token, err := Mint(owner.Credentials().Key, owner.Credentials().Secret, engine.JoinInput{
		Ref: ref, Participant: b, Role: engine.RoleModerator, Grants: engine.Grants{Camera: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	entry := engine.Entry{Kind: "sfu", URL: EntryURL(other.cfg.PublicURL), Token: token}
	through, err := sfutest.Enter(patient(t), entry, relayOrigin)
	if err != nil {
		t.Fatalf("enter at the other node: %v", err)
	}
	defer through.Lose()
	if err := through.Publish(patient(t), engine.MediaCamera); err != nil {
		t.Fatal(err)
	}
	until(t, "the first sees the second", func() bool { return direct.Received(webrtc.RTPCodecTypeVideo) >= 10 })

	if err := owner.Remove(patient(t), ref, b); err != nil {
		t.Fatal(err)
	}
	select {
	case <-through.Gone():
	case <-patient(t).Done():
		t.Fatal("the removed person stayed in through the other node")
	}
	// The other node has not heard of the removal; the owner has the last word.
	if got := other.knock(t, token); got != http.StatusForbidden {
		t.Errorf("the other node answered %d, want 403", got)
	}
}

func TestNodesThatDisagreeDoNotRelayInCircles(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	ref, who := s.meeting(t), id.NewParticipant()
	entry := s.entry(t, ref, who)
	s.gate.routes[ref.Meeting] = Route{Credentials: s.Credentials(), Peer: s.origin}
	_, resp, err := sfutest.Dial(patient(t), entry, s.origin, nil)
	if err == nil || resp == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("answered %v, %v; want 503", resp, err)
	}
}

func TestAnAuthoriserOutOfOrderLetsNobodyInAndPutsNobodyOut(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	ref, who := s.meeting(t), id.NewParticipant()
	entry := s.entry(t, ref, who)
	s.proxy.cfg.Authorise = func(context.Context, id.Meeting, id.Participant) (Route, error) {
		return Route{}, fault.New(fault.Unavailable, "store.busy")
	}
	if got := s.knock(t, entry.Token); got != http.StatusServiceUnavailable {
		t.Errorf("answered %d, want 503", got)
	}
	if denies(fault.New(fault.Unavailable, "store.busy")) || denies(errors.New("disk")) || !denies(fault.New(fault.NotFound, "x")) {
		t.Error("denies confuses no with not now")
	}
}

// BenchmarkJoinsAndLeaves opens a socket and leaves again. LiveKit keeps some 70 kB of each for
// about a minute (seen: 300 joins, 31 MB of heap, after 75 s 7 MB), so the growth it reports
// is that of one minute, not of ever.
func BenchmarkJoinsAndLeaves(b *testing.B) {
	s := serve(b, nil)
	ref := s.meeting(b)
	once := func() {
		c, _, err := sfutest.Dial(patient(b), s.entry(b, ref, id.NewParticipant()), s.origin, nil)
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := c.ReadMessage(); err != nil {
			b.Fatal(err)
		}
		_ = c.Close()
	}
	for range 100 {
		once()
	}
	before := residentMemory(s.child.childPID())
	for b.Loop() {
		once()
	}
	b.ReportMetric(float64(residentMemory(s.child.childPID())-before)/1e6, "MB-grown")
}
