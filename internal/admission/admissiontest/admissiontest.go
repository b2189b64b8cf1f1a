// SPDX-License-Identifier: AGPL-3.0-or-later

// Package admissiontest makes a gate on a register with levels and one engine, for tests of admission
// and of what stands on it.
package admissiontest

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/admission"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
	"meetcoop/internal/tariff/tarifftest"
	"meetcoop/internal/usage"
)

// World is one node: a register with the founding levels, an engine that is up, and a started gate.
// The clock stands until Pass.
type World struct {
	*tarifftest.World
	Fleet  *fleet.Service
	Server fleet.Server
	Gate   *admission.Gate

	t testing.TB
}

// Options change what New connects. The zero value is ready to use.
type Options struct {
	Observer  admission.Observer
	Log       *slog.Logger // nil discards
	MaxPeople int          // of the engine; 0 is no limit
	NoEngine  bool         // registers none
	Registry  prometheus.Registerer
}

// New makes a World on an empty database and stops its gate with the test.
func New(t testing.TB, db *store.DB, opts ...Options) *World {
	t.Helper()
	relay := &relay{}
	w := &World{t: t, World: tarifftest.New(t, db, tarifftest.Options{Changed: relay})}
	w.open(db, opts...)
	relay.to = w.Gate
	return w
}

// Second returns another node on the same database, which db is a handle of its own on. It shares the
// clock and the engine.
func (w *World) Second(db *store.DB, opts ...Options) *World {
	w.t.Helper()
	o := Options{}
	if len(opts) > 0 {
		o = opts[0]
	}
	o.NoEngine = true
	second := &World{t: w.t, World: w.World, Server: w.Server}
	second.open(db, o)
	return second
}

func (w *World) open(db *store.DB, opts ...Options) {
	w.t.Helper()
	var o Options
	if len(opts) > 0 {
		o = opts[0]
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	var err error
	w.Fleet, err = fleet.New(fleet.Deps{DB: db, Now: w.Clock.Now})
	w.must(err)
	if !o.NoEngine {
		w.Server, err = w.Fleet.RegisterEngine(context.Background(), fleet.RegisterInput{
			StableKey: "test", Name: "test", URL: "ws://127.0.0.1:7880", Key: "key", Secret: "secret", MaxPeople: o.MaxPeople,
		})
		w.must(err)
	}
	w.Gate, err = admission.New(admission.Deps{DB: db, Now: w.Clock.Now, Log: o.Log, Entitled: tariff.Entitled, Observer: o.Observer, Registry: o.Registry})
	w.must(err)
	w.must(w.Gate.Start(context.Background()))
	w.t.Cleanup(w.Gate.Stop)
}

func (w *World) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// relay stands for the gate while the register is made.
type relay struct{ to membership.Changed }

func (r *relay) EntitlementChanged(ctx context.Context, tx store.Tx, now instant.Instant, member id.Member) error {
	if r.to == nil {
		return nil
	}
	return r.to.EntitlementChanged(ctx, tx, now, member)
}

// Host is a member with what a join on its behalf needs.
type Host struct {
	ID         id.Member
	Connection id.Connection
}

// Host makes a member with that slug on the level "organisation", with so many seats, that many in each
// meeting too.
func (w *World) Host(slug string, seats int) Host {
	w.t.Helper()
	h := w.HostOn(slug, "organisation")
	n := int64(seats)
	w.Override(w.t, h.ID, tariff.OverrideFields{Seats: &n, Participants: &n})
	return h
}

// HostOn makes a member with that slug on a level.
func (w *World) HostOn(slug, level string) Host {
	w.t.Helper()
	m := w.Member(w.t, slug, level)
	var c id.Connection
	w.must(w.DB.Read(context.Background(), func(r store.Reader) (err error) {
		c, err = membership.PortalConnection(context.Background(), r, m.ID)
		return err
	}))
	return Host{m.ID, c}
}

// Joining is a join of who, as a viewer who may start, into a room. The same room and who make the same
// person in the same room; the participant is a new one each time.
func (h Host) Joining(room, who string) admission.JoinInput {
	return admission.JoinInput{
		Member: h.ID, Connection: h.Connection, ExternalID: room, Participant: id.NewParticipant(), Person: usage.KeyOf(h.Connection, who),
		Role: admission.RoleViewer, MayStart: true, Meeting: id.NewMeeting(), Cap: tariff.Unlimited,
	}
}

// Join lets who into a room and fails the test when that is refused or queued.
func (w *World) Join(h Host, room, who string) admission.Admission {
	w.t.Helper()
	a, err := w.Gate.Join(context.Background(), h.Joining(room, who))
	w.must(err)
	if a.Waiting {
		w.t.Fatalf("%s waits for %s", who, room)
	}
	return a
}

// Pass moves the clock on, with a heartbeat of the engine each second and a tick of the gate at the end.
func (w *World) Pass(d time.Duration) {
	w.t.Helper()
	w.Clock.Pass(d)
	w.must(w.Fleet.Heartbeat(context.Background(), w.Server.ID, fleet.ObservedUp))
	w.must(w.Gate.Tick(context.Background()))
}

// Usage returns what a member uses now.
func (w *World) Usage(h Host) admission.Usage {
	w.t.Helper()
	var u admission.Usage
	w.must(w.DB.Read(context.Background(), func(r store.Reader) (err error) {
		u, err = w.Gate.UsageNow(context.Background(), r, h.ID, w.Clock.Now())
		return err
	}))
	return u
}
