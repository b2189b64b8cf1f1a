// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/fleet"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// compat shows how many recordings of each state each server made, under the names of github.com/greenstatic/bigbluebutton-exporter
// (collector.py: bbb_recordings_<state>), so that dashboards made for it go on. One node counts; the others show none, as a sum over nodes
// would count twice. It is what getRecordings with that state lists for all connections together, and what is in quarantine.
type compat struct {
	db    *store.DB
	now   instant.Clock
	holds time.Duration // how long a count is shown when no other one follows
	descs map[State]*prometheus.Desc

	mu     sync.Mutex
	at     instant.Instant
	counts map[State]map[string]int // by the label of the server; nil shows none
	age    int                      // raised with each count, so that the end of an earlier leadership takes nothing away
	follow func() bool              // stops waiting for the end of the leadership that counted last
}

func newCompat(db *store.DB, now instant.Clock, holds time.Duration) *compat {
	c := &compat{db: db, now: now, holds: holds, descs: map[State]*prometheus.Desc{}, follow: func() bool { return true }}
	for _, s := range states {
		c.descs[s] = prometheus.NewDesc("bbb_recordings_"+string(s), "Recordings that are "+string(s)+".", []string{"server"}, nil)
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *compat) Describe(to chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *compat) Collect(to chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now().Sub(c.at) > c.holds {
		return // counting fails, and old figures would say that nothing changes
	}
	for state, d := range c.descs {
		for server, n := range c.counts[state] {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), server)
		}
	}
}

// count is a duty. BigBlueButton servers that made none have zeros.
func (c *compat) count(ctx context.Context) error {
	var servers []fleet.Server
	var found []tally
	err := c.db.Read(ctx, func(r store.Reader) (err error) {
		if servers, err = fleet.Servers(ctx, r); err != nil {
			return err
		}
		found, err = tallies(ctx, r)
		return err
	})
	if err != nil {
		return err
	}
	labels, counts := fleet.Labels(servers), map[State]map[string]int{}
	for _, s := range states {
		counts[s] = map[string]int{}
		for _, v := range servers {
			if v.Kind == fleet.KindBBB {
				counts[s][labels[v.ID]] = 0
			}
		}
	}
	for _, v := range found {
		if label, known := labels[v.server]; known { // the others were removed
			counts[v.state][label] = v.n
		}
	}
	c.show(ctx, counts)
	return nil
}

// show has counts shown until ctx ends, with which the duty does: another node counts then.
func (c *compat) show(ctx context.Context, counts map[State]map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.follow()
	c.counts, c.at = counts, c.now()
	c.age++
	age := c.age
	c.follow = context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.age == age {
			c.counts = nil
		}
	})
}
