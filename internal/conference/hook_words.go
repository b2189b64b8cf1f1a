// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/url"
	"strconv"
	"strings"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/usage"
)

// hookBody is what a client is sent: domain, event as an array of one, and the time, which stays the same when it is sent again.
func (s *Service) hookBody(doc map[string]any, at int64) (string, error) {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode([]any{doc}); err != nil {
		return "", err
	}
	domain := ""
	if u, err := url.Parse(s.deps.PublicURL); err == nil {
		domain = u.Hostname()
	}
	return "domain=" + url.QueryEscape(domain) + "&event=" + url.QueryEscape(strings.TrimSpace(b.String())) + "&timestamp=" + strconv.FormatInt(at, 10), nil
}

// eventDoc is an event as servers tell it.
func eventDoc(name string, attributes map[string]any, at int64) map[string]any {
	return map[string]any{"data": map[string]any{"type": "event", "id": name, "attributes": attributes, "event": map[string]any{"ts": at}}}
}

func (c *Conference) eventMeeting() map[string]any {
	return map[string]any{"internal-meeting-id": c.InternalID, "external-meeting-id": c.ExternalID}
}

// tenantsEvent turns what a server told into the tenant's words, in place: its ids, nothing of ours, and no addresses of recordings,
// which are behind us.
func (c *Conference) tenantsEvent(doc map[string]any) {
	if meeting := object(object(object(doc, "data"), "attributes"), "meeting"); meeting != nil {
		meeting["external-meeting-id"] = c.ExternalID
	}
	c.translate(doc)
}

func (c *Conference) translate(v any) {
	switch v := v.(type) {
	case map[string]any:
		delete(v, "playback")
		delete(v, "download")
		for k, inner := range v {
			if inner == any(c.ServerKey) {
				v[k] = c.ExternalID
				continue
			}
			if meta, ok := inner.(map[string]any); ok && k == "metadata" {
				c.tenantsMeta(meta)
			}
			c.translate(inner)
		}
	case []any:
		for i, inner := range v {
			if inner == any(c.ServerKey) {
				v[i] = c.ExternalID
				continue
			}
			c.translate(inner)
		}
	}
}

// tenantsMeta takes what is ours out of metadata and puts back what is the client's.
func (c *Conference) tenantsMeta(meta map[string]any) {
	for name := range meta {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "mc-") || isRelayed(lower) {
			delete(meta, name)
		}
	}
	for name, value := range relayed(c.Query) {
		meta[name] = value
	}
}

// tellCreated tells clients of a meeting that was made.
func (s *Service) tellCreated(ctx context.Context, c *Conference) {
	reply, err := bbb.ParseXML(strings.NewReader("<response>"+c.Reply+"</response>"), bbb.MaxAnswer)
	if err != nil {
		return // it was written by us
	}
	q, err := bbb.ParseQuery(c.Query)
	if err != nil {
		return
	}
	meta := map[string]any{}
	for name, value := range q.Metadata() {
		if !strings.HasPrefix(name, "mc-") {
			meta[name] = value
		}
	}
	parent := reply.Value("parentMeetingID")
	if parent == "bbb-none" {
		parent = ""
	}
	most, _ := c.Cap.Int()
	about := c.eventMeeting()
	maps.Copy(about, map[string]any{
		"name": c.Title, "is-breakout": parent != "", "parent-id": parent, "duration": asked(reply.Value("duration")), "create-time": c.CreateTime,
		"create-date": reply.Value("createDate"), "moderator-pass": c.ModeratorPW, "viewer-pass": c.AttendeePW, "record": c.Recordings,
		"voice-conf": reply.Value("voiceBridge"), "dial-number": reply.Value("dialNumber"), "max-users": most, "metadata": meta,
	})
	at := s.deps.Now().Time().UnixMilli()
	if err := s.tell(ctx, c, "meeting-created", eventDoc("meeting-created", map[string]any{"meeting": about}, at), at); err != nil {
		s.deps.Log.WarnContext(ctx, "clients not told of a meeting", "meeting", c.ID, "err", err)
	}
}

// madeInternal is the internal id of somebody of whom a poll tells none: the same for the same person in a meeting.
func (c *Conference) madeInternal(external string) string {
	key := usage.KeyOf(c.Connection, string(c.ID)+"\x00"+external)
	return "w_" + hex.EncodeToString(key[:6])
}

// userDoc is an event about somebody as a poll lists them.
func (c *Conference) userDoc(name string, a bbb.Attendee, at int64) map[string]any {
	return eventDoc(name, map[string]any{"meeting": c.eventMeeting(), "user": map[string]any{
		"internal-user-id": c.madeInternal(a.UserID), "external-user-id": a.UserID, "name": a.FullName, "role": a.Role, "presenter": a.Presenter,
	}}, at)
}
