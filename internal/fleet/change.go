// SPDX-License-Identifier: AGPL-3.0-or-later

package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/store"
)

// The bounds of what a server is called and carries.
const (
	MaxName      = 120 // characters
	MaxTags      = 20
	mostTag      = 40     // characters
	mostUnits    = 175000 // of a server: weight 1000
	mostAddress  = 500    // bytes
	mostPassword = 512    // bytes of a secret
)

// ChangeInput says what is to be different about a server; nil leaves it as it is.
type ChangeInput struct {
	Actor     identity.Actor // who asks, for the audit trail; the zero value is the program itself
	Server    id.Server
	Name      *string
	URL       *string // of its API
	Secret    *string
	LoadUnits *int
	Tags      *[]string
	Have      string // Fingerprint of what the asker has seen; "" asks for no particular state
}

// Change changes what an operator may choose of a server, at once on every node: name, weight and tags, and its address and secret when
// they have changed on the machine, which nobody tries here. Of an engine only the tags can be changed. What runs there goes on.
//
// Invalid (input.invalid); NotFound (fleet.server); Conflict: fleet.server_known for the address of another server, fleet.server_engine,
// fleet.server_changed when it is not what Have was taken of.
func (s *Service) Change(ctx context.Context, in ChangeInput) (Server, error) {
	if s.deps.Sealer == nil {
		return Server{}, errNoSealer
	}
	now := s.deps.Now()
	sealed := ""
	if in.Secret != nil {
		var err error
		if sealed, err = s.deps.Sealer.Seal(purpose(in.Server), *in.Secret); err != nil {
			return Server{}, err
		}
	}
	var out Server
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		if _, err := LockLoad(ctx, tx, in.Server); err != nil {
			return err
		}
		v, err := ServerByID(ctx, tx, in.Server)
		if err != nil {
			return err
		}
		if in.Have != "" && in.Have != v.Fingerprint() {
			return fault.New(fault.Conflict, "fleet.server_changed")
		}
		detail, err := in.apply(&v, sealed)
		if out = v; err != nil || len(detail) == 0 {
			return err
		}
		free, err := updateServer(ctx, tx, v)
		if err == nil && !free {
			err = fault.New(fault.Conflict, "fleet.server_known")
		}
		if err != nil {
			return err
		}
		return audit(ctx, tx, now, in.Actor, "server.set", in.Server, detail)
	})
	return out, err
}

// apply changes a server and returns what is different, for the audit trail.
func (in *ChangeInput) apply(v *Server, sealed string) (map[string]string, error) {
	var c fault.Check
	detail := map[string]string{}
	note := func(field, was, is string) {
		if was != is {
			detail[field], detail[field+"_was"] = is, was
		}
	}
	if in.Name != nil {
		c.Field(*in.Name != "", "name", "input.required")
		c.Field(utf8.ValidString(*in.Name) && utf8.RuneCountInString(*in.Name) <= MaxName, "name", "member.name_long", fault.Params{"Limit": MaxName})
		note("name", v.Name, *in.Name)
		v.Name = *in.Name
	}
	if in.URL != nil {
		bbb.CheckAddress(&c, *in.URL)
		c.Field(len(*in.URL) <= mostAddress, "url", "bbb.url")
		note("url", v.URL, *in.URL)
		v.URL, v.StableKey = *in.URL, *in.URL
	}
	if in.Secret != nil {
		bbb.CheckSecret(&c, *in.Secret)
		c.Field(len(*in.Secret) <= mostPassword, "secret", "bbb.secret")
		detail["secret"] = "another"
		v.Secret = sealed
	}
	if in.LoadUnits != nil {
		c.Field(*in.LoadUnits > 0 && *in.LoadUnits <= mostUnits, "weight", "config.range", fault.Params{"Least": "0.01", "Most": mostUnits / unitsOfServer})
		note("load_units", strconv.Itoa(v.LoadUnits), strconv.Itoa(*in.LoadUnits))
		v.LoadUnits = *in.LoadUnits
	}
	if in.Tags != nil {
		tags := slices.Clone(*in.Tags)
		slices.Sort(tags)
		tags = append([]string{}, slices.Compact(tags)...)
		odd := slices.ContainsFunc(tags, func(t string) bool { return !IsTag(t) && !slices.Contains(v.Tags, t) }) // what was imported may stay
		c.Field(len(tags) <= MaxTags && !odd, "tags", "level.tags", fault.Params{"Limit": MaxTags})
		note("tags", strings.Join(v.Tags, ","), strings.Join(tags, ","))
		v.Tags = tags
	}
	if err := c.Err(); err != nil {
		return nil, err
	}
	_, tagged := detail["tags"]
	if v.Kind != KindBBB && len(detail) > 0 && (!tagged || len(detail) > 2) {
		return nil, errEngine
	}
	return detail, nil
}

// IsTag reports whether a text can be a tag: 1 to 40 small letters, digits and hyphens, as those of levels.
func IsTag(t string) bool {
	return t != "" && len(t) <= mostTag && !strings.ContainsFunc(t, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' })
}

// Fingerprint tells whether a server is still what somebody has seen: two operators at once do not undo each other.
func (s Server) Fingerprint() string {
	text, err := json.Marshal([]any{s.Name, s.URL, s.Secret, s.LoadUnits, s.Tags})
	if err != nil {
		return "" // texts and numbers can always be written
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:6])
}

// Weight returns what a server carries as a factor: 1 is a machine with 16 cores.
func (s Server) Weight() float64 { return float64(s.LoadUnits) / unitsOfServer }
