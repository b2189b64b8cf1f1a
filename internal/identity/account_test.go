// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/locale"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

func TestProfilesAreChangedWholeAndAuditedByField(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, ctx := newWorld(t, db), t.Context()
		w.person("ana@example.org")
		actor, in := w.signedIn("ana@example.org", NewToken())
		_, err := w.UpdateProfile(ctx, actor, ProfileInput{Name: "a@b.c", Locale: "tlh", Zone: "Local", Theme: "pink"})
		want := map[string]string{"name": "person.name_link", "locale": "person.locale_unknown", "zone": "person.zone_unknown", "theme": "person.theme_unknown"}
		if diff := cmp.Diff(want, fields(err)); diff != "" {
			t.Errorf("fields (-want +got)\n%s", diff)
		}
		p, err := w.UpdateProfile(ctx, actor, ProfileInput{Name: " Ana  P", Locale: "sv", Zone: "Europe/Madrid", Theme: ThemeDark})
		if err != nil || p.Name != "Ana P" || p.Locale != locale.Swedish || p.Theme != ThemeDark {
			t.Fatalf("%+v, %v", p, err)
		}
		if _, got, err := w.Session(ctx, in.SessionToken); err != nil || got != p {
			t.Errorf("session of %+v, %v", got, err)
		}
		if _, err := w.UpdateProfile(ctx, actor, ProfileInput{Name: "Ana P", Locale: "sv", Zone: "Europe/Madrid", Theme: ThemeDark}); err != nil {
			t.Error(err)
		}
		var events []Recorded
		if err := db.Read(ctx, func(r store.Reader) (err error) {
			events, err = AuditList(ctx, r, AuditFilter{Person: actor.Person, Action: "person.profile"})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if len(events) != 1 || events[0].Detail["fields"] != "name locale theme" || events[0].Actor.Session != actor.Session || events[0].At != noon {
			t.Errorf("events %+v", events)
		}
		_, err = w.UpdateProfile(ctx, Anonymous(), ProfileInput{})
		expect(t, "nobody", err, fault.Unauthenticated, "session.none")
		_, err = w.Addresses(ctx, Anonymous())
		expect(t, "nobody's addresses", err, fault.Unauthenticated, "session.none")
	})
}

func TestOperatorsMakePersonsAndLinks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, ctx := newWorld(t, db), t.Context()
		ensure := func(in EnsureInput) (p Person, created bool, err error) {
			err = db.Write(ctx, func(tx store.Tx) (err error) {
				p, created, err = w.EnsurePerson(ctx, tx, w.now(), in)
				return err
			})
			return p, created, err
		}
		p, created, err := ensure(EnsureInput{Actor: Operator(), Email: "maj.berg@example.org", Locale: "sv"})
		if err != nil || !created || p.Name != "Maj Berg" || p.Zone != "Europe/Stockholm" || len(p.Subject) != 36 || p.Subject[14] != '4' {
			t.Fatalf("%+v, %v, %v", p, created, err)
		}
		again, created, err := ensure(EnsureInput{Actor: System(), Email: "MAJ.berg@Example.org", Name: "Other"})
		if err != nil || created || again != p {
			t.Errorf("%+v, %v, %v", again, created, err)
		}
		unnamed, _, err := ensure(EnsureInput{Actor: Operator(), Email: "42@example.org", Locale: "de"})
		if err != nil || unnamed.Name != "Neue Person" {
			t.Errorf("%+v, %v", unnamed, err)
		}
		_, _, err = ensure(EnsureInput{Actor: Anonymous(), Email: "x@example.org"})
		expect(t, "anybody", err, fault.Forbidden, "identity.operator_only")
		_, _, err = ensure(EnsureInput{Actor: Operator(), Email: "x", Name: "https://x"})
		if diff := cmp.Diff(map[string]string{"email": "person.email_invalid", "name": "person.name_link"}, fields(err)); diff != "" {
			t.Errorf("fields (-want +got)\n%s", diff)
		}

		_, err = w.SignInLink(ctx, Anonymous(), "maj.berg@example.org")
		expect(t, "anybody's link", err, fault.Forbidden, "identity.operator_only")
		for _, email := range []string{"nobody@example.org", "nonsense"} {
			_, err = w.SignInLink(ctx, Operator(), email)
			expect(t, email, err, fault.NotFound, "person.unknown")
		}
		link, err := w.SignInLink(ctx, Operator(), "maj.berg@example.org")
		if err != nil || !strings.HasPrefix(link, "https://meet.example/signin/link/") {
			t.Fatalf("%q, %v", link, err)
		}
		w.pass(operatorLife - time.Second)
		in, err := w.ConfirmLink(ctx, tokenOf(link), "", firefox)
		if err != nil || in.Person.ID != p.ID || in.New {
			t.Errorf("%+v, %v", in, err)
		}
		_, err = w.ConfirmLink(ctx, tokenOf(link), "", firefox)
		expect(t, "twice", err, fault.Conflict, "signin.link_used")
		if link, err = w.SignInLink(ctx, Operator(), "maj.berg@example.org"); err != nil {
			t.Fatal(err)
		}
		w.pass(operatorLife)
		_, err = w.ConfirmLink(ctx, tokenOf(link), "", firefox)
		expect(t, "a week later", err, fault.Conflict, "signin.link_used")
		if n := w.count(`SELECT COUNT(*) FROM session WHERE method = 'operator'`); n != 1 {
			t.Errorf("%d sessions by an operator's link", n)
		}
		if len(w.born) != 0 {
			t.Error("Newcomer met a person an operator made")
		}
	})
}

func TestInvitationsAreAcceptedByTheOwnerOfTheAddress(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, ctx := newWorld(t, db), t.Context()
		host := w.person("host@example.org")
		known := w.person("known@example.org")
		manager := Actor{Kind: ActorPerson, Person: host.ID, Session: id.NewSession(), Door: DoorPortal}
		invite := func(actor Actor, email string, mailed bool) (link string) {
			a, _ := ParseAddress(email)
			err := db.Write(ctx, func(tx store.Tx) (err error) {
				link, err = w.Invite(ctx, tx, w.now(), InviteInput{
					Actor: actor, Address: a, Locale: "nl", Ref: "aff_" + email, Next: "/m/sol", Mail: mailed, Inviter: "Host", Member: strings.Repeat("宿", 80),
				})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return link
		}
		if link := invite(manager, "bo@example.org", true); link != "" {
			t.Errorf("a manager holds the link %s", link)
		}
		letter := w.lastLetter()
		token, _ := secrets(letter)
		if letter.To != "bo@example.org" || letter.Locale != locale.Dutch || len(letter.Subject) > 120 || token == "" {
			t.Fatalf("letter %+v", letter)
		}
		if v, err := w.ChallengeView(ctx, token); err != nil || v.Purpose != PurposeInvite || v.Ref != "aff_bo@example.org" {
			t.Errorf("link shows %+v, %v", v, err)
		}
		w.pass(inviteLife - time.Second)
		in, err := w.ConfirmLink(ctx, token, "", firefox)
		if err != nil || !in.New || in.Next != "/m/sol" || in.Person.Name != "Bo" {
			t.Errorf("%+v, %v", in, err)
		}
		link := invite(Operator(), "Known@example.org", false)
		in2, err := w.ConfirmLink(ctx, tokenOf(link), "", firefox)
		if err != nil || in2.New || in2.Person.ID != known.ID {
			t.Errorf("%+v, %v", in2, err)
		}
		want := []Acceptance{
			{Person: in.Person.ID, Ref: "aff_bo@example.org", Key: "bo@example.org", New: true},
			{Person: known.ID, Ref: "aff_Known@example.org", Key: "known@example.org"},
		}
		if diff := cmp.Diff(want, w.accepted); diff != "" || len(w.born) != 0 {
			t.Errorf("%d newcomers, accepted (-want +got)\n%s", len(w.born), diff)
		}
		link = invite(Operator(), "late@example.org", false)
		w.pass(operatorLife)
		_, err = w.ConfirmLink(ctx, tokenOf(link), "", firefox)
		expect(t, "a week later", err, fault.Conflict, "signin.link_used")
		err = db.Write(ctx, func(tx store.Tx) error {
			_, err := w.Invite(ctx, tx, w.now(), InviteInput{Actor: Operator(), Name: "@"})
			return err
		})
		if diff := cmp.Diff(map[string]string{"email": "person.email_invalid", "name": "person.name_empty"}, fields(err)); diff != "" {
			t.Errorf("fields (-want +got)\n%s", diff)
		}
	})
}

func TestPlatformRolesBeginAndEnd(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, ctx := newWorld(t, db), t.Context()
		p := w.person("ana@example.org")
		actor, in := w.signedIn("ana@example.org", NewToken())
		expect(t, "oneself", w.GrantRole(ctx, actor, p.ID, RoleAdmin, instant.Instant{}), fault.Forbidden, "identity.operator_only")
		expect(t, "unknown", w.GrantRole(ctx, Operator(), id.NewPerson(), RoleAdmin, instant.Instant{}), fault.NotFound, "person.unknown")
		admin := func() bool {
			a, _, err := w.Session(ctx, in.SessionToken)
			if err != nil {
				t.Fatal(err)
			}
			return a.PlatformAdmin
		}
		expect(t, "auditor", w.GrantRole(ctx, Operator(), p.ID, RoleAuditor, instant.Instant{}), 0, "")
		if admin() {
			t.Error("an auditor is admin")
		}
		expect(t, "for an hour", w.GrantRole(ctx, Operator(), p.ID, RoleAdmin, w.now().Add(time.Hour)), 0, "")
		expect(t, "twice", w.GrantRole(ctx, Operator(), p.ID, RoleAdmin, instant.Instant{}), fault.Conflict, "identity.role_held")
		if !admin() {
			t.Error("no admin after the grant")
		}
		w.pass(time.Hour)
		if admin() {
			t.Error("admin after the end")
		}
		expect(t, "for good", w.GrantRole(ctx, Operator(), p.ID, RoleAdmin, instant.Instant{}), 0, "")
		if !admin() {
			t.Error("no admin for good")
		}
		expect(t, "end", w.EndRole(ctx, Operator(), p.ID, RoleAdmin), 0, "")
		expect(t, "end twice", w.EndRole(ctx, Operator(), p.ID, RoleAdmin), fault.NotFound, "identity.role_absent")
		if admin() {
			t.Error("admin after it was taken away")
		}
	})
}

func TestPeopleAreFoundAndListed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, ctx := newWorld(t, db), t.Context()
		a, b := w.person("a@example.org"), w.person("b@example.org")
		err := db.Read(ctx, func(r store.Reader) error {
			many := []id.Person{a.ID, id.NewPerson(), b.ID}
			for range 2 * peoplePerQuery {
				many = append(many, id.NewPerson())
			}
			got, err := People(ctx, r, many)
			if diff := cmp.Diff(map[id.Person]Person{a.ID: a, b.ID: b}, got, cmp.AllowUnexported(instant.Instant{}, instant.Date{})); err != nil || diff != "" {
				t.Errorf("%v (-want +got)\n%s", err, diff)
			}
			list, err := ListPeople(ctx, r, a.ID, 10)
			if err != nil || len(list) != 1 || list[0].Address != "b@example.org" || list[0].Person != b {
				t.Errorf("%+v, %v", list, err)
			}
			if p, err := GetPersonByEmail(ctx, r, "B@example.org"); err != nil || p != b {
				t.Errorf("%+v, %v", p, err)
			}
			_, err = GetPersonByEmail(ctx, r, "c@example.org")
			expect(t, "unknown address", err, fault.NotFound, "person.unknown")
			_, err = GetPerson(ctx, r, id.NewPerson())
			expect(t, "unknown person", err, fault.NotFound, "person.unknown")
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestAuditKeepsOutWhatIsPersonalAndFindsTheRest(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, ctx, member := newWorld(t, db), t.Context(), id.NewMember()
		write := func(e Event) error {
			return db.Write(ctx, func(tx store.Tx) error { return Audit(ctx, tx, w.now(), e) })
		}
		for what, e := range map[string]Event{
			"an address": {Actor: Operator(), Action: "a.b", Object: "o", Detail: map[string]string{"k": "ana@example.org"}},
			"a novel":    {Actor: Operator(), Action: "a.b", Object: "o", Detail: map[string]string{"k": strings.Repeat("x", 201)}},
			"no action":  {Actor: Operator(), Object: "o"},
			"no object":  {Actor: Operator(), Action: "a.b"},
			"no actor":   {Action: "a.b", Object: "o"},
		} {
			if write(e) == nil {
				t.Errorf("%s was written", what)
			}
		}
		for i := range 5 {
			e := Event{Actor: System(), Action: "level.assign", Object: "mem_x", Reason: strings.Repeat("é", 2000)}
			if i%2 == 0 {
				e.Member, e.Detail = member, map[string]string{"n": string(rune('0' + i))}
			}
			if err := write(e); err != nil {
				t.Fatal(err)
			}
		}
		err := db.Read(ctx, func(r store.Reader) error {
			first, err := AuditList(ctx, r, AuditFilter{Member: member, Limit: 2})
			if err != nil || len(first) != 2 || first[0].Detail["n"] != "4" || first[1].Detail["n"] != "2" || first[0].Member != member || first[0].Actor != System() {
				t.Fatalf("%+v, %v", first, err)
			}
			rest, err := AuditList(ctx, r, AuditFilter{Member: member, Limit: 2, Before: first[1].ID})
			if err != nil || len(rest) != 1 || rest[0].Detail["n"] != "0" || len([]rune(rest[0].Reason)) != maxReason {
				t.Errorf("%+v, %v", rest, err)
			}
			all, err := AuditList(ctx, r, AuditFilter{Object: "mem_x", Action: "level.assign"})
			if err != nil || len(all) != 5 {
				t.Errorf("%d events, %v", len(all), err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestDeadRowsAreForgotten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, ctx := newWorld(t, db), t.Context()
		w.person("ana@example.org")
		actor, out := w.signedIn("ana@example.org", NewToken())
		if err := w.SignOut(ctx, actor); err != nil {
			t.Fatal(err)
		}
		_, kept := w.signedIn("ana@example.org", NewToken())
		w.askUp("bo@example.org", NewToken())
		forget := func() Forgotten {
			f, err := w.Forget(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		if f := forget(); f != (Forgotten{}) {
			t.Errorf("at once %+v", f)
		}
		w.pass(26 * time.Hour)
		if f := forget(); f != (Forgotten{Buckets: 5}) {
			t.Errorf("after a day %+v", f)
		}
		w.alive(kept.SessionToken)
		w.pass(6*24*time.Hour + time.Hour)
		if f := forget(); f != (Forgotten{Challenges: 1}) { // the operator's links die a week later
			t.Errorf("after a week %+v", f)
		}
		w.pass(7 * 24 * time.Hour)
		if f := forget(); f != (Forgotten{Challenges: 2}) {
			t.Errorf("after two weeks %+v", f)
		}
		w.pass(17 * 24 * time.Hour)
		if f := forget(); f != (Forgotten{Sessions: 1}) {
			t.Errorf("after a month %+v", f)
		}
		if n := w.count(`SELECT COUNT(*) FROM session WHERE id = $1`, string(out.Session)); n != 0 {
			t.Error("the ended session is still there")
		}
	})
}

// The whole way with the real job runner: request, job, letter, code.
func TestTheRunnerWritesTheLetters(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, browser, ctx := newWorld(t, db), NewToken(), t.Context()
		r := jobs.New(jobs.Deps{DB: db, Now: w.now, Log: w.Log, Node: id.NewNode()})
		w.Work(r)
		if err := r.Start(ctx); err != nil {
			t.Fatal(err)
		}
		defer r.Stop()
		asked, err := w.SignUp(ctx, w.signUpInput("ana@example.org", browser))
		if err != nil {
			t.Fatal(err)
		}
		for began := time.Now(); len(w.letters()) == 0; {
			if time.Since(began) > 20*time.Second {
				t.Fatal("no letter")
			}
		}
		_, code := secrets(w.lastLetter())
		if _, err := w.ConfirmCode(ctx, asked.Challenge, code, browser, firefox); err != nil {
			t.Error(err)
		}
	})
}

func TestTheServiceNamesWhatItLacks(t *testing.T) {
	_, err := New(Deps{})
	if err == nil || strings.Count(err.Error(), ",") != 7 {
		t.Errorf("%v", err)
	}
	if _, err := New(Deps{}); err == nil || !strings.Contains(err.Error(), "Newcomer") {
		t.Errorf("%v", err)
	}
}
