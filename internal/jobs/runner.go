// SPDX-License-Identifier: AGPL-3.0-or-later

package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// Deps are what a Runner needs.
type Deps struct {
	DB       *store.DB
	Now      instant.Clock
	Log      *slog.Logger
	Node     id.Node
	Version  string                // of the program, for the table node
	Registry prometheus.Registerer // nil: no metrics
	Workers  int                   // jobs at once on this node; 0 is 8
}

const (
	pollEvery  = 500 * time.Millisecond // how late another process's job is seen at worst
	leaseExtra = 10 * time.Second       // a lease outlives the try's time-out by this
	nodeLost   = 10 * time.Second       // a node unseen for this long is dead: five heartbeats
	keepDone   = 7 * 24 * time.Hour
	keepError  = 500 // bytes
)

// Runner takes jobs and duties for one node. Handle and Every come before Start.
type Runner struct {
	deps    Deps
	metrics *metrics
	wake    chan struct{}

	handlers map[Kind]handler
	kinds    []Kind // sorted, so that the SQL text is one
	duties   []*duty

	mu         sync.Mutex
	subscribed bool               // to the handle's wake-ups, once for all
	cancel     context.CancelFunc // set between Start and Stop
	ended      sync.WaitGroup     // the runner's own goroutines
	working    sync.WaitGroup     // the workers
}

type handler struct {
	policy Policy
	fn     Handler
}

// New returns a Runner. A missing dependency panics: it is a mistake of the program.
func New(deps Deps) *Runner {
	if deps.DB == nil || deps.Now == nil || deps.Log == nil || deps.Node == "" {
		panic("jobs: DB, Now, Log and Node are needed")
	}
	if deps.Workers <= 0 {
		deps.Workers = 8
	}
	r := &Runner{deps: deps, metrics: newMetrics(deps.Registry), wake: make(chan struct{}, 1), handlers: map[Kind]handler{}}
	r.Every("jobs.lost", 2*time.Second, r.rescue)
	r.Every("jobs.trim", time.Hour, r.tidy)
	return r
}

// Handle says who does jobs of a kind. Registering a kind twice panics.
func (r *Runner) Handle(kind Kind, policy Policy, fn Handler) {
	if _, twice := r.handlers[kind]; twice {
		panic("jobs: two handlers for " + string(kind))
	}
	if policy.Retries == nil {
		policy.Retries = DefaultRetries
	}
	if policy.Timeout <= 0 {
		policy.Timeout = time.Minute
	}
	r.handlers[kind] = handler{policy, fn}
	r.kinds = append(r.kinds, kind)
	slices.Sort(r.kinds)
}

// Start begins to work and returns; it ends with ctx or Stop. Starting twice is harmless.
func (r *Runner) Start(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel != nil {
		return nil
	}
	now := r.deps.Now()
	err := r.deps.DB.Gate(ctx, func(tx store.Tx) error {
		if err := beat(ctx, tx, now, r.deps.Node, r.deps.Version); err != nil {
			return err
		}
		return release(ctx, tx, now, r.deps.Node)
	})
	if err != nil {
		return fmt.Errorf("start jobs: %w", err)
	}
	if !r.subscribed {
		r.deps.DB.Listen(topic, r.poke)
		if err := r.deps.DB.Watch(ctx, topic, func(queue string) {
			if queue == NodeQueue(r.deps.Node) {
				r.poke()
			}
		}); err != nil {
			return fmt.Errorf("start jobs: %w", err)
		}
		r.subscribed = true
	}
	run, cancel := context.WithCancel(ctx)
	r.cancel = cancel
	r.ended.Go(func() { r.dispatch(run) })
	r.ended.Go(func() { r.lead(run) })
	return nil
}

// Stop lets nothing new begin, cancels what runs, waits for it and gives back the leases: an
// interrupted job is ready again and its try not counted. Stopping twice is harmless.
func (r *Runner) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cancel == nil {
		return
	}
	r.cancel()
	r.ended.Wait()
	r.working.Wait()
	r.cancel = nil
	ctx, done := context.WithTimeout(context.Background(), 2*time.Second)
	defer done()
	now := r.deps.Now()
	if err := r.deps.DB.Gate(ctx, func(tx store.Tx) error { return leave(ctx, tx, now, r.deps.Node) }); err != nil {
		r.deps.Log.Warn("node could not sign off", "err", err) // the others notice in nodeLost
	}
}

func (r *Runner) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *Runner) dispatch(ctx context.Context) {
	slots := make(chan struct{}, r.deps.Workers)
	for {
		wait := pollEvery
		if free := cap(slots) - len(slots); free > 0 {
			taken, next, err := r.claim(ctx, free)
			if err != nil && ctx.Err() == nil {
				r.deps.Log.Warn("jobs cannot be taken", "err", err)
			}
			for _, j := range taken {
				slots <- struct{}{}
				r.working.Go(func() {
					r.work(ctx, j)
					<-slots
					r.poke() // a slot is free, and what waited for this key may begin
				})
			}
			if !next.IsZero() {
				wait = min(wait, max(next.Sub(r.deps.Now()), time.Millisecond))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-time.After(wait):
		}
	}
}

// claim leases up to limit due jobs, and tells when the next one is due.
func (r *Runner) claim(ctx context.Context, limit int) (taken []Job, next instant.Instant, err error) {
	if len(r.kinds) == 0 {
		return nil, instant.Instant{}, nil
	}
	now := r.deps.Now()
	err = r.deps.DB.Read(ctx, func(rd store.Reader) (err error) {
		next, err = nextDue(ctx, rd, instant.Micros(1), r.deps.Node, r.kinds) // the overdue ones too
		return err
	})
	if err != nil || next.IsZero() || next.After(now) {
		return nil, next, err
	}
	err = r.deps.DB.Gate(ctx, func(tx store.Tx) (err error) {
		taken, err = due(ctx, tx, now, r.deps.Node, r.kinds, limit)
		if err != nil {
			return err
		}
		for i := range taken {
			j := &taken[i]
			j.Tries++
			j.RunAt = now.Add(r.handlers[j.Kind].policy.Timeout + leaseExtra)
			j.State = StateRunning
			if err := begin(ctx, tx, j.ID, r.deps.Node, j.RunAt); err != nil {
				return err
			}
		}
		next, err = nextDue(ctx, tx, now.Add(time.Microsecond), r.deps.Node, r.kinds)
		return err
	})
	if err != nil {
		return nil, instant.Instant{}, err
	}
	return taken, next, nil
}

func (r *Runner) work(ctx context.Context, j Job) {
	h := r.handlers[j.Kind]
	j.Last = j.Tries > len(h.policy.Retries)
	var err error
	began := time.Now()
	if j.Tries > len(h.policy.Retries)+1 {
		err = Park(errors.New("the last try never ended")) // its node died in it
	} else {
		err = r.try(ctx, h, j)
	}
	took := time.Since(began)
	r.metrics.seconds.WithLabelValues(string(j.Kind)).Observe(took.Seconds())

	// The outcome is written even while stopping, or the work would be done twice.
	write, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	outcome, werr := r.settle(write, h, j, err, err != nil && ctx.Err() != nil)
	if werr != nil {
		r.deps.Log.Error("result of a job could not be written", "job", j.ID, "kind", j.Kind, "err", werr) // its lease ends and it runs again
		outcome = "lost"
	}
	r.metrics.results.WithLabelValues(string(j.Kind), outcome).Inc()
	switch outcome {
	case "done":
		r.deps.Log.Debug("job done", "job", j.ID, "kind", j.Kind, "try", j.Tries, "dur", took)
	case "parked":
		r.deps.Log.Error("job parked", "job", j.ID, "kind", j.Kind, "try", j.Tries, "err", err)
	case "retry":
		r.deps.Log.Warn("job failed, will be tried again", "job", j.ID, "kind", j.Kind, "try", j.Tries, "err", err)
	}
}

func (r *Runner) try(ctx context.Context, h handler, j Job) (err error) {
	ctx, cancel := context.WithTimeout(ctx, h.policy.Timeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return h.fn(ctx, j)
}

// settle writes what became of a try: done, retry, parked, stopped (not counted) or superseded (a
// newer job of the same key waits and does it all).
func (r *Runner) settle(ctx context.Context, h handler, j Job, err error, stopped bool) (outcome string, _ error) {
	now := r.deps.Now()
	end := func(state State, lastError string) error {
		return r.deps.DB.Gate(ctx, func(tx store.Tx) error { return finish(ctx, tx, now, j, r.deps.Node, state, lastError) })
	}
	if err == nil {
		return "done", end(StateDone, "")
	}
	text := cut(err.Error(), keepError)
	if Hopeless(err) || (j.Last && !stopped) {
		return "parked", end(StateParked, text)
	}
	outcome, runAt, tries := "stopped", now, j.Tries-1
	if !stopped {
		pause := h.policy.Retries[j.Tries-1]
		outcome, runAt, tries = "retry", now.Add(pause+rand.N(pause/5+1)), j.Tries
	}
	ready := false
	werr := r.deps.DB.Gate(ctx, func(tx store.Tx) (err error) {
		ready, err = again(ctx, tx, j, r.deps.Node, runAt, tries, text)
		return err
	})
	if fault.CodeOf(werr) == "store.unique" { // a newer one arrived just now
		werr = nil
	}
	if werr != nil || ready {
		return outcome, werr
	}
	return "superseded", end(StateDone, text)
}

func cut(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return string([]rune(s)) // a letter cut in two becomes U+FFFD, which PostgreSQL accepts
}

// rescue gives the work of dead nodes to the living. It looks before it writes: mostly nobody died.
func (r *Runner) rescue(ctx context.Context) error {
	now := r.deps.Now()
	in := lostInput{now: now, me: r.deps.Node, unseen: now.Add(-nodeLost), forsaken: now.Add(-10 * time.Minute)}
	var n int64
	if err := r.deps.DB.Read(ctx, func(rd store.Reader) (err error) { n, err = countLost(ctx, rd, in); return err }); err != nil || n == 0 {
		return err
	}
	err := r.deps.DB.Gate(ctx, func(tx store.Tx) error {
		store.Wake(tx, topic)
		return releaseLost(ctx, tx, in)
	})
	if err == nil {
		r.deps.Log.Warn("jobs of a lost node", "jobs", n)
	}
	return err
}

func (r *Runner) tidy(ctx context.Context) error {
	now := r.deps.Now()
	return r.deps.DB.Gate(ctx, func(tx store.Tx) error {
		if err := trim(ctx, tx, now.Add(-keepDone), now.Add(-24*time.Hour)); err != nil {
			return err
		}
		return store.TrimChanges(ctx, tx, now)
	})
}
