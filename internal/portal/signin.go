// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"strings"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
)

// signinPage asks for an address; a letter with a link and a code follows.
type signinPage struct {
	Page
	Errors FormErrors
	Email  Field
	Next   string
	SignUp Link
	Notice *Notice
}

func (h *Handler) signinShow(w http.ResponseWriter, r *Request) error {
	if r.Visitor.SignedIn() {
		return h.seeOther(w, r, r.Next("/rooms"), "")
	}
	h.keepBrowser(w, r)
	return h.render(w, r, http.StatusOK, "signin_show", h.signinForm(r, Mistakes{}))
}

func (h *Handler) signinForm(r *Request, m Mistakes) signinPage {
	page := signinPage{
		Page:   h.page(r, "signin", r.P.T("sign.in.title")),
		Errors: m.Summary(),
		Email:  Field{Name: "email", Label: r.P.T("sign.email"), Value: r.FormValue("email"), Error: m.Of("email"), Type: "email", Autocomplete: "email", InputMode: "email", MaxLength: 254, Autofocus: !m.Summary().Any()},
		Next:   r.Next(""),
		SignUp: Link{Label: r.P.T("sign.in.no_account"), Href: "/signup"},
	}
	page.Layout, page.Lead = LayoutBare, r.P.T("sign.in.lead")
	if page.Next != "" {
		page.Notice = &Notice{Kind: NoticeInfo, Text: r.P.T("sign.in.first")}
	}
	return page
}

func (h *Handler) signinSend(w http.ResponseWriter, r *Request) error {
	asked, err := h.Identity.SignInStart(r.Context(), identity.SignInInput{
		Email: r.FormValue("email"), Locale: r.P.Tag(), Browser: h.keepBrowser(w, r), Client: h.Client(r.Request), Next: r.Next(""),
	})
	if m, wrong := mistakes(r.P, err); wrong {
		return h.render(w, r, http.StatusUnprocessableEntity, "signin_show", h.signinForm(r, m))
	}
	if err != nil {
		return err
	}
	return h.seeOther(w, r, "/signin/sent?c="+string(asked.Challenge), "")
}

// sentPage waits for the code of the letter, in the browser that asked.
type sentPage struct {
	Page
	Errors    FormErrors
	Challenge id.Challenge
	Code      Field
	Outbox    *Link // the demo's letters
	Again     Link
}

func (h *Handler) sentShow(w http.ResponseWriter, r *Request) error {
	page, err := h.sentForm(r, id.Challenge(r.URL.Query().Get("c")), "")
	if fault.CodeOf(err) == "signin.code_over" {
		return h.linkOver(w, r, err)
	}
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "signin_sent", page)
}

func (h *Handler) sentForm(r *Request, c id.Challenge, wrong string) (sentPage, error) {
	view, err := h.Identity.Pending(r.Context(), c, h.browser(r))
	if err != nil {
		return sentPage{}, err
	}
	return h.sentOf(r, view, wrong), nil
}

func (h *Handler) sentOf(r *Request, view identity.View, wrong string) sentPage {
	page := sentPage{
		Page:      h.page(r, "signin", r.P.T("sign.sent.title")),
		Challenge: view.Challenge,
		Code:      Field{Name: "code", Label: r.P.T("sign.sent.code"), Hint: r.P.T("sign.sent.code_hint"), Error: wrong, InputMode: "numeric", Autocomplete: "one-time-code", MaxLength: 12, Autofocus: true},
		Again:     Link{Label: r.P.T("sign.sent.again"), Href: "/signin"},
	}
	page.Layout, page.Lead = LayoutBare, r.P.T("sign.sent.lead", map[string]any{"Address": view.Address, "Time": r.P.Clock(view.ExpiresAt)})
	if h.Demo {
		page.Outbox = &Link{Label: r.P.T("sign.sent.outbox"), Href: "/outbox"}
	}
	return page
}

func (h *Handler) codeSend(w http.ResponseWriter, r *Request) error {
	c := id.Challenge(r.FormValue("c"))
	in, err := h.Identity.ConfirmCode(r.Context(), c, withoutSpace(r.FormValue("code")), h.browser(r), r.UserAgent())
	switch fault.CodeOf(err) {
	case "signin.code_wrong":
		page, formErr := h.sentForm(r, c, r.P.Fault(err))
		if formErr != nil {
			return h.linkOver(w, r, formErr)
		}
		page.Alarm = page.Code.Error
		return h.render(w, r, http.StatusUnprocessableEntity, "signin_sent", page)
	case "signin.code_over":
		return h.linkOver(w, r, err)
	}
	if err != nil {
		return err
	}
	return h.signedIn(w, r, in)
}

// withoutSpace is a code as it was meant: mail programs and people put spaces into numbers.
func withoutSpace(s string) string { return strings.Join(strings.Fields(s), "") }

// linkPage is what the link of a letter opens. It changes nothing, since mail scanners follow links; its button does.
type linkPage struct {
	Page
	Token   string
	Confirm string
	Note    string
}

func (h *Handler) linkShow(w http.ResponseWriter, r *Request) error {
	token := r.PathValue("token")
	view, err := h.Identity.ChallengeView(r.Context(), token)
	if fault.KindOf(err) == fault.Conflict {
		return h.linkOver(w, r, err)
	}
	if err != nil {
		return err
	}
	h.keepBrowser(w, r)
	w.Header().Set("Referrer-Policy", "no-referrer") // the address of this page is a secret
	return h.render(w, r, http.StatusOK, "signin_link", h.linkOf(r, token, view))
}

func (h *Handler) linkOf(r *Request, token string, view identity.View) linkPage {
	kind := string(view.Purpose) // signup, signin or invite
	page := linkPage{
		Page: h.page(r, "signin", r.P.T("sign.link."+kind+"_title")), Token: token,
		Confirm: r.P.T("sign.link." + kind + "_confirm"), Note: r.P.T("sign.link.note"),
	}
	page.Layout, page.Lead = LayoutBare, r.P.T("sign.link."+kind+"_lead", map[string]any{"Address": view.Address, "Name": view.Name})
	return page
}

func (h *Handler) linkSend(w http.ResponseWriter, r *Request) error {
	in, err := h.Identity.ConfirmLink(r.Context(), r.PathValue("token"), h.keepBrowser(w, r), r.UserAgent())
	if fault.CodeOf(err) == "signin.link_used" {
		return h.linkOver(w, r, err)
	}
	if err != nil {
		return err
	}
	return h.signedIn(w, r, in)
}

// linkOver answers for a link or code that is used or too old, with the way to a new one.
func (h *Handler) linkOver(w http.ResponseWriter, r *Request, err error) error {
	return h.render(w, r, http.StatusConflict, "fault", h.overOf(r, err))
}

func (h *Handler) overOf(r *Request, err error) faultPage {
	page := faultPage{
		Page: h.page(r, "signin", r.P.T("sign.over.title")), Message: r.P.Fault(err), Foot: r.trace(err),
		Actions: []Button{{Kind: ButtonPrimary, Icon: "mail", Label: r.P.T("sign.over.again"), Href: "/signin"}},
	}
	page.Layout, page.Robots = LayoutBare, false
	return page
}

func (h *Handler) signOut(w http.ResponseWriter, r *Request) error {
	if err := h.Identity.SignOut(r.Context(), r.Visitor.Actor); err != nil {
		return err
	}
	h.Cookies.Clear(w, sessionCookie)
	return h.seeOther(w, r, "/signin", "signout")
}
