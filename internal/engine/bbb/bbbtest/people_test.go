// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// tells fails where getMeetingInfo does not say these things.
func (r *rig) tells(id string, want map[string]string) {
	r.t.Helper()
	info := r.ask("getMeetingInfo", "meetingID="+id).says(r.t, "info", "")
	for name, value := range want {
		if info.elements[name] != value {
			r.t.Errorf("%s is %q, want %q", name, info.elements[name], value)
		}
	}
}

func (r *rig) must(all ...error) {
	r.t.Helper()
	if err := errors.Join(all...); err != nil {
		r.t.Fatal(err)
	}
}

func TestWhatPeopleDoIsCounted(t *testing.T) {
	r := newRig(t, V30)
	r.ask("create", "name=AB&meetingID=coop-1")
	ada := r.joins("fullName=Ada&meetingID=coop-1&role=moderator")
	ben := r.joins("fullName=Ben&meetingID=coop-1&role=viewer")
	if err := r.Voice(ada, true); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("somebody speaks who is not there: %v", err)
	}
	r.must(r.Connect(ada), r.Connect(ben), r.Voice(ada, true), r.ListenOnly(ben, true), r.Cameras(ben, 2), r.Present(ben))
	r.tells("coop-1", map[string]string{"listenerCount": "1", "voiceParticipantCount": "1", "videoCount": "2", "participantCount": "2", "moderatorCount": "1", "attendees.attendee.isPresenter": "true"})
	if _, err := r.DialIn("coop-1", "030 123"); err != nil {
		t.Fatal(err)
	}
	r.tells("coop-1", map[string]string{"participantCount": "3", "voiceParticipantCount": "2", "attendees.attendee.clientType": "DIAL_IN", "attendees.attendee.fullName": "030 123"})
	r.must(r.Disconnect(ben))
	r.tells("coop-1", map[string]string{"participantCount": "2", "videoCount": "0", "listenerCount": "0"})
	r.must(r.Reload(ben), r.Reload(ben))
	r.tells("coop-1", map[string]string{"participantCount": "3", "videoCount": "0", "listenerCount": "0"})
	if all := r.Sessions("coop-1"); len(all) != 3 || all[0] != ada {
		t.Errorf("sessions %v", all)
	}
	if err := r.Connect("none"); !errors.Is(err, ErrNoSession) {
		t.Error(err)
	}
	if _, err := r.Invent("none", 1); !errors.Is(err, ErrNoMeeting) {
		t.Error(err)
	}
}

func TestTheFourthSessionOfSomebodyThrowsOutTheFirst(t *testing.T) {
	r := newRig(t, V30)
	r.ask("create", "name=AB&meetingID=coop-1")
	var all []string
	for range 4 {
		all = append(all, r.joins("fullName=Ada&meetingID=coop-1&role=viewer&userID=u-7"))
	}
	if err := r.Connect(all[0]); !errors.Is(err, ErrNoSession) {
		t.Error(err)
	}
	r.must(r.Connect(all[1]), r.Connect(all[3]))
}

func TestWhoeverJoinsConnectsByThemselves(t *testing.T) {
	for _, delay := range []time.Duration{0, 3 * time.Second} {
		r := newRig(t, V30, func(c *Config) { c.AutoConnect, c.ConnectDelay = true, delay })
		r.ask("create", "name=AB&meetingID=coop-1&guestPolicy=ASK_MODERATOR")
		r.joins("fullName=Ada&meetingID=coop-1&role=moderator")
		gone := r.joins("fullName=Gone&meetingID=coop-1&role=moderator")
		guest := r.joins("fullName=Guest&meetingID=coop-1&role=viewer&guest=true")
		r.must(r.Leave(gone))
		if delay > 0 {
			r.tells("coop-1", map[string]string{"participantCount": "0", "running": "false"})
			r.now = r.now.Add(delay)
		}
		r.tells("coop-1", map[string]string{"participantCount": "1", "running": "true"})
		r.must(r.LetIn(guest))
		r.Jump(delay)
		r.tells("coop-1", map[string]string{"participantCount": "2"})
	}
}

func TestBreakoutRooms(t *testing.T) {
	r := newRig(t, V30)
	parent := r.ask("create", "name=Hall&meetingID=coop-1").elements["internalMeetingID"]
	rooms, err := r.Breakouts("coop-1", 2)
	r.must(err)
	r.tells(rooms[1], map[string]string{"isBreakout": "true", "parentMeetingID": parent, "sequence": "2", "meetingName": "Hall (Room - 2)"})
	info := r.ask("getMeetingInfo", "meetingID=coop-1")
	if want := fmt.Sprintf("<breakoutRooms><breakout>%s</breakout><breakout>%s</breakout></breakoutRooms>", rooms[0], rooms[1]); !strings.HasSuffix(info.body, want+"</response>") {
		t.Errorf("rooms of the parent: %s", info.body)
	}
	r.ask("end", "meetingID="+rooms[0])
	if info = r.ask("getMeetingInfo", "meetingID=coop-1"); strings.Contains(info.body, rooms[0]) {
		t.Errorf("an ended room is told: %s", info.body)
	}
}

func TestEachEndOfAMeetingHasItsTime(t *testing.T) {
	for _, tc := range []struct {
		name, query string
		do          func(r *rig, session string) error
		ends        time.Duration // after creation; 0: not within a day
	}{
		{"nobody came", "", nil, 5 * time.Minute},
		{"nobody came, as told", "meetingExpireIfNoUserJoinedInMinutes=2", nil, 2 * time.Minute},
		{"the last one left", "", func(r *rig, s string) error { return errors.Join(r.Connect(s), r.Leave(s)) }, time.Minute},
		{"the last connection was lost", "", func(r *rig, s string) error { return errors.Join(r.Connect(s), r.Disconnect(s)) }, time.Minute},
		{"the last one left, and 0 keeps it", "meetingExpireWhenLastUserLeftInMinutes=0", func(r *rig, s string) error { return errors.Join(r.Connect(s), r.Leave(s)) }, 0},
		{"somebody is there", "", func(r *rig, s string) error { return r.Connect(s) }, 0},
		{"somebody is there until the duration is over", "duration=30", func(r *rig, s string) error { return r.Connect(s) }, 30 * time.Minute},
		{"the duration counts from creation", "duration=3", nil, 3 * time.Minute},
		{"a duration that is no number", "duration=x", func(r *rig, s string) error { return r.Connect(s) }, 0},
		{"no moderator", "endWhenNoModerator=true&endWhenNoModeratorDelayInMinutes=7", func(r *rig, s string) error {
			_, err := r.Invent("coop-1", 1)
			return errors.Join(err, r.Connect(s), r.Leave(s))
		}, 7 * time.Minute},
	} {
		r := newRig(t, V30)
		r.ask("create", "name=AB&meetingID=coop-1&"+tc.query).says(t, tc.name, "")
		if tc.do != nil {
			r.must(tc.do(r, r.joins("fullName=Ada&meetingID=coop-1&role=moderator")))
		}
		if tc.ends == 0 {
			r.now = r.now.Add(24 * time.Hour)
			r.tells("coop-1", map[string]string{"endTime": "0"})
			continue
		}
		r.now = r.now.Add(tc.ends - time.Second)
		r.tells("coop-1", map[string]string{"endTime": "0"})
		r.now = r.now.Add(time.Second)
		info := r.ask("getMeetingInfo", "meetingID=coop-1").says(t, tc.name, "")
		if info.elements["endTime"] == "0" || info.elements["hasBeenForciblyEnded"] != fmt.Sprint(strings.Contains(tc.query, "duration")) {
			t.Errorf("%s: %s", tc.name, info.body)
		}
		r.now = r.now.Add(10 * time.Second)
		r.ask("getMeetingInfo", "meetingID=coop-1").says(t, tc.name+", after the grace", "notFound")
	}
}

func TestTheOlderLineListsThoseWhoJustLeft(t *testing.T) {
	for profile, want := range map[Profile]string{V26: "Ada", V30: ""} {
		r := newRig(t, profile)
		r.ask("create", "name=AB&meetingID=coop-1")
		session := r.joins("fullName=Ada&meetingID=coop-1&role=moderator")
		r.must(r.Connect(session), r.Leave(session))
		if got := r.ask("getMeetings", "").elements["meetings.meeting.attendees.attendee.fullName"]; got != want {
			t.Errorf("%s: %q", profile, got)
		}
		r.now = r.now.Add(justLeftFor)
		if got := r.ask("getMeetings", "").elements["meetings.meeting.attendees.attendee.fullName"]; got != "" {
			t.Errorf("%s, later: %q", profile, got)
		}
	}
}

func TestTheClockIsMoved(t *testing.T) {
	r := newRig(t, V30)
	r.SetClockOffset(-time.Hour)
	made := r.ask("create", "name=AB&meetingID=coop-1")
	if want := fmt.Sprint(r.now.Add(-time.Hour).UnixMilli()); made.elements["createTime"] != want {
		t.Errorf("created at %s, want %s", made.elements["createTime"], want)
	}
	r.SetClockOffset(0)
	r.ask("getMeetingInfo", "meetingID=coop-1").says(t, "an hour later at once", "notFound")
	r.ask("create", "name=AB&meetingID=coop-2")
	r.Jump(4 * time.Minute)
	r.tells("coop-2", map[string]string{"endTime": "0"})
	r.Jump(time.Minute)
	r.tells("coop-2", map[string]string{"endTime": fmt.Sprint(r.now.Add(5 * time.Minute).UnixMilli())})
}

func TestManyMeetingsCostNoMoreThanFew(t *testing.T) {
	r := newRig(t, V30)
	for i := range 3000 {
		r.ask("create", fmt.Sprintf("name=AB&meetingID=coop-%d&duration=%d", i, 1+i%4)).says(t, "create", "")
	}
	r.now = r.now.Add(2 * time.Minute)
	r.ask("isMeetingRunning", "meetingID=coop-1")
	if ended := 3000 - len(r.index.bridges); ended != 1500 {
		t.Errorf("%d have ended", ended)
	}
	r.now = r.now.Add(10 * time.Second)
	r.Pass()
	if len(r.index.all) != 1500 || len(r.index.byInternal) != 1500 || len(r.index.byExternal) != 1500 {
		t.Errorf("%d are listed", len(r.index.all))
	}
	r.Forget()
	r.ask("getMeetings", "").says(t, "forgotten", "ok:noMeetings")
}
