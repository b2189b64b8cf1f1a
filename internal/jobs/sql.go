// SPDX-License-Identifier: AGPL-3.0-or-later

package jobs

import (
	"context"
	"fmt"
	"strings"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

const columns = `id, kind, COALESCE(job_key, ''), queue, args, state, run_at, tries, COALESCE(last_error, ''), created_at, finished_at`

func scan(s store.Scanner) (Job, error) {
	var j Job
	var jobID, kind, state string
	err := s.Scan(&jobID, &kind, &j.Key, &j.Queue, &j.args, &state, &j.RunAt, &j.Tries, &j.LastError, &j.CreatedAt, &j.FinishedAt)
	j.ID, j.Kind, j.State = id.Job(jobID), Kind(kind), State(state)
	return j, err
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func insert(ctx context.Context, tx store.Tx, now instant.Instant, in EnqueueInput, args string) error {
	_, err := tx.Exec(ctx, `INSERT INTO job (id, kind, job_key, queue, args, state, run_at, tries, created_at)
		VALUES ($1, $2, $3, $4, $5, 'ready', $6, 0, $7)
		ON CONFLICT (kind, job_key) WHERE state = 'ready' DO NOTHING`,
		string(id.NewJob()), string(in.Kind), orNull(in.Key), in.Queue, args, in.RunAt, now)
	return err
}

// mine is the condition on the jobs a node may take: of its queues, of kinds it knows (an older
// node leaves the work of a newer one alone). The first placeholder it uses is $2.
func mine(node id.Node, kinds []Kind) (cond string, args []any) {
	args = []any{NodeQueue(node)}
	marks := make([]string, len(kinds))
	for i, k := range kinds {
		args = append(args, string(k))
		marks[i] = fmt.Sprintf("$%d", i+3)
	}
	return `queue IN ('', $2) AND kind IN (` + strings.Join(marks, ", ") + `)`, args
}

// nextDue returns when the next job is due; none when nothing waits.
func nextDue(ctx context.Context, r store.Reader, after instant.Instant, node id.Node, kinds []Kind) (instant.Instant, error) {
	cond, args := mine(node, kinds)
	var due instant.Instant
	err := r.QueryRow(ctx, `SELECT MIN(run_at) FROM job WHERE state IN ('ready', 'running') AND run_at >= $1 AND `+cond,
		append([]any{after}, args...)...).Scan(&due)
	return due, err
}

// due returns up to limit jobs to begin now: ready ones, and running ones whose lease has ended.
// A ready one waits while another of its kind and key runs. The rows are locked.
func due(ctx context.Context, tx store.Tx, now instant.Instant, node id.Node, kinds []Kind, limit int) ([]Job, error) {
	cond, args := mine(node, kinds)
	return store.All(ctx, tx, scan, `SELECT `+columns+` FROM job
		WHERE state IN ('ready', 'running') AND run_at <= $1 AND `+cond+`
		AND (state = 'running' OR NOT EXISTS (SELECT 1 FROM job AS other
			WHERE other.kind = job.kind AND other.job_key = job.job_key AND other.state = 'running'))
		ORDER BY run_at, id LIMIT `+fmt.Sprintf("$%d", len(args)+2)+store.SkipLocked(tx),
		append(append([]any{now}, args...), limit)...)
}

func begin(ctx context.Context, tx store.Tx, job id.Job, node id.Node, until instant.Instant) error {
	_, err := tx.Exec(ctx, `UPDATE job SET state = 'running', leased_by = $2, run_at = $3, tries = tries + 1 WHERE id = $1`,
		string(job), string(node), until)
	return err
}

// held restricts an update to the try that still holds the lease: a worker that was stopped and
// replaced must not undo what its successor does.
const held = ` WHERE id = $1 AND state = 'running' AND leased_by = $2 AND tries = $3`

func finish(ctx context.Context, tx store.Tx, now instant.Instant, j Job, node id.Node, state State, lastError string) error {
	_, err := tx.Exec(ctx, `UPDATE job SET state = $4, finished_at = $5, leased_by = NULL, last_error = $6`+held,
		string(j.ID), string(node), j.Tries, string(state), now, orNull(lastError))
	return err
}

// again makes the job ready unless a newer one of its kind and key waits; then it reports false.
func again(ctx context.Context, tx store.Tx, j Job, node id.Node, runAt instant.Instant, tries int, lastError string) (bool, error) {
	n, err := store.Affected(tx.Exec(ctx, `UPDATE job SET state = 'ready', run_at = $4, tries = $5, leased_by = NULL, last_error = $6`+held+`
		AND NOT EXISTS (SELECT 1 FROM job AS other WHERE other.kind = job.kind AND other.job_key = job.job_key AND other.state = 'ready')`,
		string(j.ID), string(node), j.Tries, runAt, tries, orNull(lastError)))
	return n > 0, err
}

func list(ctx context.Context, r store.Reader, state State, limit int) ([]Job, error) {
	return store.All(ctx, r, scan, `SELECT `+columns+` FROM job WHERE state = $1 ORDER BY id DESC LIMIT $2`, string(state), limit)
}

func unpark(ctx context.Context, tx store.Tx, now instant.Instant, job id.Job) error {
	n, err := store.Affected(tx.Exec(ctx, `UPDATE job SET state = 'ready', run_at = $2, tries = 0, finished_at = NULL
		WHERE id = $1 AND state = 'parked'
		AND NOT EXISTS (SELECT 1 FROM job AS other WHERE other.kind = job.kind AND other.job_key = job.job_key AND other.state = 'ready')`,
		string(job), now))
	if err == nil && n == 0 {
		return fault.New(fault.NotFound, "jobs.not_parked")
	}
	return err
}

// release ends the leases that a former life of this node left behind.
func release(ctx context.Context, tx store.Tx, now instant.Instant, node id.Node) error {
	_, err := tx.Exec(ctx, `UPDATE job SET run_at = $2 WHERE state = 'running' AND leased_by = $1`, string(node), now)
	return err
}

type lostInput struct {
	now      instant.Instant
	me       id.Node         // never lost: after a suspension the clock has jumped before the heartbeat
	unseen   instant.Instant // who was not seen since is dead
	forsaken instant.Instant // a job for a dead node alone is parked when it is older than this
}

// lostLease and lostQueue are the jobs a dead node began, and those nobody else may do.
const (
	deadNode  = ` NOT IN (SELECT id FROM node WHERE seen_at >= $2 OR id = $3)`
	lostLease = `state = 'running' AND run_at > $1 AND leased_by` + deadNode
	lostQueue = `state IN ('ready', 'running') AND run_at <= $1 AND created_at < $4 AND queue <> '' AND queue` + deadNode
)

func (in lostInput) args() []any { return []any{in.now, in.unseen, string(in.me)} }

func countLost(ctx context.Context, r store.Reader, in lostInput) (n int64, err error) {
	err = r.QueryRow(ctx, `SELECT COUNT(*) FROM job WHERE state IN ('ready', 'running') AND ((`+lostLease+`) OR (`+lostQueue+`))`,
		append(in.args(), in.forsaken)...).Scan(&n)
	return n, err
}

// releaseLost ends the leases of dead nodes, instead of awaiting the end of a long one, and parks
// what waits for them.
func releaseLost(ctx context.Context, tx store.Tx, in lostInput) error {
	if _, err := tx.Exec(ctx, `UPDATE job SET run_at = $1 WHERE `+lostLease, in.args()...); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE job SET state = 'parked', finished_at = $1, leased_by = NULL, last_error = 'its node has gone' WHERE `+lostQueue,
		append(in.args(), in.forsaken)...)
	return err
}

func trim(ctx context.Context, tx store.Tx, done, nodes instant.Instant) error {
	if _, err := tx.Exec(ctx, `DELETE FROM job WHERE state = 'done' AND finished_at < $1`, done); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `DELETE FROM node WHERE seen_at < $1`, nodes)
	return err
}

type census struct {
	kind   Kind
	state  State
	n      int
	oldest instant.Instant
}

func count(ctx context.Context, r store.Reader) ([]census, error) {
	return store.All(ctx, r, func(s store.Scanner) (census, error) {
		var c census
		var kind, state string
		err := s.Scan(&kind, &state, &c.n, &c.oldest)
		c.kind, c.state = Kind(kind), State(state)
		return c, err
	}, `SELECT kind, state, COUNT(*), MIN(run_at) FROM job WHERE state IN ('ready', 'running', 'parked') GROUP BY kind, state`)
}

func beat(ctx context.Context, tx store.Tx, now instant.Instant, node id.Node, version string) error {
	_, err := tx.Exec(ctx, `INSERT INTO node (id, version, started_at, seen_at) VALUES ($1, $2, $3, $3)
		ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at`, string(node), version, now)
	return err
}

func leave(ctx context.Context, tx store.Tx, now instant.Instant, node id.Node) error {
	if _, err := tx.Exec(ctx, `DELETE FROM node WHERE id = $1`, string(node)); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE duty SET until = $2 WHERE holder = $1 AND until > $2`, string(node), now)
	return err
}

func nodes(ctx context.Context, r store.Reader, since instant.Instant) ([]Node, error) {
	return store.All(ctx, r, func(s store.Scanner) (Node, error) {
		var n Node
		var nodeID string
		err := s.Scan(&nodeID, &n.Version, &n.StartedAt, &n.SeenAt)
		n.ID = id.Node(nodeID)
		return n, err
	}, `SELECT id, version, started_at, seen_at FROM node WHERE seen_at >= $1 ORDER BY id`, since)
}

type lease struct {
	name   string
	holder id.Node
	until  instant.Instant
}

func leases(ctx context.Context, r store.Reader) ([]lease, error) {
	return store.All(ctx, r, func(s store.Scanner) (lease, error) {
		var l lease
		var holder string
		err := s.Scan(&l.name, &holder, &l.until)
		l.holder = id.Node(holder)
		return l, err
	}, `SELECT name, holder, until FROM duty`)
}

// take acquires or renews the lease of a duty, and reports whether node holds it now.
func take(ctx context.Context, tx store.Tx, now instant.Instant, name string, node id.Node, length time.Duration) (bool, error) {
	n, err := store.Affected(tx.Exec(ctx, `INSERT INTO duty (name, holder, until) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
		WHERE duty.holder = excluded.holder OR duty.until <= $4`, name, string(node), now.Add(length), now))
	return n > 0, err
}
