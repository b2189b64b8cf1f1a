// SPDX-License-Identifier: AGPL-3.0-or-later

package rooms

import (
	"context"
	"errors"
	"log/slog"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// Entitled tells what a member may use now. It joins the reader's transaction. tariff provides it.
type Entitled func(ctx context.Context, r store.Reader, member id.Member, now instant.Instant) (tariff.Entitlement, error)

// Deps is what the service stands on. Every field is required.
type Deps struct {
	DB       *store.DB
	Now      instant.Clock
	Log      *slog.Logger
	Catalog  *locale.Catalog // names the first room of a newcomer
	Entitled Entitled
}

// Service is the verbs on rooms. It is safe for concurrent use.
type Service struct{ deps Deps }

// New returns the service, or an error that names what is missing.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.Now == nil || d.Log == nil || d.Catalog == nil || d.Entitled == nil {
		return nil, errors.New("rooms: DB, Now, Log, Catalog and Entitled are required")
	}
	return &Service{d}, nil
}

// CreateInput describes a new room. The zero Settings mean DefaultSettings.
type CreateInput struct {
	Member   id.Member
	Name     string
	Settings Settings
}

// Validate returns Invalid (input.invalid) with every wrong field.
func (in CreateInput) Validate() error {
	var c fault.Check
	cleanName(&c, in.Name)
	if in.Settings != (Settings{}) {
		in.Settings.check(&c)
	}
	return c.Err()
}

// slugTries bounds how often a taken slug is drawn anew. With 5,000 rooms a draw meets a taken one once in 280,000
// times, so a second miss means that something else is wrong.
const slugTries = 4

// Create opens a room that the actor owns. NotFound (member.unknown) when the actor has no place in the member,
// Forbidden (member.forbidden) without the role host there, LimitReached (rooms.limit with Limit and Used) when the
// level's rooms are in use: of two at once at the last free place exactly one wins. Forbidden (member.suspended).
func (s *Service) Create(ctx context.Context, actor identity.Actor, in CreateInput) (Room, error) {
	if err := in.Validate(); err != nil {
		return Room{}, err
	}
	if err := actor.SignedIn(); err != nil {
		return Room{}, err
	}
	room := Room{ID: id.NewRoom(), Member: in.Member, Owner: actor.Person, Settings: in.Settings, Version: 1, CreatedAt: s.deps.Now()}
	room.Name, _ = identity.CleanTitle(in.Name)
	if room.Settings == (Settings{}) {
		room.Settings = DefaultSettings()
	}
	return s.insert(ctx, room, func(tx store.Tx, room Room) error {
		if _, err := membership.Authorise(ctx, tx, actor, membership.ActionRoomOpen, in.Member); err != nil {
			return err
		}
		return s.open(ctx, tx, actor, room)
	})
}

// insert runs fn in a transaction with a fresh slug, and again with another when that one is taken.
func (s *Service) insert(ctx context.Context, room Room, fn func(store.Tx, Room) error) (Room, error) {
	for try := 1; ; try++ {
		room.Slug = newSlug()
		err := s.deps.DB.Write(ctx, func(tx store.Tx) error { return fn(tx, room) })
		if err == nil {
			return room, nil
		}
		if fault.CodeOf(err) != "store.unique" || try == slugTries {
			return Room{}, err
		}
	}
}

// open writes the room and takes its place among the member's rooms. It joins tx.
func (s *Service) open(ctx context.Context, tx store.Tx, actor identity.Actor, room Room) error {
	if err := s.takePlace(ctx, tx, room.Member, room.CreatedAt); err != nil {
		return err
	}
	if err := insertRoom(ctx, tx, room); err != nil {
		return err
	}
	return audit(ctx, tx, room.CreatedAt, actor, "room.create", room, nil)
}

// takePlace counts one more open room of the member, or refuses. The row it moves is what two writers collide on.
func (s *Service) takePlace(ctx context.Context, tx store.Tx, member id.Member, now instant.Instant) error {
	ent, err := s.deps.Entitled(ctx, tx, member, now)
	if err != nil {
		return err
	}
	if !ent.Allowed {
		return fault.New(fault.Forbidden, "member.suspended")
	}
	used, err := movePlace(ctx, tx, member, +1)
	if err != nil {
		return err
	}
	if !ent.Limits.Rooms.Allows(used) {
		n, _ := ent.Limits.Rooms.Int()
		return fault.New(fault.LimitReached, "rooms.limit", fault.Params{"Limit": n, "Used": used - 1})
	}
	return nil
}

// UpdateInput is what the owner of a room may change about it at once.
type UpdateInput struct {
	Name     string // "": as it is
	Settings Settings
	Version  int // of the room the owner looked at; 0 for "whatever it is now"
}

// Update gives the room another name and replaces its settings, both or nothing. A running meeting keeps who is
// inside; who comes next meets the new settings. Conflict (rooms.stale) when somebody changed the room meanwhile,
// Conflict (rooms.archived); Invalid with every wrong field: person.name_*, rooms.access_code and input.choice.
func (s *Service) Update(ctx context.Context, actor identity.Actor, room id.Room, in UpdateInput) (Room, error) {
	var c fault.Check
	name := ""
	if in.Name != "" {
		name = cleanName(&c, in.Name)
	}
	in.Settings.check(&c)
	if err := c.Err(); err != nil {
		return Room{}, err
	}
	return s.change(ctx, actor, room, in.Version, "room.settings", func(r *Room) map[string]string {
		detail := map[string]string{"may_start": string(in.Settings.MayStart), "may_enter": string(in.Settings.MayEnter)}
		if name != "" && name != r.Name {
			detail["renamed"] = "yes" // the name itself may be personal
			r.Name = name
		}
		r.Settings = in.Settings
		return detail
	})
}

// Pin keeps the room awake before others when the level shrinks, or no longer.
func (s *Service) Pin(ctx context.Context, actor identity.Actor, room id.Room, pinned bool) (Room, error) {
	return s.change(ctx, actor, room, 0, "room.pin", func(r *Room) map[string]string {
		r.Pinned = pinned
		return nil
	})
}

func (s *Service) change(ctx context.Context, actor identity.Actor, room id.Room, version int, action string, fn func(*Room) map[string]string) (Room, error) {
	now := s.deps.Now()
	var out Room
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		r, err := s.managed(ctx, tx, actor, room, version)
		if err != nil {
			return err
		}
		if r.Archived() {
			return fault.New(fault.Conflict, "rooms.archived")
		}
		detail := fn(&r)
		r.Version++
		out = r
		if err := updateRoom(ctx, tx, r); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, action, r, detail)
	})
	return out, err
}

// Archive puts the room away: its link answers like an unknown one, its place is free. A meeting that runs goes on
// until its people leave. Archiving twice is no error.
func (s *Service) Archive(ctx context.Context, actor identity.Actor, room id.Room) error {
	now := s.deps.Now()
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		r, err := s.managed(ctx, tx, actor, room, 0)
		if err != nil || r.Archived() {
			return err
		}
		if _, err := movePlace(ctx, tx, r.Member, -1); err != nil {
			return err
		}
		r.ArchivedAt, r.Version = now, r.Version+1
		if err := updateRoom(ctx, tx, r); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, "room.archive", r, nil)
	})
}

// Restore opens an archived room again under its old link, if the level has a place for it: else LimitReached
// (rooms.limit). Restoring an open room is no error.
func (s *Service) Restore(ctx context.Context, actor identity.Actor, room id.Room) error {
	now := s.deps.Now()
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		r, err := s.managed(ctx, tx, actor, room, 0)
		if err != nil || !r.Archived() {
			return err
		}
		if err := s.takePlace(ctx, tx, r.Member, now); err != nil {
			return err
		}
		r.ArchivedAt, r.Version = instant.Instant{}, r.Version+1
		if err := updateRoom(ctx, tx, r); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, "room.restore", r, nil)
	})
}

// Used notes that a meeting began in the room. It joins tx; the owner of running meetings calls it.
func Used(ctx context.Context, tx store.Tx, now instant.Instant, room id.Room) error {
	_, err := tx.Exec(ctx, sqlUsed, room, now)
	return err
}

func audit(ctx context.Context, tx store.Tx, now instant.Instant, actor identity.Actor, action string, r Room, detail map[string]string) error {
	return identity.Audit(ctx, tx, now, identity.Event{Actor: actor, Action: action, Object: string(r.ID), Member: r.Member, Detail: detail})
}
