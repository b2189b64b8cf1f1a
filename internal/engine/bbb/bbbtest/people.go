// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"errors"
	"slices"
)

// ErrNoSession is returned for a session token that nobody has, or no more.
var ErrNoSession = errors.New("bbbtest: no such session")

// ErrNotAllowed is returned when somebody connects who waits at the door or was denied.
var ErrNotAllowed = errors.New("bbbtest: not let in")

// Connect is the client of a session coming online: from now on the person takes part.
func (s *Server) Connect(session string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	s.pass(now)
	p, ok := s.sessions[session]
	switch {
	case !ok:
		return ErrNoSession
	case p.guestStatus != "ALLOW":
		return ErrNotAllowed
	}
	m := p.meeting
	p.connected = true
	p.presenter = p.role == Moderator && !slices.ContainsFunc(m.online(), func(o *person) bool { return o.presenter })
	if !m.everJoined {
		m.everJoined, m.started = true, now
	}
	return nil
}

// Leave is the client of a session going away.
func (s *Server) Leave(session string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pass(s.cfg.Now())
	p, ok := s.sessions[session]
	if !ok {
		return ErrNoSession
	}
	s.drop(p)
	return nil
}

// LetIn is a moderator letting a waiting guest in.
func (s *Server) LetIn(session string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.sessions[session]
	if !ok {
		return ErrNoSession
	}
	p.guestStatus = "ALLOW"
	return nil
}

// drop forgets a registration.
func (s *Server) drop(p *person) {
	m := p.meeting
	m.registered = slices.DeleteFunc(m.registered, func(o *person) bool { return o == p })
	delete(s.sessions, p.session)
	if p.connected && len(m.online()) == 0 {
		m.lastLeft = s.cfg.Now()
	}
}
