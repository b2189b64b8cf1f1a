// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/recording"
	"meetcoop/internal/store"
)

const (
	recordingsCountEvery = 5 * time.Minute // they are many, and change slowly
	recordingsCountPage  = 500
)

// compatRecordings shows how many recordings of which state each server made, under the names of bigbluebutton-exporter. One node counts;
// the others show none.
type compatRecordings struct {
	db  *store.DB
	now instant.Clock
	all map[recording.State]*prometheus.Desc

	mu     sync.Mutex
	at     instant.Instant // of counts
	counts map[recording.State]map[string]int
}

func newCompatRecordings(db *store.DB, now instant.Clock) *compatRecordings {
	c := &compatRecordings{db: db, now: now, all: map[recording.State]*prometheus.Desc{}}
	for _, s := range []recording.State{recording.Processing, recording.Processed, recording.Published, recording.Unpublished, recording.Deleted} {
		c.all[s] = prometheus.NewDesc("bbb_recordings_"+string(s), "Recordings that are "+string(s)+".", []string{"server"}, nil)
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *compatRecordings) Describe(to chan<- *prometheus.Desc) {
	for _, d := range c.all {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c *compatRecordings) Collect(to chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now().Sub(c.at) > 2*recordingsCountEvery {
		return // another node counts by now
	}
	for state, d := range c.all {
		for server, n := range c.counts[state] {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), server)
		}
	}
}

// count is a duty.
func (c *compatRecordings) count(ctx context.Context) error {
	counts := map[recording.State]map[string]int{}
	for s := range c.all {
		counts[s] = map[string]int{}
	}
	names := map[id.Server]string{}
	err := c.db.Read(ctx, func(r store.Reader) error {
		servers, err := fleet.Servers(ctx, r)
		called := map[string]int{}
		for _, v := range servers {
			called[v.Name]++
		}
		for _, v := range servers {
			if v.Kind != fleet.KindBBB {
				continue
			}
			names[v.ID] = v.Name
			if called[v.Name] > 1 {
				names[v.ID] += " " + string(v.ID)
			}
			for s := range c.all {
				counts[s][names[v.ID]] = 0
			}
		}
		return err
	})
	for after := recording.ID(""); err == nil; {
		var page []recording.Recording
		err = c.db.Read(ctx, func(r store.Reader) (err error) {
			page, err = recording.All(ctx, r, after, recordingsCountPage)
			return err
		})
		for _, v := range page {
			if name, known := names[v.Server]; known && counts[v.State] != nil {
				counts[v.State][name]++
			}
			after = v.ID
		}
		if len(page) < recordingsCountPage {
			break
		}
	}
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts, c.at = counts, c.now()
	return nil
}
