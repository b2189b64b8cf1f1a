// SPDX-License-Identifier: AGPL-3.0-or-later

package enginetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/engine"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
)

// World is an engine and a way for people to come to it.
type World struct {
	// Engine is asked as package live asks it: whoever implements Enter learns from the calls
	// of Join, Remove and End whom live would authorise.
	Engine engine.Engine
	// Enter comes in with an entry as a page does and returns when media is connected, or an
	// error when the person is not let in.
	Enter func(ctx context.Context, e engine.Entry) (Person, error)
}

// Person is somebody in a meeting.
type Person interface {
	Session() string
	Publish(ctx context.Context, k engine.Media) error // returns when it is being sent; an error when it may not
	Leave()                                            // by their own will
	Lose()                                             // the connection breaks
}

// patience is how long the suite waits for what has to happen. It is not a promise of
// speed: an engine under a race detector on two busy cores has it too.
const patience = 40 * time.Second

// Run runs the suite. The engine must have no consumer of Events and no meetings of the suite's.
func Run(t *testing.T, w World) {
	s := &suite{World: w, heard: newRecorder()}
	ctx, cancel := context.WithCancel(context.Background())
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		if err := w.Engine.Events(ctx, s.heard.note); err != nil {
			t.Errorf("events: %v", err)
		}
	}()
	t.Cleanup(func() { cancel(); <-finished })

	t.Run("events have one consumer", s.oneConsumer)
	for name, test := range map[string]func(*testing.T){
		"a meeting is made once":                              s.madeOnce,
		"input that is not ours is refused":                   s.badInput,
		"who enters is listed and told":                       s.entering,
		"who comes twice is there once":                       s.twice,
		"sending is listed and told, and muting stops it":     s.muting,
		"what is not allowed is not sent, at once":            s.allowing,
		"who leaves is told as leaving":                       s.leaving,
		"who breaks off is told as lost":                      s.losing,
		"who is removed stays out until admitted again":       s.removing,
		"who is not there cannot be muted but can be removed": s.absent,
		"an ended meeting stays ended":                        s.ending,
		"an end wins over joins at the same time":             s.endingRace,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t) })
	}
}

type suite struct {
	World
	heard *recorder
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func (s *suite) create(t *testing.T) engine.Ref {
	t.Helper()
	ref := engine.Ref{Meeting: id.NewMeeting(), Server: id.NewServer()}
	if _, err := s.Engine.Create(within(t), engine.CreateInput{Ref: ref}); err != nil {
		t.Fatalf("create: %v", err)
	}
	return ref
}

func (s *suite) join(t *testing.T, ref engine.Ref, who id.Participant) engine.Entry {
	t.Helper()
	entry, err := s.Engine.Join(within(t), joinInput(ref, who))
	if err != nil {
		t.Fatalf("join: %v", err)
	}
	return entry
}

func joinInput(ref engine.Ref, who id.Participant) engine.JoinInput {
	return engine.JoinInput{
		Ref: ref, Participant: who, Role: engine.RoleViewer,
		Grants: engine.Grants{Microphone: true, Camera: true},
	}
}

func (s *suite) enter(t *testing.T, ref engine.Ref, who id.Participant) Person {
	t.Helper()
	p, err := s.Enter(within(t), s.join(t, ref, who))
	if err != nil {
		t.Fatalf("enter: %v", err)
	}
	return p
}

// find returns the meeting as listed; its zero value when it is not there.
func (s *suite) find(t *testing.T, ref engine.Ref) engine.Running {
	t.Helper()
	all, err := s.Engine.List(within(t))
	if err != nil {
		t.Fatalf("list: %v", err)
	}
	for _, r := range all {
		if r.Meeting == ref.Meeting {
			return r
		}
	}
	return engine.Running{}
}

// person returns somebody as listed, or nil.
func (s *suite) person(t *testing.T, ref engine.Ref, who id.Participant) *engine.RunningParticipant {
	t.Helper()
	for _, p := range s.find(t, ref).Participants {
		if p.Participant == who {
			return &p
		}
	}
	return nil
}

func (s *suite) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx := within(t)
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatalf("never happened: %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *suite) oneConsumer(t *testing.T) {
	s.heard.await(t, s.create(t), engine.Event{Kind: engine.EventCreated}) // the first consumer consumes
	err := s.Engine.Events(within(t), func(engine.Event) error { return nil })
	if !errors.Is(err, engine.ErrEventsTaken) {
		t.Errorf("a second consumer got %v, want %v", err, engine.ErrEventsTaken)
	}
}

func (s *suite) madeOnce(t *testing.T) {
	ref := engine.Ref{Meeting: id.NewMeeting(), Server: id.NewServer()}
	for _, fresh := range []bool{true, false} {
		got, err := s.Engine.Create(within(t), engine.CreateInput{Ref: ref, MaxPeople: 5})
		if err != nil {
			t.Fatalf("create: %v", err)
		}
		if diff := cmp.Diff(engine.Created{Ref: ref, Fresh: fresh}, got); diff != "" {
			t.Errorf("created (-want +got):\n%s", diff)
		}
	}
	s.heard.await(t, ref, engine.Event{Kind: engine.EventCreated})
}

func (s *suite) badInput(t *testing.T) {
	if _, err := s.Engine.Create(within(t), engine.CreateInput{Ref: engine.Ref{Meeting: "weekly round"}, MaxPeople: -1}); len(fieldsOf(err)) != 2 {
		t.Errorf("create named the fields %v, want two", fieldsOf(err))
	}
	bad := engine.JoinInput{Ref: engine.Ref{Meeting: "weekly round"}, Participant: "Person A", Role: "boss", TTL: time.Hour}
	if _, err := s.Engine.Join(within(t), bad); len(fieldsOf(err)) != 4 {
		t.Errorf("join named the fields %v, want four", fieldsOf(err))
	}
}

func fieldsOf(err error) (names []string) {
	if f := fault.As(err); f != nil && f.Kind == fault.Invalid {
		for _, field := range f.Fields {
			names = append(names, field.Name)
		}
	}
	return names
}

func (s *suite) entering(t *testing.T) {
	ref, who := s.create(t), id.NewParticipant()
	p := s.enter(t, ref, who)
	defer p.Leave()
	s.until(t, "listed as connected", func() bool {
		got := s.person(t, ref, who)
		return got != nil && got.Connected && got.Session == p.Session() && !got.Since.IsZero()
	})
	s.heard.await(t, ref, engine.Event{Kind: engine.EventEntered, Participant: who, Session: p.Session()})
}

func (s *suite) twice(t *testing.T) {
	ref, who := s.create(t), id.NewParticipant()
	first := s.enter(t, ref, who)
	second := s.enter(t, ref, who)
	defer second.Leave()
	if first.Session() == second.Session() {
		t.Errorf("both sessions are called %s", first.Session())
	}
	s.until(t, "only the second session listed", func() bool {
		all := s.find(t, ref).Participants
		return len(all) == 1 && all[0].Session == second.Session()
	})
	s.heard.await(t, ref, engine.Event{Kind: engine.EventEntered, Participant: who, Session: second.Session()})
	if s.heard.has(ref, engine.Event{Kind: engine.EventLeft, Participant: who, Session: second.Session()}) {
		t.Error("the second session was told as left")
	}
}

func (s *suite) muting(t *testing.T) {
	ref, who := s.create(t), id.NewParticipant()
	p := s.enter(t, ref, who)
	defer p.Leave()
	for _, k := range []engine.Media{engine.MediaCamera, engine.MediaMicrophone} {
		if err := p.Publish(within(t), k); err != nil {
			t.Fatalf("publish %s: %v", k, err)
		}
		s.heard.await(t, ref, engine.Event{Kind: engine.EventPublished, Participant: who, Session: p.Session(), Media: k})
	}
	s.until(t, "both listed", func() bool { return s.sends(t, ref, who, engine.MediaCamera, engine.MediaMicrophone) })
	if err := s.Engine.Mute(within(t), ref, who, engine.MediaMicrophone); err != nil {
		t.Fatalf("mute: %v", err)
	}
	s.until(t, "only the camera listed", func() bool { return s.sends(t, ref, who, engine.MediaCamera) })
	if err := s.Engine.Mute(within(t), ref, who, engine.MediaScreen); err != nil {
		t.Errorf("mute what is not sent: %v", err)
	}
	if err := s.Engine.Mute(within(t), ref, who, "smell"); fault.KindOf(err) != fault.Invalid {
		t.Errorf("mute an unknown medium: %v, want Invalid", err)
	}
}

func (s *suite) sends(t *testing.T, ref engine.Ref, who id.Participant, want ...engine.Media) bool {
	t.Helper()
	p := s.person(t, ref, who)
	return p != nil && slices.Equal(p.Publishing, want)
}

func (s *suite) allowing(t *testing.T) {
	ref, who := s.create(t), id.NewParticipant()
	p := s.enter(t, ref, who)
	defer p.Leave()
	if err := p.Publish(within(t), engine.MediaScreen); err == nil {
		t.Error("sent the screen without being allowed to")
	}
	if err := p.Publish(within(t), engine.MediaCamera); err != nil {
		t.Fatalf("publish: %v", err)
	}
	s.until(t, "camera listed", func() bool { return s.sends(t, ref, who, engine.MediaCamera) })
	if err := s.Engine.Allow(within(t), ref, who, engine.Grants{Microphone: true}); err != nil {
		t.Fatalf("allow: %v", err)
	}
	s.until(t, "camera no longer listed", func() bool { return s.sends(t, ref, who) })
	s.heard.await(t, ref, engine.Event{Kind: engine.EventUnpublished, Participant: who, Session: p.Session(), Media: engine.MediaCamera})
	if err := p.Publish(within(t), engine.MediaCamera); err == nil {
		t.Error("sent the camera after it was forbidden")
	}
	if err := p.Publish(within(t), engine.MediaMicrophone); err != nil {
		t.Errorf("publish what is still allowed: %v", err)
	}
}

func (s *suite) leaving(t *testing.T) {
	ref, who := s.create(t), id.NewParticipant()
	p := s.enter(t, ref, who)
	s.heard.await(t, ref, engine.Event{Kind: engine.EventEntered, Participant: who, Session: p.Session()})
	p.Leave()
	s.heard.await(t, ref, engine.Event{Kind: engine.EventLeft, Participant: who, Session: p.Session(), Why: engine.LeftSelf})
	s.until(t, "no longer listed", func() bool { return s.person(t, ref, who) == nil })
}

func (s *suite) losing(t *testing.T) {
	ref, who := s.create(t), id.NewParticipant()
	p := s.enter(t, ref, who)
	s.heard.await(t, ref, engine.Event{Kind: engine.EventEntered, Participant: who, Session: p.Session()})
	p.Lose()
	s.heard.await(t, ref, engine.Event{Kind: engine.EventLost, Participant: who, Session: p.Session()})
	s.until(t, "no longer listed", func() bool { return s.person(t, ref, who) == nil })
}

func (s *suite) removing(t *testing.T) {
	ref, who, other := s.create(t), id.NewParticipant(), id.NewParticipant()
	entry := s.join(t, ref, who)
	p, err := s.Enter(within(t), entry)
	if err != nil {
		t.Fatalf("enter: %v", err)
	}
	stays := s.enter(t, ref, other)
	defer stays.Leave()
	s.heard.await(t, ref, engine.Event{Kind: engine.EventEntered, Participant: who, Session: p.Session()})

	if err := s.Engine.Remove(within(t), ref, who); err != nil {
		t.Fatalf("remove: %v", err)
	}
	s.until(t, "only the other listed", func() bool {
		all := s.find(t, ref).Participants
		return len(all) == 1 && all[0].Participant == other
	})
	s.heard.await(t, ref, engine.Event{Kind: engine.EventLeft, Participant: who, Session: p.Session(), Why: engine.LeftRemoved})
	if _, err := s.Enter(within(t), entry); err == nil {
		t.Error("came in again with the entry from before")
	}
	s.enter(t, ref, who).Leave()
}

func (s *suite) absent(t *testing.T) {
	ref, who := s.create(t), id.NewParticipant()
	if err := s.Engine.Mute(within(t), ref, who, engine.MediaCamera); !errors.Is(err, engine.ErrNotThere) {
		t.Errorf("mute: %v, want %v", err, engine.ErrNotThere)
	}
	if err := s.Engine.Allow(within(t), ref, who, engine.Grants{}); !errors.Is(err, engine.ErrNotThere) {
		t.Errorf("allow: %v, want %v", err, engine.ErrNotThere)
	}
	if err := s.Engine.Remove(within(t), ref, who); err != nil {
		t.Errorf("remove: %v", err)
	}
}

func (s *suite) ending(t *testing.T) {
	ref, who := s.create(t), id.NewParticipant()
	entry := s.join(t, ref, who)
	p, err := s.Enter(within(t), entry)
	if err != nil {
		t.Fatalf("enter: %v", err)
	}
	s.heard.await(t, ref, engine.Event{Kind: engine.EventEntered, Participant: who, Session: p.Session()})
	for range 2 {
		if err := s.Engine.End(within(t), ref, engine.EndHost); err != nil {
			t.Fatalf("end: %v", err)
		}
	}
	s.heard.await(t, ref, engine.Event{Kind: engine.EventEnded})
	s.heard.await(t, ref, engine.Event{Kind: engine.EventLeft, Participant: who, Session: p.Session(), Why: engine.LeftEnded})
	s.until(t, "no longer listed", func() bool { return s.find(t, ref).Meeting == "" })
	if _, err := s.Enter(within(t), entry); err == nil {
		t.Error("came into an ended meeting")
	}
	if _, err := s.Engine.Join(within(t), joinInput(ref, who)); !errors.Is(err, engine.ErrEnded) {
		t.Errorf("join: %v, want %v", err, engine.ErrEnded)
	}
	if _, err := s.Engine.Create(within(t), engine.CreateInput{Ref: ref}); !errors.Is(err, engine.ErrEnded) {
		t.Errorf("create: %v, want %v", err, engine.ErrEnded)
	}
	if err := s.Engine.End(within(t), engine.Ref{Meeting: id.NewMeeting()}, engine.EndEmpty); err != nil {
		t.Errorf("end an unknown meeting: %v", err)
	}
}

func (s *suite) endingRace(t *testing.T) {
	ref := s.create(t)
	var all sync.WaitGroup
	for range 8 {
		entry := s.join(t, ref, id.NewParticipant())
		all.Go(func() {
			// Some get in before the end, some do not. Nobody stays.
			if p, err := s.Enter(within(t), entry); err == nil {
				_ = p
			}
		})
		all.Go(func() {
			_, err := s.Engine.Create(within(t), engine.CreateInput{Ref: ref})
			if err != nil && !errors.Is(err, engine.ErrEnded) {
				t.Errorf("create: %v", err)
			}
		})
	}
	// In such a crowd it may be Unavailable; repeated, it has to succeed.
	s.until(t, "ended", func() bool { return s.Engine.End(within(t), ref, engine.EndDuration) == nil })
	all.Wait()
	s.until(t, "no longer listed", func() bool { return s.find(t, ref).Meeting == "" })
}
