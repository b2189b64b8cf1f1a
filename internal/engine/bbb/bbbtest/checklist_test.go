// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"crypto/sha1"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The checklist of the contract (spec 17) and the tests of its lines:
//
//	 1 TestTheChecksumMayStandAnywhere, TestChecksumsOfTheVectors      9 TestAMeetingEndsByEitherOfItsIDs
//	 2 TestCreateTwice                                                 10 TestNothingIsThere, TestRecordingsAreChanged
//	 3 TestBodiesOfCreate                                             11 TestRecordingsAreFound, TestPagesOfRecordings, TestLimitsOfPagesAreClamped
//	 4 TestMetadata                                                   12 hooks_test.go
//	 5 TestWhoMayJoin, TestWhereErrorsLeadInEachLine                  13 callbacks_test.go
//	 6 TestTheLimitOfParticipants                                     14 TestEachEndOfAMeetingHasItsTime
//	 7 TestGuests                                                     15 TestWhatIsNoCall
//	 8 TestAJoinAloneIsNoParticipant

func TestAMeetingEndsByEitherOfItsIDs(t *testing.T) {
	for _, by := range []string{"meetingID", "internalMeetingID"} {
		r := newRig(t, V30)
		made := r.ask("create", "name=AB&meetingID=coop-1&moderatorPW=mp")
		r.joins("fullName=Ada&role=viewer&meetingID=" + made.elements[by])
		r.ask("end", "password=wrong&meetingID="+made.elements[by]).says(t, by, "ok:sentEndMeetingRequest")
		info := r.ask("getMeetingInfo", "meetingID="+made.elements[by]).says(t, "listed for a moment", "")
		if info.elements["hasBeenForciblyEnded"] != "true" || info.elements["running"] != "false" || info.elements["endTime"] == "0" {
			t.Errorf("%s: %s", by, info.body)
		}
		if got := r.ask("isMeetingRunning", "meetingID="+made.elements[by]); got.elements["running"] != "false" {
			t.Error(got.body)
		}
		r.now = r.now.Add(10 * time.Second)
		for _, call := range []string{"getMeetingInfo", "end"} {
			r.ask(call, "meetingID="+made.elements[by]).says(t, call+" after the grace", "notFound")
		}
		r.ask("isMeetingRunning", "meetingID=coop-1").says(t, "isMeetingRunning", "")
	}
}

func TestAServerMayTakeSomeAlgorithmsOnly(t *testing.T) {
	r := newRig(t, V30, func(c *Config) { c.Algorithms = []string{"sha384", "sha256"} })
	r.ask("getMeetings", "").says(t, "SHA-256", "ok:noMeetings")
	for _, call := range []string{"getMeetings", "getRecordings"} {
		r.do(httptest.NewRequest("GET", apiPath+"/"+call+"?checksum="+Checksum(sha1.New, call, "", secret), nil)).says(t, call, "checksumError")
	}
}

func TestNothingIsThere(t *testing.T) {
	r := newRig(t, V30)
	for call, want := range map[string][2]string{
		"getMeetings": {"noMeetings", "<meetings></meetings>"}, "getSessions": {"noSessions", "<sessions></sessions>"}, "getRecordings": {"noRecordings", "<recordings></recordings>"},
	} {
		got := r.ask(call, "").says(t, call, "ok:"+want[0])
		if !strings.Contains(got.body, "<returncode>SUCCESS</returncode>"+want[1]+"<messageKey>") {
			t.Error(got.body)
		}
	}
	r.recorded("coop-1", "")
	r.cfg.NoFetchAll = true
	r.ask("getRecordings", "").says(t, "all of them, where that is not allowed", "ok:noRecordings")
	r.ask("getRecordings", "limit=5").says(t, "a page", "")
	r.ask("getRecordings", "meetingID=coop-1").says(t, "those of a meeting", "")
	r.Reset()
	r.ask("getRecordings", "limit=5").says(t, "after a reset", "ok:noRecordings")
}

func TestWhatIsNoCall(t *testing.T) {
	r := newRig(t, V30)
	for path, want := range map[string]int{
		"GET /": 404, "GET /bigbluebutton": 404, "GET /other/api/create": 404, "GET " + apiPath + "/nonsense": 404, "GET " + apiPath + "/Create": 404, "GET " + apiPath + "/create/": 404,
		"POST " + apiPath + "/join": 405, "HEAD " + apiPath + "/join": 405, "PUT " + apiPath + "/create": 405, "POST " + apiPath + "/publishRecordings": 405, "GET " + apiPath + "/enter": 404,
		"GET " + apiPath + "create": 404, "GET " + apiPath + "/": 200,
	} {
		method, to, _ := strings.Cut(path, " ")
		if got := r.do(httptest.NewRequest(method, to, nil)); got.status != want {
			t.Errorf("%s: %d, want %d", path, got.status, want)
		}
	}
}

func TestMeetingsAreToldToTests(t *testing.T) {
	r := newRig(t, V30)
	r.sends("create", "name=Hall&meetingID=coop-1&x=%C3%A9", "application/xml", slides)
	r.ask("create", "name=Room&meetingID=coop-2")
	if err := r.Connect(r.joins("fullName=Ada&role=viewer&meetingID=coop-1")); err != nil {
		t.Fatal(err)
	}
	r.joins("fullName=Ben&role=viewer&meetingID=coop-1")
	r.ask("end", "meetingID=coop-2")
	got := r.Meetings()
	if len(got) != 2 {
		t.Fatalf("meetings %+v", got)
	}
	if m := got[0]; m.ID != "coop-1" || m.Name != "Hall" || !strings.HasPrefix(m.Query, "name=Hall&meetingID=coop-1&x=%C3%A9&checksum=") || string(m.Body) != slides || m.Connected != 1 ||
		m.Registered != 2 || m.Ended || m.CreateTime != r.now.UnixMilli() || m.InternalID != internalID("coop-1", r.now) {
		t.Errorf("meeting %+v", m)
	}
	if !got[1].Ended {
		t.Errorf("meeting %+v", got[1])
	}
	if c := r.Counters(); c["create"] != 2 || c["join"] != 2 || c["end"] != 1 {
		t.Errorf("counters %v", c)
	}
	for i := range 9 {
		r.ask("isMeetingRunning", fmt.Sprint("meetingID=coop-", i))
	}
	if last := r.Last("isMeetingRunning"); len(last) != keptEach || !strings.HasPrefix(last[3].Query, "meetingID=coop-8&") || last[0].Method != http.MethodGet {
		t.Errorf("last %+v", last)
	}
	r.Reset()
	if len(r.Meetings()) != 0 || len(r.Counters()) != 0 {
		t.Error("not everything is forgotten")
	}
}
