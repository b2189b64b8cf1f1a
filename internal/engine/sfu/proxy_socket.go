// SPDX-License-Identifier: AGPL-3.0-or-later

package sfu

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/livekit/protocol/livekit"
	"google.golang.org/protobuf/proto"

	"meetcoop/internal/id"
)

const (
	// maxFrame is the largest frame from a browser, in bytes. The pinned LiveKit sets no limit
	// (mended upstream by livekit#4743 with 2 MiB); a session description of 25 people has 40 kB.
	maxFrame = 256 << 10
	// maxAnswer is the largest frame from LiveKit: it is ours, this catches nonsense.
	maxAnswer = 8 << 20
	// framesPerSecond is what a browser may send for ever, frameBurst what it may send at once:
	// entering a room of 25 with a page of tiles takes some 100.
	framesPerSecond = 50
	frameBurst      = 250
	// lingering lets LiveKit's own word of farewell through before a removed person's socket closes.
	lingering = 250 * time.Millisecond
	// openings of sockets by one person within openingsWindow. LiveKit holds some 70 kB of each for
	// about a minute after it is gone; a page that reconnects in earnest needs five (engine.md M8).
	openings       = 12
	openingsWindow = 30 * time.Second
	// maxSockets of one person at once: a reload overlaps the page before it.
	maxSockets = 3

	writeWithin = 10 * time.Second
)

// socket is one browser's signalling, from the moment its token was read.
type socket struct {
	who claim

	mu     sync.Mutex
	ended  bool            // told to go
	down   *websocket.Conn // to the browser; nil until both sides are open
	up     *websocket.Conn
	direct bool // up is LiveKit itself, not a peer
}

func (p *Proxy) register(who claim) *socket {
	s := &socket{who: who}
	p.mu.Lock()
	p.open[who] = append(p.open[who], s)
	var oldest *socket
	if len(p.open[who]) > maxSockets {
		oldest = p.open[who][0]
	}
	p.mu.Unlock()
	if oldest != nil {
		oldest.end(websocket.ClosePolicyViolation, 0)
	}
	return s
}

func (p *Proxy) unregister(s *socket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := slices.DeleteFunc(p.open[s.who], func(x *socket) bool { return x == s })
	if len(left) == 0 {
		delete(p.open, s.who)
		return
	}
	p.open[s.who] = left
}

// Kick closes the sockets of one person in one meeting, those that are just being opened
// too. It does not keep the person out: Authorise does.
func (p *Proxy) Kick(m id.Meeting, who id.Participant) {
	for _, s := range p.sockets(func(c claim) bool { return c == claim{m, who} }) {
		s.end(websocket.ClosePolicyViolation, lingering)
	}
}

// KickMeeting closes all sockets of a meeting.
func (p *Proxy) KickMeeting(m id.Meeting) {
	for _, s := range p.sockets(func(c claim) bool { return c.meeting == m }) {
		s.end(websocket.CloseNormalClosure, lingering)
	}
}

func (p *Proxy) closeAll() {
	for _, s := range p.sockets(func(claim) bool { return true }) {
		s.end(websocket.CloseGoingAway, 0)
	}
}

// Close closes all sockets; new ones are still accepted. It is for the end of the process,
// whose http.Server does not close upgraded connections.
func (p *Proxy) Close() { p.closeAll() }

func (p *Proxy) sockets(which func(claim) bool) (out []*socket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for who, list := range p.open {
		if which(who) {
			out = append(out, list...)
		}
	}
	return out
}

// begin joins the two sides, or closes both and returns false when the socket was told to
// go before.
func (s *socket) begin(down, up *websocket.Conn, direct bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		_ = up.Close()
		_ = down.Close()
		return false
	}
	s.down, s.up, s.direct = down, up, direct
	return true
}

// end tells the socket to go. From now on nothing of the browser reaches LiveKit; what
// LiveKit says still reaches the browser for as long as it may linger.
func (s *socket) end(code int, linger time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	if s.down == nil {
		return // begin closes it
	}
	down, up := s.down, s.up
	time.AfterFunc(linger, func() {
		farewell(down, code)
		_ = up.Close()
	})
}

func (s *socket) told() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// farewell closes a connection with a code and no words.
func farewell(c *websocket.Conn, code int) {
	_ = c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
	_ = c.Close()
}

// run passes frames both ways until one side ends, and returns which rule the browser broke, or "".
func (s *socket) run() (why string) {
	back := make(chan struct{})
	go func() {
		defer close(back)
		s.fromEngine()
	}()
	why = s.fromBrowser()
	code := websocket.CloseNormalClosure
	if why != "" {
		code = websocket.ClosePolicyViolation
	}
	farewell(s.down, code) // before the other side's end makes fromEngine say goodbye with its own code
	farewell(s.up, websocket.CloseNormalClosure)
	<-back
	return why
}

// fromBrowser passes what the browser sends, within the limits.
func (s *socket) fromBrowser() (why string) {
	s.down.SetReadLimit(maxFrame)
	alive := func() { _ = s.down.SetReadDeadline(time.Now().Add(silentFor)) }
	alive()
	s.down.SetPongHandler(func(string) error { alive(); return nil })
	done := make(chan struct{})
	defer close(done)
	go s.ping(done)

	rate := bucket{tokens: frameBurst, at: time.Now()}
	for {
		kind, frame, err := s.down.ReadMessage()
		if errors.Is(err, websocket.ErrReadLimit) {
			return "frame_size"
		}
		if err != nil {
			return ""
		}
		alive()
		if !rate.take(time.Now(), framesPerSecond, frameBurst) {
			return "frame_rate"
		}
		if s.told() {
			continue
		}
		_ = s.up.SetWriteDeadline(time.Now().Add(writeWithin))
		if s.up.WriteMessage(kind, frame) != nil {
			return ""
		}
	}
}

func (s *socket) ping(done <-chan struct{}) {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			_ = s.down.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeWithin))
		}
	}
}

// fromEngine passes what LiveKit says. Its first word is changed: see withoutSTUN.
func (s *socket) fromEngine() {
	s.up.SetReadLimit(maxAnswer)
	first := s.direct
	for {
		kind, frame, err := s.up.ReadMessage()
		if err != nil {
			code := websocket.CloseGoingAway
			var closed *websocket.CloseError
			if errors.As(err, &closed) && closed.Code == websocket.CloseNormalClosure {
				code = closed.Code
			}
			farewell(s.down, code) // wakes fromBrowser
			return
		}
		if first {
			frame, first = withoutSTUN(kind, frame), false
		}
		_ = s.down.SetWriteDeadline(time.Now().Add(writeWithin))
		if s.down.WriteMessage(kind, frame) != nil {
			_ = s.down.Close()
			return
		}
	}
}

// withoutSTUN takes out of LiveKit's first message the addresses of public STUN servers
// (Twilio's and Google's; pkg/service/roommanager.go, iceServersForParticipant), which it
// names where no others are set. People of a cooperative do not tell those where they are,
// and host candidates suffice for a server with an address. Other servers stay: they are
// what the operator of an external LiveKit has set up.
func withoutSTUN(kind int, frame []byte) []byte {
	var msg livekit.SignalResponse
	if kind != websocket.BinaryMessage || proto.Unmarshal(frame, &msg) != nil {
		return frame
	}
	switch m := msg.Message.(type) {
	case *livekit.SignalResponse_Join:
		m.Join.IceServers = keepServers(m.Join.IceServers)
	case *livekit.SignalResponse_Reconnect:
		m.Reconnect.IceServers = keepServers(m.Reconnect.IceServers)
	default:
		return frame
	}
	out, err := proto.Marshal(&msg)
	if err != nil {
		return frame
	}
	return out
}

// publicSTUN is rtcconfig.DefaultStunServers of mediatransportutil, as URLs.
var publicSTUN = []string{"stun:global.stun.twilio.com:3478", "stun:stun.l.google.com:19302", "stun:stun1.l.google.com:19302"}

func keepServers(in []*livekit.ICEServer) []*livekit.ICEServer {
	return slices.DeleteFunc(in, func(s *livekit.ICEServer) bool {
		s.Urls = slices.DeleteFunc(s.Urls, func(u string) bool { return slices.Contains(publicSTUN, u) })
		return len(s.Urls) == 0
	})
}

// bucket limits a rate: tokens flow in at so many a second up to most, each event takes one.
type bucket struct {
	tokens float64
	at     time.Time
}

func (b *bucket) take(now time.Time, perSecond, most float64) bool {
	b.tokens = min(most, b.tokens+now.Sub(b.at).Seconds()*perSecond)
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// mayOpen reports whether this person may open one more socket now, and counts it. Whoever
// is asked about has been authorised, so that strangers cannot fill the table.
func (p *Proxy) mayOpen(who claim, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.swept) > openingsWindow {
		for old, b := range p.openings {
			if now.Sub(b.at) > openingsWindow {
				delete(p.openings, old) // full again
			}
		}
		p.swept = now
	}
	b := p.openings[who]
	if b == nil {
		b = &bucket{tokens: openings, at: now}
		p.openings[who] = b
	}
	return b.take(now, openings/openingsWindow.Seconds(), openings)
}
