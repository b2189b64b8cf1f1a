// SPDX-License-Identifier: AGPL-3.0-or-later

package store

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"meetcoop/internal/fault"
)

type metrics struct {
	seconds *prometheus.HistogramVec
	retries *prometheus.CounterVec
	failed  *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	if reg == nil {
		reg = prometheus.NewRegistry() // nobody will ask it
	}
	f := promauto.With(reg)
	return &metrics{
		seconds: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "meetcoop_store_seconds", Help: "Duration of a transaction with its retries and its waiting for a connection.",
			Buckets: []float64{.0001, .0003, .001, .003, .01, .03, .1, .3, 1, 5},
		}, []string{"verb"}),
		retries: f.NewCounterVec(prometheus.CounterOpts{Name: "meetcoop_store_retries_total", Help: "Attempts repeated because of another transaction."}, []string{"verb"}),
		failed:  f.NewCounterVec(prometheus.CounterOpts{Name: "meetcoop_store_unavailable_total", Help: "Transactions given up: store.contended after all retries, store.unavailable without the database."}, []string{"verb", "code"}),
	}
}

// observe is deferred with the beginning and the result of a transaction.
func (m *metrics) observe(verb string, began time.Time, err *error) {
	m.seconds.WithLabelValues(verb).Observe(time.Since(began).Seconds())
	if *err != nil && fault.KindOf(*err) == fault.Unavailable {
		m.failed.WithLabelValues(verb, fault.CodeOf(*err)).Inc()
	}
}
