// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"encoding/json"
	"fmt"

	"meetcoop/internal/web"
)

// sendEvent writes one event with its data as JSON; id may be empty.
func sendEvent(s *web.Stream, id, kind string, data any) error {
	b, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	return s.Event(id, kind, b)
}
