// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/locale"
	"meetcoop/internal/store"
	"meetcoop/internal/usage"
)

// Event is one event as a page gets it.
type Event struct {
	N    int64           // its number, for Last-Event-ID
	Kind string          // the event's name
	Data json.RawMessage // one JSON object
}

// OpenInput asks for the events of a meeting.
type OpenInput struct {
	Meeting id.Meeting
	Who     Who
	After   int64           // number of the last event the page has; 0 or unknown begins with the whole state
	Printer *locale.Printer // the reader's language, for the message of the end; may be nil: no message
}

// Stream is the events of one page, filtered for its reader. It is not safe for concurrent use. Close it.
type Stream struct {
	s       *Service
	hub     *hub
	leave   func()
	unread  func()
	printer *locale.Printer
	meeting id.Meeting
	key     usage.PersonKey
	me      participant
	after   int64
	fresh   bool // the whole state comes next
	over    bool
}

// Open begins a stream for somebody who is inside. The newest stream of a person counts: earlier ones get replaced and
// end. NotFound (meeting.unknown, meeting.not_inside), Forbidden (room.removed), Conflict (meeting.ended_<why>).
func (s *Service) Open(ctx context.Context, in OpenInput) (*Stream, error) {
	st := &Stream{s: s, printer: in.Printer, meeting: in.Meeting, after: in.After, unread: func() {}}
	st.hub, st.leave = s.hubs.join(in.Meeting, func(ctx context.Context, after int64) ([]event, error) {
		return s.eventsAfter(ctx, in.Meeting, after)
	})
	err := s.act(ctx, in.Meeting, in.Who, func(ctx context.Context, sc *scene, me participant) error {
		me.Stream++
		if me.Stream > 1 {
			sc.tell(kindReplaced, string(me.ID), replaced{Stream: me.Stream})
		}
		st.me, st.key = me, me.Key
		// A page whose last event is newer than ours comes from another time (a restored database).
		st.fresh = in.After <= 0 || in.After > sc.m.Events
		return writeParticipant(ctx, sc.tx, me)
	})
	if err != nil {
		st.leave()
		return nil, err
	}
	unread := s.hubs.read(st.hub, st.me.ID)
	s.metrics.streams.Inc()
	st.unread = func() {
		unread()
		s.metrics.streams.Dec()
	}
	return st, nil
}

// replaced ends the streams of a person that were opened before Stream.
type replaced struct {
	Stream int `json:"stream"`
}

// Close ends the stream; what waits in Next must be ended by its context.
func (st *Stream) Close() {
	st.unread()
	st.unread = func() {}
	st.leave()
}

// Participant returns whose stream it is.
func (st *Stream) Participant() id.Participant { return st.me.ID }

// Next waits for events the reader may see and returns them in order; the first are one whole state when the page has
// none or missed some. After the last event of a stream (removed, replaced, ended) it returns io.EOF, as it does when the
// service stops.
func (st *Stream) Next(ctx context.Context) ([]Event, error) {
	for {
		if st.over {
			return nil, io.EOF
		}
		wake := st.hub.waiter()
		if st.fresh {
			return st.whole(ctx)
		}
		found, known, err := st.hub.after(ctx, st.after)
		if err != nil {
			return nil, err
		}
		if !known {
			st.fresh = true
			continue
		}
		if out := st.pick(found); len(out) > 0 {
			return out, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-st.s.hubs.stopped:
			return nil, io.EOF
		case <-wake:
		}
	}
}

// whole reads the state anew.
func (st *Stream) whole(ctx context.Context) ([]Event, error) {
	var state State
	var me participant
	var ended meeting
	err := st.s.deps.DB.Read(ctx, func(r store.Reader) error {
		m, ok, err := meetingByID(ctx, r, st.meeting)
		if err != nil {
			return err
		}
		if !ok {
			return errUnknown
		}
		if me, ok, err = participantByKey(ctx, r, st.meeting, st.key); err != nil {
			return err
		}
		if !ok {
			return errNotInside
		}
		if ended = m; !m.EndedAt.IsZero() || me.State == Removed {
			return nil
		}
		state, err = st.s.state(ctx, r, m, me)
		return err
	})
	if err != nil {
		return nil, err
	}
	switch {
	case !ended.EndedAt.IsZero():
		st.over = true
		return []Event{{N: ended.Events, Kind: kindEnded, Data: st.farewell(ended.EndReason)}}, nil
	case me.State == Removed:
		st.over = true
		return []Event{{N: ended.Events, Kind: kindRemoved, Data: json.RawMessage(`{}`)}}, nil
	}
	raw, err := json.Marshal(state)
	if err != nil {
		return nil, fmt.Errorf("write state: %w", err)
	}
	me.Stream = st.me.Stream // the number of this stream, not of the newest
	st.me, st.after, st.fresh = me, state.N, false
	return []Event{{N: state.N, Kind: kindState, Data: raw}}, nil
}

// pick filters events for the reader and notes what they change about the reader.
func (st *Stream) pick(found []event) []Event {
	var out []Event
	for _, e := range found {
		if st.over {
			break
		}
		st.after = e.N
		if !e.visible(st.me) {
			continue
		}
		switch e.Kind {
		case kindReplaced:
			var r replaced
			if json.Unmarshal(e.Data, &r) != nil || r.Stream <= st.me.Stream {
				continue // told to older streams
			}
			e.Data, st.over = json.RawMessage(`{}`), true
		case kindPerson:
			var p Person
			if json.Unmarshal(e.Data, &p) == nil && p.ID == st.me.ID {
				st.me.Role = p.Role // what comes next is filtered by the new role
			}
		case kindRemoved:
			st.over = true
		case kindEnded:
			var end ended
			if json.Unmarshal(e.Data, &end) == nil {
				e.Data = st.farewell(end.Why)
			}
			st.over = true
		}
		out = append(out, Event{N: e.N, Kind: e.Kind, Data: e.Data})
	}
	return out
}

// visible reports whether a participant may read the event.
func (e event) visible(p participant) bool {
	switch e.Audience {
	case ToAll:
		return true
	case ToModerators:
		return p.Role == Moderator || e.Also == p.ID
	}
	return e.Audience == string(p.ID) || (e.Also != "" && e.Also == p.ID)
}

// ended is the data of the last event of a meeting. Message is in the reader's language.
type ended struct {
	Why     fleet.EndReason `json:"why"`
	Message string          `json:"message"`
}

func (st *Stream) farewell(why fleet.EndReason) json.RawMessage {
	e := ended{Why: why}
	if st.printer != nil {
		e.Message = st.printer.T("fault.meeting.ended_" + string(why))
	}
	raw, err := json.Marshal(e)
	if err != nil {
		return json.RawMessage(`{}`) // two strings: cannot happen
	}
	return raw
}

// eventsAfter reads what follows number after from the database, at most so many that a page reads them in one go.
func (s *Service) eventsAfter(ctx context.Context, m id.Meeting, after int64) (out []event, err error) {
	err = s.deps.DB.Read(ctx, func(r store.Reader) error {
		out, err = eventsAfter(ctx, r, m, after)
		return err
	})
	return out, err
}
