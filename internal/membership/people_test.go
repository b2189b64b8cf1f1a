// SPDX-License-Identifier: AGPL-3.0-or-later

package membership_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/membership/membershiptest"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

func TestRolesAreGivenAndTaken(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m, owner := r.organisation(t, "Hilado")
		other, _ := r.organisation(t, "Elsewhere")
		manager := r.add(t, m.ID, "manager@hilado.example", membership.RoleManager)
		plain := r.add(t, m.ID, "plain@hilado.example", membership.RoleMember)
		byManager := membershiptest.Signed(manager.Person)
		give := func(a id.Affiliation, role membership.Role) membership.RoleInput {
			return membership.RoleInput{Member: m.ID, Affiliation: a, Role: role}
		}

		actions := r.audited(t, func() {
			check(t, r.GiveRole(ctx, byManager, give(plain.ID, membership.RoleHost)))
			check(t, r.GiveRole(ctx, byManager, give(plain.ID, membership.RoleHost))) // again: nothing
			check(t, r.GiveRole(ctx, owner, give(plain.ID, membership.RoleBilling)))
			check(t, r.TakeRole(ctx, owner, give(plain.ID, membership.RoleBilling)))
			check(t, r.TakeRole(ctx, owner, give(plain.ID, membership.RoleBilling)))
		})
		if diff := cmp.Diff([]string{"role.give", "role.give", "role.take"}, actions); diff != "" {
			t.Errorf("audit (-want +got)\n%s", diff)
		}
		if got := r.roles(t, m.ID, plain.Person); !slices.Equal(got, []membership.Role{membership.RoleHost, membership.RoleMember}) {
			t.Errorf("roles %v", got)
		}
		if c := r.counts(t, m.ID); c != (membership.Counts{Owners: 1, Hosts: 2}) {
			t.Errorf("counts %+v", c)
		}

		refused(t, r.GiveRole(ctx, byManager, give(plain.ID, membership.RoleOwner)), fault.Forbidden, "people.role_above_own")
		refused(t, r.GiveRole(ctx, byManager, give(manager.ID, membership.RoleBilling)), fault.Forbidden, "people.role_above_own")
		refused(t, r.GiveRole(ctx, membershiptest.Signed(plain.Person), give(plain.ID, membership.RoleManager)), fault.Forbidden, "member.forbidden")
		refused(t, r.GiveRole(ctx, owner, membership.RoleInput{Member: other.ID, Affiliation: plain.ID, Role: membership.RoleHost}), fault.NotFound, "member.unknown")
		refused(t, r.GiveRole(ctx, operator, membership.RoleInput{Member: other.ID, Affiliation: plain.ID, Role: membership.RoleHost}), fault.NotFound, "people.unknown")
		refused(t, r.GiveRole(ctx, owner, membership.RoleInput{Member: id.NewMember(), Affiliation: plain.ID, Role: membership.RoleHost}), fault.NotFound, "member.unknown")
		refused(t, r.GiveRole(ctx, owner, give(plain.ID, "emperor")), fault.Invalid, "input.invalid")
		refused(t, r.TakeRole(ctx, operator, give(ownerOf(t, r, m.ID, owner.Person), membership.RoleOwner)), fault.Conflict, "people.last_owner")
	})
}

func ownerOf(t *testing.T, r *register, member id.Member, person id.Person) id.Affiliation {
	t.Helper()
	people, err := r.People(ctx, operator, member)
	check(t, err)
	for _, a := range people {
		if a.Person == person {
			return a.ID
		}
	}
	t.Fatal("no such person")
	return ""
}

func TestTheLastOwnerStays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m, owner := r.organisation(t, "Hilado")
		first := ownerOf(t, r, m.ID, owner.Person)
		refused(t, r.End(ctx, owner, membership.EndInput{Member: m.ID, Affiliation: first}), fault.Conflict, "people.last_owner")

		for round := range 5 { // two owners remove each other
			second := r.add(t, m.ID, fmt.Sprintf("second%d@hilado.example", round), membership.RoleOwner)
			pair := []membership.EndInput{{Member: m.ID, Affiliation: first}, {Member: m.ID, Affiliation: second.ID}}
			actors := []identity.Actor{membershiptest.Signed(second.Person), owner}
			codes := atOnce(2, func(i int) error { return r.End(ctx, actors[i], pair[i]) })
			if codes[""] != 1 {
				t.Fatalf("round %d: %v", round, codes)
			}
			if c := r.counts(t, m.ID); c.Owners != 1 {
				t.Fatalf("round %d: %d owners", round, c.Owners)
			}
			if len(r.roles(t, m.ID, second.Person)) > 0 {
				first, owner = second.ID, membershiptest.Signed(second.Person)
			}
		}
	})
}

func TestHostPlacesAreNeverExceeded(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m := r.create(t, membership.CreateInput{Name: "Hilado"})
		places := make([]membership.Affiliation, 12)
		for i := range places {
			places[i] = r.add(t, m.ID, fmt.Sprintf("p%02d@hilado.example", i), membership.RoleMember)
		}
		codes := atOnce(len(places), func(i int) error {
			return r.GiveRole(ctx, operator, membership.RoleInput{Member: m.ID, Affiliation: places[i].ID, Role: membership.RoleHost})
		})
		if want := map[string]int{"": 3, "tariff.hosts": 9}; cmp.Diff(want, codes) != "" {
			t.Errorf("%v, want %v", codes, want)
		}
		err := r.GiveRole(ctx, operator, membership.RoleInput{Member: m.ID, Affiliation: places[0].ID, Role: membership.RoleHost})
		if f := fault.As(err); f != nil && (f.Params["Limit"] != 3 || f.Params["Used"] != 3) {
			t.Errorf("%v", err)
		}
		for _, p := range places { // ending gives the places back, once each
			check(t, r.End(ctx, operator, membership.EndInput{Member: m.ID, Affiliation: p.ID}))
		}
		if c := r.counts(t, m.ID); c != (membership.Counts{}) {
			t.Errorf("counts %+v", c)
		}
		r.levels.Hosts = -1 // any number
		for i := range 5 {
			r.add(t, m.ID, fmt.Sprintf("q%d@hilado.example", i), membership.RoleHost)
		}
		r.levels.Hosts = 2 // a downgrade takes nobody's place, but lets nobody in
		_, err = r.Add(ctx, operator, membership.AddInput{Member: m.ID, Person: membershiptest.Person(t, db, "late@hilado.example"), Roles: []membership.Role{membership.RoleHost}})
		refused(t, err, fault.LimitReached, "tariff.hosts")
		if c := r.counts(t, m.ID); c.Hosts != 5 {
			t.Errorf("counts %+v", c)
		}
	})
}

func TestAnIndividualMemberIsOnePerson(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m := r.create(t, membership.CreateInput{Name: "Ada", Individual: true})
		_, err := r.Invite(ctx, operator, membership.InviteInput{Member: m.ID, Email: "ada@example.org", Role: membership.RoleOwner})
		check(t, err)
		_, err = r.Invite(ctx, operator, membership.InviteInput{Member: m.ID, Email: "bo@example.org", Role: membership.RoleOwner})
		refused(t, err, fault.Conflict, "people.individual")
		_, err = r.Add(ctx, operator, membership.AddInput{Member: m.ID, Person: membershiptest.Person(t, db, "cy@example.org"), Roles: []membership.Role{membership.RoleHost}})
		refused(t, err, fault.Conflict, "people.individual")
	})
}

func TestOnlyTheOperatorAddsPeopleUnasked(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m, owner := r.organisation(t, "Hilado")
		p := membershiptest.Person(t, db, "victim@example.org")
		_, err := r.Add(ctx, owner, membership.AddInput{Member: m.ID, Person: p, Roles: []membership.Role{membership.RoleHost}})
		if fault.KindOf(err) != fault.Forbidden {
			t.Errorf("%v", err)
		}
		_, err = r.Add(ctx, operator, membership.AddInput{Member: m.ID, Person: id.NewPerson(), Roles: []membership.Role{membership.RoleHost}})
		refused(t, err, fault.Conflict, "store.reference")
		_, err = r.Add(ctx, operator, membership.AddInput{Member: m.ID, Person: p})
		refused(t, err, fault.Invalid, "input.invalid")
		a, err := r.Add(ctx, operator, membership.AddInput{Member: m.ID, Person: p, Roles: []membership.Role{membership.RoleMember}})
		check(t, err)
		b, err := r.Add(ctx, operator, membership.AddInput{Member: m.ID, Person: p, Roles: []membership.Role{membership.RoleHost}})
		check(t, err)
		if a.ID != b.ID || !slices.Equal(b.Roles, []membership.Role{membership.RoleHost, membership.RoleMember}) {
			t.Errorf("%+v then %+v", a, b)
		}
	})
}

func TestInvitation(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m, owner := r.organisation(t, "Hilado")
		var in membership.Invited
		actions := r.audited(t, func() {
			var err error
			in, err = r.Invite(ctx, owner, membership.InviteInput{Member: m.ID, Email: " Bo@Example.ORG ", Name: "Bo", Role: membership.RoleHost})
			check(t, err)
		})
		if !slices.Equal(actions, []string{"people.invite"}) {
			t.Errorf("audit %v", actions)
		}
		sent := r.letters.Sent()
		if len(sent) != 1 || !sent[0].Mail || sent[0].Ref != string(in.Affiliation.ID) || sent[0].Member != "Hilado" || sent[0].Inviter != "owner" || in.Link != "" {
			t.Errorf("letter %+v, link %q", sent, in.Link)
		}
		if a := in.Affiliation; a.Status != membership.AffiliationInvited || a.Person != "" || a.Name != "Bo" || r.counts(t, m.ID).Hosts != 1 {
			t.Errorf("before it is accepted: %+v", a)
		}
		again, err := r.Invite(ctx, owner, membership.InviteInput{Member: m.ID, Email: "bo@example.org", Role: membership.RoleBilling})
		check(t, err)
		if again.Affiliation.ID != in.Affiliation.ID || !slices.Equal(again.Affiliation.Roles, []membership.Role{membership.RoleBilling, membership.RoleHost}) {
			t.Errorf("invited again: %+v", again)
		}

		bo, eve := membershiptest.Person(t, db, "bo@example.org"), membershiptest.Person(t, db, "eve@example.org")
		accept := func(p id.Person, key string) error {
			return r.write(func(tx store.Tx, now instant.Instant) error {
				return r.InvitationAccepted(ctx, tx, now, identity.Acceptance{Person: p, Ref: string(in.Affiliation.ID), Key: key})
			})
		}
		refused(t, accept(eve, "eve@example.org"), fault.NotFound, "people.unknown")
		actions = r.audited(t, func() {
			check(t, accept(bo, "bo@example.org"))
			check(t, accept(bo, "bo@example.org")) // the link a second time
		})
		if !slices.Equal(actions, []string{"people.accept"}) {
			t.Errorf("audit %v", actions)
		}
		if got := r.roles(t, m.ID, bo); !slices.Equal(got, []membership.Role{membership.RoleBilling, membership.RoleHost}) {
			t.Errorf("roles %v", got)
		}
		if c := r.counts(t, m.ID); c.Hosts != 2 {
			t.Errorf("counts %+v", c)
		}
		people, err := r.People(ctx, owner, m.ID)
		check(t, err)
		if len(people) != 2 || people[1].Name != "bo" || people[1].Address != "" {
			t.Errorf("the person's own name counts, the address is theirs: %+v", people)
		}
		_, err = r.Invite(ctx, owner, membership.InviteInput{Member: m.ID, Email: "bo@example.org", Role: membership.RoleHost})
		refused(t, err, fault.Conflict, "people.already")
	})
}

func TestInvitationRefuses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m, owner := r.organisation(t, "Hilado")
		_, stranger := r.organisation(t, "Elsewhere")
		manager := r.add(t, m.ID, "manager@hilado.example", membership.RoleManager)
		byManager := membershiptest.Signed(manager.Person)

		_, err := r.Invite(ctx, owner, membership.InviteInput{Member: m.ID, Email: "not an address", Name: "see http://evil.example", Role: "emperor", Locale: "tlh"})
		want := map[string]string{"email": "people.address", "name": "person.name_link", "role": "people.role_unknown", "locale": "member.locale_unknown"}
		if diff := cmp.Diff(want, wrong(t, err)); diff != "" {
			t.Errorf("fields (-want +got)\n%s", diff)
		}
		_, err = r.Invite(ctx, stranger, membership.InviteInput{Member: m.ID, Email: "x@example.org", Role: membership.RoleMember})
		refused(t, err, fault.NotFound, "member.unknown")
		_, err = r.Invite(ctx, byManager, membership.InviteInput{Member: m.ID, Email: "x@example.org", Role: membership.RoleOwner})
		refused(t, err, fault.Forbidden, "people.role_above_own")

		x := membershiptest.Person(t, db, "x@example.org")
		accept := func() error {
			return r.write(func(tx store.Tx, now instant.Instant) error {
				got, err := r.AcceptPending(ctx, tx, now, x, "x@example.org", "nobody@example.org")
				if err == nil && len(got) == 0 {
					err = fault.New(fault.NotFound, "people.unknown")
				}
				return err
			})
		}
		// The author is demoted before it is accepted; restored, it works.
		in, err := r.Invite(ctx, byManager, membership.InviteInput{Member: m.ID, Email: "x@example.org", Role: membership.RoleHost})
		check(t, err)
		asManager := membership.RoleInput{Member: m.ID, Affiliation: manager.ID, Role: membership.RoleManager}
		check(t, r.TakeRole(ctx, owner, asManager))
		refused(t, accept(), fault.NotFound, "people.unknown")
		err = r.write(func(tx store.Tx, now instant.Instant) error {
			return r.InvitationAccepted(ctx, tx, now, identity.Acceptance{Person: x, Ref: string(in.Affiliation.ID), Key: "x@example.org"})
		})
		refused(t, err, fault.Conflict, "people.invitation_void")
		check(t, r.GiveRole(ctx, owner, asManager))
		check(t, accept())
		refused(t, accept(), fault.NotFound, "people.unknown") // used up

		// Withdrawn.
		in, err = r.Invite(ctx, owner, membership.InviteInput{Member: m.ID, Email: "y@example.org", Role: membership.RoleHost})
		check(t, err)
		refused(t, r.GiveRole(ctx, owner, membership.RoleInput{Member: m.ID, Affiliation: in.Affiliation.ID, Role: membership.RoleBilling}), fault.Conflict, "people.invited")
		check(t, r.End(ctx, byManager, membership.EndInput{Member: m.ID, Affiliation: in.Affiliation.ID, Reason: "wrong address"}))
		err = r.write(func(tx store.Tx, now instant.Instant) error {
			return r.InvitationAccepted(ctx, tx, now, identity.Acceptance{Person: x, Ref: string(in.Affiliation.ID), Key: "y@example.org"})
		})
		refused(t, err, fault.NotFound, "people.unknown")
		refused(t, r.End(ctx, owner, membership.EndInput{Member: m.ID, Affiliation: in.Affiliation.ID}), fault.NotFound, "people.unknown")
		refused(t, r.End(ctx, owner, membership.EndInput{Member: m.ID, Affiliation: in.Affiliation.ID, Reason: strings.Repeat("x", 501)}), fault.Invalid, "input.invalid")
	})
}

func TestOneOfTwoInvitedGetsTheLastHostPlace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		r.levels.Hosts = 2
		m, owner := r.organisation(t, "Hilado") // the owner takes one
		people := make([]id.Person, 6)
		for i := range people {
			address := fmt.Sprintf("p%d@example.org", i)
			people[i] = membershiptest.Person(t, db, address)
			_, err := r.Invite(ctx, owner, membership.InviteInput{Member: m.ID, Email: address, Role: membership.RoleHost})
			check(t, err)
		}
		withheld := make([]int, len(people))
		codes := atOnce(len(people), func(i int) error {
			return r.write(func(tx store.Tx, now instant.Instant) error {
				got, err := r.AcceptPending(ctx, tx, now, people[i], fmt.Sprintf("p%d@example.org", i))
				if err == nil {
					withheld[i] = len(got[0].Withheld)
				}
				return err
			})
		})
		hosts, members := 0, 0
		for _, p := range people {
			roles := r.roles(t, m.ID, p)
			hosts += len(roles) * b2i(slices.Contains(roles, membership.RoleHost))
			members += len(roles) * b2i(slices.Contains(roles, membership.RoleMember))
		}
		sum := 0
		for _, n := range withheld {
			sum += n
		}
		if codes[""] != 6 || hosts != 1 || members != 5 || sum != 5 || r.counts(t, m.ID).Hosts != 2 {
			t.Errorf("%v: %d hosts, %d members, %d withheld, %+v", codes, hosts, members, sum, r.counts(t, m.ID))
		}
	})
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestASecondAddressAddsToTheSamePlace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m, owner := r.organisation(t, "Hilado")
		bo := r.add(t, m.ID, "bo@example.org", membership.RoleMember)
		_, err := r.Invite(ctx, owner, membership.InviteInput{Member: m.ID, Email: "bo@work.example", Role: membership.RoleBilling})
		check(t, err)
		check(t, r.write(func(tx store.Tx, now instant.Instant) error {
			got, err := r.AcceptPending(ctx, tx, now, bo.Person, "bo@example.org", "bo@work.example")
			if err == nil && (len(got) != 1 || got[0].Affiliation != bo.ID) {
				t.Errorf("%+v", got)
			}
			return err
		}))
		people, err := r.People(ctx, owner, m.ID)
		check(t, err)
		if len(people) != 2 || !slices.Equal(r.roles(t, m.ID, bo.Person), []membership.Role{membership.RoleBilling, membership.RoleMember}) {
			t.Errorf("%+v", people)
		}
	})
}

func TestTheOperatorGetsTheLinkAndInvitesTheFirstOwner(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m := r.create(t, membership.CreateInput{Name: "Hilado"})
		in, err := r.Invite(ctx, operator, membership.InviteInput{Member: m.ID, Email: "ada@example.org", Role: membership.RoleOwner, NoMail: true})
		check(t, err)
		if sent := r.letters.Sent(); in.Link == "" || len(sent) != 1 || sent[0].Mail {
			t.Errorf("link %q, letter %+v", in.Link, sent)
		}
		ada := membershiptest.Person(t, db, "ada@example.org")
		check(t, r.write(func(tx store.Tx, now instant.Instant) error {
			_, err := r.AcceptPending(ctx, tx, now, ada, "ada@example.org")
			return err
		}))
		if got := r.roles(t, m.ID, ada); !slices.Equal(got, []membership.Role{membership.RoleOwner, membership.RoleHost}) {
			t.Errorf("roles %v", got)
		}
		if c := r.counts(t, m.ID); c != (membership.Counts{Owners: 1, Hosts: 1}) {
			t.Errorf("counts %+v", c)
		}
	})
}

func TestAPersonLeavesAndComesBack(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m, owner := r.organisation(t, "Hilado")
		bo := r.add(t, m.ID, "bo@example.org", membership.RoleHost)
		actor := membershiptest.Signed(bo.Person)
		refused(t, r.End(ctx, actor, membership.EndInput{Member: m.ID, Affiliation: ownerOf(t, r, m.ID, owner.Person)}), fault.Forbidden, "member.forbidden")
		check(t, r.End(ctx, actor, membership.EndInput{Member: m.ID, Affiliation: bo.ID, Reason: "moving on"}))
		if roles := r.roles(t, m.ID, bo.Person); len(roles) != 0 || r.counts(t, m.ID).Hosts != 1 {
			t.Errorf("after leaving: %v %+v", roles, r.counts(t, m.ID))
		}
		again, err := r.Add(ctx, operator, membership.AddInput{Member: m.ID, Person: bo.Person, Roles: []membership.Role{membership.RoleHost}})
		check(t, err)
		if again.ID == bo.ID || r.counts(t, m.ID).Hosts != 2 {
			t.Errorf("after coming back: %+v %+v", again, r.counts(t, m.ID))
		}
	})
}
