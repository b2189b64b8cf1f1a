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

// deleteHook returns how many there were.
func deleteHook(ctx context.Context, tx store.Tx, connection id.Connection, hook int64) (int64, error) {
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
