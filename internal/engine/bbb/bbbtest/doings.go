// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"fmt"
	"strconv"
	"time"
)

// in runs do for a meeting that goes on, by its external or internal id.
func (s *Server) in(id string, do func(m *meeting, now time.Time)) error {
	err := ErrNoMeeting
	s.locked(func(now time.Time) {
		if m := s.index.find(id); m != nil && m.ended.IsZero() {
			do(m, now)
			err = nil
		}
	})
	return err
}

// Invent lets n people nobody knows join a meeting as viewers and connects them; it returns their session tokens.
func (s *Server) Invent(id string, n int) (sessions []string, err error) {
	err = s.in(id, func(m *meeting, now time.Time) {
		for range n {
			p := s.newPerson(m, "Person "+strconv.Itoa(len(m.registered)+1), Viewer)
			s.register(p, now)
			s.connect(p, p.session, now)
			sessions = append(sessions, p.session)
		}
	})
	return sessions, err
}

// DialIn is somebody calling the meeting's telephone number. They never join by the API; the token returned stands for the call.
func (s *Server) DialIn(id, number string) (session string, err error) {
	err = s.in(id, func(m *meeting, now time.Time) {
		p := s.newPerson(m, number, Viewer)
		p.internal, p.dialIn = "v_"+drawn(12), true
		p.external = p.internal
		s.register(p, now)
		s.connect(p, p.session, now)
		p.voice = true
		s.tell(m, p, "user-audio-voice-enabled", now)
		session = p.session
	})
	return session, err
}

func (s *Server) newPerson(m *meeting, name string, role Role) *person {
	p := &person{meeting: m, internal: "w_" + drawn(12), name: name, role: role, guestStatus: "ALLOW", session: drawn(16), auth: drawn(12)}
	p.external = p.internal
	return p
}

// Voice switches a microphone on or off.
func (s *Server) Voice(session string, on bool) error {
	return s.sound(session, on, false)
}

// ListenOnly lets a session hear without a microphone, or no more.
func (s *Server) ListenOnly(session string, on bool) error {
	return s.sound(session, on, true)
}

func (s *Server) sound(session string, on, listening bool) error {
	return s.doing(session, func(p *person, now time.Time) {
		p.voice, p.listenOnly = on && !listening, on && listening
		s.tell(p.meeting, p, map[bool]string{true: "user-audio-voice-enabled", false: "user-audio-voice-disabled"}[on], now)
	})
}

// Cameras sets how many cameras a session shows; 0: none.
func (s *Server) Cameras(session string, n int) error {
	return s.doing(session, func(p *person, now time.Time) {
		for ; p.cameras < n; p.cameras++ {
			s.tell(p.meeting, p, "user-cam-broadcast-start", now)
		}
		for ; p.cameras > max(n, 0); p.cameras-- {
			s.tell(p.meeting, p, "user-cam-broadcast-end", now)
		}
	})
}

// Present makes somebody the presenter; who was is so no more.
func (s *Server) Present(session string) error {
	return s.doing(session, func(p *person, now time.Time) {
		for _, o := range p.meeting.registered {
			if o.presenter && o != p {
				o.presenter = false
				s.tell(p.meeting, o, "user-presenter-unassigned", now)
			}
		}
		p.presenter = true
		s.tell(p.meeting, p, "user-presenter-assigned", now)
	})
}

// doing is with, for people who are there.
func (s *Server) doing(session string, do func(p *person, now time.Time)) error {
	return s.with(session, func(p *person, now time.Time) error {
		if !p.connected {
			return ErrNotAllowed
		}
		do(p, now)
		return nil
	})
}

// StartRecording presses the button of a meeting made with record=true; others have none.
func (s *Server) StartRecording(id string) error {
	return s.in(id, func(m *meeting, now time.Time) {
		if m.record && !m.marked {
			m.marked = true
			s.tell(m, nil, "meeting-recording-started", now)
		}
	})
}

// Breakouts opens n breakout rooms in a meeting, as a moderator does inside, and returns their internal ids.
func (s *Server) Breakouts(id string, n int) (rooms []string, err error) {
	err = s.in(id, func(m *meeting, now time.Time) {
		for range n {
			n := len(m.rooms) + 1
			room := &meeting{external: fmt.Sprintf("%s-%d-%d", m.internal, now.UnixMilli(), n), name: fmt.Sprintf("%s (Room - %d)", m.name, n), parent: m, sequence: n,
				guestPolicy: m.guestPolicy, logoutURL: m.logoutURL, dialNumber: m.dialNumber, nobodyCame: 5 * time.Minute, everybodyLeft: time.Minute}
			s.open(room, now)
			rooms = append(rooms, room.internal)
		}
	})
	return rooms, err
}

// End ends a meeting from inside, as a moderator does.
func (s *Server) End(id string) error {
	return s.in(id, func(m *meeting, now time.Time) { s.finish(m, now, true) })
}
