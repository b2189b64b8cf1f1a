// SPDX-License-Identifier: AGPL-3.0-or-later

package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

const greet Kind = "test.greet"

func newRunner(t *testing.T, db *store.DB, change ...func(*Deps)) *Runner {
	t.Helper()
	deps := Deps{DB: db, Now: instant.System(0), Log: slog.New(slog.DiscardHandler), Node: id.NewNode()}
	for _, c := range change {
		c(&deps)
	}
	r := New(deps)
	t.Cleanup(r.Stop)
	return r
}

// lines is a logger's handler that hands on the messages: what became of a job is logged once it is written.
type lines chan string

func (l lines) Enabled(context.Context, slog.Level) bool { return true }
func (l lines) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l lines) WithGroup(string) slog.Handler            { return l }
func (l lines) Handle(_ context.Context, r slog.Record) error {
	l <- r.Message
	return nil
}

func start(t *testing.T, r *Runner) {
	t.Helper()
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func enqueue(t *testing.T, db *store.DB, in EnqueueInput) {
	t.Helper()
	if in.Kind == "" {
		in.Kind = greet
	}
	if err := db.Write(t.Context(), func(tx store.Tx) error {
		return Enqueue(t.Context(), tx, instant.Of(time.Now()), in)
	}); err != nil {
		t.Fatal(err)
	}
}

func listed(t *testing.T, db *store.DB, state State) []Job {
	t.Helper()
	var out []Job
	if err := db.Read(t.Context(), func(r store.Reader) (err error) { out, err = List(t.Context(), r, state, 100); return err }); err != nil {
		t.Fatal(err)
	}
	return out
}

func await[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("%s never came", what)
		panic("unreachable")
	}
}

func value(t *testing.T, m prometheus.Metric) float64 {
	t.Helper()
	var out dto.Metric
	if err := m.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.GetGauge().GetValue() + out.GetCounter().GetValue()
}

func TestAJobRunsWhenItsTransactionCommitsAndOnlyThen(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		names := make(chan string, 10)
		r := newRunner(t, db)
		r.Handle(greet, Policy{}, func(_ context.Context, j Job) error {
			var name string
			if err := j.Decode(&name); err != nil {
				return err
			}
			names <- name
			return nil
		})
		start(t, r)
		refused := errors.New("no")
		err := db.Write(t.Context(), func(tx store.Tx) error {
			if err := Enqueue(t.Context(), tx, r.deps.Now(), EnqueueInput{Kind: greet, Args: "lost"}); err != nil {
				return err
			}
			return refused
		})
		if !errors.Is(err, refused) {
			t.Fatal(err)
		}
		enqueue(t, db, EnqueueInput{Args: "Ada"})
		if got := await(t, names, "the job"); got != "Ada" {
			t.Errorf("ran %q, want Ada", got)
		}
		r.Stop()
		if got := listed(t, db, StateDone); len(got) != 1 || got[0].Tries != 1 || got[0].FinishedAt.IsZero() {
			t.Errorf("done jobs: %+v", got)
		}
	})
}

func TestAKeyMakesWaitingWorkOneAndRunsAgainWhatComesTooLate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var running, runs atomic.Int32
		began, proceed := make(chan int32, 10), make(chan struct{})
		r := newRunner(t, db)
		r.Handle(greet, Policy{}, func(ctx context.Context, _ Job) error {
			if running.Add(1) > 1 {
				t.Error("two of one key at once")
			}
			defer running.Add(-1)
			began <- runs.Add(1)
			select {
			case <-proceed:
			case <-ctx.Done():
			}
			return nil
		})
		for range 3 {
			enqueue(t, db, EnqueueInput{Key: "k"})
		}
		start(t, r)
		await(t, began, "first run")
		for range 3 { // the running one may have read the old state
			enqueue(t, db, EnqueueInput{Key: "k"})
		}
		other := newRunner(t, db)
		other.Handle(greet, Policy{}, nil)
		if taken, _, err := other.claim(t.Context(), 5); err != nil || len(taken) != 0 {
			t.Errorf("another node would run the key beside it: %v, %v", taken, err)
		}
		proceed <- struct{}{}
		if n := await(t, began, "second run"); n != 2 {
			t.Errorf("run %d, want 2", n)
		}
		proceed <- struct{}{}
		r.Stop()
		if n := len(listed(t, db, StateDone)); n != 2 || runs.Load() != 2 {
			t.Errorf("%d done, %d runs, want 2", n, runs.Load())
		}
	})
}

func TestFailuresAreRetriedThenParkedAndTheOperatorMayRetry(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error": func() error { return errors.New("no luck") },
		"panic": func() error { panic("no luck") },
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				type try struct {
					n    int
					last bool
				}
				tries := make(chan try, 10)
				reg := prometheus.NewRegistry()
				said := make(lines, 100)
				r := newRunner(t, db, func(d *Deps) { d.Registry, d.Log = reg, slog.New(said) })
				r.Handle(greet, Policy{Retries: []time.Duration{time.Millisecond, time.Millisecond}}, func(_ context.Context, j Job) error {
					tries <- try{j.Tries, j.Last}
					return fail()
				})
				start(t, r)
				enqueue(t, db, EnqueueInput{})
				for _, want := range []try{{1, false}, {2, false}, {3, true}} {
					if got := await(t, tries, "a try"); got != want {
						t.Errorf("try %+v, want %+v", got, want)
					}
				}
				for await(t, said, "the end of the tries") != "job parked" {
				}
				r.Stop()
				parked := listed(t, db, StateParked)
				if len(parked) != 1 || !strings.Contains(parked[0].LastError, "no luck") {
					t.Fatalf("parked: %+v", parked)
				}
				if err := r.measure(t.Context()); err != nil {
					t.Fatal(err)
				}
				if v := value(t, r.metrics.parked.WithLabelValues(string(greet))); v != 1 {
					t.Errorf("parked gauge %v", v)
				}
				if v := value(t, r.metrics.results.WithLabelValues(string(greet), "retry")); v != 2 {
					t.Errorf("%v retries counted", v)
				}
				start(t, r)
				if err := db.Write(t.Context(), func(tx store.Tx) error { return Retry(t.Context(), tx, r.deps.Now(), parked[0].ID) }); err != nil {
					t.Fatal(err)
				}
				if got := await(t, tries, "the operator's retry"); got.n != 1 {
					t.Errorf("retried with try %d", got.n)
				}
				err := db.Write(t.Context(), func(tx store.Tx) error { return Retry(t.Context(), tx, r.deps.Now(), id.NewJob()) })
				if fault.CodeOf(err) != "jobs.not_parked" {
					t.Errorf("retrying an unknown job: %v", err)
				}
			})
		})
	}
}

func TestParkEndsTheTriesAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ran := make(chan struct{}, 10)
		r := newRunner(t, db)
		r.Handle(greet, Policy{}, func(context.Context, Job) error {
			ran <- struct{}{}
			return fmt.Errorf("greet: %w", Park(errors.New("nobody there")))
		})
		start(t, r)
		enqueue(t, db, EnqueueInput{})
		await(t, ran, "the try")
		r.Stop()
		if got := listed(t, db, StateParked); len(got) != 1 || got[0].Tries != 1 {
			t.Errorf("parked: %+v", got)
		}
	})
}

// Two nodes, each with its own handle: what one PostgreSQL and two processes are.
func TestTwoNodesShareTheWorkAndDoNothingTwice(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			const jobs, workers = 200, 4
			cfg := storetest.Location(t, engine)
			db := storetest.Open(t, cfg)
			var mu sync.Mutex
			ran := map[int]int{}
			all := make(chan struct{})
			var atOnce, most atomic.Int32
			for range 2 {
				r := newRunner(t, storetest.Open(t, cfg), func(d *Deps) { d.Workers = workers })
				r.Handle(greet, Policy{}, func(_ context.Context, j Job) error {
					most.Store(max(most.Load(), atOnce.Add(1)))
					defer atOnce.Add(-1)
					var n int
					if err := j.Decode(&n); err != nil {
						return err
					}
					mu.Lock()
					defer mu.Unlock()
					if ran[n]++; len(ran) == jobs && ran[n] == 1 {
						close(all)
					}
					return nil
				})
				start(t, r)
			}
			for n := range jobs {
				enqueue(t, db, EnqueueInput{Args: n, Key: fmt.Sprint(n)})
			}
			select {
			case <-all:
			case <-time.After(30 * time.Second):
				mu.Lock()
				defer mu.Unlock()
				t.Fatalf("%d of %d ran", len(ran), jobs)
			}
			mu.Lock()
			defer mu.Unlock()
			for n, times := range ran {
				if times != 1 {
					t.Errorf("job %d ran %d times", n, times)
				}
			}
			if most.Load() > 2*workers {
				t.Errorf("%d at once, want at most %d", most.Load(), 2*workers)
			}
		})
	}
}

func TestAQueueOfANodeIsServedByThatNodeAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		who := make(chan id.Node, 10)
		var nodes []*Runner
		for range 2 {
			r := newRunner(t, db)
			r.Handle(greet, Policy{}, func(context.Context, Job) error { who <- r.deps.Node; return nil })
			start(t, r)
			nodes = append(nodes, r)
		}
		for range 5 {
			for _, r := range nodes {
				enqueue(t, db, EnqueueInput{Queue: NodeQueue(r.deps.Node)})
				if got := await(t, who, "the job"); got != r.deps.Node {
					t.Errorf("ran on %s, want %s", got, r.deps.Node)
				}
			}
		}
	})
}

// clock is a clock that tests move.
type clock struct{ us atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.us.Store(time.Date(2027, 1, 12, 9, 0, 0, 0, time.UTC).UnixMicro())
	return c
}

func (c *clock) now() instant.Instant    { return instant.Micros(c.us.Load()) }
func (c *clock) advance(d time.Duration) { c.us.Add(d.Microseconds()) }
func (c *clock) deps(d *Deps)            { d.Now = c.now }
func (c *clock) enqueue(t *testing.T, db *store.DB, in EnqueueInput) {
	t.Helper()
	if err := db.Write(t.Context(), func(tx store.Tx) error { return Enqueue(t.Context(), tx, c.now(), in) }); err != nil {
		t.Fatal(err)
	}
}

func TestAJobOfADeadNodeIsDoneByAnother(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		dead := newRunner(t, db, c.deps)
		dead.Handle(greet, Policy{Timeout: time.Hour}, nil)
		c.enqueue(t, db, EnqueueInput{Kind: greet})
		if err := dead.pulse(t.Context(), true); err != nil {
			t.Fatal(err)
		}
		taken, _, err := dead.claim(t.Context(), 1)
		if err != nil || len(taken) != 1 {
			t.Fatalf("claimed %v, %v", taken, err)
		}
		ran, proceed := make(chan Job, 1), make(chan struct{})
		heir := newRunner(t, db, c.deps)
		heir.Handle(greet, Policy{Timeout: time.Hour}, func(_ context.Context, j Job) error { ran <- j; <-proceed; return nil })
		if none, _, err := heir.claim(t.Context(), 1); err != nil || len(none) != 0 {
			t.Fatalf("took the job of a living node: %v, %v", none, err)
		}
		c.advance(nodeLost + time.Second)
		start(t, heir)
		if err := heir.rescue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if j := await(t, ran, "the job of the dead node"); j.Tries != 2 {
			t.Errorf("try %d, want 2", j.Tries)
		}
		// The dead one was only stopped and wakes up: its results must not count any more.
		for _, late := range []error{errors.New("late"), Park(errors.New("late")), nil} {
			if _, err := dead.settle(t.Context(), dead.handlers[greet], taken[0], late, false); err != nil {
				t.Fatal(err)
			}
		}
		if running := listed(t, db, StateRunning); len(running) != 1 || running[0].Tries != 2 {
			t.Errorf("after the dead node woke up: %+v", running)
		}
		close(proceed)
		heir.Stop()
		if done := listed(t, db, StateDone); len(done) != 1 || done[0].LastError != "" {
			t.Errorf("at the end: %+v", done)
		}
	})
}

func TestAJobWhoseLastTryKilledItsNodeIsParked(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		dead := newRunner(t, db, c.deps)
		dead.Handle(greet, Policy{Retries: OneTry}, nil)
		c.enqueue(t, db, EnqueueInput{Kind: greet})
		if taken, _, err := dead.claim(t.Context(), 1); err != nil || len(taken) != 1 {
			t.Fatal(taken, err)
		}
		c.advance(time.Hour)
		heir := newRunner(t, db, c.deps)
		heir.Handle(greet, Policy{Retries: OneTry}, func(context.Context, Job) error { t.Error("tried once more"); return nil })
		taken, _, err := heir.claim(t.Context(), 1)
		if err != nil || len(taken) != 1 {
			t.Fatal(taken, err)
		}
		heir.work(t.Context(), taken[0])
		if got := listed(t, db, StateParked); len(got) != 1 {
			t.Errorf("parked: %+v", got)
		}
	})
}

func TestWorkForANodeThatNeverComesBackIsParked(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		c.enqueue(t, db, EnqueueInput{Kind: greet, Queue: NodeQueue(id.NewNode())})
		r := newRunner(t, db, c.deps)
		for _, step := range []struct {
			after time.Duration
			want  int
		}{{time.Minute, 0}, {15 * time.Minute, 1}} {
			c.advance(step.after)
			if err := r.rescue(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := len(listed(t, db, StateParked)); got != step.want {
				t.Errorf("%d parked after %v, want %d", got, step.after, step.want)
			}
		}
	})
}

func TestStoppingGivesTheJobBackUncounted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		began := make(chan struct{}, 1)
		r := newRunner(t, db)
		r.Handle(greet, Policy{}, func(ctx context.Context, _ Job) error {
			began <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		})
		start(t, r)
		enqueue(t, db, EnqueueInput{Key: "k"})
		await(t, began, "the job")
		r.Stop()
		if got := listed(t, db, StateReady); len(got) != 1 || got[0].Tries != 0 {
			t.Errorf("ready after stop: %+v", got)
		}
		var left []Node
		if err := db.Read(t.Context(), func(rd store.Reader) (err error) { left, err = Nodes(t.Context(), rd, r.deps.Now()); return err }); err != nil || len(left) != 0 {
			t.Errorf("nodes after stop: %v, %v", left, err)
		}
	})
}

func TestARetryGivesWayToANewerJobOfItsKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		began, proceed := make(chan int, 10), make(chan error)
		r := newRunner(t, db)
		r.Handle(greet, Policy{Retries: []time.Duration{time.Hour}}, func(_ context.Context, j Job) error {
			began <- j.Tries
			return <-proceed
		})
		start(t, r)
		enqueue(t, db, EnqueueInput{Key: "k"})
		await(t, began, "first")
		enqueue(t, db, EnqueueInput{Key: "k"})
		proceed <- errors.New("no")
		if n := await(t, began, "the newer one"); n != 1 {
			t.Errorf("try %d", n)
		}
		proceed <- nil
		r.Stop()
		if n := len(listed(t, db, StateDone)); n != 2 {
			t.Errorf("%d done, want 2", n)
		}
	})
}

func TestADutyHasOneLeaderAndAnHeirWithinSixSeconds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		led := make(chan id.Node, 10)
		left := make(chan id.Node, 10)
		node := func() *Runner {
			r := newRunner(t, db, c.deps)
			r.Every("test.duty", time.Hour, func(ctx context.Context) error {
				led <- r.deps.Node
				<-ctx.Done()
				left <- r.deps.Node
				return nil
			})
			return r
		}
		a, b := node(), node()
		pulse := func(r *Runner) {
			t.Helper()
			if err := r.pulse(t.Context(), true); err != nil {
				t.Fatal(err)
			}
		}
		pulse(a)
		if got := await(t, led, "a leader"); got != a.deps.Node {
			t.Fatal("b leads")
		}
		for range 5 { // a renews, b looks
			c.advance(beatEvery)
			pulse(a)
			pulse(b)
		}
		select {
		case got := <-led:
			t.Fatalf("%s leads beside a living leader", got)
		default:
		}
		for range 6 { // a is dead
			c.advance(lookEvery)
			if err := b.pulse(t.Context(), false); err != nil {
				t.Fatal(err)
			}
		}
		if got := await(t, led, "the heir"); got != b.deps.Node {
			t.Fatal("not b")
		}
		pulse(a) // a comes back and sees that it has been replaced
		if got := await(t, left, "the end of a's leadership"); got != a.deps.Node {
			t.Fatal("b stopped leading")
		}
		for _, r := range []*Runner{a, b} {
			for _, d := range r.duties {
				d.drop()
				<-d.done
			}
		}
	})
}

func TestALeaseIsTakenByOneOnly(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		a, b, now := id.NewNode(), id.NewNode(), newClock().now()
		for _, step := range []struct {
			node  id.Node
			after time.Duration
			want  bool
		}{{a, 0, true}, {b, 0, false}, {a, time.Second, true}, {b, dutyLease, false}, {b, time.Second + dutyLease, true}, {a, time.Second + dutyLease, false}} {
			var got bool
			if err := db.Gate(t.Context(), func(tx store.Tx) (err error) {
				got, err = take(t.Context(), tx, now.Add(step.after), "test.duty", step.node, dutyLease)
				return err
			}); err != nil || got != step.want {
				t.Errorf("%+v: %v, %v", step, got, err)
			}
		}
	})
}

func TestALeaderThatCannotRenewStopsByItself(t *testing.T) {
	cfg := storetest.Location(t, store.SQLite)
	db := storetest.Open(t, cfg)
	led, left := make(chan struct{}, 1), make(chan time.Time, 1)
	r := newRunner(t, db)
	r.Every("test.duty", time.Hour, func(ctx context.Context) error {
		led <- struct{}{}
		<-ctx.Done()
		left <- time.Now()
		return nil
	})
	began := time.Now()
	if err := r.pulse(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	await(t, led, "the leadership")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.pulse(t.Context(), true); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("pulse without a database: %v", err)
	}
	if held := await(t, left, "the end of the leadership").Sub(began); held >= dutyLease {
		t.Errorf("led for %v, longer than its lease", held)
	}
}
