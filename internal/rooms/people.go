// SPDX-License-Identifier: AGPL-3.0-or-later

package rooms

import (
	"context"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// maxPeople bounds the list of a room: beyond it a room is better opened to the member's people.
const maxPeople = 200

// mailSubject begins the entry of somebody listed by address. Listing by address says nothing about whether the
// address has an account: the entry waits for whoever proves it.
const mailSubject = "mail:"

// AddPersonInput lists somebody in a room: a person of the room's member, or an address.
type AddPersonInput struct {
	Person  id.Person // one of the two
	Address string
	Role    Role // RoleModerator or RoleViewer
}

// AddPerson lists somebody as co-host or invited viewer; listed before, they get the new role. Only the owner may.
// NotFound (person.unknown) for a person without a place in the room's member, LimitReached (rooms.people with
// Limit), Invalid for a wrong address or role.
func (s *Service) AddPerson(ctx context.Context, actor identity.Actor, room id.Room, in AddPersonInput) error {
	var c fault.Check
	address, readable := identity.ParseAddress(in.Address)
	c.Field(in.Person != "" || readable, "address", "rooms.address")
	c.Field(in.Role == RoleModerator || in.Role == RoleViewer, "role", "input.choice")
	if err := c.Err(); err != nil {
		return err
	}
	now := s.deps.Now()
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		r, err := s.managed(ctx, tx, actor, room, 0)
		if err != nil {
			return err
		}
		subject := mailSubject + address.Key()
		if in.Person != "" {
			subject = string(in.Person)
			roles, err := membership.RolesOf(ctx, tx, r.Member, in.Person)
			if err != nil {
				return err
			}
			if len(roles) == 0 {
				return fault.New(fault.NotFound, "person.unknown")
			}
		}
		if err := putPerson(ctx, tx, room, subject, in.Role, now); err != nil {
			return err
		}
		n, err := countPeople(ctx, tx, room)
		if err != nil {
			return err
		}
		if n > maxPeople {
			return fault.New(fault.LimitReached, "rooms.people", fault.Params{"Limit": maxPeople})
		}
		return s.peopleChanged(ctx, tx, actor, r, "room.person_add", map[string]string{"role": string(in.Role)})
	})
}

// RemovePerson takes an entry off the list; one that is not there is no error. Who is inside a running meeting stays.
func (s *Service) RemovePerson(ctx context.Context, actor identity.Actor, room id.Room, subject string) error {
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		r, err := s.managed(ctx, tx, actor, room, 0)
		if err != nil {
			return err
		}
		gone, err := dropPerson(ctx, tx, room, subject)
		if err != nil || !gone {
			return err
		}
		return s.peopleChanged(ctx, tx, actor, r, "room.person_remove", nil)
	})
}

func (s *Service) peopleChanged(ctx context.Context, tx store.Tx, actor identity.Actor, r Room, action string, detail map[string]string) error {
	r.Version++
	if err := updateRoom(ctx, tx, r); err != nil {
		return err
	}
	return audit(ctx, tx, s.deps.Now(), actor, action, r, detail)
}
