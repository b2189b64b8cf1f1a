// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"

	"meetcoop/internal/engine"
	"meetcoop/internal/engine/sfu"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/live"
	"meetcoop/internal/store"
)

// media is this node's engine and its place in the fleet. engine is nil with --engine none: then meetings run on other
// nodes' engines, or nowhere.
type media struct {
	node   *node
	engine *sfu.Engine
	server fleet.Server
	door   *sfu.Proxy
}

func newMedia(ctx context.Context, n *node) (*media, error) {
	m := &media{node: n}
	if n.cfg.Engine == "none" {
		return m, nil
	}
	cfg, err := n.cfg.engine()
	if err != nil {
		return nil, err
	}
	cfg.Now, cfg.Log, cfg.Registry, cfg.MaxPeople = n.now, n.log, n.registry, n.cfg.EngineMaxPeople/2
	if m.engine, err = sfu.New(cfg); err != nil {
		return nil, err
	}
	credentials := m.engine.Credentials()
	in := fleet.RegisterInput{
		StableKey: n.cfg.LivekitURL, Name: "livekit", URL: n.cfg.LivekitURL, Key: credentials.Key, Secret: credentials.Secret, MaxPeople: n.cfg.EngineMaxPeople,
	}
	if n.cfg.Engine == "embedded" {
		if in.StableKey, in.Name, err = n.cfg.place(); err != nil {
			return nil, err
		}
		in.Node, in.URL = n.id, n.cfg.peerURL()
	}
	m.server, err = n.fleet.RegisterEngine(ctx, in)
	return m, err
}

// engine turns the settings into the engine's.
func (c Config) engine() (sfu.Config, error) {
	out := sfu.Config{PublicURL: c.BaseURL()}
	if c.Engine == "livekit" {
		u, err := url.Parse(c.LivekitURL)
		if err != nil {
			return out, fault.Wrap(err, fault.Invalid, "engine.settings")
		}
		out.External = &sfu.External{URL: u, Credentials: sfu.Credentials{Key: c.LivekitKey, Secret: c.LivekitSecret}}
		return out, nil
	}
	// These were checked by Check; the zero values mean the engine's own defaults.
	out.MediaListen, _ = netip.ParseAddrPort(c.MediaListen)
	out.MediaTCP, _ = netip.ParseAddrPort(c.MediaTCP)
	out.MediaIP, _ = netip.ParseAddr(c.MediaIP)
	return out, nil
}

// place names this engine over restarts: the host, and the data directory on it.
func (c Config) place() (key, name string, err error) {
	host, err := os.Hostname()
	if err != nil {
		return "", "", fmt.Errorf("read host name: %w", err)
	}
	dir, err := filepath.Abs(c.Data)
	if err != nil {
		return "", "", fmt.Errorf("read data directory: %w", err)
	}
	// Two processes of one machine may share a data directory when the database is elsewhere, but never an address.
	return host + ":" + dir + ":" + c.Listen, "engine of " + host + " " + c.Listen, nil
}

// peerURL is where other nodes reach this one.
func (c Config) peerURL() string {
	scheme := "http"
	if c.https() {
		scheme = "https"
	}
	return (&url.URL{Scheme: scheme, Host: c.Listen}).String()
}

func hostOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return host
}

// local are the engines live commands on this node.
func (m *media) local() []live.Local {
	if m.engine == nil {
		return nil
	}
	return []live.Local{{Server: m.server.ID, Engine: m.engine}}
}

// enter signs the way in to any engine of the fleet: each node has every engine's credentials.
func (m *media) enter(_ context.Context, server fleet.Server, in engine.JoinInput) (engine.Entry, error) {
	if m.engine != nil && server.ID == m.server.ID {
		if err := m.engine.Reachable(in.From); err != nil {
			return engine.Entry{}, err
		}
	}
	token, err := sfu.Mint(server.Key, server.Secret, in)
	if err != nil {
		return engine.Entry{}, err
	}
	return engine.Entry{Kind: "sfu", URL: sfu.EntryURL(m.node.cfg.BaseURL()), Token: token}, nil
}

// proxy is the door to the media signalling: for this node's engine, and for those of its peers.
func (m *media) proxy(running *live.Service) (http.Handler, error) {
	n := m.node
	if n.cfg.Engine == "none" {
		return nil, nil
	}
	authorise := func(ctx context.Context, meeting id.Meeting, who id.Participant) (sfu.Route, error) {
		if err := running.Authorise(ctx, meeting, who); err != nil {
			return sfu.Route{}, err
		}
		var server fleet.Server
		err := n.db.Read(ctx, func(r store.Reader) error {
			row, err := fleet.ByID(ctx, r, meeting)
			if err != nil {
				return err
			}
			server, err = fleet.ServerByID(ctx, r, row.Server)
			return err
		})
		if err != nil {
			return sfu.Route{}, err
		}
		route := sfu.Route{Credentials: sfu.Credentials{Key: server.Key, Secret: server.Secret}, MaxPeople: server.MaxPeople / 2}
		if server.ID != m.server.ID {
			route.Peer = server.URL
		}
		return route, nil
	}
	var err error
	m.door, err = sfu.NewProxy(sfu.ProxyConfig{PublicURL: n.cfg.BaseURL(), Authorise: authorise, Log: n.log, Engine: m.engine, Registry: n.registry})
	return m.door, err
}

func (m *media) start(ctx context.Context) error {
	if m.engine == nil {
		return nil
	}
	return m.engine.Start(ctx)
}

func (m *media) stop() {
	if m.engine != nil {
		m.engine.Stop() // while the pages still hear its farewell
	}
	if m.door != nil {
		m.door.Close()
	}
}

// beat reports to the fleet whether the engine answers.
func (m *media) beat(ctx context.Context) error {
	if m.engine == nil {
		return nil
	}
	observed := fleet.ObservedUp
	if m.engine.State() != sfu.StateUp {
		observed = fleet.ObservedDown
	}
	return m.node.fleet.Heartbeat(ctx, m.server.ID, observed)
}

func (m *media) healthy() error {
	if m.engine == nil || m.engine.State() == sfu.StateUp {
		return nil
	}
	return fault.New(fault.Unavailable, "engine.down")
}
