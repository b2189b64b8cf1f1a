// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
)

// compat shows what polls say of servers under the names of github.com/greenstatic/bigbluebutton-exporter, so that dashboards made for it
// go on. It is the node that polls which has figures; the others show none.
type compat struct {
	mu      sync.Mutex
	servers map[id.Server]*compatServer
	all     map[id.Server]*server // those that are not polled too: what a server is called depends on all; never written to
}

// compatServer is one server as the last poll found it.
type compatServer struct {
	up      bool
	calls   uint64
	seconds float64
	buckets map[float64]uint64 // cumulative

	meetings, unique, breakouts, participants, listeners, voice, video int
}

// latencyBuckets are those of the exporter, in seconds.
var latencyBuckets = []float64{.01, .025, .05, .075, .1, .25, .5, .75, 1, 1.25, 1.5, 1.75, 2, 2.5, 5, 7.5, 10}

// compatDesc describes one figure. Its first label is what fleet.Labels calls a server.
func compatDesc(name, help string, more ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, append([]string{"server"}, more...), nil)
}

var (
	compatUp      = compatDesc("bbb_api_up", "1 if the API of the server answered the last poll, 0 otherwise.")
	compatLatency = compatDesc("bbb_api_latency", "Time the server took to answer polls, in seconds.", "endpoint", "parameters")
	compatFigures = []struct {
		desc *prometheus.Desc
		of   func(*compatServer) int
	}{
		{compatDesc("bbb_meetings", "Meetings on the server, breakout rooms included."), func(s *compatServer) int { return s.meetings }},
		{compatDesc("bbb_meetings_participants", "People in all meetings of the server."), func(s *compatServer) int { return s.participants }},
		{compatDesc("bbb_meetings_listeners", "People who only listen."), func(s *compatServer) int { return s.listeners }},
		{compatDesc("bbb_meetings_voice_participants", "People who can speak."), func(s *compatServer) int { return s.voice }},
		{compatDesc("bbb_meetings_video_participants", "Pictures that are sent."), func(s *compatServer) int { return s.video }},
		{compatDesc("bbb_unique_meetings", "Meetings that are no breakout rooms."), func(s *compatServer) int { return s.unique }},
		{compatDesc("bbb_unique_breakout_rooms", "Breakout rooms."), func(s *compatServer) int { return s.breakouts }},
	}
)

// polled notes how a poll went. A server that does not answer keeps its last figures out of sight.
func (c *compat) polled(srv *server, list []bbb.Meeting, took time.Duration, ok bool) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.servers == nil {
		c.servers = map[id.Server]*compatServer{}
	}
	v := c.servers[srv.ID]
	if v == nil {
		v = &compatServer{buckets: map[float64]uint64{}}
		c.servers[srv.ID] = v
	}
	v.up = ok
	if !ok {
		return
	}
	v.calls++
	v.seconds += took.Seconds()
	for _, b := range latencyBuckets {
		if took.Seconds() <= b {
			v.buckets[b]++
		}
	}
	v.meetings, v.unique, v.breakouts, v.participants, v.listeners, v.voice, v.video = 0, 0, 0, 0, 0, 0, 0
	for _, m := range list {
		v.meetings++
		if m.Breakout || m.ParentID != "" {
			v.breakouts++
		} else {
			v.unique++
		}
		v.participants += m.Participants
		v.listeners += m.Listeners
		v.voice += m.Voice
		v.video += m.Video
	}
}

// keep forgets servers that are not polled any more; nil forgets all. Of all servers it remembers the names.
func (c *compat) keep(polled map[id.Server]*watch, all map[id.Server]*server) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = all
	for v := range c.servers {
		if polled[v] == nil {
			delete(c.servers, v)
		}
	}
}

// labels are what servers are called. A poll may end just after its server was removed; that one has none.
func (c *compat) labels() map[id.Server]string {
	rows := make([]fleet.Server, 0, len(c.all))
	for _, v := range c.all {
		rows = append(rows, v.Server)
	}
	return fleet.Labels(rows)
}

// Describe implements prometheus.Collector.
func (c *compat) Describe(to chan<- *prometheus.Desc) {
	to <- compatUp
	to <- compatLatency
	for _, f := range compatFigures {
		to <- f.desc
	}
}

// Collect implements prometheus.Collector.
func (c *compat) Collect(to chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	labels := c.labels()
	for server, v := range c.servers {
		name, known := labels[server]
		if !known {
			continue
		}
		up := 0.0
		if v.up {
			up = 1
		}
		to <- prometheus.MustNewConstMetric(compatUp, prometheus.GaugeValue, up, name)
		buckets := make(map[float64]uint64, len(latencyBuckets))
		for _, b := range latencyBuckets {
			buckets[b] = v.buckets[b]
		}
		to <- prometheus.MustNewConstHistogram(compatLatency, v.calls, v.seconds, buckets, name, "getMeetings", "")
		if !v.up {
			continue
		}
		for _, f := range compatFigures {
			to <- prometheus.MustNewConstMetric(f.desc, prometheus.GaugeValue, float64(f.of(v)), name)
		}
	}
}
