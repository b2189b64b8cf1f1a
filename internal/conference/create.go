// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"errors"
	"io"
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
	expected := s.expecting(ctx, in.Connection.ID, external, asked)
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
		out, again, err := s.createNew(ctx, in, asked, external, expected)
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
func (s *Service) findOpen(ctx context.Context, connection id.Connection, external string) (Conference, bool, error) {
	return s.flights.lookUp(ctx, boardKey{connection, external}, func(ctx context.Context) (c Conference, ok bool, err error) {
		err = s.deps.DB.Peek(ctx, func(r store.Reader) error {
			c, ok, err = open(ctx, r, connection, external)
			return err
		})
		return c, ok, err
	})
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
			if err := s.deps.DB.Peek(ctx, func(r store.Reader) (err error) {
				m, err = fleet.ByID(ctx, r, c.ID)
				return err
			}); err != nil || m.State != fleet.Reserved {
				return nil // the caller looks for itself, and hears what is wrong
			}
		}
	})
}

// createNew reserves a meeting and has a server make it. again says that somebody else was faster.
func (s *Service) createNew(ctx context.Context, in CreateInput, asked bbb.Query, external string, expected func() (int, error)) (out Created, again bool, err error) {
	c, reserve, err := s.draft(ctx, in, asked, external, expected)
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
	a, err := s.reserve(ctx, reserve, in.Connection.Tags, then)
	if len(reserve.Tags) > 0 && fault.CodeOf(err) == "fleet.no_server" {
		if _, required := tagsAsked(in.Connection, asked); required {
			return Created{}, false, fault.New(fault.Unavailable, "conference.server_tag", fault.Params{"Tag": strings.Join(reserve.Tags, ";")})
		}
		reserve.Tags = nil // any will do
		a, err = s.reserve(ctx, reserve, in.Connection.Tags, then)
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
