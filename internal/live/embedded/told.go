// SPDX-License-Identifier: AGPL-3.0-or-later

package embedded

import (
	"crypto/rand"
	"crypto/sha1" // #nosec G505: internal ids of BigBlueButton have the form of one; nothing is protected by it
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/id"
	"meetcoop/internal/live"
)

// told is a running meeting as its server tells of it.
type told struct {
	live.ClientMeeting

	asked      bbb.Query // with everything that a server would have drawn
	connection id.Connection
}

func read(m live.ClientMeeting) (told, error) {
	q, err := bbb.ParseQuery(m.Asked)
	return told{ClientMeeting: m, asked: q}, err // it was written by hosted
}

// hosted is the client's query with what a server draws when it is missing, and with the parent's internal id when it has one.
func hosted(q bbb.Query, parent told) bbb.Query {
	q = q.Without("checksum", "isBreakoutRoom")
	for _, name := range []string{"attendeePW", "moderatorPW"} {
		if q.Get(name) == "" {
			q = q.With(name, strings.ToLower(rand.Text()[:8]))
		}
	}
	if _, err := strconv.Atoi(q.Get("voiceBridge")); err != nil {
		q = q.With("voiceBridge", voiceBridge(q.Get("meetingID")))
	}
	if parent.ID != "" {
		return q.With("parentMeetingID", parent.internalID())
	}
	return q.Without("parentMeetingID")
}

// voiceBridge is five digits, always the same for a meeting. Nobody can call it.
func voiceBridge(key string) string {
	sum := sha256.Sum256([]byte(key))
	return strconv.Itoa(10000 + int(binary.BigEndian.Uint32(sum[:4])%90000))
}

func (m told) key() string { return m.asked.Get("meetingID") }

func (m told) createTime() int64 { return m.Begun.Time().UnixMilli() }

// internalID has the form of a server's: it is what getMeetingInfo, hooks and recordings go by.
func (m told) internalID() string {
	sum := sha1.Sum([]byte(m.key())) // #nosec G401
	return hex.EncodeToString(sum[:]) + "-" + strconv.FormatInt(m.createTime(), 10)
}

// minutes is how long the meeting lasts at most; 0 is without end.
func (m told) minutes() int {
	if m.DeadlineAt.IsZero() {
		return 0
	}
	return max(1, int((m.DeadlineAt.Sub(m.Begun)+time.Minute-1)/time.Minute))
}

// dateForm is how servers write a date; theirs is always UTC here.
const dateForm = "Mon Jan 02 15:04:05 UTC 2006"

func (m told) created() *bbb.Element {
	parent := m.asked.Get("parentMeetingID")
	if parent == "" {
		parent = "bbb-none"
	}
	return success(
		text("meetingID", m.key()), text("internalMeetingID", m.internalID()), text("parentMeetingID", parent),
		text("attendeePW", m.asked.Get("attendeePW")), text("moderatorPW", m.asked.Get("moderatorPW")),
		text("createTime", strconv.FormatInt(m.createTime(), 10)), text("voiceBridge", m.asked.Get("voiceBridge")), text("dialNumber", m.asked.Get("dialNumber")),
		text("createDate", m.Begun.Time().UTC().Format(dateForm)), text("hasUserJoined", strconv.FormatBool(m.Visited)),
		text("duration", strconv.Itoa(m.minutes())), text("hasBeenForciblyEnded", "false"), text("messageKey", ""), text("message", ""),
	)
}

// children are those of <meeting>, in the order of servers.
func (m told) children() []*bbb.Element {
	people := m.arrived()
	moderators := 0
	list := &bbb.Element{Name: "attendees"}
	for _, p := range people {
		role := "VIEWER"
		if p.Role == live.Moderator {
			role = "MODERATOR"
			moderators++
		}
		list.Kids = append(list.Kids, &bbb.Element{Name: "attendee", Kids: []*bbb.Element{
			text("userID", p.SentAs), text("fullName", p.Name), text("role", role), text("isPresenter", "false"), text("isListeningOnly", "false"),
			text("hasJoinedVoice", "false"), text("hasVideo", "false"), text("clientType", "HTML5"),
		}})
	}
	most := m.asked.Get("maxParticipants")
	if n, err := strconv.Atoi(most); err != nil || n < 0 {
		most = "0"
	}
	meta := &bbb.Element{Name: "metadata"}
	given := m.asked.Metadata()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		meta.Kids = append(meta.Kids, text(name, given[name]))
	}
	breakout := truth(m.asked.Get("isBreakout")) && m.asked.Get("parentMeetingID") != ""
	out := []*bbb.Element{
		text("meetingName", m.Title), text("meetingID", m.key()), text("internalMeetingID", m.internalID()),
		text("createTime", strconv.FormatInt(m.createTime(), 10)), text("createDate", m.Begun.Time().UTC().Format(dateForm)),
		text("voiceBridge", m.asked.Get("voiceBridge")), text("dialNumber", m.asked.Get("dialNumber")),
		text("attendeePW", m.asked.Get("attendeePW")), text("moderatorPW", m.asked.Get("moderatorPW")),
		text("running", strconv.FormatBool(len(people) > 0)), text("duration", strconv.Itoa(m.minutes())), text("hasUserJoined", strconv.FormatBool(m.Visited)),
		text("recording", "false"), text("hasBeenForciblyEnded", "false"),
		text("startTime", strconv.FormatInt(m.createTime(), 10)), text("endTime", "0"), text("participantCount", strconv.Itoa(len(people))),
		text("listenerCount", "0"), text("voiceParticipantCount", "0"), text("videoCount", "0"), text("maxUsers", most),
		text("moderatorCount", strconv.Itoa(moderators)), list, meta, text("isBreakout", strconv.FormatBool(breakout)),
	}
	if breakout {
		sequence, _ := strconv.Atoi(m.asked.Get("sequence")) // nonsense is 0, as servers have it
		out = append(out, text("parentMeetingID", m.asked.Get("parentMeetingID")), text("sequence", strconv.Itoa(sequence)),
			text("freeJoin", strconv.FormatBool(truth(m.asked.Get("freeJoin")))))
	}
	return out
}

// arrived are the people inside: a join alone is nobody there.
func (m told) arrived() []live.ClientPerson {
	var out []live.ClientPerson
	for _, p := range m.People {
		if p.Arrived {
			out = append(out, p)
		}
	}
	return out
}

// locks are what viewers may not do from the beginning.
func locks(q bbb.Query) live.Locks {
	locked := func(name string) bool { return truth(q.Get("lockSettings" + name)) }
	if given := q.Get("lockSettingsLockOnJoin"); given != "" && !truth(given) {
		return live.Locks{}
	}
	return live.Locks{Chat: locked("DisablePublicChat"), Mic: locked("DisableMic"), Camera: locked("DisableCam"), Names: locked("HideUserList")}
}

// leaveURL is where people go when they leave, when it can be meant: an address of the web.
func leaveURL(given string) string {
	u, err := url.Parse(given)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || u.User != nil {
		return ""
	}
	return u.String()
}

func truth(s string) bool { return strings.EqualFold(s, "true") || s == "1" }
