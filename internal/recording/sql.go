// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"context"
	"encoding/json"
	"strings"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

const columns = `id, COALESCE(connection, ''), COALESCE(member, ''), COALESCE(server, ''), COALESCE(meeting, ''), external_id, name, mode, state, access,
	metadata, breakout, xml, started_ms, ended_ms, participants, raw_bytes, indexed_at, deleted_at, keep_until, notice, kept_forever, announce`

func scan(s store.Scanner) (Recording, error) {
	var r Recording
	var meta, breakout string
	err := s.Scan(&r.ID, &r.Connection, &r.Member, &r.Server, &r.Meeting, &r.ExternalID, &r.Name, &r.Mode, &r.State, &r.Access,
		&meta, &breakout, &r.XML, &r.StartedMS, &r.EndedMS, &r.Participants, &r.RawBytes, &r.IndexedAt, &r.DeletedAt, &r.KeepUntil, &r.Notice, &r.KeptForever, &r.Announce)
	if err == nil {
		err = json.Unmarshal([]byte(meta), &r.Metadata)
	}
	if err == nil {
		err = json.Unmarshal([]byte(breakout), &r.Breakout)
	}
	return r, err
}

// byID returns a recording with its formats. It joins r.
func byID(ctx context.Context, r store.Reader, rec ID) (Recording, bool, error) {
	v, ok, err := store.Find(ctx, r, scan, `SELECT `+columns+` FROM recording WHERE id = $1`, string(rec))
	if err != nil || !ok {
		return v, ok, err
	}
	one := []Recording{v}
	err = withFormats(ctx, r, one)
	return one[0], true, err
}

// ofConnection returns the recordings of a connection that have one of five states (repeat some for fewer), without formats, in their
// order; limit -1 is all. It joins r.
func ofConnection(ctx context.Context, r store.Reader, c id.Connection, wanted [5]string, offset, limit int) ([]Recording, error) {
	if limit < 0 {
		limit = 1 << 30
	}
	return store.All(ctx, r, scan, `SELECT `+columns+` FROM recording WHERE connection = $1 AND state IN ($2, $3, $4, $5, $6) AND purged_at IS NULL ORDER BY started_ms, id LIMIT $7 OFFSET $8`,
		string(c), wanted[0], wanted[1], wanted[2], wanted[3], wanted[4], limit, offset)
}

func countOfConnection(ctx context.Context, r store.Reader, c id.Connection, wanted [5]string) (int, error) {
	n, _, err := store.Find(ctx, r, store.Value[int], `SELECT COUNT(*) FROM recording WHERE connection = $1 AND state IN ($2, $3, $4, $5, $6) AND purged_at IS NULL`,
		string(c), wanted[0], wanted[1], wanted[2], wanted[3], wanted[4])
	return n, err
}

// between returns the recordings of a connection whose ids are from first up to, and without, end. It joins r.
func between(ctx context.Context, r store.Reader, c id.Connection, first, end string) ([]Recording, error) {
	return store.All(ctx, r, scan, `SELECT `+columns+` FROM recording WHERE connection = $1 AND id >= $2 AND id < $3 AND purged_at IS NULL ORDER BY started_ms, id`, string(c), first, end)
}

func ofExternal(ctx context.Context, r store.Reader, c id.Connection, external string) ([]Recording, error) {
	return store.All(ctx, r, scan, `SELECT `+columns+` FROM recording WHERE connection = $1 AND external_id = $2 AND purged_at IS NULL ORDER BY started_ms, id`, string(c), external)
}

func ofMember(ctx context.Context, r store.Reader, m id.Member) ([]Recording, error) {
	return store.All(ctx, r, scan, `SELECT `+columns+` FROM recording WHERE member = $1 ORDER BY started_ms, id`, string(m))
}

func everything(ctx context.Context, r store.Reader, after ID, limit int) ([]Recording, error) {
	return store.All(ctx, r, scan, `SELECT `+columns+` FROM recording WHERE id > $1 ORDER BY id LIMIT $2`, string(after), limit)
}

// known is what discovery compares with.
type known struct {
	id    ID
	mode  Mode
	state State
}

func knownOf(ctx context.Context, r store.Reader, server id.Server) ([]known, error) {
	return store.All(ctx, r, func(s store.Scanner) (known, error) {
		var k known
		err := s.Scan(&k.id, &k.mode, &k.state)
		return k, err
	}, `SELECT id, mode, state FROM recording WHERE server = $1 ORDER BY id`, string(server))
}

var selectFormats = store.NewIn(`SELECT recording, format, dir, url, digest, upload, bytes, minutes, processing_ms, images, told, created_at FROM recording_format WHERE recording IN`, 0, ``)

// withFormats fills in formats. It joins r.
func withFormats(ctx context.Context, r store.Reader, all []Recording) error {
	at := make(map[ID]int, len(all))
	keys := make([]string, len(all))
	for i, v := range all {
		at[v.ID], keys[i] = i, string(v.ID)
		all[i].Formats = nil
	}
	return selectFormats.Each(ctx, r, nil, keys, ` ORDER BY recording, format`, func(s store.Scanner) error {
		var rec ID
		var f Format
		var images string
		if err := s.Scan(&rec, &f.Type, &f.Dir, &f.URL, &f.Digest, &f.Upload, &f.Bytes, &f.Minutes, &f.ProcessingMS, &images, &f.Told, &f.CreatedAt); err != nil {
			return err
		}
		v := &all[at[rec]]
		v.Formats = append(v.Formats, f)
		return json.Unmarshal([]byte(images), &v.Formats[len(v.Formats)-1].Images)
	})
}

func null[T ~string](s T) any {
	if s == "" {
		return nil
	}
	return string(s)
}

func save(ctx context.Context, tx store.Tx, now instant.Instant, r Recording) error {
	meta := r.Metadata
	if meta == nil {
		meta = map[string]string{}
	}
	m, err := json.Marshal(meta)
	if err != nil {
		return err
	}
	b, err := json.Marshal(r.Breakout)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO recording (id, connection, member, server, meeting, external_id, name, mode, state, access, metadata, breakout, xml,
		started_ms, ended_ms, participants, raw_bytes, indexed_at, changed_at, deleted_at, keep_until, notice, kept_forever, announce)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)
		ON CONFLICT (id) DO UPDATE SET connection = excluded.connection, member = excluded.member, server = excluded.server, meeting = excluded.meeting,
		external_id = excluded.external_id, name = excluded.name, mode = excluded.mode, state = excluded.state, access = excluded.access, metadata = excluded.metadata,
		breakout = excluded.breakout, xml = excluded.xml, started_ms = excluded.started_ms, ended_ms = excluded.ended_ms, participants = excluded.participants,
		raw_bytes = excluded.raw_bytes, changed_at = excluded.changed_at, deleted_at = excluded.deleted_at, keep_until = excluded.keep_until, notice = excluded.notice,
		kept_forever = excluded.kept_forever, announce = excluded.announce`,
		string(r.ID), null(r.Connection), null(r.Member), null(r.Server), null(r.Meeting), r.ExternalID, r.Name, string(r.Mode), string(r.State), string(r.Access), string(m), string(b), r.XML,
		r.StartedMS, r.EndedMS, r.Participants, r.RawBytes, r.IndexedAt, now, r.DeletedAt, r.KeepUntil, r.Notice, r.KeptForever, string(r.Announce))
	return err
}

func saveFormat(ctx context.Context, tx store.Tx, rec ID, f Format) error {
	images := f.Images
	if images == nil {
		images = []Image{}
	}
	i, err := json.Marshal(images)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO recording_format (recording, format, dir, url, digest, upload, bytes, minutes, processing_ms, images, told, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (recording, format) DO UPDATE SET dir = excluded.dir, url = excluded.url, digest = excluded.digest, upload = excluded.upload, bytes = excluded.bytes,
		minutes = excluded.minutes, processing_ms = excluded.processing_ms, images = excluded.images, told = excluded.told`,
		string(rec), f.Type, f.Dir, f.URL, f.Digest, f.Upload, f.Bytes, f.Minutes, f.ProcessingMS, string(i), f.Told, f.CreatedAt)
	return err
}

func removeFormat(ctx context.Context, tx store.Tx, rec ID, format string) error {
	_, err := tx.Exec(ctx, `DELETE FROM recording_format WHERE recording = $1 AND format = $2`, string(rec), format)
	return err
}

// storedBytes is what a member's recordings take here, the trash included. It joins r.
func storedBytes(ctx context.Context, r store.Reader, m id.Member) (int64, error) {
	n, _, err := store.Find(ctx, r, store.Value[int64], `SELECT CAST(COALESCE(SUM(f.bytes), 0) AS BIGINT) FROM recording x JOIN recording_format f ON f.recording = x.id
		WHERE x.member = $1 AND x.mode = 'stored' AND x.purged_at IS NULL`, string(m))
	return n, err
}

// agingMembers returns the members that have stored recordings which age. It joins r.
func agingMembers(ctx context.Context, r store.Reader) ([]id.Member, error) {
	return store.All(ctx, r, store.Value[id.Member], `SELECT DISTINCT member FROM recording WHERE mode = 'stored' AND member IS NOT NULL AND state <> 'deleted' ORDER BY member`)
}

// aging returns a member's stored recordings that age, without formats. It joins r.
func aging(ctx context.Context, r store.Reader, m id.Member) ([]Recording, error) {
	return store.All(ctx, r, scan, `SELECT `+columns+` FROM recording WHERE member = $1 AND mode = 'stored' AND state <> 'deleted' ORDER BY id`, string(m))
}

// unannounced returns the members with recordings that people are still to be told of. It joins r.
func unannounced(ctx context.Context, r store.Reader) ([]id.Member, error) {
	return store.All(ctx, r, store.Value[id.Member], `SELECT DISTINCT member FROM recording WHERE announce <> '' AND member IS NOT NULL ORDER BY member`)
}

// announced returns what people of a member are to be told of, what goes first in front, and takes it as told. It joins tx.
func announced(ctx context.Context, tx store.Tx, m id.Member) ([]Recording, error) {
	out, err := store.All(ctx, tx, scan, `SELECT `+columns+` FROM recording WHERE member = $1 AND announce <> '' ORDER BY keep_until, started_ms, id`, string(m))
	if err == nil && len(out) > 0 {
		_, err = tx.Exec(ctx, `UPDATE recording SET announce = '' WHERE member = $1 AND announce <> ''`, string(m))
	}
	return out, err
}

// trash returns stored recordings deleted before, whose files are still here. It joins r.
func trash(ctx context.Context, r store.Reader, before instant.Instant, limit int) ([]ID, error) {
	return store.All(ctx, r, store.Value[ID], `SELECT id FROM recording WHERE deleted_at <= $1 AND purged_at IS NULL AND mode = 'stored' ORDER BY deleted_at LIMIT $2`, before, limit)
}

// purge empties a deleted recording; its id stays, so that its server does not bring it back.
func purge(ctx context.Context, tx store.Tx, rec ID, now instant.Instant) (bool, error) {
	n, err := store.Affected(tx.Exec(ctx, `UPDATE recording SET purged_at = $1, name = '', metadata = '{}', xml = '' WHERE id = $2 AND deleted_at IS NOT NULL AND purged_at IS NULL`, now, string(rec)))
	if err != nil || n == 0 {
		return false, err
	}
	for _, text := range []string{`DELETE FROM recording_format WHERE recording = $1`, `DELETE FROM recording_track WHERE recording = $1`} {
		if _, err := tx.Exec(ctx, text, string(rec)); err != nil {
			return false, err
		}
	}
	return true, nil
}

func isPurged(ctx context.Context, r store.Reader, rec ID) (bool, error) {
	n, _, err := store.Find(ctx, r, store.Value[int], `SELECT COUNT(*) FROM recording WHERE id = $1 AND purged_at IS NOT NULL`, string(rec))
	return n > 0, err
}

func scanTrack(s store.Scanner) (Track, error) {
	var t Track
	err := s.Scan(&t.Kind, &t.Lang, &t.Label, &t.Source, &t.VTT)
	return t, err
}

func tracksOf(ctx context.Context, r store.Reader, rec ID) ([]Track, error) {
	return store.All(ctx, r, scanTrack, `SELECT kind, lang, label, source, vtt FROM recording_track WHERE recording = $1 ORDER BY kind, lang, label`, string(rec))
}

func saveTrack(ctx context.Context, tx store.Tx, now instant.Instant, rec ID, t Track) error {
	_, err := tx.Exec(ctx, `INSERT INTO recording_track (recording, kind, lang, label, source, vtt, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (recording, kind, lang, label) DO UPDATE SET source = excluded.source, vtt = excluded.vtt`, string(rec), t.Kind, t.Lang, t.Label, t.Source, t.VTT, now)
	return err
}

// changedAt returns when a recording was last written here. It joins r.
func changedAt(ctx context.Context, r store.Reader, rec ID) (instant.Instant, error) {
	at, _, err := store.Find(ctx, r, store.Value[instant.Instant], `SELECT changed_at FROM recording WHERE id = $1`, string(rec))
	return at, err
}

func removeTrack(ctx context.Context, tx store.Tx, rec ID, t Track) error {
	_, err := tx.Exec(ctx, `DELETE FROM recording_track WHERE recording = $1 AND kind = $2 AND lang = $3 AND label = $4`, string(rec), t.Kind, t.Lang, t.Label)
	return err
}

// brief is what lists are searched and sorted by: a recording without formats, breakout, text of its server, and what only its own page shows.
type brief struct {
	Recording
	bytes int64
}

func scanBrief(s store.Scanner) (brief, error) {
	var b brief
	var meta string
	err := s.Scan(&b.ID, &b.Connection, &b.Member, &b.ExternalID, &b.Name, &b.Mode, &b.State, &b.Access, &meta, &b.StartedMS, &b.EndedMS, &b.DeletedAt, &b.KeepUntil, &b.Notice, &b.KeptForever, &b.bytes)
	if err == nil && strings.Contains(meta, `"`+metaTitle+`"`) {
		err = json.Unmarshal([]byte(meta), &b.Metadata)
	}
	return b, err
}

const briefColumns = `x.id, COALESCE(x.connection, ''), COALESCE(x.member, ''), x.external_id, x.name, x.mode, x.state, x.access, x.metadata, x.started_ms, x.ended_ms, x.deleted_at, x.keep_until, x.notice, x.kept_forever,
	(SELECT CAST(COALESCE(SUM(f.bytes), 0) AS BIGINT) FROM recording_format f WHERE f.recording = x.id)`

var selectBriefs = store.NewIn(`SELECT `+briefColumns+` FROM recording x WHERE x.purged_at IS NULL AND (x.state <> 'deleted' OR x.mode = 'stored') AND x.member IN`, 0, ``)

// briefs returns all that members have, the trash included, in order of their ids. It joins r.
func briefs(ctx context.Context, r store.Reader, members ...id.Member) (out []brief, err error) {
	keys := make([]string, len(members))
	for i, m := range members {
		keys[i] = string(m)
	}
	err = selectBriefs.Each(ctx, r, nil, keys, ` ORDER BY x.id`, func(s store.Scanner) error {
		b, err := scanBrief(s)
		out = append(out, b)
		return err
	})
	return out, err
}

var selectWhole = store.NewIn(`SELECT `+columns+` FROM recording WHERE id IN`, 0, ``)

// whole returns the recordings of a list with their formats, in its order. It joins r.
func whole(ctx context.Context, r store.Reader, some []brief) ([]Recording, error) {
	at := make(map[ID]int, len(some))
	keys := make([]string, len(some))
	for i, b := range some {
		at[b.ID], keys[i] = i, string(b.ID)
	}
	out := make([]Recording, len(some))
	err := selectWhole.Each(ctx, r, nil, keys, ``, func(s store.Scanner) error {
		v, err := scan(s)
		out[at[v.ID]] = v
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, withFormats(ctx, r, out)
}

// inQuarantine is how many stored recordings of a server nobody owns, and their bytes; one format of one recording is left out. It joins r.
func inQuarantine(ctx context.Context, r store.Reader, server id.Server, but ID, format string) (others int, bytes int64, err error) {
	err = r.QueryRow(ctx, `SELECT COUNT(DISTINCT CASE WHEN x.id <> $2 THEN x.id END), CAST(COALESCE(SUM(CASE WHEN x.id <> $2 OR f.format <> $3 THEN f.bytes ELSE 0 END), 0) AS BIGINT)
		FROM recording x LEFT JOIN recording_format f ON f.recording = x.id WHERE x.server = $1 AND x.connection IS NULL AND x.mode = 'stored' AND x.state <> 'deleted'`,
		string(server), string(but), format).Scan(&others, &bytes)
	return others, bytes, err
}

// noteRefusal counts an upload that quarantine had no room for.
func noteRefusal(ctx context.Context, tx store.Tx, now instant.Instant, server id.Server, rec ID, bound string) error {
	_, err := tx.Exec(ctx, `INSERT INTO quarantine_refusal (server, recording, bound, times, first_at, last_at) VALUES ($1, $2, $3, 1, $4, $4)
		ON CONFLICT (server) DO UPDATE SET recording = excluded.recording, bound = excluded.bound, times = quarantine_refusal.times + 1, last_at = excluded.last_at`,
		string(server), string(rec), bound, now)
	return err
}

// forgetRefusals takes back what was noted of a server: there was room again.
func forgetRefusals(ctx context.Context, tx store.Tx, server id.Server) error {
	_, err := tx.Exec(ctx, `DELETE FROM quarantine_refusal WHERE server = $1`, string(server))
	return err
}

func scanRefusal(s store.Scanner) (Refusal, error) {
	var v Refusal
	err := s.Scan(&v.Server, &v.Last, &v.Bound, &v.Times, &v.First, &v.At)
	return v, err
}

func refusals(ctx context.Context, r store.Reader) ([]Refusal, error) {
	return store.All(ctx, r, scanRefusal, `SELECT server, recording, bound, times, first_at, last_at FROM quarantine_refusal ORDER BY last_at DESC, server`)
}

// isUsed reports whether a format's files are in a directory. It joins r.
func isUsed(ctx context.Context, r store.Reader, dir string) (bool, error) {
	n, _, err := store.Find(ctx, r, store.Value[int], `SELECT COUNT(*) FROM recording_format WHERE dir = $1`, dir)
	return n > 0, err
}

// quarantined returns recordings that nobody owns and whose files are not gone, newest first, without formats. It joins r.
func quarantined(ctx context.Context, r store.Reader, dropped bool, offset, limit int) ([]Recording, error) {
	return store.All(ctx, r, scan, `SELECT `+columns+` FROM recording WHERE connection IS NULL AND purged_at IS NULL AND (state = 'deleted') = $1 AND (state <> 'deleted' OR mode = 'stored')
		ORDER BY indexed_at DESC, id LIMIT $2 OFFSET $3`, dropped, limit, offset)
}

// countQuarantine counts what quarantined returns: here, and dropped. It joins r.
func countQuarantine(ctx context.Context, r store.Reader) (here, dropped int, err error) {
	err = r.QueryRow(ctx, `SELECT COUNT(CASE WHEN state <> 'deleted' THEN id END), COUNT(CASE WHEN state = 'deleted' AND mode = 'stored' THEN id END) FROM recording WHERE connection IS NULL AND purged_at IS NULL`).Scan(&here, &dropped)
	return here, dropped, err
}

func scanShare(s store.Scanner) (ServerShare, error) {
	var v ServerShare
	err := s.Scan(&v.Server, &v.Recordings, &v.Bytes)
	return v, err
}

// shares is what each server has in quarantine, most bytes first. It joins r.
func shares(ctx context.Context, r store.Reader) ([]ServerShare, error) {
	return store.All(ctx, r, scanShare, `SELECT x.server, COUNT(DISTINCT x.id), CAST(COALESCE(SUM(f.bytes), 0) AS BIGINT) AS total
		FROM recording x LEFT JOIN recording_format f ON f.recording = x.id WHERE x.connection IS NULL AND x.mode = 'stored' AND x.state <> 'deleted' AND x.server IS NOT NULL
		GROUP BY x.server ORDER BY total DESC, x.server`)
}

// tally is how many recordings of one state a server made.
type tally struct {
	server id.Server
	state  State
	n      int
}

func scanTally(s store.Scanner) (tally, error) {
	var v tally
	err := s.Scan(&v.server, &v.state, &v.n)
	return v, err
}

// tallies counts the recordings of each server by state, those in quarantine and in the trash too; what was purged is there no longer. It
// joins r.
func tallies(ctx context.Context, r store.Reader) ([]tally, error) {
	return store.All(ctx, r, scanTally, `SELECT server, state, COUNT(*) FROM recording WHERE server IS NOT NULL AND purged_at IS NULL GROUP BY server, state`)
}
