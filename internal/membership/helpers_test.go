// SPDX-License-Identifier: AGPL-3.0-or-later

package membership_test

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale/localetest"
	"meetcoop/internal/membership"
	"meetcoop/internal/membership/membershiptest"
	"meetcoop/internal/store"
)

// register is the register of one test.
type register struct {
	*membership.Service
	db      *store.DB
	clock   *membershiptest.Clock
	levels  *membershiptest.Levels
	told    *membershiptest.Told
	letters *membershiptest.Letters
	house   membership.Member
}

var (
	ctx      = context.Background()
	operator = identity.Operator()
)

func open(t testing.TB, db *store.DB) *register {
	t.Helper()
	r := &register{
		db: db, clock: membershiptest.NewClock(), told: &membershiptest.Told{}, letters: &membershiptest.Letters{},
		levels: &membershiptest.Levels{Keys: []string{"free", "level-1", "level-2"}, Hosts: 3},
	}
	var err error
	r.Service, err = membership.New(membership.Deps{
		DB: db, Now: r.clock.Now, Log: slog.New(slog.DiscardHandler), Levels: r.levels, Changed: r.told, Inviter: r.letters,
		Sealer: membershiptest.Sealer{},
	})
	check(t, err)
	r.house, err = r.EnsureHouse(ctx)
	check(t, err)
	return r
}

func (r *register) create(t testing.TB, in membership.CreateInput) membership.Member {
	t.Helper()
	m, err := r.Create(ctx, operator, in)
	check(t, err)
	return m
}

// organisation makes a user member with an owner, and returns both.
func (r *register) organisation(t testing.TB, name string) (membership.Member, identity.Actor) {
	t.Helper()
	m := r.create(t, membership.CreateInput{Name: name})
	return m, membershiptest.Signed(r.add(t, m.ID, "owner@"+m.Slug+".example", membership.RoleOwner).Person)
}

func (r *register) add(t testing.TB, member id.Member, address string, roles ...membership.Role) membership.Affiliation {
	t.Helper()
	p := membershiptest.Person(t, r.db, address)
	a, err := r.Add(ctx, operator, membership.AddInput{Member: member, Person: p, Roles: roles})
	check(t, err)
	return a
}

func (r *register) counts(t testing.TB, member id.Member) (c membership.Counts) {
	t.Helper()
	check(t, r.db.Read(ctx, func(rd store.Reader) (err error) {
		c, err = membership.CountsOf(ctx, rd, member)
		return err
	}))
	return c
}

func (r *register) roles(t testing.TB, member id.Member, person id.Person) (roles []membership.Role) {
	t.Helper()
	check(t, r.db.Read(ctx, func(rd store.Reader) (err error) {
		roles, err = membership.RolesOf(ctx, rd, member, person)
		return err
	}))
	return roles
}

func (r *register) standing(t testing.TB, member id.Member) (s membership.Standing) {
	t.Helper()
	check(t, r.db.Read(ctx, func(rd store.Reader) (err error) {
		s, err = membership.StandingOf(ctx, rd, member, r.clock.Now())
		return err
	}))
	return s
}

// audited runs fn and returns the actions it left in the audit trail.
func (r *register) audited(t testing.TB, fn func()) []string {
	t.Helper()
	before := r.events(t)
	fn()
	var actions []string
	for _, e := range r.events(t)[len(before):] {
		actions = append(actions, e.Action)
	}
	return actions
}

// events are the whole trail, oldest first; a test writes far fewer than the limit.
func (r *register) events(t testing.TB) (out []identity.Recorded) {
	t.Helper()
	check(t, r.db.Read(ctx, func(rd store.Reader) error {
		list, err := identity.AuditList(ctx, rd, identity.AuditFilter{Limit: 500})
		for _, l := range slices.Backward(list) {
			out = append(out, l)
		}
		return err
	}))
	return out
}

// write runs fn in a transaction, as another capability would call a verb that joins one.
func (r *register) write(fn func(tx store.Tx, now instant.Instant) error) error {
	now := r.clock.Now()
	return r.db.Write(ctx, func(tx store.Tx) error { return fn(tx, now) })
}

// atOnce calls fn n times in parallel, each until the database is not too busy, and returns the errors
// by code; "" counts the successes.
func atOnce(n int, fn func(i int) error) map[string]int {
	var wg sync.WaitGroup
	var mu sync.Mutex
	codes := map[string]int{}
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			err := fn(i)
			for fault.CodeOf(err) == "store.contended" {
				err = fn(i)
			}
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				codes[""]++
			} else {
				codes[fault.CodeOf(err)]++
			}
		})
	}
	close(start)
	wg.Wait()
	return codes
}

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

// wrong returns the fields of an Invalid fault with their codes.
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
