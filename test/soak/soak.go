// SPDX-License-Identifier: AGPL-3.0-or-later

package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// tally counts what came of calls.
type tally struct {
	calls, odd atomic.Int64 // odd: no answer of the API
	mu         sync.Mutex
	took       []time.Duration
	keys       map[string]int
}

func (t *tally) note(call, key string, took time.Duration) {
	t.calls.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.keys[call+" "+key]++
	t.took = append(t.took, took)
}

// sample is one look at the process.
type sample struct {
	at         time.Duration
	mebibytes  float64
	files      int
	goroutines int
	calls      int64
	p99        time.Duration
}

func (w *world) soak(ctx context.Context) error {
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{MaxIdleConnsPerHost: 128, MaxConnsPerHost: 128}, Timeout: 15 * time.Second,
	}
	t := &tally{keys: map[string]int{}}
	began := time.Now()
	load, stop := context.WithTimeout(ctx, w.o.lasts)
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { w.drive(load, client, t) })
	var samples []sample
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	killed := false
	w.say("  time   MiB  files  goroutines  calls/s    p99\n")
	for load.Err() == nil {
		select {
		case <-load.Done():
			continue
		case <-tick.C:
		}
		if !killed && time.Since(began) > w.o.lasts/2 {
			killed = true
			w.say("  a server dies\n")
			if resp, err := client.Post(w.sims[0]+"/sim/kill", "application/json", strings.NewReader(`{}`)); err == nil {
				_ = resp.Body.Close() // it is dead
			}
		}
		s, err := w.look(time.Since(began), t)
		if err != nil {
			return err
		}
		if n := len(samples); n > 0 {
			w.say("%6s %5.0f  %5d  %10d  %7.0f  %5s\n", s.at.Round(time.Second), s.mebibytes, s.files, s.goroutines, float64(s.calls-samples[n-1].calls)/5, s.p99.Round(100*time.Microsecond))
		}
		samples = append(samples, s)
	}
	wg.Wait()
	for _, k := range slices.Sorted(mapsKeys(t.keys)) {
		w.say("%9d  %s\n", t.keys[k], k)
	}
	return w.judge(samples, t)
}

func mapsKeys(m map[string]int) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// drive sends calls at the rate, each from a goroutine of its own, at most 512 at once.
func (w *world) drive(ctx context.Context, client *http.Client, t *tally) {
	places := make(chan struct{}, 512)
	tick := time.NewTicker(time.Second / 100)
	defer tick.Stop()
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for range w.o.rate / 100 {
			select {
			case places <- struct{}{}:
			default:
				t.odd.Add(1) // we are too slow, or it is
				continue
			}
			wg.Go(func() {
				defer func() { <-places }()
				w.call(ctx, client, t)
			})
		}
	}
}

func (w *world) call(ctx context.Context, client *http.Client, t *tally) {
	meeting := fmt.Sprintf("room-%d", rand.IntN(w.o.meetings))
	var call, query string
	switch n := rand.IntN(100); {
	case n < 40:
		call, query = "isMeetingRunning", "meetingID="+meeting
	case n < 65:
		call, query = "getMeetingInfo", "meetingID="+meeting
	case n < 75:
		call = "getMeetings"
	case n < 90:
		call, query = "create", "name=Soak&attendeePW=ap&moderatorPW=mp&meetingID="+meeting
	case n < 99:
		call, query = "join", fmt.Sprintf("fullName=P&password=ap&userID=u%d&meetingID=%s", rand.IntN(2000), meeting)
	default:
		call, query = "end", "meetingID="+meeting
	}
	sum := sha256.Sum256([]byte(call + query + w.secret))
	to := w.endpoint + "/" + call + "?" + query + "&checksum=" + hex.EncodeToString(sum[:])
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.Replace(to, "?&", "?", 1), http.NoBody)
	if err != nil {
		t.odd.Add(1)
		return
	}
	began := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		if ctx.Err() == nil {
			t.odd.Add(1)
		}
		return
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	_ = resp.Body.Close() // read
	took := time.Since(began)
	switch {
	case err != nil:
		t.odd.Add(1)
	case resp.StatusCode == http.StatusFound:
		t.note(call, "302", took)
		if to, err := url.Parse(resp.Header.Get("Location")); err == nil && rand.IntN(3) == 0 {
			w.follow(ctx, client, to.String())
		}
	case resp.StatusCode == http.StatusOK:
		t.note(call, keyIn(string(body)), took)
	default:
		t.odd.Add(1)
	}
}

// follow is a browser that comes to the server.
func (w *world) follow(ctx context.Context, client *http.Client, to string) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to, http.NoBody)
	if err != nil {
		return
	}
	if resp, err := client.Do(req); err == nil {
		_ = resp.Body.Close() // it is connected now
	}
}

func keyIn(body string) string {
	_, rest, ok := strings.Cut(body, "<messageKey>")
	if !ok {
		return "SUCCESS"
	}
	key, _, _ := strings.Cut(rest, "<")
	return key
}

func (w *world) look(at time.Duration, t *tally) (sample, error) {
	s := sample{at: at, calls: t.calls.Load()}
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", w.pid))
	if err != nil {
		return s, err
	}
	fields := strings.Fields(string(raw))
	pages, err := strconv.Atoi(fields[1])
	if err != nil {
		return s, err
	}
	s.mebibytes = float64(pages) * float64(os.Getpagesize()) / (1 << 20)
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", w.pid))
	if err != nil {
		return s, err
	}
	s.files = len(files)
	resp, err := http.Get("http://" + w.ops + "/metrics") // #nosec G107: our own
	if err != nil {
		return s, err
	}
	metrics, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close() // read
	if err != nil {
		return s, err
	}
	for line := range strings.SplitSeq(string(metrics), "\n") {
		if n, ok := strings.CutPrefix(line, "go_goroutines "); ok {
			f, _ := strconv.ParseFloat(n, 64)
			s.goroutines = int(f)
		}
	}
	t.mu.Lock()
	took := t.took
	t.took = nil
	t.mu.Unlock()
	slices.Sort(took)
	if len(took) > 0 {
		s.p99 = took[len(took)*99/100]
	}
	return s, nil
}

// judge compares the last minute with the second: the first warms up.
func (w *world) judge(samples []sample, t *tally) error {
	middle := func(from, until time.Duration, of func(sample) float64) float64 {
		var v []float64
		for _, s := range samples {
			if s.at >= from && s.at < until {
				v = append(v, of(s))
			}
		}
		if len(v) == 0 {
			return 0
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	var failed []error
	if odd := t.odd.Load(); odd > t.calls.Load()/1000 {
		failed = append(failed, fmt.Errorf("%d of %d calls got no answer of the API", odd, t.calls.Load()))
	}
	warm, window := w.o.lasts/5, w.o.lasts/5
	for _, c := range []struct {
		what string
		of   func(sample) float64
	}{
		{"MiB", func(s sample) float64 { return s.mebibytes }}, {"files", func(s sample) float64 { return float64(s.files) }},
		{"goroutines", func(s sample) float64 { return float64(s.goroutines) }},
	} {
		early, late := middle(warm, warm+window, c.of), middle(w.o.lasts-window, w.o.lasts+time.Minute, c.of)
		w.say("%s: %.0f after the warm-up, %.0f at the end (%+.1f %%)\n", c.what, early, late, (late/early-1)*100)
		if late > early*1.05+10 {
			failed = append(failed, fmt.Errorf("%s grew", c.what))
		}
	}
	w.say("%d calls, %d without an answer of the API\n", t.calls.Load(), t.odd.Load())
	return errors.Join(failed...)
}
