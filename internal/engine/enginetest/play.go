// SPDX-License-Identifier: AGPL-3.0-or-later

package enginetest

import (
	"context"
	"fmt"
	"slices"

	"meetcoop/internal/engine"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
)

// ErrNoEntry is what Enter answers to a token that does not open: unknown, expired, of a
// removed person or of an ended meeting.
var ErrNoEntry = fault.New(fault.Forbidden, "engine.no_entry")

// Enter comes in with an entry that Join gave out, as the page would, and returns the
// session. A second entry of the same person replaces the first session.
func (f *Fake) Enter(entry engine.Entry) (session string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return "", engine.ErrDown
	}
	e, ok := f.entries[entry.Token]
	if !ok || f.now().After(e.expires) {
		return "", ErrNoEntry
	}
	mt := f.meetings[e.meeting]
	if mt == nil {
		return "", ErrNoEntry
	}
	f.nextKey++
	session = fmt.Sprintf("session-%d", f.nextKey)
	mt.people[e.participant] = &fakePerson{session: session, since: f.now(), grants: e.grants, sends: map[engine.Media]bool{}}
	f.emit(engine.Event{Kind: engine.EventEntered, Meeting: e.meeting, Participant: e.participant, Session: session})
	return session, nil
}

// Leave is the person's own leaving; a person who is not there does nothing.
func (f *Fake) Leave(m id.Meeting, p id.Participant) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone(m, p, engine.EventLeft, engine.LeftSelf)
}

// Lose breaks the person's connection.
func (f *Fake) Lose(m id.Meeting, p id.Participant) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone(m, p, engine.EventLost, "")
}

// Publish starts to send k and reports whether the person is there and may.
func (f *Fake) Publish(m id.Meeting, p id.Participant, k engine.Media) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	person := f.person(m, p)
	if person == nil || !person.grants.Allows(k) {
		return false
	}
	if !person.sends[k] {
		person.sends[k] = true
		f.emit(engine.Event{Kind: engine.EventPublished, Meeting: m, Participant: p, Session: person.session, Media: k})
	}
	return true
}

// Unpublish stops sending k.
func (f *Fake) Unpublish(m id.Meeting, p id.Participant, k engine.Media) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if person := f.person(m, p); person != nil {
		f.stop(m, p, person, k)
	}
}

// Grants returns what the person may publish now, as the engine knows it.
func (f *Fake) Grants(m id.Meeting, p id.Participant) (g engine.Grants, inside bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	person := f.person(m, p)
	if person == nil {
		return g, false
	}
	return person.grants, true
}

// SetDown is the crash: everybody is gone, every call answers engine.ErrDown until Back.
func (f *Fake) SetDown() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return
	}
	f.down = true
	for _, mt := range f.meetings {
		clear(mt.people)
	}
	f.emit(engine.Event{Kind: engine.EventDown})
}

// Back is the return after SetDown: the meetings are there again, without people.
func (f *Fake) Back() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		f.down = false
		f.emit(engine.Event{Kind: engine.EventBack})
	}
}

// FailNext makes the next calls of the contract, but not Events, fail with these errors, one each.
func (f *Fake) FailNext(errs ...error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = append(f.fail, errs...)
}

// Calls returns what was asked of the engine so far, in order, without Capabilities, List and Events.
func (f *Fake) Calls() []Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// Settle waits until every event so far has been taken by the consumer of Events, or
// returns ctx's error. Without a consumer it waits for ever: give ctx a deadline.
func (f *Fake) Settle(ctx context.Context) error {
	for {
		f.mu.Lock()
		wake, open := f.wake, len(f.queue)
		f.mu.Unlock()
		if open == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d events untaken: %w", open, ctx.Err())
		case <-wake:
		}
	}
}
