// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/live"
	"meetcoop/internal/membership"
	"meetcoop/internal/rooms"
	"meetcoop/internal/web"
)

// joinPage is the door of a room: name, devices, code, and one button. Nothing is held before it is pressed.
type joinPage struct {
	Page
	Member  string // whose seats are used
	Slug    string
	Errors  FormErrors
	Name    Field
	Code    *Field
	State   string // what happens after pressing
	Live    bool
	Join    string // the button
	Refused *Notice
	Config  pageConfig
	SignIn  *Link
}

// pageConfig is what the page's script needs; package assets has its other half (src/meet/dom.ts).
type pageConfig struct {
	Meeting   string         `json:"meeting"`
	Base      string         `json:"base"`
	Room      string         `json:"room"`
	Client    bool           `json:"client"` // the meeting of an API client: it has no room
	Home      string         `json:"home"`
	HomeLabel string         `json:"homeLabel"`
	Sprite    string         `json:"sprite"`
	Lang      string         `json:"lang"`
	Strings   map[string]any `json:"strings"`
}

// config fills in the texts whose keys begin with one of the prefixes.
func (h *Handler) config(r *Request, prefixes ...string) pageConfig {
	c := pageConfig{Sprite: h.Assets.URL("icons.svg"), Lang: string(r.P.Tag()), Home: "/", Strings: map[string]any{}}
	if r.Visitor.SignedIn() {
		c.Home = "/rooms"
	}
	for _, prefix := range prefixes {
		for key, forms := range h.Catalog.Section(r.P.Tag(), prefix) {
			if only, ok := forms["other"]; ok && len(forms) == 1 {
				c.Strings[key] = only
				continue
			}
			c.Strings[key] = forms
		}
	}
	return c
}

// who is the browser at the door, and in the meeting of an API client that the address names whom its signed link made them.
func (h *Handler) who(r *Request) live.Who {
	who := live.Who{Actor: r.Visitor.Actor, Guest: h.browser(r)}
	if m, err := id.ParseMeeting(r.PathValue("meeting")); err == nil {
		who.Sent = h.sentTo(r, m)
	}
	return who
}

func (h *Handler) joinShow(w http.ResponseWriter, r *Request) error {
	room, role, err := h.Rooms.FindBySlug(r.Context(), r.Visitor.Actor, r.PathValue("room"))
	if err != nil {
		return err
	}
	return h.joinPage(w, r, http.StatusOK, room, role, Mistakes{})
}

func (h *Handler) joinPage(w http.ResponseWriter, r *Request, status int, room rooms.Room, role rooms.Role, m Mistakes) error {
	page, err := h.door(w, r, room, role, m)
	if err != nil {
		return err
	}
	return h.render(w, r, status, "room_join", page)
}

func (h *Handler) door(w http.ResponseWriter, r *Request, room rooms.Room, role rooms.Role, m Mistakes) (joinPage, error) {
	h.keepBrowser(w, r)
	member, err := h.memberOf(r, room)
	if err != nil {
		return joinPage{}, err
	}
	running, err := h.running(r.Context(), []id.Room{room.ID})
	if err != nil {
		return joinPage{}, err
	}
	return h.doorOf(r, room, role, member, running[room.ID], m), nil
}

func (h *Handler) doorOf(r *Request, room rooms.Room, role rooms.Role, member membership.Member, run live.Now, m Mistakes) joinPage {
	open := run.Meeting != ""
	page := joinPage{
		Page: h.page(r, "rooms", room.Name), Member: member.Name, Slug: room.Slug, Errors: m.Summary(), Live: open,
		Name:   Field{Name: "name", Label: r.P.T("join.name"), Hint: r.P.T("join.name_hint"), Value: r.FormValue("name"), Error: m.Of("name"), Autocomplete: "name", MaxLength: 2 * identity.MaxNameRunes},
		Join:   r.P.T("join.join"),
		Config: h.config(r, "meet.preview.", "meet.device."),
	}
	page.Layout, page.Robots = LayoutBare, false
	page.Scripts, page.Styles = []string{"join.js"}, nil
	if page.Name.Value == "" {
		page.Name.Value = r.Visitor.Person.Name
	}
	moderator := role == rooms.RoleModerator
	switch {
	case open:
		page.State = r.P.N("join.state_live", run.Seated, map[string]any{"Since": r.P.Clock(run.Since)})
	case moderator:
		page.State, page.Join = r.P.T("join.state_start"), r.P.T("join.start")
	case room.Settings.MayStart == rooms.StartAnyone || (room.Settings.MayStart == rooms.StartSignedIn && r.Visitor.SignedIn()):
		page.State = r.P.T("join.state_start")
	default:
		page.State = r.P.T("join.state_wait")
	}
	if room.Settings.WaitingRoom && !moderator {
		page.State += " " + r.P.T("join.state_lobby")
	}
	if room.Settings.AccessCode != "" && !moderator {
		page.Code = &Field{Name: "code", Label: r.P.T("join.code"), Hint: r.P.T("join.code_hint"), Error: m.Of("code"), MaxLength: 64}
	}
	if !r.Visitor.SignedIn() {
		page.SignIn = &Link{Label: r.P.T("join.signin"), Href: "/signin?next=/r/" + room.Slug + "/join"}
	}
	return page
}

// codeWrong says at the field what is wrong with the access code.
func (page *joinPage) codeWrong(r *Request, err error) {
	page.Alarm = r.P.Fault(err)
	if page.Code != nil {
		page.Code.Error, page.Code.Autofocus = page.Alarm, true
	}
}

// joinSend knocks. Admitted: to the meeting. Waiting: to the page that waits. Refused: the page that says why, with 409 and alike.
func (h *Handler) joinSend(w http.ResponseWriter, r *Request) error {
	return h.knock(w, r, false)
}

// knock asks to be let in; wait: when all seats are taken, stand in line for one.
func (h *Handler) knock(w http.ResponseWriter, r *Request, wait bool) error {
	room, role, err := h.Rooms.FindBySlug(r.Context(), r.Visitor.Actor, r.PathValue("room"))
	if err != nil {
		return err
	}
	who := live.Who{Actor: r.Visitor.Actor, Guest: h.keepBrowser(w, r)}
	entry, err := h.Live.Knock(r.Context(), live.KnockInput{
		Room: room.ID, Who: who, Name: r.FormValue("name"), Code: r.FormValue("code"), Client: h.Client(r.Request).String(), Wait: wait,
	})
	if m, wrong := mistakes(r.P, err); wrong {
		return h.joinPage(w, r, http.StatusUnprocessableEntity, room, role, m)
	}
	switch fault.CodeOf(err) {
	case "room.code", "room.code_last", "room.code_needed", "room.code_wait":
		page, doorErr := h.door(w, r, room, role, Mistakes{})
		if doorErr != nil {
			return doorErr
		}
		page.codeWrong(r, err)
		return h.render(w, r, web.Status(err), "room_join", page)
	case "room.signin":
		return h.seeOther(w, r, "/signin?next=/r/"+room.Slug+"/join", "")
	}
	if err != nil {
		return h.refuse(w, r, room, err)
	}
	if entry.State == live.Admitted {
		return h.seeOther(w, r, "/meet/"+string(entry.Meeting), "")
	}
	return h.seeOther(w, r, "/r/"+room.Slug+"/wait", "")
}
