// SPDX-License-Identifier: AGPL-3.0-or-later

package admission_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/admission"
	"meetcoop/internal/admission/admissiontest"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

const (
	callers    = 64
	enoughRuns = 20000 // below so many the figures say nothing, and no floor is asked for
)

// BenchmarkJoin measures durable admissions of new persons with 64 callers (gateway.md 20). With
// -benchtime=20000x or more it fails below the figure promised.
func BenchmarkJoin(b *testing.B) {
	for _, c := range []struct {
		engine  store.Engine
		members int
		nodes   int
		floor   float64 // joins a second
		p99     time.Duration
	}{
		{store.SQLite, 1, 1, 10000, 50 * time.Millisecond},
		{store.SQLite, 1000, 1, 10000, 50 * time.Millisecond},
		{store.Postgres, 1, 1, 3000, 50 * time.Millisecond},
		{store.Postgres, 1000, 1, 3000, 50 * time.Millisecond},
		{store.Postgres, 1, 2, 1500, 150 * time.Millisecond},
	} {
		b.Run(fmt.Sprintf("%s/members=%d/nodes=%d", c.engine, c.members, c.nodes), func(b *testing.B) {
			where := storetest.Location(b, c.engine)
			seen := prometheus.NewRegistry()
			w := admissiontest.New(b, storetest.Open(b, where), admissiontest.Options{Registry: seen})
			gates := []*admission.Gate{w.Gate}
			for range c.nodes - 1 {
				gates = append(gates, w.Second(storetest.Open(b, where)).Gate)
			}
			hosts := make([]admissiontest.Host, c.members)
			for i := range hosts {
				hosts[i] = w.HostOn(fmt.Sprintf("m-%d", i), "custom")
				w.Join(hosts[i], "room", "first") // the meeting runs already; beginning one is another figure
			}
			before := cpuTime(b)
			requests, batches := batched(b, seen)
			took := joinMany(b, gates, hosts)
			b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/join")
			allRequests, allBatches := batched(b, seen)
			b.ReportMetric((allRequests-requests)/(allBatches-batches), "joins/batch")
			rate := float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(rate, "joins/s")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			if b.N >= enoughRuns && (rate < c.floor || took[len(took)*99/100] > c.p99) {
				b.Errorf("%.0f joins/s, p99 %v: the floor is %.0f and %v", rate, took[len(took)*99/100], c.floor, c.p99)
			}
		})
	}
}

// joinMany lets b.N new persons join from 64 callers and returns how long each waited, sorted.
func joinMany(b *testing.B, gates []*admission.Gate, hosts []admissiontest.Host) []time.Duration {
	var next atomic.Int64
	var mu sync.Mutex
	var all []time.Duration
	var wg sync.WaitGroup
	b.ResetTimer()
	for c := range callers {
		wg.Go(func() {
			var own []time.Duration
			for {
				n := int(next.Add(1))
				if n > b.N {
					break
				}
				in := hosts[n%len(hosts)].Joining("room", fmt.Sprint(n))
				began := time.Now()
				if _, err := gates[c%len(gates)].Join(context.Background(), in); err != nil {
					b.Error(err)
					return
				}
				own = append(own, time.Since(began))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, own...)
		})
	}
	wg.Wait()
	b.StopTimer()
	slices.Sort(all)
	return all
}

// cpuTime returns the processor time this process has used: on a busy machine it tells more than the clock.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// meanBatch returns how many requests were committed together on average.
func batched(b *testing.B, seen prometheus.Gatherer) (requests, batches float64) {
	families, err := seen.Gather()
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "meetcoop_admission_batch_requests" {
			h := f.GetMetric()[0].GetHistogram()
			return h.GetSampleSum(), float64(h.GetSampleCount())
		}
	}
	b.Fatal("no such metric")
	return 0, 0
}
