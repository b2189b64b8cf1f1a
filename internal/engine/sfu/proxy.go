// SPDX-License-Identifier: AGPL-3.0-or-later

package sfu

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/engine"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
)

// maxURIBytes bounds the request line: livekit-client puts its session description, packed,
// into the query (some 4 kB), beside the token.
const maxURIBytes = 64 << 10

// Route says how somebody who may enter gets to their meeting.
type Route struct {
	Credentials        // of the server on which the meeting runs
	Peer        string // the URL of the node that owns that server; "" is this node's own engine
	MaxPeople   int    // as in engine.CreateInput, for a meeting that has to be made
}

// Authorise answers for one person at the moment a socket opens: the meeting has not ended,
// the person is admitted, not removed, and holds a seat. Any fault but Unavailable and
// Internal means: no.
type Authorise func(ctx context.Context, m id.Meeting, p id.Participant) (Route, error)

// ProxyConfig is what a Proxy needs. PublicURL, Authorise and Log are required.
type ProxyConfig struct {
	PublicURL *url.URL // pages of this origin, and no other, may open sockets
	Authorise Authorise
	Log       *slog.Logger
	Engine    *Engine               // this node's own; nil: every meeting is on a peer
	Registry  prometheus.Registerer // counts when Engine is nil; otherwise Engine's metrics do
	PeerTLS   *tls.Config           // for peers by https; nil: they show the public name's certificate, as we do
}

// Proxy is the http.Handler of /rtc, /rtc/v1 and their /validate, and the only way from
// outside to the signalling of LiveKit. Everything else is 404. Safe for concurrent use.
type Proxy struct {
	cfg     ProxyConfig
	origin  string
	metrics *metrics

	mu       sync.Mutex
	open     map[claim][]*socket // in the order they came
	openings map[claim]*bucket   // of late
	swept    time.Time           // when openings was last cleared of what is old
}

// NewProxy returns a proxy and attaches it to its engine, which from then on closes the
// sockets of people it removes and puts out strangers.
func NewProxy(cfg ProxyConfig) (*Proxy, error) {
	if cfg.PublicURL == nil || cfg.Authorise == nil || cfg.Log == nil {
		return nil, errors.New("engine proxy: a public URL, an authoriser and a log are required")
	}
	p := &Proxy{cfg: cfg, origin: originOf(cfg.PublicURL), open: map[claim][]*socket{}, openings: map[claim]*bucket{}}
	if cfg.Engine != nil {
		p.metrics = cfg.Engine.metrics
		cfg.Engine.attach(p)
	} else {
		p.metrics = newMetrics(cfg.Registry)
	}
	return p, nil
}

// relayed marks a request that a peer passed on: it is answered here or not at all, so that
// two nodes that disagree about a server do not send it round in circles.
const relayed = "X-Meetcoop-Relayed"

var (
	errOrigin   = fault.New(fault.Forbidden, "engine.origin")
	errTooOften = fault.New(fault.LimitReached, "engine.too_often")
	errLoop     = fault.New(fault.Unavailable, "engine.peer_confused")
)

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, validate := strings.CutSuffix(r.URL.Path, "/validate")
	if path != "/rtc" && path != "/rtc/v1" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet {
		http.Error(w, "not allowed", http.StatusMethodNotAllowed)
		return
	}
	if len(r.RequestURI) > maxURIBytes {
		http.Error(w, "too long", http.StatusRequestURITooLong)
		return
	}
	if validate {
		p.validate(w, r)
		return
	}
	if !websocket.IsWebSocketUpgrade(r) {
		http.NotFound(w, r)
		return
	}
	p.serve(w, r)
}

// validate tells livekit-client why its socket was refused; it looks at the status only.
func (p *Proxy) validate(w http.ResponseWriter, r *http.Request) {
	token := tokenOf(r)
	who, err := readClaim(token)
	if err == nil {
		_, err = p.admit(r, token, who)
	}
	if err != nil {
		p.refuse(w, r, err)
		return
	}
	_, _ = w.Write([]byte("success")) // what LiveKit says
}

func (p *Proxy) serve(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Origin") == "" && !fromPeer(r) { // every browser names it when it opens a socket
		p.refuse(w, r, errOrigin)
		return
	}
	token := tokenOf(r)
	who, err := readClaim(token)
	if err != nil {
		p.refuse(w, r, err)
		return
	}
	// Known before it is authorised: a removal that comes while we ask finds it here.
	s := p.register(who)
	defer p.unregister(s)

	route, err := p.admit(r, token, who)
	if err != nil {
		p.refuse(w, r, err)
		return
	}
	if !p.mayOpen(who, time.Now()) {
		p.refuse(w, r, errTooOften)
		return
	}
	up, err := p.dial(r, token, who, route)
	if err != nil {
		p.refuse(w, r, err)
		return
	}
	// LiveKit answers first, then the browser is: an upgraded socket could not carry a status.
	upgrader := websocket.Upgrader{
		HandshakeTimeout: 5 * time.Second,
		CheckOrigin:      func(*http.Request) bool { return true }, // done by admit
	}
	down, err := upgrader.Upgrade(hijackable{w}, r, nil)
	if err != nil {
		_ = up.Close()
		return // Upgrade has answered
	}
	if !s.begin(down, up, p.local(route)) {
		return // removed meanwhile
	}
	p.metrics.sockets.Inc()
	defer p.metrics.sockets.Dec()
	if why := s.run(); why != "" {
		p.metrics.closed.WithLabelValues(why).Inc()
		p.cfg.Log.Info("signalling socket closed", "meeting", who.meeting, "participant", who.participant, "why", why)
	}
}

// fromPeer reports whether another node of ours relays this request. It has compared the Origin with its own public address, which may
// be another one than ours. No page can pretend to be a node: browsers let scripts set no header of a socket, and ask first
// (CORS) before any other request with a header of its own.
func fromPeer(r *http.Request) bool { return r.Header.Get(relayed) != "" }

// local reports whether the route leads to LiveKit itself and not to another node of ours.
func (p *Proxy) local(r Route) bool { return r.Peer == "" }

// admit answers whether this request may open a socket now.
func (p *Proxy) admit(r *http.Request, token string, who claim) (Route, error) {
	if from := r.Header.Get("Origin"); from != "" && !strings.EqualFold(from, p.origin) && !fromPeer(r) {
		return Route{}, errOrigin
	}
	ctx, cancel := context.WithTimeout(r.Context(), engine.CallTimeout)
	defer cancel()
	route, err := p.cfg.Authorise(ctx, who.meeting, who.participant)
	if err != nil {
		return Route{}, err
	}
	if err := verify(token, route.Credentials, who); err != nil {
		return Route{}, err
	}
	if route.Peer != "" && r.Header.Get(relayed) != "" {
		return Route{}, errLoop
	}
	if route.Peer == "" && p.cfg.Engine == nil {
		return Route{}, engine.ErrNone
	}
	return route, nil
}

// denies reports whether the authoriser's fault means no, rather than that it is out of order.
func denies(err error) bool {
	switch fault.KindOf(err) {
	case fault.Internal, fault.Unavailable:
		return false
	}
	return true
}

// refuse answers with a status that livekit-client understands: 401 and 403 end its tries,
// everything else lets it try again. The words are for a developer's console.
func (p *Proxy) refuse(w http.ResponseWriter, r *http.Request, err error) {
	p.metrics.refusals.WithLabelValues(fault.KindOf(err).String()).Inc()
	kind := fault.KindOf(err)
	switch {
	case kind == fault.Unauthenticated:
		http.Error(w, "token not accepted", http.StatusUnauthorized)
	case kind == fault.Invalid:
		http.Error(w, "not understood", http.StatusBadRequest)
	case errors.Is(err, errTooOften):
		w.Header().Set("Retry-After", "5")
		http.Error(w, "too often", http.StatusTooManyRequests)
	case kind == fault.Unavailable:
		p.cfg.Log.Warn("signalling not available", "err", redact(err.Error()))
		w.Header().Set("Retry-After", "1")
		http.Error(w, "not available", http.StatusServiceUnavailable)
	case denies(err):
		http.Error(w, "not admitted", http.StatusForbidden)
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		// Nobody is there to read it.
	default:
		p.cfg.Log.Error("signalling refused by mistake", "err", redact(err.Error()))
		http.Error(w, "internal error", http.StatusInternalServerError)
	}
}

// originOf returns the origin of a page at u, as browsers write it (RFC 6454, section 6.2).
func originOf(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if port := u.Port(); (u.Scheme == "http" && port == "80") || (u.Scheme == "https" && port == "443") {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return u.Scheme + "://" + host
}

// hijackable finds the connection behind the wrappers of a middleware, which the WebSocket
// package does not look for by itself.
type hijackable struct{ http.ResponseWriter }

func (h hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(h.ResponseWriter).Hijack()
}
