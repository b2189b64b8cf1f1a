// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"maps"
	"slices"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/membership"
	"meetcoop/internal/usage"
)

// The samples of the usage page: three tabs, and the standings that change what it says.

func sampleReport(days int) usage.Report {
	rep := usage.Report{Refusals: []usage.Refusals{}, Meetings: 12 * days, Duration: time.Duration(days) * 90 * time.Minute, SeatTime: time.Duration(days) * 11 * time.Hour}
	day := sampleNow.In(time.UTC).AddDays(1 - days)
	for i := range days {
		d := usage.Day{Date: day.AddDays(i), Peak: i % 24, Meetings: 12, Duration: 90 * time.Minute}
		if i%7 == 3 {
			d.Refused, d.Attempts = 2, 5
		}
		rep.Days = append(rep.Days, d)
	}
	for _, name := range slices.Sorted(maps.Keys(refusals)) {
		err := refusals[name]
		rep.Refusals = append(rep.Refusals, usage.Refusals{Code: err.Code, Refused: 3, Attempts: 8, Last: sampleNow.Add(-time.Hour)})
	}
	return rep
}

func emptyReport(days int) usage.Report {
	rep := sampleReport(days)
	rep.Refusals, rep.Meetings, rep.Duration, rep.SeatTime = nil, 0, 0, 0
	for i := range rep.Days {
		rep.Days[i] = usage.Day{Date: rep.Days[i].Date}
	}
	return rep
}

// asOwner is the page of somebody who wears the hat of Hilado.
func asOwner(r *Request) *Request {
	r.Hat = Hat{Member: sampleMember, Roles: []membership.Role{membership.RoleOwner}}
	return r
}

func namesOf(f usageFigures, name string) usageFigures {
	f.Names = map[id.Room]string{}
	for _, m := range f.Now.Meetings {
		f.Names[m.Room] = name
	}
	return f
}

var (
	_ = sampleOf("usage_show", "filled", func(r *Request) any {
		return testPortal.usageOf(asOwner(r), namesOf(usageFigures{Span: spans[0], Now: sampleUsage(18, 2, 2), Rooms: 4, Hosts: 2, Last: sampleReport(adviceDays)}, "Weekly round"))
	})
	_ = sampleOf("usage_show", "month", func(r *Request) any {
		return testPortal.usageOf(asOwner(r), usageFigures{Span: spans[1], Now: sampleUsage(18, 2, 2), Report: sampleReport(30), Last: sampleReport(adviceDays)})
	})
	_ = sampleOf("usage_show", "year", func(r *Request) any {
		return testPortal.usageOf(asOwner(r), usageFigures{Span: spans[2], Now: unlimitedUsage(), Report: sampleReport(365), Last: sampleReport(adviceDays)})
	})
	_ = sampleOf("usage_show", "empty", func(r *Request) any {
		return testPortal.usageOf(asOwner(r), usageFigures{Span: spans[0], Now: sampleUsage(0, 0, 0), Last: emptyReport(adviceDays)})
	})
	_ = sampleOf("usage_show", "empty-month", func(r *Request) any {
		return testPortal.usageOf(asOwner(r), usageFigures{Span: spans[1], Now: sampleUsage(0, 0, 0), Report: emptyReport(30), Last: emptyReport(adviceDays)})
	})
	_ = sampleOf("usage_show", "smaller", func(r *Request) any {
		last := emptyReport(adviceDays)
		last.Meetings, last.Days[3].Peak = 30, 4
		return testPortal.usageOf(asOwner(r), usageFigures{Span: spans[0], Now: sampleUsage(3, 0, 1), Last: last})
	})
	_ = sampleOf("usage_show", "refused", func(r *Request) any {
		return testPortal.usageOf(asOwner(r), usageFigures{Span: spans[0], Now: suspendedUsage(), Rooms: 4, Hosts: 2, Last: emptyReport(adviceDays)})
	})
	_ = sampleOf("usage_show", "crowded", func(r *Request) any {
		r = asOwner(r)
		r.Hat.Member = longMember
		return testPortal.usageOf(r, namesOf(usageFigures{Span: spans[0], Now: unlimitedUsage(), Rooms: 4321, Hosts: 1234, Last: sampleReport(adviceDays)}, longName))
	})
)
