// SPDX-License-Identifier: AGPL-3.0-or-later

package jobs

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"meetcoop/internal/store"
)

type metrics struct {
	waiting, parked *prometheus.GaugeVec
	oldest          prometheus.Gauge
	results         *prometheus.CounterVec
	seconds         *prometheus.HistogramVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry() // nobody will ask it
	}
	f := promauto.With(reg)
	return &metrics{
		waiting: f.NewGaugeVec(prometheus.GaugeOpts{Name: "meetcoop_jobs_waiting", Help: "Jobs that are ready, later ones included."}, []string{"kind"}),
		parked:  f.NewGaugeVec(prometheus.GaugeOpts{Name: "meetcoop_jobs_parked", Help: "Jobs that failed for good and wait for the operator."}, []string{"kind"}),
		oldest:  f.NewGauge(prometheus.GaugeOpts{Name: "meetcoop_jobs_overdue_seconds", Help: "How long the oldest due job has been waiting."}),
		results: f.NewCounterVec(prometheus.CounterOpts{Name: "meetcoop_jobs_results_total", Help: "Tries by result: done, retry, parked, stopped, superseded, lost."}, []string{"kind", "result"}),
		seconds: f.NewHistogramVec(prometheus.HistogramOpts{Name: "meetcoop_jobs_seconds", Help: "Duration of a try.", Buckets: []float64{.005, .02, .1, .5, 2, 10, 60}}, []string{"kind"}),
	}
}

// measure reads the gauges of the whole installation; every node does it with its heartbeat.
func (r *Runner) measure(ctx context.Context) error {
	var all []census
	if err := r.deps.DB.Read(ctx, func(rd store.Reader) (err error) { all, err = count(ctx, rd); return err }); err != nil {
		return err
	}
	now := r.deps.Now()
	r.metrics.waiting.Reset()
	r.metrics.parked.Reset()
	overdue := 0.0
	for _, c := range all {
		switch c.state {
		case StateReady:
			r.metrics.waiting.WithLabelValues(string(c.kind)).Set(float64(c.n))
			overdue = max(overdue, now.Sub(c.oldest).Seconds())
		case StateParked:
			r.metrics.parked.WithLabelValues(string(c.kind)).Set(float64(c.n))
		}
	}
	r.metrics.oldest.Set(overdue)
	return nil
}
