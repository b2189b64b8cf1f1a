// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"context"
	"time"

	"meetcoop/internal/store"
)

// What is forgotten when (identity design, 12.2). Buckets carry their own end, see rate.diesAt.
const (
	keepChallenges = 7 * 24 * time.Hour
	keepSessions   = 30 * 24 * time.Hour
)

// Forgotten counts what Forget removed.
type Forgotten struct{ Challenges, Sessions, Buckets int64 }

// Forget removes challenges a week after their end, sessions a month after theirs, and rate buckets a day
// after their last hit. It is meant to run every hour; a missed run only delays.
func (s *Service) Forget(ctx context.Context) (Forgotten, error) {
	now := s.Now()
	var f Forgotten
	err := s.DB.Write(ctx, func(tx store.Tx) (err error) {
		if f.Challenges, err = deleteChallenges(ctx, tx, now.Add(-keepChallenges)); err != nil {
			return err
		}
		if f.Sessions, err = deleteSessions(ctx, tx, now.Add(-keepSessions)); err != nil {
			return err
		}
		f.Buckets, err = deleteBuckets(ctx, tx, now)
		return err
	})
	return f, err
}
