// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !noengine

package sfu

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"meetcoop/internal/engine"
	"meetcoop/internal/engine/enginetest"
	"meetcoop/internal/engine/sfu/sfutest"
	"meetcoop/internal/id"
)

func TestTheEmbeddedEngineKeepsTheContract(t *testing.T) {
	t.Parallel()
	enginetest.Run(t, serve(t, nil).world())
}

func TestAnExternalEngineKeepsTheContract(t *testing.T) {
	t.Parallel()
	s, _ := serveExternal(t, true)
	enginetest.Run(t, s.world())
}

// serveExternal starts a LiveKit that knows nothing of us but, if told, where to post its
// events, and a node that uses it by its address.
func serveExternal(t testing.TB, told bool) (s *site, livekit *child) {
	t.Helper()
	var hooks http.Handler
	post := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { hooks.ServeHTTP(w, r) }))
	t.Cleanup(post.Close)
	hooks = http.NotFoundHandler() // until somebody listens

	creds := newCredentials()
	owner := newSupervisor(Config{Command: childCommand(t), Log: slog.New(slog.DiscardHandler)}, creds, newMetrics(nil))
	livekit, err := owner.start(patient(t), post.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(livekit.kill)
	s = serve(t, func(c *Config) {
		c.External = &External{URL: loopbackURL(livekit.httpPort), Credentials: creds}
		c.Command = nil
	})
	if told {
		hooks = s.Webhooks()
	}
	return s, livekit
}

func TestWhoGetsPastTheProxyIsPutOutWithinASecond(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func() *site{
		"embedded": func() *site { return serve(t, nil) },
		"external": func() *site { s, _ := serveExternal(t, false); return s },
	} {
		t.Run(name, func(t *testing.T) {
			s := start()
			ref, stranger := s.meeting(t), id.NewParticipant()
			guest := s.enter(t, ref, id.NewParticipant())

			// A good token, and the address of LiveKit itself, which no page is told.
			entry := s.entry(t, ref, stranger)
			s.gate.set(ref.Meeting, stranger, false)
			a, err := s.ready()
			if err != nil {
				t.Fatal(err)
			}
			entry.URL = EntryURL(a.base)
			c, err := sfutest.Enter(patient(t), entry, "http://evil.test")
			if err != nil {
				t.Fatalf("the stranger did not even get in: %v", err)
			}
			began := time.Now()
			select {
			case <-c.Gone():
				t.Logf("out after %v", time.Since(began))
			case <-patient(t).Done():
				t.Fatal("the stranger stayed")
			}
			until(t, "only the guest listed", func() bool {
				all, err := s.List(patient(t))
				return err == nil && len(all) == 1 && len(all[0].Participants) == 1 && all[0].Participants[0].Session == guest.Session()
			})
		})
	}
}

// Without webhooks the looks at it, one a second, have to do.
func TestAnExternalEngineWithoutWebhooksIsLookedAt(t *testing.T) {
	t.Parallel()
	s, _ := serveExternal(t, false)
	told := make(chan engine.Event, 100)
	go func() { _ = s.Events(patient(t), func(e engine.Event) error { told <- e; return nil }) }()
	ref, stays, goes := s.meeting(t), id.NewParticipant(), id.NewParticipant()
	await := func(want engine.Event) {
		t.Helper()
		want.Meeting = ref.Meeting
		for {
			select {
			case got := <-told:
				want.Key, want.At, want.Session = got.Key, got.At, got.Session
				if got == want {
					return
				}
			case <-patient(t).Done():
				t.Fatalf("never told: %+v", want)
			}
		}
	}
	await(engine.Event{Kind: engine.EventCreated})
	s.enter(t, ref, stays)
	await(engine.Event{Kind: engine.EventEntered, Participant: stays})
	c := s.enter(t, ref, goes)
	await(engine.Event{Kind: engine.EventEntered, Participant: goes})
	if err := c.Publish(patient(t), engine.MediaCamera); err != nil {
		t.Fatal(err)
	}
	await(engine.Event{Kind: engine.EventPublished, Participant: goes, Media: engine.MediaCamera})
	if err := s.Allow(patient(t), ref, goes, engine.Grants{}); err != nil {
		t.Fatal(err)
	}
	await(engine.Event{Kind: engine.EventUnpublished, Participant: goes, Media: engine.MediaCamera})
	c.Leave()
	await(engine.Event{Kind: engine.EventLost, Participant: goes}) // that it was their own will is not to be seen
	if err := s.Remove(patient(t), ref, stays); err != nil {
		t.Fatal(err)
	}
	await(engine.Event{Kind: engine.EventLeft, Participant: stays, Why: engine.LeftRemoved})
	if err := s.End(patient(t), ref, engine.EndEmpty); err != nil {
		t.Fatal(err)
	}
	await(engine.Event{Kind: engine.EventEnded})
}

func TestAnExternalEngineThatGoesAwayIsTold(t *testing.T) {
	t.Parallel()
	s, livekit := serveExternal(t, false)
	told := make(chan engine.Event, 100)
	go func() { _ = s.Events(patient(t), func(e engine.Event) error { told <- e; return nil }) }()
	livekit.kill()
	for e := range told {
		if e.Kind == engine.EventDown {
			break
		}
	}
	if got := s.State(); got != StateDown {
		t.Errorf("state is %s, want %s", got, StateDown)
	}
}

func TestAnExternalEngineWithTheWrongKeyIsRefusedAtStart(t *testing.T) {
	t.Parallel()
	owner := serve(t, nil)
	a, err := owner.ready()
	if err != nil {
		t.Fatal(err)
	}
	e, err := New(Config{
		PublicURL: owner.cfg.PublicURL, Now: owner.cfg.Now, Log: owner.cfg.Log,
		External: &External{URL: a.base, Credentials: Credentials{Key: owner.creds.Key, Secret: newCredentials().Secret}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Start(patient(t)); err == nil || !isRefused(err) {
		t.Errorf("start: %v, want %v", err, errRefused)
	}
}
