// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
)

// ID names a recording: the internal id of its meeting, given by the server that made it.
type ID string

var (
	idForm     = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z_-]{0,127}$`)
	formatForm = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)
)

// Mode says where the files of a recording are.
type Mode string

// The modes.
const (
	Stored Mode = "stored" // here
	Remote Mode = "remote" // on the server that made it
)

// State is where a recording is in its life.
type State string

// The states, as the API has them. What is processing or processed cannot be watched yet.
const (
	Processing  State = "processing"
	Processed   State = "processed"
	Published   State = "published"
	Unpublished State = "unpublished"
	Deleted     State = "deleted"
)

var states = []State{Processing, Processed, Published, Unpublished, Deleted}

// Access says who may watch a stored recording that is published.
type Access string

// The kinds of access.
const (
	AccessLink      Access = "link"      // whoever has the link
	AccessProtected Access = "protected" // whoever the client has just given a link to
	AccessMembers   Access = "members"   // signed-in people of the member
)

// Accesses lists them all.
var Accesses = []Access{AccessLink, AccessProtected, AccessMembers}

// Recording is what became of one meeting.
type Recording struct {
	ID           ID
	Connection   id.Connection // none in quarantine
	Member       id.Member     // like Connection
	Server       id.Server     // that made it; none when nobody said
	Meeting      id.Meeting    // none when only the owner is known
	ExternalID   string        // the client's meetingID; in quarantine the server's
	Name         string
	Mode         Mode
	State        State
	Access       Access
	Metadata     map[string]string // in the client's words, names in small letters, without those every recording has
	Breakout     Breakout
	XML          string // of a remote one: the children of <recording>, in the client's words
	StartedMS    int64  // milliseconds since 1970
	EndedMS      int64  // likewise
	Participants int
	RawBytes     int64
	Formats      []Format // in order of their names
	IndexedAt    instant.Instant
	DeletedAt    instant.Instant // none unless Deleted
	KeepUntil    instant.Instant // when it is deleted for its age; none is never, or not known yet
	Notice       int             // days of the last notice of that: 0, 14 or 3
	KeptForever  bool            // the level knew no age limit when it was last looked at
	Announce     Announcement    // what people are still to be told of KeepUntil
}

// Announcement is why people get a letter about the end of a recording.
type Announcement string

// The announcements.
const (
	AnnounceNothing   Announcement = ""
	AnnounceExpires   Announcement = "expires"   // its end is 14 or 3 days away
	AnnounceShortened Announcement = "shortened" // the level keeps it less long than it was said
)

// Breakout is what is said of breakout rooms.
type Breakout struct {
	Is       bool     `json:"is,omitempty"`
	Parent   string   `json:"parent,omitempty"` // internal id
	Sequence int      `json:"sequence,omitempty"`
	FreeJoin bool     `json:"free,omitempty"`
	Rooms    []string `json:"rooms,omitempty"` // internal ids
}

// Format is one playback of a recording.
type Format struct {
	Type         string // "presentation", "video", ...
	Dir          string // of its files, below the root; "" for a remote one
	URL          string // of a remote one
	Digest       string // of its files
	Upload       string // SHA-256 of the tar it came in; "" for other ways
	Bytes        int64
	Minutes      int
	ProcessingMS int64
	Images       []Image
	Told         bool // the client was told of it
	CreatedAt    instant.Instant
}

// Image is a preview.
type Image struct {
	Width  string `json:"w,omitempty"`
	Height string `json:"h,omitempty"`
	Alt    string `json:"alt,omitempty"`
	Path   string `json:"path"` // below the directory of its format
}

// Watchable reports whether somebody may watch it: the condition before any question of access.
func (r Recording) Watchable() bool {
	return r.Mode == Stored && r.State == Published && r.Connection != ""
}

// Title is what people call it: the name it was given later, which applications keep in the metadata "name", else its meeting's.
func (r Recording) Title() string {
	if t := strings.TrimSpace(r.Metadata[metaTitle]); t != "" {
		return t
	}
	return r.Name
}

const metaTitle = "name"

// Bytes returns what all formats take.
func (r Recording) Bytes() (n int64) {
	for _, f := range r.Formats {
		n += f.Bytes
	}
	return n
}

// Format returns a format by its name.
func (r Recording) Format(name string) (Format, bool) {
	for _, f := range r.Formats {
		if f.Type == name {
			return f, true
		}
	}
	return Format{}, false
}

// AllMetadata is what filters see: the metadata with those that every recording has, names in small letters.
func (r Recording) AllMetadata() map[string]string {
	all := maps.Clone(r.Metadata)
	if all == nil {
		all = map[string]string{}
	}
	all["isbreakout"], all["meetingid"], all["meetingname"] = "false", r.ExternalID, r.Name
	if r.Breakout.Is {
		all["isbreakout"] = "true"
	}
	return all
}

// like compares with a pattern that may begin and end with %.
func like(have, pattern string) bool {
	rest, before := strings.CutPrefix(pattern, "%")
	after := false
	if pattern != "%" {
		rest, after = strings.CutSuffix(rest, "%")
	}
	switch {
	case before && after:
		return strings.Contains(have, rest)
	case before:
		return strings.HasSuffix(have, rest)
	case after:
		return strings.HasPrefix(have, rest)
	}
	return have == rest
}

// Query says which recordings of a connection are wanted.
type Query struct {
	IDs      []string          // beginnings of ids; none is all; they win over External
	External []string          // the client's meetingIDs; none is all
	States   []State           // none is published and unpublished
	Metadata map[string]string // names in small letters; all must match, % at either end is anything
	Offset   int               // only with Limit
	Limit    int               // 0 is no pages
}

func (q Query) wantsState(s State) bool {
	if len(q.States) == 0 {
		return s == Published || s == Unpublished
	}
	return slices.Contains(q.States, s)
}

// fits reports whether a recording is asked for, whatever the page.
func (q Query) fits(r Recording) bool {
	if !q.wantsState(r.State) {
		return false
	}
	switch {
	case len(q.IDs) > 0:
		if !slices.ContainsFunc(q.IDs, func(p string) bool { return strings.HasPrefix(string(r.ID), p) }) {
			return false
		}
	case len(q.External) > 0 && !slices.Contains(q.External, r.ExternalID):
		return false
	}
	if len(q.Metadata) == 0 {
		return true
	}
	have := r.AllMetadata()
	for name, pattern := range q.Metadata {
		if v, ok := have[name]; !ok || !like(v, pattern) {
			return false
		}
	}
	return true
}

// ParseStates reads a list of states; "any" is all of them, unknown words are none of any recording.
func ParseStates(words []string) []State {
	if slices.Contains(words, "any") {
		return states
	}
	out := make([]State, 0, len(words))
	for _, w := range words {
		out = append(out, State(w))
	}
	return out
}
