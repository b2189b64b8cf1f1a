// SPDX-License-Identifier: AGPL-3.0-or-later

package membership

import (
	"context"
	"strings"

	"golang.org/x/text/language"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/store"
)

// CreateInput describes a new member. Only Name is required.
type CreateInput struct {
	Name       string
	Slug       string     // "" makes one from the name
	Kind       Kind       // "" is KindUser
	Individual bool       // not for operational members
	LegalForm  string     // at most 80 characters
	Country    string     // ISO 3166-1 alpha-2, or ""
	Zone       string     // "" is the zone of the house
	Locale     locale.Tag // "" is the language of the house
	Level      string     // granted from today; "" leaves the free level
	Steward    string     // slug of an operational member; "" is the house
}

// Validate returns Invalid (input.invalid) with every wrong field.
func (in *CreateInput) Validate() error {
	var c fault.Check
	name, code := identity.CleanTitle(in.Name)
	c.Field(code == "", "name", memberCode(code), fault.Params{"Limit": identity.MaxNameRunes})
	in.Name = name
	if in.Slug != "" {
		code := slugCode(in.Slug)
		c.Field(code == "", "slug", code)
	}
	if in.Kind == "" {
		in.Kind = KindUser
	}
	c.Field(in.Kind == KindUser || in.Kind == KindOperational, "kind", "member.kind_unknown")
	c.Field(!in.Individual || in.Kind != KindOperational, "individual", "member.individual_operational")
	if in.LegalForm != "" {
		form, code := identity.CleanTitle(in.LegalForm)
		c.Field(code == "", "legal_form", memberCode(code), fault.Params{"Limit": identity.MaxNameRunes})
		in.LegalForm = form
	}
	if in.Country != "" {
		region, err := language.ParseRegion(in.Country)
		c.Field(err == nil && region.IsCountry() && len(in.Country) == 2, "country", "member.country_unknown")
		in.Country = strings.ToUpper(in.Country)
	}
	c.Field(in.Zone == "" || KnownZone(in.Zone), "zone", "member.zone_unknown")
	if in.Locale != "" {
		_, ok := locale.Parse(string(in.Locale))
		c.Field(ok, "locale", "member.locale_unknown")
	}
	return c.Err()
}

// memberCode turns a code of identity about a person's name into the one about a member's; "" stays.
func memberCode(code string) string {
	return map[string]string{
		"person.name_empty": "member.name_empty", "person.name_long": "member.name_long",
		"person.name_characters": "member.name_characters", "person.name_link": "member.name_link",
	}[code]
}

// Create puts a member into the register, with its connection, its steward and, when Level is given, a
// grant of it from today. Invalid (input.invalid, with the fields), Conflict (member.slug_taken),
// NotFound (member.steward_unknown), Forbidden (member.forbidden).
func (s *Service) Create(ctx context.Context, actor identity.Actor, in CreateInput) (Member, error) {
	if err := Check(actor, ActionMemberCreate, Target{}); err != nil {
		return Member{}, err
	}
	if err := in.Validate(); err != nil {
		return Member{}, err
	}
	now := s.deps.Now()
	var out Member
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		house, err := GetBySlug(ctx, tx, HouseSlug)
		if err != nil {
			return err
		}
		steward := house
		if in.Steward != "" && in.Steward != HouseSlug {
			found, ok, err := FindBySlug(ctx, tx, in.Steward)
			if err != nil {
				return err
			}
			if !ok || found.Kind != KindOperational || in.Kind == KindOperational {
				return fault.New(fault.NotFound, "member.steward_unknown")
			}
			steward = found
		}
		out, err = s.enter(ctx, tx, now, actor, house, in, steward.ID)
		if err != nil || in.Level == "" {
			return err
		}
		day := now.In(out.Location())
		exists, err := s.deps.Levels.LevelExists(ctx, tx, in.Level, day)
		if err != nil {
			return err
		}
		var c fault.Check
		c.Field(exists, "level", "level.unknown")
		if err := c.Err(); err != nil {
			return err
		}
		return s.record(ctx, tx, now, Fact{Member: out.ID, Source: "create:" + string(out.ID), Kind: FactGranted, Level: in.Level, From: day, HappenedAt: now})
	})
	if err == nil {
		s.deps.Log.InfoContext(ctx, "member created", "member", out.ID, "kind", out.Kind, "level", in.Level)
	}
	return out, err
}

// enter writes the rows every member has and one audit event. It joins tx.
func (s *Service) enter(ctx context.Context, tx store.Tx, now instant.Instant, actor identity.Actor, house Member, in CreateInput, steward id.Member) (Member, error) {
	m := Member{
		ID: id.NewMember(), Slug: in.Slug, Name: in.Name, Kind: in.Kind, Individual: in.Individual,
		LegalForm: in.LegalForm, Country: in.Country, Zone: in.Zone, Locale: in.Locale, CreatedAt: now,
	}
	if m.Zone == "" {
		m.Zone = house.Zone
	}
	if m.Locale == "" {
		m.Locale = house.Locale
	}
	if steward == "" {
		steward = m.ID // the house looks after itself
	}
	if m.Slug == "" {
		base := slugBase(m.Name)
		taken, err := slugsLike(ctx, tx, base)
		if err != nil {
			return m, err
		}
		m.Slug = freeSlug(base, taken)
	}
	inserted, err := insertMember(ctx, tx, m)
	if err := unique(inserted, err, "member.slug_taken", fault.Params{"Slug": m.Slug}); err != nil {
		return m, err
	}
	if err := insertPortalConnection(ctx, tx, id.NewConnection(), m.ID, now); err != nil {
		return m, err
	}
	st := Stewardship{ID: id.NewStewardship(), Steward: steward, Member: m.ID, From: now, Reason: "entered"}
	if err := insertStewardship(ctx, tx, st); err != nil {
		return m, err
	}
	return m, identity.Audit(ctx, tx, now, identity.Event{
		Actor: actor, Action: "member.create", Object: string(m.ID), Member: m.ID,
		Detail: map[string]string{"kind": string(m.Kind), "steward": string(steward), "level": in.Level},
	})
}

// EnsureHouse makes the built-in operational member when there is none, and returns it. Two processes
// may call it at once.
func (s *Service) EnsureHouse(ctx context.Context) (Member, error) {
	now := s.deps.Now()
	var out Member
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		found, ok, err := FindBySlug(ctx, tx, HouseSlug)
		if err != nil || ok {
			out = found
			return err
		}
		out, err = s.enter(ctx, tx, now, identity.System(), Member{Zone: "Europe/Brussels", Locale: locale.English},
			CreateInput{Name: "House", Slug: HouseSlug, Kind: KindOperational}, "")
		return err
	})
	return out, err
}

// PersonBorn gives a person who signed up a place of their own: an organisation of which they are owner
// and host, or an individual member. It implements identity.Newcomer and joins tx. What the person chose
// is recorded as chosen; a level that has gone since the form was sent leaves the free one, as nobody is
// there to correct the form. Invitations bound to an address are accepted elsewhere (AcceptPending).
func (s *Service) PersonBorn(ctx context.Context, tx store.Tx, now instant.Instant, b identity.Birth) error {
	house, err := GetBySlug(ctx, tx, HouseSlug)
	if err != nil {
		return err
	}
	actor := identity.Actor{Kind: identity.ActorPerson, Person: b.Person, Door: identity.DoorPortal}
	in := CreateInput{Name: b.Organisation, Kind: KindUser, Zone: b.Zone, Locale: b.Locale}
	if in.Name == "" {
		in.Name, in.Individual = b.Name, true
	}
	if !KnownZone(in.Zone) {
		in.Zone = house.Zone
	}
	m, err := s.enter(ctx, tx, now, actor, house, in, house.ID)
	if err != nil {
		return err
	}
	if b.Level != "" && b.Level != DefaultPolicy.FreeLevel {
		day := now.In(m.Location())
		exists, err := s.deps.Levels.LevelExists(ctx, tx, b.Level, day)
		if err != nil {
			return err
		}
		if exists {
			f := Fact{Member: m.ID, Source: "signup:" + string(b.Person), Kind: FactChosen, Level: b.Level, From: day, HappenedAt: now}
			if err := s.record(ctx, tx, now, f); err != nil {
				return err
			}
		}
	}
	return s.firstOwner(ctx, tx, now, m.ID, b.Person)
}
