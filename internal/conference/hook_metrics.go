// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import "github.com/prometheus/client_golang/prometheus"

// hookMetrics are what an operator watches of webhooks. Labels are bounded.
type hookMetrics struct {
	heard *prometheus.CounterVec
}

func newHookMetrics(r prometheus.Registerer) *hookMetrics {
	m := &hookMetrics{
		heard: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meetcoop_hook_events_total", Help: "Events that servers told by webhook: taken, twice, foreign (about no meeting of ours there), unreadable, forged.",
		}, []string{"outcome"}),
	}
	if r != nil {
		r.MustRegister(m.heard)
	}
	return m
}
