// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/admission"
	"meetcoop/internal/engine"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
	"meetcoop/internal/usage"
)

// The topics of the change feed. The key of the first is a meeting, of the second a room: something about its
// meeting, its lobby or who is inside has changed.
const (
	topicMeeting store.Topic = "live.meeting"
	topicRoom    store.Topic = "live.room"
)

// Local is an engine that this node owns, or an external one it knows.
type Local struct {
	Server id.Server
	Engine engine.Engine
}

// Deps is what the service stands on. Every field but Engines and Registry is required.
type Deps struct {
	DB    *store.DB
	Now   instant.Clock
	Log   *slog.Logger
	Gate  *admission.Gate
	Rooms *rooms.Service
	Facts *usage.Recorder // the gate's
	// Enter makes the way in to any server of the fleet; it needs no word with the engine.
	Enter   func(ctx context.Context, server fleet.Server, in engine.JoinInput) (engine.Entry, error)
	Engines []Local // those of this node

	Registry prometheus.Registerer // nil: metrics are counted and shown nowhere
}

// Service is the verbs on running meetings. It is safe for concurrent use.
type Service struct {
	deps    Deps
	engines map[id.Server]engine.Engine
	hubs    *hubs
	doors   *bells
	metrics *metrics

	life   sync.Mutex         // held while starting and stopping
	cancel context.CancelFunc // set between Start and Stop
	work   sync.WaitGroup

	mu        sync.Mutex
	deadSince map[id.Server]instant.Instant // servers that are down, as this node sees them
}

// New returns the service, or an error that names what is missing.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.Now == nil || d.Log == nil || d.Gate == nil || d.Rooms == nil || d.Facts == nil || d.Enter == nil {
		return nil, errors.New("live: DB, Now, Log, Gate, Rooms, Facts and Enter are required")
	}
	s := &Service{deps: d, engines: map[id.Server]engine.Engine{}, hubs: newHubs(), doors: newBells(), metrics: newMetrics(d.Registry), deadSince: map[id.Server]instant.Instant{}}
	for _, l := range d.Engines {
		s.engines[l.Server] = l.Engine
	}
	return s, nil
}

// Register tells the runner which jobs and duties are live's. Call it before the runner starts.
func (s *Service) Register(r *jobs.Runner) {
	r.Handle(kindCommand, jobs.Policy{Retries: commandRetries, Timeout: commandTimeout}, s.doCommand)
	r.Every("live.retention", retentionEvery, s.Retain)
}

// Start listens to changes and engines and runs the timers until Stop or the end of ctx. Starting twice is harmless.
func (s *Service) Start(ctx context.Context) error {
	s.life.Lock()
	defer s.life.Unlock()
	if s.cancel != nil {
		return nil
	}
	if err := s.deps.DB.Watch(ctx, topicMeeting, func(key string) { s.hubs.changed(id.Meeting(key)) }); err != nil {
		return err
	}
	if err := s.deps.DB.Watch(ctx, topicRoom, func(key string) { s.doors.ring(id.Room(key)) }); err != nil {
		return err
	}
	run, cancel := context.WithCancel(ctx)
	s.cancel = cancel
	s.work.Go(func() { s.tick(run) })
	for server, e := range s.engines {
		s.work.Go(func() { s.follow(run, server, e) })
		s.work.Go(func() { s.compare(run, server, e) })
	}
	return nil
}

// Stop ends what Start began and waits for it; streams end too. Stopping twice is harmless.
func (s *Service) Stop() {
	s.life.Lock()
	defer s.life.Unlock()
	if s.cancel == nil {
		return
	}
	s.cancel()
	s.hubs.stop()
	s.doors.stop()
	s.work.Wait()
	s.cancel = nil
}
