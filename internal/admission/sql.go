// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"context"
	"fmt"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// usageRow is member_usage without its limits.
type usageRow struct {
	seats, moderators, rooms, waiting int
	drawn                             int64
	peak                              int
	peakHour                          instant.Instant
	limitsVersion                     int64
	limitsUntil, nextExpiry           instant.Instant
	version                           int64
}

const usageColumns = `seats, moderators, running_rooms, waiting, places, peak, peak_hour, limits_version, limits_until, next_expiry, version`

func (u *usageRow) dest() []any {
	return []any{&u.seats, &u.moderators, &u.rooms, &u.waiting, &u.drawn, &u.peak, &u.peakHour, &u.limitsVersion, &u.limitsUntil, &u.nextExpiry, &u.version}
}

var (
	selectUsage = store.NewIn(`SELECT member, `+usageColumns+` FROM member_usage WHERE member IN`, 0, ` ORDER BY member`)
	insertUsage = store.NewRows(`INSERT INTO member_usage (member, seats, moderators, running_rooms, waiting, places, peak, limits, limits_version, version) VALUES `, 10,
		` ON CONFLICT (member) DO NOTHING`)
	upsertUsage = store.NewRows(`INSERT INTO member_usage (member, limits, `+usageColumns+`) VALUES `, 13,
		` ON CONFLICT (member) DO UPDATE SET limits = excluded.limits, seats = excluded.seats, moderators = excluded.moderators,
			running_rooms = excluded.running_rooms, waiting = excluded.waiting, places = excluded.places, peak = excluded.peak, peak_hour = excluded.peak_hour,
			limits_version = excluded.limits_version, limits_until = excluded.limits_until, next_expiry = excluded.next_expiry, version = excluded.version
		WHERE member_usage.version = excluded.version - 1`)
)

// lockUsage locks the rows of the members, which come sorted, and makes those that are missing.
func lockUsage(ctx context.Context, tx store.Tx, all []*work) (map[id.Member]usageRow, error) {
	keys := make([]string, len(all))
	for i, w := range all {
		keys[i] = string(w.member)
	}
	rows := make(map[id.Member]usageRow, len(all))
	lock := func() error {
		return selectUsage.Each(ctx, tx, nil, keys, store.ForUpdate(tx), func(s store.Scanner) error {
			var m id.Member
			var u usageRow
			err := s.Scan(append([]any{&m}, u.dest()...)...)
			rows[m] = u
			return err
		})
	}
	if err := lock(); err != nil {
		return nil, err
	}
	var missing []any
	for _, w := range all {
		if _, ok := rows[w.member]; !ok {
			missing = append(missing, string(w.member), 0, 0, 0, 0, 0, 0, "", 0, 0)
		}
	}
	if missing == nil {
		return rows, nil
	}
	if _, err := insertUsage.Exec(ctx, tx, missing); err != nil {
		return nil, err
	}
	return rows, lock() // another node may have been faster, and gone on
}

var selectVersions = store.NewIn(`SELECT member, version FROM entitlement_change WHERE member IN`, 0, ``)

func entitlementVersions(ctx context.Context, r store.Reader, all []*work) (map[id.Member]int64, error) {
	keys := make([]string, len(all))
	for i, w := range all {
		keys[i] = string(w.member)
	}
	out := map[id.Member]int64{}
	err := selectVersions.Each(ctx, r, nil, keys, ``, func(s store.Scanner) error {
		var m id.Member
		var v int64
		err := s.Scan(&m, &v)
		out[m] = v
		return err
	})
	return out, err
}

func raiseEntitlement(ctx context.Context, tx store.Tx, now instant.Instant, m id.Member) error {
	_, err := tx.Exec(ctx, `INSERT INTO entitlement_change (member, version, changed_at) VALUES ($1, 1, $2)
		ON CONFLICT (member) DO UPDATE SET version = entitlement_change.version + 1, changed_at = excluded.changed_at`, string(m), now)
	return err
}

func findLimits(ctx context.Context, r store.Reader, m id.Member) (string, error) {
	doc, _, err := store.Find(ctx, r, store.Value[string], `SELECT limits FROM member_usage WHERE member = $1`, string(m))
	return doc, err
}

const seatColumns = `member, meeting, person_key, participant, role, present, late, taken_at, seen_at, expires_at`

func scanSeat(s store.Scanner) (*Seat, error) {
	var v Seat
	err := s.Scan(&v.Member, &v.Meeting, &v.Person, &v.Participant, &v.Role, &v.Present, &v.Late, &v.TakenAt, &v.SeenAt, &v.ExpiresAt)
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
	upsertSeats = store.NewRows(`INSERT INTO seat (`+seatColumns+`) VALUES `, 10,
		` ON CONFLICT (meeting, person_key) DO UPDATE SET participant = excluded.participant, role = excluded.role, present = excluded.present,
			late = excluded.late, taken_at = excluded.taken_at, seen_at = excluded.seen_at, expires_at = excluded.expires_at`)
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
	var gone, seats, torn, queued, stopped, clocks, usage []any
	dirty := int64(0)
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
			seats = append(seats, member, string(k.meeting), k.person.String(), string(s.Participant), string(s.Role), s.Present, s.Late, s.TakenAt, s.SeenAt, s.ExpiresAt)
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
		dirty++
		usage = append(usage, member, l.limitsDoc, l.seats, l.moderators, len(l.meetings), len(l.queue), l.drawn, l.peak, l.peakHour, l.limitsVersion, l.limitsUntil, l.nextExpiry, l.version)
	}
	for _, s := range []struct {
		bulk *store.Bulk
		args []any
	}{{deleteSeats, gone}, {upsertSeats, seats}, {deleteTorn, torn}, {insertQueued, queued}, {deleteClocks, stopped}, {upsertClocks, clocks}} {
		if _, err := s.bulk.Exec(ctx, tx, s.args); err != nil {
			return err
		}
	}
	n, err := upsertUsage.Exec(ctx, tx, usage)
	if err == nil && n != dirty {
		// The rows are locked and were read under the lock: this cannot be, and must not be overlooked.
		err = fmt.Errorf("member_usage: %d of %d rows had the version they were locked at", n, dirty)
	}
	return err
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

// memberOfMeeting returns whose a meeting is. NotFound (meeting.unknown).
func memberOfMeeting(ctx context.Context, r store.Reader, m id.Meeting) (id.Member, error) {
	member, ok, err := store.Find(ctx, r, store.Value[id.Member], `SELECT member FROM meeting WHERE id = $1`, string(m))
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "meeting.unknown")
	}
	return member, err
}

// memberOfParticipant returns for whose seats a participant waits or has waited. NotFound
// (admission.not_waiting).
func memberOfParticipant(ctx context.Context, r store.Reader, p id.Participant) (id.Member, error) {
	for _, query := range []string{`SELECT member FROM waiter WHERE participant = $1`, `SELECT member FROM seat WHERE participant = $1`} {
		if member, ok, err := store.Find(ctx, r, store.Value[id.Member], query, string(p)); ok || err != nil {
			return member, err
		}
	}
	return "", fault.New(fault.NotFound, "admission.not_waiting")
}

func membersDue(ctx context.Context, r store.Reader, now instant.Instant) ([]id.Member, error) {
	return store.All(ctx, r, store.Value[id.Member], `SELECT member FROM member_usage WHERE next_expiry <= $1 ORDER BY next_expiry LIMIT 1000`, now)
}

// inUse reports whether the member has open meetings or people waiting.
func inUse(ctx context.Context, r store.Reader, m id.Member) (bool, error) {
	n, _, err := store.Find(ctx, r, store.Value[int], `SELECT running_rooms + waiting FROM member_usage WHERE member = $1`, string(m))
	return n > 0, err
}

func findUsage(ctx context.Context, r store.Reader, m id.Member) (usageRow, bool, error) {
	return store.Find(ctx, r, func(s store.Scanner) (usageRow, error) {
		var u usageRow
		err := s.Scan(u.dest()...)
		return u, err
	}, `SELECT `+usageColumns+` FROM member_usage WHERE member = $1`, string(m))
}

// countSeats returns the counting seats of a member at now, and how many of them are not taken up.
func countSeats(ctx context.Context, r store.Reader, m id.Member, now instant.Instant) (used, held int, err error) {
	err = r.QueryRow(ctx, `SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN s.present THEN 0 ELSE 1 END), 0) AS BIGINT) 
		FROM meeting m JOIN seat s ON s.meeting = m.id
		WHERE m.member = $1 AND m.state IN ('stub', 'reserved', 'live', 'detached') AND (s.expires_at IS NULL OR s.expires_at > $2)`, string(m), now).Scan(&used, &held)
	return used, held, err
}

func countFresh(ctx context.Context, r store.Reader, m id.Member, since instant.Instant) (int, error) {
	n, _, err := store.Find(ctx, r, store.Value[int], `SELECT COUNT(*) FROM waiter WHERE member = $1 AND refreshed_at >= $2`, string(m), since)
	return n, err
}
