// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/url"
	"strconv"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/instant"
	"meetcoop/internal/rooms"
)

// The lengths of an invitation, in minutes, and what is meant without one.
const (
	leastMinutes = 5
	mostMinutes  = 24 * 60
	usualMinutes = 60
)

// calendarInput reads date, time and minutes from the query, in the visitor's zone; without them it is the next full hour.
// Invalid (input.invalid) for what is no date.
func (h *Handler) calendarInput(r *Request, room rooms.Room) (rooms.CalendarInput, error) {
	q := r.URL.Query()
	starts := instant.Of(r.Now.Time().Truncate(time.Hour).Add(time.Hour))
	var check fault.Check
	if day := q.Get("date"); day != "" {
		t, err := time.ParseInLocation("2006-01-02 15:04", day+" "+q.Get("time"), r.P.Zone())
		check.Field(err == nil, "date", "room.calendar_date")
		starts = instant.Of(t)
	}
	minutes := usualMinutes
	if m := q.Get("minutes"); m != "" {
		n, err := strconv.Atoi(m)
		check.Field(err == nil && n >= leastMinutes && n <= mostMinutes, "minutes", "room.calendar_minutes", fault.Params{"Least": leastMinutes, "Most": mostMinutes})
		minutes = n
	}
	if err := check.Err(); err != nil {
		return rooms.CalendarInput{}, err
	}
	in := h.invitation(r, room)
	in.Starts = starts
	return rooms.CalendarInput{
		UID: string(room.ID) + "-" + strconv.FormatInt(starts.Micros()/1e6, 36) + "@" + h.host(), Summary: room.Name, Description: rooms.Invitation(r.P, in), URL: in.URL,
		Starts: starts, Ends: starts.Add(time.Duration(minutes) * time.Minute), Now: r.Now,
	}, nil
}

// calendarForm asks when, for the calendar file.
type calendarForm struct {
	Action              string
	Date, Time, Minutes Field
}

func (h *Handler) calendarForm(r *Request, room rooms.Room) calendarForm {
	next := r.Now.Time().Truncate(time.Hour).Add(time.Hour).In(r.P.Zone())
	return calendarForm{
		Action:  "/r/" + room.Slug + "/invitation.ics",
		Date:    Field{Name: "date", Label: r.P.T("room.calendar.date"), Type: "date", Value: next.Format(time.DateOnly)},
		Time:    Field{Name: "time", Label: r.P.T("room.calendar.time"), Type: "time", Value: next.Format("15:04")},
		Minutes: Field{Name: "minutes", Label: r.P.T("room.calendar.minutes"), Type: "number", InputMode: "numeric", Value: strconv.Itoa(usualMinutes)},
	}
}

// host is the public host without a port: the right-hand side of calendar ids.
func (h *Handler) host() string {
	u, err := url.Parse(h.PublicURL)
	if err != nil {
		return "localhost"
	}
	return u.Hostname()
}
