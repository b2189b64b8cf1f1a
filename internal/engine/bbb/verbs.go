// SPDX-License-Identifier: AGPL-3.0-or-later

package bbb

import (
	"context"
	"io"
	"net/url"
)

// Create calls create with a query as it came, and its body byte for byte (nil is none). FAILED is an answer; read a success with ParseCreated.
func (c *Client) Create(ctx context.Context, query string, body io.Reader, contentType string, length int64) (*Answer, error) {
	return c.Do(ctx, Request{Call: "create", Query: query, Body: body, ContentType: contentType, Length: length})
}

// Meetings asks for all meetings of the server, as a poll. There is a list only when it can be believed: a complete answer, SUCCESS, and every
// meeting with an id; otherwise there is an error and no list. An empty list means that the server said so. Errors are as of Do
// and Answer.Err.
func (c *Client) Meetings(ctx context.Context) ([]Meeting, error) {
	a, err := c.Do(ctx, Request{Call: "getMeetings", Probe: true})
	if err != nil {
		return nil, err
	}
	if err := a.Err(); err != nil {
		return nil, err
	}
	list := a.Root.Child("meetings")
	if list == nil {
		return nil, unanswered("no list of meetings", nil)
	}
	out := make([]Meeting, 0, len(list.Kids))
	for _, k := range list.Kids {
		if k.Name != "meeting" {
			return nil, unanswered("something else among the meetings", nil)
		}
		m, err := ParseMeeting(k)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// Info asks for one meeting by its external or internal id. It is NotFound (bbb.not_found) when the server has none.
func (c *Client) Info(ctx context.Context, id string) (Meeting, error) {
	a, err := c.Do(ctx, Request{Call: "getMeetingInfo", Query: "meetingID=" + url.QueryEscape(id)})
	if err != nil {
		return Meeting{}, err
	}
	if err := a.Err(); err != nil {
		return Meeting{}, err
	}
	m, err := ParseMeeting(a.Root)
	if err != nil {
		return Meeting{}, err
	}
	if m.ExternalID != id && m.InternalID != id {
		return Meeting{}, unanswered("another meeting than the one asked for", nil)
	}
	return m, nil
}

// End asks the server to end a meeting, which it does a moment later. Servers since 2.4 do not compare the password; "" sends none.
// It is NotFound (bbb.not_found) when there is no such meeting.
func (c *Client) End(ctx context.Context, id, password string) error {
	query := "meetingID=" + url.QueryEscape(id)
	if password != "" {
		query += "&password=" + url.QueryEscape(password)
	}
	a, err := c.Do(ctx, Request{Call: "end", Query: query})
	if err != nil {
		return err
	}
	return a.Err()
}

// Version is what a server says of itself.
type Version struct {
	API string // "2.0" of everything since 2.0
	BBB string // "" unless its operator allows to tell
}

// Version asks who is there, which proves nothing about the secret.
func (c *Client) Version(ctx context.Context) (Version, error) {
	a, err := c.Do(ctx, Request{Probe: true})
	if err != nil {
		return Version{}, err
	}
	if err := a.Err(); err != nil {
		return Version{}, err
	}
	return Version{API: a.Root.Value("version"), BBB: a.Root.Value("bbbVersion")}, nil
}

// Check proves that the server answers and takes our secret: Invalid (bbb.secret_refused) when it does not.
func (c *Client) Check(ctx context.Context) error {
	_, err := c.Meetings(ctx)
	return err
}
