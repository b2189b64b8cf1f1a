// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"context"
	"time"

	"meetcoop/internal/store"
)

// What is kept how long (engine.md 5, identity.md 12.2).
const (
	keepEvents = 10 * time.Minute
	keepChat   = 24 * time.Hour      // after the end
	keepNames  = 30 * 24 * time.Hour // after the end: guests' names and join times
	keepTries  = 24 * time.Hour

	retentionEvery = time.Minute
)

// Retain deletes what has been kept long enough. It is a duty, for one node; Register registers it.
func (s *Service) Retain(ctx context.Context) error {
	now := s.deps.Now()
	return s.deps.DB.Gate(ctx, func(tx store.Tx) error {
		if err := deleteEvents(ctx, tx, now.Add(-keepEvents)); err != nil {
			return err
		}
		if err := deleteChat(ctx, tx, now.Add(-keepChat)); err != nil {
			return err
		}
		if err := deleteTries(ctx, tx, now.Add(-keepTries)); err != nil {
			return err
		}
		return deleteMeetings(ctx, tx, now.Add(-keepNames))
	})
}
