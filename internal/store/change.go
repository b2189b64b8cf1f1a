// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"meetcoop/internal/instant"
)

// Topic names a stream of changes that caches and running meetings follow.
type Topic string

// Changed notes in the caller's transaction that key of topic has changed. Every node's watchers
// hear of it after the commit: this node at once, others within pollEvery. It joins tx.
func Changed(ctx context.Context, tx Tx, now instant.Instant, topic Topic, key string) error {
	_, err := tx.Exec(ctx, `INSERT INTO change (topic, changed_key, at) VALUES ($1, $2, $3)`, string(topic), key, now)
	if err == nil {
		Wake(tx, topic)
	}
	return err
}

// Wake calls those of this process that Listen to topic once the caller's transaction has
// committed. It writes nothing, so other processes hear nothing: it only shortens a wait.
func Wake(tx Tx, topic Topic) {
	t := tx.(txn).reader // the one implementation of Tx
	if t.woken == nil {
		t.woken = map[Topic]struct{}{}
	}
	t.woken[topic] = struct{}{}
}

// Listen calls fn after each commit of this process in which Wake or Changed named topic. fn runs on
// the committing goroutine and must not block.
func (db *DB) Listen(topic Topic, fn func()) {
	db.feed.mu.Lock()
	defer db.feed.mu.Unlock()
	db.feed.listeners[topic] = append(db.feed.listeners[topic], fn)
}

const (
	// pollEvery bounds how late another process (a second node, the command line) is heard.
	pollEvery = 200 * time.Millisecond
	// readGap is the least time between two reads, so that a busy gate does not make the feed read
	// after each of its commits.
	readGap = 20 * time.Millisecond
	// settleAfter is how long a number is watched for neighbours below it that commit later. On
	// SQLite commits come in the order of the numbers. On PostgreSQL a number is drawn before the
	// commit, so a lower one may appear after a higher one: see follow.
	settleAfter = writeTimeout + time.Second
	// oldestWriter is the age past which a transaction cannot be one of ours: a write ends by
	// itself after writeTimeout, and the server ends a stopped client's after 15 s
	// (idle_in_transaction_session_timeout). A longer one, of another program on the same server,
	// must not make us read the same changes for ever.
	oldestWriter = time.Minute
	// startOverlap is how many numbers before the newest are watched for late neighbours when the
	// feed starts.
	startOverlap = 10000
)

// feed reads the table change and calls the watchers. One goroutine, started by the first Watch.
type feed struct {
	db *DB

	mu        sync.Mutex
	watchers  map[Topic][]func(key string)
	listeners map[Topic][]func()
	cancel    context.CancelFunc // set while the goroutine runs
	done      chan struct{}
	poke      chan struct{}
}

func newFeed(db *DB) *feed {
	return &feed{db: db, watchers: map[Topic][]func(string){}, listeners: map[Topic][]func(){}, poke: make(chan struct{}, 1)}
}

// Watch calls fn, from one goroutine of the handle, for each change of topic committed from now on,
// at least once, with the key given to Changed. fn must be quick and must not write. A cache reads
// its rows after Watch has returned, else it may miss what came between.
func (db *DB) Watch(ctx context.Context, topic Topic, fn func(key string)) error {
	f := db.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.cancel == nil {
		seen := sightings{}
		if err := f.begin(ctx, &seen); err != nil {
			return err
		}
		run, cancel := context.WithCancel(context.WithoutCancel(ctx))
		f.cancel, f.done = cancel, make(chan struct{})
		go f.follow(run, seen)
	}
	f.watchers[topic] = append(f.watchers[topic], fn)
	return nil
}

func (f *feed) wake(topics map[Topic]struct{}) {
	if len(topics) == 0 {
		return
	}
	f.mu.Lock()
	var call []func()
	for topic := range maps.Keys(topics) {
		call = append(call, f.listeners[topic]...)
	}
	f.mu.Unlock()
	for _, fn := range call {
		fn()
	}
	select {
	case f.poke <- struct{}{}:
	default:
	}
}

func (f *feed) stop() {
	f.mu.Lock()
	cancel, done := f.cancel, f.done
	f.mu.Unlock()
	if cancel != nil {
		cancel()
		<-done
	}
}

type changeRow struct {
	seq   int64
	topic Topic
	key   string
}

func scanChange(s Scanner) (changeRow, error) {
	var c changeRow
	var topic string
	err := s.Scan(&c.seq, &topic, &c.key)
	c.topic = Topic(topic)
	return c, err
}

// horizon is what PostgreSQL says of running transactions: every one below oldest has ended, none
// at or above next has begun. Zero on SQLite, where the question does not arise.
type horizon struct{ oldest, next int64 }

const selectChanges = `SELECT seq, topic, changed_key FROM change WHERE seq `

var changesOf = NewIn(selectChanges+`IN`, 0, ``)

// read returns all changes above the floor. Those that were told already are not asked for again: on PostgreSQL they stay above the
// floor for seconds, and a busy node would read each of them a hundred times.
func (f *feed) read(ctx context.Context, seen *sightings) (rows []changeRow, h horizon, err error) {
	from, known, holes := seen.floor, []changeRow(nil), []string(nil)
	if f.db.engine == Postgres && seen.holes() <= mostHoles {
		from = max(seen.floor, seen.top)
		known, holes = seen.known()
	}
	err = f.db.Read(ctx, func(r Reader) (err error) {
		if r.Engine() == Postgres {
			err = r.QueryRow(ctx, `SELECT CAST(CAST(pg_snapshot_xmin(s) AS TEXT) AS BIGINT), CAST(CAST(pg_snapshot_xmax(s) AS TEXT) AS BIGINT)
				FROM (SELECT pg_current_snapshot() AS s) AS now`).Scan(&h.oldest, &h.next)
			if err != nil {
				return err
			}
		}
		if rows, err = All(ctx, r, scanChange, selectChanges+`> $1 ORDER BY seq`, from); err != nil {
			return err
		}
		return changesOf.Each(ctx, r, nil, holes, ``, func(s Scanner) error {
			c, err := scanChange(s)
			if !slices.ContainsFunc(known, func(k changeRow) bool { return k.seq == c.seq }) { // it may be named twice
				known = append(known, c)
			}
			return err
		})
	})
	if len(known) > 0 {
		rows = append(known, rows...)
		slices.SortFunc(rows, func(a, b changeRow) int { return cmp.Compare(a.seq, b.seq) })
	}
	return rows, h, err
}

// begin sets the floor a stretch below the newest number and notes what is there as told.
func (f *feed) begin(ctx context.Context, seen *sightings) error {
	var newest int64
	err := f.db.Read(ctx, func(r Reader) error {
		return r.QueryRow(ctx, `SELECT CAST(COALESCE(MAX(seq), 0) AS BIGINT) FROM change`).Scan(&newest)
	})
	if err != nil {
		return err
	}
	seen.floor = newest
	if f.db.engine == Postgres {
		seen.floor = max(0, newest-startOverlap)
	}
	rows, h, err := f.read(ctx, seen)
	if err != nil {
		return err
	}
	seen.sort(rows, h, time.Now())
	return nil
}

func (f *feed) follow(ctx context.Context, seen sightings) {
	defer close(f.done)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.poke:
		case <-tick.C:
		}
		if wait := readGap - time.Since(last); wait > 0 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
		}
		last = time.Now()
		rows, h, err := f.read(ctx, &seen)
		if err != nil {
			if ctx.Err() == nil {
				f.db.log.Warn("change feed cannot read", "err", err)
			}
			continue
		}
		for _, c := range seen.sort(rows, h, time.Now()) {
			f.mu.Lock()
			fns := f.watchers[c.topic]
			f.mu.Unlock()
			for _, fn := range fns {
				fn(c.key)
			}
		}
	}
}

// sightings remembers which numbers have been told, down to a floor under which nothing can appear
// any more.
type sightings struct {
	floor int64
	top   int64 // the highest number told
	told  map[int64]sighting
}

type sighting struct {
	at   time.Time
	next int64 // horizon.next when first seen: who may still commit a lower number had begun by then
}

// mostHoles is how many numbers are asked for one by one; where more are missing, all above the floor is read.
const mostHoles = 64

// holes returns how many numbers between the floor and the highest told are still missing: rolled back, or still to come.
func (s *sightings) holes() int64 { return max(0, s.top-s.floor) - int64(len(s.told)) }

// known returns what was told above the floor, by number alone, and the numbers that are missing there.
func (s *sightings) known() (rows []changeRow, missing []string) {
	rows = make([]changeRow, 0, len(s.told)+4)
	for n := s.floor + 1; n <= s.top; n++ {
		if _, told := s.told[n]; told {
			rows = append(rows, changeRow{seq: n})
		} else {
			missing = append(missing, strconv.FormatInt(n, 10))
		}
	}
	return rows, missing
}

// sort returns the rows not seen before and raises the floor over those that are settled: the
// transactions that ran when they were first seen have ended, or are too old to be ours. Time is
// asked as well, for one that has drawn its number but not yet its transaction id.
func (s *sightings) sort(rows []changeRow, h horizon, now time.Time) (fresh []changeRow) {
	if s.told == nil {
		s.told = map[int64]sighting{}
	}
	for _, c := range rows {
		if _, told := s.told[c.seq]; !told {
			s.told[c.seq] = sighting{now, h.next}
			s.top = max(s.top, c.seq)
			fresh = append(fresh, c)
		}
	}
	for _, c := range rows {
		first := s.told[c.seq]
		age := now.Sub(first.at)
		if h.next != 0 && (age < settleAfter || (h.oldest < first.next && age < oldestWriter)) {
			break
		}
		s.floor = c.seq
		delete(s.told, c.seq)
	}
	return fresh
}

// TrimChanges removes changes older than a day; watchers have heard of them long ago. It joins tx.
func TrimChanges(ctx context.Context, tx Tx, now instant.Instant) error {
	_, err := tx.Exec(ctx, `DELETE FROM change WHERE at < $1`, now.Add(-24*time.Hour))
	return err
}
