// SPDX-License-Identifier: AGPL-3.0-or-later

package enginetest

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/engine"
	"meetcoop/internal/id"
)

// fakePage is somebody who came to the fake.
type fakePage struct {
	fake        *Fake
	meeting     id.Meeting
	participant id.Participant
	session     string
}

func (p fakePage) Session() string { return p.session }
func (p fakePage) Leave()          { p.fake.Leave(p.meeting, p.participant) }
func (p fakePage) Lose()           { p.fake.Lose(p.meeting, p.participant) }
func (p fakePage) Publish(_ context.Context, k engine.Media) error {
	if !p.fake.Publish(p.meeting, p.participant, k) {
		return errors.New("not allowed")
	}
	return nil
}

func TestTheFakeKeepsTheContract(t *testing.T) {
	fake := NewFake(nil)
	Run(t, World{
		Engine: fake,
		Enter: func(_ context.Context, e engine.Entry) (Person, error) {
			fake.mu.Lock()
			of := fake.entries[e.Token]
			fake.mu.Unlock()
			session, err := fake.Enter(e)
			return fakePage{fake, of.meeting, of.participant, session}, err
		},
	})
}

func TestAnEntryOfTheFakeExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake, ref := NewFake(nil), engine.Ref{Meeting: id.NewMeeting()}
		if _, err := fake.Create(t.Context(), engine.CreateInput{Ref: ref}); err != nil {
			t.Fatal(err)
		}
		in := joinInput(ref, id.NewParticipant())
		in.TTL = time.Minute
		entry, err := fake.Join(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if _, err := fake.Enter(entry); err != nil {
			t.Errorf("entry refused on its last second: %v", err)
		}
		time.Sleep(time.Microsecond)
		if _, err := fake.Enter(entry); !errors.Is(err, ErrNoEntry) {
			t.Errorf("expired entry: %v, want %v", err, ErrNoEntry)
		}
	})
}

func TestTheFakeGoesDownAndComesBackEmpty(t *testing.T) {
	fake, ref := NewFake(nil), engine.Ref{Meeting: id.NewMeeting()}
	if _, err := fake.Create(t.Context(), engine.CreateInput{Ref: ref}); err != nil {
		t.Fatal(err)
	}
	entry, err := fake.Join(t.Context(), joinInput(ref, id.NewParticipant()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fake.Enter(entry); err != nil {
		t.Fatal(err)
	}

	fake.SetDown()
	if _, err := fake.List(t.Context()); !errors.Is(err, engine.ErrDown) {
		t.Errorf("list while down: %v, want %v", err, engine.ErrDown)
	}
	fake.Back()
	got, err := fake.List(t.Context())
	if err != nil || len(got) != 1 || len(got[0].Participants) != 0 {
		t.Errorf("list after coming back: %+v, %v; want one empty meeting", got, err)
	}

	var kinds []engine.EventKind
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		_ = fake.Events(ctx, func(e engine.Event) error { kinds = append(kinds, e.Kind); return nil })
	}()
	if err := fake.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []engine.EventKind{engine.EventCreated, engine.EventEntered, engine.EventDown, engine.EventBack}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestTheFakeFailsOnOrder(t *testing.T) {
	fake := NewFake(nil)
	fake.FailNext(engine.ErrDown)
	ref := engine.Ref{Meeting: id.NewMeeting()}
	if err := fake.End(t.Context(), ref, engine.EndHost); !errors.Is(err, engine.ErrDown) {
		t.Errorf("end: %v, want %v", err, engine.ErrDown)
	}
	if err := fake.End(t.Context(), ref, engine.EndHost); err != nil {
		t.Errorf("end again: %v", err)
	}
	want := []Call{{Verb: "end", Meeting: ref.Meeting, Why: engine.EndHost}, {Verb: "end", Meeting: ref.Meeting, Why: engine.EndHost}}
	if diff := cmp.Diff(want, fake.Calls()); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}
