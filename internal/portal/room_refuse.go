// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"

	"meetcoop/internal/admission"
	"meetcoop/internal/fault"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
	"meetcoop/internal/web"
)

// refusePage says why somebody does not get in, how full it is, and what to do.
type refusePage struct {
	Page
	Member  string
	Refusal Refusal
}

// explained are the refusals with a page of their own words: refuse.<code> is its title, fault.<code> its reason. All others get
// the general title.
var explained = map[string]bool{
	"admission.seats_full": true, "admission.participants_full": true, "admission.running_rooms": true, "admission.duration_exhausted": true,
	"member.suspended": true, "rooms.dormant": true, "room.removed": true, "room.locked": true, "room.denied": true, "room.denied_text": true,
	"room.people_only": true, "room.invited_only": true, "fleet.no_server": true, "fleet.engine_full": true, "engine.none": true, "engine.down": true, "engine.loopback_only": true,
}

// refuse answers a knock that was refused: 409 for limits, 403 for rights, 503 for servers.
func (h *Handler) refuse(w http.ResponseWriter, r *Request, room rooms.Room, err error) error {
	code, kind := fault.CodeOf(err), fault.KindOf(err)
	if kind == fault.Internal || kind == fault.NotFound || kind == fault.Unauthenticated {
		return err
	}
	member, memberErr := h.memberOf(r, room)
	if memberErr != nil {
		return memberErr
	}
	h.Log.Log(r.Context(), web.Level(err), "not let in", "request_id", r.ID, "code", code, "room", room.ID, "member", room.Member)
	var used *admission.Usage
	if code == "admission.seats_full" || code == "admission.participants_full" {
		seatErr := h.DB.Read(r.Context(), func(tx store.Reader) error {
			now, err := h.Gate.UsageNow(r.Context(), tx, room.Member, r.Now)
			used = &now
			return err
		})
		if seatErr != nil {
			return seatErr
		}
	}
	retryAfter(w, err)
	return h.render(w, r, web.Status(err), "room_refuse", h.refuseOf(r, room, member, used, err))
}

// refuseOf draws the refusal; used is how full the member is, nil where that is not the reason.
func (h *Handler) refuseOf(r *Request, room rooms.Room, member membership.Member, used *admission.Usage, err error) refusePage {
	code, title := fault.CodeOf(err), "refuse.other"
	if explained[code] {
		title = "refuse." + code
	}
	page := refusePage{
		Page: h.page(r, "rooms", r.P.N(title, limitOf(err), map[string]any{"Member": member.Name, "Room": room.Name, "Limit": limitOf(err)})), Member: member.Name,
		Refusal: Refusal{Reason: r.P.Fault(err), Trace: r.trace(err), Offers: h.waysOn(r, room, member, err)},
	}
	page.Layout, page.Robots = LayoutBare, false
	if used != nil {
		row := seatRowOf(r, *used)
		page.Refusal.Seats = &row
		page.Refusal.Foot = []string{r.P.N("refuse.running", len(used.Meetings))}
		if used.Waiting > 0 {
			page.Refusal.Foot = append(page.Refusal.Foot, r.P.N("refuse.in_line", used.Waiting))
		}
	}
	if f := fault.As(err); f != nil {
		if until, ok := f.Params["Until"].(instant.Instant); ok {
			page.Refusal.Foot = append(page.Refusal.Foot, r.P.T("refuse.again_at", map[string]any{"When": r.P.DateTime(until)}))
		}
	}
	return page
}

// limitOf is the limit that refuses; 0 where none does.
func limitOf(err error) int {
	if f := fault.As(err); f != nil {
		n, _ := f.Params["Limit"].(int)
		return n
	}
	return 0
}

// waysOn are the next steps for a refusal, the most helpful first.
func (h *Handler) waysOn(r *Request, room rooms.Room, member membership.Member, err error) []Offer {
	var offers []Offer
	again := Offer{Button: Button{Kind: ButtonPlain, Icon: "refresh-cw", Label: r.P.T("refuse.try_again"), Href: "/r/" + room.Slug + "/join"}}
	switch fault.CodeOf(err) {
	case "admission.seats_full", "admission.participants_full":
		offers = append(offers, Offer{
			Button: Button{Kind: ButtonPrimary, Icon: "hourglass", Label: r.P.T("refuse.wait"), Post: "/r/" + room.Slug + "/wait", Name: "name", Value: r.FormValue("name")},
			Effect: r.P.T("refuse.wait_effect"),
		})
	case "admission.running_rooms", "admission.duration_exhausted", "fleet.no_server", "fleet.engine_full", "engine.down", "room.locked":
		again.Button.Kind = ButtonPrimary
		offers = append(offers, again)
	}
	for _, hat := range r.Visitor.Hats {
		if hat.Member.ID == member.ID && hat.Has(membership.RoleOwner, membership.RoleManager, membership.RoleHost) {
			offers = append(offers, Offer{Button: Button{Kind: ButtonPlain, Icon: "gauge", Label: r.P.T("refuse.usage"), Href: "/m/" + member.Slug + "/usage"}, Effect: r.P.T("refuse.usage_effect")})
		}
	}
	if len(offers) == 0 {
		offers = append(offers, again)
	}
	return offers
}
