// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"context"

	"meetcoop/internal/id"
	"meetcoop/internal/store"
)

// Each counts something anew beside what is stored: member, meeting, stored, counted. $1 is a member, or
// ” for all.
var counts = []struct{ column, query string }{
	{"seats", `SELECT u.member, '', u.seats, COALESCE(c.n, 0) FROM member_usage u
		LEFT JOIN (SELECT member, COUNT(*) AS n FROM seat WHERE NOT service GROUP BY member) c ON c.member = u.member WHERE $1 = '' OR u.member = $1`},
	{"moderators", `SELECT u.member, '', u.moderators, COALESCE(c.n, 0) FROM member_usage u
		LEFT JOIN (SELECT member, COUNT(*) AS n FROM seat WHERE role = 'moderator' AND NOT service GROUP BY member) c ON c.member = u.member WHERE $1 = '' OR u.member = $1`},
	{"running_rooms", `SELECT u.member, '', u.running_rooms, COALESCE(c.n, 0) FROM member_usage u
		LEFT JOIN (SELECT member, COUNT(*) AS n FROM meeting WHERE state IN ('stub', 'reserved', 'live', 'detached') GROUP BY member) c
			ON c.member = u.member WHERE $1 = '' OR u.member = $1`},
	{"waiting", `SELECT u.member, '', u.waiting, COALESCE(c.n, 0) FROM member_usage u
		LEFT JOIN (SELECT member, COUNT(*) AS n FROM waiter GROUP BY member) c ON c.member = u.member WHERE $1 = '' OR u.member = $1`},
	{"people", `SELECT m.member, m.id, p.people, COALESCE(c.n, 0) FROM meeting m JOIN meeting_count p ON p.meeting = m.id
		LEFT JOIN (SELECT meeting, COUNT(*) AS n FROM seat WHERE NOT service GROUP BY meeting) c ON c.meeting = m.id
		WHERE m.state IN ('stub', 'reserved', 'live', 'detached') AND ($1 = '' OR m.member = $1)`},
	{"moderators", `SELECT m.member, m.id, p.moderators, COALESCE(c.n, 0) FROM meeting m JOIN meeting_count p ON p.meeting = m.id
		LEFT JOIN (SELECT meeting, COUNT(*) AS n FROM seat WHERE role = 'moderator' AND NOT service GROUP BY meeting) c ON c.meeting = m.id
		WHERE m.state IN ('stub', 'reserved', 'live', 'detached') AND ($1 = '' OR m.member = $1)`},
	{"seats of an ended meeting", `SELECT s.member, s.meeting, 0, COUNT(*) FROM seat s JOIN meeting m ON m.id = s.meeting
		WHERE m.state IN ('superseded', 'ended', 'void') AND ($1 = '' OR s.member = $1) GROUP BY s.member, s.meeting`},
}

func miscounts(ctx context.Context, r store.Reader, member id.Member) ([]Problem, error) {
	out := []Problem{}
	for _, c := range counts {
		all, err := store.All(ctx, r, func(s store.Scanner) (Problem, error) {
			p := Problem{Column: c.column}
			err := s.Scan(&p.Member, &p.Meeting, &p.Stored, &p.Counted)
			return p, err
		}, c.query, string(member))
		if err != nil {
			return nil, err
		}
		for _, p := range all {
			if p.Stored != p.Counted {
				out = append(out, p)
			}
		}
	}
	return out, nil
}

// recount sets the counters of a locked member to what its rows say. The version is raised, so that no
// gate goes on by its memory.
func recount(ctx context.Context, tx store.Tx, member id.Member) error {
	store.Mark(tx) // for lanes
	for _, query := range []string{
		`DELETE FROM seat WHERE member = $1 AND meeting IN (SELECT id FROM meeting WHERE member = $1 AND state IN ('superseded', 'ended', 'void'))`,
		`UPDATE member_usage SET version = version + 1,
			seats = (SELECT COUNT(*) FROM seat s WHERE s.member = $1 AND NOT s.service),
			moderators = (SELECT COUNT(*) FROM seat s WHERE s.member = $1 AND s.role = 'moderator' AND NOT s.service),
			running_rooms = (SELECT COUNT(*) FROM meeting m WHERE m.member = $1 AND m.state IN ('stub', 'reserved', 'live', 'detached')),
			waiting = (SELECT COUNT(*) FROM waiter w WHERE w.member = $1)
			WHERE member = $1`,
		`UPDATE meeting_count SET
			people = (SELECT COUNT(*) FROM seat s WHERE s.member = $1 AND s.meeting = meeting_count.meeting AND NOT s.service),
			moderators = (SELECT COUNT(*) FROM seat s WHERE s.member = $1 AND s.meeting = meeting_count.meeting AND s.role = 'moderator' AND NOT s.service),
			peak = CASE WHEN peak > (SELECT COUNT(*) FROM seat s WHERE s.member = $1 AND s.meeting = meeting_count.meeting AND NOT s.service) THEN peak
				ELSE (SELECT COUNT(*) FROM seat s WHERE s.member = $1 AND s.meeting = meeting_count.meeting AND NOT s.service) END
			WHERE meeting IN (SELECT id FROM meeting WHERE member = $1 AND state IN ('stub', 'reserved', 'live', 'detached'))`,
	} {
		if _, err := tx.Exec(ctx, query, string(member)); err != nil {
			return err
		}
	}
	return nil
}
