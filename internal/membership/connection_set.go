// SPDX-License-Identifier: AGPL-3.0-or-later

package membership

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

const (
	mostTags  = 20
	tagsParam = "meta_server-tag" // the parameter of create that chooses servers by tags
)

var tagName = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// ConnectionChange says what is to be different about a connection; nil leaves it as it is.
type ConnectionChange struct {
	Connection    id.Connection
	TenantName    *string // "" takes it away
	Level         *string // key of a level; "" has only the member's limits
	Refusal       *Refusal
	JoinMode      *JoinMode
	Tags          *[]string
	HookAlgorithm *HookAlgorithm
	Origin        *string // "" takes it away
	Adopts        *bool
	Have          string // Fingerprint of what the asker has seen; "" asks for no particular state
}

// SetConnection changes how a connection is served: from the next call on, on every node within a second. Meetings that run go on as they
// were made. Tenant name, tags and what is adopted are for those who look after the member, not for its own managers: they say whose
// secret a Greenlight for many members is given, on which machines meetings run, and whose a running meeting is.
//
// Invalid (input.invalid), NotFound (connection.unknown), Forbidden (connection.place, member.forbidden), Conflict: connection.revoked,
// connection.tenant_taken, connection.origin_taken, connection.changed when it is not what Have was taken of.
func (s *Service) SetConnection(ctx context.Context, actor identity.Actor, in ConnectionChange) (Connection, error) {
	now := s.deps.Now()
	var out Connection
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		before, err := s.usable(ctx, tx, actor, in.Connection)
		if err != nil {
			return err
		}
		if in.Have != "" && in.Have != before.Fingerprint() {
			return fault.New(fault.Conflict, "connection.changed")
		}
		c := in.applied(before)
		out = c
		detail := different(before, c)
		if len(detail) == 0 {
			return nil
		}
		if err := checkPlaced(ctx, tx, actor, before, c); err != nil {
			return err // before what is wrong with it: they have no such fields to correct
		}
		var wrong fault.Check
		check(&wrong, c)
		if err := wrong.Err(); err != nil {
			return err
		}
		if c.Level != before.Level {
			m, err := Get(ctx, tx, c.Member)
			if err != nil {
				return err
			}
			if err := s.levelExists(ctx, tx, c.Level, now.In(m.Location())); err != nil {
				return err
			}
		}
		if err := originFree(ctx, tx, c); err != nil {
			return err
		}
		free, err := updateConnection(ctx, tx, c)
		if err := unique(free, err, "connection.tenant_taken", fault.Params{"Name": c.TenantName}); err != nil {
			return err
		}
		if c.Level != before.Level || !slices.Equal(c.Tags, before.Tags) {
			if err := s.entitlementChanged(ctx, tx, now, c.Member); err != nil {
				return err
			}
		}
		detail["name"] = c.Name
		if err := store.Changed(ctx, tx, now, TopicConnection, string(c.ID)); err != nil {
			return err
		}
		return identity.Audit(ctx, tx, now, identity.Event{Actor: actor, Action: "connection.set", Object: string(c.ID), Member: c.Member, Detail: detail})
	})
	return out, err
}

func (in *ConnectionChange) applied(c Connection) Connection {
	if in.TenantName != nil {
		c.TenantName = *in.TenantName
	}
	if in.Level != nil {
		c.Level = *in.Level
	}
	if in.Refusal != nil {
		c.Refusal = *in.Refusal
	}
	if in.JoinMode != nil {
		c.JoinMode = *in.JoinMode
	}
	if in.Tags != nil {
		c.Tags = sortedTags(*in.Tags)
	}
	if in.HookAlgorithm != nil {
		c.HookAlgorithm = *in.HookAlgorithm
	}
	if in.Origin != nil {
		c.Origin = *in.Origin
	}
	if in.Adopts != nil {
		c.Adopts = *in.Adopts
	}
	return c
}

// different is what two states of a connection differ in, for the audit trail.
func different(before, c Connection) map[string]string {
	out := map[string]string{}
	for _, f := range []struct{ name, was, is string }{
		{"tenant_name", before.TenantName, c.TenantName}, {"level", before.Level, c.Level}, {"refusal", string(before.Refusal), string(c.Refusal)},
		{"join_mode", string(before.JoinMode), string(c.JoinMode)}, {"tags", strings.Join(before.Tags, ","), strings.Join(c.Tags, ",")},
		{"hook_algorithm", string(before.HookAlgorithm), string(c.HookAlgorithm)},
		{"origin", before.Origin, c.Origin}, {"adopts", strconv.FormatBool(before.Adopts), strconv.FormatBool(c.Adopts)},
	} {
		if f.was != f.is {
			out[f.name], out[f.name+"_was"] = f.is, f.was
		}
	}
	return out
}

// check notes what cannot be of how a connection is served.
func check(c *fault.Check, v Connection) {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	visible := func(name string) bool {
		return len(name) <= 256 && utf8.ValidString(name) && !strings.ContainsFunc(name, control)
	}
	c.Field(visible(v.TenantName), "tenant_name", "connection.tenant_name")
	c.Field(visible(v.Origin), "origin", "connection.tenant_name")
	c.Field(v.Origin != "" || !v.Adopts, "origin", "input.required")
	c.Field(v.Refusal == RefusalCreate || v.Refusal == RefusalJoin, "refusal", "input.choice")
	c.Field(v.JoinMode == JoinRedirect || v.JoinMode == JoinHandover, "join_mode", "input.choice")
	odd := slices.ContainsFunc(v.Tags, func(t string) bool { return !tagName.MatchString(t) })
	c.Field(len(v.Tags) <= mostTags && !odd, "tags", "level.tags", fault.Params{"Limit": mostTags})
	c.Field(slices.Contains(HookAlgorithms, v.HookAlgorithm), "hook_algorithm", "input.choice")
}

// checkPlaced refuses an actor who may not decide on which servers a member's meetings run, which running meetings are its own, or under
// which name a Greenlight for many members finds it, a change of that. Forbidden (connection.place). It joins tx.
func checkPlaced(ctx context.Context, tx store.Tx, actor identity.Actor, before, c Connection) error {
	of := func(p Param) bool { return p.Name != tagsParam }
	same := before.TenantName == c.TenantName && before.Origin == c.Origin && before.Adopts == c.Adopts && slices.Equal(before.Tags, c.Tags) &&
		slices.Equal(slices.DeleteFunc(slices.Clone(before.Params), of), slices.DeleteFunc(slices.Clone(c.Params), of))
	if same {
		return nil
	}
	if _, err := Authorise(ctx, tx, actor, ActionConnectionPlace, c.Member); err != nil {
		if fault.KindOf(err) == fault.Forbidden {
			return fault.Wrap(err, fault.Forbidden, "connection.place")
		}
		return err
	}
	return nil
}

// originFree refuses what another connection was taken over from. Conflict (connection.origin_taken). It joins tx.
func originFree(ctx context.Context, tx store.Tx, c Connection) error {
	if c.Origin == "" {
		return nil
	}
	other, ok, err := ConnectionByOrigin(ctx, tx, c.Origin)
	return unique(!ok || other.ID == c.ID, err, "connection.origin_taken", fault.Params{"Name": c.Origin})
}

// levelExists returns Invalid with the field level for a key that is no level's on day; "" is none. It joins tx.
func (s *Service) levelExists(ctx context.Context, tx store.Tx, level string, day instant.Date) error {
	if level == "" {
		return nil
	}
	exists, err := s.deps.Levels.LevelExists(ctx, tx, level, day)
	if err != nil {
		return err
	}
	var c fault.Check
	c.Field(exists, "level", "level.unknown")
	return c.Err()
}

// sortedTags returns tags once each, in order; never nil.
func sortedTags(tags []string) []string {
	out := append([]string{}, tags...)
	slices.Sort(out)
	return slices.Compact(out)
}

// Fingerprint tells whether a connection is still served as somebody has seen it; its rules are not part of it.
func (c Connection) Fingerprint() string {
	text, err := json.Marshal([]any{c.TenantName, c.Level, c.Refusal, c.JoinMode, c.Tags, c.HookAlgorithm, c.Origin, c.Adopts})
	if err != nil {
		return "" // texts can always be written
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}
