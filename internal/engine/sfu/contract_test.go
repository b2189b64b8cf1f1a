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
	s, _ := serveExternal(t)
	enginetest.Run(t, s.world())
}

// serveExternal starts a LiveKit that knows nothing of us but where to post its events, and
// a node that uses it by its address.
func serveExternal(t testing.TB) (s *site, livekit *child) {
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
	hooks = s.Webhooks()
	return s, livekit
}

func TestWhoGetsPastTheProxyIsPutOutWithinASecond(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func() *site{
		"embedded": func() *site { return serve(t, nil) },
		"external": func() *site { s, _ := serveExternal(t); return s },
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

func TestAnExternalEngineThatGoesAwayIsToldAndFoundAgain(t *testing.T) {
	t.Parallel()
	s, livekit := serveExternal(t)
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
