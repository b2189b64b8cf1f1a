// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import "github.com/prometheus/client_golang/prometheus"

// hookMetrics are what an operator watches of webhooks. Labels are bounded.
type hookMetrics struct {
	heard   *prometheus.CounterVec
	sent    *prometheus.CounterVec
	dropped prometheus.Counter
}

func newHookMetrics(r prometheus.Registerer) *hookMetrics {
	m := &hookMetrics{
		heard: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meetcoop_hook_events_total", Help: "Events that servers told by webhook: taken, twice, foreign (about no meeting of ours there), unreadable, forged.",
		}, []string{"outcome"}),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meetcoop_hook_deliveries_total", Help: "Events for webhooks of clients: delivered, failed (a try), lost (too many waited, or the hook went).",
		}, []string{"outcome"}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "meetcoop_hooks_dropped_total", Help: "Webhooks of clients that were forgotten because nobody answered.",
		}),
	}
	if r != nil {
		r.MustRegister(m.heard, m.sent, m.dropped)
	}
	return m
}
