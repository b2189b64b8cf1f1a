// SPDX-License-Identifier: AGPL-3.0-or-later

package rooms

import (
	"crypto/subtle"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/tariff"
)

// Room is a standing place with a link. It belongs to a member, whose level bounds it, and is managed by its owner.
type Room struct {
	ID         id.Room
	Member     id.Member
	Owner      id.Person
	Slug       string // the end of its link, see NewSlug
	Name       string
	Settings   Settings
	Pinned     bool            // stays awake before others when the level shrinks
	Version    int             // counts changes of name, settings and people; from 1
	CreatedAt  instant.Instant // never zero
	ArchivedAt instant.Instant // zero: open
	LastUsedAt instant.Instant // when a meeting last began; zero: never
	Dormant    bool            // beyond the rooms of the member's level; computed when read, see asleep
}

// Archived reports whether the room is put away.
func (r Room) Archived() bool { return !r.ArchivedAt.IsZero() }

// Start says who may begin a meeting in a room.
type Start string

// Who may begin a meeting. Moderators always may.
const (
	StartHosts    Start = "hosts"     // the room's moderators
	StartSignedIn Start = "signed_in" // whoever may enter and is signed in
	StartAnyone   Start = "anyone"    // whoever may enter
)

// Enter says who may enter a room at all. Moderators always may.
type Enter string

// Who may enter.
const (
	EnterAnyone  Enter = "anyone"  // whoever has the link
	EnterPeople  Enter = "people"  // the people of the room's member
	EnterInvited Enter = "invited" // the people listed in the room
)

// Settings are what the owner of a room decides about every meeting in it.
type Settings struct {
	AccessCode  string // empty: none; else 4 to 32 letters or digits, asked from everybody but moderators
	WaitingRoom bool   // whoever is no moderator waits until one lets them in
	MayStart    Start
	MayEnter    Enter
	MuteOnEntry bool // microphones are off on entry; people may switch them on
}

// DefaultSettings are those of a new room: whoever has the link may enter, hosts open it.
func DefaultSettings() Settings {
	return Settings{MayStart: StartHosts, MayEnter: EnterAnyone}
}

// The bounds of an access code, in characters.
const (
	minCode = 4
	maxCode = 32
)

func (s Settings) check(c *fault.Check) {
	n := utf8.RuneCountInString(s.AccessCode)
	plain := strings.IndexFunc(s.AccessCode, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) < 0
	c.Field(s.AccessCode == "" || (n >= minCode && n <= maxCode && plain), "access_code", "rooms.access_code", fault.Params{"Min": minCode, "Max": maxCode})
	c.Field(s.MayStart == StartHosts || s.MayStart == StartSignedIn || s.MayStart == StartAnyone, "may_start", "input.choice")
	c.Field(s.MayEnter == EnterAnyone || s.MayEnter == EnterPeople || s.MayEnter == EnterInvited, "may_enter", "input.choice")
}

// Opens reports whether code is the access code of the room, or none is needed. Case and surrounding
// space do not count: codes are read out on the telephone. The time it takes does not tell how much is right.
func (s Settings) Opens(code string) bool {
	if s.AccessCode == "" {
		return true
	}
	return subtle.ConstantTimeCompare([]byte(foldCode(code)), []byte(foldCode(s.AccessCode))) == 1
}

func foldCode(s string) string { return strings.ToLower(norm.NFC.String(strings.TrimSpace(s))) }

// Person is somebody listed in a room: a co-host, or an invited viewer.
type Person struct {
	Subject string    // names the entry for RemovePerson: a person's id, or "mail:" and an address
	Person  id.Person // empty when the entry is an address
	Address string    // empty when the entry is a person; then only the register knows the name
	Name    string    // of the person; empty for an address
	Role    Role
	AddedAt instant.Instant
}

// Role says what a person is in a room.
type Role string

// The roles. RoleNone may not even enter.
const (
	RoleModerator Role = "moderator" // owner and co-hosts
	RoleViewer    Role = "viewer"    // may enter
	RoleNone      Role = "none"
)

// cleanName returns a room's name as it is kept, by identity's rule for titles; a wrong one is a field fault.
func cleanName(c *fault.Check, name string) string {
	title, code := identity.CleanTitle(name)
	c.Field(code == "", "name", code, fault.Params{"Limit": identity.MaxNameRunes})
	return title
}

// asleep reports whether the room at that place (1 is first) among its member's open rooms is dormant under limit.
// The order of places is pinned first, then last used, latest first, then oldest id (identity.md 2.3); sql.go
// computes it. Archived rooms have place 0 and are never dormant.
//
// Example: limit 1; B used yesterday, A used today, C pinned and never used: C is awake, A and B are dormant.
func asleep(place int, limit tariff.Limit) bool {
	n, limited := limit.Int()
	return limited && place > n
}
