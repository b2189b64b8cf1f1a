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
	"meetcoop/internal/tariff"
)

// MemberCmd is the noun member.
type MemberCmd struct {
	Create   MemberCreate   `cmd:"" help:"Put a member into the register."`
	List     MemberList     `cmd:"" help:"List members."`
	Show     MemberShow     `cmd:"" help:"Show one member, its standing and limits."`
	Standing MemberStanding `cmd:"" help:"Show how a member stands, and why."`
}

// MemberCreate is member create.
type MemberCreate struct {
	Name       string `required:"" placeholder:"NAME" help:"Name of the organisation or individual."`
	Slug       string `placeholder:"SLUG" help:"Short name in addresses: a-z, 0-9, hyphen; given once. Default: made from the name."`
	Kind       string `enum:"user,operational" default:"user" placeholder:"KIND" help:"user or operational."`
	Individual bool   `help:"One person, not an organisation."`
	Level      string `placeholder:"LEVEL" help:"Service level granted from today. Default: free."`
	Steward    string `placeholder:"SLUG" help:"Operational member that looks after it. Default: the cooperative itself."`
	Country    string `placeholder:"CC" help:"Two letters, ISO 3166-1."`
	LegalForm  string `name:"legal-form" placeholder:"TEXT" help:"Such as association."`
	Zone       string `placeholder:"ZONE" help:"Time zone in which its days begin, such as Europe/Madrid."`
	Language   string `placeholder:"LANG" help:"Language of letters to it: en ca es de fr nl sv."`
}

// Run creates the member.
func (c *MemberCreate) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	m, err := s.Members.Create(r.Context, identity.Operator(), membership.CreateInput{
		Name: c.Name, Slug: c.Slug, Kind: membership.Kind(c.Kind), Individual: c.Individual, Level: c.Level, Steward: c.Steward,
		Country: c.Country, LegalForm: c.LegalForm, Zone: c.Zone, Locale: locale.Tag(c.Language),
	})
	if err != nil {
		return err
	}
	return r.done(struct {
		ID   id.Member `json:"id"`
		Slug string    `json:"slug"`
	}{m.ID, m.Slug}, "%s is in the register as %s", m.Name, m.Slug)
}

// MemberList is member list.
type MemberList struct {
	Kind    string `enum:",user,operational" default:"" placeholder:"KIND" help:"Only user or operational ones."`
	Steward string `placeholder:"SLUG" help:"Only those a certain member looks after."`
	Search  string `placeholder:"TEXT" help:"Part of the name."`
}

type listedMember struct {
	membership.Member
	Standing membership.State `json:"standing"`
	Level    string           `json:"level"`
}

// Run prints the list.
func (c *MemberList) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	in := membership.ListInput{Kind: membership.Kind(c.Kind), Search: c.Search}
	if c.Steward != "" {
		steward, err := s.memberBySlug(r.Context, c.Steward)
		if err != nil {
			return err
		}
		in.Steward = steward.ID
	}
	found, err := s.Members.List(r.Context, identity.Operator(), in)
	if err != nil {
		return err
	}
	out := make([]listedMember, 0, len(found))
	err = s.DB.Read(r.Context, func(tx store.Reader) error {
		standings, err := membership.Standings(r.Context, tx, found, s.Now())
		if err != nil {
			return err
		}
		out = out[:0]
		for _, m := range found {
			st := standings[m.ID]
			out = append(out, listedMember{m, st.State, st.Level})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.print(out, func(w io.Writer) {
		line(w, "SLUG", "NAME", "KIND", "STANDING", "LEVEL")
		for _, m := range out {
			line(w, m.Slug, m.Name, m.Kind, m.Standing, m.Level)
		}
	})
}

// MemberShow is member show.
type MemberShow struct {
	Member string `arg:"" optional:"" help:"Slug of the member."`
	Slug   string `name:"member" placeholder:"SLUG" help:"The same, as a flag."`
}

func (c *MemberShow) slug() string {
	if c.Member != "" {
		return c.Member
	}
	return c.Slug
}

type shownMember struct {
	membership.Member
	Entitlement tariff.Entitlement     `json:"entitlement"`
	Overrides   []tariff.LimitOverride `json:"limit_overrides"`
	People      []shownPerson          `json:"people"`
}

type shownPerson struct {
	Name   string                       `json:"name"`
	Status membership.AffiliationStatus `json:"status"`
	Roles  []membership.Role            `json:"roles"`
}

// Run prints the member.
func (c *MemberShow) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	m, err := s.memberBySlug(r.Context, c.slug())
	if err != nil {
		return err
	}
	out := shownMember{Member: m}
	err = s.DB.Read(r.Context, func(tx store.Reader) (err error) {
		if out.Entitlement, err = tariff.Entitled(r.Context, tx, m.ID, s.Now()); err != nil {
			return err
		}
		if out.Overrides, err = tariff.LimitOverrides(r.Context, tx, m.ID); err != nil {
			return err
		}
		people, err := membership.People(r.Context, tx, m.ID)
		if err != nil {
			return err
		}
		out.People = []shownPerson{}
		for _, p := range people {
			out.People = append(out.People, shownPerson{p.Name, p.Status, p.Roles})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return r.print(out, func(w io.Writer) {
		line(w, "name", m.Name)
		line(w, "slug", m.Slug)
		line(w, "kind", m.Kind)
		line(w, "standing", out.Entitlement.Standing.State)
		line(w, "level", out.Entitlement.Level)
		line(w, "seats", out.Entitlement.Limits.Seats)
		line(w, "participants", out.Entitlement.Limits.Participants)
		line(w, "rooms", out.Entitlement.Limits.Rooms)
		line(w, "running rooms", out.Entitlement.Limits.RunningRooms)
		line(w, "hosts", out.Entitlement.Limits.Hosts)
		line(w, "duration", tariff.Span(out.Entitlement.Limits.Duration))
		line(w, "overridden", out.Entitlement.Overridden)
		line(w, "people", len(out.People))
	})
}

// MemberStanding is member standing.
type MemberStanding struct {
	Member  string `required:"" placeholder:"SLUG" help:"The member."`
	Explain bool   `help:"Print the facts the standing rests on."`
	At      string `placeholder:"INSTANT" help:"RFC 3339. Default: now."`
}

// Run prints the standing.
func (c *MemberStanding) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	at := s.Now()
	if c.At != "" {
		var i instant.Instant
		if err := i.UnmarshalText([]byte(c.At)); err != nil {
			return badFlag("at", err)
		}
		at = i
	}
	m, err := s.memberBySlug(r.Context, c.Member)
	if err != nil {
		return err
	}
	var st membership.Standing
	err = s.DB.Read(r.Context, func(tx store.Reader) (err error) {
		st, err = m.Standing(r.Context, tx, at)
		return err
	})
	if err != nil {
		return err
	}
	return r.print(st, func(w io.Writer) {
		line(w, "standing", st.State)
		line(w, "level", st.Level)
		line(w, "next boundary", st.Boundary)
		if !c.Explain {
			return
		}
		line(w, "line of the table", st.Line)
		for _, f := range st.Facts {
			line(w, "fact", f.Kind, f.Level, f.From, f.Until, f.Source, f.Reason)
		}
	})
}
