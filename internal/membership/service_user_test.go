// SPDX-License-Identifier: AGPL-3.0-or-later

package membership_test

import (
	"fmt"
	"strings"
	"testing"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

func TestAPatternMeansTheseUserIDs(t *testing.T) {
	for _, tc := range []struct {
		pattern, userID string
		want            bool
	}{
		{"recorder", "recorder", true}, {"recorder", "recorder-1", false}, {"recorder-*", "recorder-1", true}, {"recorder-*", "recorder-", true},
		{"recorder-*", "Recorder-1", false}, {"recorder-*", "a recorder-1", false}, {"*-bot", "x-bot", true}, {"*-bot", "x-bots", false},
		{"a*b*c", "abc", true}, {"a*b*c", "axxbyyc", true}, {"a*b*c", "acb", false}, {"aba*aba", "aba", false}, {"aba*aba", "abaaba", true},
		{"r**-x", "r-x", true}, {"rec[a-z]", "reca", false}, {"rec.*", "recxx", false}, {"recorder-*", "", false}, {"a*a*aaa", "aaaa", false},
	} {
		if got := (membership.ServiceUser{Pattern: tc.pattern}).Matches(tc.userID); got != tc.want {
			t.Errorf("%q means %q: %t", tc.pattern, tc.userID, got)
		}
	}
}

func TestServiceUsersAreThePlatforms(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m, owner := r.organisation(t, "Hilado")
		c, _ := r.connect(t, owner, membership.ConnectInput{Member: m.ID, Name: "hilado-moodle"})
		_, err := r.AddServiceUser(ctx, owner, c.ID, "recorder-*")
		refused(t, err, fault.Forbidden, "member.forbidden")
		refused(t, r.RemoveServiceUser(ctx, owner, c.ID, "recorder-*"), fault.Forbidden, "member.forbidden")
		_, err = r.AddServiceUser(ctx, identity.Actor{}, "", "recorder-*")
		refused(t, err, fault.Unauthenticated, "session.none")
		for _, pattern := range []string{"", "*", "a*", "**ab**", "a\nbc", "\xff\xfe\xfdabc", strings.Repeat("x", 200), "a*b*c*d*e*f*g"} {
			_, err := r.AddServiceUser(ctx, operator, "", pattern)
			refused(t, err, fault.Invalid, "input.invalid")
		}
		_, err = r.AddServiceUser(ctx, operator, "conn_none", "recorder-*")
		refused(t, err, fault.NotFound, "connection.unknown")
		for range 2 { // the same twice is one
			_, err = r.AddServiceUser(ctx, operator, c.ID, "recorder-*")
			check(t, err)
			_, err = r.AddServiceUser(ctx, operator, "", "recorder-*")
			check(t, err)
		}
		list := func() (out []membership.ServiceUser) {
			check(t, db.Read(ctx, func(rd store.Reader) (err error) {
				out, err = membership.ServiceUsers(ctx, rd)
				return err
			}))
			return out
		}
		if all := list(); len(all) != 2 || all[0].Connection != "" || all[1].Connection != c.ID {
			t.Errorf("%+v", all)
		}
		for connection, pattern := range map[id.Connection]string{"": "rec\xff-*", "conn\xff": "recorder-*", "conn\x00": "recorder-*", c.ID: "a\x00bcd", "conn_none": "recorder-*"} {
			refused(t, r.RemoveServiceUser(ctx, operator, connection, pattern), fault.NotFound, "service_user.unknown")
		}
		check(t, r.RemoveServiceUser(ctx, operator, "", "recorder-*"))
		refused(t, r.RemoveServiceUser(ctx, operator, "", "recorder-*"), fault.NotFound, "service_user.unknown")
		got := map[string]int{}
		for i := range 101 {
			_, err := r.AddServiceUser(ctx, operator, id.Connection(""), fmt.Sprintf("helper-%d", i))
			got[fault.CodeOf(err)]++
		}
		if n := len(list()); n != 100 || got["service_user.many"] != 2 {
			t.Errorf("%d patterns, %v", n, got)
		}
		if actions := strings.Join(r.audited(t, func() { check(t, r.RemoveServiceUser(ctx, operator, c.ID, "recorder-*")) }), " "); actions != "service_user.remove" {
			t.Errorf("audited %s", actions)
		}
	})
}
