// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// yard remembers the servers between batches. Servers are those of the rows, told by their version; what runs on them is a memory that
// only guides the choice of one, and that settle keeps exact as far as this node goes. The people on a server that holds a limited number
// are counted under its lock.
type yard struct {
	mu      sync.Mutex
	version int64 // of servers
	servers []fleet.Server
	byID    map[id.Server]*fleet.Server // in servers; neither is ever written to
	readAt  time.Time                   // of loads
	took    time.Duration               // to read them
	asOf    instant.Instant             // the same moment on the clock of the rules, which a test moves
	loads   map[id.Server]fleet.Load
}

const (
	yardAge   = time.Second // of loads; more where reading them takes long
	yardShare = 50          // the part of the time that goes into reading them is at most one in so many
)

// places are the servers as one batch sees them.
type places struct {
	servers []fleet.Server
	byID    map[id.Server]*fleet.Server
	loads   map[id.Server]fleet.Load
	moved   map[id.Server]fleet.Load // what this batch added, or took away
	exact   map[id.Server]int        // people on locked servers
	pick    func(n int) int
}

// read returns the servers; version is theirs as just read, or 0. It joins tx.
func (y *yard) read(ctx context.Context, tx store.Reader, version int64, now instant.Instant) (*places, error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if version == 0 {
		var err error
		if version, err = fleet.Version(ctx, tx); err != nil {
			return nil, err
		}
	}
	if version != y.version {
		servers, err := fleet.Servers(ctx, tx)
		if err != nil {
			return nil, err
		}
		y.servers, y.byID, y.version = servers, byID(servers), version
	}
	if age := max(yardAge, yardShare*y.took); time.Since(y.readAt) > age || now.Sub(y.asOf) > age {
		began := time.Now()
		loads, err := fleet.Loads(ctx, tx, now)
		if err != nil {
			return nil, err
		}
		y.loads, y.readAt, y.asOf = loads, time.Now(), now
		y.took = y.readAt.Sub(began)
	}
	return &places{servers: y.servers, byID: y.byID, loads: maps.Clone(y.loads), moved: map[id.Server]fleet.Load{}, exact: map[id.Server]int{}, pick: rand.N[int]}, nil
}

func byID(servers []fleet.Server) map[id.Server]*fleet.Server {
	out := make(map[id.Server]*fleet.Server, len(servers))
	for i := range servers {
		out[servers[i].ID] = &servers[i]
	}
	return out
}

// settle keeps the loads of a committed batch, so that what it placed weighs in the next choice.
func (y *yard) settle(p *places) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for s, l := range p.moved {
		y.loads[s] = plus(y.loads[s], l)
	}
}

// lock locks the servers that hold a limited number of people and counts them. It joins tx.
func (p *places) lock(ctx context.Context, tx store.Tx, now instant.Instant) error {
	var limited []id.Server
	for _, s := range p.servers {
		if s.MaxPeople > 0 && s.Usable(now) {
			limited = append(limited, s.ID)
		}
	}
	slices.Sort(limited)
	for _, s := range limited {
		l, err := fleet.LockLoad(ctx, tx, s)
		if err != nil {
			return err
		}
		p.loads[s], p.exact[s] = l, l.People
	}
	return nil
}

func (p *places) server(s id.Server) (fleet.Server, bool) {
	if v := p.byID[s]; v != nil {
		return *v, true
	}
	return fleet.Server{}, false
}

// full reports whether not so many more people may go to the server.
func (p *places) full(s id.Server, more int) bool {
	v, ok := p.server(s)
	if !ok || v.MaxPeople == 0 {
		return false
	}
	n, counted := p.exact[s]
	return counted && n+more > v.MaxPeople
}

// portalKinds are where portal meetings run: they need no call to be created, which only an sfu allows.
var portalKinds = []fleet.Kind{fleet.KindSFU}

// choose returns the server for a new meeting of so many people, or for one that moves away from others.
func (p *places) choose(now instant.Instant, kinds []fleet.Kind, tags []string, not []id.Server, people int) (fleet.Server, *fault.Error) {
	s, err := fleet.Place(p.servers, p.loads, fleet.PlaceInput{
		Now: now, Kinds: kinds, Tags: tags, Not: not, Pick: p.pick,
		Full: func(s id.Server) bool { return p.full(s, people) },
	})
	if err != nil {
		return s, fault.As(err)
	}
	return s, nil
}

// shift counts people and meetings that came to a server, or went.
func (p *places) shift(s id.Server, meetings, people int) {
	p.add(s, fleet.Load{Meetings: meetings, People: people})
}

// expect weighs people who are thought to come.
func (p *places) expect(s id.Server, people int) { p.add(s, fleet.Load{Extra: people}) }

func (p *places) add(s id.Server, l fleet.Load) {
	p.loads[s] = plus(p.loads[s], l)
	p.moved[s] = plus(p.moved[s], l)
	if n, counted := p.exact[s]; counted {
		p.exact[s] = n + l.People
	}
}

func plus(a, b fleet.Load) fleet.Load {
	return fleet.Load{Meetings: a.Meetings + b.Meetings, People: a.People + b.People, Extra: a.Extra + b.Extra}
}
