// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"io"

	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// PersonCmd is the noun person.
type PersonCmd struct {
	Invite     PersonInvite     `cmd:"" help:"Invite an address into a member, and print its link."`
	List       PersonList       `cmd:"" help:"List people."`
	Role       PersonRole       `cmd:"" help:"Make a person an admin of the platform, or end that."`
	SigninLink PersonSigninLink `cmd:"" name:"signin-link" help:"Print a link that signs a person in, once, within 7 days."`
}

// PersonInvite is person invite.
type PersonInvite struct {
	Email    string `required:"" placeholder:"ADDRESS" help:"Address of the person."`
	Member   string `required:"" placeholder:"SLUG" help:"The member."`
	Role     string `required:"" enum:"owner,manager,billing,host,member" placeholder:"ROLE" help:"owner, manager, billing, host or member."`
	Name     string `placeholder:"NAME" help:"Name of the person, if known."`
	Language string `placeholder:"LANG" help:"Language of the letter. Default: the member's."`
	Mail     bool   `help:"Send the letter as well."`
}

// Run invites.
func (c *PersonInvite) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	m, err := s.memberBySlug(r.Context, c.Member)
	if err != nil {
		return err
	}
	invited, err := s.Members.Invite(r.Context, identity.Operator(), membership.InviteInput{
		Member: m.ID, Email: c.Email, Name: c.Name, Role: membership.Role(c.Role), Locale: locale.Tag(c.Language), NoMail: !c.Mail,
	})
	if err != nil {
		return err
	}
	return r.print(struct {
		Link string `json:"link"`
		membership.Invited
	}{invited.Link, invited}, func(w io.Writer) { line(w, invited.Link) })
}

// PersonList is person list.
type PersonList struct{}

type listedPerson struct {
	ID           id.Person       `json:"id"`
	Name         string          `json:"name"`
	Email        string          `json:"email"`
	Status       identity.Status `json:"status"`
	LastActiveOn instant.Date    `json:"last_active_on,omitzero"`
}

// personPage is how many people are read at once.
const personPage = 500

// Run prints people, the oldest account first.
func (c *PersonList) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	out := []listedPerson{}
	var after id.Person
	for {
		var page []identity.Listed
		err := s.DB.Read(r.Context, func(tx store.Reader) (err error) {
			page, err = identity.ListPeople(r.Context, tx, after, personPage)
			return err
		})
		if err != nil {
			return err
		}
		for _, p := range page {
			out = append(out, listedPerson{p.ID, p.Name, p.Address, p.Status, p.LastActiveOn})
			after = p.ID
		}
		if len(page) < personPage {
			break
		}
	}
	return r.print(out, func(w io.Writer) {
		line(w, "NAME", "E-MAIL", "STATUS", "LAST ACTIVE")
		for _, p := range out {
			line(w, p.Name, p.Email, p.Status, p.LastActiveOn)
		}
	})
}

// PersonSigninLink is person signin-link.
type PersonSigninLink struct {
	Email string `required:"" placeholder:"ADDRESS" help:"Address of the person."`
}

// Run prints the link.
func (c *PersonSigninLink) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	link, err := s.Identity.SignInLink(r.Context, identity.Operator(), c.Email)
	if err != nil {
		return err
	}
	return r.print(struct {
		Link string `json:"link"`
	}{link}, func(w io.Writer) { line(w, link) })
}
