// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"context"

	"meetcoop/internal/fleet"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// Observers hear of decisions one after the other.
type Observers []Observer

// MeetingStarted implements Observer.
func (o Observers) MeetingStarted(ctx context.Context, tx store.Tx, now instant.Instant, m fleet.Meeting) error {
	return o.each(func(v Observer) error { return v.MeetingStarted(ctx, tx, now, m) })
}

// MeetingChanged implements Observer.
func (o Observers) MeetingChanged(ctx context.Context, tx store.Tx, now instant.Instant, m fleet.Meeting) error {
	return o.each(func(v Observer) error { return v.MeetingChanged(ctx, tx, now, m) })
}

// MeetingEnded implements Observer.
func (o Observers) MeetingEnded(ctx context.Context, tx store.Tx, now instant.Instant, m fleet.Meeting) error {
	return o.each(func(v Observer) error { return v.MeetingEnded(ctx, tx, now, m) })
}

// Admitted implements Observer.
func (o Observers) Admitted(ctx context.Context, tx store.Tx, now instant.Instant, seats []Seat) error {
	return o.each(func(v Observer) error { return v.Admitted(ctx, tx, now, seats) })
}

// Released implements Observer.
func (o Observers) Released(ctx context.Context, tx store.Tx, now instant.Instant, seats []Seat, why Why) error {
	return o.each(func(v Observer) error { return v.Released(ctx, tx, now, seats, why) })
}

func (o Observers) each(tell func(Observer) error) error {
	for _, v := range o {
		if err := tell(v); err != nil {
			return err
		}
	}
	return nil
}
