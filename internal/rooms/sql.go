// SPDX-License-Identifier: AGPL-3.0-or-later

package rooms

import (
	"context"
	"strings"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// placed is a room with its place (1 is first) among the open rooms of its member; 0 when archived.
type placed struct {
	Room
	place int
}

const roomColumns = `id, member, owner, slug, name, access_code, waiting_room, may_start, may_enter, mute_on_entry, pinned, version, created_at, archived_at, last_used_at`

func roomDest(r *Room) []any {
	return []any{&r.ID, &r.Member, &r.Owner, &r.Slug, &r.Name, &r.Settings.AccessCode, &r.Settings.WaitingRoom, &r.Settings.MayStart,
		&r.Settings.MayEnter, &r.Settings.MuteOnEntry, &r.Pinned, &r.Version, &r.CreatedAt, &r.ArchivedAt, &r.LastUsedAt}
}

func scanRoom(s store.Scanner) (Room, error) {
	var r Room
	err := s.Scan(roomDest(&r)...)
	return r, err
}

func scanPlaced(s store.Scanner) (placed, error) {
	var p placed
	err := s.Scan(append(roomDest(&p.Room), &p.place)...)
	return p, err
}

// withPlaces selects rooms with their places among the open rooms of the same member (see asleep); which names the
// rooms wanted, from a query that may be read twice.
func withPlaces(which string) string {
	return `WITH ` + which + `, ranked AS (
		SELECT id, ROW_NUMBER() OVER (PARTITION BY member ORDER BY pinned DESC, last_used_at DESC NULLS LAST, id) AS place
		FROM room WHERE archived_at IS NULL AND member IN (SELECT member FROM room WHERE id IN (SELECT room FROM wanted))
	) SELECT r.` + strings.ReplaceAll(roomColumns, ", ", ", r.") + `, COALESCE(ranked.place, 0)`
}

var (
	sqlBySlug = withPlaces(`wanted AS (SELECT id AS room FROM room WHERE slug = $1)`) + `
	FROM wanted JOIN room r ON r.id = wanted.room LEFT JOIN ranked ON ranked.id = r.id`
	sqlByID = withPlaces(`wanted AS (SELECT id AS room FROM room WHERE id = $1)`) + `
	FROM wanted JOIN room r ON r.id = wanted.room LEFT JOIN ranked ON ranked.id = r.id`
)

func roomBySlug(ctx context.Context, r store.Reader, slug string) (placed, bool, error) {
	return store.Find(ctx, r, scanPlaced, sqlBySlug, slug)
}

func roomByID(ctx context.Context, r store.Reader, room id.Room) (placed, bool, error) {
	return store.Find(ctx, r, scanPlaced, sqlByID, room)
}

func plainRoom(ctx context.Context, r store.Reader, room id.Room) (Room, bool, error) {
	return store.Find(ctx, r, scanRoom, `SELECT `+roomColumns+` FROM room WHERE id = $1`, room)
}

var selectNames = store.NewIn(`SELECT id, name FROM room WHERE id IN`, 0, ``)

// Names returns the names of rooms, in one query for each 64. It joins r.
func Names(ctx context.Context, r store.Reader, rooms []id.Room) (map[id.Room]string, error) {
	keys := make([]string, len(rooms))
	for i, room := range rooms {
		keys[i] = string(room)
	}
	out := make(map[id.Room]string, len(rooms))
	err := selectNames.Each(ctx, r, nil, keys, ``, func(s store.Scanner) error {
		var room id.Room
		var name string
		err := s.Scan(&room, &name)
		out[room] = name
		return err
	})
	return out, err
}

type listed struct {
	placed
	role Role
}

// The own rooms and those the person is listed in, by id or by a proven address; the better role when by both.
var sqlRoomsFor = withPlaces(`mine AS (
	SELECT id AS room, 'moderator' AS role FROM room WHERE owner = $1
	UNION ALL
	SELECT room, role FROM room_person
	WHERE subject = $1 OR subject IN (SELECT 'mail:' || address_key FROM person_email WHERE person = $1)
), wanted AS (SELECT room, MIN(role) AS role FROM mine GROUP BY room)`) + `, wanted.role
FROM wanted JOIN room r ON r.id = wanted.room JOIN ranked ON ranked.id = r.id
ORDER BY CASE WHEN r.owner = $1 THEN 0 ELSE 1 END, r.last_used_at DESC NULLS LAST, r.id`

func roomsFor(ctx context.Context, r store.Reader, person id.Person) ([]listed, error) {
	return store.All(ctx, r, func(s store.Scanner) (listed, error) {
		var l listed
		err := s.Scan(append(roomDest(&l.Room), &l.place, &l.role)...)
		return l, err
	}, sqlRoomsFor, person)
}

func archivedOf(ctx context.Context, r store.Reader, owner id.Person) ([]Room, error) {
	return store.All(ctx, r, scanRoom, `SELECT `+roomColumns+` FROM room WHERE owner = $1 AND archived_at IS NOT NULL ORDER BY archived_at DESC, id`, owner)
}

func insertRoom(ctx context.Context, tx store.Tx, r Room) error {
	_, err := tx.Exec(ctx, `INSERT INTO room (`+roomColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		r.ID, r.Member, r.Owner, r.Slug, r.Name, r.Settings.AccessCode, r.Settings.WaitingRoom, r.Settings.MayStart, r.Settings.MayEnter,
		r.Settings.MuteOnEntry, r.Pinned, r.Version, r.CreatedAt, r.ArchivedAt, r.LastUsedAt)
	return err
}

func updateRoom(ctx context.Context, tx store.Tx, r Room) error {
	_, err := tx.Exec(ctx, `UPDATE room SET name = $2, access_code = $3, waiting_room = $4, may_start = $5, may_enter = $6,
		mute_on_entry = $7, pinned = $8, version = $9, archived_at = $10 WHERE id = $1`,
		r.ID, r.Name, r.Settings.AccessCode, r.Settings.WaitingRoom, r.Settings.MayStart, r.Settings.MayEnter,
		r.Settings.MuteOnEntry, r.Pinned, r.Version, r.ArchivedAt)
	return err
}

const sqlUsed = `UPDATE room SET last_used_at = $2 WHERE id = $1`

// movePlace changes the number of open rooms of a member and returns the new one. The row is made first: the check that
// it is not negative would refuse the -1 of an INSERT before its ON CONFLICT is looked at.
func movePlace(ctx context.Context, tx store.Tx, member id.Member, by int) (int, error) {
	if _, err := tx.Exec(ctx, `INSERT INTO room_count (member, open) VALUES ($1, 0) ON CONFLICT (member) DO NOTHING`, member); err != nil {
		return 0, err
	}
	var n int
	err := tx.QueryRow(ctx, `UPDATE room_count SET open = open + $2 WHERE member = $1 RETURNING open`, member, by).Scan(&n)
	return n, err
}

func openPlaces(ctx context.Context, r store.Reader, member id.Member) (int, error) {
	n, _, err := store.Find(ctx, r, store.Value[int], `SELECT open FROM room_count WHERE member = $1`, member)
	return n, err
}

// listedRole returns the role the person is listed with, by id or by a proven address; the better one when by both.
func listedRole(ctx context.Context, r store.Reader, room id.Room, person id.Person) (Role, bool, error) {
	return store.Find(ctx, r, store.Value[Role], `SELECT role FROM room_person WHERE room = $1
		AND (subject = $2 OR subject IN (SELECT 'mail:' || address_key FROM person_email WHERE person = $2))
		ORDER BY role LIMIT 1`, room, person)
}

func putPerson(ctx context.Context, tx store.Tx, room id.Room, subject string, role Role, now instant.Instant) error {
	_, err := tx.Exec(ctx, `INSERT INTO room_person (room, subject, role, added_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT (room, subject) DO UPDATE SET role = $3`, room, subject, role, now)
	return err
}

func dropPerson(ctx context.Context, tx store.Tx, room id.Room, subject string) (bool, error) {
	n, err := store.Affected(tx.Exec(ctx, `DELETE FROM room_person WHERE room = $1 AND subject = $2`, room, subject))
	return n > 0, err
}

func countPeople(ctx context.Context, r store.Reader, room id.Room) (int, error) {
	n, _, err := store.Find(ctx, r, store.Value[int], `SELECT COUNT(*) FROM room_person WHERE room = $1`, room)
	return n, err
}

func peopleOf(ctx context.Context, r store.Reader, room id.Room) ([]Person, error) {
	return store.All(ctx, r, func(s store.Scanner) (Person, error) {
		var p Person
		err := s.Scan(&p.Subject, &p.Role, &p.AddedAt, &p.Person, &p.Name)
		if p.Person == "" {
			p.Address = strings.TrimPrefix(p.Subject, mailSubject)
		}
		return p, err
	}, `SELECT rp.subject, rp.role, rp.added_at, COALESCE(p.id, ''), COALESCE(p.name, '') FROM room_person rp
		LEFT JOIN person p ON p.id = rp.subject WHERE rp.room = $1 ORDER BY rp.added_at, rp.subject`, room)
}
