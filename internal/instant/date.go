// SPDX-License-Identifier: AGPL-3.0-or-later

package instant

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Date is a calendar day without a zone, counted in days since 1970-01-01, offset by
// one so that the zero value means "none" (stored as NULL, printed as "").
type Date struct{ n int32 }

// DateOf returns the calendar day that t shows in its own location.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return NewDate(y, m, d)
}

// NewDate returns the given day; months and days out of range are normalised as time.Date does.
func NewDate(year int, month time.Month, day int) Date {
	u := time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Unix()
	days := u / 86400
	if u%86400 < 0 {
		days--
	}
	return fromDays(days)
}

func fromDays(d int64) Date {
	if d >= 0 {
		d++ // skip zero, which means none
	}
	return Date{int32(d)}
}

func (d Date) days() int64 {
	if d.n > 0 {
		return int64(d.n) - 1
	}
	return int64(d.n)
}

// ParseDate reads YYYY-MM-DD.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("parse date: %w", err)
	}
	return DateOf(t), nil
}

// IsZero reports whether d is "none".
func (d Date) IsZero() bool { return d.n == 0 }

// Before reports d < e. None sorts between 31 December 1969 and 1 January 1970.
func (d Date) Before(e Date) bool { return d.n < e.n }

// After reports d > e.
func (d Date) After(e Date) bool { return e.Before(d) }

// AddDays returns the day n days later; none stays none.
func (d Date) AddDays(n int) Date {
	if d.IsZero() {
		return d
	}
	return fromDays(d.days() + int64(n))
}

// AddMonths returns the same day n months later, or the last day of that month when it is
// shorter: 31 January + 1 month is 28 or 29 February.
func (d Date) AddMonths(n int) Date {
	if d.IsZero() {
		return d
	}
	y, m, day := d.at(time.UTC).Date()
	last := time.Date(y, m+time.Month(n)+1, 0, 0, 0, 0, 0, time.UTC)
	return NewDate(last.Year(), last.Month(), min(day, last.Day()))
}

// Start returns the instant at which the day begins in loc. Where a change of the clock skips
// midnight it is the first instant of the day.
func (d Date) Start(loc *time.Location) Instant {
	if d.IsZero() {
		return Instant{}
	}
	t := d.at(loc)
	if DateOf(t) != d { // midnight was skipped and normalised into the day before
		for t = t.Add(time.Minute); DateOf(t) != d; t = t.Add(time.Minute) {
		}
	}
	return Of(t)
}

func (d Date) at(loc *time.Location) time.Time {
	u := time.Unix(d.days()*86400, 0).UTC()
	y, m, day := u.Date()
	return time.Date(y, m, day, 0, 0, 0, 0, loc)
}

// Parts returns year, month and day; 1, January, 1 for none.
func (d Date) Parts() (year int, month time.Month, day int) {
	if d.IsZero() {
		return 1, time.January, 1
	}
	return d.at(time.UTC).Date()
}

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday { return d.at(time.UTC).Weekday() }

// String returns YYYY-MM-DD, or "" for none.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	return d.at(time.UTC).Format(time.DateOnly)
}

// MarshalText writes YYYY-MM-DD, or "".
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads YYYY-MM-DD; "" is none.
func (d *Date) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*d = Date{}
		return nil
	}
	v, err := ParseDate(string(b))
	*d = v
	return err
}

// Value implements driver.Valuer.
func (d Date) Value() (driver.Value, error) {
	if d.IsZero() {
		return nil, nil
	}
	return d.String(), nil
}

// Scan implements sql.Scanner for text, time.Time and NULL.
func (d *Date) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*d = Date{}
	case time.Time:
		*d = DateOf(v)
	case string:
		p, err := ParseDate(v)
		*d = p
		return err
	case []byte:
		return d.Scan(string(v))
	default:
		return fmt.Errorf("scan date: unexpected %T", src)
	}
	return nil
}
