// SPDX-License-Identifier: AGPL-3.0-or-later

package sfu

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"meetcoop/internal/engine"
	"meetcoop/internal/fault"
)

// passed are the parameters of livekit-client 2.23 (src/api/SignalClient.ts,
// createConnectionParams) that LiveKit needs. Not among them on purpose: access_token,
// which goes in the header, and publish, with which one token could make a second person.
var passed = []string{
	"auto_subscribe", "sdk", "version", "protocol", "client_protocol", "device_model", "os", "os_version",
	"browser", "browser_version", "network", "adaptive_stream", "disable_ice_lite", "subscriber_allow_pause",
	"reconnect", "reconnect_reason", "sid", "join_request",
}

// dial opens the other side of a socket: LiveKit, or the same path at the node that owns
// it. Errors never carry what the other side wrote.
func (p *Proxy) dial(r *http.Request, token string, who claim, route Route) (*websocket.Conn, error) {
	if !p.local(route) {
		return p.dialPeer(r, token, route)
	}
	a, err := p.cfg.Engine.ready()
	if err != nil {
		return nil, err
	}
	up, status, err := p.dialEngine(r, token, a)
	if status == http.StatusNotFound {
		// The room is not there: nobody has come yet, or LiveKit closed it as empty. Who is
		// authorised may have it made.
		in := engine.CreateInput{Ref: engine.Ref{Meeting: who.meeting}, MaxPeople: route.MaxPeople}
		if _, err := p.cfg.Engine.Create(r.Context(), in); err != nil {
			return nil, err
		}
		up, _, err = p.dialEngine(r, token, a)
	}
	return up, err
}

func (p *Proxy) dialEngine(r *http.Request, token string, a *api) (*websocket.Conn, int, error) {
	target := withScheme(a.base, "ws", "wss").JoinPath(r.URL.Path)
	query := r.URL.Query()
	keep := url.Values{}
	for _, name := range passed {
		if query.Has(name) {
			keep.Set(name, query.Get(name))
		}
	}
	target.RawQuery = keep.Encode()
	h := http.Header{"Authorization": {"Bearer " + token}}
	if agent := r.UserAgent(); agent != "" {
		h.Set("User-Agent", agent) // LiveKit knows bugs of browsers by it
	}
	dialer := &websocket.Dialer{HandshakeTimeout: engine.CreateTimeout} // no compression offered, no proxy
	if p.cfg.Engine.cfg.External != nil {
		dialer.Proxy = http.ProxyFromEnvironment
	}
	return dialOut(r.Context(), dialer, target, h)
}

func (p *Proxy) dialPeer(r *http.Request, token string, route Route) (*websocket.Conn, error) {
	peer, err := url.Parse(route.Peer)
	if err != nil || !knownScheme(peer.Scheme) {
		return nil, fault.New(fault.Unavailable, "engine.peer_confused")
	}
	target := withScheme(peer, "ws", "wss").JoinPath(r.URL.Path)
	query := r.URL.Query()
	query.Del("access_token")
	target.RawQuery = query.Encode()
	h := http.Header{
		"Authorization": {"Bearer " + token},
		"Origin":        {p.origin},
		"Host":          {p.cfg.PublicURL.Host}, // the peer answers to the public name only
		"User-Agent":    {r.UserAgent()},
		relayed:         {"1"},
	}
	secure := &tls.Config{}
	if p.cfg.PeerTLS != nil {
		secure = p.cfg.PeerTLS.Clone()
	}
	if secure.ServerName == "" {
		secure.ServerName = p.cfg.PublicURL.Hostname() // its certificate too
	}
	dialer := &websocket.Dialer{HandshakeTimeout: engine.CreateTimeout, TLSClientConfig: secure}
	up, status, err := dialOut(r.Context(), dialer, target, h)
	if status == http.StatusForbidden {
		return nil, fault.New(fault.Forbidden, "engine.not_admitted")
	}
	return up, err
}

// dialOut returns the socket, or the status of the refusal (0: no answer) and a fault
// without the other side's words: v1.13.5 echoes tokens in them.
func dialOut(ctx context.Context, d *websocket.Dialer, target *url.URL, h http.Header) (*websocket.Conn, int, error) {
	up, resp, err := d.DialContext(ctx, target.String(), h)
	if err == nil {
		return up, http.StatusSwitchingProtocols, nil
	}
	if resp == nil || !errors.Is(err, websocket.ErrBadHandshake) {
		cause := errors.New(redact(strings.ReplaceAll(err.Error(), target.RawQuery, "")))
		return nil, 0, fault.Wrap(cause, fault.Unavailable, engine.ErrDown.Code)
	}
	_ = resp.Body.Close()
	cause := fmt.Errorf("the engine answered %d", resp.StatusCode)
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		return nil, resp.StatusCode, fault.Wrap(cause, fault.Unauthenticated, errToken.Code)
	case http.StatusBadRequest:
		return nil, resp.StatusCode, fault.Wrap(cause, fault.Invalid, "engine.request")
	}
	return nil, resp.StatusCode, fault.Wrap(cause, fault.Unavailable, engine.ErrDown.Code)
}

// pingEvery and silentFor find browsers that went without a word; livekit-client pings too,
// but in its own frames.
const (
	pingEvery = 15 * time.Second
	silentFor = 40 * time.Second
)
