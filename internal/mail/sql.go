// SPDX-License-Identifier: AGPL-3.0-or-later

package mail

import (
	"context"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/store"
)

const columns = `id, kind, recipient, locale, subject, body_text, body_html, state, created_at, sent_at`

func scan(s store.Scanner) (Mail, error) {
	var m Mail
	var mailID, tag, state string
	err := s.Scan(&mailID, &m.Kind, &m.To, &tag, &m.Subject, &m.Text, &m.HTML, &state, &m.CreatedAt, &m.SentAt)
	m.ID, m.Locale, m.State = id.Mail(mailID), locale.Tag(tag), State(state)
	return m, err
}

func insert(ctx context.Context, tx store.Tx, m Mail) error {
	_, err := tx.Exec(ctx, `INSERT INTO mail (`+columns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		string(m.ID), m.Kind, m.To, string(m.Locale), m.Subject, m.Text, m.HTML, string(m.State), m.CreatedAt, m.SentAt)
	return err
}

func list(ctx context.Context, r store.Reader, limit int) ([]Mail, error) {
	return store.All(ctx, r, scan, `SELECT `+columns+` FROM mail ORDER BY id DESC LIMIT $1`, limit)
}

func find(ctx context.Context, r store.Reader, letter id.Mail) (Mail, bool, error) {
	return store.Find(ctx, r, scan, `SELECT `+columns+` FROM mail WHERE id = $1`, string(letter))
}

func markSent(ctx context.Context, tx store.Tx, now instant.Instant, letter id.Mail, keep bool) error {
	query := `UPDATE mail SET state = 'sent', sent_at = $2, body_text = '', body_html = '' WHERE id = $1`
	if keep {
		query = `UPDATE mail SET state = 'sent', sent_at = $2 WHERE id = $1`
	}
	_, err := tx.Exec(ctx, query, string(letter), now)
	return err
}

func markFailed(ctx context.Context, tx store.Tx, letter id.Mail) error {
	_, err := tx.Exec(ctx, `UPDATE mail SET state = 'failed' WHERE id = $1 AND state = 'queued'`, string(letter))
	return err
}

func trim(ctx context.Context, tx store.Tx, before instant.Instant) error {
	_, err := tx.Exec(ctx, `DELETE FROM mail WHERE created_at < $1`, before)
	return err
}
