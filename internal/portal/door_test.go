// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"maps"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"meetcoop/internal/engine"
	"meetcoop/internal/identity"
	"meetcoop/internal/membership"
	"meetcoop/internal/rooms"
)

func (h house) path(rest string) string { return "/r/" + h.room.Slug + rest }

// knock presses Join.
func (b *browser) knock(h house, name, code string) answer {
	b.w.t.Helper()
	return b.post(h.path("/join"), url.Values{"name": {name}, "code": {code}})
}

func TestJoining(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		h := w.house("Hilado", "free", rooms.Settings{}) // five seats
		w.moreInOneMeeting(h)
		early := w.browser()
		early.knock(h, "Early", "").leads("before the start", h.path("/wait"))
		early.get(h.path("/wait")).is("waiting for the start", 200).says("it", `<noscript><meta http-equiv="refresh" content="5"></noscript>`, "room.not_started")

		meet := w.start(h)
		early.get(h.path("/wait")).leads("once it runs", meet)
		early.get(meet).is("the meeting's page", 200).says("it", `id="meet"`)
		for _, name := range []string{"Ada", "Ben", "Cy"} {
			b := w.browser()
			b.get(h.path("")).is("the door", 200).says("it", " inside.")
			b.knock(h, name, "").leads(name, meet)
			b.knock(h, name, "").leads(name+", pressing twice", meet)
		}
		if used := w.seats(h.member.ID).Seats.Used; used != 5 {
			t.Errorf("%d seats are used, want 5", used)
		}

		late := w.browser()
		full := late.knock(h, "Dora & Co", "").is("a sixth", 409)
		full.says("the seat row, the code and the button", "5 of 5 seats taken", "admission.seats_full", `action="`+h.path("/wait")+`"`, `name="name" value="Dora &amp; Co"`, "Wait for a seat")
		if strings.Contains(full.body, "Ada") || strings.Contains(full.body, "/m/"+h.member.Slug) {
			t.Error("a stranger reads about other people")
		}
		late.post(h.path("/wait"), url.Values{"name": {"Dora & Co"}}).leads("waiting for a seat", h.path("/wait"))
		late.get(h.path("/wait")).is("in line", 200).says("it", "You are next.", "refresh")
		last := w.browser()
		last.post(h.path("/wait"), url.Values{"name": {"Eve"}}).leads("one more", h.path("/wait"))
		last.get(h.path("/wait")).is("in line", 200).says("it", "1 person is before you.")
		last.post(h.path("/wait/leave"), nil).leads("giving up", h.path("/join?done=wait_left"))
		last.get(h.path("/wait")).leads("no longer in line", h.path("/join"))

		early.send(meet+"/leave", "").is("somebody leaves", 200)
		w.eventually("the seat to be handed on", func() bool { return late.get(h.path("/wait")).header.Get("Location") == meet })
		if used := w.seats(h.member.ID).Seats.Used; used != 5 {
			t.Errorf("%d seats are used, want 5", used)
		}
		h.owner.get(h.path("")).is("the owner's page", 200).says("it", "Live", "5 of 5 seats taken")
	})
}

// TestLookingTakesNoSeat: only a press of the button does.
func TestLookingTakesNoSeat(t *testing.T) {
	w := liteTown(t, townOptions{})
	h := w.house("Hilado", "level-2", rooms.Settings{MayStart: rooms.StartAnyone, MayEnter: rooms.EnterAnyone})
	wait := w.house("Teixit", "level-2", rooms.Settings{})
	b := w.browser()
	b.knock(wait, "Ada", "").leads("waiting", wait.path("/wait"))
	w.start(wait)
	before := w.seats(wait.member.ID).Seats.Used
	for _, purpose := range []string{"", "prefetch", "prefetch;prerender"} {
		b.headers["Sec-Purpose"] = purpose
		for _, method := range []string{"HEAD", "GET"} {
			for _, path := range []string{h.path(""), h.path("/join"), h.path("/wait"), wait.path(""), wait.path("/join"), wait.path("/wait")} {
				if method == "GET" && purpose == "" && path == wait.path("/wait") {
					continue // this one is the waiting itself
				}
				if got := b.ask(method, path); got.status >= 400 {
					t.Errorf("%s %s: %d", method, path, got.status)
				}
			}
		}
		if got := b.ask("HEAD", wait.path("/wait/events")); got.status != 200 {
			t.Errorf("HEAD of a stream: %d", got.status)
		}
	}
	if used, open := w.seats(h.member.ID).Seats.Used, w.seats(wait.member.ID).Seats.Used; used != 0 || open != before {
		t.Errorf("%d seats are used without a meeting, %d in a running one, where %d were", used, open, before)
	}
}

func TestTheAccessCodeOfARoom(t *testing.T) {
	w := liteTown(t, townOptions{})
	h := w.house("Hilado", "level-2", rooms.Settings{AccessCode: "haus7", MayStart: rooms.StartAnyone, MayEnter: rooms.EnterAnyone})
	b := w.browser()
	b.get(h.path("")).is("the door", 200).says("it", `name="code"`)
	b.knock(h, "Ada", "").is("no code", 422).says("the field says so", `aria-invalid="true"`, `value="Ada"`)
	for i := range 4 {
		page := b.knock(h, "Ada", "wrong").is("wrong code "+strconv.Itoa(i+1), 422).says("the field says so", `id="f-code-error"`, `value="Ada"`)
		if strings.Contains(page.body, `value="wrong"`) {
			t.Error("the code is shown again")
		}
	}
	b.knock(h, "Ada", "wrong").is("the fifth", 422).says("the field says so", `id="f-code-error"`)
	b.knock(h, "Ada", "haus7").is("the right code, too soon", 409).says("when again", `id="f-code-error"`)
	if to := w.browser().knock(h, "Ben", " HAUS7 ").header.Get("Location"); !strings.HasPrefix(to, "/meet/") {
		t.Errorf("the code in capitals leads to %q", to)
	}
	w.pass(11 * time.Minute)
	if to := b.knock(h, "Ada", "haus7").header.Get("Location"); !strings.HasPrefix(to, "/meet/") {
		t.Errorf("the right code after the pause leads to %q", to)
	}
	if got := w.browser().knock(h, "\u202eevil", "haus7").is("a name that cannot be shown", 422); !strings.Contains(got.body, "f-name-error") {
		t.Error("the name's field does not say so")
	}
	if to := h.owner.knock(h, "Olga", "").header.Get("Location"); !strings.HasPrefix(to, "/meet/") {
		t.Errorf("the owner is asked for the code: %q", to)
	}
}

func TestRoomsForSome(t *testing.T) {
	w := liteTown(t, townOptions{})
	people := w.house("Hilado", "level-2", rooms.Settings{MayStart: rooms.StartHosts, MayEnter: rooms.EnterPeople})
	invited := w.house("Teixit", "level-2", rooms.Settings{MayStart: rooms.StartHosts, MayEnter: rooms.EnterInvited})
	w.browser().knock(people, "Ada", "").leads("a guest", "/signin?next="+people.path("/join"))
	stranger := w.someone("Stranger", "")
	stranger.knock(people, "", "").is("of another house", 403).says("why", "room.people_only", "Only for people of hilado")
	stranger.knock(invited, "", "").is("not invited", 403).says("why", "room.invited_only")
	w.someone("Colleague", people.member.ID, membership.RoleMember).knock(people, "", "").leads("a colleague", people.path("/wait"))
	invited.owner.post(invited.path("/people"), url.Values{"address": {"stranger@people.example"}, "role": {"viewer"}}).leads("inviting", invited.path("?done=room_person_added#people"))
	stranger.knock(invited, "", "").leads("once invited", invited.path("/wait"))
}

func TestTheWaitingRoomAndBeingPutOut(t *testing.T) {
	w := liteTown(t, townOptions{})
	h := w.house("Hilado", "level-2", rooms.Settings{WaitingRoom: true, MayStart: rooms.StartHosts, MayEnter: rooms.EnterAnyone})
	meet := w.start(h)
	var state struct {
		State struct {
			Me struct {
				ID string `json:"id"`
			} `json:"me"`
			Waiting []struct{ ID, Name string } `json:"waiting"`
		} `json:"state"`
	}
	inside := func() {
		t.Helper()
		h.owner.send(meet+"/enter", "{}").is("entering", 200).json(&state)
	}
	ada, ben := w.browser(), w.browser()
	ada.knock(h, "Ada", "").leads("at the door", h.path("/wait"))
	ben.knock(h, "Ben", "").leads("at the door", h.path("/wait"))
	ada.get(h.path("/wait")).is("waiting", 200).says("it", "room.waiting")
	inside()
	if len(state.State.Waiting) != 2 {
		t.Fatalf("waiting: %+v", state.State.Waiting)
	}
	for _, p := range state.State.Waiting {
		if p.Name == "Ada" {
			h.owner.send(meet+"/lobby/"+p.ID+"/admit", "{}").is("admitting", 200)
		} else {
			h.owner.send(meet+"/lobby/"+p.ID+"/deny", `{"text":"Next week <b>"}`).is("declining", 200)
		}
	}
	w.eventually("Ada to be let in", func() bool { return ada.get(h.path("/wait")).header.Get("Location") == meet })
	ben.get(h.path("/wait")).is("declined", 403).says("the words", "Next week &lt;b&gt;")

	ada.send(meet+"/enter", "{}").is("entering", 200).json(&state)
	h.owner.send(meet+"/people/"+state.State.Me.ID+"/remove", "{}").is("removing", 200)
	ada.knock(h, "Ada", "").is("coming back", 403).says("why", "room.removed")
	ada.send(meet+"/enter", "{}").is("entering again", 403).fails("room.removed")
	h.owner.send(meet+"/door", `{"closed":true}`).is("closing the door", 200)
	w.browser().knock(h, "Cy", "").is("a closed door", 409).says("why", "room.locked", "Try again")
}

func TestRefusalsOfServersAndStandings(t *testing.T) {
	w := liteTown(t, townOptions{})
	h := w.house("Hilado", "level-2", rooms.Settings{MayStart: rooms.StartAnyone, MayEnter: rooms.EnterAnyone})
	meet := w.start(h)
	w.noWay = engine.ErrDown
	got := h.owner.send(meet+"/enter", "{}").is("the engine is down", 503)
	got.fails("engine.down")
	if got.header.Get("Retry-After") == "" {
		t.Error("503 without Retry-After")
	}
	w.noWay = nil
	h.owner.send(meet+"/end", "{}").is("ending", 200)

	w.must(w.Members.Suspend(t.Context(), identity.Operator(), h.member.ID, "spam"))
	no := w.browser().knock(h, "Ada", "").is("a suspended member", 403).says("why", "member.suspended")
	if strings.Contains(no.body, "Wait for a seat") {
		t.Error("waiting would not help")
	}
	h.owner.get(h.path("")).is("its room", 200)
	h.owner.get("/rooms").is("its rooms", 200)
	h.owner.get("/m/"+h.member.Slug+"/usage").is("its usage", 200).says("the standing", "Suspended")
	h.owner.get("/m/"+h.member.Slug+"/usage?span=month").is("its month", 200)
	h.owner.post("/rooms", url.Values{"name": {"Board"}}).is("a new room", 403).says("why", "member.suspended")
}

func TestARoomsPage(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		h := w.house("Hilado", "free", rooms.Settings{})
		page := h.owner.get(h.path("")).is("the room", 200).says("it", "http://localhost"+h.path(""))
		first := page.value("version")
		form := func(version, name string, more url.Values) url.Values {
			f := url.Values{"version": {version}, "name": {name}, "may_enter": {"anyone"}, "may_start": {"hosts"}}
			maps.Copy(f, more)
			return f
		}
		h.owner.post(h.path("/settings"), form(first, "Board <b>", url.Values{"access_code": {"x"}, "may_enter": {"moon"}})).
			is("two mistakes", 422).says("all of them, and what was typed", "2 things to correct", `value="Board &lt;b&gt;"`, `value="x"`)
		if _, role, err := w.Rooms.FindBySlug(t.Context(), h.actor, h.room.Slug); err != nil || role != rooms.RoleModerator {
			t.Errorf("%v %v", role, err)
		}
		h.owner.post(h.path("/settings"), form(first, "", nil)).is("no name", 422)
		h.owner.post(h.path("/settings"), form(first, "Board", url.Values{"waiting_room": {"on"}, "access_code": {"haus7"}})).leads("saving", h.path("?done=room_saved"))
		saved, _, err := w.Rooms.FindBySlug(t.Context(), h.actor, h.room.Slug)
		if err != nil || saved.Name != "Board" || !saved.Settings.WaitingRoom || saved.Settings.AccessCode != "haus7" {
			t.Errorf("%+v, %v", saved, err)
		}
		stale := h.owner.post(h.path("/settings"), form(first, "Choir", nil)).is("a form from before", 409)
		stale.says("both versions", `value="Choir"`, "<dd>Board</dd>", "<dd>haus7</dd>")
		h.owner.post(h.path("/settings"), form(stale.value("version"), "Choir", nil)).leads("saving once more", h.path("?done=room_saved"))
		h.owner.post(h.path("/settings"), form("x", "Choir", nil)).is("no version", 400)

		h.owner.post(h.path("/people"), url.Values{"address": {"no address"}, "role": {"viewer"}}).is("a wrong address", 422).says("what was typed", `value="no address"`)
		add := url.Values{"address": {"ada@people.example"}, "role": {"moderator"}}
		h.owner.post(h.path("/people"), add).leads("a co-host", h.path("?done=room_person_added#people"))
		h.owner.post(h.path("/people"), add).leads("twice", h.path("?done=room_person_added#people"))
		cohost := w.someone("Ada", "")
		cohost.get(h.path("")).is("the co-host's page", 200)
		cohost.post(h.path("/settings"), form("1", "Mine", nil)).is("the co-host changes it", 403)
		cohost.post(h.path("/archive"), nil).is("the co-host archives it", 403)
		subject := h.owner.get(h.path("")).value("subject")
		h.owner.post(h.path("/people/remove"), url.Values{"subject": {subject}}).leads("removing", h.path("?done=room_person_removed#people"))
		h.owner.post(h.path("/people/remove"), url.Values{"subject": {subject}}).leads("twice", h.path("?done=room_person_removed#people"))

		h.owner.post("/rooms", url.Values{"name": {"Second"}}).is("one room too many", 409).says("the limit, the way on and what was typed", "/m/"+h.member.Slug+"/usage", `value="Second"`)
		h.owner.post("/rooms", url.Values{"name": {""}, "member": {"no-such-member"}}).is("another's room", 404)
		h.owner.post(h.path("/archive"), nil).leads("archiving", "/rooms/archived?done=room_archived")
		h.owner.post(h.path("/archive"), nil).leads("twice", "/rooms/archived?done=room_archived")
		w.browser().get(h.path("")).is("an archived room", 404)
		h.owner.get("/rooms").is("no rooms", 200).says("the empty state", `href="/rooms/new"`)
		h.owner.post(h.path("/restore"), nil).leads("back", h.path("?done=room_restored"))
		h.owner.get(h.path("?done=room_restored")).is("the room", 200).says("that it is", "The room is back.")

		ics := h.owner.get(h.path("/invitation.ics?date=2027-02-01&time=19:00&minutes=90")).is("the invitation", 200)
		ics.says("it", "BEGIN:VCALENDAR", "http://localhost"+h.path(""))
		h.owner.get(h.path("/invitation.ics?date=x&time=y&minutes=0")).is("a wrong date", 422)
	})
}
