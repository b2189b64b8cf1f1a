// SPDX-License-Identifier: AGPL-3.0-or-later

package membership_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/membership"
	"meetcoop/internal/membership/membershiptest"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

func TestTheHouseIsMadeOnceAndLooksAfterItself(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		ids := make([]id.Member, 8)
		codes := atOnce(8, func(i int) error {
			m, err := r.EnsureHouse(ctx)
			ids[i] = m.ID
			return err
		})
		if codes[""] != 8 || slices.ContainsFunc(ids, func(m id.Member) bool { return m != r.house.ID }) {
			t.Errorf("%v: %v", codes, ids)
		}
		check(t, db.Read(ctx, func(rd store.Reader) error {
			steward, err := membership.StewardOf(ctx, rd, r.house.ID)
			check(t, err)
			n, err := membership.CountOperational(ctx, rd)
			check(t, err)
			if steward.ID != r.house.ID || n != 0 || !r.house.IsHouse() || r.house.Kind != membership.KindOperational {
				t.Errorf("house %+v, steward %s, %d operational members besides it", r.house, steward.Slug, n)
			}
			return nil
		}))
	})
}

func TestCreate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		var coop, m membership.Member
		actions := r.audited(t, func() {
			coop = r.create(t, membership.CreateInput{Name: "Fils i Cables", Kind: membership.KindOperational, Country: "es", Zone: "Europe/Madrid", Locale: locale.Catalan})
			m = r.create(t, membership.CreateInput{Name: "Hilado", Steward: coop.Slug, Level: "level-2", LegalForm: "association"})
		})
		if diff := cmp.Diff([]string{"member.create", "member.create"}, actions); diff != "" {
			t.Errorf("audit (-want +got)\n%s", diff)
		}
		if coop.Slug != "fils-i-cables" || coop.Country != "ES" || m.Slug != "hilado" || m.Zone != r.house.Zone || m.Locale != r.house.Locale || m.Kind != membership.KindUser {
			t.Errorf("%+v\n%+v", coop, m)
		}
		if n := r.told.About(m.ID); n == 0 {
			t.Error("a grant, and nobody was told")
		}
		if s := r.standing(t, m.ID); s.State != membership.StandingHost || s.Level != "level-2" {
			t.Errorf("standing %+v", s)
		}
		check(t, db.Read(ctx, func(rd store.Reader) error {
			found, err := membership.GetBySlug(ctx, rd, "hilado")
			check(t, err)
			if found != m {
				t.Errorf("read back %+v, want %+v", found, m)
			}
			steward, err := membership.StewardOf(ctx, rd, m.ID)
			check(t, err)
			of, err := membership.StewardOf(ctx, rd, coop.ID)
			check(t, err)
			if steward.ID != coop.ID || of.ID != r.house.ID {
				t.Errorf("stewards %s and %s", steward.Slug, of.Slug)
			}
			a, err := membership.PortalConnection(ctx, rd, m.ID)
			check(t, err)
			b, err := membership.PortalConnection(ctx, rd, coop.ID)
			check(t, err)
			if a == "" || a == b {
				t.Errorf("connections %q and %q", a, b)
			}
			n, err := membership.CountOperational(ctx, rd)
			check(t, err)
			if n != 1 {
				t.Errorf("%d operational members besides the house", n)
			}
			_, err = membership.PortalConnection(ctx, rd, id.NewMember())
			refused(t, err, fault.NotFound, "member.unknown")
			return nil
		}))
	})
}

func TestCreateRefuses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		r.create(t, membership.CreateInput{Name: "Hilado"})

		_, err := r.Create(ctx, operator, membership.CreateInput{
			Name: "a\u202eb", Slug: "-x", Kind: "vendor", LegalForm: strings.Repeat("x", 10_000), Country: "XX1", Zone: "Local", Locale: "tlh",
		})
		want := map[string]string{
			"name": "member.name_characters", "slug": "member.slug_malformed", "kind": "member.kind_unknown", "legal_form": "member.name_long",
			"country": "member.country_unknown", "zone": "member.zone_unknown", "locale": "member.locale_unknown",
		}
		if diff := cmp.Diff(want, wrong(t, err)); diff != "" {
			t.Errorf("fields (-want +got)\n%s", diff)
		}
		for name, c := range map[string]struct {
			in   membership.CreateInput
			kind fault.Kind
			code string
		}{
			"a slug that is taken":            {membership.CreateInput{Name: "Other", Slug: "hilado"}, fault.Conflict, "member.slug_taken"},
			"the house":                       {membership.CreateInput{Name: "Other", Slug: "house"}, fault.Invalid, "input.invalid"},
			"an operational individual":       {membership.CreateInput{Name: "Other", Kind: membership.KindOperational, Individual: true}, fault.Invalid, "input.invalid"},
			"a steward that is unknown":       {membership.CreateInput{Name: "Other", Steward: "nobody"}, fault.NotFound, "member.steward_unknown"},
			"a steward that is a user member": {membership.CreateInput{Name: "Other", Steward: "hilado"}, fault.NotFound, "member.steward_unknown"},
			"a level that is unknown":         {membership.CreateInput{Name: "Other", Level: "gold"}, fault.Invalid, "input.invalid"},
			"a name of nothing":               {membership.CreateInput{Name: " \u3000 "}, fault.Invalid, "input.invalid"},
		} {
			_, err := r.Create(ctx, operator, c.in)
			if fault.KindOf(err) != c.kind || fault.CodeOf(err) != c.code {
				t.Errorf("%s: %v", name, err)
			}
		}
		_, owner := r.organisation(t, "Elsewhere")
		_, err = r.Create(ctx, owner, membership.CreateInput{Name: "Mine"})
		refused(t, err, fault.Forbidden, "member.forbidden")
		_, err = r.Create(ctx, identity.Anonymous(), membership.CreateInput{Name: "Mine"})
		refused(t, err, fault.Unauthenticated, "session.none")
		_, err = r.List(ctx, owner, membership.ListInput{})
		refused(t, err, fault.Forbidden, "member.forbidden")
	})
}

func TestASlugIsGivenOnceWhoeverAsksAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		codes := atOnce(8, func(int) error {
			_, err := r.Create(ctx, operator, membership.CreateInput{Name: "Hilado", Slug: "hilado"})
			return err
		})
		if want := map[string]int{"": 1, "member.slug_taken": 7}; cmp.Diff(want, codes) != "" {
			t.Errorf("asked for by name: %v", codes)
		}
		slugs := make([]string, 8)
		codes = atOnce(8, func(i int) error {
			m, err := r.Create(ctx, operator, membership.CreateInput{Name: "Hilado"})
			slugs[i] = m.Slug
			return err
		})
		slices.Sort(slugs)
		want := []string{"hilado-2", "hilado-3", "hilado-4", "hilado-5", "hilado-6", "hilado-7", "hilado-8", "hilado-9"}
		if codes[""] != 8 || !slices.Equal(slugs, want) {
			t.Errorf("made from the name: %v %v", codes, slugs)
		}
	})
}

func TestList(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		coop := r.create(t, membership.CreateInput{Name: "Öresund Coop", Slug: "oresund", Kind: membership.KindOperational})
		r.create(t, membership.CreateInput{Name: "zeta 100%", Slug: "zeta", Steward: "oresund"})
		r.create(t, membership.CreateInput{Name: "Émile", Slug: "emile"})
		for name, c := range map[string]struct {
			in   membership.ListInput
			want []string
		}{
			"all, by name without accents": {membership.ListInput{}, []string{"emile", "house", "oresund", "zeta"}},
			"operational":                  {membership.ListInput{Kind: membership.KindOperational}, []string{"house", "oresund"}},
			"stewarded":                    {membership.ListInput{Steward: coop.ID}, []string{"zeta"}},
			"searched without accents":     {membership.ListInput{Search: "ORES"}, []string{"oresund"}},
			"a wildcard is a letter":       {membership.ListInput{Search: "0%"}, []string{"zeta"}},
			"and an underscore too":        {membership.ListInput{Search: "e_a"}, []string{}},
		} {
			list, err := r.List(ctx, operator, c.in)
			check(t, err)
			slugs := []string{}
			for _, m := range list {
				slugs = append(slugs, m.Slug)
			}
			if diff := cmp.Diff(c.want, slugs); diff != "" {
				t.Errorf("%s (-want +got)\n%s", name, diff)
			}
		}
	})
}

func TestPersonBorn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		born := func(b identity.Birth) membership.Place {
			t.Helper()
			check(t, r.write(func(tx store.Tx, now instant.Instant) error { return r.PersonBorn(ctx, tx, now, b) }))
			var places []membership.Place
			check(t, db.Read(ctx, func(rd store.Reader) (err error) {
				places, err = membership.Affiliations(ctx, rd, b.Person)
				return err
			}))
			if len(places) != 1 {
				t.Fatalf("%d places", len(places))
			}
			return places[0]
		}
		ada := membershiptest.Person(t, db, "ada@example.org")
		var p membership.Place
		actions := r.audited(t, func() {
			p = born(identity.Birth{Person: ada, Name: "Ada Nobel", Locale: locale.Swedish, Zone: "Europe/Stockholm"})
		})
		if diff := cmp.Diff([]string{"member.create"}, actions); diff != "" {
			t.Errorf("audit (-want +got)\n%s", diff)
		}
		if !p.In.Individual || p.In.Slug != "ada-nobel" || p.In.Zone != "Europe/Stockholm" || !slices.Equal(p.Roles, []membership.Role{membership.RoleOwner, membership.RoleHost}) {
			t.Errorf("individual: %+v", p)
		}
		if s := r.standing(t, p.In.ID); s.State != membership.StandingFree {
			t.Errorf("individual: %+v", s)
		}
		if c := r.counts(t, p.In.ID); c != (membership.Counts{Owners: 1, Hosts: 1}) {
			t.Errorf("individual: %+v", c)
		}

		org := born(identity.Birth{Person: membershiptest.Person(t, db, "bo@example.org"), Name: "Bo", Organisation: "Ada Nobel", Level: "level-1", Locale: locale.English, Zone: "Mars/Olympus"})
		if org.In.Individual || org.In.Slug != "ada-nobel-2" || org.In.Zone != r.house.Zone {
			t.Errorf("organisation: %+v", org.In)
		}
		if s := r.standing(t, org.In.ID); s.State != membership.StandingPending || s.Level != "free" || len(s.Facts) != 1 || s.Facts[0].Level != "level-1" {
			t.Errorf("organisation: %+v", s)
		}
		if r.told.About(org.In.ID) == 0 {
			t.Error("a level was chosen, and nobody was told")
		}

		gone := born(identity.Birth{Person: membershiptest.Person(t, db, "cy@example.org"), Name: "Cy", Level: "level-of-yesterday", Locale: locale.English})
		if s := r.standing(t, gone.In.ID); s.State != membership.StandingFree {
			t.Errorf("a level that has gone: %+v", s)
		}
		r.levels.Hosts = 0
		none := born(identity.Birth{Person: membershiptest.Person(t, db, "di@example.org"), Name: "Di", Locale: locale.English})
		if !slices.Equal(none.Roles, []membership.Role{membership.RoleOwner}) {
			t.Errorf("without host places: %v", none.Roles)
		}
	})
}

func TestTwoPeopleOfOneNameAreBornAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		people := make([]id.Person, 8)
		for i := range people {
			people[i] = membershiptest.Person(t, db, "ada"+string(rune('a'+i))+"@example.org")
		}
		codes := atOnce(len(people), func(i int) error {
			return r.write(func(tx store.Tx, now instant.Instant) error {
				return r.PersonBorn(ctx, tx, now, identity.Birth{Person: people[i], Name: "Ada", Locale: locale.English, Zone: "Europe/Paris"})
			})
		})
		if codes[""] != len(people) {
			t.Errorf("%v", codes)
		}
		list, err := r.List(ctx, operator, membership.ListInput{Search: "ada"})
		check(t, err)
		if len(list) != len(people) {
			t.Errorf("%d members", len(list))
		}
	})
}

func TestHandOver(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		a := r.create(t, membership.CreateInput{Name: "Coop A", Kind: membership.KindOperational})
		b := r.create(t, membership.CreateInput{Name: "Coop B", Kind: membership.KindOperational})
		m, owner := r.organisation(t, "Hilado")
		manager := membershiptest.Signed(r.add(t, a.ID, "manager@a.example", membership.RoleManager).Person)

		_, err := r.People(ctx, manager, m.ID)
		refused(t, err, fault.NotFound, "member.unknown")
		actions := r.audited(t, func() { check(t, r.HandOver(ctx, operator, m.ID, a.ID, "won by Coop A")) })
		if !slices.Equal(actions, []string{"steward.change"}) {
			t.Errorf("audit %v", actions)
		}
		_, err = r.People(ctx, manager, m.ID)
		refused(t, err, fault.Forbidden, "member.forbidden") // an organisation: contract and contact, not people

		refused(t, r.HandOver(ctx, operator, m.ID, a.ID, "again"), fault.Conflict, "member.already")
		refused(t, r.HandOver(ctx, operator, m.ID, m.ID, "self"), fault.NotFound, "member.steward_unknown")
		refused(t, r.HandOver(ctx, operator, a.ID, b.ID, "no"), fault.NotFound, "member.steward_unknown")
		refused(t, r.HandOver(ctx, owner, m.ID, b.ID, "mine"), fault.Forbidden, "member.forbidden")
		if got := wrong(t, r.HandOver(ctx, operator, m.ID, b.ID, "")); got["reason"] != "member.reason_missing" {
			t.Errorf("%v", got)
		}

		codes := atOnce(4, func(int) error { return r.HandOver(ctx, operator, m.ID, b.ID, "moves") })
		if codes[""] != 1 || codes["member.already"] != 3 {
			t.Errorf("%v", codes)
		}
		check(t, db.Read(ctx, func(rd store.Reader) error {
			all, err := membership.Stewardships(ctx, rd, m.ID)
			check(t, err)
			if len(all) != 3 || all[0].Until != all[1].From || all[1].Until != all[2].From || !all[2].Until.IsZero() || all[2].Steward != b.ID {
				t.Errorf("a gap or an overlap: %+v", all)
			}
			return nil
		}))
	})
}

func TestContacts(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m, owner := r.organisation(t, "Hilado")
		_, stranger := r.organisation(t, "Elsewhere")
		want := []membership.Contact{{Kind: membership.ContactBilling, Address: "till@hilado.example"}, {Kind: membership.ContactGeneral, Address: "hola@hilado.example"}}
		actions := r.audited(t, func() { check(t, r.SetContacts(ctx, owner, m.ID, []membership.Contact{want[1], want[0], want[0]})) })
		if !slices.Equal(actions, []string{"contacts.set"}) {
			t.Errorf("audit %v", actions)
		}
		check(t, db.Read(ctx, func(rd store.Reader) error {
			got, err := membership.Contacts(ctx, rd, m.ID)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			return err
		}))
		refused(t, r.SetContacts(ctx, stranger, m.ID, want), fault.NotFound, "member.unknown")
		refused(t, r.SetContacts(ctx, owner, m.ID, []membership.Contact{{Kind: "friend", Address: "a@b.example"}}), fault.Invalid, "input.invalid")
		refused(t, r.SetContacts(ctx, owner, m.ID, make([]membership.Contact, 21)), fault.Invalid, "input.invalid")
	})
}
