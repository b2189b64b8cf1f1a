// SPDX-License-Identifier: AGPL-3.0-or-later

//go:build !noengine

package sfu

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"meetcoop/internal/engine"
	"meetcoop/internal/engine/enginetest"
	"meetcoop/internal/engine/sfu/sfutest"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
)

// TestMain makes the test program its own child: started with these words it is what
// "meetcoop engine" is, or a parent to be killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "child":
			if err := RunChild(context.Background(), os.Stdin, os.Stdout); err != nil {
				os.Exit(1)
			}
			os.Exit(0)
		case "parent":
			parentMain()
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

func childCommand(t testing.TB) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{self, "child"}
}

// journal is a log that tests read.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// gate is what package live is to the proxy: it knows whom it has let in.
type gate struct {
	mu     sync.Mutex
	in     map[claim]bool
	over   map[id.Meeting]bool
	routes map[id.Meeting]Route
	route  Route // where nothing else is said
}

func newGate(route Route) *gate {
	return &gate{in: map[claim]bool{}, over: map[id.Meeting]bool{}, routes: map[id.Meeting]Route{}, route: route}
}

func (g *gate) set(m id.Meeting, p id.Participant, in bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.in[claim{m, p}] = in
}

func (g *gate) end(m id.Meeting) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over[m] = true
}

func (g *gate) authorise(_ context.Context, m id.Meeting, p id.Participant) (Route, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over[m] {
		return Route{}, fault.New(fault.Conflict, "meeting.ended")
	}
	if !g.in[claim{m, p}] {
		return Route{}, fault.New(fault.Forbidden, "live.not_admitted")
	}
	if r, ok := g.routes[m]; ok {
		return r, nil
	}
	return g.route, nil
}

// lived is an engine behind a gate, used in the order in which package live uses it: the row first.
type lived struct {
	*Engine
	gate *gate
}

func (l lived) Join(ctx context.Context, in engine.JoinInput) (engine.Entry, error) {
	l.gate.set(in.Ref.Meeting, in.Participant, true)
	return l.Engine.Join(ctx, in)
}

func (l lived) Remove(ctx context.Context, m engine.Ref, p id.Participant) error {
	l.gate.set(m.Meeting, p, false)
	return l.Engine.Remove(ctx, m, p)
}

func (l lived) End(ctx context.Context, m engine.Ref, why engine.EndReason) error {
	l.gate.end(m.Meeting)
	return l.Engine.End(ctx, m, why)
}

// site is one node: engine, proxy, and the address pages come to.
type site struct {
	*lived
	proxy  *Proxy
	origin string
	log    *journal
}

// serve starts a node. change may alter the engine's configuration before it starts.
func serve(t testing.TB, change func(*Config)) *site {
	t.Helper()
	s := &site{log: &journal{}}
	var handler http.Handler
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(front.Close)
	s.origin = front.URL
	public, err := url.Parse(front.URL)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg := Config{PublicURL: public, Now: instant.System(0), Log: log, Command: childCommand(t)}
	if change != nil {
		change(&cfg)
	}
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.lived = &lived{Engine: e, gate: newGate(Route{Credentials: e.Credentials()})}
	if s.proxy, err = NewProxy(ProxyConfig{PublicURL: public, Authorise: s.gate.authorise, Log: log, Engine: e}); err != nil {
		t.Fatal(err)
	}
	handler = s.proxy
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := e.Start(ctx); err != nil {
		t.Fatalf("start: %v\n%s", err, s.log)
	}
	t.Cleanup(func() {
		s.proxy.Close()
		e.Stop()
		if t.Failed() {
			t.Logf("log of the node:\n%s", s.log)
		}
	})
	return s
}

func (s *site) world() enginetest.World {
	return enginetest.World{
		Engine: s.lived,
		Enter: func(ctx context.Context, e engine.Entry) (enginetest.Person, error) {
			c, err := sfutest.Enter(ctx, e, s.origin)
			if err != nil {
				return nil, err
			}
			return c, nil
		},
	}
}

func patient(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// meeting makes a meeting and returns it.
func (s *site) meeting(t testing.TB) engine.Ref {
	t.Helper()
	ref := engine.Ref{Meeting: id.NewMeeting()}
	if _, err := s.Create(patient(t), engine.CreateInput{Ref: ref}); err != nil {
		t.Fatalf("create: %v", err)
	}
	return ref
}

// entry admits somebody and returns their way in.
func (s *site) entry(t testing.TB, ref engine.Ref, p id.Participant) engine.Entry {
	t.Helper()
	e, err := s.Join(patient(t), engine.JoinInput{
		Ref: ref, Participant: p, Role: engine.RoleViewer, Grants: engine.Grants{Microphone: true, Camera: true, Screen: true},
	})
	if err != nil {
		t.Fatalf("join: %v", err)
	}
	return e
}

func (s *site) enter(t testing.TB, ref engine.Ref, p id.Participant) *sfutest.Client {
	t.Helper()
	c, err := sfutest.Enter(patient(t), s.entry(t, ref, p), s.origin)
	if err != nil {
		t.Fatalf("enter: %v", err)
	}
	t.Cleanup(c.Lose)
	return c
}

func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx := patient(t)
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("never happened: %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// parentMain is a parent that has nothing to do but to be killed: it starts an engine and
// prints the process id of its child.
func parentMain() {
	self, _ := os.Executable()
	public, _ := url.Parse("http://127.0.0.1:8080")
	e, err := New(Config{PublicURL: public, Now: instant.System(0), Log: slog.New(slog.DiscardHandler), Command: []string{self, "child"}})
	if err == nil {
		err = e.Start(context.Background())
	}
	if err != nil {
		fmt.Println("error", err)
		return
	}
	fmt.Println("child", e.child.childPID())
	select {}
}
