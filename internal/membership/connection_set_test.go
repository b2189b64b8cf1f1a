// SPDX-License-Identifier: AGPL-3.0-or-later

package membership_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/fault"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/membership/membershiptest"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

func to[T any](v T) *T { return &v }

func TestAConnectionIsChangedAfterwards(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m, owner := r.organisation(t, "Hilado")
		c, _ := r.connect(t, owner, membership.ConnectInput{Member: m.ID, Name: "hilado-moodle"})
		if c.HookAlgorithm != membership.HookSHA1 || c.Tags == nil {
			t.Errorf("new: %+v", c)
		}
		seen := c.Fingerprint()
		r.told.About(m.ID)
		got, err := r.SetConnection(ctx, owner, membership.ConnectionChange{
			Connection: c.ID, Have: seen, Refusal: to(membership.RefusalJoin), JoinMode: to(membership.JoinHandover), HookAlgorithm: to(membership.HookSHA512),
		})
		check(t, err)
		if r.told.About(m.ID) != 0 {
			t.Error("what changes no entitlement raised its version")
		}
		_, err = r.SetConnection(ctx, owner, membership.ConnectionChange{Connection: c.ID, Have: got.Fingerprint(), Level: to("level-1")})
		check(t, err)
		if r.told.About(m.ID) != 1 {
			t.Error("the level did not raise the version")
		}
		got, err = r.SetConnection(ctx, operator, membership.ConnectionChange{Connection: c.ID, Tags: to([]string{"large", "eu", "eu"}), TenantName: to("hilado.example")})
		check(t, err)
		if r.told.About(m.ID) != 1 {
			t.Error("the tags did not raise the version")
		}
		want := c
		want.Refusal, want.JoinMode, want.HookAlgorithm, want.Level, want.Tags, want.TenantName = "join", "handover", "sha512", "level-1", []string{"eu", "large"}, "hilado.example"
		all, err := r.Connections(ctx, owner, m.ID)
		check(t, err)
		for _, v := range []membership.Connection{got, all[0]} {
			if diff := cmp.Diff(want, v, cmp.Comparer(func(a, b instant.Instant) bool { return a == b })); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		}
		events := r.events(t)
		last := events[len(events)-1]
		if last.Action != "connection.set" || last.Detail["tags"] != "eu,large" || last.Detail["tags_was"] != "" || last.Detail["tenant_name"] != "hilado.example" || last.Detail["name"] != c.Name {
			t.Errorf("audited: %+v", last)
		}
		n := len(events)
		_, err = r.SetConnection(ctx, owner, membership.ConnectionChange{Connection: c.ID, Refusal: to(membership.RefusalJoin)})
		check(t, err)
		if len(r.events(t)) != n {
			t.Error("what changed nothing is audited")
		}
		_, err = r.SetConnection(ctx, operator, membership.ConnectionChange{Connection: c.ID, Level: to(""), Tags: to([]string{}), TenantName: to("")})
		check(t, err)
	})
}

func TestWhoMayChangeAConnectionHow(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m, owner := r.organisation(t, "Hilado")
		_, stranger := r.organisation(t, "Sol")
		host := membershiptest.Signed(r.add(t, m.ID, "host@hilado.example", membership.RoleHost).Person)
		admin := stranger
		admin.PlatformAdmin = true
		c, _ := r.connect(t, owner, membership.ConnectInput{Member: m.ID, Name: "hilado-moodle"})
		taken, _ := r.connect(t, operator, membership.ConnectInput{Member: m.ID, Name: "hilado-nextcloud", TenantName: "taken"})
		for _, tc := range []struct {
			name string
			in   membership.ConnectionChange
			who  map[string]string // code by person
		}{
			{"how it refuses", membership.ConnectionChange{Refusal: to(membership.RefusalJoin)}, map[string]string{"owner": "", "host": "member.forbidden", "stranger": "connection.unknown", "admin": ""}},
			{"its level", membership.ConnectionChange{Level: to("level-1")}, map[string]string{"owner": "", "host": "member.forbidden", "stranger": "connection.unknown"}},
			{"its tags", membership.ConnectionChange{Tags: to([]string{"large"})}, map[string]string{"owner": "connection.place", "host": "member.forbidden", "stranger": "connection.unknown", "admin": ""}},
			{"its tenant name", membership.ConnectionChange{TenantName: to("loom")}, map[string]string{"owner": "connection.place", "stranger": "connection.unknown", "admin": ""}},
			{"what it was taken over from", membership.ConnectionChange{Origin: to("north")}, map[string]string{"owner": "connection.place", "host": "member.forbidden", "stranger": "connection.unknown", "admin": ""}},
			{"that it adopts", membership.ConnectionChange{Origin: to("north"), Adopts: to(true)}, map[string]string{"owner": "connection.place", "host": "member.forbidden", "stranger": "connection.unknown", "admin": ""}},
			{"that it adopts from nowhere", membership.ConnectionChange{Adopts: to(true)}, map[string]string{"owner": "connection.place", "admin": "input.invalid"}},
			{"a tenant name of another", membership.ConnectionChange{TenantName: to("taken")}, map[string]string{"admin": "connection.tenant_taken"}},
			{"an unknown level", membership.ConnectionChange{Level: to("<b>")}, map[string]string{"owner": "input.invalid"}},
			{"odd words", membership.ConnectionChange{Refusal: to(membership.Refusal("x")), JoinMode: to(membership.JoinMode("")), HookAlgorithm: to(membership.HookAlgorithm("md5"))}, map[string]string{"owner": "input.invalid"}},
			{"a tenant name with a line", membership.ConnectionChange{TenantName: to("a\nb")}, map[string]string{"admin": "input.invalid"}},
			{"a tenant name that is no text", membership.ConnectionChange{TenantName: to("\xff")}, map[string]string{"admin": "input.invalid"}},
			{"odd tags", membership.ConnectionChange{Tags: to([]string{"a b"})}, map[string]string{"admin": "input.invalid"}},
			{"many tags", membership.ConnectionChange{Tags: to(strings.Fields("a b c d e f g h i j k l m n o p q r s t u"))}, map[string]string{"admin": "input.invalid"}},
			{"what was different", membership.ConnectionChange{Have: "000000000000", Refusal: to(membership.RefusalCreate)}, map[string]string{"owner": "connection.changed"}},
		} {
			for who, code := range tc.who {
				in := tc.in
				in.Connection = c.ID
				_, err := r.SetConnection(ctx, map[string]identity.Actor{"owner": owner, "host": host, "stranger": stranger, "admin": admin}[who], in)
				if (code == "") != (err == nil) || fault.CodeOf(err) != code && code != "" {
					t.Errorf("%s, by the %s: %v, want %q", tc.name, who, err, code)
				}
				_, err = r.SetConnection(ctx, operator, membership.ConnectionChange{Connection: c.ID, Refusal: to(membership.RefusalCreate), Level: to(""), Tags: to([]string{}), TenantName: to(""), Origin: to(""), Adopts: to(false)})
				check(t, err)
			}
		}
		// By a rule a manager chooses no servers either; what those who run them have set stays theirs.
		place := membership.Param{Operator: "force", Name: "meta_server-tag", Value: "large!"}
		quiet := membership.Param{Operator: "force", Name: "muteOnStart", Value: "true"}
		_, err := r.SetParams(ctx, owner, c.ID, []membership.Param{place})
		refused(t, err, fault.Forbidden, "connection.place")
		_, _, err = r.Connect(ctx, owner, membership.ConnectInput{Member: m.ID, Name: "another", Params: []membership.Param{place}})
		refused(t, err, fault.Forbidden, "connection.place")
		_, err = r.SetParams(ctx, operator, c.ID, []membership.Param{place})
		check(t, err)
		_, err = r.SetParams(ctx, owner, c.ID, []membership.Param{quiet, place})
		check(t, err)
		_, err = r.SetParams(ctx, owner, c.ID, []membership.Param{quiet})
		refused(t, err, fault.Forbidden, "connection.place")

		check(t, r.Revoke(ctx, owner, c.ID))
		_, err = r.SetConnection(ctx, operator, membership.ConnectionChange{Connection: c.ID, Refusal: to(membership.RefusalJoin)})
		refused(t, err, fault.Conflict, "connection.revoked")
		_, err = r.SetConnection(ctx, operator, membership.ConnectionChange{Connection: taken.ID, TenantName: to("taken")}) // its own
		check(t, err)
	})
}

// Whatever a form shows is in the fingerprint, so that a form that was overtaken is refused.
func TestAFingerprintTellsEveryChange(t *testing.T) {
	seen := map[string]string{"": "one that could not be taken"}
	for name, change := range map[string]func(*membership.Connection){
		"nothing": func(*membership.Connection) {}, "tenant name": func(c *membership.Connection) { c.TenantName = "x" }, "level": func(c *membership.Connection) { c.Level = "x" },
		"refusal": func(c *membership.Connection) { c.Refusal = membership.RefusalJoin }, "join mode": func(c *membership.Connection) { c.JoinMode = membership.JoinHandover },
		"tags": func(c *membership.Connection) { c.Tags = []string{"x"} }, "signature": func(c *membership.Connection) { c.HookAlgorithm = membership.HookSHA256 },
		"origin": func(c *membership.Connection) { c.Origin = "x" }, "adoption": func(c *membership.Connection) { c.Adopts = true },
	} {
		c := membership.Connection{Refusal: membership.RefusalCreate, JoinMode: membership.JoinRedirect, Tags: []string{}, HookAlgorithm: membership.HookSHA1}
		change(&c)
		if other, twice := seen[c.Fingerprint()]; twice {
			t.Errorf("%s is told like %s", name, other)
		}
		seen[c.Fingerprint()] = name
	}
}

// Of many managers who change what they have all seen, one does.
func TestTwoManagersAtOnceDoNotUndoEachOther(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m, owner := r.organisation(t, "Hilado")
		c, _ := r.connect(t, owner, membership.ConnectInput{Member: m.ID, Name: "hilado-moodle"})
		got := atOnce(6, func(i int) error {
			in := membership.ConnectionChange{Connection: c.ID, Have: c.Fingerprint(), HookAlgorithm: to(membership.HookAlgorithms[1+i%3])}
			_, err := r.SetConnection(ctx, owner, in)
			return err
		})
		if diff := cmp.Diff(map[string]int{"": 1, "connection.changed": 5}, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}
