// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"meetcoop/internal/conference"
	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// ConnectionCmd is the noun connection.
type ConnectionCmd struct {
	Create ConnectionCreate `cmd:"" help:"Give a member an endpoint for one of its applications."`
	Set    ConnectionSet    `cmd:"" help:"Change level, tenant name, refusals, joins, tags, signatures and what is taken over of an endpoint."`
	List   ConnectionList   `cmd:"" help:"List the endpoints of a member, or of all."`
	Rotate ConnectionRotate `cmd:"" help:"Draw a fresh secret; the old one stays valid for a while."`
	Revoke ConnectionRevoke `cmd:"" help:"End an endpoint for ever."`
	Import ConnectionImport `cmd:"" help:"Take over the tenants of Scalelite or the frontends of b3scale; their secrets stay valid."`
	Params ConnectionParams `cmd:"" help:"Show or replace the rules about parameters of create and join."`
}

// ConnectionCreate is connection create.
type ConnectionCreate struct {
	Member     string `required:"" placeholder:"SLUG" help:"Whose it is."`
	Name       string `required:"" placeholder:"NAME" help:"In its address: a-z, 0-9, hyphen; given once."`
	Level      string `placeholder:"LEVEL" help:"A level of its own, within that of the member."`
	TenantName string `name:"tenant-name" placeholder:"NAME" help:"By which a Greenlight that serves many members asks for it."`
	Refusal    string `enum:"create,join" default:"create" placeholder:"PLACE" help:"Where people read that a limit is reached: create or join."`
	JoinMode   string `name:"join-mode" enum:"redirect,handover" default:"redirect" placeholder:"MODE" help:"redirect, or handover: no signed address of a server leaves us."`

	Tag           []string `placeholder:"TAG" help:"Its meetings run on servers with all of these tags, and on no others; may be repeated."`
	HookAlgorithm string   `name:"hook-algorithm" enum:"sha1,sha256,sha384,sha512" default:"sha1" placeholder:"NAME" help:"What events for its webhooks are signed with: sha1, sha256, sha384 or sha512."`
}

// Run creates the connection.
func (c *ConnectionCreate) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	m, err := s.memberBySlug(r.Context, c.Member)
	if err != nil {
		return err
	}
	made, secret, err := s.Members.Connect(r.Context, identity.Operator(), membership.ConnectInput{
		Member: m.ID, Name: c.Name, Level: c.Level, TenantName: c.TenantName, Refusal: membership.Refusal(c.Refusal), JoinMode: membership.JoinMode(c.JoinMode),
		Tags: c.Tag, HookAlgorithm: membership.HookAlgorithm(c.HookAlgorithm),
	})
	if err != nil {
		return err
	}
	return r.done(struct {
		ID       id.Connection `json:"id"`
		Name     string        `json:"name"`
		Endpoint string        `json:"endpoint"`
		Secret   string        `json:"secret"`
	}{made.ID, made.Name, s.endpoint(made.Name), secret}, "endpoint %s\nsecret   %s\nThe secret is shown this once.", s.endpoint(made.Name), secret)
}

// endpoint is the address clients are given.
func (s *Services) endpoint(name string) string {
	return s.PublicURL + "/bbb/" + name + "/bigbluebutton/api"
}

// ConnectionList is connection list.
type ConnectionList struct {
	Member string `placeholder:"SLUG" help:"Only of this member."`
}

// Run lists connections.
func (c *ConnectionList) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	type row struct {
		membership.Connection
		Endpoint string `json:"endpoint"`
	}
	out := []row{}
	err = s.DB.Read(r.Context, func(tx store.Reader) error {
		var all []membership.Connection
		if c.Member == "" {
			all, err = membership.AllConnections(r.Context, tx)
		} else {
			m, findErr := membership.GetBySlug(r.Context, tx, c.Member)
			if findErr != nil {
				return findErr
			}
			all, err = membership.ConnectionsOf(r.Context, tx, m.ID)
		}
		for _, v := range all {
			out = append(out, row{v, s.endpoint(v.Name)})
		}
		return err
	})
	if err != nil {
		return err
	}
	return r.print(out, func(w io.Writer) {
		line(w, "NAME", "TENANT", "LEVEL", "REFUSAL", "JOIN", "TAGS", "SIGNED", "REVOKED", "ENDPOINT")
		for _, v := range out {
			line(w, v.Name, v.TenantName, v.Level, v.Refusal, v.JoinMode, strings.Join(v.Tags, ","), v.HookAlgorithm, v.RevokedAt, v.Endpoint)
		}
	})
}

// namedConnection is a connection given on the command line.
type namedConnection struct {
	Name string `arg:"" help:"Name in its address."`
}

func (n namedConnection) find(r *Run) (*Services, membership.Connection, error) {
	s, err := r.Open()
	if err != nil {
		return nil, membership.Connection{}, err
	}
	var c membership.Connection
	err = s.DB.Read(r.Context, func(tx store.Reader) (err error) {
		c, err = membership.ConnectionByName(r.Context, tx, n.Name)
		return err
	})
	return s, c, err
}

// ConnectionSet is connection set.
type ConnectionSet struct {
	namedConnection

	Level         *string                   `placeholder:"LEVEL" help:"A level of its own, within that of the member; empty takes it away."`
	TenantName    *string                   `name:"tenant-name" placeholder:"NAME" help:"By which a Greenlight that serves many members asks for it; empty takes it away."`
	Refusal       *membership.Refusal       `placeholder:"PLACE" help:"Where people read that a limit is reached: create or join."`
	JoinMode      *membership.JoinMode      `name:"join-mode" placeholder:"MODE" help:"redirect, or handover: no signed address of a server leaves us."`
	Tag           []string                  `xor:"tags" placeholder:"TAG" help:"Its meetings run on servers with all of these tags, and on no others; may be repeated."`
	NoTags        bool                      `xor:"tags" name:"no-tags" help:"Take its tags away."`
	HookAlgorithm *membership.HookAlgorithm `name:"hook-algorithm" placeholder:"NAME" help:"What events for its webhooks are signed with: sha1, sha256, sha384 or sha512."`
	Origin        *string                   `placeholder:"ID" help:"Id of the tenant at the load balancer before; * when that knew none; empty takes it away."`
	Adopt         *bool                     `negatable:"" help:"Take over meetings of that tenant that run on our servers."`
}

// Run changes the connection.
func (c *ConnectionSet) Run(r *Run) error {
	s, v, err := c.find(r)
	if err != nil {
		return err
	}
	in := membership.ConnectionChange{
		Connection: v.ID, Level: c.Level, TenantName: c.TenantName, Refusal: c.Refusal, JoinMode: c.JoinMode, HookAlgorithm: c.HookAlgorithm,
		Origin: c.Origin, Adopts: c.Adopt,
	}
	if len(c.Tag) > 0 || c.NoTags {
		in.Tags = &c.Tag
	}
	if v, err = s.Members.SetConnection(r.Context, identity.Operator(), in); err != nil {
		return err
	}
	return r.done(v, "%s: level %s, tenant name %s, refusal %s, join mode %s, tags %s, events signed with %s%s", v.Name, cmp.Or(v.Level, "none"), cmp.Or(v.TenantName, "none"),
		v.Refusal, v.JoinMode, cmp.Or(strings.Join(v.Tags, ","), "none"), v.HookAlgorithm, adopting(v))
}

// adopting says whose running meetings a connection takes over; nothing for most.
func adopting(v membership.Connection) string {
	switch {
	case !v.Adopts:
		return ""
	case v.Origin == membership.NoTenant:
		return ", takes over meetings that name no tenant"
	default:
		return ", takes over meetings of tenant " + v.Origin
	}
}

// ConnectionRotate is connection rotate.
type ConnectionRotate struct {
	namedConnection

	Overlap time.Duration `default:"24h" placeholder:"DURATION" help:"How long the secret before stays valid; at least 1h."`
}

// Run rotates the secret.
func (c *ConnectionRotate) Run(r *Run) error {
	s, v, err := c.find(r)
	if err != nil {
		return err
	}
	secret, err := s.Members.Rotate(r.Context, identity.Operator(), v.ID, c.Overlap)
	if err != nil {
		return err
	}
	return r.done(struct {
		ID     id.Connection `json:"id"`
		Name   string        `json:"name"`
		Secret string        `json:"secret"`
	}{v.ID, v.Name, secret}, "secret   %s\nThe one before is valid for another %s.", secret, c.Overlap)
}

// ConnectionRevoke is connection revoke.
type ConnectionRevoke struct{ namedConnection }

// Run revokes the connection.
func (c *ConnectionRevoke) Run(r *Run) error {
	s, v, err := c.find(r)
	if err != nil {
		return err
	}
	if err := s.Members.Revoke(r.Context, identity.Operator(), v.ID); err != nil {
		return err
	}
	return r.done(struct {
		ID   id.Connection `json:"id"`
		Name string        `json:"name"`
	}{v.ID, v.Name}, "%s is revoked", v.Name)
}

// ConnectionParams is connection params.
type ConnectionParams struct {
	namedConnection

	Set    []string `placeholder:"RULE" sep:"none" help:"Replace the rules: 'default p=v', 'add p=a,b', 'cap p=n', 'force p=v'; may be repeated."`
	Clear  bool     `help:"Remove all rules."`
	Sample string   `placeholder:"QUERY" help:"Print what becomes of this query of create."`
}

// Run shows or sets the rules.
func (c *ConnectionParams) Run(r *Run) error {
	s, v, err := c.find(r)
	if err != nil {
		return err
	}
	if len(c.Set) > 0 || c.Clear {
		rules := make([]membership.Param, 0, len(c.Set))
		for _, text := range c.Set {
			op, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
			key, value, ok := strings.Cut(rest, "=")
			var check fault.Check
			check.Field(ok, "set", "connection.param", fault.Params{"Name": text})
			if err := check.Err(); err != nil {
				return err
			}
			rules = append(rules, membership.Param{Operator: op, Name: strings.TrimSpace(key), Value: value})
		}
		if v, err = s.Members.SetParams(r.Context, identity.Operator(), v.ID, rules); err != nil {
			return err
		}
	}
	sample := ""
	if c.Sample != "" {
		q, err := bbb.ParseQuery(c.Sample)
		if err != nil {
			var check fault.Check
			check.Field(false, "sample", "connection.param", fault.Params{"Name": c.Sample})
			return check.Err()
		}
		sample = conference.Effective(q, "create", v.Params).String()
	}
	return r.print(struct {
		Name   string             `json:"name"`
		Params []membership.Param `json:"params"`
		Sample string             `json:"sample,omitempty"`
	}{v.Name, v.Params, sample}, func(w io.Writer) {
		line(w, "OPERATOR", "PARAMETER", "VALUE")
		for _, p := range v.Params {
			line(w, p.Operator, p.Name, p.Value)
		}
		if sample != "" {
			_, _ = fmt.Fprintln(w, "\n"+sample) // the flush reports what went wrong
		}
	})
}
