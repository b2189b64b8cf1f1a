// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// TB is what Start needs of a test; *testing.T, *testing.B and *testing.F have it.
type TB interface {
	Helper()
	Cleanup(do func())
	Fatalf(format string, args ...any)
}

// Running is a server that listens. It is safe for concurrent use.
type Running struct {
	*Server

	addr string

	life  sync.Mutex // one of Kill, Revive, Close at a time
	http  *http.Server
	port  net.Listener
	conns sync.Map // of *conn
	ended sync.WaitGroup
}

// defaultSecret is that of a server started without one.
const defaultSecret = "bbbtest-secret" // #nosec G101: of an invented server

// Start runs a server on a free port of 127.0.0.1 until the test is over. An empty Config is enough: URL is where it listens,
// Secret an invented one.
func Start(t TB, cfg Config) *Running {
	t.Helper()
	r, err := Listen("127.0.0.1:0", cfg)
	if err != nil {
		t.Fatalf("%v", err)
		return nil
	}
	t.Cleanup(r.Close)
	return r
}

// Listen runs a server at an address, "127.0.0.1:0" being a free port. Who calls it calls Close. What Config lacks is set as by
// Start.
func Listen(addr string, cfg Config) (*Running, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	if cfg.URL == "" {
		cfg.URL = "http://" + l.Addr().String()
	}
	if cfg.Secret == "" {
		cfg.Secret = defaultSecret
	}
	s, err := New(cfg)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	r := &Running{Server: s, addr: l.Addr().String()}
	s.machine = r
	r.serve(l)
	return r, nil
}

// serve takes connections until the listener is closed.
func (r *Running) serve(l net.Listener) {
	srv := &http.Server{Handler: r.Server, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, ErrorLog: slog.NewLogLogger(r.cfg.Log.Handler(), slog.LevelWarn)}
	r.http, r.port = srv, l
	r.ended.Go(func() { _ = srv.Serve(&listener{Listener: l, r: r}) }) // ends by Close only
}

// API is where the calls are, with a slash at the end: what clients are configured with.
func (r *Running) API() string { return r.cfg.URL + apiPath + "/" }

// Addr is the host and port it listens at.
func (r *Running) Addr() string { return r.addr }

// Connections returns how many connections are open.
func (r *Running) Connections() int {
	n := 0
	r.conns.Range(func(any, any) bool { n++; return true })
	return n
}

// Kill is the death of the machine: the port is closed, open connections are reset, no callback goes out any more. Meetings are
// kept for Revive.
func (r *Running) Kill() {
	r.life.Lock()
	defer r.life.Unlock()
	r.kill()
}

func (r *Running) kill() {
	if r.http == nil {
		return
	}
	srv := r.http
	r.http = nil
	r.setDead(true)
	_ = r.port.Close() // first, so that nobody gets in while connections are reset
	r.conns.Range(func(c, _ any) bool {
		if c, ok := c.(*conn); ok {
			_ = c.SetLinger(0) // then Close resets; it may be closed already
			_ = c.Close()
		}
		return true
	})
	_ = srv.Close() // every error is one of a connection that is gone
	r.ended.Wait()
}

// Revive opens the same port again, with the meetings there were or without them. It does nothing to a server that lives,
// except to take its meetings.
func (r *Running) Revive(meetings bool) error {
	r.life.Lock()
	defer r.life.Unlock()
	if !meetings {
		r.Forget()
	}
	if r.http != nil {
		return nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(context.Background(), "tcp", r.addr)
	if err != nil {
		return err
	}
	r.setDead(false)
	r.serve(l)
	return nil
}

// Close ends the server. It may be called twice.
func (r *Running) Close() {
	r.Thaw()
	r.Server.Close()
	r.Kill()
}

// Freeze lets the server accept and never answer, control calls included, until Thaw. Callbacks wait as well.
func (s *Server) Freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.thawed == nil {
		s.thawed = make(chan struct{})
	}
}

// Thaw lets a frozen server go on where it stood still.
func (s *Server) Thaw() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.thawed != nil {
		close(s.thawed)
		s.thawed = nil
	}
}

// awake waits while the server is frozen, and reports whether it lives and somebody still waits for it.
func (s *Server) awake(ctx context.Context) bool {
	s.mu.Lock()
	thawed, dead := s.thawed, s.dead
	s.mu.Unlock()
	if thawed == nil || dead {
		return !dead
	}
	select {
	case <-thawed:
		return true
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
	return false
}

func (s *Server) setDead(dead bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = dead
}

// listener notes the connections it accepts.
type listener struct {
	net.Listener

	r *Running
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	out := &conn{Conn: c, r: l.r}
	l.r.conns.Store(out, nil)
	return out, nil
}

// conn is one connection that knows how to be reset.
type conn struct {
	net.Conn

	r *Running
}

// SetLinger is that of TCP: with 0, Close resets the connection.
func (c *conn) SetLinger(sec int) error {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		return tcp.SetLinger(sec)
	}
	return nil
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.r.conns.Delete(c)
	return c.Conn.Close()
}
