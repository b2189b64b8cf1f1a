// SPDX-License-Identifier: AGPL-3.0-or-later

package fleet

import (
	"context"
	"encoding/json"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

const serverColumns = `id, kind, stable_key, name, url, COALESCE(node, ''), observed, admin, load_units, max_people, api_key, api_secret, tags, seen_at, drain_until`

func scanServer(s store.Scanner) (Server, error) {
	var v Server
	var tags string
	err := s.Scan(&v.ID, &v.Kind, &v.StableKey, &v.Name, &v.URL, &v.Node, &v.Observed, &v.Admin, &v.LoadUnits, &v.MaxPeople, &v.Key, &v.Secret, &tags, &v.SeenAt, &v.DrainUntil)
	if err == nil {
		err = json.Unmarshal([]byte(tags), &v.Tags)
	}
	return v, err
}

// Servers returns all servers in the order they were added. It joins r.
func Servers(ctx context.Context, r store.Reader) ([]Server, error) {
	return store.All(ctx, r, scanServer, `SELECT `+serverColumns+` FROM server WHERE removed_at IS NULL ORDER BY id`)
}

// Version grows with every change of what servers are, are wanted to be or are seen to be. Heartbeats of a BigBlueButton server that stays
// what it is do not count, nor what its meetings weigh. It joins r.
func Version(ctx context.Context, r store.Reader) (int64, error) {
	v, _, err := store.Find(ctx, r, store.Value[int64], SelectVersion)
	return v, err
}

// SelectVersion is for whoever asks for something else with the same statement.
const SelectVersion = `SELECT f.version FROM fleet_version f WHERE f.one = 1`

// changed has everybody who remembers servers read them again. It joins tx.
func changed(ctx context.Context, tx store.Tx) error {
	_, err := tx.Exec(ctx, `UPDATE fleet_version SET version = version + 1 WHERE one = 1`)
	return err
}

// ServerByID returns a server. NotFound (fleet.server). It joins r.
func ServerByID(ctx context.Context, r store.Reader, server id.Server) (Server, error) {
	return found(store.Find(ctx, r, scanServer, `SELECT `+serverColumns+` FROM server WHERE id = $1 AND removed_at IS NULL`, string(server)))
}

func serverByStableKey(ctx context.Context, r store.Reader, key string) (Server, error) {
	return found(store.Find(ctx, r, scanServer, `SELECT `+serverColumns+` FROM server WHERE stable_key = $1`, key))
}

func found(s Server, ok bool, err error) (Server, error) {
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "fleet.server")
	}
	return s, err
}

func upsertServer(ctx context.Context, tx store.Tx, s Server, now instant.Instant) error {
	if err := changed(ctx, tx); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, insertServerText+` ON CONFLICT (stable_key) DO UPDATE SET name = excluded.name, url = excluded.url, node = excluded.node,
		observed = excluded.observed, load_units = excluded.load_units, max_people = excluded.max_people, api_key = excluded.api_key,
		api_secret = excluded.api_secret, seen_at = excluded.seen_at`, s.args("[]", now)...)
	return err
}

func insertServer(ctx context.Context, tx store.Tx, s Server, now instant.Instant) (bool, error) {
	if err := changed(ctx, tx); err != nil {
		return false, err
	}
	tags, err := json.Marshal(s.Tags)
	if err != nil {
		return false, err
	}
	n, err := store.Affected(tx.Exec(ctx, insertServerText+` ON CONFLICT DO NOTHING`, s.args(string(tags), now)...))
	return n == 1, err
}

const insertServerText = `INSERT INTO server (id, kind, stable_key, name, url, node, observed, admin, load_units, max_people, api_key, api_secret, tags, seen_at, created_at)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`

func (s Server) args(tags string, now instant.Instant) []any {
	return []any{string(s.ID), string(s.Kind), s.StableKey, s.Name, s.URL, null(s.Node), string(s.Observed), string(s.Admin), s.LoadUnits, s.MaxPeople, s.Key, s.Secret, tags, s.SeenAt, now}
}

// setAdmin writes a wanted state with its deadline, which only AdminDraining has.
func setAdmin(ctx context.Context, tx store.Tx, server id.Server, a Admin, until instant.Instant) error {
	if err := changed(ctx, tx); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE server SET admin = $1, drain_until = $2 WHERE id = $3`, string(a), until, string(server))
	return err
}

// updateServer writes what an operator may change of a server. It is false when another server has the address.
func updateServer(ctx context.Context, tx store.Tx, s Server) (bool, error) {
	if err := changed(ctx, tx); err != nil {
		return false, err
	}
	tags, err := json.Marshal(s.Tags)
	if err != nil {
		return false, err
	}
	other, _, err := store.Find(ctx, tx, store.Value[int], `SELECT COUNT(*) FROM server WHERE stable_key = $1 AND id <> $2`, s.StableKey, string(s.ID))
	if err != nil || other > 0 {
		return false, err
	}
	_, err = tx.Exec(ctx, `UPDATE server SET stable_key = $1, name = $2, url = $3, load_units = $4, api_secret = $5, tags = $6 WHERE id = $7`,
		s.StableKey, s.Name, s.URL, s.LoadUnits, s.Secret, string(tags), string(s.ID))
	return err == nil, err
}

func removeServer(ctx context.Context, tx store.Tx, server id.Server, now instant.Instant) error {
	if err := changed(ctx, tx); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE server SET removed_at = $1, stable_key = stable_key || '#' || id, api_secret = '' WHERE id = $2`, now, string(server))
	return err
}

func observe(ctx context.Context, tx store.Tx, server id.Server, o Observed, now instant.Instant) (int64, error) {
	// An engine is down when its heartbeats are old (Server.State), so each of them counts.
	if _, err := tx.Exec(ctx, `UPDATE fleet_version SET version = version + 1 WHERE one = 1 AND EXISTS (
		SELECT 1 FROM server WHERE id = $1 AND (observed <> $2 OR kind = 'sfu'))`, string(server), string(o)); err != nil {
		return 0, err
	}
	return store.Affected(tx.Exec(ctx, `UPDATE server SET observed = $1, seen_at = $2 WHERE id = $3`, string(o), now, string(server)))
}

// UnlistedFor is how long the people expected in a meeting weigh in Loads; from then on they are in what the lists of its server weigh
// (Service.Weigh).
const UnlistedFor = 30 * time.Second

// Loads returns what runs on each server, as placement weighs it. It joins r.
func Loads(ctx context.Context, r store.Reader, now instant.Instant) (map[id.Server]Load, error) {
	out, err := loads(ctx, r, `SELECT m.server, COUNT(*), CAST(COALESCE(SUM(c.people), 0) AS BIGINT),
		CAST(COALESCE(SUM(CASE WHEN m.started_at > $1 AND m.expected > c.people THEN m.expected - c.people ELSE 0 END), 0) AS BIGINT)
		FROM meeting m JOIN meeting_count c ON c.meeting = m.id
		WHERE m.server IS NOT NULL AND `+IsOpen+`GROUP BY m.server`, now.Add(-UnlistedFor))
	if err != nil {
		return nil, err
	}
	_, err = store.All(ctx, r, func(s store.Scanner) (struct{}, error) {
		var server id.Server
		var units int
		err := s.Scan(&server, &units)
		l := out[server]
		l.Extra += units
		out[server] = l
		return struct{}{}, err
	}, `SELECT id, extra_units FROM server WHERE extra_units > 0 AND removed_at IS NULL`)
	return out, err
}

func weigh(ctx context.Context, tx store.Tx, server id.Server, units int) error {
	_, err := tx.Exec(ctx, `UPDATE server SET extra_units = $1 WHERE id = $2`, units, string(server))
	return err
}

// Largest returns the most people at once in the newest so many meetings of an external id that are over; none when there are none. It
// joins r.
func Largest(ctx context.Context, r store.Reader, c id.Connection, external string, newest int) (most int, ok bool, err error) {
	peaks, err := store.All(ctx, r, store.Value[int], `SELECT c.peak FROM meeting m JOIN meeting_count c ON c.meeting = m.id
		WHERE m.connection = $1 AND m.external_id = $2 AND m.state = 'ended' ORDER BY m.started_at DESC LIMIT $3`, string(c), external, newest)
	for _, p := range peaks {
		most = max(most, p)
	}
	return most, len(peaks) > 0, err
}

// LockLoad locks a server and returns what runs on it: nobody else can add people to it until the
// caller's transaction ends. Whoever locks several does so in the order of their ids. It joins tx.
func LockLoad(ctx context.Context, tx store.Tx, server id.Server) (Load, error) {
	if _, _, err := store.Find(ctx, tx, store.Value[string], `SELECT id FROM server WHERE id = $1`+store.ForUpdate(tx), string(server)); err != nil {
		return Load{}, err
	}
	l, err := loads(ctx, tx, `SELECT m.server, COUNT(*), CAST(COALESCE(SUM(c.people), 0) AS BIGINT), 0 FROM meeting m JOIN meeting_count c ON c.meeting = m.id
		WHERE m.server = $1 AND `+IsOpen+`GROUP BY m.server`, string(server))
	return l[server], err
}

func loads(ctx context.Context, r store.Reader, query string, args ...any) (map[id.Server]Load, error) {
	out := map[id.Server]Load{}
	_, err := store.All(ctx, r, func(s store.Scanner) (struct{}, error) {
		var server id.Server
		var l Load
		err := s.Scan(&server, &l.Meetings, &l.People, &l.Extra)
		out[server] = l
		return struct{}{}, err
	}, query, args...)
	return out, err
}

// MeetingColumns are read by ScanMeeting. With FromMeeting they are also for whoever keeps more about a meeting and reads both with one
// statement. In Go no cap is tariff.Unlimited, which is -1.
const MeetingColumns = `m.id, m.member, m.connection, m.external_id, COALESCE(m.room, ''), COALESCE(m.server, ''), m.state, m.started_at, m.deadline_at,
	m.asked_us, COALESCE(m.cap, -1), m.reserve, m.kept, m.started_by, m.ended_at, m.end_reason, c.people, c.moderators, c.peak, c.seconds, m.expected`

// FromMeeting names the rows that MeetingColumns come from: m and c.
const FromMeeting = ` FROM meeting m JOIN meeting_count c ON c.meeting = m.id `

// IsOpen is that a meeting m is open, in the words of the indexes of open meetings: SQLite uses those for no other words.
const IsOpen = ` (m.state = 'stub' OR m.state = 'reserved' OR m.state = 'live' OR m.state = 'detached') `

// ScanMeeting reads the columns of a meeting into m, and those that follow into more.
func ScanMeeting(s store.Scanner, m *Meeting, more ...any) error {
	var asked int64
	err := s.Scan(append([]any{&m.ID, &m.Member, &m.Connection, &m.ExternalID, &m.Room, &m.Server, &m.State, &m.StartedAt, &m.DeadlineAt,
		&asked, &m.Cap, &m.Reserve, &m.Kept, &m.StartedBy, &m.EndedAt, &m.EndReason, &m.People, &m.Moderators, &m.Peak, &m.Seconds, &m.Expected}, more...)...)
	m.Asked = time.Duration(asked) * time.Microsecond
	return err
}

func scanMeeting(s store.Scanner) (Meeting, error) {
	var m Meeting
	err := ScanMeeting(s, &m)
	return m, err
}

// ByID returns a meeting, open or over. NotFound (meeting.unknown). It joins r.
func ByID(ctx context.Context, r store.Reader, m id.Meeting) (Meeting, error) {
	v, ok, err := store.Find(ctx, r, scanMeeting, `SELECT `+MeetingColumns+FromMeeting+`WHERE m.id = $1`, string(m))
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "meeting.unknown")
	}
	return v, err
}

// Open returns the open meeting of an external id, and whether there is one. It joins r.
func Open(ctx context.Context, r store.Reader, c id.Connection, external string) (Meeting, bool, error) {
	return store.Find(ctx, r, scanMeeting, `SELECT `+MeetingColumns+FromMeeting+`WHERE m.connection = $1 AND m.external_id = $2 AND`+IsOpen, string(c), external)
}

// Running returns the open meetings of a member, oldest first. It joins r.
func Running(ctx context.Context, r store.Reader, member id.Member) ([]Meeting, error) {
	return store.All(ctx, r, scanMeeting, `SELECT `+MeetingColumns+FromMeeting+`WHERE m.member = $1 AND`+IsOpen+`ORDER BY m.started_at, m.id`, string(member))
}

// RunningOn returns the open meetings on a server, oldest first. It joins r.
func RunningOn(ctx context.Context, r store.Reader, server id.Server) ([]Meeting, error) {
	return store.All(ctx, r, scanMeeting, `SELECT `+MeetingColumns+FromMeeting+`WHERE m.server = $1 AND`+IsOpen+`ORDER BY m.started_at, m.id`, string(server))
}

// History returns the newest meetings of a room of member, running ones first of all. It joins r.
func History(ctx context.Context, r store.Reader, member id.Member, room id.Room, limit int) ([]Meeting, error) {
	return store.All(ctx, r, scanMeeting, `SELECT `+MeetingColumns+FromMeeting+`WHERE m.member = $1 AND m.room = $2 ORDER BY m.started_at DESC, m.id DESC LIMIT $3`,
		string(member), string(room), limit)
}

// Between returns the meetings of a member that began in a span, oldest first. It joins r.
func Between(ctx context.Context, r store.Reader, member id.Member, from, until instant.Instant) ([]Meeting, error) {
	return store.All(ctx, r, scanMeeting, `SELECT `+MeetingColumns+FromMeeting+`WHERE m.member = $1 AND m.started_at >= $2 AND m.started_at < $3 ORDER BY m.started_at, m.id`,
		string(member), from, until)
}

var insertMeetings = store.NewRows(`INSERT INTO meeting (id, member, connection, external_id, room, server, state, started_at, deadline_at,
	asked_us, cap, reserve, kept, started_by, ended_at, end_reason, expected) VALUES `, 17, ``)

var upsertCounts = store.NewRows(`INSERT INTO meeting_count (meeting, people, moderators, peak, seconds) VALUES `, 5,
	` ON CONFLICT (meeting) DO UPDATE SET people = excluded.people, moderators = excluded.moderators, peak = excluded.peak, seconds = excluded.seconds`)

// Insert writes new meetings with their counts; ended ones too, for history brought from elsewhere.
// Conflict (store.unique) when an open meeting has the external id. Whoever is not admission holds no
// lock on the member and inserts only meetings that are over. It joins tx.
func Insert(ctx context.Context, tx store.Tx, meetings ...Meeting) error {
	args := make([]any, 0, 17*len(meetings))
	for _, m := range meetings {
		var limit any
		if n, limited := m.Cap.Int(); limited {
			limit = n
		}
		args = append(args, string(m.ID), string(m.Member), string(m.Connection), m.ExternalID, null(m.Room), null(m.Server), string(m.State), m.StartedAt, m.DeadlineAt,
			m.Asked.Microseconds(), limit, m.Reserve, m.Kept, string(m.StartedBy), m.EndedAt, string(m.EndReason), m.Expected)
	}
	if err := insertMeetings.Do(ctx, tx, args); err != nil {
		return err
	}
	return SaveCounts(ctx, tx, meetings...)
}

// SaveCounts writes People, Moderators, Peak and Seconds. It is for admission, which holds the member's lock.
// It joins tx.
func SaveCounts(ctx context.Context, tx store.Tx, meetings ...Meeting) error {
	args := make([]any, 0, 5*len(meetings))
	for _, m := range meetings {
		args = append(args, string(m.ID), m.People, m.Moderators, m.Peak, m.Seconds)
	}
	return upsertCounts.Do(ctx, tx, args)
}

// Save writes what may change in a meeting's life: server, state, deadline and end. It is for
// admission, which holds the member's lock. It joins tx.
func Save(ctx context.Context, tx store.Tx, m Meeting) error {
	_, err := tx.Exec(ctx, `UPDATE meeting SET server = $1, state = $2, deadline_at = $3, ended_at = $4, end_reason = $5 WHERE id = $6`,
		null(m.Server), string(m.State), m.DeadlineAt, m.EndedAt, string(m.EndReason), string(m.ID))
	return err
}

// null turns the "none" of an id into NULL.
func null[T ~string](s T) any {
	if s == "" {
		return nil
	}
	return string(s)
}

// OpenOfClients returns the open meetings of API clients. It joins r.
func OpenOfClients(ctx context.Context, r store.Reader) ([]Meeting, error) {
	return store.All(ctx, r, scanMeeting, `SELECT `+MeetingColumns+FromMeeting+`WHERE m.room IS NULL AND`+IsOpen+`ORDER BY m.started_at, m.id`)
}
