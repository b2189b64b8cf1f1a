// SPDX-License-Identifier: AGPL-3.0-or-later

package mail

import (
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"strings"
	"unicode"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/locale"
	"meetcoop/internal/store"
)

// Letter is what is to be sent. Render makes one; To and Locale are set by the caller.
type Letter struct {
	Kind    string // what it is about, as operators see it: "signin", "invite"
	To      string // one bare address
	Locale  locale.Tag
	Subject string
	Text    string
	HTML    string
}

// State is where a letter stands.
type State string

// The states. Failed letters have been given up; their job is parked.
const (
	StateQueued State = "queued"
	StateSent   State = "sent"
	StateFailed State = "failed"
)

// Mail is a letter in the table. Text and HTML are empty once it has left by SMTP: a letter holds
// links that sign people in, and its reader has it by then.
type Mail struct {
	Letter
	ID        id.Mail
	State     State
	CreatedAt instant.Instant
	SentAt    instant.Instant // none until sent
}

const (
	maxBytes     = 30_000
	maxSubject   = 200 // bytes; a rendered one is far below
	maxRecipient = 254 // RFC 5321, section 4.5.3.1.3, without the angle brackets
)

// kindSend is the job that sends one letter; its arguments are the letter's id.
const kindSend jobs.Kind = "mail.send"

// Enqueue stores the letter and the job that sends it. It joins tx: the letter leaves if the
// transaction commits. Invalid (mail.recipient) when the address cannot be one.
func Enqueue(ctx context.Context, tx store.Tx, now instant.Instant, l Letter) error {
	if err := l.check(); err != nil {
		return err
	}
	m := Mail{Letter: l, ID: id.NewMail(), State: StateQueued, CreatedAt: now}
	if err := insert(ctx, tx, m); err != nil {
		return fmt.Errorf("enqueue letter: %w", err)
	}
	return jobs.Enqueue(ctx, tx, now, jobs.EnqueueInput{Kind: kindSend, Key: string(m.ID), Args: m.ID})
}

// CheckAddress returns nil when address is one bare mail address, Invalid (mail.recipient) otherwise.
func CheckAddress(address string) error {
	wrong := fault.New(fault.Invalid, "mail.recipient")
	if len(address) > maxRecipient || strings.ContainsFunc(address, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return wrong
	}
	a, err := netmail.ParseAddress(address)
	if err != nil || a.Name != "" || a.Address != address || strings.ContainsAny(address, `<>"(),;:\[]`) {
		return wrong
	}
	return nil
}

func (l Letter) check() error {
	if err := CheckAddress(l.To); err != nil {
		return err
	}
	switch {
	case l.Kind == "" || l.Subject == "" || l.Text == "" || l.HTML == "":
		return errors.New("letter: kind, subject, text and HTML are needed")
	case len(l.Subject) > maxSubject || strings.ContainsFunc(l.Subject, unicode.IsControl):
		return errors.New("letter: subject too long or with control characters")
	case len(l.Text)+len(l.HTML) > maxBytes:
		return fmt.Errorf("letter: %d bytes, more than %d", len(l.Text)+len(l.HTML), maxBytes)
	}
	return nil
}

// List returns the newest letters first, at most limit (1-500) of them.
func List(ctx context.Context, r store.Reader, limit int) ([]Mail, error) {
	return list(ctx, r, min(max(limit, 1), 500))
}

// Get returns one letter; NotFound (mail.unknown) when there is none.
func Get(ctx context.Context, r store.Reader, letter id.Mail) (Mail, error) {
	m, ok, err := find(ctx, r, letter)
	if err == nil && !ok {
		return Mail{}, fault.New(fault.NotFound, "mail.unknown")
	}
	return m, err
}
