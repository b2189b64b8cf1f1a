// SPDX-License-Identifier: AGPL-3.0-or-later

package decision

import (
	"context"
	"errors"
	"log/slog"
	"time"
	"unicode"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// Deps is what a Service needs; all of it.
type Deps struct {
	DB  *store.DB
	Now instant.Clock
	Log *slog.Logger
}

// Service holds the verbs of the register. It is safe for concurrent use.
type Service struct{ deps Deps }

// New returns a Service, or an error that names what is missing.
func New(d Deps) (*Service, error) {
	switch {
	case d.DB == nil:
		return nil, errors.New("decision: no DB")
	case d.Now == nil:
		return nil, errors.New("decision: no Now")
	case d.Log == nil:
		return nil, errors.New("decision: no Log")
	}
	return &Service{d}, nil
}

// Record enters a decision that was taken elsewhere. Invalid (input.invalid), Conflict
// (decision.key_taken), Forbidden (member.forbidden).
func (s *Service) Record(ctx context.Context, actor identity.Actor, in RecordInput) (Decision, error) {
	if err := membership.Check(actor, membership.ActionDecisionRecord, membership.Target{}); err != nil {
		return Decision{}, err
	}
	now := s.deps.Now()
	if err := in.Validate(lastDay(now)); err != nil {
		return Decision{}, err
	}
	d := Decision{ID: id.NewDecision(), Key: in.Key, Title: in.Title, Link: in.Link, DecidedOn: in.DecidedOn, RecordedAt: now}
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		n, err := membership.CountOperational(ctx, tx)
		if err != nil {
			return err
		}
		d.Founding = n == 0
		return enter(ctx, tx, now, actor, d)
	})
	if err == nil {
		s.deps.Log.InfoContext(ctx, "decision recorded", "decision", d.Key)
	}
	return d, err
}

// enter writes a decision and its audit event. It joins tx.
func enter(ctx context.Context, tx store.Tx, now instant.Instant, actor identity.Actor, d Decision) error {
	inserted, err := insert(ctx, tx, d)
	if err != nil {
		return err
	}
	if !inserted {
		return fault.New(fault.Conflict, "decision.key_taken", fault.Params{"Key": d.Key})
	}
	return identity.Audit(ctx, tx, now, identity.Event{
		Actor: actor, Action: "decision.record", Object: string(d.ID), Detail: map[string]string{"key": d.Key, "decided_on": d.DecidedOn.String()},
	})
}

// List returns every decision, the latest first. Decisions are public.
func (s *Service) List(ctx context.Context) ([]Decision, error) {
	var out []Decision
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		out, err = List(ctx, r)
		return err
	})
	return out, err
}

// Require returns the decision that key names. Invalid (decision.unknown) when there is none, Conflict
// (decision.founding_over) for Founding once an operational member besides the house exists. Founding is
// valid before anybody has used it: the decision returned has no ID then. It joins r.
func Require(ctx context.Context, r store.Reader, key string) (Decision, error) {
	if key == Founding {
		n, err := membership.CountOperational(ctx, r)
		if err != nil {
			return Decision{}, err
		}
		if n > 0 {
			return Decision{}, fault.New(fault.Conflict, "decision.founding_over")
		}
	}
	d, ok, err := Find(ctx, r, key)
	switch {
	case err != nil:
		return Decision{}, err
	case ok:
		return d, nil
	case key == Founding:
		return Decision{Key: Founding, Title: "Founding", Founding: true}, nil
	}
	return Decision{}, fault.New(fault.Invalid, "decision.unknown", fault.Params{"Key": key})
}

// RequireFor is Require for something that comes into force now by the decision: the first use of
// Founding enters it in the register, dated today (UTC). It joins tx.
func RequireFor(ctx context.Context, tx store.Tx, now instant.Instant, actor identity.Actor, key string) (Decision, error) {
	d, err := Require(ctx, tx, key)
	if err != nil || d.ID != "" {
		return d, err
	}
	d.ID, d.DecidedOn, d.RecordedAt = id.NewDecision(), now.In(time.UTC), now
	return d, enter(ctx, tx, now, actor, d)
}

// lastDay is the calendar day at its furthest place, UTC+14.
func lastDay(now instant.Instant) instant.Date {
	return now.Add(14 * time.Hour).In(time.UTC)
}

// hidden reports characters that a title does not need and that could hide something.
func hidden(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }
