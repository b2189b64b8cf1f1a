// SPDX-License-Identifier: AGPL-3.0-or-later

package app

import (
	"context"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"time"

	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
	"meetcoop/internal/usage"
)

// historyWeeks is how much of the past the demo has: three months.
const historyWeeks = 13

// seedHistory writes the meetings a room would have held: on weekdays between nine and nine, at lengths and sizes around the usual
// ones, never beyond the member's seats. The same room has the same history in each demo: the dice are seeded by its name.
func (c *core) seedHistory(ctx context.Context, m membership.Member, room rooms.Room, d demoMember, present instant.Instant) error {
	seed := fnv.New64a()
	_, _ = seed.Write([]byte(d.slug + "/" + room.Name)) // a hash never fails
	dice := rand.New(rand.NewPCG(seed.Sum64(), 2020))
	recorder := usage.NewRecorder()
	var connection id.Connection
	var seats int
	err := c.db.Read(ctx, func(r store.Reader) (err error) {
		if connection, err = membership.PortalConnection(ctx, r, m.ID); err != nil {
			return err
		}
		ent, err := tariff.Entitled(ctx, r, m.ID, c.now())
		seats, _ = ent.Limits.Seats.Int()
		return err
	})
	if err != nil {
		return err
	}
	perRoom := max(1, d.busy/len(d.rooms))
	var last instant.Instant
	for week := historyWeeks; week > 0; week-- {
		monday := present.In(m.Location()).AddDays(-7*week - int(present.Time().Weekday()) + 1)
		for range perRoom {
			begin := monday.AddDays(dice.IntN(5)).Start(m.Location()).Add(time.Duration(9*60+15*dice.IntN(44)) * time.Minute)
			length := time.Duration(25+dice.IntN(70)) * time.Minute
			if !begin.Add(length).Before(present) {
				continue
			}
			people := max(2, d.usual-3+dice.IntN(7))
			refused := 0
			if people > seats {
				people, refused = seats, people-seats
			}
			held := fleet.Meeting{
				ID: id.NewMeeting(), Member: m.ID, Connection: connection, ExternalID: string(room.ID), Room: room.ID, State: fleet.Ended,
				StartedAt: begin, EndedAt: begin.Add(length), EndReason: fleet.EndEmpty, Cap: tariff.Unlimited, Peak: people,
			}
			facts := meetingFacts(held, people, refused, dice)
			if err := c.db.Write(ctx, func(tx store.Tx) error {
				if err := fleet.Insert(ctx, tx, held); err != nil {
					return err
				}
				return recorder.Record(ctx, tx, facts...)
			}); err != nil {
				return err
			}
			last = instant.Later(last, begin)
		}
	}
	if last.IsZero() {
		return nil
	}
	return c.db.Write(ctx, func(tx store.Tx) error { return rooms.Used(ctx, tx, last, room.ID) })
}

// meetingFacts is what the gate would have written about a meeting.
func meetingFacts(m fleet.Meeting, people, refused int, dice *rand.Rand) []usage.Fact {
	fact := func(at instant.Instant, kind usage.Kind, n int, code string, who int) usage.Fact {
		f := usage.Fact{At: at, Member: m.Member, Connection: m.Connection, Meeting: m.ID, Kind: kind, N: n, Code: code}
		if who >= 0 {
			f.PersonKey = usage.KeyOf(m.Connection, "demo:"+strconv.Itoa(who))
		}
		return f
	}
	length := m.EndedAt.Sub(m.StartedAt)
	facts := []usage.Fact{fact(m.StartedAt, usage.Started, 1, "", -1)}
	var together time.Duration
	for i := range people {
		joined := m.StartedAt.Add(time.Duration(dice.IntN(300)) * time.Second)
		stay := m.EndedAt.Sub(joined) - time.Duration(dice.IntN(120))*time.Second
		together += stay
		facts = append(facts, fact(joined, usage.Joined, 1, "", i), fact(joined.Add(stay), usage.Left, int(stay.Seconds()), "left", i))
	}
	for i := range refused {
		facts = append(facts, fact(m.StartedAt.Add(6*time.Minute), usage.Refused, 1+dice.IntN(2), "admission.seats_full", people+i))
	}
	hour := instant.Of(m.StartedAt.Time().Truncate(time.Hour))
	peak := fact(hour, usage.Peak, people, "", -1)
	peak.Meeting, peak.Connection = "", ""
	return append(facts,
		fact(m.EndedAt, usage.Ended, int(length.Seconds()), string(fleet.EndEmpty), -1),
		fact(m.EndedAt, usage.Seated, int(together.Seconds()), "", -1),
		fact(m.EndedAt, usage.Peak, people, "", -1), peak)
}
