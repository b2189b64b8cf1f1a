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
	Room string // slug
	Name string // of the room
}

// Glance returns the room of a meeting to whoever was admitted to it, also when it is over or they were removed: the page
// then says so. NotFound (meeting.unknown, meeting.not_inside) for everybody else.
func (s *Service) Glance(ctx context.Context, m id.Meeting, who Who) (Glance, error) {
	var out Glance
	err := s.deps.DB.Read(ctx, func(r store.Reader) error {
		row, _, err := s.inside(ctx, r, m, who)
		if kind := fault.KindOf(err); err != nil && kind != fault.Conflict && kind != fault.Forbidden {
			return err
		}
		if row.ID == "" {
			var ok bool
			if row, ok, err = meetingByID(ctx, r, m); err != nil || !ok {
				return err
			}
		}
		room, err := rooms.ByID(ctx, r, row.Room)
		out = Glance{Room: room.Slug, Name: room.Name}
		return err
	})
	return out, err
}

// endedPrefix begins the codes of a meeting that is over; what follows is the reason.
const endedPrefix = "meeting.ended_"

// EndedWhy returns why the meeting is over, when that is what err says: a fleet.EndReason.
func EndedWhy(err error) (why string, over bool) {
	return strings.CutPrefix(fault.CodeOf(err), endedPrefix)
}
