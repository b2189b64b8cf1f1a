// SPDX-License-Identifier: AGPL-3.0-or-later

package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/store"
)

// Transport carries a letter away.
type Transport interface {
	// Send returns nil once somebody else is responsible for the letter. An error that trying again
	// cannot mend is marked with jobs.Park. Errors hold no address and no content.
	Send(ctx context.Context, m Mail) error
	// Keeps reports whether the table remains the place where the letter is read.
	Keeps() bool
}

// Outbox is the transport of the demo: the letter stays in the table, where a page shows it.
type Outbox struct{}

// Send does nothing: the letter is where it is going to be read.
func (Outbox) Send(context.Context, Mail) error { return nil }

// Keeps is true.
func (Outbox) Keeps() bool { return true }

// retries fit letters for which somebody waits in front of a screen, and end before the next day.
var retries = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, 2 * time.Hour, 6 * time.Hour}

const keep = 30 * 24 * time.Hour // how long letters are listed

// Deps are what a Mailer needs.
type Deps struct {
	DB        *store.DB
	Now       instant.Clock
	Log       *slog.Logger
	Transport Transport
	Registry  prometheus.Registerer // nil: no metrics
}

// Mailer sends what Enqueue stored.
type Mailer struct {
	deps    Deps
	results *prometheus.CounterVec
}

// New returns a Mailer. A missing dependency panics: it is a mistake of the program.
func New(deps Deps) *Mailer {
	if deps.DB == nil || deps.Now == nil || deps.Log == nil || deps.Transport == nil {
		panic("mail: DB, Now, Log and Transport are needed")
	}
	if deps.Registry == nil {
		deps.Registry = prometheus.NewRegistry() // nobody will ask it
	}
	return &Mailer{deps: deps, results: promauto.With(deps.Registry).NewCounterVec(prometheus.CounterOpts{
		Name: "meetcoop_mail_results_total", Help: "Attempts to send a letter by result: sent, retry, failed.",
	}, []string{"result"})}
}

// Register makes the runner send letters and forget old ones. It comes before the runner's Start.
func (m *Mailer) Register(r *jobs.Runner) {
	r.Handle(kindSend, jobs.Policy{Retries: retries, Timeout: time.Minute}, m.send)
	r.Every("mail.trim", time.Hour, func(ctx context.Context) error {
		before := m.deps.Now().Add(-keep)
		return m.deps.DB.Write(ctx, func(tx store.Tx) error { return trim(ctx, tx, before) })
	})
}

// send may run twice for a letter: when this process dies between the server's yes and the note of
// it. The Message-ID is the same then, by which many mailboxes drop the second.
func (m *Mailer) send(ctx context.Context, j jobs.Job) error {
	var letter id.Mail
	if err := j.Decode(&letter); err != nil {
		return err
	}
	var mail Mail
	var found bool
	if err := m.deps.DB.Read(ctx, func(r store.Reader) (err error) { mail, found, err = find(ctx, r, letter); return err }); err != nil {
		return fmt.Errorf("send %s: %w", letter, err)
	}
	if !found || mail.State == StateSent {
		return nil // trimmed, or sent by a try whose end was not noted
	}
	sendErr := m.deps.Transport.Send(ctx, mail)
	// What became of it is noted even while the program stops, or it would be sent again.
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer done()
	now := m.deps.Now()
	if sendErr == nil {
		m.results.WithLabelValues("sent").Inc()
		m.deps.Log.Info("letter sent", "mail", letter, "kind", mail.Kind)
		return m.deps.DB.Write(ctx, func(tx store.Tx) error { return markSent(ctx, tx, now, letter, m.deps.Transport.Keeps()) })
	}
	sendErr = fmt.Errorf("send %s: %w", letter, sendErr)
	if !j.Last && !jobs.Hopeless(sendErr) {
		m.results.WithLabelValues("retry").Inc()
		return sendErr
	}
	m.results.WithLabelValues("failed").Inc()
	if err := m.deps.DB.Write(ctx, func(tx store.Tx) error { return markFailed(ctx, tx, letter) }); err != nil {
		return errors.Join(sendErr, err)
	}
	return sendErr
}
