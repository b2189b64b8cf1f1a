// SPDX-License-Identifier: AGPL-3.0-or-later

// Package membershiptest makes the register that tests of other packages stand on.
package membershiptest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// Clock is a clock that tests set. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now instant.Instant
}

// Start is when a Clock begins: a Monday noon in winter, UTC.
var Start = instant.Of(time.Date(2027, time.January, 11, 12, 0, 0, 0, time.UTC))

// NewClock returns a clock that stands at Start.
func NewClock() *Clock { return &Clock{now: Start} }

// Now is an instant.Clock.
func (c *Clock) Now() instant.Instant {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Set moves the clock to an instant.
func (c *Clock) Set(i instant.Instant) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = i
}

// Pass moves the clock on.
func (c *Clock) Pass(d time.Duration) { c.Set(c.Now().Add(d)) }

// Told implements membership.Changed and remembers who was told about. A transaction that ran twice
// tells twice.
type Told struct {
	mu      sync.Mutex
	members []id.Member
}

// EntitlementChanged notes the member.
func (t *Told) EntitlementChanged(_ context.Context, _ store.Tx, _ instant.Instant, member id.Member) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.members = append(t.members, member)
	return nil
}

// About returns how often the member was named since the last call, and forgets everybody.
func (t *Told) About(member id.Member) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for _, m := range t.members {
		if m == member {
			n++
		}
	}
	t.members = nil
	return n
}

// Levels implements membership.Levels for tests without a price list: the keys exist, and everybody
// has the same number of host places.
type Levels struct {
	Keys        []string
	Hosts       int // negative is any number
	Connections int // 0 is any number
}

// LevelExists reports whether key is one of Keys.
func (l *Levels) LevelExists(_ context.Context, _ store.Reader, key string, _ instant.Date) (bool, error) {
	return slices.Contains(l.Keys, key), nil
}

// ConnectionPlaces returns Connections, any number for 0.
func (l *Levels) ConnectionPlaces(context.Context, store.Reader, id.Member, instant.Instant) (int, error) {
	if l.Connections == 0 {
		return -1, nil
	}
	return l.Connections, nil
}

// HostPlaces returns Hosts.
func (l *Levels) HostPlaces(context.Context, store.Reader, id.Member, instant.Instant) (int, error) {
	return l.Hosts, nil
}

// Sealer implements membership.Sealer without hiding anything: it only binds texts to their purpose.
type Sealer struct{}

// Seal writes the purpose before the text.
func (Sealer) Seal(purpose, text string) (string, error) { return purpose + "|" + text, nil }

// Open gives the text back when the purpose is right.
func (Sealer) Open(purpose, sealed string) (string, error) {
	text, ok := strings.CutPrefix(sealed, purpose+"|")
	if !ok {
		return "", errors.New("sealed for another purpose")
	}
	return text, nil
}

// Letters implements membership.Inviter and keeps what was to be written.
type Letters struct {
	mu   sync.Mutex
	sent []identity.InviteInput
}

// Invite notes the letter; an operator gets a link, as from identity.Service.
func (l *Letters) Invite(_ context.Context, _ store.Tx, _ instant.Instant, in identity.InviteInput) (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, in)
	if in.Actor.Runs() != nil {
		return "", nil
	}
	return "https://meet.example/signin/link/" + in.Ref, nil
}

// Sent returns the letters since the last call.
func (l *Letters) Sent() []identity.InviteInput {
	l.mu.Lock()
	defer l.mu.Unlock()
	sent := l.sent
	l.sent = nil
	return sent
}

// Person makes a person who has proven the address, and returns the id. The name is the local part.
func Person(t testing.TB, db *store.DB, address string) id.Person {
	t.Helper()
	a, ok := identity.ParseAddress(address)
	if !ok {
		t.Fatalf("%q is no address", address)
	}
	name, _, _ := strings.Cut(address, "@")
	p := id.NewPerson()
	err := db.Write(context.Background(), func(tx store.Tx) error { return insertPerson(context.Background(), tx, p, name, a) })
	if err != nil {
		t.Fatal(fmt.Errorf("make a person: %w", err))
	}
	return p
}

// Signed is the actor of a person with a session in the portal.
func Signed(p id.Person) identity.Actor {
	return identity.Actor{Kind: identity.ActorPerson, Person: p, Session: id.NewSession(), Door: identity.DoorPortal}
}

// Admin is Signed with the platform role admin.
func Admin(p id.Person) identity.Actor {
	a := Signed(p)
	a.PlatformAdmin = true
	return a
}
