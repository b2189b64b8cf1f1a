// SPDX-License-Identifier: AGPL-3.0-or-later

package embedded

import (
	"context"
	"strings"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/live"
	"meetcoop/internal/usage"
)

// join sends somebody in who was given a seat, or, as a guest, puts them at the door to wait for a moderator. Conference has looked
// at role, passwords and the policy for guests; here guest=true means to wait, and nothing else does.
func (t transport) join(ctx context.Context, q bbb.Query) (*bbb.Element, error) {
	m, ok, err := t.found(ctx, q.Get("meetingID"))
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return refuse("invalidMeetingIdentifier", "A meeting with that ID does not exist"), nil
	case q.Get("userID") == "" || q.Get("fullName") == "":
		return refuse("missingParamFullName", "You must provide your name"), nil
	}
	person := usage.KeyOf(m.connection, q.Get("userID"))
	g := live.Guest{
		Meeting: m.ID, Participant: id.DerivedParticipant(m.ID, person), Person: person, SentAs: q.Get("userID"), Name: q.Get("fullName"),
		Role: live.Viewer, Wait: truth(q.Get("guest")),
	}
	if strings.EqualFold(q.Get("role"), "MODERATOR") {
		g.Role, g.Wait = live.Moderator, false
	}
	if err := t.deps.Live.Send(ctx, g); err != nil {
		return turnedAway(err)
	}
	status := "ALLOW"
	if g.Wait {
		status = "WAIT"
	}
	ticket := t.deps.Tickets.Make(m.ID, person, t.deps.Now().Add(ticketFor))
	token := ticket[strings.LastIndexByte(ticket, '.')+1:] // of this ticket alone, and opens nothing
	return success(
		text("messageKey", "successfullyJoined"), text("message", "You have joined successfully."), text("meeting_id", m.internalID()),
		text("user_id", userID(g.Participant)), text("auth_token", token[:12]), text("session_token", token[:16]), text("guestStatus", status),
		text("url", t.where(m.ID, ticket)),
	), nil
}

// turnedAway says why somebody is not sent in, in the words a server has for it.
func turnedAway(err error) (*bbb.Element, error) {
	switch code := fault.CodeOf(err); {
	case code == "room.removed":
		return refuse("guestDeniedAccess", "You were removed from this meeting"), nil
	case code == "room.locked":
		return refuse("guestDeniedAccess", "A moderator has locked this meeting"), nil
	case code == "meeting.unknown":
		return refuse("invalidMeetingIdentifier", "A meeting with that ID does not exist"), nil
	case fault.KindOf(err) == fault.Conflict:
		return refuse("meetingForciblyEnded", "You can not re-join a meeting that has already been forcibly ended."), nil
	}
	return nil, err
}

// userID is what servers call one who joined: w_ and twelve letters and digits.
func userID(p id.Participant) string {
	s := strings.ToLower(string(p))
	if i := strings.LastIndexByte(s, '_'); i >= 0 {
		s = s[i+1:]
	}
	return "w_" + s[max(0, len(s)-12):]
}
