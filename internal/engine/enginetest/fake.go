// SPDX-License-Identifier: AGPL-3.0-or-later

package enginetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"meetcoop/internal/engine"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
)

// Fake is an engine in memory: it keeps the whole contract and moves nothing. The zero
// value is not ready; use NewFake. Safe for concurrent use; without sockets and without
// goroutines of its own, so it lives in a synctest bubble.
//
// Besides the contract it plays the people: Enter, Leave, Lose, Publish, Unpublish. And
// the machine: SetDown, Back, FailNext. Calls tells what the tested code asked for.
type Fake struct {
	now instant.Clock

	mu       sync.Mutex
	meetings map[id.Meeting]*fakeMeeting
	ended    map[id.Meeting]bool
	entries  map[string]fakeEntry
	nextKey  int
	down     bool
	fail     []error
	calls    []Call
	queue    []engine.Event
	taken    bool
	wake     chan struct{} // closed and replaced whenever queue grows or is drained
}

type fakeMeeting struct {
	since  instant.Instant
	people map[id.Participant]*fakePerson
}

type fakePerson struct {
	session string
	since   instant.Instant
	grants  engine.Grants
	sends   map[engine.Media]bool
}

type fakeEntry struct {
	meeting     id.Meeting
	participant id.Participant
	grants      engine.Grants
	expires     instant.Instant
}

// Call is one call of the contract that the fake received.
type Call struct {
	Verb        string // "create", "join", "end", "remove", "mute", "allow"
	Meeting     id.Meeting
	Participant id.Participant
	Media       engine.Media
	Grants      engine.Grants
	Why         engine.EndReason
}

// NewFake returns an engine in which nothing runs. now may be nil: the machine's clock.
func NewFake(now instant.Clock) *Fake {
	if now == nil {
		now = instant.System(0)
	}
	return &Fake{
		now:      now,
		meetings: map[id.Meeting]*fakeMeeting{},
		ended:    map[id.Meeting]bool{},
		entries:  map[string]fakeEntry{},
		wake:     make(chan struct{}),
	}
}

var _ engine.Engine = (*Fake)(nil)

// Capabilities implements engine.Engine: the same as engine/sfu.
func (f *Fake) Capabilities() engine.Capabilities {
	return engine.Capabilities{
		Kick: true, Mute: true, Lock: true, WaitingRoom: true, Chat: true, Hands: true,
		Recording: engine.RecordingNone,
	}
}

// Create implements engine.Engine.
func (f *Fake) Create(_ context.Context, in engine.CreateInput) (engine.Created, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.called(Call{Verb: "create", Meeting: in.Meeting}, in.Validate()); err != nil {
		return engine.Created{}, err
	}
	if f.ended[in.Meeting] {
		return engine.Created{}, engine.ErrEnded
	}
	_, known := f.meetings[in.Meeting]
	if !known {
		f.meetings[in.Meeting] = &fakeMeeting{since: f.now(), people: map[id.Participant]*fakePerson{}}
		f.emit(engine.Event{Kind: engine.EventCreated, Meeting: in.Meeting})
	}
	return engine.Created{Ref: in.Ref, Fresh: !known}, nil
}

// Join implements engine.Engine.
func (f *Fake) Join(_ context.Context, in engine.JoinInput) (engine.Entry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.called(Call{Verb: "join", Meeting: in.Ref.Meeting, Participant: in.Participant, Grants: in.Grants}, in.Validate()); err != nil {
		return engine.Entry{}, err
	}
	if f.ended[in.Ref.Meeting] {
		return engine.Entry{}, engine.ErrEnded
	}
	ttl := cmp.Or(in.TTL, engine.MaxTTL)
	f.nextKey++
	token := fmt.Sprintf("fake-%d", f.nextKey)
	f.entries[token] = fakeEntry{in.Ref.Meeting, in.Participant, in.Grants, f.now().Add(ttl)}
	return engine.Entry{Kind: "sfu", URL: "ws://engine.test", Token: token}, nil
}

// End implements engine.Engine.
func (f *Fake) End(_ context.Context, m engine.Ref, why engine.EndReason) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.called(Call{Verb: "end", Meeting: m.Meeting, Why: why}, nil); err != nil {
		return err
	}
	f.ended[m.Meeting] = true
	f.forget(func(e fakeEntry) bool { return e.meeting == m.Meeting })
	mt, known := f.meetings[m.Meeting]
	if !known {
		return nil
	}
	for _, p := range sortedKeys(mt.people) {
		f.emit(engine.Event{Kind: engine.EventLeft, Meeting: m.Meeting, Participant: p, Session: mt.people[p].session, Why: engine.LeftEnded})
	}
	delete(f.meetings, m.Meeting)
	f.emit(engine.Event{Kind: engine.EventEnded, Meeting: m.Meeting})
	return nil
}

// List implements engine.Engine.
func (f *Fake) List(context.Context) ([]engine.Running, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.trouble(); err != nil {
		return nil, err
	}
	var out []engine.Running
	for _, m := range sortedKeys(f.meetings) {
		mt := f.meetings[m]
		r := engine.Running{Meeting: m, Since: mt.since}
		for _, p := range sortedKeys(mt.people) {
			person := mt.people[p]
			rp := engine.RunningParticipant{Participant: p, Session: person.session, Since: person.since, Connected: true}
			rp.Publishing = append(rp.Publishing, sortedKeys(person.sends)...)
			r.Participants = append(r.Participants, rp)
		}
		out = append(out, r)
	}
	return out, nil
}

// Remove implements engine.Engine.
func (f *Fake) Remove(_ context.Context, m engine.Ref, p id.Participant) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.called(Call{Verb: "remove", Meeting: m.Meeting, Participant: p}, nil); err != nil {
		return err
	}
	f.forget(func(e fakeEntry) bool { return e.meeting == m.Meeting && e.participant == p })
	f.gone(m.Meeting, p, engine.EventLeft, engine.LeftRemoved)
	return nil
}

// Mute implements engine.Engine.
func (f *Fake) Mute(_ context.Context, m engine.Ref, p id.Participant, k engine.Media) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.called(Call{Verb: "mute", Meeting: m.Meeting, Participant: p, Media: k}, knownMedia(k)); err != nil {
		return err
	}
	person := f.person(m.Meeting, p)
	if person == nil {
		return engine.ErrNotThere
	}
	f.stop(m.Meeting, p, person, k)
	return nil
}

// Allow implements engine.Engine.
func (f *Fake) Allow(_ context.Context, m engine.Ref, p id.Participant, g engine.Grants) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.called(Call{Verb: "allow", Meeting: m.Meeting, Participant: p, Grants: g}, nil); err != nil {
		return err
	}
	person := f.person(m.Meeting, p)
	if person == nil {
		return engine.ErrNotThere
	}
	person.grants = g
	for _, k := range sortedKeys(person.sends) {
		if !g.Allows(k) {
			f.stop(m.Meeting, p, person, k)
		}
	}
	return nil
}

// Events implements engine.Engine.
func (f *Fake) Events(ctx context.Context, give func(engine.Event) error) error {
	f.mu.Lock()
	if f.taken {
		f.mu.Unlock()
		return engine.ErrEventsTaken
	}
	f.taken = true
	f.mu.Unlock()
	defer func() { f.mu.Lock(); f.taken = false; f.mu.Unlock() }()

	for {
		f.mu.Lock()
		wake := f.wake
		var next *engine.Event
		if len(f.queue) > 0 {
			e := f.queue[0]
			next = &e
		}
		f.mu.Unlock()

		if next == nil {
			select {
			case <-ctx.Done():
				return nil
			case <-wake:
			}
			continue
		}
		if ctx.Err() != nil {
			return nil
		}
		if give(*next) != nil {
			continue // at least once: the same event again
		}
		f.mu.Lock()
		f.queue = f.queue[1:]
		f.signal()
		f.mu.Unlock()
	}
}

// called notes a call and returns why it fails, if it does.
func (f *Fake) called(c Call, invalid error) error {
	f.calls = append(f.calls, c)
	if invalid != nil {
		return invalid
	}
	return f.trouble()
}

func knownMedia(k engine.Media) error {
	if !k.Known() {
		return engine.ErrMediaUnknown
	}
	return nil
}

func (f *Fake) trouble() error {
	if len(f.fail) > 0 {
		err := f.fail[0]
		f.fail = f.fail[1:]
		return err
	}
	if f.down {
		return engine.ErrDown
	}
	return nil
}

func (f *Fake) person(m id.Meeting, p id.Participant) *fakePerson {
	if mt := f.meetings[m]; mt != nil {
		return mt.people[p]
	}
	return nil
}

func (f *Fake) stop(m id.Meeting, p id.Participant, person *fakePerson, k engine.Media) {
	if person.sends[k] {
		delete(person.sends, k)
		f.emit(engine.Event{Kind: engine.EventUnpublished, Meeting: m, Participant: p, Session: person.session, Media: k})
	}
}

func (f *Fake) gone(m id.Meeting, p id.Participant, kind engine.EventKind, why engine.LeftWhy) {
	person := f.person(m, p)
	if person == nil {
		return
	}
	delete(f.meetings[m].people, p)
	f.emit(engine.Event{Kind: kind, Meeting: m, Participant: p, Session: person.session, Why: why})
}

func (f *Fake) forget(which func(fakeEntry) bool) {
	for token, e := range f.entries {
		if which(e) {
			delete(f.entries, token)
		}
	}
}

func (f *Fake) emit(e engine.Event) {
	f.nextKey++
	e.Key = fmt.Sprintf("event-%d", f.nextKey)
	e.At = f.now()
	f.queue = append(f.queue, e)
	f.signal()
}

func (f *Fake) signal() {
	close(f.wake)
	f.wake = make(chan struct{})
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
