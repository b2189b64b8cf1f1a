// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/usage"
)

// --- meetings ---

const meetingColumns = `meeting, room, member, server, engine, events, hands, lock_chat, lock_mic, lock_camera, lock_screen, lock_names,
	door_closed, mute_on_entry, started_at, deadline_at, visited, empty_since, warned, seats_told, due_at, ended_at, end_reason,
	connection, external_id, asked, title, leave_url`

func scanMeeting(s store.Scanner) (meeting, error) {
	var m meeting
	err := s.Scan(&m.ID, &m.Room, &m.Member, &m.Server, &m.Engine, &m.Events, &m.Hands, &m.Locks.Chat, &m.Locks.Mic, &m.Locks.Camera,
		&m.Locks.Screen, &m.Locks.Names, &m.DoorClosed, &m.MuteOnEntry, &m.StartedAt, &m.DeadlineAt, &m.Visited, &m.EmptySince, &m.Warned,
		&m.SeatsTold, &m.DueAt, &m.EndedAt, &m.EndReason, &m.Connection, &m.ExternalID, &m.Asked, &m.Title, &m.LeaveURL)
	return m, err
}

// lockMeeting returns the meeting's row and keeps it to this transaction until its end.
func lockMeeting(ctx context.Context, tx store.Tx, m id.Meeting) (meeting, bool, error) {
	return store.Find(ctx, tx, scanMeeting, `SELECT `+meetingColumns+` FROM live_meeting WHERE meeting = $1`+store.ForUpdate(tx), string(m))
}

func meetingByID(ctx context.Context, r store.Reader, m id.Meeting) (meeting, bool, error) {
	return store.Find(ctx, r, scanMeeting, `SELECT `+meetingColumns+` FROM live_meeting WHERE meeting = $1`, string(m))
}

func runningIn(ctx context.Context, r store.Reader, room id.Room) (id.Meeting, bool, error) {
	return store.Find(ctx, r, store.Value[id.Meeting], `SELECT meeting FROM live_meeting WHERE room = $1 AND ended_at IS NULL ORDER BY meeting DESC LIMIT 1`, string(room))
}

func meetingsOn(ctx context.Context, r store.Reader, server id.Server) ([]meeting, error) {
	return store.All(ctx, r, scanMeeting, `SELECT `+meetingColumns+` FROM live_meeting WHERE server = $1 AND ended_at IS NULL ORDER BY meeting`, string(server))
}

func dueMeetings(ctx context.Context, r store.Reader, now instant.Instant) ([]id.Meeting, error) {
	return store.All(ctx, r, store.Value[id.Meeting], `SELECT meeting FROM live_meeting WHERE ended_at IS NULL AND due_at <= $1 ORDER BY due_at`, now)
}

// insertMeeting reports whether the row is new.
func insertMeeting(ctx context.Context, tx store.Tx, m meeting) (bool, error) {
	n, err := store.Affected(tx.Exec(ctx, `INSERT INTO live_meeting (`+meetingColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28) ON CONFLICT DO NOTHING`,
		string(m.ID), string(m.Room), string(m.Member), string(m.Server), m.Engine, m.Events, m.Hands, m.Locks.Chat, m.Locks.Mic, m.Locks.Camera,
		m.Locks.Screen, m.Locks.Names, m.DoorClosed, m.MuteOnEntry, m.StartedAt, m.DeadlineAt, m.Visited, m.EmptySince, m.Warned,
		m.SeatsTold, m.DueAt, m.EndedAt, string(m.EndReason), string(m.Connection), m.ExternalID, m.Asked, m.Title, m.LeaveURL))
	return n > 0, err
}

func writeMeeting(ctx context.Context, tx store.Tx, m meeting) error {
	_, err := tx.Exec(ctx, `UPDATE live_meeting SET server = $2, engine = $3, events = $4, hands = $5, lock_chat = $6, lock_mic = $7, lock_camera = $8,
		lock_screen = $9, lock_names = $10, door_closed = $11, deadline_at = $12, visited = $13, empty_since = $14, warned = $15, seats_told = $16,
		due_at = $17, ended_at = $18, end_reason = $19 WHERE meeting = $1`,
		string(m.ID), string(m.Server), m.Engine, m.Events, m.Hands, m.Locks.Chat, m.Locks.Mic, m.Locks.Camera, m.Locks.Screen, m.Locks.Names,
		m.DoorClosed, m.DeadlineAt, m.Visited, m.EmptySince, m.Warned, m.SeatsTold, m.DueAt, m.EndedAt, string(m.EndReason))
	return err
}

// askMember has the timers look at all running meetings of a member at once. It writes rows that ask already, too: one
// that is being looked at has read the numbers of before, and must be looked at again.
func askMember(ctx context.Context, tx store.Tx, member id.Member, now instant.Instant) error {
	_, err := tx.Exec(ctx, `UPDATE live_meeting SET due_at = $2 WHERE member = $1 AND ended_at IS NULL`, string(member), now)
	return err
}

// --- participants ---

const participantColumns = `id, meeting, person_key, COALESCE(person, ''), name, role, owner, state, session, hand,
	may_chat, may_mic, may_camera, may_screen, stream, chat_at, react_at, joined_at, seen_at, sent_as`

// keyText is a person's key as it is stored.
type keyText struct{ key *usage.PersonKey }

// Scan implements sql.Scanner.
func (k keyText) Scan(src any) error {
	text, ok := src.(string)
	if !ok {
		return fmt.Errorf("scan person key: unexpected %T", src)
	}
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != len(k.key) {
		return fmt.Errorf("scan person key: %q", text)
	}
	copy(k.key[:], raw)
	return nil
}

func scanParticipant(s store.Scanner) (participant, error) {
	var p participant
	err := s.Scan(&p.ID, &p.Meeting, keyText{&p.Key}, &p.Person, &p.Name, &p.Role, &p.Owner, &p.State, &p.Session, &p.Hand,
		&p.Allowed.Chat, &p.Allowed.Mic, &p.Allowed.Camera, &p.Allowed.Screen, &p.Stream, &p.ChatAt, &p.ReactAt, &p.JoinedAt, &p.SeenAt, &p.SentAs)
	return p, err
}

func participantByKey(ctx context.Context, r store.Reader, m id.Meeting, key usage.PersonKey) (participant, bool, error) {
	return store.Find(ctx, r, scanParticipant, `SELECT `+participantColumns+` FROM live_participant WHERE meeting = $1 AND person_key = $2`, string(m), key.String())
}

func participantByID(ctx context.Context, r store.Reader, m id.Meeting, p id.Participant) (participant, bool, error) {
	return store.Find(ctx, r, scanParticipant, `SELECT `+participantColumns+` FROM live_participant WHERE meeting = $1 AND id = $2`, string(m), string(p))
}

// participantsOf returns all who have been in the meeting, in the order of their first entry.
func participantsOf(ctx context.Context, r store.Reader, m id.Meeting) ([]participant, error) {
	return store.All(ctx, r, scanParticipant, `SELECT `+participantColumns+` FROM live_participant WHERE meeting = $1 ORDER BY joined_at, id`, string(m))
}

func countSeated(ctx context.Context, r store.Reader, m id.Meeting) (int, error) {
	n, _, err := store.Find(ctx, r, store.Value[int], `SELECT COUNT(*) FROM live_participant WHERE meeting = $1 AND state IN ('connecting', 'inside', 'away')`, string(m))
	return n, err
}

func insertParticipant(ctx context.Context, tx store.Tx, p participant) error {
	_, err := tx.Exec(ctx, `INSERT INTO live_participant (id, meeting, person_key, person, name, role, owner, state, session, hand,
		may_chat, may_mic, may_camera, may_screen, stream, chat_at, react_at, joined_at, seen_at, sent_as)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)`,
		string(p.ID), string(p.Meeting), p.Key.String(), orNull(p.Person), p.Name, string(p.Role), p.Owner, string(p.State), p.Session, p.Hand,
		string(p.Allowed.Chat), string(p.Allowed.Mic), string(p.Allowed.Camera), string(p.Allowed.Screen), p.Stream, p.ChatAt, p.ReactAt, p.JoinedAt, p.SeenAt, p.SentAs)
	return err
}

func writeParticipant(ctx context.Context, tx store.Tx, p participant) error {
	_, err := tx.Exec(ctx, `UPDATE live_participant SET name = $2, role = $3, state = $4, session = $5, hand = $6, may_chat = $7, may_mic = $8,
		may_camera = $9, may_screen = $10, stream = $11, chat_at = $12, react_at = $13, seen_at = $14 WHERE id = $1`,
		string(p.ID), p.Name, string(p.Role), string(p.State), p.Session, p.Hand, string(p.Allowed.Chat), string(p.Allowed.Mic),
		string(p.Allowed.Camera), string(p.Allowed.Screen), p.Stream, p.ChatAt, p.ReactAt, p.SeenAt)
	return err
}

func renameParticipant(ctx context.Context, tx store.Tx, from, to id.Participant) error {
	_, err := tx.Exec(ctx, `UPDATE live_participant SET id = $2 WHERE id = $1`, string(from), string(to))
	return err
}

// leaveAll notes that nobody is in the meeting any more; who was removed stays removed.
func leaveAll(ctx context.Context, tx store.Tx, m id.Meeting) error {
	_, err := tx.Exec(ctx, `UPDATE live_participant SET state = 'left', hand = 0 WHERE meeting = $1 AND state IN ('connecting', 'inside', 'away')`, string(m))
	return err
}

// --- events and chat ---

var eventRows = store.NewRows(`INSERT INTO live_event (meeting, n, kind, audience, also, data, at) VALUES `, 7, ``)

func insertEvents(ctx context.Context, tx store.Tx, m id.Meeting, now instant.Instant, events []event) error {
	args := make([]any, 0, 7*len(events))
	for _, e := range events {
		args = append(args, string(m), e.N, e.Kind, e.Audience, string(e.Also), string(e.Data), now)
	}
	return eventRows.Do(ctx, tx, args)
}

// eventsMost is how many events are read at once: beyond that the whole state is shorter.
const eventsMost = 2000

func eventsAfter(ctx context.Context, r store.Reader, m id.Meeting, after int64) ([]event, error) {
	return store.All(ctx, r, func(s store.Scanner) (event, error) {
		var e event
		var data string
		err := s.Scan(&e.N, &e.Kind, &e.Audience, &e.Also, &data)
		e.Data = json.RawMessage(data)
		return e, err
	}, `SELECT n, kind, audience, also, data FROM live_event WHERE meeting = $1 AND n > $2 ORDER BY n LIMIT $3`, string(m), after, eventsMost)
}

func insertLine(ctx context.Context, tx store.Tx, m id.Meeting, l Line) error {
	_, err := tx.Exec(ctx, `INSERT INTO live_chat (id, meeting, n, sender, name, recipient, to_name, body, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		string(l.ID), string(m), l.N, string(l.From), l.Name, l.To, l.ToName, l.Text, l.At)
	return err
}

// chatFor returns the last lines the participant may read, oldest first.
func chatFor(ctx context.Context, r store.Reader, m id.Meeting, p participant) ([]Line, error) {
	return store.All(ctx, r, func(s store.Scanner) (Line, error) {
		var l Line
		err := s.Scan(&l.ID, &l.N, &l.From, &l.Name, &l.To, &l.ToName, &l.Text, &l.At)
		return l, err
	}, `SELECT id, n, sender, name, recipient, to_name, body, at FROM (
			SELECT id, n, sender, name, recipient, to_name, body, at FROM live_chat
			WHERE meeting = $1 AND (recipient IN ('all', $2) OR sender = $2 OR (recipient = 'moderators' AND $3 = 'moderator'))
			ORDER BY n DESC LIMIT 200
		) AS latest ORDER BY n`, string(m), string(p.ID), string(p.Role))
}

// --- retention ---

func deleteEvents(ctx context.Context, tx store.Tx, before instant.Instant) error {
	_, err := tx.Exec(ctx, `DELETE FROM live_event WHERE at < $1`, before)
	return err
}

func deleteChat(ctx context.Context, tx store.Tx, ended instant.Instant) error {
	_, err := tx.Exec(ctx, `DELETE FROM live_chat WHERE meeting IN (SELECT meeting FROM live_meeting WHERE ended_at < $1)`, ended)
	return err
}

func deleteMeetings(ctx context.Context, tx store.Tx, ended instant.Instant) error {
	for _, query := range []string{
		`DELETE FROM live_participant WHERE meeting IN (SELECT meeting FROM live_meeting WHERE ended_at < $1)`,
		`DELETE FROM live_meeting WHERE ended_at < $1`,
	} {
		if _, err := tx.Exec(ctx, query, ended); err != nil {
			return err
		}
	}
	return nil
}

// orNull turns the "none" of an id into NULL.
func orNull[T ~string](s T) any {
	if s == "" {
		return nil
	}
	return string(s)
}
