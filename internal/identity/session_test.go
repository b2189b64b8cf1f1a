// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

func (w *world) alive(token string) bool {
	w.t.Helper()
	_, _, err := w.Session(w.t.Context(), token)
	if err != nil && fault.CodeOf(err) != "session.none" {
		w.t.Fatal(err)
	}
	return err == nil
}

func TestSessionsEndAfterTwoIdleWeeksOrNinetyDays(t *testing.T) {
	for _, cached := range []bool{false, true} {
		storetest.Each(t, func(t *testing.T, db *store.DB) {
			w := newWorld(t, db)
			if cached {
				if err := w.Start(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			w.person("ana@example.org")
			_, idle := w.signedIn("ana@example.org", NewToken())
			w.pass(idleLife - time.Second)
			if !w.alive(idle.SessionToken) {
				t.Fatal("dead before two weeks")
			}
			w.pass(idleLife - time.Second) // the visit above counted
			if !w.alive(idle.SessionToken) {
				t.Fatal("the visit did not prolong")
			}
			w.pass(idleLife)
			if w.alive(idle.SessionToken) {
				t.Fatal("alive after two idle weeks")
			}
			_, old := w.signedIn("ana@example.org", NewToken())
			began := w.now()
			for w.now().Sub(began) < fullLife {
				if !w.alive(old.SessionToken) {
					t.Fatalf("dead after %s of daily visits", w.now().Sub(began))
				}
				w.pass(24 * time.Hour)
			}
			if w.alive(old.SessionToken) {
				t.Error("alive after ninety days")
			}
		})
	}
}

func TestVisitsAreNotedInSteps(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.person("ana@example.org")
		actor, in := w.signedIn("ana@example.org", NewToken())
		seen := func() instant.Instant {
			list, err := w.Sessions(t.Context(), actor)
			if err != nil || len(list) != 1 {
				t.Fatalf("%+v, %v", list, err)
			}
			return list[0].SeenAt
		}
		w.pass(seenStep - time.Second)
		w.alive(in.SessionToken)
		if seen() != noon {
			t.Error("a visit within five minutes wrote")
		}
		w.pass(time.Second)
		w.alive(in.SessionToken)
		if seen() != noon.Add(seenStep) {
			t.Error("a visit after five minutes was not noted")
		}
		w.pass(24 * time.Hour)
		w.alive(in.SessionToken)
		if _, p, _ := w.Session(t.Context(), in.SessionToken); p.LastActiveOn != noon.Add(24*time.Hour).In(time.UTC) {
			t.Errorf("last active on %s", p.LastActiveOn)
		}
	})
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, ctx := newWorld(t, db), t.Context()
		w.person("ana@example.org")
		w.person("ben@example.org")
		ben, _ := w.signedIn("ben@example.org", NewToken())
		_, first := w.signedIn("ana@example.org", NewToken())
		w.pass(time.Minute)
		_, second := w.signedIn("ana@example.org", NewToken())
		w.pass(time.Minute)
		actor, third := w.signedIn("ana@example.org", NewToken())
		list, err := w.Sessions(ctx, actor)
		want := []SessionInfo{
			{ID: third.Session, Device: "Firefox, Linux", StartedAt: w.now(), SeenAt: w.now(), This: true},
			{ID: second.Session, Device: "Firefox, Linux", StartedAt: w.now().Add(-time.Minute), SeenAt: w.now().Add(-time.Minute)},
			{ID: first.Session, Device: "Firefox, Linux", StartedAt: noon, SeenAt: noon},
		}
		if diff := cmp.Diff(want, list, cmp.AllowUnexported(instant.Instant{})); err != nil || diff != "" {
			t.Fatalf("%v (-want +got)\n%s", err, diff)
		}
		expect(t, "another's session", w.Revoke(ctx, ben, first.Session), fault.NotFound, "session.unknown")
		expect(t, "an unknown one", w.Revoke(ctx, ben, id.NewSession()), fault.NotFound, "session.unknown")
		expect(t, "own", w.Revoke(ctx, actor, first.Session), 0, "")
		expect(t, "own again", w.Revoke(ctx, actor, first.Session), fault.NotFound, "session.unknown")
		if w.alive(first.SessionToken) || !w.alive(second.SessionToken) {
			t.Error("the wrong session ended")
		}
		if n, err := w.RevokeOthers(ctx, actor); n != 1 || err != nil {
			t.Errorf("%d others ended, %v", n, err)
		}
		if n, err := w.RevokeOthers(ctx, actor); n != 0 || err != nil {
			t.Errorf("%d others ended the second time, %v", n, err)
		}
		if w.alive(second.SessionToken) || !w.alive(third.SessionToken) {
			t.Error("others ended the wrong ones")
		}
		expect(t, "sign out", w.SignOut(ctx, actor), 0, "")
		expect(t, "sign out twice", w.SignOut(ctx, actor), 0, "")
		if w.alive(third.SessionToken) {
			t.Error("signed out and alive")
		}
		for _, a := range []Actor{{}, Anonymous(), Operator(), {Kind: ActorPerson}} {
			_, err := w.Sessions(ctx, a)
			expect(t, "list without session", err, fault.Unauthenticated, "session.none")
			expect(t, "end without session", w.Revoke(ctx, a, third.Session), fault.Unauthenticated, "session.none")
			_, err = w.RevokeOthers(ctx, a)
			expect(t, "end others without session", err, fault.Unauthenticated, "session.none")
		}
		var ends int
		for _, a := range w.actions() {
			if a == "session.end" || a == "session.end_others" {
				ends++
			}
		}
		if ends != 3 {
			t.Errorf("%d audit events for 3 acts", ends)
		}
	})
}

func TestTokensThatAreNoneLetNobodyIn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		w.person("ana@example.org")
		_, in := w.signedIn("ana@example.org", "")
		for _, token := range []string{"", "x", NewToken(), in.SessionToken[:42], in.SessionToken + "x", hashToken(in.SessionToken)} {
			if w.alive(token) {
				t.Errorf("%q lets in", token)
			}
		}
	})
}

func TestSigningInAgainReplacesTheSessionOfThatBrowser(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, browser := newWorld(t, db), NewToken()
		w.person("ana@example.org")
		_, first := w.signedIn("ana@example.org", browser)
		_, elsewhere := w.signedIn("ana@example.org", NewToken())
		_, second := w.signedIn("ana@example.org", browser)
		if first.SessionToken == second.SessionToken || w.alive(first.SessionToken) || !w.alive(second.SessionToken) || !w.alive(elsewhere.SessionToken) {
			t.Error("the old session of the browser lives, or another died")
		}
	})
}

func TestANewBrowserIsToldToTheOwner(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, browser, ctx := newWorld(t, db), NewToken(), t.Context()
		w.person("ana@example.org")
		notices := func() int { return w.count(`SELECT COUNT(*) FROM job WHERE kind = $1`, string(deviceKind)) }
		w.signedIn("ana@example.org", browser)
		w.signedIn("ana@example.org", browser)
		if n := notices(); n != 0 {
			t.Errorf("%d notices about the only browser", n)
		}
		_, in := w.signedIn("ana@example.org", NewToken())
		if n := notices(); n != 1 {
			t.Errorf("%d notices about a new browser", n)
		}
		if err := w.tellDevice(ctx, in.Session); err != nil {
			t.Fatal(err)
		}
		if l := w.lastLetter(); l.Kind != "device" || l.To != "ana@example.org" || l.Locale != "ca" {
			t.Errorf("letter %+v", l)
		}
	})
}

func TestSuspendedPersonsAreOut(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, ctx := newWorld(t, db), t.Context()
		p := w.person("ana@example.org")
		_, in := w.signedIn("ana@example.org", NewToken())
		link, err := w.SignInLink(ctx, Operator(), "ana@example.org")
		if err != nil {
			t.Fatal(err)
		}
		w.exec(`UPDATE person SET status = 'suspended' WHERE id = $1`, string(p.ID))
		if w.alive(in.SessionToken) {
			t.Error("the session of a suspended person lives")
		}
		_, err = w.ConfirmLink(ctx, tokenOf(link), "", firefox)
		expect(t, "a link", err, fault.Forbidden, "signin.suspended")
	})
}

// A change made by one node, or by the command line, is in force on all within one second. The test grants two
// more, for machines that are busy with other tests; without the news the cache would serve for five minutes.
func TestOtherNodesHearOfItSoon(t *testing.T) {
	for _, engine := range []store.Engine{store.SQLite, store.Postgres} {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			at := storetest.Location(t, engine)
			here, there := newWorld(t, storetest.Open(t, at)), newWorld(t, storetest.Open(t, at))
			if err := there.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			here.person("ana@example.org")
			actor, in := here.signedIn("ana@example.org", NewToken())
			if _, p, err := there.Session(t.Context(), in.SessionToken); err != nil || p.Name != "Ana Puig" {
				t.Fatalf("%+v, %v", p, err)
			}
			if _, ok := there.cache.get(hashToken(in.SessionToken)); !ok {
				t.Fatal("not remembered, so there is nothing to hear")
			}
			await := func(what string, done func() bool) {
				t.Helper()
				for began := time.Now(); !done(); {
					if time.Since(began) > 3*time.Second {
						t.Fatalf("%s is not in force after three seconds", what)
					}
				}
			}
			if _, err := here.UpdateProfile(t.Context(), actor, ProfileInput{Name: "Ana P", Locale: "sv", Zone: "UTC", Theme: ThemeDark}); err != nil {
				t.Fatal(err)
			}
			await("a new name", func() bool {
				_, p, err := there.Session(t.Context(), in.SessionToken)
				return err == nil && p.Name == "Ana P" && p.Theme == ThemeDark
			})
			if err := here.GrantRole(t.Context(), Operator(), actor.Person, RoleAdmin, instant.Instant{}); err != nil {
				t.Fatal(err)
			}
			await("a role", func() bool {
				a, _, err := there.Session(t.Context(), in.SessionToken)
				return err == nil && a.PlatformAdmin
			})
			if err := here.SignOut(t.Context(), actor); err != nil {
				t.Fatal(err)
			}
			await("the end", func() bool { return !there.alive(in.SessionToken) })
		})
	}
}

// What was read before a change must not be remembered after the news of it.
func TestTheCacheRefusesWhatIsOlderThanTheNews(t *testing.T) {
	c := newCache()
	row := sessionRow{id: "ses_1", person: Person{ID: "person_1"}}
	c.put("h", row, c.turn())
	if _, ok := c.get("h"); ok {
		t.Error("a cache that hears no news remembers")
	}
	c.enable()
	turn := c.turn()
	c.drop("person_1")
	c.put("h", row, turn)
	if _, ok := c.get("h"); ok {
		t.Error("stale row remembered")
	}
	c.put("h", row, c.turn())
	c.put("g", row, c.turn())
	if _, ok := c.get("h"); !ok {
		t.Error("fresh row not remembered")
	}
	c.drop("person_1")
	if len(c.byHash)+len(c.byPerson) != 0 {
		t.Errorf("%d and %d left after a drop", len(c.byHash), len(c.byPerson))
	}
}
