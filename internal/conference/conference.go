// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strings"

	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// Conference is a meeting of an API client, with what servers and clients call it.
type Conference struct {
	fleet.Meeting

	ServerKey   string  // the meetingID its server knows
	InternalID  string  // the server's; "" before it answered
	CreateTime  int64   // milliseconds since 1970, of the copy that runs
	CreateTimes []int64 // of earlier copies, which links may still carry
	Title       string
	AttendeePW  string
	ModeratorPW string
	GuestPolicy string
	Reply       string          // children of the reply to create, in the tenant's words, without messageKey and message
	Query       string          // the client's create, without its checksum
	EndURLs     []string        // whom to tell of the end
	Node        id.Node         // that is making it, while Reserved
	Until       instant.Instant // when somebody else may take it up: while Reserved, and while Detached
	Recordings  bool            // the client asked for recording
	Adopted     bool            // another load balancer began it and gave ServerKey

	Seen Seen // as last seen; zero before the first poll
}

// Seen is what a server said of a meeting.
type Seen struct {
	At      instant.Instant
	Running bool
	People  int
	XML     string // children of <meeting>, in the tenant's words
}

// TopicConference is the change-feed topic of conferences; the key is the meeting's id.
const TopicConference store.Topic = "conference"

// ids names meetings towards servers (gateway.md T4).
type ids struct{ key []byte }

var serverKeyForm = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// server returns the meetingID under which a server knows an external id of a connection: 34 letters and digits, always the same,
// not to be guessed, and different for any two connections.
func (i ids) server(c id.Connection, external string) string {
	mac := hmac.New(sha256.New, i.key)
	_, _ = mac.Write([]byte(string(c) + "\x00" + external)) // never fails
	return "mc" + serverKeyForm.EncodeToString(mac.Sum(nil)[:20])
}

// knows reports whether a createTime given at join is that of the meeting or of an earlier copy of it.
func (c *Conference) knows(createTime int64) bool {
	return c.CreateTime == createTime || slices.Contains(c.CreateTimes, createTime)
}

// role is what the client asks for at join: by role, else by password. ok is false when neither fits.
func (c *Conference) role(role, password string) (moderator, ok bool) {
	switch strings.ToUpper(role) {
	case "MODERATOR":
		return true, true
	case "VIEWER":
		return false, true
	}
	switch password {
	case "":
		return false, false
	case c.ModeratorPW:
		return true, true
	case c.AttendeePW:
		return false, true
	}
	return false, false
}
