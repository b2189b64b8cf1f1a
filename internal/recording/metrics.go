// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import "github.com/prometheus/client_golang/prometheus"

// metrics are what an operator watches.
type metrics struct {
	imports   *prometheus.CounterVec
	callbacks *prometheus.CounterVec
	discovery *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"outcome"})
	}
	m := &metrics{
		imports:   counter("meetcoop_recording_imports_total", "Formats of recordings that came in by outcome: imported, known or broken."),
		callbacks: counter("meetcoop_recording_callbacks_total", "Clients told of a recording by outcome: ok or failed."),
		discovery: counter("meetcoop_recording_discoveries_total", "Servers asked for their recordings by outcome: ok or failed."),
	}
	if r != nil {
		r.MustRegister(m.imports, m.callbacks, m.discovery)
	}
	return m
}

// result is ok or failed.
func result(err error) string {
	if err != nil {
		return "failed"
	}
	return "ok"
}
