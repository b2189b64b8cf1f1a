// SPDX-License-Identifier: AGPL-3.0-or-later

package live_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"meetcoop/internal/admission"
	"meetcoop/internal/engine"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/live"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
	"meetcoop/internal/usage"
)

func TestTheDurationWarnsAndEnds(t *testing.T) {
	eachEngine(t, 2, func(t *testing.T, w *town) {
		member, owner := w.Organisation("") // free: 60 minutes, counted over the member
		room := w.Room(owner, member, rooms.Settings{})
		ana := w.someone(w.nodes[0], person(owner), "Ana", room).join().enter()
		minutes := func(n int) func(struct{ Minutes int }) bool {
			return func(e struct{ Minutes int }) bool { return e.Minutes == n }
		}
		w.pass(49 * time.Minute)
		if slices.Contains(ana.page.kinds(), "time") {
			t.Error("warned eleven minutes before the end")
		}
		w.pass(time.Minute)
		await(ana.page, "time", minutes(10))

		// A raised limit moves the end of what runs.
		longer := tariff.Span(70 * time.Minute)
		w.Override(t, member, tariff.OverrideFields{Duration: &longer})
		await(ana.page, "deadline", func(d struct{ At time.Time }) bool {
			return d.At.Equal(ana.state().Meeting.StartedAt.Time().Add(70 * time.Minute))
		})
		w.pass(18 * time.Minute)
		await(ana.page, "time", minutes(2))
		w.pass(2*time.Minute - time.Second)
		if slices.Contains(ana.page.kinds(), "ended") {
			t.Error("ended before its time")
		}
		w.pass(time.Second)
		ana.ended()
		await(ana.page, "ended", func(e struct{ Why string }) bool { return e.Why == "duration" })
		if n := len(slices.DeleteFunc(ana.page.kinds(), func(k string) bool { return k != "time" })); n > 3 { // at 10 again after the move
			t.Errorf("warned %d times", n)
		}
		_, err := ana.knock()
		wantFault(t, err, fault.LimitReached, "admission.duration_exhausted")
	})
}

func TestTwoMinutesWarnAtOnceAndEndOnTheSecond(t *testing.T) {
	eachEngine(t, 1, func(t *testing.T, w *town) {
		member, owner := w.Organisation("level-1")
		short := tariff.Span(2 * time.Minute)
		w.Override(t, member, tariff.OverrideFields{Duration: &short})
		room := w.Room(owner, member, rooms.Settings{})
		ana := w.someone(w.nodes[0], person(owner), "Ana", room).join().enter()
		w.pass(time.Second)
		await(ana.page, "time", func(e struct{ Minutes int }) bool { return e.Minutes == 2 })
		w.pass(119 * time.Second)
		ana.ended()
	})
}

func TestAnEmptyMeetingEnds(t *testing.T) {
	eachEngine(t, 1, func(t *testing.T, w *town) {
		member, owner := w.Organisation("level-1")
		ended := func(m id.Meeting) (got fleet.Meeting) {
			w.must(w.DB.Read(t.Context(), func(r store.Reader) (err error) {
				got, err = fleet.ByID(t.Context(), r, m)
				return err
			}))
			return got
		}
		ana := w.someone(w.nodes[0], person(owner), "Ana", w.Room(owner, member, rooms.Settings{})).join() // never connects
		w.pass(4*time.Minute + 50*time.Second)
		if m := ended(ana.meeting); !m.Open() {
			t.Errorf("ended as %s while somebody may still come", m.EndReason)
		}
		w.pass(15 * time.Second)
		if m := ended(ana.meeting); m.Open() || m.EndReason != fleet.EndEmpty {
			t.Errorf("nobody came, and the meeting is %s", m.State)
		}
		if got := w.seats(member); got != 0 {
			t.Errorf("%d seats", got)
		}
		w.eventually("a server", func() bool { _, err := ana.knock(); return err == nil })
		ana.join().enter()
		w.must(ana.n.Leave(t.Context(), ana.meeting, ana.who))
		w.pass(59 * time.Second)
		if m := ended(ana.meeting); !m.Open() {
			t.Errorf("ended as %s before the minute was over", m.EndReason)
		}
		w.pass(2 * time.Second)
		if m := ended(ana.meeting); m.Open() {
			t.Error("the last has left, and the meeting goes on")
		}
	})
}

func TestWhoIsCutOffKeepsTheSeatForAMinute(t *testing.T) {
	eachEngine(t, 2, func(t *testing.T, w *town) {
		ana, bob, eve := w.three()
		member := w.memberOf(ana)
		fake := ana.engine()
		for _, s := range []*someone{bob, eve} {
			fake.Lose(s.meeting, s.id)
			ana.await("person", func(p live.Person) bool { return p.ID == s.id && p.State == live.Away })
		}
		w.settle()
		w.pass(50 * time.Second)
		bob.enter()
		if got := w.seats(member); got != 3 {
			t.Errorf("%d seats before the minute is over", got)
		}
		w.pass(15 * time.Second)
		await(ana.page, "gone", func(g struct{ Name, Why string }) bool { return g.Name == "Eve" && g.Why == "lost" })
		if got := w.seats(member); got != 2 {
			t.Errorf("%d seats after it", got)
		}
		was := eve.id
		eve.page.close()
		eve.enter() // the page tries again: there is a seat
		if eve.id != was {
			t.Errorf("Eve is %s, was %s", eve.id, was)
		}
		if got := w.seats(member); got != 3 {
			t.Errorf("%d seats after Eve came back", got)
		}
	})
}

func TestTheEndOfAnOldSessionSaysNothing(t *testing.T) {
	eachEngine(t, 1, func(t *testing.T, w *town) {
		ctx := t.Context()
		ana, bob, _ := w.three()
		session := func() string {
			list, err := ana.engine().List(ctx)
			w.must(err)
			for _, p := range list[0].Participants {
				if p.Participant == bob.id {
					return p.Session
				}
			}
			return ""
		}
		first := session()
		bob.enter() // a reload: a second session of the same person; the end of the first is told after its beginning
		second := session()
		is := func(want live.Presence) {
			t.Helper()
			if !slices.ContainsFunc(ana.state().People, func(p live.Person) bool { return p.ID == bob.id && p.State == want }) {
				t.Errorf("Bob is not %s: %+v", want, ana.state().People)
			}
		}
		lost := engine.Event{Kind: engine.EventLost, Meeting: bob.meeting, Participant: bob.id, Session: first}
		w.must(ana.n.Fold(ctx, ana.n.server, lost))
		is(live.Inside)
		lost.Session = second
		for range 2 { // at least once
			w.must(ana.n.Fold(ctx, ana.n.server, lost))
			is(live.Away)
		}
		w.must(ana.n.Fold(ctx, ana.n.server, engine.Event{Kind: engine.EventEntered, Meeting: bob.meeting, Participant: bob.id, Session: "third"}))
		is(live.Inside)
	})
}

func TestASeatWithoutAHolderIsGivenBack(t *testing.T) {
	eachEngine(t, 1, func(t *testing.T, w *town) {
		ctx := t.Context()
		ana, bob, _ := w.three()
		member := w.memberOf(ana)
		var in admission.JoinInput
		w.must(w.DB.Read(ctx, func(r store.Reader) error {
			m, err := fleet.ByID(ctx, r, ana.meeting)
			in = admission.JoinInput{
				Member: m.Member, Connection: m.Connection, ExternalID: m.ExternalID, Room: m.Room, Within: m.ID,
				Participant: id.NewParticipant(), Person: usage.KeyOf(m.Connection, "gave up at the door"), Role: admission.RoleViewer,
			}
			return err
		}))
		got, err := ana.n.gate.Join(ctx, in)
		w.must(err)
		if st := ana.state(); len(st.People) != 3 || w.seats(member) != 4 {
			t.Fatalf("%d people and %d seats", len(st.People), w.seats(member))
		}
		there, err := ana.n.Confirm(ctx, ana.meeting, got.Seat)
		if err != nil || there || w.seats(member) != 3 {
			t.Errorf("there %v, %d seats, %v", there, w.seats(member), err)
		}

		// Put out while a join of his was on its way: the seat does not bring him back.
		w.must(ana.n.Remove(ctx, ana.meeting, ana.who, bob.id))
		in.Participant, in.Person = bob.id, usage.KeyOf(in.Connection, "guest:bob")
		got, err = ana.n.gate.Join(ctx, in)
		w.must(err)
		if st := ana.state(); len(st.People) != 2 {
			t.Errorf("a seat brings back who was removed: %+v", st.People)
		}
		there, err = ana.n.Confirm(ctx, ana.meeting, got.Seat)
		if err != nil || there || w.seats(member) != 2 {
			t.Errorf("there %v, %d seats, %v", there, w.seats(member), err)
		}
	})
}

func TestAReloadTakesOverAndHoldsOneSeat(t *testing.T) {
	eachEngine(t, 2, func(t *testing.T, w *town) {
		ana, bob, _ := w.three()
		member := w.memberOf(ana)
		first := bob.page
		second := *bob
		second.n = w.nodes[0] // another tab, through the other node
		second.join()
		if second.id != bob.id {
			t.Fatalf("another participant: %s and %s", second.id, bob.id)
		}
		second.enter()
		first.until("the end of the first tab", func(_ []live.Event, err error) bool { return errors.Is(err, io.EOF) })
		if kinds := first.kinds(); kinds[len(kinds)-1] != "replaced" {
			t.Errorf("the first tab ends with %q", kinds)
		}
		if slices.Contains(second.page.kinds(), "replaced") {
			t.Error("the second tab is told that it was replaced")
		}
		if got := w.seats(member); got != 3 {
			t.Errorf("%d seats", got)
		}
	})
}

func TestAPageThatMissedEventsGetsThemOrTheWholeState(t *testing.T) {
	eachEngine(t, 2, func(t *testing.T, w *town) {
		ctx := t.Context()
		ana, bob, _ := w.three()
		bob.page.until("how things stand", func(events []live.Event, _ error) bool { return len(events) > 0 })
		seen := bob.page.all()
		after := seen[len(seen)-1].N
		bob.page.close()
		for i := range 3 {
			_, err := ana.n.Chat(ctx, ana.meeting, ana.who, live.ChatInput{Text: fmt.Sprint("line ", i)})
			w.must(err)
		}
		page := bob.follow(after)
		await(page, "chat", bob.said("line 2"))
		if slices.Contains(page.kinds(), "state") {
			t.Errorf("missing three events brings the whole state: %q", page.kinds())
		}
		page.close()

		// After ten minutes events are gone, and another node has them not in memory either.
		w.pass(11 * time.Minute)
		w.must(ana.n.Retain(ctx))
		_, err := ana.n.Chat(ctx, ana.meeting, ana.who, live.ChatInput{Text: "much later"})
		w.must(err)
		bob.n = w.addNode(2)
		page = bob.follow(after)
		page.until("the whole state", func(events []live.Event, _ error) bool { return len(events) > 0 })
		if first := page.all()[0]; first.Kind != "state" {
			t.Errorf("a gap brings %s", first.Kind)
		}
		if got := lines(bob.state()); !slices.Contains(got, "much later") || !slices.Contains(got, "line 0") {
			t.Errorf("the chat is %q", got)
		}
		page.close()
		if page := bob.follow(999999); true { // from another time
			page.until("the whole state", func(events []live.Event, _ error) bool { return len(events) > 0 && events[0].Kind == "state" })
		}
	})
}

func TestEventsAreNumberedWithoutGapsOverTwoNodes(t *testing.T) {
	eachEngine(t, 2, func(t *testing.T, w *town) {
		ctx := t.Context()
		ana, bob, eve := w.three()
		ana.page.close()
		page := ana.follow(0)
		var wg sync.WaitGroup
		for i, s := range []*someone{ana, bob, eve} {
			wg.Go(func() {
				for j := range 12 {
					n := w.nodes[(i+j)%2]
					if err := n.Hand(ctx, s.meeting, s.who, j%2 == 0); err != nil {
						t.Error(err)
					}
				}
				if _, err := s.n.Chat(ctx, s.meeting, s.who, live.ChatInput{Text: "done " + s.name}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, s := range []*someone{ana, bob, eve} {
			await(page, "chat", s.said("done "+s.name))
		}
		events := page.all()
		if events[0].Kind != "state" {
			t.Fatalf("begins with %s", events[0].Kind)
		}
		for i := 1; i < len(events); i++ {
			if events[i].N != events[i-1].N+1 { // all of them are for everybody
				t.Fatalf("event %d follows %d", events[i].N, events[i-1].N)
			}
		}
	})
}

func TestSeatsAreToldWhenTheyChange(t *testing.T) {
	eachEngine(t, 2, func(t *testing.T, w *town) {
		member, owner := w.Organisation("level-1")
		one, two := w.Room(owner, member, rooms.Settings{}), w.Room(owner, member, rooms.Settings{})
		ana := w.someone(w.nodes[0], person(owner), "Ana", one).join().enter()
		w.someone(w.nodes[1], person(owner), "Ana", two).join()
		w.someone(w.nodes[1], guest("bob"), "Bob", two).join()
		await(ana.page, "seats", func(s live.Seats) bool { return s.Used == 3 && *s.Limit == 10 })
		twenty := int64(20)
		w.Override(t, member, tariff.OverrideFields{Seats: &twenty})
		await(ana.page, "seats", func(s live.Seats) bool { return s.Used == 3 && *s.Limit == 20 })
	})
}

func TestAnEngineThatCrashesAndComesBack(t *testing.T) {
	eachEngine(t, 1, func(t *testing.T, w *town) {
		ctx := t.Context()
		ana, bob, _ := w.three()
		member := w.memberOf(ana)
		fake := ana.engine()
		fake.SetDown()
		await(bob.page, "engine", func(e struct{ State string }) bool { return e.State == "down" })
		_, err := bob.n.Enter(ctx, live.EnterInput{Meeting: bob.meeting, Who: bob.who})
		wantFault(t, err, fault.Unavailable, "engine.down")
		if got := w.seats(member); got != 3 {
			t.Errorf("%d seats while the engine is down", got)
		}
		fake.Back()
		await(bob.page, "engine", func(e struct{ State string }) bool { return e.State == "up" })
		bob.enter()
		ana.enter()
		if got := w.seats(member); got != 3 {
			t.Errorf("%d seats afterwards", got)
		}
		// Eve never comes back: the comparison finds that out, and her seat runs out.
		w.Clock.Pass(time.Second)
		w.must(ana.n.Reconcile(ctx, ana.n.server, fake))
		ana.await("person", func(p live.Person) bool { return p.Name == "Eve" && p.State == live.Away })
		w.pass(65 * time.Second)
		await(ana.page, "gone", func(g struct{ Name string }) bool { return g.Name == "Eve" })
	})
}

func TestWhoIsAtThePageKeepsTheSeatWhileTheEngineIsDown(t *testing.T) {
	eachEngine(t, 1, func(t *testing.T, w *town) {
		ana, bob, eve := w.three()
		n, fake := ana.n, ana.engine()
		fake.Lose(bob.meeting, bob.id)
		fake.Lose(eve.meeting, eve.id)
		ana.await("person", func(p live.Person) bool { return p.ID == eve.id && p.State == live.Away })
		w.settle()
		eve.page.close() // she has gone, Bob is at his page
		fake.SetDown()
		await(ana.page, "engine", func(e struct{ State string }) bool { return e.State == "down" })
		for range 8 {
			w.must(n.HoldSeats(t.Context()))
			w.Clock.Pass(20 * time.Second)
			w.must(n.gate.Tick(t.Context()))
		}
		await(ana.page, "gone", func(g struct{ Name, Why string }) bool { return g.Name == "Eve" })
		if got := w.seats(w.memberOf(ana)); got != 2 {
			t.Errorf("%d seats, want those of Ana and Bob", got)
		}
	})
}

func TestMeetingsOfADeadNodeMoveToAnother(t *testing.T) {
	eachEngine(t, 2, func(t *testing.T, w *town) {
		ctx := t.Context()
		ana, bob, _ := w.three()
		member := w.memberOf(ana)
		dead, alive := w.nodes[0], w.nodes[1]
		if ana.engine() == w.nodes[1].fake {
			dead, alive = alive, dead
		}
		dead.fake.SetDown()
		dead.stop()
		bob.n, ana.n = alive, alive
		bob.page.close()
		ana.page.close()
		page := bob.follow(0)
		ana.follow(0)
		w.pass(20 * time.Second)
		w.must(alive.MoveFromDead(ctx))
		await(page, "engine", func(e struct{ State string }) bool { return e.State == "up" })
		in, err := alive.Enter(ctx, live.EnterInput{Meeting: bob.meeting, Who: bob.who})
		w.must(err)
		if _, err := alive.fake.Enter(in.Entry); err != nil {
			t.Errorf("the entry is not for the living engine: %v", err)
		}
		w.must(alive.Reconcile(ctx, alive.server, alive.fake))
		ana.await("person", func(p live.Person) bool { return p.Name == "Eve" && p.State == live.Away }) // has not come back yet
		if st := bob.state(); !slices.ContainsFunc(st.People, func(p live.Person) bool { return p.ID == bob.id && p.State == live.Inside }) {
			t.Errorf("after the move: %+v", st.People)
		}
		if got := w.seats(member); got != 3 {
			t.Errorf("%d seats after the move", got)
		}
	})
}

func TestMeetingsOfABrokenEngineMoveThoughItsNodeLives(t *testing.T) {
	eachEngine(t, 2, func(t *testing.T, w *town) {
		ctx := t.Context()
		ana, _, _ := w.three()
		broken := w.nodes[0]
		if ana.engine() == w.nodes[1].fake {
			broken = w.nodes[1]
		}
		broken.fake.SetDown()
		report := func() { w.must(broken.fleet.Heartbeat(ctx, broken.server, fleet.ObservedDown)) }
		report()
		w.must(broken.MoveFromDead(ctx))
		if ana.engine() != broken.fake {
			t.Error("moved at once: a crashed engine is back within seconds")
		}
		w.pass(7 * time.Second)
		report()
		w.eventually("the meeting to move", func() bool {
			w.must(broken.MoveFromDead(ctx))
			return ana.engine() != broken.fake
		})
		await(ana.page, "engine", func(e struct{ State string }) bool { return e.State == "up" })
		ana.page.close()
		ana.enter()
	})
}

func TestTheComparisonRepairsWhatEventsLost(t *testing.T) {
	eachEngine(t, 1, func(t *testing.T, w *town) {
		ctx := t.Context()
		ana, bob, eve := w.three()
		n, fake := ana.n, ana.engine()
		ref := engine.Ref{Meeting: ana.meeting, Server: n.server}

		stranger := id.NewParticipant()
		entry, err := fake.Join(ctx, engine.JoinInput{Ref: ref, Participant: stranger, Role: engine.RoleViewer})
		w.must(err)
		if _, err := fake.Enter(entry); err != nil {
			t.Fatal(err)
		}
		w.eventually("the stranger to be put out", func() bool { _, in := fake.Grants(ana.meeting, stranger); return !in })

		old := id.NewMeeting() // nobody here knows it: perhaps another program's
		_, err = fake.Create(ctx, engine.CreateInput{Ref: engine.Ref{Meeting: old}})
		w.must(err)
		w.Clock.Pass(time.Second)
		w.must(n.Reconcile(ctx, n.server, fake))
		if list, _ := fake.List(ctx); len(list) != 2 {
			t.Errorf("%d meetings in the engine, want ours and the foreign one", len(list))
		}
		if st := ana.state(); len(st.People) != 3 || slices.ContainsFunc(st.People, func(p live.Person) bool { return p.State != live.Inside }) {
			t.Errorf("after comparing: %+v", st.People)
		}

		// The end of the meeting was lost on the way to the engine: the next comparison repeats it.
		fake.FailNext(engine.ErrDown, engine.ErrDown)
		w.must(n.End(ctx, ana.meeting, ana.who))
		w.eventually("the engine to end it", func() bool {
			w.must(n.Reconcile(ctx, n.server, fake))
			_, bobIn := fake.Grants(bob.meeting, bob.id)
			_, eveIn := fake.Grants(eve.meeting, eve.id)
			return !bobIn && !eveIn
		})
	})
}

func TestANodeThatRestartsFindsItsMeetings(t *testing.T) {
	eachEngine(t, 1, func(t *testing.T, w *town) {
		ana, bob, _ := w.three()
		n := w.nodes[0]
		_, err := ana.n.Chat(t.Context(), ana.meeting, ana.who, live.ChatInput{Text: "before"})
		w.must(err)
		last := bob.state().N
		bob.page.close()
		ana.page.close()
		n.stop()
		n.fake.SetDown()
		n.fake.Back()
		w.start(n)
		page := bob.follow(last)
		bob.enter()
		_, err = ana.n.Chat(t.Context(), ana.meeting, ana.who, live.ChatInput{Text: "after"})
		w.must(err)
		await(bob.page, "chat", bob.said("after"))
		page.until("the end of the older stream", func(_ []live.Event, err error) bool { return err != nil })
		if got := lines(bob.state()); !slices.Equal(got, []string{"before", "after"}) {
			t.Errorf("chat %q", got)
		}
	})
}

func TestEndingWhileOthersJoin(t *testing.T) {
	eachEngine(t, 2, func(t *testing.T, w *town) {
		ctx := t.Context()
		member, owner := w.Organisation("level-1")
		room := w.Room(owner, member, rooms.Settings{})
		for round := range 4 {
			ana := w.someone(w.nodes[0], person(owner), "Ana", room).join()
			var wg sync.WaitGroup
			for i := range 6 {
				wg.Go(func() {
					s := w.someone(w.nodes[i%2], guest(fmt.Sprint(round, i)), "Guest", room)
					e, err := s.knock()
					if err != nil {
						if k := fault.KindOf(err); k != fault.Conflict && k != fault.NotFound {
							t.Error(err)
						}
						return
					}
					if e.State == live.Admitted && e.Meeting != ana.meeting {
						t.Errorf("let into %s", e.Meeting)
					}
				})
			}
			wg.Go(func() {
				if err := w.nodes[1].End(ctx, ana.meeting, ana.who); err != nil {
					t.Error(err)
				}
			})
			wg.Wait()
			if got := w.seats(member); got != 0 {
				t.Fatalf("%d seats after the end", got)
			}
			var seated int
			w.must(w.DB.Read(ctx, func(r store.Reader) error {
				now, err := live.RunningIn(ctx, r, []id.Room{room.ID})
				seated = len(now)
				return err
			}))
			if seated != 0 {
				t.Fatal("something runs after the end")
			}
		}
	})
}

func TestAListOfRoomsFollowsWhatHappens(t *testing.T) {
	eachEngine(t, 2, func(t *testing.T, w *town) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		member, owner := w.Organisation("level-1")
		room, quiet := w.Room(owner, member, rooms.Settings{WaitingRoom: true, MayStart: rooms.StartHosts, MayEnter: rooms.EnterAnyone}), w.Room(owner, member, rooms.Settings{})
		follow := w.nodes[1].FollowRooms([]id.Room{room.ID, quiet.ID})
		defer follow.Close()
		until := func(want live.Now) {
			t.Helper()
			var got live.Now
			for {
				w.must(w.DB.Read(ctx, func(r store.Reader) error {
					now, err := live.RunningIn(ctx, r, []id.Room{room.ID, quiet.ID})
					if _, runs := now[quiet.ID]; runs {
						t.Error("something runs in the quiet room")
					}
					got = now[room.ID]
					return err
				}))
				if got.Inside == want.Inside && got.Seated == want.Seated && got.Waiting == want.Waiting {
					return
				}
				if err := follow.Next(ctx); err != nil {
					t.Fatalf("%+v is not followed by %+v: %v", got, want, err)
				}
			}
		}
		ana := w.someone(w.nodes[0], person(owner), "Ana", room).join()
		until(live.Now{Seated: 1})
		ana.enter()
		until(live.Now{Inside: 1, Seated: 1})
		if _, err := w.someone(w.nodes[0], guest("bob"), "Bob", room).knock(); err != nil {
			t.Fatal(err)
		}
		until(live.Now{Inside: 1, Seated: 1, Waiting: 1})
		w.must(w.nodes[0].End(ctx, ana.meeting, ana.who))
		until(live.Now{})
		list, err := w.Rooms.ListFor(ctx, owner)
		if err != nil || list[0].ID != room.ID || list[0].LastUsedAt.IsZero() {
			t.Errorf("the room used last comes first: %+v, %v", list, err)
		}
	})
}

func TestWhatIsKeptHowLong(t *testing.T) {
	eachEngine(t, 1, func(t *testing.T, w *town) {
		ctx := t.Context()
		ana, _, _ := w.three()
		_, err := ana.n.Chat(ctx, ana.meeting, ana.who, live.ChatInput{Text: "hello"})
		w.must(err)
		count := func() (events, chat, people, meetings int) {
			w.must(w.DB.Read(ctx, func(r store.Reader) error {
				return errors.Join(
					r.QueryRow(ctx, `SELECT COUNT(*) FROM live_event`).Scan(&events), r.QueryRow(ctx, `SELECT COUNT(*) FROM live_chat`).Scan(&chat),
					r.QueryRow(ctx, `SELECT COUNT(*) FROM live_participant`).Scan(&people), r.QueryRow(ctx, `SELECT COUNT(*) FROM live_meeting`).Scan(&meetings))
			}))
			return events, chat, people, meetings
		}
		w.must(ana.n.End(ctx, ana.meeting, ana.who))
		for _, step := range []struct {
			after                  time.Duration
			chat, people, meetings int
		}{{11 * time.Minute, 1, 3, 1}, {23 * time.Hour, 1, 3, 1}, {2 * time.Hour, 0, 3, 1}, {28 * 24 * time.Hour, 0, 3, 1}, {2 * 24 * time.Hour, 0, 0, 0}} {
			w.Clock.Pass(step.after)
			w.must(ana.n.Retain(ctx))
			events, chat, people, meetings := count()
			if events != 0 || chat != step.chat || people != step.people || meetings != step.meetings {
				t.Errorf("%s later: %d events, %d lines, %d people, %d meetings", step.after, events, chat, people, meetings)
			}
		}
	})
}
