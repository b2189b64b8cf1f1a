// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"io"

	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// ServiceUserCmd is the noun service-user.
type ServiceUserCmd struct {
	Add    ServiceUserAdd    `cmd:"" help:"Who has such a userID takes no seat: up to two in each meeting."`
	List   ServiceUserList   `cmd:"" help:"List them."`
	Remove ServiceUserRemove `cmd:"" help:"They are people like others again."`
}

// servicePattern is whom a command is about.
type servicePattern struct {
	Pattern    string `arg:"" help:"Their userID; * is any letters: recorder-*."`
	Connection string `placeholder:"NAME" help:"Only in meetings of this connection."`
}

func (p servicePattern) find(r *Run) (*Services, id.Connection, error) {
	s, err := r.Open()
	if err != nil || p.Connection == "" {
		return s, "", err
	}
	var c membership.Connection
	err = s.DB.Read(r.Context, func(tx store.Reader) (err error) {
		c, err = membership.ConnectionByName(r.Context, tx, p.Connection)
		return err
	})
	return s, c.ID, err
}

// ServiceUserAdd is service-user add.
type ServiceUserAdd struct{ servicePattern }

// Run adds a pattern.
func (c *ServiceUserAdd) Run(r *Run) error {
	s, connection, err := c.find(r)
	if err != nil {
		return err
	}
	u, err := s.Members.AddServiceUser(r.Context, identity.Operator(), connection, c.Pattern)
	if err != nil {
		return err
	}
	return r.done(u, "%s takes no seat, up to two in each meeting", u.Pattern)
}

// ServiceUserRemove is service-user remove.
type ServiceUserRemove struct{ servicePattern }

// Run removes a pattern.
func (c *ServiceUserRemove) Run(r *Run) error {
	s, connection, err := c.find(r)
	if err != nil {
		return err
	}
	if err := s.Members.RemoveServiceUser(r.Context, identity.Operator(), connection, c.Pattern); err != nil {
		return err
	}
	return r.done(membership.ServiceUser{Connection: connection, Pattern: c.Pattern}, "%s takes a seat like others", c.Pattern)
}

// ServiceUserList is service-user list.
type ServiceUserList struct{}

// Run lists the patterns.
func (c *ServiceUserList) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	out := []membership.NamedServiceUser{}
	err = s.DB.Read(r.Context, func(tx store.Reader) error {
		all, err := membership.NamedServiceUsers(r.Context, tx)
		out = append(out[:0], all...)
		return err
	})
	if err != nil {
		return err
	}
	for i := range out {
		if out[i].Connection == "" {
			out[i].Name = "all"
		}
	}
	return r.print(out, func(w io.Writer) {
		line(w, "PATTERN", "CONNECTION", "SINCE")
		for _, u := range out {
			line(w, u.Pattern, u.Name, u.CreatedAt)
		}
	})
}
