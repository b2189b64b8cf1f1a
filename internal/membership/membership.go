// SPDX-License-Identifier: AGPL-3.0-or-later

package membership

import (
	"slices"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
)

// Kind says which side of the cooperative a member is on.
type Kind string

// An operational member does the work and looks after members; a user member uses the service.
const (
	KindOperational Kind = "operational"
	KindUser        Kind = "user"
)

// HouseSlug is the slug of the cooperative itself, the built-in operational member: steward by
// default, of operational members and of itself, so that the rule of one steward has no exception.
const HouseSlug = "house"

// Member is a party in the register, an organisation or an individual.
type Member struct {
	ID         id.Member       `json:"id"`
	Slug       string          `json:"slug"` // DNS label of 2 to 40 characters, given once
	Name       string          `json:"name"`
	Kind       Kind            `json:"kind"`
	Individual bool            `json:"individual"`
	LegalForm  string          `json:"legal_form,omitempty"` // free text such as "association"
	Country    string          `json:"country,omitempty"`    // ISO 3166-1 alpha-2, or empty
	Zone       string          `json:"zone"`                 // IANA name; its days begin and end there
	Locale     locale.Tag      `json:"locale"`
	CreatedAt  instant.Instant `json:"created_at"`
}

// IsHouse reports whether m is the cooperative itself.
func (m Member) IsHouse() bool { return m.Slug == HouseSlug }

// Location returns the zone in which the member's days begin and end; UTC when the name has become unknown.
func (m Member) Location() *time.Location { return location(m.Zone) }

// Role is what a person may do in a member. A person may hold several.
type Role string

// The roles. Only hosts open rooms and take a host place; the first owner is host too.
const (
	RoleOwner   Role = "owner"
	RoleManager Role = "manager"
	RoleBilling Role = "billing"
	RoleHost    Role = "host"
	RoleMember  Role = "member"
)

// Roles lists every role, the one with most rights first.
var Roles = []Role{RoleOwner, RoleManager, RoleBilling, RoleHost, RoleMember}

// Valid reports whether r is one of Roles.
func (r Role) Valid() bool { return slices.Contains(Roles, r) }

// Source says how a person came into a member, or a role to a person. What a source gave, only it
// or an owner takes away.
type Source string

// The sources of this release: by themselves (sign-up, the command line) and by invitation.
const (
	SourceSelf   Source = "self"
	SourceInvite Source = "invite"
)

// AffiliationStatus is where an affiliation is in its life: invited, then active, then ended.
type AffiliationStatus string

// The states of an affiliation.
const (
	AffiliationInvited AffiliationStatus = "invited" // bound to an address; nobody has proven it yet
	AffiliationActive  AffiliationStatus = "active"
	AffiliationEnded   AffiliationStatus = "ended"
)

// Affiliation is a person's place in a member, or the place kept for an invited address.
type Affiliation struct {
	ID         id.Affiliation    `json:"id"`
	Member     id.Member         `json:"member"`
	Person     id.Person         `json:"person,omitempty"`  // none while invited
	Address    string            `json:"address,omitempty"` // as it was written; only while invited
	Name       string            `json:"name"`              // as given with the invitation; may be empty
	Status     AffiliationStatus `json:"status"`
	Source     Source            `json:"source"`
	Roles      []Role            `json:"roles"` // in the order of Roles, never nil
	InvitedBy  id.Person         `json:"-"`     // none when the command line invited
	CreatedAt  instant.Instant   `json:"created_at"`
	AcceptedAt instant.Instant   `json:"accepted_at"`
	EndedAt    instant.Instant   `json:"-"`
}

// Has reports whether the affiliation carries role and is active.
func (a Affiliation) Has(role Role) bool {
	return a.Status == AffiliationActive && slices.Contains(a.Roles, role)
}

// Place is an affiliation together with its member: one entry of a person's member switcher.
type Place struct {
	Affiliation
	In Member `json:"in"`
}

// Stewardship says which operational member looks after a member, from when to when.
type Stewardship struct {
	ID      id.Stewardship  `json:"id"`
	Steward id.Member       `json:"steward"`
	Member  id.Member       `json:"member"`
	From    instant.Instant `json:"from"`
	Until   instant.Instant `json:"until"` // none while open
	Reason  string          `json:"reason"`
}

// ContactKind says what kind of mail an address gets.
type ContactKind string

// The kinds of contact. A contact gets mail and signs nobody in: payer and person differ.
const (
	ContactBilling   ContactKind = "billing"
	ContactTechnical ContactKind = "technical"
	ContactGeneral   ContactKind = "general"
)

// Contact is where mail for a member goes.
type Contact struct {
	Kind    ContactKind `json:"kind"`
	Address string      `json:"address"`
}
