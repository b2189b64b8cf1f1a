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
	var all []membership.ServiceUser
	names := map[id.Connection]string{"": "all"}
	err = s.DB.Read(r.Context, func(tx store.Reader) error {
		if all, err = membership.ServiceUsers(r.Context, tx); err != nil {
			return err
		}
		connections, err := membership.AllConnections(r.Context, tx)
		for _, v := range connections {
			names[v.ID] = v.Name
		}
		return err
	})
	if err != nil {
		return err
	}
	type row struct {
		membership.ServiceUser

		Name string `json:"connection_name"`
	}
	out := make([]row, 0, len(all))
	for _, u := range all {
		out = append(out, row{u, names[u.Connection]})
	}
	return r.print(out, func(w io.Writer) {
		line(w, "PATTERN", "CONNECTION", "SINCE")
		for _, u := range out {
			line(w, u.Pattern, u.Name, u.CreatedAt)
		}
	})
}
