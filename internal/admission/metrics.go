// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/fault"
)

// metrics are what an operator watches of the gate. Labels are bounded: kinds of request and codes of
// faults.
type metrics struct {
	wait      prometheus.Histogram
	batch     prometheus.Histogram
	decisions *prometheus.CounterVec
	late      prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		wait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "meetcoop_admission_wait_seconds", Help: "Time from a request to its committed answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "meetcoop_admission_batch_requests", Help: "Requests committed together.", Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 257},
		}),
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meetcoop_admission_decisions_total", Help: "Answers of the gate by kind of request and code of the refusal, ok for none.",
		}, []string{"request", "code"}),
		late: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "meetcoop_seats_late_total", Help: "People found inside without a seat, counted afterwards.",
		}),
	}
	if r != nil {
		r.MustRegister(m.wait, m.batch, m.decisions, m.late)
	}
	return m
}

func (m *metrics) decided(k requestKind, err error) {
	code := "ok"
	if err != nil {
		code = fault.CodeOf(err)
	}
	m.decisions.WithLabelValues(k.String(), code).Inc()
}
