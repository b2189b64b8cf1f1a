// SPDX-License-Identifier: AGPL-3.0-or-later

package membership

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" // #nosec G505: Greenlight signs getUser with nothing else
	"encoding/hex"
	"strings"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// Container is one Greenlight that serves many members: it asks by tenant name for the endpoint and secret of a connection. It
// finds the connections of the members its operational member looks after, and its own.
type Container struct {
	ID        id.Container    `json:"id"`
	Member    id.Member       `json:"member"` // an operational one
	Name      string          `json:"name"`   // for operators, unique
	CreatedAt instant.Instant `json:"created_at"`
	RevokedAt instant.Instant `json:"revoked_at"` // none while it may ask
}

// AddContainer gives an operational member a container and returns its secret, which is shown once. Invalid (input.invalid),
// Conflict (container.name_taken, container.not_operational), NotFound (member.unknown), Forbidden.
func (s *Service) AddContainer(ctx context.Context, actor identity.Actor, member id.Member, name string) (Container, string, error) {
	var check fault.Check
	check.Field(connectionName.MatchString(name), "name", "connection.name")
	if err := check.Err(); err != nil {
		return Container{}, "", err
	}
	if s.deps.Sealer == nil {
		return Container{}, "", errNoSealer
	}
	now, text := s.deps.Now(), drawSecret()
	c := Container{ID: id.NewContainer(), Member: member, Name: name, CreatedAt: now}
	sealed, err := s.deps.Sealer.Seal(containerPurpose(c.ID), text)
	if err != nil {
		return Container{}, "", err
	}
	err = s.deps.DB.Write(ctx, func(tx store.Tx) error {
		m, err := Authorise(ctx, tx, actor, ActionConnections, member)
		if err != nil {
			return err
		}
		if m.Kind != KindOperational {
			return fault.New(fault.Conflict, "container.not_operational")
		}
		inserted, err := insertContainer(ctx, tx, c, sealed)
		if err := unique(inserted, err, "container.name_taken", fault.Params{"Name": name}); err != nil {
			return err
		}
		return s.containerChanged(ctx, tx, now, actor, "container.create", c)
	})
	return c, text, err
}

// RevokeContainer ends a container: it is answered as a stranger within a second. NotFound (container.unknown), Forbidden.
func (s *Service) RevokeContainer(ctx context.Context, actor identity.Actor, name string) error {
	now := s.deps.Now()
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		c, ok, err := containerByName(ctx, tx, name)
		if err == nil && !ok {
			err = fault.New(fault.NotFound, "container.unknown")
		}
		if err != nil {
			return err
		}
		if _, err := Authorise(ctx, tx, actor, ActionConnections, c.Member); err != nil {
			return err
		}
		if err := revokeContainer(ctx, tx, c.ID, now); err != nil {
			return err
		}
		return s.containerChanged(ctx, tx, now, actor, "container.revoke", c)
	})
}

func (s *Service) containerChanged(ctx context.Context, tx store.Tx, now instant.Instant, actor identity.Actor, action string, c Container) error {
	if err := store.Changed(ctx, tx, now, TopicConnection, string(c.ID)); err != nil {
		return err
	}
	return identity.Audit(ctx, tx, now, identity.Event{
		Actor: actor, Action: action, Object: string(c.ID), Member: c.Member, Detail: map[string]string{"name": c.Name},
	})
}

// Found is what a container is told of a tenant.
type Found struct {
	Connection Connection
	Secret     string // the newest
}

// Tenant answers a container that asks for a tenant: sum is its signature over text, SHA-1 in hexadecimal digits. NotFound
// (connection.unknown) for whoever signs wrongly, for a name nobody has, and for one of a member looked after by others: all the same.
func (s *Service) Tenant(ctx context.Context, name, text, sum string) (Found, error) {
	if s.deps.Sealer == nil {
		return Found{}, errNoSealer
	}
	now := s.deps.Now()
	var out Found
	err := s.deps.DB.Read(ctx, func(r store.Reader) error {
		all, err := openContainers(ctx, r)
		if err != nil {
			return err
		}
		var by id.Member
		for _, c := range all { // all of them, so that the time tells nothing
			secret, err := s.deps.Sealer.Open(containerPurpose(c.ID), c.sealed)
			if err != nil {
				return err
			}
			digest := sha1.Sum([]byte(text + secret)) // #nosec G401
			if hmac.Equal([]byte(hex.EncodeToString(digest[:])), []byte(strings.ToLower(sum))) {
				by = c.Member
			}
		}
		conn, err := connectionByTenant(ctx, r, name)
		if err != nil {
			return err
		}
		if by == "" || conn.ID == "" || !conn.RevokedAt.IsZero() {
			return errNoConnection
		}
		if conn.Member != by {
			steward, err := StewardOf(ctx, r, conn.Member)
			if err != nil {
				return err
			}
			if steward.ID != by {
				return errNoConnection
			}
		}
		keys, err := s.Keys(ctx, r, conn, now)
		if err != nil || len(keys) == 0 {
			return errNoConnection
		}
		out = Found{conn, keys[0].Text}
		return nil
	})
	return out, err
}

func containerPurpose(c id.Container) string { return "container " + string(c) }
