// SPDX-License-Identifier: AGPL-3.0-or-later

package live_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"meetcoop/internal/admission"
	"meetcoop/internal/engine"
	"meetcoop/internal/engine/enginetest"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/jobs"
	"meetcoop/internal/live"
	"meetcoop/internal/locale"
	"meetcoop/internal/rooms"
	"meetcoop/internal/rooms/roomstest"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
	"meetcoop/internal/usage"
)

// patience is how long a test waits for something that happens in another goroutine, or on another node.
const patience = 8 * time.Second

// node is one process: its own handle on the database, its gate, its engine.
type node struct {
	*live.Service
	id     id.Node
	db     *store.DB
	gate   *admission.Gate
	fake   *enginetest.Fake
	server id.Server
	fleet  *fleet.Service
	stop   func()
}

// town is a federation with one or more nodes.
type town struct {
	*roomstest.World
	t     *testing.T
	cfg   store.Config
	nodes []*node
	noWay error // what making an entry answers; nil: an entry
}

// eachEngine runs fn on both databases with so many nodes.
func eachEngine(t *testing.T, nodes int, fn func(t *testing.T, w *town)) {
	t.Helper()
	for _, e := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			cfg := storetest.Location(t, e)
			w := &town{World: roomstest.New(t, storetest.Open(t, cfg)), t: t, cfg: cfg}
			for i := range nodes {
				w.addNode(i)
			}
			w.Changed = w.nodes[0].gate
			fn(t, w)
		})
	}
}

func (w *town) log() *slog.Logger {
	if os.Getenv("MEETCOOP_TEST_LOG") != "" {
		return slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	return slog.New(slog.DiscardHandler)
}

func (w *town) addNode(i int) *node {
	w.t.Helper()
	n := &node{id: id.NewNode(), db: storetest.Open(w.t, w.cfg), fake: enginetest.NewFake(w.Clock.Now)}
	var err error
	n.fleet, err = fleet.New(fleet.Deps{DB: n.db, Now: w.Clock.Now})
	w.must(err)
	server, err := n.fleet.RegisterEngine(w.t.Context(), fleet.RegisterInput{
		StableKey: fmt.Sprint("node ", i), Name: fmt.Sprint("node ", i), URL: "http://engine.test", Node: n.id, Key: "k", Secret: "s",
	})
	w.must(err)
	n.server = server.ID
	w.nodes = append(w.nodes, n)
	w.start(n)
	return n
}

// start brings the node's services up; a node that was stopped comes back with what the database holds.
func (w *town) start(n *node) {
	w.t.Helper()
	ctx := w.t.Context()
	facts := usage.NewRecorder()
	var err error
	n.gate, err = admission.New(admission.Deps{DB: n.db, Now: w.Clock.Now, Log: w.log(), Entitled: tariff.Entitled, Facts: facts, Observer: live.Observer{}})
	w.must(err)
	n.Service, err = live.New(live.Deps{
		DB: n.db, Now: w.Clock.Now, Log: w.log(), Gate: n.gate, Rooms: w.Second(n.db), Facts: facts, Enter: w.way,
		Engines: []live.Local{{Server: n.server, Engine: n.fake}},
	})
	w.must(err)
	runner := jobs.New(jobs.Deps{DB: n.db, Now: w.Clock.Now, Log: w.log(), Node: n.id})
	n.Register(runner)
	w.must(n.gate.Start(ctx))
	w.must(n.Start(ctx))
	w.must(runner.Start(ctx))
	n.stop = sync.OnceFunc(func() {
		n.Stop()
		runner.Stop()
		n.gate.Stop()
	})
	w.t.Cleanup(n.stop)
}

// way is what every node can make: an entry to any engine of the fleet.
func (w *town) way(ctx context.Context, server fleet.Server, in engine.JoinInput) (engine.Entry, error) {
	if w.noWay != nil {
		return engine.Entry{}, w.noWay
	}
	for _, n := range w.nodes {
		if n.server == server.ID {
			return n.fake.Join(ctx, in)
		}
	}
	return engine.Entry{}, engine.ErrNone
}

// pass moves the clock on while everything lives: engines give a sign, the gates look at what ran out.
func (w *town) pass(d time.Duration) {
	w.t.Helper()
	ctx := w.t.Context()
	for d > 0 {
		step := min(d, 5*time.Second)
		w.Clock.Pass(step)
		d -= step
		for _, n := range w.nodes {
			if w.alive(n) {
				w.must(n.fleet.Heartbeat(ctx, n.server, fleet.ObservedUp))
			}
		}
	}
	for _, n := range w.nodes {
		if w.alive(n) {
			w.must(n.gate.Tick(ctx))
			w.must(n.RunDue(ctx))
		}
	}
}

func (w *town) alive(n *node) bool {
	_, err := n.fake.List(w.t.Context())
	return err == nil
}

func (w *town) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// settle waits until the engines' events have been folded.
func (w *town) settle() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	for _, n := range w.nodes {
		w.must(n.fake.Settle(ctx))
	}
}

func guest(cookie string) live.Who {
	return live.Who{Actor: identity.Anonymous(), Guest: cookie}
}

func person(a identity.Actor) live.Who { return live.Who{Actor: a} }

// someone is a browser in the town.
type someone struct {
	w    *town
	n    *node
	who  live.Who
	name string
	room id.Room

	meeting id.Meeting
	id      id.Participant
	page    *page
}

func (w *town) someone(n *node, who live.Who, name string, room rooms.Room) *someone {
	return &someone{w: w, n: n, who: who, name: name, room: room.ID}
}

func (s *someone) knock() (live.Entry, error) {
	return s.n.Knock(s.w.t.Context(), live.KnockInput{Room: s.room, Who: s.who, Name: s.name, Client: "192.0.2.7"})
}

// join knocks and expects to be let in.
func (s *someone) join() *someone {
	s.w.t.Helper()
	e, err := s.knock()
	s.w.must(err)
	if e.State != live.Admitted {
		s.w.t.Fatalf("%s: %+v", s.name, e)
	}
	s.meeting, s.id = e.Meeting, e.Participant
	return s
}

// enter opens the page and connects media: from then on the person is inside.
func (s *someone) enter() *someone {
	s.w.t.Helper()
	in := s.entered()
	fake := s.engine()
	_, err := fake.Enter(in.Entry)
	s.w.must(err)
	ctx, cancel := context.WithTimeout(s.w.t.Context(), patience)
	defer cancel()
	s.w.must(fake.Settle(ctx))
	return s
}

// entered asks for the way in and opens the event stream.
func (s *someone) entered() (in live.Entered) {
	s.w.t.Helper()
	// The gate remembers the servers for a second of the machine's clock; when the test's has jumped they look dead meanwhile.
	s.w.eventually("a server", func() bool {
		var err error
		in, err = s.n.Enter(s.w.t.Context(), live.EnterInput{Meeting: s.meeting, Who: s.who})
		if fault.CodeOf(err) == "fleet.no_server" {
			return false
		}
		s.w.must(err)
		return true
	})
	s.follow(in.State.N)
	return in
}

func (s *someone) engine() *enginetest.Fake {
	s.w.t.Helper()
	var m fleet.Meeting
	s.w.must(s.w.DB.Read(s.w.t.Context(), func(r store.Reader) (err error) {
		m, err = fleet.ByID(s.w.t.Context(), r, s.meeting)
		return err
	}))
	for _, n := range s.w.nodes {
		if n.server == m.Server {
			return n.fake
		}
	}
	s.w.t.Fatal("the meeting is on no server")
	return nil
}

// page reads a stream as a browser does.
type page struct {
	t      *testing.T
	mu     sync.Mutex
	events []live.Event
	err    error // why it ended
	bell   chan struct{}
	cancel context.CancelFunc
	done   chan struct{}
}

func (s *someone) follow(after int64) *page {
	s.w.t.Helper()
	st, err := s.n.Open(s.w.t.Context(), live.OpenInput{Meeting: s.meeting, Who: s.who, After: after, Printer: s.w.Catalog.Printer(locale.English, nil)})
	s.w.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	p := &page{t: s.w.t, bell: make(chan struct{}), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		defer st.Close()
		for {
			events, err := st.Next(ctx)
			p.mu.Lock()
			p.events = append(p.events, events...)
			p.err = err
			close(p.bell)
			p.bell = make(chan struct{})
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	s.w.t.Cleanup(p.close)
	s.page = p
	return p
}

func (p *page) close() {
	p.cancel()
	<-p.done
}

// all returns the events so far.
func (p *page) all() []live.Event {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.events)
}

// kinds returns the kinds of the events so far.
func (p *page) kinds() (out []string) {
	for _, e := range p.all() {
		out = append(out, e.Kind)
	}
	return out
}

// until waits until ok holds.
func (p *page) until(what string, ok func(events []live.Event, err error) bool) {
	p.t.Helper()
	give := time.After(patience)
	for {
		p.mu.Lock()
		bell, good := p.bell, ok(p.events, p.err)
		p.mu.Unlock()
		if good {
			return
		}
		select {
		case <-bell:
		case <-give:
			p.mu.Lock()
			defer p.mu.Unlock()
			var got []string
			for _, e := range p.events {
				got = append(got, e.Kind+" "+string(e.Data))
			}
			p.t.Fatalf("waited in vain for %s; got %q, %v", what, got, p.err)
		}
	}
}

// await waits for an event of the kind for which ok holds.
func await[T any](p *page, kind string, ok func(T) bool) {
	p.t.Helper()
	p.until("event "+kind, func(events []live.Event, _ error) bool {
		return slices.ContainsFunc(events, func(e live.Event) bool {
			var v T
			return e.Kind == kind && json.Unmarshal(e.Data, &v) == nil && ok(v)
		})
	})
}

func (s *someone) await(kind string, ok func(live.Person) bool) {
	s.w.t.Helper()
	await(s.page, kind, ok)
}

func (s *someone) ended() {
	s.w.t.Helper()
	s.page.until("the end of the stream", func(_ []live.Event, err error) bool { return err != nil })
}

// state returns the whole state as the person's page would get it now.
func (s *someone) state() live.State {
	s.w.t.Helper()
	in, err := s.n.Enter(s.w.t.Context(), live.EnterInput{Meeting: s.meeting, Who: s.who})
	s.w.must(err)
	return in.State
}

// seats returns how many seats the member uses by admission's count.
func (w *town) seats(member id.Member) int {
	w.t.Helper()
	var u admission.Usage
	w.must(w.DB.Read(w.t.Context(), func(r store.Reader) (err error) {
		u, err = w.nodes[0].gate.UsageNow(w.t.Context(), r, member, w.Clock.Now())
		return err
	}))
	return u.Seats.Used
}

// eventually waits until ok holds; for what no event tells.
func (w *town) eventually(what string, ok func() bool) {
	w.t.Helper()
	for give := time.Now().Add(patience); !ok(); {
		if time.Now().After(give) {
			w.t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func wantFault(t *testing.T, err error, kind fault.Kind, code string) {
	t.Helper()
	if !errors.Is(err, fault.New(kind, code)) {
		t.Errorf("got %v, want %s %s", err, kind, code)
	}
}

// memberOf returns whose meeting somebody is in.
func (w *town) memberOf(s *someone) id.Member {
	w.t.Helper()
	var r rooms.Room
	w.must(w.DB.Read(w.t.Context(), func(rd store.Reader) (err error) {
		r, err = rooms.ByID(w.t.Context(), rd, s.room)
		return err
	}))
	return r.Member
}
