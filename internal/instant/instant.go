// SPDX-License-Identifier: AGPL-3.0-or-later

// Package instant holds the two words for time: Instant, a point in time in UTC to
// the microsecond, and Date, a calendar day without a zone. Both are stored the same
// way by both databases and compare with ==. Time enters as a value: rules take an
// Instant, services hold a Clock.
package instant

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Clock tells the present. Services hold one; the demo moves it (--clock-offset), tests set it.
type Clock func() Instant

// System is the machine's clock, moved by offset (zero everywhere but in a demo).
func System(offset time.Duration) Clock {
	return func() Instant { return Of(time.Now().Add(offset)) }
}

// Layout is the fixed-width form in which SQLite keeps an instant, so that byte order is time order.
const Layout = "2006-01-02T15:04:05.000000Z"

// Instant is a point in time, microseconds since 1970-01-01 UTC. The zero value means
// "none": it is stored as NULL and printed as "".
type Instant struct{ us int64 }

// Of returns t cut to the microsecond. The zero time.Time is the zero Instant.
func Of(t time.Time) Instant {
	if t.IsZero() {
		return Instant{}
	}
	return Instant{t.UnixMicro()}
}

// Micros returns the instant that many microseconds after 1970-01-01 UTC.
func Micros(us int64) Instant { return Instant{us} }

// Micros returns microseconds since 1970-01-01 UTC; 0 for none.
func (i Instant) Micros() int64 { return i.us }

// IsZero reports whether i is "none".
func (i Instant) IsZero() bool { return i.us == 0 }

// Time returns i as a time.Time in UTC; the zero time for none.
func (i Instant) Time() time.Time {
	if i.us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(i.us).UTC()
}

// Add returns i + d. Adding to none gives none.
func (i Instant) Add(d time.Duration) Instant {
	if i.us == 0 {
		return i
	}
	return Instant{i.us + d.Microseconds()}
}

// Sub returns i - j.
func (i Instant) Sub(j Instant) time.Duration { return time.Duration(i.us-j.us) * time.Microsecond }

// Before reports i < j; After reports i > j. None is before everything.
func (i Instant) Before(j Instant) bool { return i.us < j.us }

// After reports i > j.
func (i Instant) After(j Instant) bool { return i.us > j.us }

// Compare returns -1, 0 or +1, for slices.SortFunc.
func (i Instant) Compare(j Instant) int {
	switch {
	case i.us < j.us:
		return -1
	case i.us > j.us:
		return 1
	}
	return 0
}

// Earlier returns the earlier of the two that are not none; none if both are.
func Earlier(a, b Instant) Instant {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

// Later returns the later of the two; none counts as earlier than everything.
func Later(a, b Instant) Instant {
	if a.Before(b) {
		return b
	}
	return a
}

// In returns the calendar day of i in the zone loc.
func (i Instant) In(loc *time.Location) Date { return DateOf(i.Time().In(loc)) }

// String returns RFC 3339 with microseconds, or "" for none.
func (i Instant) String() string {
	if i.us == 0 {
		return ""
	}
	return i.Time().Format(Layout)
}

// MarshalText writes RFC 3339 UTC; "" for none.
func (i Instant) MarshalText() ([]byte, error) {
	if i.us == 0 {
		return []byte{}, nil
	}
	return i.Time().AppendFormat(nil, time.RFC3339Nano), nil
}

// UnmarshalText reads RFC 3339 in any zone; "" is none.
func (i *Instant) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		*i = Instant{}
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil {
		return fmt.Errorf("parse instant: %w", err)
	}
	*i = Of(t)
	return nil
}

// Value implements driver.Valuer: fixed-width text, which PostgreSQL reads as TIMESTAMPTZ; NULL for none.
func (i Instant) Value() (driver.Value, error) {
	if i.us == 0 {
		return nil, nil
	}
	return i.Time().Format(Layout), nil
}

// Scan implements sql.Scanner for text, time.Time and NULL.
func (i *Instant) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*i = Instant{}
	case time.Time:
		*i = Of(v)
	case string:
		t, err := time.Parse(Layout, v)
		if err != nil {
			return fmt.Errorf("scan instant: %w", err)
		}
		*i = Of(t)
	case []byte:
		return i.Scan(string(v))
	default:
		return fmt.Errorf("scan instant: unexpected %T", src)
	}
	return nil
}
