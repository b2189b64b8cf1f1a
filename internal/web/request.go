// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"time"
)

// Middleware wraps a handler.
type Middleware func(http.Handler) http.Handler

// Chain puts the middleware around h, outermost first.
func Chain(h http.Handler, around ...Middleware) http.Handler {
	for _, a := range slices.Backward(around) {
		h = a(h)
	}
	return h
}

type contextKey int

const (
	keyRecord contextKey = iota
	keyLanguage
	keyClient
	keyClosing
)

// record is what the middleware learns of one request on its way.
type record struct {
	id      string
	pattern string
	quiet   bool
}

func recordOf(r *http.Request) *record {
	if rec, ok := r.Context().Value(keyRecord).(*record); ok {
		return rec
	}
	return &record{}
}

// requestIDHeader carries the request id inwards and outwards.
const requestIDHeader = "X-Request-Id"

// Identify gives each request a random id, whatever the client sent under that name.
func Identify(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b [8]byte
		_, _ = rand.Read(b[:]) // never fails since Go 1.24
		rec := &record{id: hex.EncodeToString(b[:])}
		r = r.WithContext(context.WithValue(r.Context(), keyRecord, rec))
		r.Header.Set(requestIDHeader, rec.id)
		w.Header().Set(requestIDHeader, rec.id)
		next.ServeHTTP(w, r)
	})
}

// RequestID returns the id of the request: 16 hexadecimal digits, or "" without Identify.
func RequestID(r *http.Request) string { return recordOf(r).id }

// Routed stands directly around a mux and remembers the pattern it chose.
func Routed(mux http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { recordOf(r).pattern = r.Pattern }()
		mux.ServeHTTP(w, r)
	})
}

// Route tells Log which pattern was chosen, for handlers that stand behind no mux. It must not hold what a client invented.
func Route(r *http.Request, pattern string) { recordOf(r).pattern = pattern }

// Quiet has Log write the line of a request at debug: what clients ask many times a second is counted, not told.
func Quiet(r *http.Request) { recordOf(r).quiet = true }

// Served is what is known of a request once it is answered.
type Served struct {
	Method   string
	Pattern  string // as registered, "" when no route matched: never the path, which may hold secrets
	Status   int    // 101 for a socket that was taken over
	Bytes    int64
	Duration time.Duration
	Visit    bool // an event stream or a socket: the duration is how long somebody stayed
}

// Log writes one line per request (at debug for those made Quiet) and tells observe (nil for nobody). The line holds no path, query,
// name or address; the client's address appears at debug.
func Log(log *slog.Logger, observe func(Served)) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			began := time.Now()
			rec := recordOf(r)
			c := &counting{ResponseWriter: w}
			defer func() {
				s := Served{Method: r.Method, Pattern: rec.pattern, Status: c.status, Bytes: c.bytes, Duration: time.Since(began), Visit: c.visit}
				if s.Status == 0 {
					s.Status = http.StatusOK // net/http writes it when the handler returns silently
				}
				if observe != nil {
					observe(s)
				}
				level := slog.LevelInfo
				if rec.quiet && s.Status < http.StatusInternalServerError {
					level = slog.LevelDebug
				}
				log.Log(r.Context(), level, "request", "request_id", rec.id, "method", method(s.Method), "route", s.Pattern, "status", s.Status, "bytes", s.Bytes, "dur", s.Duration)
				log.Debug("request client", "request_id", rec.id, "client", ClientOf(r))
			}()
			next.ServeHTTP(c, r)
		})
	}
}

// method keeps what a client invents out of logs and labels.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// Recover turns a panic into a log line with its stack and a 500, or into a broken connection when
// the answer has begun.
func Recover(log *slog.Logger, refuse Refuser) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c := &counting{ResponseWriter: w}
			defer func() {
				p := recover()
				if p == nil {
					return
				}
				if p == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so, too
					panic(p)
				}
				log.Error("panic in a handler", "request_id", RequestID(r), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				if c.status != 0 {
					panic(http.ErrAbortHandler)
				}
				refuse(c, r, fmt.Errorf("panic: %v", p))
			}()
			next.ServeHTTP(c, r)
		})
	}
}

// counting notes what a handler answers. Unwrap lets http.ResponseController reach the connection.
type counting struct {
	http.ResponseWriter
	status int
	bytes  int64
	visit  bool
}

func (c *counting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// Hijack notes that a socket took the connection over; the 101 is then written past us.
func (c *counting) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buf, err := http.NewResponseController(c.ResponseWriter).Hijack()
	if err == nil {
		c.status, c.visit = http.StatusSwitchingProtocols, true
	}
	return conn, buf, err
}

func (c *counting) WriteHeader(status int) {
	if c.status == 0 && status >= 200 {
		c.status = status
		c.visit = c.Header().Get("Content-Type") == "text/event-stream"
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counting) Write(p []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	n, err := c.ResponseWriter.Write(p)
	c.bytes += int64(n)
	return n, err
}
