// SPDX-License-Identifier: AGPL-3.0-or-later

package sfu

import "github.com/prometheus/client_golang/prometheus"

// metrics of an engine and its proxy. Labels are bounded: kinds and reasons, never ids.
type metrics struct {
	up       prometheus.Gauge
	memory   prometheus.Gauge
	crashes  prometheus.Counter
	sockets  prometheus.Gauge
	events   *prometheus.CounterVec
	refusals *prometheus.CounterVec
	closed   *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		up:      prometheus.NewGauge(prometheus.GaugeOpts{Name: "meetcoop_engine_up", Help: "1 while the engine serves."}),
		memory:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "meetcoop_engine_memory_bytes", Help: "Resident memory of the embedded engine."}),
		crashes: prometheus.NewCounter(prometheus.CounterOpts{Name: "meetcoop_engine_crashes_total", Help: "Ends of the embedded engine that nobody asked for."}),
		sockets: prometheus.NewGauge(prometheus.GaugeOpts{Name: "meetcoop_engine_sockets", Help: "Signalling sockets that the proxy holds open."}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "meetcoop_engine_events_total",
			Help: "Events of the engine, by kind."}, []string{"kind"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "meetcoop_engine_refusals_total",
			Help: "Signalling sockets refused, by reason."}, []string{"reason"}),
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "meetcoop_engine_closed_total",
			Help: "Signalling sockets closed by the proxy, by reason."}, []string{"reason"}),
	}
	if reg != nil {
		reg.MustRegister(m.up, m.memory, m.crashes, m.sockets, m.events, m.refusals, m.closed)
	}
	return m
}
