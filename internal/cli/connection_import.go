// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"math"
	"net/url"

	"meetcoop/internal/conference"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/identity"
	"meetcoop/internal/membership"
	"meetcoop/internal/tariff"
)

// ConnectionImport is connection import.
type ConnectionImport struct {
	From   string `required:"" enum:"scalelite,b3scale" placeholder:"NAME" help:"Whose file it is: scalelite or b3scale."`
	File   string `arg:"" help:"What rake tenants, tenantSettings and servers print, one after the other, or JSON; of b3scale the JSON of its API. - is standard input."`
	Member string `required:"" placeholder:"SLUG" help:"Whose the connections will be."`
	Adopt  bool   `help:"Take over their meetings that run on our servers, too, now and as long as the other load balancer begins some."`
}

type movedConnection struct {
	Name     string             `json:"name"`
	Tenant   string             `json:"tenant_name"`
	Endpoint string             `json:"endpoint"`
	Origin   string             `json:"origin"`
	Adopts   bool               `json:"adopts"`
	Secrets  int                `json:"secrets"`
	Params   []membership.Param `json:"params"`
}

type movedServer struct {
	URL    string   `json:"url"`
	Weight float64  `json:"weight"`
	Tags   []string `json:"tags"`
}

// readMoved reads a file whole, or prints every problem and refuses.
func readMoved(r *Run, from, file string) (conference.Moved, error) {
	data, err := readFile(r, file)
	if err != nil {
		return conference.Moved{}, err
	}
	moved, problems := conference.ReadMoved(from, bytes.NewReader(data))
	return moved, refuseMoved(r, problems)
}

// refuseMoved prints every problem and refuses; with none it does nothing.
func refuseMoved(r *Run, problems []conference.MoveProblem) error {
	if len(problems) == 0 {
		return nil
	}
	if err := r.print(problems, func(w io.Writer) {
		line(w, "LINE", "PROBLEM")
		for _, p := range problems {
			line(w, p.Line, p.Text)
		}
	}); err != nil {
		return err
	}
	return fault.New(fault.Invalid, "connection.import", fault.Params{"Problems": len(problems), "Limit": len(problems)})
}

// Run takes tenants or frontends over as connections, all or none; their secrets stay valid. Their servers are listed, and taken over by
// server import.
func (c *ConnectionImport) Run(r *Run) error {
	moved, err := readMoved(r, c.From, c.File)
	if err != nil {
		return err
	}
	s, err := r.Open()
	if err != nil {
		return err
	}
	m, err := s.memberBySlug(r.Context, c.Member)
	if err != nil {
		return err
	}
	out := []movedConnection{}
	ins := make([]membership.ConnectInput, 0, len(moved.Connections))
	seats, limited := 0, len(moved.Connections) > 0
	var untold []conference.MoveProblem
	for _, v := range moved.Connections {
		ins = append(ins, membership.ConnectInput{
			Member: m.ID, Name: v.Name, TenantName: v.TenantName, Secret: v.Secrets[0], Further: v.Secrets[1:], Params: v.Params,
			Origin: v.Origin, Adopts: c.Adopt,
		})
		out = append(out, movedConnection{v.Name, v.TenantName, s.endpoint(v.Name), v.Origin, c.Adopt, len(v.Secrets), v.Params})
		seats += v.Seats
		limited = limited && v.Seats > 0
		if c.Adopt && v.Origin == "" {
			untold = append(untold, conference.MoveProblem{Line: v.Line, Text: fmt.Sprintf("%q has no id: nothing tells which meetings are its own", v.TenantName)})
		}
	}
	if err := refuseMoved(r, untold); err != nil {
		return err
	}
	if _, _, err := s.Members.ConnectAll(r.Context, identity.Operator(), ins); err != nil {
		return err
	}
	if limited {
		n := int64(seats)
		if _, err := s.Levels.Override(r.Context, identity.Operator(), tariff.OverrideInput{Member: m.ID, Fields: tariff.OverrideFields{Seats: &n}, Reason: "attendee limits of " + c.From}); err != nil {
			return err
		}
	}
	return r.print(out, func(w io.Writer) {
		if r.DryRun {
			_, _ = fmt.Fprintln(w, "dry run, nothing was changed") // the flush reports what went wrong
		}
		line(w, "NAME", "WAS", "SECRETS", "RULES", "ENDPOINT")
		for _, v := range out {
			line(w, v.Name, v.Tenant, v.Secrets, len(v.Params), v.Endpoint)
		}
		if n := len(moved.Servers); n > 0 {
			_, _ = fmt.Fprintf(w, "%d servers are in the file too: server import takes them over\n", n)
		}
		if c.Adopt {
			_, _ = fmt.Fprintln(w, "meetings that run are taken over by the program, from servers that are not disabled; connection set --no-adopt ends that")
		}
	})
}

// ServerImport is server import.
type ServerImport struct {
	From string `required:"" enum:"scalelite,b3scale" placeholder:"NAME" help:"Whose file it is: scalelite or b3scale."`
	File string `arg:"" help:"What rake servers prints, or JSON; of b3scale the JSON of its API. - is standard input."`
}

// Run takes servers over, all or none. They begin disabled: server enable lets meetings begin there.
func (c *ServerImport) Run(r *Run) error {
	moved, err := readMoved(r, c.From, c.File)
	if err != nil {
		return err
	}
	s, err := r.Open()
	if err != nil {
		return err
	}
	out := []movedServer{}
	ins := make([]fleet.AddInput, 0, len(moved.Servers))
	for _, v := range moved.Servers {
		address := fleet.APIAddress(v.URL)
		ins = append(ins, fleet.AddInput{
			Name: cmp.Or(hostOf(address), address), URL: address, Secret: v.Secret, LoadUnits: fleet.UnitsOf(v.Weight), Tags: v.Tags, Admin: fleet.AdminDisabled,
			Actor: identity.Operator(),
		})
		out = append(out, movedServer{address, math.Round(v.Weight*1000) / 1000, append([]string{}, v.Tags...)})
	}
	if _, err := s.Fleet.AddAll(r.Context, ins); err != nil {
		return err
	}
	return r.print(out, func(w io.Writer) {
		if r.DryRun {
			_, _ = fmt.Fprintln(w, "dry run, nothing was changed") // the flush reports what went wrong
		}
		line(w, "URL", "WEIGHT", "TAGS")
		for _, v := range out {
			line(w, v.URL, v.Weight, v.Tags)
		}
	})
}

// hostOf is the host of an address, with its port; "" when there is none.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
