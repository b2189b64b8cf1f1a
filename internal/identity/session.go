// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"context"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// Method says how a session was begun.
type Method string

// The methods there are.
const (
	MethodLink     Method = "link"
	MethodCode     Method = "code"
	MethodOperator Method = "operator" // a link made on the command line
	MethodInvite   Method = "invite"
)

// How long a session lasts (identity design, 6.4): without a visit, and at all. Visits are noted in steps,
// so that a page view seldom writes.
const (
	idleLife = 14 * 24 * time.Hour
	fullLife = 90 * 24 * time.Hour
	seenStep = 5 * time.Minute
)

// farFuture stands for "without end" where an instant is needed.
var farFuture = instant.Of(time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC))

// sessionRow is one signed-in browser.
type sessionRow struct {
	id         id.Session
	person     Person
	method     Method
	device     string
	startedAt  instant.Instant
	seenAt     instant.Instant
	idleUntil  instant.Instant // never after endsAt
	endsAt     instant.Instant
	revokedAt  instant.Instant // none while open
	adminUntil instant.Instant // none: no platform admin
}

func newSession(device string, now instant.Instant) sessionRow {
	return sessionRow{id: id.NewSession(), device: device, startedAt: now, seenAt: now, idleUntil: now.Add(idleLife), endsAt: now.Add(fullLife)}
}

func (s sessionRow) idleAfter(now instant.Instant) instant.Instant {
	return instant.Earlier(now.Add(idleLife), s.endsAt)
}

// open reports whether the session lets its person in at now.
func (s sessionRow) open(now instant.Instant) bool {
	return s.revokedAt.IsZero() && s.idleUntil.After(now) && s.person.Status == StatusActive
}

func (s sessionRow) actor(now instant.Instant) Actor {
	return Actor{Kind: ActorPerson, Person: s.person.ID, Session: s.id, Door: DoorPortal, PlatformAdmin: s.adminUntil.After(now)}
}

// SessionInfo is one line of a person's list of sessions.
type SessionInfo struct {
	ID        id.Session
	Device    string // from DeviceOf; "" when unknown
	StartedAt instant.Instant
	SeenAt    instant.Instant // in steps of 5 minutes
	This      bool            // the session that asks
}

// Session returns who a session token belongs to. Unauthenticated (session.none) when it is unknown,
// revoked, idle for 14 days, older than 90, or its person may not act. A visit is noted every five minutes.
func (s *Service) Session(ctx context.Context, token string) (Actor, Person, error) {
	hash, now := hashToken(token), s.Now()
	if hash == "" {
		return Actor{}, Person{}, fault.New(fault.Unauthenticated, "session.none")
	}
	row, ok := s.cache.get(hash)
	if !ok || !row.open(now) || now.Sub(row.seenAt) >= seenStep { // another node may have seen the person since
		var err error
		if row, err = s.loadSession(ctx, hash, now); err != nil {
			return Actor{}, Person{}, err
		}
	}
	return row.actor(now), row.person, nil
}

func (s *Service) loadSession(ctx context.Context, hash string, now instant.Instant) (sessionRow, error) {
	turn := s.cache.turn()
	var row sessionRow
	err := s.DB.Read(ctx, func(r store.Reader) error {
		var ok bool
		var err error
		row, ok, err = findSession(ctx, r, hash, now)
		if err == nil && (!ok || !row.open(now)) {
			err = fault.New(fault.Unauthenticated, "session.none")
		}
		return err
	})
	if err != nil {
		return row, err
	}
	if now.Sub(row.seenAt) >= seenStep {
		err := s.DB.Write(ctx, func(tx store.Tx) error {
			if touched, err := touchSession(ctx, tx, row, now); err != nil || !touched {
				return err // another request noted the visit, or the session has just ended
			}
			return markActive(ctx, tx, row.person.ID, now.In(time.UTC))
		})
		if err != nil {
			// The person is who they are even if the database is too busy to note it.
			s.Log.WarnContext(ctx, "visit not noted", "session", row.id, "err", err)
			return row, nil
		}
		row.seenAt, row.idleUntil = now, row.idleAfter(now)
	}
	s.cache.put(hash, row, turn)
	return row, nil
}

// Sessions lists the actor's open sessions, the last seen first.
func (s *Service) Sessions(ctx context.Context, actor Actor) ([]SessionInfo, error) {
	if err := actor.SignedIn(); err != nil {
		return nil, err
	}
	now := s.Now()
	var list []SessionInfo
	err := s.DB.Read(ctx, func(r store.Reader) (err error) {
		list, err = listSessions(ctx, r, actor.Person, now)
		return err
	})
	for i := range list {
		list[i].This = list[i].ID == actor.Session
	}
	return list, err
}

// Revoke ends one of the actor's own sessions. NotFound (session.unknown) for any other.
func (s *Service) Revoke(ctx context.Context, actor Actor, session id.Session) error {
	return s.end(ctx, actor, session, "revoked")
}

// SignOut ends the session that asks. Signing out twice is not an error.
func (s *Service) SignOut(ctx context.Context, actor Actor) error {
	err := s.end(ctx, actor, actor.Session, "signed_out")
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	return err
}

func (s *Service) end(ctx context.Context, actor Actor, session id.Session, why string) error {
	if err := actor.SignedIn(); err != nil {
		return err
	}
	now := s.Now()
	err := s.DB.Write(ctx, func(tx store.Tx) error {
		ended, err := endSession(ctx, tx, actor.Person, session, why, now)
		if err != nil {
			return err
		}
		if !ended {
			return fault.New(fault.NotFound, "session.unknown")
		}
		if err := changed(ctx, tx, now, actor.Person); err != nil {
			return err
		}
		return Audit(ctx, tx, now, Event{Actor: actor, Action: "session.end", Object: string(session), Detail: map[string]string{"why": why}})
	})
	s.cache.drop(actor.Person)
	return err
}

// RevokeOthers ends all of the actor's sessions but the one that asks, and returns how many.
func (s *Service) RevokeOthers(ctx context.Context, actor Actor) (int, error) {
	if err := actor.SignedIn(); err != nil {
		return 0, err
	}
	now := s.Now()
	var n int64
	err := s.DB.Write(ctx, func(tx store.Tx) (err error) {
		if n, err = endOthers(ctx, tx, actor.Person, actor.Session, "revoked", now); err != nil || n == 0 {
			return err
		}
		if err := changed(ctx, tx, now, actor.Person); err != nil {
			return err
		}
		return Audit(ctx, tx, now, Event{Actor: actor, Action: "session.end_others", Object: string(actor.Person)})
	})
	s.cache.drop(actor.Person)
	return int(n), err
}
