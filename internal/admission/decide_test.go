// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"fmt"
	"testing"

	"meetcoop/internal/fault"
	"meetcoop/internal/membership"
	"meetcoop/internal/tariff"
)

// people lets moderators (m) and viewers (v) try to enter one after the other and returns who got in.
func people(t *testing.T, l limits, who string) string {
	t.Helper()
	b, out := newTable(t, l), ""
	for i, r := range who {
		in := b.joining("room", fmt.Sprint(i))
		if r == 'm' {
			in.Role = RoleModerator
		}
		if b.step(false, &request{kind: kindJoin, join: in})[0].err == nil {
			out += string(r)
		} else {
			out += "-"
		}
	}
	return out
}

func open() limits {
	return limits{
		State: membership.StandingHost, Allowed: true, Seats: tariff.Unlimited, Participants: tariff.Unlimited, RunningRooms: tariff.Unlimited,
		Scope: tariff.ScopeMeeting, Enforcement: tariff.EnforceHard, Zone: "UTC",
	}
}

func TestSeatsAndTheModeratorsReserve(t *testing.T) {
	seats := func(n int, change func(*limits)) limits {
		l := open()
		l.Seats = tariff.Limit(n)
		if change != nil {
			change(&l)
		}
		return l
	}
	for _, c := range []struct {
		name string
		l    limits
		who  string
		want string
	}{
		{"three seats are three seats", seats(3, nil), "vvmv", "vvm-"},
		{"one is kept for a moderator", seats(3, func(l *limits) { l.Reserve = 1 }), "vvvm", "vv-m"},
		{"a moderator inside does not open the reserve", seats(4, func(l *limits) { l.Reserve = 2 }), "mvvvm", "mvv-m"},
		{"a reserve as large as the seats leaves one", seats(2, func(l *limits) { l.Reserve = 5 }), "vvm", "v-m"},
		{"no seat at all", seats(0, nil), "m", "-"},
		{"grace of half lets in half more", seats(4, func(l *limits) { l.Enforcement, l.Grace = tariff.EnforceGrace, 50 }), "vvvvvvv", "vvvvvv-"},
		{"who joins what runs passes where only beginning is checked", seats(1, func(l *limits) { l.Enforcement = tariff.EnforceCreate }), "vvv", "vvv"},
		{"participants of a meeting", seats(9, func(l *limits) { l.Participants = 2 }), "vmv", "vm-"},
	} {
		if got := people(t, c.l, c.who); got != c.want {
			t.Errorf("%s: %s of %s got in, want %s", c.name, got, c.who, c.want)
		}
	}
}

func TestSeatsKeptForOneMeetingAreClosedToOthers(t *testing.T) {
	l := open()
	l.Seats = 4
	b := newTable(t, l)
	for _, c := range []struct {
		room, who string
		kept      int
		code      string // of the refusal; "" is let in
	}{
		{"assembly", "chair", 3, ""}, // three seats are kept: two more than are taken
		{"office", "a", 0, ""},
		{"office", "b", 0, "admission.seats_full"},
		{"assembly", "d", 0, ""},
		{"office", "b", 0, "admission.seats_full"},
		{"assembly", "e", 0, ""},
		{"assembly", "f", 0, "admission.seats_full"},
	} {
		in := b.joining(c.room, c.who)
		in.Kept = c.kept
		err := b.step(false, &request{kind: kindJoin, join: in})[0].err
		if (c.code == "") != (err == nil) || (err != nil && fault.CodeOf(err) != c.code) {
			t.Errorf("%s into the %s: %v, want %q", c.who, c.room, err, c.code)
		}
	}
}
