// SPDX-License-Identifier: AGPL-3.0-or-later

package locale

import (
	"strings"
	"time"

	"meetcoop/internal/instant"
)

// List joins with "and": a, b and c.
func (p *Printer) List(items []string) string { return p.f.list(items, p.f.and) }

// ListOr joins with "or": a, b or c.
func (p *Printer) ListOr(items []string) string { return p.f.list(items, p.f.or) }

func (f *format) list(items []string, word string) string {
	switch len(items) {
	case 0:
		return ""
	case 1:
		return items[0]
	}
	last := items[len(items)-1]
	if f.euphony != nil {
		word = f.euphony(word, last)
	}
	return strings.Join(items[:len(items)-1], ", ") + " " + word + " " + last
}

// Duration writes a span in words: 1 hour, 30 minutes. See DurationShort for what it leaves out.
func (p *Printer) Duration(d time.Duration) string { return p.f.span(d, p.f.units, p.f.unitAnd[0]) }

// DurationShort writes a span in few letters: 1 hr, 30 mins. It is cut, not rounded, to its two largest units of days (from
// 48 hours on), hours, minutes and seconds, zeros left out. The sign is dropped; nothing is "0 mins".
func (p *Printer) DurationShort(d time.Duration) string {
	return p.f.span(d, p.f.unitsShort, p.f.unitAnd[1])
}

func (f *format) span(d time.Duration, names map[unit]forms, and string) string {
	d = d.Abs()
	sizes := []struct {
		u    unit
		size time.Duration
	}{{day, 24 * time.Hour}, {hour, time.Hour}, {minute, time.Minute}, {second, time.Second}}
	if d < 48*time.Hour { // a limit of 24 hours is not a day: it may reach into the next
		sizes = sizes[1:]
	}
	for i, s := range sizes {
		n := d / s.size
		if n == 0 {
			continue
		}
		text := f.counted(names[s.u], int64(n))
		if i+1 < len(sizes) {
			if rest := d % s.size / sizes[i+1].size; rest > 0 {
				text += and + f.counted(names[sizes[i+1].u], int64(rest))
			}
		}
		return text
	}
	return f.counted(names[minute], 0)
}

func (f *format) counted(u forms, n int64) string {
	text := u.other
	if n == 1 || n == 0 && f.oneForZero {
		text = u.one
	}
	return strings.Replace(text, "#", f.number(n), 1)
}

// Ago says when then is, seen from now: "3 hours ago", "in 2 days", "yesterday". Under a minute it is "now"; up to a day it is cut to
// whole minutes or hours; beyond, calendar days in the printer's zone count, then months from 30 days and years from 365 days on.
// "" when either is none.
func (p *Printer) Ago(then, now instant.Instant) string {
	if then.IsZero() || now.IsZero() {
		return ""
	}
	f, d := p.f, then.Sub(now)
	abs, future := d.Abs(), d > 0
	switch {
	case abs < time.Minute:
		return f.now
	case abs < time.Hour:
		return f.towards(minute, int64(abs/time.Minute), future)
	case abs < 24*time.Hour:
		return f.towards(hour, int64(abs/time.Hour), future)
	}
	days := daysBetween(now.In(p.zone), then.In(p.zone))
	if name, ok := f.namedDays[days]; ok {
		return name
	}
	switch n := int64(max(days, -days)); {
	case n < 30:
		return f.towards(day, n, future)
	case n < 365:
		return f.towards(month, min(n/30, 11), future)
	default:
		return f.towards(year, n/365, future)
	}
}

func (f *format) towards(u unit, n int64, future bool) string {
	r := f.relative[u]
	if future {
		return f.counted(r.future, n)
	}
	return f.counted(r.past, n)
}

func daysBetween(from, to instant.Date) int {
	return int(to.Start(time.UTC).Sub(from.Start(time.UTC)) / (24 * time.Hour))
}
