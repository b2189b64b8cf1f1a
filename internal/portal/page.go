// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/url"
	"strings"

	"meetcoop/internal/identity"
	"meetcoop/internal/locale"
)

// Layout says what stands around a page's content.
type Layout string

const (
	LayoutApp    Layout = "app"    // rail or bottom bar: pages of people; public pages too when they are signed in
	LayoutPublic Layout = "public" // head and foot: pages for anyone
	LayoutBare   Layout = "bare"   // a sign and a foot: signing in, joining, waiting, refusals
)

// Page is what the layout shows around a page; every page struct embeds it under this name, and the layout reads .Page, so that
// a page may have fields of the same names. Handlers get it from h.page and change what they need: Lead, Layout, Trail, Banners.
type Page struct {
	Title     string // of the page: the one <h1> and the tab's title
	Lead      string // one sentence below the h1; may be empty
	Trail     []Link // breadcrumbs above the h1, without the page itself
	Layout    Layout
	NoHeading bool   // the page's template writes its own <h1>
	Platform  string // name of this platform
	Lang      locale.Tag
	Theme     identity.Theme
	Path      string // of this page with its query, for coming back from the language and theme forms
	Languages []Choice
	Themes    []Choice
	Person    string // name of who is signed in; empty: nobody
	Hats      []HatLink
	HatName   string // whose name the switcher shows
	Nav       []NavGroup
	Bar       []NavLink // of the bottom bar, at most four; "More" follows by itself
	Live      *LiveBar
	LiveFrom  string   // whence the page's script fetches the bar and keeps it fresh; empty: no bar
	Banners   []Notice // at most two, above the content
	Done      *Notice  // what the act before this page did
	Alarm     string   // said at once to screen readers
	Scripts   []string // more assets, as modules
	Styles    []string // more assets
	Robots    bool     // may be found by search engines
}

// Link is a word that leads somewhere.
type Link struct{ Label, Href string }

// NavLink is one entry of the rail, the head or the bottom bar.
type NavLink struct {
	Label, Href, Icon string
	Current           bool
}

// NavGroup is one hat's entries. A group without a title is the first.
type NavGroup struct {
	Title string
	Links []NavLink
}

// HatLink is one line of the member switcher.
type HatLink struct {
	Name, Role, Href string
	Current          bool
}

// LiveBar is the slim bar on every page while a meeting runs that the person may enter.
type LiveBar struct {
	Text   string // "Weekly round is live, 6 people"
	Action Button
	More   *Link // to the list, when several run
}

// page returns the shell for an answer to r. here is the nav entry that the page belongs to ("" for none), title its h1,
// already translated.
func (h *Handler) page(r *Request, here, title string) Page {
	p := Page{
		Title: title, Platform: h.Name, Lang: r.P.Tag(), Theme: r.theme, Path: pathOf(r.URL), Layout: LayoutPublic,
		Languages: languageChoices(r.P, r.P.Tag()), Themes: themeChoices(r.P, r.theme), Robots: r.route.Class == Public,
	}
	h.shell(&p, r, here)
	if key := r.URL.Query().Get("done"); key != "" && h.Catalog.Has(locale.English, "done."+key) {
		p.Done = &Notice{Kind: NoticeOK, Text: r.P.T("done." + key)}
	}
	return p
}

// pathOf leaves out what must be shown once only.
func pathOf(u *url.URL) string {
	q := u.Query()
	q.Del("done")
	q.Del("lang")
	if len(q) == 0 {
		return u.EscapedPath()
	}
	return u.EscapedPath() + "?" + q.Encode()
}

// HTMX reports whether the page loads htmx: only where somebody is signed in.
func (p Page) HTMX() bool { return p.Person != "" }

// TabTitle is the title of the browser's tab.
func (p Page) TabTitle() string {
	return strings.Join([]string{p.Title, p.Platform}, " · ")
}
