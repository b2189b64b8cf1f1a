// SPDX-License-Identifier: AGPL-3.0-or-later

package fleet_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/fleet"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership/membershiptest"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

func TestWhatIsDoneToAServerIsAudited(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, err := fleet.New(fleet.Deps{DB: db, Now: instant.System(0), Sealer: membershiptest.Sealer{}})
		must(t, err)
		v, err := s.Add(ctx, fleet.AddInput{Name: "bbb1", URL: "https://bbb1.example/bigbluebutton/api", Secret: "very-secret", LoadUnits: fleet.UnitsOf(1), Admin: fleet.AdminEnabled, Actor: identity.Operator()})
		must(t, err)
		_, err = s.SetAdmin(ctx, fleet.AdminInput{Actor: identity.Operator(), Server: v.ID, Admin: fleet.AdminDisabled, Force: true, Panic: true})
		must(t, err)
		_, err = s.SetAdmin(ctx, fleet.AdminInput{Server: v.ID, Admin: fleet.AdminDisabled}) // the program itself
		must(t, err)
		must(t, s.Remove(ctx, identity.Operator(), v.ID))

		type line struct {
			Action string
			Who    identity.ActorKind
			Detail map[string]string
		}
		want := []line{
			{"server.remove", identity.ActorOperator, nil},
			{"server.admin", identity.ActorSystem, map[string]string{"admin": "disabled", "meetings": "0"}},
			{"server.admin", identity.ActorOperator, map[string]string{"admin": "disabled", "meetings": "0", "panic": "yes"}},
			{"server.add", identity.ActorOperator, map[string]string{"admin": "enabled"}},
		}
		var got []line
		must(t, db.Read(ctx, func(r store.Reader) error {
			events, err := identity.AuditList(ctx, r, identity.AuditFilter{Object: string(v.ID)})
			for _, e := range events {
				if len(e.Detail) == 0 {
					e.Detail = nil
				}
				got = append(got, line{e.Action, e.Actor.Kind, e.Detail})
			}
			return err
		}))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}
