// SPDX-License-Identifier: AGPL-3.0-or-later

package membership

import (
	"context"
	"strings"
	"unicode/utf8"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// ServiceUser says which people of API clients are helpers of an operator's, recorders and the like: a few of them in each meeting take no
// seat (gateway.md J3).
type ServiceUser struct {
	Connection id.Connection   `json:"connection,omitempty"` // none for all connections
	Pattern    string          `json:"pattern"`              // of their userID: * is any letters, or none
	CreatedAt  instant.Instant `json:"created_at"`
}

// TopicServiceUser is the change-feed topic of service users; the key is a connection's id, or "all".
const TopicServiceUser store.Topic = "service_user"

const (
	mostServiceUsers   = 100
	leastServiceLetter = 3 // characters that are not *: who exempts everybody has no limits any more
	mostServicePattern = 128
	mostServiceStars   = 5 // each is one more search in every userID
)

// Matches reports whether somebody with this userID is meant.
//
// Example: "recorder-*" matches "recorder-1" and "recorder-", not "Recorder-1".
func (u ServiceUser) Matches(userID string) bool {
	parts := strings.Split(u.Pattern, "*")
	if len(parts) == 1 {
		return userID == u.Pattern
	}
	rest, ok := strings.CutPrefix(userID, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1 : len(parts)-1] {
		_, after, found := strings.Cut(rest, part)
		if !found {
			return false
		}
		rest = after
	}
	return strings.HasSuffix(rest, parts[len(parts)-1])
}

// NamedServiceUser is a ServiceUser for people to read.
type NamedServiceUser struct {
	ServiceUser

	Name      string          `json:"connection_name"` // of the connection; "" for all
	RevokedAt instant.Instant `json:"-"`               // of the connection; none while it is in use
}

// IsServicePattern reports whether this can be a pattern: 3 to 128 bytes of visible text with at least three characters that are not *.
func IsServicePattern(pattern string) bool {
	letters := utf8.RuneCountInString(strings.ReplaceAll(pattern, "*", ""))
	return utf8.ValidString(pattern) && len(pattern) <= mostServicePattern && letters >= leastServiceLetter && strings.Count(pattern, "*") <= mostServiceStars &&
		!strings.ContainsFunc(pattern, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// AddServiceUser makes people with such a userID helpers, in meetings of one connection or, when that is none, of all; one that is there
// stays. Only the platform decides that: it takes people out of what its limits count.
//
// Invalid (input.invalid), NotFound (connection.unknown), LimitReached (service_user.many{Limit}), Forbidden (member.forbidden).
func (s *Service) AddServiceUser(ctx context.Context, actor identity.Actor, connection id.Connection, pattern string) (ServiceUser, error) {
	u := ServiceUser{Connection: connection, Pattern: pattern, CreatedAt: s.deps.Now()}
	if err := Check(actor, ActionPlatformSee, Target{}); err != nil {
		return u, err
	}
	var c fault.Check
	c.Field(IsServicePattern(pattern), "pattern", "service_user.pattern")
	if err := c.Err(); err != nil {
		return u, err
	}
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		if err := serviceConnection(ctx, tx, connection); err != nil {
			return err
		}
		all, err := ServiceUsers(ctx, tx)
		if err != nil {
			return err
		}
		for _, o := range all {
			if o.Connection == connection && o.Pattern == pattern {
				u = o
				return nil
			}
		}
		if len(all) >= mostServiceUsers {
			return fault.New(fault.LimitReached, "service_user.many", fault.Params{"Limit": mostServiceUsers, "Used": len(all)})
		}
		if err := insertServiceUser(ctx, tx, u); err != nil {
			return err
		}
		return serviceUserChanged(ctx, tx, u.CreatedAt, actor, "service_user.add", u)
	})
	return u, err
}

// RemoveServiceUser takes that back; who is inside as a helper stays so until they leave. NotFound (service_user.unknown), Forbidden
// (member.forbidden).
func (s *Service) RemoveServiceUser(ctx context.Context, actor identity.Actor, connection id.Connection, pattern string) error {
	now := s.deps.Now()
	if err := Check(actor, ActionPlatformSee, Target{}); err != nil {
		return err
	}
	if !IsServicePattern(pattern) || !utf8.ValidString(string(connection)) || strings.Contains(string(connection), "\x00") {
		return errNoServiceUser // not every database takes such a text for a question
	}
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		n, err := deleteServiceUser(ctx, tx, connection, pattern)
		if err == nil && n == 0 {
			err = errNoServiceUser
		}
		if err != nil {
			return err
		}
		return serviceUserChanged(ctx, tx, now, actor, "service_user.remove", ServiceUser{Connection: connection, Pattern: pattern})
	})
}

var errNoServiceUser = fault.New(fault.NotFound, "service_user.unknown")

func serviceConnection(ctx context.Context, tx store.Tx, connection id.Connection) error {
	if connection == "" {
		return nil
	}
	c, err := ConnectionByID(ctx, tx, connection)
	if err == nil && !c.RevokedAt.IsZero() {
		err = fault.New(fault.Conflict, "connection.revoked")
	}
	return err
}

func serviceUserChanged(ctx context.Context, tx store.Tx, now instant.Instant, actor identity.Actor, action string, u ServiceUser) error {
	key := string(u.Connection)
	if key == "" {
		key = "all"
	}
	if err := store.Changed(ctx, tx, now, TopicServiceUser, key); err != nil {
		return err
	}
	return identity.Audit(ctx, tx, now, identity.Event{Actor: actor, Action: action, Object: key, Detail: map[string]string{"pattern": u.Pattern}})
}
