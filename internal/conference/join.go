// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"meetcoop/internal/admission"
	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
	"meetcoop/internal/usage"
)

// JoinInput is a join whose checksum and fields were right.
type JoinInput struct {
	Connection membership.Connection
	Query      bbb.Query
	Anonymous  string // who somebody without a userID is; "" draws one
	Wait       bool   // when all is full, stand in line; asked again within 15 s, the place is kept
	RefusedURL string // where the server sends whom it turns away, when the client names nothing; none adds nothing
}

// Joined is the way in for somebody who holds a seat.
type Joined struct {
	URL         string      // to the server, signed; the browser goes there
	Answer      *bbb.Answer // with redirect=false instead: the server's answer, in the tenant's words
	Meeting     id.Meeting
	Participant id.Participant
	Anonymous   string // who somebody without a userID is from now on
}

// joinWithin bounds a join that waits for a meeting to be made.
const joinWithin = 8 * time.Second

// Find returns the open conference of a connection by external, then by internal id; nil when there is none. It is read from
// memory, and from the database when memory knows nothing.
func (s *Service) find(ctx context.Context, connection id.Connection, name string) (*Conference, error) {
	if c := s.board.find(connection, name); c != nil {
		return c, nil
	}
	var c Conference
	var ok bool
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		if c, ok, err = open(ctx, r, connection, name); ok || err != nil {
			return err
		}
		c, ok, err = openByInternal(ctx, r, connection, name)
		return err
	})
	if err != nil || !ok {
		return nil, tryAgain(err)
	}
	s.board.put(c)
	return &c, nil
}

// Join gives somebody a seat and the way to the server. The same link works again on another server when the first has died.
//
// Errors: Problem (invalidMeetingIdentifier, mismatchCreateTimeParam, Params required, guestDeniedAccess, or what the server
// said); the faults of admission.Gate.Join; LimitReached admission.seats_wait{Ahead} for who stands in line; Unavailable meeting.not_ready, fleet.server_silent.
func (s *Service) Join(ctx context.Context, in JoinInput) (Joined, error) {
	ctx, cancel := context.WithTimeout(ctx, joinWithin)
	defer cancel()
	asked := Effective(in.Query, "join", in.Connection.Params)
	c, err := s.find(ctx, in.Connection.ID, asked.Get("meetingID"))
	if err != nil {
		return Joined{}, err
	}
	for range 2 {
		if c == nil {
			v, ok, err := s.stubNamed(ctx, in.Connection, asked.Get("meetingID"))
			if err != nil || !ok {
				return Joined{}, cmp.Or(err, error(ErrUnknownMeeting))
			}
			if err := s.promote(ctx, in.Connection, v); err != nil {
				return Joined{}, err
			}
			if c, err = s.find(ctx, in.Connection.ID, v.ExternalID); err != nil || c == nil {
				return Joined{}, cmp.Or(err, error(ErrUnknownMeeting))
			}
		}
		out, err := s.joinOnce(ctx, in, asked, c)
		if !isOver(err) {
			return out, err
		}
		// What was known of it is old: it ended, or was made anew.
		s.board.remove(c.ID)
		if c, err = s.find(ctx, in.Connection.ID, asked.Get("meetingID")); err != nil {
			return Joined{}, err
		}
	}
	return Joined{}, ErrUnknownMeeting
}

func isOver(err error) bool { return fault.CodeOf(err) == "meeting.ended" && err != nil }

func (s *Service) joinOnce(ctx context.Context, in JoinInput, asked bbb.Query, c *Conference) (Joined, error) {
	if c.State != fleet.Live {
		var err error
		if c, err = s.awaitLive(ctx, c); err != nil {
			return Joined{}, err
		}
	}
	moderator, wait, err := c.admits(asked)
	if err != nil {
		return Joined{}, err
	}
	who, anonymous := asked.Get("userID"), ""
	if who == "" {
		if who = in.Anonymous; who == "" {
			who = "anon-" + draw(16)
		}
		anonymous, asked = who, asked.With("userID", who)
	}
	person := usage.KeyOf(c.Connection, who)
	seat := admission.JoinInput{
		Member: c.Member, Connection: c.Connection, ExternalID: c.ExternalID, Within: c.ID,
		Participant: id.DerivedParticipant(c.ID, person), Person: person, Role: admission.RoleViewer,
	}
	if moderator {
		seat.Role = admission.RoleModerator
	}
	if wait {
		seat.Lease = s.deps.LobbyLease
	}
	seat.Wait = in.Wait
	if anonymous == "" {
		helps, _, err := s.helping(ctx, c.Connection)
		if err != nil {
			return Joined{}, tryAgain(err)
		}
		seat.Service = helps(who)
	}
	srv, err := s.servers.get(ctx, c.Server)
	if err != nil {
		return Joined{}, err
	}
	if !wait || !srv.embedded() { // who waits at the door of package live gets a seat when a moderator lets them in
		a, err := s.deps.Gate.Join(ctx, seat)
		if err != nil {
			return Joined{}, err
		}
		if a.Waiting {
			return Joined{}, fault.New(fault.LimitReached, "admission.seats_wait", fault.Params{"Ahead": a.Ahead})
		}
		if srv, err = s.servers.get(ctx, a.Meeting.Server); err != nil {
			return Joined{}, err
		}
	}
	query := asked.Without("checksum").Portable().With("meetingID", c.ServerKey)
	if asked.Has("createTime") {
		query = query.With("createTime", strconv.FormatInt(c.CreateTime, 10))
	}
	out := Joined{Meeting: c.ID, Participant: seat.Participant, Anonymous: anonymous}
	if srv.embedded() { // it trusts what was found out here
		query = query.With("role", string(seat.Role)).With("guest", strconv.FormatBool(wait))
	}
	if strings.EqualFold(asked.Get("redirect"), "false") {
		return s.joinThere(ctx, c, srv, query, out)
	}
	if in.Connection.JoinMode == membership.JoinHandover || srv.embedded() {
		return s.handOver(ctx, c, srv, query, out)
	}
	if in.RefusedURL != "" && !asked.Has("errorRedirectUrl") {
		query = query.With("errorRedirectUrl", in.RefusedURL)
	}
	out.URL = srv.Sign("join", query.String())
	return out, nil
}

// admits checks what the server would: createTime, role or password, and whether a guest waits.
func (c *Conference) admits(q bbb.Query) (moderator, wait bool, err error) {
	if given := q.Get("createTime"); given != "" {
		at, err := strconv.ParseInt(given, 10, 64)
		if err != nil || !c.knows(at) {
			return false, false, ErrMismatch
		}
	}
	moderator, ok := c.role(q.Get("role"), q.Get("password"))
	if !ok {
		if q.Get("password") == "" {
			return false, false, ErrNoRole
		}
		return false, false, ErrPassword
	}
	switch status(c.GuestPolicy, moderator, truth(q.Get("guest")), q) {
	case "WAIT":
		return moderator, true, nil
	case "DENY":
		return moderator, false, ErrGuestDenied
	}
	return moderator, false, nil
}

func truth(s string) bool { return strings.EqualFold(s, "true") }

// status is the table of guest policies with authenticated guests filtered too, the default of servers.
func status(policy string, moderator, guest bool, q bbb.Query) string {
	authenticated := !q.Has("guest")
	if q.Has("auth") {
		authenticated = truth(q.Get("auth"))
	}
	switch {
	case moderator || policy == "" || policy == "ALWAYS_ACCEPT":
		return "ALLOW"
	case policy == "ASK_MODERATOR" && (guest || authenticated), policy == "ALWAYS_ACCEPT_AUTH" && guest:
		return "WAIT"
	case policy == "ASK_MODERATOR", policy == "ALWAYS_ACCEPT_AUTH":
		return "ALLOW"
	}
	return "DENY"
}

// awaitLive waits for a meeting that is being made, and has a detached one made elsewhere.
func (s *Service) awaitLive(ctx context.Context, c *Conference) (*Conference, error) {
	for ctx.Err() == nil {
		row, ok, err := s.findOpen(ctx, c.Connection, c.ExternalID)
		switch {
		case err != nil:
			return nil, tryAgain(err)
		case !ok:
			return nil, ErrUnknownMeeting
		case row.State == fleet.Live:
			s.board.put(row)
			return &row, nil
		case row.State == fleet.Detached:
			err = s.revive(ctx, &row)
		default:
			err = s.awaitReserved(ctx, &row)
		}
		if err != nil {
			return nil, tryAgain(err)
		}
	}
	return nil, fault.New(fault.Unavailable, "meeting.not_ready")
}

// joinThere asks the server itself and hands its answer on. Whom it turns away gives the seat back.
func (s *Service) joinThere(ctx context.Context, c *Conference, srv *server, query bbb.Query, out Joined) (Joined, error) {
	answer, err := srv.Do(ctx, bbb.Request{Call: "join", Query: query.String()})
	if err != nil || !answer.OK {
		if releaseErr := s.deps.Gate.Release(context.WithoutCancel(ctx), c.ID, out.Participant, admission.WhyLeft); releaseErr != nil {
			s.deps.Log.WarnContext(ctx, "seat of somebody turned away not given back yet", "meeting", c.ID, "err", releaseErr)
		}
		if err != nil {
			return Joined{}, err
		}
		return Joined{}, said(answer)
	}
	out.Answer = answer
	return out, nil
}

// handOver asks the server and gives the browser only its session: no signed link of the server leaves us.
func (s *Service) handOver(ctx context.Context, c *Conference, srv *server, query bbb.Query, out Joined) (Joined, error) {
	out, err := s.joinThere(ctx, c, srv, query.With("redirect", "false"), out)
	if err != nil {
		return out, err
	}
	out.URL, out.Answer = out.Answer.Root.Value("url"), nil
	return out, nil
}

// draw returns n random letters, digits, - and _, six bits each.
func draw(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)[:n]
}
