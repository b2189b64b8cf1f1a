// SPDX-License-Identifier: AGPL-3.0-or-later

package membership

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// Refusal says where a client's people read that a limit is reached.
type Refusal string

// The ways of refusing.
const (
	RefusalCreate Refusal = "create" // create fails
	RefusalJoin   Refusal = "join"   // create is answered, the join shows a page
)

// JoinMode says how browsers come to a server.
type JoinMode string

// The ways of joining.
const (
	JoinRedirect JoinMode = "redirect" // by the server's signed link
	JoinHandover JoinMode = "handover" // the server is asked first, and the browser gets its session only
)

// HookAlgorithm is the digest with which the events that a client's webhooks are sent are signed.
type HookAlgorithm string

// The algorithms; servers sign with SHA-1 unless their operator chose another.
const (
	HookSHA1   HookAlgorithm = "sha1"
	HookSHA256 HookAlgorithm = "sha256"
	HookSHA384 HookAlgorithm = "sha384"
	HookSHA512 HookAlgorithm = "sha512"
)

// HookAlgorithms are all of them, the default first.
var HookAlgorithms = []HookAlgorithm{HookSHA1, HookSHA256, HookSHA384, HookSHA512}

// Connection is what one API client of a member (its Greenlight, its Moodle) speaks the BigBlueButton API through.
type Connection struct {
	ID         id.Connection   `json:"id"`
	Member     id.Member       `json:"member"`
	Name       string          `json:"name"`                  // in the path of its endpoint: [a-z0-9-]{1,63}, given once
	TenantName string          `json:"tenant_name,omitempty"` // by which one Greenlight container asks for it; none mostly
	Level      string          `json:"level,omitempty"`       // a level of its own within the member's; none mostly
	Refusal    Refusal         `json:"refusal"`
	JoinMode   JoinMode        `json:"join_mode"`
	Params     []Param         `json:"params"` // never nil
	CreatedAt  instant.Instant `json:"created_at"`
	RevokedAt  instant.Instant `json:"revoked_at"` // none while it may be used

	Tags          []string      `json:"tags"` // that every server of its meetings must carry, sorted; never nil
	HookAlgorithm HookAlgorithm `json:"hook_algorithm"`

	Origin string `json:"origin,omitempty"` // what another load balancer called the tenant it was taken over from, or NoTenant; none mostly
	Adopts bool   `json:"adopts"`           // meetings of Origin that run on our servers are taken over as its own
}

// NoTenant as Origin stands for meetings of which nothing says whose they are: of a load balancer without tenants.
const NoTenant = "*"

// Param is one rule about a parameter of create or join (gateway.md, section 11).
type Param struct {
	Operator string `json:"op"`   // default, add, cap or force
	Name     string `json:"name"` // of the parameter
	Value    string `json:"value"`
}

// Secret is one shared secret of a connection, readable.
type Secret struct {
	ID        id.Secret
	Text      string
	CreatedAt instant.Instant
	ExpiresAt instant.Instant // none while it is the newest
	UsedAt    instant.Instant // about when a client last signed with it; none before that
}

// TopicConnection is the change-feed topic of connections, their rules and secrets; the key is the connection's id.
const TopicConnection store.Topic = "connection"

const (
	secretLetters   = 40
	leastOverlap    = time.Hour // Greenlight keeps the answer of getUser that long
	mostOverlap     = 30 * 24 * time.Hour
	mostParams      = 100
	mostParamLength = 2000
)

var (
	connectionName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)
	paramName      = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,99}$`)
	operators      = []string{"default", "add", "cap", "force"}
)

// ConnectInput describes a new connection. Member and Name are required.
type ConnectInput struct {
	Member     id.Member
	Name       string
	TenantName string
	Level      string // key of a level; "" has only the member's limits
	Refusal    Refusal
	JoinMode   JoinMode
	Secret     string   // "" draws one; given when clients keep the one they have
	Further    []string // further secrets that stay valid until the next rotation's overlap is over; nil mostly
	Aliases    []string // further names under which the endpoint is found
	Params     []Param  // its rules; nil for none

	Tags          []string      // nil for none
	HookAlgorithm HookAlgorithm // "" is SHA-1

	Origin string // of Connection; "" mostly
	Adopts bool
}

// Validate returns Invalid (input.invalid) with every wrong field.
func (in *ConnectInput) Validate() error {
	var c fault.Check
	c.Field(connectionName.MatchString(in.Name), "name", "connection.name")
	for _, a := range in.Aliases {
		c.Field(connectionName.MatchString(a), "aliases", "connection.name")
	}
	in.Refusal, in.JoinMode, in.HookAlgorithm = cmp.Or(in.Refusal, RefusalCreate), cmp.Or(in.JoinMode, JoinRedirect), cmp.Or(in.HookAlgorithm, HookSHA1)
	in.Tags = sortedTags(in.Tags)
	check(&c, Connection{TenantName: in.TenantName, Refusal: in.Refusal, JoinMode: in.JoinMode, Tags: in.Tags, HookAlgorithm: in.HookAlgorithm, Origin: in.Origin, Adopts: in.Adopts})
	for _, text := range append([]string{in.Secret}, in.Further...) {
		c.Field(text == "" || (len(text) >= 8 && len(text) <= 512), "secret", "connection.secret")
	}
	if err := c.Err(); err != nil {
		return err
	}
	return checkParams(in.Params)
}

// errNoSealer is a mistake of whoever built the service.
var errNoSealer = errors.New("membership: connections need a Sealer")

// Connect gives a member a connection and returns its secret, which is shown once. Invalid (input.invalid), Conflict
// (connection.name_taken, connection.tenant_taken, connection.origin_taken), LimitReached (connection.limit{Limit}), NotFound (member.unknown),
// Forbidden (member.forbidden).
func (s *Service) Connect(ctx context.Context, actor identity.Actor, in ConnectInput) (Connection, string, error) {
	made, secrets, err := s.ConnectAll(ctx, actor, []ConnectInput{in})
	if err != nil {
		return Connection{}, "", err
	}
	return made[0], secrets[0], nil
}

// ConnectAll is Connect for several connections: all of them, or none. The errors are those of Connect.
func (s *Service) ConnectAll(ctx context.Context, actor identity.Actor, ins []ConnectInput) ([]Connection, []string, error) {
	if s.deps.Sealer == nil {
		return nil, nil, errNoSealer
	}
	now := s.deps.Now()
	made, secrets, sealed := make([]Connection, len(ins)), make([]string, len(ins)), make([][]string, len(ins))
	for i := range ins {
		in := &ins[i]
		if err := in.Validate(); err != nil {
			return nil, nil, err
		}
		made[i] = Connection{
			ID: id.NewConnection(), Member: in.Member, Name: in.Name, TenantName: in.TenantName, Level: in.Level,
			Refusal: in.Refusal, JoinMode: in.JoinMode, Params: append([]Param{}, in.Params...), CreatedAt: now, Tags: in.Tags, HookAlgorithm: in.HookAlgorithm,
			Origin: in.Origin, Adopts: in.Adopts,
		}
		if secrets[i] = in.Secret; secrets[i] == "" {
			secrets[i] = drawSecret()
		}
		for _, text := range append([]string{secrets[i]}, in.Further...) {
			v, err := s.deps.Sealer.Seal(purpose(made[i].ID), text)
			if err != nil {
				return nil, nil, err
			}
			sealed[i] = append(sealed[i], v)
		}
	}
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		for i, c := range made {
			if err := s.connect(ctx, tx, now, actor, ins[i], c, sealed[i]); err != nil {
				return err
			}
		}
		return nil
	})
	return made, secrets, err
}

// connect writes one connection. It joins tx.
func (s *Service) connect(ctx context.Context, tx store.Tx, now instant.Instant, actor identity.Actor, in ConnectInput, c Connection, sealed []string) error {
	m, err := Authorise(ctx, tx, actor, ActionConnections, in.Member)
	if err != nil {
		return err
	}
	if err := s.roomForConnection(ctx, tx, in.Member, now); err != nil {
		return err
	}
	if err := s.levelExists(ctx, tx, in.Level, now.In(m.Location())); err != nil {
		return err
	}
	if err := checkPlaced(ctx, tx, actor, Connection{}, c); err != nil {
		return err
	}
	if err := originFree(ctx, tx, c); err != nil {
		return err
	}
	inserted, err := insertConnection(ctx, tx, c)
	if err := unique(inserted, err, "connection.tenant_taken", fault.Params{"Name": c.TenantName}); err != nil {
		return err
	}
	if err := updateParams(ctx, tx, c); err != nil {
		return err
	}
	for _, name := range append([]string{in.Name}, in.Aliases...) {
		inserted, err := insertConnectionName(ctx, tx, name, c.ID)
		if err := unique(inserted, err, "connection.name_taken", fault.Params{"Name": name}); err != nil {
			return err
		}
	}
	for i, v := range sealed { // the first is the newest
		if err := insertSecret(ctx, tx, Secret{ID: id.NewSecret(), CreatedAt: now.Add(-time.Duration(i) * time.Second)}, c.ID, v); err != nil {
			return err
		}
	}
	if c.Level != "" || len(c.Tags) > 0 {
		if err := s.entitlementChanged(ctx, tx, now, c.Member); err != nil {
			return err
		}
	}
	return s.connectionChanged(ctx, tx, now, actor, "connection.create", c)
}

// roomForConnection refuses when the member has as many as its level allows. It joins tx.
func (s *Service) roomForConnection(ctx context.Context, tx store.Tx, member id.Member, now instant.Instant) error {
	limit, err := s.deps.Levels.ConnectionPlaces(ctx, tx, member, now)
	if err != nil || limit < 0 {
		return err
	}
	n, err := lockConnections(ctx, tx, member)
	if err == nil && n >= limit {
		err = fault.New(fault.LimitReached, "connection.limit", fault.Params{"Limit": limit, "Used": n})
	}
	return err
}

// Rotate gives a connection a fresh secret. The one before stays valid for overlap, from an hour to 30 days; those before
// it as long as they were promised. Invalid (input.invalid), NotFound (connection.unknown),
// Conflict (connection.revoked), Forbidden.
func (s *Service) Rotate(ctx context.Context, actor identity.Actor, connection id.Connection, overlap time.Duration) (string, error) {
	var check fault.Check
	check.Field(overlap >= leastOverlap && overlap <= mostOverlap, "overlap", "connection.overlap")
	if err := check.Err(); err != nil {
		return "", err
	}
	if s.deps.Sealer == nil {
		return "", errNoSealer
	}
	now, text := s.deps.Now(), drawSecret()
	sealed, err := s.deps.Sealer.Seal(purpose(connection), text)
	if err != nil {
		return "", err
	}
	err = s.deps.DB.Write(ctx, func(tx store.Tx) error {
		c, err := s.usable(ctx, tx, actor, connection)
		if err != nil {
			return err
		}
		if err := expireSecrets(ctx, tx, c.ID, now, now.Add(overlap)); err != nil {
			return err
		}
		if err := insertSecret(ctx, tx, Secret{ID: id.NewSecret(), CreatedAt: now}, c.ID, sealed); err != nil {
			return err
		}
		return s.connectionChanged(ctx, tx, now, actor, "connection.rotate", c)
	})
	return text, err
}

// Revoke ends a connection for ever: its secrets are refused on every node within a second, its name is not given again.
// NotFound (connection.unknown), Conflict (connection.revoked), Forbidden.
func (s *Service) Revoke(ctx context.Context, actor identity.Actor, connection id.Connection) error {
	now := s.deps.Now()
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		c, err := s.usable(ctx, tx, actor, connection)
		if err != nil {
			return err
		}
		if err := revokeConnection(ctx, tx, c.ID, now); err != nil {
			return err
		}
		return s.connectionChanged(ctx, tx, now, actor, "connection.revoke", c)
	})
}

// SetParams replaces the rules of a connection. Invalid (input.invalid), NotFound (connection.unknown), Conflict
// (connection.revoked), Forbidden.
func (s *Service) SetParams(ctx context.Context, actor identity.Actor, connection id.Connection, params []Param) (Connection, error) {
	if err := checkParams(params); err != nil {
		return Connection{}, err
	}
	now := s.deps.Now()
	var c Connection
	err := s.deps.DB.Write(ctx, func(tx store.Tx) (err error) {
		if c, err = s.usable(ctx, tx, actor, connection); err != nil {
			return err
		}
		before := c
		c.Params = append([]Param{}, params...)
		if err := checkPlaced(ctx, tx, actor, before, c); err != nil {
			return err
		}
		if err := updateParams(ctx, tx, c); err != nil {
			return err
		}
		return s.connectionChanged(ctx, tx, now, actor, "connection.params", c)
	})
	return c, err
}

func checkParams(params []Param) error {
	var c fault.Check
	c.Field(len(params) <= mostParams, "params", "connection.params_many")
	for _, p := range params {
		ok := slices.Contains(operators, p.Operator) && paramName.MatchString(p.Name) && len(p.Value) <= mostParamLength
		if p.Operator == "cap" && ok {
			ok = wholeNumber.MatchString(p.Value)
		}
		// Ours on every call: who sets them would break identities or signatures.
		ok = ok && !slices.Contains([]string{"meetingID", "checksum", "createTime"}, p.Name) && !strings.HasPrefix(strings.ToLower(p.Name), "meta_mc-")
		c.Field(ok, "params", "connection.param", fault.Params{"Name": p.Name})
	}
	return c.Err()
}

var wholeNumber = regexp.MustCompile(`^[1-9][0-9]{0,8}$`)

// usable returns a connection that actor may change and that was not revoked. It joins tx.
func (s *Service) usable(ctx context.Context, tx store.Tx, actor identity.Actor, connection id.Connection) (Connection, error) {
	c, err := ConnectionByID(ctx, tx, connection)
	if err != nil {
		return c, err
	}
	if _, err := Authorise(ctx, tx, actor, ActionConnections, c.Member); err != nil {
		if fault.KindOf(err) == fault.NotFound {
			err = errNoConnection
		}
		return c, err
	}
	if !c.RevokedAt.IsZero() {
		return c, fault.New(fault.Conflict, "connection.revoked")
	}
	return c, nil
}

var errNoConnection = fault.New(fault.NotFound, "connection.unknown")

func (s *Service) connectionChanged(ctx context.Context, tx store.Tx, now instant.Instant, actor identity.Actor, action string, c Connection) error {
	if err := store.Changed(ctx, tx, now, TopicConnection, string(c.ID)); err != nil {
		return err
	}
	return identity.Audit(ctx, tx, now, identity.Event{
		Actor: actor, Action: action, Object: string(c.ID), Member: c.Member, Detail: map[string]string{"name": c.Name},
	})
}

// Connections returns the API connections of a member for those who may see them, revoked ones last.
func (s *Service) Connections(ctx context.Context, actor identity.Actor, member id.Member) ([]Connection, error) {
	var out []Connection
	err := s.deps.DB.Read(ctx, func(r store.Reader) error {
		if _, err := Authorise(ctx, r, actor, ActionConnections, member); err != nil {
			return err
		}
		var err error
		out, err = ConnectionsOf(ctx, r, member)
		return err
	})
	return out, err
}

// Keys returns a connection with the secrets that are valid at now, newest first; none when it is revoked. It joins r.
func (s *Service) Keys(ctx context.Context, r store.Reader, c Connection, now instant.Instant) ([]Secret, error) {
	if s.deps.Sealer == nil {
		return nil, errNoSealer
	}
	if !c.RevokedAt.IsZero() {
		return nil, nil
	}
	rows, err := secretsOf(ctx, r, c.ID, now)
	if err != nil {
		return nil, err
	}
	out := make([]Secret, len(rows))
	for i, row := range rows {
		out[i] = row.Secret
		if out[i].Text, err = s.deps.Sealer.Open(purpose(c.ID), row.sealed); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// NoteUse notes that a client signed with a secret at about now: to the hour, so that it is written rarely.
func (s *Service) NoteUse(ctx context.Context, secret id.Secret, now instant.Instant) error {
	return s.deps.DB.Write(ctx, func(tx store.Tx) error { return useSecret(ctx, tx, secret, now) })
}

// purpose binds a sealed secret to its connection: a row copied to another connection does not open.
func purpose(c id.Connection) string { return "connection " + string(c) }

// drawSecret returns 40 letters and digits of at least 5.9 bits each.
func drawSecret() string {
	b := make([]byte, secretLetters)
	_, _ = rand.Read(b) // never fails
	text := base64.RawURLEncoding.EncodeToString(b)
	text = strings.NewReplacer("-", "", "_", "").Replace(text)
	if len(text) < secretLetters {
		return drawSecret()
	}
	return text[:secretLetters]
}
