// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// eventStream writes server-sent events (HTML standard, section 9.2). Every write has a deadline of its own: a reader that
// stopped reading must not keep a goroutine.
type eventStream struct {
	w    http.ResponseWriter
	ctrl *http.ResponseController
}

const streamWriteTimeout = 10 * time.Second

// startStream sends the head of the answer.
func startStream(w http.ResponseWriter) (*eventStream, error) {
	s := &eventStream{w: w, ctrl: http.NewResponseController(w)}
	head := w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("Cache-Control", "no-store")
	head.Set("X-Accel-Buffering", "no") // nginx would hold events back
	w.WriteHeader(http.StatusOK)
	return s, s.flush()
}

// send writes one event; id may be empty.
func (s *eventStream) send(id, kind string, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	if raw, ok := data.(json.RawMessage); ok {
		b = raw
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	_ = s.ctrl.SetWriteDeadline(time.Now().Add(streamWriteTimeout)) // not every writer has one; then the server's own holds
	if _, err := fmt.Fprintf(s.w, "%sevent: %s\ndata: %s\n\n", id, kind, b); err != nil {
		return err
	}
	return s.flush()
}

// comment keeps the connection open and finds out whether the reader is still there.
func (s *eventStream) comment() error {
	_ = s.ctrl.SetWriteDeadline(time.Now().Add(streamWriteTimeout)) // as in send
	if _, err := s.w.Write([]byte(": still here\n\n")); err != nil {
		return err
	}
	return s.flush()
}

func (s *eventStream) flush() error {
	_ = s.ctrl.SetReadDeadline(time.Time{}) // a stream reads nothing more
	return s.ctrl.Flush()
}
