// SPDX-License-Identifier: AGPL-3.0-or-later

package usage

import (
	"context"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

var insertFacts = store.NewRows(`INSERT INTO usage_fact (member, at, id, connection, meeting, kind, person_key, n, code) VALUES `, 9, ``)

func (w row) args(to []any) []any {
	return append(to, string(w.Member), w.At, string(w.id), null(w.Connection), null(w.Meeting), string(w.Kind), null(w.key), w.N, w.Code)
}

// null turns the "none" of text columns into NULL.
func null[T ~string](s T) any {
	if s == "" {
		return nil
	}
	return string(s)
}

// open is a refusal already stored, young enough to take further attempts.
type open struct {
	At instant.Instant
	id id.Usage
}

var selectRefusals = store.NewIn(`SELECT at, id, COALESCE(connection, ''), COALESCE(meeting, ''), person_key, code
	FROM usage_fact WHERE kind = 'refused' AND at > $1 AND person_key IN`, 1, ``)

func openRefusals(ctx context.Context, r store.Reader, refused []row) (map[attempt]open, error) {
	if len(refused) == 0 {
		return nil, nil
	}
	found := map[attempt]open{}
	keys := make([]string, 0, len(refused))
	since := refused[0].At
	for _, w := range refused {
		keys = append(keys, w.key)
		since = instant.Earlier(since, w.At)
	}
	err := selectRefusals.Each(ctx, r, []any{since.Add(-refusalSpan)}, keys, ``, func(s store.Scanner) error {
		var o open
		var a attempt
		if err := s.Scan(&o.At, &o.id, &a.connection, &a.meeting, &a.key, &a.code); err != nil {
			return err
		}
		if o.At.After(found[a].At) {
			found[a] = o
		}
		return nil
	})
	return found, err
}

func addAttempts(ctx context.Context, tx store.Tx, o open, n int) error {
	_, err := tx.Exec(ctx, `UPDATE usage_fact SET n = n + $1 WHERE at = $2 AND id = $3`, n, o.At, string(o.id))
	return err
}

func findKey(ctx context.Context, r store.Reader, day instant.Date) (string, bool, error) {
	return store.Find(ctx, r, store.Value[string], `SELECT secret FROM usage_key WHERE day = $1`, day)
}

func insertKey(ctx context.Context, tx store.Tx, day instant.Date, secret string) error {
	_, err := tx.Exec(ctx, `INSERT INTO usage_key (day, secret) VALUES ($1, $2) ON CONFLICT (day) DO NOTHING`, day, secret)
	return err
}

func deleteKeysBefore(ctx context.Context, tx store.Tx, day instant.Date) error {
	_, err := tx.Exec(ctx, `DELETE FROM usage_key WHERE day < $1`, day)
	return err
}

// deleteFacts removes some of the facts before an instant, oldest first, and returns how many.
func deleteFacts(ctx context.Context, tx store.Tx, before instant.Instant, most int) (int64, error) {
	return store.Affected(tx.Exec(ctx, `DELETE FROM usage_fact WHERE at < $1 AND id IN (SELECT id FROM usage_fact WHERE at < $1 ORDER BY at, id LIMIT $2)`, before, most))
}

type event struct {
	at         instant.Instant
	kind       Kind
	connection id.Connection
	meeting    id.Meeting
	ofMember   bool // carries no meeting
	n          int
	code       string
}

func scanEvent(s store.Scanner) (event, error) {
	var e event
	err := s.Scan(&e.at, &e.kind, &e.connection, &e.meeting, &e.n, &e.code)
	e.ofMember = e.meeting == ""
	return e, err
}

// rareFacts reads what charts need, and not joined and left, the many. The second condition
// on kind repeats that of the partial index word for word, or SQLite would not use it.
func rareFacts(ctx context.Context, r store.Reader, member id.Member, from, until instant.Instant) ([]event, error) {
	return store.All(ctx, r, scanEvent, `SELECT at, kind, COALESCE(connection, ''), COALESCE(meeting, ''), n, code FROM usage_fact
		WHERE member = $1 AND kind IN ('refused', 'ended', 'peak', 'seated') AND kind NOT IN ('joined', 'left') AND at >= $2 AND at < $3 ORDER BY at`,
		string(member), from, until)
}

func personsThatLeft(ctx context.Context, r store.Reader, member id.Member, meeting id.Meeting, since instant.Instant, expired string) ([]string, error) {
	return store.All(ctx, r, store.Value[string], `SELECT person_key FROM usage_fact
		WHERE at >= $1 AND member = $2 AND kind = 'left' AND meeting = $3 AND code <> $4 AND person_key IS NOT NULL`,
		since, string(member), string(meeting), expired)
}
