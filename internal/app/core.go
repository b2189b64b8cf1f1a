// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/admission"
	"meetcoop/internal/decision"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/membership"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
	"meetcoop/internal/usage"
	"meetcoop/locales"
)

// core is what both the server and the command line stand on.
type core struct {
	cfg      Config
	log      *slog.Logger
	now      instant.Clock
	db       *store.DB
	catalog  *locale.Catalog
	registry *prometheus.Registry

	identity  *identity.Service
	members   *membership.Service
	decisions *decision.Service
	levels    *tariff.Service
	rooms     *rooms.Service
	fleet     *fleet.Service
	facts     *usage.Recorder
	key       *lockbox
	gate      *admission.Gate
}

// open connects to the database without changing it.
func (c Config) open(ctx context.Context, log *slog.Logger, dryRun bool) (*store.DB, error) {
	return store.Open(ctx, store.Config{Path: filepath.Join(c.Data, "meetcoop.db"), URL: c.DatabaseURL, Log: log, DryRun: dryRun})
}

// newCore builds the capabilities on an open database. The two circles between them are closed here: membership tells the gate of
// changes and writes invitations through identity; identity tells membership and rooms of births.
func newCore(cfg Config, log *slog.Logger, db *store.DB, now instant.Clock, registry *prometheus.Registry) (*core, error) {
	c := &core{cfg: cfg, log: log, now: now, db: db, registry: registry, facts: usage.NewRecorder()}
	var err error
	if c.catalog, err = locale.Load(locales.FS); err != nil {
		return nil, fmt.Errorf("load texts: %w", err)
	}
	c.key = newLockbox(cfg, db, now)
	entitled := tariff.NewCache(admission.EntitlementVersion).Entitled
	if c.gate, err = admission.New(admission.Deps{DB: db, Now: now, Log: log, Entitled: entitled, Facts: c.facts, Registry: registry, Lease: cfg.SeatLease, Hold: cfg.SeatHold}); err != nil {
		return nil, err
	}
	people := &people{}
	c.identity, err = identity.New(identity.Deps{
		DB: db, Now: now, Log: log, Catalog: c.catalog, PublicURL: cfg.BaseURL().String(), Newcomer: people, Invitee: people, Registry: registry, Demo: cfg.Demo,
	})
	if err != nil {
		return nil, err
	}
	if c.members, err = membership.New(membership.Deps{DB: db, Now: now, Log: log, Levels: tariff.Register{}, Changed: c.gate, Inviter: c.identity, Sealer: c.key}); err != nil {
		return nil, err
	}
	if c.decisions, err = decision.New(decision.Deps{DB: db, Now: now, Log: log}); err != nil {
		return nil, err
	}
	if c.levels, err = tariff.New(tariff.Deps{DB: db, Now: now, Log: log, Members: c.members, Changed: c.gate}); err != nil {
		return nil, err
	}
	if c.rooms, err = rooms.New(rooms.Deps{DB: db, Now: now, Log: log, Catalog: c.catalog, Entitled: entitled}); err != nil {
		return nil, err
	}
	if c.fleet, err = fleet.New(fleet.Deps{DB: db, Now: now, Sealer: c.key}); err != nil {
		return nil, err
	}
	people.members, people.rooms = c.members, c.rooms
	return c, nil
}

// people tells those who must know that somebody was born or has accepted an invitation, in the order in which they build on each other.
type people struct {
	members *membership.Service
	rooms   *rooms.Service
}

// PersonBorn implements identity.Newcomer.
func (p *people) PersonBorn(ctx context.Context, tx store.Tx, now instant.Instant, b identity.Birth) error {
	if err := p.members.PersonBorn(ctx, tx, now, b); err != nil {
		return err
	}
	if _, err := p.acceptPending(ctx, tx, now, b.Person); err != nil {
		return err
	}
	return p.rooms.PersonBorn(ctx, tx, now, b)
}

// InvitationAccepted implements identity.Invitee. Whoever was invited as a host, and has no room yet, gets a first one.
func (p *people) InvitationAccepted(ctx context.Context, tx store.Tx, now instant.Instant, a identity.Acceptance) error {
	if err := p.members.InvitationAccepted(ctx, tx, now, a); err != nil {
		return err
	}
	if !a.New {
		return nil
	}
	person, err := identity.GetPerson(ctx, tx, a.Person)
	if err != nil {
		return err
	}
	return p.rooms.PersonBorn(ctx, tx, now, identity.Birth{Person: a.Person, Name: person.Name, Locale: person.Locale, Zone: person.Zone})
}

// acceptPending accepts what other members had offered to the addresses of somebody who has just proven them.
func (p *people) acceptPending(ctx context.Context, tx store.Tx, now instant.Instant, person id.Person) ([]membership.Accepted, error) {
	addresses, err := identity.EmailsOf(ctx, tx, person)
	if err != nil {
		return nil, err
	}
	keys := make([]string, 0, len(addresses))
	for _, a := range addresses {
		if parsed, ok := identity.ParseAddress(a.Address); ok {
			keys = append(keys, parsed.Key())
		}
	}
	return p.members.AcceptPending(ctx, tx, now, person, keys...)
}

// found gives an empty instance what every instance has: the house, and the founding levels. It is safe to repeat.
func (c *core) found(ctx context.Context, from instant.Date) error {
	if _, err := c.members.EnsureHouse(ctx); err != nil {
		return fmt.Errorf("make the house: %w", err)
	}
	_, err := c.levels.SeedFoundingLevels(ctx, from)
	if err != nil && !isFoundingOver(err) {
		return fmt.Errorf("define founding levels: %w", err)
	}
	return nil
}

// today is the day on which founding levels come into force: where the house is.
func (c *core) today() instant.Date { return c.now().In(time.UTC) }
