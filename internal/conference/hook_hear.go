// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/store"
	"meetcoop/internal/usage"
)

// What is wrong with a callback of a webhook. They never reach people.
var (
	ErrEventToken  = errors.New("conference: no place for events")
	ErrEventForged = errors.New("conference: an event that its server did not sign")
)

// hearWithin bounds what is done while a server waits; it gives up after 5 s and sends the event again.
const hearWithin = 4 * time.Second

// heard are the callbacks a node took last, by server: what is sent twice is taken once.
type heard struct {
	mu   sync.Mutex
	last map[id.Server]*ring
}

const ringSize = 512

type ring struct {
	in    map[uint64]bool
	order [ringSize]uint64
	next  int
}

// once reports whether a body is new.
func (h *heard) once(server id.Server, body uint64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.last == nil {
		h.last = map[id.Server]*ring{}
	}
	r := h.last[server]
	if r == nil {
		r = &ring{in: map[uint64]bool{}}
		h.last[server] = r
	}
	if r.in[body] {
		return false
	}
	delete(r.in, r.order[r.next])
	r.in[body], r.order[r.next] = true, body
	r.next = (r.next + 1) % ringSize
	return true
}

// forget lets a body be new again: it could not be dealt with.
func (h *heard) forget(server id.Server, body uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.last[server].in, body)
}

// EventInput is a callback of a webhook as it came.
type EventInput struct {
	Token    string // from the path
	Checksum string // from the query; "" for none
	Bearer   string // from the header; "" for none
	Body     []byte
}

// Hear takes what a server tells by its webhook. What is not about a meeting of ours on that server, or cannot be read, is dropped
// without an error: the server would only send it again. ErrEventToken for an address we gave to no server, ErrEventForged for a wrong
// signature, Unavailable when it has to be sent again.
func (s *Service) Hear(ctx context.Context, in EventInput) error {
	name, _, _ := strings.Cut(in.Token, ".")
	if subtle.ConstantTimeCompare([]byte(in.Token), []byte(s.eventsToken(id.Server(name)))) != 1 {
		return ErrEventToken
	}
	srv, err := s.servers.get(ctx, id.Server(name))
	if err != nil {
		return err
	}
	secret, err := s.deps.Fleet.Secret(srv.Server)
	if err != nil {
		return err
	}
	signed := in.Checksum != "" && hookSigned(s.eventsURL(srv.ID), in.Body, secret, in.Checksum)
	if in.Checksum == "" && in.Bearer != "" {
		given, want := sha256.Sum256([]byte(in.Bearer)), sha256.Sum256([]byte(secret))
		signed = subtle.ConstantTimeCompare(given[:], want[:]) == 1
	}
	if !signed {
		s.hooks.metrics.heard.WithLabelValues("forged").Inc()
		return ErrEventForged
	}
	s.hooks.servers.speaks(srv.ID)
	sum := sha256.Sum256(in.Body)
	mark := binary.BigEndian.Uint64(sum[:])
	if !s.hooks.heard.once(srv.ID, mark) {
		s.hooks.metrics.heard.WithLabelValues("twice").Inc()
		return nil
	}
	events, err := parseEvents(in.Body)
	if err != nil {
		s.hooks.metrics.heard.WithLabelValues("unreadable").Inc()
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), hearWithin)
	defer cancel()
	for _, e := range events {
		if err := s.hear(ctx, srv, e); err != nil {
			s.hooks.heard.forget(srv.ID, mark)
			return err
		}
	}
	return nil
}

// hear acts on one event.
func (s *Service) hear(ctx context.Context, srv *server, e event) error {
	c, err := s.meant(ctx, srv.ID, e)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "admission.try_again")
	}
	if c == nil {
		s.hooks.metrics.heard.WithLabelValues("foreign").Inc()
		return nil
	}
	s.hooks.metrics.heard.WithLabelValues("taken").Inc()
	switch e.name {
	case "meeting-created":
		return nil // clients were told when it was confirmed
	case "meeting-ended": // clients are told when it has ended here, whoever noticed
		if c.State != fleet.Live || !s.hooks.remarks.may(s.deps.Now(), "over "+string(c.ID), overEvery) {
			return nil
		}
		if over, err := s.isOver(ctx, c); over || err != nil {
			return err
		}
		s.spawn(func(ctx context.Context) { s.watchEnd(ctx, *c) }) // it may say so before it is so
		return nil
	case "user-joined", "user-left":
		if !s.attend(ctx, srv, c, e) {
			return nil
		}
	}
	c.tenantsEvent(e.doc)
	if err := s.tell(ctx, c, e.name, e.doc, e.at); err != nil {
		return fault.Wrap(err, fault.Unavailable, "admission.try_again")
	}
	return nil
}

// meant returns the conference an event is about, nil for none of ours on that server. An event about a copy that no longer runs, or
// about a meeting that has ended, counts only when it is about its recording.
func (s *Service) meant(ctx context.Context, server id.Server, e event) (*Conference, error) {
	if c := s.board.on(server, e.external); c != nil && c.InternalID == e.internal {
		return c, nil
	}
	var c Conference
	var ok bool
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		c, ok, err = byInternal(ctx, r, server, e.internal)
		return err
	})
	switch {
	case err != nil || !ok || c.ServerKey != e.external:
		return nil, err
	case strings.HasPrefix(e.name, "rap-"), c.State == fleet.Live && c.Server == server && c.InternalID == e.internal:
		return &c, nil
	}
	return nil, nil
}

// attend has the gate know of somebody who came or went. It is false for a word that is older than what is known.
func (s *Service) attend(ctx context.Context, srv *server, c *Conference, e event) bool {
	if e.user.internal == "" || e.user.external == "" {
		return true // about nobody the gate could know
	}
	s.hooks.presence.keep(s.deps.Now(), func(m id.Meeting) bool { return s.board.get(m) != nil })
	person := usage.KeyOf(c.Connection, e.user.external)
	participant := id.DerivedParticipant(c.ID, person)
	var err error
	if e.name == "user-joined" {
		if !s.hooks.presence.joined(c.ID, e.user.internal, person, e.at) {
			return false
		}
		if err = s.deps.Gate.Present(ctx, c.ID, participant); fault.KindOf(err) == fault.NotFound && err != nil {
			s.pollSoon(ctx, srv.ID) // somebody without a seat: the poll counts them
			return true
		}
	} else {
		leaves := s.hooks.presence.left(c.ID, e.user.internal, person, e.at)
		if leaves == unclear && s.stillThere(ctx, srv, c, e.user.external) {
			leaves = stays
		}
		if leaves != stays {
			err = s.deps.Gate.Away(ctx, c.ID, participant)
		}
	}
	if err != nil {
		s.pollSoon(ctx, srv.ID)
		s.deps.Log.DebugContext(ctx, "presence not noted, the poll will", "meeting", c.ID, "err", err)
	}
	return true
}

// stillThere asks the server whether somebody has another session. No answer counts as yes: the poll decides.
func (s *Service) stillThere(ctx context.Context, srv *server, c *Conference, external string) bool {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	info, err := srv.Info(ctx, c.ServerKey)
	return err != nil || info.InternalID != c.InternalID || slices.ContainsFunc(info.Attendees, func(a bbb.Attendee) bool { return a.UserID == external })
}
