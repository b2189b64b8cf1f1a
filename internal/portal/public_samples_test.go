// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"meetcoop/internal/decision"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/locale"
	"meetcoop/internal/mail"
	"meetcoop/internal/membership"
	"meetcoop/internal/tariff"
)

// The samples of what anybody sees, and of signing in.

func coops(n int, name string) []membership.Member {
	out := []membership.Member{{Slug: membership.HouseSlug, Name: "House"}}
	for i := range n {
		out = append(out, membership.Member{Slug: fmt.Sprint("coop-", i), Name: fmt.Sprintf("%s %d", name, i+1)})
	}
	return out
}

var (
	_ = sampleOf("home_show", "filled", func(r *Request) any {
		return testPortal.homeOf(stranger(r), sampleLevels(), coops(3, "Cooperative"), membership.Census{Organisations: 41, Individuals: 320})
	})
	_ = sampleOf("home_show", "signed-in", func(r *Request) any {
		return testPortal.homeOf(r, sampleLevels(), coops(1, "Cooperative"), membership.Census{Organisations: 1, Individuals: 1})
	})
	_ = sampleOf("home_show", "empty", func(r *Request) any {
		return testPortal.homeOf(stranger(r), nil, nil, membership.Census{})
	})
	_ = sampleOf("home_show", "crowded", func(r *Request) any {
		levels := sampleLevels()
		levels[1].Key = strings.ToLower(longWord)
		return testPortal.homeOf(stranger(r), levels, coops(crowd, longName), membership.Census{Organisations: 12345, Individuals: 1234567})
	})

	_ = sampleOf("levels_list", "filled", func(r *Request) any {
		return testPortal.levelsOf(stranger(r), sampleLevels(), decision.Decision{Key: "2020-07-levels", Title: "Levels of July 2020"})
	})
	_ = sampleOf("levels_list", "empty", func(r *Request) any {
		return testPortal.levelsOf(stranger(r), nil, decision.Decision{})
	})
	_ = sampleOf("levels_list", "crowded", func(r *Request) any {
		var levels []tariff.Level
		for i := range 12 {
			l := sampleLevels()[1]
			l.Key, l.Contribution.Minor = fmt.Sprint(strings.ToLower(longWord), i), 123456789
			levels = append(levels, l)
		}
		return testPortal.levelsOf(r, levels, decision.Decision{Title: longName})
	})

	_ = sampleOf("signup_show", "empty", func(r *Request) any {
		return testPortal.signupForm(stranger(r), identity.FormTicket{Stamp: "AAAA"}, Mistakes{})
	})
	_ = sampleOf("signup_show", "refused", func(r *Request) any {
		r = typed(stranger(r), url.Values{"name": {"<b>"}, "email": {"alba@"}, "level": {"level-2"}, "next": {"/rooms"}})
		return testPortal.signupForm(r, identity.FormTicket{Stamp: "AAAA", WorkBits: 18}, mistaken(r, "email", "person.email_invalid", "name", "person.name_empty"))
	})
	_ = sampleOf("signup_show", "stale", func(r *Request) any {
		page := testPortal.signupForm(typed(stranger(r), url.Values{"name": {"Alba"}, "email": {"alba@people.example"}}), identity.FormTicket{Stamp: "AAAA"}, Mistakes{})
		page.Refused = r.P.Fault(fault.New(fault.Invalid, "signup.form_stale"))
		return page
	})
	_ = sampleOf("signup_show", "crowded", func(r *Request) any {
		return testPortal.signupForm(typed(stranger(r), url.Values{"name": {longName}, "email": {longMail}, "organisation": {longName}}), identity.FormTicket{Stamp: "AAAA"}, Mistakes{})
	})

	_ = sampleOf("signin_show", "empty", func(r *Request) any { return testPortal.signinForm(stranger(r), Mistakes{}) })
	_ = sampleOf("signin_show", "filled", func(r *Request) any {
		return testPortal.signinForm(typed(stranger(r), url.Values{"email": {longMail}, "next": {"/m/hilado/usage"}}), Mistakes{})
	})
	_ = sampleOf("signin_show", "refused", func(r *Request) any {
		r = typed(stranger(r), url.Values{"email": {"alba"}})
		return testPortal.signinForm(r, mistaken(r, "email", "person.email_invalid"))
	})

	_ = sampleOf("signin_sent", "filled", func(r *Request) any {
		return testPortal.sentOf(stranger(r), identity.View{Challenge: "chal_1", Address: "alba@people.example", ExpiresAt: sampleNow.Add(15 * time.Minute)}, "")
	})
	_ = sampleOf("signin_sent", "demo", func(r *Request) any {
		page := testPortal.sentOf(stranger(r), identity.View{Challenge: "chal_1", Address: longMail, ExpiresAt: sampleNow.Add(15 * time.Minute)}, "")
		page.Outbox = &Link{Label: r.P.T("sign.sent.outbox"), Href: "/outbox"}
		return page
	})
	_ = sampleOf("signin_sent", "refused", func(r *Request) any {
		view := identity.View{Challenge: "chal_1", Address: "alba@people.example", ExpiresAt: sampleNow.Add(15 * time.Minute)}
		return testPortal.sentOf(stranger(r), view, r.P.Fault(fault.New(fault.Invalid, "signin.code_wrong", fault.Params{"Count": 1})))
	})

	_ = sampleOf("signin_link", "signup", func(r *Request) any {
		return testPortal.linkOf(stranger(r), "token", identity.View{Purpose: identity.PurposeSignUp, Address: "alba@people.example", Name: "Alba"})
	})
	_ = sampleOf("signin_link", "signin", func(r *Request) any {
		return testPortal.linkOf(stranger(r), "token", identity.View{Purpose: identity.PurposeSignIn, Address: longMail})
	})
	_ = sampleOf("signin_link", "invite", func(r *Request) any {
		return testPortal.linkOf(stranger(r), "token", identity.View{Purpose: identity.PurposeInvite, Address: "alba@people.example", Name: longName})
	})
	_ = sampleOf("fault", "link-used", func(r *Request) any {
		return testPortal.overOf(stranger(r), fault.New(fault.Conflict, "signin.link_used"))
	})

	_ = sampleOf("outbox_show", "empty", func(r *Request) any { return testPortal.outboxOf(stranger(r), nil) })
	_ = sampleOf("outbox_show", "crowded", func(r *Request) any {
		var letters []mail.Mail
		for i := range crowd {
			m := sampleLetter()
			m.ID, m.Subject, m.To = id.Mail(fmt.Sprint("mail_", i)), longName, longMail
			letters = append(letters, m)
		}
		return testPortal.outboxOf(r, letters)
	})
	_ = sampleOf("outbox_letter", "filled", func(r *Request) any { return testPortal.letterOf(stranger(r), sampleLetter()) })
	_ = sampleOf("outbox_letter", "empty", func(r *Request) any {
		return testPortal.letterOf(stranger(r), mail.Mail{Letter: mail.Letter{Subject: "Sent", To: "alba@people.example"}, CreatedAt: sampleNow})
	})

	_ = sampleOf("account_show", "filled", func(r *Request) any {
		return testPortal.accountOf(r, sampleProfile(), Mistakes{}, []identity.Email{{Address: "alba@people.example", Primary: true}, {Address: longMail}}, sampleSessions(3))
	})
	_ = sampleOf("account_show", "empty", func(r *Request) any {
		r.Visitor.Hats = nil
		return testPortal.accountOf(r, sampleProfile(), Mistakes{}, nil, sampleSessions(1))
	})
	_ = sampleOf("account_show", "refused", func(r *Request) any {
		in := identity.ProfileInput{Name: "", Locale: "xx", Zone: "Mars", Theme: "pink"}
		m := mistaken(r, "name", "person.name_empty", "locale", "input.choice", "zone", "person.zone_unknown", "theme", "input.choice")
		return testPortal.accountOf(r, in, m, []identity.Email{{Address: "alba@people.example", Primary: true}}, sampleSessions(1))
	})
	_ = sampleOf("account_show", "crowded", func(r *Request) any {
		in := sampleProfile()
		in.Name = longName
		for i := range 30 {
			r.Visitor.Hats = append(r.Visitor.Hats, Hat{membership.Member{Slug: fmt.Sprint("m", i), Name: longName}, []membership.Role{membership.RoleMember}})
		}
		return testPortal.accountOf(r, in, Mistakes{}, []identity.Email{{Address: longMail, Primary: true}}, sampleSessions(crowd))
	})
	_ = sampleOf("account_end_others", "filled", func(r *Request) any { return testPortal.endOthersOf(r, 4) })
	_ = sampleOf("account_end_others", "empty", func(r *Request) any { return testPortal.endOthersOf(r, 0) })
)

func sampleLetter() mail.Mail {
	return mail.Mail{ID: "mail_1", CreatedAt: sampleNow, Letter: mail.Letter{
		Kind: "signin", To: "alba@people.example", Locale: locale.Swedish, Subject: "Logga in",
		Text: "Hej!\n\nhttps://video.example/signin/link/" + strings.Repeat("a", 43) + "\n\n<b>123456</b> https://elsewhere.example/x\n",
	}}
}

func sampleProfile() identity.ProfileInput {
	return identity.ProfileInput{Name: "Alba Serra", Locale: locale.Catalan, Zone: "Europe/Madrid", Theme: identity.ThemeDark}
}

func sampleSessions(n int) []identity.SessionInfo {
	var out []identity.SessionInfo
	for i := range n {
		s := identity.SessionInfo{ID: id.Session(fmt.Sprint("ses_", i)), Device: "Firefox, Linux", StartedAt: sampleNow.Add(-time.Duration(i) * time.Hour), SeenAt: sampleNow.Add(-time.Duration(i) * time.Minute), This: i == 0}
		if i == 1 {
			s.Device = ""
		}
		out = append(out, s)
	}
	return out
}
