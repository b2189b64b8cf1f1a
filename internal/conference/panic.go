// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"errors"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/store"
)

type panicJob struct {
	Server id.Server `json:"server"`
}

// Panic has everything of ours on a server ended and its meetings detached, so that they begin again elsewhere. It joins tx.
func Panic(ctx context.Context, tx store.Tx, now instant.Instant, server id.Server) error {
	return jobs.Enqueue(ctx, tx, now, jobs.EnqueueInput{Kind: kindPanic, Key: string(server), Args: panicJob{server}})
}

// panic is the job. Meetings are detached first: from then on joins go elsewhere, whether or not the server hears us.
func (s *Service) panic(ctx context.Context, job jobs.Job) error {
	var in panicJob
	if err := job.Decode(&in); err != nil {
		return jobs.Park(err)
	}
	here := s.board.at(in.Server)
	if err := s.detachAll(ctx, in.Server); err != nil {
		return err
	}
	all, err := s.servers.all(ctx)
	if err != nil || all[in.Server] == nil {
		return err
	}
	var failed []error
	for _, c := range here {
		if err := all[in.Server].End(ctx, c.ServerKey, ""); err != nil && fault.CodeOf(err) != "bbb.not_found" {
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
