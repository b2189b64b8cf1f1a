// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"meetcoop/internal/admission"
	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// CreateInput is a create whose checksum and fields were right.
type CreateInput struct {
	Connection membership.Connection
	Query      bbb.Query     // everything the client sent but the checksum, a form's body included
	Body       io.ReadSeeker // XML modules; nil for none
	Media      string        // of Body, with its parameters
	Length     int64         // of Body, bytes

	promoting bool // a join tries again what was refused: it wants the refusal, not another stub
}

// Created is the outcome of a create.
type Created struct {
	Reply     string // children of the reply in their order, between returncode and messageKey
	Duplicate bool   // the meeting was there already
}

const (
	createWithin  = 9 * time.Second  // Greenlight gives up after 10
	reservedFor   = 20 * time.Second // then another node may take a reservation up
	serversTried  = 3
	lookAgain     = 50 * time.Millisecond // at a reservation of another node
	lookedFor     = time.Second           // then callers see for themselves whether it is overdue
	mostKeptBody  = 2 << 20               // bytes of a body kept for a successor
	detachedFor   = 10 * time.Minute
	reservedGrace = 2 * time.Second // clocks of two nodes may differ by so much
)

// kinds are the servers that clients' meetings may run on.
func (s *Service) kinds() []fleet.Kind {
	if s.deps.Embedded == nil {
		return []fleet.Kind{fleet.KindBBB}
	}
	return []fleet.Kind{fleet.KindBBB, fleet.KindSFU} // taken in this order (fleet.Place)
}

// Create makes a meeting, or answers for the one that has the id. Everything has happened, or nothing has, when it returns: a
// meeting that is answered for is committed.
//
// Errors: Problem for what a server said or would say (idNotUnique, parentMeetingDoesNotExist, ...); the faults of
// admission.Gate.Reserve; Unavailable fleet.no_server, fleet.server_silent, admission.try_again.
func (s *Service) Create(ctx context.Context, in CreateInput) (Created, error) {
	ctx, cancel := context.WithTimeout(ctx, createWithin)
	defer cancel()
	out, err := s.create(ctx, in)
	return out, tryAgain(err)
}

func (s *Service) create(ctx context.Context, in CreateInput) (Created, error) {
	asked := asCreated(in.Query, in.Connection)
	external := asked.Get("meetingID")
	for {
		c, ok, err := s.findOpen(ctx, in.Connection.ID, external)
		if err != nil {
			return Created{}, err
		}
		if ok {
			switch c.State {
			case fleet.Live:
				if out, over, err := s.duplicate(ctx, &c, asked); !over {
					return out, err
				}
				continue // it ended meanwhile
			case fleet.Reserved:
				if err := s.awaitReserved(ctx, &c); err != nil {
					return Created{}, err
				}
				continue
			default: // detached: the same meeting, elsewhere
				if err := s.revive(ctx, &c); err != nil {
					return Created{}, err
				}
				continue
			}
		}
		out, again, err := s.createNew(ctx, in, asked, external)
		if again {
			continue
		}
		if err != nil && in.Connection.Refusal == membership.RefusalJoin && !in.promoting && refusable(err) {
			return s.answerFor(ctx, in, asked, err)
		}
		return out, err
	}
}

// findOpen reads the row: a decision is never made from memory, as another node may have ended the meeting just now.
func (s *Service) findOpen(ctx context.Context, connection id.Connection, external string) (c Conference, ok bool, err error) {
	err = s.deps.DB.Read(ctx, func(r store.Reader) error {
		c, ok, err = open(ctx, r, connection, external)
		return err
	})
	return c, ok, err
}

// tryAgain says of a database that does not answer in time what a client understands.
func tryAgain(err error) error {
	if err == nil || fault.As(err) != nil && fault.KindOf(err) != fault.Internal {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fault.Wrap(err, fault.Unavailable, "admission.try_again")
	}
	return err
}

// duplicate answers a create for a live meeting from its row. over says that it has ended: the id is free.
func (s *Service) duplicate(ctx context.Context, c *Conference, asked bbb.Query) (out Created, over bool, err error) {
	if s.flights.ending(c.ID) {
		// An end was asked for and accepted; the id is free as soon as the server says so.
		if over, err := s.isOver(ctx, c); err != nil || over {
			return Created{}, err == nil, err
		}
	}
	attendee, moderator := asked.Get("attendeePW"), asked.Get("moderatorPW")
	if (attendee != "" || moderator != "") && (attendee != c.AttendeePW || moderator != c.ModeratorPW) {
		return Created{}, false, ErrNotUnique
	}
	return Created{Reply: c.replyNow(s.board.get(c.ID)), Duplicate: true}, false, nil
}

// replyNow is the reply to create with what has changed since.
func (c *Conference) replyNow(known *Conference) string {
	if known == nil || (!known.Seen.Running && known.Peak == 0) {
		return c.Reply
	}
	return strings.Replace(c.Reply, "<hasUserJoined>false</hasUserJoined>", "<hasUserJoined>true</hasUserJoined>", 1)
}

// awaitReserved waits until a reservation has an outcome. One that is overdue is taken up.
func (s *Service) awaitReserved(ctx context.Context, c *Conference) error {
	if !c.Until.IsZero() && c.Until.Add(reservedGrace).Before(s.deps.Now()) {
		return s.settle(ctx, c)
	}
	if done := s.flights.done(c.ID); done != nil { // this node makes it
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	// Another node makes it. However many callers wait here, one of them looks.
	return s.flights.refresh(ctx, refreshKey{c.ID, true}, func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookedFor)
		defer cancel()
		for {
			timer := time.NewTimer(lookAgain)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return nil
			}
			var m fleet.Meeting
			if err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
				m, err = fleet.ByID(ctx, r, c.ID)
				return err
			}); err != nil || m.State != fleet.Reserved {
				return nil // the caller looks for itself, and hears what is wrong
			}
		}
	})
}

// createNew reserves a meeting and has a server make it. again says that somebody else was faster.
func (s *Service) createNew(ctx context.Context, in CreateInput, asked bbb.Query, external string) (out Created, again bool, err error) {
	c, reserve, err := s.draft(ctx, in, asked, external)
	if err != nil {
		return Created{}, false, err
	}
	kept, err := keptBody(in)
	if err != nil {
		return Created{}, false, err
	}
	v, stubbed, err := s.stubNamed(ctx, in.Connection, external)
	if err != nil {
		return Created{}, false, err
	}
	if stubbed {
		asked = v.become(&c, asked)
	}
	finish := s.flights.begin(c.ID)
	defer finish()
	then := func(ctx context.Context, tx store.Tx, now instant.Instant, a admission.Admission) error {
		c.Meeting = a.Meeting
		c.Until = now.Add(reservedFor)
		if err := insert(ctx, tx, c); err != nil {
			return err
		}
		if kept.media != "" {
			if err := saveBody(ctx, tx, c.ID, kept); err != nil {
				return err
			}
		}
		if err := deleteStub(ctx, tx, c.Connection, c.ExternalID); err != nil {
			return err
		}
		return store.Changed(ctx, tx, now, TopicConference, string(c.ID))
	}
	a, err := s.deps.Gate.Reserve(ctx, reserve, then)
	if len(reserve.Tags) > 0 && fault.CodeOf(err) == "fleet.no_server" {
		if _, required := tagsAsked(in.Connection, asked); required {
			return Created{}, false, fault.New(fault.Unavailable, "conference.server_tag", fault.Params{"Tag": strings.Join(reserve.Tags, ";")})
		}
		reserve.Tags = nil // any will do
		a, err = s.deps.Gate.Reserve(ctx, reserve, then)
	}
	if err != nil {
		return Created{}, false, err
	}
	if !a.Started {
		return Created{}, true, nil
	}
	c.Meeting = a.Meeting
	made, err := s.establish(ctx, &c, a.Most, asked, in.body())
	if err != nil {
		return Created{}, false, err
	}
	return Created{Reply: made.Reply}, false, nil
}

// draft is what a create will be: its row, and what is asked of the gate.
func (s *Service) draft(ctx context.Context, in CreateInput, asked bbb.Query, external string) (c Conference, reserve admission.ReserveInput, err error) {
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
	if reserve.Expected, err = s.expected(ctx, c, asked); err != nil {
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
		a, err := s.deps.Gate.Elsewhere(ctx, c.ID, s.kinds(), tried, s.noting(c))
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
	off, note, err := s.recordingOff(ctx, c)
	if err != nil {
		return nil, err
	}
	if most, err = s.withHelpers(ctx, c.Connection, most); err != nil {
		return nil, err
	}
	query := s.recordingParams(c, s.forServer(c, most, asked, s.deps.Now()), off, note)
	content, err := b.again()
	if err != nil {
		return nil, err
	}
	answer, err := srv.Create(ctx, query.String(), content, b.media, b.length)
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
