// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"context"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/usage"
)

const waiterColumns = `id, room, person_key, COALESCE(person, ''), name, role, owner, kind, code_given, told, since, seen_at, sent_as`

func scanWaiter(s store.Scanner) (waiter, error) {
	var w waiter
	err := s.Scan(&w.ID, &w.Room, keyText{&w.Key}, &w.Person, &w.Name, &w.Role, &w.Owner, &w.Kind, &w.CodeGiven, &w.Told, &w.Since, &w.SeenAt, &w.SentAs)
	return w, err
}

func waiterByKey(ctx context.Context, r store.Reader, room id.Room, key usage.PersonKey) (waiter, bool, error) {
	return store.Find(ctx, r, scanWaiter, `SELECT `+waiterColumns+` FROM live_waiting WHERE room = $1 AND person_key = $2`, string(room), key.String())
}

func waiterByID(ctx context.Context, r store.Reader, room id.Room, w id.Participant) (waiter, bool, error) {
	return store.Find(ctx, r, scanWaiter, `SELECT `+waiterColumns+` FROM live_waiting WHERE room = $1 AND id = $2`, string(room), string(w))
}

// putWaiter writes somebody at the door and returns the id they have there: that of before, if any, as two tabs may
// come at once.
func putWaiter(ctx context.Context, tx store.Tx, w waiter) (id.Participant, error) {
	var kept id.Participant
	err := tx.QueryRow(ctx, `INSERT INTO live_waiting (id, room, person_key, person, name, role, owner, kind, code_given, told, since, seen_at, sent_as)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, '', $10, $11, $12)
		ON CONFLICT (room, person_key) DO UPDATE SET person = excluded.person, name = excluded.name, role = excluded.role, owner = excluded.owner,
			kind = excluded.kind, code_given = excluded.code_given, told = '', since = excluded.since, seen_at = excluded.seen_at
		RETURNING id`,
		string(w.ID), string(w.Room), w.Key.String(), orNull(w.Person), w.Name, string(w.Role), w.Owner, string(w.Kind), w.CodeGiven, w.Since, w.SeenAt, w.SentAs).Scan(&kept)
	return kept, err
}

func setWaiterKind(ctx context.Context, tx store.Tx, w id.Participant, kind waitingKind, told string) error {
	_, err := tx.Exec(ctx, `UPDATE live_waiting SET kind = $2, told = $3 WHERE id = $1`, string(w), string(kind), told)
	return err
}

func markSeen(ctx context.Context, tx store.Tx, w id.Participant, now, before instant.Instant) error {
	_, err := tx.Exec(ctx, `UPDATE live_waiting SET seen_at = $2 WHERE id = $1 AND seen_at < $3`, string(w), now, before)
	return err
}

func dropWaiter(ctx context.Context, tx store.Tx, w id.Participant) error {
	_, err := tx.Exec(ctx, `DELETE FROM live_waiting WHERE id = $1`, string(w))
	return err
}

func dropSilentWaiter(ctx context.Context, tx store.Tx, w id.Participant, seen instant.Instant) (bool, error) {
	n, err := store.Affected(tx.Exec(ctx, `DELETE FROM live_waiting WHERE id = $1 AND seen_at = $2`, string(w), seen))
	return n > 0, err
}

// silentWaiters returns who has not been heard of: those who wait since silent, those who were turned away since kept.
func silentWaiters(ctx context.Context, r store.Reader, silent, kept instant.Instant) ([]waiter, error) {
	return store.All(ctx, r, scanWaiter, `SELECT `+waiterColumns+` FROM live_waiting
		WHERE seen_at < $1 AND (kind NOT IN ('refused', 'denied') OR seen_at < $2) ORDER BY seen_at LIMIT 200`, silent, kept)
}

// waitersToStart has who waited for a moderator or a seat wait for the next meeting.
func waitersToStart(ctx context.Context, tx store.Tx, room id.Room) error {
	_, err := tx.Exec(ctx, `UPDATE live_waiting SET kind = 'start' WHERE room = $1 AND kind IN ('door', 'seat')`, string(room))
	return err
}

// dropWaitersAt sends everybody at a door home.
func dropWaitersAt(ctx context.Context, tx store.Tx, room id.Room) error {
	_, err := tx.Exec(ctx, `DELETE FROM live_waiting WHERE room = $1`, string(room))
	return err
}

// lobbyOf returns who waits for a moderator, first come first.
func lobbyOf(ctx context.Context, r store.Reader, room id.Room) ([]Waiting, error) {
	return store.All(ctx, r, func(s store.Scanner) (Waiting, error) {
		var w Waiting
		err := s.Scan(&w.ID, &w.Name, &w.Since)
		return w, err
	}, `SELECT id, name, since FROM live_waiting WHERE room = $1 AND kind = 'door' ORDER BY since, id`, string(room))
}

// --- wrong codes ---

// codeTriesOf returns how often guest and client gave a wrong code since the given moment.
func codeTriesOf(ctx context.Context, r store.Reader, room id.Room, guest, client string, since instant.Instant) (tries, error) {
	var t tries
	_, err := store.All(ctx, r, func(s store.Scanner) (struct{}, error) {
		var who string
		var n int
		var first instant.Instant
		err := s.Scan(&who, &n, &first)
		if who == guest {
			t.Guest, t.GuestSince = n, first
		} else {
			t.Address, t.AddressSince = n, first
		}
		return struct{}{}, err
	}, `SELECT who, tries, since FROM live_code_try WHERE room = $1 AND who IN ($2, $3) AND since > $4`, string(room), guest, client, since)
	return t, err
}

// countTry counts a wrong code; tries that began before the given moment are forgotten.
func countTry(ctx context.Context, tx store.Tx, room id.Room, who string, now, since instant.Instant) error {
	_, err := tx.Exec(ctx, `INSERT INTO live_code_try (room, who, tries, since) VALUES ($1, $2, 1, $3)
		ON CONFLICT (room, who) DO UPDATE SET
			tries = CASE WHEN live_code_try.since > $4 THEN live_code_try.tries + 1 ELSE 1 END,
			since = CASE WHEN live_code_try.since > $4 THEN live_code_try.since ELSE excluded.since END`,
		string(room), who, now, since)
	return err
}

func deleteTries(ctx context.Context, tx store.Tx, before instant.Instant) error {
	_, err := tx.Exec(ctx, `DELETE FROM live_code_try WHERE since < $1`, before)
	return err
}

// --- lists ---

var nowRows = store.NewIn(`SELECT m.room, m.meeting, m.started_at, m.deadline_at,
		(SELECT COUNT(*) FROM live_participant p WHERE p.meeting = m.meeting AND p.state = 'inside'),
		(SELECT COUNT(*) FROM live_participant p WHERE p.meeting = m.meeting AND p.state IN ('connecting', 'inside', 'away')),
		(SELECT COUNT(*) FROM live_waiting w WHERE w.room = m.room AND w.kind = 'door')
	FROM live_meeting m WHERE m.ended_at IS NULL AND m.room IN`, 0, ``)

// nowIn returns what runs in the rooms, in one query for each 64.
func nowIn(ctx context.Context, r store.Reader, rooms []id.Room) (map[id.Room]Now, error) {
	keys := make([]string, len(rooms))
	for i, room := range rooms {
		keys[i] = string(room)
	}
	out := map[id.Room]Now{}
	err := nowRows.Each(ctx, r, nil, keys, ``, func(s store.Scanner) error {
		var n Now
		err := s.Scan(&n.Room, &n.Meeting, &n.Since, &n.DeadlineAt, &n.Inside, &n.Seated, &n.Waiting)
		out[n.Room] = n
		return err
	})
	return out, err
}
