// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/tariff"
	"meetcoop/internal/usage"
)

var noon = instant.Of(time.Date(2027, time.January, 11, 12, 0, 0, 0, time.UTC))

// table is a ledger with what is needed to decide on it, and a copy of what was written and told so far.
type table struct {
	t      rapid.TB
	ledger *ledger
	now    instant.Instant
	places *places

	stored    map[seatKey]Seat              // as changes had it written
	told      map[id.Participant]id.Meeting // as events told it
	running   map[id.Meeting]instant.Instant
	deadlines map[id.Meeting]instant.Instant
	n         int // of identifiers given
}

func newTable(t rapid.TB, l limits) *table {
	led := newLedger("mem")
	led.complete, led.limits = true, l
	servers := []fleet.Server{{ID: "srv", Kind: fleet.KindSFU, Observed: fleet.ObservedUp, Admin: fleet.AdminEnabled, LoadUnits: 60, Tags: []string{}}}
	return &table{
		t: t, ledger: led, now: noon, stored: map[seatKey]Seat{}, told: map[id.Participant]id.Meeting{}, running: map[id.Meeting]instant.Instant{},
		deadlines: map[id.Meeting]instant.Instant{},
		places:    &places{servers: servers, byID: byID(servers), loads: map[id.Server]fleet.Load{}, moved: map[id.Server]fleet.Load{}, exact: map[id.Server]int{}},
	}
}

func (b *table) next(prefix string) string { b.n++; return fmt.Sprintf("%s%04d", prefix, b.n) }

func (b *table) joining(room, who string) JoinInput {
	return JoinInput{
		Member: "mem", Connection: "conn", ExternalID: room, Participant: id.Participant(b.next("part")), Person: usage.KeyOf("conn", who),
		Role: RoleViewer, MayStart: true, Meeting: id.Meeting(b.next("meet")), Cap: tariff.Unlimited,
	}
}

// step decides and checks everything that must hold after any decision.
func (b *table) step(reread bool, requests ...*request) []answer {
	l := b.ledger
	for i := range b.places.servers {
		b.places.servers[i].SeenAt = b.now
	}
	waited := slices.Clone(l.queue)
	answers, out := decide(l, requests, b.now, rules{lease: 75 * time.Second, away: time.Minute}, b.places, reread)

	granted, late := 0, 0
	for _, e := range out.events {
		switch e.kind {
		case eventStarted:
			b.running[e.meeting.ID] = e.meeting.StartedAt
		case eventEnded:
			if _, ok := b.running[e.meeting.ID]; !ok {
				b.t.Fatalf("%s ended, but did not run", e.meeting.ID)
			}
			delete(b.running, e.meeting.ID)
		case eventAdmitted:
			if _, twice := b.told[e.seat.Participant]; twice {
				b.t.Fatalf("%s admitted twice", e.seat.Participant)
			}
			b.told[e.seat.Participant] = e.seat.Meeting
			if e.seat.Service {
				continue
			}
			granted++
			if e.seat.Late {
				late++
			}
		case eventReleased:
			if _, ok := b.told[e.seat.Participant]; !ok {
				b.t.Fatalf("%s released, but was never admitted", e.seat.Participant)
			}
			delete(b.told, e.seat.Participant)
			if e.why == WhyReplaced && !e.seat.Service {
				granted-- // the same seat under a new participant
			}
		}
	}
	b.counters()
	b.limits(granted-late, late)
	b.persisted(out)
	b.timely()
	b.fair(waited)
	return answers
}

// counters is I1.
func (b *table) counters() {
	l := b.ledger
	seats, moderators := 0, 0
	held := map[id.Participant]id.Meeting{}
	for _, m := range l.meetings {
		people, mods := 0, 0
		if n := m.services(); n > ServicePlaces {
			b.t.Fatalf("%s has %d seats that take no place", m.ID, n)
		}
		for _, s := range m.seats {
			held[s.Participant] = m.ID
			if s.Service {
				continue
			}
			people++
			if s.Role == RoleModerator {
				mods++
			}
		}
		if m.People != people || m.Moderators != mods {
			b.t.Fatalf("%s says %d people, %d moderators; counted %d, %d", m.ID, m.People, m.Moderators, people, mods)
		}
		seats += people
		moderators += mods
	}
	if l.seats != seats || l.moderators != moderators {
		b.t.Fatalf("ledger says %d seats, %d moderators; counted %d, %d", l.seats, l.moderators, seats, moderators)
	}
	if d := cmp.Diff(b.told, held); d != "" {
		b.t.Fatalf("told and held differ (-told +held):\n%s", d)
	}
	if d := cmp.Diff(slices.Sorted(maps.Keys(b.running)), slices.Sorted(maps.Keys(l.meetings))); d != "" {
		b.t.Fatalf("told and running meetings differ:\n%s", d)
	}
	if len(l.holders) != len(held) {
		b.t.Fatalf("%d holders for %d seats", len(l.holders), len(held))
	}
}

// limits is I2: when somebody was let in, nothing is above its limit but by those found inside.
func (b *table) limits(granted, late int) {
	l := b.ledger
	if granted <= 0 || l.limits.Enforcement == tariff.EnforceCreate {
		return
	}
	if most := l.limits.withGrace(l.limits.Seats); !most.Allows(l.seats - late) {
		b.t.Fatalf("%d seats after an admission, limit %s", l.seats, most)
	}
}

// persisted replays what was to be written and compares.
func (b *table) persisted(out *changes) {
	for k := range out.seats {
		delete(b.stored, k)
		if m := b.ledger.meetings[k.meeting]; m != nil && m.seats[k.person] != nil {
			b.stored[k] = *m.seats[k.person]
		}
	}
	want := map[seatKey]Seat{}
	for _, m := range b.ledger.meetings {
		for p, s := range m.seats {
			want[seatKey{m.ID, p}] = *s
		}
	}
	if d := cmp.Diff(want, b.stored, cmp.AllowUnexported(instant.Instant{}, seatKey{})); d != "" {
		b.t.Fatalf("rows and ledger differ (-ledger +rows):\n%s", d)
	}
	if len(out.seats)+len(out.started)+len(out.moved)+len(out.queued)+len(out.torn)+len(out.clocks) > 0 && !out.dirty {
		b.t.Fatal("something changed and the row of the member is not written")
	}
}

// timely says that nothing is overdue, that something is scheduled whenever something is to come, and
// that deadlines only move away.
func (b *table) timely() {
	l := b.ledger
	due := l.nextExpiry
	check := func(what string, at instant.Instant) {
		if at.IsZero() {
			return
		}
		if !at.After(b.now) {
			b.t.Fatalf("%s was due at %v, it is %v", what, at, b.now)
		}
		if due.IsZero() || due.After(at) {
			b.t.Fatalf("%s is due at %v, nobody looks before %v", what, at, due)
		}
	}
	for _, m := range l.meetings {
		check("end of "+string(m.ID), m.DeadlineAt)
		was, known := b.deadlines[m.ID]
		if known && !was.IsZero() && !m.DeadlineAt.IsZero() && m.DeadlineAt.Before(was) {
			b.t.Fatalf("deadline of %s moved from %v to %v", m.ID, was, m.DeadlineAt)
		}
		if known && was.IsZero() && !m.DeadlineAt.IsZero() {
			b.t.Fatalf("%s had no deadline and got one", m.ID)
		}
		b.deadlines[m.ID] = m.DeadlineAt
		for _, s := range m.seats {
			check("seat of "+string(s.Participant), s.ExpiresAt)
			if s.Present != s.ExpiresAt.IsZero() {
				b.t.Fatalf("%+v is present and expires, or neither", s)
			}
		}
	}
}

// fair says that no fresh waiter is left who would fit, and that nobody of the same kind was overtaken.
func (b *table) fair(waited []*waiter) {
	l := b.ledger
	for _, w := range l.queue {
		if !w.fresh(b.now) {
			continue
		}
		d := &decision{ledger: l, now: b.now, places: b.places}
		m := l.open[w.key()]
		if m == nil || l.limits.refusal() != nil || l.limits.Enforcement == tariff.EnforceCreate {
			continue
		}
		if d.crowded(m, w.Role, b.places.servers[0]) == nil && d.noSeat(m.ID, "", w.Role) == nil {
			b.t.Fatalf("%s waits for %s and would fit", w.Participant, w.ExternalID)
		}
	}
	for i, first := range waited {
		if l.waiting[first.Participant] == nil || !first.fresh(b.now) {
			continue
		}
		for _, later := range waited[i+1:] {
			if later.key() == first.key() && later.Role == first.Role && later.MayStart == first.MayStart && l.holders[later.Participant] != nil {
				b.t.Fatalf("%s overtook %s", later.Participant, first.Participant)
			}
		}
	}
}

func drawLimits(t *rapid.T) limits {
	limit := func(name string, most int) tariff.Limit {
		return tariff.Limit(rapid.IntRange(-1, most).Draw(t, name))
	}
	return limits{
		State: membership.StandingFree, Allowed: rapid.IntRange(0, 9).Draw(t, "allowed") > 0,
		Seats: limit("seats", 5), Participants: limit("participants", 4), RunningRooms: limit("rooms", 2),
		Duration: rapid.SampledFrom([]time.Duration{0, 2 * time.Minute, 10 * time.Minute}).Draw(t, "duration"),
		Scope:    rapid.SampledFrom([]tariff.DurationScope{tariff.ScopeMeeting, tariff.ScopeRoom, tariff.ScopeMember}).Draw(t, "scope"),
		Pause:    5 * time.Minute, PerDay: rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(t, "day"),
		Reserve: rapid.IntRange(0, 2).Draw(t, "reserve"), Zone: "Europe/Madrid",
		Enforcement: rapid.SampledFrom([]tariff.Enforcement{tariff.EnforceHard, tariff.EnforceHard, tariff.EnforceGrace, tariff.EnforceCreate}).Draw(t, "enforcement"),
		Grace:       50,
	}
}

// TestAnyOrderOfRequestsKeepsTheInvariants draws joins, re-joins, leaving, expiry, lists of engines,
// changed limits and waiters in any order, one by one and in batches.
func TestAnyOrderOfRequestsKeepsTheInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := newTable(t, drawLimits(t))
		var everybody []id.Participant // ever given out
		meetings := []id.Meeting{"none"}
		request1 := func() *request {
			someone := func() id.Participant {
				if len(everybody) == 0 {
					return "nobody"
				}
				return rapid.SampledFrom(everybody[max(0, len(everybody)-12):]).Draw(t, "who")
			}
			some := func() id.Meeting { return rapid.SampledFrom(meetings[max(0, len(meetings)-6):]).Draw(t, "meeting") }
			meetingOf := func(p id.Participant) id.Meeting {
				if s := b.ledger.holders[p]; s != nil && rapid.IntRange(0, 9).Draw(t, "right") > 0 {
					return s.Meeting
				}
				return some()
			}
			kind := rapid.SampledFrom([]requestKind{
				kindJoin, kindJoin, kindJoin, kindJoin, kindPresent, kindPresent, kindAway, kindRelease, kindEnd, kindMove, kindKeep, kindStop, kindReconcile, kindSweep,
			}).Draw(t, "kind")
			req := &request{kind: kind}
			switch kind {
			case kindJoin:
				in := b.joining(fmt.Sprint("room", rapid.IntRange(0, 2).Draw(t, "room")), fmt.Sprint("p", rapid.IntRange(0, 6).Draw(t, "person")))
				in.MayStart = rapid.Bool().Draw(t, "start")
				in.Wait = rapid.Bool().Draw(t, "wait")
				in.Service = rapid.IntRange(0, 2).Draw(t, "service") == 0
				in.Cap = tariff.Limit(rapid.IntRange(-1, 3).Draw(t, "cap"))
				in.Kept = rapid.IntRange(0, 2).Draw(t, "kept")
				if rapid.Bool().Draw(t, "moderator") {
					in.Role = RoleModerator
				}
				if rapid.IntRange(0, 4).Draw(t, "same") == 0 && len(everybody) > 0 {
					p := someone()
					if s := b.ledger.holders[p]; s != nil { // the same tab again
						in.Participant, in.Person, in.ExternalID = p, s.Person, b.ledger.meetings[s.Meeting].ExternalID
					}
				}
				everybody = append(everybody, in.Participant)
				meetings = append(meetings, in.Meeting)
				req.join = in
			case kindPresent, kindAway, kindRelease, kindKeep, kindStop:
				req.participant, req.why = someone(), WhyLeft
				req.meeting = meetingOf(req.participant)
			case kindEnd:
				req.meeting, req.reason = some(), rapid.SampledFrom([]fleet.EndReason{fleet.EndHost, fleet.EndEmpty}).Draw(t, "reason")
			case kindMove:
				req.meeting = some()
			case kindReconcile:
				req.began = b.now.Add(-time.Duration(rapid.IntRange(0, 3).Draw(t, "ago")) * time.Second)
				seen := Seen{Meeting: some()}
				for range rapid.IntRange(0, 3).Draw(t, "listed") {
					p := SeenPerson{Participant: someone(), Person: usage.KeyOf("conn", fmt.Sprint("p", rapid.IntRange(0, 6).Draw(t, "person")))}
					p.Service = rapid.IntRange(0, 2).Draw(t, "service") == 0
					if s := b.ledger.holders[p.Participant]; s != nil {
						p.Person = s.Person
						if s.Meeting != seen.Meeting {
							continue // an engine does not list a participant under two meetings
						}
					}
					if !slices.ContainsFunc(seen.People, func(o SeenPerson) bool { return o.Participant == p.Participant }) {
						seen.People = append(seen.People, p)
					}
				}
				req.seen = []Seen{seen}
			}
			return req
		}
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				b.now = b.now.Add(time.Duration(rapid.SampledFrom([]int{1, 10, 20, 61, 76, 200, 1000, 4000}).Draw(t, "seconds")) * time.Second)
				b.step(false)
			case 1:
				b.ledger.limits = drawLimits(t)
				b.step(true)
			default:
				b.now = b.now.Add(time.Millisecond)
				var batch []*request
				for range rapid.IntRange(1, 4).Draw(t, "batch") {
					batch = append(batch, request1())
				}
				b.step(false, batch...)
			}
		}
	})
}
