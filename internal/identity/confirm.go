// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"context"
	"crypto/hmac"
	"fmt"

	"github.com/google/uuid"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/locale"
	"meetcoop/internal/store"
)

// SignedIn is the outcome of a proof.
type SignedIn struct {
	Person       Person
	Session      id.Session
	SessionToken string // goes into the cookie and nowhere else
	Next         string // passes LocalPath, or "" for our own landing page
	New          bool   // the person was born by this
}

// ConfirmLink signs the browser in that posts the link's button, whichever it is: never the one that asked.
// browser is its cookie from NewToken, "" if it keeps none; userAgent is cut down by DeviceOf.
// Conflict (signin.link_used) when the link is unknown, used or over; Forbidden (signin.suspended); and
// what Newcomer and Invitee refuse.
func (s *Service) ConfirmLink(ctx context.Context, token, browser, userAgent string) (SignedIn, error) {
	hash, now := hashToken(token), s.Now()
	p := s.proof(MethodLink, browser, userAgent, now)
	err := s.DB.Write(ctx, func(tx store.Tx) error {
		c, ok, err := takeByToken(ctx, tx, hash, now)
		if err != nil {
			return err
		}
		if !ok || hash == "" {
			return fault.New(fault.Conflict, "signin.link_used")
		}
		return p.signIn(ctx, tx, c)
	})
	return s.done(p, err)
}

// ConfirmCode signs the asking browser in. Invalid (signin.code_wrong, Count = tries left); Conflict
// (signin.code_over) when five codes were wrong, it is too late, the challenge was used, or the browser is
// not the one that asked; Forbidden (signin.suspended); and what Newcomer refuses. An address without an
// account, or a letter without a code, answers like a wrong code.
func (s *Service) ConfirmCode(ctx context.Context, ch id.Challenge, code, browser, userAgent string) (SignedIn, error) {
	keys, err := s.keys(ctx)
	if err != nil {
		return SignedIn{}, err
	}
	hash, now := hashToken(browser), s.Now()
	mac := codeMAC(keys, ch, code)
	p := s.proof(MethodCode, browser, userAgent, now)
	var wrong error // a wrong try is committed, so it is no error of the transaction
	err = s.DB.Write(ctx, func(tx store.Tx) error {
		wrong = nil
		c, ok, err := tryCode(ctx, tx, ch, hash, now)
		if err != nil {
			return err
		}
		if !ok || hash == "" {
			return fault.New(fault.Conflict, "signin.code_over")
		}
		if !hmac.Equal([]byte(c.codeMAC), []byte(mac)) {
			wrong = fault.New(fault.Invalid, "signin.code_wrong", fault.Params{"Count": maxTries - c.tries})
			if c.tries == maxTries {
				wrong = fault.New(fault.Conflict, "signin.code_over")
			}
			return limits{keys, s.factor}.count(ctx, tx, now, wrongCodes, c.key)
		}
		taken, err := takeByID(ctx, tx, ch, now)
		if err != nil {
			return err
		}
		if !taken {
			return fault.New(fault.Conflict, "signin.code_over")
		}
		return p.signIn(ctx, tx, c)
	})
	if err == nil && wrong != nil {
		err = wrong
	}
	return s.done(p, err)
}

// codeMAC is what is kept of a code: six digits alone could be searched through in a second.
func codeMAC(k keyring, ch id.Challenge, code string) string { return k.mac("code", string(ch), code) }

// proof is one attempt to turn a proven address into a session. What is random is drawn before the
// transaction, which may run more than once.
type proof struct {
	s           *Service
	now         instant.Instant
	method      Method
	browserHash string
	token       string
	session     sessionRow
	person      Person // as it would be born
	out         SignedIn
}

func (s *Service) proof(m Method, browser, userAgent string, now instant.Instant) *proof {
	return &proof{
		s: s, now: now, method: m, browserHash: hashToken(browser), token: NewToken(),
		session: newSession(DeviceOf(userAgent), now),
		person:  Person{ID: id.NewPerson(), Subject: uuid.NewString()},
	}
}

// done counts and drops what this node remembers of the person.
func (s *Service) done(p *proof, err error) (SignedIn, error) {
	if err != nil {
		return SignedIn{}, s.count.refused(err)
	}
	s.count.signIns.WithLabelValues(string(p.session.method)).Inc()
	if p.out.New {
		s.count.births.Inc()
	}
	s.cache.drop(p.out.Person.ID)
	return p.out, nil
}

// signIn finds or makes the person of a consumed challenge and begins a session. It joins tx.
func (p *proof) signIn(ctx context.Context, tx store.Tx, c challenge) error {
	person, known, err := findPersonByKey(ctx, tx, c.key)
	if err != nil {
		return err
	}
	switch {
	case known && person.Status != StatusActive:
		return fault.New(fault.Forbidden, "signin.suspended")
	case !known && c.purpose == PurposeSignIn: // the account has gone since the letter
		return fault.New(fault.Conflict, "signin.link_used")
	case !known:
		if person, err = p.beBorn(ctx, tx, c); err != nil {
			return err
		}
	}
	p.out = SignedIn{Person: person, Session: p.session.id, SessionToken: p.token, Next: c.next, New: !known}
	if err := p.begin(ctx, tx, c, person, known); err != nil {
		return err
	}
	switch {
	case c.purpose == PurposeInvite:
		a := Acceptance{Person: person.ID, Ref: c.data.Ref, Key: c.key, New: !known}
		if err := p.s.Invitee.InvitationAccepted(ctx, tx, p.now, a); err != nil {
			return fmt.Errorf("accept invitation: %w", err)
		}
	case !known:
		b := Birth{Person: person.ID, Name: person.Name, Organisation: c.data.Organisation, Level: c.data.Level, Locale: person.Locale, Zone: person.Zone}
		if err := p.s.Newcomer.PersonBorn(ctx, tx, p.now, b); err != nil {
			return fmt.Errorf("welcome newcomer: %w", err)
		}
	}
	return nil
}

func (p *proof) actor() Actor {
	return Actor{Kind: ActorPerson, Person: p.out.Person.ID, Session: p.session.id, Door: DoorPortal}
}

// beBorn makes the person of a challenge that proved an unknown address.
func (p *proof) beBorn(ctx context.Context, tx store.Tx, c challenge) (Person, error) {
	address, ok := ParseAddress(c.address)
	if !ok {
		return Person{}, fmt.Errorf("address of challenge %s is not one", c.id)
	}
	person := p.s.newborn(p.person, c.data.Name, address, c.locale, c.data.Zone, p.now)
	if err := insertPerson(ctx, tx, person); err != nil {
		return Person{}, err
	}
	if err := insertEmail(ctx, tx, person.ID, address, p.now); err != nil {
		return Person{}, err
	}
	actor := Actor{Kind: ActorPerson, Person: person.ID, Session: p.session.id, Door: DoorPortal}
	return person, Audit(ctx, tx, p.now, Event{Actor: actor, Action: "person.born", Object: string(person.ID), Detail: map[string]string{"by": string(c.purpose)}})
}

// newborn fills in a person that has ID and Subject.
func (s *Service) newborn(p Person, name string, a Address, tag locale.Tag, zone string, now instant.Instant) Person {
	if name == "" {
		name = nameFrom(a)
	}
	if name == "" {
		name = s.Catalog.Printer(tag, nil).T("person.unnamed")
	}
	p.Name, p.Locale, p.Zone, p.Theme, p.Status, p.CreatedAt = name, tag, zoneOf(zone, tag), ThemeSystem, StatusActive, now
	return p
}

// begin starts the session: the person's earlier one in this browser ends, and a browser the
// person was never seen in is told to all their addresses.
func (p *proof) begin(ctx context.Context, tx store.Tx, c challenge, person Person, known bool) error {
	p.session.person = person
	p.session.method = p.method
	switch {
	case c.purpose == PurposeInvite:
		p.session.method = MethodInvite
	case c.data.Operator:
		p.session.method = MethodOperator
	}
	if known {
		all, same, err := seenBrowsers(ctx, tx, person.ID, p.browserHash)
		if err != nil {
			return err
		}
		if all > 0 && same == 0 {
			in := jobs.EnqueueInput{Kind: deviceKind, Key: string(p.session.id), Args: deviceArgs{Session: p.session.id}}
			if err := jobs.Enqueue(ctx, tx, p.now, in); err != nil {
				return err
			}
		}
		if p.browserHash != "" {
			if _, err := endInBrowser(ctx, tx, person.ID, p.browserHash, "replaced", p.now); err != nil {
				return err
			}
		}
	}
	if err := insertSession(ctx, tx, p.session, hashToken(p.token), p.browserHash); err != nil {
		return err
	}
	if err := markActive(ctx, tx, person.ID, p.now.In(location("UTC"))); err != nil {
		return err
	}
	if err := changed(ctx, tx, p.now, person.ID); err != nil {
		return err
	}
	e := Event{Actor: p.actor(), Action: "session.begin", Object: string(p.session.id), Detail: map[string]string{"method": string(p.session.method)}}
	return Audit(ctx, tx, p.now, e)
}
