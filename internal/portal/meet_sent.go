// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"strings"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/live"
	"meetcoop/internal/usage"
)

// People whom an API client sends into a meeting here need no account and no guest cookie: the signed link carries a ticket, which the
// browser exchanges for one that lasts as long as meetings do.

const (
	sentCookie  = "sent"         // the tickets of the last meetings this browser was sent into, newest first
	sentFor     = 24 * time.Hour // how long one of them is good
	sentTickets = 8
)

// sentTo is who the browser is in a client's meeting; zero for nobody that was sent there.
func (h *Handler) sentTo(r *Request, m id.Meeting) usage.PersonKey {
	for ticket := range strings.SplitSeq(h.Cookies.Get(r.Request, sentCookie), "~") {
		if person, ok := h.Tickets.Open(m, ticket, r.Now); ok {
			return person
		}
	}
	return usage.PersonKey{}
}

// meetIn is where a client's signed join leads.
func (h *Handler) meetIn(w http.ResponseWriter, r *Request) error {
	m, err := id.ParseMeeting(r.PathValue("meeting"))
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer") // the address is a key
	if r.Looks() {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	person, ok := h.Tickets.Open(m, r.URL.Query().Get("ticket"), r.Now)
	switch {
	case ok:
		h.keepSent(w, r, m, person)
	case h.sentTo(r, m).IsZero():
		return fault.New(fault.NotFound, "live.ticket_over")
	}
	return h.seeOther(w, r, "/meet/"+string(m), "")
}

// keepSent puts a ticket for the meeting before the others, in the place of an earlier one for it.
func (h *Handler) keepSent(w http.ResponseWriter, r *Request, m id.Meeting, person usage.PersonKey) {
	kept := []string{h.Tickets.Make(m, person, r.Now.Add(sentFor))}
	for ticket := range strings.SplitSeq(h.Cookies.Get(r.Request, sentCookie), "~") {
		if ticket != "" && !strings.HasPrefix(ticket, string(m)+".") && len(kept) < sentTickets {
			kept = append(kept, ticket)
		}
	}
	h.Cookies.Set(w, sentCookie, strings.Join(kept, "~"), sentFor)
}

// meetWait stands in for a guest whom a moderator must let in.
func (h *Handler) meetWait(w http.ResponseWriter, r *Request) error {
	m, err := id.ParseMeeting(r.PathValue("meeting"))
	if err != nil {
		return err
	}
	if r.Looks() {
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	who := h.who(r)
	if who.Sent.IsZero() {
		return fault.New(fault.NotFound, "page.unknown")
	}
	seen, glanced := h.Live.Glance(r.Context(), m, who)
	entry, err := h.Live.Wait(r.Context(), live.Place(m), who)
	switch {
	case fault.KindOf(err) == fault.NotFound && glanced == nil: // over, or already inside
		return h.seeOther(w, r, "/meet/"+string(m), "")
	case fault.KindOf(err) == fault.NotFound:
		return fault.New(fault.NotFound, "live.ticket_over")
	case fault.KindOf(err) == fault.Forbidden:
		page := h.clientRefuseOf(r, err, seen.LeaveURL, false)
		page.Refusal.Offers = page.Refusal.Offers[1:] // to try again is to read it again
		return h.render(w, r, Status(err), "client_refuse", page)
	case err != nil:
		return err
	case entry.State == live.Admitted:
		return h.seeOther(w, r, "/meet/"+string(m), "")
	}
	return h.render(w, r, http.StatusOK, "room_wait", h.waitAt(r, seen.Name, "/meet/"+string(m)+"/wait", entry))
}

func (h *Handler) meetWaitLeave(w http.ResponseWriter, r *Request) error {
	m, err := id.ParseMeeting(r.PathValue("meeting"))
	if err != nil {
		return err
	}
	who := h.who(r)
	if who.Sent.IsZero() {
		return fault.New(fault.NotFound, "page.unknown")
	}
	seen, err := h.Live.Glance(r.Context(), m, who)
	if err != nil && fault.CodeOf(err) != "meeting.not_inside" {
		return err
	}
	if err := h.Live.StopWaiting(r.Context(), live.Place(m), who); err != nil {
		return err
	}
	if seen.LeaveURL != "" {
		http.Redirect(w, r.Request, seen.LeaveURL, http.StatusSeeOther)
		return nil
	}
	return h.seeOther(w, r, "/", "wait_left")
}

func (h *Handler) meetWaitEvents(w http.ResponseWriter, r *Request) error {
	m, err := id.ParseMeeting(r.PathValue("meeting"))
	if err != nil {
		return err
	}
	if h.who(r).Sent.IsZero() {
		return fault.New(fault.NotFound, "page.unknown")
	}
	return h.tellWaiting(w, r, live.Place(m))
}
