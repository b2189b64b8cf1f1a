// SPDX-License-Identifier: AGPL-3.0-or-later

package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

const topic store.Topic = "test.topic"

// listener collects what a handle hears.
type listener struct {
	mu    sync.Mutex
	heard map[string]int
	any   chan struct{} // closed and renewed with each key
}

func listen(t *testing.T, db *store.DB) *listener {
	t.Helper()
	l := &listener{heard: map[string]int{}, any: make(chan struct{})}
	if err := db.Watch(t.Context(), topic, func(key string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.heard[key]++
		close(l.any)
		l.any = make(chan struct{})
	}); err != nil {
		t.Fatal(err)
	}
	return l
}

// await waits until n different keys were heard.
func (l *listener) await(t *testing.T, n int) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		l.mu.Lock()
		have, next := len(l.heard), l.any
		l.mu.Unlock()
		if have >= n {
			return
		}
		select {
		case <-next:
		case <-deadline:
			t.Fatalf("heard %d of %d", have, n)
		}
	}
}

func (l *listener) times(key string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heard[key]
}

func change(ctx context.Context, db *store.DB, key string) error {
	return db.Write(ctx, func(tx store.Tx) error { return store.Changed(ctx, tx, instant.Of(time.Now()), topic, key) })
}

func TestEveryHandleHearsEveryChangeOnce(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			const writers, each = 16, 25
			cfg := storetest.Location(t, engine)
			a, b := storetest.Open(t, cfg), storetest.Open(t, cfg)
			if err := change(t.Context(), a, "before"); err != nil {
				t.Fatal(err)
			}
			here, there := listen(t, a), listen(t, b)
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					for i := range each {
						db := a
						if w%2 == 1 {
							db = b
						}
						if err := change(t.Context(), db, fmt.Sprintf("%d/%d", w, i)); err != nil {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			for name, l := range map[string]*listener{"one handle": here, "the other": there} {
				l.await(t, writers*each)
				for key, n := range l.heard {
					if n != 1 {
						t.Errorf("%s heard %s %d times", name, key, n)
					}
				}
				if l.times("before") != 0 {
					t.Errorf("%s heard what was before", name)
				}
			}
		})
	}
}

func TestALateCommitterIsHeard(t *testing.T) {
	cfg := storetest.Location(t, store.Postgres)
	db, other := storetest.Open(t, cfg), storetest.Open(t, cfg)
	drawn, proceed, done := make(chan struct{}), make(chan struct{}), make(chan error)
	slow := func(key string) {
		done <- other.Gate(t.Context(), func(tx store.Tx) error {
			err := store.Changed(t.Context(), tx, instant.Of(time.Now()), topic, key)
			drawn <- struct{}{}
			<-proceed
			return err
		})
	}
	// One has its number before the watching begins, one after; both commit behind a higher number.
	go slow("early")
	<-drawn
	if err := change(t.Context(), db, "between"); err != nil {
		t.Fatal(err)
	}
	l := listen(t, db)
	go slow("late")
	<-drawn
	if err := change(t.Context(), db, "higher"); err != nil {
		t.Fatal(err)
	}
	l.await(t, 1)
	proceed <- struct{}{}
	proceed <- struct{}{}
	if err := errors.Join(<-done, <-done); err != nil {
		t.Fatal(err)
	}
	l.await(t, 3)
	for key, n := range map[string]int{"early": 1, "late": 1, "higher": 1, "between": 0} {
		if got := l.times(key); got != n {
			t.Errorf("%s heard %d times, want %d", key, got, n)
		}
	}
}

func TestARolledBackChangeIsNotHeard(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		l := listen(t, db)
		woken := make(chan struct{}, 10)
		db.Listen(topic, func() { woken <- struct{}{} })
		no := errors.New("no")
		err := db.Write(t.Context(), func(tx store.Tx) error {
			return errors.Join(store.Changed(t.Context(), tx, instant.Of(time.Now()), topic, "lost"), no)
		})
		if !errors.Is(err, no) || len(woken) != 0 {
			t.Fatalf("%v, woken %d times", err, len(woken))
		}
		if err := change(t.Context(), db, "kept"); err != nil {
			t.Fatal(err)
		}
		if len(woken) != 1 {
			t.Errorf("woken %d times by one commit", len(woken))
		}
		l.await(t, 1)
		if l.times("lost") != 0 || l.times("kept") != 1 {
			t.Errorf("heard %v", l.heard)
		}
	})
}

func TestTrimForgetsOldChanges(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		l := listen(t, db)
		old := noon.Add(-25 * time.Hour)
		if err := db.Write(ctx, func(tx store.Tx) error {
			return errors.Join(store.Changed(ctx, tx, old, topic, "old"), store.Changed(ctx, tx, noon, topic, "new"))
		}); err != nil {
			t.Fatal(err)
		}
		l.await(t, 2)
		if err := db.Write(ctx, func(tx store.Tx) error { return store.TrimChanges(ctx, tx, noon) }); err != nil {
			t.Fatal(err)
		}
		var left []string
		if err := db.Read(ctx, func(r store.Reader) (err error) {
			left, err = store.All(ctx, r, store.Value[string], `SELECT changed_key FROM change`)
			return err
		}); err != nil || len(left) != 1 || left[0] != "new" {
			t.Errorf("left %v, %v", left, err)
		}
		if err := change(ctx, db, "after"); err != nil { // numbers go on where they were
			t.Fatal(err)
		}
		l.await(t, 3)
	})
}
