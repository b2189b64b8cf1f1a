// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/identity"
	"meetcoop/internal/membership"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
)

// helper is the form of one, filled in.
func helper(pattern, where, connection string) url.Values {
	return url.Values{"pattern": {pattern}, "where": {where}, "connection": {connection}}
}

// patterns are the service users there are: connection, a blank, pattern.
func (w *town) patterns() (out []string) {
	w.t.Helper()
	w.must(w.DB.Read(w.t.Context(), func(r store.Reader) error {
		all, err := membership.NamedServiceUsers(w.t.Context(), r)
		for _, u := range all {
			out = append(out, strings.TrimSpace(u.Name+" "+u.Pattern))
		}
		return err
	}))
	return out
}

func (w *town) heard(action string) int {
	return w.count(`SELECT COUNT(*) FROM audit_event WHERE action = $1 AND actor_kind = 'person'`, action)
}

const removalOfAll = serviceUsersPath + "/remove?connection=&pattern="

func TestAnAdminNamesAndRemovesHelpers(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		h, _ := w.plugged("Hilado")
		c := w.connect(h, "hilado-moodle")
		b := w.admin("Admin")
		b.get("/rooms").says("the way", `href="`+serviceUsersPath+`"`)
		b.get("/admin/servers").is("servers", 200).says("the way from there", `<a href="`+serviceUsersPath+`">Helpers without a seat</a>`)
		b.get(serviceUsersPath).is("nobody yet", 200).says("what it is for", "Recorders and captioners", "recorder-*", serviceUsersPath+"/new")
		ask := b.get(serviceUsersPath+"/new").is("the form", 200).says("where", `value="one" checked`, `<option value="hilado-moodle">`)
		if strings.Contains(ask.body, `value="all" checked`) {
			t.Error("all connections are chosen by doing nothing")
		}

		b.post(serviceUsersPath, helper(" recorder-* ", "all", "")).leads("for all", serviceUsersPath+"?done=service_user_added")
		b.post(serviceUsersPath, helper("recorder-*", "one", "hilado-moodle")).leads("for one", serviceUsersPath+"?done=service_user_added")
		b.post(serviceUsersPath, helper("a&b=/../?#%", "all", "")).leads("what addresses give a meaning", serviceUsersPath+"?done=service_user_added")
		b.get(serviceUsersPath+"?done=service_user_added").is("the list", 200).
			says("it", "takes no seat from now on", "All connections", "hilado-moodle", `href="`+serviceUsersPath+`/remove?connection=`+string(c.ID)+`&amp;pattern=recorder-%2A"`, "a&amp;b=/../?#%")
		if diff := cmp.Diff([]string{"a&b=/../?#%", "recorder-*", "hilado-moodle recorder-*"}, w.patterns()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		h.owner.get("/m/"+h.member.Slug+"/connections/hilado-moodle").is("the connection", 200).says("its helpers", "a&amp;b=/../?#%", "recorder-*")
		b.post(serviceUsersPath, helper("recorder-*", "all", "")).leads("the same again", serviceUsersPath+"?done=service_user_added")
		if n := w.heard("service_user.add"); n != 3 {
			t.Errorf("%d events in the audit trail", n)
		}

		odd := removalOfAll + url.QueryEscape("a&b=/../?#%")
		b.get(odd).is("the question", 200).says("it", "Remove a&amp;b=/../?#%?", "all connections", "until they leave")
		b.post(odd, nil).leads("removing", serviceUsersPath+"?done=service_user_removed")
		b.post(odd, nil).leads("removing twice", serviceUsersPath+"?done=service_user_gone")
		b.get(odd).is("the question about what is gone", 404).says("it", "no such service user")
		one := serviceUsersPath + "/remove?connection=" + string(c.ID) + "&pattern=recorder-*"
		b.get(one).is("the question", 200).says("where", "of the connection hilado-moodle")

		// A connection that ends leaves its helpers in the list, and they can be removed.
		w.must(w.Members.Revoke(t.Context(), h.actor, c.ID))
		b.get(serviceUsersPath).is("the list", 200).says("it", "hilado-moodle", "This connection was revoked")
		b.post(serviceUsersPath, helper("other-*", "one", "hilado-moodle")).is("for a revoked one", 422).says("it", "does not exist")
		b.post(one, nil).leads("removing", serviceUsersPath+"?done=service_user_removed")
		if diff := cmp.Diff([]string{"recorder-*"}, w.patterns()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if n := w.heard("service_user.remove"); n != 2 {
			t.Errorf("%d events in the audit trail", n)
		}
	})
}

func TestHelpersAreForAdminsOfThePlatform(t *testing.T) {
	w := liteTown(t, townOptions{})
	h, _ := w.plugged("Hilado")
	w.connect(h, "hilado-moodle")
	_, err := w.Members.AddServiceUser(t.Context(), identity.Operator(), "", "recorder-*")
	w.must(err)
	removal := removalOfAll + "recorder-%2A"
	manager, host := w.someone("Manager", h.member.ID, membership.RoleManager), w.someone("Host", h.member.ID, membership.RoleHost)
	admin, foreign := w.admin("Admin"), w.as("Admin")
	foreign.headers["Origin"], foreign.headers["Sec-Fetch-Site"] = "https://evil.example", "cross-site"
	for _, tc := range []struct {
		who       string
		b         *browser
		get, post int
	}{
		{"nobody", w.browser(), 303, 303}, {"a host", host, 404, 404}, {"a manager", manager, 404, 404}, {"an owner", h.owner, 404, 404},
		{"a foreign page", foreign, 200, 403}, {"an admin", admin, 200, 303},
	} {
		for _, path := range []string{serviceUsersPath, serviceUsersPath + "/new", removal} {
			if got := tc.b.get(path); got.status != tc.get || tc.get == 303 && !strings.HasPrefix(got.header.Get("Location"), "/signin?next=") {
				t.Errorf("%s at %s: %d to %q", tc.who, path, got.status, got.header.Get("Location"))
			}
		}
		if strings.Contains(tc.b.get("/rooms").body, serviceUsersPath) != (tc.get == 200) {
			t.Errorf("the way is shown to %s, or not to an admin", tc.who)
		}
		before := w.patterns()
		for _, path := range []string{serviceUsersPath, removal} {
			if got := tc.b.post(path, helper("evil-*", "all", "")); got.status != tc.post {
				t.Errorf("%s posts to %s: %d", tc.who, path, got.status)
			}
		}
		if diff := cmp.Diff(before, w.patterns()); tc.who != "an admin" && diff != "" {
			t.Errorf("%s has changed it: (-before +after)\n%s", tc.who, diff)
		}
	}
	if diff := cmp.Diff([]string{"evil-*"}, w.patterns()); diff != "" {
		t.Errorf("what the admin did: (-want +got)\n%s", diff)
	}
}

func TestAHelperFormSaysWhatIsWrong(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		h, _ := w.plugged("Hilado")
		w.connect(h, "hilado-moodle")
		b := w.admin("Admin")
		for _, tc := range []struct {
			name string
			form url.Values
			says []string
		}{
			{"nothing at all", url.Values{}, []string{"3 things to correct"}},
			{"everybody", helper("*", "all", ""), []string{"at least three other characters", `value="*"`, `value="all" checked`}},
			{"two letters", helper("a*b", "all", ""), []string{"at least three"}},
			{"six stars", helper("a*b*c*d*e*f*g", "all", ""), []string{"at most five"}},
			{"a line", helper("rec\norder", "all", ""), []string{"userID"}},
			{"a zero byte", helper("rec\x00order", "all", ""), []string{"userID"}},
			{"no text", helper("rec\xfforder", "one", "hilado\xff"), []string{"2 things to correct"}},
			{"10,000 letters", helper(strings.Repeat("x", 10_000), "all", ""), []string{"3 to 128"}},
			{"128 bytes of letters that have two", helper(strings.Repeat("é", 65), "all", ""), []string{"3 to 128"}},
			{"markup", helper("<script>*<script>*******", "one", "<i>"), []string{"&lt;script&gt;*", "&lt;i&gt;", "does not exist"}},
			{"one without its name", helper("recorder-*", "one", " "), []string{"Fill this in"}},
			{"one that is not there", helper("recorder-*", "one", "hilado-moodl"), []string{"does not exist", `value="hilado-moodl"`}},
			{"all, and one", helper("recorder-*", "all", "hilado-moodle"), []string{"Leave it empty for all connections"}},
			{"a place that is no choice", helper("recorder-*", "everywhere", "hilado-moodle"), []string{`aria-describedby="f-where-error"`}},
		} {
			b.post(serviceUsersPath, tc.form).is(tc.name, 422).says(tc.name, tc.says...)
		}
		if got := w.patterns(); len(got) != 0 {
			t.Errorf("there are %q", got)
		}
		for name, path := range map[string]string{
			"no pattern": serviceUsersPath + "/remove", "an unknown one": removalOfAll + "recorder-*", "no text": removalOfAll + "rec%ff", "a zero byte": removalOfAll + "abc%00",
			"a connection that is no text": serviceUsersPath + "/remove?connection=conn%ff%00&pattern=recorder-*", "a long one": removalOfAll + strings.Repeat("x", 3000),
		} {
			b.get(path).is("asking about "+name, 404)
			b.post(path, nil).leads("removing "+name, serviceUsersPath+"?done=service_user_gone")
		}
		b.post(serviceUsersPath, helper(strings.Repeat("é", 64), "all", "")).leads("128 bytes", serviceUsersPath+"?done=service_user_added")
		for i := range 99 {
			_, err := w.Members.AddServiceUser(t.Context(), identity.Operator(), "", fmt.Sprintf("helper-%d", i))
			w.must(err)
		}
		b.post(serviceUsersPath, helper("one-more-*", "all", "")).is("one too many", 409).says("it", "100 patterns", `value="one-more-*"`)
		b.post(serviceUsersPath, helper("helper-7", "all", "")).leads("one that is there", serviceUsersPath+"?done=service_user_added")
	})
}

// Of many who add or remove the same at once one does, and the others read that it is done.
func TestAdminsAtOnceNameAHelperOnce(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		w.house("Hilado", "level-2", rooms.Settings{})
		browsers := []*browser{w.admin("Admin"), w.as("Admin"), w.as("Admin"), w.as("Admin")}
		together := func(path string, form url.Values) map[string]int {
			t.Helper()
			to := make([]string, len(browsers))
			var all sync.WaitGroup
			for i, b := range browsers {
				all.Go(func() { to[i] = b.post(path, form).header.Get("Location") })
			}
			all.Wait()
			out := map[string]int{}
			for _, v := range to {
				out[v]++
			}
			return out
		}
		if diff := cmp.Diff(map[string]int{serviceUsersPath + "?done=service_user_added": 4}, together(serviceUsersPath, helper("recorder-*", "all", ""))); diff != "" {
			t.Errorf("adding: (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff([]string{"recorder-*"}, w.patterns()); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		want := map[string]int{serviceUsersPath + "?done=service_user_removed": 1, serviceUsersPath + "?done=service_user_gone": 3}
		if diff := cmp.Diff(want, together(removalOfAll+"recorder-%2A", nil)); diff != "" {
			t.Errorf("removing: (-want +got)\n%s", diff)
		}
		if added, removed := w.heard("service_user.add"), w.heard("service_user.remove"); added != 1 || removed != 1 {
			t.Errorf("%d and %d events in the audit trail", added, removed)
		}
	})
}
