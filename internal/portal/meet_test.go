// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"meetcoop/internal/rooms"
)

// acts are the posts of a meeting's page and a body that each accepts.
var acts = map[string]string{
	"enter": "{}", "chat": `{"text":"hello"}`, "hand": `{"up":true}`, "react": `{"kind":"clap"}`, "rename": `{"name":"Olga P."}`, "lock": `{"chat":true}`,
	"door": `{"closed":false}`, "mute-all": "{}", "lobby/admit-all": "{}",
}

// aimed are the posts about another person.
var aimed = map[string]string{
	"people/{participant}/mute": `{"media":"mic"}`, "people/{participant}/role": `{"role":"moderator"}`, "people/{participant}/may": `{"mic":false}`,
	"people/{participant}/hand": "{}", "people/{participant}/remove": "{}", "people/{participant}/lift": "{}", "lobby/{participant}/admit": "{}", "lobby/{participant}/deny": `{"text":""}`,
}

func TestTheActsOfAMeeting(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		h := w.house("Hilado", "level-2", rooms.Settings{})
		other := w.house("Teixit", "level-2", rooms.Settings{})
		meet, foreign := w.start(h), w.start(other)
		guest := w.browser()
		guest.knock(h, "Ada", "").leads("a guest", meet)
		stranger := w.browser()
		stranger.get(other.path("")).is("another door", 200)
		enter := func(b *browser, meet string) (id string) {
			t.Helper()
			var state struct {
				State struct{ Me struct{ ID string } }
			}
			b.send(meet+"/enter", "{}").is("entering", 200).json(&state)
			return state.State.Me.ID
		}
		ada, olga := enter(guest, meet), enter(other.owner, foreign)
		enter(h.owner, meet)

		for act, body := range acts {
			h.owner.send(meet+"/"+act, body).is(act, 200)
			h.owner.send(meet+"/"+act, "").is(act+" without a body", bodyless[act])
			h.owner.send(meet+"/"+act, "{").is(act+", unreadable", 400).fails("input.unreadable")
			h.owner.send(meet+"/"+act, `{"text":"`+strings.Repeat("x", maxActBytes)+`"}`).is(act+", too large", 413).fails("web.too_large")
			stranger.send(meet+"/"+act, body).is(act+" of somebody outside", 404)
			other.owner.send(meet+"/"+act, body).is(act+" of another meeting's moderator", 404)
			h.owner.send("/meet/mtg_0192f0c1a2b37c4d8e9f0a1b2c3d4e5f/"+act, body).is(act+" of a meeting that is not there", 404)
			h.owner.send("/meet/nonsense/"+act, body).is(act+" of no meeting", 404)
		}
		for act, body := range aimed {
			h.owner.send(meet+"/"+strings.Replace(act, "{participant}", olga, 1), body).is(act+" on another meeting's person", 404)
			h.owner.send(meet+"/"+strings.Replace(act, "{participant}", "nonsense", 1), body).is(act+" on nobody", 404)
			guest.send(meet+"/"+strings.Replace(act, "{participant}", ada, 1), body).is(act+" by a viewer", 403)
		}
		guest.send(meet+"/end", "{}").is("a viewer ends it", 403)
		guest.send(meet+"/lock", `{"chat":true}`).is("a viewer locks", 403)
		guest.send(meet+"/chat", `{"text":"hello"}`).is("a viewer writes into a locked chat", 403).fails("live.chat_locked")
		h.owner.send(meet+"/react", `{"kind":"bomb"}`).is("no such sign", 422).fails("input.invalid")
		h.owner.send(meet+"/rename", `{"name":""}`).is("no name", 422)

		fast := answer{}
		for range 6 {
			fast = h.owner.send(meet+"/chat", `{"text":"again"}`)
		}
		fast.is("faster than the chat takes", 429).fails("live.chat_rate")
		if fast.header.Get("Retry-After") == "" {
			t.Error("429 without Retry-After")
		}

		stranger.get(meet).is("the page, to somebody outside", 404)
		guest.get(meet).is("the page", 200)
		guest.send(meet+"/leave", "").is("leaving", 200)
		guest.send(meet+"/leave", "").is("leaving twice", 200)
		h.owner.send(meet+"/end", "{}").is("ending", 200)
		if why := h.owner.send(meet+"/chat", `{"text":"late"}`).is("after the end", 410).fails("meeting.ended_host"); why != "host" {
			t.Errorf("why %q", why)
		}
		if why := h.owner.send(meet+"/enter", "{}").is("entering after the end", 410).fails("meeting.ended_host"); why != "host" {
			t.Errorf("why %q", why)
		}
		h.owner.get(meet).is("the page after the end", 200)
		h.owner.send(meet+"/leave", "").is("leaving after the end", 200)
	})
}

// bodyless is what an act answers without a body: most need none, some have nothing to do without.
var bodyless = map[string]int{
	"enter": 200, "chat": 422, "hand": 200, "react": 422, "rename": 422, "lock": 200, "door": 200, "mute-all": 200, "lobby/admit-all": 200,
}

// TestEveryActIsWalked keeps the two lists above complete.
func TestEveryActIsWalked(t *testing.T) {
	known := map[string]bool{"POST /meet/{meeting}/leave": true, "POST /meet/{meeting}/end": true, "GET /meet/{meeting}": true, "GET /meet/{meeting}/events": true,
		"GET /meet/{meeting}/in": true, "GET /meet/{meeting}/wait": true, "POST /meet/{meeting}/wait/leave": true, "GET /meet/{meeting}/wait/events": true} // TestSomebodyWhomAClientSends
	for _, list := range []map[string]string{acts, aimed} {
		for act := range list {
			known["POST /meet/{meeting}/"+act] = true
		}
	}
	for _, route := range testPortal.Routes() {
		name := route.Method + " " + route.Pattern
		if strings.HasPrefix(route.Pattern, "/meet/") && !known[name] {
			t.Errorf("%s is not in the walk", name)
		}
		delete(known, name)
	}
	for name := range known {
		t.Errorf("%s is walked but not served", name)
	}
}

// stream reads events over a socket until one of the kind comes, and returns its data.
func (b *browser) stream(path, kind string, meanwhile func()) string {
	b.w.t.Helper()
	srv := httptest.NewServer(b.w.handler)
	defer srv.Close()
	ctx, cancel := context.WithTimeout(b.w.t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL+path, nil)
	b.w.must(err)
	for _, c := range b.jar {
		r.AddCookie(c)
	}
	got, err := srv.Client().Do(r)
	b.w.must(err)
	defer func() { _ = got.Body.Close() }()
	if got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != "text/event-stream" {
		body, _ := io.ReadAll(got.Body)
		b.w.t.Fatalf("%s: %d %s", path, got.StatusCode, body)
	}
	if meanwhile != nil {
		meanwhile()
	}
	lines, now := bufio.NewScanner(got.Body), ""
	for lines.Scan() {
		if event, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			now = event
		}
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && now == kind {
			return data
		}
	}
	b.w.t.Fatalf("%s: no event %s before %v", path, kind, lines.Err())
	return ""
}

func TestStreams(t *testing.T) {
	w := liteTown(t, townOptions{})
	h := w.house("Hilado", "level-2", rooms.Settings{})
	early := w.browser()
	early.knock(h, "Ada", "").leads("before the start", h.path("/wait"))
	var meet string
	h.owner.stream("/rooms/events", "rooms", func() { meet = w.start(h) })
	if data := early.stream(h.path("/wait/events"), "admitted", nil); !strings.Contains(data, strings.TrimPrefix(meet, "/meet/")) {
		t.Errorf("admitted to %s, want %s", data, meet)
	}
	h.owner.send(meet+"/enter", "{}").is("entering", 200)
	var state struct {
		N       int
		Meeting struct{ Room string }
	}
	if err := json.Unmarshal([]byte(h.owner.stream(meet+"/events", "state", nil)), &state); err != nil || state.Meeting.Room != h.room.Slug {
		t.Errorf("the state is %+v, %v", state, err)
	}
	if data := h.owner.stream(meet+"/events?after="+strconv.Itoa(state.N), "chat", func() { h.owner.send(meet+"/chat", `{"text":"hello"}`) }); !strings.Contains(data, "hello") {
		t.Errorf("chat is %s", data)
	}
	outside := w.browser()
	outside.get(h.path("")).is("the door", 200)
	outside.get(meet+"/events").is("the stream, to somebody outside", 404)
	w.browser().get("/rooms/events").is("the stream of rooms, to nobody", 303)
}
