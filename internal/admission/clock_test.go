// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"meetcoop/internal/instant"
	"meetcoop/internal/tariff"
)

func at(hour, minute int) instant.Instant {
	return instant.Of(time.Date(2027, time.January, 11, hour, minute, 0, 0, time.UTC))
}

func TestTheTimeLeftOfASitting(t *testing.T) {
	free := limits{Duration: time.Hour, Scope: tariff.ScopeMember, Pause: 30 * time.Minute, Zone: "UTC"}
	room := free
	room.Scope = tariff.ScopeRoom
	each := free
	each.Scope = tariff.ScopeMeeting
	daily := limits{Scope: tariff.ScopeMember, Pause: 30 * time.Minute, PerDay: 2 * time.Hour, Zone: "UTC"}
	madrid := daily
	madrid.Zone = "Europe/Madrid"
	used40 := clock{}.begin(at(12, 0), free.Pause).end(at(12, 40), time.UTC)
	for _, c := range []struct {
		name         string
		l            limits
		room, member clock
		now          instant.Instant
		limited      bool
		left         time.Duration
		next         instant.Instant
	}{
		{"no limit at all", limits{Zone: "UTC"}, used40, used40, at(12, 50), false, 0, instant.Instant{}},
		{"each meeting has its own hour", each, used40, used40, at(12, 50), true, time.Hour, at(12, 50)},
		{"within the pause what was used counts", free, clock{}, used40, at(12, 50), true, 20 * time.Minute, at(13, 10)},
		{"another room of a level by room is fresh", room, clock{}, used40, at(12, 50), true, time.Hour, at(12, 50)},
		{"the same room is not", room, used40, used40, at(12, 50), true, 20 * time.Minute, at(13, 10)},
		{"after the pause there is an hour again", free, used40, used40, at(13, 10), true, time.Hour, at(13, 10)},
		{"a room that runs ends when the time is used up", free, clock{}, clock{}.begin(at(12, 0), free.Pause), at(12, 15), true, 45 * time.Minute, at(13, 30)},
		{"the day has two hours", daily, clock{}, clock{}, at(12, 0), true, 2 * time.Hour, at(24, 0)},
		{"of which some is used", daily, clock{}, used40, at(18, 0), true, 80 * time.Minute, at(24, 0)},
		{"before midnight the next day's time is added", daily, clock{}, clock{}, at(23, 0), true, 3 * time.Hour, at(24, 0)},
		{"midnight is that of the member", madrid, clock{}, clock{}, at(22, 0), true, 3 * time.Hour, at(23, 0)},
		{"yesterday does not count", daily, clock{}, used40, at(24+12, 0), true, 2 * time.Hour, at(48, 0)},
	} {
		got := c.l.left(c.room, c.member, c.now)
		if got.limited != c.limited || got.left != c.left || got.next != c.next {
			t.Errorf("%s: got %+v, want %v %v %v", c.name, got, c.limited, c.left, c.next)
		}
	}
}

// TestAClockCountsTheUnion compares with a count of the seconds in which a meeting lived.
func TestAClockCountsTheUnion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const pause = 30 * time.Minute
		var c clock
		open, used := 0, time.Duration(0)
		now := at(0, 0)
		var idle time.Duration
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			for range rapid.IntRange(0, 40).Draw(t, "minutes") {
				now = now.Add(time.Minute)
				if open > 0 {
					used += time.Minute
				} else {
					idle += time.Minute
				}
			}
			if open > 0 && rapid.Bool().Draw(t, "end") {
				open--
				if open == 0 {
					c = c.end(now, time.UTC)
					idle = 0
				}
			} else {
				if open == 0 && idle >= pause {
					used = 0
				}
				open++
				c = c.begin(now, pause)
			}
			if got := c.usedAt(now); got != used {
				t.Fatalf("counted %v, want %v", got, used)
			}
		}
	})
}
