// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/fault"
	"meetcoop/internal/locale"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

func TestSomebodySignsUpWithTheCode(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, browser, ctx := newWorld(t, db), NewToken(), t.Context()
		asked := w.askUp(" Ana@Example.org", browser)
		if n := w.count(`SELECT COUNT(*) FROM person`); n != 0 {
			t.Fatalf("%d persons before the address was proven", n)
		}
		if v, err := w.Pending(ctx, asked.Challenge, browser); err != nil || v.Address != "Ana@example.org" || v.Name != "Ana Puig" {
			t.Errorf("the waiting page shows %+v, %v", v, err)
		}
		letter := w.lastLetter()
		_, code := secrets(letter)
		if letter.To != "Ana@example.org" || letter.Locale != locale.Catalan || letter.Kind != "signup" || code == "" {
			t.Fatalf("letter %+v", letter)
		}
		in, err := w.ConfirmCode(ctx, asked.Challenge, code, browser, firefox)
		if err != nil {
			t.Fatal(err)
		}
		if !in.New || in.Next != "/rooms" || in.Person.Name != "Ana Puig" || in.Person.Zone != "Europe/Madrid" || in.Person.Theme != ThemeSystem {
			t.Errorf("signed in as %+v", in)
		}
		actor, p, err := w.Session(ctx, in.SessionToken)
		want := Actor{Kind: ActorPerson, Person: in.Person.ID, Session: in.Session, Door: DoorPortal}
		if diff := cmp.Diff(want, actor); err != nil || diff != "" || p.ID != in.Person.ID || p.LastActiveOn.String() != "2026-03-02" {
			t.Errorf("session of %+v, %v (-want +got)\n%s", p, err, diff)
		}
		wantBirth := []Birth{{Person: in.Person.ID, Name: "Ana Puig", Locale: locale.Catalan, Zone: "Europe/Madrid"}}
		if diff := cmp.Diff(wantBirth, w.born); diff != "" {
			t.Errorf("newcomers (-want +got)\n%s", diff)
		}
		if diff := cmp.Diff([]string{"person.born", "session.begin"}, w.actions()); diff != "" {
			t.Errorf("audit (-want +got)\n%s", diff)
		}
		emails, err := w.Addresses(ctx, actor)
		if err != nil || len(emails) != 1 || emails[0].Address != "Ana@example.org" || !emails[0].Primary || emails[0].VerifiedAt.IsZero() {
			t.Errorf("addresses %+v, %v", emails, err)
		}
		_, err = w.ConfirmCode(ctx, asked.Challenge, code, browser, firefox)
		expect(t, "the code again", err, fault.Conflict, "signin.code_over")
	})
}

func TestALinkSignsInTheBrowserThatFollowsIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, asking, other, ctx := newWorld(t, db), NewToken(), NewToken(), t.Context()
		asked := w.askUp("ana@example.org", asking)
		token, code := secrets(w.lastLetter())
		for range 3 { // a mail scanner
			v, err := w.ChallengeView(ctx, token)
			if err != nil || v.Address != "ana@example.org" || v.Purpose != PurposeSignUp {
				t.Fatalf("link shows %+v, %v", v, err)
			}
		}
		in, err := w.ConfirmLink(ctx, token, other, firefox)
		if err != nil || !in.New {
			t.Fatalf("after the scanner the click gives %+v, %v", in, err)
		}
		_, err = w.ConfirmCode(ctx, asked.Challenge, code, asking, firefox)
		expect(t, "the code in the asking browser, after the link", err, fault.Conflict, "signin.code_over")
		_, err = w.Pending(ctx, asked.Challenge, asking)
		expect(t, "the waiting page", err, fault.Conflict, "signin.code_over")
		_, err = w.ConfirmLink(ctx, token, other, firefox)
		expect(t, "the link again", err, fault.Conflict, "signin.link_used")
		_, err = w.ChallengeView(ctx, token)
		expect(t, "looking again", err, fault.Conflict, "signin.link_used")
		for _, bad := range []string{"", "x", NewToken(), token + "=", strings.ToUpper(token)} {
			_, err = w.ConfirmLink(ctx, bad, other, firefox)
			expect(t, "link "+bad, err, fault.Conflict, "signin.link_used")
		}
	})
}

func TestACodeWorksOnlyWhereItWasAskedFor(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, browser, ctx := newWorld(t, db), NewToken(), t.Context()
		asked := w.askUp("ana@example.org", browser)
		_, code := secrets(w.lastLetter())
		for _, other := range []string{NewToken(), "", "x"} {
			_, err := w.ConfirmCode(ctx, asked.Challenge, code, other, firefox)
			expect(t, "another browser", err, fault.Conflict, "signin.code_over")
			_, err = w.Pending(ctx, asked.Challenge, other)
			expect(t, "another browser looks", err, fault.Conflict, "signin.code_over")
		}
		if _, err := w.ConfirmCode(ctx, asked.Challenge, code, browser, firefox); err != nil {
			t.Errorf("others' tries cost the owner theirs: %v", err)
		}
	})
}

func TestFiveWrongCodesAreEnough(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, browser, ctx := newWorld(t, db), NewToken(), t.Context()
		asked := w.askUp("ana@example.org", browser)
		token, code := secrets(w.lastLetter())
		for left := 4; left >= 1; left-- {
			_, err := w.ConfirmCode(ctx, asked.Challenge, "wrong!", browser, firefox)
			expect(t, "wrong", err, fault.Invalid, "signin.code_wrong")
			if n := fault.As(err).Params["Count"]; n != left {
				t.Errorf("%v tries left, want %d", n, left)
			}
		}
		_, err := w.ConfirmCode(ctx, asked.Challenge, "wrong!", browser, firefox)
		expect(t, "the fifth", err, fault.Conflict, "signin.code_over")
		_, err = w.ConfirmCode(ctx, asked.Challenge, code, browser, firefox)
		expect(t, "the right one too late", err, fault.Conflict, "signin.code_over")
		if _, err := w.ConfirmLink(ctx, token, browser, firefox); err != nil {
			t.Errorf("the owner's link is locked by a guesser: %v", err)
		}
	})
}

func TestGuessersTakeTheCodeButNotTheLink(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, browser, ctx := newWorld(t, db), NewToken(), t.Context()
		w.person("ana@example.org")
		for range 2 {
			asked := w.askIn("ana@example.org", browser)
			for range maxTries {
				_, _ = w.ConfirmCode(ctx, asked.Challenge, "wrong!", browser, firefox) // the test above knows what it answers
			}
		}
		w.askIn("ana@example.org", browser)
		token, code := secrets(w.lastLetter())
		if token == "" || code != "" {
			t.Errorf("after ten wrong codes the letter has link %q and code %q", token, code)
		}
		w.pass(26 * time.Hour)
		w.askIn("ana@example.org", browser)
		if _, code := secrets(w.lastLetter()); code == "" {
			t.Error("the code has not come back on the next day")
		}
	})
}

func TestQuarterOfAnHourAndTheLetterIsWorthless(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, browser, ctx := newWorld(t, db), NewToken(), t.Context()
		asked := w.askUp("ana@example.org", browser)
		token, code := secrets(w.lastLetter())
		w.pass(mailLife - time.Minute)
		if _, err := w.ChallengeView(ctx, token); err != nil {
			t.Errorf("after 14 minutes: %v", err)
		}
		w.pass(time.Minute)
		_, err := w.ConfirmCode(ctx, asked.Challenge, code, browser, firefox)
		expect(t, "code after 15 minutes", err, fault.Conflict, "signin.code_over")
		_, err = w.ConfirmLink(ctx, token, browser, firefox)
		expect(t, "link after 15 minutes", err, fault.Conflict, "signin.link_used")
	})
}

// The asking browser sees the same whoever has the address; only the mailbox learns more.
func TestKnownAndUnknownAddressesAreAlike(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, browser, ctx := newWorld(t, db), NewToken(), t.Context()
		w.person("known@example.org")
		for _, c := range []struct {
			ask       func(email, browser string) Asked
			email     string
			kind      string
			tag       locale.Tag
			link, new bool
		}{
			{w.askUp, "fresh@example.org", "signup", locale.Catalan, true, true},
			{w.askUp, "known@example.org", "known", locale.Catalan, true, false},
			{w.askIn, "known@example.org", "signin", locale.Catalan, true, false}, // in the person's language, not the page's
			{w.askIn, "nobody@example.org", "unknown", locale.English, false, false},
		} {
			asked := c.ask(c.email, browser)
			if v, err := w.Pending(ctx, asked.Challenge, browser); err != nil || v.Address != c.email {
				t.Errorf("%s: waiting page %+v, %v", c.kind, v, err)
			}
			_, err := w.ConfirmCode(ctx, asked.Challenge, "wrong!", browser, firefox)
			expect(t, c.kind, err, fault.Invalid, "signin.code_wrong")
			letter := w.lastLetter()
			token, code := secrets(letter)
			if letter.Kind != c.kind || letter.Locale != c.tag || (token != "") != c.link || (code != "") != c.link {
				t.Errorf("%s: letter %s in %s with link %q and code %q", c.kind, letter.Kind, letter.Locale, token, code)
			}
			if !c.link {
				continue
			}
			in, err := w.ConfirmCode(ctx, asked.Challenge, code, browser, firefox)
			if err != nil || in.New != c.new {
				t.Errorf("%s: %+v, %v", c.kind, in, err)
			}
		}
		if len(w.born) != 1 {
			t.Errorf("%d newcomers", len(w.born))
		}
	})
}

func TestAJobRunTwiceWritesOneLetter(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		asked := w.askUp("ana@example.org", NewToken())
		w.work(asked)
		if n := len(w.letters()); n != 1 {
			t.Errorf("%d letters", n)
		}
	})
}

func TestARefusingHookUndoesTheBirthAndKeepsTheLink(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, ctx := newWorld(t, db), t.Context()
		w.askUp("ana@example.org", NewToken())
		token, _ := secrets(w.lastLetter())
		w.refusal = errHook
		if _, err := w.ConfirmLink(ctx, token, "", firefox); !errors.Is(err, errHook) {
			t.Fatalf("hook's error became %v", err)
		}
		for _, table := range []string{"person", "person_email", "session", "audit_event"} {
			if n := w.count(`SELECT COUNT(*) FROM ` + table); n != 0 {
				t.Errorf("%d rows left in %s", n, table)
			}
		}
		w.refusal = nil
		if in, err := w.ConfirmLink(ctx, token, "", firefox); err != nil || !in.New {
			t.Errorf("second try: %+v, %v", in, err)
		}
	})
}

func TestTwoSignUpsOfOneAddressMakeOnePerson(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, ctx := newWorld(t, db), t.Context()
		w.askUp("ana@example.org", NewToken())
		first, _ := secrets(w.lastLetter())
		w.askUp("ANA@example.org", NewToken())
		second, _ := secrets(w.lastLetter())
		a, err := w.ConfirmLink(ctx, first, "", firefox)
		if err != nil {
			t.Fatal(err)
		}
		b, err := w.ConfirmLink(ctx, second, "", firefox)
		if err != nil || b.New || b.Person.ID != a.Person.ID {
			t.Errorf("second link: %+v, %v", b, err)
		}
	})
}

func TestBadSignUpsAreToldWhatIsWrong(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, ctx := newWorld(t, db), t.Context()
		in := w.signUpInput("ana", NewToken())
		in.Name, in.Organisation, in.Level = "x\u202ey", "https://evil.example", strings.Repeat("l", 100)
		_, err := w.SignUp(ctx, in)
		want := map[string]string{"email": "person.email_invalid", "name": "person.name_characters", "organisation": "person.name_link", "level": "person.level_unknown"}
		if diff := cmp.Diff(want, fields(err)); diff != "" {
			t.Errorf("fields (-want +got)\n%s", diff)
		}
		in = w.signUpInput("ana@example.org", NewToken())
		in.Form.Trap = "http://spam.example"
		_, err = w.SignUp(ctx, in)
		expect(t, "trap", err, fault.Invalid, "signup.robot")
		in.Form = Form{}
		_, err = w.SignUp(ctx, in)
		expect(t, "no stamp", err, fault.Invalid, "signup.form_stale")
		_, err = w.SignInStart(ctx, SignInInput{Email: "ana@", Browser: NewToken()})
		if diff := cmp.Diff(map[string]string{"email": "person.email_invalid"}, fields(err)); diff != "" {
			t.Errorf("sign-in fields (-want +got)\n%s", diff)
		}
		if n := w.count(`SELECT COUNT(*) FROM challenge`) + w.count(`SELECT COUNT(*) FROM rate_bucket`); n != 0 {
			t.Errorf("refused forms left %d rows", n)
		}
		in = w.signUpInput("ana@example.org", NewToken())
		in.Next, in.Zone, in.Locale = "//evil.example", "Mars/Olympus", "tlh"
		if asked, err := w.SignUp(ctx, in); err != nil {
			t.Error(err)
		} else {
			w.work(asked)
		}
		token, _ := secrets(w.lastLetter())
		got, err := w.ConfirmLink(ctx, token, "", "")
		if err != nil || got.Next != "" || got.Person.Zone != "Europe/London" || got.Person.Locale != locale.English {
			t.Errorf("nonsense became %+v, %v", got, err)
		}
	})
}

func TestRefusedDomains(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, ctx := newWorld(t, db), t.Context()
		expect(t, "a stranger", w.RefuseDomains(ctx, Anonymous(), []string{"trash.example"}), fault.Forbidden, "identity.operator_only")
		expect(t, "nonsense", w.RefuseDomains(ctx, Operator(), []string{"not a domain"}), fault.Invalid, "identity.domain_invalid")
		expect(t, "operator", w.RefuseDomains(ctx, Operator(), []string{"TRASH.example ", "b\u00fccher.example", "trash.example"}), 0, "")
		var list []string
		if err := db.Read(ctx, func(r store.Reader) (err error) { list, err = RefusedDomains(ctx, r); return err }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"trash.example", "xn--bcher-kva.example"}, list); diff != "" {
			t.Errorf("domains (-want +got)\n%s", diff)
		}
		for email, refused := range map[string]bool{
			"a@trash.example": true, "a@sub.Trash.example": true, "a@bücher.example": true, "a@nottrash.example": false, "a@trash.example.org": false,
		} {
			_, err := w.SignUp(ctx, w.signUpInput(email, NewToken()))
			if got := fields(err)["email"] == "person.domain_refused"; got != refused {
				t.Errorf("%s: %v", email, err)
			}
		}
		w.person("old@trash.example")
		w.askIn("old@trash.example", NewToken()) // who is here already stays
	})
}

func TestMailsPerAddressAreLimited(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, ctx := newWorld(t, db), t.Context()
		w.person("known@example.org")
		for _, email := range []string{"known@example.org", "nobody@example.org"} {
			sent := 0
			for range 60 {
				_, err := w.SignInStart(ctx, SignInInput{Email: strings.ToUpper(email), Client: netip.MustParseAddr("192.0.2.7")})
				if err == nil {
					sent++
				} else {
					expect(t, email, err, fault.LimitReached, "signin.mails")
					if after, ok := IsRate(err); !ok || after <= 0 || after > 26*time.Hour || after%time.Minute != 0 {
						t.Errorf("retry after %v, %v", after, ok)
					}
				}
				w.pass(20 * time.Minute)
				if sent == 3 && w.now().Sub(noon) < time.Hour {
					t.Error("three mails within the hour and no refusal")
				}
			}
			if sent != 10 {
				t.Errorf("%s got %d mails in 20 hours, want 10", email, sent)
			}
			w.pass(48 * time.Hour)
		}
	})
}

func TestSignUpsPerNetworkAndInstanceAreLimited(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, ctx := newWorld(t, db), t.Context()
		n := 0
		try := func(client string, work bool) error {
			n++
			in := w.signUpInput(fmt.Sprintf("p%d@example.org", n), NewToken())
			in.Client = netip.MustParseAddr(client)
			if work {
				in.Form.Work = solve(in.Form.Stamp)
			}
			_, err := w.SignUp(ctx, in)
			return err
		}
		for range 10 {
			expect(t, "a household", try("192.0.2.1", false), 0, "")
		}
		expect(t, "its eleventh", try("192.0.2.200", false), fault.LimitReached, "signup.rate")
		expect(t, "another", try("192.0.3.1", false), 0, "")
		for i := range 19 {
			expect(t, "many others", try(fmt.Sprintf("198.51.%d.1", i), false), 0, "")
		}
		ticket, err := w.NewForm(ctx)
		if err != nil || ticket.WorkBits != WorkBits {
			t.Errorf("after 30 sign-ups the form asks for %d bits, %v", ticket.WorkBits, err)
		}
		expect(t, "without work, one a network", try("203.0.113.1", false), 0, "")
		expect(t, "without work again", try("203.0.113.2", false), fault.LimitReached, "signup.work_needed")
		expect(t, "with work", try("203.0.113.2", true), 0, "")
		w.exec(`UPDATE rate_bucket SET hits = hits + 300 - 32 WHERE hits = (SELECT MAX(hits) FROM rate_bucket)`) // the one of the instance
		expect(t, "three hundred an hour", try("198.52.1.1", true), fault.LimitReached, "signup.busy")
		w.pass(2 * time.Hour)
		expect(t, "later", try("192.0.2.1", false), 0, "")
	})
}

func TestAFormServesThreeTimes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		in := w.signUpInput("", NewToken())
		for i := range 4 {
			in.Email = fmt.Sprintf("p%d@example.org", i)
			_, err := w.SignUp(t.Context(), in)
			if i < 3 {
				expect(t, in.Email, err, 0, "")
			} else {
				expect(t, in.Email, err, fault.Invalid, "signup.form_stale")
			}
		}
	})
}

func TestTheDemoIsAHundredTimesAsPatient(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db, func(d *Deps) { d.Demo = true })
		for i := range 20 {
			if _, err := w.SignInStart(t.Context(), SignInInput{Email: "ana@example.org", Browser: NewToken()}); err != nil {
				t.Fatalf("sign-in %d: %v", i, err)
			}
		}
	})
}

func TestBucketsKnowNeitherAddressNorNetwork(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, ctx := newWorld(t, db), t.Context()
		w.askUp("ana@example.org", NewToken())
		var keys []string
		if err := db.Read(ctx, func(r store.Reader) (err error) {
			keys, err = store.All(ctx, r, store.Value[string], `SELECT bucket_key FROM rate_bucket`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if len(keys) != 5 {
			t.Errorf("%d buckets of one sign-up", len(keys))
		}
		for _, k := range keys {
			if len(k) != 64 || strings.ContainsAny(k, "@./:") {
				t.Errorf("bucket %q", k)
			}
		}
		other := newWorld(t, storetest.New(t, db.Engine()))
		other.askUp("ana@example.org", NewToken())
		if n := other.count(`SELECT COUNT(*) FROM rate_bucket WHERE bucket_key = $1`, keys[0]); n != 0 {
			t.Error("another instance has the same MAC for the same thing")
		}
	})
}

func TestNoSecretAndNoAddressIsKeptWhereItDoesNotBelong(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, browser, ctx := newWorld(t, db), NewToken(), t.Context()
		asked := w.askUp("ana@example.org", browser)
		token, code := secrets(w.lastLetter())
		in, err := w.ConfirmCode(ctx, asked.Challenge, code, browser, firefox)
		if err != nil {
			t.Fatal(err)
		}
		w.signedIn("ana@example.org", browser)
		for _, q := range []string{
			`SELECT id || ' ' || COALESCE(actor, '') || ' ' || action || ' ' || object || ' ' || reason || ' ' || detail FROM audit_event`,
			`SELECT kind || ' ' || COALESCE(job_key, '') || ' ' || args FROM job`,
			`SELECT id || ' ' || token_hash || ' ' || device || ' ' || COALESCE(browser_hash, '') FROM session`,
			`SELECT id || ' ' || COALESCE(token_hash, '') || ' ' || COALESCE(code_mac, '') || ' ' || COALESCE(browser_hash, '') || ' ' || data FROM challenge`,
		} {
			var rows []string
			if err := db.Read(ctx, func(r store.Reader) (err error) { rows, err = store.All(ctx, r, store.Value[string], q); return err }); err != nil {
				t.Fatal(err)
			}
			if len(rows) == 0 {
				t.Errorf("nothing to look at: %s", q)
			}
			for _, row := range rows {
				for _, secret := range []string{token, code, browser, in.SessionToken, "ana@example.org", "Gecko"} {
					if slices.Contains(strings.FieldsFunc(row, func(r rune) bool { return strings.ContainsRune(` "/:,{}`, r) }), secret) {
						t.Errorf("%q is in %s", secret, row)
					}
				}
			}
		}
	})
}
