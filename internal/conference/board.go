// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"cmp"
	"slices"
	"sync"

	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
)

// board is what this node knows of open conferences. What it holds is never changed, only replaced, so whoever got a
// *Conference may read it without a lock. It is a memory of the tables, at most a second old: decisions are never made on it.
type board struct {
	mu       sync.RWMutex
	byID     map[id.Meeting]*Conference
	byKey    map[boardKey]*Conference
	internal map[boardKey]*Conference             // by every internal id this node saw
	onServer map[id.Server]map[string]*Conference // by the meetingID the server knows
	lists    map[id.Connection]*list
}

type boardKey struct {
	connection id.Connection
	id         string
}

// list is the open conferences of a connection, oldest first, and what was last rendered from them.
type list struct {
	meetings []*Conference
	rendered map[string][]byte // by call
}

func newBoard() *board {
	return &board{byID: map[id.Meeting]*Conference{}, byKey: map[boardKey]*Conference{}, internal: map[boardKey]*Conference{}, onServer: map[id.Server]map[string]*Conference{}, lists: map[id.Connection]*list{}}
}

// put takes a conference in, or out when it is no longer open.
func (b *board) put(c Conference) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.byID[c.ID]
	if old != nil {
		if c.Seen.At.Before(old.Seen.At) {
			c.Seen = old.Seen // the row is written only when something changes
		}
		b.drop(old)
	}
	if c.State != fleet.Reserved && c.State != fleet.Live && c.State != fleet.Detached {
		return
	}
	v := &c
	b.byID[c.ID] = v
	b.byKey[boardKey{c.Connection, c.ExternalID}] = v
	if c.InternalID != "" {
		b.internal[boardKey{c.Connection, c.InternalID}] = v
	}
	if b.onServer[c.Server] == nil {
		b.onServer[c.Server] = map[string]*Conference{}
	}
	b.onServer[c.Server][c.ServerKey] = v
	l := b.lists[c.Connection]
	if l == nil {
		l = &list{}
		b.lists[c.Connection] = l
	}
	at, _ := slices.BinarySearchFunc(l.meetings, v, byStart)
	l.meetings = slices.Insert(slices.Clip(l.meetings), at, v)
	l.rendered = nil
}

func byStart(a, b *Conference) int {
	return cmp.Or(a.StartedAt.Compare(b.StartedAt), cmp.Compare(a.ID, b.ID))
}

func (b *board) drop(old *Conference) {
	delete(b.byID, old.ID)
	for k, m := range map[boardKey]map[boardKey]*Conference{{old.Connection, old.ExternalID}: b.byKey, {old.Connection, old.InternalID}: b.internal} {
		if m[k] == old {
			delete(m, k)
		}
	}
	if here := b.onServer[old.Server]; here[old.ServerKey] == old {
		delete(here, old.ServerKey)
	}
	if l := b.lists[old.Connection]; l != nil {
		l.meetings = slices.DeleteFunc(slices.Clone(l.meetings), func(c *Conference) bool { return c == old })
		l.rendered = nil
		if len(l.meetings) == 0 {
			delete(b.lists, old.Connection)
		}
	}
}

// remove takes a conference out.
func (b *board) remove(m id.Meeting) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if old := b.byID[m]; old != nil {
		b.drop(old)
	}
}

// see notes what a server said of a conference just now. changed is false when it is what is known.
func (b *board) see(m id.Meeting, s Seen) (changed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.byID[m]
	if old == nil || s.At.Before(old.Seen.At) {
		return false
	}
	changed = s.XML != old.Seen.XML || s.Running != old.Seen.Running || s.People != old.Seen.People
	fresh := *old
	fresh.Seen = s
	b.replace(old, &fresh, changed)
	return changed
}

// replace exchanges one state of a conference for another whose keys are the same.
func (b *board) replace(old, fresh *Conference, rendersAnew bool) {
	b.byID[old.ID] = fresh
	b.byKey[boardKey{old.Connection, old.ExternalID}] = fresh
	if old.InternalID != "" {
		b.internal[boardKey{old.Connection, old.InternalID}] = fresh
	}
	b.onServer[old.Server][old.ServerKey] = fresh
	l := b.lists[old.Connection]
	at := slices.Index(l.meetings, old)
	l.meetings = slices.Clone(l.meetings)
	l.meetings[at] = fresh
	if rendersAnew {
		l.rendered = nil
	}
}

// find returns an open conference of a connection by external id, then by internal id; nil when this node knows none.
func (b *board) find(connection id.Connection, name string) *Conference {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if c := b.byKey[boardKey{connection, name}]; c != nil {
		return c
	}
	return b.internal[boardKey{connection, name}]
}

func (b *board) get(m id.Meeting) *Conference {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.byID[m]
}

// on returns the conference a server names by key, or nil.
func (b *board) on(server id.Server, key string) *Conference {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.onServer[server][key]
}

// at returns the conferences on a server.
func (b *board) at(server id.Server) []*Conference {
	b.mu.RLock()
	defer b.mu.RUnlock()
	var out []*Conference
	for _, c := range b.onServer[server] {
		out = append(out, c)
	}
	slices.SortFunc(out, byStart)
	return out
}

// hasLive reports whether a live conference is on a server.
func (b *board) hasLive(server id.Server) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, c := range b.onServer[server] {
		if c.State == fleet.Live {
			return true
		}
	}
	return false
}

// rendered returns what render makes of a connection's list, from memory when nothing has changed since.
func (b *board) rendered(connection id.Connection, call string, render func([]*Conference) []byte) []byte {
	b.mu.RLock()
	l := b.lists[connection]
	if l == nil {
		b.mu.RUnlock()
		return render(nil)
	}
	if out, ok := l.rendered[call]; ok {
		b.mu.RUnlock()
		return out
	}
	meetings := l.meetings
	b.mu.RUnlock()
	out := render(meetings)
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.lists[connection]; l != nil && slices.Equal(l.meetings, meetings) {
		if l.rendered == nil {
			l.rendered = map[string][]byte{}
		}
		l.rendered[call] = out
	}
	return out
}
