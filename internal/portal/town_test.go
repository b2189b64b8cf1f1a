// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/admission"
	"meetcoop/internal/engine"
	"meetcoop/internal/engine/enginetest"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/jobs"
	"meetcoop/internal/live"
	"meetcoop/internal/mail"
	"meetcoop/internal/membership"
	"meetcoop/internal/membership/membershiptest"
	"meetcoop/internal/recording"
	"meetcoop/internal/rooms"
	"meetcoop/internal/rooms/roomstest"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
	"meetcoop/internal/usage"
	"meetcoop/internal/web"
)

// patience is how long a test waits for what happens in another goroutine.
const patience = 8 * time.Second

// town is the portal on real services: a database, a gate, an engine in memory.
type town struct {
	*roomstest.World
	t          testing.TB
	gate       *admission.Gate
	live       *live.Service
	fleet      *fleet.Service
	fake       *enginetest.Fake
	server     id.Server
	people     *identity.Service
	recordings *recording.Service
	portal     *Handler
	handler    http.Handler // the portal behind the middleware of the program
	noWay      error        // what making an entry answers; nil: an entry
	silent     error        // what a server answers that is tried before it is added
	tried      []string     // the addresses of servers that were tried
}

// townOptions change what newTown connects.
type townOptions struct {
	publicURL string // "" is http://localhost
	demo      bool
}

// eachTown runs fn on both databases.
func eachTown(t *testing.T, fn func(t *testing.T, w *town)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.DB) { fn(t, newTown(t, db, townOptions{})) })
}

// liteTown is one on SQLite, for what does not depend on the database.
func liteTown(t *testing.T, o townOptions) *town {
	t.Helper()
	return newTown(t, storetest.New(t, store.SQLite), o)
}

func newTown(t testing.TB, db *store.DB, o townOptions) *town {
	t.Helper()
	if o.publicURL == "" {
		o.publicURL = "http://localhost"
	}
	address, err := url.Parse(o.publicURL)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("MEETCOOP_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	w := &town{World: roomstest.New(t, db), t: t}
	ctx, now := t.Context(), w.Clock.Now
	w.fake = enginetest.NewFake(now)
	w.fleet, err = fleet.New(fleet.Deps{DB: db, Now: now, Sealer: membershiptest.Sealer{}})
	w.must(err)
	server, err := w.fleet.RegisterEngine(ctx, fleet.RegisterInput{StableKey: "node", Name: "node", URL: "http://engine.test", Node: id.NewNode(), Key: "k", Secret: "s"})
	w.must(err)
	w.server = server.ID
	facts := usage.NewRecorder()
	w.Entitled = tariff.NewCache(admission.EntitlementVersion).Entitled
	w.gate, err = admission.New(admission.Deps{DB: db, Now: now, Log: log, Entitled: admission.Entitled(w.Entitled), Facts: facts, Observer: live.Observer{}})
	w.must(err)
	w.Changed = w.gate
	w.live, err = live.New(live.Deps{
		DB: db, Now: now, Log: log, Gate: w.gate, Rooms: w.Rooms, Facts: facts, Engines: []live.Local{{Server: w.server, Engine: w.fake}},
		Enter: func(ctx context.Context, _ fleet.Server, in engine.JoinInput) (engine.Entry, error) {
			if w.noWay != nil {
				return engine.Entry{}, w.noWay
			}
			return w.fake.Join(ctx, in)
		},
	})
	w.must(err)
	w.people, err = identity.New(identity.Deps{
		DB: db, Now: now, Log: log, Catalog: w.Catalog, PublicURL: o.publicURL, Newcomer: w, Invitee: w.Members, Registry: prometheus.NewRegistry(),
	})
	w.must(err)
	w.recordings, err = recording.New(recording.Deps{
		DB: db, Now: now, Log: log, Members: w.Members, Fleet: w.fleet, IDs: make([]byte, 32), Links: make([]byte, 32), Dir: t.TempDir(), BaseURL: o.publicURL, Catalog: w.Catalog, PublicURL: o.publicURL,
		Entitled: w.Entitled, QuarantineRecordings: 3,
	})
	w.must(err)
	cookies := web.NewCookies(address)
	w.portal, err = New(Deps{
		Log: log, Now: now, Catalog: w.Catalog, Assets: plainAssets{}, Name: "Meet Example", Cookies: cookies, Demo: o.demo,
		Visitors: Sessions{DB: db, Identity: w.people, Token: SessionToken(cookies)},
		DB:       db, Identity: w.people, Members: w.Members, Fleet: w.fleet, CheckServer: w.checkServer, Rooms: w.Rooms, Recordings: w.recordings, Live: w.live, Tickets: live.NewTickets(make([]byte, 32)), Gate: w.gate, PublicURL: o.publicURL, Client: web.ClientOf,
	})
	w.must(err)
	refuse := web.Refusal(w.Catalog, log)
	w.handler = web.Chain(web.Routed(w.portal), web.Identify, web.Client(nil), web.Recover(log, refuse), web.Languages, web.Origin(refuse), web.LimitBody(1<<20, refuse))

	runner := jobs.New(jobs.Deps{DB: db, Now: now, Log: log, Node: id.NewNode()})
	w.live.Register(runner)
	w.people.Work(runner)
	w.must(w.people.Start(ctx))
	w.must(w.gate.Start(ctx))
	w.must(w.live.Start(ctx))
	w.must(runner.Start(ctx))
	t.Cleanup(func() {
		w.live.Stop()
		runner.Stop()
		w.gate.Stop()
	})
	return w
}

func (w *town) checkServer(_ context.Context, address, _ string) error {
	w.tried = append(w.tried, address)
	return w.silent
}

func (w *town) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// pass moves the clock on while the engine lives.
func (w *town) pass(d time.Duration) {
	w.t.Helper()
	w.Clock.Pass(d)
	w.must(w.fleet.Heartbeat(w.t.Context(), w.server, fleet.ObservedUp))
	w.must(w.gate.Tick(w.t.Context()))
	w.must(w.live.RunDue(w.t.Context()))
}

// eventually waits until ok holds; for what no event tells.
func (w *town) eventually(what string, ok func() bool) {
	w.t.Helper()
	for give := time.Now().Add(patience); !ok(); {
		if time.Now().After(give) {
			w.t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// browser is somebody's browser: it keeps cookies and follows nothing.
type browser struct {
	w       *town
	jar     map[string]*http.Cookie
	headers map[string]string
}

func (w *town) browser() *browser {
	return &browser{w: w, jar: map[string]*http.Cookie{}, headers: map[string]string{}}
}

// as is a browser in which somebody with an account is signed in.
func (w *town) as(name string) *browser {
	w.t.Helper()
	b := w.browser()
	link, err := w.people.SignInLink(w.t.Context(), identity.Operator(), roomstest.AddressOf(name))
	w.must(err)
	if got := b.post(pathOfLink(link), nil); got.status != http.StatusSeeOther {
		w.t.Fatalf("%s is not signed in: %d", name, got.status)
	}
	return b
}

// answer is what came back.
type answer struct {
	t       testing.TB
	status  int
	header  http.Header
	cookies []*http.Cookie
	body    string
}

func (b *browser) do(r *http.Request) answer {
	b.w.t.Helper()
	r.RemoteAddr = "192.0.2.7:1234"
	for _, c := range b.jar {
		r.AddCookie(c)
	}
	for name, value := range b.headers {
		r.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	b.w.handler.ServeHTTP(rec, r)
	got := rec.Result()
	for _, c := range got.Cookies() {
		b.jar[c.Name] = c
		if c.MaxAge < 0 {
			delete(b.jar, c.Name)
		}
	}
	return answer{t: b.w.t, status: got.StatusCode, header: got.Header, cookies: got.Cookies(), body: rec.Body.String()}
}

func (b *browser) ask(method, path string) answer {
	b.w.t.Helper()
	return b.do(httptest.NewRequest(method, path, nil))
}

func (b *browser) get(path string) answer {
	b.w.t.Helper()
	return b.ask(http.MethodGet, path)
}

func (b *browser) post(path string, form url.Values) answer {
	b.w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

// send posts JSON, as the page of a meeting does.
func (b *browser) send(path, body string) answer {
	b.w.t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return b.do(r)
}

// is fails unless the status is wanted; pages are inspected too.
func (a answer) is(what string, status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Errorf("%s: status %d, want %d\n%s", what, a.status, status, excerpt(a.body))
	}
	if strings.HasPrefix(a.header.Get("Content-Type"), "text/html") && a.body != "" && a.status != http.StatusSeeOther {
		for _, f := range inspect(a.body) {
			a.t.Errorf("%s: %s", what, f)
		}
	}
	return a
}

// leads fails unless the answer sends the browser to a path.
func (a answer) leads(what, to string) answer {
	a.t.Helper()
	if a.status != http.StatusSeeOther || a.header.Get("Location") != to {
		a.t.Errorf("%s: status %d to %q, want 303 to %q\n%s", what, a.status, a.header.Get("Location"), to, excerpt(a.body))
	}
	return a
}

// says fails unless the page holds all the texts, as HTML.
func (a answer) says(what string, texts ...string) answer {
	a.t.Helper()
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			a.t.Errorf("%s: no %q in\n%s", what, text, excerpt(a.body))
		}
	}
	return a
}

// json reads the answer into v.
func (a answer) json(v any) {
	a.t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		a.t.Errorf("%v in %s", err, a.body)
	}
}

// fails fails unless the answer is a fault as the page of a meeting reads it, and returns why the meeting ended.
func (a answer) fails(code string) (why string) {
	a.t.Helper()
	var got meetError
	a.json(&got)
	if got.Code != code || got.Message == "" || got.Request == "" || a.header.Get("Content-Type") != "application/json" || a.header.Get("Cache-Control") != "no-store" {
		a.t.Errorf("got %+v, want %s", got, code)
	}
	return got.Why
}

var tags = regexp.MustCompile(`(?s)<head>.*</head>|<script.*?</script>|<header.*?</header>|<footer.*?</footer>|<[^>]*>|\s+`)

func excerpt(page string) string { return tags.ReplaceAllString(page, " ") }

// value reads a form field out of a page.
func (a answer) value(name string) string {
	a.t.Helper()
	m := regexp.MustCompile(`name="` + name + `"[^>]* value="([^"]*)"`).FindStringSubmatch(a.body)
	if m == nil {
		a.t.Fatalf("no field %s", name)
	}
	return m[1]
}

// letter waits for the newest letter with a link to an address and returns it.
func (w *town) letter(to string) mail.Mail {
	w.t.Helper()
	var found mail.Mail
	w.eventually("a letter to "+to, func() bool {
		w.must(w.DB.Read(w.t.Context(), func(r store.Reader) error {
			all, err := mail.List(w.t.Context(), r, 50)
			for _, m := range all {
				if m.To == to && found.ID == "" && linkText.MatchString(m.Text) {
					found = m
				}
			}
			return err
		}))
		return found.ID != ""
	})
	return found
}

var (
	linkText = regexp.MustCompile(`/signin/link/[A-Za-z0-9_-]{43}`)
	codeText = regexp.MustCompile(`(?m)^\s*(\d{3}) ?(\d{3})\s*$`)
)

// house is an organisation with its people, each with a browser.
type house struct {
	member membership.Member
	actor  identity.Actor // of the owner
	owner  *browser
	room   rooms.Room
}

// house makes an organisation on a level, with a room.
func (w *town) house(name, level string, settings rooms.Settings) house {
	w.t.Helper()
	m := w.Member(w.t, strings.ToLower(name), level)
	actor := w.Human(name)
	w.Add(m.ID, actor, membership.RoleOwner, membership.RoleHost)
	return house{member: m, actor: actor, owner: w.as(name), room: w.Room(actor, m.ID, settings)}
}

// moreInOneMeeting lifts the limit of people in one meeting, so that the seats of the member are what is short.
func (w *town) moreInOneMeeting(h house) {
	w.t.Helper()
	many := int64(50)
	w.Override(w.t, h.member.ID, tariff.OverrideFields{Participants: &many})
}

// someone makes a person with roles in the house, and their browser.
func (w *town) someone(name string, member id.Member, roles ...membership.Role) *browser {
	w.t.Helper()
	who := w.Human(name)
	if member != "" {
		w.Add(member, who, roles...)
	}
	return w.as(name)
}

// start lets the owner begin a meeting in the room and returns its path.
func (w *town) start(h house) string {
	w.t.Helper()
	got := h.owner.post("/r/"+h.room.Slug+"/join", url.Values{"name": {"Olga"}})
	to := got.header.Get("Location")
	if !strings.HasPrefix(to, "/meet/") {
		w.t.Fatalf("the meeting does not start: %d to %q\n%s", got.status, to, excerpt(got.body))
	}
	return to
}

// seats is how many seats the member uses, by admission's count.
func (w *town) seats(member id.Member) (u admission.Usage) {
	w.t.Helper()
	w.must(w.DB.Read(w.t.Context(), func(r store.Reader) (err error) {
		u, err = w.gate.UsageNow(w.t.Context(), r, member, w.Clock.Now())
		return err
	}))
	return u
}

func (w *town) count(query string, args ...any) (n int) {
	w.t.Helper()
	w.must(w.DB.Read(w.t.Context(), func(r store.Reader) error { return r.QueryRow(w.t.Context(), query, args...).Scan(&n) }))
	return n
}

// pathOfLink is a sign-in link without its host.
func pathOfLink(link string) string {
	_, token, _ := strings.Cut(link, identity.LinkPath)
	return identity.LinkPath + token
}
