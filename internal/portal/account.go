// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/locale"
)

// accountPage is what we hold about the reader: profile, addresses, sessions.
type accountPage struct {
	Page
	Errors    FormErrors
	Name      Field
	Language  Select
	Zone      Field
	Theme     Choices
	Addresses []accountAddress
	Sessions  []accountSession
	Others    *Dialog // ends all other sessions
	Members   []Link
}

type accountAddress struct {
	Address string
	Badge   *Badge
}

type accountSession struct {
	Device string
	Text   string
	This   *Badge
	End    *Button
}

func (h *Handler) accountShow(w http.ResponseWriter, r *Request) error {
	v := r.Visitor.Person
	page, err := h.account(r, identity.ProfileInput{Name: v.Name, Locale: v.Locale, Zone: v.Zone, Theme: v.Theme}, Mistakes{})
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "account_show", page)
}

func (h *Handler) account(r *Request, in identity.ProfileInput, m Mistakes) (accountPage, error) {
	addresses, err := h.Identity.Addresses(r.Context(), r.Visitor.Actor)
	if err != nil {
		return accountPage{}, err
	}
	sessions, err := h.Identity.Sessions(r.Context(), r.Visitor.Actor)
	if err != nil {
		return accountPage{}, err
	}
	return h.accountOf(r, in, m, addresses, sessions), nil
}

func (h *Handler) accountOf(r *Request, in identity.ProfileInput, m Mistakes, addresses []identity.Email, sessions []identity.SessionInfo) accountPage {
	page := accountPage{
		Page:     h.page(r, "account", r.P.T("account.title")),
		Errors:   m.Summary(),
		Name:     Field{Name: "name", Label: r.P.T("account.name"), Hint: r.P.T("account.name_hint"), Value: in.Name, Error: m.Of("name"), Autocomplete: "name", MaxLength: 2 * identity.MaxNameRunes},
		Language: Select{Name: "locale", Label: r.P.T("account.language"), Options: languageChoices(r.P, in.Locale), Error: m.Of("locale")},
		Zone:     Field{Name: "zone", Label: r.P.T("account.zone"), Hint: r.P.T("account.zone_hint"), Value: in.Zone, Error: m.Of("zone"), MaxLength: 60, Suggestions: zones},
		Theme:    Choices{Name: "theme", Legend: r.P.T("account.theme"), Options: themeChoices(r.P, in.Theme), Error: m.Of("theme")},
	}
	page.Lead = r.P.T("account.lead")
	for _, a := range addresses {
		row := accountAddress{Address: a.Address}
		if a.Primary {
			row.Badge = &Badge{Kind: NoticeOK, Icon: "check", Text: r.P.T("account.primary")}
		}
		page.Addresses = append(page.Addresses, row)
	}
	for _, s := range sessions {
		row := accountSession{Device: s.Device, Text: r.P.T("account.session", map[string]any{"Started": r.P.DateTime(s.StartedAt), "Seen": r.P.Ago(s.SeenAt, r.Now)})}
		if row.Device == "" {
			row.Device = r.P.T("account.device_unknown")
		}
		if s.This {
			row.This = &Badge{Kind: NoticeOK, Icon: "check", Text: r.P.T("account.this_session")}
		} else {
			row.End = &Button{Kind: ButtonPlain, Small: true, Label: r.P.T("account.end"), Describe: r.P.T("account.end_device", map[string]any{"Device": row.Device}), Post: "/account/sessions/" + string(s.ID) + "/end"}
		}
		page.Sessions = append(page.Sessions, row)
	}
	if len(sessions) > 1 {
		page.Others = &Dialog{
			ID: "end-others", Title: r.P.T("account.others_title"), Text: r.P.N("account.others_text", len(sessions)-1), Post: "/account/sessions/end-others",
			Confirm: Button{Kind: ButtonDanger, Label: r.P.T("account.others_confirm")}, Cancel: r.P.T("portal.cancel"),
			Open: Button{Kind: ButtonPlain, Label: r.P.T("account.others"), Href: "/account/sessions/end-others"},
		}
	}
	for _, hat := range r.Visitor.Hats {
		page.Members = append(page.Members, Link{Label: r.P.T("account.member", map[string]any{"Name": hat.Member.Name, "Role": roleWords(r.P, hat)}), Href: "/m/" + hat.Member.Slug + "/usage"})
	}
	return page
}

func (h *Handler) profileSave(w http.ResponseWriter, r *Request) error {
	in := identity.ProfileInput{Name: r.FormValue("name"), Locale: locale.Tag(r.FormValue("locale")), Zone: r.FormValue("zone"), Theme: identity.Theme(r.FormValue("theme"))}
	_, err := h.Identity.UpdateProfile(r.Context(), r.Visitor.Actor, in)
	if m, wrong := mistakes(r.P, err); wrong {
		page, err := h.account(r, in, m)
		if err != nil {
			return err
		}
		return h.render(w, r, http.StatusUnprocessableEntity, "account_show", page)
	}
	if err != nil {
		return err
	}
	return h.seeOther(w, r, "/account", "profile")
}

func (h *Handler) sessionEnd(w http.ResponseWriter, r *Request) error {
	session, err := id.ParseSession(r.PathValue("session"))
	if err != nil {
		return err
	}
	err = h.Identity.Revoke(r.Context(), r.Visitor.Actor, session)
	if err != nil && fault.CodeOf(err) != "session.unknown" {
		return err
	}
	// A session that is gone already is what was asked for: pressing twice is no error.
	return h.seeOther(w, r, "/account#sessions", "session_ended")
}

// endOthersPage asks the same as the dialog, for browsers without scripts.
type endOthersPage struct {
	Page
	Text    string
	Confirm Button
	Back    Link
}

func (h *Handler) endOthersAsk(w http.ResponseWriter, r *Request) error {
	sessions, err := h.Identity.Sessions(r.Context(), r.Visitor.Actor)
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "account_end_others", h.endOthersOf(r, max(0, len(sessions)-1)))
}

func (h *Handler) endOthersOf(r *Request, others int) endOthersPage {
	page := endOthersPage{
		Page: h.page(r, "account", r.P.T("account.others_title")), Text: r.P.N("account.others_text", others),
		Confirm: Button{Kind: ButtonDanger, Label: r.P.T("account.others_confirm"), Post: "/account/sessions/end-others"},
		Back:    Link{Label: r.P.T("portal.cancel"), Href: "/account"},
	}
	page.Trail = []Link{{Label: r.P.T("account.title"), Href: "/account"}}
	return page
}

func (h *Handler) endOthers(w http.ResponseWriter, r *Request) error {
	if _, err := h.Identity.RevokeOthers(r.Context(), r.Visitor.Actor); err != nil {
		return err
	}
	return h.seeOther(w, r, "/account#sessions", "sessions_ended")
}

// zones are suggestions while typing; any name of the zone database is accepted.
var zones = []string{
	"Europe/Amsterdam", "Europe/Athens", "Europe/Berlin", "Europe/Brussels", "Europe/Budapest", "Europe/Copenhagen", "Europe/Dublin", "Europe/Helsinki",
	"Europe/Lisbon", "Europe/London", "Europe/Madrid", "Europe/Oslo", "Europe/Paris", "Europe/Prague", "Europe/Rome", "Europe/Stockholm", "Europe/Vienna", "Europe/Warsaw",
	"Europe/Zurich", "Atlantic/Canary", "Africa/Johannesburg", "Africa/Lagos", "Africa/Nairobi", "America/Bogota", "America/Buenos_Aires", "America/Chicago", "America/Lima",
	"America/Los_Angeles", "America/Mexico_City", "America/Montevideo", "America/New_York", "America/Santiago", "America/Sao_Paulo", "America/Toronto", "Asia/Kolkata",
	"Asia/Tokyo", "Australia/Sydney", "Pacific/Auckland", "UTC",
}
