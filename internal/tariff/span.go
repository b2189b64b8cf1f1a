// SPDX-License-Identifier: AGPL-3.0-or-later

package tariff

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"
)

// Span is a duration in JSON: Go's syntax ("3h", "90m"), null or absent for none. In the database it is
// whole seconds, NULL for none.
type Span time.Duration

// MarshalJSON writes "3h0m0s", or null for zero.
func (s Span) MarshalJSON() ([]byte, error) {
	if s == 0 {
		return []byte("null"), nil
	}
	return json.Marshal(time.Duration(s).String())
}

// UnmarshalJSON reads Go's syntax; null is zero.
func (s *Span) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*s = 0
		return nil
	}
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return fmt.Errorf("duration: %w", err)
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return fmt.Errorf("duration: %w", err)
	}
	*s = Span(d)
	return nil
}

// Value implements driver.Valuer.
func (s Span) Value() (driver.Value, error) {
	if s == 0 {
		return nil, nil
	}
	return int64(time.Duration(s) / time.Second), nil
}

// Scan implements sql.Scanner.
func (s *Span) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*s = 0
	case int64:
		*s = Span(time.Duration(v) * time.Second)
	default:
		return fmt.Errorf("scan span: unexpected %T", src)
	}
	return nil
}

// Value implements driver.Valuer: NULL for Unlimited.
func (l Limit) Value() (driver.Value, error) {
	if l < 0 {
		return nil, nil
	}
	return int64(l), nil
}

// Scan implements sql.Scanner.
func (l *Limit) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*l = Unlimited
	case int64:
		*l = Limit(v)
	default:
		return fmt.Errorf("scan limit: unexpected %T", src)
	}
	return nil
}
