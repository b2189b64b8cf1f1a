// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"context"
	"errors"
	"net/http"

	"meetcoop/internal/admission"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/live"
	"meetcoop/internal/membership"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
)

// roomsPage is what a person lands on: what is live, own rooms, the seats of the member they act for.
type roomsPage struct {
	Page
	New     *Button
	Live    []roomCard
	Rooms   []roomCard
	Invited []roomCard
	Asleep  []roomCard
	Seats   []memberSeats
	Empty   *Empty
	Away    Link // archived rooms
	Events  string
}

// roomCard is one room of the list.
type roomCard struct {
	ID, Name, Href string
	Badge          *Badge
	Text           string
	Action         Button
	Member         string
}

type memberSeats struct {
	Name  string
	Usage Link
	Row   SeatRow
	Stand standingOf
}

func (h *Handler) roomsList(w http.ResponseWriter, r *Request) error {
	listed, err := h.Rooms.ListFor(r.Context(), r.Visitor.Actor)
	if err != nil {
		return err
	}
	running, err := h.runningIn(r, listed)
	if err != nil {
		return err
	}
	seats, err := h.seatsOfHats(r)
	if err != nil {
		return err
	}
	page := h.roomsOf(r, listed, running, seats)
	if r.HX() {
		return h.render(w, r, http.StatusOK, "rooms_list#list", page)
	}
	return h.render(w, r, http.StatusOK, "rooms_list", page)
}

func (h *Handler) roomsOf(r *Request, listed []rooms.Listed, running map[id.Room]live.Now, seats []memberSeats) roomsPage {
	page := roomsPage{
		Page: h.page(r, "rooms", r.P.T("rooms.list.title")), Events: "/rooms/events", Seats: seats,
		Away: Link{Label: r.P.T("rooms.list.archived"), Href: "/rooms/archived"},
	}
	page.LiveFrom = "" // the list itself tells
	var stand []standingOf
	for _, s := range seats {
		stand = append(stand, s.Stand)
	}
	page.Banners = bannersOf(r, stand...)
	names := map[id.Member]string{}
	for _, hat := range r.Visitor.Hats {
		names[hat.Member.ID] = hat.Member.Name
	}
	for _, l := range listed {
		card := h.roomCard(r, l, running[l.ID])
		if len(r.Visitor.Hats) > 1 {
			card.Member = names[l.Member]
		}
		switch {
		case running[l.ID].Meeting != "":
			page.Live = append(page.Live, card)
		case l.Dormant:
			page.Asleep = append(page.Asleep, card)
		case l.Own:
			page.Rooms = append(page.Rooms, card)
		default:
			page.Invited = append(page.Invited, card)
		}
	}
	for _, hat := range r.Visitor.Hats {
		if hat.Has(membership.RoleHost, membership.RoleOwner) {
			page.New = &Button{Kind: ButtonPrimary, Icon: "plus", Label: r.P.T("rooms.list.new"), Href: "/rooms/new"}
		}
	}
	if len(listed) == 0 {
		page.Empty = &Empty{Icon: "door-open", Text: r.P.T("rooms.list.empty"), Action: page.New}
		if page.New == nil {
			page.Empty.Text = r.P.T("rooms.list.empty_guest")
		}
	}
	return page
}

func (h *Handler) roomCard(r *Request, l rooms.Listed, run live.Now) roomCard {
	c := roomCard{ID: string(l.ID), Name: l.Name, Href: "/r/" + l.Slug}
	what := map[string]any{"Name": l.Name}
	switch {
	case run.Meeting != "":
		c.Badge = &Badge{Live: true, Kind: "live", Text: r.P.T("rooms.badge.live")}
		c.Text = r.P.N("rooms.list.inside", run.Seated, map[string]any{"Since": r.P.Clock(run.Since)})
		c.Action = Button{Kind: ButtonPrimary, Icon: "video", Label: r.P.T("rooms.list.join"), Describe: r.P.T("rooms.list.join_room", what), Href: c.Href + "/join"}
		return c
	case l.Dormant:
		c.Badge = &Badge{Kind: NoticeWarn, Icon: "moon", Text: r.P.T("rooms.badge.asleep")}
		c.Text = r.P.T("rooms.list.asleep")
		c.Action = Button{Kind: ButtonQuiet, Label: r.P.T("rooms.list.why"), Describe: r.P.T("rooms.list.why_room", what), Href: c.Href}
		return c
	}
	c.Text = r.P.T("rooms.list.never")
	if !l.LastUsedAt.IsZero() {
		c.Text = r.P.T("rooms.list.last", map[string]any{"When": r.P.Ago(l.LastUsedAt, r.Now)})
	}
	c.Action = Button{Kind: ButtonPlain, Icon: "video", Label: r.P.T("rooms.list.start"), Describe: r.P.T("rooms.list.start_room", what), Href: c.Href + "/join"}
	if l.Role != rooms.RoleModerator {
		c.Action.Label, c.Action.Describe = r.P.T("rooms.list.join"), r.P.T("rooms.list.join_room", what)
	}
	return c
}

// runningIn tells what runs in the listed rooms, in one query.
func (h *Handler) runningIn(r *Request, listed []rooms.Listed) (map[id.Room]live.Now, error) {
	ids := make([]id.Room, len(listed))
	for i, l := range listed {
		ids[i] = l.ID
	}
	return h.running(r.Context(), ids)
}

func (h *Handler) running(ctx context.Context, in []id.Room) (now map[id.Room]live.Now, err error) {
	err = h.DB.Read(ctx, func(tx store.Reader) error {
		now, err = live.RunningIn(ctx, tx, in)
		return err
	})
	return now, err
}

// seatsOfHats draws the seat row of each member the visitor may open rooms for.
func (h *Handler) seatsOfHats(r *Request) ([]memberSeats, error) {
	var out []memberSeats
	err := h.DB.Read(r.Context(), func(tx store.Reader) error {
		out = nil
		for _, hat := range r.Visitor.Hats {
			if !hat.Has(membership.RoleHost, membership.RoleOwner, membership.RoleManager) || len(out) == maxSeatRows {
				continue
			}
			now, err := h.Gate.UsageNow(r.Context(), tx, hat.Member.ID, r.Now)
			if err != nil {
				return err
			}
			out = append(out, memberSeatsOf(r, hat, now))
		}
		return nil
	})
	return out, err
}

func memberSeatsOf(r *Request, hat Hat, now admission.Usage) memberSeats {
	return memberSeats{Name: hat.Member.Name, Usage: Link{Label: r.P.T("rooms.list.usage"), Href: "/m/" + hat.Member.Slug + "/usage"}, Row: seatRowOf(r, now), Stand: standingOf{hat.Member, now.Entitlement.Standing}}
}

// maxSeatRows bounds the queries of the page for somebody with many hats.
const maxSeatRows = 4

// seatRowOf draws how full a member is now: the number admission decides with.
func seatRowOf(r *Request, u admission.Usage) SeatRow {
	limit, limited := u.Seats.Limit.Int()
	if !limited {
		return SeatRow{Sentence: r.P.N("seats.unlimited", u.Seats.Used)}
	}
	return newSeatRow(SeatsInput{
		Used: u.Seats.Used - u.Seats.Held, Held: u.Seats.Held, Limit: limit, Sentence: r.P.N("seats.of", u.Seats.Used, map[string]any{"Limit": limit}),
	})
}

// roomsEvents tells the list of rooms that something in it has changed; the page then asks for the list again.
func (h *Handler) roomsEvents(w http.ResponseWriter, r *Request) error {
	listed, err := h.Rooms.ListFor(r.Context(), r.Visitor.Actor)
	if err != nil {
		return err
	}
	ids := make([]id.Room, len(listed))
	for i, l := range listed {
		ids[i] = l.ID
	}
	changes := h.Live.FollowRooms(ids)
	defer changes.Close()
	stream, err := openStream(w, r)
	if err != nil || stream == nil {
		return err
	}
	defer stream.Close()
	for {
		ctx, cancel := context.WithTimeout(stream.Context(), stream.PingEvery())
		err := changes.Next(ctx)
		cancel()
		switch {
		case stream.Context().Err() != nil:
			return nil
		case errors.Is(err, context.DeadlineExceeded):
			// Signed out elsewhere: the stream ends, the page asks again and is sent to sign in.
			if _, _, err := h.Identity.Session(stream.Context(), SessionToken(h.Cookies)(r.Request)); err != nil {
				return nil
			}
			err = stream.Ping()
		case err == nil:
			err = sendEvent(stream, "", "rooms", struct{}{})
		}
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			return nil // the reader is gone, or the service stops
		}
	}
}

// roomNewPage asks for a name, and for whose room it is when the visitor acts for several members.
type roomNewPage struct {
	Page
	Errors  FormErrors
	Name    Field
	Member  *Select
	Refused *Notice
}

func (h *Handler) roomNew(w http.ResponseWriter, r *Request) error {
	if len(h.hostHats(r)) == 0 {
		return fault.New(fault.Forbidden, "rooms.no_host")
	}
	return h.render(w, r, http.StatusOK, "room_new", h.roomForm(r, Mistakes{}))
}

func (h *Handler) roomForm(r *Request, m Mistakes) roomNewPage {
	page := roomNewPage{
		Page: h.page(r, "rooms", r.P.T("rooms.new.title")), Errors: m.Summary(),
		Name: Field{Name: "name", Label: r.P.T("rooms.name"), Hint: r.P.T("rooms.name_hint"), Value: r.FormValue("name"), Error: m.Of("name"), MaxLength: 160, Autofocus: !m.Summary().Any()},
	}
	page.Trail = []Link{{Label: r.P.T("rooms.list.title"), Href: "/rooms"}}
	hosts := h.hostHats(r)
	if len(hosts) > 1 {
		page.Member = &Select{Name: "member", Label: r.P.T("rooms.new.member"), Hint: r.P.T("rooms.new.member_hint")}
		for _, hat := range hosts {
			page.Member.Options = append(page.Member.Options, Choice{Value: hat.Member.Slug, Label: hat.Member.Name, Chosen: hat.Member.Slug == r.FormValue("member")})
		}
	}
	return page
}

func (h *Handler) hostHats(r *Request) []Hat {
	var out []Hat
	for _, hat := range r.Visitor.Hats {
		if hat.Has(membership.RoleHost, membership.RoleOwner) {
			out = append(out, hat)
		}
	}
	return out
}

func (h *Handler) roomCreate(w http.ResponseWriter, r *Request) error {
	hosts := h.hostHats(r)
	if len(hosts) == 0 {
		return fault.New(fault.Forbidden, "rooms.no_host")
	}
	hat := hosts[0]
	if slug := r.FormValue("member"); slug != "" {
		var ok bool
		if hat, ok = r.Visitor.Hat(slug); !ok {
			return fault.New(fault.NotFound, "member.unknown")
		}
	}
	room, err := h.Rooms.Create(r.Context(), r.Visitor.Actor, rooms.CreateInput{Member: hat.Member.ID, Name: r.FormValue("name")})
	if m, wrong := mistakes(r.P, err); wrong {
		return h.render(w, r, http.StatusUnprocessableEntity, "room_new", h.roomForm(r, m))
	}
	if fault.CodeOf(err) == "rooms.limit" {
		return h.render(w, r, http.StatusConflict, "room_new", h.roomFormRefused(r, hat, err))
	}
	if err != nil {
		return err
	}
	return h.seeOther(w, r, "/r/"+room.Slug, "room_created")
}

// roomFormRefused is the form when the level's rooms are in use.
func (h *Handler) roomFormRefused(r *Request, hat Hat, err error) roomNewPage {
	page := h.roomForm(r, Mistakes{})
	page.Refused = &Notice{Kind: NoticeWarn, Text: r.P.Fault(err), Link: Link{Label: r.P.T("rooms.list.usage"), Href: "/m/" + hat.Member.Slug + "/usage"}}
	page.Alarm = page.Refused.Text
	return page
}

// archivedPage lists rooms that were put away.
type archivedPage struct {
	Page
	Rooms []archivedRoom
	Empty *Empty
}

type archivedRoom struct {
	Name, Text string
	Restore    Button
}

func (h *Handler) roomsArchived(w http.ResponseWriter, r *Request) error {
	found, err := h.Rooms.Archived(r.Context(), r.Visitor.Actor)
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "rooms_archived", h.archivedOf(r, found))
}

func (h *Handler) archivedOf(r *Request, found []rooms.Room) archivedPage {
	page := archivedPage{Page: h.page(r, "rooms", r.P.T("rooms.archived.title"))}
	page.Trail = []Link{{Label: r.P.T("rooms.list.title"), Href: "/rooms"}}
	for _, room := range found {
		page.Rooms = append(page.Rooms, archivedRoom{
			Name: room.Name, Text: r.P.T("rooms.archived.since", map[string]any{"When": r.P.DateTime(room.ArchivedAt)}),
			Restore: Button{Label: r.P.T("rooms.archived.restore"), Describe: r.P.T("rooms.archived.restore_room", map[string]any{"Name": room.Name}), Post: "/r/" + room.Slug + "/restore"},
		})
	}
	if len(found) == 0 {
		page.Empty = &Empty{Icon: "archive", Text: r.P.T("rooms.archived.empty")}
	}
	return page
}
