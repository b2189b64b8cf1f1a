// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import "github.com/prometheus/client_golang/prometheus"

// metrics are what an operator watches.
type metrics struct {
	imports   *prometheus.CounterVec
	callbacks *prometheus.CounterVec
	discovery *prometheus.CounterVec
	letters   prometheus.Counter
	refused   prometheus.Counter
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
	m.letters = prometheus.NewCounter(prometheus.CounterOpts{Name: "meetcoop_recording_letters_total", Help: "Letters to members about recordings that will be removed."})
	m.refused = prometheus.NewCounter(prometheus.CounterOpts{Name: "meetcoop_recording_quarantine_refused_total", Help: "Uploads refused because their server fills its quarantine."})
	if r != nil {
		r.MustRegister(m.imports, m.callbacks, m.discovery, m.letters, m.refused)
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
