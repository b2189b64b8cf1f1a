// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// The time-outs of a server. Streams lift them for themselves (OpenStream), sockets by being taken over.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = time.Minute // with the body: a form over a bad phone line
	writeTimeout      = time.Minute
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 32 << 10
	shutdownTimeout   = 3 * time.Second // the whole program ends within five
)

// ServerConfig says where to serve what.
type ServerConfig struct {
	Listen  string
	Handler http.Handler
	Log     *slog.Logger
	TLS     *TLSConfig // nil: plain HTTP
}

// Server is a listening HTTP server.
type Server struct {
	http     *http.Server
	listener net.Listener
	log      *slog.Logger
	closing  chan struct{}
	once     sync.Once
	tls      bool
}

// NewServer begins to listen, so that a taken port is an error at start; nothing is answered before
// Run.
func NewServer(ctx context.Context, c ServerConfig) (*Server, error) {
	s := &Server{log: c.Log, closing: make(chan struct{})}
	s.http = &http.Server{
		Handler: c.Handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug), // broken handshakes and resets: the internet
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.Background(), keyClosing, (<-chan struct{})(s.closing))
		},
	}
	if c.TLS != nil {
		config, err := c.TLS.build(c.Log)
		if err != nil {
			return nil, err
		}
		s.http.TLSConfig, s.tls = config, true
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", c.Listen, err)
	}
	s.listener = l
	return s, nil
}

// Addr returns the address the server listens on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Run answers until ctx ends, then tells the streams to end, waits up to three seconds for what is
// under way and closes the rest. It returns nil after such an end.
func (s *Server) Run(ctx context.Context) error {
	failed := make(chan error, 1)
	go func() {
		if s.tls {
			failed <- s.http.ServeTLS(s.listener, "", "")
		} else {
			failed <- s.http.Serve(s.listener)
		}
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.once.Do(func() { close(s.closing) })
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := s.http.Shutdown(grace); err != nil {
		s.log.Warn("requests were cut off at shutdown", "err", err)
		_ = s.http.Close() // Shutdown has told what matters
	}
	if err := <-failed; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
