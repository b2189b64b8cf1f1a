// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"errors"
	"io"
	"net/http"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/live"
	"meetcoop/internal/rooms"
)

// waitPage stands in for somebody who waits: for the start, for a moderator, or for a seat. With scripts an event
// lets them in; without, the page asks again by itself.
type waitPage struct {
	Page
	Slug    string // of the room; none for an API client's meeting
	State   string // not_started, waiting or seat
	Text    string
	Ahead   string
	Events  string
	Refresh int // seconds, without scripts
	Config  pageConfig
	Leave   Button
	Trace   Trace
}

// refreshSeconds is how often a page without scripts asks again; the line forgets who is silent for 15 s.
const refreshSeconds = 5

func (h *Handler) waitShow(w http.ResponseWriter, r *Request) error {
	room, _, err := h.Rooms.FindBySlug(r.Context(), r.Visitor.Actor, r.PathValue("room"))
	if err != nil {
		return err
	}
	if r.Looks() { // to wait is to be let in when it is one's turn
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	entry, err := h.Live.Wait(r.Context(), room.ID, h.who(r))
	if fault.KindOf(err) == fault.NotFound || fault.KindOf(err) == fault.Invalid {
		return h.seeOther(w, r, "/r/"+room.Slug+"/join", "") // no longer, or not yet, in line
	}
	if err != nil {
		return h.refuse(w, r, room, err)
	}
	if entry.State == live.Admitted {
		return h.seeOther(w, r, "/meet/"+string(entry.Meeting), "")
	}
	return h.render(w, r, http.StatusOK, "room_wait", h.waitOf(r, room, entry))
}

func (h *Handler) waitOf(r *Request, room rooms.Room, entry live.Entry) waitPage {
	page := h.waitAt(r, room.Name, "/r/"+room.Slug+"/wait", entry)
	page.Slug = room.Slug
	return page
}

// waitAt draws the waiting page at an address, below which its events and its leave are.
func (h *Handler) waitAt(r *Request, name, at string, entry live.Entry) waitPage {
	page := waitPage{
		Page: h.page(r, "rooms", name), State: string(entry.State), Text: r.P.T("wait." + string(entry.State)),
		Events: at + "/events", Refresh: refreshSeconds, Config: h.config(r, "meet.wait."),
		Leave: Button{Kind: ButtonPlain, Label: r.P.T("wait.leave"), Post: at + "/leave"}, Trace: r.trace(entry.Fault),
	}
	if entry.State == live.ForSeat {
		page.Ahead = r.placeInLine(entry.Ahead)
	}
	page.Layout, page.Robots, page.Scripts = LayoutBare, false, []string{"join.js"}
	return page
}

// placeInLine says how many wait before somebody.
func (r *Request) placeInLine(ahead int) string {
	if ahead > 0 {
		return r.P.N("meet.wait.ahead", ahead)
	}
	return r.P.T("meet.wait.next")
}

// waitSend is pressed on the refusal page: stand in line for a seat.
func (h *Handler) waitSend(w http.ResponseWriter, r *Request) error { return h.knock(w, r, true) }

func (h *Handler) waitLeave(w http.ResponseWriter, r *Request) error {
	room, _, err := h.Rooms.FindBySlug(r.Context(), r.Visitor.Actor, r.PathValue("room"))
	if err != nil {
		return err
	}
	err = h.Live.StopWaiting(r.Context(), room.ID, h.who(r))
	if err != nil && fault.CodeOf(err) != "live.no_cookie" { // a browser that keeps nothing waits nowhere
		return err
	}
	return h.seeOther(w, r, "/r/"+room.Slug+"/join", "wait_left")
}

func (h *Handler) waitEvents(w http.ResponseWriter, r *Request) error {
	room, _, err := h.Rooms.FindBySlug(r.Context(), r.Visitor.Actor, r.PathValue("room"))
	if err != nil {
		return err
	}
	return h.tellWaiting(w, r, room.ID)
}

// tellWaiting is the stream of a waiting page: at the door of a room, or of an API client's meeting.
func (h *Handler) tellWaiting(w http.ResponseWriter, r *Request, place id.Room) error {
	stream, err := openStream(w, r)
	if err != nil || stream == nil {
		return err
	}
	defer stream.Close()
	waiting := h.Live.OpenWait(place, h.who(r))
	defer waiting.Close()
	for {
		e, err := waiting.Next(stream.Context())
		if errors.Is(err, io.EOF) || stream.Context().Err() != nil {
			return nil
		}
		if err != nil {
			h.Log.Warn("waiting page interrupted", "request_id", r.ID, "err", err)
			return nil // the browser opens the stream again
		}
		var data any = struct{}{}
		switch e.Kind {
		case live.WaitAhead:
			data = map[string]int{"ahead": e.Ahead}
		case live.WaitAdmitted:
			data = map[string]string{"meeting": string(e.Meeting)}
		case live.WaitDenied:
			data = map[string]string{"code": fault.CodeOf(e.Fault), "message": r.P.Fault(e.Fault)}
		}
		if sendEvent(stream, "", e.Kind, data) != nil {
			return nil
		}
	}
}
