// SPDX-License-Identifier: AGPL-3.0-or-later

package decision_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/decision"
	"meetcoop/internal/fault"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale/localetest"
	"meetcoop/internal/membership"
	"meetcoop/internal/membership/membershiptest"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
)

var ctx = context.Background()

type fixture struct {
	*decision.Service
	members *membership.Service
	db      *store.DB
	clock   *membershiptest.Clock
}

func open(t *testing.T, db *store.DB) *fixture {
	t.Helper()
	f := &fixture{db: db, clock: membershiptest.NewClock()}
	var err error
	f.members, err = membership.New(membership.Deps{
		DB: db, Now: f.clock.Now, Log: slog.New(slog.DiscardHandler), Levels: &membershiptest.Levels{}, Changed: &membershiptest.Told{}, Inviter: &membershiptest.Letters{},
	})
	check(t, err)
	_, err = f.members.EnsureHouse(ctx)
	check(t, err)
	f.Service, err = decision.New(decision.Deps{DB: db, Now: f.clock.Now, Log: slog.New(slog.DiscardHandler)})
	check(t, err)
	return f
}

func (f *fixture) operational(t *testing.T) {
	t.Helper()
	_, err := f.members.Create(ctx, identity.Operator(), membership.CreateInput{Name: "Coop", Slug: "coop-a", Kind: membership.KindOperational})
	check(t, err)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRecordAndList(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := open(t, db)
		first, err := f.Record(ctx, identity.Operator(), decision.RecordInput{Key: "2020-07-levels", Title: " Levels of July 2020 ", Link: "https://wiki.example/levels", DecidedOn: instant.NewDate(2020, time.July, 1)})
		check(t, err)
		f.operational(t)
		second, err := f.Record(ctx, identity.Operator(), decision.RecordInput{Key: "2026.split", Title: "Split", DecidedOn: instant.NewDate(2026, time.May, 2)})
		check(t, err)
		if !first.Founding || second.Founding || first.Title != "Levels of July 2020" {
			t.Errorf("%+v\n%+v", first, second)
		}
		list, err := f.List(ctx)
		check(t, err)
		if len(list) != 2 || list[0] != second || list[1] != first {
			t.Errorf("%+v", list)
		}
		check(t, db.Read(ctx, func(r store.Reader) error {
			events, err := identity.AuditList(ctx, r, identity.AuditFilter{Action: "decision.record"})
			if len(events) != 2 {
				t.Errorf("%d audit events", len(events))
			}
			return err
		}))
	})
}

func TestRecordRefuses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := open(t, db)
		good := decision.RecordInput{Key: "k", Title: "T", DecidedOn: instant.NewDate(2026, time.May, 2)}
		_, err := f.Record(ctx, identity.Operator(), good)
		check(t, err)
		_, err = f.Record(ctx, identity.Operator(), good)
		refused(t, err, fault.Conflict, "decision.key_taken")
		admin := membershiptest.Admin(membershiptest.Person(t, db, "admin@example.org"))
		_, err = f.Record(ctx, admin, good)
		refused(t, err, fault.Forbidden, "member.forbidden")

		for name, c := range map[string]struct {
			in   decision.RecordInput
			want map[string]string
		}{
			"empty":                    {decision.RecordInput{}, map[string]string{"key": "decision.key", "title": "decision.title_missing", "decided_on": "decision.day"}},
			"founding is not recorded": {decision.RecordInput{Key: decision.Founding, Title: "T", DecidedOn: good.DecidedOn}, map[string]string{"key": "decision.key"}},
			"a script for a link":      {decision.RecordInput{Key: "b", Title: "T", DecidedOn: good.DecidedOn, Link: "javascript:alert(1)"}, map[string]string{"link": "decision.link"}},
			"a link with a password":   {decision.RecordInput{Key: "b", Title: "T", DecidedOn: good.DecidedOn, Link: "https://u:p@wiki.example/"}, map[string]string{"link": "decision.link"}},
			"a title that turns round": {decision.RecordInput{Key: "b", Title: "a\u202eb", DecidedOn: good.DecidedOn}, map[string]string{"title": "decision.title"}},
			"a title without end":      {decision.RecordInput{Key: "b", Title: strings.Repeat("x", 201), DecidedOn: good.DecidedOn}, map[string]string{"title": "decision.title"}},
			"a key with a slash":       {decision.RecordInput{Key: "a/b", Title: "T", DecidedOn: good.DecidedOn}, map[string]string{"key": "decision.key"}},
			"the day after tomorrow":   {decision.RecordInput{Key: "b", Title: "T", DecidedOn: instant.NewDate(2027, time.January, 13)}, map[string]string{"decided_on": "decision.day"}},
		} {
			_, err := f.Record(ctx, identity.Operator(), c.in)
			got := map[string]string{}
			if e := fault.As(err); e != nil {
				for _, field := range e.Fields {
					got[field.Name] = field.Code
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", name, diff)
			}
		}
	})
}

func TestFoundingEndsWithTheFirstOperationalMember(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := open(t, db)
		use := func() (d decision.Decision, err error) {
			err = db.Write(ctx, func(tx store.Tx) error {
				d, err = decision.RequireFor(ctx, tx, f.clock.Now(), identity.Operator(), decision.Founding)
				return err
			})
			return d, err
		}
		check(t, db.Read(ctx, func(r store.Reader) error {
			d, err := decision.Require(ctx, r, decision.Founding)
			if d.ID != "" || !d.Founding {
				t.Errorf("before it is used: %+v", d)
			}
			return err
		}))
		first, err := use()
		check(t, err)
		again, err := use()
		check(t, err)
		if first != again || first.DecidedOn != instant.NewDate(2027, time.January, 11) {
			t.Errorf("%+v\n%+v", first, again)
		}
		f.operational(t)
		_, err = use()
		refused(t, err, fault.Conflict, "decision.founding_over")
		check(t, db.Read(ctx, func(r store.Reader) error {
			_, err := decision.Require(ctx, r, "unheard-of")
			refused(t, err, fault.Invalid, "decision.unknown")
			return nil
		}))
	})
}

func refused(t testing.TB, err error, kind fault.Kind, code string) {
	t.Helper()
	localetest.Speak(t, err)
	if err == nil || fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		t.Errorf("got %v, want %s %s", err, kind, code)
	}
}
