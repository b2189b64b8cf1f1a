// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"meetcoop/internal/admission"
	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/usage"
)

const (
	pollWorkers   = 32 // polls of servers that answer
	doubtWorkers  = 8  // polls of those that do not: dead ones never delay the others
	pollLook      = 100 * time.Millisecond
	leadFor       = 6 * time.Second
	backOffMost   = 60 * time.Second
	failuresDown  = 3
	beatEvery     = 30 * time.Second // a server that stays what it is is written this often
	absencesEnded = 2                // complete lists that lack a meeting before it counts as ended (gateway.md H5)
)

// poller asks every server what runs. It acts on the one node that leads.
type poller struct {
	s         *Service
	leadUntil atomic.Int64 // monotonic, nanoseconds since start
	start     time.Time
	reaping   atomic.Bool
	healthy   chan struct{}
	doubtful  chan struct{}
	running   sync.WaitGroup

	mu      sync.Mutex
	servers map[id.Server]*watch
	leaving map[id.Server]bool // disabled servers whose meetings are being detached
}

// watch is what the leader remembers of one server between polls. The first part is guarded by the poller; the second belongs to
// the one poll under way.
type watch struct {
	due      time.Time
	busy     bool
	failures int
	good     time.Time // of the last poll that succeeded, or of the first look
	foreign  int

	observed fleet.Observed
	beat     time.Time
	absent   map[id.Meeting]int // complete lists in a row without a meeting
	weighed  int                // units noted last; -1 before the first list
}

func newPoller(s *Service) *poller {
	return &poller{s: s, start: time.Now(), healthy: make(chan struct{}, pollWorkers), doubtful: make(chan struct{}, doubtWorkers), servers: map[id.Server]*watch{}, leaving: map[id.Server]bool{}}
}

// lead is the duty: while it is called this node polls, and takes up what is overdue.
func (s *Service) lead(context.Context) error {
	s.poller.leadUntil.Store(int64(time.Since(s.poller.start) + leadFor))
	if !s.poller.reaping.CompareAndSwap(false, true) {
		return nil // servers are being asked; leading must not wait for them
	}
	s.spawn(func(ctx context.Context) {
		defer s.poller.reaping.Store(false)
		if err := s.reap(ctx); err != nil && ctx.Err() == nil {
			s.deps.Log.WarnContext(ctx, "overdue conferences not settled", "err", err)
		}
	})
	return nil
}

func (p *poller) leads() bool { return int64(time.Since(p.start)) < p.leadUntil.Load() }

// run looks every 100 ms which servers are due.
func (p *poller) run(ctx context.Context) {
	tick := time.NewTicker(pollLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			p.running.Wait()
			return
		case <-tick.C:
		}
		if !p.leads() {
			p.forget()
			continue
		}
		if err := p.dispatch(ctx); err != nil && ctx.Err() == nil {
			p.s.deps.Log.WarnContext(ctx, "servers not polled", "err", err)
		}
	}
}

// forget drops what was remembered while this node led: another node has gone on since.
func (p *poller) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.servers)
	p.s.compat.keep(nil, nil)
	p.s.hooks.polled.forget()
}

// soon has a server polled at the next look.
func (p *poller) soon(server id.Server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w := p.servers[server]; w != nil {
		w.due = time.Time{}
	}
}

func (p *poller) dispatch(ctx context.Context) error {
	all, err := p.s.servers.all(ctx)
	if err != nil {
		return err
	}
	p.s.hooks.polled.begin(p.s.board)
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	for known := range p.servers {
		if all[known] == nil {
			delete(p.servers, known)
		}
	}
	foreign := 0
	for server, srv := range all {
		if srv.Admin == fleet.AdminDisabled {
			delete(p.servers, server)
			if !p.leaving[server] && p.s.board.hasLive(server) {
				p.leaving[server] = true
				p.running.Go(func() { p.evacuate(ctx, server) })
			}
			continue
		}
		w := p.servers[server]
		if w == nil {
			w = &watch{good: now, absent: map[id.Meeting]int{}, weighed: -1}
			p.servers[server] = w
		}
		foreign += w.foreign
		if w.busy || now.Before(w.due) {
			continue
		}
		places := p.healthy
		if w.failures > 0 {
			places = p.doubtful
		}
		select {
		case places <- struct{}{}:
		default:
			continue // all workers are busy: it stays due
		}
		w.busy = true
		p.running.Go(func() {
			defer func() { <-places }()
			p.poll(ctx, srv, w)
		})
	}
	p.s.metrics.foreign.Set(float64(foreign))
	p.s.compat.keep(p.servers, all)
	return nil
}

// evacuate detaches what still runs on a disabled server.
func (p *poller) evacuate(ctx context.Context, server id.Server) {
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.leaving, server)
	}()
	if err := p.s.detachAll(ctx, server); err != nil && ctx.Err() == nil {
		p.s.deps.Log.WarnContext(ctx, "meetings of a disabled server not detached yet", "server", server, "err", err)
	}
}

// poll asks one server and acts on the answer.
func (p *poller) poll(ctx context.Context, srv *server, w *watch) {
	began, asked := p.s.deps.Now(), time.Now()
	list, err := srv.Meetings(ctx)
	if ctx.Err() != nil {
		return
	}
	took := time.Since(asked)
	p.s.compat.polled(srv, list, took, err == nil)
	p.s.doubts.heard(srv.ID, took, askWithin, err)
	p.mu.Lock()
	if err != nil {
		w.failures++
	} else {
		w.failures, w.good = 0, time.Now()
	}
	failures, silent := w.failures, time.Since(w.good)
	p.mu.Unlock()
	outcome := "ok"
	switch {
	case srv.embedded():
		if err == nil {
			err = p.s.noteEmbedded(ctx, srv, list, began)
		}
	case err == nil:
		err = p.s.compare(ctx, srv, w, list, began)
	default:
		outcome = "failed"
		if failures == 1 || failures%20 == 0 {
			p.s.deps.Log.WarnContext(ctx, "server does not answer", "server", srv.ID, "failures", failures, "err", err)
		}
		err = p.s.doubt(ctx, srv, w, failures, silent)
	}
	p.s.metrics.polls.WithLabelValues(outcome).Inc()
	if err != nil && ctx.Err() == nil {
		p.s.deps.Log.WarnContext(ctx, "poll not finished", "server", srv.ID, "err", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	w.due, w.busy = time.Now().Add(p.pause(failures, silent)), false
}

// pause is how long a server is left alone: the poll interval, or a third of the time after which it is dead when that is less; less
// still while it is doubtful, more when it has been dead for long; a fifth up or down, so that servers do not come due together.
func (p *poller) pause(failures int, silent time.Duration) time.Duration {
	every := min(p.s.deps.PollEvery, p.s.deps.DetachAfter/3)
	switch {
	case failures == 0:
	case silent < p.s.deps.DetachAfter:
		every = min(every, p.s.deps.DetachAfter/6)
	default:
		every = min(max(every, p.s.deps.DetachAfter/6)<<min(max(0, failures-failuresDown-3), 4), backOffMost)
	}
	return time.Duration(float64(every) * (0.8 + 0.4*rand.Float64()))
}

// doubt notes that a server failed to answer, and detaches its meetings when it is dead. It concludes nothing else.
func (s *Service) doubt(ctx context.Context, srv *server, w *watch, failures int, silent time.Duration) error {
	state := fleet.ObservedSuspect
	if failures >= failuresDown && silent >= s.deps.DetachAfter {
		state = fleet.ObservedDown
	}
	if failures < 2 && w.observed == "" {
		w.observed = srv.Observed
	}
	if failures >= 2 {
		if err := s.observe(ctx, srv, w, state); err != nil {
			return err
		}
	}
	if state != fleet.ObservedDown {
		return nil
	}
	return s.detachAll(ctx, srv.ID)
}

// detachAll detaches the live meetings of a dead server.
func (s *Service) detachAll(ctx context.Context, server id.Server) error {
	var wg sync.WaitGroup
	places := make(chan struct{}, 16)
	var first atomic.Pointer[error]
	for _, c := range s.board.at(server) {
		if c.State != fleet.Live {
			continue
		}
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			v := *c
			if err := s.deps.Gate.Detach(ctx, c.ID, s.noting(&v)); err != nil {
				first.CompareAndSwap(nil, &err)
				return
			}
			s.metrics.detached.Inc()
			if err := s.reload(ctx, []id.Meeting{c.ID}); err != nil {
				first.CompareAndSwap(nil, &err)
			}
		})
	}
	wg.Wait()
	if err := first.Load(); err != nil {
		return *err
	}
	return nil
}

// observe writes what a server is seen to be, when that changes or once in a while.
func (s *Service) observe(ctx context.Context, srv *server, w *watch, o fleet.Observed) error {
	if w.observed == o && srv.Observed == o && time.Since(w.beat) < beatEvery {
		return nil
	}
	if err := s.deps.Fleet.Heartbeat(ctx, srv.ID, o); err != nil {
		return err
	}
	if w.observed != o {
		s.deps.Log.InfoContext(ctx, "server observed", "server", srv.ID, "name", srv.Name, "state", o)
		s.servers.forget()
	}
	w.observed, w.beat = o, time.Now()
	return nil
}

// compare acts on a complete list: the server is up, its meetings are what the list says, their seats are those of the people
// listed, and what is missing from two lists in a row has ended.
func (s *Service) compare(ctx context.Context, srv *server, w *watch, list []bbb.Meeting, began instant.Instant) error {
	if err := s.observe(ctx, srv, w, fleet.ObservedUp); err != nil {
		return err
	}
	s.ensureHook(ctx, srv)
	listed := map[id.Meeting]bool{}
	var seen []admission.Seen
	foreign := 0
	for _, info := range list {
		c := s.board.on(srv.ID, info.ExternalID)
		if c == nil && info.EndTime == 0 && !info.ForciblyEnded && info.ParentID == "" {
			var strange bool
			if c, strange = s.stray(ctx, srv, info); strange {
				foreign++
			}
		}
		if c == nil {
			continue
		}
		if info.InternalID != c.InternalID {
			if c.InternalID == "" {
				listed[c.ID] = true // being made
			}
			continue
		}
		listed[c.ID] = true
		if c.State == fleet.Detached && info.EndTime == 0 && !info.ForciblyEnded {
			v := *c
			if err := s.deps.Gate.Reattach(ctx, c.ID, s.noting(&v)); err != nil {
				return err
			}
			if err := s.reload(ctx, []id.Meeting{c.ID}); err != nil {
				return err
			}
		}
		if err := s.saw(ctx, c, info, began); err != nil {
			return err
		}
		s.tellDifferences(ctx, srv, c, info)
		if info.EndTime == 0 && !info.ForciblyEnded {
			people := seats(c, info)
			if err := s.markHelpers(ctx, c, people, info); err != nil {
				return err
			}
			seen = append(seen, admission.Seen{Meeting: c.ID, People: people})
		}
	}
	s.poller.mu.Lock()
	w.foreign = foreign
	s.poller.mu.Unlock()
	if err := s.weigh(ctx, srv, w, list, began); err != nil {
		return err
	}
	if err := s.deps.Gate.Reconcile(ctx, srv.ID, seen, began); err != nil {
		return err
	}
	for _, c := range s.board.at(srv.ID) {
		if listed[c.ID] || c.State != fleet.Live || !c.StartedAt.Before(began) {
			delete(w.absent, c.ID)
			continue
		}
		if w.absent[c.ID]++; w.absent[c.ID] < absencesEnded {
			continue
		}
		delete(w.absent, c.ID)
		why := fleet.EndEmpty
		if !c.DeadlineAt.IsZero() && !began.Before(c.DeadlineAt.Add(-time.Minute)) {
			why = fleet.EndDuration
		}
		if err := s.ended(ctx, c, why); err != nil {
			return err
		}
	}
	if srv.Admin == fleet.AdminDraining && len(s.board.at(srv.ID)) == 0 {
		switch _, err := s.deps.Fleet.SetAdmin(ctx, fleet.AdminInput{Server: srv.ID, Admin: fleet.AdminDisabled, Only: fleet.AdminDraining}); {
		case err == nil:
			s.deps.Log.InfoContext(ctx, "server drained and disabled", "server", srv.ID, "name", srv.Name)
			s.servers.forget()
		case fault.KindOf(err) != fault.Conflict: // something began there before it was drained, or it is wanted again
			return err
		}
	}
	for m := range w.absent {
		if s.board.get(m) == nil {
			delete(w.absent, m)
		}
	}
	return nil
}

// noteEmbedded notes what is told of meetings on an engine of this installation, and tells clients who came and went. What follows
// for seats, ends and the server itself follows from package live.
func (s *Service) noteEmbedded(ctx context.Context, srv *server, list []bbb.Meeting, began instant.Instant) error {
	for _, info := range list {
		c := s.board.on(srv.ID, info.ExternalID)
		if c == nil || info.InternalID != c.InternalID {
			continue // being made, or ended just now
		}
		if err := s.saw(ctx, c, info, began); err != nil {
			return err
		}
		s.tellDifferences(ctx, srv, c, info)
	}
	return nil
}

// sessionsEach is how many sessions one person may have: beyond, an id is shared by many (gateway.md J1).
const sessionsEach = 3

// seats are the people of a meeting as the gate knows them. Sessions of an id beyond the third are people of their own: servers throw
// them out, unless somebody has told theirs not to.
func seats(c *Conference, info bbb.Meeting) []admission.SeenPerson {
	at := map[usage.PersonKey]int{}
	sessions := map[string]int{}
	var out []admission.SeenPerson
	for _, a := range info.Attendees {
		who := a.UserID
		if sessions[a.UserID]++; sessions[a.UserID] > sessionsEach {
			who += "\x00" + strconv.Itoa(sessions[a.UserID]) // no client can send such an id
		}
		key := usage.KeyOf(c.Connection, who)
		role := admission.RoleViewer
		if a.Role == "MODERATOR" {
			role = admission.RoleModerator
		}
		if i, twice := at[key]; twice {
			if role == admission.RoleModerator {
				out[i].Role = role
			}
			continue
		}
		at[key] = len(out)
		out = append(out, admission.SeenPerson{Participant: id.DerivedParticipant(c.ID, key), Person: key, Role: role})
	}
	return out
}

// stray is a meeting that no row names on this server: a copy of ours that was left behind is ended, one of a tenant that a connection
// adopts is taken over, anybody else's is left alone. It returns what was taken over, nil mostly, and
// whether the meeting is foreign.
func (s *Service) stray(ctx context.Context, srv *server, info bbb.Meeting) (adopted *Conference, foreign bool) {
	var ours, named bool
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		if ours, err = isOurs(ctx, r, srv.ID, info.ExternalID, info.InternalID); err != nil || !ours {
			return err
		}
		named, err = namesServer(ctx, r, info.ExternalID, srv.ID)
		return err
	})
	switch {
	case err != nil || named:
		return nil, false // looked at again with the next list
	case !ours:
		adopted, err = s.takeOver(ctx, srv, info)
		if err != nil && ctx.Err() == nil {
			s.deps.Log.WarnContext(ctx, "meeting of another load balancer not taken over yet", "server", srv.ID, "err", err)
		}
		return adopted, adopted == nil
	}
	s.orphan(ctx, srv.ID, info.ExternalID)
	return nil, false
}
