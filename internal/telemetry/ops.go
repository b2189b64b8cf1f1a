// SPDX-License-Identifier: AGPL-3.0-or-later

package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// checkTimeout bounds each check of readiness; load balancers ask every few seconds.
const checkTimeout = 2 * time.Second

// Ops answers what operators and load balancers ask. It is safe for concurrent use. Its address is
// for them alone: it shows profiles and causes of errors.
type Ops struct {
	mu       sync.Mutex
	checks   map[string]func(context.Context) error
	draining bool
	mux      *http.ServeMux
}

// NewOps returns the handler of the ops address.
func NewOps(reg *prometheus.Registry, log *slog.Logger) *Ops {
	o := &Ops{checks: map[string]func(context.Context) error{}, mux: http.NewServeMux()}
	o.mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn), MaxRequestsInFlight: 4}))
	o.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, "ok\n") })
	o.mux.HandleFunc("GET /readyz", o.ready)
	o.mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	o.mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	o.mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	o.mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return o
}

// Check adds a condition of readiness. A check that takes more than two seconds counts as failed.
func (o *Ops) Check(name string, check func(ctx context.Context) error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.checks[name] = check
}

// Drain makes /readyz answer 503 from now on, so that nobody new is sent here while we shut down.
func (o *Ops) Drain() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.draining = true
}

// ServeHTTP implements http.Handler.
func (o *Ops) ServeHTTP(w http.ResponseWriter, r *http.Request) { o.mux.ServeHTTP(w, r) }

func (o *Ops) ready(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	draining := o.draining
	lines := make([]string, 0, len(o.checks)+1)
	var wg sync.WaitGroup
	var mu sync.Mutex
	status := http.StatusOK
	for name, check := range o.checks {
		wg.Go(func() {
			err := run(r.Context(), check)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				status = http.StatusServiceUnavailable
				lines = append(lines, fmt.Sprintf("%s: %v\n", name, err))
				return
			}
			lines = append(lines, name+": ok\n")
		})
	}
	o.mu.Unlock()
	wg.Wait()
	if draining {
		status = http.StatusServiceUnavailable
		lines = append(lines, "shutting down\n")
	}
	slices.Sort(lines)
	reply(w, status, strings.Join(lines, ""))
}

// run returns when the check does or its time is over, even if the check does not look at its context.
func run(ctx context.Context, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- check(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func reply(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // who does not listen any more is not told
}
