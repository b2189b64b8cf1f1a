// SPDX-License-Identifier: AGPL-3.0-or-later

// Package embedded lets meetings of API clients run on an embedded engine. It answers the calls that package conference makes to a
// BigBlueButton server, in process and over no network: to conference such an engine is one more server, chosen last, and everything
// that holds for the others (limits, duplicates, ends, callbacks, another server when one is dead) holds for it.
//
// It owns nothing. What runs, and who is in it, package live knows; seats are admission's, given before anybody is sent in.
//
// What such a meeting has not, and says so: presentations, breakout rooms of its own, recordings, dial-in. Its guests wait at the door
// of live, where moderators find them.
package embedded

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path"
	"time"

	"meetcoop/internal/conference"
	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/live"
	"meetcoop/internal/store"
)

// Deps is what the answers are made from. All are required.
type Deps struct {
	DB        *store.DB
	Now       instant.Clock
	Log       *slog.Logger
	Live      *live.Service
	Tickets   live.Tickets
	PublicURL string // under which browsers reach the pages, without a slash at the end
}

// Servers answers for all embedded engines, those of other nodes included: it needs the database alone.
type Servers struct{ deps Deps }

// New returns Servers.
func New(d Deps) (*Servers, error) {
	if d.DB == nil || d.Now == nil || d.Log == nil || d.Live == nil || d.PublicURL == "" {
		return nil, errors.New("embedded: DB, Now, Log, Live, Tickets and PublicURL are needed")
	}
	return &Servers{d}, nil
}

// Transport is the way to one engine, for conference.Deps.Embedded. It does not look at signatures: nobody else can reach it.
func (s *Servers) Transport(server id.Server) http.RoundTripper { return transport{s, server} }

type transport struct {
	*Servers

	server id.Server
}

// ticketFor is how long the way in is good: as long as a browser may take to follow a redirect, and a person to click.
const ticketFor = 5 * time.Minute

// RoundTrip implements http.RoundTripper. An error means that the database could not be asked.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
	}
	q, err := bbb.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err // it was read before it was sent
	}
	answer, err := t.answer(r.Context(), path.Base(r.URL.Path), q)
	if err != nil {
		return nil, err
	}
	body := answer.Append(nil)
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"text/xml;charset=utf-8"}}, ContentLength: int64(len(body)), Body: io.NopCloser(bytes.NewReader(body)),
	}, nil
}

func (t transport) answer(ctx context.Context, call string, q bbb.Query) (*bbb.Element, error) {
	switch call {
	case "create":
		return t.create(ctx, q)
	case "join":
		return t.join(ctx, q)
	case "end":
		return t.end(ctx, q)
	case "getMeetingInfo":
		return t.info(ctx, q)
	case "getMeetings":
		return t.list(ctx)
	case "sendChatMessage":
		return t.say(ctx, q)
	case "insertDocument":
		return refuse("unsupportedRequest", "Meetings on this server have no presentations."), nil
	}
	return refuse("unsupportedRequest", "This request is not supported."), nil
}

func success(kids ...*bbb.Element) *bbb.Element {
	return &bbb.Element{Name: "response", Kids: append([]*bbb.Element{text("returncode", "SUCCESS")}, kids...)}
}

func refuse(key, message string) *bbb.Element {
	return &bbb.Element{Name: "response", Kids: []*bbb.Element{text("returncode", "FAILED"), text("messageKey", key), text("message", message)}}
}

func text(name, value string) *bbb.Element { return &bbb.Element{Name: name, Text: value} }

// create makes a meeting that conference has reserved here known to live. The answer to a second create is that to the first.
func (t transport) create(ctx context.Context, q bbb.Query) (*bbb.Element, error) {
	var c conference.Conference
	var parent told
	var known bool
	err := t.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		if c, known, err = conference.ByServerKey(ctx, r, q.Get("meetingID")); err != nil || !known {
			return err
		}
		if up := q.Get("parentMeetingID"); up != "" {
			parent, _, err = t.find(ctx, r, up)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if !known || c.Server != t.server {
		return refuse("validationError", "Nothing was reserved here under this ID"), nil // the reservation was taken back meanwhile
	}
	asked := hosted(q, parent)
	if err := t.deps.Live.Host(ctx, live.HostInput{
		Meeting: c.Meeting, Asked: asked.String(), Title: asked.Get("name"), LeaveURL: leaveURL(asked.Get("logoutURL")),
		MuteOnEntry: truth(asked.Get("muteOnStart")), Locks: locks(asked),
	}); err != nil {
		return nil, err
	}
	var m told
	err = t.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		m, known, err = t.find(ctx, r, c.ServerKey)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !known {
		return refuse("validationError", "It ended while it was being made"), nil
	}
	return m.created(), nil
}

// find returns what runs here under a key. It joins r.
func (t transport) find(ctx context.Context, r store.Reader, key string) (told, bool, error) {
	c, ok, err := conference.ByServerKey(ctx, r, key)
	if err != nil || !ok {
		return told{}, false, err
	}
	m, ok, err := live.ClientMeetingByID(ctx, r, t.server, c.ID)
	if err != nil || !ok {
		return told{}, false, err
	}
	out, err := read(m)
	out.connection = c.Connection
	return out, err == nil, err
}

// found is find with a snapshot of its own.
func (t transport) found(ctx context.Context, key string) (m told, ok bool, err error) {
	err = t.deps.DB.Read(ctx, func(r store.Reader) error {
		m, ok, err = t.find(ctx, r, key)
		return err
	})
	return m, ok, err
}

var notFound = refuse("notFound", "A meeting with that ID does not exist")

func (t transport) info(ctx context.Context, q bbb.Query) (*bbb.Element, error) {
	m, ok, err := t.found(ctx, q.Get("meetingID"))
	if err != nil || !ok {
		return notFound, err
	}
	return success(m.children()...), nil
}

func (t transport) list(ctx context.Context) (*bbb.Element, error) {
	var all []live.ClientMeeting
	err := t.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		all, err = live.ClientMeetings(ctx, r, t.server)
		return err
	})
	if err != nil {
		return nil, err
	}
	list := &bbb.Element{Name: "meetings"}
	for _, c := range all {
		m, err := read(c)
		if err != nil {
			return nil, err
		}
		list.Kids = append(list.Kids, &bbb.Element{Name: "meeting", Kids: m.children()})
	}
	if len(all) == 0 {
		return success(list, text("messageKey", "noMeetings"), text("message", "no meetings were found on this server")), nil
	}
	return success(list), nil
}

// end ends a meeting, or the copy of one that runs elsewhere by now.
func (t transport) end(ctx context.Context, q bbb.Query) (*bbb.Element, error) {
	m, ok, err := t.found(ctx, q.Get("meetingID"))
	if err != nil || !ok {
		return notFound, err
	}
	if err := t.deps.Live.Finish(ctx, m.ID, t.server); err != nil {
		if fault.KindOf(err) == fault.NotFound {
			return notFound, nil // it ended just now
		}
		return nil, err
	}
	return success(text("messageKey", "sentEndMeetingRequest"), text("message", "A request to end the meeting was sent. Please wait a few seconds, and then use the getMeetingInfo or isMeetingRunning API calls to verify that it was ended.")), nil
}

// say puts a line into the chat, as the server's own when no name is given.
func (t transport) say(ctx context.Context, q bbb.Query) (*bbb.Element, error) {
	m, ok, err := t.found(ctx, q.Get("meetingID"))
	if err != nil {
		return nil, err
	}
	name := q.Get("userName")
	if name == "" {
		name = "System"
	}
	if ok {
		err = t.deps.Live.Say(ctx, m.ID, name, q.Get("message"))
	}
	switch kind := fault.KindOf(err); {
	case !ok, err != nil && (kind == fault.NotFound || kind == fault.Conflict):
		return refuse("meetingNotFound", "Meeting not found or not active"), nil
	case err != nil && kind == fault.Invalid:
		return refuse("sizeError", "The message must have 1 to 500 characters"), nil
	case err != nil:
		return nil, err
	}
	return success(text("messageKey", ""), text("message", "Message successfully sent")), nil
}

// where is the meeting's page; its ticket makes the browser the person it was made for.
func (t transport) where(m id.Meeting, ticket string) string {
	return t.deps.PublicURL + "/meet/" + string(m) + "/in?ticket=" + ticket
}
