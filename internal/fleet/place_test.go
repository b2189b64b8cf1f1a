// SPDX-License-Identifier: AGPL-3.0-or-later

package fleet

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
)

var noon = instant.Of(time.Date(2027, time.January, 11, 12, 0, 0, 0, time.UTC))

func up(name id.Server, change ...func(*Server)) Server {
	s := Server{ID: name, Kind: KindBBB, Observed: ObservedUp, Admin: AdminEnabled, LoadUnits: 175, Tags: []string{}, SeenAt: noon}
	for _, c := range change {
		c(&s)
	}
	return s
}

func TestPlaceChoosesAServer(t *testing.T) {
	sfu := func(s *Server) { s.Kind, s.LoadUnits = KindSFU, 60 }
	tag := func(tags ...string) func(*Server) { return func(s *Server) { s.Tags = tags } }
	admin := func(a Admin) func(*Server) { return func(s *Server) { s.Admin = a } }
	for _, c := range []struct {
		name    string
		servers []Server
		loads   map[id.Server]Load
		in      PlaceInput
		want    string // a server or the code of a fault
	}{
		{name: "none known", want: "fleet.no_server"},
		{name: "the only one", servers: []Server{up("a")}, want: "a"},
		{name: "the example of the comment", servers: []Server{up("a", func(s *Server) { s.LoadUnits = 60 }), up("b")},
			loads: map[id.Server]Load{"a": {Meetings: 2, People: 20}, "b": {Meetings: 4, People: 60}}, want: "b"},
		{name: "an sfu is the last choice", servers: []Server{up("a", sfu), up("b")}, loads: map[id.Server]Load{"b": {Meetings: 30, People: 200}}, want: "b"},
		{name: "unless only it can be used", servers: []Server{up("a", sfu), up("b")}, in: PlaceInput{Kinds: []Kind{KindSFU}}, want: "a"},
		{name: "cordoned, draining and disabled get no new meeting", servers: []Server{up("a", admin(AdminCordoned)), up("b", admin(AdminDraining)), up("c", admin(AdminDisabled))}, want: "fleet.no_server"},
		{name: "a silent engine is down", servers: []Server{up("a", sfu, func(s *Server) { s.SeenAt = noon.Add(-11 * time.Second) })}, want: "fleet.no_server"},
		{name: "a polled server is not silent", servers: []Server{up("a", func(s *Server) { s.SeenAt = noon.Add(-time.Minute) })}, want: "a"},
		{name: "never seen is not up", servers: []Server{up("a", func(s *Server) { s.Observed = ObservedUnknown })}, want: "fleet.no_server"},
		{name: "untagged meetings use untagged servers", servers: []Server{up("a", tag("eu"))}, want: "fleet.no_server"},
		{name: "all tags are needed", servers: []Server{up("a", tag("eu")), up("b", tag("big", "eu"))}, in: PlaceInput{Tags: []string{"eu", "big"}}, want: "b"},
		{name: "away from one", servers: []Server{up("a"), up("b")}, in: PlaceInput{Not: []id.Server{"a"}}, want: "b"},
		{name: "full ones are left out", servers: []Server{up("a"), up("b")}, in: PlaceInput{Full: func(s id.Server) bool { return s == "a" }}, want: "b"},
		{name: "all full", servers: []Server{up("a", func(s *Server) { s.MaxPeople = 50 })}, in: PlaceInput{Full: func(id.Server) bool { return true }}, want: "fleet.engine_full"},
		{name: "equals are drawn", servers: []Server{up("a"), up("b"), up("c")}, in: PlaceInput{Pick: func(n int) int { return n - 1 }}, want: "c"},
	} {
		c.in.Now = noon
		s, err := Place(c.servers, c.loads, c.in)
		got := string(s.ID)
		if err != nil {
			got = fault.CodeOf(err)
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestPlacesSpreadEvenly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "servers")
		var servers []Server
		for i := range n {
			servers = append(servers, up(id.Server(fmt.Sprint(i))))
		}
		loads := map[id.Server]Load{}
		for range 40 * n {
			s, err := Place(servers, loads, PlaceInput{Now: noon, Pick: func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") }})
			if err != nil {
				t.Fatal(err)
			}
			loads[s.ID] = Load{Meetings: loads[s.ID].Meetings + 1, People: loads[s.ID].People + 1}
		}
		for s, l := range loads {
			if l.Meetings != 40 {
				t.Fatalf("server %s got %d meetings of 40", s, l.Meetings)
			}
		}
	})
}

// BenchmarkPlace must stay below 100 µs (gateway.md 20).
func BenchmarkPlace(b *testing.B) {
	var servers []Server
	loads := map[id.Server]Load{}
	for i := range 500 {
		s := up(id.Server(fmt.Sprint("srv", i)))
		servers = append(servers, s)
		loads[s.ID] = Load{Meetings: i % 7, People: i % 31}
	}
	for b.Loop() {
		if _, err := Place(servers, loads, PlaceInput{Now: noon}); err != nil {
			b.Fatal(err)
		}
	}
}

func TestWeightOfAList(t *testing.T) {
	minute := time.Minute
	for what, c := range map[string]struct {
		list []Listed
		want int
	}{
		"nothing":                           {nil, 0},
		"ours, all there, silent":           {[]Listed{{Ours: true, People: 20, Expected: 15, Age: 10 * minute}}, 0},
		"the example":                       {[]Listed{{Ours: true, People: 4, Voices: 4, Cameras: 2, Expected: 19, Age: 10 * minute}}, 2 + 3 + 10},
		"too new to be weighed here":        {[]Listed{{Ours: true, Expected: 100, Age: UnlistedFor - 1}}, 0},
		"just old enough":                   {[]Listed{{Ours: true, Expected: 60, Age: UnlistedFor}}, 59},
		"given up":                          {[]Listed{{Ours: true, Expected: 100, Age: 30 * minute}}, 0},
		"clock of another node ahead":       {[]Listed{{Ours: true, Expected: 100, Age: -minute}}, 0},
		"a stranger's":                      {[]Listed{{People: 6}}, 11},
		"a breakout room with voices":       {[]Listed{{People: 3, Voices: 3}}, 5 + 3 + 2},
		"halves are rounded up, once":       {[]Listed{{Ours: true, Voices: 1}, {Ours: true, Voices: 1}, {Ours: true, Voices: 1}}, 2},
		"a million expected do not overrun": {[]Listed{{Ours: true, Expected: 1_000_000, Age: minute}}, 966667},
	} {
		if got := Weight(c.list); got != c.want {
			t.Errorf("%s: %d, want %d", what, got, c.want)
		}
	}
}
