// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"context"
	"strings"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
)

// Glance is what the page of a meeting shows before it has entered.
type Glance struct {
	Room     string // slug; none for the meeting of an API client
	Name     string // of the room, or as its client called it
	LeaveURL string // where its client wants people to go afterwards; none mostly
}

// Glance returns what a meeting is called to whoever was admitted to it, also when it is over or they were removed: the page
// then says so. NotFound (meeting.unknown, meeting.not_inside) for everybody else; to whom a client has sent it is told all the same.
func (s *Service) Glance(ctx context.Context, m id.Meeting, who Who) (Glance, error) {
	var out Glance
	err := s.deps.DB.Read(ctx, func(r store.Reader) error {
		row, _, err := s.inside(ctx, r, m, who)
		sent := row.Connection != "" && !who.Sent.IsZero()
		if kind := fault.KindOf(err); err != nil && kind != fault.Conflict && kind != fault.Forbidden && !sent {
			return err
		}
		outside := err
		if out, err = row.about(ctx, r); err == nil && sent && row.EndedAt.IsZero() {
			err = outside // whom a client sent and nobody has let in yet; when it is over they read that, too
		}
		return err
	})
	return out, err
}

// about reads what a meeting is called. It joins r.
func (m meeting) about(ctx context.Context, r store.Reader) (Glance, error) {
	if m.Connection != "" {
		return Glance{Name: m.Title, LeaveURL: m.LeaveURL}, nil
	}
	room, err := rooms.ByID(ctx, r, m.Room)
	return Glance{Room: room.Slug, Name: room.Name}, err
}

// endedPrefix begins the codes of a meeting that is over; what follows is the reason.
const endedPrefix = "meeting.ended_"

// EndedWhy returns why the meeting is over, when that is what err says: a fleet.EndReason.
func EndedWhy(err error) (why string, over bool) {
	return strings.CutPrefix(fault.CodeOf(err), endedPrefix)
}
