// SPDX-License-Identifier: AGPL-3.0-or-later

package live_test

import (
	"testing"

	"meetcoop/internal/live"
	"meetcoop/internal/rooms"
)

func TestTwoPeopleMeet(t *testing.T) {
	eachEngine(t, 1, func(t *testing.T, w *town) {
		member, owner := w.Organisation("level-1")
		room := w.Room(owner, member, rooms.Settings{})
		ana := w.someone(w.nodes[0], person(owner), "Ana", room).join().enter()
		bob := w.someone(w.nodes[0], guest("bob"), "Bob", room).join().enter()
		ana.await("person", func(p live.Person) bool { return p.ID == bob.id && p.Name == "Bob" && p.State == live.Inside })
		st := bob.state()
		if len(st.People) != 2 || st.Me.Role != live.Viewer || st.Meeting.Seats.Used != 2 || *st.Meeting.Seats.Limit != 10 || *st.Meeting.Cap != 10 {
			t.Errorf("%+v", st)
		}
	})
}
