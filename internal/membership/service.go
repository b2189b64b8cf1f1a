// SPDX-License-Identifier: AGPL-3.0-or-later

package membership

import (
	"context"
	"errors"
	"log/slog"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// Levels is what the register must know of levels. Package tariff implements it.
type Levels interface {
	// LevelExists reports whether key names a level with a version in force on day. It joins r.
	LevelExists(ctx context.Context, r store.Reader, key string, day instant.Date) (bool, error)
	// HostPlaces returns how many hosts the member may have now; negative means any number. It joins r.
	HostPlaces(ctx context.Context, r store.Reader, member id.Member, now instant.Instant) (int, error)
	// ConnectionPlaces returns how many API connections the member may have now; negative means any number. It joins r.
	ConnectionPlaces(ctx context.Context, r store.Reader, member id.Member, now instant.Instant) (int, error)
}

// Changed is told, in the transaction of the change, that a member may use more or less from now on.
// The admission gate implements it.
type Changed interface {
	EntitlementChanged(ctx context.Context, tx store.Tx, now instant.Instant, member id.Member) error
}

// TopicEntitlement is the change-feed topic on which the same is told to every node after the commit;
// the key is the member's id.
const TopicEntitlement store.Topic = "entitlement"

// TopicPeople is the change-feed topic of affiliations and roles; the key is the member's id.
const TopicPeople store.Topic = "people"

// Sealer makes secrets unreadable in the database, and readable again. Package seal implements it.
type Sealer interface {
	Seal(purpose, text string) (string, error)
	Open(purpose, sealed string) (string, error)
}

// Deps is what a Service needs; all of it, but Sealer, without which the verbs of connections fail.
type Deps struct {
	DB      *store.DB
	Now     instant.Clock
	Log     *slog.Logger
	Levels  Levels
	Changed Changed
	Inviter Inviter
	Sealer  Sealer
}

// Service holds the verbs of the register. Each exported method without a tx is one transaction of its
// own. It is safe for concurrent use.
type Service struct{ deps Deps }

// New returns a Service, or an error that names what is missing.
func New(d Deps) (*Service, error) {
	switch {
	case d.DB == nil:
		return nil, errors.New("membership: no DB")
	case d.Now == nil:
		return nil, errors.New("membership: no Now")
	case d.Log == nil:
		return nil, errors.New("membership: no Log")
	case d.Levels == nil:
		return nil, errors.New("membership: no Levels")
	case d.Changed == nil:
		return nil, errors.New("membership: no Changed")
	case d.Inviter == nil:
		return nil, errors.New("membership: no Inviter")
	}
	return &Service{d}, nil
}

// TargetOf returns what the table of rights asks about actor and member. NotFound (member.unknown). It joins r.
func TargetOf(ctx context.Context, r store.Reader, actor identity.Actor, member id.Member) (Target, Member, error) {
	m, err := Get(ctx, r, member)
	if err != nil {
		return Target{}, m, err
	}
	t := Target{Member: member, Individual: m.Individual}
	if actor.Kind != identity.ActorPerson {
		return t, m, nil
	}
	if t.Roles, err = RolesOf(ctx, r, member, actor.Person); err != nil {
		return t, m, err
	}
	t.Steward, err = stewards(ctx, r, member, actor.Person)
	return t, m, err
}

// Authorise returns the member when actor may do action to it, else what Check says. It joins r.
func Authorise(ctx context.Context, r store.Reader, actor identity.Actor, action Action, member id.Member) (Member, error) {
	t, m, err := TargetOf(ctx, r, actor, member)
	if err != nil {
		return Member{}, err
	}
	if err := Check(actor, action, t); err != nil {
		return Member{}, err
	}
	return m, nil
}

// List returns the register for those who may see it whole; Forbidden (member.forbidden).
func (s *Service) List(ctx context.Context, actor identity.Actor, in ListInput) ([]Member, error) {
	if err := Check(actor, ActionMemberList, Target{}); err != nil {
		return nil, err
	}
	var out []Member
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		out, err = List(ctx, r, in)
		return err
	})
	return out, err
}

// People returns the people of a member for those who may see them. NotFound (member.unknown),
// Forbidden (member.forbidden).
func (s *Service) People(ctx context.Context, actor identity.Actor, member id.Member) ([]Affiliation, error) {
	var out []Affiliation
	err := s.deps.DB.Read(ctx, func(r store.Reader) error {
		if _, err := Authorise(ctx, r, actor, ActionPeopleSee, member); err != nil {
			return err
		}
		var err error
		out, err = People(ctx, r, member)
		return err
	})
	return out, err
}

// entitlementChanged tells everybody who keeps a copy. It joins tx.
func (s *Service) entitlementChanged(ctx context.Context, tx store.Tx, now instant.Instant, member id.Member) error {
	if err := s.deps.Changed.EntitlementChanged(ctx, tx, now, member); err != nil {
		return err
	}
	return store.Changed(ctx, tx, now, TopicEntitlement, string(member))
}

// unique turns an insert that found a row already there into a Conflict.
func unique(inserted bool, err error, code string, params ...fault.Params) error {
	if err == nil && !inserted {
		err = fault.New(fault.Conflict, code, params...)
	}
	return err
}
