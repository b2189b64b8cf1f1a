// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// bare makes a call without a checksum and reads its JSON, out of the envelope where there is one.
func (r *rig) bare(call, query string) map[string]any {
	r.t.Helper()
	rec := httptest.NewRecorder()
	method := "GET"
	if call == "feedback" {
		method = "POST"
	}
	r.ServeHTTP(rec, httptest.NewRequest(method, apiPath+"/"+call+"?"+query, nil))
	var doc map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil {
		return map[string]any{"status": rec.Code, "body": rec.Body.String()}
	}
	if inner, ok := doc["response"].(map[string]any); ok {
		return inner
	}
	return doc
}

func TestALinkOfGetJoinUrlOpensASecondSession(t *testing.T) {
	r := newRig(t, V30)
	r.ask("create", "name=AB&meetingID=coop-1&maxParticipants=1")
	first := r.joins("fullName=Ada&meetingID=coop-1&role=moderator&userID=u-7")
	if err := r.Connect(first); err != nil {
		t.Fatal(err)
	}
	open := func(query string) string {
		t.Helper()
		told := r.bare("getJoinUrl", "sessionToken="+first+query)
		to, _ := told["url"].(string)
		path, ok := strings.CutPrefix(to, "https://bbb.test")
		if !ok || !strings.Contains(to, "/join?&") {
			t.Fatalf("told %v", told)
		}
		got := r.do(httptest.NewRequest("GET", path, nil))
		m := token.FindStringSubmatch(got.header.Get("Location"))
		if m == nil {
			t.Fatalf("%s: %d %s", to, got.status, got.body)
		}
		return m[1]
	}
	second := open("&sessionName=Phone&userdata-a=b")
	if err := r.Connect(second); err != nil {
		t.Fatal(err)
	}
	if info := r.ask("getMeetingInfo", "meetingID=coop-1"); info.elements["participantCount"] != "1" {
		t.Errorf("one person with two sessions: %s", info.body)
	}
	if got := r.ask("getSessions", ""); strings.Count(got.body, "<userName>Ada</userName>") != 2 {
		t.Errorf("sessions: %s", got.body)
	}
	if err := r.Leave(first); err != nil {
		t.Fatal(err)
	}
	if info := r.ask("getMeetingInfo", "meetingID=coop-1"); info.elements["participantCount"] != "1" {
		t.Errorf("the other session is still there: %s", info.body)
	}
	first = second
	third := open("&replaceSession=true")
	if err := r.Connect(second); err == nil {
		t.Error("a replaced session connects")
	}
	if err := r.Connect(third); err != nil {
		t.Error(err)
	}
	if told := r.bare("getJoinUrl", "sessionToken=none"); told["returncode"] != "FAILED" || told["sessionToken"] != "none" {
		t.Errorf("unknown session: %v", told)
	}
}

func TestTheOlderLinesLinkIsAnOrdinaryJoin(t *testing.T) {
	r := newRig(t, V27)
	r.ask("create", "name=AB&meetingID=coop-1")
	session := r.joins("fullName=Ada&meetingID=coop-1&role=moderator&userID=u-7")
	to, _ := r.bare("getJoinUrl", "sessionToken="+session)["url"].(string)
	u, err := url.Parse(to)
	if err != nil || u.Query().Get("existingUserID") != "" || u.Query().Get("userID") != "u-7" {
		t.Errorf("%v: %s", err, to)
	}
}

func TestCallsOfTheClient(t *testing.T) {
	for _, profile := range []Profile{V26, V27, V30} {
		r := newRig(t, profile)
		r.ask("create", "name=AB&meetingID=coop-1&guestPolicy=ASK_MODERATOR&logoutURL=https%3A%2F%2Fout.test")
		ada := r.joins("fullName=Ada&meetingID=coop-1&role=moderator")
		guest := r.joins("fullName=Guest&meetingID=coop-1&role=viewer&guest=true")
		if got := r.bare("stuns", "sessionToken="+ada); got["stunServers"] == nil {
			t.Errorf("stuns %v", got)
		}
		if got := r.bare("stuns", "sessionToken=none"); got["returncode"] != "FAILED" || got["logoutURL"] == nil {
			t.Errorf("stuns %v", got)
		}
		if got := r.bare("learningDashboard", "sessionToken="+ada); got["returncode"] != "SUCCESS" || got["data"] == "" {
			t.Errorf("learningDashboard %v", got)
		}
		if got := r.bare("learningDashboard", "sessionToken="+guest); got["returncode"] != "FAILED" {
			t.Errorf("learningDashboard of a viewer %v", got)
		}
		if got := r.bare("feedback", "sessionToken="+ada); (got["returncode"] == "SUCCESS") != (profile == V30) {
			t.Errorf("%s: feedback %v", profile, got)
		}
		older := profile != V30
		if got := r.bare("enter", "sessionToken="+ada); (got["externMeetingID"] == "coop-1") != older || (got["status"] == 404) == older {
			t.Errorf("%s: enter %v", profile, got)
		}
		if got := r.bare("guestWait", "sessionToken="+guest); older && (got["messageKey"] != "guestWait" || got["positionInWaitingQueue"] != 1.0) {
			t.Errorf("%s: guestWait %v", profile, got)
		}
		if got := r.bare("enter", "sessionToken="+guest); older && got["messageKey"] != "guestDeny" {
			t.Errorf("%s: enter of somebody waiting %v", profile, got)
		}
		if err := r.Connect(guest); err == nil {
			t.Error("somebody waiting connects")
		}
		if got := r.Waiting("coop-1"); len(got) != 1 || got[0] != guest {
			t.Errorf("waiting %v", got)
		}
		if err := r.LetIn(guest); err != nil {
			t.Fatal(err)
		}
		if got := r.bare("guestWait", "sessionToken="+guest); older && got["guestStatus"] != "ALLOW" {
			t.Errorf("%s: guestWait %v", profile, got)
		}
		if err := r.SendAway(guest); err != nil {
			t.Fatal(err)
		}
		if got := r.bare("guestWait", "sessionToken="+guest); older && (got["messageKey"] != "guestDeny" || got["url"] != "https://out.test") {
			t.Errorf("%s: guestWait %v", profile, got)
		}
		for range 2 {
			if got := r.do(httptest.NewRequest("GET", apiPath+"/signOut?sessionToken="+ada, nil)); strings.Join(got.order, "") != "returncode" || got.elements["returncode"] != "SUCCESS" {
				t.Errorf("signOut %s", got.body)
			}
		}
		if err := r.Connect(ada); err == nil {
			t.Error("a session connects that has signed out")
		}
	}
}

func TestTheRootTellsMoreToday(t *testing.T) {
	for profile, want := range map[Profile]string{V26: "returncode version apiVersion bbbVersion", V27: "returncode version apiVersion bbbVersion", V30: "returncode version apiVersion bbbVersion graphqlWebsocketUrl html5PluginSdkVersion graphqlApiUrl"} {
		if got := newRig(t, profile).do(httptest.NewRequest("GET", apiPath, nil)); strings.Join(got.order, " ") != want {
			t.Errorf("%s: %s", profile, got.order)
		}
	}
	rec := httptest.NewRecorder()
	req := httptest.NewRequest("GET", apiPath+"/", nil)
	req.Header.Set("Content-Type", "application/json")
	newRig(t, V30).ServeHTTP(rec, req)
	if !strings.HasPrefix(rec.Body.String(), `{"response":{`) || rec.Header().Get("Content-Type") != "application/json" {
		t.Errorf("JSON: %s", rec.Body)
	}
}

func TestWhereTheClientIs(t *testing.T) {
	for profile, want := range map[Profile][3]string{
		V26: {"https://bbb.test/html5client/join?sessionToken=", "https://bbb.test/html5client/guestWait?sessionToken=", "guestWait"},
		V30: {"https://bbb.test/html5client?sessionToken=", "https://bbb.test/html5client?sessionToken=", "successfullyJoined"},
	} {
		r := newRig(t, profile)
		r.ask("create", "name=AB&meetingID=coop-1&guestPolicy=ASK_MODERATOR")
		if got := r.ask("join", "fullName=Ada&meetingID=coop-1&role=moderator").header.Get("Location"); !strings.HasPrefix(got, want[0]) {
			t.Errorf("%s: %s", profile, got)
		}
		if got := r.ask("join", "fullName=Guest&meetingID=coop-1&role=viewer&guest=true").header.Get("Location"); !strings.HasPrefix(got, want[1]) {
			t.Errorf("%s: %s", profile, got)
		}
		r.ask("join", "fullName=Guest&meetingID=coop-1&role=viewer&guest=true&redirect=false").says(t, string(profile), "ok:"+want[2])
	}
	r := newRig(t, V30)
	r.ask("create", "name=AB&meetingID=coop-1")
	if got := r.ask("join", "fullName=Ada&meetingID=coop-1&role=moderator&enforceLayout=SMART").header.Get("Location"); !strings.Contains(got, "?waitLayout=1&sessionToken=") {
		t.Error(got)
	}
}

func TestWhereErrorsLeadInEachLine(t *testing.T) {
	query := "fullName=Eve&meetingID=none&role=viewer&logoutURL=https%3A%2F%2Fout.test&errorRedirectUrl=https%3A%2F%2Ferr.test"
	for profile, want := range map[Profile]string{V26: "https://out.test?", V27: "https://err.test?", V30: "https://err.test?"} {
		if to, _ := newRig(t, profile).refused(query); to != want {
			t.Errorf("%s: %s", profile, to)
		}
		r := newRig(t, profile)
		r.ask("create", "name=AB&meetingID=coop-1")
		got := r.ask("join", "fullName=Eve&meetingID=coop-1&role=viewer&createTime=1&redirect=false")
		if (got.status == 302) != (profile != V30) {
			t.Errorf("%s: a wrong createTime without redirects: %d", profile, got.status)
		}
	}
}
