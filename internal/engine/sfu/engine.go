// SPDX-License-Identifier: AGPL-3.0-or-later

package sfu

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/livekit/protocol/livekit"

	"meetcoop/internal/engine"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
)

// Engine is one LiveKit, ours or an external one. Safe for concurrent use.
type Engine struct {
	cfg     Config
	creds   Credentials
	events  *queue
	child   *supervisor // nil: external
	metrics *metrics

	mu       sync.Mutex
	state    State
	api      *api // nil until the first start
	proxy    *Proxy
	meetings map[id.Meeting]engine.CreateInput // made again after a crash
	ended    map[id.Meeting]time.Time
	removed  map[claim]time.Time // lately, to say why somebody is no longer seen
	downs    int

	life context.Context // ends with Stop
	stop context.CancelFunc
	work sync.WaitGroup
}

var _ engine.Engine = (*Engine)(nil)

// State says how an engine is.
type State string

// The states. Broken is down after too many crashes; the engine is still tried once a minute.
const (
	StateNew     State = "new"
	StateUp      State = "up"
	StateDown    State = "down"
	StateBroken  State = "broken"
	StateStopped State = "stopped"
)

// New returns an engine that does not run yet, or Invalid with every setting that cannot
// work. Key and secret of an embedded engine are drawn here: they last as long as the
// process, so that people find back in after a crash of the child.
func New(cfg Config) (*Engine, error) {
	if cfg.Now == nil || cfg.Log == nil {
		return nil, errors.New("engine: a clock and a log are required")
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	e := &Engine{
		cfg:      cfg,
		events:   newQueue(),
		metrics:  newMetrics(cfg.Registry),
		state:    StateNew,
		meetings: map[id.Meeting]engine.CreateInput{},
		ended:    map[id.Meeting]time.Time{},
		removed:  map[claim]time.Time{},
	}
	if cfg.External != nil {
		e.creds = cfg.External.Credentials
		return e, nil
	}
	e.creds = newCredentials()
	e.child = newSupervisor(cfg, e.creds, e.metrics)
	return e, nil
}

// Start brings the engine up and returns when it serves. An embedded engine that cannot
// start at all is an error here (engine.not_built, engine.media_taken, or engine.down with
// the cause); once it has been up it is restarted for ever. An external one that does not
// answer is no error: it is tried again; one that refuses the key is (engine.refused).
// Repeating Start does nothing.
func (e *Engine) Start(ctx context.Context) error {
	e.mu.Lock()
	if e.state != StateNew {
		e.mu.Unlock()
		return nil
	}
	e.state = StateDown
	e.life, e.stop = context.WithCancel(context.WithoutCancel(ctx))
	e.mu.Unlock()

	if e.child == nil {
		return e.startExternal(ctx)
	}
	hooks, err := e.listenWebhooks()
	if err != nil {
		return err
	}
	first := make(chan error, 1)
	e.work.Go(func() { e.child.run(e.life, hooks, childHooks{up: e.up, down: e.down}, first) })
	select {
	case err := <-first:
		if err != nil {
			e.Stop()
		}
		return err
	case <-ctx.Done():
		e.Stop()
		return fault.Wrap(ctx.Err(), fault.Unavailable, "engine.down")
	}
}

// Stop closes every socket, ends the child (3 s to drain, gone within 5 s) and returns
// when nothing of it is left. An external engine goes on. Repeating it does nothing.
func (e *Engine) Stop() {
	e.mu.Lock()
	started := e.stop != nil
	e.state = StateStopped
	e.mu.Unlock()
	if !started {
		return
	}
	e.stop()
	e.work.Wait()
	if p := e.attached(); p != nil {
		p.closeAll()
	}
}

// State returns how the engine is now.
func (e *Engine) State() State {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.state
}

// Credentials sign for this engine. They go into the row of this engine's server, so that
// other nodes can Mint for it, and nowhere else.
func (e *Engine) Credentials() Credentials { return e.creds }

// Reachable reports whether somebody at this address can reach the media: nil, or
// Unavailable (engine.loopback_only) for another machine while media is bound to this
// one. An external engine and the zero address are not judged.
func (e *Engine) Reachable(from netip.Addr) error {
	if e.child == nil || !from.IsValid() || from.Unmap().IsLoopback() || !e.cfg.mediaAddr().IsLoopback() {
		return nil
	}
	return engine.ErrLoopbackOnly
}

// Capabilities implements engine.Engine.
func (e *Engine) Capabilities() engine.Capabilities {
	return engine.Capabilities{
		Kick: true, Mute: true, Lock: true, WaitingRoom: true, Chat: true, Hands: true,
		Recording: engine.RecordingNone,
		MaxPeople: e.cfg.MaxPeople,
	}
}

// Create implements engine.Engine.
func (e *Engine) Create(ctx context.Context, in engine.CreateInput) (engine.Created, error) {
	if err := in.Validate(); err != nil {
		return engine.Created{}, err
	}
	a, err := e.ready()
	if err != nil {
		return engine.Created{}, err
	}
	if !e.keep(in) {
		return engine.Created{}, engine.ErrEnded
	}
	fresh, err := e.make(ctx, a, in)
	if err != nil {
		return engine.Created{}, fmt.Errorf("create %s: %w", in.Meeting, err)
	}
	// End may have come between the question and LiveKit's answer; then it found nothing to delete.
	if e.hasEnded(in.Meeting) {
		return engine.Created{}, errors.Join(engine.ErrEnded, e.unmake(ctx, a, in.Meeting))
	}
	return engine.Created{Ref: in.Ref, Fresh: fresh}, nil
}

func (e *Engine) make(ctx context.Context, a *api, in engine.CreateInput) (fresh bool, err error) {
	err = a.call(ctx, in.Meeting, engine.CreateTimeout, func(ctx context.Context) error {
		known, err := a.rooms.ListRooms(ctx, &livekit.ListRoomsRequest{Names: []string{string(in.Meeting)}})
		if err != nil || len(known.Rooms) > 0 {
			return err
		}
		fresh = true
		// The answer holds a TURN password: it is dropped here.
		_, err = a.rooms.CreateRoom(ctx, &livekit.CreateRoomRequest{
			Name:             string(in.Meeting),
			MaxParticipants:  uint32(in.MaxPeople),
			EmptyTimeout:     uint32(emptyTimeout / time.Second),
			DepartureTimeout: uint32(departureTimeout / time.Second),
		})
		return err
	})
	return fresh, err
}

func (e *Engine) unmake(ctx context.Context, a *api, m id.Meeting) error {
	err := a.call(ctx, m, engine.CallTimeout, func(ctx context.Context) error {
		_, err := a.rooms.DeleteRoom(ctx, &livekit.DeleteRoomRequest{Room: string(m)})
		return err
	})
	if isNotThere(err) {
		return nil
	}
	return err
}

// Join implements engine.Engine. It asks nobody but LiveKit's state: whether the person may
// enter is asked again by the Proxy when the socket opens.
func (e *Engine) Join(_ context.Context, in engine.JoinInput) (engine.Entry, error) {
	if err := in.Validate(); err != nil {
		return engine.Entry{}, err
	}
	if _, err := e.ready(); err != nil {
		return engine.Entry{}, err
	}
	if e.hasEnded(in.Ref.Meeting) {
		return engine.Entry{}, engine.ErrEnded
	}
	if err := e.Reachable(in.From); err != nil {
		return engine.Entry{}, err
	}
	token, err := Mint(e.creds.Key, e.creds.Secret, in)
	if err != nil {
		return engine.Entry{}, err
	}
	return engine.Entry{Kind: "sfu", URL: EntryURL(e.cfg.PublicURL), Token: token}, nil
}

// End implements engine.Engine.
func (e *Engine) End(ctx context.Context, m engine.Ref, why engine.EndReason) error {
	e.forget(m.Meeting)
	a, err := e.ready()
	if err != nil {
		return err
	}
	if err := e.unmake(ctx, a, m.Meeting); err != nil {
		return fmt.Errorf("end %s: %w", m.Meeting, err)
	}
	if p := e.attached(); p != nil {
		p.KickMeeting(m.Meeting)
	}
	e.cfg.Log.Info("meeting ended in the engine", "meeting", m.Meeting, "why", why)
	return nil
}

// List implements engine.Engine.
func (e *Engine) List(ctx context.Context) ([]engine.Running, error) {
	a, err := e.ready()
	if err != nil {
		return nil, err
	}
	return e.list(ctx, a)
}

func (e *Engine) list(ctx context.Context, a *api) ([]engine.Running, error) {
	var rooms []*livekit.Room
	err := a.call(ctx, "", engine.CallTimeout, func(ctx context.Context) error {
		answer, err := a.rooms.ListRooms(ctx, &livekit.ListRoomsRequest{})
		rooms = answer.GetRooms()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list meetings: %w", err)
	}
	var out []engine.Running
	for _, room := range rooms {
		m, err := id.ParseMeeting(room.Name)
		if err != nil {
			continue // an external LiveKit may serve others too
		}
		e.bury(m) // a deletion that failed, or an event that was lost, leaves nothing for long; listed until it is gone
		r := engine.Running{Meeting: m, Since: e.moment(room.CreationTimeMs)}
		people, err := e.people(ctx, a, m)
		if isNotThere(err) {
			continue // gone between the two questions
		}
		if err != nil {
			return nil, fmt.Errorf("list people of %s: %w", m, err)
		}
		for _, p := range people {
			r.Participants = append(r.Participants, e.running(p))
		}
		slices.SortFunc(r.Participants, func(x, y engine.RunningParticipant) int {
			return compare(x.Participant, y.Participant)
		})
		out = append(out, r)
	}
	slices.SortFunc(out, func(x, y engine.Running) int { return compare(x.Meeting, y.Meeting) })
	return out, nil
}

// people returns our participants in a meeting, without those who are already disconnected.
func (e *Engine) people(ctx context.Context, a *api, m id.Meeting) (out []*livekit.ParticipantInfo, err error) {
	err = a.call(ctx, m, engine.CallTimeout, func(ctx context.Context) error {
		answer, err := a.rooms.ListParticipants(ctx, &livekit.ListParticipantsRequest{Room: string(m)})
		for _, p := range answer.GetParticipants() {
			if _, bad := id.ParseParticipant(p.Identity); bad == nil && p.State != livekit.ParticipantInfo_DISCONNECTED {
				out = append(out, p)
			}
		}
		return err
	})
	return out, err
}

func (e *Engine) running(p *livekit.ParticipantInfo) engine.RunningParticipant {
	r := engine.RunningParticipant{
		Participant: id.Participant(p.Identity),
		Session:     p.Sid,
		Since:       e.moment(p.JoinedAtMs),
		Connected:   p.State == livekit.ParticipantInfo_ACTIVE,
	}
	for _, t := range p.Tracks {
		if k, ok := mediaOf(t.Source); ok && !t.Muted && !slices.Contains(r.Publishing, k) {
			r.Publishing = append(r.Publishing, k)
		}
	}
	slices.Sort(r.Publishing)
	return r
}

// Remove implements engine.Engine.
func (e *Engine) Remove(ctx context.Context, m engine.Ref, p id.Participant) error {
	if _, err := e.putOut(ctx, m.Meeting, p); err != nil {
		return fmt.Errorf("remove from %s: %w", m.Meeting, err)
	}
	return nil
}

// putOut ends a person's connections; found reports whether LiveKit knew them.
func (e *Engine) putOut(ctx context.Context, m id.Meeting, p id.Participant) (found bool, err error) {
	a, err := e.ready()
	if err != nil {
		return false, err
	}
	e.noteRemoved(m, p)
	err = a.call(ctx, m, engine.CallTimeout, func(ctx context.Context) error {
		_, err := a.rooms.RemoveParticipant(ctx, &livekit.RoomParticipantIdentity{Room: string(m), Identity: string(p)})
		return err
	})
	if px := e.attached(); px != nil {
		px.Kick(m, p) // also if LiveKit does not know them yet: the socket may be on its way
	}
	if isNotThere(err) {
		return false, nil
	}
	if err != nil && e.isGone(ctx, a, m, p) {
		return false, nil
	}
	return err == nil, err
}

// isGone reports whether LiveKit certainly no longer knows a person. A removal of somebody
// who leaves at that moment, or whom a second removal puts out, is sent to a listener that
// no longer exists, and v1.13.5 lets it run into its deadline instead of answering.
func (e *Engine) isGone(ctx context.Context, a *api, m id.Meeting, p id.Participant) bool {
	people, err := e.people(ctx, a, m)
	if isNotThere(err) {
		return true
	}
	return err == nil && !slices.ContainsFunc(people, func(i *livekit.ParticipantInfo) bool { return i.Identity == string(p) })
}

// Mute implements engine.Engine.
func (e *Engine) Mute(ctx context.Context, m engine.Ref, p id.Participant, k engine.Media) error {
	if !k.Known() {
		return engine.ErrMediaUnknown
	}
	a, err := e.ready()
	if err != nil {
		return err
	}
	err = a.call(ctx, m.Meeting, engine.CallTimeout, func(ctx context.Context) error {
		who, err := a.rooms.GetParticipant(ctx, &livekit.RoomParticipantIdentity{Room: string(m.Meeting), Identity: string(p)})
		if err != nil {
			return err
		}
		for _, t := range who.Tracks {
			if of, ok := mediaOf(t.Source); !ok || of != k || t.Muted {
				continue
			}
			if _, err := a.rooms.MutePublishedTrack(ctx, &livekit.MuteRoomTrackRequest{
				Room: string(m.Meeting), Identity: string(p), TrackSid: t.Sid, Muted: true,
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("mute in %s: %w", m.Meeting, err)
	}
	return nil
}

// Allow implements engine.Engine.
func (e *Engine) Allow(ctx context.Context, m engine.Ref, p id.Participant, g engine.Grants) error {
	a, err := e.ready()
	if err != nil {
		return err
	}
	err = a.call(ctx, m.Meeting, engine.CallTimeout, func(ctx context.Context) error {
		_, err := a.rooms.UpdateParticipant(ctx, &livekit.UpdateParticipantRequest{
			Room: string(m.Meeting), Identity: string(p), Permission: permission(g),
		})
		return err
	})
	if err != nil {
		return fmt.Errorf("allow in %s: %w", m.Meeting, err)
	}
	return nil
}

// Events implements engine.Engine.
func (e *Engine) Events(ctx context.Context, f func(engine.Event) error) error {
	return e.events.give(ctx, f)
}

// moment turns LiveKit's milliseconds of the machine's clock into our clock, which the
// demo moves.
func (e *Engine) moment(ms int64) instant.Instant {
	if ms == 0 {
		return instant.Instant{}
	}
	return e.cfg.Now().Add(-time.Since(time.UnixMilli(ms)))
}

func compare[T ~string](x, y T) int {
	switch {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	return 0
}

func loopbackURL(port int) *url.URL {
	return &url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", port)}
}
