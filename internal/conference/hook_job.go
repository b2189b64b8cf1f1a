// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"errors"
	"strconv"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/store"
)

const kindHookEnded jobs.Kind = "conference.hook_ended"

const (
	endedAfter = 250 * time.Millisecond // what was told before goes first
	endedLook  = 50 * time.Millisecond  // whether all that was before is told
	endedWaits = 2 * time.Second        // for what is still under way to the same hook, before the job comes back later
)

// hookEndedJob is one hook to be told of the end of a meeting. It is a job since clients bill and tidy by it: it survives a restart.
type hookEndedJob struct {
	Meeting    id.Meeting    `json:"meeting"`
	Connection id.Connection `json:"connection"`
	Hook       int64         `json:"hook"`
	At         int64         `json:"at"`
}

// enqueueEnded has every hook that wants it told of an end. It joins tx.
func enqueueEnded(ctx context.Context, tx store.Tx, now instant.Instant, c *Conference) error {
	if c.InternalID == "" {
		return nil // nobody was told that it began
	}
	all, err := hooksOf(ctx, tx, c.Connection)
	if err != nil {
		return err
	}
	for i := range all {
		if !all[i].wants(c, "meeting-ended") {
			continue
		}
		in := jobs.EnqueueInput{
			Kind: kindHookEnded, Key: string(c.ID) + " " + strconv.FormatInt(all[i].ID, 10), RunAt: now.Add(endedAfter),
			Args: hookEndedJob{c.ID, c.Connection, all[i].ID, now.Time().UnixMilli()},
		}
		if err := jobs.Enqueue(ctx, tx, now, in); err != nil {
			return err
		}
	}
	return nil
}

var errHookBusy = errors.New("earlier events are still on their way")

// tellEnded is the job.
func (s *Service) tellEnded(ctx context.Context, job jobs.Job) error {
	var args hookEndedJob
	if err := job.Decode(&args); err != nil {
		return jobs.Park(err)
	}
	var c Conference
	var h Hook
	var known, there bool
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		if h, there, err = hookOf(ctx, r, args.Connection, args.Hook); err != nil || !there {
			return err
		}
		c, known, err = byID(ctx, r, args.Meeting)
		return err
	})
	if err != nil || !there || !known {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, endedWaits)
	defer cancel()
	for busy := true; busy; {
		if err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
			busy, err = untold(ctx, r, h.Connection, h.ID, args.Meeting)
			return err
		}); err != nil {
			return err
		}
		if busy && wait.Err() != nil {
			if job.Last {
				break
			}
			return errHookBusy
		}
		if busy {
			time.Sleep(endedLook)
		}
	}
	body, err := s.hookBody(eventDoc("meeting-ended", map[string]any{"meeting": c.eventMeeting()}, args.At), args.At)
	if err != nil {
		return jobs.Park(err)
	}
	err = s.sendNoting(ctx, h, body)
	if err != nil && job.Last && ctx.Err() == nil && !errors.As(err, &notTried{}) {
		s.dropHook(ctx, h)
		return nil
	}
	return err
}

func (s *Service) hookEndedPolicy() jobs.Policy {
	return jobs.Policy{Retries: s.deps.HookWaits, Timeout: endedWaits + 2*hookTimeout}
}
