// SPDX-License-Identifier: AGPL-3.0-or-later

package membership

import (
	"context"
	"slices"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/store"
)

// Inviter writes the letter with the link that proves the address. identity.Service implements it.
type Inviter interface {
	Invite(ctx context.Context, tx store.Tx, now instant.Instant, in identity.InviteInput) (link string, err error)
}

// InviteInput names an address and the role it is invited to.
type InviteInput struct {
	Member id.Member
	Email  string
	Name   string // may be empty
	Role   Role
	Locale locale.Tag // of the letter; "" is the member's
	NoMail bool       // for the operator, who hands the link over
}

// Invited is an invitation as it stands now.
type Invited struct {
	Affiliation Affiliation `json:"affiliation"`
	Link        string      `json:"link,omitempty"` // for the operator alone; everybody else's is in the letter
}

// Invite keeps a place in a member for whoever proves the address, and writes to it; nobody exists before
// that. A second invitation of the same address adds the role to the first and sends a new letter. What it
// may give is checked again at acceptance. NotFound (member.unknown), Forbidden (member.forbidden,
// people.role_above_own), Invalid (input.invalid), Conflict (people.individual; people.already when the
// person is there with that role).
func (s *Service) Invite(ctx context.Context, actor identity.Actor, in InviteInput) (Invited, error) {
	address, ok := identity.ParseAddress(in.Email)
	var c fault.Check
	c.Field(ok, "email", "people.address")
	c.Field(in.Role.Valid(), "role", "people.role_unknown")
	name, code := "", ""
	if in.Name != "" {
		name, code = identity.CleanName(in.Name)
	}
	c.Field(code == "", "name", code, fault.Params{"Limit": identity.MaxNameRunes})
	if in.Locale != "" {
		_, ok := locale.Parse(string(in.Locale))
		c.Field(ok, "locale", "member.locale_unknown")
	}
	if err := c.Err(); err != nil {
		return Invited{}, err
	}
	now := s.deps.Now()
	var out Invited
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		target, m, err := TargetOf(ctx, tx, actor, in.Member)
		if err != nil {
			return err
		}
		if err := mayGive(actor, in.Role, target); err != nil {
			return err
		}
		if err := notThere(ctx, tx, m, address, in.Role); err != nil {
			return err
		}
		a := Affiliation{
			ID: id.NewAffiliation(), Member: m.ID, Address: address.String(), Name: name, Status: AffiliationInvited,
			Source: SourceInvite, InvitedBy: inOwnRight(actor, in.Role, target), CreatedAt: now,
		}
		inserted, err := insertAffiliation(ctx, tx, a, address.Key())
		if err != nil {
			return err
		}
		if !inserted {
			if a, err = findInvited(ctx, tx, m.ID, address.Key()); err != nil {
				return err
			}
		} else if err := s.roomFor(ctx, tx, m, a.ID); err != nil {
			return err
		}
		if err := insertRole(ctx, tx, a.ID, in.Role, SourceInvite); err != nil {
			return err
		}
		if out.Affiliation, err = findAffiliation(ctx, tx, m.ID, a.ID); err != nil {
			return err
		}
		if out.Link, err = s.letter(ctx, tx, now, actor, m, out.Affiliation, address, in); err != nil {
			return err
		}
		return s.peopleChanged(ctx, tx, now, actor, "people.invite", out.Affiliation, "", rolesDetail([]Role{in.Role}))
	})
	return out, err
}

func (s *Service) letter(ctx context.Context, tx store.Tx, now instant.Instant, actor identity.Actor, m Member, a Affiliation, to identity.Address, in InviteInput) (string, error) {
	letter := identity.InviteInput{Actor: actor, Address: to, Name: a.Name, Locale: in.Locale, Ref: string(a.ID), Mail: true, Member: m.Name}
	if letter.Locale == "" {
		letter.Locale = m.Locale
	}
	if actor.Runs() == nil {
		letter.Mail = !in.NoMail
		return s.deps.Inviter.Invite(ctx, tx, now, letter)
	}
	author, err := identity.GetPerson(ctx, tx, actor.Person)
	if err != nil {
		return "", err
	}
	letter.Inviter = author.Name
	return s.deps.Inviter.Invite(ctx, tx, now, letter)
}

// notThere refuses to invite somebody who holds the role already.
func notThere(ctx context.Context, r store.Reader, m Member, address identity.Address, role Role) error {
	p, err := identity.GetPersonByEmail(ctx, r, address.String())
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	held, err := RolesOf(ctx, r, m.ID, p.ID)
	if err == nil && slices.Contains(held, role) {
		err = fault.New(fault.Conflict, "people.already")
	}
	return err
}

// inOwnRight returns the author of an invitation whose right is to be checked again, none when the right
// was the operator's or an admin's.
func inOwnRight(actor identity.Actor, role Role, target Target) id.Person {
	actor.PlatformAdmin = false
	if mayGive(actor, role, target) != nil {
		return ""
	}
	return actor.Person
}

// Accepted is an invitation that became a place.
type Accepted struct {
	Affiliation id.Affiliation
	Member      id.Member
	Roles       []Role // as given now
	Withheld    []Role // invited to, but not given: no host place was left
}

// AcceptPending gives person every place kept for one of their proven addresses, and returns what came
// of it. An invitation whose author may no longer give its roles stays as it is. It joins tx and may be
// called at each sign-in: without invitations it is one query per address.
func (s *Service) AcceptPending(ctx context.Context, tx store.Tx, now instant.Instant, person id.Person, addressKeys ...string) ([]Accepted, error) {
	var out []Accepted
	for _, key := range addressKeys {
		invited, err := invitedAs(ctx, tx, key)
		if err != nil {
			return nil, err
		}
		for _, a := range invited {
			got, err := s.accept(ctx, tx, now, a, person)
			if fault.CodeOf(err) == "people.invitation_void" {
				continue
			}
			if err != nil {
				return nil, err
			}
			out = append(out, got)
		}
	}
	return out, nil
}

// InvitationAccepted gives person the place of the invitation whose letter they followed. It implements
// identity.Invitee and joins tx. NotFound (people.unknown) when it was withdrawn or belongs to another
// address; Conflict (people.invitation_void) when its author may no longer give its roles. One that is
// accepted already changes nothing.
func (s *Service) InvitationAccepted(ctx context.Context, tx store.Tx, now instant.Instant, in identity.Acceptance) error {
	a, err := findOffered(ctx, tx, id.Affiliation(in.Ref), in.Key, in.Person)
	if err != nil {
		return err
	}
	if a.Status == AffiliationActive {
		return nil
	}
	_, err = s.accept(ctx, tx, now, a, in.Person)
	return err
}

// accept turns one invitation into a place, or adds its roles to the place the person has in that
// member already. A host place that is gone is withheld; the person comes in as member all the same.
func (s *Service) accept(ctx context.Context, tx store.Tx, now instant.Instant, a Affiliation, person id.Person) (Accepted, error) {
	if err := s.authorStillMay(ctx, tx, a); err != nil {
		return Accepted{}, err
	}
	place, err := findPersonIn(ctx, tx, a.Member, person)
	switch {
	case err == nil: // invited by a second address
		if err := endAffiliation(ctx, tx, a.ID, "merged", now); err != nil {
			return Accepted{}, err
		}
	case fault.KindOf(err) == fault.NotFound:
		place = a
		place.Roles = nil // they hold none yet
		if err := accept(ctx, tx, a.ID, person, now); err != nil {
			return Accepted{}, err
		}
	default:
		return Accepted{}, err
	}
	got := Accepted{Affiliation: place.ID, Member: a.Member, Roles: []Role{}}
	for _, role := range slices.Backward(a.Roles) {
		err := s.give(ctx, tx, now, place, role, SourceInvite)
		if role == RoleHost && fault.KindOf(err) == fault.LimitReached {
			got.Withheld = append(got.Withheld, role)
			if err := deleteRole(ctx, tx, place.ID, role); err != nil {
				return got, err
			}
			role, err = RoleMember, s.give(ctx, tx, now, place, RoleMember, SourceInvite)
		}
		if err != nil {
			return got, err
		}
		got.Roles = append(got.Roles, role)
	}
	got.Roles = inOrder(got.Roles)
	place.Person = person
	actor := identity.Actor{Kind: identity.ActorPerson, Person: person, Door: identity.DoorPortal}
	detail := rolesDetail(got.Roles)
	if len(got.Withheld) > 0 {
		detail["withheld"] = rolesDetail(got.Withheld)["roles"]
	}
	return got, s.peopleChanged(ctx, tx, now, actor, "people.accept", place, "", detail)
}

// authorStillMay checks the right of whoever invited again. The command line's right does not end.
func (s *Service) authorStillMay(ctx context.Context, r store.Reader, a Affiliation) error {
	if a.InvitedBy == "" {
		return nil
	}
	author := identity.Actor{Kind: identity.ActorPerson, Person: a.InvitedBy}
	target, _, err := TargetOf(ctx, r, author, a.Member)
	if err != nil {
		return err
	}
	for _, role := range a.Roles {
		if mayGive(author, role, target) != nil {
			return fault.New(fault.Conflict, "people.invitation_void")
		}
	}
	return nil
}
