// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/admission"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/locale"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// Deps is what a Service needs. Zero durations mean the defaults.
type Deps struct {
	DB        *store.DB
	Now       instant.Clock
	Log       *slog.Logger
	Gate      *admission.Gate
	Fleet     *fleet.Service
	Node      id.Node
	IDs       []byte                            // the instance's key for the ids servers know meetings by; 32 bytes, the same on every node
	PublicURL string                            // under which servers and browsers reach us, without a slash at the end
	Transport http.RoundTripper                 // bbb.NewTransport
	Embedded  func(id.Server) http.RoundTripper // answers for an engine of this installation as a server would; nil: clients get BigBlueButton only
	Outbound  *http.Client                      // to addresses that clients name; web.Outbound
	Registry  prometheus.Registerer

	Allow []netip.Prefix // networks that addresses of clients may be in although they are not public; as Outbound has them (--callback-allow)

	// Keys returns the valid secrets of a connection; membership's service has it as a method. What clients are sent is signed with them.
	Keys      func(ctx context.Context, r store.Reader, c membership.Connection, now instant.Instant) ([]membership.Secret, error)
	HookWaits []time.Duration // pauses between tries of one event; none are those of bbb-webhooks, about five minutes

	// MayRecord tells why a member may not record now: its level does not allow it, or its storage is full. It joins r. nil: everybody may.
	MayRecord func(ctx context.Context, r store.Reader, member id.Member, now instant.Instant) (RecordingOff, error)
	Catalog   *locale.Catalog // needed with MayRecord: moderators are told in it

	MetricsCompat bool // what polls say under the names of bigbluebutton-exporter too (--metrics-compat)

	LobbyLease  time.Duration // how long the seat of a guest in a lobby is kept; default 5 min (--lobby-lease)
	PollEvery   time.Duration // default 10 s (--poll-interval)
	DetachAfter time.Duration // how long a server must be silent to be dead; default 30 s (--detach-after)
}

// Service makes and watches the meetings of API clients. It is safe for concurrent use.
type Service struct {
	deps    Deps
	ids     ids
	board   *board
	servers *servers
	flights flights
	poller  *poller
	metrics *metrics
	hooks   hooks
	helpers helpers
	doubts  doubts
	compat  *compat // nil unless asked for

	mu      sync.Mutex
	life    context.Context
	stop    context.CancelFunc
	running sync.WaitGroup
}

// New returns a Service. All verbs need Start.
func New(deps Deps) (*Service, error) {
	if deps.DB == nil || deps.Now == nil || deps.Log == nil || deps.Gate == nil || deps.Fleet == nil || deps.Node == "" || len(deps.IDs) != 32 || deps.PublicURL == "" || deps.Transport == nil || deps.Outbound == nil || deps.Keys == nil || deps.MayRecord != nil && deps.Catalog == nil {
		return nil, errors.New("conference: DB, Now, Log, Gate, Fleet, Node, IDs, PublicURL, Transport, Outbound, Keys, and Catalog with MayRecord are needed")
	}
	for _, d := range []struct {
		at  *time.Duration
		def time.Duration
	}{{&deps.LobbyLease, 5 * time.Minute}, {&deps.PollEvery, 10 * time.Second}, {&deps.DetachAfter, 30 * time.Second}} {
		if *d.at == 0 {
			*d.at = d.def
		}
	}
	if deps.HookWaits == nil {
		deps.HookWaits = hookWaits
	}
	deps.PublicURL = strings.TrimRight(deps.PublicURL, "/")
	s := &Service{deps: deps, ids: ids{deps.IDs}, board: newBoard(), doubts: doubts{now: deps.Now}, metrics: newMetrics(deps.Registry), hooks: hooks{metrics: newHookMetrics(deps.Registry)}}
	if deps.MetricsCompat && deps.Registry != nil {
		s.compat = &compat{}
		deps.Registry.MustRegister(s.compat)
	}
	s.servers = &servers{fleet: deps.Fleet, db: deps.DB, transport: deps.Transport, embedded: deps.Embedded}
	s.poller = newPoller(s)
	return s, nil
}

// Register names the jobs and duties of this package.
func (s *Service) Register(r *jobs.Runner) {
	r.Handle(kindEndOrphan, endOrphanPolicy, s.endOrphan)
	r.Handle(kindCallEnd, callEndPolicy, s.callEnd)
	r.Handle(kindHookEnded, s.hookEndedPolicy(), s.tellEnded)
	r.Handle(kindPanic, panicPolicy, s.panic)
	r.Every("conference.lead", time.Second, s.lead)
	r.Every("conference.trim", time.Minute, s.trim)
}

// Start reads what is open, and follows it. Starting twice is harmless.
func (s *Service) Start(ctx context.Context) error {
	began, err := s.begin(ctx)
	if err == nil && began {
		s.resume(ctx)
	}
	return err
}

// begin is Start without what is left from before; began is false when it was started already.
func (s *Service) begin(ctx context.Context) (began bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop != nil {
		return false, nil
	}
	changed := make(chan id.Meeting, 4096)
	missed := make(chan struct{}, 1)
	if err := s.deps.DB.Watch(ctx, TopicConference, func(key string) {
		select {
		case changed <- id.Meeting(key):
		default: // more than we follow one by one: everything is read again
			select {
			case missed <- struct{}{}:
			default:
			}
		}
	}); err != nil {
		return false, err
	}
	if err := s.hooks.watch(ctx, s.deps.DB, s.poller); err != nil {
		return false, err
	}
	if err := s.helpers.watch(ctx, s.deps.DB); err != nil {
		return false, err
	}
	if err := s.readAll(ctx); err != nil {
		return false, err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.life, s.stop = run, cancel
	s.running.Go(func() { s.follow(run, changed, missed) })
	s.running.Go(func() { s.poller.run(run) })
	return true, nil
}

// Stop ends what Start began and waits for it.
func (s *Service) Stop() {
	s.mu.Lock()
	stop := s.stop
	s.mu.Unlock()
	if stop != nil {
		stop()
		s.running.Wait()
		s.layDown(s.life)
	}
}

// resume takes up what was not told when the program stopped.
func (s *Service) resume(ctx context.Context) {
	if err := s.takeUp(ctx, true); err != nil && ctx.Err() == nil { // the node that leads tries again
		s.deps.Log.WarnContext(ctx, "events not told yet not taken up", "err", err)
	}
}

func (s *Service) follow(ctx context.Context, changed <-chan id.Meeting, missed <-chan struct{}) {
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case m := <-changed:
			err = s.reload(ctx, drain(m, changed))
		case <-missed:
			err = s.readAll(ctx)
		}
		if err != nil && ctx.Err() == nil {
			s.deps.Log.WarnContext(ctx, "changed conference not read", "err", err)
		}
	}
}

func (s *Service) readAll(ctx context.Context) error {
	var all []Conference
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		all, err = allOpen(ctx, r)
		return err
	})
	if err != nil {
		return err
	}
	for _, c := range all {
		s.board.put(c)
	}
	return nil
}

// mostReloaded is how many conferences are read at once: what one statement names at most, on either engine.
const mostReloaded = 16

// drain takes what else has changed, each once: a meeting that is made changes several times in a moment.
func drain(first id.Meeting, changed <-chan id.Meeting) []id.Meeting {
	all := []id.Meeting{first}
	for len(all) < mostReloaded {
		select {
		case m := <-changed:
			if !slices.Contains(all, m) {
				all = append(all, m)
			}
		default:
			return all
		}
	}
	return all
}

// reload brings conferences on the board to what their rows say.
func (s *Service) reload(ctx context.Context, meetings []id.Meeting) error {
	var all []Conference
	err := s.deps.DB.Peek(ctx, func(r store.Reader) (err error) {
		all, err = byIDs(ctx, r, meetings)
		return err
	})
	for _, c := range all {
		s.board.put(c)
	}
	return err
}

// spawn runs f until Stop has waited for it; after Stop it does nothing.
func (s *Service) spawn(f func(ctx context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop == nil || s.life.Err() != nil {
		return
	}
	ctx := s.life
	s.running.Go(func() { f(ctx) })
}
