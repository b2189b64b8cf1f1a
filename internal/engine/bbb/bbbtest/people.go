// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"errors"
	"slices"
	"time"
)

// ErrNoSession is returned for a session token that nobody has, or no more.
var ErrNoSession = errors.New("bbbtest: no such session")

// ErrNotAllowed is returned when somebody connects who waits at the door or was denied.
var ErrNotAllowed = errors.New("bbbtest: not let in")

// ErrNoMeeting is returned for an id, external or internal, that no meeting has which goes on.
var ErrNoMeeting = errors.New("bbbtest: no such meeting")

// person is one registration by join; connected once a client of theirs is there.
type person struct {
	meeting            *meeting
	internal, external string
	name               string
	role               Role
	guest, bot, dialIn bool
	guestStatus        string // ALLOW, WAIT or DENY
	session, auth      string
	tabs               map[string]bool // their session tokens, and which of them are connected
	connected          bool            // one of them is
	listenOnly, voice  bool
	cameras            int
	presenter          bool
	customdata         map[string]string
	due                due       // connecting by themselves
	left               time.Time // of those in justLeft
}

// with runs do for the person who has a session.
func (s *Server) with(session string, do func(p *person, now time.Time) error) error {
	err := ErrNoSession
	s.locked(func(now time.Time) {
		if p, ok := s.sessions[session]; ok {
			err = do(p, now)
		}
	})
	return err
}

// Connect is the client of a session coming online: from now on the person takes part.
func (s *Server) Connect(session string) error {
	return s.with(session, func(p *person, now time.Time) error {
		if p.guestStatus != "ALLOW" {
			return ErrNotAllowed
		}
		s.connect(p, session, now)
		return nil
	})
}

func (s *Server) connect(p *person, token string, now time.Time) {
	m := p.meeting
	p.tabs[token] = true
	if p.connected {
		return
	}
	p.connected = true
	m.here++
	m.everybody++
	if !m.everJoined {
		m.everJoined, m.started = true, now
		m.marked = m.record && m.autoStart
	}
	if p.role == Moderator {
		m.moderatorLeft = time.Time{}
	}
	s.replan(m)
	s.tell(m, p, "user-joined", now)
	if p.role == Moderator && !slices.ContainsFunc(m.registered, func(o *person) bool { return o.connected && o.presenter }) {
		p.presenter = true
		s.tell(m, p, "user-presenter-assigned", now)
	}
}

// Disconnect is the connection of a session going away without a word: the person is missing, the session may come back.
func (s *Server) Disconnect(session string) error {
	return s.with(session, func(p *person, now time.Time) error {
		s.disconnect(p, session, now)
		return nil
	})
}

func (s *Server) disconnect(p *person, token string, now time.Time) {
	if _, known := p.tabs[token]; known {
		p.tabs[token] = false
	}
	for _, there := range p.tabs {
		if there {
			return
		}
	}
	if !p.connected {
		return
	}
	m := p.meeting
	p.connected = false
	m.here--
	p.voice, p.listenOnly, p.cameras, p.presenter = false, false, 0, false
	if m.here == 0 {
		m.lastLeft = now
	}
	if p.role == Moderator && !slices.ContainsFunc(m.registered, func(o *person) bool { return o.connected && o.role == Moderator }) {
		m.moderatorLeft = now
	}
	if s.cfg.Profile == V26 {
		p.left = now
		m.justLeft = append(m.justLeft, p)
	}
	s.replan(m)
	s.tell(m, p, "user-left", now)
}

// Reload is the page of a session loaded again: the person goes and comes.
func (s *Server) Reload(session string) error {
	if err := s.Disconnect(session); err != nil {
		return err
	}
	return s.Connect(session)
}

// Leave is the client of a session going away for good: its token is worth nothing any more.
func (s *Server) Leave(session string) error {
	return s.with(session, func(p *person, now time.Time) error {
		s.drop(p, session, now)
		return nil
	})
}

// drop forgets a session, and the registration with its last one.
func (s *Server) drop(p *person, token string, now time.Time) {
	s.disconnect(p, token, now)
	delete(p.tabs, token)
	delete(s.sessions, token)
	if len(p.tabs) == 0 {
		s.plan(&p.due, time.Time{})
		p.meeting.registered = slices.DeleteFunc(p.meeting.registered, func(o *person) bool { return o == p })
	}
}

// SecondSession opens the meeting once more for the same person, as a link of getJoinUrl does, and returns the new token. It
// connects like any other.
func (s *Server) SecondSession(session string) (token string, err error) {
	err = s.with(session, func(p *person, now time.Time) error {
		token = s.another(p, now)
		return nil
	})
	return token, err
}

func (s *Server) another(p *person, now time.Time) string {
	token := drawn(16)
	p.tabs[token] = false
	s.sessions[token] = p
	if s.cfg.AutoConnect && p.guestStatus == "ALLOW" && s.cfg.ConnectDelay <= 0 {
		s.connect(p, token, now)
	}
	return token
}

// comes lets somebody connect by themselves, where they do.
func (s *Server) comes(p *person, now time.Time) {
	switch {
	case !s.cfg.AutoConnect || p.guestStatus != "ALLOW":
	case s.cfg.ConnectDelay <= 0:
		s.connect(p, p.session, now)
	default:
		p.due.do = func(at time.Time) { s.connect(p, p.session, at) }
		s.plan(&p.due, now.Add(s.cfg.ConnectDelay))
	}
}

// LetIn is a moderator letting a waiting guest in.
func (s *Server) LetIn(session string) error {
	return s.with(session, func(p *person, now time.Time) error {
		p.guestStatus = "ALLOW"
		s.comes(p, now)
		return nil
	})
}

// SendAway is a moderator refusing a waiting guest.
func (s *Server) SendAway(session string) error {
	return s.with(session, func(p *person, _ time.Time) error {
		p.guestStatus = "DENY"
		return nil
	})
}

// Waiting returns the session tokens of those in the lobby of a meeting.
func (s *Server) Waiting(meeting string) []string {
	return s.tokens(meeting, func(p *person) bool { return p.guestStatus == "WAIT" })
}

// Sessions returns the session tokens of everybody registered in a meeting, connected or not, the first of each person.
func (s *Server) Sessions(meeting string) []string {
	return s.tokens(meeting, func(*person) bool { return true })
}

func (s *Server) tokens(id string, which func(*person) bool) []string {
	var out []string
	s.locked(func(time.Time) {
		m := s.index.find(id)
		if m == nil {
			return
		}
		for _, p := range m.registered {
			if which(p) {
				out = append(out, p.session)
			}
		}
	})
	return out
}
