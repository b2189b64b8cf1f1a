// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// null binds "" as NULL.
func null[S ~string](s S) any {
	if s == "" {
		return nil
	}
	return string(s)
}

// --- instance secrets and settings

func readInstance(ctx context.Context, r store.Reader, name string) (string, bool, error) {
	return store.Find(ctx, r, store.Value[string], `SELECT value FROM instance WHERE name = $1`, name)
}

// keepInstance writes value unless the name has one; the caller reads back which one won.
func keepInstance(ctx context.Context, tx store.Tx, now instant.Instant, name, value string) error {
	_, err := tx.Exec(ctx, `INSERT INTO instance (name, value, changed_at) VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING`, name, value, now)
	return err
}

func putInstance(ctx context.Context, tx store.Tx, now instant.Instant, name, value string) error {
	_, err := tx.Exec(ctx, `INSERT INTO instance (name, value, changed_at) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at`, name, value, now)
	return err
}

// --- persons and addresses

const personColumns = `p.id, p.subject, p.name, p.locale, p.zone, p.theme, p.status, p.created_at, p.last_active_on`

func personFields(p *Person) []any {
	return []any{&p.ID, &p.Subject, &p.Name, &p.Locale, &p.Zone, &p.Theme, &p.Status, &p.CreatedAt, &p.LastActiveOn}
}

func scanPerson(s store.Scanner) (Person, error) {
	var p Person
	err := s.Scan(personFields(&p)...)
	return p, err
}

func findPerson(ctx context.Context, r store.Reader, person id.Person) (Person, bool, error) {
	return store.Find(ctx, r, scanPerson, `SELECT `+personColumns+` FROM person p WHERE p.id = $1`, string(person))
}

func findPersonByKey(ctx context.Context, r store.Reader, addressKey string) (Person, bool, error) {
	return store.Find(ctx, r, scanPerson, `SELECT `+personColumns+` FROM person_email e JOIN person p ON p.id = e.person WHERE e.address_key = $1`, addressKey)
}

// peoplePerQuery keeps the number of placeholders far below what the engines allow.
const peoplePerQuery = 200

func loadPeople(ctx context.Context, r store.Reader, ids []id.Person) ([]Person, error) {
	out := make([]Person, 0, len(ids))
	for len(ids) > 0 {
		n := min(len(ids), peoplePerQuery)
		marks, args := make([]string, n), make([]any, n)
		for i, p := range ids[:n] {
			marks[i], args[i] = "$"+strconv.Itoa(i+1), string(p)
		}
		ids = ids[n:]
		some, err := store.All(ctx, r, scanPerson, `SELECT `+personColumns+` FROM person p WHERE p.id IN (`+strings.Join(marks, ", ")+`)`, args...)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	return out, nil
}

func listPeople(ctx context.Context, r store.Reader, after id.Person, limit int) ([]Listed, error) {
	return store.All(ctx, r, func(s store.Scanner) (Listed, error) {
		var l Listed
		err := s.Scan(append(personFields(&l.Person), &l.Address)...)
		return l, err
	}, `SELECT `+personColumns+`, COALESCE(e.address, '') FROM person p LEFT JOIN person_email e ON e.person = p.id AND e.is_primary
		WHERE p.id > $1 ORDER BY p.id LIMIT $2`, string(after), limit)
}

func insertPerson(ctx context.Context, tx store.Tx, p Person) error {
	_, err := tx.Exec(ctx, `INSERT INTO person (id, subject, name, locale, zone, theme, status, created_at, last_active_on)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		string(p.ID), p.Subject, p.Name, string(p.Locale), p.Zone, string(p.Theme), string(p.Status), p.CreatedAt, p.LastActiveOn)
	return err
}

func insertEmail(ctx context.Context, tx store.Tx, person id.Person, a Address, now instant.Instant) error {
	_, err := tx.Exec(ctx, `INSERT INTO person_email (id, person, address, address_key, verified_at, is_primary) VALUES ($1, $2, $3, $4, $5, TRUE)`,
		string(id.NewEmail()), string(person), a.String(), a.Key(), now)
	return err
}

func updateProfile(ctx context.Context, tx store.Tx, p Person) error {
	_, err := tx.Exec(ctx, `UPDATE person SET name = $1, locale = $2, zone = $3, theme = $4 WHERE id = $5`,
		p.Name, string(p.Locale), p.Zone, string(p.Theme), string(p.ID))
	return err
}

func markActive(ctx context.Context, tx store.Tx, person id.Person, day instant.Date) error {
	_, err := tx.Exec(ctx, `UPDATE person SET last_active_on = $1 WHERE id = $2 AND (last_active_on IS NULL OR last_active_on < $1)`, day, string(person))
	return err
}

func listEmails(ctx context.Context, r store.Reader, person id.Person) ([]Email, error) {
	return store.All(ctx, r, func(s store.Scanner) (Email, error) {
		var e Email
		err := s.Scan(&e.ID, &e.Address, &e.VerifiedAt, &e.Primary)
		return e, err
	}, `SELECT id, address, verified_at, is_primary FROM person_email WHERE person = $1 ORDER BY is_primary DESC, id`, string(person))
}

// --- challenges

const challengeColumns = `id, purpose, address, address_key, COALESCE(code_mac, ''), COALESCE(browser_hash, ''), tries, locale, next, data, mailed_at, expires_at, consumed_at`

func scanChallenge(s store.Scanner) (challenge, error) {
	var c challenge
	var data string
	err := s.Scan(&c.id, &c.purpose, &c.address, &c.key, &c.codeMAC, &c.browserHash, &c.tries, &c.locale, &c.next, &data, &c.mailedAt, &c.expiresAt, &c.consumedAt)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal([]byte(data), &c.data); err != nil {
		return c, fmt.Errorf("read data of challenge %s: %w", c.id, err)
	}
	return c, nil
}

func insertChallenge(ctx context.Context, tx store.Tx, c challenge, tokenHash string, now instant.Instant) error {
	data, err := json.Marshal(c.data)
	if err != nil {
		return fmt.Errorf("write data of challenge: %w", err)
	}
	_, err = tx.Exec(ctx, `INSERT INTO challenge (id, purpose, address, address_key, token_hash, browser_hash, tries, locale, next, data, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10, $11)`,
		string(c.id), string(c.purpose), c.address, c.key, null(tokenHash), null(c.browserHash), string(c.locale), c.next, string(data), now, c.expiresAt)
	return err
}

func findChallenge(ctx context.Context, r store.Reader, ch id.Challenge) (challenge, bool, error) {
	return store.Find(ctx, r, scanChallenge, `SELECT `+challengeColumns+` FROM challenge WHERE id = $1`, string(ch))
}

func findOpenByToken(ctx context.Context, r store.Reader, tokenHash string, now instant.Instant) (challenge, bool, error) {
	return store.Find(ctx, r, scanChallenge, `SELECT `+challengeColumns+` FROM challenge WHERE token_hash = $1 AND consumed_at IS NULL AND expires_at > $2`, tokenHash, now)
}

// armChallenge gives a challenge its secrets, or only notes that a letter without them has gone.
func armChallenge(ctx context.Context, tx store.Tx, ch id.Challenge, tokenHash, codeMAC string, now instant.Instant) error {
	_, err := tx.Exec(ctx, `UPDATE challenge SET token_hash = $1, code_mac = $2, mailed_at = $3 WHERE id = $4`, null(tokenHash), null(codeMAC), now, string(ch))
	return err
}

// takeByToken consumes the challenge of a link. The claim is the UPDATE itself: of any number of parallel
// tries one changes the row. false when it is unknown, used or over.
func takeByToken(ctx context.Context, tx store.Tx, tokenHash string, now instant.Instant) (challenge, bool, error) {
	return store.Find(ctx, tx, scanChallenge, `UPDATE challenge SET consumed_at = $1 WHERE token_hash = $2 AND consumed_at IS NULL AND expires_at > $1
		RETURNING `+challengeColumns, now, tokenHash)
}

// tryCode counts one try of the asking browser. false when there is nothing to try any more.
func tryCode(ctx context.Context, tx store.Tx, ch id.Challenge, browserHash string, now instant.Instant) (challenge, bool, error) {
	return store.Find(ctx, tx, scanChallenge, `UPDATE challenge SET tries = tries + 1
		WHERE id = $1 AND browser_hash = $2 AND consumed_at IS NULL AND expires_at > $3 AND tries < $4 RETURNING `+challengeColumns,
		string(ch), browserHash, now, maxTries)
}

// takeByID consumes a challenge whose code was right; false when somebody was faster.
func takeByID(ctx context.Context, tx store.Tx, ch id.Challenge, now instant.Instant) (bool, error) {
	n, err := store.Affected(tx.Exec(ctx, `UPDATE challenge SET consumed_at = $1 WHERE id = $2 AND consumed_at IS NULL`, now, string(ch)))
	return n == 1, err
}

// --- sessions

func insertSession(ctx context.Context, tx store.Tx, s sessionRow, tokenHash, browserHash string) error {
	_, err := tx.Exec(ctx, `INSERT INTO session (id, token_hash, person, method, browser_hash, device, started_at, seen_at, idle_until, ends_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9)`,
		string(s.id), tokenHash, string(s.person.ID), string(s.method), null(browserHash), s.device, s.startedAt, s.idleUntil, s.endsAt)
	return err
}

// findSession reads a session with its person and when the person's role of platform admin ends: none
// without the role. A role for good is stored without an end and read as the far future.
func findSession(ctx context.Context, r store.Reader, tokenHash string, now instant.Instant) (sessionRow, bool, error) {
	return store.Find(ctx, r, func(sc store.Scanner) (sessionRow, error) {
		var s sessionRow
		err := sc.Scan(append([]any{&s.id, &s.device, &s.startedAt, &s.seenAt, &s.idleUntil, &s.endsAt, &s.revokedAt, &s.adminUntil}, personFields(&s.person)...)...)
		return s, err
	}, `SELECT s.id, s.device, s.started_at, s.seen_at, s.idle_until, s.ends_at, s.revoked_at,
		(SELECT MAX(COALESCE(a.until_at, $2)) FROM platform_role a WHERE a.person = p.id AND a.role = 'admin' AND a.from_at <= $3 AND (a.until_at IS NULL OR a.until_at > $3)), `+
		personColumns+` FROM session s JOIN person p ON p.id = s.person WHERE s.token_hash = $1`, tokenHash, farFuture, now)
}

func touchSession(ctx context.Context, tx store.Tx, s sessionRow, now instant.Instant) (bool, error) {
	n, err := store.Affected(tx.Exec(ctx, `UPDATE session SET seen_at = $1, idle_until = $2 WHERE id = $3 AND revoked_at IS NULL AND seen_at <= $4`,
		now, s.idleAfter(now), string(s.id), now.Add(-seenStep)))
	return n == 1, err
}

func listSessions(ctx context.Context, r store.Reader, person id.Person, now instant.Instant) ([]SessionInfo, error) {
	return store.All(ctx, r, func(s store.Scanner) (SessionInfo, error) {
		var i SessionInfo
		err := s.Scan(&i.ID, &i.Device, &i.StartedAt, &i.SeenAt)
		return i, err
	}, `SELECT id, device, started_at, seen_at FROM session WHERE person = $1 AND revoked_at IS NULL AND idle_until > $2 ORDER BY seen_at DESC, id`, string(person), now)
}

// endSession ends one open session of the person; false when there is none of that id.
func endSession(ctx context.Context, tx store.Tx, person id.Person, session id.Session, why string, now instant.Instant) (bool, error) {
	n, err := store.Affected(tx.Exec(ctx, `UPDATE session SET revoked_at = $1, why = $2 WHERE id = $3 AND person = $4 AND revoked_at IS NULL AND idle_until > $1`,
		now, why, string(session), string(person)))
	return n == 1, err
}

// endOthers ends all open sessions of the person but keep.
func endOthers(ctx context.Context, tx store.Tx, person id.Person, keep id.Session, why string, now instant.Instant) (int64, error) {
	return store.Affected(tx.Exec(ctx, `UPDATE session SET revoked_at = $1, why = $2 WHERE person = $3 AND id <> $4 AND revoked_at IS NULL AND idle_until > $1`,
		now, why, string(person), string(keep)))
}

// endInBrowser ends the sessions which the person has in a browser that signs in anew.
func endInBrowser(ctx context.Context, tx store.Tx, person id.Person, browserHash, why string, now instant.Instant) (int64, error) {
	return store.Affected(tx.Exec(ctx, `UPDATE session SET revoked_at = $1, why = $2 WHERE person = $3 AND browser_hash = $4 AND revoked_at IS NULL AND idle_until > $1`,
		now, why, string(person), browserHash))
}

// seenBrowsers counts the person's kept sessions, and those among them of this browser.
func seenBrowsers(ctx context.Context, r store.Reader, person id.Person, browserHash string) (all, same int, err error) {
	err = r.QueryRow(ctx, `SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN browser_hash = $2 THEN 1 ELSE 0 END), 0) AS BIGINT) FROM session WHERE person = $1`,
		string(person), browserHash).Scan(&all, &same)
	return all, same, err
}

func findSessionNotice(ctx context.Context, r store.Reader, session id.Session) (sessionRow, bool, error) {
	return store.Find(ctx, r, func(sc store.Scanner) (sessionRow, error) {
		var s sessionRow
		err := sc.Scan(append([]any{&s.id, &s.device, &s.startedAt}, personFields(&s.person)...)...)
		return s, err
	}, `SELECT s.id, s.device, s.started_at, `+personColumns+` FROM session s JOIN person p ON p.id = s.person WHERE s.id = $1`, string(session))
}

// --- rate buckets

func loadSlots(ctx context.Context, r store.Reader, key string, since instant.Instant) ([]slotHits, error) {
	return store.All(ctx, r, func(s store.Scanner) (slotHits, error) {
		var h slotHits
		err := s.Scan(&h.slot, &h.hits)
		return h, err
	}, `SELECT slot, hits FROM rate_bucket WHERE bucket_key = $1 AND slot > $2 ORDER BY slot`, key, since)
}

func addHit(ctx context.Context, tx store.Tx, key string, slot, diesAt instant.Instant) error {
	_, err := tx.Exec(ctx, `INSERT INTO rate_bucket (bucket_key, slot, hits, dies_at) VALUES ($1, $2, 1, $3)
		ON CONFLICT (bucket_key, slot) DO UPDATE SET hits = rate_bucket.hits + 1`, key, slot, diesAt)
	return err
}

// --- platform roles

func insertRole(ctx context.Context, tx store.Tx, person id.Person, role Role, from, until instant.Instant, by string) error {
	_, err := tx.Exec(ctx, `INSERT INTO platform_role (person, role, from_at, until_at, granted_by) VALUES ($1, $2, $3, $4, $5)`,
		string(person), string(role), from, until, by)
	return err
}

func holdsRole(ctx context.Context, r store.Reader, person id.Person, role Role, now instant.Instant) (bool, error) {
	var n int
	err := r.QueryRow(ctx, `SELECT COUNT(*) FROM platform_role WHERE person = $1 AND role = $2 AND (until_at IS NULL OR until_at > $3)`,
		string(person), string(role), now).Scan(&n)
	return n > 0, err
}

func endRole(ctx context.Context, tx store.Tx, person id.Person, role Role, now instant.Instant) (bool, error) {
	n, err := store.Affected(tx.Exec(ctx, `UPDATE platform_role SET until_at = $1 WHERE person = $2 AND role = $3 AND (until_at IS NULL OR until_at > $1)`,
		now, string(person), string(role)))
	return n > 0, err
}

// --- audit

func insertEvent(ctx context.Context, tx store.Tx, e Event, at instant.Instant, detail string) error {
	_, err := tx.Exec(ctx, `INSERT INTO audit_event (id, at, actor_kind, actor, session, door, action, object, member, reason, detail)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		string(id.NewEvent()), at, string(e.Actor.Kind), null(e.Actor.Person), null(e.Actor.Session), string(e.Actor.Door),
		e.Action, e.Object, null(e.Member), e.Reason, detail)
	return err
}

func listEvents(ctx context.Context, r store.Reader, f AuditFilter) ([]Recorded, error) {
	where, args := []string{"id < $1"}, []any{string(f.Before)}
	if f.Before == "" {
		where[0], args[0] = "id > $1", "" // from the newest
	}
	for _, c := range []struct{ column, value string }{{"member", string(f.Member)}, {"actor", string(f.Person)}, {"object", f.Object}, {"action", f.Action}} {
		if c.value != "" {
			args = append(args, c.value)
			where = append(where, c.column+" = $"+strconv.Itoa(len(args)))
		}
	}
	args = append(args, f.Limit)
	return store.All(ctx, r, func(s store.Scanner) (Recorded, error) {
		var e Recorded
		var detail string
		err := s.Scan(&e.ID, &e.At, &e.Actor.Kind, &e.Actor.Person, &e.Actor.Session, &e.Actor.Door, &e.Action, &e.Object, &e.Member, &e.Reason, &detail)
		if err != nil {
			return e, err
		}
		return e, json.Unmarshal([]byte(detail), &e.Detail)
	}, `SELECT id, at, actor_kind, COALESCE(actor, ''), COALESCE(session, ''), door, action, object, COALESCE(member, ''), reason, detail
		FROM audit_event WHERE `+strings.Join(where, " AND ")+` ORDER BY id DESC LIMIT $`+strconv.Itoa(len(args)), args...)
}

// --- retention

func deleteChallenges(ctx context.Context, tx store.Tx, before instant.Instant) (int64, error) {
	return store.Affected(tx.Exec(ctx, `DELETE FROM challenge WHERE expires_at < $1`, before))
}

func deleteSessions(ctx context.Context, tx store.Tx, before instant.Instant) (int64, error) {
	return store.Affected(tx.Exec(ctx, `DELETE FROM session WHERE idle_until < $1 OR revoked_at < $1`, before))
}

func deleteBuckets(ctx context.Context, tx store.Tx, now instant.Instant) (int64, error) {
	return store.Affected(tx.Exec(ctx, `DELETE FROM rate_bucket WHERE dies_at < $1`, now))
}
