// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http/httptest"
	"testing"

	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
)

const mostQueries = 8

// TestPagesKeepToTheirQueries counts the statements of each page for an owner with a running meeting (P22). Entitlements are
// remembered from the page before.
func TestPagesKeepToTheirQueries(t *testing.T) {
	w := liteTown(t, townOptions{})
	h := w.house("Hilado", "level-2", rooms.Settings{})
	w.start(h)
	usage, links := "/m/"+h.member.Slug+"/usage", "/m/"+h.member.Slug+"/connections"
	c := w.connect(h, "hilado-moodle")
	_, err := w.Members.AddServiceUser(t.Context(), identity.Operator(), "", "recorder-*")
	w.must(err)
	origin, yes := "north", true // what admins are shown of it needs a question of its own
	_, err = w.Members.SetConnection(t.Context(), identity.Operator(), membership.ConnectionChange{Connection: c.ID, Origin: &origin, Adopts: &yes})
	w.must(err)
	w.must(w.people.GrantRole(t.Context(), identity.Operator(), h.actor.Person, identity.RoleAdmin, instant.Instant{}))
	rec, stray := w.recorded(h, "hilado-moodle", 3, "video", "presentation"), w.recorded(h, "", 4, "video")
	kept := "/m/" + h.member.Slug + "/recordings"
	server := "/admin/servers/" + string(w.server)
	for _, path := range []string{
		"/", "/levels", "/signin", "/signup", "/account", "/rooms", "/rooms/new", "/rooms/archived",
		h.path(""), h.path("/join"), h.path("/archive"), usage, usage + "?span=month", usage + "?span=year",
		links, links + "/new", links + "/hilado-moodle", links + "/hilado-moodle?span=hours", links + "/hilado-moodle/rotate", links + "/hilado-moodle/edit", links + "/hilado-moodle/revoke",
		"/recordings", kept, kept + "?q=lesson&sort=end&connection=hilado-moodle", kept + "/" + rec, kept + "/" + rec + "/delete",
		"/admin/recordings", "/admin/recordings/" + stray + "/assign", "/admin/recordings/" + stray + "/drop",
		"/admin/servers", "/admin/servers/new", server, server + "/edit", server + "/disable",
		"/admin/service-users", "/admin/service-users/new", "/admin/service-users/remove?connection=&pattern=recorder-%2A",
	} {
		h.owner.get(path) // the session is remembered from here on
		r := httptest.NewRequest("GET", path, nil)
		ctx, n := store.Counting(t.Context())
		if got := h.owner.do(r.WithContext(ctx)); got.status >= 400 {
			t.Errorf("%s: status %d", path, got.status)
		}
		if n.Load() > mostQueries {
			t.Errorf("%s: %d queries, at most %d are allowed", path, n.Load(), mostQueries)
		}
	}
}
