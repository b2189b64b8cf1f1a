// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
	"meetcoop/internal/usage"
)

// connect gives a house a connection.
func (w *town) connect(h house, name string) membership.Connection {
	w.t.Helper()
	c, _, err := w.Members.Connect(w.t.Context(), h.actor, membership.ConnectInput{Member: h.member.ID, Name: name})
	w.must(err)
	return c
}

// plugged is a house that may have some connections.
func (w *town) plugged(name string) (house, string) {
	w.t.Helper()
	h := w.house(name, "level-2", rooms.Settings{})
	some := int64(3)
	w.Override(w.t, h.member.ID, tariff.OverrideFields{Connections: &some})
	return h, "/m/" + h.member.Slug + "/connections"
}

var secretText = regexp.MustCompile(`id="secret" type="text" value="([A-Za-z0-9]{40})"`)

// secret reads the secret that a page shows.
func (a answer) secret() string {
	a.t.Helper()
	m := secretText.FindStringSubmatch(a.body)
	if m == nil {
		a.t.Fatalf("no secret in %d\n%s", a.status, excerpt(a.body))
	}
	return m[1]
}

func TestAConnectionShowsItsSecretOnce(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		h, list := w.plugged("Hilado")
		one := list + "/hilado-moodle"
		hidden := func(what, secret string, a answer) {
			t.Helper()
			if strings.Contains(a.body, secret) || strings.Contains(a.header.Get("Location"), secret) {
				t.Errorf("%s tells the secret", what)
			}
		}
		h.owner.get(list).is("an empty list", 200).says("what a connection is for", "holds its meetings here", "Nextcloud", list+"/new")
		form := url.Values{"name": {"hilado-moodle"}, "refusal": {"join"}, "join_mode": {"redirect"}}
		made := h.owner.post(list, form).is("a new connection", 200)
		first := made.secret()
		made.says("the instructions", "BIGBLUEBUTTON_ENDPOINT", "bigbluebuttonbn_shared_secret", `value="http://localhost/bbb/hilado-moodle/bigbluebutton/"`, `value="http://localhost/bbb/hilado-moodle/bigbluebutton/api"`, "shown only now")
		if strings.Count(made.body, first) != 1+len(clients) || made.header.Get("Cache-Control") != "no-store" || len(made.cookies) != 0 {
			t.Errorf("the secret stands there %d times; cache %q, cookies %v", strings.Count(made.body, first), made.header.Get("Cache-Control"), made.cookies)
		}
		again := h.owner.post(list, form)
		again.leads("the form sent again", one+"?done=connection_exists")
		hidden("the form sent again", first, again)
		hidden("the list", first, h.owner.get(list).is("the list", 200).says("it", one, "Refuses on our page", "Not used yet.", "1 of 3"))
		hidden("the connection", first, h.owner.get(one).is("the connection", 200).says("the end only", "Ends with "+first[36:], "current"))

		ask := h.owner.get(one+"/rotate").is("the question", 200).says("the choices", "1 hour", "24 hours", "7 days")
		newest := ask.value("newest")
		h.owner.post(one+"/rotate", url.Values{"newest": {newest}, "overlap": {"1y"}}).is("an overlap nobody offers", 422).says("it", "Choose an overlap")
		replaced := h.owner.post(one+"/rotate", url.Values{"newest": {newest}, "overlap": {"24h"}}).is("replacing", 200)
		second := replaced.secret()
		hidden("the new secret's page", first, replaced)
		if second == first {
			t.Error("the secret is the old one")
		}
		twice := h.owner.post(one+"/rotate", url.Values{"newest": {newest}, "overlap": {"24h"}})
		twice.leads("sent again", one+"?done=connection_rotated_before")
		h.owner.get(one).is("both", 200).says("both", "Ends with "+first[36:], "Ends with "+second[36:], "valid until")
		if n := w.count(`SELECT COUNT(*) FROM connection_secret`); n != 2 {
			t.Errorf("%d secrets", n)
		}

		h.owner.get(one+"/revoke").is("the question", 200).says("what happens", "nobody can join", "hilado-moodle")
		h.owner.post(one+"/revoke", url.Values{"typed": {"hilado"}}).is("another name", 422).says("it", `aria-invalid="true"`)
		h.owner.post(one+"/revoke", url.Values{"typed": {" hilado-moodle "}}).leads("revoking", list+"?done=connection_revoked")
		h.owner.get(list).is("the list", 200).says("it", "Revoked connections")
		h.owner.get(one).is("what was", 200).says("it", "was revoked")
		for _, path := range []string{"/edit", "/rotate", "/revoke"} {
			h.owner.get(one+path).is(path, 409)
		}
		h.owner.post(one+"/rules", url.Values{"operator": {"cap"}}).is("a rule for what is gone", 409)
		h.owner.post(list, form).is("its name again", 422).says("it", "is or was given")
		if n := w.count(`SELECT COUNT(*) FROM audit_event WHERE action IN ('connection.create', 'connection.rotate', 'connection.revoke')`); n != 3 {
			t.Errorf("%d events in the audit trail", n)
		}
	})
}

func TestConnectionsAreForTheManagersOfTheirMember(t *testing.T) {
	w := liteTown(t, townOptions{})
	h, list := w.plugged("Hilado")
	other, otherList := w.plugged("Loom")
	w.connect(h, "hilado-moodle")
	w.connect(other, "loom-moodle")
	host := w.someone("Host", h.member.ID, membership.RoleHost, membership.RoleMember)
	manager := w.someone("Manager", h.member.ID, membership.RoleManager)
	for _, path := range []string{"", "/new", "/hilado-moodle", "/hilado-moodle/edit", "/hilado-moodle/rotate", "/hilado-moodle/revoke"} {
		host.get(list+path).is("a host at "+path, 403)
		other.owner.get(list+path).is("an owner elsewhere at "+path, 404)
		manager.get(list+path).is("a manager at "+path, 200)
		if got := w.browser().get(list + path); !strings.HasPrefix(got.header.Get("Location"), "/signin?next=") {
			t.Errorf("nobody at %s: %d", path, got.status)
		}
	}
	for _, path := range []string{"", "/edit", "/rotate", "/revoke"} { // the foreign connection, below one's own member
		other.owner.get(otherList+"/hilado-moodle"+path).is("another member's connection", 404)
	}
	other.owner.post(otherList+"/hilado-moodle/revoke", url.Values{"typed": {"hilado-moodle"}}).is("revoking another's", 404)
	other.owner.post(otherList, url.Values{"name": {"hilado-moodle"}}).is("another's name", 422).says("it", "is or was given")
	host.post(list, url.Values{"name": {"mine"}}).is("a host makes one", 403)
	if body := host.get("/rooms").body; strings.Contains(body, list) {
		t.Error("a host is shown the way to the connections")
	}
	manager.get("/rooms").says("the way", `href="`+list+`"`)

	strange := w.as("Hilado")
	strange.headers["Origin"] = "https://evil.example"
	strange.headers["Sec-Fetch-Site"] = "cross-site"
	strange.post(list, url.Values{"name": {"evil"}}).is("a foreign page", 403)
	strange.post(list+"/hilado-moodle/revoke", url.Values{"typed": {"hilado-moodle"}}).is("a foreign page", 403)
	if n := w.count(`SELECT COUNT(*) FROM connection WHERE kind = 'api' AND revoked_at IS NULL`); n != 2 {
		t.Errorf("%d connections", n)
	}
}

func TestAConnectionFormSaysWhatIsWrong(t *testing.T) {
	w := liteTown(t, townOptions{})
	h, list := w.plugged("Hilado")
	h.owner.post(list, url.Values{"name": {"<b>bold</b>"}, "refusal": {"never"}, "join_mode": {"join"}}).is("three mistakes", 422).says("them", "3 things to correct", "&lt;b&gt;bold&lt;/b&gt;")
	h.owner.post(list, url.Values{"name": {strings.Repeat("x", 10_000)}}).is("10,000 letters", 422)
	odd := h.owner.post(list, url.Values{"name": {"new"}}).is("the name of a page", 200)
	link := regexp.MustCompile(`href="(` + list + `/conn_[a-z0-9]+)"`).FindStringSubmatch(odd.body)
	if link == nil {
		t.Fatalf("the connection called new has no page of its own\n%s", excerpt(odd.body))
	}
	h.owner.get(link[1]).is("its page", 200).says("it", ">new</h1>")
	w.connect(h, "two")
	w.connect(h, "three")
	h.owner.post(list, url.Values{"name": {"four"}}).is("one too many", 409).says("it", "allows 3 connections", `value="four"`)
}

func TestRulesOfAConnection(t *testing.T) {
	w := liteTown(t, townOptions{})
	h, list := w.plugged("Hilado")
	w.connect(h, "hilado-moodle")
	one := list + "/hilado-moodle"
	add := func(operator, param, value string) answer {
		return h.owner.post(one+"/rules", url.Values{"have": {h.owner.get(one).value("have")}, "operator": {operator}, "param": {param}, "value": {value}})
	}
	add("force", "record", "").leads("a rule", one+"?done=connection_rule_added#rules")
	h.owner.get(one).says("its words", "record is left out, whatever the application sends.", "force record=")
	add("default", "welcome", "<script>alert(1)</script>").leads("a value with markup", one+"?done=connection_rule_added#rules")
	page := h.owner.get(one).is("both", 200).says("the value as text", "&lt;script&gt;alert(1)")
	add("cap", "maxParticipants", "many").is("a cap without a number", 422).says("what was typed", `value="maxParticipants"`, `value="many"`, "cannot be used")
	add("force", "meetingID", "x").is("what is ours", 422)
	add("force", "logo", strings.Repeat("x", 10_000)).is("10,000 letters", 422)
	add("explode", "logo", "x").is("no operator", 422)

	rule := page.value("rule")
	h.owner.post(one+"/rules/remove", url.Values{"rule": {rule}}).leads("removing", one+"?done=connection_rule_removed#rules")
	h.owner.post(one+"/rules/remove", url.Values{"rule": {rule}}).is("removing what was seen before", 409).says("it", "changed the rules meanwhile")
	h.owner.post(one+"/rules", url.Values{"have": {"0"}, "operator": {"cap"}, "param": {"maxParticipants"}, "value": {"7"}}).is("adding to what was seen before", 409).says("what was typed", `value="maxParticipants"`)
	for _, bad := range []string{"", "x y", "-1 " + rule, "99 99"} {
		if got := h.owner.post(one+"/rules/remove", url.Values{"rule": {bad}}); got.status != 400 && got.status != 409 {
			t.Errorf("rule %q: %d", bad, got.status)
		}
	}
	h.owner.get(one).is("what is left", 200).says("it", "default welcome=")
}

func TestPagesOfConnectionsShowWhatEachUsed(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		h, list := w.plugged("Hilado")
		moodle, cloud := w.connect(h, "hilado-moodle"), w.connect(h, "hilado-cloud")
		now := instant.Of(w.Clock.Now().Time().Truncate(time.Hour)).Add(10 * time.Minute)
		fact := func(c id.Connection, m id.Meeting, kind usage.Kind, n int, code string) usage.Fact {
			return usage.Fact{At: now.Add(-20 * time.Minute), Member: h.member.ID, Connection: c, Meeting: m, Kind: kind, N: n, Code: code}
		}
		w.must(w.DB.Write(t.Context(), func(tx store.Tx) error {
			return usage.NewRecorder().Record(
				t.Context(), tx,
				fact(moodle.ID, "mtg_1", usage.Ended, 1200, "host"), fact(moodle.ID, "mtg_1", usage.Peak, 7, ""), fact(moodle.ID, "mtg_1", usage.Seated, 3600, ""),
				fact(moodle.ID, "", usage.Refused, 4, "admission.seats_full"), fact(cloud.ID, "mtg_2", usage.Ended, 60, "empty"), fact(cloud.ID, "mtg_2", usage.Peak, 2, ""),
			)
		}))
		w.Clock.Pass(now.Sub(w.Clock.Now()))
		figures := regexp.MustCompile(`<dt>([^<]*)</dt><dd>([^<]*)</dd>`)
		read := func(path string) (out string) {
			for _, m := range figures.FindAllStringSubmatch(h.owner.get(path).is(path, 200).body, -1) {
				out += m[1] + ": " + m[2] + "; "
			}
			return out
		}
		if got := read(list); !strings.Contains(got, "Seats now: 0; Most seats this month: 2; Refused this month: 0; Seats now: 0; Most seats this month: 7; Refused this month: 1;") {
			t.Errorf("the list says %s", got)
		}
		for _, span := range []string{"month", "hours"} {
			if got := read(list + "/hilado-moodle?span=" + span); !strings.HasPrefix(got, "Seats now: 0; Meetings: 1; Time in meetings: 20 mins; Time of all people together: 1 hr;") {
				t.Errorf("%s: %s", span, got)
			}
			h.owner.get(list+"/hilado-moodle?span="+span).says("the peak and the reason", "At most 7 seats were taken at once.", "All seats taken")
		}
		h.owner.get("/m/"+h.member.Slug+"/usage?span=month").is("usage", 200).says("the split", "By connection", "Rooms of this portal", list+"/hilado-moodle")
	})
}

// placedFields are those of who looks after servers.
var placedFields = []string{"tags", "tenant_name", "origin", "adopts"}

func TestAConnectionIsChangedOnItsPage(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		h, list := w.plugged("Hilado")
		w.connect(h, "hilado-moodle")
		one := list + "/hilado-moodle"
		ask := h.owner.get(one+"/edit").is("the form", 200).says("the choices", "Level 1", "SHA-384")
		for _, field := range placedFields {
			if strings.Contains(ask.body, `name="`+field+`"`) {
				t.Errorf("an owner is asked for %s", field)
			}
		}
		have := ask.value("have")
		form := func(more ...string) url.Values {
			out := url.Values{"have": {have}, "refusal": {"join"}, "join_mode": {"handover"}, "level": {"level-1"}, "hook_algorithm": {"sha256"}}
			for i := 0; i < len(more); i += 2 {
				out.Set(more[i], more[i+1])
			}
			return out
		}
		for _, field := range placedFields {
			h.owner.post(one+"/edit", form(field, "on")).is("an owner who sends "+field, 403).says(field, "chosen by those who run the servers")
		}
		h.owner.post(one+"/edit", form("tags", " ", "tenant_name", "", "origin", "")).leads("saving, with fields that change nothing", one+"?done=connection_set")
		h.owner.get(one+"?done=connection_set").is("the connection", 200).says("it", "The connection is changed", "On a page of ours", "Handed over by us", "Level 1", "SHA-256")
		if n := w.count(`SELECT COUNT(*) FROM connection WHERE tags <> '[]' OR tenant_name IS NOT NULL OR origin IS NOT NULL`); n != 0 {
			t.Error("an owner has chosen servers, the tenant name or what is taken over")
		}
		h.owner.post(one+"/edit", form("refusal", "create")).is("what somebody else changed", 409).says("both versions", "Somebody has changed this connection", "Now: ", "SHA-256")
		have = h.owner.get(one + "/edit").value("have")
		h.owner.post(one+"/edit", form("refusal", "never", "join_mode", "<b>", "hook_algorithm", "md5", "level", "level-99")).is("mistakes", 422)
		h.owner.post(one+"/edit", form("level", "level-99")).is("a level nobody knows", 422)
		h.owner.post(one+"/rules", url.Values{"have": {h.owner.get(one).value("have")}, "operator": {"force"}, "param": {"meta_server-tag"}, "value": {"large!"}}).
			is("servers by a rule", 422).says("who chooses them", "chosen by those who run the servers")

		who := w.Human("Admin")
		w.Add(h.member.ID, who, membership.RoleManager)
		w.must(w.people.GrantRole(t.Context(), identity.Operator(), who.Person, identity.RoleAdmin, instant.Instant{}))
		admin := w.as("Admin")
		other, _ := w.plugged("Loom")
		w.connect(other, "loom-moodle")
		admin.get(one+"/edit").is("an admin's form", 200).says("what admins choose", `name="tags"`, `name="tenant_name"`)
		admin.post(one+"/edit", form("tags", "large, eu", "tenant_name", "hilado.example")).leads("an admin saves", one+"?done=connection_set")
		h.owner.get(one).is("the connection", 200).says("what was chosen", "hilado.example", "eu and large")
		have = h.owner.get(one + "/edit").value("have")
		h.owner.post(one+"/edit", form("refusal", "create")).leads("an owner saves the rest", one+"?done=connection_set")
		h.owner.get(one).is("the connection", 200).says("what the admin chose stays", "hilado.example", "eu and large")
	})
}

// What was taken over from another load balancer is shown to those who look after servers, and is theirs to change.
func TestWhatAConnectionTakesOverIsChangedOnItsPage(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		h, list := w.plugged("Hilado")
		c, other := w.connect(h, "hilado-moodle"), w.connect(h, "hilado-cloud")
		one := list + "/hilado-moodle"
		who := w.Human("Admin")
		w.Add(h.member.ID, who, membership.RoleManager)
		w.must(w.people.GrantRole(t.Context(), identity.Operator(), who.Person, identity.RoleAdmin, instant.Instant{}))
		admin := w.as("Admin")
		set := func(c membership.Connection, origin string, adopts bool) {
			t.Helper()
			_, err := w.Members.SetConnection(t.Context(), identity.Operator(), membership.ConnectionChange{Connection: c.ID, Origin: &origin, Adopts: &adopts})
			w.must(err)
		}
		have := admin.get(one+"/edit").is("the form", 200).says("what it asks", `name="origin"`, `name="adopts"`, "The tenant of another load balancer").value("have")
		form := func(more ...string) url.Values {
			out := url.Values{"have": {have}, "refusal": {"create"}, "join_mode": {"redirect"}, "hook_algorithm": {"sha1"}, "tenant_name": {""}, "tags": {""}, "origin": {""}}
			for i := 0; i < len(more); i += 2 {
				out.Set(more[i], more[i+1])
			}
			return out
		}
		admin.post(one+"/edit", form("adopts", "on")).is("nobody to take over from", 422).says("it", "Fill this in", `name="adopts" value="on" checked`)
		admin.post(one+"/edit", form("origin", "a\nb")).is("two lines", 422).says("it", "256 visible characters")
		admin.post(one+"/edit", form("origin", strings.Repeat("x", 10_000))).is("10,000 letters", 422)
		set(other, "south", false)
		admin.post(one+"/edit", form("origin", "south")).is("what another connection was taken over from", 422).says("it", "Another connection was taken over", `value="south"`)
		admin.post(one+"/edit", form("origin", " <b>north ", "adopts", "on")).leads("saving", one+"?done=connection_set")
		reminder := "can be switched off too"
		admin.get(one).is("the connection", 200).says("it", "&lt;b&gt;north", "Taken over from", "are taken over", reminder, `href="`+one+`/edit#f-adopts"`)
		admin.get(one+"/edit").is("the form", 200).says("what is", `value="&lt;b&gt;north"`, `name="adopts" value="on" checked`)
		if seen := h.owner.get(one).is("for an owner", 200).body; strings.Contains(seen, "Taken over from") || strings.Contains(seen, "north") || strings.Contains(seen, reminder) {
			t.Error("an owner reads where the connection was taken over from")
		}
		h.owner.post(one+"/edit", url.Values{"refusal": {"join"}, "join_mode": {"redirect"}, "hook_algorithm": {"sha1"}}).leads("an owner changes the rest", one+"?done=connection_set")
		if n := w.count(`SELECT COUNT(*) FROM connection WHERE origin = '<b>north' AND adopts = $1`, true); n != 1 {
			t.Error("an owner has taken it away")
		}
		for _, form := range []url.Values{{"origin": {"north"}}, {"adopts": {"off"}}, {"origin": {"<b>north"}}, {"origin": {""}, "adopts": {"on"}}} {
			form.Set("refusal", "create")
			form.Set("join_mode", "redirect")
			form.Set("hook_algorithm", "sha1")
			h.owner.post(one+"/edit", form).is("an owner who sends "+form.Encode(), 403)
		}

		// A form that was overtaken says so, whether what changed is the one or the other.
		have = admin.get(one + "/edit").value("have")
		set(c, "<b>north", false)
		admin.post(one+"/edit", form("origin", "west", "adopts", "on")).is("what somebody else changed", 409).says("both versions", "Now: ", "Running meetings there: are left alone", `value="west"`)
		have = admin.get(one + "/edit").value("have")
		set(c, "east", false)
		admin.post(one+"/edit", form("origin", "<b>north")).is("what somebody else changed", 409).says("both versions", "Taken over from: east")
		have = admin.get(one + "/edit").value("have")
		admin.post(one+"/edit", form("origin", "*", "adopts", "on")).leads("all that name no tenant", one+"?done=connection_set")
		admin.get(one).is("the connection", 200).says("it", "meetings that name no tenant", reminder)
		have = admin.get(one + "/edit").value("have")
		admin.post(one+"/edit", form("origin", "*")).leads("switching it off", one+"?done=connection_set")
		if seen := admin.get(one).is("the connection", 200).says("it", "are left alone").body; strings.Contains(seen, reminder) {
			t.Error("the reminder is still there")
		}
		if n := w.count(`SELECT COUNT(*) FROM audit_event WHERE action = 'connection.set' AND actor_kind = 'person' AND detail LIKE '%adopts%'`); n != 3 {
			t.Errorf("%d events in the audit trail", n)
		}
	})
}

// Who is asked for servers and the like is who the service takes them from.
func TestTheFormAsksThoseWhoMayPlace(t *testing.T) {
	w := liteTown(t, townOptions{})
	coop := w.Create(t, membership.CreateInput{Name: "Fils", Slug: "fils", Kind: membership.KindOperational})
	other := w.Create(t, membership.CreateInput{Name: "Cables", Slug: "cables", Kind: membership.KindOperational})
	h := w.Create(t, membership.CreateInput{Name: "Hilado", Slug: "hilado", Level: "organisation", Steward: "fils"})
	owner := w.Human("Owner")
	w.Add(h.ID, owner, membership.RoleOwner)
	c, _, err := w.Members.Connect(t.Context(), owner, membership.ConnectInput{Member: h.ID, Name: "hilado-moodle"})
	w.must(err)
	for i, tc := range []struct {
		name  string
		in    id.Member // where they have a role, besides being a manager of Hilado
		role  membership.Role
		admin bool
		may   bool
	}{
		{"a manager", "", "", false, false},
		{"a manager of the steward", coop.ID, membership.RoleManager, false, true},
		{"an owner of the steward", coop.ID, membership.RoleOwner, false, true},
		{"who keeps the steward's books", coop.ID, membership.RoleBilling, false, false},
		{"an owner of another coop", other.ID, membership.RoleOwner, false, false},
		{"an admin of the platform", "", "", true, true},
	} {
		name := fmt.Sprintf("Person%d", i)
		who := w.Human(name)
		w.Add(h.ID, who, membership.RoleManager)
		if tc.in != "" {
			w.Add(tc.in, who, tc.role)
		}
		if tc.admin {
			w.must(w.people.GrantRole(t.Context(), identity.Operator(), who.Person, identity.RoleAdmin, instant.Instant{}))
		}
		b := w.as(name)
		asked := strings.Contains(b.get("/m/hilado/connections/hilado-moodle/edit").is(tc.name, 200).body, `name="origin"`)
		form := url.Values{"refusal": {string(c.Refusal)}, "join_mode": {string(c.JoinMode)}, "hook_algorithm": {string(c.HookAlgorithm)}, "origin": {strings.ToLower(name)}}
		taken := b.post("/m/hilado/connections/hilado-moodle/edit", form).status == 303
		if asked != tc.may || taken != tc.may {
			t.Errorf("%s is asked: %t, and may: %t; want %t", tc.name, asked, taken, tc.may)
		}
	}
}
