// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"meetcoop/internal/admission"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/live"
	"meetcoop/internal/membership"
	"meetcoop/internal/rooms"
	"meetcoop/internal/usage"
)

// hosted is a meeting of an API client, as package embedded makes one.
type hosted struct {
	w          *town
	connection id.Connection
	fleet.Meeting
}

func (w *town) hosted(h house, name, leave string) *hosted {
	w.t.Helper()
	c, _, err := w.Members.Connect(w.t.Context(), h.actor, membership.ConnectInput{Member: h.member.ID, Name: name})
	w.must(err)
	a, err := w.gate.Reserve(w.t.Context(), admission.ReserveInput{Member: h.member.ID, Connection: c.ID, ExternalID: name, Meeting: id.NewMeeting(), Kinds: []fleet.Kind{fleet.KindSFU}}, nil)
	w.must(err)
	w.must(w.live.Host(w.t.Context(), live.HostInput{Meeting: a.Meeting, Asked: "meetingID=x", Title: "Course " + name, LeaveURL: leave}))
	_, err = w.gate.Confirm(w.t.Context(), a.Meeting.ID, true, nil)
	w.must(err)
	return &hosted{w, c.ID, a.Meeting}
}

// send is a signed join, and returns the way in.
func (m *hosted) send(name string, role live.Role, wait bool) string {
	m.w.t.Helper()
	person := usage.KeyOf(m.connection, name)
	p := id.DerivedParticipant(m.ID, person)
	if !wait {
		_, err := m.w.gate.Join(m.w.t.Context(), admission.JoinInput{
			Member: m.Member, Connection: m.connection, ExternalID: m.ExternalID, Within: m.ID, Participant: p, Person: person, Role: admission.Role(role),
		})
		m.w.must(err)
	}
	m.w.must(m.w.live.Send(m.w.t.Context(), live.Guest{Meeting: m.ID, Participant: p, Person: person, SentAs: name, Name: name, Role: role, Wait: wait}))
	return m.path("/in?ticket=" + m.w.portal.Tickets.Make(m.ID, person, m.w.Clock.Now().Add(5*time.Minute)))
}

func (m *hosted) path(more string) string { return "/meet/" + string(m.ID) + more }

func TestSomebodyWhomAClientSends(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		h := w.house("Hilado", "level-2", rooms.Settings{})
		m, other := w.hosted(h, "algebra", "https://course.example/back?a=1&b=2"), w.hosted(h, "botany", "")
		ana, stranger := w.browser(), w.browser()
		in := m.send("Ana", live.Moderator, false)
		ana.headers["Sec-Purpose"] = "prefetch"
		if got := ana.get(in).is("a prefetch", http.StatusNoContent); len(got.cookies) > 0 {
			t.Errorf("a prefetch keeps %v", got.cookies)
		}
		delete(ana.headers, "Sec-Purpose")
		ana.ask(http.MethodHead, in).is("a scanner", http.StatusNoContent)
		got := ana.get(in).leads("the ticket", m.path(""))
		if len(got.cookies) != 1 || !got.cookies[0].HttpOnly || got.header.Get("Referrer-Policy") != "no-referrer" || got.header.Get("Cache-Control") != "no-store" {
			t.Errorf("kept: %v, headers %v", got.cookies, got.header)
		}
		ana.get(m.path("")).is("the page", 200).says("the page", "Course algebra", `"client":true`, `"home":"https://course.example/back?a=1\u0026b=2"`, "Back to course.example")
		var state struct {
			State struct{ Me struct{ Name, Role string } }
		}
		ana.send(m.path("/enter"), "{}").is("entering", 200).json(&state)
		if state.State.Me.Name != "Ana" || state.State.Me.Role != "moderator" {
			t.Errorf("entered as %+v", state)
		}
		for what, b := range map[string]*browser{"a stranger": stranger, "the member's owner": h.owner} {
			for _, path := range []string{"", "/in", "/in?ticket=x", "/wait", "/wait/events"} {
				b.get(m.path(path)).is(what+" at "+path, 404)
			}
			b.post(m.path("/wait/leave"), nil).is(what+" leaves", 404)
			b.send(m.path("/enter"), "{}").is(what+" enters", 404)
		}
		ana.get(other.path("")).is("another meeting of the same member", 404)
		ana.get(strings.Replace(in, string(m.ID), string(other.ID), 1)).is("the ticket elsewhere", 404)

		// The cookie holds several meetings at once, and the newest ticket of each.
		ana.get(other.send("Ana", live.Viewer, false)).leads("a second meeting", other.path(""))
		ana.get(in).leads("the first again", m.path(""))
		ana.get(m.path("")).is("the first", 200)
		ana.get(other.path("")).is("the second", 200).says("without an address of its own", `"home":"/"`)
		if n := len(strings.Split(ana.jar[sentCookie].Value, "~")); n != 2 {
			t.Errorf("%d tickets kept of two meetings", n)
		}
		ana.jar[sentCookie].Value = "~~" + strings.Repeat("x", 3000) + "~" + ana.jar[sentCookie].Value
		ana.get(m.path("")).is("among rubbish", 200)

		w.pass(6 * time.Minute)
		late := w.browser()
		late.get(in).is("a ticket that ran out", 404).says("a ticket that ran out", "run out")
		ana.get(in).leads("with the cookie it still leads in", m.path(""))
	})
}

func TestAGuestOfAClientWaits(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		h := w.house("Hilado", "level-2", rooms.Settings{})
		m := w.hosted(h, "algebra", "https://course.example/back")
		host := w.browser()
		host.get(m.send("Ana", live.Moderator, false)).leads("the host", m.path(""))
		lobby := func() string {
			t.Helper()
			var state struct {
				State struct{ Waiting []struct{ ID, Name string } }
			}
			host.send(m.path("/enter"), "{}").is("the host enters", 200).json(&state)
			if len(state.State.Waiting) != 1 {
				t.Fatalf("waiting: %+v", state)
			}
			return state.State.Waiting[0].ID
		}
		ben := w.browser()
		ben.get(m.send("Ben", live.Viewer, true)).leads("a guest", m.path(""))
		ben.get(m.path("")).leads("the page, before the door", m.path("/wait"))
		ben.get(m.path("/wait")).is("waiting", 200).says("waiting", "Course algebra", m.path("/wait/events"), m.path("/wait/leave"))
		ben.send(m.path("/enter"), "{}").is("entering past the door", 404)
		admitted := ben.stream(m.path("/wait/events"), "admitted", func() {
			host.send(m.path("/lobby/"+lobby()+"/admit"), "{}").is("letting in", 200)
		})
		if !strings.Contains(admitted, string(m.ID)) {
			t.Errorf("told %q", admitted)
		}
		ben.get(m.path("/wait")).leads("let in", m.path(""))
		ben.get(m.path("")).is("the page", 200)

		cai := w.browser()
		cai.get(m.send("Cai", live.Viewer, true)).leads("another guest", m.path(""))
		host.send(m.path("/lobby/"+lobby()+"/deny"), `{"text":"not today"}`).is("declining", 200)
		cai.get(m.path("/wait")).is("declined", 403).says("declined", "not today", "https://course.example/back")

		dan := w.browser()
		dan.get(m.send("Dan", live.Viewer, true)).leads("one who gives up", m.path(""))
		dan.get(m.path("/wait")).is("waiting", 200)
		if got := dan.post(m.path("/wait/leave"), nil); got.status != http.StatusSeeOther || got.header.Get("Location") != "https://course.example/back" {
			t.Errorf("leaving leads to %d %s", got.status, got.header.Get("Location"))
		}
		dan.get(m.path("/wait")).is("nobody at the door", 404)

		eva := w.browser()
		eva.get(m.send("Eva", live.Viewer, true)).leads("one who waits for the end", m.path(""))
		host.send(m.path("/end"), "{}").is("the end", 200)
		eva.get(m.path("/wait")).leads("over", m.path(""))
		eva.get(m.path("")).is("the page of what is over", 200)
		eva.send(m.path("/enter"), "{}").is("entering what is over", 404)
	})
}
