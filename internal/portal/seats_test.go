// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// drawn writes a seat row as text: # used, / held, o free, . reserved, tens apart.
func drawn(row SeatRow) string {
	var s string
	for i, g := range row.Groups {
		if i > 0 {
			s += " "
		}
		for _, seat := range g.Seats {
			s += map[string]string{"used": "#", "held": "/", "free": "o", "reserved": "."}[seat.State]
		}
	}
	return s
}

func TestSeatRow(t *testing.T) {
	for name, c := range map[string]struct {
		in   SeatsInput
		want string
	}{
		"some are free":                     {SeatsInput{Used: 2, Limit: 5}, "##ooo"},
		"all are taken":                     {SeatsInput{Used: 5, Limit: 5}, "#####"},
		"somebody is joining":               {SeatsInput{Used: 9, Held: 2, Limit: 12}, "#########/ /o"},
		"an event keeps the last ones":      {SeatsInput{Used: 1, Reserved: 2, Limit: 5}, "#oo.."},
		"a lowered level has more than all": {SeatsInput{Used: 9, Held: 1, Reserved: 3, Limit: 5}, "#####"},
		"reserved seats yield to used ones": {SeatsInput{Used: 4, Held: 1, Reserved: 3, Limit: 5}, "####/"},
		"no limit, no seats":                {SeatsInput{Used: 9, Limit: -1}, ""},
		"a level of nothing draws nothing":  {SeatsInput{Used: 0, Limit: 0}, ""},
		"a negative count is none":          {SeatsInput{Used: -1, Held: -1, Limit: 2}, "oo"},
		"sixty are still single squares":    {SeatsInput{Used: 60, Limit: 60}, "########## ########## ########## ########## ########## ##########"},
		"sixty-one are a track":             {SeatsInput{Used: 60, Limit: 61}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			row := newSeatRow(c.in)
			if diff := cmp.Diff(c.want, drawn(row)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if (row.Track != nil) != (c.in.Limit > trackFrom) {
				t.Errorf("track: %v", row.Track)
			}
		})
	}
}

func TestSeatRowShowsEachSeatOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := SeatsInput{
			Used: rapid.IntRange(-3, 80).Draw(t, "used"), Held: rapid.IntRange(-3, 80).Draw(t, "held"),
			Reserved: rapid.IntRange(-3, 80).Draw(t, "reserved"), Limit: rapid.IntRange(1, trackFrom).Draw(t, "limit"),
		}
		count := map[string]int{}
		for _, g := range newSeatRow(in).Groups {
			for _, s := range g.Seats {
				count[s.State]++
			}
		}
		if got := count["used"] + count["held"] + count["free"] + count["reserved"]; got != in.Limit {
			t.Fatalf("%d squares for %d seats", got, in.Limit)
		}
		if count["used"] != min(max(in.Used, 0), in.Limit) {
			t.Fatalf("%d used squares for %d used seats", count["used"], in.Used)
		}
	})
}

func TestMeter(t *testing.T) {
	for name, c := range map[string]struct {
		used, limit  int
		width, state string
	}{
		"little":                  {1, 5, "20%", ""},
		"from 80 per cent, warns": {4, 5, "80%", "warn"},
		"full":                    {2, 2, "100%", "full"},
		"over":                    {3, 2, "100%", "full"},
		"nothing allowed":         {0, 0, "100%", "full"},
		"no limit":                {7, -1, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if m := newMeter("", "", "", c.used, c.limit); m.Width != c.width || m.State != c.state {
				t.Errorf("%q %q, want %q %q", m.Width, m.State, c.width, c.state)
			}
		})
	}
}
