// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"time"

	"meetcoop/internal/admission"
	"meetcoop/internal/fleet"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/store"
)

// Observer hears from the gate of the ends of meetings, whoever noticed them. It needs nothing but the transaction.
type Observer struct{}

var _ admission.Observer = Observer{}

// MeetingStarted does nothing: this package started it.
func (Observer) MeetingStarted(context.Context, store.Tx, instant.Instant, fleet.Meeting) error {
	return nil
}

// MeetingChanged tells other nodes of a changed deadline.
func (Observer) MeetingChanged(ctx context.Context, tx store.Tx, now instant.Instant, m fleet.Meeting) error {
	if m.Room != "" {
		return nil
	}
	return store.Changed(ctx, tx, now, TopicConference, string(m.ID))
}

// MeetingEnded forgets what is kept while a meeting is open, has the client told once, and has the server end a copy that it may
// still hold.
func (Observer) MeetingEnded(ctx context.Context, tx store.Tx, now instant.Instant, m fleet.Meeting) error {
	if m.Room != "" {
		return nil
	}
	c, ok, err := of(ctx, tx, m)
	if err != nil || !ok {
		return err
	}
	if err := forgetOpen(ctx, tx, m.ID); err != nil {
		return err
	}
	if m.EndReason == fleet.EndDuration || m.EndReason == fleet.EndPlatform {
		at := now
		if m.EndReason == fleet.EndDuration {
			at = now.Add(time.Minute) // servers end by themselves (gateway.md L2)
		}
		if err := enqueueOrphan(ctx, tx, now, at, orphanJob{Server: m.Server, Key: c.ServerKey}); err != nil {
			return err
		}
	}
	if err := enqueueEnded(ctx, tx, now, &c); err != nil {
		return err
	}
	for i, u := range c.EndURLs {
		at := now
		if c.Recordings {
			at = now.Add(marksWithin)
		}
		if err := jobs.Enqueue(ctx, tx, now, jobs.EnqueueInput{Kind: kindCallEnd, Key: string(m.ID) + " " + string(rune('0'+i)), Args: callEndJob{m.ID, u}, RunAt: at}); err != nil {
			return err
		}
	}
	return store.Changed(ctx, tx, now, TopicConference, string(m.ID))
}

// Admitted does nothing: seats are not shown here.
func (Observer) Admitted(context.Context, store.Tx, instant.Instant, []admission.Seat) error {
	return nil
}

// Released does nothing.
func (Observer) Released(context.Context, store.Tx, instant.Instant, []admission.Seat, admission.Why) error {
	return nil
}
