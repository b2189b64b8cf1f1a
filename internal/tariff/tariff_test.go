// SPDX-License-Identifier: AGPL-3.0-or-later

package tariff_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/decision"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/locale/localetest"
	"meetcoop/internal/membership"
	"meetcoop/internal/membership/membershiptest"
	"meetcoop/internal/money"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
	"meetcoop/internal/tariff/tarifftest"
)

var (
	ctx      = context.Background()
	operator = identity.Operator()
)

func ptr[T any](v T) *T { return &v }

func date(y int, m time.Month, d int) instant.Date { return instant.NewDate(y, m, d) }

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refused(t testing.TB, err error, kind fault.Kind, code string) {
	t.Helper()
	localetest.Speak(t, err)
	if err == nil || fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		t.Errorf("got %v (%s), want %s %s", err, fault.KindOf(err), kind, code)
	}
}

func wrong(t testing.TB, err error) map[string]string {
	t.Helper()
	localetest.Speak(t, err)
	f := fault.As(err)
	if f == nil || f.Kind != fault.Invalid {
		t.Fatalf("got %v, want an invalid input", err)
	}
	out := map[string]string{}
	for _, field := range f.Fields {
		out[field.Name] = field.Code
	}
	return out
}

func events(t testing.TB, db *store.DB, action string) (n int) {
	t.Helper()
	check(t, db.Read(ctx, func(r store.Reader) error {
		list, err := identity.AuditList(ctx, r, identity.AuditFilter{Action: action, Limit: 500})
		n = len(list)
		return err
	}))
	return n
}

func atOnce(n int, fn func(i int) error) map[string]int {
	var wg sync.WaitGroup
	var mu sync.Mutex
	codes := map[string]int{}
	for i := range n {
		wg.Go(func() {
			err := fn(i)
			for fault.CodeOf(err) == "store.contended" {
				err = fn(i)
			}
			code := ""
			if err != nil {
				code = fault.CodeOf(err)
			}
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
		})
	}
	wg.Wait()
	return codes
}

// level is a file with one level.
func level(d, from, key string, euros int64, l tariff.LimitsInput) tariff.DefineInput {
	day, err := instant.ParseDate(from)
	if err != nil {
		panic(err)
	}
	return tariff.DefineInput{Decision: d, ValidFrom: day, Levels: []tariff.LevelInput{{Key: key, Contribution: money.Amount{Minor: 100 * euros, Currency: "EUR"}, Limits: l}}}
}

func seats(n tariff.Limit) tariff.LimitsInput { return tariff.LimitsInput{Seats: &n} }

// TestFoundingLevels is the table of the founding text, written out again.
func TestFoundingLevels(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := tarifftest.New(t, db)
		levels, err := w.Levels.Levels(ctx)
		check(t, err)
		const no = tariff.Unlimited
		type row struct {
			Key                                        string
			Minor                                      int64
			Months                                     int
			Seats, Participants, Rooms, Running, Hosts tariff.Limit
			Duration                                   time.Duration
			Recording, Branding, Quotation             bool
			Scope                                      tariff.DurationScope
		}
		want := []row{
			{"free", 0, 0, 5, 5, 1, 1, 1, time.Hour, false, false, false, tariff.ScopeMember},
			{"level-1", 1000, 1, 10, 10, 5, 2, 1, 3 * time.Hour, false, false, false, tariff.ScopeMeeting},
			{"level-2", 2000, 1, 20, 20, 5, 2, 2, 3 * time.Hour, false, false, false, tariff.ScopeMeeting},
			{"level-3", 4500, 1, 50, 50, 5, 3, 5, 3 * time.Hour, true, false, false, tariff.ScopeMeeting},
			{"organisation", 10000, 3, 100, 100, no, no, no, 24 * time.Hour, true, true, false, tariff.ScopeMeeting},
			{"custom", 0, 1, no, no, no, no, no, 24 * time.Hour, true, true, true, tariff.ScopeMeeting},
		}
		var got []row
		for _, l := range levels {
			m := l.Limits
			got = append(got, row{l.Key, l.Contribution.Minor, l.MinimumMonths, m.Seats, m.Participants, m.Rooms, m.RunningRooms, m.Hosts, m.Duration, m.Recording, m.Branding, l.ByQuotation, m.DurationScope})
			if l.Version != 1 || l.DecisionKey != decision.Founding || l.Contribution.Currency != "EUR" || m.Enforcement != tariff.EnforceHard || m.Connections != no || m.DurationPause != 30*time.Minute {
				t.Errorf("%+v", l)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestSeedingIsDoneOnceAndOnlyByTheFounders(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := tarifftest.New(t, db, tarifftest.Options{Empty: true})
		seeded := make([]bool, 4)
		codes := atOnce(4, func(i int) (err error) {
			seeded[i], err = w.Levels.SeedFoundingLevels(ctx, date(2020, 7, 1))
			return err
		})
		n := 0
		for _, s := range seeded {
			if s {
				n++
			}
		}
		if codes[""] != 4 || n != 1 || events(t, db, "level.define") != 6 || events(t, db, "decision.record") != 1 {
			t.Errorf("%v: seeded %d times, %d levels, %d decisions", codes, n, events(t, db, "level.define"), events(t, db, "decision.record"))
		}
	})
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := tarifftest.New(t, db, tarifftest.Options{Empty: true})
		_, err := w.Members.Create(ctx, operator, membership.CreateInput{Name: "Coop", Slug: "coop-a", Kind: membership.KindOperational})
		check(t, err)
		_, err = w.Levels.SeedFoundingLevels(ctx, date(2020, 7, 1))
		refused(t, err, fault.Conflict, "decision.founding_over")
	})
}

func TestDefine(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := tarifftest.New(t, db)
		w.Create(t, membership.CreateInput{Name: "Coop", Slug: "coop-a", Kind: membership.KindOperational})
		m := w.Member(t, "hilado", "level-2")
		_, err := w.Decisions.Record(ctx, operator, decision.RecordInput{Key: "2027-01", Title: "New prices", DecidedOn: date(2027, 1, 10)})
		check(t, err)

		_, err = w.Levels.Define(ctx, operator, level(decision.Founding, "2027-02-01", "level-2", 22, seats(25)))
		refused(t, err, fault.Conflict, "decision.founding_over")
		_, err = w.Levels.Define(ctx, operator, level("unheard-of", "2027-02-01", "level-2", 22, seats(25)))
		refused(t, err, fault.Invalid, "decision.unknown")
		_, err = w.Levels.Define(ctx, operator, level("2027-01", "2027-01-09", "new", 22, seats(25)))
		if got := wrong(t, err); got["valid_from"] != "level.before_decision" {
			t.Errorf("%v", got)
		}
		admin := membershiptest.Admin(membershiptest.Person(t, db, "admin@example.org"))
		_, err = w.Levels.Define(ctx, admin, level("2027-01", "2027-02-01", "level-2", 22, seats(25)))
		refused(t, err, fault.Forbidden, "member.forbidden")
		bad := level("2027-01", "2027-02-01", "level-2", 22, seats(0))
		if _, err = w.Levels.Define(ctx, operator, bad); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%v", err)
		}

		before := w.Entitlement(t, m.ID)
		in := level("2027-01", "2027-02-01", "level-2", 22, seats(25))
		out, err := w.Levels.Define(ctx, operator, in)
		check(t, err)
		if len(out) != 1 || out[0].Version != 2 {
			t.Fatalf("%+v", out)
		}
		again, err := w.Levels.Define(ctx, operator, in)
		check(t, err)
		if again[0].ID != out[0].ID || events(t, db, "level.define") != 7 {
			t.Errorf("the same file again: %+v", again)
		}
		check(t, db.Read(ctx, func(r store.Reader) error { // everybody will be told
			waiting, err := jobs.List(ctx, r, jobs.StateReady, 10)
			if len(waiting) != 1 || waiting[0].Kind != "tariff.tell" {
				t.Errorf("%+v", waiting)
			}
			return err
		}))
		check(t, db.Read(ctx, func(r store.Reader) error { // what was read back is what was written
			versions, err := tariff.Versions(ctx, r, "level-2")
			check(t, err)
			if len(versions) != 2 || !versions[1].Limits.Equal(out[0].Limits) || versions[1].Contribution != out[0].Contribution {
				t.Errorf("%+v", versions)
			}
			return nil
		}))

		// In force from its day, in the member's zone, and not a microsecond before.
		start := date(2027, 2, 1).Start(m.Location())
		now := w.Entitlement(t, m.ID)
		if before.Limits.Seats != 20 || now.Limits.Seats != 20 || now.ValidUntil != start {
			t.Errorf("before: %s seats until %s, then %s until %s", before.Limits.Seats, before.ValidUntil, now.Limits.Seats, now.ValidUntil)
		}
		w.Clock.Set(start.Add(-time.Microsecond))
		if e := w.Entitlement(t, m.ID); e.Version != 1 {
			t.Errorf("a microsecond before: version %d", e.Version)
		}
		w.Clock.Set(start)
		if e := w.Entitlement(t, m.ID); e.Version != 2 || e.Limits.Seats != 25 || !e.ValidUntil.IsZero() {
			t.Errorf("from the day on: %+v", e)
		}
		levels, err := w.Levels.Levels(ctx)
		check(t, err)
		if i := slices.IndexFunc(levels, func(l tariff.Level) bool { return l.Key == "level-2" }); len(levels) != 6 || levels[i].Version != 1 {
			t.Errorf("in UTC it is still January: %+v", levels[i])
		}
		w.Clock.Pass(time.Hour)
		levels, err = w.Levels.Levels(ctx)
		check(t, err)
		if i := slices.IndexFunc(levels, func(l tariff.Level) bool { return l.Key == "level-2" }); len(levels) != 6 || levels[i].Version != 2 {
			t.Errorf("in February: %+v", levels)
		}
		changed := level("2027-01", "2027-02-01", "level-2", 23, seats(25))
		changed.Levels[0].Version = 2
		_, err = w.Levels.Define(ctx, operator, changed)
		refused(t, err, fault.Conflict, "level.in_force")
	})
}

func TestThePriceListKeepsItsOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := tarifftest.New(t, db)
		_, err := w.Levels.Define(ctx, operator, level(decision.Founding, "2027-01-11", "level-3", 46, seats(51)))
		check(t, err)
		_, err = w.Levels.Define(ctx, operator, level(decision.Founding, "2027-01-11", "assembly", 200, seats(400)))
		check(t, err)
		first := level(decision.Founding, "2027-01-11", "a-taste", 1, seats(2))
		first.Levels[0].Position = ptr(0)
		_, err = w.Levels.Define(ctx, operator, first)
		check(t, err)
		levels, err := w.Levels.Levels(ctx)
		check(t, err)
		var keys []string
		for _, l := range levels {
			keys = append(keys, l.Key)
		}
		want := []string{"a-taste", "free", "level-1", "level-2", "level-3", "organisation", "custom", "assembly"}
		if diff := cmp.Diff(want, keys); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

func TestOneOfManyFilesAtOnceBecomesTheNextVersion(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := tarifftest.New(t, db)
		codes := atOnce(6, func(i int) error {
			_, err := w.Levels.Define(ctx, operator, level(decision.Founding, "2027-02-01", "level-2", int64(30+i), seats(25)))
			return err
		})
		if codes[""] != 1 || codes["level.overlap"] != 5 {
			t.Errorf("%v", codes)
		}
	})
}

func TestADraftIsReplacedByItsNumber(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := tarifftest.New(t, db)
		_, err := w.Levels.Define(ctx, operator, level(decision.Founding, "2027-06-01", "level-2", 22, seats(25)))
		check(t, err)
		in := level(decision.Founding, "2027-05-01", "level-2", 21, seats(24))
		in.Levels[0].Version = 2
		_, err = w.Levels.Define(ctx, operator, in)
		check(t, err)
		check(t, db.Read(ctx, func(r store.Reader) error {
			versions, err := tariff.Versions(ctx, r, "level-2")
			if len(versions) != 2 || versions[1].Limits.Seats != 24 || versions[1].ValidFrom != date(2027, 5, 1) {
				t.Errorf("%+v", versions)
			}
			return err
		}))
	})
}

func TestEveryMemberIsToldOfANewList(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := tarifftest.New(t, db)
		var members []membership.Member
		for i := range 60 { // more than a batch
			members = append(members, w.Create(t, membership.CreateInput{Name: "member " + strings.Repeat("x", i%7+1)}))
		}
		check(t, w.Levels.TellAll(ctx))
		check(t, w.Levels.TellAll(ctx))
		if n := w.Told.About(members[59].ID); n < 2 {
			t.Errorf("the last was told %d times", n)
		}
		check(t, w.Levels.TellAll(ctx))
		if w.Told.About(w.House.ID) < 1 {
			t.Error("the house was not told")
		}
	})
}

func TestAssign(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := tarifftest.New(t, db)
		m := w.Member(t, "hilado", "")
		other := w.Member(t, "elsewhere", "")
		if e := w.Entitlement(t, m.ID); e.Level != "free" || e.Limits.Seats != 5 || !e.Allowed || !e.ValidUntil.IsZero() || e.Standing.State != membership.StandingFree {
			t.Errorf("before: %+v", e)
		}
		w.Told.About(m.ID)
		check(t, w.Levels.Assign(ctx, operator, tariff.AssignInput{Member: m.ID, Level: "level-3"}))
		if w.Told.About(m.ID) == 0 || events(t, db, "standing.granted") != 1 {
			t.Errorf("nobody told, or %d audit events", events(t, db, "standing.granted"))
		}
		if e := w.Entitlement(t, m.ID); e.Level != "level-3" || e.Limits.Seats != 50 || e.Standing.State != membership.StandingHost {
			t.Errorf("after: %+v", e)
		}
		if e := w.Entitlement(t, other.ID); e.Level != "free" {
			t.Errorf("another member: %+v", e)
		}
		w.Clock.Pass(time.Second)
		check(t, w.Levels.Assign(ctx, operator, tariff.AssignInput{Member: m.ID, Level: "level-1", From: date(2027, 2, 1)}))
		e := w.Entitlement(t, m.ID)
		if e.Level != "level-3" || e.ValidUntil != date(2027, 2, 1).Start(m.Location()) {
			t.Errorf("before its day: %+v", e)
		}
		w.Clock.Set(e.ValidUntil)
		if e := w.Entitlement(t, m.ID); e.Level != "level-1" {
			t.Errorf("from its day: %+v", e)
		}
		check(t, w.Levels.Assign(ctx, operator, tariff.AssignInput{Member: m.ID, Level: "free"}))
		if e := w.Entitlement(t, m.ID); e.Level != "free" || e.Standing.State != membership.StandingFree {
			t.Errorf("back to free: %+v", e)
		}
		codes := atOnce(8, func(int) error {
			return w.Levels.Assign(ctx, operator, tariff.AssignInput{Member: m.ID, Level: "level-2"})
		})
		if codes[""] != 8 {
			t.Errorf("%v", codes)
		}
		if e := w.Entitlement(t, m.ID); e.Level != "level-2" {
			t.Errorf("eight times at once: %+v", e)
		}
	})
}

func TestAssignRefuses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := tarifftest.New(t, db)
		m := w.Member(t, "hilado", "")
		owner := membershiptest.Signed(w.Person(t, m.ID, "o@hilado.example", membership.RoleOwner))
		stranger := membershiptest.Signed(membershiptest.Person(t, db, "x@example.org"))
		in := tariff.AssignInput{Member: m.ID, Level: "level-3"}
		refused(t, w.Levels.Assign(ctx, owner, in), fault.Forbidden, "member.forbidden")
		refused(t, w.Levels.Assign(ctx, stranger, in), fault.NotFound, "member.unknown")
		refused(t, w.Levels.Assign(ctx, operator, tariff.AssignInput{Member: id.NewMember(), Level: "level-3"}), fault.NotFound, "member.unknown")
		for name, c := range map[string]struct {
			in    tariff.AssignInput
			field string
			code  string
		}{
			"an unknown level":         {tariff.AssignInput{Level: "gold"}, "level", "level.unknown"},
			"no level":                 {tariff.AssignInput{}, "level", "level.unknown"},
			"a level before its list":  {tariff.AssignInput{Level: "level-3", From: date(2020, 6, 30)}, "level", "level.unknown"},
			"a year and a day ahead":   {tariff.AssignInput{Level: "level-3", From: date(2028, 1, 12)}, "from", "level.from"},
			"long before the internet": {tariff.AssignInput{Level: "level-3", From: date(1844, 12, 21)}, "from", "level.from"},
		} {
			c.in.Member = m.ID
			if got := wrong(t, w.Levels.Assign(ctx, operator, c.in)); got[c.field] != c.code {
				t.Errorf("%s: %v", name, got)
			}
		}
		check(t, w.Levels.Assign(ctx, operator, tariff.AssignInput{Member: m.ID, Level: "level-3", From: date(2028, 1, 11)}))
		check(t, db.Write(ctx, func(tx store.Tx) error {
			return w.Members.RecordFact(ctx, tx, w.Clock.Now(), operator, membership.Fact{Member: m.ID, Source: "entry:1", Kind: membership.FactCovered, Level: "level-1", From: date(2027, 1, 1), Until: date(2027, 2, 1)})
		}))
		refused(t, w.Levels.Assign(ctx, operator, in), fault.Conflict, "level.subscription_runs")
	})
}

func TestACoverKeepsTheVersionOfItsFirstDay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := tarifftest.New(t, db)
		m := w.Member(t, "hilado", "")
		_, err := w.Levels.Define(ctx, operator, level(decision.Founding, "2027-02-01", "level-2", 22, seats(15)))
		check(t, err)
		cover := func(source string, from, until instant.Date) {
			t.Helper()
			check(t, db.Write(ctx, func(tx store.Tx) error {
				return w.Members.RecordFact(ctx, tx, w.Clock.Now(), operator, membership.Fact{Member: m.ID, Source: source, Kind: membership.FactCovered, Level: "level-2", From: from, Until: until})
			}))
		}
		cover("entry:1", date(2027, 1, 10), date(2027, 2, 10))
		at := func(d instant.Date) tariff.Entitlement {
			w.Clock.Set(d.Start(m.Location()))
			return w.Entitlement(t, m.ID)
		}
		if e := at(date(2027, 2, 5)); e.Version != 1 || e.Limits.Seats != 20 || e.ValidUntil != date(2027, 2, 10).Start(m.Location()) {
			t.Errorf("within the period: %+v", e)
		}
		if e := at(date(2027, 2, 12)); e.Version != 1 || e.Standing.State != membership.StandingGrace {
			t.Errorf("in grace: %+v", e)
		}
		cover("entry:2", date(2027, 2, 10), date(2027, 3, 10))
		if e := at(date(2027, 2, 12)); e.Version != 2 || e.Limits.Seats != 15 {
			t.Errorf("the next period: %+v", e)
		}
		cover("entry:0", date(2019, 2, 10), date(2029, 3, 10)) // older than the list
		if e := at(date(2028, 2, 12)); e.Version != 1 {
			t.Errorf("a period older than the list: %+v", e)
		}
	})
}

func TestOverride(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := tarifftest.New(t, db)
		m := w.Member(t, "hilado", "level-1")
		other := w.Member(t, "elsewhere", "level-1")
		heard := make(chan string, 100)
		check(t, db.Watch(ctx, tariff.TopicEntitlement, func(key string) { heard <- key }))
		w.Told.About(m.ID)
		o, err := w.Levels.Override(ctx, operator, tariff.OverrideInput{
			Member: m.ID, Reason: "trying it out", Until: date(2027, 1, 20),
			Fields: tariff.OverrideFields{Seats: ptr(int64(3)), Duration: ptr(tariff.Span(2 * time.Minute)), Recording: ptr(true), RunningRooms: ptr(int64(7)), ModeratorsReserve: ptr(int64(2))},
		})
		check(t, err)
		if w.Told.About(m.ID) == 0 || events(t, db, "level.override") != 1 || <-heard != string(m.ID) {
			t.Error("not told, or not audited once")
		}
		e := w.Entitlement(t, m.ID)
		if e.Limits.Seats != 3 || e.Limits.Duration != 2*time.Minute || !e.Limits.Recording || e.Limits.RunningRooms != 7 || e.Limits.ModeratorsReserve != 2 || e.Limits.Participants != 10 || e.Level != "level-1" {
			t.Errorf("%+v", e)
		}
		if diff := cmp.Diff([]string{"duration", "moderators_reserve", "recording", "running_rooms", "seats"}, e.Overridden); diff != "" {
			t.Errorf("overridden (-want +got)\n%s", diff)
		}
		if e.ValidUntil != date(2027, 1, 20).Start(m.Location()) || o.Until != e.ValidUntil {
			t.Errorf("until %s, override %s", e.ValidUntil, o.Until)
		}
		if e := w.Entitlement(t, other.ID); len(e.Overridden) != 0 || e.Limits.Seats != 10 {
			t.Errorf("another member: %+v", e)
		}
		w.Clock.Pass(time.Second)
		second := w.Override(t, m.ID, tariff.OverrideFields{Seats: ptr(int64(4))})
		if e := w.Entitlement(t, m.ID); e.Limits.Seats != 4 || e.Limits.Duration != 2*time.Minute {
			t.Errorf("the later counts: %+v", e)
		}
		refused(t, w.Levels.EndOverride(ctx, operator, other.ID, second.ID), fault.NotFound, "override.unknown")
		codes := atOnce(4, func(int) error { return w.Levels.EndOverride(ctx, operator, m.ID, second.ID) })
		if codes[""] != 1 || codes["override.unknown"] != 3 || events(t, db, "level.override_end") != 1 {
			t.Errorf("%v", codes)
		}
		if e := w.Entitlement(t, m.ID); e.Limits.Seats != 3 {
			t.Errorf("ended: %+v", e)
		}
		w.Clock.Set(o.Until)
		if e := w.Entitlement(t, m.ID); e.Limits.Seats != 10 || len(e.Overridden) != 0 || !e.ValidUntil.IsZero() {
			t.Errorf("it ends by itself: %+v", e)
		}
		refused(t, w.Levels.EndOverride(ctx, operator, m.ID, o.ID), fault.NotFound, "override.unknown")
		check(t, db.Read(ctx, func(r store.Reader) error {
			all, err := tariff.LimitOverrides(ctx, r, m.ID)
			if len(all) != 2 || *all[0].Fields.Duration != tariff.Span(2*time.Minute) || all[0].Fields.Branding != nil || all[1].RevokedAt.IsZero() {
				t.Errorf("%+v", all)
			}
			return err
		}))
	})
}

func TestOverrideRefuses(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := tarifftest.New(t, db)
		m := w.Member(t, "hilado", "level-1")
		owner := membershiptest.Signed(w.Person(t, m.ID, "o@hilado.example", membership.RoleOwner))
		good := tariff.OverrideInput{Member: m.ID, Reason: "r", Fields: tariff.OverrideFields{Seats: ptr(int64(3))}}
		_, err := w.Levels.Override(ctx, owner, good)
		refused(t, err, fault.Forbidden, "member.forbidden")
		stranger := good
		stranger.Member = id.NewMember()
		_, err = w.Levels.Override(ctx, operator, stranger)
		refused(t, err, fault.NotFound, "member.unknown")

		zero, less, absurd := ptr(int64(0)), ptr(int64(-1)), ptr(int64(1_000_001))
		_, err = w.Levels.Override(ctx, operator, tariff.OverrideInput{Member: m.ID, Until: date(2027, 1, 11), Reason: strings.Repeat("x", 501), Fields: tariff.OverrideFields{
			Seats: zero, Participants: less, Rooms: absurd, RunningRooms: zero, Hosts: less, Connections: zero, Duration: ptr(tariff.Span(0)), RetentionDays: zero, StorageBytes: less, ModeratorsReserve: less,
		}})
		want := map[string]string{
			"seats": "level.count", "participants": "level.count", "rooms": "level.count", "running_rooms": "level.count", "hosts": "level.count", "connections": "level.count",
			"retention_days": "level.count", "storage_bytes": "level.count", "moderators_reserve": "level.count", "duration": "level.duration", "until": "override.until", "reason": "member.reason_long",
		}
		if diff := cmp.Diff(want, wrong(t, err)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		for name, d := range map[string]time.Duration{"negative": -time.Hour, "seconds": 59 * time.Second, "a leap": time.Minute + time.Microsecond, "for ever": 32 * 24 * time.Hour} {
			bad := good
			bad.Fields = tariff.OverrideFields{Duration: ptr(tariff.Span(d))}
			_, err := w.Levels.Override(ctx, operator, bad)
			if got := wrong(t, err); got["duration"] != "level.duration" {
				t.Errorf("%s: %v", name, got)
			}
		}
		_, err = w.Levels.Override(ctx, operator, tariff.OverrideInput{Member: m.ID})
		if got := wrong(t, err); got["limits"] != "override.empty" || got["reason"] != "member.reason_missing" {
			t.Errorf("nothing: %v", got)
		}
		if e := w.Entitlement(t, m.ID); len(e.Overridden) != 0 {
			t.Errorf("something was left behind: %+v", e)
		}
	})
}

func TestNobodyIsEntitledWhileSuspendedOrClosed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := tarifftest.New(t, db)
		m := w.Member(t, "hilado", "organisation")
		w.Override(t, m.ID, tariff.OverrideFields{Seats: ptr(int64(300))})
		check(t, w.Members.Suspend(ctx, operator, m.ID, "spam"))
		for _, want := range []membership.State{membership.StandingSuspended, membership.StandingClosed} {
			e := w.Entitlement(t, m.ID)
			if e.Allowed || e.Standing.State != want || e.Limits.Seats.Allows(1) || e.Limits.RunningRooms.Allows(1) || e.Limits.Recording || e.Level != "" {
				t.Errorf("%s: %+v", want, e)
			}
			if _, err := json.Marshal(e); err != nil {
				t.Error(err)
			}
			if want == membership.StandingSuspended {
				w.Clock.Pass(time.Minute)
				check(t, w.Members.Close(ctx, operator, m.ID, "left"))
			}
		}
		check(t, db.Read(ctx, func(r store.Reader) error {
			_, err := tariff.Entitled(ctx, r, id.NewMember(), w.Clock.Now())
			refused(t, err, fault.NotFound, "member.unknown")
			n, err := tariff.Register{}.HostPlaces(ctx, r, m.ID, w.Clock.Now())
			if n != 0 {
				t.Errorf("%d host places", n)
			}
			return err
		}))
	})
}

func TestHostPlacesFollowLevelAndOverride(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := tarifftest.New(t, db)
		m := w.Member(t, "hilado", "level-2")
		w.Person(t, m.ID, "a@hilado.example", membership.RoleOwner)
		w.Person(t, m.ID, "b@hilado.example", membership.RoleHost)
		c := membershiptest.Person(t, db, "c@hilado.example")
		add := func() error {
			_, err := w.Members.Add(ctx, operator, membership.AddInput{Member: m.ID, Person: c, Roles: []membership.Role{membership.RoleHost}})
			return err
		}
		refused(t, add(), fault.LimitReached, "tariff.hosts")
		w.Override(t, m.ID, tariff.OverrideFields{Hosts: ptr(int64(3))})
		check(t, add())
		check(t, w.Levels.Assign(ctx, operator, tariff.AssignInput{Member: m.ID, Level: "organisation"}))
		w.Person(t, m.ID, "d@hilado.example", membership.RoleMember)
	})
}

func TestWithoutLevelsNobodyIsLetInAndTheOperatorIsTold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := tarifftest.New(t, db, tarifftest.Options{Empty: true})
		_, err := w.Levels.Entitlement(ctx, w.House.ID)
		refused(t, err, fault.Unavailable, "level.missing")
	})
}

func TestSignUpWithALevel(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := tarifftest.New(t, db)
		p := membershiptest.Person(t, db, "ada@example.org")
		check(t, db.Write(ctx, func(tx store.Tx) error {
			return w.Members.PersonBorn(ctx, tx, w.Clock.Now(), identity.Birth{Person: p, Name: "Ada", Level: "level-2", Locale: "en", Zone: "Europe/Stockholm"})
		}))
		var place membership.Place
		check(t, db.Read(ctx, func(r store.Reader) error {
			places, err := membership.Affiliations(ctx, r, p)
			place = places[0]
			return err
		}))
		e := w.Entitlement(t, place.Member)
		if !place.Has(membership.RoleHost) || e.Standing.State != membership.StandingPending || e.Level != "free" || e.Limits.Seats != 5 || e.ValidUntil != date(2027, 2, 10).Start(place.In.Location()) {
			t.Errorf("%+v\n%+v", place, e)
		}
	})
}

func BenchmarkEntitled(b *testing.B) {
	db := storetest.New(b, store.SQLite)
	w := tarifftest.New(b, db)
	m := w.Member(b, "hilado", "level-2")
	w.Override(b, m.ID, tariff.OverrideFields{Seats: ptr(int64(3))})
	for b.Loop() {
		if _, err := w.Levels.Entitlement(ctx, m.ID); err != nil {
			b.Fatal(err)
		}
	}
}
