// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"

	"meetcoop/internal/admission"
	"meetcoop/internal/fleet"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/live"
	"meetcoop/internal/locale"
	"meetcoop/internal/membership"
	"meetcoop/internal/recording"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
	"meetcoop/internal/web"
)

// Assets names the built files of the browser (package assets, served by package web).
type Assets interface {
	// URL returns the path under which the file is served, content hash included: "portal.css" gives
	// "/assets/portal.0a1b2c3d4e.css". An unknown name gives its path without a hash.
	URL(name string) string
}

// Visitors finds out who is asking, and keeps what they choose for themselves.
type Visitors interface {
	// Visitor returns whose session the request carries, with the members they act for; an anonymous one
	// when there is none, or an expired or revoked one. An error is a failure to look, never "nobody".
	Visitor(ctx context.Context, r *http.Request) (Visitor, error)
	// Prefer keeps a choice with the account. Empty fields stay as they are.
	Prefer(ctx context.Context, v Visitor, p Preference) error
}

// Preference is what a person chooses for all devices: a language and a theme ("light", "dark", "system").
type Preference struct {
	Locale locale.Tag
	Theme  identity.Theme
}

// Deps is what the portal stands on. Templates may be nil: then the embedded ones are used and parsed once;
// a file system given here (--dev) is read again for every page.
type Deps struct {
	Log       *slog.Logger
	Now       instant.Clock
	Catalog   *locale.Catalog
	Assets    Assets
	Visitors  Visitors
	Templates fs.FS
	Name      string // of this platform, as people know it
	Cookies   web.Cookies
	Dev       bool // serves /dev/components
	Demo      bool // serves /outbox

	DB         *store.DB
	Identity   *identity.Service
	Members    *membership.Service
	Fleet      *fleet.Service
	Rooms      *rooms.Service
	Recordings *recording.Service
	Live       *live.Service
	Tickets    live.Tickets // of people sent into meetings by API clients
	Gate       *admission.Gate
	PublicURL  string                         // without a slash at its end; absolute links begin with it
	Client     func(*http.Request) netip.Addr // the true client address, for rate limits
	// CheckServer calls a BigBlueButton server before it is added: Invalid with the fields url and secret, or Unavailable
	// (fleet.server_refused) when it does not take the secret.
	CheckServer func(ctx context.Context, address, secret string) error
}

// Handler serves all pages. It is safe for concurrent use.
type Handler struct {
	Deps
	templates *templates
	routes    []Route
	mux       *http.ServeMux
}

// New returns the portal, or an error that names a missing dependency or a broken template.
func New(d Deps) (*Handler, error) {
	switch {
	case d.Log == nil, d.Now == nil, d.Catalog == nil, d.Assets == nil, d.Visitors == nil:
		return nil, errors.New("portal: Log, Now, Catalog, Assets and Visitors are needed")
	}
	t, err := newTemplates(d)
	if err != nil {
		return nil, err
	}
	h := &Handler{Deps: d, templates: t, mux: http.NewServeMux()}
	h.routes = h.table()
	for _, route := range h.routes {
		h.mux.Handle(route.Method+" "+route.Pattern, h.serve(route))
	}
	h.mux.Handle("/", h.serve(Route{Pattern: "/", Class: Public, Handler: h.unknown}))
	return h, nil
}

// Routes returns the table of all routes, for tests that walk it and for the nav, which shows no page that is not served.
func (h *Handler) Routes() []Route { return h.routes }

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }
