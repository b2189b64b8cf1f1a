// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/fault"
)

// counters stand beside every limit this package enforces, and tell whether people get in.
type counters struct {
	refusals *prometheus.CounterVec // by code of the fault
	signIns  *prometheus.CounterVec // by method
	births   prometheus.Counter
}

func newCounters(reg prometheus.Registerer) (counters, error) {
	c := counters{
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meetcoop_identity_refusals_total", Help: "Sign-ups and sign-ins refused, by the code of the reason.",
		}, []string{"code"}),
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meetcoop_identity_sign_ins_total", Help: "Sessions begun, by method.",
		}, []string{"method"}),
		births: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "meetcoop_identity_persons_total", Help: "Persons born since this process started.",
		}),
	}
	for _, m := range []prometheus.Collector{c.refusals, c.signIns, c.births} {
		if err := reg.Register(m); err != nil {
			return c, fmt.Errorf("register identity metrics: %w", err)
		}
	}
	return c, nil
}

// refused counts err when it is a fault, and returns it. The codes are those of this package and of its
// hooks, a bounded set.
func (c counters) refused(err error) error {
	if f := fault.As(err); f != nil {
		c.refusals.WithLabelValues(f.Code).Inc()
	}
	return err
}
