// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"fmt"
	"net/url"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/live"
	"meetcoop/internal/membership"
	"meetcoop/internal/rooms"
)

// The samples of rooms, as their people see them.

func listed(n int, change func(i int, l *rooms.Listed)) []rooms.Listed {
	var out []rooms.Listed
	for i := range n {
		l := rooms.Listed{Room: numbered(sampleRoom(), i), Role: rooms.RoleModerator, Own: true}
		if change != nil {
			change(i, &l)
		}
		out = append(out, l)
	}
	return out
}

func runningNow(people int, in ...id.Room) map[id.Room]live.Now {
	out := map[id.Room]live.Now{}
	for i, room := range in {
		out[room] = live.Now{Room: room, Meeting: id.Meeting(fmt.Sprint("mtg_", i)), Inside: people, Seated: people, Since: sampleNow.Add(-12 * time.Minute)}
	}
	return out
}

func roomPeople(n int, name string) []rooms.Person {
	out := []rooms.Person{{Subject: "mail:x", Address: longMail, Role: rooms.RoleViewer}}
	for i := range n {
		out = append(out, rooms.Person{Subject: fmt.Sprint("person_", i), Name: fmt.Sprint(name, " ", i), Role: rooms.RoleModerator})
	}
	return out
}

func pastOf(n int) []fleet.Meeting {
	var out []fleet.Meeting
	for i := range n {
		out = append(out, sampleMeeting(i))
	}
	return out
}

var (
	_ = sampleOf("rooms_list", "filled", func(r *Request) any {
		all := listed(4, func(i int, l *rooms.Listed) {
			switch i {
			case 1:
				l.LastUsedAt = instant.Instant{}
			case 2:
				l.Own, l.Role = false, rooms.RoleViewer
			case 3:
				l.Dormant = true
			}
		})
		return testPortal.roomsOf(r, all, runningNow(6, all[0].ID), []memberSeats{memberSeatsOf(r, r.Visitor.Hats[0], sampleUsage(18, 2, 1))})
	})
	_ = sampleOf("rooms_list", "empty", func(r *Request) any { return testPortal.roomsOf(r, nil, nil, nil) })
	_ = sampleOf("rooms_list", "guest", func(r *Request) any {
		r.Visitor.Hats = nil
		return testPortal.roomsOf(r, nil, nil, nil)
	})
	_ = sampleOf("rooms_list", "refused", func(r *Request) any {
		return testPortal.roomsOf(r, listed(2, nil), nil, []memberSeats{memberSeatsOf(r, r.Visitor.Hats[0], suspendedUsage())})
	})
	_ = sampleOf("rooms_list", "crowded", func(r *Request) any {
		all := listed(crowd, func(i int, l *rooms.Listed) { l.Name, l.Dormant = longName, i%3 == 2 })
		return testPortal.roomsOf(r, all, runningNow(1, all[0].ID, all[1].ID), []memberSeats{memberSeatsOf(r, Hat{Member: longMember}, unlimitedUsage())})
	})

	_ = sampleOf("room_new", "empty", func(r *Request) any { return testPortal.roomForm(r, Mistakes{}) })
	_ = sampleOf("room_new", "wrong", func(r *Request) any {
		r = typed(r, url.Values{"name": {"<i>"}})
		return testPortal.roomForm(r, mistaken(r, "name", "person.name_empty"))
	})
	_ = sampleOf("room_new", "refused", func(r *Request) any {
		hat := r.Visitor.Hats[0]
		return testPortal.roomFormRefused(typed(r, url.Values{"name": {"Board"}}), hat, fault.New(fault.LimitReached, "rooms.limit", fault.Params{"Limit": 5, "Used": 5}))
	})
	_ = sampleOf("room_new", "crowded", func(r *Request) any {
		for i := range 12 {
			r.Visitor.Hats = append(r.Visitor.Hats, Hat{membership.Member{Slug: fmt.Sprint("m", i), Name: longName}, []membership.Role{membership.RoleHost}})
		}
		return testPortal.roomForm(typed(r, url.Values{"name": {longName}}), Mistakes{})
	})

	_ = sampleOf("room_show", "filled", func(r *Request) any {
		return testPortal.roomOf(r, sampleRoom(), roomFigures{People: roomPeople(2, "Ada"), Past: pastOf(3), Used: sampleUsage(16, 0, 1)}, Mistakes{})
	})
	_ = sampleOf("room_show", "empty", func(r *Request) any {
		return testPortal.roomOf(r, sampleRoom(), roomFigures{Used: sampleUsage(0, 0, 0)}, Mistakes{})
	})
	_ = sampleOf("room_show", "co-host", func(r *Request) any {
		room := sampleRoom()
		room.Owner = "person_other"
		return testPortal.roomOf(r, room, roomFigures{Run: runningNow(6, room.ID)[room.ID], Past: pastOf(1), Used: sampleUsage(6, 1, 1)}, Mistakes{})
	})
	_ = sampleOf("room_show", "asleep", func(r *Request) any {
		room := sampleRoom()
		room.Dormant = true
		return testPortal.roomOf(r, room, roomFigures{Used: sampleUsage(16, 0, 1)}, Mistakes{})
	})
	_ = sampleOf("room_show", "refused", func(r *Request) any {
		m := mistaken(r, "name", "person.name_empty", "access_code", "rooms.access_code", "may_enter", "input.choice", "may_start", "input.choice", "address", "rooms.address")
		return testPortal.roomOf(r, crowdedRoom(), roomFigures{Used: sampleUsage(0, 0, 0)}, m)
	})
	_ = sampleOf("room_show", "stale", func(r *Request) any {
		saved, wanted := sampleRoom(), crowdedRoom()
		saved.Version++
		page := testPortal.roomOf(r, wanted, roomFigures{Used: sampleUsage(0, 0, 0)}, Mistakes{})
		page.stale(r, saved, wanted, fault.New(fault.Conflict, "rooms.stale"))
		return page
	})
	_ = sampleOf("room_show", "crowded", func(r *Request) any {
		return testPortal.roomOf(r, crowdedRoom(), roomFigures{People: roomPeople(crowd, longWord), Past: pastOf(pastMeetings), Used: sampleUsage(20, 3, 2)}, Mistakes{})
	})
	_ = sampleOf("room_archive", "filled", func(r *Request) any { return testPortal.archiveOf(r, sampleRoom()) })
	_ = sampleOf("room_archive", "crowded", func(r *Request) any { return testPortal.archiveOf(r, crowdedRoom()) })

	_ = sampleOf("rooms_archived", "empty", func(r *Request) any { return testPortal.archivedOf(r, nil) })
	_ = sampleOf("rooms_archived", "crowded", func(r *Request) any {
		var all []rooms.Room
		for i := range crowd {
			room := numbered(crowdedRoom(), i)
			room.ArchivedAt = sampleNow.Add(-time.Duration(i) * time.Hour)
			all = append(all, room)
		}
		return testPortal.archivedOf(r, all)
	})
)
