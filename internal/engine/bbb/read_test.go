// SPDX-License-Identifier: AGPL-3.0-or-later

package bbb_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"meetcoop/internal/engine/bbb"
)

func TestAMeetingIsRead(t *testing.T) {
	root, err := parse(`<response><meetingName>Rat &amp; Tat</meetingName><meetingID> coop-42 </meetingID><internalMeetingID>587b-1</internalMeetingID>
		<createTime>1795326876359</createTime><running>TRUE</running><hasUserJoined>true</hasUserJoined><recording>true</recording>
		<hasBeenForciblyEnded>false</hasBeenForciblyEnded><startTime>1795326876400</startTime><endTime>0</endTime><participantCount>1,234</participantCount>
		<listenerCount>3</listenerCount><voiceParticipantCount>4</voiceParticipantCount><videoCount>5</videoCount><moderatorCount>6</moderatorCount><attendees>
		<attendee><userID>u-7</userID><fullName>Ada</fullName><role>moderator</role><isPresenter>true</isPresenter><isListeningOnly>false</isListeningOnly>
		<hasJoinedVoice>true</hasJoinedVoice><hasVideo>false</hasVideo><clientType>HTML5</clientType></attendee><attendee/><other/></attendees>
		<metadata><tenant>north</tenant><empty/><tenant>south</tenant></metadata><isBreakout>true</isBreakout><parentMeetingID>p-1</parentMeetingID>
		<breakoutRooms><breakout>b-1</breakout><breakout/><other>x</other></breakoutRooms><newer><a/></newer></response>`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := bbb.ParseMeeting(root)
	want := bbb.Meeting{
		ExternalID: "coop-42", InternalID: "587b-1", Name: "Rat & Tat", ParentID: "p-1", CreateTime: 1795326876359, StartTime: 1795326876400,
		Running: true, Recording: true, HasUserJoined: true, Breakout: true, Participants: 1234, Listeners: 3, Voice: 4, Video: 5, Moderators: 6,
		Attendees: []bbb.Attendee{{UserID: "u-7", FullName: "Ada", Role: "MODERATOR", ClientType: "HTML5", Presenter: true, Voice: true}, {}},
		Metadata:  map[string]string{"tenant": "north", "empty": ""}, BreakoutRooms: []string{"b-1"},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(bbb.Meeting{}, "Tree")); err != nil || diff != "" || got.Tree != root {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	if _, err := bbb.ParseMeeting(&bbb.Element{Name: "meeting"}); !errors.Is(err, bbb.ErrUnanswered) {
		t.Errorf("nothing: %v", err)
	}
}

func TestNumbersBeyondBeliefAreZero(t *testing.T) {
	for text, want := range map[string]int{
		"7": 7, "007": 7, " 12 ": 12, "1,234": 1234, "1.234": 1234, "1 234": 1234, "1\u00a0234": 1234, "1\u202f234": 1234, "12’345": 12345, "123,456": 123456,
		"1,000,000": 1_000_000, "1,000,001": 0, "999999999": 0, "99999999999999999999": 0, "-1": 0, "-1,234": 0, "+1": 0, "": 0, "x": 0, "1.5": 0, "12,34": 0, "1234,567": 0,
		"1e3": 0, "0x10": 0, "١": 0, "NaN": 0, ",": 0, strings.Repeat("0", 40): 0,
	} {
		m, err := bbb.ParseMeeting(&bbb.Element{Name: "meeting", Kids: []*bbb.Element{{Name: "meetingID", Text: "a"}, {Name: "participantCount", Text: text}}})
		if err != nil || m.Participants != want {
			t.Errorf("%q is %d, want %d: %v", text, m.Participants, want, err)
		}
	}
}

func TestTimesAreMilliseconds(t *testing.T) {
	for text, want := range map[string]int64{"1795326876359": 1795326876359, "1,795,326,876,359": 1795326876359, "10000000000000": 0, "-5": 0} {
		m, err := bbb.ParseMeeting(&bbb.Element{Name: "meeting", Kids: []*bbb.Element{{Name: "meetingID", Text: "a"}, {Name: "createTime", Text: text}}})
		if err != nil || m.CreateTime != want {
			t.Errorf("%q is %d, want %d: %v", text, m.CreateTime, want, err)
		}
	}
}

func TestACreatedMeetingIsRead(t *testing.T) {
	answer := func(body string, ok bool, key string) *bbb.Answer {
		root, err := parse("<response>" + body + "</response>")
		if err != nil {
			t.Fatal(err)
		}
		return &bbb.Answer{Root: root, OK: ok, Key: key}
	}
	const body = `<meetingID>coop-42</meetingID><internalMeetingID>587b-1</internalMeetingID><parentMeetingID>bbb-none</parentMeetingID><attendeePW>ap</attendeePW>` +
		`<moderatorPW>mp</moderatorPW><createTime>1795326876359</createTime><voiceBridge>48213</voiceBridge><dialNumber>613-555-1234</dialNumber>` +
		`<createDate>Sun Nov 22 05:54:36 UTC 2026</createDate><hasUserJoined>false</hasUserJoined><duration>60</duration><hasBeenForciblyEnded>false</hasBeenForciblyEnded>`
	want := bbb.Created{
		MeetingID: "coop-42", InternalID: "587b-1", AttendeePW: "ap", ModeratorPW: "mp", VoiceBridge: "48213", DialNumber: "613-555-1234",
		CreateTime: 1795326876359, CreateDate: "Sun Nov 22 05:54:36 UTC 2026", Minutes: 60,
	}
	got, err := bbb.ParseCreated(answer(body, true, ""))
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	for name, tc := range map[string]struct {
		a    *bbb.Answer
		want error
	}{
		"without internal id": {answer(strings.Replace(body, "587b-1", "", 1), true, ""), bbb.ErrUnanswered},
		"without time":        {answer(strings.Replace(body, "1795326876359", "never", 1), true, ""), bbb.ErrUnanswered},
		"FAILED":              {answer(body, false, "idNotUnique"), bbb.ErrRefused},
		"a wrong secret":      {answer(body, false, "checksumError"), bbb.ErrSecret},
	} {
		if got, err := bbb.ParseCreated(tc.a); !errors.Is(err, tc.want) || got != (bbb.Created{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
