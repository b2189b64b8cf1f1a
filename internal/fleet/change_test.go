// SPDX-License-Identifier: AGPL-3.0-or-later

package fleet_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership/membershiptest"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

func ptr[T any](v T) *T { return &v }

func TestAServerIsChangedAfterwards(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, err := fleet.New(fleet.Deps{DB: db, Now: instant.System(0), Sealer: membershiptest.Sealer{}})
		must(t, err)
		add := func(name string, tags ...string) fleet.Server {
			v, err := s.Add(ctx, fleet.AddInput{Name: name, URL: "https://" + name + ".example/bigbluebutton/api", Secret: "very-secret", LoadUnits: 175, Tags: tags, Admin: fleet.AdminEnabled})
			must(t, err)
			return v
		}
		one, two := add("one", "My_Tag"), add("two")
		seen := one.Fingerprint()

		got, err := s.Change(ctx, fleet.ChangeInput{
			Actor: identity.Operator(), Server: one.ID, Have: seen, Name: ptr("Big one"), LoadUnits: ptr(fleet.UnitsOf(2)), Tags: ptr([]string{"eu", "My_Tag", "eu"}),
			URL: ptr("https://big.example/bigbluebutton/api"), Secret: ptr("another-secret"),
		})
		must(t, err)
		must(t, db.Read(ctx, func(r store.Reader) error {
			kept, err := fleet.ServerByID(ctx, r, one.ID)
			if diff := cmp.Diff(got, kept, cmp.Comparer(func(a, b instant.Instant) bool { return a == b })); diff != "" {
				t.Errorf("answered and kept differ (-answer +kept)\n%s", diff)
			}
			return err
		}))
		secret, err := s.Secret(got)
		must(t, err)
		if got.Name != "Big one" || got.Weight() != 2 || strings.Join(got.Tags, " ") != "My_Tag eu" || got.URL != "https://big.example/bigbluebutton/api" || secret != "another-secret" {
			t.Errorf("changed to %+v, secret %q", got, secret)
		}
		if _, err := s.Add(ctx, fleet.AddInput{Name: "again", URL: got.URL, Secret: "s", LoadUnits: 1, Admin: fleet.AdminEnabled}); fault.CodeOf(err) != "fleet.server_known" {
			t.Errorf("its new address can be added again: %v", err)
		}
		add("one") // its former one can

		engine, err := s.RegisterEngine(ctx, fleet.RegisterInput{StableKey: "node", Name: "node", URL: "http://127.0.0.1:1", Node: id.NewNode(), Key: "k", Secret: "s"})
		must(t, err)
		if v, err := s.Change(ctx, fleet.ChangeInput{Server: engine.ID, Tags: ptr([]string{"eu"})}); err != nil || len(v.Tags) != 1 {
			t.Errorf("tags of an engine: %v %v", v.Tags, err)
		}
		for _, tc := range []struct {
			name, code string
			in         fleet.ChangeInput
		}{
			{"somebody else was faster", "fleet.server_changed", fleet.ChangeInput{Server: one.ID, Have: seen, Name: ptr("x")}},
			{"no such server", "fleet.server", fleet.ChangeInput{Server: "srv_none", Name: ptr("x")}},
			{"the address of another", "fleet.server_known", fleet.ChangeInput{Server: one.ID, URL: &two.URL}},
			{"the name of an engine", "fleet.server_engine", fleet.ChangeInput{Server: engine.ID, Name: ptr("x")}},
			{"tags and weight of an engine", "fleet.server_engine", fleet.ChangeInput{Server: engine.ID, Tags: ptr([]string{}), LoadUnits: ptr(1)}},
			{"an odd tag", "input.invalid", fleet.ChangeInput{Server: two.ID, Tags: ptr([]string{"<i>"})}},
			{"many tags", "input.invalid", fleet.ChangeInput{Server: two.ID, Tags: ptr(strings.Fields("a b c d e f g h i j k l m n o p q r s t u"))}},
			{"no weight", "input.invalid", fleet.ChangeInput{Server: two.ID, LoadUnits: ptr(0)}},
			{"no name", "input.invalid", fleet.ChangeInput{Server: two.ID, Name: ptr("")}},
			{"a name that is no text", "input.invalid", fleet.ChangeInput{Server: two.ID, Name: ptr("\xff")}},
			{"a fragment", "input.invalid", fleet.ChangeInput{Server: two.ID, URL: ptr("https://x.example/#api")}},
			{"a password in the address", "input.invalid", fleet.ChangeInput{Server: two.ID, URL: ptr("https://a:b@x.example/")}},
			{"a blank secret", "input.invalid", fleet.ChangeInput{Server: two.ID, Secret: ptr(" ")}},
		} {
			if _, err := s.Change(ctx, tc.in); fault.CodeOf(err) != tc.code {
				t.Errorf("%s: %v, want %s", tc.name, err, tc.code)
			}
		}
		must(t, db.Read(ctx, func(r store.Reader) error {
			events, err := identity.AuditList(ctx, r, identity.AuditFilter{Object: string(one.ID)})
			if err != nil || len(events) != 2 { // the newest first
				t.Fatalf("%d events, %v", len(events), err)
			}
			want := map[string]string{
				"name": "Big one", "name_was": "one", "load_units": "350", "load_units_was": "175", "tags": "My_Tag,eu", "tags_was": "My_Tag", "secret": "another",
				"url": "https://big.example/bigbluebutton/api", "url_was": "https://one.example/bigbluebutton/api",
			}
			if diff := cmp.Diff(want, events[0].Detail); diff != "" || events[0].Actor.Kind != identity.ActorOperator || events[0].Action != "server.set" {
				t.Errorf("audited as %+v (-want +got)\n%s", events[0], diff)
			}
			return nil
		}))
	})
}

// Of many who change what they have all seen, one does.
func TestTwoOperatorsAtOnceDoNotUndoEachOther(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, err := fleet.New(fleet.Deps{DB: db, Now: instant.System(0), Sealer: membershiptest.Sealer{}})
		must(t, err)
		v, err := s.Add(ctx, fleet.AddInput{Name: "one", URL: "https://one.example/bigbluebutton/api", Secret: "very-secret", LoadUnits: 175, Admin: fleet.AdminEnabled})
		must(t, err)
		var wg sync.WaitGroup
		done := make(chan error, 8)
		for i := range 8 {
			wg.Go(func() {
				_, err := s.Change(ctx, fleet.ChangeInput{Server: v.ID, Have: v.Fingerprint(), LoadUnits: ptr(i + 1)})
				done <- err
			})
		}
		wg.Wait()
		close(done)
		changed := 0
		for err := range done {
			if err == nil {
				changed++
			} else if fault.CodeOf(err) != "fleet.server_changed" {
				t.Error(err)
			}
		}
		if changed != 1 {
			t.Errorf("%d of 8 changed it", changed)
		}
	})
}

func TestADeadlineBelongsToADrain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		clock := membershiptest.NewClock()
		s, err := fleet.New(fleet.Deps{DB: db, Now: clock.Now, Sealer: membershiptest.Sealer{}})
		must(t, err)
		v, err := s.Add(ctx, fleet.AddInput{Name: "one", URL: "https://one.example/bigbluebutton/api", Secret: "very-secret", LoadUnits: 175, Admin: fleet.AdminEnabled})
		must(t, err)
		engine, err := s.RegisterEngine(ctx, fleet.RegisterInput{StableKey: "node", Name: "node", URL: "http://127.0.0.1:1", Node: id.NewNode(), Key: "k", Secret: "s"})
		must(t, err)
		in := clock.Now().Add(time.Hour)
		for _, tc := range []struct {
			name, code string
			in         fleet.AdminInput
		}{
			{"a deadline that is over", "input.invalid", fleet.AdminInput{Server: v.ID, Admin: fleet.AdminDraining, Until: clock.Now()}},
			{"in two years", "input.invalid", fleet.AdminInput{Server: v.ID, Admin: fleet.AdminDraining, Until: clock.Now().Add(2 * 366 * 24 * time.Hour)}},
			{"of a cordon", "input.invalid", fleet.AdminInput{Server: v.ID, Admin: fleet.AdminCordoned, Until: in}},
			{"of an engine", "fleet.server_engine", fleet.AdminInput{Server: engine.ID, Admin: fleet.AdminDraining, Until: in}},
			{"another state than thought", "fleet.server_state", fleet.AdminInput{Server: v.ID, Admin: fleet.AdminDisabled, Only: fleet.AdminDraining}},
			{"of no server", "fleet.server", fleet.AdminInput{Server: "srv_none", Admin: fleet.AdminDraining, Until: in}},
		} {
			if _, err := s.SetAdmin(ctx, tc.in); fault.CodeOf(err) != tc.code {
				t.Errorf("%s: %v, want %s", tc.name, err, tc.code)
			}
		}
		for _, tc := range []struct {
			in   fleet.AdminInput
			want instant.Instant
		}{
			{fleet.AdminInput{Admin: fleet.AdminDraining, Until: in}, in},
			{fleet.AdminInput{Admin: fleet.AdminDraining, Until: in.Add(time.Hour)}, in.Add(time.Hour)},
			{fleet.AdminInput{Admin: fleet.AdminEnabled}, instant.Instant{}},
		} {
			tc.in.Server = v.ID
			got, err := s.SetAdmin(ctx, tc.in)
			must(t, err)
			must(t, db.Read(ctx, func(r store.Reader) error {
				kept, err := fleet.ServerByID(ctx, r, v.ID)
				if kept.DrainUntil != tc.want || got.DrainUntil != tc.want || kept.Admin != tc.in.Admin {
					t.Errorf("%s until %s, answered %s, want %s", kept.Admin, kept.DrainUntil, got.DrainUntil, tc.want)
				}
				return err
			}))
		}
	})
}
