// SPDX-License-Identifier: AGPL-3.0-or-later

package membership

import (
	"context"
	"slices"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// firstOwner makes person owner of a new member, and so its first host. It writes no
// audit event: creating the member has one. It joins tx.
func (s *Service) firstOwner(ctx context.Context, tx store.Tx, now instant.Instant, member id.Member, person id.Person) error {
	a := Affiliation{ID: id.NewAffiliation(), Member: member, Person: person, Status: AffiliationActive, Source: SourceSelf, CreatedAt: now, AcceptedAt: now}
	inserted, err := insertAffiliation(ctx, tx, a, "")
	if err := unique(inserted, err, "people.already"); err != nil {
		return err
	}
	if err := s.give(ctx, tx, now, a, RoleOwner, SourceSelf); err != nil {
		return err
	}
	return store.Changed(ctx, tx, now, TopicPeople, string(member))
}

// give adds a role to an active affiliation and takes its place in the counts. A role it has already is
// left alone. LimitReached (tariff.hosts) when every host place is taken. It joins tx.
func (s *Service) give(ctx context.Context, tx store.Tx, now instant.Instant, a Affiliation, role Role, source Source) error {
	if slices.Contains(a.Roles, role) {
		return nil
	}
	switch role {
	case RoleHost:
		limit, err := s.deps.Levels.HostPlaces(ctx, tx, a.Member, now)
		if err != nil {
			return err
		}
		free, err := addHost(ctx, tx, a.Member, limit)
		if err != nil {
			return err
		}
		if !free {
			return s.hostsFull(ctx, tx, a.Member, limit)
		}
	case RoleOwner:
		if err := addOwner(ctx, tx, a.Member); err != nil {
			return err
		}
	}
	if err := insertRole(ctx, tx, a.ID, role, source); err != nil || role != RoleOwner {
		return err
	}
	return s.firstOwnerHosts(ctx, tx, now, a, source)
}

// firstOwnerHosts makes the first owner host too, while there is a place: somebody must be able to open
// a room. It joins tx.
func (s *Service) firstOwnerHosts(ctx context.Context, tx store.Tx, now instant.Instant, a Affiliation, source Source) error {
	c, err := CountsOf(ctx, tx, a.Member)
	if err != nil || c.Owners != 1 || c.Hosts != 0 {
		return err
	}
	err = s.give(ctx, tx, now, a, RoleHost, source)
	if fault.KindOf(err) == fault.LimitReached {
		return nil
	}
	return err
}

// giveAll gives several roles, hosts first: the first owner then has the host role already and does not
// take a second place. It joins tx.
func (s *Service) giveAll(ctx context.Context, tx store.Tx, now instant.Instant, a Affiliation, roles []Role, source Source) error {
	order := inOrder(roles)
	slices.Reverse(order)
	for _, role := range order {
		if err := s.give(ctx, tx, now, a, role, source); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) hostsFull(ctx context.Context, r store.Reader, member id.Member, limit int) error {
	c, err := CountsOf(ctx, r, member)
	if err != nil {
		return err
	}
	return fault.New(fault.LimitReached, "tariff.hosts", fault.Params{"Limit": limit, "Used": c.Hosts})
}

// take removes a role from an active affiliation and gives its place back. Conflict (people.last_owner).
// It joins tx.
func (s *Service) take(ctx context.Context, tx store.Tx, a Affiliation, role Role) error {
	if !slices.Contains(a.Roles, role) {
		return nil
	}
	switch role {
	case RoleHost:
		if err := dropHost(ctx, tx, a.Member); err != nil {
			return err
		}
	case RoleOwner:
		others, err := dropOwner(ctx, tx, a.Member)
		if err != nil {
			return err
		}
		if !others {
			return fault.New(fault.Conflict, "people.last_owner")
		}
	}
	return deleteRole(ctx, tx, a.ID, role)
}

// AddInput names a person who has an account, and the roles to give them in a member.
type AddInput struct {
	Member id.Member
	Person id.Person
	Roles  []Role // at least one
}

// Add gives a person with an account a place in a member, or more roles in the one they have: what the
// command line and the demo do, who vouch for the person. Everybody else invites. NotFound
// (member.unknown), Forbidden (member.forbidden), Invalid (input.invalid), LimitReached (tariff.hosts);
// Conflict (people.individual) for a second person of an individual member.
func (s *Service) Add(ctx context.Context, actor identity.Actor, in AddInput) (Affiliation, error) {
	if err := actor.Runs(); err != nil {
		return Affiliation{}, err
	}
	if err := validRoles(in.Roles); err != nil {
		return Affiliation{}, err
	}
	now := s.deps.Now()
	var out Affiliation
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		m, err := Get(ctx, tx, in.Member)
		if err != nil {
			return err
		}
		a, err := findPersonIn(ctx, tx, m.ID, in.Person)
		if fault.KindOf(err) == fault.NotFound {
			if err := s.roomFor(ctx, tx, m, ""); err != nil {
				return err
			}
			a = Affiliation{ID: id.NewAffiliation(), Member: m.ID, Person: in.Person, Status: AffiliationActive, Source: SourceSelf, CreatedAt: now, AcceptedAt: now}
			inserted, err := insertAffiliation(ctx, tx, a, "")
			if err := unique(inserted, err, "people.already"); err != nil {
				return err
			}
		} else if err != nil {
			return err
		}
		if err := s.giveAll(ctx, tx, now, a, in.Roles, SourceSelf); err != nil {
			return err
		}
		if out, err = findAffiliation(ctx, tx, m.ID, a.ID); err != nil {
			return err
		}
		return s.peopleChanged(ctx, tx, now, actor, "people.add", out, "", rolesDetail(in.Roles))
	})
	return out, err
}

// roomFor refuses a second person beside newcomer in an individual member: it is one person's.
func (s *Service) roomFor(ctx context.Context, r store.Reader, m Member, newcomer id.Affiliation) error {
	if !m.Individual {
		return nil
	}
	people, err := People(ctx, r, m.ID)
	if err == nil && slices.ContainsFunc(people, func(a Affiliation) bool { return a.ID != newcomer }) {
		err = fault.New(fault.Conflict, "people.individual")
	}
	return err
}

// RoleInput names one role of one affiliation.
type RoleInput struct {
	Member      id.Member
	Affiliation id.Affiliation
	Role        Role
}

// GiveRole gives a role; one that is held already changes nothing. NotFound (member.unknown,
// people.unknown), Forbidden (member.forbidden, people.role_above_own), Conflict (people.invited) while
// the person has not come yet, LimitReached (tariff.hosts).
func (s *Service) GiveRole(ctx context.Context, actor identity.Actor, in RoleInput) error {
	return s.changeRole(ctx, actor, in, "role.give", func(tx store.Tx, now instant.Instant, a Affiliation) error {
		return s.give(ctx, tx, now, a, in.Role, SourceSelf)
	})
}

// TakeRole takes a role away; one that is not held changes nothing. As GiveRole, and Conflict
// (people.last_owner).
func (s *Service) TakeRole(ctx context.Context, actor identity.Actor, in RoleInput) error {
	return s.changeRole(ctx, actor, in, "role.take", func(tx store.Tx, _ instant.Instant, a Affiliation) error {
		return s.take(ctx, tx, a, in.Role)
	})
}

func (s *Service) changeRole(ctx context.Context, actor identity.Actor, in RoleInput, action string, change func(store.Tx, instant.Instant, Affiliation) error) error {
	if err := validRoles([]Role{in.Role}); err != nil {
		return err
	}
	now := s.deps.Now()
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		target, _, err := TargetOf(ctx, tx, actor, in.Member)
		if err != nil {
			return err
		}
		if err := mayGive(actor, in.Role, target); err != nil {
			return err
		}
		a, err := findAffiliation(ctx, tx, in.Member, in.Affiliation)
		if err != nil {
			return err
		}
		if a.Status != AffiliationActive {
			return fault.New(fault.Conflict, "people.invited")
		}
		if slices.Contains(a.Roles, in.Role) == (action == "role.give") {
			return nil
		}
		if err := change(tx, now, a); err != nil {
			return err
		}
		return s.peopleChanged(ctx, tx, now, actor, action, a, "", rolesDetail([]Role{in.Role}))
	})
}

// EndInput names the affiliation to end.
type EndInput struct {
	Member      id.Member
	Affiliation id.Affiliation
	Reason      string // at most maxReason bytes; what the audit shows
}

// End ends an affiliation, or withdraws an invitation: one's own, or any whose roles the actor may take.
// The account stays. NotFound (member.unknown, people.unknown), Forbidden (member.forbidden,
// people.role_above_own), Conflict (people.last_owner).
func (s *Service) End(ctx context.Context, actor identity.Actor, in EndInput) error {
	if err := validReason(in.Reason, false); err != nil {
		return err
	}
	now := s.deps.Now()
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		target, _, err := TargetOf(ctx, tx, actor, in.Member)
		if err != nil {
			return err
		}
		if err := Check(actor, ActionMemberSee, target); err != nil {
			return err
		}
		a, err := findAffiliation(ctx, tx, in.Member, in.Affiliation)
		if err != nil {
			return err
		}
		if own := actor.Kind == identity.ActorPerson && a.Person == actor.Person; !own {
			if err := Check(actor, ActionPeopleManage, target); err != nil {
				return err
			}
			for _, role := range a.Roles {
				if err := mayGive(actor, role, target); err != nil {
					return err
				}
			}
		}
		if a.Status == AffiliationActive {
			for _, role := range a.Roles {
				if err := s.take(ctx, tx, a, role); err != nil {
					return err
				}
			}
		}
		if err := endAffiliation(ctx, tx, a.ID, in.Reason, now); err != nil {
			return err
		}
		return s.peopleChanged(ctx, tx, now, actor, "people.end", a, in.Reason, nil)
	})
}

// peopleChanged writes the one audit event of a change to a member's people and tells the caches. It joins tx.
func (s *Service) peopleChanged(ctx context.Context, tx store.Tx, now instant.Instant, actor identity.Actor, action string, a Affiliation, reason string, detail map[string]string) error {
	if detail == nil {
		detail = map[string]string{}
	}
	if a.Person != "" {
		detail["person"] = string(a.Person)
	}
	err := identity.Audit(ctx, tx, now, identity.Event{Actor: actor, Action: action, Object: string(a.ID), Member: a.Member, Reason: reason, Detail: detail})
	if err != nil {
		return err
	}
	return store.Changed(ctx, tx, now, TopicPeople, string(a.Member))
}

func rolesDetail(roles []Role) map[string]string {
	names := ""
	for _, r := range inOrder(roles) {
		if names != "" {
			names += " "
		}
		names += string(r)
	}
	return map[string]string{"roles": names}
}

func validRoles(roles []Role) error {
	var c fault.Check
	ok := len(roles) > 0 && !slices.ContainsFunc(roles, func(r Role) bool { return !r.Valid() })
	c.Field(ok, "role", "people.role_unknown")
	return c.Err()
}

// maxReason bounds what somebody writes as a reason, in bytes.
const maxReason = 500

func validReason(reason string, required bool) error {
	var c fault.Check
	c.Field(len(reason) <= maxReason, "reason", "member.reason_long", fault.Params{"Limit": maxReason})
	c.Field(!required || reason != "", "reason", "member.reason_missing")
	return c.Err()
}
