// SPDX-License-Identifier: AGPL-3.0-or-later

package usage

import (
	"cmp"
	"context"
	"slices"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// Day is what a member used on one day of its calendar.
type Day struct {
	Date     instant.Date
	Peak     int           // most seats at once
	Meetings int           // meetings that ended on that day
	Duration time.Duration // of them together
	Refused  int           // refusals; somebody trying again within a minute is one
	Attempts int           // tries behind them
}

// Refusals is how often one reason turned people away.
type Refusals struct {
	Code     string // of the fault: admission.seats_full
	Refused  int
	Attempts int
	Last     instant.Instant
}

// Report is what a member used in a span of days.
type Report struct {
	Days     []Day      // every day of the span, oldest first; never nil
	Refusals []Refusals // most frequent first; never nil
	Meetings int
	Duration time.Duration // of the meetings that ended, together
	SeatTime time.Duration // that seats were held in them, together
}

// Read returns what member used from the day from up to and without the day until, days beginning in
// zone. Peaks are kept by the hour, so in zones off by half an hour a peak may show on the day beside.
// What still runs is not in it: admission tells the present. It joins r.
func Read(ctx context.Context, r store.Reader, member id.Member, from, until instant.Date, zone *time.Location) (Report, error) {
	begin, end := from.Start(zone), until.Start(zone)
	events, err := rareFacts(ctx, r, member, begin, end)
	if err != nil {
		return Report{}, err
	}
	out := Report{Days: []Day{}}
	at := map[instant.Date]int{}
	for d := from; d.Before(until); d = d.AddDays(1) {
		at[d] = len(out.Days)
		out.Days = append(out.Days, Day{Date: d})
	}
	codes := map[string]*Refusals{}
	for _, e := range events {
		day := &out.Days[at[e.at.In(zone)]]
		switch {
		case e.kind == Peak && e.ofMember:
			day.Peak = max(day.Peak, e.n)
		case e.kind == Ended:
			day.Meetings++
			day.Duration += time.Duration(e.n) * time.Second
			out.Meetings++
			out.Duration += time.Duration(e.n) * time.Second
		case e.kind == Seated:
			out.SeatTime += time.Duration(e.n) * time.Second
		case e.kind == Refused:
			day.Refused++
			day.Attempts += e.n
			c := codes[e.code]
			if c == nil {
				c = &Refusals{Code: e.code}
				codes[e.code] = c
			}
			c.Refused++
			c.Attempts += e.n
			c.Last = e.at
		}
	}
	out.Refusals = make([]Refusals, 0, len(codes))
	for _, c := range codes {
		out.Refusals = append(out.Refusals, *c)
	}
	slices.SortFunc(out.Refusals, mostFirst)
	return out, nil
}

func mostFirst(a, b Refusals) int {
	return cmp.Or(cmp.Compare(b.Refused, a.Refused), cmp.Compare(a.Code, b.Code))
}

// HasLeft returns a function that reports whether a person gave a seat of the meeting back between since
// and now, other than by its running out (code expired). It tells somebody who is gone from somebody who
// never had a seat. The function is good as long as tx. It joins tx.
func (r *Recorder) HasLeft(ctx context.Context, tx store.Tx, member id.Member, meeting id.Meeting, since, now instant.Instant, expired string) (func(PersonKey) (bool, error), error) {
	gone, err := personsThatLeft(ctx, tx, member, meeting, since, expired)
	if err != nil {
		return nil, err
	}
	return func(p PersonKey) (bool, error) {
		if len(gone) == 0 {
			return false, nil
		}
		for _, at := range []instant.Instant{since, now} { // midnight may lie between
			k, err := r.rekey(ctx, tx, p, at)
			if err != nil || slices.Contains(gone, k) {
				return err == nil, err
			}
		}
		return false, nil
	}, nil
}
