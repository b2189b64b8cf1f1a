// SPDX-License-Identifier: AGPL-3.0-or-later

package fleet

import (
	"context"
	"errors"
	"slices"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// Deps is what the service needs.
type Deps struct {
	DB     *store.DB
	Now    instant.Clock
	Sealer Sealer // nil: BigBlueButton servers can be neither added nor called
}

// Sealer makes secrets unreadable in the database, and readable again. Package seal implements it.
type Sealer interface {
	Seal(purpose, text string) (string, error)
	Open(purpose, sealed string) (string, error)
}

// Service registers servers and notes how they are. It is safe for concurrent use.
type Service struct{ deps Deps }

// New returns the service.
func New(deps Deps) (*Service, error) {
	if deps.DB == nil || deps.Now == nil {
		return nil, errors.New("fleet: DB and Now are needed")
	}
	return &Service{deps}, nil
}

// RegisterInput describes an engine a node starts or reaches.
type RegisterInput struct {
	StableKey string  // names the place over restarts: data directory and host of the node, or the URL
	Name      string  // for operators
	URL       string  // where nodes reach it
	Node      id.Node // the node that owns it; none for an external LiveKit
	Key       string
	Secret    string
	LoadUnits int // 0 means 60, the embedded engine's (engine.md 1)
	MaxPeople int // 0 is no limit
}

// Validate returns all wrong fields as one Invalid fault.
func (in RegisterInput) Validate() error {
	var c fault.Check
	c.Field(in.StableKey != "", "stable_key", "input.required")
	c.Field(in.Name != "", "name", "input.required")
	c.Field(in.URL != "", "url", "input.required")
	c.Field(in.LoadUnits >= 0, "load_units", "input.choice")
	c.Field(in.MaxPeople >= 0, "max_people", "input.choice")
	return c.Err()
}

const unitsOfEmbedded = 60

// RegisterEngine makes the sfu server of in.StableKey known, or brings what is known of it up to date,
// and notes it as up. What an operator wanted of it stays.
func (s *Service) RegisterEngine(ctx context.Context, in RegisterInput) (Server, error) {
	if err := in.Validate(); err != nil {
		return Server{}, err
	}
	if in.LoadUnits == 0 {
		in.LoadUnits = unitsOfEmbedded
	}
	now := s.deps.Now()
	fresh := Server{
		ID: id.NewServer(), Kind: KindSFU, StableKey: in.StableKey, Name: in.Name, URL: in.URL, Node: in.Node, Observed: ObservedUp,
		Admin: AdminEnabled, LoadUnits: in.LoadUnits, MaxPeople: in.MaxPeople, Key: in.Key, Secret: in.Secret, Tags: []string{}, SeenAt: now,
	}
	var out Server
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		if err := upsertServer(ctx, tx, fresh, now); err != nil {
			return err
		}
		var err error
		out, err = serverByStableKey(ctx, tx, in.StableKey)
		return err
	})
	return out, err
}

// Heartbeat notes what the server is now: ObservedUp each second or two while it answers,
// ObservedDown as soon as it is known not to. NotFound (fleet.server).
func (s *Service) Heartbeat(ctx context.Context, server id.Server, o Observed) error {
	now := s.deps.Now()
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		n, err := observe(ctx, tx, server, o, now)
		if err == nil && n == 0 {
			return fault.New(fault.NotFound, "fleet.server")
		}
		return err
	})
}

// Weigh notes what a server's list weighed beside our meetings and people, in load units; see Weight. A server that is gone is no error.
func (s *Service) Weigh(ctx context.Context, server id.Server, units int) error {
	return s.deps.DB.Write(ctx, func(tx store.Tx) error { return weigh(ctx, tx, server, units) })
}

// AddInput describes a BigBlueButton machine.
type AddInput struct {
	Name      string
	URL       string // of its API; unique
	Secret    string
	LoadUnits int            // how much it carries, in load units; above 0
	Tags      []string       // may be nil
	Admin     Admin          // AdminDisabled for one that is only noted
	Actor     identity.Actor // who asks, for the audit trail; the zero value is the program itself
}

// Validate returns all wrong fields as one Invalid fault.
func (in AddInput) Validate() error {
	var c fault.Check
	c.Field(in.Name != "", "name", "input.required")
	bbb.CheckAddress(&c, in.URL) // one that cannot be called would hold up the look at all others
	bbb.CheckSecret(&c, in.Secret)
	c.Field(in.LoadUnits > 0, "load_units", "input.choice")
	c.Field(slices.Contains([]Admin{AdminEnabled, AdminCordoned, AdminDraining, AdminDisabled}, in.Admin), "admin", "input.choice")
	return c.Err()
}

// Add makes a BigBlueButton server known; it was never seen yet. Conflict (fleet.server_known) when its URL
// is known.
func (s *Service) Add(ctx context.Context, in AddInput) (Server, error) {
	out, err := s.AddAll(ctx, []AddInput{in})
	if err != nil {
		return Server{}, err
	}
	return out[0], nil
}

// AddAll is Add for several servers: all of them, or none.
func (s *Service) AddAll(ctx context.Context, ins []AddInput) ([]Server, error) {
	if s.deps.Sealer == nil {
		return nil, errNoSealer
	}
	now := s.deps.Now()
	out := make([]Server, len(ins))
	for i, in := range ins {
		if err := in.Validate(); err != nil {
			return nil, err
		}
		tags := append([]string{}, in.Tags...)
		slices.Sort(tags)
		server := id.NewServer()
		secret, err := s.deps.Sealer.Seal(purpose(server), in.Secret)
		if err != nil {
			return nil, err
		}
		out[i] = Server{
			ID: server, Kind: KindBBB, StableKey: in.URL, Name: in.Name, URL: in.URL, Observed: ObservedUnknown,
			Admin: in.Admin, LoadUnits: in.LoadUnits, Secret: secret, Tags: slices.Compact(tags),
		}
	}
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		for i, v := range out {
			inserted, err := insertServer(ctx, tx, v, now)
			if err == nil && !inserted {
				err = fault.New(fault.Conflict, "fleet.server_known")
			}
			if err != nil {
				return err
			}
			if err := audit(ctx, tx, now, ins[i].Actor, "server.add", v.ID, map[string]string{"admin": string(v.Admin)}); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

var errNoSealer = errors.New("fleet: servers need a Sealer")

// Secret returns the readable secret of a BigBlueButton server; s.Secret is sealed.
func (s *Service) Secret(v Server) (string, error) {
	if s.deps.Sealer == nil {
		return "", errNoSealer
	}
	return s.deps.Sealer.Open(purpose(v.ID), v.Secret)
}

func purpose(s id.Server) string { return "server " + string(s) }
