// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"meetcoop/internal/gateway"
	"meetcoop/internal/id"
	"meetcoop/internal/portal"
	"meetcoop/internal/recording"
	"meetcoop/internal/web"
)

// recordingDeps are what recordings need everywhere; a node that serves adds its way to servers and clients.
func (c *core) recordingDeps() (recording.Deps, error) {
	key, err := c.key.open()
	if err != nil {
		return recording.Deps{}, err
	}
	base := c.cfg.RecordingsURL
	if base == "" {
		base = c.cfg.BaseURL().String()
	}
	return recording.Deps{
		DB: c.db, Now: c.now, Log: c.log, Members: c.members, Fleet: c.fleet, IDs: key.Derive("meeting ids"), Links: key.Derive("recording links"),
		Dir: filepath.Join(c.cfg.Data, "recordings"), BaseURL: base,
		Catalog: c.catalog, PublicURL: c.cfg.BaseURL().String(), QuarantineRecordings: c.cfg.QuarantineRecordings, QuarantineBytes: int64(c.cfg.QuarantineGB) * 1_000_000_000,
	}, nil
}

// openRecordings is for the command line, whose changes reach servers through the jobs of a node that serves.
func (c *core) openRecordings() (*recording.Service, error) {
	deps, err := c.recordingDeps()
	if err != nil {
		return nil, err
	}
	return recording.New(deps)
}

// isMember reports whether a browser is signed in as somebody of a member.
func (n *node) isMember(visitors portal.Visitors) func(ctx context.Context, r *http.Request, member id.Member) bool {
	return func(ctx context.Context, r *http.Request, member id.Member) bool {
		v, err := visitors.Visitor(ctx, r)
		return err == nil && slices.ContainsFunc(v.Hats, func(h portal.Hat) bool { return h.Member.ID == member })
	}
}

// besidesPages sends calls of the API and recordings past what protects pages: the API has its own signature, bounds and paths that nothing
// may clean; recordings have their own policy and are long.
func (n *node) besidesPages(pages http.Handler, around ...web.Middleware) http.Handler {
	api, playback := web.Chain(n.gateway, around...), web.Chain(http.HandlerFunc(n.gateway.Playback), around...)
	users := web.Chain(http.HandlerFunc(n.gateway.ServeUser), around...)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, gateway.Path):
			api.ServeHTTP(w, r)
		case n.gateway.ByHost(r):
			api.ServeHTTP(w, r)
		case r.URL.Path == gateway.UserPath:
			users.ServeHTTP(w, r)
		case gateway.IsPlayback(r.URL.Path):
			playback.ServeHTTP(w, r)
		default:
			pages.ServeHTTP(w, r)
		}
	})
}
