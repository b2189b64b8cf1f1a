// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"meetcoop/internal/engine/bbb"
)

// replyOf turns a server's answer to create into the tenant's words: its ids, and nothing of ours.
func (s *Service) replyOf(c *Conference, a *bbb.Answer) string {
	root := a.Root.Clone()
	root.Set("meetingID", c.ExternalID)
	var out []byte
	for _, kid := range root.Kids {
		switch kid.Name {
		case "returncode", "messageKey", "message":
		default:
			out = kid.Append(out)
		}
	}
	return string(out)
}

// replyFromInfo makes the reply to create from what getMeetingInfo tells.
func replyFromInfo(c *Conference, info bbb.Meeting) string {
	var out []byte
	parent := info.ParentID
	if parent == "" {
		parent = "bbb-none"
	}
	add := func(name, text string) { out = (&bbb.Element{Name: name, Text: text}).Append(out) }
	add("meetingID", c.ExternalID)
	add("internalMeetingID", info.InternalID)
	add("parentMeetingID", parent)
	for _, name := range []string{"attendeePW", "moderatorPW", "createTime", "voiceBridge", "dialNumber", "createDate", "hasUserJoined", "duration", "hasBeenForciblyEnded"} {
		if e := info.Tree.Child(name); e != nil {
			add(name, e.Text)
		}
	}
	return string(out)
}

// ownMeta are the metadata that are ours on the server, and the tenant's in answers.
func isRelayed(name string) bool {
	return name == "endcallbackurl" || name == "analytics-callback-url" || strings.HasSuffix(name, "-recording-ready-url")
}

// tenantsWords turns what a server tells of a meeting into children of <meeting> as the tenant knows it.
func (c *Conference) tenantsWords(info bbb.Meeting) string {
	root := info.Tree.Clone()
	root.Set("meetingID", c.ExternalID)
	if meta := root.Child("metadata"); meta != nil {
		meta.Kids = slices.DeleteFunc(meta.Kids, func(e *bbb.Element) bool {
			return strings.HasPrefix(e.Name, "mc-") || isRelayed(e.Name)
		})
		for name, value := range relayed(c.Query) {
			meta.Kids = append(meta.Kids, &bbb.Element{Name: name, Text: value})
		}
		slices.SortStableFunc(meta.Kids, func(a, b *bbb.Element) int { return strings.Compare(a.Name, b.Name) })
	}
	var out []byte
	for _, kid := range root.Kids {
		if kid.Name != "returncode" && kid.Name != "messageKey" && kid.Name != "message" {
			out = kid.Append(out)
		}
	}
	return string(out)
}

// relayed are the addresses in the client's metadata that its server does not get.
func relayed(query string) map[string]string {
	q, err := bbb.ParseQuery(query)
	if err != nil {
		return nil // it was read when the meeting was made
	}
	out := map[string]string{}
	for name, value := range q.Metadata() {
		if isRelayed(name) {
			out[name] = value
		}
	}
	return out
}

// before tells of a meeting that no poll has seen yet what its server would: nobody is in it.
func (c *Conference) before() string {
	reply, err := bbb.ParseXML(strings.NewReader("<response>"+c.Reply+"</response>"), bbb.MaxAnswer)
	if err != nil {
		return "" // it was written by us
	}
	q, err := bbb.ParseQuery(c.Query)
	if err != nil {
		return ""
	}
	most := "0"
	if n, limited := c.Cap.Int(); limited {
		most = strconv.Itoa(n)
	}
	var out []byte
	add := func(name, text string) { out = (&bbb.Element{Name: name, Text: text}).Append(out) }
	copied := func(names ...string) {
		for _, name := range names {
			if e := reply.Child(name); e != nil {
				add(name, e.Text)
			}
		}
	}
	add("meetingName", c.Title)
	copied("meetingID", "internalMeetingID", "createTime", "createDate", "voiceBridge", "dialNumber", "attendeePW", "moderatorPW")
	add("running", "false")
	copied("duration")
	add("hasUserJoined", "false")
	add("recording", strconv.FormatBool(c.Recordings))
	add("hasBeenForciblyEnded", "false")
	add("startTime", "0")
	add("endTime", "0")
	for _, name := range []string{"participantCount", "listenerCount", "voiceParticipantCount", "videoCount"} {
		add(name, "0")
	}
	add("maxUsers", most)
	add("moderatorCount", "0")
	add("attendees", "")
	meta := q.Metadata()
	kids := &bbb.Element{Name: "metadata"}
	for _, name := range slices.Sorted(maps.Keys(meta)) {
		if !strings.HasPrefix(name, "mc-") {
			kids.Kids = append(kids.Kids, &bbb.Element{Name: name, Text: meta[name]})
		}
	}
	out = kids.Append(out)
	parent := reply.Value("parentMeetingID")
	isBreakout := parent != "" && parent != "bbb-none"
	add("isBreakout", strconv.FormatBool(isBreakout))
	if isBreakout {
		add("parentMeetingID", parent)
		add("sequence", strconv.Itoa(askedNumber(q, "sequence")))
		add("freeJoin", strconv.FormatBool(strings.EqualFold(q.Get("freeJoin"), "true")))
	}
	return string(out)
}

// told is what getMeetings says of a conference: as last seen, or as it begins.
func (c *Conference) told() string {
	if c.Seen.XML != "" {
		return c.Seen.XML
	}
	return c.before()
}
