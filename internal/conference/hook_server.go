// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"encoding/base64"
	"net/url"
	"strings"
	"sync"
	"time"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
)

const (
	hookEvery   = 10 * time.Minute // our hook on a server is looked at this often (gateway.md K5)
	hookAgain   = 30 * time.Second // and so long after a server did not answer
	hookNever   = time.Minute      // a server without webhooks may get them: while events are made from polls, none must be told twice
	eventsPath  = "/bbb/-/events/"
	eventsToken = "events"
)

// hooked says whether a server tells us of events by itself.
type hooked int

const (
	hookedUnknown hooked = iota // nobody has looked yet
	hookedYes
	hookedNo // bbb-webhooks is not there: events are made from polls
)

// serverHooks is what the leader knows of our hook on each server.
type serverHooks struct {
	mu    sync.Mutex
	known map[id.Server]*serverHook
}

type serverHook struct {
	state   hooked
	doubted bool // webhooks that were there did not answer the last time
	due     instant.Instant
	busy    bool
}

// eventsURL is where a server tells of events: a token in it names the server and cannot be guessed.
func (s *Service) eventsURL(server id.Server) string {
	return s.deps.PublicURL + eventsPath + s.eventsToken(server)
}

func (s *Service) eventsToken(server id.Server) string {
	return string(server) + "." + base64.RawURLEncoding.EncodeToString(s.mac(eventsToken, string(server)))
}

// ensureHook sees, when it is time, that a server that just answered has our hook, without keeping the caller waiting. It is for the
// one node that leads.
func (s *Service) ensureHook(ctx context.Context, srv *server) {
	h := &s.hooks.servers
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known == nil {
		h.known = map[id.Server]*serverHook{}
	}
	k := h.known[srv.ID]
	if k == nil {
		k = &serverHook{}
		h.known[srv.ID] = k
	}
	if k.busy || (s.deps.Now().Before(k.due) && srv.Observed == fleet.ObservedUp) {
		return
	}
	k.busy = true
	s.poller.running.Go(func() {
		state, made, err := s.ensure(ctx, srv)
		if err != nil && ctx.Err() == nil {
			s.deps.Log.WarnContext(ctx, "webhook not registered on a server yet", "server", srv.ID, "name", srv.Name, "err", err)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		k.busy = false
		if doubt := state == hookedNo && k.state == hookedYes && !k.doubted; err != nil || doubt {
			k.doubted, k.due = doubt, s.deps.Now().Add(hookAgain)
			return
		}
		if made && k.state == hookedYes {
			s.deps.Log.WarnContext(ctx, "webhook was gone from a server: it may not reach us", "server", srv.ID, "name", srv.Name)
		}
		if k.state != state {
			s.deps.Log.InfoContext(ctx, "webhooks of a server", "server", srv.ID, "name", srv.Name, "there", state == hookedYes)
		}
		k.state, k.doubted, k.due = state, false, s.deps.Now().Add(hookEvery)
		if state == hookedNo {
			k.due = s.deps.Now().Add(hookNever)
		}
	})
}

// speaks notes that a server told something: it has webhooks.
func (h *serverHooks) speaks(server id.Server) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if k := h.known[server]; k != nil {
		k.state, k.doubted = hookedYes, false
	}
}

// hooked returns whether a server tells of events by itself, as far as the leader knows.
func (h *serverHooks) hooked(server id.Server) hooked {
	h.mu.Lock()
	defer h.mu.Unlock()
	if k := h.known[server]; k != nil {
		return k.state
	}
	return hookedUnknown
}

// ensure registers our hook where it is missing, and takes away those of ours under a former public URL. An error says that the
// server could not be asked; webhooks that are not installed are no error. made says that the hook was missing.
func (s *Service) ensure(ctx context.Context, srv *server) (state hooked, made bool, err error) {
	list, err := srv.Do(ctx, bbb.Request{Call: "hooks/list"})
	if err != nil {
		if !bbb.Sent(err) || ctx.Err() != nil {
			return hookedUnknown, false, err
		}
		return hookedNo, false, nil // 404, or a page: nginx without bbb-webhooks behind it
	}
	if !list.OK {
		return hookedNo, false, nil
	}
	ours, found := s.eventsURL(srv.ID), false
	if all := list.Root.Child("hooks"); all != nil {
		for _, e := range all.Kids {
			switch to := e.Value("callbackURL"); {
			case to == ours && e.Value("meetingID") == "" && e.Value("eventID") == "" && e.Value("rawData") != "true":
				found = true
			case to == ours || strings.HasSuffix(to, eventsPath+s.eventsToken(srv.ID)):
				// A failure is seen with the next look: two hooks of ours only tell twice.
				_, _ = srv.Do(ctx, bbb.Request{Call: "hooks/destroy", Query: "hookID=" + url.QueryEscape(e.Value("hookID"))})
			}
		}
	}
	if found {
		return hookedYes, false, nil
	}
	answer, err := srv.Do(ctx, bbb.Request{Call: "hooks/create", Query: "callbackURL=" + url.QueryEscape(ours) + "&getRaw=false"})
	if err != nil {
		return hookedUnknown, false, err
	}
	if !answer.OK {
		return hookedNo, false, nil
	}
	return hookedYes, true, nil
}
