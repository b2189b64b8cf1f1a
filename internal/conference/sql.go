// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"encoding/json"

	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

const columns = `x.meeting, x.server_key, x.internal_id, x.create_time, x.create_times, x.title, x.attendee_pw, x.moderator_pw, x.guest_policy, x.reply, x.query, x.end_urls,
	x.node, x.reserved_until, x.recordings, x.adopted, s.seen_at, COALESCE(s.running, $1), COALESCE(s.people, 0), COALESCE(s.xml, '')`

const from = ` FROM conference x LEFT JOIN conference_seen s ON s.meeting = x.meeting `

// details are the columns of conference without the meeting, which fleet reads.
type details struct {
	*Conference

	times, urls string
}

func (d *details) dest() []any {
	c := d.Conference
	return []any{&c.ID, &c.ServerKey, &c.InternalID, &c.CreateTime, &d.times, &c.Title, &c.AttendeePW, &c.ModeratorPW, &c.GuestPolicy, &c.Reply, &c.Query, &d.urls,
		&c.Node, &c.Until, &c.Recordings, &c.Adopted, &c.Seen.At, &c.Seen.Running, &c.Seen.People, &c.Seen.XML}
}

// read takes the documents apart.
func (d *details) read() error {
	if err := readList(d.times, &d.CreateTimes); err != nil {
		return err
	}
	return readList(d.urls, &d.EndURLs)
}

// readList reads a document that mostly is empty.
func readList[T any](doc string, into *[]T) error {
	if doc == "[]" {
		*into = []T{}
		return nil
	}
	return json.Unmarshal([]byte(doc), into)
}

func scan(s store.Scanner) (Conference, error) {
	var c Conference
	d := details{Conference: &c}
	err := s.Scan(d.dest()...)
	if err == nil {
		err = d.read()
	}
	return c, err
}

// whole is a conference with its meeting: one statement, as every create of a meeting that runs asks for it.
const whole = `SELECT ` + fleet.MeetingColumns + `, ` + columns + fleet.FromMeeting + `JOIN conference x ON x.meeting = m.id LEFT JOIN conference_seen s ON s.meeting = x.meeting `

func scanWhole(s store.Scanner) (Conference, error) {
	var c Conference
	d := details{Conference: &c}
	err := fleet.ScanMeeting(s, &c.Meeting, d.dest()...)
	if err == nil {
		err = d.read()
	}
	return c, err
}

// of fills in what conference knows about a meeting; ok is false for a meeting that is no conference.
func of(ctx context.Context, r store.Reader, m fleet.Meeting) (Conference, bool, error) {
	c, ok, err := store.Find(ctx, r, scan, `SELECT `+columns+from+`WHERE x.meeting = $2`, false, string(m.ID))
	c.Meeting = m
	return c, ok, err
}

// open returns the open conference of an external id. It joins r.
func open(ctx context.Context, r store.Reader, connection id.Connection, external string) (Conference, bool, error) {
	return store.Find(ctx, r, scanWhole, whole+`WHERE m.connection = $2 AND m.external_id = $3 AND`+fleet.IsOpen, false, string(connection), external)
}

// byID returns a conference, open or over; ok is false for a meeting that is none. NotFound (meeting.unknown). It joins r.
func byID(ctx context.Context, r store.Reader, m id.Meeting) (Conference, bool, error) {
	if c, ok, err := store.Find(ctx, r, scanWhole, whole+`WHERE m.id = $2`, false, string(m)); ok || err != nil {
		return c, ok, err
	}
	f, err := fleet.ByID(ctx, r, m)
	if err != nil {
		return Conference{}, false, err
	}
	return of(ctx, r, f)
}

var wholeByID = store.NewIn(whole+`WHERE m.id IN`, 1, ``)

// byIDs returns conferences, open or over, in no order; up to 16 with one statement. It joins r.
func byIDs(ctx context.Context, r store.Reader, meetings []id.Meeting) ([]Conference, error) {
	keys := make([]string, len(meetings))
	for i, m := range meetings {
		keys[i] = string(m)
	}
	var out []Conference
	err := wholeByID.Each(ctx, r, []any{false}, keys, ``, func(s store.Scanner) error {
		c, err := scanWhole(s)
		out = append(out, c)
		return err
	})
	return out, err
}

// openByInternal finds an open conference by an internal id that any of its copies had. It joins r.
func openByInternal(ctx context.Context, r store.Reader, connection id.Connection, internal string) (Conference, bool, error) {
	m, ok, err := store.Find(ctx, r, store.Value[id.Meeting], `SELECT i.meeting FROM conference_internal i JOIN meeting m ON m.id = i.meeting
		WHERE i.internal_id = $1 AND m.connection = $2 AND m.state IN ('reserved', 'live', 'detached')`, internal, string(connection))
	if err != nil || !ok {
		return Conference{}, false, err
	}
	return byID(ctx, r, m)
}

// allOpen returns every open conference. It joins r.
func allOpen(ctx context.Context, r store.Reader) ([]Conference, error) {
	meetings, err := fleet.OpenOfClients(ctx, r)
	if err != nil {
		return nil, err
	}
	rows, err := store.All(ctx, r, scan, `SELECT `+columns+from+`JOIN meeting m ON m.id = x.meeting WHERE m.state IN ('reserved', 'live', 'detached')`, false)
	if err != nil {
		return nil, err
	}
	known := make(map[id.Meeting]fleet.Meeting, len(meetings))
	for _, m := range meetings {
		known[m.ID] = m
	}
	out := rows[:0]
	for _, c := range rows {
		if m, ok := known[c.ID]; ok {
			c.Meeting = m
			out = append(out, c)
		}
	}
	return out, nil
}

func (c *Conference) documents() (times, urls string, err error) {
	t, err := json.Marshal(orEmpty(c.CreateTimes))
	if err != nil {
		return "", "", err
	}
	u, err := json.Marshal(orEmpty(c.EndURLs))
	return string(t), string(u), err
}

func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

func insert(ctx context.Context, tx store.Tx, c Conference) error {
	times, urls, err := c.documents()
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO conference (meeting, server_key, internal_id, create_time, create_times, title, attendee_pw, moderator_pw, guest_policy, reply, query,
		end_urls, node, reserved_until, recordings, marks, adopted) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		string(c.ID), c.ServerKey, c.InternalID, c.CreateTime, times, c.Title, c.AttendeePW, c.ModeratorPW, c.GuestPolicy, c.Reply, c.Query,
		urls, string(c.Node), c.Until, c.Recordings, false, c.Adopted)
	return err
}

// update writes what a transition changes.
func update(ctx context.Context, tx store.Tx, c Conference) error {
	times, _, err := c.documents()
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE conference SET internal_id = $1, create_time = $2, create_times = $3, attendee_pw = $4, moderator_pw = $5, reply = $6, node = $7,
		reserved_until = $8 WHERE meeting = $9`, c.InternalID, c.CreateTime, times, c.AttendeePW, c.ModeratorPW, c.Reply, string(c.Node), c.Until, string(c.ID))
	return err
}

func insertInternal(ctx context.Context, tx store.Tx, now instant.Instant, c Conference) error {
	_, err := tx.Exec(ctx, `INSERT INTO conference_internal (internal_id, server, meeting, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		c.InternalID, string(c.Server), string(c.ID), now)
	return err
}

func saveSeen(ctx context.Context, tx store.Tx, m id.Meeting, s Seen) error {
	_, err := tx.Exec(ctx, `INSERT INTO conference_seen (meeting, seen_at, running, people, xml) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (meeting) DO UPDATE SET seen_at = excluded.seen_at, running = excluded.running, people = excluded.people, xml = excluded.xml`,
		string(m), s.At, s.Running, s.People, s.XML)
	return err
}

// forgetOpen deletes what is kept only while a meeting is open.
func forgetOpen(ctx context.Context, tx store.Tx, m id.Meeting) error {
	for _, text := range []string{`DELETE FROM conference_body WHERE meeting = $1`, `DELETE FROM conference_seen WHERE meeting = $1`} {
		if _, err := tx.Exec(ctx, text, string(m)); err != nil {
			return err
		}
	}
	return nil
}

type storedBody struct{ media, body string }

func saveBody(ctx context.Context, tx store.Tx, m id.Meeting, b storedBody) error {
	_, err := tx.Exec(ctx, `INSERT INTO conference_body (meeting, media, body) VALUES ($1, $2, $3)`, string(m), b.media, b.body)
	return err
}

func bodyOf(ctx context.Context, r store.Reader, m id.Meeting) (storedBody, bool, error) {
	return store.Find(ctx, r, func(s store.Scanner) (storedBody, error) {
		var b storedBody
		err := s.Scan(&b.media, &b.body)
		return b, err
	}, `SELECT media, body FROM conference_body WHERE meeting = $1`, string(m))
}

// overdue returns reserved and detached conferences whose time is over. It joins r.
func overdue(ctx context.Context, r store.Reader, now instant.Instant) ([]id.Meeting, error) {
	return store.All(ctx, r, store.Value[id.Meeting], `SELECT x.meeting FROM conference x JOIN meeting m ON m.id = x.meeting
		WHERE x.reserved_until <= $1 AND m.state IN ('reserved', 'detached') ORDER BY x.reserved_until LIMIT 100`, now)
}

// ByServerKey returns the open conference that servers know by a key, wherever it runs. It joins r.
func ByServerKey(ctx context.Context, r store.Reader, key string) (Conference, bool, error) {
	m, ok, err := store.Find(ctx, r, store.Value[id.Meeting], `SELECT x.meeting FROM conference x JOIN meeting m ON m.id = x.meeting
		WHERE x.server_key = $1 AND m.state IN ('reserved', 'live', 'detached')`, key)
	if err != nil || !ok {
		return Conference{}, false, err
	}
	return byID(ctx, r, m)
}

// namesServer reports whether the open meeting that servers know by key is on server. It joins r.
func namesServer(ctx context.Context, r store.Reader, key string, server id.Server) (bool, error) {
	n, _, err := store.Find(ctx, r, store.Value[int], `SELECT COUNT(*) FROM conference x JOIN meeting m ON m.id = x.meeting
		WHERE x.server_key = $1 AND m.server = $2 AND m.state IN ('reserved', 'live')`, key, string(server))
	return n > 0, err
}

// noteMarks keeps what a server said of recording marks at the end.
func noteMarks(ctx context.Context, tx store.Tx, m id.Meeting, marks bool) error {
	_, err := tx.Exec(ctx, `UPDATE conference SET marks = $1 WHERE meeting = $2`, marks, string(m))
	return err
}

func marksOf(ctx context.Context, r store.Reader, m id.Meeting) (bool, error) {
	marks, _, err := store.Find(ctx, r, store.Value[bool], `SELECT marks FROM conference WHERE meeting = $1`, string(m))
	return marks, err
}

// isOurs reports whether a meeting on a server has an id that we gave, or was adopted once: an id that another load balancer gave may be
// given again by it. It joins r.
func isOurs(ctx context.Context, r store.Reader, server id.Server, key, internal string) (bool, error) {
	n, _, err := store.Find(ctx, r, store.Value[int], `SELECT (SELECT COUNT(*) FROM conference WHERE server_key = $1 AND adopted = $2)
		+ (SELECT COUNT(*) FROM conference_internal WHERE internal_id = $3 AND server = $4)`, key, false, internal, string(server))
	return n > 0, err
}

func scanStub(s store.Scanner) (stub, error) {
	var v stub
	var doc string
	err := s.Scan(&v.Connection, &v.ExternalID, &v.CreateTime, &v.Code, &doc, &v.ExpiresAt)
	if err == nil {
		err = json.Unmarshal([]byte(doc), &v)
	}
	return v, err
}

const selectStub = `SELECT connection, external_id, create_time, code, detail, expires_at FROM conference_stub WHERE connection = $1 AND expires_at > $2`

func stubOf(ctx context.Context, r store.Reader, c id.Connection, external string, now instant.Instant) (stub, bool, error) {
	return store.Find(ctx, r, scanStub, selectStub+` AND external_id = $3`, string(c), now, external)
}

func stubsOf(ctx context.Context, r store.Reader, c id.Connection, now instant.Instant) ([]stub, error) {
	return store.All(ctx, r, scanStub, selectStub+` ORDER BY create_time, external_id`, string(c), now)
}

func countStubs(ctx context.Context, r store.Reader, c id.Connection, now instant.Instant) (int, error) {
	n, _, err := store.Find(ctx, r, store.Value[int], `SELECT COUNT(*) FROM conference_stub WHERE connection = $1 AND expires_at > $2`, string(c), now)
	return n, err
}

func saveStub(ctx context.Context, tx store.Tx, v stub) error {
	doc, err := v.document()
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO conference_stub (connection, external_id, create_time, code, detail, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (connection, external_id) DO UPDATE SET create_time = excluded.create_time, code = excluded.code, detail = excluded.detail, expires_at = excluded.expires_at`,
		string(v.Connection), v.ExternalID, v.CreateTime, v.Code, doc, v.ExpiresAt)
	return err
}

func deleteStub(ctx context.Context, tx store.Tx, c id.Connection, external string) error {
	_, err := tx.Exec(ctx, `DELETE FROM conference_stub WHERE connection = $1 AND external_id = $2`, string(c), external)
	return err
}

func trimStubs(ctx context.Context, tx store.Tx, now instant.Instant) error {
	_, err := tx.Exec(ctx, `DELETE FROM conference_stub WHERE expires_at <= $1`, now)
	return err
}
