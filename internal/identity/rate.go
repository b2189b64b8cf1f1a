// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"context"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// rate is a rule "at most limit hits in any stretch of window". Hits are counted in slots; a slot counts
// until its last possible hit has left the window, so the rule errs by at most one slot, on the strict side.
type rate struct {
	name   string // part of the bucket's key: rules never share a bucket
	limit  int64
	window time.Duration
	slot   time.Duration
	code   string // of the LimitReached fault
}

// The rules of identity design 6.10. slow* hold for sign-ups without proof of work while it is asked.
var (
	mailsHour      = rate{"mails_hour", 3, time.Hour, 5 * time.Minute, "signin.mails"}
	mailsDay       = rate{"mails_day", 10, 24 * time.Hour, time.Hour, "signin.mails"}
	signUpNetwork  = rate{"signup_network", 10, time.Hour, 5 * time.Minute, "signup.rate"}
	signUpInstance = rate{"signup_instance", 300, time.Hour, 5 * time.Minute, "signup.busy"}
	slowNetwork    = rate{"signup_slow_network", 1, time.Hour, 5 * time.Minute, "signup.work_needed"}
	slowInstance   = rate{"signup_slow_instance", 30, time.Hour, 5 * time.Minute, "signup.work_needed"}
	stampUses      = rate{"stamp_uses", 3, time.Hour, 5 * time.Minute, "signup.form_stale"}
	signInNetwork  = rate{"signin_network", 60, time.Hour, 5 * time.Minute, "signin.rate"}
	wrongCodes     = rate{"wrong_codes", 10, 24 * time.Hour, time.Hour, ""} // asked, never refused: see answer
)

// workAbove is the number of sign-ups an hour above which proof of work is asked.
const workAbove = 30

// generosity is by how much the demo, where one machine plays everybody, multiplies the limits.
const generosity = 100

// slotHits is one stored slot of a bucket.
type slotHits struct {
	slot instant.Instant // its beginning
	hits int64
}

func (r rate) slotOf(now instant.Instant) instant.Instant {
	us := r.slot.Microseconds()
	return instant.Micros(now.Micros() / us * us)
}

// since returns the instant after which slots count at now.
func (r rate) since(now instant.Instant) instant.Instant { return now.Add(-r.window - r.slot) }

// used sums the slots that count at now.
func (r rate) used(slots []slotHits, now instant.Instant) (n int64) {
	for _, s := range slots {
		if s.slot.After(r.since(now)) {
			n += s.hits
		}
	}
	return n
}

// wait returns how long from now until one more hit fits under limit; 0 when it fits now. slots is sorted.
func (r rate) wait(slots []slotHits, limit int64, now instant.Instant) time.Duration {
	n, until := r.used(slots, now), now
	for _, s := range slots {
		if n < limit {
			break
		}
		if s.slot.After(r.since(now)) {
			n -= s.hits
			until = s.slot.Add(r.window + r.slot)
		}
	}
	return until.Sub(now)
}

// diesAt is when a slot may be forgotten: 24 hours after its last possible hit.
func (r rate) diesAt(slot instant.Instant) instant.Instant { return slot.Add(r.slot + 24*time.Hour) }

// limits applies rate rules inside a transaction.
type limits struct {
	keys   keyring
	factor int64 // 1, or generosity
}

func (l limits) key(r rate, subject string) string { return l.keys.mac("rate", r.name, subject) }

// take counts a hit of r by subject, or returns LimitReached (r.code) with RetryAfter, a time.Duration in
// whole minutes. It joins tx: when the caller fails, the hit was not.
func (l limits) take(ctx context.Context, tx store.Tx, now instant.Instant, r rate, subject string) error {
	key := l.key(r, subject)
	slots, err := loadSlots(ctx, tx, key, r.since(now))
	if err != nil {
		return err
	}
	if wait := r.wait(slots, r.limit*l.factor, now); wait > 0 {
		minutes := (wait + time.Minute - 1).Truncate(time.Minute)
		return fault.New(fault.LimitReached, r.code, fault.Params{"RetryAfter": minutes})
	}
	return l.count(ctx, tx, now, r, subject)
}

// count adds a hit without asking.
func (l limits) count(ctx context.Context, tx store.Tx, now instant.Instant, r rate, subject string) error {
	slot := r.slotOf(now)
	return addHit(ctx, tx, l.key(r, subject), slot, r.diesAt(slot))
}

// used returns the hits of r by subject that count now.
func (l limits) used(ctx context.Context, rd store.Reader, now instant.Instant, r rate, subject string) (int64, error) {
	slots, err := loadSlots(ctx, rd, l.key(r, subject), r.since(now))
	return r.used(slots, now), err
}
