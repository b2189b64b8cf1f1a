// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"meetcoop/internal/membership"
	"meetcoop/internal/rooms"
)

// visitors of the walk, in the order of its columns: nobody signed in, somebody signed in elsewhere, somebody of the
// member without a special role, the owner of member and room.
const (
	nobody = iota
	elsewhere
	mere
	owner
)

// answersTo says what each route answers to each visitor. POST routes are sent without a body, which no handler may take
// for consent to something that is not asked for twice. An empty path is the pattern.
var answersTo = map[string]struct {
	path string
	want [4]int
}{
	"GET /{$}":                                               {"/", [4]int{200, 200, 200, 200}},
	"GET /levels":                                            {"", [4]int{200, 200, 200, 200}},
	"POST /language":                                         {"", [4]int{422, 422, 422, 422}},
	"POST /theme":                                            {"", [4]int{422, 422, 422, 422}},
	"GET /signup":                                            {"", [4]int{200, 303, 303, 303}},
	"POST /signup":                                           {"", [4]int{422, 422, 422, 422}},
	"GET /signin":                                            {"", [4]int{200, 303, 303, 303}},
	"POST /signin":                                           {"", [4]int{422, 422, 422, 422}},
	"GET /signin/sent":                                       {"", [4]int{409, 409, 409, 409}},
	"POST /signin/code":                                      {"", [4]int{409, 409, 409, 409}},
	"GET /signin/link/{token}":                               {"/signin/link/x", [4]int{409, 409, 409, 409}},
	"POST /signin/link/{token}":                              {"/signin/link/x", [4]int{409, 409, 409, 409}},
	"GET /account":                                           {"", [4]int{303, 200, 200, 200}},
	"POST /account/profile":                                  {"", [4]int{303, 422, 422, 422}},
	"GET /account/sessions/end-others":                       {"", [4]int{303, 200, 200, 200}},
	"POST /account/sessions/end-others":                      {"", [4]int{303, 303, 303, 303}},
	"POST /account/sessions/{session}/end":                   {"/account/sessions/x/end", [4]int{303, 404, 404, 404}},
	"GET /live":                                              {"", [4]int{303, 404, 404, 404}}, // but to a page's script
	"GET /rooms":                                             {"", [4]int{303, 200, 200, 200}},
	"POST /rooms":                                            {"", [4]int{303, 403, 403, 422}},
	"GET /rooms/new":                                         {"", [4]int{303, 403, 403, 200}},
	"GET /rooms/archived":                                    {"", [4]int{303, 200, 200, 200}},
	"GET /r/{room}":                                          {"", [4]int{200, 200, 200, 200}},
	"GET /r/{room}/join":                                     {"", [4]int{200, 200, 200, 200}},
	"POST /r/{room}/join":                                    {"", [4]int{422, 303, 303, 303}},
	"GET /r/{room}/wait":                                     {"", [4]int{303, 303, 303, 303}},
	"POST /r/{room}/wait":                                    {"", [4]int{422, 303, 303, 303}},
	"POST /r/{room}/wait/leave":                              {"", [4]int{303, 303, 303, 303}},
	"POST /r/{room}/settings":                                {"", [4]int{303, 404, 404, 400}},
	"POST /r/{room}/pin":                                     {"", [4]int{303, 404, 404, 303}},
	"POST /r/{room}/people":                                  {"", [4]int{303, 404, 404, 422}},
	"POST /r/{room}/people/remove":                           {"", [4]int{303, 404, 404, 303}},
	"GET /r/{room}/archive":                                  {"", [4]int{303, 404, 404, 200}},
	"POST /r/{room}/restore":                                 {"", [4]int{303, 404, 404, 303}},
	"GET /r/{room}/invitation.ics":                           {"", [4]int{303, 404, 404, 200}},
	"POST /r/{room}/archive":                                 {"", [4]int{303, 404, 404, 303}},
	"GET /m/{member}/usage":                                  {"", [4]int{303, 404, 200, 200}},
	"GET /m/{member}/usage.csv":                              {"", [4]int{303, 404, 200, 200}},
	"GET /m/{member}/connections":                            {"", [4]int{303, 404, 403, 200}},
	"POST /m/{member}/connections":                           {"", [4]int{303, 404, 403, 422}},
	"GET /m/{member}/connections/new":                        {"", [4]int{303, 404, 403, 200}},
	"GET /m/{member}/connections/{connection}":               {"", [4]int{303, 404, 403, 404}},
	"GET /m/{member}/connections/{connection}/edit":          {"", [4]int{303, 404, 403, 404}},
	"POST /m/{member}/connections/{connection}/edit":         {"", [4]int{303, 404, 403, 404}},
	"GET /m/{member}/connections/{connection}/rotate":        {"", [4]int{303, 404, 403, 404}},
	"POST /m/{member}/connections/{connection}/rotate":       {"", [4]int{303, 404, 403, 404}},
	"GET /m/{member}/connections/{connection}/revoke":        {"", [4]int{303, 404, 403, 404}},
	"POST /m/{member}/connections/{connection}/revoke":       {"", [4]int{303, 404, 403, 404}},
	"POST /m/{member}/connections/{connection}/rules":        {"", [4]int{303, 404, 403, 404}},
	"POST /m/{member}/connections/{connection}/rules/remove": {"", [4]int{303, 404, 403, 404}},
	"GET /recordings":                                        {"", [4]int{303, 200, 200, 200}},
	"GET /m/{member}/recordings":                             {"", [4]int{303, 404, 403, 200}},
	"POST /m/{member}/recordings":                            {"", [4]int{303, 404, 403, 422}},
	"GET /m/{member}/recordings.csv":                         {"", [4]int{303, 404, 403, 200}},
	"GET /m/{member}/recordings/{record}":                    {"", [4]int{303, 404, 403, 200}},
	"GET /m/{member}/recordings/{record}/watch/{format}":     {"", [4]int{303, 404, 404, 303}},
	"POST /m/{member}/recordings/{record}/publish":           {"", [4]int{303, 404, 403, 303}},
	"POST /m/{member}/recordings/{record}/hide":              {"", [4]int{303, 404, 403, 303}},
	"POST /m/{member}/recordings/{record}/access":            {"", [4]int{303, 404, 403, 422}},
	"POST /m/{member}/recordings/{record}/title":             {"", [4]int{303, 404, 403, 303}},
	"GET /m/{member}/recordings/{record}/delete":             {"", [4]int{303, 404, 403, 200}},
	"POST /m/{member}/recordings/{record}/delete":            {"", [4]int{303, 404, 403, 303}},
	"POST /m/{member}/recordings/{record}/restore":           {"", [4]int{303, 404, 403, 303}},
	"POST /m/{member}/recordings/{record}/tracks":            {"", [4]int{303, 404, 403, 422}},
	"POST /m/{member}/recordings/{record}/tracks/remove":     {"", [4]int{303, 404, 403, 404}},
	"GET /admin/recordings":                                  {"", [4]int{303, 404, 404, 404}},
	"GET /admin/recordings/{record}/assign":                  {"", [4]int{303, 404, 404, 404}},
	"POST /admin/recordings/{record}/assign":                 {"", [4]int{303, 404, 404, 404}},
	"GET /admin/recordings/{record}/drop":                    {"", [4]int{303, 404, 404, 404}},
	"POST /admin/recordings/{record}/drop":                   {"", [4]int{303, 404, 404, 404}},
	"POST /admin/recordings/{record}/restore":                {"", [4]int{303, 404, 404, 404}},
	"GET /admin/servers":                                     {"", [4]int{303, 404, 404, 404}},
	"POST /admin/servers":                                    {"", [4]int{303, 404, 404, 404}},
	"GET /admin/servers/new":                                 {"", [4]int{303, 404, 404, 404}},
	"GET /admin/servers/{server}":                            {"", [4]int{303, 404, 404, 404}},
	"GET /admin/servers/{server}/edit":                       {"", [4]int{303, 404, 404, 404}},
	"POST /admin/servers/{server}/edit":                      {"", [4]int{303, 404, 404, 404}},
	"GET /admin/servers/{server}/{act}":                      {"", [4]int{303, 404, 404, 404}},
	"POST /admin/servers/{server}/{act}":                     {"", [4]int{303, 404, 404, 404}},
	"GET /admin/service-users":                               {"", [4]int{303, 404, 404, 404}},
	"POST /admin/service-users":                              {"", [4]int{303, 404, 404, 404}},
	"GET /admin/service-users/new":                           {"", [4]int{303, 404, 404, 404}},
	"GET /admin/service-users/remove":                        {"", [4]int{303, 404, 404, 404}},
	"POST /admin/service-users/remove":                       {"", [4]int{303, 404, 404, 404}},
	"GET /outbox":                                            {"", [4]int{200, 200, 200, 200}},
	"GET /outbox/{mail}":                                     {"/outbox/x", [4]int{404, 404, 404, 404}},
	"POST /signout":                                          {"", [4]int{303, 303, 303, 303}},
}

// streams never end by themselves and are tested where they are used; the routes of a meeting have a walk of their own.
var streams = map[string]bool{"GET /rooms/events": true, "GET /r/{room}/wait/events": true, "GET /meet/{meeting}/events": true}

// TestEveryRouteAnswersEachVisitor walks the route table: each route has its line above.
func TestEveryRouteAnswersEachVisitor(t *testing.T) {
	w := liteTown(t, townOptions{demo: true})
	for i, route := range w.portal.Routes() {
		name := route.Method + " " + route.Pattern
		if streams[name] || strings.HasPrefix(route.Pattern, "/meet/") {
			continue
		}
		line, ok := answersTo[name]
		if !ok {
			t.Errorf("%s is not in the walk", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			nth := fmt.Sprint(i)
			h := w.house("hilado-"+nth, "level-2", rooms.Settings{})
			rec := ""
			if strings.Contains(route.Pattern, "{record}") {
				rec = w.recorded(h, "hilado-"+nth+"-moodle", i, "video")
			}
			path := line.path
			if path == "" {
				path = strings.NewReplacer("{room}", h.room.Slug, "{member}", h.member.Slug, "{connection}", "no-such", "{server}", "no-such", "{act}", "drain", "{record}", rec, "{format}", "video").Replace(route.Pattern)
			}
			visitors := [4]*browser{w.browser(), w.someone("stranger-"+nth, ""), w.someone("member-"+nth, h.member.ID, membership.RoleMember), h.owner}
			for i, b := range visitors {
				who := [4]string{"nobody", "a stranger", "a mere member", "the owner"}[i]
				got := b.ask(route.Method, path)
				got.is(who, line.want[i])
				if i == nobody && line.want[i] == http.StatusSeeOther && route.Class != Guest && route.Class != Public && !strings.HasPrefix(got.header.Get("Location"), "/signin?next=") {
					t.Errorf("nobody is sent to %q", got.header.Get("Location"))
				}
				if got.status >= 400 && got.header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s: an error may be cached", who)
				}
			}
		})
	}
}

// TestWhatIsNotYoursDoesNotExist compares the page of something foreign with that of something that is not there.
func TestWhatIsNotYoursDoesNotExist(t *testing.T) {
	w := liteTown(t, townOptions{})
	h := w.house("Hilado", "level-2", rooms.Settings{})
	rec := w.recorded(h, "hilado-moodle", 1, "video")
	b := w.someone("Stranger", "")
	plain := func(a answer) string {
		return strings.NewReplacer(a.header.Get("X-Request-Id"), "").Replace(excerpt(a.body))
	}
	for _, pair := range [][3]string{
		{"GET", "/m/" + h.member.Slug + "/usage", "/m/no-such-member/usage"},
		{"GET", "/m/" + h.member.Slug + "/connections", "/m/no-such-member/connections"},
		{"POST", "/m/" + h.member.Slug + "/connections", "/m/no-such-member/connections"},
		{"GET", "/m/" + h.member.Slug + "/recordings", "/m/no-such-member/recordings"},
		{"POST", "/m/" + h.member.Slug + "/recordings", "/m/no-such-member/recordings"},
		{"GET", "/m/" + h.member.Slug + "/recordings/" + rec, "/m/no-such-member/recordings/" + rec},
		{"POST", "/m/" + h.member.Slug + "/recordings/" + rec + "/hide", "/m/no-such-member/recordings/" + rec + "/hide"},
		{"GET", "/admin/recordings", "/admin/no-such-page"},
		{"GET", "/admin/servers", "/admin/no-such-page"},
		{"GET", "/r/" + h.room.Slug + "/archive", "/r/amber-oak-99/archive"},
		{"POST", "/r/" + h.room.Slug + "/archive", "/r/amber-oak-99/archive"},
		{"POST", "/r/" + h.room.Slug + "/settings", "/r/amber-oak-99/settings"},
		{"GET", "/r/" + h.room.Slug + "/invitation.ics", "/r/amber-oak-99/invitation.ics"},
	} {
		foreign, unknown := b.ask(pair[0], pair[1]).is(pair[1], 404), b.ask(pair[0], pair[2]).is(pair[2], 404)
		if plain(foreign) != plain(unknown) {
			t.Errorf("%s %s tells that it exists:\n%s\n%s", pair[0], pair[1], plain(foreign), plain(unknown))
		}
	}
}

// TestOtherMethodsAreNamed asks for what a path does not do.
func TestOtherMethodsAreNamed(t *testing.T) {
	w := liteTown(t, townOptions{})
	h := w.house("Hilado", "level-2", rooms.Settings{})
	for path, allow := range map[string]string{
		"/r/" + h.room.Slug + "/settings": "POST", "/r/" + h.room.Slug + "/pin": "POST", "/signout": "POST", "/signin/code": "POST",
		"/meet/mtg_1/chat": "POST", "/meet/mtg_1/enter": "POST",
	} {
		got := h.owner.get(path).is(path, 405)
		if got.header.Get("Allow") != allow {
			t.Errorf("%s: Allow %q, want %q", path, got.header.Get("Allow"), allow)
		}
	}
	if got := h.owner.ask("PUT", "/rooms").is("PUT", 405); got.header.Get("Allow") != "GET, POST" {
		t.Errorf("Allow %q", got.header.Get("Allow"))
	}
}
