// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"encoding/base64"
	"io"
	"slices"
	"strings"
	"time"

	"meetcoop/internal/admission"
	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/membership"
	"meetcoop/internal/tariff"
)

// draft is what a create will be: its row, and what is asked of the gate.
func (s *Service) draft(ctx context.Context, in CreateInput, asked bbb.Query, external string, expected func() (int, error)) (c Conference, reserve admission.ReserveInput, err error) {
	c = Conference{
		Meeting:   fleet.Meeting{ID: id.NewMeeting(), Member: in.Connection.Member, Connection: in.Connection.ID, ExternalID: external},
		ServerKey: s.ids.server(in.Connection.ID, external), Title: asked.Get("name"), GuestPolicy: asked.Get("guestPolicy"),
		AttendeePW: asked.Get("attendeePW"), ModeratorPW: asked.Get("moderatorPW"), Query: in.Query.Without("checksum").String(),
		EndURLs: endURLs(asked), Node: s.deps.Node, Recordings: strings.EqualFold(asked.Get("record"), "true"),
	}
	reserve = admission.ReserveInput{
		Member: c.Member, Connection: c.Connection, ExternalID: external, Meeting: c.ID, Kinds: s.kinds(),
		Cap: tariff.Limit(askedNumber(asked, "maxParticipants")), Duration: time.Duration(min(askedNumber(asked, "duration"), mostMinutes)) * time.Minute,
	}
	if reserve.Expected, err = expected(); err != nil {
		return c, reserve, err
	}
	if reserve.Cap == 0 {
		reserve.Cap = tariff.Unlimited
	}
	reserve.Tags, _ = tagsAsked(in.Connection, asked)
	if !strings.EqualFold(asked.Get("isBreakout"), "true") && !strings.EqualFold(asked.Get("isBreakoutRoom"), "true") {
		return c, reserve, nil
	}
	parent := asked.Get("parentMeetingID")
	if parent == "" {
		return c, reserve, ErrNoParent
	}
	p, err := s.find(ctx, in.Connection.ID, parent)
	if err != nil {
		return c, reserve, err
	}
	if p == nil || p.State != fleet.Live {
		return c, reserve, ErrParentUnknown
	}
	reserve.On = p.Server
	return c, reserve, nil
}

// tagsAsked are the tags a meeting's server must carry by the rules of its connection (meta_server-tag: "a;b", "none", and "!" at
// the end when no other server will do). What a client asks for by itself is not heard: kinds of servers are the operator's.
func tagsAsked(c membership.Connection, asked bbb.Query) (tags []string, required bool) {
	if !slices.ContainsFunc(c.Params, func(p membership.Param) bool { return p.Name == "meta_server-tag" }) {
		return nil, false
	}
	text, required := strings.CutSuffix(asked.Get("meta_server-tag"), "!")
	for t := range strings.SplitSeq(text, ";") {
		if t = strings.TrimSpace(t); t != "" && t != "none" {
			tags = append(tags, t)
		}
	}
	return tags, required
}

// mostMinutes keeps a duration within what a clock can hold: a hundred years.
const mostMinutes = 100 * 366 * 24 * 60

func askedNumber(q bbb.Query, name string) int { return asked(q.Get(name)) }

// endURLs are the addresses the client wants told of the end.
func endURLs(q bbb.Query) []string {
	var out []string
	meta := q.Metadata()
	for _, u := range []string{q.Get("meetingEndedURL"), meta["endcallbackurl"]} {
		if u != "" {
			out = append(out, u)
		}
	}
	return out
}

// body can be sent several times.
type body struct {
	from   io.ReadSeeker
	media  string
	length int64
}

func (in CreateInput) body() body { return body{in.Body, in.Media, in.Length} }

func (b body) again() (io.Reader, error) {
	if b.from == nil {
		return nil, nil
	}
	if _, err := b.from.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return io.NopCloser(b.from), nil
}

// keptBody is what a successor elsewhere will be sent.
func keptBody(in CreateInput) (storedBody, error) {
	if in.Body == nil || in.Length > mostKeptBody {
		return storedBody{}, nil
	}
	if _, err := in.Body.Seek(0, io.SeekStart); err != nil {
		return storedBody{}, err
	}
	raw, err := io.ReadAll(io.LimitReader(in.Body, mostKeptBody))
	if err != nil {
		return storedBody{}, err
	}
	return storedBody{in.Media, base64.StdEncoding.EncodeToString(raw)}, nil
}
