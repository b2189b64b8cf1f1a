// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/fault"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/locale/localetest"
	"meetcoop/internal/mail"
	"meetcoop/internal/store"
)

// world is one instance with a clock that tests move, and hooks that remember whom they met.
type world struct {
	t  *testing.T
	db *store.DB
	*Service

	mu       sync.Mutex
	clock    instant.Instant
	born     []Birth
	accepted []Acceptance
	refusal  error // of both hooks, when set
}

func newWorld(t *testing.T, db *store.DB, change ...func(*Deps)) *world {
	t.Helper()
	w := &world{t: t, db: db, clock: noon}
	deps := Deps{
		DB: db, Now: w.now, Log: slog.New(slog.DiscardHandler), Catalog: localetest.Catalog(t), PublicURL: "https://meet.example/",
		Newcomer: w, Invitee: w, Registry: prometheus.NewRegistry(),
	}
	for _, c := range change {
		c(&deps)
	}
	var err error
	if w.Service, err = New(deps); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) now() instant.Instant {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

func (w *world) PersonBorn(_ context.Context, _ store.Tx, _ instant.Instant, b Birth) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.born = append(w.born, b)
	return w.refusal
}

func (w *world) InvitationAccepted(_ context.Context, _ store.Tx, _ instant.Instant, a Acceptance) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.accepted = append(w.accepted, a)
	return w.refusal
}

func (w *world) form() Form {
	w.t.Helper()
	ticket, err := w.NewForm(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	w.pass(10 * time.Second)
	return Form{Stamp: ticket.Stamp}
}

func (w *world) signUpInput(email, browser string) SignUpInput {
	w.t.Helper()
	return SignUpInput{Email: email, Name: "Ana Puig", Locale: locale.Catalan, Browser: browser, Client: netip.MustParseAddr("192.0.2.7"), Next: "/rooms", Form: w.form()}
}

// askUp and askIn ask for a letter and let the job write it.
func (w *world) askUp(email, browser string) Asked {
	w.t.Helper()
	asked, err := w.SignUp(w.t.Context(), w.signUpInput(email, browser))
	if err != nil {
		w.t.Fatal(err)
	}
	w.work(asked)
	return asked
}

func (w *world) askIn(email, browser string) Asked {
	w.t.Helper()
	asked, err := w.SignInStart(w.t.Context(), SignInInput{Email: email, Browser: browser, Locale: locale.English, Client: netip.MustParseAddr("192.0.2.7")})
	if err != nil {
		w.t.Fatal(err)
	}
	w.work(asked)
	return asked
}

func (w *world) work(asked Asked) {
	w.t.Helper()
	if err := w.answer(w.t.Context(), asked.Challenge); err != nil {
		w.t.Fatal(err)
	}
}

// person makes a person as an operator would, without sign-up.
func (w *world) person(email string) Person {
	w.t.Helper()
	var p Person
	err := w.db.Write(w.t.Context(), func(tx store.Tx) (err error) {
		p, _, err = w.EnsurePerson(w.t.Context(), tx, w.now(), EnsureInput{Actor: Operator(), Email: email, Name: "Ana Puig", Locale: locale.Catalan})
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// signedIn signs a person in by an operator's link.
func (w *world) signedIn(email, browser string) (Actor, SignedIn) {
	w.t.Helper()
	link, err := w.SignInLink(w.t.Context(), Operator(), email)
	if err != nil {
		w.t.Fatal(err)
	}
	in, err := w.ConfirmLink(w.t.Context(), tokenOf(link), browser, firefox)
	if err != nil {
		w.t.Fatal(err)
	}
	actor, _, err := w.Session(w.t.Context(), in.SessionToken)
	if err != nil {
		w.t.Fatal(err)
	}
	return actor, in
}

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"

func tokenOf(link string) string { return link[strings.LastIndexByte(link, '/')+1:] }

// lastLetter returns the newest letter.
func (w *world) lastLetter() mail.Mail {
	w.t.Helper()
	all := w.letters()
	if len(all) == 0 {
		w.t.Fatal("no letter")
	}
	return all[0]
}

func (w *world) letters() []mail.Mail {
	w.t.Helper()
	var list []mail.Mail
	if err := w.db.Read(w.t.Context(), func(r store.Reader) (err error) {
		list, err = mail.List(w.t.Context(), r, 500)
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return list
}

var (
	linkText = regexp.MustCompile(regexp.QuoteMeta("https://meet.example"+LinkPath) + `([A-Za-z0-9_-]{43})`)
	codeText = regexp.MustCompile(`\b\d{6}\b`)
)

// secrets reads link token and code as the receiver does; "" when the letter has none.
func secrets(m mail.Mail) (token, code string) {
	if found := linkText.FindStringSubmatch(m.Text); found != nil {
		token = found[1]
	}
	return token, codeText.FindString(linkText.ReplaceAllString(m.Text, ""))
}

func (w *world) count(query string, args ...any) int {
	w.t.Helper()
	var n int
	if err := w.db.Read(w.t.Context(), func(r store.Reader) error { return r.QueryRow(w.t.Context(), query, args...).Scan(&n) }); err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *world) exec(query string, args ...any) {
	w.t.Helper()
	if err := w.db.Write(w.t.Context(), func(tx store.Tx) error {
		_, err := tx.Exec(w.t.Context(), query, args...)
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) actions() []string {
	w.t.Helper()
	var list []Recorded
	if err := w.db.Read(w.t.Context(), func(r store.Reader) (err error) {
		list, err = AuditList(w.t.Context(), r, AuditFilter{Limit: 500})
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	out := make([]string, len(list))
	for i, e := range list {
		out[len(list)-1-i] = e.Action
	}
	return out
}

// expect fails unless err is a fault of that kind and code; code "" wants no error.
func expect(t *testing.T, what string, err error, kind fault.Kind, code string) {
	t.Helper()
	switch {
	case code == "" && err == nil:
	case code == "" || err == nil || fault.KindOf(err) != kind || fault.CodeOf(err) != code:
		t.Errorf("%s: %v, want %s %s", what, err, kind, code)
	}
}

// fields returns the codes of the wrong fields, by name.
func fields(err error) map[string]string {
	out := map[string]string{}
	if f := fault.As(err); f != nil {
		for _, x := range f.Fields {
			out[x.Name] = x.Code
		}
	}
	return out
}

var errHook = errors.New("hook refuses")
