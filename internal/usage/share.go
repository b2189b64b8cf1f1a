// SPDX-License-Identifier: AGPL-3.0-or-later

package usage

import (
	"cmp"
	"context"
	"slices"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// Share is what one connection used of what its member used.
type Share struct {
	Slots    []Slot     // as asked for, oldest first; never nil
	Refusals []Refusals // most frequent first
	Meetings int
	Duration time.Duration // of the meetings that ended, together
	SeatTime time.Duration // that seats were held in them, together
}

// Slot is what a connection used from From until the next slot begins.
type Slot struct {
	From     instant.Instant
	Peak     int // most seats at once
	Refused  int
	Attempts int
}

// Peak returns the most seats at once in all slots.
func (s Share) Peak() int {
	peak := 0
	for _, slot := range s.Slots {
		peak = max(peak, slot.Peak)
	}
	return peak
}

// Refused returns the refusals of all slots.
func (s Share) Refused() int {
	n := 0
	for _, slot := range s.Slots {
		n += slot.Refused
	}
	return n
}

// SharesInput asks for the shares of the connections of a member.
type SharesInput struct {
	Member  id.Member
	Slots   []instant.Instant // where each begins, rising; at least one
	Until   instant.Instant   // where the last ends
	Now     instant.Instant
	Seats   int       // most seats of the member in the hour of Now, which no fact tells yet
	Running []Running // open meetings, which no fact tells yet
}

// Running is a meeting that has not ended.
type Running struct {
	Connection id.Connection
	Since      instant.Instant
	Peak       int // most people so far
}

// ReadShares returns by connection what each used; connections that used nothing are left out. Facts tell the most people of each
// meeting, not of a connection: meetings that ran at the same time count together with the most each of them had, yet never
// with more than the member had in that hour. So a peak is exact for one meeting at a time, and may be a little high for several. It joins r.
//
// Example: two meetings of one connection overlap, with 12 and 9 people at most; the member had 18 at most: 18.
func ReadShares(ctx context.Context, r store.Reader, in SharesInput) (map[id.Connection]Share, error) {
	events, err := rareFacts(ctx, r, in.Member, in.Slots[0].Add(-time.Hour), in.Until)
	if err != nil {
		return nil, err
	}
	s := sharing{in: in, out: map[id.Connection]*Share{}, codes: map[id.Connection]map[string]*Refusals{}, moves: map[id.Connection][]move{}, peaks: map[id.Meeting]int{}}
	s.limits = make([]int, len(in.Slots))
	for _, e := range events {
		if e.kind == Peak && !e.ofMember {
			s.peaks[e.meeting] = e.n
		}
	}
	for _, e := range events {
		s.add(e)
	}
	for _, m := range in.Running {
		s.of(m.Connection)
		s.runs(m.Connection, m.Since, in.Until, m.Peak)
	}
	if i := s.slot(in.Now); i >= 0 {
		s.limits[i] = max(s.limits[i], in.Seats)
	}
	return s.result(), nil
}

// sharing gathers facts by connection.
type sharing struct {
	in     SharesInput
	out    map[id.Connection]*Share
	codes  map[id.Connection]map[string]*Refusals
	moves  map[id.Connection][]move
	peaks  map[id.Meeting]int
	limits []int // by slot: most seats of the member, 0 when nobody knows
}

// move is that people come (n above 0) or go.
type move struct {
	at instant.Instant
	n  int
}

func (s *sharing) of(c id.Connection) *Share {
	if s.out[c] == nil {
		share := &Share{Slots: make([]Slot, len(s.in.Slots))}
		for i, from := range s.in.Slots {
			share.Slots[i].From = from
		}
		s.out[c], s.codes[c] = share, map[string]*Refusals{}
	}
	return s.out[c]
}

// slot returns the place of an instant, -1 outside of all slots.
func (s *sharing) slot(at instant.Instant) int {
	if !at.Before(s.in.Until) {
		return -1
	}
	n := 0
	for n < len(s.in.Slots) && !s.in.Slots[n].After(at) {
		n++
	}
	return n - 1
}

func (s *sharing) runs(c id.Connection, from, until instant.Instant, people int) {
	s.moves[c] = append(s.moves[c], move{from, people}, move{until, -people})
}

func (s *sharing) add(e event) {
	if e.kind == Peak && e.ofMember { // of an hour, which may reach into several slots
		for i := range s.in.Slots {
			if s.in.Slots[i].Before(e.at.Add(time.Hour)) && (i+1 == len(s.in.Slots) || e.at.Before(s.in.Slots[i+1])) {
				s.limits[i] = max(s.limits[i], e.n)
			}
		}
		return
	}
	i := s.slot(e.at)
	if i < 0 || e.connection == "" {
		return
	}
	share := s.of(e.connection)
	switch e.kind {
	case Ended:
		d := time.Duration(e.n) * time.Second
		share.Meetings++
		share.Duration += d
		s.runs(e.connection, e.at.Add(-max(d, time.Microsecond)), e.at, s.peaks[e.meeting])
	case Seated:
		share.SeatTime += time.Duration(e.n) * time.Second
	case Refused:
		share.Slots[i].Refused++
		share.Slots[i].Attempts += e.n
		c := s.codes[e.connection][e.code]
		if c == nil {
			c = &Refusals{Code: e.code}
			s.codes[e.connection][e.code] = c
		}
		c.Refused++
		c.Attempts += e.n
		c.Last = e.at
	}
}

func (s *sharing) result() map[id.Connection]Share {
	out := map[id.Connection]Share{}
	for c, share := range s.out {
		moves := s.moves[c]
		slices.SortFunc(moves, func(a, b move) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.n, b.n)) }) // who goes makes room first
		inside, next := 0, 0
		for i := range share.Slots {
			until := s.in.Until
			if i+1 < len(share.Slots) {
				until = share.Slots[i+1].From
			}
			for ; next < len(moves) && !moves[next].at.After(share.Slots[i].From); next++ {
				inside += moves[next].n
			}
			peak := inside
			for ; next < len(moves) && moves[next].at.Before(until); next++ {
				inside += moves[next].n
				peak = max(peak, inside)
			}
			if s.limits[i] > 0 {
				peak = min(peak, s.limits[i])
			}
			share.Slots[i].Peak = peak
		}
		for _, r := range s.codes[c] {
			share.Refusals = append(share.Refusals, *r)
		}
		slices.SortFunc(share.Refusals, mostFirst)
		out[c] = *share
	}
	return out
}
