// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
)

// polled is whom the leader last told clients to be in which meeting, where servers have no webhooks. It is not Seen: that changes
// with every look of every node.
type polled struct {
	mu     sync.Mutex
	tidied instant.Instant
	in     map[id.Meeting]map[string]bbb.Attendee // by external user id; nil while another node leads
	before map[id.Meeting]*Conference             // open when this node began to lead, until a list has them
}

// begin notes what the leader before this one saw, once.
func (p *polled) begin(open *board) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.in == nil {
		p.in, p.before = map[id.Meeting]map[string]bbb.Attendee{}, open.everything()
	}
}

// forget drops what was told: another node leads.
func (p *polled) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.in, p.before = nil, nil
}

// told returns whom clients know to be in a meeting: nobody at first when it began under this leader.
func (p *polled) told(m id.Meeting) map[string]bbb.Attendee {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.in[m]
	if all != nil {
		return all
	}
	all = map[string]bbb.Attendee{}
	if old := p.before[m]; old != nil {
		all = old.seenPeople()
		delete(p.before, m)
	}
	if p.in != nil {
		p.in[m] = all
	}
	return all
}

// everything returns every open conference this node knows.
func (b *board) everything() map[id.Meeting]*Conference {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return maps.Clone(b.byID)
}

// keep forgets meetings that are no longer open, or whose server tells by itself, once in a while.
func (p *polled) keep(now instant.Instant, wanted func(id.Meeting) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.tidied) < tidyEvery {
		return
	}
	p.tidied = now
	maps.DeleteFunc(p.in, func(m id.Meeting, _ map[string]bbb.Attendee) bool { return !wanted(m) })
	maps.DeleteFunc(p.before, func(m id.Meeting, _ *Conference) bool { return !wanted(m) })
}

// seenPeople are those of the last look, by external id.
func (c *Conference) seenPeople() map[string]bbb.Attendee {
	tree, err := bbb.ParseXML(strings.NewReader("<response>"+c.Seen.XML+"</response>"), bbb.MaxAnswer)
	if c.Seen.XML == "" || err != nil {
		return map[string]bbb.Attendee{}
	}
	info, err := bbb.ParseMeeting(tree)
	if err != nil {
		return map[string]bbb.Attendee{}
	}
	return byUser(info.Attendees)
}

func byUser(all []bbb.Attendee) map[string]bbb.Attendee {
	out := make(map[string]bbb.Attendee, len(all))
	for _, a := range all {
		if _, twice := out[a.UserID]; !twice {
			out[a.UserID] = a
		}
	}
	return out
}

// tellDifferences tells clients who came and went since the last complete list, when the server does not do so by itself. c is the
// conference as it was before that list. It is for the one poll of a server under way on the one node that leads.
func (s *Service) tellDifferences(ctx context.Context, srv *server, c *Conference, info bbb.Meeting) {
	if info.InternalID != c.InternalID || info.EndTime != 0 || info.ForciblyEnded {
		return
	}
	s.hooks.polled.keep(s.deps.Now(), func(m id.Meeting) bool {
		open := s.board.get(m)
		return open != nil && s.hooks.servers.hooked(open.Server) != hookedYes
	})
	state := s.hooks.servers.hooked(srv.ID)
	if srv.embedded() {
		state = hookedNo
	}
	if state == hookedYes {
		return
	}
	before := s.hooks.polled.told(c.ID)
	if state == hookedUnknown {
		return // the next list will do
	}
	after := byUser(info.Attendees)
	at := s.deps.Now().Time().UnixMilli()
	tell := func(name string, a bbb.Attendee) bool {
		err := s.tell(ctx, c, name, c.userDoc(name, a, at), at)
		if err != nil { // the next list tells it again
			s.deps.Log.WarnContext(ctx, "clients not told who came or went yet", "meeting", c.ID, "err", err)
		}
		return err == nil
	}
	for _, who := range slices.Sorted(maps.Keys(before)) {
		if _, there := after[who]; !there && tell("user-left", before[who]) {
			delete(before, who)
		}
	}
	for _, who := range slices.Sorted(maps.Keys(after)) {
		if _, known := before[who]; !known && tell("user-joined", after[who]) {
			before[who] = after[who]
		}
	}
}
