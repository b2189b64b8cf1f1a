// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"

	"meetcoop/internal/id"
	"meetcoop/internal/store"
)

type internal struct {
	meeting id.Meeting
	server  id.Server
}

// internals returns which meetings had a copy under an internal id; more than one only when a server invents ids. It joins r.
func internals(ctx context.Context, r store.Reader, internalID string) ([]internal, error) {
	return store.All(ctx, r, func(s store.Scanner) (internal, error) {
		var v internal
		err := s.Scan(&v.meeting, &v.server)
		return v, err
	}, `SELECT meeting, server FROM conference_internal WHERE internal_id = $1 ORDER BY created_at, server`, internalID)
}

func copies(ctx context.Context, r store.Reader, m id.Meeting) ([]id.Server, error) {
	return store.All(ctx, r, store.Value[id.Server], `SELECT server FROM conference_internal WHERE meeting = $1 GROUP BY server ORDER BY MAX(created_at) DESC`, string(m))
}
