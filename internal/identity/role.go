// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"context"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// Role is a role on the platform itself.
type Role string

// The platform roles. Only RoleAdmin changes anything.
const (
	RoleAdmin   Role = "admin"
	RoleAuditor Role = "auditor"
)

// GrantRole gives a person a platform role from now until an instant; none is for good. Forbidden for anybody
// but an operator, NotFound (person.unknown), Conflict (identity.role_held) when the person has it.
func (s *Service) GrantRole(ctx context.Context, actor Actor, person id.Person, role Role, until instant.Instant) error {
	return s.changeRole(ctx, actor, person, "role.grant", role, func(tx store.Tx, now instant.Instant) error {
		held, err := holdsRole(ctx, tx, person, role, now)
		if err != nil {
			return err
		}
		if held {
			return fault.New(fault.Conflict, "identity.role_held")
		}
		return insertRole(ctx, tx, person, role, now, until, string(actor.Kind))
	})
}

// EndRole takes a platform role away at once. Forbidden for anybody but an operator, NotFound
// (person.unknown, identity.role_absent).
func (s *Service) EndRole(ctx context.Context, actor Actor, person id.Person, role Role) error {
	return s.changeRole(ctx, actor, person, "role.end", role, func(tx store.Tx, now instant.Instant) error {
		ended, err := endRole(ctx, tx, person, role, now)
		if err == nil && !ended {
			err = fault.New(fault.NotFound, "identity.role_absent")
		}
		return err
	})
}

func (s *Service) changeRole(ctx context.Context, actor Actor, person id.Person, action string, role Role, change func(store.Tx, instant.Instant) error) error {
	if err := actor.Runs(); err != nil {
		return err
	}
	now := s.Now()
	err := s.DB.Write(ctx, func(tx store.Tx) error {
		if _, err := GetPerson(ctx, tx, person); err != nil {
			return err
		}
		if err := change(tx, now); err != nil {
			return err
		}
		if err := changed(ctx, tx, now, person); err != nil {
			return err
		}
		return Audit(ctx, tx, now, Event{Actor: actor, Action: action, Object: string(person), Detail: map[string]string{"role": string(role)}})
	})
	s.cache.drop(person)
	return err
}
