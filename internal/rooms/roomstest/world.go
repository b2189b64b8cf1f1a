// SPDX-License-Identifier: AGPL-3.0-or-later

// Package roomstest builds a small federation for tests of rooms and of what runs in them: a register with the founding
// levels, members, people and rooms.
package roomstest

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/locale/localetest"
	"meetcoop/internal/membership"
	"meetcoop/internal/membership/membershiptest"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
	"meetcoop/internal/tariff/tarifftest"
)

// World is the services of one node on a database.
type World struct {
	*tarifftest.World
	Rooms   *rooms.Service
	Catalog *locale.Catalog
	// Changed, if set, hears of entitlements as the admission gate does.
	Changed membership.Changed
	// Entitled, unless it is replaced, reads the tables.
	Entitled rooms.Entitled

	t testing.TB
	n *atomic.Int64
}

// New builds a federation in an empty database. The clock stands still until it is moved.
func New(t testing.TB, db *store.DB) *World {
	t.Helper()
	w := &World{t: t, n: &atomic.Int64{}, Entitled: tariff.Entitled}
	w.World = tarifftest.New(t, db, tarifftest.Options{Changed: w})
	w.Catalog = localetest.Catalog(t)
	w.Rooms = w.service(db)
	return w
}

func (w *World) service(db *store.DB) *rooms.Service {
	w.t.Helper()
	entitled := func(ctx context.Context, r store.Reader, member id.Member, now instant.Instant) (tariff.Entitlement, error) {
		return w.Entitled(ctx, r, member, now)
	}
	s, err := rooms.New(rooms.Deps{DB: db, Now: w.Clock.Now, Log: slog.New(slog.DiscardHandler), Catalog: w.Catalog, Entitled: entitled})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// Second returns the rooms of another node, which holds another handle on the same database.
func (w *World) Second(db *store.DB) *rooms.Service {
	w.t.Helper()
	return w.service(db)
}

// PersonBorn makes what a newcomer needs, as the program chains it.
func (w *World) PersonBorn(ctx context.Context, tx store.Tx, now instant.Instant, b identity.Birth) error {
	if err := w.Members.PersonBorn(ctx, tx, now, b); err != nil {
		return err
	}
	return w.Rooms.PersonBorn(ctx, tx, now, b)
}

// EntitlementChanged passes on to Changed.
func (w *World) EntitlementChanged(ctx context.Context, tx store.Tx, now instant.Instant, member id.Member) error {
	if w.Changed == nil {
		return nil
	}
	return w.Changed.EntitlementChanged(ctx, tx, now, member)
}

// Organisation puts an organisation into the register that holds the level, and returns it with its owner, who is host.
func (w *World) Organisation(level string) (id.Member, identity.Actor) {
	w.t.Helper()
	n := w.n.Add(1)
	m := w.Member(w.t, fmt.Sprintf("collective-%d", n), level)
	owner := w.Human(fmt.Sprintf("Owner %d", n))
	w.Add(m.ID, owner, membership.RoleOwner, membership.RoleHost)
	return m.ID, owner
}

// Human makes somebody with an account; their address is AddressOf name.
func (w *World) Human(name string) identity.Actor {
	w.t.Helper()
	return membershiptest.Signed(membershiptest.Person(w.t, w.DB, AddressOf(name)))
}

// AddressOf returns the address that Human gives to a name: each name can be used once.
func AddressOf(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), " ", ".") + "@people.example"
}

// Add gives a person roles in a member.
func (w *World) Add(member id.Member, who identity.Actor, roles ...membership.Role) {
	w.t.Helper()
	_, err := w.Members.Add(w.t.Context(), identity.Operator(), membership.AddInput{Member: member, Person: who.Person, Roles: roles})
	w.must(err)
}

// Leave ends a person's place in a member, by somebody who may.
func (w *World) Leave(member id.Member, by, who identity.Actor) {
	w.t.Helper()
	var places []membership.Place
	w.must(w.DB.Read(w.t.Context(), func(r store.Reader) (err error) {
		places, err = membership.Affiliations(w.t.Context(), r, who.Person)
		return err
	}))
	for _, p := range places {
		if p.Member == member {
			w.must(w.Members.End(w.t.Context(), by, membership.EndInput{Member: member, Affiliation: p.ID, Reason: "left"}))
		}
	}
}

// Room opens a room with the given settings; zero settings are the default.
func (w *World) Room(owner identity.Actor, member id.Member, settings rooms.Settings) rooms.Room {
	w.t.Helper()
	r, err := w.Rooms.Create(w.t.Context(), owner, rooms.CreateInput{Member: member, Name: "Weekly round", Settings: settings})
	w.must(err)
	return r
}

func (w *World) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}
