// SPDX-License-Identifier: AGPL-3.0-or-later

package identity

import (
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
)

// Status says whether a person may act.
type Status string

// The states of a person. Only active ones have working sessions.
const (
	StatusActive    Status = "active"
	StatusSuspended Status = "suspended"
	StatusErased    Status = "erased"
)

// Theme is a person's choice of colours.
type Theme string

// The themes. ThemeSystem follows the device and is the default.
const (
	ThemeSystem Theme = "system"
	ThemeLight  Theme = "light"
	ThemeDark   Theme = "dark"
)

// Person is a human with an account.
type Person struct {
	ID           id.Person
	Subject      string // random UUIDv4 told to other programs; unlike ID it hides when the account was made
	Name         string // passes CleanName
	Locale       locale.Tag
	Zone         string // IANA name
	Theme        Theme
	Status       Status
	CreatedAt    instant.Instant
	LastActiveOn instant.Date // UTC; none before the first sign-in
}

// Location returns the person's zone, UTC if the name is unknown to this machine.
func (p Person) Location() *time.Location { return location(p.Zone) }

// Email is one proven address of a person.
type Email struct {
	ID         id.Email
	Address    string
	VerifiedAt instant.Instant
	Primary    bool
}

// ProfileInput is what a person may say about themselves. All four are set.
type ProfileInput struct {
	Name   string
	Locale locale.Tag
	Zone   string
	Theme  Theme
}

// Validate returns Invalid (input.invalid) with every wrong field: person.name_*, person.locale_unknown,
// person.zone_unknown, person.theme_unknown.
func (in ProfileInput) Validate() error {
	var c fault.Check
	_, code := CleanName(in.Name)
	c.Field(code == "", "name", code, fault.Params{"Limit": MaxNameRunes})
	_, ok := locale.Parse(string(in.Locale))
	c.Field(ok, "locale", "person.locale_unknown")
	c.Field(knownZone(in.Zone), "zone", "person.zone_unknown")
	c.Field(in.Theme == ThemeSystem || in.Theme == ThemeLight || in.Theme == ThemeDark, "theme", "person.theme_unknown")
	return c.Err()
}

// zoneOf guesses the zone of a newcomer whose browser did not tell: that of the country where most
// speakers of the language in this federation live. The account page corrects it.
func zoneOf(wanted string, tag locale.Tag) string {
	if knownZone(wanted) {
		return wanted
	}
	switch tag {
	case locale.Catalan, locale.Spanish:
		return "Europe/Madrid"
	case locale.German:
		return "Europe/Berlin"
	case locale.French:
		return "Europe/Paris"
	case locale.Dutch:
		return "Europe/Amsterdam"
	case locale.Swedish:
		return "Europe/Stockholm"
	}
	return "Europe/London"
}

// knownZone refuses "" and "Local", which mean the machine's zone to package time.
func knownZone(name string) bool {
	if name == "" || name == "Local" || len(name) > 64 {
		return false
	}
	_, err := time.LoadLocation(name)
	return err == nil
}

func location(name string) *time.Location {
	if knownZone(name) {
		if loc, err := time.LoadLocation(name); err == nil {
			return loc
		}
	}
	return time.UTC
}
