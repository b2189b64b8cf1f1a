// SPDX-License-Identifier: AGPL-3.0-or-later

package membership_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/membership"
	"meetcoop/internal/membership/membershiptest"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

// keys returns the valid secrets of a connection, newest first.
func (r *register) keys(t testing.TB, c id.Connection) []string {
	t.Helper()
	out := []string{}
	check(t, r.db.Read(ctx, func(rd store.Reader) error {
		v, err := membership.ConnectionByID(ctx, rd, c)
		if err != nil {
			return err
		}
		keys, err := r.Keys(ctx, rd, v, r.clock.Now())
		for _, k := range keys {
			out = append(out, k.Text)
		}
		return err
	}))
	return out
}

func (r *register) connect(t testing.TB, actor identity.Actor, in membership.ConnectInput) (membership.Connection, string) {
	t.Helper()
	c, secret, err := r.Connect(ctx, actor, in)
	check(t, err)
	return c, secret
}

func TestASecretLivesAsLongAsItWasPromised(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m, owner := r.organisation(t, "Hilado")
		c, first := r.connect(t, owner, membership.ConnectInput{Member: m.ID, Name: "hilado-moodle"})
		if len(first) != 40 {
			t.Errorf("a secret of %d characters", len(first))
		}
		second, err := r.Rotate(ctx, owner, c.ID, 24*time.Hour)
		check(t, err)
		r.clock.Pass(time.Hour)
		third, err := r.Rotate(ctx, owner, c.ID, time.Hour) // inside the first overlap
		check(t, err)
		for _, step := range []struct {
			after time.Duration
			want  []string
		}{{0, []string{third, second, first}}, {time.Hour, []string{third, first}}, {22 * time.Hour, []string{third}}} {
			r.clock.Pass(step.after)
			if diff := cmp.Diff(step.want, r.keys(t, c.ID)); diff != "" {
				t.Errorf("after another %s (-want +got):\n%s", step.after, diff)
			}
		}
		_, err = r.Rotate(ctx, owner, c.ID, time.Minute)
		refused(t, err, fault.Invalid, "input.invalid")
		check(t, r.Revoke(ctx, owner, c.ID))
		if got := r.keys(t, c.ID); len(got) != 0 {
			t.Errorf("revoked, %d secrets are valid", len(got))
		}
		_, err = r.Rotate(ctx, owner, c.ID, time.Hour)
		refused(t, err, fault.Conflict, "connection.revoked")
	})
}

func TestNamesOfConnectionsAreGivenOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m, owner := r.organisation(t, "Hilado")
		other, stranger := r.organisation(t, "Sol")
		c, _ := r.connect(t, operator, membership.ConnectInput{Member: m.ID, Name: "one", Aliases: []string{"old-one"}, TenantName: "hilado"})
		check(t, r.Revoke(ctx, owner, c.ID))
		for _, name := range []string{"one", "old-one"} {
			_, _, err := r.Connect(ctx, stranger, membership.ConnectInput{Member: other.ID, Name: name})
			refused(t, err, fault.Conflict, "connection.name_taken")
		}
		two, _ := r.connect(t, operator, membership.ConnectInput{Member: other.ID, Name: "two", TenantName: "hilado"}) // free again
		_, _, err := r.Connect(ctx, operator, membership.ConnectInput{Member: m.ID, Name: "three", TenantName: "hilado"})
		refused(t, err, fault.Conflict, "connection.tenant_taken")
		for _, name := range []string{"", "-", "Upper", "a/b", "..", "ä", string(make([]byte, 64))} {
			_, _, err := r.Connect(ctx, owner, membership.ConnectInput{Member: m.ID, Name: name})
			refused(t, err, fault.Invalid, "input.invalid")
		}
		// Another member's connection does not exist.
		_, err = r.Rotate(ctx, owner, two.ID, time.Hour)
		refused(t, err, fault.NotFound, "connection.unknown")
		refused(t, r.Revoke(ctx, owner, two.ID), fault.NotFound, "connection.unknown")
		_, err = r.SetParams(ctx, owner, two.ID, nil)
		refused(t, err, fault.NotFound, "connection.unknown")
		_, _, err = r.Connect(ctx, owner, membership.ConnectInput{Member: other.ID, Name: "mine-now"})
		refused(t, err, fault.NotFound, "member.unknown")
		host := membershiptest.Signed(r.add(t, m.ID, "host@hilado.example", membership.RoleHost).Person)
		_, _, err = r.Connect(ctx, host, membership.ConnectInput{Member: m.ID, Name: "hosts"})
		refused(t, err, fault.Forbidden, "member.forbidden")
	})
}

func TestConnectionsAreNeverMoreThanTheLevelAllows(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m, owner := r.organisation(t, "Hilado")
		r.levels.Connections = 2
		names := []string{"a1", "a2", "a3", "a4", "a5", "a6"}
		got := atOnce(len(names), func(i int) error {
			_, _, err := r.Connect(ctx, owner, membership.ConnectInput{Member: m.ID, Name: names[i]})
			return err
		})
		if want := map[string]int{"": 2, "connection.limit": 4}; cmp.Diff(want, got) != "" {
			t.Errorf("%v, want %v", got, want)
		}
		all, err := r.Connections(ctx, owner, m.ID)
		check(t, err)
		check(t, r.Revoke(ctx, owner, all[0].ID))
		r.connect(t, owner, membership.ConnectInput{Member: m.ID, Name: "a7"}) // the place is free again
	})
}

func TestRulesOfParametersAreChecked(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m, owner := r.organisation(t, "Hilado")
		c, _ := r.connect(t, owner, membership.ConnectInput{Member: m.ID, Name: "rules"})
		want := []membership.Param{{Operator: "cap", Name: "userCameraCap", Value: "2"}, {Operator: "force", Name: "record", Value: ""}, {Operator: "add", Name: "disabledFeatures", Value: "chat,polls"}}
		_, err := r.SetParams(ctx, owner, c.ID, want)
		check(t, err)
		all, err := r.Connections(ctx, owner, m.ID)
		check(t, err)
		if diff := cmp.Diff(want, all[0].Params); diff != "" {
			t.Error(diff)
		}
		for _, p := range []membership.Param{
			{Operator: "remove", Name: "record"}, {Operator: "cap", Name: "duration", Value: "0"}, {Operator: "cap", Name: "duration", Value: "many"},
			{Operator: "force", Name: "meetingID", Value: "x"}, {Operator: "force", Name: "checksum"}, {Operator: "default", Name: "meta_mc-owner", Value: "x"}, {Operator: "default", Name: "a b"},
		} {
			_, err := r.SetParams(ctx, owner, c.ID, []membership.Param{p})
			refused(t, err, fault.Invalid, "input.invalid")
		}
	})
}
