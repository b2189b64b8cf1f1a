// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"time"

	"meetcoop/internal/instant"
	"meetcoop/internal/tariff"
)

// clockKey names a clock: of one room (connection and external id), or of all rooms of the member.
type clockKey struct {
	scope tariff.DurationScope
	key   string // "" for the member's
}

func roomClock(k meetingKey) clockKey {
	return clockKey{tariff.ScopeRoom, string(k.connection) + "/" + k.external}
}

var memberClock = clockKey{tariff.ScopeMember, ""}

// clock counts the time in which at least one meeting lived: in the present sitting, a chain of
// meetings with short pauses, and on the day of the last end. Both clocks of a meeting always run,
// whatever the level's scope is, so that a change of level does not reset what was used.
type clock struct {
	used    time.Duration   // of the sitting, without what runs
	since   instant.Instant // when what runs began; none while nothing does
	lastEnd instant.Instant // when the last meeting ended; none before that
	day     instant.Date    // of dayUsed
	dayUsed time.Duration   // on day, without what runs
}

// over reports whether the sitting has ended: nothing has run for pause.
func (c clock) over(now instant.Instant, pause time.Duration) bool {
	return c.since.IsZero() && now.Sub(c.lastEnd) >= pause
}

// usedAt returns the time used in the sitting, what runs included.
func (c clock) usedAt(now instant.Instant) time.Duration {
	if c.since.IsZero() {
		return c.used
	}
	return c.used + max(0, now.Sub(c.since))
}

// usedOn returns the time used on the day that contains now.
func (c clock) usedOn(now instant.Instant, zone *time.Location) time.Duration {
	today := now.In(zone)
	var used time.Duration
	if c.day == today {
		used = c.dayUsed
	}
	if !c.since.IsZero() {
		used += max(0, now.Sub(instant.Later(c.since, today.Start(zone))))
	}
	return used
}

// begin starts the clock, or lets it run on. A sitting that is over is forgotten.
func (c clock) begin(now instant.Instant, pause time.Duration) clock {
	if c.over(now, pause) {
		c.used = 0
	}
	if c.since.IsZero() {
		c.since = now
	}
	return c
}

// end stops the clock.
func (c clock) end(at instant.Instant, zone *time.Location) clock {
	c.dayUsed = c.usedOn(at, zone)
	c.day = at.In(zone)
	c.used = c.usedAt(at)
	c.since, c.lastEnd = instant.Instant{}, at
	return c
}

// idleFrom returns from when on a stopped clock tells nothing any more.
func (c clock) idleFrom(l limits) instant.Instant {
	from := c.lastEnd.Add(l.Pause)
	if l.PerDay > 0 && !c.day.IsZero() {
		from = instant.Later(from, c.day.AddDays(1).Start(l.zone()))
	}
	return from
}

// timeLeft is how long a meeting may still last.
type timeLeft struct {
	limited bool
	left    time.Duration
	next    instant.Instant // when there will be more, if what is left is too little
}

// sooner takes in another bound.
func (t timeLeft) sooner(left time.Duration, next instant.Instant) timeLeft {
	if !t.limited || left < t.left {
		return timeLeft{true, left, next}
	}
	return t
}

// left returns how long a meeting that begins now may last, with the clocks of its room and its member.
//
// Example: 60 minutes for all rooms of the member, 40 used when the last meeting ended 10 minutes ago:
// 20 minutes are left, and 20 minutes from now there will be 60 again.
func (l limits) left(room, member clock, now instant.Instant) timeLeft {
	t := l.leftOfSitting(room, member, now)
	if day := l.leftOfDay(room, member, now); day.limited {
		t = t.sooner(day.left, day.next)
	}
	return t
}

// counted is the clock the level's scope looks at.
func (l limits) counted(room, member clock) clock {
	if l.Scope == tariff.ScopeRoom {
		return room
	}
	return member
}

func (l limits) leftOfSitting(room, member clock, now instant.Instant) timeLeft {
	c := l.counted(room, member)
	switch {
	case l.Duration == 0:
		return timeLeft{}
	case l.Scope == tariff.ScopeMeeting || c.over(now, l.Pause):
		return timeLeft{true, l.Duration, now}
	case c.since.IsZero():
		return timeLeft{true, l.Duration - c.used, c.lastEnd.Add(l.Pause)}
	}
	left := l.Duration - c.usedAt(now)
	return timeLeft{true, left, now.Add(max(0, left) + l.Pause)} // what runs ends when the time is used up; then the pause
}

func (l limits) leftOfDay(room, member clock, now instant.Instant) timeLeft {
	if l.PerDay == 0 || l.PerDay >= 24*time.Hour {
		return timeLeft{}
	}
	zone := l.zone()
	midnight := now.In(zone).AddDays(1).Start(zone)
	left := l.PerDay - l.counted(room, member).usedOn(now, zone)
	if until := midnight.Sub(now); left >= until {
		left = until + l.PerDay // midnight comes first and brings a new day
	}
	return timeLeft{true, left, midnight}
}

// shortest is the least time a meeting is started for (gateway.md L3).
const shortest = time.Minute

// deadline returns when a meeting that begins now must end; none is never. asked is the most it was
// asked to last, 0 if nothing was asked.
func (t timeLeft) deadline(now instant.Instant, asked time.Duration) instant.Instant {
	if asked > 0 && (!t.limited || asked < t.left) {
		return now.Add(asked)
	}
	if !t.limited {
		return instant.Instant{}
	}
	return now.Add(t.left)
}
