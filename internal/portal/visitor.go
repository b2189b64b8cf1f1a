// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"

	"meetcoop/internal/fault"
	"meetcoop/internal/identity"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// Sessions is the Visitors of the running program: sessions of identity, hats of membership.
type Sessions struct {
	DB       *store.DB
	Identity *identity.Service
	// Token reads the session token out of the cookie; "" without one.
	Token func(*http.Request) string
}

// Visitor implements Visitors.
func (s Sessions) Visitor(ctx context.Context, r *http.Request) (Visitor, error) {
	token := s.Token(r)
	if token == "" {
		return Visitor{Actor: identity.Anonymous()}, nil
	}
	actor, person, err := s.Identity.Session(ctx, token)
	if fault.KindOf(err) == fault.Unauthenticated {
		return Visitor{Actor: identity.Anonymous()}, nil
	}
	if err != nil {
		return Visitor{Actor: identity.Anonymous()}, fmt.Errorf("read session: %w", err)
	}
	v := Visitor{Actor: actor, Person: person}
	err = s.DB.Read(ctx, func(r store.Reader) error {
		places, err := membership.Affiliations(ctx, r, person.ID)
		if err != nil {
			return err
		}
		for _, p := range places {
			if p.Status == membership.AffiliationActive {
				v.Hats = append(v.Hats, Hat{Member: p.In, Roles: p.Roles})
			}
		}
		return nil
	})
	if err != nil {
		return v, fmt.Errorf("read hats: %w", err)
	}
	slices.SortStableFunc(v.Hats, func(a, b Hat) int { return cmp.Compare(weight(a), weight(b)) })
	return v, nil
}

// weight is the place of the hat's weightiest role in membership.Roles.
func weight(hat Hat) int {
	return slices.IndexFunc(membership.Roles, func(r membership.Role) bool { return hat.Has(r) })
}

// Prefer implements Visitors.
func (s Sessions) Prefer(ctx context.Context, v Visitor, p Preference) error {
	in := identity.ProfileInput{Name: v.Person.Name, Locale: v.Person.Locale, Zone: v.Person.Zone, Theme: v.Person.Theme}
	if p.Locale != "" {
		in.Locale = p.Locale
	}
	if p.Theme != "" {
		in.Theme = p.Theme
	}
	_, err := s.Identity.UpdateProfile(ctx, v.Actor, in)
	return err
}
