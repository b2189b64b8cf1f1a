// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"context"
	"slices"
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
	until     instant.Instant // when it is deleted; none is never
	notice    int             // days of the last notice, the new one included
	forever   bool            // no limit holds
	tell      bool            // of until, now
	shortened bool            // until is sooner than it was said
	remove    bool            // its time is over, and both notices were given
}

// age applies a retention of so many days to a recording (gateway.md V6): until = end + days. It never deletes sooner than 14 days after the
// first notice and 3 after the last; a retention that became shorter takes effect after 30 days at the earliest. Example: ended on day
// 0 and kept 90 days, it is announced on day 76 and on day 87, and deleted on day 90. Notices may be given early, by as much as ahead says.
func age(now instant.Instant, r Recording, days tariff.Limit, ahead time.Duration) aged {
	n, limited := days.Int()
	if !limited {
		return aged{forever: true}
	}
	out := aged{until: instantOf(r.EndedMS).Add(time.Duration(min(n, 36500)) * day), notice: r.Notice}
	switch {
	case r.KeptForever:
		out.until, out.notice, out.shortened = instant.Later(out.until, now.Add(afterDowngrade)), 0, true
	case r.KeepUntil.IsZero():
	case out.until.Before(r.KeepUntil):
		out.until = instant.Later(out.until, instant.Earlier(r.KeepUntil, now.Add(afterDowngrade)))
		out.shortened = out.until.Before(r.KeepUntil)
	case out.until.After(r.KeepUntil) && out.until.Sub(now) > firstNotice*day:
		out.notice = 0 // it is kept longer again: announced anew
	}
	left := out.until.Sub(now)
	switch {
	case out.notice == 0 && left <= firstNotice*day+ahead:
		out.notice, out.tell, out.until = firstNotice, true, instant.Later(out.until, now.Add(firstNotice*day))
	case out.notice == firstNotice && left <= lastNotice*day+ahead:
		out.notice, out.tell, out.until = lastNotice, true, instant.Later(out.until, now.Add(lastNotice*day))
	case out.notice == lastNotice && left <= 0:
		out.remove = true
	}
	return out
}

// together is how much earlier notices are given to go into a letter that is written anyway: so a member gets at most one a day.
const together = day

// Keep is the duty of every hour: stored recordings age, people are told of it, and the trash is emptied. It is safe to repeat, and on
// several nodes at once.
func (s *Service) Keep(ctx context.Context) error {
	var members []id.Member
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		members, err = agingMembers(ctx, r)
		return err
	})
	if err != nil {
		return err
	}
	for _, m := range members {
		if err := s.keepMember(ctx, m); err != nil {
			return err
		}
	}
	if err := s.announceAll(ctx); err != nil {
		return err
	}
	s.sweep(ctx)
	return s.emptyTrash(ctx)
}

// keepMember ages the recordings of one member.
func (s *Service) keepMember(ctx context.Context, member id.Member) error {
	now := s.deps.Now()
	var all []Recording
	var e tariff.Entitlement
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		if e, err = tariff.Entitled(ctx, r, member, now); err != nil || !e.Allowed {
			return err // who is suspended loses nothing meanwhile
		}
		all, err = aging(ctx, r, member)
		return err
	})
	if err != nil || !e.Allowed {
		return err
	}
	days, ahead := e.Limits.RetentionDays, time.Duration(0)
	if slices.ContainsFunc(all, func(v Recording) bool { return age(now, v, days, 0).tell }) {
		ahead = together
	}
	var due []ID
	for _, v := range all {
		a := age(now, v, days, ahead)
		if a.until != v.KeepUntil || a.notice != v.Notice || a.forever != v.KeptForever || a.remove {
			due = append(due, v.ID)
		}
	}
	for part := range slices.Chunk(due, keepBatch) {
		err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
			for _, v := range part {
				if err := ageOne(ctx, tx, now, v, days, ahead); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func ageOne(ctx context.Context, tx store.Tx, now instant.Instant, v ID, days tariff.Limit, ahead time.Duration) error {
	r, ok, err := byID(ctx, tx, v)
	if err != nil || !ok || r.State == Deleted {
		return err
	}
	a := age(now, r, days, ahead)
	r.KeepUntil, r.Notice, r.KeptForever = a.until, a.notice, a.forever
	action := ""
	switch {
	case a.remove:
		r.State, r.DeletedAt, r.Announce, action = Deleted, now, AnnounceNothing, "recording.expired"
		if r.Server != "" {
			if err := enqueueForward(ctx, tx, now, forward{Server: r.Server, Recording: r.ID}); err != nil {
				return err
			}
		}
	case a.tell:
		r.Announce, action = AnnounceExpires, "recording.expires"
	case a.shortened:
		r.Announce, action = AnnounceShortened, "recording.shortened"
	}
	if err := save(ctx, tx, now, r); err != nil || action == "" {
		return err
	}
	return identity.Audit(ctx, tx, now, identity.Event{
		Actor: identity.System(), Action: action, Object: string(r.ID), Member: r.Member,
		Detail: map[string]string{"days": strconv.Itoa(a.notice), "until": a.until.In(time.UTC).String()},
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
