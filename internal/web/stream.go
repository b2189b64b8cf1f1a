// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	// streamWrite is how long a slow reader may block one event.
	streamWrite = 15 * time.Second
	// streamPing keeps proxies from closing a silent stream; many do after a minute.
	streamPing = 20 * time.Second
)

// Stream is an open answer of server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html). It is for one goroutine.
type Stream struct {
	w    http.ResponseWriter
	c    *http.ResponseController
	ctx  context.Context
	stop context.CancelFunc
	buf  bytes.Buffer
}

// OpenStream sends the headers of a stream. Each event then has a time-out of its own, in place of
// the server's for whole answers. The caller ends the stream with Close.
func OpenStream(w http.ResponseWriter, r *http.Request) (*Stream, error) {
	s := &Stream{w: w, c: http.NewResponseController(w)}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	w.WriteHeader(http.StatusOK)
	s.ctx, s.stop = context.WithCancel(r.Context())
	if closing, ok := r.Context().Value(keyClosing).(<-chan struct{}); ok {
		go func() {
			select {
			case <-closing:
				s.stop()
			case <-s.ctx.Done():
			}
		}()
	}
	return s, s.Ping()
}

// Context ends when the reader has gone or the server is shutting down.
func (s *Stream) Context() context.Context { return s.ctx }

// Close ends the stream's context. The handler returns after it.
func (s *Stream) Close() { s.stop() }

// PingEvery is how often Ping is due while nothing else is sent.
func (s *Stream) PingEvery() time.Duration { return streamPing }

// Ping sends a comment, which readers do not see.
func (s *Stream) Ping() error {
	s.buf.Reset()
	s.buf.WriteString(":\n\n")
	return s.flush()
}

// Event sends one event. id and kind may be empty; they hold no line breaks, or the event is refused.
func (s *Stream) Event(id, kind string, data []byte) error {
	if strings.ContainsAny(id, "\r\n\x00") || strings.ContainsAny(kind, "\r\n") {
		return fmt.Errorf("event %q %q: line break in a field", id, kind)
	}
	s.buf.Reset()
	if id != "" {
		s.buf.WriteString("id: " + id + "\n")
	}
	if kind != "" {
		s.buf.WriteString("event: " + kind + "\n")
	}
	for line := range bytes.SplitSeq(bytes.ReplaceAll(data, []byte("\r"), nil), []byte("\n")) {
		s.buf.WriteString("data: ")
		s.buf.Write(line)
		s.buf.WriteByte('\n')
	}
	s.buf.WriteByte('\n')
	return s.flush()
}

func (s *Stream) flush() error {
	if err := s.c.SetWriteDeadline(time.Now().Add(streamWrite)); err != nil {
		return err
	}
	if _, err := s.w.Write(s.buf.Bytes()); err != nil {
		return err
	}
	return s.c.Flush()
}
