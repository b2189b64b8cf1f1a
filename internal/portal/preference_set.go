// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"

	"meetcoop/internal/fault"
	"meetcoop/internal/identity"
	"meetcoop/internal/locale"
	"meetcoop/internal/web"
)

func knownTheme(t identity.Theme) identity.Theme {
	if t == identity.ThemeLight || t == identity.ThemeDark {
		return t
	}
	return identity.ThemeSystem
}

// themeCookie keeps a choice of looks, as web.LanguageCookie does; pages work without them.
const themeCookie = "theme"

// languageChoices names each language in itself: who cannot read the page must find their own.
func languageChoices(p *locale.Printer, now locale.Tag) []Choice {
	out := make([]Choice, 0, len(locale.Supported))
	for _, tag := range locale.Supported {
		out = append(out, Choice{Value: string(tag), Label: p.T("language." + string(tag)), Lang: string(tag), Chosen: tag == now})
	}
	return out
}

func themeChoices(p *locale.Printer, now identity.Theme) []Choice {
	out := make([]Choice, 0, 3)
	for _, t := range []struct {
		theme identity.Theme
		icon  string
	}{{identity.ThemeSystem, "monitor"}, {identity.ThemeLight, "sun"}, {identity.ThemeDark, "moon"}} {
		out = append(out, Choice{Value: string(t.theme), Label: p.T("portal.theme." + string(t.theme)), Icon: t.icon, Chosen: t.theme == now})
	}
	return out
}

func (h *Handler) languageSet(w http.ResponseWriter, r *Request) error {
	tag, ok := locale.Parse(r.FormValue("lang"))
	if !ok {
		return fault.New(fault.Invalid, "page.language")
	}
	h.Cookies.Remember(w, web.LanguageCookie, string(tag), year)
	return h.prefer(w, r, Preference{Locale: tag})
}

func (h *Handler) themeSet(w http.ResponseWriter, r *Request) error {
	theme := identity.Theme(r.FormValue("theme"))
	if theme != knownTheme(theme) {
		return fault.New(fault.Invalid, "page.theme")
	}
	h.Cookies.Remember(w, themeCookie, string(theme), year)
	return h.prefer(w, r, Preference{Theme: theme})
}

func (h *Handler) prefer(w http.ResponseWriter, r *Request, p Preference) error {
	if r.Visitor.SignedIn() {
		if err := h.Visitors.Prefer(r.Context(), r.Visitor, p); err != nil {
			return err
		}
	}
	return h.seeOther(w, r, r.Next("/"), "")
}

func cookie(r *http.Request, name string) string {
	if c, err := r.Cookie(name); err == nil {
		return c.Value
	}
	return ""
}
