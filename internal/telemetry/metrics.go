// SPDX-License-Identifier: AGPL-3.0-or-later

package telemetry

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"meetcoop/internal/web"
)

// NewRegistry returns a registry with the metrics of the Go runtime, of the process and of the build.
func NewRegistry(version string) *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	promauto.With(reg).NewGauge(prometheus.GaugeOpts{
		Name: "meetcoop_build_info", Help: "Always 1; the version is the label.", ConstLabels: prometheus.Labels{"version": version},
	}).Set(1)
	return reg
}

// Requests returns an observer for web.Log that counts requests by route and class of status, and
// measures those that are not visits.
func Requests(reg prometheus.Registerer) func(web.Served) {
	f := promauto.With(reg)
	total := f.NewCounterVec(prometheus.CounterOpts{Name: "meetcoop_http_requests_total", Help: "Answered requests by route pattern and class of status."}, []string{"route", "status"})
	seconds := f.NewHistogramVec(prometheus.HistogramOpts{
		Name: "meetcoop_http_request_seconds", Help: "Time to answer, without event streams and sockets.",
		Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3, 10},
	}, []string{"route"})
	return func(s web.Served) {
		route := s.Pattern
		if route == "" {
			route = "none" // refused before routing, or no such page
		}
		total.WithLabelValues(route, strconv.Itoa(s.Status/100)+"xx").Inc()
		if !s.Visit {
			seconds.WithLabelValues(route).Observe(s.Duration.Seconds())
		}
	}
}
