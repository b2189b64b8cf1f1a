// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"

	"meetcoop/internal/fault"
	"meetcoop/internal/identity"
)

// signupPage asks for a name and an address. Organisation is optional: without one somebody comes as an individual.
type signupPage struct {
	Page
	Errors       FormErrors
	Email        Field
	Name         Field
	Organisation Field
	Level        string
	Zone         string
	Next         string
	Stamp        string
	WorkBits     int
	SignIn       Link
	Refused      string // why the form was not taken although its fields are right
}

func (h *Handler) signupShow(w http.ResponseWriter, r *Request) error {
	if r.Visitor.SignedIn() {
		return h.seeOther(w, r, r.Next("/rooms"), "")
	}
	h.keepBrowser(w, r)
	ticket, err := h.Identity.NewForm(r.Context())
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "signup_show", h.signupForm(r, ticket, Mistakes{}))
}

func (h *Handler) signupForm(r *Request, ticket identity.FormTicket, m Mistakes) signupPage {
	page := signupPage{
		Page:         h.page(r, "signup", r.P.T("sign.up.title")),
		Errors:       m.Summary(),
		Name:         Field{Name: "name", Label: r.P.T("sign.up.name"), Value: r.FormValue("name"), Error: m.Of("name"), Autocomplete: "name", MaxLength: 2 * identity.MaxNameRunes, Autofocus: !m.Summary().Any()},
		Email:        Field{Name: "email", Label: r.P.T("sign.email"), Value: r.FormValue("email"), Error: m.Of("email"), Type: "email", Autocomplete: "email", InputMode: "email", MaxLength: 254},
		Organisation: Field{Name: "organisation", Label: r.P.T("sign.up.organisation"), Hint: r.P.T("sign.up.organisation_hint"), Value: r.FormValue("organisation"), Error: m.Of("organisation"), Autocomplete: "organization", MaxLength: 160, Optional: true},
		Level:        r.FormValue("level"),
		Next:         r.Next(""),
		Stamp:        ticket.Stamp,
		WorkBits:     ticket.WorkBits,
		SignIn:       Link{Label: r.P.T("sign.up.have_account"), Href: "/signin"},
	}
	page.Layout, page.Lead = LayoutBare, r.P.T("sign.up.lead")
	return page
}

func (h *Handler) signupSend(w http.ResponseWriter, r *Request) error {
	asked, err := h.Identity.SignUp(r.Context(), identity.SignUpInput{
		Email: r.FormValue("email"), Name: r.FormValue("name"), Organisation: r.FormValue("organisation"), Level: r.FormValue("level"), Zone: r.FormValue("zone"),
		Locale: r.P.Tag(), Browser: h.keepBrowser(w, r), Client: h.Client(r.Request), Next: r.Next(""),
		Form: identity.Form{Stamp: r.FormValue("stamp"), Trap: r.FormValue("website"), Work: r.FormValue("work")},
	})
	m, wrong := mistakes(r.P, err)
	stale := fault.CodeOf(err) == "signup.form_stale" || fault.CodeOf(err) == "signup.form_fast" || fault.CodeOf(err) == "signup.work_needed"
	if wrong || stale {
		ticket, formErr := h.Identity.NewForm(r.Context())
		if formErr != nil {
			return formErr
		}
		page := h.signupForm(r, ticket, m)
		if stale {
			page.Refused = r.P.Fault(err)
		}
		retryAfter(w, err)
		return h.render(w, r, Status(err), "signup_show", page)
	}
	if err != nil {
		return err
	}
	return h.seeOther(w, r, "/signin/sent?c="+string(asked.Challenge), "")
}
