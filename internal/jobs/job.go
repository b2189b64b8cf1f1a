// SPDX-License-Identifier: AGPL-3.0-or-later

package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// Kind names what is to be done: "mail.send". The package that owns the work owns the name.
type Kind string

// State is where a job stands.
type State string

// The states. Ready covers "later" and "again"; parked is the operator's to look at.
const (
	StateReady   State = "ready"
	StateRunning State = "running"
	StateDone    State = "done"
	StateParked  State = "parked"
)

// Job is one durable piece of work.
type Job struct {
	ID         id.Job
	Kind       Kind
	Key        string // "" when every enqueued job counts
	Queue      string // "" any node; else the node it is for
	State      State
	RunAt      instant.Instant // the next try; while it runs, the end of its lease
	Tries      int             // how often it was begun, the running one included
	Last       bool            // in a handler: nothing follows when this try fails
	LastError  string
	CreatedAt  instant.Instant
	FinishedAt instant.Instant // none until it is done or parked
	args       string
}

// Decode reads the arguments given to Enqueue into v.
func (j Job) Decode(v any) error {
	if err := json.Unmarshal([]byte(j.args), v); err != nil {
		return Park(fmt.Errorf("arguments of job %s: %w", j.ID, err))
	}
	return nil
}

// EnqueueInput says what to do and when.
type EnqueueInput struct {
	Kind Kind
	// Key makes the work one: while a job of this kind and key waits, another is not enqueued. One
	// that has begun does not count, as it may have read the old state; the new one then runs after it.
	Key   string
	Queue string          // "" any node, or NodeQueue of the one that must do it
	Args  any             // encoded as JSON; no secrets and no personal data beyond what the work needs
	RunAt instant.Instant // none: at once
}

// NodeQueue returns the queue that only node serves.
func NodeQueue(node id.Node) string { return string(node) }

const topic store.Topic = "jobs"

// Enqueue adds a job in the caller's transaction; it begins right after the commit, on this node if
// it has a free worker, within half a second on others. It joins tx.
func Enqueue(ctx context.Context, tx store.Tx, now instant.Instant, in EnqueueInput) error {
	if in.Kind == "" {
		return errors.New("enqueue: a job without kind")
	}
	args, err := json.Marshal(in.Args)
	if err != nil {
		return fmt.Errorf("enqueue %s: %w", in.Kind, err)
	}
	if in.RunAt.IsZero() {
		in.RunAt = now
	}
	if err := insert(ctx, tx, now, in, string(args)); err != nil {
		return fmt.Errorf("enqueue %s: %w", in.Kind, err)
	}
	if in.Queue != "" { // its node is told, as this one may not serve it
		return store.Changed(ctx, tx, now, topic, in.Queue)
	}
	store.Wake(tx, topic)
	return nil
}

// List returns the newest jobs in a state, for the operator. Limit at most 500.
func List(ctx context.Context, r store.Reader, state State, limit int) ([]Job, error) {
	return list(ctx, r, state, min(max(limit, 1), 500))
}

// Retry makes a parked job ready again with all its tries. NotFound (jobs.not_parked) when there is
// none. It joins tx.
func Retry(ctx context.Context, tx store.Tx, now instant.Instant, job id.Job) error {
	if err := unpark(ctx, tx, now, job); err != nil {
		return err
	}
	store.Wake(tx, topic)
	return nil
}

// Policy says how patient a kind is.
type Policy struct {
	// Retries are the pauses before the second, third, ... try; each is lengthened by up to a fifth
	// so that what failed together does not come back together. nil is DefaultRetries; OneTry none.
	Retries []time.Duration
	Timeout time.Duration // of one try; 0 is one minute
}

// DefaultRetries spread seven tries over about three hours.
var DefaultRetries = []time.Duration{time.Second, 10 * time.Second, time.Minute, 10 * time.Minute, 30 * time.Minute, 2 * time.Hour}

// OneTry is for work that is pointless later.
var OneTry = []time.Duration{}

// Handler does the work of one kind. It gets a context that ends with the try, and may run twice.
type Handler func(ctx context.Context, job Job) error

// Park marks err as hopeless: the job is parked at once. Park(nil) is nil.
func Park(err error) error {
	if err == nil {
		return nil
	}
	return hopeless{err}
}

// Hopeless reports whether err is, or wraps, what Park marked.
func Hopeless(err error) bool {
	var h hopeless
	return errors.As(err, &h)
}

type hopeless struct{ error }

func (h hopeless) Unwrap() error { return h.error }
