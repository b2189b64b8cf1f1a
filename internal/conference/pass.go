// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/id"
)

const (
	documentWithin = 30 * time.Second // a server takes large documents in before it answers
	shortAnswer    = 1 << 20
)

// InsertDocument hands a body of XML modules to the server of a running meeting, byte for byte and once: a document must not come
// twice. It returns the children of the answer; "" and no error when the server said nothing, as it does to a body without a
// presentation.
//
// Errors: Problem notFound, or what the server said.
func (s *Service) InsertDocument(ctx context.Context, connection id.Connection, q bbb.Query, from io.Reader, media string, length int64) (children string, err error) {
	c, srv, err := s.live(ctx, connection, q.Get("meetingID"))
	if err != nil {
		return "", err
	}
	resp, err := srv.Stream(ctx, bbb.Request{
		Call: "insertDocument", Query: q.Without("checksum").With("meetingID", c.ServerKey).String(), Body: io.NopCloser(from), ContentType: media, Length: length, Timeout: documentWithin,
	})
	if err != nil {
		return "", err
	}
	defer func() { _ = resp.Body.Close() }() // read, or given up
	answer, err := io.ReadAll(io.LimitReader(resp.Body, shortAnswer))
	if err != nil || len(bytes.TrimSpace(answer)) == 0 {
		return "", err
	}
	root, err := bbb.ParseXML(bytes.NewReader(answer), shortAnswer)
	if err != nil {
		return "", err
	}
	if root.Value("returncode") != "SUCCESS" {
		return "", Problem{root.Value("messageKey"), root.Value("message")}
	}
	return childrenOf(root), nil
}

// SendChat says something in a running meeting, and returns the children of the answer. One that nobody is in, or that does not
// exist, is Problem meetingNotFound without a call.
func (s *Service) SendChat(ctx context.Context, connection id.Connection, q bbb.Query) (children string, err error) {
	running, err := s.Running(ctx, connection, q.Get("meetingID"))
	if err != nil {
		return "", err
	}
	if !running {
		return "", ErrMeetingInactive
	}
	c, srv, err := s.live(ctx, connection, q.Get("meetingID"))
	if errors.Is(err, ErrNotFound) {
		err = ErrMeetingInactive
	}
	if err != nil {
		return "", err
	}
	answer, err := srv.Do(ctx, bbb.Request{Call: "sendChatMessage", Query: q.Without("checksum").With("meetingID", c.ServerKey).String()})
	if err != nil {
		return "", err
	}
	if !answer.OK {
		return "", said(answer)
	}
	return childrenOf(answer.Root), nil
}

// childrenOf is an answer without its returncode.
func childrenOf(root *bbb.Element) string {
	var out []byte
	for _, kid := range root.Kids {
		if kid.Name != "returncode" {
			out = kid.Append(out)
		}
	}
	return string(out)
}
