// SPDX-License-Identifier: AGPL-3.0-or-later

package membership

import (
	"context"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// Validate returns Invalid (input.invalid) with every wrong field. The same rules are constraints of the table.
func (f Fact) Validate() error {
	var c fault.Check
	c.Field(f.Member != "", "member", "standing.incomplete")
	c.Field(f.Source != "" && len(f.Source) <= 200, "source", "standing.incomplete")
	c.Field(!f.From.IsZero(), "from", "standing.incomplete")
	c.Field(!f.HappenedAt.IsZero(), "happened_at", "standing.incomplete")
	c.Field(len(f.Reason) <= maxReason, "reason", "member.reason_long", fault.Params{"Limit": maxReason})
	ofLevel := f.Kind == FactChosen || f.Kind == FactCovered || f.Kind == FactGranted
	c.Field(ofLevel == (f.Level != ""), "level", "standing.incomplete")
	c.Field((f.Kind == FactUncovered) == (f.Undoes != ""), "undoes", "standing.incomplete")
	switch f.Kind {
	case FactCovered:
		c.Field(f.Until.After(f.From), "until", "standing.interval")
	case FactGranted:
		c.Field(f.Until.IsZero() || f.Until.After(f.From), "until", "standing.interval")
		c.Field(f.TrustedUntil.IsZero(), "trusted_until", "standing.interval")
	case FactChosen, FactUncovered, FactCancelled, FactSuspended, FactLifted, FactClosed:
		c.Field(f.Until.IsZero() && f.TrustedUntil.IsZero(), "until", "standing.interval")
	default:
		c.Field(false, "kind", "standing.incomplete")
	}
	return c.Err()
}

// RecordFact appends a fact to a member's history, tells whoever keeps a copy of its entitlement, and
// writes one audit event. A fact whose source is recorded already changes nothing, so it may be called
// again. HappenedAt none is now. Invalid (input.invalid); NotFound (member.unknown); Conflict
// (standing.source_taken) when that source said something else. The caller has checked the right to do
// what the fact says. It joins tx.
func (s *Service) RecordFact(ctx context.Context, tx store.Tx, now instant.Instant, actor identity.Actor, f Fact) error {
	if f.HappenedAt.IsZero() {
		f.HappenedAt = now
	}
	if err := f.Validate(); err != nil {
		return err
	}
	if _, err := Get(ctx, tx, f.Member); err != nil {
		return err
	}
	known, ok, err := factOfSource(ctx, tx, f.Source)
	if err != nil {
		return err
	}
	if ok {
		if !known.sameAs(f) {
			return fault.New(fault.Conflict, "standing.source_taken", fault.Params{"Source": f.Source})
		}
		return nil
	}
	if err := s.record(ctx, tx, now, f); err != nil {
		return err
	}
	return identity.Audit(ctx, tx, now, identity.Event{
		Actor: actor, Action: "standing." + string(f.Kind), Object: string(f.Member), Member: f.Member, Reason: f.Reason,
		Detail: map[string]string{"level": f.Level, "from": f.From.String(), "until": f.Until.String(), "source": f.Source},
	})
}

// record appends a valid fact and tells. It joins tx.
func (s *Service) record(ctx context.Context, tx store.Tx, now instant.Instant, f Fact) error {
	f.ID = id.NewFact()
	inserted, err := insertFact(ctx, tx, f, now)
	if err := unique(inserted, err, "standing.source_taken", fault.Params{"Source": f.Source}); err != nil {
		return err
	}
	return s.entitlementChanged(ctx, tx, now, f.Member)
}

// sameAs compares what two reports of one source say; when it was said does not count.
func (f Fact) sameAs(g Fact) bool {
	f.ID, f.HappenedAt, f.Reason = "", instant.Instant{}, ""
	g.ID, g.HappenedAt, g.Reason = "", instant.Instant{}, ""
	return f == g
}

// Suspend ends a member's use until Lift: every entry is refused from now on, running meetings go on.
// Reason is required and shown to the member. NotFound (member.unknown), Forbidden (member.forbidden),
// Conflict (member.already) when it is suspended, and for the house.
func (s *Service) Suspend(ctx context.Context, actor identity.Actor, member id.Member, reason string) error {
	return s.turn(ctx, actor, ActionMemberSuspend, FactSuspended, member, reason)
}

// Lift ends a suspension. As Suspend; Conflict (member.already) when there is none.
func (s *Service) Lift(ctx context.Context, actor identity.Actor, member id.Member, reason string) error {
	return s.turn(ctx, actor, ActionMemberSuspend, FactLifted, member, reason)
}

// Close ends a member's part in the cooperative. Choosing a level, or being granted one, opens it again.
// As Suspend.
func (s *Service) Close(ctx context.Context, actor identity.Actor, member id.Member, reason string) error {
	return s.turn(ctx, actor, ActionMemberClose, FactClosed, member, reason)
}

func (s *Service) turn(ctx context.Context, actor identity.Actor, action Action, kind FactKind, member id.Member, reason string) error {
	now := s.deps.Now()
	source := string(kind) + ":" + string(id.NewFact())
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		m, err := Authorise(ctx, tx, actor, action, member)
		if err != nil {
			return err
		}
		if err := validReason(reason, true); err != nil {
			return err
		}
		standing, err := m.Standing(ctx, tx, now)
		if err != nil {
			return err
		}
		wanted := map[FactKind]bool{
			FactSuspended: standing.Active(),
			FactLifted:    standing.State == StandingSuspended,
			FactClosed:    standing.State != StandingClosed,
		}
		if !wanted[kind] || m.IsHouse() {
			return fault.New(fault.Conflict, "member.already", fault.Params{"State": string(standing.State)})
		}
		return s.RecordFact(ctx, tx, now, actor, Fact{Member: m.ID, Source: source, Kind: kind, From: now.In(m.Location()), Reason: reason, HappenedAt: now})
	})
	if err == nil {
		s.deps.Log.InfoContext(ctx, "member turned", "member", member, "into", kind)
	}
	return err
}

// maxLentMonths is the longest a level is lent: 12 months (identity.md 3.2).
const maxLentMonths = 12

// LendInput describes a level lent until a day.
type LendInput struct {
	Member     id.Member
	Level      string
	From       instant.Date // none is today in the member's zone; not in the past
	Until      instant.Date // first day it is over; within 12 months of From
	ReasonKind ReasonKind
	Reason     string
}

// Lend lends a member a level until a day (a conversion to host). It ends by itself. NotFound
// (member.unknown), Forbidden (member.forbidden), Invalid (input.invalid, with the fields).
func (s *Service) Lend(ctx context.Context, actor identity.Actor, in LendInput) (Override, error) {
	now := s.deps.Now()
	out := Override{ID: id.NewOverride(), Member: in.Member, Level: in.Level, From: in.From, Until: in.Until, ReasonKind: in.ReasonKind, Reason: in.Reason, LentBy: actor.Person, CreatedAt: now}
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		target, m, err := TargetOf(ctx, tx, actor, in.Member)
		if err != nil {
			return err
		}
		if err := Check(actor, ActionLevelLend, target); err != nil {
			return err
		}
		today := now.In(m.Location())
		if in.From.IsZero() {
			out.From = today
		}
		exists, err := s.deps.Levels.LevelExists(ctx, tx, in.Level, out.From)
		if err != nil {
			return err
		}
		var c fault.Check
		c.Field(exists && in.Level != DefaultPolicy.FreeLevel, "level", "level.unknown")
		c.Field(!out.From.Before(today), "from", "member.past")
		c.Field(out.Until.After(out.From) && !out.Until.After(out.From.AddMonths(maxLentMonths)), "until", "member.lent_until", fault.Params{"Months": maxLentMonths})
		c.Field(in.ReasonKind.Valid(), "reason_kind", "member.reason_missing")
		c.Field(in.Reason != "", "reason", "member.reason_missing")
		c.Field(len(in.Reason) <= maxReason, "reason", "member.reason_long", fault.Params{"Limit": maxReason})
		if err := c.Err(); err != nil {
			return err
		}
		if target.Steward {
			steward, err := StewardOf(ctx, tx, m.ID)
			if err != nil {
				return err
			}
			out.ForCoop = steward.ID
		}
		if err := insertOverride(ctx, tx, out); err != nil {
			return err
		}
		if err := s.entitlementChanged(ctx, tx, now, m.ID); err != nil {
			return err
		}
		return identity.Audit(ctx, tx, now, identity.Event{
			Actor: actor, Action: "level.lend", Object: string(out.ID), Member: m.ID, Reason: in.Reason,
			Detail: map[string]string{"level": out.Level, "from": out.From.String(), "until": out.Until.String(), "reason_kind": string(out.ReasonKind)},
		})
	})
	if err == nil {
		s.deps.Log.InfoContext(ctx, "level lent", "member", in.Member, "level", out.Level, "until", out.Until)
	}
	return out, err
}

// Recall ends a lent level before its day. NotFound (member.unknown, override.unknown), Forbidden
// (member.forbidden).
func (s *Service) Recall(ctx context.Context, actor identity.Actor, member id.Member, override id.Override, reason string) error {
	if err := validReason(reason, false); err != nil {
		return err
	}
	now := s.deps.Now()
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		if _, err := Authorise(ctx, tx, actor, ActionLevelLend, member); err != nil {
			return err
		}
		revoked, err := revokeOverride(ctx, tx, member, override, now)
		if err != nil {
			return err
		}
		if !revoked {
			return fault.New(fault.NotFound, "override.unknown")
		}
		if err := s.entitlementChanged(ctx, tx, now, member); err != nil {
			return err
		}
		return identity.Audit(ctx, tx, now, identity.Event{Actor: actor, Action: "level.recall", Object: string(override), Member: member, Reason: reason})
	})
}

// HandOver gives a member to another steward: the old stewardship ends and the new one begins at one
// instant. NotFound (member.unknown, member.steward_unknown), Forbidden (member.forbidden); Conflict
// (member.already) when it is the steward already; operational members stay with the house.
func (s *Service) HandOver(ctx context.Context, actor identity.Actor, member, steward id.Member, reason string) error {
	if err := validReason(reason, true); err != nil {
		return err
	}
	now := s.deps.Now()
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		m, err := Authorise(ctx, tx, actor, ActionStewardChange, member)
		if err != nil {
			return err
		}
		to, ok, err := Find(ctx, tx, steward)
		if err != nil {
			return err
		}
		if !ok || to.Kind != KindOperational || m.Kind == KindOperational {
			return fault.New(fault.NotFound, "member.steward_unknown")
		}
		from, err := StewardOf(ctx, tx, member)
		if err != nil {
			return err
		}
		if from.ID == to.ID {
			return fault.New(fault.Conflict, "member.already", fault.Params{"State": to.Slug})
		}
		if err := closeStewardship(ctx, tx, member, now); err != nil {
			return err
		}
		err = insertStewardship(ctx, tx, Stewardship{ID: id.NewStewardship(), Steward: to.ID, Member: member, From: now, Reason: reason})
		if err != nil {
			return err
		}
		return identity.Audit(ctx, tx, now, identity.Event{
			Actor: actor, Action: "steward.change", Object: string(member), Member: member, Reason: reason,
			Detail: map[string]string{"from": string(from.ID), "to": string(to.ID)},
		})
	})
}

// SetContacts replaces where mail for the member goes. NotFound (member.unknown), Forbidden
// (member.forbidden), Invalid (input.invalid: member.contact).
func (s *Service) SetContacts(ctx context.Context, actor identity.Actor, member id.Member, contacts []Contact) error {
	var c fault.Check
	c.Field(len(contacts) <= maxContacts, "contacts", "member.contacts_many", fault.Params{"Limit": maxContacts})
	for i := range contacts {
		address, ok := identity.ParseAddress(contacts[i].Address)
		kind := contacts[i].Kind
		c.Field(ok && (kind == ContactBilling || kind == ContactTechnical || kind == ContactGeneral), "contacts", "member.contact")
		contacts[i].Address = address.String()
	}
	if err := c.Err(); err != nil {
		return err
	}
	now := s.deps.Now()
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		if _, err := Authorise(ctx, tx, actor, ActionContactsManage, member); err != nil {
			return err
		}
		if err := replaceContacts(ctx, tx, member, contacts); err != nil {
			return err
		}
		return identity.Audit(ctx, tx, now, identity.Event{Actor: actor, Action: "contacts.set", Object: string(member), Member: member})
	})
}

// maxContacts bounds the addresses of one member.
const maxContacts = 20
