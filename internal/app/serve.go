// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"meetcoop/assets"
	"meetcoop/internal/admission"
	"meetcoop/internal/conference"
	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
	"meetcoop/internal/gateway"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/live"
	"meetcoop/internal/live/embedded"
	"meetcoop/internal/mail"
	"meetcoop/internal/portal"
	"meetcoop/internal/recording"
	"meetcoop/internal/store"
	"meetcoop/internal/telemetry"
	"meetcoop/internal/usage"
	"meetcoop/internal/web"
)

// serveCmd is serve.
type serveCmd struct{}

// Run serves until ctx ends, then stops everything it started.
func (serveCmd) Run(ctx context.Context, a *app) (err error) {
	if err := a.cfg.Check(); err != nil {
		return err
	}
	if a.cfg.DatabaseURL == "" { // several processes may serve from one PostgreSQL, never from one file
		lock, err := store.LockDataDir(a.cfg.Data)
		if err != nil {
			return err
		}
		defer lock.Release()
	}
	db, err := a.cfg.open(ctx, a.log, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := a.prepare(ctx, db); err != nil {
		return err
	}
	c, err := newCore(a.cfg, a.log, db, instant.System(a.cfg.ClockOffset), telemetry.NewRegistry(version()))
	if err != nil {
		return err
	}
	if err := c.claim(ctx); err != nil {
		return err
	}
	if a.cfg.Demo {
		if err := c.seedDemo(ctx); err != nil {
			return err
		}
	}
	if err := c.found(ctx, c.today()); err != nil {
		return err
	}
	return a.serve(ctx, c)
}

// prepare migrates an empty database, and one of a demo; any other is brought up to date by hand, after a backup.
func (a *app) prepare(ctx context.Context, db *store.DB) error {
	have, _, err := db.SchemaVersion(ctx)
	if err != nil {
		return err
	}
	if have == 0 || a.cfg.Demo {
		if _, err := db.Migrate(ctx); err != nil {
			return err
		}
	}
	return db.CheckSchema(ctx)
}

// node is this process while it serves: what is started, in order, and what is stopped in the opposite one.
type node struct {
	*core
	id          id.Node
	jobs        *jobs.Runner
	media       *media
	conferences *conference.Service
	recordings  *recording.Service
	gateway     *gateway.Handler
	live        *live.Service
	tickets     live.Tickets
	portal      *portal.Handler
	ops         *telemetry.Ops
}

func (a *app) serve(ctx context.Context, c *core) error {
	n := &node{core: c, id: id.NewNode(), ops: telemetry.NewOps(c.registry, c.log)}
	n.jobs = jobs.New(jobs.Deps{DB: c.db, Now: c.now, Log: c.log, Node: n.id, Version: version(), Registry: c.registry})

	// Ports first: a taken one must be an error before anything runs.
	main := &late{}
	server, err := web.NewServer(ctx, web.ServerConfig{Listen: c.cfg.Listen, Handler: main, Log: c.log, TLS: c.cfg.tls()})
	if err != nil {
		return err
	}
	ops, err := web.NewServer(ctx, web.ServerConfig{Listen: c.cfg.OpsListen, Handler: n.ops, Log: c.log})
	if err != nil {
		return err
	}
	if err := n.build(ctx); err != nil {
		return err
	}
	handler, err := n.handler()
	if err != nil {
		return err
	}
	main.set(handler)
	n.checks()

	run, stop := context.WithCancel(ctx)
	defer stop()
	if err := n.start(run); err != nil {
		n.stop()
		return err
	}
	group, serving := errgroup.WithContext(run)
	group.Go(func() error { return server.Run(serving) })
	group.Go(func() error { return ops.Run(serving) })
	group.Go(func() error { n.beat(serving); return nil })
	a.greet(ctx, n)
	err = group.Wait()
	n.stop()
	if ctx.Err() != nil {
		return nil // asked to stop
	}
	return err
}

// build makes what only a server needs.
func (n *node) build(ctx context.Context) error {
	transport, err := n.cfg.transport()
	if err != nil {
		return err
	}
	mail.New(mail.Deps{DB: n.db, Now: n.now, Log: n.log, Transport: transport, Registry: n.registry}).Register(n.jobs)
	if n.media, err = newMedia(ctx, n); err != nil {
		return err
	}
	n.live, err = live.New(live.Deps{DB: n.db, Now: n.now, Log: n.log, Gate: n.gate, Rooms: n.rooms, Facts: n.facts, Enter: n.media.enter, Engines: n.media.local(), Registry: n.registry})
	if err != nil {
		return err
	}
	key, err := n.key.open()
	if err != nil {
		return err
	}
	n.gate.Observe(admission.Observers{live.Observer{}, conference.Observer{}})
	n.tickets = live.NewTickets(key.Derive("tickets into meetings"))
	engines, err := embedded.New(embedded.Deps{DB: n.db, Now: n.now, Log: n.log, Live: n.live, Tickets: n.tickets, PublicURL: n.cfg.BaseURL().String()})
	if err != nil {
		return err
	}
	n.conferences, err = conference.New(conference.Deps{
		DB: n.db, Now: n.now, Log: n.log, Gate: n.gate, Fleet: n.fleet, Node: n.id, IDs: key.Derive("meeting ids"), PublicURL: n.cfg.BaseURL().String(),
		Transport: bbb.NewTransport(), Embedded: engines.Transport, Outbound: web.Outbound(5*time.Second, n.cfg.callbacks()...), Allow: n.cfg.callbacks(), Keys: n.members.Keys, Registry: n.registry, MetricsCompat: n.cfg.MetricsCompat,
		LobbyLease: n.cfg.LobbyLease, PollEvery: n.cfg.PollInterval, DetachAfter: n.cfg.DetachAfter, MayRecord: recording.MayRecord, Catalog: n.catalog,
	})
	if err != nil {
		return err
	}
	n.conferences.Register(n.jobs)
	recordings, err := n.recordingDeps()
	if err != nil {
		return err
	}
	recordings.Conferences, recordings.Outbound = n.conferences, web.Outbound(5*time.Second, n.cfg.callbacks()...)
	recordings.Registry, recordings.MetricsCompat = n.registry, n.cfg.MetricsCompat
	if n.recordings, err = recording.New(recordings); err != nil {
		return err
	}
	n.recordings.Register(n.jobs)
	n.live.Register(n.jobs)
	n.identity.Work(n.jobs)
	n.levels.Work(n.jobs)
	n.duties()
	return nil
}

// duties are what one node at a time does for all.
func (n *node) duties() {
	n.jobs.Every("admission.tick", time.Second, n.gate.Tick)
	n.jobs.Every("store.trim", time.Hour, func(ctx context.Context) error {
		now := n.now()
		return n.db.Write(ctx, func(tx store.Tx) error { return store.TrimChanges(ctx, tx, now) })
	})
	n.jobs.Every("usage.trim", 24*time.Hour, func(ctx context.Context) error { return usage.Trim(ctx, n.db, n.now(), usage.Keep) })
}

func (n *node) start(ctx context.Context) error {
	if err := n.identity.Start(ctx); err != nil {
		return err
	}
	if err := n.gate.Start(ctx); err != nil {
		return err
	}
	if err := n.media.start(ctx); err != nil {
		return err
	}
	if err := n.conferences.Start(ctx); err != nil {
		return err
	}
	if err := n.gateway.Start(ctx); err != nil {
		return err
	}
	if err := n.jobs.Start(ctx); err != nil {
		return err
	}
	return n.live.Start(ctx)
}

// stop ends what start began, in the opposite order. Each part may be stopped without having been started.
func (n *node) stop() {
	n.ops.Drain()
	n.live.Stop()
	n.jobs.Stop()
	n.conferences.Stop()
	n.media.stop()
	n.gate.Stop()
}

// late is a handler that is known after its server listens.
type late struct{ handler http.Handler }

func (l *late) set(h http.Handler) { l.handler = h }

// ServeHTTP implements http.Handler. The server answers nothing before Run, and set comes before Run.
func (l *late) ServeHTTP(w http.ResponseWriter, r *http.Request) { l.handler.ServeHTTP(w, r) }

// transport chooses how letters leave: SMTP, or nowhere in a demo.
func (c Config) transport() (mail.Transport, error) {
	if c.SMTPURL == "" {
		return mail.Outbox{}, nil
	}
	from := c.MailFrom
	if from == "" {
		from = "meetcoop@" + c.BaseURL().Hostname()
	}
	return mail.NewSMTP(c.SMTPURL, from, nil)
}

func (c Config) tls() *web.TLSConfig {
	if !c.https() {
		return nil
	}
	return &web.TLSConfig{CertFile: c.TLSCert, KeyFile: c.TLSKey, Domain: c.TLSDomain, CacheDir: filepath.Join(c.Data, "acme")}
}

// handler is the whole URL space of the main address: pages, built files, and the media signalling.
func (n *node) handler() (http.Handler, error) {
	files, templates := assets.Dist(), fs.FS(nil)
	if n.cfg.Dev {
		files, templates = os.DirFS("assets/dist"), os.DirFS("internal/portal")
	}
	built, err := web.NewAssets(files, n.cfg.Dev)
	if err != nil {
		return nil, err
	}
	if !built.Built() {
		n.log.Warn("pages have no styles and scripts: build with make build")
	}
	secure, cookies := n.cfg.BaseURL().Scheme == "https", web.NewCookies(n.cfg.BaseURL())
	visitors := portal.Sessions{DB: n.db, Identity: n.identity, Token: portal.SessionToken(cookies)}
	n.portal, err = portal.New(portal.Deps{
		Log: n.log, Now: n.now, Catalog: n.catalog, Assets: built, Templates: templates, Name: platformName, Cookies: cookies, Dev: n.cfg.Dev, Demo: n.cfg.Demo,
		Visitors: visitors,
		DB:       n.db, Identity: n.identity, Members: n.members, Fleet: n.fleet, Rooms: n.rooms, Recordings: n.recordings, Live: n.live, Tickets: n.tickets, Gate: n.gate, PublicURL: n.cfg.BaseURL().String(), Client: web.ClientOf,
		CheckServer: checkServer,
	})
	if err != nil {
		return nil, err
	}
	proxy, err := n.media.proxy(n.live)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(web.AssetPath, built)
	mux.Handle("/", n.portal)
	if proxy != nil {
		mux.Handle("/rtc", proxy)
		mux.Handle("/rtc/", proxy)
	}
	if n.cfg.Engine == "livekit" {
		mux.Handle(webhookPath, n.media.engine.Webhooks())
	}
	if n.gateway, err = gateway.New(gateway.Deps{
		DB: n.db, Now: n.now, Log: n.log, Catalog: n.catalog, Members: n.members, Conferences: n.conferences, PublicURL: n.cfg.BaseURL().String(), Pages: n.refuseClient(secure), Registry: n.registry,
		Recordings: n.recordings, RecordingsURL: n.cfg.RecordingsURL, Domain: n.cfg.GatewayDomain, IsMember: n.isMember(visitors),
	}); err != nil {
		return nil, err
	}
	refuse, requests := web.Refusal(n.catalog, n.log), telemetry.Requests(n.registry)
	pages := web.Chain(web.Routed(mux),
		web.Identify, web.Client(n.cfg.TrustedProxy), web.Log(n.log, requests), web.Recover(n.log, refuse),
		web.Secure(web.SecureOptions{HTTPS: secure, Media: []string{"/r/", "/meet/"}}),
		web.Hosts(n.cfg.BaseURL(), refuse, n.cfg.listenHosts()...), web.Languages, web.Origin(refuse), web.LimitBody(maxBody, refuse), web.Compress,
	)
	return n.besidesPages(pages, web.Identify, web.Client(n.cfg.TrustedProxy), web.Log(n.log, requests), web.Recover(n.log, refuse), web.Languages), nil
}

// refuseClient draws refused joins of API clients with the portal's pages and their headers.
func (n *node) refuseClient(secure bool) gateway.Pages {
	headers := web.Secure(web.SecureOptions{HTTPS: secure})
	return func(w http.ResponseWriter, r *http.Request, err error, back string, again bool) {
		headers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { n.portal.RefuseClient(w, r, err, back, again) })).ServeHTTP(w, r)
	}
}

// checkServer calls a BigBlueButton server with its secret. Invalid with the fields url and secret; Unavailable (fleet.server_refused).
func checkServer(ctx context.Context, address, secret string) error {
	client, err := bbb.New(bbb.Config{URL: address, Secret: secret, Transport: bbb.NewTransport()})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := client.Check(ctx); err != nil {
		return fault.Wrap(err, fault.Unavailable, "fleet.server_refused")
	}
	return nil
}

// webhookPath is where an external LiveKit posts its events (its setting webhook.urls). Without them it is asked every
// second, and people are heard of that much later.
const webhookPath = "/livekit/events"

// maxBody bounds every form: the largest brings a file of subtitles of a mebibyte.
const maxBody = recording.MostTrack + 64<<10

// platformName is what pages call this instance.
const platformName = "meetcoop"

// listenHosts are the names under which peers reach this node beside the public one.
func (c Config) listenHosts() []string {
	host := hostOf(c.Listen)
	if host == "" || host == "0.0.0.0" || host == "::" {
		return nil
	}
	return []string{host}
}

// checks are the conditions under which people may be sent here.
func (n *node) checks() {
	n.ops.Check("database", func(ctx context.Context) error {
		return n.db.Read(ctx, func(r store.Reader) error {
			_, err := store.Note(ctx, r, noteDemo)
			return err
		})
	})
	n.ops.Check("engine", func(context.Context) error { return n.media.healthy() })
}

// beat tells the fleet every second that this node's engine is here.
func (n *node) beat(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := n.media.beat(ctx); err != nil && ctx.Err() == nil {
			n.log.Warn("engine not reported", "err", err)
		}
	}
}

const beatEvery = 2 * time.Second

// greet prints the address, and in a demo how to get in.
func (a *app) greet(ctx context.Context, n *node) {
	_, _ = fmt.Fprintf(a.stdout, "\nmeetcoop is ready: %s\n", n.cfg.BaseURL()) // a closed terminal does not stop a server
	if n.cfg.Demo {
		if err := n.printLinks(ctx, a.stdout); err != nil {
			n.log.Warn("no sign-in links", "err", err)
		}
	}
}
