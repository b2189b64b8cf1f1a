// SPDX-License-Identifier: AGPL-3.0-or-later

package fleet

import (
	"context"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// AdminInput asks for another wanted state of a server.
type AdminInput struct {
	Actor  identity.Actor // who asks, for the audit trail; the zero value is the program itself
	Server id.Server
	Admin  Admin
	Force  bool // disable it although meetings run there: they are moved elsewhere
	Panic  bool // for the audit trail: what runs there is ended too, which Then sees to
	// Until, with AdminDraining, is when what still runs there is ended; none is when it ends by itself.
	Until instant.Instant
	// Only, unless empty, is the wanted state in which the server must be still.
	Only Admin
	// Then runs in the same transaction, when not nil.
	Then func(ctx context.Context, tx store.Tx, now instant.Instant) error
}

// SetAdmin writes what an operator wants of a server; what is observed of it stays. Every node acts on it within a second or
// two. NotFound (fleet.server); Invalid (input.invalid) for a deadline that is over or more than a year away, or of another state;
// Conflict (fleet.server_in_use{Meetings}) when it is to be disabled while meetings run there, (fleet.server_engine) for a deadline of an
// engine, (fleet.server_state) when it is no longer in the state Only.
func (s *Service) SetAdmin(ctx context.Context, in AdminInput) (Server, error) {
	now := s.deps.Now()
	if err := in.validate(now); err != nil {
		return Server{}, err
	}
	var out Server
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		load, err := LockLoad(ctx, tx, in.Server)
		if err != nil {
			return err
		}
		if out, err = ServerByID(ctx, tx, in.Server); err != nil {
			return err
		}
		switch {
		case in.Only != "" && in.Only != out.Admin:
			return fault.New(fault.Conflict, "fleet.server_state")
		case !in.Until.IsZero() && out.Kind != KindBBB:
			return errEngine
		}
		if in.Admin == AdminDisabled && !in.Force && load.Meetings > 0 {
			return fault.New(fault.Conflict, "fleet.server_in_use", fault.Params{"Meetings": load.Meetings, "Limit": load.Meetings})
		}
		if err := setAdmin(ctx, tx, in.Server, in.Admin, in.Until); err != nil {
			return err
		}
		out.Admin, out.DrainUntil = in.Admin, in.Until
		detail := map[string]string{"admin": string(in.Admin), "meetings": strconv.Itoa(load.Meetings)}
		if !in.Until.IsZero() {
			detail["until"] = in.Until.String()
		}
		if in.Panic {
			detail["panic"] = "yes"
		}
		if err := audit(ctx, tx, now, in.Actor, "server.admin", in.Server, detail); err != nil || in.Then == nil {
			return err
		}
		return in.Then(ctx, tx, now)
	})
	return out, err
}

// mostDrain is the longest a server may be left to empty before the rest is ended.
const mostDrain = 366 * 24 * time.Hour

func (in *AdminInput) validate(now instant.Instant) error {
	var c fault.Check
	c.Field(in.Until.IsZero() || (in.Admin == AdminDraining && in.Until.After(now) && in.Until.Sub(now) <= mostDrain), "until", "fleet.drain_until")
	return c.Err()
}

// errEngine refuses what only a BigBlueButton server has.
var errEngine = fault.New(fault.Conflict, "fleet.server_engine")

// Remove forgets a disabled server on which nothing runs; its past meetings keep naming it. NotFound (fleet.server); Conflict
// (fleet.server_not_disabled, fleet.server_in_use{Meetings}). actor is who asks, for the audit trail.
func (s *Service) Remove(ctx context.Context, actor identity.Actor, server id.Server) error {
	now := s.deps.Now()
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		load, err := LockLoad(ctx, tx, server)
		if err != nil {
			return err
		}
		v, err := ServerByID(ctx, tx, server)
		switch {
		case err != nil:
			return err
		case v.Admin != AdminDisabled:
			return fault.New(fault.Conflict, "fleet.server_not_disabled")
		case load.Meetings > 0:
			return fault.New(fault.Conflict, "fleet.server_in_use", fault.Params{"Meetings": load.Meetings, "Limit": load.Meetings})
		}
		if err := removeServer(ctx, tx, server, now); err != nil {
			return err
		}
		return audit(ctx, tx, now, actor, "server.remove", server, nil)
	})
}

// audit notes what was done to a server. It joins tx.
func audit(ctx context.Context, tx store.Tx, now instant.Instant, actor identity.Actor, action string, server id.Server, detail map[string]string) error {
	if actor.Kind == "" {
		actor = identity.System()
	}
	return identity.Audit(ctx, tx, now, identity.Event{Actor: actor, Action: action, Object: string(server), Detail: detail})
}

// unitsOfServer are the load units of weight 1, a machine with 16 cores (docs/operating.md).
const unitsOfServer = 175

// UnitsOf returns the load units of a weight above 0, at least one.
//
// Example: 1 gives 175.
func UnitsOf(weight float64) int { return max(1, int(math.Round(weight*unitsOfServer))) }

// ByName returns the server that an operator means: by id, name or address. NotFound (fleet.server). It joins r.
func ByName(ctx context.Context, r store.Reader, name string) (Server, error) {
	all, err := Servers(ctx, r)
	if err != nil {
		return Server{}, err
	}
	address := APIAddress(name)
	for _, s := range all {
		if string(s.ID) == name || s.Name == name || s.URL == address {
			return s, nil
		}
	}
	return Server{}, fault.New(fault.NotFound, "fleet.server")
}

// APIAddress completes the address of a BigBlueButton server to that of its API: bbb-conf --secret prints it without "api".
//
// Example: "https://bbb.example/bigbluebutton/" gives "https://bbb.example/bigbluebutton/api".
func APIAddress(text string) string {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.Host == "" {
		return text
	}
	switch path := strings.TrimRight(u.Path, "/"); {
	case path == "":
		u.Path = "/bigbluebutton/api"
	case strings.HasSuffix(path, "/bigbluebutton"):
		u.Path = path + "/api"
	default:
		u.Path = path
	}
	return u.String()
}
