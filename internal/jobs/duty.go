// SPDX-License-Identifier: AGPL-3.0-or-later

package jobs

import (
	"context"
	"fmt"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// The rhythm of leadership: a leader renews every beatEvery; the others look every lookEvery and
// take a lease that has ended. So a dead leader is replaced within dutyLease + lookEvery = 6 s, and
// one that merely stalls keeps its duty for up to trustOwn, which is shorter than the lease by more
// than the clocks of the nodes may differ.
const (
	beatEvery = 2 * time.Second
	lookEvery = time.Second
	dutyLease = 5 * time.Second
	trustOwn  = 4 * time.Second
)

// Node is a running process of this program.
type Node struct {
	ID        id.Node
	Version   string
	StartedAt instant.Instant
	SeenAt    instant.Instant // renewed every two seconds
}

// Nodes returns the nodes seen within the last ten seconds.
func Nodes(ctx context.Context, r store.Reader, now instant.Instant) ([]Node, error) {
	return nodes(ctx, r, now.Add(-nodeLost))
}

// duty is one periodic task that a single node performs.
type duty struct {
	name  string
	every time.Duration
	fn    func(ctx context.Context) error

	// Touched by the goroutine of lead alone.
	cancel context.CancelFunc // set while this node leads
	fuse   *time.Timer        // ends the leadership when renewing fails for too long
	done   chan struct{}      // closed when the last leadership's goroutine has ended
}

// Every registers fn to be run by one node at a time: when it becomes leader of name, and then each
// period. fn must bear to be run once too often, and stop when ctx ends: another node may lead then.
func (r *Runner) Every(name string, every time.Duration, fn func(ctx context.Context) error) {
	for _, d := range r.duties {
		if d.name == name {
			panic("jobs: two duties named " + name)
		}
	}
	done := make(chan struct{})
	close(done)
	r.duties = append(r.duties, &duty{name: name, every: every, fn: fn, done: done})
}

func (r *Runner) lead(ctx context.Context) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	defer func() {
		for _, d := range r.duties {
			d.drop()
			<-d.done
		}
	}()
	var beaten time.Time
	for {
		renew := time.Since(beaten) >= beatEvery-lookEvery/2
		if err := r.pulse(ctx, renew); err != nil && ctx.Err() == nil {
			r.deps.Log.Warn("node cannot renew its leases", "err", err)
		} else if renew {
			beaten = time.Now()
			if err := r.measure(ctx); err != nil && ctx.Err() == nil {
				r.deps.Log.Warn("jobs cannot be counted", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// pulse renews what this node leads (renew) and takes what nobody leads.
func (r *Runner) pulse(ctx context.Context, renew bool) error {
	now, began := r.deps.Now(), time.Now()
	var found []lease
	if err := r.deps.DB.Read(ctx, func(rd store.Reader) (err error) { found, err = leases(ctx, rd); return err }); err != nil {
		return err
	}
	led := map[string]lease{}
	for _, l := range found {
		led[l.name] = l
	}
	var want []*duty
	for _, d := range r.duties {
		l, known := led[d.name]
		mine := known && l.holder == r.deps.Node && l.until.After(now)
		if !mine {
			d.drop() // somebody took it while we stalled
		}
		if (mine && renew && d.cancel != nil) || ((!known || !l.until.After(now) || (mine && d.cancel == nil)) && d.idle()) {
			want = append(want, d)
		}
	}
	if len(want) == 0 && !renew {
		return nil
	}
	var got map[*duty]bool
	err := r.deps.DB.Gate(ctx, func(tx store.Tx) error {
		got = map[*duty]bool{}
		if err := beat(ctx, tx, now, r.deps.Node, r.deps.Version); err != nil {
			return err
		}
		for _, d := range want { // registered in the same order on every node, so no deadlock
			ok, err := take(ctx, tx, now, d.name, r.deps.Node, dutyLease)
			if err != nil {
				return err
			}
			got[d] = ok
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, d := range want {
		trust := trustOwn - time.Since(began)
		switch {
		case !got[d] || trust <= 0:
			d.drop()
		case d.cancel != nil && d.fuse.Stop():
			d.fuse.Reset(trust)
		case d.cancel != nil:
			d.drop() // the fuse has blown; begin afresh at the next look
		default:
			r.assume(ctx, d, trust)
		}
	}
	return nil
}

func (d *duty) drop() {
	if d.cancel != nil {
		d.fuse.Stop()
		d.cancel()
		d.cancel = nil
	}
}

// idle reports whether the goroutine of an earlier leadership has ended; until then this node must
// not lead again.
func (d *duty) idle() bool {
	select {
	case <-d.done:
		return true
	default:
		return false
	}
}

func (r *Runner) assume(ctx context.Context, d *duty, trust time.Duration) {
	leading, cancel := context.WithCancel(ctx)
	d.cancel, d.done = cancel, make(chan struct{})
	d.fuse = time.AfterFunc(trust, cancel)
	done := d.done
	go func() {
		defer close(done)
		tick := time.NewTicker(d.every)
		defer tick.Stop()
		for leading.Err() == nil {
			if err := safely(leading, d.fn); err != nil && leading.Err() == nil {
				r.deps.Log.Warn("duty failed", "duty", d.name, "err", err)
			}
			select {
			case <-leading.Done():
			case <-tick.C:
			}
		}
	}()
}

func safely(ctx context.Context, fn func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return fn(ctx)
}
