// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/locale"
	"meetcoop/internal/store"
)

// SignUpInput is the sign-up form.
type SignUpInput struct {
	Email        string
	Name         string
	Organisation string     // "" for an individual
	Level        string     // key of a level the person came for; "" for none
	Zone         string     // of the browser; "" or nonsense: guessed from the language
	Locale       locale.Tag // of the page; letters to unknown addresses use it
	Browser      string     // the cookie that recognises this browser, from NewToken
	Client       netip.Addr // true client address; the zero value shares one bucket with all unknown
	Next         string     // where to go afterwards; dropped unless LocalPath
	Form         Form
}

// Validate returns Invalid (input.invalid) with every wrong field: person.email_invalid, person.name_*.
func (in SignUpInput) Validate() error {
	var c fault.Check
	_, ok := ParseAddress(in.Email)
	c.Field(ok, "email", "person.email_invalid")
	_, code := CleanName(in.Name)
	c.Field(code == "", "name", code, fault.Params{"Limit": MaxNameRunes})
	if strings.TrimSpace(in.Organisation) != "" {
		_, code = CleanTitle(in.Organisation)
		c.Field(code == "", "organisation", code, fault.Params{"Limit": MaxNameRunes})
	}
	c.Field(len(in.Level) <= MaxNameRunes, "level", "person.level_unknown")
	return c.Err()
}

// SignInInput is the sign-in form.
type SignInInput struct {
	Email   string
	Locale  locale.Tag
	Browser string
	Client  netip.Addr
	Next    string
}

// NewForm returns what the hidden fields of a fresh sign-up form carry.
func (s *Service) NewForm(ctx context.Context) (FormTicket, error) {
	keys, err := s.keys(ctx)
	if err != nil {
		return FormTicket{}, err
	}
	now := s.Now()
	t := FormTicket{Stamp: newStamp(keys, now)}
	err = s.DB.Read(ctx, func(r store.Reader) error {
		busy, err := limits{keys, s.factor}.busy(ctx, r, now)
		if busy {
			t.WorkBits = WorkBits
		}
		return err
	})
	return t, err
}

// busy reports whether sign-ups come so fast that each has to bring a proof of work.
func (l limits) busy(ctx context.Context, r store.Reader, now instant.Instant) (bool, error) {
	n, err := l.used(ctx, r, now, signUpInstance, "")
	return n >= workAbove*l.factor, err
}

// SignUp notes that somebody wants an account for an address, and lets a job mail its owner. Nobody exists
// until the answer. Faults: Invalid input.invalid, signup.robot, signup.form_stale, signup.form_fast;
// LimitReached signup.rate, signup.busy, signup.work_needed, signin.mails, each with RetryAfter.
func (s *Service) SignUp(ctx context.Context, in SignUpInput) (Asked, error) {
	asked, err := s.signUp(ctx, in)
	return asked, s.count.refused(err)
}

func (s *Service) signUp(ctx context.Context, in SignUpInput) (Asked, error) {
	keys, err := s.keys(ctx)
	if err != nil {
		return Asked{}, err
	}
	now := s.Now()
	if err := checkForm(keys, in.Form, now); err != nil {
		return Asked{}, err
	}
	if err := in.Validate(); err != nil {
		return Asked{}, err
	}
	address, _ := ParseAddress(in.Email)
	name, _ := CleanName(in.Name)
	organisation, _ := CleanTitle(in.Organisation)
	c := ask(PurposeSignUp, address, in.Locale, in.Browser, in.Next, now)
	c.data = challengeData{Name: name, Organisation: organisation, Level: in.Level, Zone: in.Zone}
	l := limits{keys, s.factor}
	err = s.DB.Write(ctx, func(tx store.Tx) error {
		if err := acceptDomain(ctx, tx, address); err != nil {
			return err
		}
		if err := l.admitSignUp(ctx, tx, now, in); err != nil {
			return err
		}
		return post(ctx, tx, now, l, c)
	})
	return Asked{Challenge: c.id, ExpiresAt: c.expiresAt}, err
}

// admitSignUp applies the limits of open registration. While proof of work is asked, those who bring none
// (their browser runs no scripts) are let in at a slower pace.
func (l limits) admitSignUp(ctx context.Context, tx store.Tx, now instant.Instant, in SignUpInput) error {
	if err := l.take(ctx, tx, now, stampUses, in.Form.Stamp); err != nil {
		if fault.KindOf(err) == fault.LimitReached {
			return fault.New(fault.Invalid, stampUses.code) // a fresh form helps, waiting does not
		}
		return err
	}
	net := network(in.Client)
	busy, err := l.busy(ctx, tx, now)
	if err != nil {
		return err
	}
	if busy && !WorkDone(in.Form.Stamp, in.Form.Work) {
		if err := l.take(ctx, tx, now, slowNetwork, net); err != nil {
			return err
		}
		if err := l.take(ctx, tx, now, slowInstance, ""); err != nil {
			return err
		}
	}
	if err := l.take(ctx, tx, now, signUpNetwork, net); err != nil {
		return err
	}
	return l.take(ctx, tx, now, signUpInstance, "")
}

// SignInStart lets a job mail a link and a code to the address if somebody has it, and a letter that says so
// if nobody has. The answer is the same. Faults: Invalid input.invalid; LimitReached signin.rate, signin.mails.
func (s *Service) SignInStart(ctx context.Context, in SignInInput) (Asked, error) {
	asked, err := s.signInStart(ctx, in)
	return asked, s.count.refused(err)
}

func (s *Service) signInStart(ctx context.Context, in SignInInput) (Asked, error) {
	address, ok := ParseAddress(in.Email)
	var check fault.Check
	check.Field(ok, "email", "person.email_invalid")
	if err := check.Err(); err != nil {
		return Asked{}, err
	}
	keys, err := s.keys(ctx)
	if err != nil {
		return Asked{}, err
	}
	now := s.Now()
	c := ask(PurposeSignIn, address, in.Locale, in.Browser, in.Next, now)
	l := limits{keys, s.factor}
	err = s.DB.Write(ctx, func(tx store.Tx) error {
		if err := l.take(ctx, tx, now, signInNetwork, network(in.Client)); err != nil {
			return err
		}
		return post(ctx, tx, now, l, c)
	})
	return Asked{Challenge: c.id, ExpiresAt: c.expiresAt}, err
}

func ask(p Purpose, a Address, tag locale.Tag, browser, next string, now instant.Instant) challenge {
	if _, ok := locale.Parse(string(tag)); !ok {
		tag = locale.English
	}
	return challenge{
		id: id.NewChallenge(), purpose: p, address: a.String(), key: a.Key(), browserHash: hashToken(browser),
		locale: tag, next: nextOrNone(next), expiresAt: now.Add(mailLife),
	}
}

// post counts the letter, keeps the challenge and enqueues the job that writes the letter. It never looks
// whether the address is known.
func post(ctx context.Context, tx store.Tx, now instant.Instant, l limits, c challenge) error {
	for _, r := range []rate{mailsHour, mailsDay} {
		if err := l.take(ctx, tx, now, r, c.key); err != nil {
			return err
		}
	}
	if err := insertChallenge(ctx, tx, c, "", now); err != nil {
		return err
	}
	return jobs.Enqueue(ctx, tx, now, jobs.EnqueueInput{Kind: letterKind, Key: string(c.id), Args: letterArgs{Challenge: c.id}})
}

// acceptDomain returns Invalid (person.domain_refused on email) for domains on the operator's list.
func acceptDomain(ctx context.Context, r store.Reader, a Address) error {
	list, err := RefusedDomains(ctx, r)
	if err != nil {
		return err
	}
	var c fault.Check
	c.Field(!slices.ContainsFunc(list, func(d string) bool {
		return a.Domain() == d || strings.HasSuffix(a.Domain(), "."+d)
	}), "email", "person.domain_refused")
	return c.Err()
}

func sortedDomains(list []string) ([]string, error) {
	out := []string{}
	for _, d := range list {
		ascii, ok := goodDomain(strings.TrimSpace(d))
		if !ok {
			return nil, fault.Wrap(errors.New("no domain name"), fault.Invalid, "identity.domain_invalid", fault.Params{"Domain": d})
		}
		out = append(out, ascii)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
