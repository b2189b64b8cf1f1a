// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"context"

	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// usageRow is member_usage.
type usageRow struct {
	seats, moderators, rooms, waiting int
	drawn                             int64
	peak                              int
	peakHour                          instant.Instant
	limitsVersion                     int64
	limitsUntil, nextExpiry           instant.Instant
	version                           int64
}

const (
	versions = `SELECT member, version, COALESCE((SELECT e.version FROM entitlement_change e WHERE e.member = member_usage.member), 0), (` + fleet.SelectVersion + `)
		FROM member_usage WHERE member `

	countColumns = `seats, moderators, running_rooms, waiting, places, peak, version`
	usageColumns = countColumns + `, peak_hour, limits_version, limits_until, next_expiry`

	setCounts = ` ON CONFLICT (member) DO UPDATE SET seats = excluded.seats, moderators = excluded.moderators,
			running_rooms = excluded.running_rooms, waiting = excluded.waiting, places = excluded.places, peak = excluded.peak, version = ` + asLocked
	// asLocked is a version that the CHECK of the column refuses, and so a batch that fails, if the row is not as it was locked. That
	// cannot be, and must not be overlooked.
	asLocked = `CASE WHEN member_usage.version = excluded.version - 1 THEN excluded.version ELSE -1 END`
)

func (u *usageRow) dest() []any {
	return []any{&u.seats, &u.moderators, &u.rooms, &u.waiting, &u.drawn, &u.peak, &u.version, &u.peakHour, &u.limitsVersion, &u.limitsUntil, &u.nextExpiry}
}

var (
	// lockVersions reads of which version the entitlement and the servers are along with what it locks. It may wait for the lock and then
	// tell what they were when it began; but whoever is in the batch had asked by then, so nothing that was committed before they did is
	// missed.
	lockVersions = store.NewIn(versions+`IN`, 0, ` ORDER BY member`)
	// lookVersions is for SQLite, which has locked everything. Each member is looked up by itself, as SQLite would make a table of a list.
	lookVersions = store.NewEach(versions+`=`, 0)
	selectUsage  = store.NewIn(`SELECT member, `+usageColumns+` FROM member_usage WHERE member IN`, 0, ``)
	insertUsage  = store.NewRows(`INSERT INTO member_usage (member, seats, moderators, running_rooms, waiting, places, peak, limits_version, version) VALUES `, 9,
		` ON CONFLICT (member) DO NOTHING`)
	upsertLimits = store.NewRows(`INSERT INTO member_limits (member, limits) VALUES `, 2, ` ON CONFLICT (member) DO UPDATE SET limits = excluded.limits`)
	upsertUsage  = store.NewRows(`INSERT INTO member_usage (member, `+usageColumns+`) VALUES `, 12,
		setCounts+`, peak_hour = excluded.peak_hour, limits_version = excluded.limits_version, limits_until = excluded.limits_until,
			next_expiry = excluded.next_expiry`)
	// upsertCounts leaves the rest as it is, which mostly stays: SQLite writes an index anew for each column that a statement names. The
	// row is there, so limits_version, which may not be NULL, is never taken from here.
	upsertCounts = store.NewRows(`INSERT INTO member_usage (member, limits_version, `+countColumns+`) VALUES `, 9,
		setCounts)
)

// held is what a batch has locked, and read beside it.
type held struct {
	rows         map[id.Member]usageRow
	entitlements map[id.Member]int64 // versions
	fleet        int64               // version of the servers; 0 when it was not read
}

// lockUsage locks the rows of the members, which come sorted, makes those that are missing, and reads of which version the entitlements are.
// Of a member whose ledger is remembered as of the version locked, the rest of the row is taken from there. Of those that are known not to
// have changed since they were remembered, nothing is read.
func lockUsage(ctx context.Context, tx store.Tx, all []*work, memory map[id.Member]*ledger, unchanged func(*ledger) bool) (held, error) {
	h := held{rows: make(map[id.Member]usageRow, len(all)), entitlements: make(map[id.Member]int64, len(all))}
	keys := make([]string, 0, len(all))
	for _, w := range all {
		if mem := memory[w.member]; mem != nil && unchanged(mem) {
			h.rows[w.member] = usageRow{version: mem.version, limitsVersion: mem.limitsVersion, limitsUntil: mem.limitsUntil}
			h.entitlements[w.member] = mem.limitsVersion
			continue
		}
		keys = append(keys, string(w.member))
	}
	if len(keys) == 0 {
		return h, nil
	}
	lock := func() error {
		bulk := lockVersions
		if tx.Engine() == store.SQLite {
			bulk = lookVersions
		}
		return bulk.Each(ctx, tx, nil, keys, store.ForUpdate(tx), func(s store.Scanner) error {
			var m id.Member
			var u usageRow
			var entitlement int64
			err := s.Scan(&m, &u.version, &entitlement, &h.fleet)
			h.rows[m], h.entitlements[m] = u, entitlement
			return err
		})
	}
	if err := lock(); err != nil {
		return held{}, err
	}
	var missing []any
	for _, w := range all {
		if _, ok := h.rows[w.member]; !ok {
			missing = append(missing, string(w.member), 0, 0, 0, 0, 0, 0, 0, 0)
		}
	}
	if missing != nil {
		if err := insertUsage.Do(ctx, tx, missing); err != nil {
			return held{}, err
		}
		if err := lock(); err != nil { // another node may have been faster, and gone on
			return held{}, err
		}
	}
	unknown := keys[:0]
	for _, key := range keys {
		m := id.Member(key)
		u, mem := h.rows[m], memory[m]
		if mem == nil || !mem.complete || mem.version != u.version {
			unknown = append(unknown, key)
			continue
		}
		u.limitsVersion, u.limitsUntil = mem.limitsVersion, mem.limitsUntil
		h.rows[m] = u
	}
	return h, selectUsage.Each(ctx, tx, nil, unknown, ``, func(s store.Scanner) error {
		var m id.Member
		var u usageRow
		err := s.Scan(append([]any{&m}, u.dest()...)...)
		h.rows[m] = u
		return err
	})
}

func raiseEntitlement(ctx context.Context, tx store.Tx, now instant.Instant, m id.Member) error {
	store.Mark(tx) // for lanes
	_, err := tx.Exec(ctx, `INSERT INTO entitlement_change (member, version, changed_at) VALUES ($1, 1, $2)
		ON CONFLICT (member) DO UPDATE SET version = entitlement_change.version + 1, changed_at = excluded.changed_at`, string(m), now)
	return err
}

func findLimits(ctx context.Context, r store.Reader, m id.Member) (string, error) {
	doc, _, err := store.Find(ctx, r, store.Value[string], `SELECT limits FROM member_limits WHERE member = $1`, string(m))
	return doc, err
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

// countUsage counts the counting seats of a member at now, those of them not taken up, the fresh waiters, and the most seats
// of this hour.
func countUsage(ctx context.Context, r store.Reader, m id.Member, now instant.Instant, u *Usage) error {
	return r.QueryRow(ctx, `SELECT
			(SELECT COUNT(*) FROM waiter WHERE member = $1 AND refreshed_at >= $3),
			CAST(COALESCE((SELECT peak FROM member_usage WHERE member = $1 AND peak_hour = $4), 0) AS BIGINT),
			COUNT(*), CAST(COALESCE(SUM(CASE WHEN s.present THEN 0 ELSE 1 END), 0) AS BIGINT)
		FROM meeting m JOIN seat s ON s.meeting = m.id
		WHERE m.member = $1 AND `+fleet.IsOpen+`AND (s.expires_at IS NULL OR s.expires_at > $2) AND NOT s.service`,
		string(m), now, now.Add(-freshFor), hourOf(now)).Scan(&u.Waiting, &u.Seats.Peak, &u.Seats.Used, &u.Seats.Held)
}

func entitlementVersion(ctx context.Context, r store.Reader, m id.Member) (int64, error) {
	v, _, err := store.Find(ctx, r, store.Value[int64], `SELECT version FROM entitlement_change WHERE member = $1`, string(m))
	return v, err
}
