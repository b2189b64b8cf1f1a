// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"context"
	"strconv"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

const (
	day            = 24 * time.Hour
	firstNotice    = 14 // days before
	lastNotice     = 3
	trashFor       = 7 * day
	afterDowngrade = 30 * day
	keepBatch      = 100
)

// aged is what age decides.
type aged struct {
	until  instant.Instant // when it is deleted; none is never
	notice int             // days of the last notice, the new one included
	tell   bool            // of until, now
	remove bool            // its time is over, and both notices were given
}

// age applies a retention of so many days to a recording (gateway.md V6): until = end + days. It never deletes sooner than 14 days after the
// first notice and 3 after the last; a retention that became shorter takes effect after 30 days at the earliest. Example: ended on day
// 0 and kept 90 days, it is announced on day 76 and on day 87, and deleted on day 90.
func age(now instant.Instant, r Recording, days tariff.Limit) aged {
	n, limited := days.Int()
	if !limited {
		return aged{}
	}
	out := aged{until: instantOf(r.EndedMS).Add(time.Duration(min(n, 36500)) * day), notice: r.Notice}
	switch {
	case r.KeepUntil.IsZero():
	case out.until.Before(r.KeepUntil):
		out.until = instant.Later(out.until, instant.Earlier(r.KeepUntil, now.Add(afterDowngrade)))
	case out.until.After(r.KeepUntil) && out.until.Sub(now) > firstNotice*day:
		out.notice = 0 // it is kept longer again: announced anew
	}
	left := out.until.Sub(now)
	switch {
	case out.notice == 0 && left <= firstNotice*day:
		out.notice, out.tell, out.until = firstNotice, true, instant.Later(out.until, now.Add(firstNotice*day))
	case out.notice == firstNotice && left <= lastNotice*day:
		out.notice, out.tell, out.until = lastNotice, true, instant.Later(out.until, now.Add(lastNotice*day))
	case out.notice == lastNotice && left <= 0:
		out.remove = true
	}
	return out
}

// Keep is the duty of every hour: stored recordings age, and the trash is emptied. It is safe to repeat.
func (s *Service) Keep(ctx context.Context) error {
	days := map[id.Member]*tariff.Limits{}
	var last ID
	for {
		var some []Recording
		now := s.deps.Now()
		err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
			if some, err = aging(ctx, r, last, keepBatch); err != nil {
				return err
			}
			for _, v := range some {
				if _, known := days[v.Member]; known {
					continue
				}
				e, err := tariff.Entitled(ctx, r, v.Member, now)
				if err != nil {
					return err
				}
				days[v.Member] = nil
				if e.Allowed { // who is suspended loses nothing meanwhile
					days[v.Member] = &e.Limits
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, v := range some {
			last = v.ID
			if l := days[v.Member]; l != nil {
				if err := s.ageOne(ctx, now, v, l.RetentionDays); err != nil {
					return err
				}
			}
		}
		if len(some) < keepBatch {
			break
		}
	}
	s.sweep(ctx)
	return s.emptyTrash(ctx)
}

func (s *Service) ageOne(ctx context.Context, now instant.Instant, v Recording, days tariff.Limit) error {
	a := age(now, v, days)
	if a.until == v.KeepUntil && a.notice == v.Notice && !a.remove {
		return nil
	}
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		r, ok, err := byID(ctx, tx, v.ID)
		if err != nil || !ok || r.State == Deleted {
			return err
		}
		a := age(now, r, days)
		r.KeepUntil, r.Notice = a.until, a.notice
		action := ""
		switch {
		case a.remove:
			r.State, r.DeletedAt, action = Deleted, now, "recording.expired"
			if r.Server != "" {
				if err := enqueueForward(ctx, tx, now, forward{Server: r.Server, Recording: r.ID}); err != nil {
					return err
				}
			}
		case a.tell:
			action = "recording.expires"
		}
		if err := save(ctx, tx, now, r); err != nil || action == "" {
			return err
		}
		return identity.Audit(ctx, tx, now, identity.Event{
			Actor: identity.System(), Action: action, Object: string(r.ID), Member: r.Member,
			Detail: map[string]string{"days": strconv.Itoa(a.notice), "until": a.until.In(time.UTC).String()},
		})
	})
}

// emptyTrash removes the files of what was deleted a week ago.
func (s *Service) emptyTrash(ctx context.Context) error {
	for {
		now := s.deps.Now()
		var some []ID
		err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
			some, err = trash(ctx, r, now.Add(-trashFor), keepBatch)
			return err
		})
		if err != nil {
			return err
		}
		for _, v := range some {
			done := false
			err := s.deps.DB.Write(ctx, func(tx store.Tx) (err error) {
				done, err = purge(ctx, tx, v, now)
				return err
			})
			if err != nil {
				return err
			}
			if done {
				s.removeDir(ctx, string(v))
			}
		}
		if len(some) < keepBatch {
			return nil
		}
	}
}
