// SPDX-License-Identifier: AGPL-3.0-or-later

package membership_test

import (
	"slices"
	"strings"
	"testing"
	"time"

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

func date(y int, m time.Month, d int) instant.Date { return instant.NewDate(y, m, d) }

func (r *register) recordFact(f membership.Fact) error {
	return r.write(func(tx store.Tx, now instant.Instant) error { return r.RecordFact(ctx, tx, now, operator, f) })
}

func TestAFactIsRecordedOncePerSource(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m := r.create(t, membership.CreateInput{Name: "Hilado", Zone: "Europe/Madrid"})
		heard := make(chan string, 100)
		check(t, db.Watch(ctx, membership.TopicEntitlement, func(key string) { heard <- key }))
		f := membership.Fact{Member: m.ID, Source: "entry:1", Kind: membership.FactCovered, Level: "level-2", From: date(2027, 1, 1), Until: date(2027, 2, 1)}
		actions := r.audited(t, func() {
			codes := atOnce(8, func(int) error { return r.recordFact(f) })
			if codes[""] != 8 {
				t.Errorf("%v", codes)
			}
		})
		if diff := cmp.Diff([]string{"standing.covered"}, actions); diff != "" {
			t.Errorf("audit (-want +got)\n%s", diff)
		}
		if key := <-heard; key != string(m.ID) {
			t.Errorf("the feed says %q", key)
		}
		if r.told.About(m.ID) == 0 {
			t.Error("nobody was told")
		}
		check(t, r.recordFact(f))
		if r.told.About(m.ID) != 0 {
			t.Error("told about a fact that was known")
		}
		if s := r.standing(t, m.ID); s.State != membership.StandingHost || s.Boundary != date(2027, 2, 1).Start(m.Location()) {
			t.Errorf("%+v", s)
		}
		f.Level = "level-1"
		refused(t, r.recordFact(f), fault.Conflict, "standing.source_taken")
		f.Source, f.Member = "entry:2", id.NewMember()
		refused(t, r.recordFact(f), fault.NotFound, "member.unknown")
	})
}

func TestAnIncompleteFactIsRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m := r.create(t, membership.CreateInput{Name: "Hilado"})
		jan, feb := date(2027, 1, 1), date(2027, 2, 1)
		for name, f := range map[string]membership.Fact{
			"no source":                    {Kind: membership.FactChosen, Level: "level-1", From: jan},
			"no day":                       {Source: "x", Kind: membership.FactChosen, Level: "level-1"},
			"no kind":                      {Source: "x", From: jan},
			"unknown kind":                 {Source: "x", Kind: "liked", From: jan},
			"chosen nothing":               {Source: "x", Kind: membership.FactChosen, From: jan},
			"suspended to a level":         {Source: "x", Kind: membership.FactSuspended, Level: "level-1", From: jan},
			"covered without end":          {Source: "x", Kind: membership.FactCovered, Level: "level-1", From: jan},
			"covered backwards":            {Source: "x", Kind: membership.FactCovered, Level: "level-1", From: feb, Until: jan},
			"covered for no day":           {Source: "x", Kind: membership.FactCovered, Level: "level-1", From: jan, Until: jan},
			"granted backwards":            {Source: "x", Kind: membership.FactGranted, Level: "level-1", From: feb, Until: jan},
			"granted on trust":             {Source: "x", Kind: membership.FactGranted, Level: "level-1", From: jan, TrustedUntil: feb},
			"uncovered nothing":            {Source: "x", Kind: membership.FactUncovered, From: jan},
			"cancelled with an end":        {Source: "x", Kind: membership.FactCancelled, From: jan, Until: feb},
			"a reason of a thousand words": {Source: "x", Kind: membership.FactClosed, From: jan, Reason: strings.Repeat("x", 501)},
		} {
			f.Member = m.ID
			if err := r.recordFact(f); fault.KindOf(err) != fault.Invalid || fault.CodeOf(err) != "input.invalid" {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestStandingOfManyIsTheStandingOfEach(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		a := r.create(t, membership.CreateInput{Name: "A", Slug: "aa", Level: "level-1", Zone: "Pacific/Auckland"})
		b := r.create(t, membership.CreateInput{Name: "B", Slug: "bb"})
		_, err := r.Lend(ctx, operator, membership.LendInput{Member: b.ID, Level: "level-2", Until: date(2027, 3, 1), ReasonKind: membership.ReasonTrial, Reason: "trial"})
		check(t, err)
		check(t, r.Suspend(ctx, operator, a.ID, "spam"))
		list, err := r.List(ctx, operator, membership.ListInput{})
		check(t, err)
		check(t, db.Read(ctx, func(rd store.Reader) error {
			all, err := membership.Standings(ctx, rd, list, r.clock.Now())
			check(t, err)
			for _, m := range list {
				one, err := membership.StandingOf(ctx, rd, m.ID, r.clock.Now())
				check(t, err)
				if one.State != all[m.ID].State || one.Level != all[m.ID].Level || one.Boundary != all[m.ID].Boundary {
					t.Errorf("%s: %+v and %+v", m.Slug, one, all[m.ID])
				}
			}
			return nil
		}))
		if r.standing(t, a.ID).State != membership.StandingSuspended || r.standing(t, b.ID).Level != "level-2" {
			t.Error("not what was done")
		}
	})
}

func TestSuspendLiftAndClose(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m, owner := r.organisation(t, "Hilado")
		_, stranger := r.organisation(t, "Elsewhere")
		refused(t, r.Suspend(ctx, owner, m.ID, "mine"), fault.Forbidden, "member.forbidden")
		refused(t, r.Suspend(ctx, stranger, m.ID, "theirs"), fault.NotFound, "member.unknown")
		refused(t, r.Suspend(ctx, operator, m.ID, ""), fault.Invalid, "input.invalid")
		refused(t, r.Suspend(ctx, operator, r.house.ID, "no"), fault.Conflict, "member.already")
		refused(t, r.Lift(ctx, operator, m.ID, "nothing to lift"), fault.Conflict, "member.already")

		r.told.About(m.ID)
		actions := r.audited(t, func() { check(t, r.Suspend(ctx, operator, m.ID, "spam")) })
		if !slices.Equal(actions, []string{"standing.suspended"}) || r.told.About(m.ID) == 0 {
			t.Errorf("audit %v", actions)
		}
		if s := r.standing(t, m.ID); s.Active() || s.State != membership.StandingSuspended || s.Facts[0].Reason != "spam" {
			t.Errorf("%+v", s)
		}
		refused(t, r.Suspend(ctx, operator, m.ID, "again"), fault.Conflict, "member.already")
		r.clock.Pass(time.Minute)
		check(t, r.Lift(ctx, operator, m.ID, "explained"))
		if s := r.standing(t, m.ID); !s.Active() {
			t.Errorf("%+v", s)
		}
		r.clock.Pass(time.Minute)
		codes := atOnce(4, func(int) error { return r.Close(ctx, operator, m.ID, "left") })
		if codes[""] != 1 || codes["member.already"] != 3 {
			t.Errorf("%v", codes)
		}
		if s := r.standing(t, m.ID); s.State != membership.StandingClosed {
			t.Errorf("%+v", s)
		}
	})
}

func TestTheStewardOfAnIndividualSuspends(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		coop := r.create(t, membership.CreateInput{Name: "Coop", Slug: "coop-a", Kind: membership.KindOperational})
		ada := r.create(t, membership.CreateInput{Name: "Ada", Individual: true, Steward: coop.Slug})
		org := r.create(t, membership.CreateInput{Name: "Org", Slug: "org", Steward: coop.Slug})
		manager := membershiptest.Signed(r.add(t, coop.ID, "m@coop.example", membership.RoleManager).Person)
		host := membershiptest.Signed(r.add(t, coop.ID, "h@coop.example", membership.RoleHost).Person)
		check(t, r.Suspend(ctx, manager, ada.ID, "spam"))
		refused(t, r.Suspend(ctx, manager, org.ID, "spam"), fault.Forbidden, "member.forbidden")
		refused(t, r.Lift(ctx, host, ada.ID, "friend"), fault.NotFound, "member.unknown")
	})
}

func TestLend(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		coop := r.create(t, membership.CreateInput{Name: "Coop", Slug: "coop-a", Kind: membership.KindOperational})
		m := r.create(t, membership.CreateInput{Name: "Ada", Individual: true, Steward: coop.Slug, Zone: "Europe/Madrid"})
		owner := membershiptest.Signed(r.add(t, m.ID, "ada@example.org", membership.RoleOwner).Person)
		manager := membershiptest.Signed(r.add(t, coop.ID, "m@coop.example", membership.RoleOwner).Person)
		good := membership.LendInput{Member: m.ID, Level: "level-2", Until: date(2028, 1, 11), ReasonKind: membership.ReasonWork, Reason: "two evenings of help"}

		refused(t, last(r.Lend(ctx, owner, good)), fault.Forbidden, "member.forbidden")
		bad := good
		bad.Level, bad.Until, bad.From, bad.ReasonKind, bad.Reason = "gold", date(2028, 1, 12), date(2027, 1, 10), "friend", ""
		want := map[string]string{"level": "level.unknown", "from": "member.past", "reason_kind": "member.reason_missing", "reason": "member.reason_missing", "until": "member.lent_until"}
		if diff := cmp.Diff(want, wrong(t, last(r.Lend(ctx, manager, bad)))); diff != "" {
			t.Errorf("fields (-want +got)\n%s", diff)
		}
		free := good
		free.Level = "free"
		if got := wrong(t, last(r.Lend(ctx, manager, free))); got["level"] != "level.unknown" {
			t.Errorf("%v", got)
		}

		var o membership.Override
		r.told.About(m.ID)
		actions := r.audited(t, func() {
			var err error
			o, err = r.Lend(ctx, manager, good)
			check(t, err)
		})
		if !slices.Equal(actions, []string{"level.lend"}) || r.told.About(m.ID) == 0 || o.ForCoop != coop.ID {
			t.Errorf("audit %v, %+v", actions, o)
		}
		if s := r.standing(t, m.ID); s.State != membership.StandingHost || s.Level != "level-2" || s.Override != o.ID || s.Boundary != date(2028, 1, 11).Start(m.Location()) {
			t.Errorf("%+v", s)
		}
		refused(t, r.Recall(ctx, manager, coop.ID, o.ID, ""), fault.Forbidden, "member.forbidden")
		refused(t, r.Recall(ctx, operator, coop.ID, o.ID, ""), fault.NotFound, "override.unknown")
		codes := atOnce(4, func(int) error { return r.Recall(ctx, manager, m.ID, o.ID, "asked for") })
		if codes[""] != 1 || codes["override.unknown"] != 3 {
			t.Errorf("%v", codes)
		}
		if s := r.standing(t, m.ID); s.State != membership.StandingFree {
			t.Errorf("%+v", s)
		}
	})
}

func last[T any](_ T, err error) error { return err }

func TestARightIsReadInTheTransaction(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := open(t, db)
		m, owner := r.organisation(t, "Hilado")
		bo := r.add(t, m.ID, "bo@example.org", membership.RoleHost)
		check(t, db.Read(ctx, func(rd store.Reader) error {
			for action, want := range map[membership.Action]string{membership.ActionRoomOpen: "", membership.ActionPeopleManage: "member.forbidden"} {
				_, err := membership.Authorise(ctx, rd, membershiptest.Signed(bo.Person), action, m.ID)
				if code := fault.CodeOf(err); (err != nil || want != "") && code != want {
					t.Errorf("%s: %v", action, err)
				}
			}
			_, err := membership.Authorise(ctx, rd, identity.Anonymous(), membership.ActionRoomOpen, m.ID)
			refused(t, err, fault.Unauthenticated, "session.none")
			_, err = membership.Authorise(ctx, rd, owner, membership.ActionMemberSee, "mem_nonsense")
			refused(t, err, fault.NotFound, "member.unknown")
			return nil
		}))
		check(t, r.End(ctx, owner, membership.EndInput{Member: m.ID, Affiliation: bo.ID}))
		check(t, db.Read(ctx, func(rd store.Reader) error {
			_, err := membership.Authorise(ctx, rd, membershiptest.Signed(bo.Person), membership.ActionRoomOpen, m.ID)
			refused(t, err, fault.NotFound, "member.unknown")
			return nil
		}))
	})
}
