// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"testing"

	"meetcoop/internal/admission"
	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fleet"
	"meetcoop/internal/usage"
)

func TestSeatsOfAList(t *testing.T) {
	c := &Conference{Meeting: fleet.Meeting{ID: "meet_1", Connection: "conn_1"}}
	list := func(who ...string) (out bbb.Meeting) {
		for _, id := range who {
			role := "VIEWER"
			if id[0] == '+' {
				id, role = id[1:], "MODERATOR"
			}
			out.Attendees = append(out.Attendees, bbb.Attendee{UserID: id, Role: role})
		}
		return out
	}
	for what, v := range map[string]struct {
		info bbb.Meeting
		want int
	}{
		"nobody": {list(), 0}, "two people": {list("ana", "ben"), 2}, "three tabs": {list("ana", "ana", "+ana"), 1},
		"an id shared by six": {list("ana", "ana", "ben", "ana", "ana", "ana", "ana"), 5},
	} {
		first, again := seats(c, v.info), seats(c, v.info)
		if len(first) != v.want {
			t.Errorf("%s: %d seats, want %d", what, len(first), v.want)
		}
		for i := range first {
			if first[i] != again[i] {
				t.Errorf("%s: the next list gives other people", what)
			}
		}
	}
	if got := seats(c, list("ana", "+ana")); got[0].Role != admission.RoleModerator || got[0].Person != usage.KeyOf("conn_1", "ana") {
		t.Errorf("who is moderator in one tab: %+v", got)
	}
}
