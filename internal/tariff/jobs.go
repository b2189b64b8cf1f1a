// SPDX-License-Identifier: AGPL-3.0-or-later

package tariff

import (
	"context"

	"meetcoop/internal/id"
	"meetcoop/internal/jobs"
	"meetcoop/internal/store"
)

// tellKind is the job that tells every member's copies that the list has changed. It is a job, as the
// register may be long and the gate writes the same rows: one transaction over all would starve.
const tellKind jobs.Kind = "tariff.tell"

// tellBatch is how many members one transaction of the job covers.
const tellBatch = 50

// Work registers the jobs of this package.
func (s *Service) Work(r *jobs.Runner) {
	r.Handle(tellKind, jobs.Policy{}, func(ctx context.Context, _ jobs.Job) error { return s.TellAll(ctx) })
}

// TellAll tells for each member that what it may use may have changed. It may run twice, and again from
// the start after a failure.
func (s *Service) TellAll(ctx context.Context) error {
	for after := id.Member(""); ; {
		var batch []id.Member
		now := s.deps.Now()
		err := s.deps.DB.Write(ctx, func(tx store.Tx) (err error) {
			if batch, err = membersAfter(ctx, tx, after, tellBatch); err != nil {
				return err
			}
			for _, m := range batch {
				if err := s.tell(ctx, tx, now, m); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || len(batch) < tellBatch {
			return err
		}
		after = batch[len(batch)-1]
	}
}
