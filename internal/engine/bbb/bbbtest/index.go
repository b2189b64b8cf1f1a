// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"cmp"
	"slices"
	"time"
)

// index finds meetings by all the names they have.
type index struct {
	all        []*meeting // in the order of their creation, ended ones until their grace is over
	byInternal map[string]*meeting
	byExternal map[string][]*meeting // in the order of their creation
	bridges    map[string]*meeting   // of those that have not ended
	count      int64                 // how many there ever were
	past       []*meeting            // the latest that are listed no more: recordings are made of them
}

func newIndex() index {
	return index{byInternal: map[string]*meeting{}, byExternal: map[string][]*meeting{}, bridges: map[string]*meeting{}}
}

func (x *index) add(m *meeting) {
	x.count++
	m.number = x.count
	x.all = append(x.all, m)
	x.byInternal[m.internal] = m
	x.byExternal[m.external] = append(x.byExternal[m.external], m)
	x.bridges[m.voiceBridge] = m
	if m.parent != nil {
		m.parent.rooms = append(m.parent.rooms, m)
	}
}

// pastMost is how many meetings are remembered after they are listed no more.
const pastMost = 256

func (x *index) remove(m *meeting) {
	if len(x.past) == pastMost {
		x.past = slices.Delete(x.past, 0, 1)
	}
	x.past = append(x.past, m)
	if i, ok := slices.BinarySearchFunc(x.all, m.number, func(m *meeting, n int64) int { return cmp.Compare(m.number, n) }); ok {
		x.all = slices.Delete(x.all, i, i+1)
	}
	delete(x.byInternal, m.internal)
	isIt := func(o *meeting) bool { return o == m }
	if same := slices.DeleteFunc(x.byExternal[m.external], isIt); len(same) > 0 {
		x.byExternal[m.external] = same
	} else {
		delete(x.byExternal, m.external)
	}
	if m.parent != nil {
		m.parent.rooms = slices.DeleteFunc(m.parent.rooms, isIt)
	}
}

// find returns the meeting with that id, internal ids first; among equal external ids the one that has not ended, else the latest.
func (x *index) find(id string) *meeting {
	if m := x.byInternal[id]; m != nil {
		return m
	}
	if m := x.live(id); m != nil {
		return m
	}
	if same := x.byExternal[id]; len(same) > 0 {
		return same[len(same)-1]
	}
	return nil
}

// ever is find with what is listed no more, the latest first.
func (x *index) ever(id string) *meeting {
	if m := x.find(id); m != nil {
		return m
	}
	for _, m := range slices.Backward(x.past) {
		if m.internal == id || m.external == id {
			return m
		}
	}
	return nil
}

// live is find without internal ids and what has ended.
func (x *index) live(external string) *meeting {
	for _, m := range x.byExternal[external] {
		if m.ended.IsZero() {
			return m
		}
	}
	return nil
}

// replan sets the next time at which something happens to a meeting by itself.
func (s *Server) replan(m *meeting) { s.plan(&m.due, m.next(s.cfg.Grace)) }

// next is when a meeting ends, or disappears after its end; zero: neither by itself.
func (m *meeting) next(grace time.Duration) time.Time {
	if !m.ended.IsZero() {
		return m.ended.Add(grace)
	}
	var at time.Time
	soonest := func(since time.Time, d time.Duration) {
		if t := since.Add(d); d > 0 && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	soonest(m.created, m.lasts)
	switch {
	case m.here == 0 && m.everJoined:
		soonest(m.lastLeft, m.everybodyLeft)
	case m.here == 0:
		soonest(m.created, m.nobodyCame)
	case m.needsModerator && !m.moderatorLeft.IsZero():
		soonest(m.moderatorLeft, m.noModerator)
	}
	return at
}

// turn does what next announced.
func (s *Server) turn(m *meeting, at time.Time) {
	if !m.ended.IsZero() {
		s.index.remove(m)
		return
	}
	s.finish(m, at, m.lasts > 0 && !at.Before(m.created.Add(m.lasts)))
}

// finish ends a meeting and its breakout rooms.
func (s *Server) finish(m *meeting, at time.Time, forced bool) {
	if !m.ended.IsZero() {
		return
	}
	m.ended, m.forced = at, forced
	delete(s.index.bridges, m.voiceBridge)
	for _, p := range m.registered {
		s.plan(&p.due, time.Time{})
		for token := range p.tabs {
			delete(s.sessions, token)
		}
		p.connected = false
	}
	m.here = 0
	s.replan(m)
	for _, room := range slices.Clone(m.rooms) {
		s.finish(room, at, forced)
	}
	s.tellEnd(m)
}
