// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"meetcoop/internal/identity"
	"meetcoop/internal/membership"
	"meetcoop/internal/rooms"
)

func TestTheBarTellsOfOnesOwnRunningMeetings(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		h := w.house("Hilado", "level-2", rooms.Settings{})
		stranger := w.someone("Stranger", "")
		bar := func(b *browser, query string) string {
			b.headers["HX-Request"] = "true"
			defer delete(b.headers, "HX-Request")
			got := b.get("/live" + query)
			if got.status != 200 {
				t.Errorf("the bar answers %d", got.status)
			}
			return strings.TrimSpace(got.body)
		}
		if got := bar(h.owner, ""); got != "" {
			t.Errorf("nothing runs, and the bar says %s", got)
		}
		w.start(h)
		if got := bar(h.owner, ""); !strings.Contains(got, h.room.Name+" is live, 1 person") || !strings.Contains(got, h.path("/join")) {
			t.Errorf("the bar says %s", got)
		}
		if got := bar(h.owner, "?not="+h.room.Slug); got != "" {
			t.Errorf("on its own page the bar says %s", got)
		}
		if got := bar(stranger, ""); got != "" {
			t.Errorf("a stranger reads %s", got)
		}
		other := w.Room(h.actor, h.member.ID, rooms.Settings{})
		h.owner.post("/r/"+other.Slug+"/join", url.Values{"name": {"Olga"}})
		if got := bar(h.owner, ""); strings.Count(got, "is live") != 1 || !strings.Contains(got, "and 1 more") {
			t.Errorf("two run, and the bar says %s", got)
		}
		if door := h.owner.get(h.path("/join")).is("the door", 200); strings.Contains(door.body, `data-from="/live`) {
			t.Error("the door of a room tells of meetings")
		}
		h.owner.get("/account").says("where the bar comes from", `data-from="/live"`)
		h.owner.get(h.path("")).says("the bar without this room", `data-from="/live?not=`+h.room.Slug+`"`)
	})
}

func TestBannersTellWhatHoldsAMemberBack(t *testing.T) {
	w := liteTown(t, townOptions{})
	h := w.house("Hilado", "level-2", rooms.Settings{})
	pages := []string{"/rooms", h.path(""), "/m/" + h.member.Slug + "/usage"}
	for _, path := range pages {
		if body := h.owner.get(path).is(path, 200).body; strings.Contains(body, `class="banners"`) {
			t.Errorf("%s has a banner while all is well", path)
		}
	}
	w.must(w.Members.Suspend(t.Context(), identity.Operator(), h.member.ID, "three <complaints>"))
	for _, path := range pages {
		h.owner.get(path).is(path, 200).says("who is suspended and why", h.member.Name+" is suspended.", "Reason: three &lt;complaints&gt;.")
	}
	w.Clock.Pass(time.Second)
	w.must(w.Members.Lift(t.Context(), identity.Operator(), h.member.ID, "settled"))
	if body := h.owner.get("/rooms").body; strings.Contains(body, `class="banners"`) {
		t.Error("the banner outlives the suspension")
	}
}

func TestBannersComeWorstFirstAndAreTwo(t *testing.T) {
	r := sampleRequest(sampleVisitor("en"), "en", Route{Class: Person}, "/")
	of := func(name string, s membership.State) standingOf {
		return standingOf{membership.Member{Name: name, Zone: "Europe/Madrid"}, membership.Standing{State: s, Boundary: sampleNow}}
	}
	got := bannersOf(r, of("A", membership.StandingGrace), of("B", membership.StandingHost), of("C", membership.StandingArrears), of("D", membership.StandingSuspended), of("E", membership.StandingFree))
	if len(got) != 2 || got[0].Title != "D is suspended." || got[1].Title != "The contribution of C is missing." {
		t.Errorf("%+v", got)
	}
	grace := bannersOf(r, of("A", membership.StandingGrace))
	if len(grace) != 1 || grace[0].Kind != NoticeWarn || !strings.Contains(grace[0].Text, r.P.Date(sampleNow.In(membership.Member{Zone: "Europe/Madrid"}.Location()))) {
		t.Errorf("%+v", grace)
	}
}
