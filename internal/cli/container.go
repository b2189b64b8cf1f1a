// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"io"

	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// ContainerCmd is the noun container.
type ContainerCmd struct {
	Create ContainerCreate `cmd:"" help:"Give a Greenlight that serves many members a secret for /api/getUser."`
	List   ContainerList   `cmd:"" help:"List them."`
	Revoke ContainerRevoke `cmd:"" help:"End one."`
}

// ContainerCreate is container create.
type ContainerCreate struct {
	Member string `required:"" placeholder:"SLUG" help:"The operational member that runs it: it finds the connections of the members this one looks after."`
	Name   string `required:"" placeholder:"NAME" help:"For operators: a-z, 0-9, hyphen."`
}

// Run creates the container.
func (c *ContainerCreate) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	m, err := s.memberBySlug(r.Context, c.Member)
	if err != nil {
		return err
	}
	made, secret, err := s.Members.AddContainer(r.Context, identity.Operator(), m.ID, c.Name)
	if err != nil {
		return err
	}
	return r.done(struct {
		ID       id.Container `json:"id"`
		Name     string       `json:"name"`
		Endpoint string       `json:"endpoint"`
		Secret   string       `json:"secret"`
	}{made.ID, made.Name, s.PublicURL + "/", secret}, "LOADBALANCER_ENDPOINT=%s\nLOADBALANCER_SECRET=%s\nThe secret is shown this once.", s.PublicURL+"/", secret)
}

// ContainerList is container list.
type ContainerList struct{}

// Run lists containers.
func (c *ContainerList) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	var all []membership.Container
	if err := s.DB.Read(r.Context, func(tx store.Reader) (err error) {
		all, err = membership.Containers(r.Context, tx)
		return err
	}); err != nil {
		return err
	}
	return r.print(all, func(w io.Writer) {
		line(w, "NAME", "MEMBER", "CREATED", "REVOKED")
		for _, v := range all {
			line(w, v.Name, v.Member, v.CreatedAt, v.RevokedAt)
		}
	})
}

// ContainerRevoke is container revoke.
type ContainerRevoke struct {
	Name string `arg:"" help:"Its name."`
}

// Run revokes the container.
func (c *ContainerRevoke) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	if err := s.Members.RevokeContainer(r.Context, identity.Operator(), c.Name); err != nil {
		return err
	}
	return r.done(struct {
		Name string `json:"name"`
	}{c.Name}, "%s is revoked", c.Name)
}
