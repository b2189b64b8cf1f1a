// SPDX-License-Identifier: AGPL-3.0-or-later

package rooms

import (
	"context"
	"slices"
	"unicode/utf8"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// PersonBorn opens the first room of somebody who has just signed up, named in their language, in the first member
// where they may open rooms. A member whose level has no room left gets none: that refuses nobody's sign-up.
// It joins tx, and must be called after the register knows the person (identity.Newcomer, chained by the program).
func (s *Service) PersonBorn(ctx context.Context, tx store.Tx, now instant.Instant, b identity.Birth) error {
	places, err := membership.Affiliations(ctx, tx, b.Person)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(places, func(p membership.Place) bool {
		return p.Has(membership.RoleHost)
	})
	if i < 0 {
		return nil // invited as a member without rooms of their own
	}
	ent, err := s.deps.Entitled(ctx, tx, places[i].Member, now)
	if err != nil {
		return err
	}
	used, err := openPlaces(ctx, tx, places[i].Member)
	if err != nil {
		return err
	}
	if !ent.Allowed || !ent.Limits.Rooms.Allows(used+1) {
		return nil
	}
	room := Room{
		ID: id.NewRoom(), Member: places[i].Member, Owner: b.Person, Name: s.firstName(b), Settings: DefaultSettings(), Version: 1, CreatedAt: now,
	}
	if room.Slug, err = s.freeSlug(ctx, tx); err != nil {
		return err
	}
	actor := identity.Actor{Kind: identity.ActorPerson, Person: b.Person, Door: identity.DoorPortal}
	return s.open(ctx, tx, actor, room)
}

// firstName is the person's or organisation's name in a phrase of their language; one too long for a room's name gives
// the phrase without a name.
func (s *Service) firstName(b identity.Birth) string {
	p := s.deps.Catalog.Printer(b.Locale, nil)
	name := b.Name
	if b.Organisation != "" {
		name = b.Organisation
	}
	named := p.T("rooms.first", map[string]any{"Name": name})
	if title, code := identity.CleanTitle(named); code == "" && utf8.RuneCountInString(title) <= identity.MaxNameRunes {
		return title
	}
	return p.T("rooms.first_plain")
}

// freeSlug draws until a slug is free in tx. Two transactions that draw the same free one still meet at the unique
// index; the sign-up is then asked for again.
func (s *Service) freeSlug(ctx context.Context, tx store.Tx) (string, error) {
	for range slugTries {
		slug := newSlug()
		_, taken, err := roomBySlug(ctx, tx, slug)
		if err != nil || !taken {
			return slug, err
		}
	}
	return "", fault.New(fault.Unavailable, "store.contended")
}
