// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"

	"meetcoop/internal/admission"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/live"
	"meetcoop/internal/membership"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
	"meetcoop/internal/web"
)

// roomPage is a room as its moderators see it. The owner may change it; co-hosts look.
type roomPage struct {
	Page
	Start      Button
	Now        string // "Nobody inside. Last met ..."
	Badge      *Badge
	Link       CopyField
	Invitation CopyField
	Calendar   calendarForm
	Seats      *SeatRow
	Asleep     *Notice
	Stale      *Notice
	Saved      []usageLine // what somebody else saved meanwhile, where it differs
	Owner      bool

	Errors  FormErrors
	Version int
	Slug    string
	Name    Field
	Enter   Choices
	Starts  Choices
	Code    Field
	Lobby   Switch
	Mute    Switch
	Pin     Button

	People  []roomPerson
	Add     Field
	AddRole Choices
	History Table
	NoPast  string
	Archive Dialog
}

type roomPerson struct {
	Name   string
	Role   string
	Remove *Button
}

func (h *Handler) roomShow(w http.ResponseWriter, r *Request) error {
	view, figures, err := h.viewRoom(r)
	if err != nil {
		return err
	}
	if view.Role != rooms.RoleModerator {
		return h.joinPage(w, r, http.StatusOK, view.Room, view.Role, Mistakes{})
	}
	return h.render(w, r, http.StatusOK, "room_show", h.roomOf(r, view.Room, figures, Mistakes{}))
}

// roomFigures is what the page of a room shows beside its settings.
type roomFigures struct {
	Run    live.Now
	People []rooms.Person
	Past   []fleet.Meeting
	Used   admission.Usage
}

// viewRoom reads the room of the path and, for a moderator, what its page shows, in one snapshot.
func (h *Handler) viewRoom(r *Request) (view rooms.View, f roomFigures, err error) {
	err = h.DB.Read(r.Context(), func(tx store.Reader) error {
		view, err = h.Rooms.View(r.Context(), tx, r.Visitor.Actor, r.PathValue("room"), r.Now)
		if err != nil || view.Role != rooms.RoleModerator {
			return err
		}
		held, err := fleet.History(r.Context(), tx, view.Member, view.ID, pastMeetings+1)
		if err != nil {
			return err
		}
		f = roomFigures{People: view.People}
		for _, m := range held {
			if m.EndedAt.IsZero() {
				f.Run = live.Now{Room: view.ID, Meeting: m.ID, Seated: m.People, Since: m.StartedAt}
			} else if len(f.Past) < pastMeetings {
				f.Past = append(f.Past, m)
			}
		}
		f.Used, err = admission.UsageUnder(r.Context(), tx, view.Entitlement, r.Now)
		return err
	})
	return view, f, err
}

// roomAgain is the page of a room with what somebody typed.
func (h *Handler) roomAgain(r *Request, typed rooms.Room, m Mistakes) (roomPage, error) {
	_, figures, err := h.viewRoom(r)
	return h.roomOf(r, typed, figures, m), err
}

func (h *Handler) roomOf(r *Request, room rooms.Room, f roomFigures, m Mistakes) roomPage {
	link := h.PublicURL + "/r/" + room.Slug
	page := roomPage{
		Page:       h.page(r, "rooms", room.Name),
		Slug:       room.Slug,
		Version:    room.Version,
		Owner:      room.Owner == r.Visitor.Person.ID,
		Link:       CopyField{ID: "room-link", Label: r.P.T("room.link"), Value: link, Hint: r.P.T("room.link_hint")},
		Invitation: CopyField{ID: "room-invitation", Label: r.P.T("room.invitation"), Value: rooms.Invitation(r.P, h.invitation(r, room))},
		Calendar:   h.calendarForm(r, room),
		Errors:     m.Summary(),
	}
	page.Trail = []Link{{Label: r.P.T("rooms.list.title"), Href: "/rooms"}}
	page.LiveFrom = "/live?not=" + room.Slug
	for _, hat := range r.Visitor.Hats {
		if hat.Member.ID == room.Member {
			page.Banners = bannersOf(r, standingOf{hat.Member, f.Used.Entitlement.Standing})
		}
	}
	h.roomNow(r, &page, room, f.Run, len(f.Past) > 0)
	seats := seatRowOf(r, f.Used)
	page.Seats = &seats
	h.roomSettings(r, &page, room, m)
	for _, p := range f.People {
		row := roomPerson{Name: p.Name, Role: r.P.T("room.role." + string(p.Role))}
		if row.Name == "" {
			row.Name = p.Address
		}
		if page.Owner {
			row.Remove = &Button{Kind: ButtonQuiet, Small: true, Label: r.P.T("room.person_remove"), Describe: r.P.T("room.person_remove_name", map[string]any{"Name": row.Name}), Post: "/r/" + room.Slug + "/people/remove", Name: "subject", Value: p.Subject}
		}
		page.People = append(page.People, row)
	}
	page.History = Table{Caption: r.P.T("room.history"), CaptionHidden: true, Columns: []Column{{Label: r.P.T("room.history_when")}, {Label: r.P.T("room.history_length"), Number: true}, {Label: r.P.T("room.history_people"), Number: true}}}
	for _, held := range f.Past {
		page.History.Rows = append(page.History.Rows, []Cell{{Text: r.P.DateTime(held.StartedAt)}, {Text: r.P.DurationShort(held.EndedAt.Sub(held.StartedAt))}, {Text: strconv.Itoa(held.Peak)}})
	}
	return page
}

// pastMeetings is how many meetings the page lists.
const pastMeetings = 10

func (h *Handler) invitation(r *Request, room rooms.Room) rooms.InvitationInput {
	in := rooms.InvitationInput{Room: room.Name, Host: r.Visitor.Person.Name, URL: h.PublicURL + "/r/" + room.Slug, Code: room.Settings.AccessCode}
	for _, hat := range r.Visitor.Hats {
		if hat.Member.ID == room.Member && !hat.Member.Individual {
			in.Member = hat.Member.Name
		}
	}
	return in
}

func (h *Handler) roomNow(r *Request, page *roomPage, room rooms.Room, run live.Now, met bool) {
	page.Start = Button{Kind: ButtonPrimary, Icon: "video", Label: r.P.T("room.start"), Href: "/r/" + room.Slug + "/join"}
	page.Now, page.NoPast = r.P.T("room.nobody"), r.P.T("room.never")
	switch {
	case run.Meeting != "":
		page.Start.Label = r.P.T("rooms.list.join")
		page.Badge = &Badge{Live: true, Kind: "live", Text: r.P.T("rooms.badge.live")}
		page.Now = r.P.N("rooms.list.inside", run.Seated, map[string]any{"Since": r.P.Clock(run.Since)})
	case met:
		page.Now = r.P.T("room.nobody_last", map[string]any{"When": r.P.Ago(room.LastUsedAt, r.Now)})
	}
	if room.Dormant {
		page.Start.Reason = r.P.T("room.asleep_short")
		page.Asleep = &Notice{Kind: NoticeWarn, Title: r.P.T("rooms.badge.asleep"), Text: r.P.T("room.asleep")}
	}
}

func (h *Handler) roomSettings(r *Request, page *roomPage, room rooms.Room, m Mistakes) {
	s := room.Settings
	page.Name = Field{Name: "name", Label: r.P.T("rooms.name"), Value: room.Name, Error: m.Of("name"), MaxLength: 160}
	page.Enter = Choices{Name: "may_enter", Legend: r.P.T("room.enter"), Error: m.Of("may_enter"), Options: []Choice{
		{Value: string(rooms.EnterAnyone), Label: r.P.T("room.enter.anyone"), Chosen: s.MayEnter == rooms.EnterAnyone},
		{Value: string(rooms.EnterPeople), Label: r.P.T("room.enter.people"), Chosen: s.MayEnter == rooms.EnterPeople},
		{Value: string(rooms.EnterInvited), Label: r.P.T("room.enter.invited"), Chosen: s.MayEnter == rooms.EnterInvited},
	}}
	page.Starts = Choices{Name: "may_start", Legend: r.P.T("room.starts"), Error: m.Of("may_start"), Options: []Choice{
		{Value: string(rooms.StartHosts), Label: r.P.T("room.starts.hosts"), Chosen: s.MayStart == rooms.StartHosts},
		{Value: string(rooms.StartSignedIn), Label: r.P.T("room.starts.signed_in"), Chosen: s.MayStart == rooms.StartSignedIn},
		{Value: string(rooms.StartAnyone), Label: r.P.T("room.starts.anyone"), Chosen: s.MayStart == rooms.StartAnyone},
	}}
	page.Code = Field{Name: "access_code", Label: r.P.T("room.code"), Hint: r.P.T("room.code_hint"), Value: s.AccessCode, Error: m.Of("access_code"), MaxLength: 64, Optional: true}
	page.Lobby = Switch{Name: "waiting_room", Label: r.P.T("room.lobby"), Hint: r.P.T("room.lobby_hint"), On: s.WaitingRoom}
	page.Mute = Switch{Name: "mute_on_entry", Label: r.P.T("room.mute"), Hint: r.P.T("room.mute_hint"), On: s.MuteOnEntry}
	page.Pin = Button{Kind: ButtonQuiet, Icon: "pin", Label: r.P.T("room.pin"), Post: "/r/" + room.Slug + "/pin", Name: "pinned", Value: "on"}
	if room.Pinned {
		page.Pin = Button{Kind: ButtonQuiet, Icon: "pin-off", Label: r.P.T("room.unpin"), Post: "/r/" + room.Slug + "/pin", Name: "pinned", Value: "off"}
	}
	page.Add = Field{Name: "address", Label: r.P.T("room.add"), Hint: r.P.T("room.add_hint"), Type: "email", InputMode: "email", Error: m.Of("address"), MaxLength: 254}
	page.AddRole = Choices{Name: "role", Legend: r.P.T("room.add_role"), Error: m.Of("role"), Options: []Choice{
		{Value: string(rooms.RoleModerator), Label: r.P.T("room.role.moderator"), Chosen: true},
		{Value: string(rooms.RoleViewer), Label: r.P.T("room.role.viewer")},
	}}
	page.Archive = Dialog{
		ID: "archive", Title: r.P.T("room.archive_title", map[string]any{"Name": room.Name}), Text: r.P.T("room.archive_text"),
		Effects: []string{r.P.T("room.archive_link"), r.P.T("room.archive_back")}, Post: "/r/" + room.Slug + "/archive",
		Confirm: Button{Kind: ButtonDanger, Label: r.P.T("room.archive")}, Cancel: r.P.T("portal.cancel"),
		Open: Button{Kind: ButtonQuiet, Icon: "archive", Label: r.P.T("room.archive"), Href: "/r/" + room.Slug + "/archive"},
	}
}

// own finds the room of the path for an act of its owner.
func (h *Handler) own(r *Request) (rooms.Room, error) {
	room, role, err := h.Rooms.FindBySlug(r.Context(), r.Visitor.Actor, r.PathValue("room"))
	if err != nil {
		return rooms.Room{}, err
	}
	if role != rooms.RoleModerator {
		return rooms.Room{}, fault.New(fault.NotFound, "room.unknown")
	}
	return room, nil
}

func (h *Handler) roomSave(w http.ResponseWriter, r *Request) error {
	room, err := h.own(r)
	if err != nil {
		return err
	}
	version, err := strconv.Atoi(r.FormValue("version"))
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "input.unreadable")
	}
	wanted := room
	wanted.Name, wanted.Version = r.FormValue("name"), version
	wanted.Settings = rooms.Settings{
		AccessCode: r.FormValue("access_code"), WaitingRoom: r.FormValue("waiting_room") == "on", MuteOnEntry: r.FormValue("mute_on_entry") == "on",
		MayStart: rooms.Start(r.FormValue("may_start")), MayEnter: rooms.Enter(r.FormValue("may_enter")),
	}
	var check fault.Check
	check.Field(wanted.Name != "", "name", "input.required")
	if err = check.Err(); err == nil {
		_, err = h.Rooms.Update(r.Context(), r.Visitor.Actor, room.ID, rooms.UpdateInput{Name: wanted.Name, Settings: wanted.Settings, Version: version})
	}
	if m, wrong := mistakes(r.P, err); wrong {
		page, err := h.roomAgain(r, wanted, m)
		if err != nil {
			return err
		}
		return h.render(w, r, http.StatusUnprocessableEntity, "room_show", page)
	}
	if fault.CodeOf(err) == "rooms.stale" {
		page, roomErr := h.roomAgain(r, wanted, Mistakes{})
		if roomErr != nil {
			return roomErr
		}
		page.stale(r, room, wanted, err)
		return h.render(w, r, web.Status(err), "room_show", page)
	}
	if err != nil {
		return err
	}
	return h.seeOther(w, r, "/r/"+room.Slug, "room_saved")
}

// stale shows both versions: the form keeps what was typed, beside it stands what was saved meanwhile. Saving once
// more takes the form's.
func (page *roomPage) stale(r *Request, saved, wanted rooms.Room, err error) {
	page.Version = saved.Version
	page.Stale = &Notice{Kind: NoticeWarn, Text: r.P.Fault(err)}
	page.Alarm = page.Stale.Text
	now, then := saved.Settings, wanted.Settings
	differs := func(is bool, key, value string) {
		if is {
			page.Saved = append(page.Saved, usageLine{Label: r.P.T(key), Value: value})
		}
	}
	onOff := func(on bool) string { return r.P.T(map[bool]string{true: "usage.yes", false: "usage.no"}[on]) }
	differs(saved.Name != wanted.Name, "rooms.name", saved.Name)
	differs(now.MayEnter != then.MayEnter, "room.enter", r.P.T("room.enter."+string(now.MayEnter)))
	differs(now.MayStart != then.MayStart, "room.starts", r.P.T("room.starts."+string(now.MayStart)))
	differs(now.AccessCode != then.AccessCode, "room.code", cmp.Or(now.AccessCode, onOff(false)))
	differs(now.WaitingRoom != then.WaitingRoom, "room.lobby", onOff(now.WaitingRoom))
	differs(now.MuteOnEntry != then.MuteOnEntry, "room.mute", onOff(now.MuteOnEntry))
}

func (h *Handler) roomPin(w http.ResponseWriter, r *Request) error {
	room, err := h.own(r)
	if err != nil {
		return err
	}
	if _, err := h.Rooms.Pin(r.Context(), r.Visitor.Actor, room.ID, r.FormValue("pinned") == "on"); err != nil {
		return err
	}
	return h.seeOther(w, r, "/r/"+room.Slug, "room_saved")
}

func (h *Handler) roomPersonAdd(w http.ResponseWriter, r *Request) error {
	room, err := h.own(r)
	if err != nil {
		return err
	}
	err = h.Rooms.AddPerson(r.Context(), r.Visitor.Actor, room.ID, rooms.AddPersonInput{Address: r.FormValue("address"), Role: rooms.Role(r.FormValue("role"))})
	if m, wrong := mistakes(r.P, err); wrong {
		page, err := h.roomAgain(r, room, m)
		if err != nil {
			return err
		}
		page.Add.Value = r.FormValue("address")
		for i := range page.AddRole.Options {
			page.AddRole.Options[i].Chosen = page.AddRole.Options[i].Value == r.FormValue("role")
		}
		return h.render(w, r, http.StatusUnprocessableEntity, "room_show", page)
	}
	if err != nil {
		return err
	}
	return h.seeOther(w, r, "/r/"+room.Slug+"#people", "room_person_added")
}

func (h *Handler) roomPersonRemove(w http.ResponseWriter, r *Request) error {
	room, err := h.own(r)
	if err != nil {
		return err
	}
	if err := h.Rooms.RemovePerson(r.Context(), r.Visitor.Actor, room.ID, r.FormValue("subject")); err != nil {
		return err
	}
	return h.seeOther(w, r, "/r/"+room.Slug+"#people", "room_person_removed")
}

// roomArchivePage asks the same as the dialog, for browsers without scripts.
type roomArchivePage struct {
	Page
	Text    string
	Effects []string
	Confirm Button
	Back    Link
}

func (h *Handler) roomArchiveAsk(w http.ResponseWriter, r *Request) error {
	room, err := h.own(r)
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "room_archive", h.archiveOf(r, room))
}

func (h *Handler) archiveOf(r *Request, room rooms.Room) roomArchivePage {
	page := roomArchivePage{
		Page: h.page(r, "rooms", r.P.T("room.archive_title", map[string]any{"Name": room.Name})), Text: r.P.T("room.archive_text"),
		Effects: []string{r.P.T("room.archive_link"), r.P.T("room.archive_back")},
		Confirm: Button{Kind: ButtonDanger, Label: r.P.T("room.archive"), Post: "/r/" + room.Slug + "/archive"},
		Back:    Link{Label: r.P.T("portal.cancel"), Href: "/r/" + room.Slug},
	}
	page.Trail = []Link{{Label: r.P.T("rooms.list.title"), Href: "/rooms"}, {Label: room.Name, Href: "/r/" + room.Slug}}
	return page
}

func (h *Handler) roomArchive(w http.ResponseWriter, r *Request) error {
	room, err := h.own(r)
	if err != nil {
		return err
	}
	if err := h.Rooms.Archive(r.Context(), r.Visitor.Actor, room.ID); err != nil {
		return err
	}
	return h.seeOther(w, r, "/rooms/archived", "room_archived")
}

func (h *Handler) roomRestore(w http.ResponseWriter, r *Request) error {
	room, err := h.own(r)
	if err != nil {
		return err
	}
	if err := h.Rooms.Restore(r.Context(), r.Visitor.Actor, room.ID); err != nil {
		return err
	}
	return h.seeOther(w, r, "/r/"+room.Slug, "room_restored")
}

// roomCalendar is the invitation as a calendar file.
func (h *Handler) roomCalendar(w http.ResponseWriter, r *Request) error {
	room, err := h.own(r)
	if err != nil {
		return err
	}
	in, err := h.calendarInput(r, room)
	if err != nil {
		return err
	}
	file := rooms.Calendar(in)
	w.Header().Set("Content-Type", "text/calendar; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+url.PathEscape(room.Slug)+`.ics"`)
	w.Header().Set("Cache-Control", "no-store")
	_, err = w.Write(file)
	return dropped(h, r, err)
}

// memberOf returns the member whose seats a room uses.
func (h *Handler) memberOf(r *Request, room rooms.Room) (m membership.Member, err error) {
	err = h.DB.Read(r.Context(), func(tx store.Reader) error {
		m, err = membership.Get(r.Context(), tx, room.Member)
		return err
	})
	return m, err
}
