// SPDX-License-Identifier: AGPL-3.0-or-later

// Package tarifftest makes a register with the founding levels, as tests of other packages need it.
package tarifftest

import (
	"context"
	"log/slog"
	"testing"

	"meetcoop/internal/decision"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/membership/membershiptest"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// World is a register on a database: the house and the founding levels of July 2020.
type World struct {
	DB        *store.DB
	Clock     *membershiptest.Clock
	Members   *membership.Service
	Decisions *decision.Service
	Levels    *tariff.Service
	House     membership.Member
	Told      *membershiptest.Told    // who was told about; nil when Options.Changed is set
	Letters   *membershiptest.Letters // the invitations written
}

// Options change what New connects. The zero value is ready to use.
type Options struct {
	Clock   *membershiptest.Clock // nil is a new one
	Changed membership.Changed    // nil is a Told
	Empty   bool                  // no levels
}

// New makes a World.
func New(t testing.TB, db *store.DB, opts ...Options) *World {
	t.Helper()
	var o Options
	if len(opts) > 0 {
		o = opts[0]
	}
	w := &World{DB: db, Clock: o.Clock, Letters: &membershiptest.Letters{}}
	if w.Clock == nil {
		w.Clock = membershiptest.NewClock()
	}
	changed := o.Changed
	if changed == nil {
		w.Told = &membershiptest.Told{}
		changed = w.Told
	}
	log := slog.New(slog.DiscardHandler)
	var err error
	w.Members, err = membership.New(membership.Deps{DB: db, Now: w.Clock.Now, Log: log, Levels: tariff.Register{}, Changed: changed, Inviter: w.Letters, Sealer: membershiptest.Sealer{}})
	must(t, err)
	w.Decisions, err = decision.New(decision.Deps{DB: db, Now: w.Clock.Now, Log: log})
	must(t, err)
	w.Levels, err = tariff.New(tariff.Deps{DB: db, Now: w.Clock.Now, Log: log, Members: w.Members, Changed: changed})
	must(t, err)
	w.House, err = w.Members.EnsureHouse(context.Background())
	must(t, err)
	if !o.Empty {
		_, err = w.Levels.SeedFoundingLevels(context.Background(), instant.NewDate(2020, 7, 1))
		must(t, err)
	}
	return w
}

// Member makes a user organisation with that slug; level "" leaves it free.
func (w *World) Member(t testing.TB, slug, level string) membership.Member {
	t.Helper()
	return w.Create(t, membership.CreateInput{Name: slug, Slug: slug, Level: level, Zone: "Europe/Madrid"})
}

// Create makes a member as the command line does.
func (w *World) Create(t testing.TB, in membership.CreateInput) membership.Member {
	t.Helper()
	m, err := w.Members.Create(context.Background(), identity.Operator(), in)
	must(t, err)
	return m
}

// Person makes a person with that address and gives them roles in a member.
func (w *World) Person(t testing.TB, member id.Member, address string, roles ...membership.Role) id.Person {
	t.Helper()
	p := membershiptest.Person(t, w.DB, address)
	_, err := w.Members.Add(context.Background(), identity.Operator(), membership.AddInput{Member: member, Person: p, Roles: roles})
	must(t, err)
	return p
}

// Override replaces single limits of a member from now on.
func (w *World) Override(t testing.TB, member id.Member, f tariff.OverrideFields) tariff.LimitOverride {
	t.Helper()
	o, err := w.Levels.Override(context.Background(), identity.Operator(), tariff.OverrideInput{Member: member, Fields: f, Reason: "test"})
	must(t, err)
	return o
}

// Entitlement returns what a member may use now.
func (w *World) Entitlement(t testing.TB, member id.Member) tariff.Entitlement {
	t.Helper()
	e, err := w.Levels.Entitlement(context.Background(), member)
	must(t, err)
	return e
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
