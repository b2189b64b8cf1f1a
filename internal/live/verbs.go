// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"meetcoop/internal/admission"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

// The rates of one person, exact over all nodes since they are kept in the participant's row.
const (
	chatEvery  = time.Second
	chatBurst  = 5
	reactEvery = 500 * time.Millisecond
	reactBurst = 2
	maxText    = 500 // characters of one line
)

// pass decides by the generic cell rate algorithm (ITU-T I.371, annex A): at is when the next one would be due at the
// steady rate; a burst of n may run ahead of it by n-1 intervals. It returns the new at, and whether one may pass.
//
// Example: every second, burst 5: five at once pass, the sixth passes a second after the first.
func pass(at, now instant.Instant, every time.Duration, burst int) (instant.Instant, bool) {
	at = instant.Later(at, now)
	if at.Sub(now) > time.Duration(burst-1)*every {
		return at, false
	}
	return at.Add(every), true
}

// ChatInput is a line somebody wants to say.
type ChatInput struct {
	Text string
	To   string // ToAll, ToModerators or a participant's id; empty is ToAll
}

// Chat says a line. Invalid (input.invalid with field text live.text), Forbidden (live.chat_locked), NotFound
// (live.person_unknown), LimitReached (live.chat_rate). Moderators and the receiver read directed lines, nobody else.
func (s *Service) Chat(ctx context.Context, m id.Meeting, who Who, in ChatInput) (Line, error) {
	text, err := cleanText(in.Text, maxText)
	if err != nil {
		return Line{}, err
	}
	var line Line
	err = s.act(ctx, m, who, func(ctx context.Context, sc *scene, me participant) error {
		if !me.may(sc.m.Locks).Chat && in.To != ToModerators {
			return fault.New(fault.Forbidden, "live.chat_locked")
		}
		at, ok := pass(me.ChatAt, sc.now, chatEvery, chatBurst)
		if !ok {
			return fault.New(fault.LimitReached, "live.chat_rate")
		}
		me.ChatAt = at
		line = Line{ID: id.NewMessage(), From: me.ID, Name: me.Name, To: in.To, Text: text, At: sc.now}
		switch in.To {
		case "", ToAll:
			line.To = ToAll
		case ToModerators:
		default:
			to, err := sc.target(ctx, id.Participant(in.To), Connecting, Inside, Away)
			if err != nil {
				return err
			}
			line.ToName = to.Name
		}
		line.N = sc.m.Events + 1
		sc.tellAlso(kindChat, line.To, me.ID, line)
		if err := insertLine(ctx, sc.tx, sc.m.ID, line); err != nil {
			return err
		}
		return writeParticipant(ctx, sc.tx, me)
	})
	return line, err
}

// cleanText returns text without surrounding space, in NFC; Invalid as field text when nothing is left, when it is too
// long, or when it holds characters that could pretend to be another line or turn the writing round.
func cleanText(text string, most int) (string, error) {
	var c fault.Check
	ok := utf8.ValidString(text) && len(text) <= 16*most
	if ok {
		text = strings.TrimSpace(norm.NFC.String(strings.ReplaceAll(text, "\r\n", "\n")))
		n := utf8.RuneCountInString(text)
		ok = n > 0 && n <= most && !strings.ContainsFunc(text, func(r rune) bool {
			return r != '\n' && r != '\t' && r != '\u200d' && r != '\u200c' && // joiners: emoji, Persian and Indic writing
				(unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp) || r == utf8.RuneError)
		})
	}
	c.Field(ok, "text", "live.text", fault.Params{"Limit": most})
	return text, c.Err()
}

// Hand raises or lowers the caller's hand. Raising a raised hand keeps its place in the order.
func (s *Service) Hand(ctx context.Context, m id.Meeting, who Who, up bool) error {
	return s.act(ctx, m, who, func(ctx context.Context, sc *scene, me participant) error {
		if (me.Hand > 0) == up {
			return nil
		}
		me.Hand = 0
		if up {
			sc.m.Hands++
			me.Hand = sc.m.Hands
		}
		return sc.save(ctx, me)
	})
}

// React shows one of Reactions. What comes faster than twice a second is taken as said already. Invalid (input.choice).
func (s *Service) React(ctx context.Context, m id.Meeting, who Who, kind string) error {
	var c fault.Check
	c.Field(slices.Contains(Reactions, kind), "kind", "input.choice")
	if err := c.Err(); err != nil {
		return err
	}
	return s.act(ctx, m, who, func(ctx context.Context, sc *scene, me participant) error {
		at, ok := pass(me.ReactAt, sc.now, reactEvery, reactBurst)
		if !ok {
			return nil
		}
		me.ReactAt = at
		sc.tell(kindReaction, ToAll, reaction{ID: me.ID, Name: me.Name, Kind: kind})
		return writeParticipant(ctx, sc.tx, me)
	})
}

type reaction struct {
	ID   id.Participant `json:"id"`
	Name string         `json:"name"`
	Kind string         `json:"kind"`
}

// Rename changes the caller's name in this meeting, by identity's rule for names. Forbidden (live.names_locked) while
// names are locked, except for moderators.
func (s *Service) Rename(ctx context.Context, m id.Meeting, who Who, name string) error {
	name, err := cleanName(name)
	if err != nil {
		return err
	}
	return s.act(ctx, m, who, func(ctx context.Context, sc *scene, me participant) error {
		if sc.m.Locks.Names && me.Role != Moderator {
			return fault.New(fault.Forbidden, "live.names_locked")
		}
		if me.Name == name {
			return nil
		}
		me.Name = name
		return sc.save(ctx, me)
	})
}

// Leave gives the seat back at once. Leaving twice, or a meeting that is over, is no error: pages say goodbye while
// they are being closed.
func (s *Service) Leave(ctx context.Context, m id.Meeting, who Who) error {
	var p participant
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		_, p, err = s.inside(ctx, r, m, who)
		return err
	})
	if err != nil {
		if k := fault.KindOf(err); k == fault.Conflict || k == fault.Forbidden {
			return nil // over, or put out: nothing is held any more
		}
		return err
	}
	return s.deps.Gate.Release(ctx, m, p.ID, admission.WhyLeft)
}
