// SPDX-License-Identifier: AGPL-3.0-or-later

package admission_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"meetcoop/internal/admission"
	"meetcoop/internal/admission/admissiontest"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
)

// TestRememberedEntitlementsAreThoseOfTheTables changes what a member may use in every way there is, on two nodes, and lets
// time pass; after each step both nodes' caches say what the tables say.
func TestRememberedEntitlementsAreThoseOfTheTables(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := admissiontest.New(t, db)
		ctx, operator := context.Background(), identity.Operator()
		caches := []*tariff.Cache{tariff.NewCache(admission.EntitlementVersion), tariff.NewCache(admission.EntitlementVersion)}
		errUndone := errors.New("undone")
		outer := t
		rapid.Check(t, func(t *rapid.T) {
			m := w.Create(outer, membership.CreateInput{Name: "Collective", Level: rapid.SampledFrom([]string{"", "level-2"}).Draw(t, "first"), Zone: "Europe/Madrid"})
			var replaced []id.Override
			override := func() error {
				seats := rapid.Int64Range(1, 50).Draw(t, "seats")
				in := tariff.OverrideInput{Member: m.ID, Fields: tariff.OverrideFields{Seats: &seats}, Reason: "test"}
				if days := rapid.IntRange(0, 20).Draw(t, "days"); days > 0 {
					in.Until = w.Clock.Now().In(m.Location()).AddDays(days)
				}
				o, err := w.Levels.Override(ctx, operator, in)
				replaced = append(replaced, o.ID)
				return err
			}
			steps := map[string]func() error{
				"nothing":  func() error { return nil },
				"override": override,
				"end": func() error {
					if len(replaced) == 0 {
						return nil
					}
					return w.Levels.EndOverride(ctx, operator, m.ID, rapid.SampledFrom(replaced).Draw(t, "override"))
				},
				"assign": func() error {
					return w.Levels.Assign(ctx, operator, tariff.AssignInput{Member: m.ID, Level: rapid.SampledFrom([]string{"free", "level-1", "level-2"}).Draw(t, "level")})
				},
				"lend": func() error {
					_, err := w.Members.Lend(ctx, operator, membership.LendInput{
						Member: m.ID, Level: "level-3", ReasonKind: membership.ReasonTrial, Reason: "test",
						Until: w.Clock.Now().In(m.Location()).AddDays(rapid.IntRange(1, 20).Draw(t, "days")),
					})
					return err
				},
				"suspend": func() error { return w.Members.Suspend(ctx, operator, m.ID, "test") },
				"lift":    func() error { return w.Members.Lift(ctx, operator, m.ID, "test") },
				"undone": func() error { // what is read before a rollback must not be remembered
					err := w.DB.Write(ctx, func(tx store.Tx) error {
						err := w.Members.RecordFact(ctx, tx, w.Clock.Now(), operator, membership.Fact{
							Member: m.ID, Source: "undone", Kind: membership.FactGranted, Level: "level-3", From: w.Clock.Now().In(m.Location()), HappenedAt: w.Clock.Now(),
						})
						if err == nil {
							_, err = caches[0].Entitled(ctx, tx, m.ID, w.Clock.Now())
						}
						if err != nil {
							return err
						}
						return errUndone
					})
					if errors.Is(err, errUndone) {
						return nil
					}
					return err
				},
				"time": func() error {
					w.Clock.Pass(time.Duration(rapid.IntRange(1, 15*24).Draw(t, "hours")) * time.Hour)
					return nil
				},
			}
			for range rapid.IntRange(1, 12).Draw(t, "steps") {
				name := rapid.SampledFrom([]string{"nothing", "override", "override", "end", "assign", "lend", "suspend", "lift", "undone", "time", "time"}).Draw(t, "step")
				if err := steps[name](); err != nil && fault.KindOf(err) != fault.Conflict && fault.KindOf(err) != fault.NotFound {
					t.Fatalf("%s: %v", name, err)
				}
				for _, c := range caches {
					if rapid.Bool().Draw(t, "look") {
						same(t, w.DB, c, m.ID, w.Clock.Now())
					}
				}
			}
		})
	})
}

// same fails when the cache says something else than the tables in the same snapshot.
func same(t *rapid.T, db *store.DB, c *tariff.Cache, member id.Member, now instant.Instant) {
	t.Helper()
	ctx := context.Background()
	var remembered, fresh tariff.Entitlement
	err := db.Read(ctx, func(r store.Reader) (err error) {
		if remembered, err = c.Entitled(ctx, r, member, now); err == nil {
			fresh, err = tariff.Entitled(ctx, r, member, now)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fresh, remembered, cmpopts.EquateComparable(instant.Date{}, instant.Instant{})); diff != "" {
		t.Fatalf("tables (-), cache (+):\n%s", diff)
	}
}
