// SPDX-License-Identifier: AGPL-3.0-or-later

package live

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/instant"
	"meetcoop/internal/rooms"
	"meetcoop/internal/tariff"
)

var noon = instant.Of(time.Date(2027, 1, 12, 12, 0, 0, 0, time.UTC))

// TestDoorAnswersInOrder spoils one check after the other, from the last to the first: the first that fails answers.
func TestDoorAnswersInOrder(t *testing.T) {
	d := doorway{
		Room: rooms.Room{Settings: rooms.Settings{MayStart: rooms.StartAnyone, MayEnter: rooms.EnterAnyone}},
		Role: rooms.RoleViewer, Now: noon, Allowed: true, RunningLimit: tariff.Unlimited,
	}
	for _, step := range []struct {
		spoil func()
		want  verdict
		code  string
	}{
		{func() {}, enter, "internal"},
		{func() { d.Room.Settings.WaitingRoom, d.Running = true, true }, waitAdmit, "room.waiting"},
		{func() { d.Running = false }, waitStart, "room.not_started"}, // with a waiting room only moderators begin
		{func() { d.Role, d.Room.Settings.MayEnter = rooms.RoleNone, rooms.EnterInvited }, turnedDown, "room.signin"},
		{func() { d.SignedIn = true }, turnedDown, "room.invited_only"},
		{func() { d.Room.Settings.MayEnter = rooms.EnterPeople }, turnedDown, "room.people_only"},
		{func() { d.Room.Settings.AccessCode = "haus7" }, turnedDown, "room.code_needed"},
		{func() { d.Code = "garten" }, wrongCode, "room.code"},
		{func() { d.Tries = tries{Guest: 4, GuestSince: noon} }, wrongCode, "room.code_last"},
		{func() { d.Tries = tries{Guest: 5, GuestSince: noon.Add(-time.Minute)} }, turnedDown, "room.code_wait"},
		{func() { d.Running, d.Closed = true, true }, turnedDown, "room.locked"},
		{func() { d.Banned = true }, turnedDown, "room.removed"},
		{func() {
			d.Running, d.Role, d.Room.Settings.WaitingRoom, d.RunningLimit, d.RunningRooms = false, rooms.RoleViewer, false, 2, 2
		}, turnedDown, "admission.running_rooms"},
		{func() { d.Allowed = false }, turnedDown, "member.suspended"},
		{func() { d.Room.Dormant = true }, turnedDown, "rooms.dormant"},
		{func() { d.Room.ArchivedAt = noon }, turnedDown, "room.unknown"},
	} {
		step.spoil()
		v, err := d.verdict()
		if v != step.want || fault.CodeOf(err) != step.code {
			t.Errorf("got %s %s, want %s %s", v, fault.CodeOf(err), step.want, step.code)
		}
	}
}

func TestWhoPassesTheDoorAllTheSame(t *testing.T) {
	base := doorway{
		Room: rooms.Room{Settings: rooms.Settings{AccessCode: "haus7", WaitingRoom: true, MayStart: rooms.StartHosts, MayEnter: rooms.EnterAnyone}},
		Role: rooms.RoleViewer, Now: noon, Allowed: true, RunningLimit: tariff.Unlimited, Running: true, Closed: true,
	}
	for name, c := range map[string]struct {
		change func(*doorway)
		want   verdict
		code   string
	}{
		"a stranger meets the closed door":      {func(d *doorway) {}, turnedDown, "room.locked"},
		"a reload passes everything":            {func(d *doorway) { d.Known, d.Seated = true, true }, enter, "internal"},
		"who left meets the closed door":        {func(d *doorway) { d.Known = true }, turnedDown, "room.locked"},
		"who left needs no code and no waiting": {func(d *doorway) { d.Known, d.Closed = true, false }, enter, "internal"},
		"a moderator passes everything":         {func(d *doorway) { d.Role = rooms.RoleModerator }, enter, "internal"},
		"a moderator begins":                    {func(d *doorway) { d.Role, d.Running, d.Closed = rooms.RoleModerator, false, false }, enter, "internal"},
		"the code in any case":                  {func(d *doorway) { d.Closed, d.Code = false, " HAUS7 " }, waitAdmit, "room.waiting"},
		"the code is asked once":                {func(d *doorway) { d.Closed, d.CodeGiven = false, true }, waitAdmit, "room.waiting"},
		"an address with many tries waits too":  {func(d *doorway) { d.Closed, d.Tries = false, tries{Address: 25, AddressSince: noon} }, turnedDown, "room.code_wait"},
		"after the pause one may try again":     {func(d *doorway) { d.Closed, d.Tries = false, tries{Guest: 5, GuestSince: noon.Add(-codePause)} }, turnedDown, "room.code_needed"},
		"signed in begins where signed in may": {func(d *doorway) {
			d.Room.Settings = rooms.Settings{MayStart: rooms.StartSignedIn}
			d.Running, d.Closed, d.SignedIn = false, false, true
		}, enter, "internal"},
		"a guest does not, where signed in may": {func(d *doorway) {
			d.Room.Settings = rooms.Settings{MayStart: rooms.StartSignedIn}
			d.Running, d.Closed = false, false
		}, waitStart, "room.not_started"},
		"who may not enter does not begin either": {func(d *doorway) {
			d.Room.Settings = rooms.Settings{MayStart: rooms.StartAnyone}
			d.Role, d.Running, d.Closed = rooms.RoleNone, false, false
		}, turnedDown, "room.signin"},
		"the removed stay out, moderators as well": {func(d *doorway) { d.Role, d.Banned = rooms.RoleModerator, true }, turnedDown, "room.removed"},
	} {
		t.Run(name, func(t *testing.T) {
			d := base
			c.change(&d)
			v, err := d.verdict()
			if v != c.want || fault.CodeOf(err) != c.code {
				t.Errorf("got %s %s, want %s %s", v, fault.CodeOf(err), c.want, c.code)
			}
		})
	}
}

// walk lets time pass second by second and notes what the timers do.
func walk(m meeting, from instant.Instant, d time.Duration) (story []string) {
	for at := time.Duration(0); at <= d; at += time.Second {
		now := from.Add(at)
		if m.next().IsZero() || now.Before(m.next()) {
			if m.warning(now) != 0 || m.over(now) != "" {
				story = append(story, fmt.Sprint(at, " not due"))
			}
			continue
		}
		if why := m.over(now); why != "" {
			return append(story, fmt.Sprint(at, " ", why))
		}
		if w := m.warning(now); w != 0 {
			m.Warned = w
			story = append(story, fmt.Sprint(at, " warn ", w))
		}
	}
	return story
}

func TestTimersOfAMeeting(t *testing.T) {
	for name, c := range map[string]struct {
		m    meeting
		want []string
	}{
		"an hour":                        {meeting{StartedAt: noon, DeadlineAt: noon.Add(time.Hour), Visited: true}, []string{"50m0s warn 10", "58m0s warn 2", "1h0m0s duration"}},
		"two minutes warn at once":       {meeting{StartedAt: noon, DeadlineAt: noon.Add(2 * time.Minute), Visited: true}, []string{"0s warn 2", "2m0s duration"}},
		"five minutes have one warning":  {meeting{StartedAt: noon, DeadlineAt: noon.Add(5 * time.Minute), Visited: true}, []string{"3m0s warn 2", "5m0s duration"}},
		"no limit":                       {meeting{StartedAt: noon, Visited: true}, nil},
		"nobody came":                    {meeting{StartedAt: noon, EmptySince: noon}, []string{"5m0s empty"}},
		"nobody came, but the seat held": {meeting{StartedAt: noon, EmptySince: noon.Add(6 * time.Minute)}, []string{"6m0s empty"}},
		"the last left":                  {meeting{StartedAt: noon, EmptySince: noon.Add(20 * time.Minute), Visited: true}, []string{"21m0s empty"}},
		"empty while the engine is down": {meeting{StartedAt: noon, EmptySince: noon, Visited: true, Engine: engineDown}, []string{"6m0s empty"}},
		"the deadline before emptiness":  {meeting{StartedAt: noon, EmptySince: noon, DeadlineAt: noon.Add(3 * time.Minute)}, []string{"3m0s duration"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, walk(c.m, noon, 2*time.Hour)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestALaterEndWarnsAgain(t *testing.T) {
	m := meeting{StartedAt: noon, DeadlineAt: noon.Add(time.Hour), Visited: true, Warned: 2}
	m.move(noon.Add(3*time.Hour), noon.Add(59*time.Minute))
	if diff := cmp.Diff([]string{"2h50m0s warn 10", "2h58m0s warn 2", "3h0m0s duration"}, walk(m, noon, 4*time.Hour)); diff != "" {
		t.Error(diff)
	}
	m.Warned = 2
	m.move(noon.Add(64*time.Minute), noon.Add(59*time.Minute)) // five minutes left: only the warning at two is new
	if diff := cmp.Diff([]string{"1h2m0s warn 2", "1h4m0s duration"}, walk(m, noon, 2*time.Hour)); diff != "" {
		t.Error(diff)
	}
	m.move(instant.Instant{}, noon)
	if !m.next().IsZero() {
		t.Error("without a deadline something is due")
	}
	if why := m.over(noon.Add(100 * time.Hour)); why != fleet.EndReason("") {
		t.Errorf("without a deadline it ends: %s", why)
	}
}

func TestRateLetsABurstThroughAndThenOneASecond(t *testing.T) {
	var at instant.Instant
	passed := ""
	for i := range 40 { // ten a second
		var ok bool
		at, ok = pass(at, noon.Add(time.Duration(i)*100*time.Millisecond), time.Second, 5)
		if ok {
			passed += fmt.Sprint(i, " ")
		}
	}
	if want := "0 1 2 3 4 10 20 30 "; passed != want {
		t.Errorf("passed %q, want %q", passed, want)
	}
}

func TestWhatALockAndAModeratorAllow(t *testing.T) {
	for _, c := range []struct {
		a      allowance
		locked bool
		want   bool
	}{{byLock, false, true}, {byLock, true, false}, {yes, true, true}, {yes, false, true}, {no, false, false}, {no, true, false}} {
		if got := (participant{Role: Viewer, Allowed: allowed{Mic: c.a}}).may(Locks{Mic: c.locked}).Mic; got != c.want {
			t.Errorf("%q under lock %v: %v", c.a, c.locked, got)
		}
	}
	all := Locks{Chat: true, Mic: true, Camera: true, Screen: true, Names: true}
	if got := (participant{Role: Moderator, Allowed: allowed{Mic: no}}).may(all); got != (May{Mic: true, Camera: true, Screen: true, Chat: true}) {
		t.Errorf("a moderator may %+v", got)
	}
}

func TestDirectedEventsReachTheirReaders(t *testing.T) {
	people := map[string]participant{"sender": {ID: "a", Role: Viewer}, "receiver": {ID: "b", Role: Viewer}, "moderator": {ID: "m", Role: Moderator}, "other": {ID: "o", Role: Viewer}}
	for audience, want := range map[string]string{ToAll: "sender receiver moderator other", ToModerators: "sender moderator", "b": "sender receiver"} {
		for name, p := range people {
			if got := (event{Audience: audience, Also: "a"}).visible(p); got != strings.Contains(want, name) {
				t.Errorf("to %s: %s reads %v", audience, name, got)
			}
		}
	}
}

func TestTextOfALine(t *testing.T) {
	for text, want := range map[string]string{
		" hello ": "hello", "two\r\nlines": "two\nlines", "<b>": "<b>", "👩‍👩‍👧 ok": "👩‍👩‍👧 ok", "": "", " \n ": "", "a\u202eb": "", "a\x00": "", "\xff": "",
		strings.Repeat("é", 500): strings.Repeat("é", 500), strings.Repeat("é", 501): "", strings.Repeat("x", 100_000): "",
	} {
		got, err := cleanText(text, maxText)
		if (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%.20q: %.20q, %v", text, got, err)
		}
	}
}
