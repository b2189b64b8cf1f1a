// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"meetcoop/internal/admission"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/money"
	"meetcoop/internal/rooms"
	"meetcoop/internal/tariff"
)

// What the samples of all pages are made of: one organisation, its rooms, and the longest words people may bring.

func init() { testPortal.PublicURL = "https://video.example" }

const (
	longName = "Genossenschaftsvollversammlungsvorbereitungsausschussvorsitzendenwahlkommission der Nachbarschaftshilfe Langstraße"
	longWord = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetzesberatung"
	longMail = "vorsitz.der.vollversammlungsvorbereitung@nachbarschaftshilfe-langstrasse.genossenschaft.example"
)

// crowd is a list as long as pages must bear.
const crowd = 120

var (
	sampleRoomID = id.Room("room_0192f0c1a2b37c4d8e9f0a1b2c3d4e5f")
	sampleMember = membership.Member{ID: "mem_1", Slug: "hilado", Name: "Hilado, cooperativa de trabajo", Zone: "Europe/Madrid"}
	longMember   = membership.Member{ID: "mem_1", Slug: "hilado", Name: longName, Zone: "Europe/Madrid"}
)

// stranger makes the request one of somebody who is not signed in.
func stranger(r *Request) *Request {
	r.Visitor = Visitor{}
	return r
}

// typed is the request of a form that was sent.
func typed(r *Request, form url.Values) *Request {
	sent := httptest.NewRequest("POST", "/", strings.NewReader(form.Encode()))
	sent.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Request = sent
	return r
}

// mistaken are the wrong fields of a refused form.
func mistaken(r *Request, fields ...string) Mistakes {
	var c fault.Check
	for i := 0; i < len(fields); i += 2 {
		c.Field(false, fields[i], fields[i+1], fault.Params{"Limit": 80, "Min": 4, "Max": 32})
	}
	m, ok := mistakes(r.P, c.Err())
	if !ok {
		panic("no mistakes in a sample")
	}
	return m
}

func sampleRoom() rooms.Room {
	return rooms.Room{
		ID: sampleRoomID, Member: "mem_1", Owner: "person_0192f0c1a2b37c4d8e9f0a1b2c3d4e5f", Slug: "amber-oak-42", Name: "Weekly round",
		Settings: rooms.DefaultSettings(), Version: 3, CreatedAt: sampleNow.Add(-90 * 24 * time.Hour), LastUsedAt: sampleNow.Add(-26 * time.Hour),
	}
}

// crowdedRoom has every setting and the longest names.
func crowdedRoom() rooms.Room {
	room := sampleRoom()
	room.Name, room.Pinned = longName, true
	room.Settings = rooms.Settings{AccessCode: strings.Repeat("kennwort", 4), WaitingRoom: true, MuteOnEntry: true, MayStart: rooms.StartSignedIn, MayEnter: rooms.EnterInvited}
	return room
}

func numbered(room rooms.Room, n int) rooms.Room {
	room.ID = id.Room(fmt.Sprintf("room_0192f0c1a2b37c4d8e9f%012x", n))
	room.Slug = fmt.Sprintf("amber-oak-%d", n)
	return room
}

func sampleMeeting(n int) fleet.Meeting {
	return fleet.Meeting{
		ID: id.Meeting(fmt.Sprintf("mtg_%d", n)), Member: "mem_1", Room: numbered(sampleRoom(), n).ID, StartedAt: sampleNow.Add(-time.Duration(n+1) * 54 * time.Minute),
		DeadlineAt: sampleNow.Add(2 * time.Hour), EndedAt: sampleNow.Add(-time.Duration(n) * 54 * time.Minute), People: 6 + n, Peak: 9 + n,
	}
}

func sampleLimits() tariff.Limits {
	return tariff.Limits{Seats: 20, Participants: 20, Rooms: 5, RunningRooms: 2, Hosts: 2, Duration: 3 * time.Hour, DurationScope: tariff.ScopeMeeting}
}

func sampleUsage(used, held, meetings int) admission.Usage {
	u := admission.Usage{
		Seats: admission.SeatUsage{Used: used, Held: held, Limit: 20}, RunningRooms: admission.Level{Used: meetings, Limit: 2},
		Entitlement: tariff.Entitlement{
			Member: "mem_1", Level: "level-2", Limits: sampleLimits(), Allowed: true,
			Standing: membership.Standing{State: membership.StandingHost, Level: "level-2", Boundary: sampleNow.Add(20 * 24 * time.Hour)},
		},
	}
	for i := range meetings {
		m := sampleMeeting(i)
		m.EndedAt = instant.Instant{}
		u.Meetings = append(u.Meetings, m)
	}
	return u
}

// suspendedUsage is that of a member that may not use anything.
func suspendedUsage() admission.Usage {
	return admission.Usage{Entitlement: tariff.Entitlement{Member: "mem_1", Standing: membership.Standing{State: membership.StandingSuspended, Boundary: sampleNow.Add(20 * 24 * time.Hour)}}}
}

func unlimitedUsage() admission.Usage {
	u := sampleUsage(480, 12, 12)
	u.Seats.Limit, u.RunningRooms.Limit = tariff.Unlimited, tariff.Unlimited
	u.Entitlement.Level = "organisation"
	u.Entitlement.Limits = tariff.Limits{Seats: tariff.Unlimited, Participants: tariff.Unlimited, Rooms: tariff.Unlimited, RunningRooms: tariff.Unlimited, Hosts: tariff.Unlimited, Recording: true}
	return u
}

func sampleLevels() []tariff.Level {
	euro := func(n int64) money.Amount { return money.Amount{Minor: n * 100, Currency: "EUR"} }
	from := instant.NewDate(2020, 7, 1)
	level := func(key string, price int64, seats, rooms, running, hosts tariff.Limit, d time.Duration) tariff.Level {
		return tariff.Level{
			Key: key, Contribution: euro(price), SetUp: euro(0), ValidFrom: from, DecisionKey: "2020-07-levels",
			Limits: tariff.Limits{Seats: seats, Participants: seats, Rooms: rooms, RunningRooms: running, Hosts: hosts, Duration: d},
		}
	}
	custom := level("custom", 0, tariff.Unlimited, tariff.Unlimited, tariff.Unlimited, tariff.Unlimited, 0)
	custom.ByQuotation = true
	return []tariff.Level{
		level("free", 0, 5, 1, 1, 1, time.Hour), level("level-2", 20, 20, 5, 2, 2, 3*time.Hour),
		level("organisation", 100, 100, tariff.Unlimited, tariff.Unlimited, tariff.Unlimited, 24*time.Hour), custom,
	}
}
