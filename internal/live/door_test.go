// SPDX-License-Identifier: AGPL-3.0-or-later

package live_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"meetcoop/internal/engine"
	"meetcoop/internal/fault"
	"meetcoop/internal/live"
	"meetcoop/internal/rooms"
	"meetcoop/internal/tariff"
)

// waitFor reads the waiting page's events until one of the kind.
func (s *someone) waitFor(ws *live.WaitStream, kind string) live.WaitEvent {
	s.w.t.Helper()
	ctx, cancel := context.WithTimeout(s.w.t.Context(), patience)
	defer cancel()
	for {
		e, err := ws.Next(ctx)
		if err != nil {
			s.w.t.Fatalf("%s waits for %s: %v", s.name, kind, err)
		}
		if e.Kind == kind {
			return e
		}
	}
}

func (s *someone) waiting() *live.WaitStream {
	ws := s.n.OpenWait(s.room, s.who)
	s.w.t.Cleanup(ws.Close)
	return ws
}

func TestWhoWaitsForAModeratorReceivesNothing(t *testing.T) {
	eachEngine(t, 1, func(t *testing.T, w *town) {
		ctx := t.Context()
		n := w.nodes[0]
		member, owner := w.Organisation("level-1")
		room := w.Room(owner, member, rooms.Settings{WaitingRoom: true, MayStart: rooms.StartAnyone, MayEnter: rooms.EnterAnyone})
		eve := w.someone(n, guest("eve"), "Eve", room)
		if e, err := eve.knock(); err != nil || e.State != live.NotStarted || fault.CodeOf(e.Fault) != "room.not_started" {
			t.Fatalf("before the host: %+v, %v", e, err)
		}
		ana := w.someone(n, person(owner), "Ana", room).join().enter()
		e, err := eve.knock()
		if err != nil || e.State != live.AtDoor || e.Meeting != "" || e.Participant != "" {
			t.Fatalf("%+v, %v", e, err)
		}
		await(ana.page, "lobby", func(l struct{ Waiting []live.Waiting }) bool {
			return len(l.Waiting) == 1 && l.Waiting[0].Name == "Eve"
		})
		if got := w.seats(member); got != 1 {
			t.Errorf("%d seats with one inside and one at the door", got)
		}

		// Everything a waiting guest may try with what the page of somebody else would tell.
		_, err = n.Enter(ctx, live.EnterInput{Meeting: ana.meeting, Who: eve.who})
		wantFault(t, err, fault.NotFound, "meeting.not_inside")
		_, err = n.Open(ctx, live.OpenInput{Meeting: ana.meeting, Who: eve.who})
		wantFault(t, err, fault.NotFound, "meeting.not_inside")
		_, err = n.Chat(ctx, ana.meeting, eve.who, live.ChatInput{Text: "let me in"})
		wantFault(t, err, fault.NotFound, "meeting.not_inside")
		eveID := ana.state().Waiting[0].ID
		wantFault(t, n.Authorise(ctx, ana.meeting, eveID), fault.NotFound, "meeting.not_inside")
		wantFault(t, n.Admit(ctx, ana.meeting, eve.who, eveID), fault.NotFound, "meeting.not_inside")

		bob := w.someone(n, guest("bob"), "Bob", room)
		if _, err := bob.knock(); err != nil {
			t.Fatal(err)
		}
		page := bob.waiting()
		w.must(n.Admit(ctx, ana.meeting, person(owner), ana.state().Waiting[1].ID))
		bob.waitFor(page, live.WaitAdmitted)
		bob.join().enter()
		if st := bob.state(); len(st.Waiting) != 0 {
			t.Errorf("a viewer sees who waits: %+v", st.Waiting)
		}
		for _, ev := range bob.page.all() {
			if ev.Kind == "lobby" {
				t.Error("a viewer is told who waits")
			}
		}
		wantFault(t, n.Admit(ctx, ana.meeting, bob.who, eveID), fault.Forbidden, "live.moderators_only")

		denied := eve.waiting()
		w.must(n.Deny(ctx, ana.meeting, person(owner), eveID, "Only members today."))
		if ev := eve.waitFor(denied, live.WaitDenied); fault.CodeOf(ev.Fault) != "room.denied_text" {
			t.Errorf("%v", ev.Fault)
		}
		await(ana.page, "lobby", func(l struct{ Waiting []live.Waiting }) bool { return len(l.Waiting) == 0 })
		if e, err := eve.knock(); err != nil || e.State != live.AtDoor {
			t.Errorf("knocking again after a denial: %+v, %v", e, err)
		}
	})
}

func TestWhoWaitsForTheStartIsLetInByItself(t *testing.T) {
	eachEngine(t, 2, func(t *testing.T, w *town) {
		member, owner := w.Organisation("level-1")
		room := w.Room(owner, member, rooms.Settings{})
		bob := w.someone(w.nodes[0], guest("bob"), "Bob", room)
		if e, err := bob.knock(); err != nil || e.State != live.NotStarted {
			t.Fatalf("%+v, %v", e, err)
		}
		page := bob.waiting()
		ana := w.someone(w.nodes[1], person(owner), "Ana", room).join()
		if ev := bob.waitFor(page, live.WaitAdmitted); ev.Meeting != ana.meeting {
			t.Errorf("into %s, not %s", ev.Meeting, ana.meeting)
		}
		ana.enter()
		bob.join().enter()
	})
}

func TestSeatsThatBecomeFreeGoToWhoWaitedLongest(t *testing.T) {
	eachEngine(t, 2, func(t *testing.T, w *town) {
		ctx := t.Context()
		member, owner := w.Organisation("level-1")
		three := int64(3)
		w.Override(t, member, tariff.OverrideFields{Seats: &three})
		one := w.Room(owner, member, rooms.Settings{})
		other := w.Room(owner, member, rooms.Settings{})
		ana := w.someone(w.nodes[0], person(owner), "Ana", one).join().enter()
		w.someone(w.nodes[0], person(owner), "Ana", other).join().enter() // the same person in two meetings: two seats
		bob := w.someone(w.nodes[0], guest("bob"), "Bob", one).join().enter()

		var queue []*someone
		var pages []*live.WaitStream
		for i, room := range []rooms.Room{other, one} {
			s := w.someone(w.nodes[1], guest(fmt.Sprint("late ", i)), fmt.Sprint("Late ", i), room)
			_, err := s.knock()
			wantFault(t, err, fault.LimitReached, "admission.seats_full")
			e, err := s.n.Knock(ctx, live.KnockInput{Room: s.room, Who: s.who, Wait: true}) // the name is known from the first try
			if err != nil || e.State != live.ForSeat || e.Ahead != i {
				t.Fatalf("%+v, %v", e, err)
			}
			queue, pages = append(queue, s), append(pages, s.waiting())
			if ev := s.waitFor(pages[i], live.WaitAhead); ev.Ahead != i {
				t.Errorf("%d ahead of waiter %d", ev.Ahead, i)
			}
		}
		w.must(w.nodes[0].Leave(ctx, bob.meeting, bob.who))
		queue[0].waitFor(pages[0], live.WaitAdmitted)
		if ev := queue[1].waitFor(pages[1], live.WaitAhead); ev.Ahead != 0 {
			t.Errorf("%d ahead after the first was let in", ev.Ahead)
		}
		queue[0].join().enter()
		w.must(w.nodes[0].Leave(ctx, ana.meeting, ana.who))
		queue[1].waitFor(pages[1], live.WaitAdmitted)
		queue[1].join().enter()
	})
}

func TestAdmittingIntoAFullMeetingTellsTheModeratorAndTheGuestWaitsOn(t *testing.T) {
	eachEngine(t, 1, func(t *testing.T, w *town) {
		ctx := t.Context()
		n := w.nodes[0]
		member, owner := w.Organisation("level-1")
		two := int64(2)
		w.Override(t, member, tariff.OverrideFields{Seats: &two})
		room := w.Room(owner, member, rooms.Settings{WaitingRoom: true, MayStart: rooms.StartHosts, MayEnter: rooms.EnterAnyone})
		ana := w.someone(n, person(owner), "Ana", room).join().enter()
		guests := []*someone{w.someone(n, guest("bob"), "Bob", room), w.someone(n, guest("eve"), "Eve", room)}
		for _, g := range guests {
			if _, err := g.knock(); err != nil {
				t.Fatal(err)
			}
			w.Clock.Pass(time.Second)
		}
		wantFault(t, n.AdmitAll(ctx, ana.meeting, person(owner)), fault.LimitReached, "admission.seats_full")
		guests[0].join()
		if e, err := n.Wait(ctx, room.ID, guests[1].who); err != nil || e.State != live.AtDoor {
			t.Errorf("the one for whom no seat was: %+v, %v", e, err)
		}
		w.must(n.Leave(ctx, ana.meeting, guests[0].who))
		w.must(n.AdmitAll(ctx, ana.meeting, person(owner)))
		guests[1].join().enter()
	})
}

func TestTwoModeratorsAdmitOneGuest(t *testing.T) {
	eachEngine(t, 2, func(t *testing.T, w *town) {
		ctx := t.Context()
		member, owner := w.Organisation("level-1")
		room := w.Room(owner, member, rooms.Settings{WaitingRoom: true, MayStart: rooms.StartHosts, MayEnter: rooms.EnterAnyone})
		ana := w.someone(w.nodes[0], person(owner), "Ana", room).join().enter()
		for i := range 5 {
			bob := w.someone(w.nodes[1], guest(fmt.Sprint(i)), "Bob", room)
			if _, err := bob.knock(); err != nil {
				t.Fatal(err)
			}
			target := ana.state().Waiting[0].ID
			var wg sync.WaitGroup
			for _, n := range w.nodes {
				wg.Go(func() {
					if err := n.Admit(ctx, ana.meeting, person(owner), target); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if bob.join().id != target {
				t.Errorf("let in as %s, waited as %s", bob.id, target)
			}
			if got := w.seats(member); got != 2+i {
				t.Errorf("%d seats, want %d", got, 2+i)
			}
		}
	})
}

func TestAdmittingWhoGivesUpLeavesNoSeatBehind(t *testing.T) {
	eachEngine(t, 2, func(t *testing.T, w *town) {
		ctx := t.Context()
		member, owner := w.Organisation("level-1")
		room := w.Room(owner, member, rooms.Settings{WaitingRoom: true, MayStart: rooms.StartHosts, MayEnter: rooms.EnterAnyone})
		ana := w.someone(w.nodes[0], person(owner), "Ana", room).join().enter()
		for i := range 8 {
			bob := w.someone(w.nodes[1], guest(fmt.Sprint(i)), "Bob", room)
			if _, err := bob.knock(); err != nil {
				t.Fatal(err)
			}
			target := ana.state().Waiting[0].ID
			var wg sync.WaitGroup
			var admitted, left error
			wg.Go(func() { admitted = w.nodes[0].Admit(ctx, ana.meeting, person(owner), target) })
			wg.Go(func() { left = bob.n.StopWaiting(ctx, room.ID, bob.who) })
			wg.Wait()
			if left != nil {
				t.Fatal(left)
			}
			want := 1
			for _, p := range ana.state().People {
				if p.ID == target { // admission was first: giving up the door came too late, and the person leaves
					want = 2
				}
			}
			if got := w.seats(member); got != want {
				t.Fatalf("%d seats, want %d (admit: %v)", got, want, admitted)
			}
			if want == 2 {
				w.must(bob.n.Leave(ctx, ana.meeting, bob.who))
			} else if admitted != nil {
				wantFault(t, admitted, fault.NotFound, "live.person_unknown")
			}
		}
	})
}

func TestWrongCodesRunOut(t *testing.T) {
	eachEngine(t, 1, func(t *testing.T, w *town) {
		ctx := t.Context()
		n := w.nodes[0]
		member, owner := w.Organisation("level-1")
		room := w.Room(owner, member, rooms.Settings{AccessCode: "haus7", MayStart: rooms.StartAnyone, MayEnter: rooms.EnterAnyone})
		knock := func(cookie, code, client string) error {
			_, err := n.Knock(ctx, live.KnockInput{Room: room.ID, Who: guest(cookie), Name: "Eve", Code: code, Client: client})
			return err
		}
		wantFault(t, knock("eve", "", "a"), fault.Invalid, "room.code_needed")
		for range 4 {
			wantFault(t, knock("eve", "garten", "a"), fault.Invalid, "room.code")
		}
		wantFault(t, knock("eve", "garten", "a"), fault.Invalid, "room.code_last")
		wantFault(t, knock("eve", "haus7", "a"), fault.LimitReached, "room.code_wait")
		for i := range 20 {
			wantFault(t, knock(fmt.Sprint("fresh cookie ", i), "garten", "a"), fault.Invalid, map[bool]string{true: "room.code_last", false: "room.code"}[i == 19])
		}
		wantFault(t, knock("one more", "haus7", "a"), fault.LimitReached, "room.code_wait")
		w.must(knock("from elsewhere", "haus7", "b"))
		w.pass(11 * time.Minute)
		// The gate remembers the servers for a second of the machine's clock; on the moved one they look dead meanwhile.
		w.eventually("a server", func() bool { return fault.CodeOf(knock("eve", "haus7", "a")) != "fleet.no_server" })
		w.must(knock("eve", "haus7", "a"))
	})
}

func TestAClosedDoor(t *testing.T) {
	eachEngine(t, 1, func(t *testing.T, w *town) {
		ctx := t.Context()
		n := w.nodes[0]
		member, owner := w.Organisation("level-1")
		room := w.Room(owner, member, rooms.Settings{})
		ana := w.someone(n, person(owner), "Ana", room).join().enter()
		bob := w.someone(n, guest("bob"), "Bob", room).join().enter()
		eve := w.someone(n, guest("eve"), "Eve", room).join().enter()
		w.must(n.Leave(ctx, eve.meeting, eve.who))
		wantFault(t, n.Door(ctx, ana.meeting, bob.who, true), fault.Forbidden, "live.moderators_only")
		w.must(n.Door(ctx, ana.meeting, ana.who, true))
		await(bob.page, "locks", func(l struct{ Door live.Door }) bool { return l.Door == live.DoorClosed })
		_, err := w.someone(n, guest("new"), "New", room).knock()
		wantFault(t, err, fault.Conflict, "room.locked")
		_, err = eve.knock()
		wantFault(t, err, fault.Conflict, "room.locked")
		_, err = n.Enter(ctx, live.EnterInput{Meeting: eve.meeting, Who: eve.who})
		wantFault(t, err, fault.Conflict, "room.locked")
		bob.join() // a reload
		w.must(n.Door(ctx, ana.meeting, ana.who, false))
		eve.join()
	})
}

func TestWhoFallsSilentAtTheDoorIsForgotten(t *testing.T) {
	eachEngine(t, 1, func(t *testing.T, w *town) {
		n := w.nodes[0]
		member, owner := w.Organisation("level-1")
		room := w.Room(owner, member, rooms.Settings{WaitingRoom: true, MayStart: rooms.StartHosts, MayEnter: rooms.EnterAnyone})
		ana := w.someone(n, person(owner), "Ana", room).join().enter()
		eve := w.someone(n, guest("eve"), "Eve", room)
		if _, err := eve.knock(); err != nil {
			t.Fatal(err)
		}
		w.pass(time.Minute)
		w.must(n.ClearDoors(t.Context()))
		await(ana.page, "lobby", func(l struct{ Waiting []live.Waiting }) bool { return len(l.Waiting) == 0 })
		_, err := n.Wait(t.Context(), room.ID, eve.who)
		wantFault(t, err, fault.NotFound, "live.not_waiting")
	})
}

func TestManyAtOnceTakeExactlyTheSeatsThereAre(t *testing.T) {
	eachEngine(t, 2, func(t *testing.T, w *town) {
		member, owner := w.Organisation("level-1") // 10 seats
		room := w.Room(owner, member, rooms.Settings{MayStart: rooms.StartAnyone, MayEnter: rooms.EnterAnyone})
		var wg sync.WaitGroup
		var mu sync.Mutex
		outcome := map[string]int{}
		for i := range 40 {
			wg.Go(func() {
				s := w.someone(w.nodes[i%2], guest(fmt.Sprint(i/2)), "Guest", room) // each person from two tabs, on both nodes
				_, err := s.knock()
				mu.Lock()
				defer mu.Unlock()
				outcome[fault.CodeOf(err)]++
			})
		}
		wg.Wait()
		// A full meeting is noticed before a full member: both have 10.
		if got := w.seats(member); got != 10 {
			t.Errorf("%d seats of 10: %v", got, outcome)
		}
		ana := w.someone(w.nodes[0], person(owner), "Ana", room)
		_, err := ana.knock()
		wantFault(t, err, fault.LimitReached, "admission.participants_full")
	})
}

func TestSomebodyWithoutCookieOrNameIsAskedForIt(t *testing.T) {
	eachEngine(t, 1, func(t *testing.T, w *town) {
		member, owner := w.Organisation("level-1")
		room := w.Room(owner, member, rooms.Settings{MayStart: rooms.StartAnyone, MayEnter: rooms.EnterAnyone})
		_, err := w.someone(w.nodes[0], guest(""), "Eve", room).knock()
		wantFault(t, err, fault.Invalid, "live.no_cookie")
		_, err = w.someone(w.nodes[0], guest("eve"), "x@y.example", room).knock()
		wantFault(t, err, fault.Invalid, "input.invalid")
		if got := w.seats(member); got != 0 {
			t.Errorf("%d seats", got)
		}
	})
}

func TestAnEngineOfLoopbackOnlySaysSo(t *testing.T) {
	eachEngine(t, 1, func(t *testing.T, w *town) {
		member, owner := w.Organisation("level-1")
		room := w.Room(owner, member, rooms.Settings{})
		ana := w.someone(w.nodes[0], person(owner), "Ana", room).join()
		w.noWay = engine.ErrLoopbackOnly
		_, err := w.nodes[0].Enter(t.Context(), live.EnterInput{Meeting: ana.meeting, Who: ana.who})
		wantFault(t, err, fault.Unavailable, "engine.loopback_only")
		if got := w.seats(member); got != 1 {
			t.Errorf("%d seats: the page tries again and keeps its seat", got)
		}
	})
}
