// SPDX-License-Identifier: AGPL-3.0-or-later

package live_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/engine"
	"meetcoop/internal/engine/enginetest"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/identity"
	"meetcoop/internal/live"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
)

// three is a meeting with its owner and two guests, who are inside; the guests come through the last node.
func (w *town) three() (ana, bob, eve *someone) {
	w.t.Helper()
	member, owner := w.Organisation("level-1")
	room := w.Room(owner, member, rooms.Settings{})
	last := w.nodes[len(w.nodes)-1]
	ana = w.someone(w.nodes[0], person(owner), "Ana", room).join().enter()
	bob = w.someone(last, guest("bob"), "Bob", room).join().enter()
	eve = w.someone(last, guest("eve"), "Eve", room).join().enter()
	return ana, bob, eve
}

func (s *someone) said(text string) func(live.Line) bool {
	return func(l live.Line) bool { return l.Text == text }
}

func lines(st live.State) (out []string) {
	for _, l := range st.Chat {
		out = append(out, l.Text)
	}
	return out
}

func TestChatReachesWhomItIsFor(t *testing.T) {
	eachEngine(t, 2, func(t *testing.T, w *town) {
		ctx := t.Context()
		ana, bob, eve := w.three()
		say := func(s *someone, to, text string) {
			t.Helper()
			if _, err := s.n.Chat(ctx, s.meeting, s.who, live.ChatInput{Text: text, To: to}); err != nil {
				t.Fatal(err)
			}
		}
		say(bob, "", "hello all")
		say(bob, live.ToModerators, "a word to the host")
		say(ana, string(bob.id), "only Bob")
		say(eve, "", "bye")
		for _, s := range []*someone{ana, bob, eve} {
			await(s.page, "chat", s.said("bye"))
		}
		want := map[string][]string{
			"Ana": {"hello all", "a word to the host", "only Bob", "bye"},
			"Bob": {"hello all", "a word to the host", "only Bob", "bye"},
			"Eve": {"hello all", "bye"},
		}
		for _, s := range []*someone{ana, bob, eve} {
			var heard []string
			for _, e := range s.page.all() {
				var l live.Line
				if e.Kind == "chat" && json.Unmarshal(e.Data, &l) == nil {
					heard = append(heard, l.Text)
				}
			}
			if diff := cmp.Diff(want[s.name], heard); diff != "" {
				t.Errorf("%s hears (-want +got):\n%s", s.name, diff)
			}
			if diff := cmp.Diff(want[s.name], lines(s.state())); diff != "" {
				t.Errorf("%s reads in the state (-want +got):\n%s", s.name, diff)
			}
		}
		if l := bob.state().Chat[2]; l.ToName != "Bob" || l.From != ana.id || l.N == 0 {
			t.Errorf("%+v", l)
		}
		_, err := bob.n.Chat(ctx, bob.meeting, bob.who, live.ChatInput{Text: "x", To: "part_00000000000000000000000000000000"})
		wantFault(t, err, fault.NotFound, "live.person_unknown")
	})
}

func TestChatHasARateOverAllNodes(t *testing.T) {
	eachEngine(t, 2, func(t *testing.T, w *town) {
		ctx := t.Context()
		_, bob, _ := w.three()
		for i := range 5 {
			if _, err := w.nodes[i%2].Chat(ctx, bob.meeting, bob.who, live.ChatInput{Text: "quick"}); err != nil {
				t.Fatal(err)
			}
		}
		_, err := w.nodes[0].Chat(ctx, bob.meeting, bob.who, live.ChatInput{Text: "too quick"})
		wantFault(t, err, fault.LimitReached, "live.chat_rate")
		w.Clock.Pass(time.Second)
		_, err = w.nodes[1].Chat(ctx, bob.meeting, bob.who, live.ChatInput{Text: "a second later"})
		w.must(err)
		_, err = bob.n.Chat(ctx, bob.meeting, bob.who, live.ChatInput{Text: strings.Repeat("x", 501)})
		wantFault(t, err, fault.Invalid, "input.invalid")
	})
}

func TestHandsReactionsAndNames(t *testing.T) {
	eachEngine(t, 1, func(t *testing.T, w *town) {
		ctx := t.Context()
		ana, bob, eve := w.three()
		w.must(eve.n.Hand(ctx, eve.meeting, eve.who, true))
		w.must(bob.n.Hand(ctx, bob.meeting, bob.who, true))
		w.must(eve.n.Hand(ctx, eve.meeting, eve.who, true)) // keeps her place
		ana.await("person", func(p live.Person) bool { return p.ID == bob.id && p.Hand == 2 })
		wantFault(t, bob.n.LowerHand(ctx, bob.meeting, bob.who, eve.id), fault.Forbidden, "live.moderators_only")
		w.must(ana.n.LowerHand(ctx, ana.meeting, ana.who, eve.id))
		eve.await("person", func(p live.Person) bool { return p.ID == eve.id && p.Hand == 0 })

		for range 5 {
			w.must(bob.n.React(ctx, bob.meeting, bob.who, "clap"))
		}
		wantFault(t, bob.n.React(ctx, bob.meeting, bob.who, "skull"), fault.Invalid, "input.invalid")
		w.must(bob.n.Rename(ctx, bob.meeting, bob.who, "Bob  from\u00a0Bern"))
		ana.await("person", func(p live.Person) bool { return p.Name == "Bob from Bern" })
		if got := len(slices.DeleteFunc(ana.page.kinds(), func(k string) bool { return k != "reaction" })); got != 2 {
			t.Errorf("%d of 5 reactions at once were shown, want 2", got)
		}
		wantFault(t, bob.n.Rename(ctx, bob.meeting, bob.who, "\u202eevil"), fault.Invalid, "input.invalid")
		on := true
		w.must(ana.n.Lock(ctx, ana.meeting, ana.who, live.LockInput{Names: &on}))
		wantFault(t, bob.n.Rename(ctx, bob.meeting, bob.who, "Robert"), fault.Forbidden, "live.names_locked")
		w.must(ana.n.Rename(ctx, ana.meeting, ana.who, "Ana P."))
	})
}

func TestLocksReachTheEngineAtOnce(t *testing.T) {
	eachEngine(t, 2, func(t *testing.T, w *town) {
		ctx := t.Context()
		ana, bob, eve := w.three()
		fake := ana.engine()
		if !fake.Publish(bob.meeting, bob.id, engine.MediaMicrophone) {
			t.Fatal("Bob cannot speak")
		}
		on, off := true, false
		wantFault(t, bob.n.Lock(ctx, bob.meeting, bob.who, live.LockInput{Mic: &on}), fault.Forbidden, "live.moderators_only")
		w.must(ana.n.Lock(ctx, ana.meeting, ana.who, live.LockInput{Mic: &on, Chat: &on}))
		may := func(s *someone, mic bool) func(live.Person) bool {
			return func(p live.Person) bool { return p.ID == s.id && p.May.Mic == mic }
		}
		bob.await("person", may(bob, false))
		await(eve.page, "locks", func(l live.Locks) bool { return l.Mic && l.Chat && !l.Camera })
		silent := func(s *someone) func() bool {
			return func() bool { g, _ := fake.Grants(s.meeting, s.id); return !g.Microphone }
		}
		w.eventually("the engine to silence the viewers", func() bool { return silent(bob)() && silent(eve)() })
		if silent(ana)() {
			t.Error("a moderator is silenced by a lock")
		}
		_, err := bob.n.Chat(ctx, bob.meeting, bob.who, live.ChatInput{Text: "hello"})
		wantFault(t, err, fault.Forbidden, "live.chat_locked")
		if _, err := bob.n.Chat(ctx, bob.meeting, bob.who, live.ChatInput{Text: "may I?", To: live.ToModerators}); err != nil {
			t.Errorf("a word to the moderators in a closed chat: %v", err)
		}
		w.must(ana.n.Allow(ctx, ana.meeting, ana.who, bob.id, live.AllowInput{Mic: &on}))
		bob.await("person", may(bob, true))
		w.eventually("the engine to let Bob speak", func() bool { return !silent(bob)() })
		w.must(ana.n.Lock(ctx, ana.meeting, ana.who, live.LockInput{Mic: &off}))
		w.eventually("the engine to let Eve speak", func() bool { return !silent(eve)() })
		w.must(ana.n.Allow(ctx, ana.meeting, ana.who, bob.id, live.AllowInput{Mic: &off}))
		w.eventually("the engine to take Bob's word", silent(bob))
	})
}

func TestMutingTellsThePerson(t *testing.T) {
	eachEngine(t, 2, func(t *testing.T, w *town) {
		ctx := t.Context()
		ana, bob, eve := w.three()
		fake := ana.engine()
		for _, s := range []*someone{ana, bob, eve} {
			fake.Publish(s.meeting, s.id, engine.MediaMicrophone)
		}
		w.must(ana.n.Mute(ctx, ana.meeting, ana.who, bob.id, live.Mic))
		await(bob.page, "muted", func(m struct{ By, Media string }) bool { return m.By == "Ana" && m.Media == "mic" })
		sends := func(s *someone) bool {
			list, err := fake.List(ctx)
			w.must(err)
			for _, p := range list[0].Participants {
				if p.Participant == s.id {
					return len(p.Publishing) > 0
				}
			}
			return false
		}
		w.eventually("Bob to be silent", func() bool { return !sends(bob) })
		if !sends(eve) {
			t.Error("Eve was muted too")
		}
		w.must(ana.n.MuteAll(ctx, ana.meeting, ana.who))
		await(eve.page, "muted", func(m struct{ By, Media string }) bool { return m.Media == "mic" })
		w.eventually("Eve to be silent", func() bool { return !sends(eve) })
		if !sends(ana) {
			t.Error("a moderator was muted with all")
		}
		for _, e := range eve.page.all() {
			if e.Kind == "muted" && strings.Contains(string(e.Data), string(bob.id)) {
				t.Errorf("Eve is told about Bob: %s", e.Data)
			}
		}
		wantFault(t, ana.n.Mute(ctx, ana.meeting, ana.who, bob.id, "smell"), fault.Invalid, "input.invalid")
		wantFault(t, bob.n.Mute(ctx, bob.meeting, bob.who, eve.id, live.Mic), fault.Forbidden, "live.moderators_only")
	})
}

func TestWhoIsRemovedStaysOutUntilLifted(t *testing.T) {
	eachEngine(t, 2, func(t *testing.T, w *town) {
		ctx := t.Context()
		ana, bob, eve := w.three()
		var member = w.memberOf(ana)
		in, err := bob.n.Enter(ctx, live.EnterInput{Meeting: bob.meeting, Who: bob.who}) // a token for later
		w.must(err)
		fake := ana.engine()

		wantFault(t, bob.n.Remove(ctx, bob.meeting, bob.who, eve.id), fault.Forbidden, "live.moderators_only")
		wantFault(t, ana.n.Remove(ctx, ana.meeting, ana.who, ana.id), fault.Forbidden, "live.owner")
		began := time.Now()
		w.must(ana.n.Remove(ctx, ana.meeting, ana.who, bob.id))
		w.eventually("Bob to be out of the engine", func() bool { _, inside := fake.Grants(bob.meeting, bob.id); return !inside })
		if took := time.Since(began); took > time.Second {
			t.Errorf("removing took %s", took)
		}
		bob.ended()
		if kinds := bob.page.kinds(); kinds[len(kinds)-1] != "removed" {
			t.Errorf("Bob's page ends with %q", kinds)
		}
		await(eve.page, "gone", func(g struct{ Name, Why string }) bool { return g.Name == "Bob" && g.Why == "removed" })
		if got := w.seats(member); got != 2 {
			t.Errorf("%d seats", got)
		}

		for _, n := range w.nodes {
			_, err = n.Knock(ctx, live.KnockInput{Room: bob.room, Who: bob.who, Name: "Bob"})
			wantFault(t, err, fault.Forbidden, "room.removed")
			_, err = n.Enter(ctx, live.EnterInput{Meeting: bob.meeting, Who: bob.who})
			wantFault(t, err, fault.Forbidden, "room.removed")
			wantFault(t, n.Authorise(ctx, bob.meeting, bob.id), fault.Forbidden, "room.removed")
		}
		if _, err := fake.Enter(in.Entry); err != enginetest.ErrNoEntry {
			t.Errorf("the token of before opens: %v", err)
		}
		if st := ana.state(); len(st.Removed) != 1 || st.Removed[0].Name != "Bob" {
			t.Errorf("moderators see as removed: %+v", st.Removed)
		}
		if st := eve.state(); len(st.Removed) != 0 {
			t.Errorf("viewers see as removed: %+v", st.Removed)
		}
		w.must(ana.n.Remove(ctx, ana.meeting, ana.who, bob.id)) // twice is no error

		w.must(ana.n.Lift(ctx, ana.meeting, ana.who, bob.id))
		bob.join().enter()
		if bob.id != in.State.Me.ID {
			t.Errorf("Bob is %s, was %s", bob.id, in.State.Me.ID)
		}
		w.audited(member, "meeting.lift", "meeting.remove")
	})
}

// audited checks the newest actions of a member's audit trail.
func (w *town) audited(member any, want ...string) {
	w.t.Helper()
	var got []string
	w.must(w.DB.Read(w.t.Context(), func(r store.Reader) error {
		list, err := identity.AuditList(w.t.Context(), r, identity.AuditFilter{Limit: len(want)})
		for _, e := range list {
			got = append(got, e.Action)
		}
		return err
	}))
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("audit (-want +got):\n%s", diff)
	}
}

func TestModeratorsAreMadeAndUnmade(t *testing.T) {
	eachEngine(t, 1, func(t *testing.T, w *town) {
		ctx := t.Context()
		ana, bob, eve := w.three()
		on := true
		w.must(ana.n.Lock(ctx, ana.meeting, ana.who, live.LockInput{Camera: &on}))
		wantFault(t, bob.n.SetRole(ctx, bob.meeting, bob.who, bob.id, live.Moderator), fault.Forbidden, "live.moderators_only")
		wantFault(t, ana.n.SetRole(ctx, ana.meeting, ana.who, bob.id, "boss"), fault.Invalid, "input.invalid")
		w.must(ana.n.SetRole(ctx, ana.meeting, ana.who, bob.id, live.Moderator))
		await(bob.page, "lobby", func(struct{ Waiting []live.Waiting }) bool { return true })
		eve.await("person", func(p live.Person) bool { return p.ID == bob.id && p.Role == live.Moderator && p.May.Camera })
		fake := ana.engine()
		w.eventually("Bob's camera to be allowed", func() bool { g, _ := fake.Grants(bob.meeting, bob.id); return g.Camera })

		w.must(bob.n.SetRole(ctx, bob.meeting, bob.who, eve.id, live.Moderator))
		wantFault(t, bob.n.SetRole(ctx, bob.meeting, bob.who, ana.id, live.Viewer), fault.Forbidden, "live.owner")
		wantFault(t, bob.n.Remove(ctx, bob.meeting, bob.who, ana.id), fault.Forbidden, "live.owner")
		w.must(eve.n.SetRole(ctx, eve.meeting, eve.who, bob.id, live.Viewer))
		wantFault(t, bob.n.MuteAll(ctx, bob.meeting, bob.who), fault.Forbidden, "live.moderators_only")

		// What is for moderators stops reaching Bob with the change of his role.
		if _, err := eve.n.Chat(ctx, eve.meeting, eve.who, live.ChatInput{Text: "among us", To: live.ToModerators}); err != nil {
			t.Fatal(err)
		}
		if _, err := eve.n.Chat(ctx, eve.meeting, eve.who, live.ChatInput{Text: "to all"}); err != nil {
			t.Fatal(err)
		}
		await(bob.page, "chat", bob.said("to all"))
		await(ana.page, "chat", ana.said("among us"))
		if got := lines(bob.state()); slices.Contains(got, "among us") {
			t.Errorf("Bob reads %q", got)
		}
		for _, e := range bob.page.all() {
			if strings.Contains(string(e.Data), "among us") {
				t.Error("Bob hears what is said among moderators")
			}
		}
		w.must(bob.n.Leave(ctx, bob.meeting, bob.who))
		bob.join()
		if bob.state().Me.Role != live.Viewer {
			t.Error("leaving and coming back made Bob moderator again")
		}
	})
}

func TestTheEndTellsEverybodyWhy(t *testing.T) {
	eachEngine(t, 2, func(t *testing.T, w *town) {
		ctx := t.Context()
		ana, bob, _ := w.three()
		member := w.memberOf(ana)
		fake := ana.engine()
		wantFault(t, bob.n.End(ctx, bob.meeting, bob.who), fault.Forbidden, "live.moderators_only")
		w.must(ana.n.End(ctx, ana.meeting, ana.who))
		bob.ended()
		await(bob.page, "ended", func(e struct{ Why, Message string }) bool {
			return e.Why == "host" && e.Message == "A moderator has ended the meeting for all."
		})
		w.eventually("the engine to end it", func() bool { list, err := fake.List(ctx); return err == nil && len(list) == 0 })
		if got := w.seats(member); got != 0 {
			t.Errorf("%d seats after the end", got)
		}
		_, err := bob.n.Enter(ctx, live.EnterInput{Meeting: bob.meeting, Who: bob.who})
		wantFault(t, err, fault.Conflict, "meeting.ended_host")
		_, err = bob.n.Open(ctx, live.OpenInput{Meeting: bob.meeting, Who: bob.who})
		wantFault(t, err, fault.Conflict, "meeting.ended_host")
		_, err = bob.n.Chat(ctx, bob.meeting, bob.who, live.ChatInput{Text: "still here?"})
		wantFault(t, err, fault.Conflict, "meeting.ended_host")
		wantFault(t, bob.n.Authorise(ctx, bob.meeting, bob.id), fault.Conflict, "meeting.ended_host")
		w.must(bob.n.Leave(ctx, bob.meeting, bob.who))
		first := ana.meeting
		ana.join().enter()
		if ana.meeting == first {
			t.Error("the ended meeting goes on")
		}
		var history []fleet.Meeting
		w.must(w.DB.Read(ctx, func(r store.Reader) error {
			room, err := rooms.ByID(ctx, r, ana.room)
			if err == nil {
				history, err = fleet.History(ctx, r, room.Member, ana.room, 10)
			}
			return err
		}))
		if len(history) != 2 || history[1].EndReason != "host" || history[1].Peak != 3 {
			t.Errorf("history %+v", history)
		}
		wantFault(t, ana.n.EndByOperator(ctx, ana.who.Actor, ana.meeting), fault.Forbidden, "identity.operator_only")
		w.must(ana.n.EndByOperator(ctx, identity.Operator(), ana.meeting))
		await(ana.page, "ended", func(e struct{ Why string }) bool { return e.Why == "platform" })
	})
}

func TestStrangersToAMeeting(t *testing.T) {
	eachEngine(t, 1, func(t *testing.T, w *town) {
		ctx := t.Context()
		ana, _, _ := w.three()
		n := ana.n
		for name, who := range map[string]live.Who{"guest": guest("nobody"), "person": person(w.Human("Stranger"))} {
			_, err := n.Enter(ctx, live.EnterInput{Meeting: ana.meeting, Who: who})
			wantFault(t, err, fault.NotFound, "meeting.not_inside")
			if _, err := n.Glance(ctx, ana.meeting, who); fault.CodeOf(err) != "meeting.not_inside" {
				t.Errorf("%s glances at the page: %v", name, err)
			}
			wantFault(t, n.End(ctx, ana.meeting, who), fault.NotFound, "meeting.not_inside")
			wantFault(t, n.Leave(ctx, ana.meeting, who), fault.NotFound, "meeting.not_inside")
		}
		_, err := n.Enter(ctx, live.EnterInput{Meeting: "meet_00000000000000000000000000000000", Who: ana.who})
		wantFault(t, err, fault.NotFound, "meeting.unknown")
		if g, err := n.Glance(ctx, ana.meeting, ana.who); err != nil || g.Name != "Weekly round" || !rooms.ValidSlug(g.Room) {
			t.Errorf("%+v, %v", g, err)
		}
		w.must(n.End(ctx, ana.meeting, ana.who))
		if g, err := n.Glance(ctx, ana.meeting, ana.who); err != nil || g.Name != "Weekly round" {
			t.Errorf("after the end: %+v, %v", g, err)
		}
	})
}
