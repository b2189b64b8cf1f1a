// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"cmp"
	"slices"

	"meetcoop/internal/fleet"
	"meetcoop/internal/instant"
	"meetcoop/internal/usage"
)

// dropExpired does what is due by time alone: ends meetings at their deadline, takes back seats that
// ran out, tears up forgotten tickets and stopped clocks.
func (d *decision) dropExpired() {
	var due []*meeting
	for _, m := range d.meetings {
		if !m.DeadlineAt.IsZero() && !m.DeadlineAt.After(d.now) {
			due = append(due, m)
		}
	}
	slices.SortFunc(due, func(a, b *meeting) int {
		return cmp.Or(a.DeadlineAt.Compare(b.DeadlineAt), cmp.Compare(a.ID, b.ID))
	})
	for _, m := range due {
		d.end(m, m.DeadlineAt, fleet.EndDuration)
	}
	for s := d.expired(d.now); s != nil; s = d.expired(d.now) {
		d.release(s, WhyExpired)
	}
	for _, w := range slices.Clone(d.queue) {
		if d.now.Sub(w.refreshedAt) >= forgottenFor {
			d.tear(w)
		}
	}
	for k, c := range d.clocks {
		if c.since.IsZero() && !d.now.Before(c.idleFrom(d.limits)) {
			delete(d.clocks, k)
			d.out.clocks[k] = struct{}{}
			d.out.dirty = true
		}
	}
}

// rollPeak writes the peak of the hour that is over. Hours in between, in which nothing was decided, are
// not missing: with seats held somebody looks at the member each hour.
func (d *decision) rollPeak() {
	hour := hourOf(d.now)
	if d.peakHour.IsZero() || !d.peakHour.Before(hour) {
		return
	}
	d.out.facts = append(d.out.facts, usage.Fact{At: d.peakHour, Member: d.member, Kind: usage.Peak, N: d.peak})
	d.peak, d.peakHour, d.out.rescheduled = d.seats, hour, true
	if d.seats == 0 {
		d.peakHour = instant.Instant{}
	}
	d.out.dirty = true
}
