// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
	"meetcoop/internal/usage"
)

// Entitled returns what a member may use; tariff's service has it as a method. It joins r.
type Entitled func(ctx context.Context, r store.Reader, member id.Member, now instant.Instant) (tariff.Entitlement, error)

// Deps is what a gate needs. Zero durations mean the defaults.
type Deps struct {
	DB       *store.DB
	Now      instant.Clock
	Log      *slog.Logger
	Entitled Entitled
	Facts    *usage.Recorder       // nil: one of its own
	Observer Observer              // nil: nobody listens; see also Gate.Observe
	Registry prometheus.Registerer // nil: metrics are counted and shown nowhere

	Lease time.Duration // from admission to connection; default 75 s (--seat-lease)
	Away  time.Duration // how long the seat of somebody cut off is kept; default 60 s
	Hold  time.Duration // the same on a BigBlueButton server, where a reload does not ask us; default 15 s (--seat-hold)
}

// Gate decides who may enter. It is safe for concurrent use. One per process; several processes on one
// PostgreSQL agree through the database.
type Gate struct {
	deps    Deps
	lanes   []*lane
	fleet   *yard
	members memberCache
	metrics *metrics
	reading reading

	mu      sync.Mutex
	started bool
	stop    context.CancelFunc
	running sync.WaitGroup
}

// New returns a gate. Reading verbs, EntitlementChanged, CheckInvariants and RepairCounters work at
// once; all others need Start.
func New(deps Deps) (*Gate, error) {
	if deps.DB == nil || deps.Now == nil || deps.Log == nil || deps.Entitled == nil {
		return nil, errors.New("admission: DB, Now, Log and Entitled are needed")
	}
	if deps.Facts == nil {
		deps.Facts = usage.NewRecorder()
	}
	if deps.Lease == 0 {
		deps.Lease = defaultLease
	}
	if deps.Away == 0 {
		deps.Away = defaultAway
	}
	if deps.Hold == 0 {
		deps.Hold = defaultHold
	}
	g := &Gate{deps: deps, fleet: &yard{}, metrics: newMetrics(deps.Registry), reading: defaultReading}
	n := lanesSQLite
	if deps.DB.Engine() == store.Postgres {
		n = lanesPostgres
	}
	for range n {
		g.lanes = append(g.lanes, newLane(g))
	}
	return g, nil
}

const (
	defaultLease  = 75 * time.Second
	defaultAway   = 60 * time.Second
	defaultHold   = 15 * time.Second
	detachedHold  = 180 * time.Second // seats of a meeting whose server is dead (gateway.md, section 5)
	lanesSQLite   = 1                 // there is one writer
	lanesPostgres = 4
)

// Observe sets who hears of decisions. Call it before Start; it is for a listener that itself needs the gate.
func (g *Gate) Observe(o Observer) { g.deps.Observer = o }

// Start begins to serve requests and to follow changes of entitlements. Starting twice is harmless.
func (g *Gate) Start(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.started {
		return nil
	}
	// A change made elsewhere (the command line, another node) may lengthen meetings and let waiters
	// in. It must not wait for a next request, which may never come.
	changed := make(chan id.Member, 1024)
	if err := g.deps.DB.Watch(ctx, membership.TopicEntitlement, func(key string) {
		select {
		case changed <- id.Member(key):
		default: // more changes than we follow: the next decision of the member sees it, or its tick
		}
	}); err != nil {
		return err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	for _, l := range g.lanes {
		g.running.Go(func() { l.run(run) })
	}
	g.running.Go(func() { g.follow(run, changed) })
	g.started, g.stop = true, cancel
	return nil
}

// Stop ends what Start began and waits for it. Requests that come later get Unavailable admission.try_again.
func (g *Gate) Stop() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.started {
		g.stop()
		g.running.Wait()
		g.started = false
	}
}

// follow refreshes members whose entitlement changed, and tries those again that the database had no
// time for: nobody else may ask for them.
func (g *Gate) follow(ctx context.Context, changed <-chan id.Member) {
	again := time.NewTicker(time.Second)
	defer again.Stop()
	missed := map[id.Member]bool{}
	for {
		var now []id.Member
		select {
		case <-ctx.Done():
			return
		case m := <-changed:
			now = append(now, m)
		case <-again.C:
			now = slices.Collect(maps.Keys(missed))
		}
		for _, m := range now {
			err := g.refreshIfUsed(ctx, m)
			if err == nil {
				delete(missed, m)
				continue
			}
			if ctx.Err() == nil && !missed[m] {
				g.deps.Log.WarnContext(ctx, "changed entitlement not applied to running meetings yet", "member", m, "err", err)
			}
			missed[m] = true
		}
	}
}

// Join lets a person into a meeting, starts it if it does not run and the person may, or says why not.
// The same person in the same meeting keeps their seat and takes it over for in.Participant.
//
// Faults: Forbidden member.suspended, member.closed; Conflict room.not_started, meeting.ended;
// LimitReached admission.running_rooms, admission.duration_exhausted{Until},
// admission.participants_full, admission.seats_full, admission.waiting_full, fleet.engine_full (all with
// {Limit, Used}); Unavailable fleet.no_server, admission.try_again; Invalid for a wrong input.
// With in.Wait a full meeting or member is no fault but an Admission with Waiting.
func (g *Gate) Join(ctx context.Context, in JoinInput) (Admission, error) {
	if err := in.Validate(); err != nil {
		return Admission{}, err
	}
	return g.submit(ctx, &request{kind: kindJoin, member: in.Member, join: in})
}

// Present notes that the person is really inside, so the seat does not run out. NotFound
// admission.no_seat when the seat is gone: they must join again.
func (g *Gate) Present(ctx context.Context, m id.Meeting, p id.Participant) error {
	_, err := g.forMeeting(ctx, m, &request{kind: kindPresent, participant: p})
	return err
}

// Away notes that the person was cut off: the seat is kept for Deps.Away and then free. A seat that is
// gone, or was taken over by a newer participant, is no error.
func (g *Gate) Away(ctx context.Context, m id.Meeting, p id.Participant) error {
	_, err := g.forMeeting(ctx, m, &request{kind: kindAway, participant: p})
	return err
}

// Release frees the seat at once. A seat that is gone is no error.
func (g *Gate) Release(ctx context.Context, m id.Meeting, p id.Participant, why Why) error {
	_, err := g.forMeeting(ctx, m, &request{kind: kindRelease, participant: p, why: why})
	return err
}

// End ends a meeting and frees its seats at once. Those who wait for it are sent home, unless it ended
// because nobody was in it. A meeting that is not open is no error.
func (g *Gate) End(ctx context.Context, m id.Meeting, reason fleet.EndReason) error {
	_, err := g.forMeeting(ctx, m, &request{kind: kindEnd, reason: reason})
	return err
}

// Move finds another server for a meeting whose own is down, and changes nothing while it is up.
// Conflict meeting.ended; Unavailable fleet.no_server; LimitReached fleet.engine_full.
func (g *Gate) Move(ctx context.Context, m id.Meeting) (fleet.Meeting, error) {
	a, err := g.forMeeting(ctx, m, &request{kind: kindMove})
	return a.Meeting, err
}

// Refresh reads the member's entitlement again, moves the deadlines of running meetings if it was
// raised (never the other way) and lets in who waits and fits now. Gates call it by themselves for
// every change told on membership.TopicEntitlement.
func (g *Gate) Refresh(ctx context.Context, member id.Member) error {
	_, err := g.submit(ctx, &request{kind: kindRefresh, member: member})
	return err
}

// submit gives a request to its member's lane and waits for the commit. The caller may leave: its
// request is then skipped, or what it took runs out by itself.
func (g *Gate) submit(ctx context.Context, req *request) (Admission, error) {
	if err := ctx.Err(); err != nil {
		return Admission{}, err
	}
	req.ctx, req.at, req.done = ctx, time.Now(), make(chan struct{})
	patience := time.NewTimer(answerWithin)
	defer patience.Stop()
	l := g.laneOf(req.member)
	select {
	case l.in <- req:
	case <-ctx.Done():
		return Admission{}, ctx.Err()
	case <-patience.C:
		return Admission{}, errTryAgain
	}
	select {
	case <-req.done:
		return req.answer.admission, req.answer.err
	case <-ctx.Done():
		return Admission{}, ctx.Err()
	case <-patience.C:
		return Admission{}, errTryAgain
	}
}

var errTryAgain = fault.New(fault.Unavailable, "admission.try_again")
