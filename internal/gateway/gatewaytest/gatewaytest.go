// SPDX-License-Identifier: AGPL-3.0-or-later

// Package gatewaytest runs the gateway with everything below it against BigBlueButton servers for tests: real sockets, real clock,
// real database. Times are short, so that leases, polls and failover can be waited for.
package gatewaytest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/admission"
	"meetcoop/internal/conference"
	"meetcoop/internal/engine"
	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/engine/bbb/bbbtest"
	"meetcoop/internal/engine/enginetest"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/gateway"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/live"
	"meetcoop/internal/live/embedded"
	"meetcoop/internal/locale/localetest"
	"meetcoop/internal/membership"
	"meetcoop/internal/membership/membershiptest"
	"meetcoop/internal/recording"
	"meetcoop/internal/rooms"
	"meetcoop/internal/seal"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
	"meetcoop/internal/tariff/tarifftest"
	"meetcoop/internal/usage"
	"meetcoop/internal/web"
)

// Cooperative is a register with levels and BigBlueButton servers, and the nodes on it.
type Cooperative struct {
	*tarifftest.World

	Servers []*bbbtest.Running
	Key     *seal.Key

	t     testing.TB
	clock instant.Clock
}

// Node is one process of the program.
type Node struct {
	URL         string // of its API, without a slash at the end
	Gate        *admission.Gate
	Conferences *conference.Service
	Recordings  *recording.Service
	Members     *membership.Service
	Fleet       *fleet.Service
	Handler     *gateway.Handler

	Live    *live.Service // nil without Options.Engine, as the following
	Engine  *enginetest.Fake
	Tickets live.Tickets

	beat       func(context.Context) error // of its engine
	stop       func()
	recordings recording.Deps
}

// Options change what New and Node connect. The zero value is ready to use.
type Options struct {
	Servers     int // BigBlueButton servers; 0 is one
	Server      bbbtest.Config
	Lease       time.Duration        // of seats; 0 is 75 s
	Hold        time.Duration        // 0 is 300 ms
	PollEvery   time.Duration        // 0 is 150 ms
	DetachAfter time.Duration        // 0 is 1 s, or three polls where that is longer
	Log         *slog.Logger         // nil discards
	Domain      string               // --gateway-domain
	Compat      *prometheus.Registry // --metrics-compat, into this; nil is off
	HookWaits   []time.Duration      // between tries of one event of a webhook; nil is as in production

	RecordingsEvery time.Duration // how often servers are asked for their recordings, and those counted for Compat; 0 is as in production
	Engine          bool          // an embedded engine too, in memory; alone when Servers is 0

	QuarantineRecordings int   // of one server; 0 is as in production
	QuarantineBytes      int64 // likewise

	IsMember func(ctx context.Context, r *http.Request, member id.Member) bool
}

func (o *Options) fill() {
	for _, d := range []struct {
		at  *time.Duration
		def time.Duration
	}{{&o.Lease, 75 * time.Second}, {&o.Hold, 300 * time.Millisecond}, {&o.PollEvery, 150 * time.Millisecond}} {
		if *d.at == 0 {
			*d.at = d.def
		}
	}
	if o.DetachAfter == 0 {
		o.DetachAfter = max(time.Second, 3*o.PollEvery)
	}
	if o.Servers == 0 && !o.Engine {
		o.Servers = 1
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// New makes a cooperative with its servers on an empty database.
func New(t testing.TB, db *store.DB, o Options) *Cooperative {
	t.Helper()
	o.fill()
	clock := membershiptest.NewClock()
	clock.Set(instant.Of(time.Now()))
	c := &Cooperative{t: t, World: tarifftest.New(t, db, tarifftest.Options{Clock: clock}), clock: instant.System(0)}
	var err error
	c.Key, err = seal.New(make([]byte, 32))
	c.must(err)
	servers, err := fleet.New(fleet.Deps{DB: db, Now: c.clock, Sealer: c.Key})
	c.must(err)
	for range o.Servers {
		cfg := o.Server
		s := bbbtest.Start(t, cfg)
		c.Servers = append(c.Servers, s)
		v, err := servers.Add(context.Background(), fleet.AddInput{Name: s.Addr(), URL: fleet.APIAddress(s.URL()), Secret: s.Secret(), LoadUnits: 175, Admin: fleet.AdminEnabled})
		c.must(err)
		c.must(servers.Heartbeat(context.Background(), v.ID, fleet.ObservedUp))
	}
	return c
}

func (c *Cooperative) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// ServerClient speaks to a server without the gateway between.
func (c *Cooperative) ServerClient(i int) *bbb.Client {
	c.t.Helper()
	out, err := bbb.New(bbb.Config{URL: fleet.APIAddress(c.Servers[i].URL()), Secret: c.Servers[i].Secret(), Transport: bbb.NewTransport()})
	c.must(err)
	return out
}

// Node starts a process on the database, which db is a handle of its own on, or the cooperative's.
func (c *Cooperative) Node(db *store.DB, o Options) *Node {
	c.t.Helper()
	o.fill()
	n := &Node{}
	var err error
	facts := usage.NewRecorder()
	n.Gate, err = admission.New(admission.Deps{DB: db, Now: c.clock, Log: o.Log, Entitled: tariff.Entitled, Facts: facts, Observer: admission.Observers{live.Observer{}, conference.Observer{}}, Lease: o.Lease, Hold: o.Hold})
	c.must(err)
	n.Members, err = membership.New(membership.Deps{DB: db, Now: c.clock, Log: o.Log, Levels: tariff.Register{}, Changed: n.Gate, Inviter: c.Letters, Sealer: c.Key})
	c.must(err)
	n.Fleet, err = fleet.New(fleet.Deps{DB: db, Now: c.clock, Sealer: c.Key})
	c.must(err)
	mux := &late{}
	front := httptest.NewServer(mux)
	n.URL = front.URL
	node := id.NewNode()
	transport := bbb.NewTransport()
	var engines func(id.Server) http.RoundTripper
	if o.Engine {
		engines = c.engine(n, db, facts, node, o.Log)
	}
	n.Conferences, err = conference.New(conference.Deps{
		Embedded: engines,
		DB:       db, Now: c.clock, Log: o.Log, Gate: n.Gate, Fleet: n.Fleet, Node: node, IDs: c.Key.Derive("meeting ids"), PublicURL: front.URL, Transport: transport,
		Outbound: web.Outbound(2*time.Second, netip.MustParsePrefix("127.0.0.0/8")), PollEvery: o.PollEvery, DetachAfter: o.DetachAfter, MayRecord: recording.MayRecord, Catalog: localetest.Catalog(c.t),
		Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Keys: n.Members.Keys, HookWaits: o.HookWaits,
		Registry: registerer(o.Compat), MetricsCompat: o.Compat != nil,
	})
	c.must(err)
	n.recordings = recording.Deps{
		DB: db, Now: c.clock, Log: o.Log, Members: n.Members, Fleet: n.Fleet, IDs: c.Key.Derive("meeting ids"), Links: c.Key.Derive("recording links"), Dir: filepath.Join(c.t.TempDir(), "recordings"),
		BaseURL: front.URL, Catalog: localetest.Catalog(c.t), PublicURL: front.URL, QuarantineRecordings: o.QuarantineRecordings, QuarantineBytes: o.QuarantineBytes, Conferences: n.Conferences, Outbound: web.Outbound(2*time.Second, netip.MustParsePrefix("127.0.0.0/8")), PollEvery: o.RecordingsEvery,
		Registry: registerer(o.Compat), MetricsCompat: o.Compat != nil, CountEvery: o.RecordingsEvery,
	}
	n.Recordings, err = recording.New(n.recordings)
	c.must(err)
	n.Handler, err = gateway.New(gateway.Deps{
		DB: db, Now: c.clock, Log: o.Log, Catalog: localetest.Catalog(c.t), Members: n.Members, Conferences: n.Conferences, PublicURL: front.URL, Recordings: n.Recordings, IsMember: o.IsMember, Domain: o.Domain,
		Pages: func(w http.ResponseWriter, _ *http.Request, err error, back string, again bool) {
			_, _ = io.WriteString(w, "<html>page: "+fault.CodeOf(err)+" back="+back+"</html>")
		},
	})
	c.must(err)
	mux.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == gateway.UserPath {
			n.Handler.ServeUser(w, r)
			return
		}
		if gateway.IsPlayback(r.URL.Path) {
			n.Handler.Playback(w, r)
			return
		}
		n.Handler.ServeHTTP(w, r)
	})
	runner := jobs.New(jobs.Deps{DB: db, Now: c.clock, Log: o.Log, Node: node, Version: "test"})
	n.Conferences.Register(runner)
	n.Recordings.Register(runner)
	if n.Live != nil {
		n.Live.Register(runner)
		runner.Every("heartbeat", time.Second, n.beat)
	}
	runner.Every("admission.tick", 200*time.Millisecond, n.Gate.Tick)
	ctx := context.Background()
	c.must(n.Gate.Start(ctx))
	c.must(n.Conferences.Start(ctx))
	c.must(n.Handler.Start(ctx))
	c.must(runner.Start(ctx))
	if n.Live != nil {
		c.must(n.Live.Start(ctx))
	}
	n.stop = func() {
		front.CloseClientConnections()
		front.Close()
		if n.Live != nil {
			n.Live.Stop()
		}
		runner.Stop()
		n.Conferences.Stop()
		n.Gate.Stop()
		transport.CloseIdleConnections()
		n.stop = func() {}
	}
	c.t.Cleanup(func() { n.stop() })
	return n
}

// engine gives a node an engine in memory, and what answers for it.
func (c *Cooperative) engine(n *Node, db *store.DB, facts *usage.Recorder, node id.Node, log *slog.Logger) func(id.Server) http.RoundTripper {
	c.t.Helper()
	ctx := context.Background()
	n.Engine, n.Tickets = enginetest.NewFake(c.clock), live.NewTickets(c.Key.Derive("tickets into meetings"))
	server, err := n.Fleet.RegisterEngine(ctx, fleet.RegisterInput{StableKey: string(node), Name: "engine " + string(node), URL: "http://engine.test", Node: node, Key: "k", Secret: "s"})
	c.must(err)
	n.beat = func(ctx context.Context) error { return n.Fleet.Heartbeat(ctx, server.ID, fleet.ObservedUp) }
	house, err := rooms.New(rooms.Deps{DB: db, Now: c.clock, Log: log, Catalog: localetest.Catalog(c.t), Entitled: tariff.Entitled})
	c.must(err)
	n.Live, err = live.New(live.Deps{
		DB: db, Now: c.clock, Log: log, Gate: n.Gate, Rooms: house, Facts: facts, Engines: []live.Local{{Server: server.ID, Engine: n.Engine}},
		Enter: func(ctx context.Context, _ fleet.Server, in engine.JoinInput) (engine.Entry, error) {
			return n.Engine.Join(ctx, in)
		},
	})
	c.must(err)
	all, err := embedded.New(embedded.Deps{DB: db, Now: c.clock, Log: log, Live: n.Live, Tickets: n.Tickets, PublicURL: n.URL})
	c.must(err)
	return all.Transport
}

// registerer is a nil interface for no registry.
func registerer(r *prometheus.Registry) prometheus.Registerer {
	if r == nil {
		return nil
	}
	return r
}

// RecordingsAt returns the node's recordings as they are under another clock.
func (n *Node) RecordingsAt(now instant.Clock) (*recording.Service, error) {
	deps := n.recordings
	deps.Now, deps.Registry = now, nil // the node's figures stay its own
	return recording.New(deps)
}

// RecordingFiles lists the files and directories below that of recordings.
func (n *Node) RecordingFiles(t testing.TB) (out []string) {
	t.Helper()
	err := filepath.WalkDir(n.recordings.Dir, func(at string, d fs.DirEntry, err error) error {
		if err == nil && at != n.recordings.Dir {
			out = append(out, at)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Stop ends a node in an orderly way, once.
func (n *Node) Stop() { n.stop() }

type late struct{ http.Handler }

func (l *late) ServeHTTP(w http.ResponseWriter, r *http.Request) { l.Handler.ServeHTTP(w, r) }

// Client is an application of a member that speaks the API.
type Client struct {
	Member     membership.Member
	Connection membership.Connection
	Secret     string

	t  testing.TB
	at *Node
}

// Client makes a member on the level "organisation" with its limits replaced, and a connection of it.
func (c *Cooperative) Client(n *Node, slug string, f tariff.OverrideFields) *Client {
	c.t.Helper()
	m := c.Member(c.t, slug, "organisation")
	if f.Connections == nil {
		many := int64(20)
		f.Connections = &many
	}
	c.Override(c.t, m.ID, f)
	return c.Another(n, m, slug)
}

// Another makes one more connection of a member.
func (c *Cooperative) Another(n *Node, m membership.Member, name string) *Client {
	c.t.Helper()
	conn, secret, err := n.Members.Connect(context.Background(), identity.Operator(), membership.ConnectInput{Member: m.ID, Name: name})
	c.must(err)
	return &Client{Member: m, Connection: conn, Secret: secret, t: c.t, at: n}
}

// Via returns the same client speaking to another node.
func (k *Client) Via(n *Node) *Client {
	v := *k
	v.at = n
	return &v
}

// URL returns the signed address of a call.
func (k *Client) URL(call, query string) string {
	sum := sha256.Sum256([]byte(call + query + k.Secret))
	if query != "" {
		query += "&"
	}
	return k.Endpoint() + "/" + call + "?" + query + "checksum=" + hex.EncodeToString(sum[:])
}

// Endpoint is the address the client was given.
func (k *Client) Endpoint() string {
	return k.at.URL + "/bbb/" + k.Connection.Name + "/bigbluebutton/api"
}

// Reply is the answer to a call.
type Reply struct {
	Status   int
	Location *url.URL // of a redirect
	Header   http.Header
	Body     string
	Root     *bbb.Element // nil when the body is no XML
}

// Key is the messageKey.
func (r Reply) Key() string { return r.Root.Value("messageKey") }

// OK reports SUCCESS.
func (r Reply) OK() bool { return r.Status == http.StatusOK && r.Root.Value("returncode") == "SUCCESS" }

var browser = &http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     &http.Transport{MaxIdleConnsPerHost: 256},
	Timeout:       15 * time.Second,
}

// Do sends a request as it is.
func Do(t testing.TB, req *http.Request) Reply {
	t.Helper()
	resp, err := browser.Do(req)
	if err != nil {
		t.Error(err)
		return Reply{Root: &bbb.Element{}}
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Error(err)
	}
	r := Reply{Status: resp.StatusCode, Header: resp.Header, Body: string(body), Root: &bbb.Element{}}
	if to := resp.Header.Get("Location"); to != "" {
		r.Location, _ = url.Parse(to)
	}
	if strings.HasPrefix(r.Body, "<response>") {
		if r.Root, err = bbb.ParseXML(strings.NewReader(r.Body), bbb.MaxAnswer); err != nil {
			t.Errorf("no XML: %v\n%s", err, r.Body)
			r.Root = &bbb.Element{}
		}
	}
	return r
}

// Ask makes a call by GET.
func (k *Client) Ask(call, query string) Reply {
	k.t.Helper()
	req, err := http.NewRequest(http.MethodGet, k.URL(call, query), http.NoBody)
	if err != nil {
		k.t.Error(err)
		return Reply{Root: &bbb.Element{}}
	}
	return Do(k.t, req)
}

// Must is Ask for what has to succeed.
func (k *Client) Must(call, query string) Reply {
	k.t.Helper()
	r := k.Ask(call, query)
	if !r.OK() {
		k.t.Fatalf("%s %s: status %d: %s", call, query, r.Status, r.Body)
	}
	return r
}

// Enter joins and follows the redirect to the server, and returns the session there; "" when the join was refused.
func (k *Client) Enter(query string) (session string, refused Reply) {
	k.t.Helper()
	r := k.Ask("join", query)
	if r.Status != http.StatusFound {
		return "", r
	}
	there, err := browser.Get(r.Location.String())
	if err != nil {
		return "", r // the server is dead: its browser shows its own page
	}
	defer func() { _ = there.Body.Close() }()
	to, err := there.Location()
	if err != nil {
		return "", r
	}
	return to.Query().Get("sessionToken"), r
}

// Until waits until something holds, and fails the test after 20 s.
func Until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
