// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"context"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

const seatColumns = `member, meeting, person_key, participant, role, present, late, taken_at, seen_at, expires_at, service`

func scanSeat(s store.Scanner) (*Seat, error) {
	var v Seat
	err := s.Scan(&v.Member, &v.Meeting, &v.Person, &v.Participant, &v.Role, &v.Present, &v.Late, &v.TakenAt, &v.SeenAt, &v.ExpiresAt, &v.Service)
	return &v, err
}

func seatsExpired(ctx context.Context, r store.Reader, m id.Member, now instant.Instant) ([]*Seat, error) {
	return store.All(ctx, r, scanSeat, `SELECT `+seatColumns+` FROM seat WHERE expires_at <= $1 AND member = $2`, now, string(m))
}

func nextSeatExpiry(ctx context.Context, r store.Reader, m id.Member, now instant.Instant) (instant.Instant, error) {
	at, _, err := store.Find(ctx, r, store.Value[instant.Instant], `SELECT expires_at FROM seat WHERE expires_at > $1 AND member = $2 ORDER BY expires_at LIMIT 1`, now, string(m))
	return at, err
}

var (
	selectMeetings     = store.NewIn(`SELECT `+seatColumns+` FROM seat WHERE meeting IN`, 0, ``)
	selectPersons      = store.NewEach(`SELECT `+seatColumns+` FROM seat WHERE meeting = $1 AND person_key =`, 1)
	selectParticipants = store.NewIn(`SELECT `+seatColumns+` FROM seat WHERE member = $1 AND participant IN`, 1, ``)
)

func eachSeat(ctx context.Context, r store.Reader, b *store.Bulk, fixed []any, keys []string, fn func(*Seat)) error {
	return b.Each(ctx, r, fixed, keys, ``, func(s store.Scanner) error {
		v, err := scanSeat(s)
		fn(v)
		return err
	})
}

const waiterColumns = `participant, member, connection, external_id, room, person_key, role, may_start, meeting, cap, reserve, kept, asked_us, place, queued_at, refreshed_at`

func scanWaiter(s store.Scanner) (*waiter, error) {
	var w waiter
	var asked int64
	err := s.Scan(&w.Participant, &w.Member, &w.Connection, &w.ExternalID, &w.Room, &w.Person, &w.Role, &w.MayStart, &w.Meeting, &w.Cap, &w.Reserve, &w.Kept,
		&asked, &w.place, &w.queuedAt, &w.refreshedAt)
	w.Duration = time.Duration(asked) * time.Microsecond
	return &w, err
}

func waitersOf(ctx context.Context, r store.Reader, m id.Member) ([]*waiter, error) {
	return store.All(ctx, r, scanWaiter, `SELECT participant, member, connection, external_id, COALESCE(room, ''), person_key, role, may_start, COALESCE(meeting, ''),
		COALESCE(cap, -1), reserve, kept, asked_us, place, queued_at, refreshed_at FROM waiter WHERE member = $1 ORDER BY place`, string(m))
}

type clockRow struct {
	clockKey
	clock
}

func scanClock(s store.Scanner) (clockRow, error) {
	var c clockRow
	var used, dayUsed int64
	err := s.Scan(&c.scope, &c.key, &used, &c.since, &c.lastEnd, &c.day, &dayUsed)
	c.used, c.dayUsed = time.Duration(used)*time.Microsecond, time.Duration(dayUsed)*time.Microsecond
	return c, err
}

func clocksOf(ctx context.Context, r store.Reader, m id.Member) ([]clockRow, error) {
	return store.All(ctx, r, scanClock, `SELECT scope, scope_key, used_us, running_since, last_end_at, day, day_used_us FROM clock WHERE member = $1`, string(m))
}

var (
	upsertSeats = store.NewRows(`INSERT INTO seat (`+seatColumns+`) VALUES `, 11,
		` ON CONFLICT (meeting, person_key) DO UPDATE SET participant = excluded.participant, role = excluded.role, present = excluded.present,
			late = excluded.late, taken_at = excluded.taken_at, seen_at = excluded.seen_at, expires_at = excluded.expires_at, service = excluded.service`)
	deleteSeats  = store.NewRows(`DELETE FROM seat WHERE (meeting, person_key) IN (VALUES `, 2, `)`)
	insertQueued = store.NewRows(`INSERT INTO waiter (`+waiterColumns+`) VALUES `, 16, ` ON CONFLICT (participant) DO UPDATE SET refreshed_at = excluded.refreshed_at`)
	deleteTorn   = store.NewRows(`DELETE FROM waiter WHERE (member, participant) IN (VALUES `, 2, `)`)
	upsertClocks = store.NewRows(`INSERT INTO clock (member, scope, scope_key, used_us, running_since, last_end_at, day, day_used_us) VALUES `, 8,
		` ON CONFLICT (member, scope, scope_key) DO UPDATE SET used_us = excluded.used_us, running_since = excluded.running_since,
			last_end_at = excluded.last_end_at, day = excluded.day, day_used_us = excluded.day_used_us`)
	deleteClocks = store.NewRows(`DELETE FROM clock WHERE (member, scope, scope_key) IN (VALUES `, 3, `)`)
)

// writeRows stores what the decisions changed. Deletions go first: a new row may carry the key of an old one.
func writeRows(ctx context.Context, tx store.Tx, all []*work) error {
	var gone, seats, torn, queued, stopped, clocks, limits, counts, usage []any
	for _, w := range all {
		l, member := w.ledger, string(w.member)
		for k := range w.out.seats {
			var s *Seat
			if m := l.meetings[k.meeting]; m != nil {
				s = m.seats[k.person]
			}
			if s == nil {
				gone = append(gone, string(k.meeting), k.person.String())
				continue
			}
			seats = append(seats, member, string(k.meeting), k.person.String(), string(s.Participant), string(s.Role), s.Present, s.Late, s.TakenAt, s.SeenAt, s.ExpiresAt, s.Service)
		}
		for p := range w.out.torn {
			torn = append(torn, member, string(p))
		}
		for k := range w.out.queued {
			if o := l.tickets[k]; o != nil {
				queued = append(queued, o.args()...)
			}
		}
		for k := range w.out.clocks {
			c, ok := l.clocks[k]
			if !ok {
				stopped = append(stopped, member, string(k.scope), k.key)
				continue
			}
			clocks = append(clocks, member, string(k.scope), k.key, c.used.Microseconds(), c.since, c.lastEnd, c.day, c.dayUsed.Microseconds())
		}
		if !w.out.dirty {
			continue
		}
		l.version++
		if w.renewed {
			limits = append(limits, member, l.limitsDoc)
		}
		if w.renewed || w.out.rescheduled {
			usage = append(usage, member, l.seats, l.moderators, len(l.meetings), len(l.queue), l.drawn, l.peak, l.version,
				l.peakHour, l.limitsVersion, l.limitsUntil, l.nextExpiry)
		} else {
			counts = append(counts, member, l.limitsVersion, l.seats, l.moderators, len(l.meetings), len(l.queue), l.drawn, l.peak, l.version)
		}
	}
	for _, s := range []struct {
		bulk *store.Bulk
		args []any
	}{{deleteSeats, gone}, {upsertSeats, seats}, {deleteTorn, torn}, {insertQueued, queued}, {deleteClocks, stopped}, {upsertClocks, clocks}, {upsertLimits, limits},
		{upsertCounts, counts}, {upsertUsage, usage}} {
		if err := s.bulk.Do(ctx, tx, s.args); err != nil {
			return err
		}
	}
	return nil
}

func (w *waiter) args() []any {
	var limit, meeting, room any
	if n, limited := w.Cap.Int(); limited && n > 0 {
		limit = n
	}
	if w.MayStart {
		meeting = string(w.Meeting)
	}
	if w.Room != "" {
		room = string(w.Room)
	}
	return []any{string(w.Participant), string(w.Member), string(w.Connection), w.ExternalID, room, w.Person.String(), string(w.Role), w.MayStart, meeting,
		limit, w.Reserve, w.Kept, w.Duration.Microseconds(), w.place, w.queuedAt, w.refreshedAt}
}
