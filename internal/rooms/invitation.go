// SPDX-License-Identifier: AGPL-3.0-or-later

package rooms

import (
	"strings"

	"meetcoop/internal/instant"
	"meetcoop/internal/locale"
)

// InvitationInput is what an invitation tells. URL is absolute and made by the face from the public address.
type InvitationInput struct {
	Room   string // the room's name
	Host   string // who invites; empty: not named
	Member string // whose room it is; empty: not named
	URL    string
	Code   string          // empty: none needed, or to be told another way
	Starts instant.Instant // zero: no date, the room is always there
}

// Invitation returns the text to paste into a letter or message, plain, in the printer's language and zone, lines
// ended by \n. It is a pure function.
func Invitation(p *locale.Printer, in InvitationInput) string {
	var b strings.Builder
	line := func(s string) { b.WriteString(s + "\n") }
	names := map[string]any{"Room": in.Room, "Host": in.Host, "Member": in.Member}
	if in.Host == "" {
		line(p.T("rooms.invitation.lead", names))
	} else {
		line(p.T("rooms.invitation.lead_host", names))
	}
	line("")
	if !in.Starts.IsZero() {
		line(p.T("rooms.invitation.when", map[string]any{"When": p.DateTime(in.Starts)}))
	}
	line(p.T("rooms.invitation.link", map[string]any{"URL": in.URL}))
	if in.Code != "" {
		line(p.T("rooms.invitation.code", map[string]any{"Code": in.Code}))
	}
	line("")
	line(p.T("rooms.invitation.how"))
	if in.Member != "" {
		line("")
		line(p.T("rooms.invitation.member", names))
	}
	return b.String()
}
