// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/live"
)

// meetPage is the shell of a running meeting; its script draws all else.
type meetPage struct {
	Page
	Config pageConfig
	Room   Link
}

func (h *Handler) meetShow(w http.ResponseWriter, r *Request) error {
	meeting, err := id.ParseMeeting(r.PathValue("meeting"))
	if err != nil {
		return err
	}
	who := h.who(r)
	seen, err := h.Live.Glance(r.Context(), meeting, who)
	switch code := fault.CodeOf(err); {
	case code == "meeting.not_inside" && !who.Sent.IsZero():
		return h.seeOther(w, r, "/meet/"+string(meeting)+"/wait", "") // sent by a client, and not let in yet
	case code == "meeting.not_inside":
		// A link to a meeting is no invitation: the door of its room is.
		return fault.New(fault.NotFound, "page.unknown")
	}
	if err != nil && fault.KindOf(err) != fault.Conflict && fault.KindOf(err) != fault.Forbidden {
		return err
	}
	return h.render(w, r, http.StatusOK, "meet_show#meet", h.meetOf(r, meeting, seen))
}

func (h *Handler) meetOf(r *Request, meeting id.Meeting, seen live.Glance) meetPage {
	page := meetPage{Page: h.page(r, "", seen.Name), Config: h.config(r, "meet."), Room: Link{Label: r.P.T("meet.over.to_room"), Href: "/r/" + seen.Room}}
	page.Config.Meeting, page.Config.Base, page.Config.Room = string(meeting), "/meet/"+string(meeting), "/r/"+seen.Room
	if seen.Room == "" {
		page.Config.Client, page.Config.Room = true, page.Config.Base
		page.Room = Link{Label: r.P.T("meet.over.home"), Href: page.Config.Home}
		if back := backTo(r, seen.LeaveURL); back.Href != "" {
			page.Room = back
			page.Config.Home, page.Config.HomeLabel = back.Href, back.Label
		}
	}
	page.Robots, page.Theme = false, "dark"
	page.Scripts, page.Styles = []string{"meet.js"}, []string{"meet.css"}
	return page
}
