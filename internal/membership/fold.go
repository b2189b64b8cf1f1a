// SPDX-License-Identifier: AGPL-3.0-or-later

package membership

import (
	"cmp"
	"slices"
	"time"

	"meetcoop/internal/instant"
)

// Fold returns how a member stands at the instant at: the first line that holds. Days begin in zone.
//
//	 1  closed, and nothing chosen, covered or granted since           closed     no level
//	 2  a suspension is open                                           suspended  no level
//	 3  an override or a grant is open                                 host       its level
//	 4  the day lies in a good cover                                   host       its level
//	 5  the latest of chosen and cancelled is a cancellation           free       free
//	 6  a cover that began at or after E was uncovered less than
//	    ArrearsMonths after its beginning                              arrears    free
//	 7  the day is before E + GraceDays                                grace      the level that ended
//	 8  the day is before E + ArrearsMonths                            arrears    free
//	 9  a level was chosen less than PendingDays ago                   pending    free
//	10  otherwise                                                      free       free
//
// A good cover is one that was not uncovered, up to the earlier of Until and TrustedUntil. E is the
// latest end of a good cover that is not after the day; without one, line 6 looks at all covers and
// lines 7 and 8 do not hold. A cover ends the grants that began before it or with it; of several
// open at once the one that began last counts, then the one that happened last. A level that asks
// nothing makes nobody host: a grant of it ends earlier grants and holds no line itself, and choosing
// it awaits no payment.
//
// Facts may come in any order and more than once per source; facts of one source are the same fact.
// Nothing dated after the day of at takes part. Boundary is the next instant at which the calendar
// alone changes state, level or line. Cost is about n log n in the number of facts.
//
// Example: covered level-2 from 1 March until 1 April, at noon on 5 April: line 7, grace, level-2,
// boundary 15 April 00:00.
func Fold(facts []Fact, overrides []Override, zone *time.Location, policy Policy, at instant.Instant) Standing {
	h := newHistory(facts, overrides, policy)
	today := at.In(zone)
	now := h.on(today)
	for _, day := range h.days(today) {
		next := h.on(day)
		if now.Holds.IsZero() && (next.Override != now.Override || !slices.EqualFunc(next.Facts, now.Facts, func(a, b Fact) bool { return a.Source == b.Source })) {
			now.Holds = day.Start(zone)
		}
		if next.State != now.State || next.Level != now.Level || next.Line != now.Line || next.LevelOn != now.LevelOn {
			now.Boundary = day.Start(zone)
			if now.Holds.IsZero() {
				now.Holds = now.Boundary
			}
			break
		}
	}
	return now
}

// history is what Fold knows, sorted once: the days after today are asked as well.
type history struct {
	policy    Policy
	events    []Fact          // single events by day, then by when they happened
	covers    []Fact          // every cover, good or not
	grants    []Fact          // every grant
	undone    map[string]Fact // by the source of the cover
	overrides []Override
}

func newHistory(facts []Fact, overrides []Override, policy Policy) *history {
	h := &history{policy: policy, undone: map[string]Fact{}}
	for _, f := range facts {
		switch f.Kind {
		case FactCovered:
			h.covers = append(h.covers, f)
		case FactGranted:
			h.grants = append(h.grants, f)
		case FactUncovered:
			// Of two for one cover either says the same; the smaller source is shown, whatever the order.
			if u, ok := h.undone[f.Undoes]; !ok || f.Source < u.Source {
				h.undone[f.Undoes] = f
			}
		default:
			h.events = append(h.events, f)
		}
	}
	h.events, h.covers, h.grants = inTime(h.events), inTime(h.covers), inTime(h.grants)
	for _, o := range overrides {
		if o.RevokedAt.IsZero() {
			h.overrides = append(h.overrides, o)
		}
	}
	slices.SortFunc(h.overrides, func(a, b Override) int {
		return cmp.Or(compareDates(a.From, b.From), a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return h
}

// inTime sorts facts and drops those that came twice: the same fact twice stands side by side then.
func inTime(facts []Fact) []Fact {
	if !slices.IsSortedFunc(facts, byDay) {
		slices.SortFunc(facts, byDay)
	}
	return slices.CompactFunc(facts, func(a, b Fact) bool { return a.Source == b.Source })
}

// byDay orders facts by first day, then by when they happened. The source settles what remains, so
// that the order in which facts were recorded never matters.
func byDay(a, b Fact) int {
	return cmp.Or(compareDates(a.From, b.From), a.HappenedAt.Compare(b.HappenedAt), cmp.Compare(a.Source, b.Source))
}

func compareDates(a, b instant.Date) int {
	switch {
	case a.Before(b):
		return -1
	case b.Before(a):
		return 1
	}
	return 0
}

// on returns the standing of a whole day, without its boundary.
func (h *history) on(day instant.Date) Standing {
	free := h.policy.FreeLevel
	if f, ok := h.closed(day); ok {
		return Standing{State: StandingClosed, Line: 1, Facts: []Fact{f}}
	}
	if f, ok := h.latest(day, FactSuspended, FactLifted); ok && f.Kind == FactSuspended {
		return Standing{State: StandingSuspended, Line: 2, Facts: []Fact{f}}
	}
	if s, ok := h.lent(day); ok {
		return s
	}
	if c, ok := h.cover(day); ok {
		return Standing{State: StandingHost, Level: c.Level, LevelOn: c.From, Line: LineCovered, Facts: []Fact{c}}
	}
	chosen, ok := h.latest(day, FactChosen, FactCancelled)
	if ok && chosen.Kind == FactCancelled {
		return Standing{State: StandingFree, Level: free, Line: 5, Facts: []Fact{chosen}}
	}
	last, end := h.lastCover(day)
	if facts, ok := h.uncovered(day, end); ok {
		return Standing{State: StandingArrears, Level: free, Line: 6, Facts: facts}
	}
	if !end.IsZero() {
		if day.Before(end.AddDays(h.policy.GraceDays)) {
			return Standing{State: StandingGrace, Level: last.Level, LevelOn: last.From, Line: 7, Facts: []Fact{last}}
		}
		if day.Before(end.AddMonths(h.policy.ArrearsMonths)) {
			return Standing{State: StandingArrears, Level: free, Line: 8, Facts: []Fact{last}}
		}
	}
	if f, ok := h.latest(day, FactChosen, FactChosen); ok && f.Level != free && day.Before(f.From.AddDays(h.policy.PendingDays)) {
		return Standing{State: StandingPending, Level: free, Line: 9, Facts: []Fact{f}}
	}
	return Standing{State: StandingFree, Level: free, Line: 10, Facts: []Fact{}}
}

// latest returns the last event of either kind on or before day.
func (h *history) latest(day instant.Date, a, b FactKind) (Fact, bool) {
	for _, f := range slices.Backward(h.events) {
		if (f.Kind == a || f.Kind == b) && !f.From.After(day) {
			return f, true
		}
	}
	return Fact{}, false
}

// closed is line 1: what reopens a member counts from its first day, not from when it was recorded.
func (h *history) closed(day instant.Date) (Fact, bool) {
	f, ok := h.latest(day, FactClosed, FactClosed)
	if !ok {
		return Fact{}, false
	}
	since := func(g Fact) bool { return !g.From.After(day) && byDay(f, g) < 0 }
	if c, ok := h.latest(day, FactChosen, FactChosen); ok && since(c) {
		return Fact{}, false
	}
	if slices.ContainsFunc(h.covers, since) || slices.ContainsFunc(h.grants, since) {
		return Fact{}, false
	}
	return f, true
}

// lent is line 3.
func (h *history) lent(day instant.Date) (Standing, bool) {
	grant, granted := h.grant(day)
	for _, o := range slices.Backward(h.overrides) {
		if o.From.After(day) || !day.Before(o.Until) || o.Level == h.policy.FreeLevel {
			continue
		}
		if granted && cmp.Or(compareDates(o.From, grant.From), o.CreatedAt.Compare(grant.HappenedAt)) < 0 {
			break
		}
		return Standing{State: StandingHost, Level: o.Level, Line: 3, Facts: []Fact{}, Override: o.ID}, true
	}
	if !granted {
		return Standing{}, false
	}
	return Standing{State: StandingHost, Level: grant.Level, Line: 3, Facts: []Fact{grant}}, true
}

// grant returns the grant that holds on day: the last to begin, unless it is over, of the free level,
// or a cover began with it or later.
func (h *history) grant(day instant.Date) (Fact, bool) {
	for _, g := range slices.Backward(h.grants) {
		if g.From.After(day) {
			continue
		}
		if !g.Until.IsZero() && !day.Before(g.Until) {
			continue
		}
		if g.Level == h.policy.FreeLevel {
			return Fact{}, false
		}
		ended := slices.ContainsFunc(h.covers, func(c Fact) bool { return !c.From.After(day) && !c.From.Before(g.From) })
		return g, !ended
	}
	return Fact{}, false
}

// goodEnd returns the first day that c no longer covers, and whether c covers anything at all.
func (h *history) goodEnd(c Fact) (instant.Date, bool) {
	if _, undone := h.undone[c.Source]; undone {
		return instant.Date{}, false
	}
	end := c.Until
	if !c.TrustedUntil.IsZero() && c.TrustedUntil.Before(end) {
		end = c.TrustedUntil
	}
	return end, end.After(c.From)
}

// cover is line 4: the good cover of day that began last.
func (h *history) cover(day instant.Date) (Fact, bool) {
	for _, c := range slices.Backward(h.covers) {
		if end, good := h.goodEnd(c); good && !c.From.After(day) && day.Before(end) {
			return c, true
		}
	}
	return Fact{}, false
}

// lastCover returns E and the good cover that ended then; of several the one that began last.
func (h *history) lastCover(day instant.Date) (last Fact, end instant.Date) {
	for _, c := range h.covers {
		if e, good := h.goodEnd(c); good && !e.After(day) && !e.Before(end) {
			last, end = c, e
		}
	}
	return last, end
}

// uncovered is line 6: the cover and what undid it.
func (h *history) uncovered(day, end instant.Date) ([]Fact, bool) {
	for _, c := range slices.Backward(h.covers) {
		u, undone := h.undone[c.Source]
		if undone && !c.From.After(day) && !c.From.Before(end) && day.Before(c.From.AddMonths(h.policy.ArrearsMonths)) {
			return []Fact{c, u}, true
		}
	}
	return nil, false
}

// days returns, ascending, the days after today on which a line may begin or cease to hold.
func (h *history) days(today instant.Date) []instant.Date {
	var days []instant.Date
	note := func(d instant.Date) {
		if d.After(today) {
			days = append(days, d)
		}
	}
	for _, f := range h.events {
		note(f.From)
		if f.Kind == FactChosen {
			note(f.From.AddDays(h.policy.PendingDays))
		}
	}
	for _, g := range h.grants {
		note(g.From)
		note(g.Until)
	}
	_, last := h.lastCover(today)
	for _, c := range h.covers {
		note(c.From)
		end, good := h.goodEnd(c)
		switch {
		case !good:
			note(c.From.AddMonths(h.policy.ArrearsMonths))
		case !end.Before(last): // one that ended before can be E no more
			note(end)
			note(end.AddDays(h.policy.GraceDays))
			note(end.AddMonths(h.policy.ArrearsMonths))
		}
	}
	for _, o := range h.overrides {
		note(o.From)
		note(o.Until)
	}
	slices.SortFunc(days, compareDates)
	return slices.Compact(days)
}
