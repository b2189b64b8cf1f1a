// SPDX-License-Identifier: AGPL-3.0-or-later

package sfu

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/livekit/protocol/auth"

	"meetcoop/internal/engine"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
)

func TestRestartsWaitLongerAndBreakAtTheFifth(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	ago := func(minutes ...int) (out []time.Time) {
		for _, m := range minutes {
			out = append(out, now.Add(-time.Duration(m)*time.Minute))
		}
		return out
	}
	for name, c := range map[string]struct {
		crashes []time.Time
		wait    time.Duration
		broken  bool
	}{
		"the first":                          {ago(0), 200 * time.Millisecond, false},
		"the second":                         {ago(1, 0), time.Second, false},
		"the third":                          {ago(2, 1, 0), 5 * time.Second, false},
		"the fourth":                         {ago(3, 2, 1, 0), 15 * time.Second, false},
		"the fifth":                          {ago(4, 3, 2, 1, 0), time.Minute, true},
		"the fifth, the first long ago":      {ago(10, 3, 2, 1, 0), 15 * time.Second, false},
		"after a quiet night":                {ago(600, 600, 600, 600, 0), 200 * time.Millisecond, false},
		"more than five within ten minutes":  {ago(5, 4, 3, 2, 1, 0), time.Minute, true},
		"none remembered is like the first ": {nil, 200 * time.Millisecond, false},
	} {
		wait, broken := backoff(c.crashes, now)
		if wait != c.wait || broken != c.broken {
			t.Errorf("%s: wait %v, broken %v; want %v, %v", name, wait, broken, c.wait, c.broken)
		}
	}
}

func TestFiftyFramesASecondAreAllowedForEver(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	b := bucket{tokens: frameBurst, at: now}
	for range 10_000 {
		now = now.Add(time.Second / framesPerSecond)
		if !b.take(now, framesPerSecond, frameBurst) {
			t.Fatal("refused at the allowed rate")
		}
	}
	passed := 0
	for passed < 2*frameBurst && b.take(now, framesPerSecond, frameBurst) {
		passed++
	}
	if passed < frameBurst-2 || passed > frameBurst {
		t.Errorf("%d frames passed at once, want %d", passed, frameBurst)
	}
	if b.take(now.Add(10*time.Millisecond), framesPerSecond, frameBurst) {
		t.Error("a flood got through")
	}
}

func TestOpeningsOfSocketsAreCountedPerPersonAndForgotten(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	p := &Proxy{openings: map[claim]*bucket{}}
	restless, calm := claim{id.NewMeeting(), id.NewParticipant()}, claim{id.NewMeeting(), id.NewParticipant()}
	passed := 0
	for range 10 * openings {
		if p.mayOpen(restless, now) {
			passed++
		}
	}
	if passed != openings || !p.mayOpen(calm, now) {
		t.Errorf("%d openings passed, want %d, and somebody else's too", passed, openings)
	}
	if now = now.Add(openingsWindow / openings); !p.mayOpen(restless, now) || p.mayOpen(restless, now) {
		t.Error("after a while there is not exactly one more")
	}
	if now = now.Add(2 * openingsWindow); !p.mayOpen(calm, now) || len(p.openings) != 1 {
		t.Errorf("%d people are remembered, want the last alone", len(p.openings))
	}
}

func TestATokenSaysWhatWasGrantedAndNoMore(t *testing.T) {
	creds := newCredentials()
	in := engine.JoinInput{Ref: engine.Ref{Meeting: id.NewMeeting()}, Participant: id.NewParticipant(), Role: engine.RoleModerator}
	for name, c := range map[string]struct {
		grants  engine.Grants
		sources []string
	}{
		"listening only":  {engine.Grants{}, nil},
		"voice":           {engine.Grants{Microphone: true}, []string{"microphone"}},
		"everything":      {engine.Grants{Microphone: true, Camera: true, Screen: true}, []string{"microphone", "camera", "screen_share", "screen_share_audio"}},
		"the screen only": {engine.Grants{Screen: true}, []string{"screen_share", "screen_share_audio"}},
	} {
		in.Grants = c.grants
		token, err := Mint(creds.Key, creds.Secret, in)
		if err != nil {
			t.Fatal(err)
		}
		who := claim{in.Ref.Meeting, in.Participant}
		if got, err := readClaim(token); err != nil || got != who {
			t.Errorf("%s: reads as %v, %v", name, got, err)
		}
		if err := verify(token, creds, who); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		v, err := auth.ParseAPIToken(token)
		if err != nil {
			t.Fatal(err)
		}
		claims, grants, err := v.Verify(creds.Secret)
		if err != nil {
			t.Fatal(err)
		}
		if life := time.Until(claims.ExpiresAt.Time); life > engine.MaxTTL || life < engine.MaxTTL-time.Minute {
			t.Errorf("%s: lives for %v", name, life)
		}
		if grants.Video.GetCanPublish() != (c.sources != nil) || !slices.Equal(grants.Video.CanPublishSources, c.sources) {
			t.Errorf("%s: may publish %v %v", name, grants.Video.GetCanPublish(), grants.Video.CanPublishSources)
		}
		if grants.Video.GetCanPublishData() || grants.Video.GetCanUpdateOwnMetadata() || !grants.Video.GetCanSubscribe() || grants.Metadata != "" || grants.Name != "" {
			t.Errorf("%s: grants %+v", name, grants)
		}
	}
	in.TTL = time.Hour
	if _, err := Mint(creds.Key, creds.Secret, in); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a token for an hour: %v, want Invalid", err)
	}
}

func FuzzReadClaim(f *testing.F) {
	token, err := Mint("k", "s", engine.JoinInput{Ref: engine.Ref{Meeting: id.NewMeeting()}, Participant: id.NewParticipant(), Role: engine.RoleViewer})
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{token, "", "..", "a.b.c", "a.e30.c", "a.bnVsbA.c", strings.Repeat(".", 9000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := readClaim(s)
		if err != nil {
			return
		}
		if _, err := id.ParseMeeting(string(c.meeting)); err != nil {
			t.Errorf("%q gave the meeting %q", s, c.meeting)
		}
		if _, err := id.ParseParticipant(string(c.participant)); err != nil {
			t.Errorf("%q gave the participant %q", s, c.participant)
		}
	})
}

func TestWhatTheChildWritesHoldsNoTokens(t *testing.T) {
	token, err := Mint("k", "s", engine.JoinInput{Ref: engine.Ref{Meeting: id.NewMeeting()}, Participant: id.NewParticipant(), Role: engine.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	logChild(log, strings.NewReader(strings.Join([]string{
		`{"level":"warn","msg":"invalid token: ` + token + `","error":"cannot use ` + token[:40] + `","remote":"192.0.2.1"}`,
		`{"level":"error","msg":"went wrong","logger":"livekit.webhook"}`,
		`panic: access_token=` + token,
		`{"level":"warn","msg":"` + strings.Repeat("long", 3000) + token + `"}`,
		`{"level":"info","msg":"fine"}`,
		``,
	}, "\n")))
	got := out.String()
	if strings.Contains(got, token[:20]) {
		t.Errorf("a token got through:\n%s", got)
	}
	if strings.Contains(got, "192.0.2.1") {
		t.Errorf("an address got through:\n%s", got)
	}
	for _, want := range []string{`level=WARN msg="engine says" text="invalid token: [token]"`, `level=ERROR msg="engine says" text="went wrong"`,
		`level=ERROR msg="engine wrote" text="panic: access_token=[token]"`, `level=DEBUG msg="engine says" text=fine`} {
		if !strings.Contains(got, want) {
			t.Errorf("no line %s in:\n%s", want, got)
		}
	}
}

func TestSettingsThatCannotWorkAreAllNamed(t *testing.T) {
	public := &url.URL{Scheme: "http", Host: "127.0.0.1:8080"}
	for name, c := range map[string]struct {
		change func(*Config)
		want   []string
	}{
		"the default": {func(*Config) {}, nil},
		"an open address": {func(c *Config) {
			c.MediaListen, c.MediaTCP = netip.MustParseAddrPort("0.0.0.0:7882"), netip.MustParseAddrPort("0.0.0.0:7881")
			c.MediaIP = netip.MustParseAddr("192.0.2.7")
		}, nil},
		"TCP and an address to tell, but media on loopback": {func(c *Config) {
			c.MediaTCP, c.MediaIP = netip.MustParseAddrPort("0.0.0.0:7881"), netip.MustParseAddr("192.0.2.7")
		}, []string{"engine.media_tcp_loopback", "engine.media_ip_loopback"}},
		"TCP on one address and without a port": {func(c *Config) {
			c.MediaListen, c.MediaTCP = netip.MustParseAddrPort("0.0.0.0:7882"), netip.MustParseAddrPort("192.0.2.7:0")
		}, []string{"engine.media_tcp_address", "engine.media_tcp_port"}},
		"no public address":   {func(c *Config) { c.PublicURL = nil }, []string{"engine.public_url"}},
		"an external without": {func(c *Config) { c.External = &External{URL: &url.URL{Scheme: "ftp", Host: "x"}} }, []string{"engine.livekit_url", "engine.livekit_key", "engine.livekit_key"}},
	} {
		cfg := Config{PublicURL: public, Now: instant.System(0), Log: slog.New(slog.DiscardHandler)}
		c.change(&cfg)
		_, err := New(cfg)
		var got []string
		if f := fault.As(err); f != nil {
			for _, field := range f.Fields {
				got = append(got, field.Code)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestWhoIsElsewhereLearnsThatMediaIsOnLoopback(t *testing.T) {
	cfg := Config{PublicURL: &url.URL{Scheme: "https", Host: "meet.example.org"}, Now: instant.System(0), Log: slog.New(slog.DiscardHandler)}
	shut, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.MediaListen = netip.MustParseAddrPort("0.0.0.0:7882")
	open, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for from, want := range map[string]error{"192.0.2.1": engine.ErrLoopbackOnly, "2001:db8::1": engine.ErrLoopbackOnly, "127.0.0.1": nil, "::1": nil, "::ffff:127.0.0.1": nil} {
		if got := shut.Reachable(netip.MustParseAddr(from)); !errors.Is(got, want) {
			t.Errorf("from %s: %v, want %v", from, got, want)
		}
		if got := open.Reachable(netip.MustParseAddr(from)); got != nil {
			t.Errorf("from %s with open media: %v", from, got)
		}
	}
	if err := shut.Reachable(netip.Addr{}); err != nil {
		t.Errorf("from nowhere known: %v", err)
	}
}

func TestAddressesOfPagesAndSockets(t *testing.T) {
	for in, want := range map[string][2]string{
		"http://127.0.0.1:8080":           {"http://127.0.0.1:8080", "ws://127.0.0.1:8080"},
		"https://Meet.Example.org":        {"https://meet.example.org", "wss://Meet.Example.org"},
		"https://meet.example.org:443/x/": {"https://meet.example.org", "wss://meet.example.org:443"},
		"http://meet.example.org:80":      {"http://meet.example.org", "ws://meet.example.org:80"},
		"https://meet.example.org:8443":   {"https://meet.example.org:8443", "wss://meet.example.org:8443"},
	} {
		u, err := url.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, [2]string{originOf(u), EntryURL(u)}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
	}
}

func TestEventsBeyondTheQueueGoOldestFirst(t *testing.T) {
	q := newQueue()
	for i := range maxQueued + 10 {
		q.put(engine.Event{Key: string(rune(i))})
	}
	ctx, cancel := context.WithCancel(context.Background())
	var got []engine.Event
	err := q.give(ctx, func(e engine.Event) error {
		if got = append(got, e); len(got) == maxQueued {
			cancel()
		}
		return nil
	})
	if err != nil || len(got) != maxQueued || got[0].Key != string(rune(10)) {
		t.Errorf("%d events from %q on, %v", len(got), got[0].Key, err)
	}
}
