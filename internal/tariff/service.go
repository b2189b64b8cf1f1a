// SPDX-License-Identifier: AGPL-3.0-or-later

package tariff

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"time"

	"meetcoop/internal/decision"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// TopicEntitlement is the change-feed topic on which every change of what a member may use is told;
// the key is the member's id.
const TopicEntitlement = membership.TopicEntitlement

// Deps is what a Service needs; all of it.
type Deps struct {
	DB      *store.DB
	Now     instant.Clock
	Log     *slog.Logger
	Members *membership.Service
	Changed membership.Changed
}

// Service holds the verbs of levels. Each is one transaction. It is safe for concurrent use.
type Service struct{ deps Deps }

// New returns a Service, or an error that names what is missing.
func New(d Deps) (*Service, error) {
	switch {
	case d.DB == nil:
		return nil, errors.New("tariff: no DB")
	case d.Now == nil:
		return nil, errors.New("tariff: no Now")
	case d.Log == nil:
		return nil, errors.New("tariff: no Log")
	case d.Members == nil:
		return nil, errors.New("tariff: no Members")
	case d.Changed == nil:
		return nil, errors.New("tariff: no Changed")
	}
	return &Service{d}, nil
}

// Levels returns the versions in force now, in the order of the price list. The list is public.
func (s *Service) Levels(ctx context.Context) ([]Level, error) {
	var out []Level
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		out, err = Levels(ctx, r, s.deps.Now())
		return err
	})
	return out, err
}

// Entitlement is Entitled in a transaction of its own.
func (s *Service) Entitlement(ctx context.Context, member id.Member) (Entitlement, error) {
	var out Entitlement
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		out, err = Entitled(ctx, r, member, s.deps.Now())
		return err
	})
	return out, err
}

// Define puts levels, or new versions of them, into the list. A version already there and the same in
// everything changes nothing; one that is not in force yet is replaced when the file names its number.
// Invalid (input.invalid, decision.unknown); Conflict level.in_force (a version in force never changes:
// define the next), level.overlap (it would begin on or before the day of the version before it, or in
// the past), decision.founding_over; Forbidden (member.forbidden). It returns the rows that hold now.
func (s *Service) Define(ctx context.Context, actor identity.Actor, in DefineInput) ([]Level, error) {
	if err := membership.Check(actor, membership.ActionLevelDefine, membership.Target{}); err != nil {
		return nil, err
	}
	if err := in.Validate(); err != nil {
		return nil, err
	}
	now := s.deps.Now()
	var out []Level
	err := s.deps.DB.Write(ctx, func(tx store.Tx) (err error) {
		out, err = s.define(ctx, tx, now, actor, in)
		return err
	})
	for _, l := range out {
		if err == nil {
			s.deps.Log.InfoContext(ctx, "level defined", "level", l.Key, "version", l.Version, "valid_from", l.ValidFrom, "decision", l.DecisionKey)
		}
	}
	return out, err
}

func (s *Service) define(ctx context.Context, tx store.Tx, now instant.Instant, actor identity.Actor, in DefineInput) ([]Level, error) {
	d, err := decision.RequireFor(ctx, tx, now, actor, in.Decision)
	if err != nil {
		return nil, err
	}
	if d.Key != decision.Founding && in.ValidFrom.Before(d.DecidedOn) {
		var c fault.Check
		c.Field(false, "valid_from", "level.before_decision", fault.Params{"Day": d.DecidedOn})
		return nil, c.Err()
	}
	next, err := nextPosition(ctx, tx)
	if err != nil {
		return nil, err
	}
	var out []Level
	changed := false
	for _, l := range in.Levels {
		versions, err := Versions(ctx, tx, l.Key)
		if err != nil {
			return nil, err
		}
		position := next
		switch {
		case l.Position != nil:
			position = *l.Position
		case len(versions) > 0:
			position = versions[len(versions)-1].Position
		}
		next = max(next, position+1)
		wanted := l.level(position, d, in.ValidFrom)
		wanted.Version = l.Version
		placed, known, draft, err := place(versions, wanted, now)
		if err != nil {
			return nil, err
		}
		out = append(out, placed)
		if known {
			continue
		}
		if draft != "" {
			if err := deleteDraft(ctx, tx, draft); err != nil {
				return nil, err
			}
		}
		if err := insertLevel(ctx, tx, placed, now); err != nil {
			return nil, err
		}
		err = identity.Audit(ctx, tx, now, identity.Event{
			Actor: actor, Action: "level.define", Object: string(placed.ID),
			Detail: map[string]string{"level": placed.Key, "version": strconv.Itoa(placed.Version), "valid_from": placed.ValidFrom.String(), "decision": d.Key},
		})
		if err != nil {
			return nil, err
		}
		changed = true
	}
	if !changed {
		return out, nil
	}
	return out, jobs.Enqueue(ctx, tx, now, jobs.EnqueueInput{Kind: tellKind, Key: "all"})
}

// place finds the number under which wanted enters the versions of its level, which are in order.
// known: the row is there already, the same in everything. draft: the row it replaces.
func place(versions []Level, wanted Level, now instant.Instant) (placed Level, known bool, draft id.Level, err error) {
	at := len(versions) // where it goes
	if wanted.Version != 0 {
		at = wanted.Version - 1
	} else if at > 0 && versions[at-1].says(wanted) {
		at-- // the same file again
	}
	if at > len(versions) {
		var c fault.Check
		c.Field(false, "version", "level.version_next", fault.Params{"Level": wanted.Key, "Next": len(versions) + 1})
		return wanted, false, "", c.Err()
	}
	params := fault.Params{"Level": wanted.Key, "Version": at + 1}
	if at < len(versions) {
		there := versions[at]
		if there.says(wanted) {
			return there, true, "", nil
		}
		if !there.ValidFrom.After(latestDay(now)) {
			return wanted, false, "", fault.New(fault.Conflict, "level.in_force", params)
		}
		draft = there.ID
	}
	after := at == 0 || wanted.ValidFrom.After(versions[at-1].ValidFrom) && !wanted.ValidFrom.Before(now.In(time.UTC))
	before := at+1 >= len(versions) || wanted.ValidFrom.Before(versions[at+1].ValidFrom)
	if !after || !before {
		return wanted, false, "", fault.New(fault.Conflict, "level.overlap", params)
	}
	wanted.ID, wanted.Version = id.NewLevel(), at+1
	return wanted, false, draft, nil
}

// latestDay is the calendar day at its furthest place, UTC+14: a version is in force once it is for
// anybody.
func latestDay(now instant.Instant) instant.Date { return now.Add(14 * time.Hour).In(time.UTC) }

// says reports whether both are the same in everything but id and number.
func (l Level) says(m Level) bool {
	same := l.Limits.Equal(m.Limits)
	l.ID, l.Version, l.Limits = "", 0, Limits{}
	m.ID, m.Version, m.Limits = "", 0, Limits{}
	return same && l.plain() == m.plain()
}

// AssignInput grants a level.
type AssignInput struct {
	Member id.Member
	Level  string       // key; the free level ends an earlier grant
	From   instant.Date // none is today in the member's zone
}

// The furthest days from which a level can be granted: an operator may enter what was agreed long ago,
// and what begins within a year.
const (
	assignBackMonths  = 120
	assignAheadMonths = 12
)

// Assign grants a member a level, without contribution, until a subscription or another grant ends it.
// NotFound (member.unknown), Forbidden (member.forbidden), Invalid (input.invalid: level.unknown,
// level.from), Conflict (level.subscription_runs) while a contribution covers that day.
func (s *Service) Assign(ctx context.Context, actor identity.Actor, in AssignInput) error {
	now := s.deps.Now()
	source := "assign:" + string(id.NewFact())
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		m, err := membership.Authorise(ctx, tx, actor, membership.ActionLevelAssign, in.Member)
		if err != nil {
			return err
		}
		today := now.In(m.Location())
		from := in.From
		if from.IsZero() {
			from = today
		}
		exists, err := Register{}.LevelExists(ctx, tx, in.Level, from)
		if err != nil {
			return err
		}
		var c fault.Check
		c.Field(exists, "level", "level.unknown")
		c.Field(!from.Before(today.AddMonths(-assignBackMonths)) && !from.After(today.AddMonths(assignAheadMonths)), "from", "level.from")
		if err := c.Err(); err != nil {
			return err
		}
		standing, err := m.Standing(ctx, tx, instant.Later(now, from.Start(m.Location())))
		if err != nil {
			return err
		}
		if standing.Line == membership.LineCovered {
			return fault.New(fault.Conflict, "level.subscription_runs", fault.Params{"Level": standing.Level})
		}
		return s.deps.Members.RecordFact(ctx, tx, now, actor, membership.Fact{
			Member: m.ID, Source: source, Kind: membership.FactGranted, Level: in.Level, From: from, HappenedAt: now,
		})
	})
	if err == nil {
		s.deps.Log.InfoContext(ctx, "level assigned", "member", in.Member, "level", in.Level)
	}
	return err
}

// Override replaces single limits of a member from now on, until a day or until EndOverride. NotFound
// (member.unknown), Forbidden (member.forbidden), Invalid (input.invalid, with the fields).
func (s *Service) Override(ctx context.Context, actor identity.Actor, in OverrideInput) (LimitOverride, error) {
	now := s.deps.Now()
	out := LimitOverride{ID: id.NewOverride(), Member: in.Member, Fields: in.Fields, Reason: in.Reason, From: now, CreatedAt: now}
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		m, err := membership.Authorise(ctx, tx, actor, membership.ActionLevelAssign, in.Member)
		if err != nil {
			return err
		}
		if err := in.Validate(now.In(m.Location())); err != nil {
			return err
		}
		out.Until = in.Until.Start(m.Location())
		if err := insertOverride(ctx, tx, out); err != nil {
			return err
		}
		detail := in.Fields.detail()
		detail["until"] = in.Until.String()
		return s.overridden(ctx, tx, now, identity.Event{
			Actor: actor, Action: "level.override", Object: string(out.ID), Member: m.ID, Reason: in.Reason, Detail: detail,
		})
	})
	if err == nil {
		s.deps.Log.InfoContext(ctx, "limits overridden", "member", in.Member, "override", out.ID)
	}
	return out, err
}

// EndOverride gives the limits of one override back to the level. NotFound (member.unknown,
// override.unknown) also when it is over, Forbidden (member.forbidden).
func (s *Service) EndOverride(ctx context.Context, actor identity.Actor, member id.Member, override id.Override) error {
	now := s.deps.Now()
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		if _, err := membership.Authorise(ctx, tx, actor, membership.ActionLevelAssign, member); err != nil {
			return err
		}
		ended, err := revokeOverride(ctx, tx, member, override, now)
		if err != nil {
			return err
		}
		if !ended {
			return fault.New(fault.NotFound, "override.unknown")
		}
		return s.overridden(ctx, tx, now, identity.Event{Actor: actor, Action: "level.override_end", Object: string(override), Member: member})
	})
}

// overridden tells and audits. It joins tx.
func (s *Service) overridden(ctx context.Context, tx store.Tx, now instant.Instant, e identity.Event) error {
	if err := s.tell(ctx, tx, now, e.Member); err != nil {
		return err
	}
	return identity.Audit(ctx, tx, now, e)
}

func (s *Service) tell(ctx context.Context, tx store.Tx, now instant.Instant, member id.Member) error {
	if err := s.deps.Changed.EntitlementChanged(ctx, tx, now, member); err != nil {
		return err
	}
	return store.Changed(ctx, tx, now, TopicEntitlement, string(member))
}

// detail names the replaced limits for the audit.
func (f OverrideFields) detail() map[string]string {
	var l Limits
	d := map[string]string{}
	for _, n := range f.numbers() {
		if n.value != nil {
			d[n.name] = strconv.FormatInt(*n.value, 10)
		}
	}
	for _, name := range f.apply(&l) {
		switch name {
		case "duration":
			d[name] = l.Duration.String()
		case "recording":
			d[name] = strconv.FormatBool(l.Recording)
		case "branding":
			d[name] = strconv.FormatBool(l.Branding)
		}
	}
	return d
}
