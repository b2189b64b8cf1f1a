// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"meetcoop/internal/identity"
	"meetcoop/internal/rooms"
	"meetcoop/internal/rooms/roomstest"
)

// signUp fills in the form as a person would, after the time one needs for it.
func (b *browser) signUp(change url.Values) answer {
	b.w.t.Helper()
	form := url.Values{"name": {"Alba Serra"}, "email": {"alba@people.example"}, "organisation": {"Hilado"}, "zone": {"Europe/Madrid"}, "next": {"/rooms"}}
	form.Set("stamp", b.get("/signup").value("stamp"))
	b.w.pass(10 * time.Second)
	maps.Copy(form, change)
	return b.post("/signup", form)
}

// TestFromSignUpToTheFirstRoom is the journey of four clicks: the form, the letter, the button, the room.
func TestFromSignUpToTheFirstRoom(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		b := w.browser()
		sent := b.signUp(nil)
		to := sent.header.Get("Location")
		if sent.status != http.StatusSeeOther || !strings.HasPrefix(to, "/signin/sent?c=") {
			t.Fatalf("%d to %q\n%s", sent.status, to, excerpt(sent.body))
		}
		b.get(to).is("the page that waits for the code", 200).says("it", "alba@people.example")
		link := linkText.FindString(w.letter("alba@people.example").Text)

		scanner := w.browser() // a mail scanner follows the link, more than once
		scanner.get(link).is("the link", 200)
		scanner.ask("HEAD", link).is("the link, looked at", 200)
		if page := b.get(link).is("the link", 200); page.header.Get("Referrer-Policy") != "no-referrer" {
			t.Error("the address of the link's page is told to others")
		}
		b.post(link, nil).leads("the button", "/rooms")
		b.get("/rooms").is("the first page", 200).says("it", "Alba Serra", "Hilado", "/m/hilado/usage")
		if n := w.count(`SELECT COUNT(*) FROM room`); n != 1 {
			t.Errorf("%d rooms", n)
		}
		w.browser().post(link, nil).is("the link once more", 409).says("it offers a new one", `href="/signin"`)
		b.post(link, nil).is("the button pressed twice", 409)
		b.get("/rooms").is("still signed in", 200)
	})
}

func TestACodeIsGoodForFiveTries(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		w.Human("Alba")
		b := w.browser()
		b.get("/signin").is("the form", 200)
		to := b.post("/signin", url.Values{"email": {roomstest.AddressOf("Alba")}, "next": {"/account"}}).header.Get("Location")
		challenge := strings.TrimPrefix(to, "/signin/sent?c=")
		m := codeText.FindStringSubmatch(w.letter(roomstest.AddressOf("Alba")).Text)
		if m == nil {
			t.Fatalf("no code in %q", w.letter(roomstest.AddressOf("Alba")).Text)
		}
		right := m[1] + m[2]
		wrong := "000000"
		if right == wrong {
			wrong = "000001"
		}
		w.browser().post("/signin/code", url.Values{"c": {challenge}, "code": {right}}).is("the right code in another browser", 409)
		for range 4 {
			b.post("/signin/code", url.Values{"c": {challenge}, "code": {wrong}}).is("a wrong code", 422).says("it", `aria-invalid="true"`)
		}
		b.post("/signin/code", url.Values{"c": {challenge}, "code": {wrong}}).is("the fifth wrong code", 409).says("a way on", `href="/signin"`)
		b.post("/signin/code", url.Values{"c": {challenge}, "code": {right}}).is("the right code, too late", 409)

		again := b.post("/signin", url.Values{"email": {roomstest.AddressOf("Alba")}, "next": {"/account"}}).header.Get("Location")
		var code string
		w.eventually("a second letter", func() bool {
			found := codeText.FindStringSubmatch(w.letter(roomstest.AddressOf("Alba")).Text)
			code = found[1] + found[2]
			return code != right
		})
		b.post("/signin/code", url.Values{"c": {strings.TrimPrefix(again, "/signin/sent?c=")}, "code": {code[:3] + " " + code[3:]}}).leads("the right code", "/account")
	})
}

func TestTheSignUpFormRefusesRobotsAndKeepsWhatWasTyped(t *testing.T) {
	w := liteTown(t, townOptions{})
	b := w.browser()
	wrong := b.signUp(url.Values{"email": {"alba@"}, "name": {""}, "organisation": {"Hilado"}, "level": {"level-2"}}).is("two mistakes", 422)
	wrong.says("both", "2 things to correct", `href="#f-email"`, `href="#f-name"`, `value="alba@"`, `value="Hilado"`, `value="level-2"`, `value="/rooms"`)
	if b.signUp(url.Values{"email": {"alba@"}}).value("stamp") == "" {
		t.Error("a refused form has no new stamp")
	}
	b.signUp(url.Values{"website": {"http://spam.example"}}).is("a filled trap", 422)
	b.signUp(url.Values{"stamp": {"AAAA"}}).is("a false stamp", 422).says("what was typed", `value="alba@people.example"`, `value="Alba Serra"`)
	stale := b.get("/signup").value("stamp")
	w.pass(2 * time.Hour)
	b.signUp(url.Values{"stamp": {stale}}).is("a form of yesterday", 422).says("what was typed", `value="alba@people.example"`)
	fast := b.get("/signup").value("stamp")
	b.post("/signup", url.Values{"name": {"Alba"}, "email": {"alba@people.example"}, "stamp": {fast}}).is("faster than anybody types", 422)
	if n := w.count(`SELECT COUNT(*) FROM mail`); n != 0 {
		t.Errorf("%d letters were written", n)
	}
	if got := b.signUp(nil); got.status != http.StatusSeeOther {
		t.Errorf("a good form is refused: %d", got.status)
	}
}

func TestTheSameAnswerForKnownAndUnknownAddresses(t *testing.T) {
	w := liteTown(t, townOptions{})
	w.Human("Alba")
	for _, address := range []string{roomstest.AddressOf("Alba"), "nobody@people.example"} {
		b := w.browser()
		to := b.post("/signin", url.Values{"email": {address}}).header.Get("Location")
		if !strings.HasPrefix(to, "/signin/sent?c=") {
			t.Errorf("%s: to %q", address, to)
		}
		b.get(to).is(address, 200)
	}
}

// TestReturnAddressesAreOurs tries to be led to another site after signing in.
func TestReturnAddressesAreOurs(t *testing.T) {
	w := liteTown(t, townOptions{})
	w.Human("Alba")
	for next, want := range map[string]string{
		"/account": "/account", "/r/amber-oak-42/join": "/r/amber-oak-42/join", "/m/x/usage?span=year": "/m/x/usage?span=year", "": "/rooms",
		"//evil.example": "/rooms", "https://evil.example/": "/rooms", `/\evil.example`: "/rooms", "/%2f/evil.example": "/rooms", "/x/../../": "/rooms", "javascript:x": "/rooms",
		"/a\r\nb": "/rooms", "/" + strings.Repeat("a", 5000): "/rooms",
	} {
		b := w.as("Alba")
		b.get("/signin?next="+url.QueryEscape(next)).leads("signed in already, next "+next, want)
	}
	b := w.browser()
	b.post("/signin", url.Values{"email": {roomstest.AddressOf("Alba")}, "next": {"//evil.example"}})
	b.post(linkText.FindString(w.letter(roomstest.AddressOf("Alba")).Text), nil).leads("by the letter", "/rooms")

	b.post("/language", url.Values{"lang": {"sv"}, "next": {"//evil.example"}}).leads("the language form", "/")
	out := w.browser()
	out.headers["Referer"] = "http://evil.example/rooms"
	out.post("/rooms", nil).leads("a post from elsewhere", "/signin?next=%2F")
	out.headers["Referer"] = "http://example.com/rooms/new"
	out.post("/rooms", nil).leads("a post from our page", "/signin?next=%2Frooms%2Fnew")
}

// TestCookies looks at what is set, on https and on http.
func TestCookies(t *testing.T) {
	for address, secure := range map[string]bool{"https://video.example": true, "http://localhost": false} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			w := liteTown(t, townOptions{publicURL: address})
			w.Human("Alba")
			b := w.browser()
			b.get("/signin")
			link, err := w.people.SignInLink(t.Context(), identity.Operator(), roomstest.AddressOf("Alba"))
			w.must(err)
			b.post(pathOfLink(link), nil)
			b.post("/language", url.Values{"lang": {"en"}})
			b.post("/theme", url.Values{"theme": {"dark"}})
			prefix := ""
			if secure {
				prefix = "__Host-"
			}
			lives := map[string]time.Duration{prefix + "session": 90 * 24 * time.Hour, prefix + "browser": 365 * 24 * time.Hour, "lang": 365 * 24 * time.Hour, "theme": 365 * 24 * time.Hour}
			for name, c := range b.jar {
				life, ok := lives[name]
				if !ok || c.MaxAge != int(life/time.Second) || c.Secure != secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
					t.Errorf("%+v", c)
				}
				delete(lives, name)
			}
			if len(lives) > 0 {
				t.Errorf("not set: %v", lives)
			}
			token := b.jar[prefix+"session"]
			b.post("/signout", nil).leads("signing out", "/signin?done=signout")
			if b.jar[prefix+"session"] != nil {
				t.Error("the session's cookie stays")
			}
			b.jar[prefix+"session"] = token
			if got := b.get("/account"); got.status != http.StatusSeeOther {
				t.Errorf("a session that was signed out opens /account: %d", got.status)
			}
		})
	}
}

func TestPublicPagesSetNoCookie(t *testing.T) {
	w := liteTown(t, townOptions{})
	for _, path := range []string{"/", "/levels"} {
		first := w.browser().get(path).is(path, 200)
		if len(first.cookies) > 0 {
			t.Errorf("%s sets %v", path, first.cookies)
		}
		b := w.browser()
		b.headers["If-None-Match"] = first.header.Get("ETag")
		b.get(path).is(path+" unchanged", 304)
	}
}

func TestSessionsCanBeEndedTwice(t *testing.T) {
	w := liteTown(t, townOptions{})
	w.house("Hilado", "level-2", rooms.Settings{})
	here, there := w.as("Hilado"), w.as("Hilado")
	page := here.get("/account").is("the account", 200)
	at := strings.Index(page.body, `action="/account/sessions/ses`)
	if at < 0 {
		t.Fatalf("no other session in %s", excerpt(page.body))
	}
	end, _, _ := strings.Cut(page.body[at+len(`action="`):], `"`)
	here.post(end, nil).leads("ending it", "/account?done=session_ended#sessions")
	here.post(end, nil).leads("ending it twice", "/account?done=session_ended#sessions")
	third := w.as("Hilado")
	here.post("/account/sessions/end-others", nil).leads("all others", "/account?done=sessions_ended#sessions")
	here.post("/account/sessions/end-others", nil).leads("all others, twice", "/account?done=sessions_ended#sessions")
	for _, b := range []*browser{there, third} {
		w.eventually("a session to end", func() bool { return b.get("/account").status == http.StatusSeeOther })
	}
	here.get("/account").is("this one", 200)

	here.post("/account/profile", url.Values{"name": {""}, "locale": {"xx"}, "zone": {"Mars"}, "theme": {"pink"}}).is("a wrong profile", 422).says("what was typed", `value="Mars"`)
	here.post("/account/profile", url.Values{"name": {"Olga"}, "locale": {"en"}, "zone": {"UTC"}, "theme": {"dark"}}).leads("a right one", "/account?done=profile")
	here.get("/account?done=profile").is("the account", 200).says("it", `value="Olga"`, `data-theme="dark"`)
}

func TestTheOutboxIsOnlyInADemo(t *testing.T) {
	for _, demo := range []bool{true, false} {
		w := liteTown(t, townOptions{demo: demo})
		w.Human("Alba")
		b := w.browser()
		to := b.post("/signin", url.Values{"email": {roomstest.AddressOf("Alba")}}).header.Get("Location")
		m := w.letter(roomstest.AddressOf("Alba"))
		if !demo {
			b.get("/outbox").is("the outbox", 404)
			b.get("/outbox/"+string(m.ID)).is("a letter", 404)
			if strings.Contains(b.get(to).body, "/outbox") {
				t.Error("the outbox is offered")
			}
			continue
		}
		b.get(to).says("the way there", `href="/outbox"`)
		b.get("/outbox").is("the outbox", 200).says("the letter", `href="/outbox/`+string(m.ID))
		b.get("/outbox/"+string(m.ID)).is("a letter", 200).says("its link", `href="`+linkText.FindString(m.Text)+`"`)
	}
}
