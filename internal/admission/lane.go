// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"runtime"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
)

// requestKind says what is asked of the gate.
type requestKind uint8

const (
	kindJoin requestKind = iota
	kindPresent
	kindAway
	kindRelease
	kindEnd
	kindMove
	kindKeep
	kindStop
	kindReconcile
	kindSweep
	kindRefresh
	kindReserve
	kindConfirm
	kindElsewhere
	kindVoid
	kindDetach
	kindReattach
)

var kindNames = [...]string{"join", "present", "away", "release", "end", "move", "keep_waiting", "stop_waiting", "reconcile", "sweep", "refresh",
	"reserve", "confirm", "elsewhere", "void", "detach", "reattach"}

func (k requestKind) String() string { return kindNames[k] }

// request is one thing asked of the gate for one member. answer may be read after done is closed.
type request struct {
	kind   requestKind
	member id.Member
	ctx    context.Context // of the caller: only asked whether it still waits
	at     time.Time
	done   chan struct{}
	answer answer

	join        JoinInput
	reserve     ReserveInput
	then        Then // nil: nothing
	first       bool // of kindConfirm: the meeting begins
	meeting     id.Meeting
	participant id.Participant
	why         Why
	reason      fleet.EndReason

	seen  []Seen           // of kindReconcile: all open meetings of the member on the server
	began instant.Instant  // when that list was begun
	gone  map[seatKey]bool // who of it left meanwhile; filled by load
}

func (r *request) finish(a answer) {
	r.answer = a
	close(r.done)
}

const (
	answerWithin = 5 * time.Second // then the caller is told to try again (gateway.md A7)
	batchMost    = 257             // one, and up to 256 more
	laneQueue    = 4 * batchMost
	ledgersMost  = 20000 // members remembered per lane
)

// lane serves some of the members, one batch after the other. Everything but in belongs to its goroutine.
type lane struct {
	gate   *Gate
	in     chan *request
	memory map[id.Member]*ledger

	marks     int64 // store.Marks, of the lane's own last batch
	disturbed int64 // how often somebody else had written between two batches
}

func newLane(g *Gate) *lane {
	return &lane{gate: g, in: make(chan *request, laneQueue), memory: map[id.Member]*ledger{}}
}

func (g *Gate) laneOf(m id.Member) *lane {
	if len(g.lanes) == 1 {
		return g.lanes[0]
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(m)) // never fails
	return g.lanes[h.Sum32()%uint32(len(g.lanes))]
}

// run takes what waits, without lingering for more, and commits it together; meanwhile the next batch
// gathers.
func (l *lane) run(ctx context.Context) {
	batch := make([]*request, 0, batchMost)
	for {
		select {
		case <-ctx.Done():
			l.refuseRest()
			return
		case req := <-l.in:
			batch = append(batch[:0], req)
		}
	drain:
		for len(batch) < batchMost {
			select {
			case req := <-l.in:
				batch = append(batch, req)
			default:
				break drain
			}
		}
		l.serve(ctx, batch)
		runtime.Gosched() // whoever was answered may ask for the next one: batches become twice as large
	}
}

func (l *lane) refuseRest() {
	for {
		select {
		case req := <-l.in:
			req.finish(answer{err: errTryAgain})
		default:
			return
		}
	}
}

// serve answers a batch. Whoever has left, or has waited too long to be believed, is skipped. A batch
// that fails is tried one request at a time, so that one poisoned request harms itself alone; unless
// the database does not answer, which one at a time would not mend.
func (l *lane) serve(ctx context.Context, batch []*request) {
	live := make([]*request, 0, len(batch))
	for _, req := range batch {
		switch {
		case req.ctx.Err() != nil:
			req.finish(answer{err: req.ctx.Err()})
		case time.Since(req.at) > answerWithin:
			req.finish(answer{err: errTryAgain})
		default:
			live = append(live, req)
		}
	}
	if len(live) == 0 {
		return
	}
	l.gate.metrics.batch.Observe(float64(len(live)))
	err := l.commit(ctx, live)
	switch {
	case err == nil:
	case len(live) == 1 || fault.KindOf(err) == fault.Unavailable || ctx.Err() != nil:
		for _, req := range live {
			req.finish(answer{err: l.failed(req, err)})
		}
	default:
		l.gate.deps.Log.Warn("batch of admissions failed, trying one by one", "requests", len(live), "err", err)
		for _, req := range live {
			if err := l.commit(ctx, []*request{req}); err != nil {
				req.finish(answer{err: l.failed(req, err)})
			}
		}
	}
}

// failed turns the error of a transaction into what the caller hears.
func (l *lane) failed(req *request, err error) error {
	l.gate.metrics.decided(req.kind, err)
	if fault.KindOf(err) == fault.Unavailable || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(err, fault.Unavailable, "admission.try_again")
	}
	if fault.CodeOf(err) == "store.check" {
		return fmt.Errorf("%s for %s: %v", req.kind, req.member, err) //nolint:errorlint // not what the caller asked is wrong
	}
	return fmt.Errorf("%s for %s: %w", req.kind, req.member, err)
}

// forget drops what is remembered of the members; it is read again when needed.
func (l *lane) forget(work []*work) {
	for _, w := range work {
		delete(l.memory, w.member)
	}
}

// remember keeps the ledgers of a committed batch.
func (l *lane) remember(work []*work) {
	for _, w := range work {
		switch led := w.ledger; {
		case !led.complete:
			// The version tells whether others write for the member too; the rest is read again.
			l.memory[w.member] = &ledger{
				member: led.member, version: led.version, quiet: led.quiet,
				limits: led.limits, limitsDoc: led.limitsDoc, limitsVersion: led.limitsVersion, limitsUntil: led.limitsUntil,
			}
		case led.seats == 0 && len(led.meetings) == 0 && len(led.queue) == 0:
			delete(l.memory, w.member) // reading it again is cheap
		default:
			l.memory[w.member] = led
		}
	}
	for m := range l.memory { // any will do: it is a cache
		if len(l.memory) <= ledgersMost {
			break
		}
		delete(l.memory, m)
	}
}
