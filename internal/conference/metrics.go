// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import "github.com/prometheus/client_golang/prometheus"

// metrics are what an operator watches of servers and polls. Labels are bounded.
type metrics struct {
	polls    *prometheus.CounterVec
	foreign  prometheus.Gauge
	detached prometheus.Counter
	revived  prometheus.Counter
	adopted  prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		polls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meetcoop_server_polls_total", Help: "Polls of BigBlueButton servers by outcome: ok or failed.",
		}, []string{"outcome"}),
		foreign: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "meetcoop_foreign_meetings", Help: "Meetings on the servers, as last polled, that are not ours.",
		}),
		detached: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "meetcoop_meetings_detached_total", Help: "Meetings whose server was declared dead.",
		}),
		revived: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "meetcoop_meetings_revived_total", Help: "Detached meetings that were made again on another server.",
		}),
		adopted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "meetcoop_meetings_adopted_total", Help: "Running meetings of another load balancer that were taken over.",
		}),
	}
	if r != nil {
		r.MustRegister(m.polls, m.foreign, m.detached, m.revived, m.adopted)
	}
	return m
}
