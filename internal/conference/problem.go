// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import "meetcoop/internal/engine/bbb"

// Problem is an answer FAILED in the words of the BigBlueButton API: what a server said, or what it would have said. It is no
// fault of limits, standing or servers; those are package fault's.
type Problem struct{ Key, Message string }

// Error returns the key.
func (p Problem) Error() string { return "bbb: " + p.Key }

// The problems this package finds by itself; keys and texts are the API's.
var (
	ErrNotUnique       = Problem{"idNotUnique", "A meeting already exists with that meeting ID. Please use a different meeting ID."}
	ErrUnknownMeeting  = Problem{"invalidMeetingIdentifier", "The meeting ID that you supplied did not match any existing meetings"}
	ErrNotFound        = Problem{"notFound", "We could not find a meeting with that meeting ID - perhaps the meeting is not yet running?"}
	ErrMismatch        = Problem{"mismatchCreateTimeParam", "The createTime parameter submitted mismatches with the current meeting."}
	ErrPassword        = Problem{"Params required", "You must enter a valid password"}
	ErrNoRole          = Problem{"Params required", "You must either send the valid role of the user, or the password, which should match the moderator or attendee password."}
	ErrGuestDenied     = Problem{"guestDeniedAccess", "You have been denied access to this meeting based on the meeting's guest policy"}
	ErrNoParent        = Problem{"parentMeetingIDMissing", "No parent meeting ID was provided for the breakout room."}
	ErrParentUnknown   = Problem{"parentMeetingDoesNotExist", "No meeting with the parent meeting ID was found."}
	ErrMeetingInactive = Problem{"meetingNotFound", "Meeting not found or not active"}
)

// said turns an answer FAILED of a server into a Problem.
func said(a *bbb.Answer) Problem { return Problem{a.Key, a.Message} }
