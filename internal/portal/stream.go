// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"encoding/json"
	"fmt"
	"net/http"

	"meetcoop/internal/web"
)

// openStream begins an answer of events; nil for a HEAD, which is answered with the headers alone.
func openStream(w http.ResponseWriter, r *Request) (*web.Stream, error) {
	if r.Looks() {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusOK)
		return nil, nil
	}
	return web.OpenStream(w, r.Request)
}

// sendEvent writes one event with its data as JSON; id may be empty.
func sendEvent(s *web.Stream, id, kind string, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	return s.Event(id, kind, b)
}
