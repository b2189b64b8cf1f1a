// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"encoding/json"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

func scanHook(s store.Scanner) (Hook, error) {
	var h Hook
	var events string
	err := s.Scan(&h.ID, &h.Connection, &h.URL, &h.Meeting, &events, &h.CreatedAt, &h.FailingSince)
	if err == nil {
		err = json.Unmarshal([]byte(events), &h.Events)
	}
	return h, err
}

const hookColumns = `SELECT id, connection, url, COALESCE(external_id, ''), events, created_at, failing_since FROM hook `

// hooksOf returns the hooks of a connection by number. It joins r.
func hooksOf(ctx context.Context, r store.Reader, connection id.Connection) ([]Hook, error) {
	return store.All(ctx, r, scanHook, hookColumns+`WHERE connection = $1 ORDER BY id`, string(connection))
}

// hookOf returns one hook of a connection. It joins r.
func hookOf(ctx context.Context, r store.Reader, connection id.Connection, hook int64) (Hook, bool, error) {
	return store.Find(ctx, r, scanHook, hookColumns+`WHERE connection = $1 AND id = $2`, string(connection), hook)
}

func insertHook(ctx context.Context, tx store.Tx, h Hook) (int64, error) {
	events, err := json.Marshal(h.Events)
	if err != nil {
		return 0, err
	}
	var meeting any
	if h.Meeting != "" {
		meeting = h.Meeting
	}
	n, _, err := store.Find(ctx, tx, store.Value[int64], `INSERT INTO hook (connection, url, external_id, events, created_at) VALUES ($1, $2, $3, $4, $5) RETURNING id`,
		string(h.Connection), h.URL, meeting, string(events), h.CreatedAt)
	return n, err
}

// deleteHook returns how many there were; what it was still to be told goes with it.
func deleteHook(ctx context.Context, tx store.Tx, connection id.Connection, hook int64) (int64, error) {
	if _, err := tx.Exec(ctx, `DELETE FROM hook_event WHERE connection = $1 AND hook = $2`, string(connection), hook); err != nil {
		return 0, err
	}
	return store.Affected(tx.Exec(ctx, `DELETE FROM hook WHERE connection = $1 AND id = $2`, string(connection), hook))
}

// noteFailing keeps since when a hook fails; a zero instant that it does not.
func noteFailing(ctx context.Context, tx store.Tx, h Hook, since instant.Instant) error {
	_, err := tx.Exec(ctx, `UPDATE hook SET failing_since = $1 WHERE connection = $2 AND id = $3`, since, string(h.Connection), h.ID)
	return err
}

// byInternal finds the conference that a server knows, or knew, by an internal id. It joins r.
func byInternal(ctx context.Context, r store.Reader, server id.Server, internal string) (Conference, bool, error) {
	m, ok, err := store.Find(ctx, r, store.Value[id.Meeting], `SELECT meeting FROM conference_internal WHERE internal_id = $1 AND server = $2`, internal, string(server))
	if err != nil || !ok {
		return Conference{}, false, err
	}
	return byID(ctx, r, m)
}

// storedEvent is an event that was not told yet.
type storedEvent struct {
	queued

	hook       int64
	connection id.Connection
}

func insertHookEvent(ctx context.Context, tx store.Tx, now instant.Instant, h Hook, m id.Meeting, body string, node id.Node) (int64, error) {
	n, _, err := store.Find(ctx, tx, store.Value[int64], `INSERT INTO hook_event (hook, connection, meeting, body, node, tries, queued_at) VALUES ($1, $2, $3, $4, $5, 0, $6) RETURNING id`,
		h.ID, string(h.Connection), string(m), body, string(node), now)
	return n, err
}

func deleteHookEvents(ctx context.Context, tx store.Tx, events []int64) error {
	for _, e := range events {
		if _, err := tx.Exec(ctx, `DELETE FROM hook_event WHERE id = $1`, e); err != nil {
			return err
		}
	}
	return nil
}

func deleteEventsOf(ctx context.Context, tx store.Tx, hook int64) error {
	_, err := tx.Exec(ctx, `DELETE FROM hook_event WHERE hook = $1`, hook)
	return err
}

func saveTries(ctx context.Context, tx store.Tx, e queued) error {
	_, err := tx.Exec(ctx, `UPDATE hook_event SET tries = $1 WHERE id = $2`, e.tries, e.id)
	return err
}

// heldEvents returns the nodes that have events in hand; none for those laid down. It joins r.
func heldEvents(ctx context.Context, r store.Reader) ([]id.Node, error) {
	return store.All(ctx, r, store.Value[id.Node], `SELECT DISTINCT node FROM hook_event ORDER BY node`)
}

// eventsHeldBy returns them by number. It joins r.
func eventsHeldBy(ctx context.Context, r store.Reader, node id.Node) ([]storedEvent, error) {
	return store.All(ctx, r, func(s store.Scanner) (storedEvent, error) {
		var e storedEvent
		err := s.Scan(&e.id, &e.hook, &e.connection, &e.body, &e.tries)
		return e, err
	}, `SELECT id, hook, connection, body, tries FROM hook_event WHERE node = $1 ORDER BY id`, string(node))
}

func handOver(ctx context.Context, tx store.Tx, from, to id.Node) error {
	_, err := tx.Exec(ctx, `UPDATE hook_event SET node = $1 WHERE node = $2`, string(to), string(from))
	return err
}

// untold reports whether a hook is still to be told something of a meeting, by whichever node. It joins r.
func untold(ctx context.Context, r store.Reader, connection id.Connection, hook int64, m id.Meeting) (bool, error) {
	n, _, err := store.Find(ctx, r, store.Value[int], `SELECT COUNT(*) FROM hook_event WHERE connection = $1 AND hook = $2 AND meeting = $3`, string(connection), hook, string(m))
	return n > 0, err
}
