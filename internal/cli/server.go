// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"context"
	"io"
	"net/url"
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
	Import  ServerImport  `cmd:"" help:"Take over the servers of Scalelite or b3scale; they begin disabled."`
	Enable  ServerEnable  `cmd:"" help:"Let meetings begin there."`
	Cordon  ServerCordon  `cmd:"" help:"No new meetings; those there go on."`
	Drain   ServerDrain   `cmd:"" help:"No new meetings, and disabled when the last has ended."`
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
	client, err := bbb.New(bbb.Config{URL: address, Secret: c.Secret, Transport: bbb.NewTransport()})
	if err != nil {
		return err
	}
	if !c.NoCheck {
		ctx, cancel := context.WithTimeout(r.Context, 10*time.Second)
		defer cancel()
		if err := client.Check(ctx); err != nil {
			return fault.Wrap(err, fault.Unavailable, "fleet.server_refused")
		}
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
func (n named) set(r *Run, a fleet.Admin, force bool, then func(context.Context, store.Tx, instant.Instant, id.Server) error, said string) error {
	s, v, err := n.find(r)
	if err != nil {
		return err
	}
	in := fleet.AdminInput{Actor: identity.Operator(), Server: v.ID, Admin: a, Force: force, Panic: then != nil}
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
	return c.set(r, fleet.AdminEnabled, false, nil, "takes new meetings")
}

// ServerCordon is server cordon.
type ServerCordon struct{ named }

// Run cordons the server.
func (c *ServerCordon) Run(r *Run) error {
	return c.set(r, fleet.AdminCordoned, false, nil, "takes no new meetings")
}

// ServerDrain is server drain.
type ServerDrain struct{ named }

// Run drains the server.
func (c *ServerDrain) Run(r *Run) error {
	return c.set(r, fleet.AdminDraining, false, nil, "takes no new meetings and is disabled when the last has ended")
}

// ServerDisable is server disable.
type ServerDisable struct {
	named

	Force bool `help:"Even while meetings run there: they are moved elsewhere."`
}

// Run disables the server.
func (c *ServerDisable) Run(r *Run) error {
	return c.set(r, fleet.AdminDisabled, c.Force, nil, "is disabled")
}

// ServerPanic is server panic.
type ServerPanic struct{ named }

// Run ends everything there.
func (c *ServerPanic) Run(r *Run) error {
	return c.set(r, fleet.AdminDisabled, true, conference.Panic, "is disabled; what runs there is ended and moved")
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
	type row struct {
		ID       string `json:"id"`
		Name     string `json:"name"`
		Kind     string `json:"kind"`
		Observed string `json:"observed"`
		Admin    string `json:"admin"`
		URL      string `json:"url"`
	}
	out := make([]row, 0, len(found))
	for _, v := range found {
		out = append(out, row{string(v.ID), v.Name, string(v.Kind), string(v.Observed), string(v.Admin), v.URL})
	}
	return r.print(out, func(w io.Writer) {
		line(w, "ID", "NAME", "KIND", "OBSERVED", "ADMIN", "URL")
		for _, v := range out {
			line(w, v.ID, v.Name, v.Kind, v.Observed, v.Admin, v.URL)
		}
	})
}
