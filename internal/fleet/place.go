// SPDX-License-Identifier: AGPL-3.0-or-later

package fleet

import (
	"slices"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
)

// Load is what runs on a server.
type Load struct {
	Meetings int
	People   int // seats held, whoever is on the way in included
	// Extra is everything else in load units: half a unit for each voice and one and a half for each camera, people expected who have not
	// come yet, breakout rooms, and meetings that are not ours (gateway.md P1).
	Extra int
}

// unitsPerMeeting is what a meeting costs a server beside its people, in load units (capacity.md 2).
const unitsPerMeeting = 5

// Units returns the load in load units: 5 for each meeting, 1 for each person, and the rest.
func (l Load) Units() int { return unitsPerMeeting*l.Meetings + l.People + l.Extra }

// Listed is a meeting as a server's list shows it, for what it weighs.
type Listed struct {
	Ours     bool // a meeting of ours, whose people hold seats; breakout rooms that the server made are not
	People   int
	Voices   int
	Cameras  int
	Expected int           // people thought to come; only of ours
	Age      time.Duration // since it began; only of ours
}

// expectedFor is how long people who were expected are waited for: they weigh less from minute to minute.
const expectedFor = 30 * time.Minute

// Weight returns what a list weighs beside our meetings and the seats in them (Load.Extra).
//
// Example: one of our meetings, ten minutes old, with 4 of 19 people, 4 voices and 2 cameras weighs 2 + 3 + 15*2/3 = 15; a stranger's with 6 people
// and no sound weighs 5 + 6.
func Weight(list []Listed) int {
	half := 0
	for _, m := range list {
		half += m.Voices + 3*m.Cameras
		if !m.Ours {
			half += 2 * (unitsPerMeeting + m.People)
			continue
		}
		if missing := m.Expected - m.People; missing > 0 && m.Age < expectedFor && m.Age >= UnlistedFor {
			half += int(2 * int64(missing) * int64(expectedFor-m.Age) / int64(expectedFor))
		}
	}
	return (half + 1) / 2
}

// PlaceInput says what a meeting needs of its server.
type PlaceInput struct {
	Now   instant.Instant
	Kinds []Kind               // servers that can be used; empty means every kind
	Tags  []string             // tags the server must carry; without any only untagged servers are used
	Not   []id.Server          // servers to leave out; may be nil
	Full  func(id.Server) bool // no place for one more person; nil means none is full
	Pick  func(n int) int      // chooses among n equals, 0 <= result < n; nil takes the first
}

// Place chooses the server for a new meeting: of those that are up, enabled and fit, the one with the
// lowest share of its load units in use; equals are picked at random. An sfu is the last choice
// (gateway.md P1 to P3). Unavailable (fleet.no_server) when there is none; LimitReached
// (fleet.engine_full{Limit, Used}) when those there are hold as many people as they may.
//
// Example: 2 meetings with 20 people on 60 units (30/60) and 4 meetings with 60 people on 175 units
// (80/175): the second is chosen.
func Place(servers []Server, loads map[id.Server]Load, in PlaceInput) (Server, error) {
	var best []Server
	full := 0
	for _, s := range servers {
		if !s.fits(in) {
			continue
		}
		if in.Full != nil && in.Full(s.ID) {
			full += s.MaxPeople
			continue
		}
		if len(best) > 0 {
			switch c := compare(s, best[0], loads); {
			case c > 0:
				continue
			case c < 0:
				best = best[:0]
			}
		}
		best = append(best, s)
	}
	switch {
	case len(best) == 0 && full > 0:
		return Server{}, EngineFull(full)
	case len(best) == 0:
		return Server{}, fault.New(fault.Unavailable, "fleet.no_server")
	case in.Pick == nil:
		return best[0], nil
	}
	return best[in.Pick(len(best))], nil
}

// EngineFull is the fault for a server that holds as many people as it may.
func EngineFull(limit int) *fault.Error {
	return fault.New(fault.LimitReached, "fleet.engine_full", fault.Params{"Limit": limit, "Used": limit})
}

func (s Server) fits(in PlaceInput) bool {
	if !s.Usable(in.Now) || s.Admin != AdminEnabled || slices.Contains(in.Not, s.ID) {
		return false
	}
	if len(in.Kinds) > 0 && !slices.Contains(in.Kinds, s.Kind) {
		return false
	}
	if len(in.Tags) == 0 {
		return len(s.Tags) == 0
	}
	for _, t := range in.Tags {
		if !slices.Contains(s.Tags, t) {
			return false
		}
	}
	return true
}

// compare orders by kind, sfu last, then by load; cross-multiplied, so that equal shares are equal.
func compare(a, b Server, loads map[id.Server]Load) int {
	if a.Kind != b.Kind {
		if a.Kind == KindSFU {
			return 1
		}
		return -1
	}
	return loads[a.ID].Units()*b.LoadUnits - loads[b.ID].Units()*a.LoadUnits
}
