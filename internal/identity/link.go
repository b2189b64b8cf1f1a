// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"context"

	"github.com/google/uuid"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/mail"
	"meetcoop/internal/store"
)

// SignInLink makes a link that signs its holder in as the person with that address: one use, 7 days. It
// counts as proof of the address, because the operator vouches for it. Forbidden for anybody but an operator,
// NotFound (person.unknown).
func (s *Service) SignInLink(ctx context.Context, actor Actor, email string) (string, error) {
	if err := actor.Runs(); err != nil {
		return "", err
	}
	now, token := s.Now(), NewToken()
	a, ok := ParseAddress(email)
	if !ok {
		return "", fault.New(fault.NotFound, "person.unknown")
	}
	err := s.DB.Write(ctx, func(tx store.Tx) error {
		p, err := found(findPersonByKey(ctx, tx, a.Key()))
		if err != nil {
			return err
		}
		c := ask(PurposeSignIn, a, p.Locale, "", "", now)
		c.expiresAt, c.data.Operator = now.Add(operatorLife), true
		if err := insertChallenge(ctx, tx, c, hashToken(token), now); err != nil {
			return err
		}
		return Audit(ctx, tx, now, Event{Actor: actor, Action: "person.signin_link", Object: string(p.ID)})
	})
	if err != nil {
		return "", err
	}
	return s.link(token), nil
}

func (s *Service) link(token string) string { return s.PublicURL + LinkPath + token }

// InviteInput is an invitation to a place that the caller keeps.
type InviteInput struct {
	Actor   Actor
	Address Address
	Name    string     // of the invited; "" when unknown
	Locale  locale.Tag // of the letter, unless the address belongs to somebody, who is written to in theirs
	Ref     string     // told to Invitee when the invitation is accepted
	Next    string     // where the invited land; dropped unless LocalPath
	Mail    bool       // send the letter; otherwise the operator hands the link over
	Inviter string     // name of who invites, as the letter says it; "" on the command line
	Member  string     // name of the member that invites
}

// Invite makes the link of an invitation: one use, 14 days, 7 when an operator made it. Its owner is signed in
// by it, and born if unknown. The link is returned to operators alone; for everybody else it is "" and only
// the letter carries it. It joins tx; the caller audits, as the place is the caller's. Invalid
// (input.invalid) when the address is none, or a name is given that CleanName refuses.
func (s *Service) Invite(ctx context.Context, tx store.Tx, now instant.Instant, in InviteInput) (string, error) {
	var check fault.Check
	name := ""
	if in.Name != "" {
		var code string
		name, code = CleanName(in.Name)
		check.Field(code == "", "name", code, fault.Params{"Limit": MaxNameRunes})
	}
	check.Field(in.Address.Key() != "", "email", "person.email_invalid")
	if err := check.Err(); err != nil {
		return "", err
	}
	c := ask(PurposeInvite, in.Address, in.Locale, "", in.Next, now)
	c.data.Name, c.data.Ref = name, in.Ref
	c.expiresAt = now.Add(inviteLife)
	if in.Actor.Runs() == nil {
		c.expiresAt, c.data.Operator = now.Add(operatorLife), true
	}
	p, known, err := findPersonByKey(ctx, tx, c.key)
	if err != nil {
		return "", err
	}
	if known {
		c.locale = p.Locale
	}
	token := NewToken()
	if err := insertChallenge(ctx, tx, c, hashToken(token), now); err != nil {
		return "", err
	}
	if in.Mail {
		f := letterFacts{URL: s.link(token), Params: map[string]any{"Member": in.Member, "Inviter": in.Inviter, "Until": c.expiresAt}}
		if in.Inviter == "" {
			f.Lead = "letter.invite.lead_member"
		}
		if known {
			f.Zone = p.Location()
		}
		if err := mail.Enqueue(ctx, tx, now, s.letter("invite", c.address, c.locale, f)); err != nil {
			return "", err
		}
	}
	if !c.data.Operator {
		return "", nil // it would sign them in as somebody else: only the mailbox gets it
	}
	return s.link(token), nil
}

// EnsureInput is a person an operator vouches for.
type EnsureInput struct {
	Actor  Actor // Operator or System
	Email  string
	Name   string     // "" : made out of the address
	Locale locale.Tag // "" : English
	Zone   string     // "" : guessed from the language
}

// EnsurePerson returns who has the address, and makes them if nobody has: the operator's word counts as proof.
// An existing person stays as they are. created tells which. Newcomer is not called. It joins tx. Forbidden
// for anybody but an operator; Invalid (input.invalid).
func (s *Service) EnsurePerson(ctx context.Context, tx store.Tx, now instant.Instant, in EnsureInput) (p Person, created bool, err error) {
	if err := in.Actor.Runs(); err != nil {
		return Person{}, false, err
	}
	var check fault.Check
	a, ok := ParseAddress(in.Email)
	check.Field(ok, "email", "person.email_invalid")
	name := in.Name
	if name != "" {
		var code string
		name, code = CleanName(in.Name)
		check.Field(code == "", "name", code, fault.Params{"Limit": MaxNameRunes})
	}
	if err := check.Err(); err != nil {
		return Person{}, false, err
	}
	if p, ok, err = findPersonByKey(ctx, tx, a.Key()); err != nil || ok {
		return p, false, err
	}
	tag, ok := locale.Parse(string(in.Locale))
	if !ok {
		tag = locale.English
	}
	p = s.newborn(Person{ID: id.NewPerson(), Subject: uuid.NewString()}, name, a, tag, in.Zone, now)
	if err := insertPerson(ctx, tx, p); err != nil {
		return Person{}, false, err
	}
	if err := insertEmail(ctx, tx, p.ID, a, now); err != nil {
		return Person{}, false, err
	}
	e := Event{Actor: in.Actor, Action: "person.born", Object: string(p.ID), Detail: map[string]string{"by": string(in.Actor.Kind)}}
	return p, true, Audit(ctx, tx, now, e)
}
