// SPDX-License-Identifier: AGPL-3.0-or-later

package rooms

import (
	"context"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// errUnknown answers for unknown, malformed and archived rooms, and for those not the actor's to see.
var errUnknown = fault.New(fault.NotFound, "room.unknown")

// View is a room with what the actor is in it. RoleNone still sees the room's name, since the link is the invitation
// to ask.
type View struct {
	Room
	Role        Role
	People      []Person           // in the order of listing; for moderators only
	Entitlement tariff.Entitlement // of the room's member
}

// FindBySlug returns the room of a link. NotFound (room.unknown) for what is no link, unknown, or archived: an archived
// room is shown to whoever manages it, and to nobody else.
func (s *Service) FindBySlug(ctx context.Context, actor identity.Actor, slug string) (Room, Role, error) {
	var v View
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		v, err = s.view(ctx, r, actor, slug, s.deps.Now())
		return err
	})
	return v.Room, v.Role, err
}

// View is FindBySlug with the people of the room. It joins r and is four queries, with an entitlement that is remembered.
func (s *Service) View(ctx context.Context, r store.Reader, actor identity.Actor, slug string, now instant.Instant) (View, error) {
	v, err := s.view(ctx, r, actor, slug, now)
	if err == nil && v.Role == RoleModerator {
		v.People, err = peopleOf(ctx, r, v.ID)
	}
	return v, err
}

func (s *Service) view(ctx context.Context, r store.Reader, actor identity.Actor, slug string, now instant.Instant) (View, error) {
	if !ValidSlug(slug) {
		return View{}, errUnknown
	}
	p, ok, err := roomBySlug(ctx, r, slug)
	if err != nil {
		return View{}, err
	}
	if !ok {
		return View{}, errUnknown
	}
	v := View{}
	if v.Role, err = RoleIn(ctx, r, p.Room, actor); err != nil {
		return View{}, err
	}
	if p.Archived() && (v.Role != RoleModerator || p.Owner != actor.Person) {
		return View{}, errUnknown
	}
	v.Entitlement, err = s.awaken(ctx, r, &p, now)
	v.Room = p.Room
	return v, err
}

// awaken fills in whether the room is dormant. A member that may not use anything has no dormant rooms: what stops
// it is its standing, and the pages must say that.
func (s *Service) awaken(ctx context.Context, r store.Reader, p *placed, now instant.Instant) (tariff.Entitlement, error) {
	ent, err := s.deps.Entitled(ctx, r, p.Member, now)
	if err == nil {
		p.Dormant = ent.Allowed && asleep(p.place, ent.Limits.Rooms)
	}
	return ent, err
}

// Get returns a room by its id whoever asks, with Dormant filled in; archived ones too. It joins r and is for the
// packages that run meetings. NotFound (room.unknown).
func (s *Service) Get(ctx context.Context, r store.Reader, room id.Room, now instant.Instant) (Room, error) {
	p, ok, err := roomByID(ctx, r, room)
	if err != nil {
		return Room{}, err
	}
	if !ok {
		return Room{}, errUnknown
	}
	_, err = s.awaken(ctx, r, &p, now)
	return p.Room, err
}

// ByID returns a room by its id whoever asks, without saying whether it is dormant; archived ones too. It joins r.
// NotFound (room.unknown).
func ByID(ctx context.Context, r store.Reader, room id.Room) (Room, error) {
	found, ok, err := plainRoom(ctx, r, room)
	if err == nil && !ok {
		err = errUnknown
	}
	return found, err
}

// Listed is a room in a person's list.
type Listed struct {
	Room
	Role Role // RoleModerator, or RoleViewer where the person is only invited
	Own  bool // the person manages it
}

// ListFor returns the open rooms that the actor owns or is listed in by person, own ones first, then by last use, latest first.
// What runs in them now is asked from the running meetings with the same ids (one query for all). One query, and one
// entitlement for each member concerned. Unauthenticated (session.none) without a session.
func (s *Service) ListFor(ctx context.Context, actor identity.Actor) ([]Listed, error) {
	if err := actor.SignedIn(); err != nil {
		return nil, err
	}
	now := s.deps.Now()
	var out []Listed
	err := s.deps.DB.Read(ctx, func(r store.Reader) error {
		found, err := roomsFor(ctx, r, actor.Person)
		if err != nil {
			return err
		}
		limits := map[id.Member]func(place int) bool{}
		out = make([]Listed, 0, len(found))
		for _, f := range found {
			dormant, known := limits[f.Member]
			if !known {
				ent, err := s.deps.Entitled(ctx, r, f.Member, now)
				if err != nil {
					return err
				}
				dormant = func(place int) bool { return ent.Allowed && asleep(place, ent.Limits.Rooms) }
				limits[f.Member] = dormant
			}
			f.Dormant = dormant(f.place)
			out = append(out, Listed{Room: f.Room, Role: f.role, Own: f.Owner == actor.Person})
		}
		return nil
	})
	return out, err
}

// Archived returns the rooms the actor has put away, latest first.
func (s *Service) Archived(ctx context.Context, actor identity.Actor) ([]Room, error) {
	if err := actor.SignedIn(); err != nil {
		return nil, err
	}
	var out []Room
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		out, err = archivedOf(ctx, r, actor.Person)
		return err
	})
	return out, err
}

// Count returns how many open rooms a member has, dormant ones included. It joins r.
func Count(ctx context.Context, r store.Reader, member id.Member) (int, error) {
	return openPlaces(ctx, r, member)
}

// RoleIn returns what the actor is in the room. Nobody but its people has a role in a room: neither the managers of its
// member nor the operators of the platform (identity.md, section 4). An owner who has left the member is a stranger.
// It joins r.
func RoleIn(ctx context.Context, r store.Reader, room Room, actor identity.Actor) (Role, error) {
	open := RoleNone
	if room.Settings.MayEnter == EnterAnyone {
		open = RoleViewer
	}
	if actor.Kind != identity.ActorPerson {
		return open, nil
	}
	roles, err := membership.RolesOf(ctx, r, room.Member, actor.Person)
	if err != nil {
		return RoleNone, err
	}
	if room.Owner == actor.Person && len(roles) > 0 {
		return RoleModerator, nil
	}
	listed, ok, err := listedRole(ctx, r, room.ID, actor.Person)
	if err != nil || ok {
		return listed, err
	}
	if room.Settings.MayEnter == EnterPeople && len(roles) > 0 {
		return RoleViewer, nil
	}
	return open, nil
}

// managed returns the room when the actor may change it: its owner, and the command line. Others learn what their
// role tells them anyway: co-hosts Forbidden (rooms.owner_only), strangers NotFound (room.unknown). It joins r.
func (s *Service) managed(ctx context.Context, r store.Reader, actor identity.Actor, room id.Room, version int) (Room, error) {
	p, ok, err := roomByID(ctx, r, room)
	if err != nil {
		return Room{}, err
	}
	if !ok {
		return Room{}, errUnknown
	}
	if actor.Runs() != nil {
		role, err := RoleIn(ctx, r, p.Room, actor)
		switch {
		case err != nil:
			return Room{}, err
		case role != RoleModerator:
			return Room{}, errUnknown
		case p.Owner != actor.Person && p.Archived():
			return Room{}, errUnknown
		case p.Owner != actor.Person:
			return Room{}, fault.New(fault.Forbidden, "rooms.owner_only")
		}
	}
	if version != 0 && version != p.Version {
		return Room{}, fault.New(fault.Conflict, "rooms.stale")
	}
	return p.Room, nil
}
