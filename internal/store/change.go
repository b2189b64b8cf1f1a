// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"context"
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
	return err
}

const (
	// pollEvery bounds how late another process (a second node, the command line) is heard.
	pollEvery = 200 * time.Millisecond
	// overlap is how many sequence numbers are read again: on PostgreSQL a transaction may commit
	// after one with a higher number. A write lasts at most writeTimeout, so numbers older than
	// that are settled; see feed.read.
	settleAfter = writeTimeout + time.Second
)

// feed reads the table change and calls the watchers. One goroutine, started by the first Watch.
type feed struct {
	db *DB

	mu       sync.Mutex
	watchers map[Topic][]func(key string)
	started  bool
	cancel   context.CancelFunc
	done     chan struct{}
	poke     chan struct{}
}

func newFeed(db *DB) *feed {
	return &feed{db: db, watchers: map[Topic][]func(string){}, poke: make(chan struct{}, 1)}
}

// Watch calls fn, from one goroutine of the handle, for each change of topic committed from now on,
// at least once, with the key given to Changed. fn must be quick and must not write.
func (db *DB) Watch(ctx context.Context, topic Topic, fn func(key string)) error {
	f := db.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watchers[topic] = append(f.watchers[topic], fn)
	if f.started {
		return nil
	}
	last, err := f.newest(ctx)
	if err != nil {
		return err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f.started, f.cancel, f.done = true, cancel, make(chan struct{})
	go f.follow(run, last)
	return nil
}

func (f *feed) wake() {
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

func (f *feed) newest(ctx context.Context) (int64, error) {
	var seq int64
	err := f.db.Read(ctx, func(r Reader) error {
		return r.QueryRow(ctx, `SELECT CAST(COALESCE(MAX(seq), 0) AS BIGINT) FROM change`).Scan(&seq)
	})
	return seq, err
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

func (f *feed) follow(ctx context.Context, floor int64) {
	defer close(f.done)
	seen := map[int64]time.Time{} // numbers above floor that were told already
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.poke:
		case <-tick.C:
		}
		var rows []changeRow
		err := f.db.Read(ctx, func(r Reader) (err error) {
			rows, err = All(ctx, r, scanChange, `SELECT seq, topic, changed_key FROM change WHERE seq > $1 ORDER BY seq`, floor)
			return err
		})
		if err != nil {
			if ctx.Err() == nil {
				f.db.log.Warn("change feed cannot read", "err", err)
			}
			continue
		}
		now := time.Now()
		for _, c := range rows {
			if _, told := seen[c.seq]; told {
				continue
			}
			seen[c.seq] = now
			f.mu.Lock()
			fns := f.watchers[c.topic]
			f.mu.Unlock()
			for _, fn := range fns {
				fn(c.key)
			}
		}
		// Raise the floor over the numbers that can get no late neighbour any more.
		for _, c := range rows {
			if at := seen[c.seq]; now.Sub(at) < settleAfter {
				break
			}
			floor = c.seq
			delete(seen, c.seq)
		}
	}
}

// TrimChanges removes changes older than a day; watchers have heard of them long ago.
func TrimChanges(ctx context.Context, tx Tx, now instant.Instant) error {
	_, err := tx.Exec(ctx, `DELETE FROM change WHERE at < $1`, now.Add(-24*time.Hour))
	return err
}
