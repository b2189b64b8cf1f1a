// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// PersonRole is person role.
type PersonRole struct {
	Email string `required:"" placeholder:"ADDRESS" help:"Address of the person."`
	Role  string `enum:"admin,auditor" default:"admin" placeholder:"ROLE" help:"admin (servers and settings of the platform) or auditor."`
	End   bool   `help:"Take the role away."`
}

// Run gives the role, or takes it away.
func (c *PersonRole) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	var person id.Person
	err = s.DB.Read(r.Context, func(tx store.Reader) error {
		p, err := identity.GetPersonByEmail(r.Context, tx, c.Email)
		person = p.ID
		return err
	})
	if err != nil {
		return err
	}
	type changed struct {
		Person id.Person     `json:"person"`
		Role   identity.Role `json:"role"`
	}
	out := changed{person, identity.Role(c.Role)}
	if c.End {
		if err := s.Identity.EndRole(r.Context, identity.Operator(), person, out.Role); err != nil {
			return err
		}
		return r.done(out, "%s is no longer %s of the platform", c.Email, c.Role)
	}
	if err := s.Identity.GrantRole(r.Context, identity.Operator(), person, out.Role, instant.Instant{}); err != nil {
		return err
	}
	return r.done(out, "%s is %s of the platform", c.Email, c.Role)
}
