// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"cmp"
	"context"
	"io"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"meetcoop/internal/conference"
	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// ServerCmd is the noun server.
type ServerCmd struct {
	Add     ServerAdd     `cmd:"" help:"Add a BigBlueButton server; its secret is tried first."`
	List    ServerList    `cmd:"" help:"List servers and what runs on them."`
	Set     ServerSet     `cmd:"" help:"Change name, tags and weight of a server, or the address and secret it has now."`
	Import  ServerImport  `cmd:"" help:"Take over the servers of Scalelite or b3scale; they begin disabled."`
	Enable  ServerEnable  `cmd:"" help:"Let meetings begin there."`
	Cordon  ServerCordon  `cmd:"" help:"No new meetings; those there go on."`
	Drain   ServerDrain   `cmd:"" help:"No new meetings, and disabled when the last has ended, or at a deadline."`
	Disable ServerDisable `cmd:"" help:"Do not use it at all."`
	Panic   ServerPanic   `cmd:"" help:"End everything there, move the meetings elsewhere, disable it."`
	Remove  ServerRemove  `cmd:"" help:"Forget a disabled server."`
}

// ServerAdd is server add.
type ServerAdd struct {
	URL     string   `required:"" name:"url" placeholder:"URL" help:"As bbb-conf --secret prints it."`
	Secret  string   `required:"" placeholder:"SECRET" help:"As bbb-conf --secret prints it."`
	Name    string   `placeholder:"NAME" help:"For people. Default: the host."`
	Tag     []string `placeholder:"TAG" help:"Meetings that ask for it, or whose level does, run there, and no others."`
	Weight  float64  `default:"1" placeholder:"FACTOR" help:"How much it carries: 1 is a machine with 16 cores."`
	NoCheck bool     `name:"no-check" help:"Add it although it does not answer now."`
}

// Run adds the server.
func (c *ServerAdd) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	var check fault.Check
	check.Field(c.Weight > 0 && c.Weight <= 1000, "weight", "config.range", fault.Params{"Least": "0.01", "Most": 1000})
	if err := check.Err(); err != nil {
		return err
	}
	address := fleet.APIAddress(c.URL)
	if err := tryServer(r, address, c.Secret, !c.NoCheck); err != nil {
		return err
	}
	name := c.Name
	if u, err := url.Parse(address); err == nil && name == "" {
		name = u.Host
	}
	v, err := s.Fleet.Add(r.Context, fleet.AddInput{
		Name: name, URL: address, Secret: c.Secret, LoadUnits: fleet.UnitsOf(c.Weight), Tags: c.Tag, Admin: fleet.AdminEnabled,
		Actor: identity.Operator(),
	})
	if err != nil {
		return err
	}
	return r.done(serverID{v.ID}, "%s is a server; meetings begin there once it has been polled", v.Name)
}

// tryServer calls a server, or only looks whether it could be called. Invalid (bbb.url, bbb.secret), Unavailable (fleet.server_refused).
func tryServer(r *Run, address, secret string, call bool) error {
	client, err := bbb.New(bbb.Config{URL: address, Secret: secret, Transport: bbb.NewTransport()})
	if err != nil || !call {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context, 10*time.Second)
	defer cancel()
	if err := client.Check(ctx); err != nil {
		return fault.Wrap(err, fault.Unavailable, "fleet.server_refused")
	}
	return nil
}

type serverID struct {
	ID id.Server `json:"id"`
}

// named is a server given on the command line.
type named struct {
	Server string `arg:"" help:"Id, name or address."`
}

func (n named) find(r *Run) (*Services, fleet.Server, error) {
	s, err := r.Open()
	if err != nil {
		return nil, fleet.Server{}, err
	}
	var v fleet.Server
	err = s.DB.Read(r.Context, func(tx store.Reader) (err error) {
		v, err = fleet.ByName(r.Context, tx, n.Server)
		return err
	})
	return s, v, err
}

// set writes a wanted state.
func (n named) set(r *Run, in fleet.AdminInput, then func(context.Context, store.Tx, instant.Instant, id.Server) error, said string) error {
	s, v, err := n.find(r)
	if err != nil {
		return err
	}
	in.Actor, in.Server, in.Panic = identity.Operator(), v.ID, then != nil
	if then != nil {
		in.Then = func(ctx context.Context, tx store.Tx, now instant.Instant) error { return then(ctx, tx, now, v.ID) }
	}
	if v, err = s.Fleet.SetAdmin(r.Context, in); err != nil {
		return err
	}
	return r.done(serverID{v.ID}, "%s %s", v.Name, said)
}

// ServerEnable is server enable.
type ServerEnable struct{ named }

// Run enables the server.
func (c *ServerEnable) Run(r *Run) error {
	return c.set(r, fleet.AdminInput{Admin: fleet.AdminEnabled}, nil, "takes new meetings")
}

// ServerCordon is server cordon.
type ServerCordon struct{ named }

// Run cordons the server.
func (c *ServerCordon) Run(r *Run) error {
	return c.set(r, fleet.AdminInput{Admin: fleet.AdminCordoned}, nil, "takes no new meetings")
}

// ServerDrain is server drain.
type ServerDrain struct {
	named

	Deadline time.Duration `xor:"when" placeholder:"DURATION" help:"End what still runs there after so long (2h30m), and disable it then."`
	Until    string        `xor:"when" placeholder:"TIME" help:"The same, at a moment as RFC 3339 writes it: 2027-01-15T22:00:00Z."`
}

// Run drains the server. Repeated, it sets another deadline, or none.
func (c *ServerDrain) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	in, said := fleet.AdminInput{Admin: fleet.AdminDraining}, "takes no new meetings and is disabled when the last has ended"
	var check fault.Check
	switch {
	case c.Deadline != 0:
		in.Until = s.Now().Add(c.Deadline)
	case c.Until != "":
		err := in.Until.UnmarshalText([]byte(c.Until))
		check.Field(err == nil && !in.Until.IsZero(), "until", "fleet.drain_until")
	}
	if err := check.Err(); err != nil {
		return err
	}
	if !in.Until.IsZero() {
		said += ", at " + in.Until.String() + " at the latest"
	}
	return c.set(r, in, nil, said)
}

// ServerSet is server set.
type ServerSet struct {
	named

	Name    *string  `placeholder:"NAME" help:"For people."`
	Weight  *float64 `placeholder:"FACTOR" help:"How much it carries: 1 is a machine with 16 cores."`
	Tag     []string `xor:"tags" placeholder:"TAG" help:"Replace its tags; may be repeated."`
	NoTags  bool     `xor:"tags" name:"no-tags" help:"Take its tags away."`
	URL     *string  `name:"url" placeholder:"URL" help:"Its address has changed: as bbb-conf --secret prints it."`
	Secret  *string  `placeholder:"SECRET" help:"Its secret has changed: as bbb-conf --secret prints it."`
	NoCheck bool     `name:"no-check" help:"Do not try a changed address or secret first."`
}

// Run changes the server.
func (c *ServerSet) Run(r *Run) error {
	s, v, err := c.find(r)
	if err != nil {
		return err
	}
	in := fleet.ChangeInput{Actor: identity.Operator(), Server: v.ID, Name: c.Name, Secret: c.Secret}
	if len(c.Tag) > 0 || c.NoTags {
		in.Tags = &c.Tag
	}
	var check fault.Check
	if c.Weight != nil {
		check.Field(*c.Weight >= 0.01 && *c.Weight <= 1000, "weight", "config.range", fault.Params{"Least": "0.01", "Most": 1000})
		units := fleet.UnitsOf(min(max(*c.Weight, 0), 1000))
		in.LoadUnits = &units
	}
	if err := check.Err(); err != nil {
		return err
	}
	if c.URL != nil {
		address := fleet.APIAddress(*c.URL)
		in.URL = &address
	}
	if v.Kind == fleet.KindBBB && (c.URL != nil || c.Secret != nil) {
		address := v.URL
		if in.URL != nil {
			address = *in.URL
		}
		secret, err := s.Fleet.Secret(v)
		if err != nil {
			return err
		}
		if c.Secret != nil {
			secret = *c.Secret
		}
		if err := tryServer(r, address, secret, !c.NoCheck); err != nil {
			return err
		}
	}
	if v, err = s.Fleet.Change(r.Context, in); err != nil {
		return err
	}
	return r.done(rowOfServer(v), "%s has weight %s and tags %s", v.Name, weightText(v), cmp.Or(strings.Join(v.Tags, ","), "none"))
}

// weightText writes a weight with as many digits as it needs.
func weightText(v fleet.Server) string {
	return strconv.FormatFloat(math.Round(v.Weight()*1000)/1000, 'f', -1, 64)
}

// serverRow is a server as it is listed.
type serverRow struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	Kind     string          `json:"kind"`
	Observed string          `json:"observed"`
	Admin    string          `json:"admin"`
	Until    instant.Instant `json:"until"` // of a drain with a deadline
	URL      string          `json:"url"`
	Weight   float64         `json:"weight"`
	Tags     []string        `json:"tags"`
}

func rowOfServer(v fleet.Server) serverRow {
	return serverRow{
		string(v.ID), v.Name, string(v.Kind), string(v.Observed), string(v.Admin), v.DrainUntil, v.URL, math.Round(v.Weight()*1000) / 1000, v.Tags,
	}
}

// ServerDisable is server disable.
type ServerDisable struct {
	named

	Force bool `help:"Even while meetings run there: they are moved elsewhere."`
}

// Run disables the server.
func (c *ServerDisable) Run(r *Run) error {
	return c.set(r, fleet.AdminInput{Admin: fleet.AdminDisabled, Force: c.Force}, nil, "is disabled")
}

// ServerPanic is server panic.
type ServerPanic struct{ named }

// Run ends everything there.
func (c *ServerPanic) Run(r *Run) error {
	return c.set(r, fleet.AdminInput{Admin: fleet.AdminDisabled, Force: true}, conference.Panic, "is disabled; what runs there is ended and moved")
}

// ServerRemove is server remove.
type ServerRemove struct{ named }

// Run removes the server.
func (c *ServerRemove) Run(r *Run) error {
	s, v, err := c.find(r)
	if err != nil {
		return err
	}
	if err := s.Fleet.Remove(r.Context, identity.Operator(), v.ID); err != nil {
		return err
	}
	return r.done(serverID{v.ID}, "%s is no longer a server", v.Name)
}

// ServerList is server list.
type ServerList struct{}

// Run prints the servers.
func (c *ServerList) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	var found []fleet.Server
	err = s.DB.Read(r.Context, func(tx store.Reader) (err error) {
		found, err = fleet.Servers(r.Context, tx)
		return err
	})
	if err != nil {
		return err
	}
	out := make([]serverRow, 0, len(found))
	for _, v := range found {
		out = append(out, rowOfServer(v))
	}
	return r.print(out, func(w io.Writer) {
		line(w, "ID", "NAME", "KIND", "OBSERVED", "ADMIN", "UNTIL", "WEIGHT", "TAGS", "URL")
		for i, v := range out {
			line(w, v.ID, v.Name, v.Kind, v.Observed, v.Admin, v.Until, weightText(found[i]), strings.Join(v.Tags, ","), v.URL)
		}
	})
}
