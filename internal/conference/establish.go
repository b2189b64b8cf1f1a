// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"meetcoop/internal/admission"
	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// establish has a reserved meeting made by its server, or by the next one as long as that is safe, and confirms it. On an error
// the reservation has been given up: the room is free, or the meeting detached again if it ran before.
func (s *Service) establish(ctx context.Context, c *Conference, most tariff.Limit, asked bbb.Query, b body) (*Conference, error) {
	var tried []id.Server
	for {
		out, err := s.makeOn(ctx, c, most, asked, b)
		if err == nil {
			return out, nil
		}
		problem, refused := errors.AsType[Problem](err)
		if refused {
			s.giveUp(ctx, c)
			return nil, problem
		}
		if fault.KindOf(err) != fault.Unavailable {
			s.giveUp(ctx, c)
			return nil, err
		}
		s.deps.Log.WarnContext(ctx, "meeting not made on a server", "meeting", c.ID, "server", c.Server, "err", err)
		if bbb.Sent(err) {
			s.orphan(ctx, c.Server, c.ServerKey)
		}
		tried = append(tried, c.Server)
		if len(tried) == serversTried || ctx.Err() != nil {
			s.giveUp(ctx, c)
			return nil, errSilent
		}
		a, err := s.elsewhere(ctx, c, tried)
		if err != nil {
			s.giveUp(ctx, c)
			return nil, err
		}
		c.Meeting, most = a.Meeting, a.Most
	}
}

// noting writes the conference's own row beside a change of the meeting.
func (s *Service) noting(c *Conference) admission.Then {
	return func(ctx context.Context, tx store.Tx, now instant.Instant, a admission.Admission) error {
		v := *c
		v.Meeting = a.Meeting
		switch a.Meeting.State {
		case fleet.Reserved:
			v.Node, v.Until = s.deps.Node, now.Add(reservedFor)
		case fleet.Detached:
			v.Node, v.Until = "", now.Add(detachedFor)
		default:
			v.Node, v.Until = "", instant.Instant{}
		}
		if err := update(ctx, tx, v); err != nil {
			return err
		}
		if v.State == fleet.Live && v.InternalID != "" {
			if err := insertInternal(ctx, tx, now, v); err != nil {
				return err
			}
		}
		return store.Changed(ctx, tx, now, TopicConference, string(v.ID))
	}
}

// makeOn calls one server and confirms what it made.
func (s *Service) makeOn(ctx context.Context, c *Conference, most tariff.Limit, asked bbb.Query, b body) (*Conference, error) {
	srv, err := s.servers.get(ctx, c.Server)
	if err != nil {
		return nil, err
	}
	off, note := RecordingOn, ""
	if wantsRecording(asked) { // else nothing can be recorded: servers want record=true (docs.bigbluebutton.org, API reference, create)
		if off, note, err = s.recordingOff(ctx, c); err != nil {
			return nil, err
		}
	}
	if most, err = s.withHelpers(ctx, c.Connection, most); err != nil {
		return nil, err
	}
	query := s.recordingParams(c, s.forServer(c, most, asked, s.deps.Now()), off, note)
	content, err := b.again()
	if err != nil {
		return nil, err
	}
	silent := time.AfterFunc(createDoubt, func() { s.doubts.raise(srv.ID) })
	answer, err := srv.Create(ctx, query.String(), content, b.media, b.length)
	silent.Stop()
	s.doubts.heard(srv.ID, 0, 0, err)
	if err != nil {
		if !bbb.Sent(err) {
			return nil, err
		}
		return s.adopt(ctx, c, srv, err)
	}
	if !answer.OK {
		if answer.Key == "idNotUnique" { // a copy we no longer knew of, with other passwords
			return s.adopt(ctx, c, srv, said(answer))
		}
		return nil, said(answer)
	}
	made, err := bbb.ParseCreated(answer)
	if err != nil {
		return s.adopt(ctx, c, srv, err)
	}
	return s.confirm(ctx, c, made, s.replyOf(c, answer))
}

// adopt looks whether a server has the meeting although it did not say so; cause is what was wrong with its answer.
func (s *Service) adopt(ctx context.Context, c *Conference, srv *server, cause error) (*Conference, error) {
	info, err := srv.Info(ctx, c.ServerKey)
	if err != nil || info.EndTime != 0 || info.ForciblyEnded {
		return nil, cause
	}
	return s.confirm(ctx, c, createdFrom(info), replyFromInfo(c, info))
}

// createdFrom is what a create would have been answered for a meeting that runs.
func createdFrom(info bbb.Meeting) bbb.Created {
	return bbb.Created{
		MeetingID: info.ExternalID, InternalID: info.InternalID, CreateTime: info.CreateTime, ParentID: info.ParentID,
		AttendeePW: info.Tree.Value("attendeePW"), ModeratorPW: info.Tree.Value("moderatorPW"),
	}
}

// confirm makes a reserved meeting live under the ids its server gave it.
func (s *Service) confirm(ctx context.Context, c *Conference, made bbb.Created, reply string) (*Conference, error) {
	first := c.InternalID == ""
	if !first && c.CreateTime != made.CreateTime {
		c.CreateTimes = append(c.CreateTimes, c.CreateTime)
	}
	c.InternalID, c.CreateTime, c.Reply = made.InternalID, made.CreateTime, reply
	if made.AttendeePW != "" {
		c.AttendeePW = made.AttendeePW
	}
	if made.ModeratorPW != "" {
		c.ModeratorPW = made.ModeratorPW
	}
	// The server has the meeting: whether the client still listens no longer matters.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 6*time.Second)
	defer cancel()
	a, err := s.deps.Gate.Confirm(ctx, c.ID, first, s.noting(c))
	if err != nil {
		return nil, err
	}
	c.Meeting = a.Meeting
	c.Node, c.Until = "", instant.Instant{}
	s.board.put(*c)
	if first {
		s.tellCreated(ctx, c)
	}
	return c, nil
}

// giveUp takes a reservation back: nothing runs anywhere that is ours.
func (s *Service) giveUp(ctx context.Context, c *Conference) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 6*time.Second)
	defer cancel()
	var err error
	if c.InternalID == "" {
		err = s.deps.Gate.Void(ctx, c.ID, s.noting(c))
		s.board.remove(c.ID)
	} else {
		err = s.deps.Gate.Detach(ctx, c.ID, s.noting(c))
	}
	if err != nil { // the reaper settles it when it is overdue
		s.deps.Log.WarnContext(ctx, "reservation not given back yet", "meeting", c.ID, "err", err)
	}
}

// forServer is the query a server gets: the client's, with the limits and with what is ours.
func (s *Service) forServer(c *Conference, most tariff.Limit, q bbb.Query, now instant.Instant) bbb.Query {
	q = q.Without("checksum", "meetingEndedURL", "meta_endCallbackUrl", "meta_analytics-callback-url", "meta_bbb-recording-ready-url",
		"meta_bn-recording-ready-url", "meta_canvas-recording-ready-url")
	for _, k := range q.Keys() {
		if lower := strings.ToLower(k); strings.HasPrefix(lower, "meta_mc-") || lower == "meta_endcallbackurl" || strings.HasPrefix(lower, "meta_") && (strings.HasSuffix(lower, "-recording-ready-url") || lower == "meta_analytics-callback-url") {
			q = q.Without(k)
		}
	}
	q = q.With("meetingID", c.ServerKey)
	if n, limited := most.Int(); limited {
		q = q.With("maxParticipants", strconv.Itoa(n))
	} else {
		q = q.Without("maxParticipants")
	}
	q = q.Without("duration")
	if !c.DeadlineAt.IsZero() {
		from := c.StartedAt // the minutes asked for, although moments have passed since
		if c.InternalID != "" {
			from = now
		}
		q = q.With("duration", strconv.Itoa(max(1, int(c.DeadlineAt.Sub(from)/time.Minute))))
	}
	if c.InternalID != "" { // a successor: the passwords of the first copy are in people's links
		q = q.With("attendeePW", c.AttendeePW).With("moderatorPW", c.ModeratorPW)
	}
	if parent := q.Get("parentMeetingID"); parent != "" {
		if p := s.board.find(c.Connection, parent); p != nil {
			q = q.With("parentMeetingID", p.ServerKey)
		}
	}
	return q.Portable().With("meetingEndedURL", s.endedURL(c))
}
