// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"maps"
	"net/url"
	"slices"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/live"
	"meetcoop/internal/rooms"
)

// The samples of the door of a room, of waiting, of being refused, and of the meeting's page.

// refusals are the codes of portal.md section 8 that a knock may bring, with what their texts need.
var refusals = map[string]*fault.Error{
	"seats":        fault.New(fault.LimitReached, "admission.seats_full", fault.Params{"Limit": 20, "Used": 20}),
	"participants": fault.New(fault.LimitReached, "admission.participants_full", fault.Params{"Limit": 5, "Used": 5}),
	"running":      fault.New(fault.LimitReached, "admission.running_rooms", fault.Params{"Limit": 2, "Used": 2}),
	"exhausted":    fault.New(fault.LimitReached, "admission.duration_exhausted", fault.Params{"Until": sampleNow.Add(3 * time.Hour)}),
	"waiting-full": fault.New(fault.LimitReached, "admission.waiting_full", fault.Params{"Limit": 100}),
	"suspended":    fault.New(fault.Forbidden, "member.suspended"),
	"closed":       fault.New(fault.Forbidden, "member.closed"),
	"dormant":      fault.New(fault.Conflict, "rooms.dormant"),
	"removed":      fault.New(fault.Forbidden, "room.removed"),
	"locked":       fault.New(fault.Conflict, "room.locked"),
	"denied":       fault.New(fault.Forbidden, "room.denied"),
	"denied-text":  fault.New(fault.Forbidden, "room.denied_text", fault.Params{"Text": longName}),
	"people-only":  fault.New(fault.Forbidden, "room.people_only"),
	"invited-only": fault.New(fault.Forbidden, "room.invited_only"),
	"no-server":    fault.New(fault.Unavailable, "fleet.no_server"),
	"engine-full":  fault.New(fault.LimitReached, "fleet.engine_full", fault.Params{"Limit": 300}),
	"engine-down":  fault.New(fault.Unavailable, "engine.down"),
	"engine-none":  fault.New(fault.Unavailable, "engine.none"),
	"loopback":     fault.New(fault.Unavailable, "engine.loopback_only"),
}

// Each refusal is a sample of its own.
var _ = func() struct{} {
	for _, name := range slices.Sorted(maps.Keys(refusals)) {
		err := refusals[name]
		sampleOf("room_refuse", name, func(r *Request) any {
			if name == "seats" {
				used := sampleUsage(20, 1, 2)
				used.Waiting = 1
				return testPortal.refuseOf(typed(stranger(r), url.Values{"name": {"Ben"}}), sampleRoom(), sampleMember, &used, err)
			}
			return testPortal.refuseOf(typed(r, nil), sampleRoom(), sampleMember, nil, err)
		})
	}
	return struct{}{}
}()

var (
	_ = sampleOf("room_refuse", "crowded", func(r *Request) any {
		used := sampleUsage(20, 0, 2)
		used.Waiting = 99
		return testPortal.refuseOf(typed(r, url.Values{"name": {longName}}), crowdedRoom(), longMember, &used, refusals["seats"])
	})

	_ = sampleOf("room_join", "filled", func(r *Request) any {
		room := sampleRoom()
		return testPortal.doorOf(stranger(r), room, rooms.RoleViewer, sampleMember, runningNow(6, room.ID)[room.ID], Mistakes{})
	})
	_ = sampleOf("room_join", "empty", func(r *Request) any {
		return testPortal.doorOf(stranger(r), sampleRoom(), rooms.RoleViewer, sampleMember, live.Now{}, Mistakes{})
	})
	_ = sampleOf("room_join", "moderator", func(r *Request) any {
		return testPortal.doorOf(r, sampleRoom(), rooms.RoleModerator, sampleMember, live.Now{}, Mistakes{})
	})
	_ = sampleOf("room_join", "refused", func(r *Request) any {
		r = typed(stranger(r), url.Values{"name": {"\u202e"}})
		page := testPortal.doorOf(r, crowdedRoom(), rooms.RoleViewer, sampleMember, live.Now{}, mistaken(r, "name", "person.name_characters"))
		page.codeWrong(r, fault.New(fault.Invalid, "room.code", fault.Params{"Limit": 3}))
		return page
	})
	_ = sampleOf("room_join", "crowded", func(r *Request) any {
		room := crowdedRoom()
		return testPortal.doorOf(typed(stranger(r), url.Values{"name": {longName}}), room, rooms.RoleViewer, longMember, runningNow(1, room.ID)[room.ID], Mistakes{})
	})

	_ = sampleOf("room_wait", "start", func(r *Request) any {
		return testPortal.waitOf(stranger(r), sampleRoom(), live.Entry{State: live.NotStarted, Fault: fault.New(fault.Conflict, "room.not_started")})
	})
	_ = sampleOf("room_wait", "door", func(r *Request) any {
		return testPortal.waitOf(stranger(r), sampleRoom(), live.Entry{State: live.AtDoor, Fault: fault.New(fault.Conflict, "room.waiting")})
	})
	_ = sampleOf("room_wait", "seat", func(r *Request) any {
		return testPortal.waitOf(stranger(r), sampleRoom(), live.Entry{State: live.ForSeat, Fault: fault.New(fault.LimitReached, "admission.seats_wait")})
	})
	_ = sampleOf("room_wait", "crowded", func(r *Request) any {
		return testPortal.waitOf(r, crowdedRoom(), live.Entry{State: live.ForSeat, Ahead: 1234, Fault: fault.New(fault.LimitReached, "admission.seats_wait")})
	})

	_ = sampleOf("meet_show#meet", "filled", func(r *Request) any {
		return testPortal.meetOf(stranger(r), "mtg_1", live.Glance{Room: "amber-oak-42", Name: "Weekly round"})
	})
	_ = sampleOf("meet_show#meet", "crowded", func(r *Request) any {
		return testPortal.meetOf(r, "mtg_1", live.Glance{Room: "amber-oak-42", Name: longName})
	})
)
