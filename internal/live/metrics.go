// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/fault"
)

// metrics are what an operator watches of running meetings on this node. Labels are bounded: codes of faults and verbs.
type metrics struct {
	streams  prometheus.Gauge
	knocks   *prometheus.CounterVec
	refused  *prometheus.CounterVec
	commands *prometheus.HistogramVec
	repaired prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "meetcoop_live_streams", Help: "Event streams of meeting pages open on this node.",
		}),
		knocks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meetcoop_live_knocks_total", Help: "Answers at the doors of rooms: the state reached, or the code of the refusal.",
		}, []string{"answer"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meetcoop_live_posts_refused_total", Help: "Posts of meeting pages that were refused, by code.",
		}, []string{"code"}),
		commands: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "meetcoop_live_command_seconds", Help: "Time from a change to the engine's having followed it, by verb.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"verb"}),
		repaired: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "meetcoop_live_repaired_total", Help: "Differences between an engine's list and our people that no event had told.",
		}),
	}
	if r != nil {
		r.MustRegister(m.streams, m.knocks, m.refused, m.commands, m.repaired)
	}
	return m
}

func (m *metrics) knocked(e Entry, err error) {
	answer := string(e.State)
	if err != nil {
		answer = fault.CodeOf(err)
	}
	m.knocks.WithLabelValues(answer).Inc()
}

func (m *metrics) posted(err error) {
	if err != nil {
		m.refused.WithLabelValues(fault.CodeOf(err)).Inc()
	}
}

func (m *metrics) followed(c command, took time.Duration) {
	m.commands.WithLabelValues(string(c.Verb)).Observe(max(0, took).Seconds())
}
