// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"context"
	"errors"
	"time"

	"meetcoop/internal/engine"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/store"
)

const kindCommand jobs.Kind = "live.command"

// A command is short; one that fails is tried again while the meeting may still run, and then the comparison with the
// engine's list has long repaired what it left.
var commandRetries = []time.Duration{200 * time.Millisecond, time.Second, 3 * time.Second, 10 * time.Second, 30 * time.Second}

const commandTimeout = 15 * time.Second

// staleMute is when a mute is no longer carried out: the person may have spoken up again since.
const staleMute = 5 * time.Second

// verb is what an engine is to do. All but mute read the state anew and make the engine follow it, so doing them twice,
// late or in another order is harmless.
type verb string

const (
	verbCreate verb = "create"
	verbRemove verb = "remove" // the participants who are no longer seated
	verbAllow  verb = "allow"  // the participants (none named: all) may publish what they may
	verbMute   verb = "mute"
	verbEnd    verb = "end"
)

// command is something for the engine of a meeting, carried out on the node that owns it.
type command struct {
	Verb         verb
	Meeting      id.Meeting
	Server       id.Server
	Participants []id.Participant `json:",omitempty"`
	Media        engine.Media     `json:",omitempty"`
	Why          string           `json:",omitempty"`
	At           instant.Instant
}

// enqueueCommands makes commands durable in the transaction of the change. A mute whose engine is this node's is not
// enqueued: it is carried out right after the commit, and pointless later.
func enqueueCommands(ctx context.Context, sc *scene) error {
	if len(sc.commands) == 0 || sc.m.Server == "" {
		return nil
	}
	server, err := fleet.ServerByID(ctx, sc.tx, sc.m.Server)
	if err != nil {
		return err
	}
	queue := ""
	if server.Node != "" {
		queue = jobs.NodeQueue(server.Node)
	}
	for i := range sc.commands {
		c := &sc.commands[i]
		c.Server, c.At = sc.m.Server, sc.now
		if c.Verb == verbMute && sc.local {
			continue
		}
		if err := jobs.Enqueue(ctx, sc.tx, sc.now, jobs.EnqueueInput{Kind: kindCommand, Queue: queue, Args: *c}); err != nil {
			return err
		}
	}
	return nil
}

// run carries commands out at once where this node owns the engine. What fails is repeated by the job.
func (s *Service) run(ctx context.Context, commands []command) {
	for _, c := range commands {
		e, local := s.engines[c.Server]
		if !local {
			continue
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), engine.CreateTimeout)
		if err := s.carryOut(ctx, e, c); err != nil {
			s.deps.Log.Warn("engine did not follow yet", "verb", string(c.Verb), "meeting", c.Meeting, "server", c.Server, "err", err)
		}
		cancel()
	}
}

func (s *Service) doCommand(ctx context.Context, job jobs.Job) error {
	var c command
	if err := job.Decode(&c); err != nil {
		return err
	}
	e, local := s.engines[c.Server]
	if !local {
		return nil // the engine went with its node; what it did is made anew elsewhere
	}
	return s.carryOut(ctx, e, c)
}

func (s *Service) carryOut(ctx context.Context, e engine.Engine, c command) error {
	err := s.do(ctx, e, c)
	if err == nil && !c.At.IsZero() {
		s.metrics.followed(c, s.deps.Now().Sub(c.At))
	}
	return err
}

func (s *Service) do(ctx context.Context, e engine.Engine, c command) error {
	ref := engine.Ref{Meeting: c.Meeting, Server: c.Server}
	switch c.Verb {
	case verbCreate:
		return s.create(ctx, e, ref)
	case verbRemove:
		return s.eachPerson(ctx, c, func(p participant, known bool, _ meeting) error {
			if known && p.State.seated() {
				return nil // lifted and back
			}
			return e.Remove(ctx, ref, p.ID)
		})
	case verbAllow:
		return s.eachPerson(ctx, c, func(p participant, known bool, m meeting) error {
			if !known || !p.State.seated() {
				return nil
			}
			return e.Allow(ctx, ref, p.ID, p.may(m.Locks).grants())
		})
	case verbMute:
		if s.deps.Now().Sub(c.At) > staleMute {
			return nil
		}
		return s.eachPerson(ctx, c, func(p participant, _ bool, _ meeting) error { return e.Mute(ctx, ref, p.ID, c.Media) })
	case verbEnd:
		return e.End(ctx, ref, engine.EndReason(c.Why))
	}
	return jobs.Park(errors.New("live: unknown verb " + string(c.Verb)))
}

// eachPerson calls fn for the participants named, as they are now; for all who are seated when none is named. Somebody
// who is not in the engine needs nothing.
func (s *Service) eachPerson(ctx context.Context, c command, fn func(p participant, known bool, m meeting) error) error {
	var m meeting
	var rows []participant
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		var ok bool
		if m, ok, err = meetingByID(ctx, r, c.Meeting); err != nil || !ok {
			return err
		}
		rows, err = participantsOf(ctx, r, c.Meeting)
		return err
	})
	if err != nil || m.ID == "" {
		return err
	}
	byID := map[id.Participant]participant{}
	wanted := c.Participants
	for _, p := range rows {
		byID[p.ID] = p
		if len(c.Participants) == 0 && p.State.seated() {
			wanted = append(wanted, p.ID)
		}
	}
	var all []error
	for _, want := range wanted {
		p, known := byID[want]
		p.ID = want
		if err := fn(p, known, m); err != nil && !errors.Is(err, engine.ErrNotThere) {
			all = append(all, err)
		}
	}
	return errors.Join(all...)
}

// create makes the meeting known to its engine and notes that people can connect. A meeting that has ended, or moved
// elsewhere, is left alone.
func (s *Service) create(ctx context.Context, e engine.Engine, ref engine.Ref) error {
	var m meeting
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		m, _, err = meetingByID(ctx, r, ref.Meeting)
		return err
	})
	if err != nil || m.ID == "" || !m.EndedAt.IsZero() || m.Server != ref.Server {
		return err
	}
	if _, err := e.Create(ctx, engine.CreateInput{Ref: ref}); err != nil {
		if errors.Is(err, engine.ErrEnded) {
			return jobs.Park(err)
		}
		return err
	}
	if m.Engine == engineReady {
		return nil
	}
	return s.scene(ctx, ref.Meeting, func(ctx context.Context, sc *scene) error {
		if sc.m.EndedAt.IsZero() && sc.m.Server == ref.Server {
			sc.engineIs(engineReady)
		}
		return nil
	})
}

// engineIs notes how the meeting's engine is, and tells the pages when it goes or comes back.
func (sc *scene) engineIs(state string) {
	if sc.m.Engine == state {
		return
	}
	before := sc.m.Engine
	sc.m.Engine, sc.touched = state, true
	switch {
	case state == engineReady && before == engineDown:
		sc.tell(kindEngine, ToAll, engineState{State: "up"})
	case state == engineDown:
		sc.tell(kindEngine, ToAll, engineState{State: "down"})
	}
}

type engineState struct {
	State string `json:"state"` // up or down
}

// scene runs fn in a scene of the meeting, for the program itself. A meeting live does not know is no error, and fn is
// not called.
func (s *Service) scene(ctx context.Context, m id.Meeting, fn func(ctx context.Context, sc *scene) error) error {
	now := s.deps.Now()
	var after []command
	err := s.deps.DB.Gate(ctx, func(tx store.Tx) error {
		after = nil
		sc, err := open(ctx, tx, now, m)
		if err != nil || sc == nil {
			return err
		}
		_, sc.local = s.engines[sc.m.Server]
		if err := fn(ctx, sc); err != nil {
			return err
		}
		if err := sc.close(ctx); err != nil {
			return err
		}
		after = sc.commands
		return nil
	})
	if err == nil {
		s.run(ctx, after)
	}
	return err
}

// isGone reports whether a fault means that somebody or something is no longer there.
func isGone(err error) bool { return err != nil && fault.KindOf(err) == fault.NotFound }
