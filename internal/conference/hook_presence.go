// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"sync"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/usage"
)

// presence is what servers told this node of sessions: one per internal user id, so that a late word about an old session of somebody
// says nothing about their new one (gateway.md H1). It only hurries what polls decide.
type presence struct {
	mu       sync.Mutex
	meetings map[id.Meeting]map[string]session // by internal user id
	tidied   instant.Instant
}

type session struct {
	person usage.PersonKey
	here   bool
	at     int64 // of the last event, milliseconds of the server
}

const (
	mostSessions = 5000  // of a meeting; beyond that the poll alone decides
	mostCrowds   = 50000 // meetings remembered
	tidyEvery    = time.Minute
)

// joined notes a session that began. It is false for a word that is older than what is known.
func (p *presence) joined(m id.Meeting, internal string, person usage.PersonKey, at int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.crowd(m)
	old, known := all[internal]
	if known && at < old.at {
		return false
	}
	if known || len(all) < mostSessions {
		all[internal] = session{person, true, at}
	}
	return true
}

// verdict is what the end of a session means for its person.
type verdict int

const (
	stays   verdict = iota // they have another session, or the word is old
	goes                   // it was their only one
	unclear                // this node did not see the session begin: the server has to be asked
)

// left notes a session that ended.
func (p *presence) left(m id.Meeting, internal string, person usage.PersonKey, at int64) verdict {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.crowd(m)
	old, known := all[internal]
	if known && (at < old.at || !old.here) {
		return stays
	}
	if known || len(all) < mostSessions {
		all[internal] = session{person, false, at}
	}
	for _, s := range all {
		if s.here && s.person == person {
			return stays
		}
	}
	if known {
		return goes
	}
	return unclear
}

func (p *presence) crowd(m id.Meeting) map[string]session {
	if p.meetings == nil || len(p.meetings) >= mostCrowds {
		p.meetings = map[id.Meeting]map[string]session{}
	}
	all := p.meetings[m]
	if all == nil {
		all = map[string]session{}
		p.meetings[m] = all
	}
	return all
}

// keep forgets meetings that are no longer open, once in a while.
func (p *presence) keep(now instant.Instant, open func(id.Meeting) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.tidied) < tidyEvery {
		return
	}
	p.tidied = now
	for m := range p.meetings {
		if !open(m) {
			delete(p.meetings, m)
		}
	}
}
