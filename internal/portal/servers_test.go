// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/rooms"
)

// admin is the browser of an admin of the platform.
func (w *town) admin(name string) *browser {
	w.t.Helper()
	who := w.Human(name)
	w.must(w.people.GrantRole(w.t.Context(), identity.Operator(), who.Person, identity.RoleAdmin, instant.Instant{}))
	return w.as(name)
}

var aServer = url.Values{"url": {"https://bbb1.example/bigbluebutton/"}, "secret": {"as-bbb-conf-says"}, "tags": {"eu, recording"}, "weight": {"0,5"}}

func TestAnAdminAddsEmptiesAndRemovesServers(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		b := w.admin("Admin")
		b.get("/admin/servers").is("the list", 200).says("it", "node", "in use", "0 of 60 load units")
		w.silent = fault.New(fault.Unavailable, "fleet.server_refused")
		refused := b.post("/admin/servers", aServer).is("a server that does not take the secret", 409).says("it", "does not accept the secret", `value="https://bbb1.example/bigbluebutton/"`, `value="0,5"`)
		if strings.Contains(refused.body, "as-bbb-conf-says") {
			t.Error("the secret is sent back")
		}
		w.silent = nil
		to := b.post("/admin/servers", aServer).header.Get("Location")
		path, done, _ := strings.Cut(to, "?")
		if !regexp.MustCompile(`^/admin/servers/srv_[a-z0-9]+$`).MatchString(path) || done != "done=server_added" || len(w.tried) != 2 || w.tried[1] != "https://bbb1.example/bigbluebutton/api" {
			t.Fatalf("to %q, tried %q", to, w.tried)
		}
		b.get(to).is("the server", 200).says("it", "bbb1.example", "0 of 88 load units", "eu and recording", "The server is added", "not seen yet")
		b.post("/admin/servers", aServer).is("the same again", 409).says("it", "already")

		b.post(path+"/cordon", nil).leads("cordon", path+"?done=server_cordon")
		b.post(path+"/cordon", nil).is("cordon again", 409).says("it", "not possible in the state")
		b.post(path+"/enable", nil).leads("enable", path+"?done=server_enable")
		b.get(path+"/drain").is("the question", 200).says("it", "Let bbb1.example empty?", "0 meetings · 0 people")
		b.post(path+"/drain", nil).leads("drain", path+"?done=server_drain")
		b.post(path+"/panic", url.Values{"typed": {"bbb2"}}).is("another name", 422)
		b.post(path+"/panic", url.Values{"typed": {"bbb1.example"}}).leads("panic", path+"?done=server_panic")
		if n := w.count(`SELECT COUNT(*) FROM job WHERE kind = 'conference.panic'`); n != 1 {
			t.Errorf("%d jobs", n)
		}
		b.post(path+"/explode", nil).is("no act", 404)
		b.post(path+"/remove", url.Values{"typed": {""}}).is("no name", 422)
		b.post(path+"/remove", url.Values{"typed": {"bbb1.example"}}).leads("remove", "/admin/servers?done=server_remove")
		b.get(path).is("gone", 404)
		if n := w.count(`SELECT COUNT(*) FROM audit_event WHERE action LIKE 'server.%' AND actor_kind = 'person'`); n != 6 {
			t.Errorf("%d events in the audit trail", n)
		}
	})
}

func TestAServerInUseIsSwitchedOffByForceOnly(t *testing.T) {
	w := liteTown(t, townOptions{})
	b := w.admin("Admin")
	w.start(w.house("Hilado", "level-2", rooms.Settings{}))
	path := "/admin/servers/" + string(w.server)
	b.get(path).is("the engine", 200).says("what runs", "1 meeting · ")
	b.get(path+"/disable").is("the question", 200).says("the force", `name="force"`)
	b.post(path+"/disable", nil).is("without force", 409).says("it", "1 meeting runs there")
	for _, act := range []string{"drain", "panic", "remove"} {
		b.post(path+"/"+act, url.Values{"typed": {"node"}}).is(act+" of the engine of a node", 409)
	}
	b.post(path+"/disable", url.Values{"force": {"on"}}).leads("with force", path+"?done=server_disable")
	if n := w.count(`SELECT COUNT(*) FROM server WHERE admin = $1`, string(fleet.AdminDisabled)); n != 1 {
		t.Errorf("%d servers are switched off", n)
	}
}

func TestServersAreForAdminsOfThePlatform(t *testing.T) {
	w := liteTown(t, townOptions{})
	h := w.house("Hilado", "level-2", rooms.Settings{})
	path := "/admin/servers/" + string(w.server)
	for _, p := range []string{"/admin/servers", "/admin/servers/new", path, path + "/disable"} {
		h.owner.get(p).is("an owner at "+p, 404)
		if got := w.browser().get(p); !strings.HasPrefix(got.header.Get("Location"), "/signin?next=") {
			t.Errorf("nobody at %s: %d", p, got.status)
		}
	}
	h.owner.post(path+"/cordon", nil).is("an owner cordons", 404)
	if strings.Contains(h.owner.get("/rooms").body, "/admin/servers") {
		t.Error("an owner is shown the way to the servers")
	}
	b := w.admin("Admin")
	b.get("/rooms").says("the way", `href="/admin/servers"`)
	b.headers["Origin"], b.headers["Sec-Fetch-Site"] = "https://evil.example", "cross-site"
	b.post(path+"/cordon", nil).is("a foreign page", 403)
}

func TestAServerFormSaysWhatIsWrong(t *testing.T) {
	w := liteTown(t, townOptions{})
	b := w.admin("Admin")
	b.post("/admin/servers", url.Values{"url": {"ftp://x"}, "secret": {" "}, "name": {strings.Repeat("x", 10_000)}, "tags": {"<i>"}, "weight": {"NaN"}}).is("five mistakes", 422).says("them", "5 things to correct", "&lt;i&gt;")
	b.post("/admin/servers", url.Values{"url": {strings.Repeat("x", 10_000)}, "secret": {"s"}}).is("10,000 letters", 422)
	to := b.post("/admin/servers", url.Values{"url": {"https://bbb2.example"}, "secret": {"secret"}, "name": {"<b>two</b>"}, "weight": {"1"}, "no_check": {"on"}}).header.Get("Location")
	b.get(to).is("a name with markup", 200).says("it as text", "&lt;b&gt;two&lt;/b&gt;", "175 load units")
	if len(w.tried) != 0 {
		t.Errorf("tried %q", w.tried)
	}
}

func TestAServerIsChangedOnItsPage(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		b := w.admin("Admin")
		path, _, _ := strings.Cut(b.post("/admin/servers", aServer).header.Get("Location"), "?")
		ask := b.get(path+"/edit").is("the form", 200).says("what it is", `value="bbb1.example"`, `value="eu, recording"`, `value="0.503"`)
		if strings.Contains(ask.body, "as-bbb-conf-says") {
			t.Error("the secret is in the form")
		}
		have := ask.value("have")
		form := func(more ...string) url.Values {
			out := url.Values{"have": {have}, "name": {"Big one"}, "tags": {"eu"}, "weight": {"2"}, "url": {"https://bbb1.example/bigbluebutton/"}, "secret": {""}}
			for i := 0; i < len(more); i += 2 {
				out.Set(more[i], more[i+1])
			}
			return out
		}
		tried := len(w.tried)
		b.post(path+"/edit", form()).leads("saving", path+"?done=server_set")
		b.get(path+"?done=server_set").is("the server", 200).says("it", "Big one", "0 of 350 load units", "The server is changed")
		if len(w.tried) != tried {
			t.Error("the server was called although address and secret are the same")
		}
		b.post(path+"/edit", form("name", "Mine")).is("what somebody else changed", 409).says("both versions", "Somebody has changed this server", "Now: Big one, weight 2", `value="Mine"`)
		have = b.get(path + "/edit").value("have")
		w.silent = fault.New(fault.Unavailable, "fleet.server_refused")
		refused := b.post(path+"/edit", form("secret", "brand-new-secret")).is("a secret it does not take", 409).says("it", "does not accept the secret")
		if strings.Contains(refused.body, "brand-new-secret") {
			t.Error("the secret is sent back")
		}
		b.post(path+"/edit", form("secret", "brand-new-secret", "no_check", "on")).leads("saving it unseen", path+"?done=server_set")
		w.silent = nil
		have = b.get(path + "/edit").value("have")
		b.post(path+"/edit", form("url", "https://bbb9.example/bigbluebutton")).leads("another address", path+"?done=server_set")
		if last := w.tried[len(w.tried)-1]; last != "https://bbb9.example/bigbluebutton/api" {
			t.Errorf("tried %s", last)
		}
		have = ""
		b.post(path+"/edit", form("name", "", "tags", "<i>", "weight", "-1", "url", "https://x.example/#y")).is("four mistakes", 422).says("them", "&lt;i&gt;")
		b.post(path+"/edit", form("weight", "Inf")).is("no number", 422)
		b.post("/admin/servers/srv_none/edit", form()).is("no server", 404)

		engine := "/admin/servers/" + string(w.server)
		if page := b.get(engine+"/edit").is("an engine", 200); strings.Contains(page.body, `name="weight"`) || strings.Contains(page.body, `name="secret"`) {
			t.Error("an engine's weight or secret can be typed")
		}
		b.post(engine+"/edit", url.Values{"tags": {"eu"}, "name": {"x"}, "weight": {"9"}}).leads("its tags", engine+"?done=server_set")
		if n := w.count(`SELECT COUNT(*) FROM server WHERE tags = '["eu"]' AND load_units = 60 AND name <> 'x'`); n != 1 {
			t.Error("an engine has other than its tags changed")
		}
	})
}

func TestADeadlineIsChosenWithADrain(t *testing.T) {
	w := liteTown(t, townOptions{})
	b := w.admin("Admin")
	path, _, _ := strings.Cut(b.post("/admin/servers", aServer).header.Get("Location"), "?")
	b.get(path+"/drain").is("the question", 200).says("the deadlines", `name="until"`, "In 2 hours", "Never")
	b.post(path+"/drain", url.Values{"until": {"90s"}}).is("a deadline nobody offers", 422)
	b.post(path+"/drain", url.Values{"until": {"2h0m0s"}}).leads("in two hours", path+"?done=server_drain")
	b.get(path).is("the server", 200).says("the deadline", "still runs at the deadline", path+"/deadline")
	if n := w.count(`SELECT COUNT(*) FROM server WHERE drain_until = $1`, w.Clock.Now().Add(2*time.Hour)); n != 1 {
		t.Error("it is not written")
	}
	b.post(path+"/deadline", url.Values{"until": {"0s"}}).leads("none", path+"?done=server_deadline")
	if n := w.count(`SELECT COUNT(*) FROM server WHERE admin = 'draining' AND drain_until IS NULL`); n != 1 {
		t.Error("it is not taken back")
	}
	b.post(path+"/enable", nil).leads("enable", path+"?done=server_enable")
	b.post(path+"/deadline", url.Values{"until": {"30m0s"}}).is("a deadline without a drain", 409)
}
