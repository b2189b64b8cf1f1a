// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/xml"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

const secret = "meet-secret"

// rig is a server with a clock that stands still.
type rig struct {
	*Server
	t   testing.TB
	now time.Time
}

func newRig(t testing.TB, profile Profile, more ...func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, now: time.Date(2026, 11, 22, 5, 54, 36, 359e6, time.UTC)}
	var err error
	cfg := Config{Secret: secret, URL: "https://bbb.test", Profile: profile, Now: func() time.Time { return r.now }}
	for _, do := range more {
		do(&cfg)
	}
	r.Server, err = New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// reply is an answer with its elements by path, the last of equal paths.
type reply struct {
	status   int
	header   http.Header
	body     string
	elements map[string]string
	order    []string // direct children
}

func (r *rig) do(req *http.Request) reply {
	r.t.Helper()
	rec := httptest.NewRecorder()
	r.ServeHTTP(rec, req)
	out := reply{status: rec.Code, header: rec.Header(), body: rec.Body.String(), elements: map[string]string{}}
	d := xml.NewDecoder(strings.NewReader(out.body))
	var path []string
	for {
		token, err := d.Token()
		if err == io.EOF || rec.Code != 200 {
			return out
		}
		if err != nil {
			r.t.Fatalf("not XML: %v\n%s", err, out.body)
		}
		switch token := token.(type) {
		case xml.StartElement:
			path = append(path, token.Name.Local)
			if len(path) == 2 {
				out.order = append(out.order, token.Name.Local)
			}
			out.elements[strings.Join(path[1:], ".")] += ""
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			if len(path) > 1 {
				out.elements[strings.Join(path[1:], ".")] = string(token)
			}
		}
	}
}

func signedURL(call, query string) string {
	sum := Checksum(sha256.New, call, query, secret)
	if query != "" {
		query += "&"
	}
	return apiPath + "/" + call + "?" + query + "checksum=" + sum
}

func (r *rig) ask(call, query string) reply {
	r.t.Helper()
	return r.do(httptest.NewRequest("GET", signedURL(call, query), nil))
}

// says fails unless the reply is a success (key "") or fails with that key.
func (a reply) says(t testing.TB, what, key string) reply {
	t.Helper()
	code := "FAILED"
	if key == "" || strings.HasPrefix(key, "ok:") {
		code, key = "SUCCESS", strings.TrimPrefix(key, "ok:")
	}
	if a.status != 200 || a.elements["returncode"] != code || a.elements["messageKey"] != key {
		t.Errorf("%s: status %d, %s %q, want %s %q\n%s", what, a.status, a.elements["returncode"], a.elements["messageKey"], code, key, a.body)
	}
	return a
}

// The digests of the contract's own vectors.
func TestChecksumsOfTheVectors(t *testing.T) {
	for _, c := range []struct{ call, query, sha1, sha256 string }{
		{"create", "name=Spring+Assembly&meetingID=coop-42&attendeePW=ap&moderatorPW=mp&meta_tenant=north", "226107af53fb9f13f319d6da1991cf1d58aaa4e0", "3b21eb2d5b201f96a949a45d0937c11b3d171ce95476ea9c2ca4b7d5e4140e9d"},
		{"getMeetings", "", "5ef56660d949c00d610cbeebdc54bccee75e8c21", "3eb134b443b2e682fcaa529d8c3f3dd6cc369a4fd25a32f33df5e2270c114814"},
		{"hooks/create", "callbackURL=http%3A%2F%2F127.0.0.1%3A9%2Fcb", "c83f502d2855c166d14745177b5fd1dfc7fd059c", "a98ecc7c5d74f3233c5006d467d6492a3c74e53ebebc3f86bccb2095bcc72536"},
		{"create", "meetingID=a+b&name=B", "f86180ef801033432962b4e2574a2b6667f3b601", "f067ea04f8d1669ea81cba6f8657c3f0e7756f1d5722dc21d2bcba0f8128ceaf"},
	} {
		if got := Checksum(sha1.New, c.call, c.query, secret); got != c.sha1 {
			t.Errorf("sha1 of %s %s: %s", c.call, c.query, got)
		}
		if got := Checksum(sha256.New, c.call, c.query, secret); got != c.sha256 {
			t.Errorf("sha256 of %s %s: %s", c.call, c.query, got)
		}
	}
	if got := internalID("coop-42", time.UnixMilli(1795326876359)); got != "587b4b5328fbb31b16eddb7c20b8c6e8d4c8efd6-1795326876359" {
		t.Errorf("internal id %s", got)
	}
	if got := queryOf(url.Values{"name": {"B"}, "meetingID": {"a b"}, "checksum": {"x"}}); got != "meetingID=a+b&name=B" {
		t.Errorf("query of a form: %s", got)
	}
	if got := javaEncoded("a*b~c é"); got != "a*b%7Ec+%C3%A9" {
		t.Errorf("as Java encodes: %s", got)
	}
}

func TestTheChecksumMayStandAnywhere(t *testing.T) {
	r := newRig(t, V30)
	for name, newHash := range map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New} {
		for _, query := range []string{"", "meetingID=caf%C3%A9", "meetingID=a+b", "meetingID=a%20b"} {
			sum := Checksum(newHash, "isMeetingRunning", query, secret)
			for _, raw := range []string{query + "&checksum=" + sum, "checksum=" + sum + "&" + query, query + "&checksum=" + strings.ToUpper(sum)} {
				if query == "" {
					raw = strings.Trim(raw, "&")
				}
				got := r.do(httptest.NewRequest("GET", apiPath+"/isMeetingRunning?"+raw, nil))
				if got.elements["messageKey"] == "checksumError" {
					t.Errorf("%s: %s is refused", name, raw)
				}
			}
		}
	}
	two := "meetingID=abc&x=1"
	sum := Checksum(sha256.New, "isMeetingRunning", two, secret)
	r.do(httptest.NewRequest("GET", apiPath+"/isMeetingRunning?meetingID=abc&checksum="+sum+"&x=1", nil)).says(t, "in the middle", "")
	r.do(httptest.NewRequest("GET", apiPath+"/getMeetings?&checksum="+Checksum(sha1.New, "getMeetings", "", secret), nil)).says(t, "alone after &", "ok:noMeetings")
	for what, raw := range map[string]string{
		"none": "meetingID=abc", "blank": "meetingID=abc&checksum=", "of another secret": "meetingID=abc&checksum=" + Checksum(sha256.New, "isMeetingRunning", "meetingID=abc", "other"),
		"of another call": "meetingID=abc&checksum=" + Checksum(sha256.New, "end", "meetingID=abc", secret), "of no length": "meetingID=abc&checksum=abc",
	} {
		r.do(httptest.NewRequest("GET", apiPath+"/isMeetingRunning?"+raw, nil)).says(t, what, "checksumError")
	}
	form := url.Values{"name": {"BB"}, "meetingID": {"a b"}}
	for what, over := range map[string]string{"over the form": "meetingID=a+b&name=BB", "over nothing": ""} {
		form.Set("checksum", Checksum(sha256.New, "create", over, secret))
		req := httptest.NewRequest("POST", apiPath+"/create", strings.NewReader(form.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if got := r.do(req); got.elements["returncode"] != "SUCCESS" {
			t.Errorf("%s: %s", what, got.body)
		}
	}
}

func TestCreateTwice(t *testing.T) {
	r := newRig(t, V30)
	query := "name=Spring+Assembly&meetingID=coop-42&attendeePW=ap&moderatorPW=mp"
	made := r.ask("create", query+"&duration=60").says(t, "first", "")
	want := "returncode meetingID internalMeetingID parentMeetingID attendeePW moderatorPW createTime voiceBridge dialNumber createDate hasUserJoined duration hasBeenForciblyEnded messageKey message"
	if got := strings.Join(made.order, " "); got != want {
		t.Errorf("elements %s", got)
	}
	for name, value := range map[string]string{
		"meetingID": "coop-42", "internalMeetingID": "587b4b5328fbb31b16eddb7c20b8c6e8d4c8efd6-1795326876359", "parentMeetingID": "bbb-none", "createTime": "1795326876359",
		"createDate": "Sun Nov 22 05:54:36 UTC 2026", "duration": "60", "hasUserJoined": "false",
	} {
		if made.elements[name] != value {
			t.Errorf("%s is %q, want %q", name, made.elements[name], value)
		}
	}
	if again := r.ask("create", query+"&name=Other").says(t, "the same", "ok:duplicateWarning"); again.elements["createTime"] != "1795326876359" {
		t.Error("a duplicate has another createTime")
	}
	r.ask("create", "name=X1&meetingID=coop-42").says(t, "without passwords", "ok:duplicateWarning")
	r.ask("create", "name=X1&meetingID=coop-42&attendeePW=ap&moderatorPW=other").says(t, "another password", "idNotUnique")
	r.ask("create", "name=X1&meetingID=coop-42&attendeePW=ap").says(t, "one password", "idNotUnique")
	r.ask("create", "name=X1&meetingID=another&voiceBridge="+made.elements["voiceBridge"])
	if got := r.ask("create", "name=X1&meetingID=another&voiceBridge="+made.elements["voiceBridge"]); got.elements["errors.error.key"] != "nonUniqueVoiceBridge" {
		t.Errorf("a taken voice bridge: %s", got.body)
	}
	r.ask("end", "meetingID=coop-42&password=wrong").says(t, "any password ends", "ok:sentEndMeetingRequest")
	if anew := r.ask("create", query).says(t, "after the end", ""); anew.elements["internalMeetingID"] == made.elements["internalMeetingID"] {
		t.Error("a new meeting has the old internal id")
	}
}

func TestValidatorsOfCreate(t *testing.T) {
	r := newRig(t, V30)
	for query, key := range map[string]string{
		"name=AB": "missingParamMeetingID", "name=AB&meetingID=x": "sizeError", "name=AB&meetingID=" + strings.Repeat("x", 257): "sizeError", "name=AB&meetingID=a,b": "validationError",
		"name=AB&meetingID=%20ab": "validationError", "meetingID=abc": "nullError", "meetingID=abc&name=": "emptyError", "meetingID=abc&name=A": "sizeError",
		"meetingID=abc&name=AB&attendeePW=x": "invalidPassword", "meetingID=abc&name=AB&record=perhaps": "validationError", "meetingID=abc&name=AB&voiceBridge=x": "validationError",
		"meetingID=abc&name=AB&isBreakout=true": "parentMeetingIDMissing", "meetingID=abc&name=AB&isBreakout=true&parentMeetingID=none": "parentMeetingDoesNotExist",
	} {
		r.ask("create", query).says(t, query, key)
	}
	r.ask("create", "name="+strings.Repeat("%C3%A9", 256)+"&meetingID="+strings.Repeat("%F0%9F%8C%B1", 256)).says(t, "256 characters of four bytes", "")
}

func TestBodiesOfCreate(t *testing.T) {
	r := newRig(t, V30)
	send := func(i int, method, media, body string) reply {
		req := httptest.NewRequest(method, signedURL("create", fmt.Sprint("name=AB&meetingID=body-", i)), strings.NewReader(body))
		if media != "" {
			req.Header.Set("Content-Type", media)
		}
		return r.do(req)
	}
	send(1, "POST", "application/xml", "<modules/>").says(t, "XML", "")
	send(2, "POST", "application/xml; charset=UTF-8", "<modules/>").says(t, "XML with charset", "")
	send(3, "POST", "application/json", "{}").says(t, "JSON", "unsupportedContentType")
	send(4, "POST", "", "x").says(t, "no type", "unsupportedContentType")
	send(5, "GET", "application/xml", "").says(t, "a GET with a type and no body", "")
}

func TestMetadata(t *testing.T) {
	r := newRig(t, V30)
	r.ask("create", "name=AB&meetingID=meta&meta_Tenant-1=N%26S&meta_a_b=x&meta_1x=x&meta_empty=&meta_=x").says(t, "create", "")
	info := r.ask("getMeetingInfo", "meetingID=meta").says(t, "info", "")
	if info.elements["metadata.tenant-1"] != "N&S" || !strings.Contains(info.body, "<tenant-1>N&amp;S</tenant-1>") || !strings.Contains(info.body, "<empty></empty>") {
		t.Errorf("metadata: %s", info.body)
	}
	if strings.Contains(info.body, "a_b") || strings.Contains(info.body, "1x") {
		t.Errorf("names that are none: %s", info.body)
	}
}

var token = regexp.MustCompile(`sessionToken=(\w{16})$`)

func (r *rig) joins(query string) string {
	r.t.Helper()
	got := r.ask("join", query)
	m := token.FindStringSubmatch(got.header.Get("Location"))
	if got.status != http.StatusFound || m == nil {
		r.t.Fatalf("join %s: %d to %q\n%s", query, got.status, got.header.Get("Location"), got.body)
	}
	return m[1]
}

func (r *rig) refused(query string) (to, key string) {
	r.t.Helper()
	got := r.ask("join", query)
	to, list, ok := strings.Cut(got.header.Get("Location"), "errors=")
	text, err := url.QueryUnescape(list)
	if got.status != http.StatusFound || !ok || err != nil {
		r.t.Fatalf("join %s: %d to %q, not refused", query, got.status, got.header.Get("Location"))
	}
	return to, regexp.MustCompile(`"key":"([^"]*)"`).FindStringSubmatch(text)[1]
}

func TestWhoMayJoin(t *testing.T) {
	r := newRig(t, V30)
	r.ask("create", "name=AB&meetingID=door&attendeePW=ap&moderatorPW=mp&logoutURL=https%3A%2F%2Fout.test%2F%3Fa%3D1").says(t, "create", "")
	r.joins("fullName=Ada&meetingID=door&password=mp&role=viewer")
	r.joins("fullName=Ben&meetingID=door&password=ap")
	r.ask("join", "fullName=Eve&meetingID=door&password=wrong").says(t, "a wrong password", "Params required")
	r.ask("join", "fullName=Eve&meetingID=door").says(t, "neither role nor password", "Params required")
	for query, want := range map[string][2]string{
		"meetingID=door&role=viewer":                                                          {"https://bbb.test?", "missingParamFullName"},
		"fullName=Eve&meetingID=nowhere&role=viewer":                                          {"https://bbb.test?", "invalidMeetingIdentifier"},
		"fullName=Eve&meetingID=nowhere&role=viewer&redirect=false":                           {"https://bbb.test?", "invalidMeetingIdentifier"},
		"fullName=Eve&meetingID=door&role=viewer&createTime=1":                                {"https://out.test/?a=1&", "mismatchCreateTimeParam"},
		"fullName=Eve&meetingID=door&role=viewer&createTime=1&logoutURL=https%3A%2F%2Fx.test": {"https://x.test?", "mismatchCreateTimeParam"},
		"fullName=Eve&meetingID=door&role=viewer&createTime=1&logoutURL=https%3A%2F%2Fx.test&errorRedirectUrl=https%3A%2F%2Fe.test%2F%3Fq": {"https://e.test/?q&", "mismatchCreateTimeParam"},
	} {
		if to, key := r.refused(query); to != want[0] || key != want[1] {
			t.Errorf("%s: %s to %s, want %s to %s", query, key, to, want[1], want[0])
		}
	}
	r.ask("join", "fullName=Eve&meetingID=door&role=viewer&createTime=1&redirect=false").says(t, "refused without a redirect", "mismatchCreateTimeParam")
	told := r.ask("join", "fullName=Eve&meetingID=door&role=viewer&redirect=false").says(t, "let in without a redirect", "ok:successfullyJoined")
	if !strings.HasPrefix(told.elements["user_id"], "w_") || len(told.elements["session_token"]) != 16 || told.elements["guestStatus"] != "ALLOW" || !token.MatchString(told.elements["url"]) {
		t.Errorf("told: %s", told.body)
	}
	for _, method := range []string{"HEAD", "POST"} {
		if got := r.do(httptest.NewRequest(method, signedURL("join", "fullName=Eve&meetingID=door&role=viewer"), nil)); got.status == http.StatusFound {
			t.Errorf("%s joins", method)
		}
	}
}

func TestTheLimitOfParticipants(t *testing.T) {
	r := newRig(t, V30)
	r.ask("create", "name=AB&meetingID=full&maxParticipants=2").says(t, "create", "")
	base := "meetingID=full&role=viewer&fullName="
	r.joins(base + "Ada&userID=a")
	r.joins(base + "Ben")
	if _, key := r.refused(base + "Eve&userID=e"); key != "maxParticipantsReached" {
		t.Error(key)
	}
	if _, key := r.refused(base + "Nobody"); key != "maxParticipantsReached" {
		t.Error(key)
	}
	r.joins(base + "Ada&userID=a")
	r.joins(base + "Bot&bot=true")
}

func TestGuests(t *testing.T) {
	r := newRig(t, V30)
	for policy, want := range map[string][4]string{ // of a guest, of somebody not said to be one, with auth=false, of a moderator
		"ALWAYS_ACCEPT": {"ALLOW", "ALLOW", "ALLOW", "ALLOW"}, "ASK_MODERATOR": {"WAIT", "WAIT", "ALLOW", "ALLOW"},
		"ALWAYS_ACCEPT_AUTH": {"WAIT", "ALLOW", "ALLOW", "ALLOW"}, "ALWAYS_DENY": {"DENY", "DENY", "DENY", "ALLOW"},
	} {
		r.ask("create", "name=AB&meetingID="+policy+"&guestPolicy="+policy).says(t, policy, "")
		for i, who := range []string{"role=viewer&guest=true", "role=viewer", "role=viewer&auth=false", "role=moderator&guest=true"} {
			got := r.ask("join", "fullName=X&redirect=false&meetingID="+policy+"&"+who)
			status := got.elements["guestStatus"]
			if got.elements["messageKey"] == "guestDeniedAccess" {
				status = "DENY"
			}
			if status != want[i] {
				t.Errorf("%s, %s: %s, want %s", policy, who, status, want[i])
			}
		}
	}
}

func TestAJoinAloneIsNoParticipant(t *testing.T) {
	r := newRig(t, V30)
	r.ask("create", "name=AB&meetingID=life").says(t, "create", "")
	session := r.joins("fullName=Ada&meetingID=life&role=moderator&userID=u-7&userdata-bbb_client_title=Hall&userdata-a-b=x")
	info := r.ask("getMeetingInfo", "meetingID=life").says(t, "info", "")
	if info.elements["participantCount"] != "0" || info.elements["running"] != "false" || r.ask("isMeetingRunning", "meetingID=life").elements["running"] != "false" {
		t.Errorf("joined, not connected: %s", info.body)
	}
	if err := r.Connect(session); err != nil {
		t.Fatal(err)
	}
	info = r.ask("getMeetingInfo", "meetingID="+info.elements["internalMeetingID"]).says(t, "by internal id", "")
	for name, want := range map[string]string{
		"running": "true", "participantCount": "1", "moderatorCount": "1", "hasUserJoined": "true", "attendees.attendee.userID": "u-7", "attendees.attendee.isPresenter": "true",
		"attendees.attendee.customdata.bbb_client_title": "Hall", "endTime": "0",
	} {
		if info.elements[name] != want {
			t.Errorf("%s is %q, want %q", name, info.elements[name], want)
		}
	}
	want := "returncode meetingName meetingID internalMeetingID createTime createDate voiceBridge dialNumber attendeePW moderatorPW running duration hasUserJoined recording " +
		"hasBeenForciblyEnded startTime endTime participantCount listenerCount voiceParticipantCount videoCount maxUsers moderatorCount attendees metadata isBreakout"
	if got := strings.Join(info.order, " "); got != want {
		t.Errorf("elements %s", got)
	}
	if got := r.ask("getSessions", ""); got.elements["sessions.meeting.userName"] != "Ada" {
		t.Errorf("sessions: %s", got.body)
	}
	if err := r.Leave(session); err != nil {
		t.Fatal(err)
	}
	r.now = r.now.Add(59 * time.Second)
	r.ask("getMeetingInfo", "meetingID=life").says(t, "within the minute", "")
	r.now = r.now.Add(2 * time.Second)
	if got := r.ask("getMeetingInfo", "meetingID=life"); got.elements["endTime"] == "0" {
		t.Errorf("a minute after everybody left: %s", got.body)
	}
}

func TestMeetingsEnd(t *testing.T) {
	r := newRig(t, V30)
	r.ask("create", "name=AB&meetingID=short&duration=2").says(t, "create", "")
	r.ask("create", "name=AB&meetingID=lonely&meetingExpireWhenLastUserLeftInMinutes=0").says(t, "create", "")
	session := r.joins("fullName=Ada&meetingID=short&role=viewer")
	if err := r.Connect(session); err != nil {
		t.Fatal(err)
	}
	r.now = r.now.Add(2 * time.Minute)
	got := r.ask("getMeetingInfo", "meetingID=short").says(t, "listed for a moment", "")
	if got.elements["hasBeenForciblyEnded"] != "true" || got.elements["endTime"] == "0" || got.elements["participantCount"] != "0" {
		t.Errorf("at its duration: %s", got.body)
	}
	if _, key := r.refused("fullName=Ada&meetingID=short&role=viewer"); key != "meetingForciblyEnded" {
		t.Error(key)
	}
	r.now = r.now.Add(11 * time.Second)
	r.ask("getMeetingInfo", "meetingID=short").says(t, "after the grace", "notFound")
	r.ask("end", "meetingID=short").says(t, "to end what is gone", "notFound")
	r.now = r.now.Add(3 * time.Minute)
	if got := r.ask("getMeetingInfo", "meetingID=lonely"); got.elements["endTime"] == "0" {
		t.Errorf("nobody came for five minutes: %s", got.body)
	}
	r.now = r.now.Add(time.Minute)
	r.ask("getMeetings", "").says(t, "none", "ok:noMeetings")
	r.ask("getSessions", "").says(t, "none", "ok:noSessions")
	r.ask("create", "name=AB&meetingID=parent")
	r.ask("create", "name=AB&meetingID=room-1&isBreakout=true&parentMeetingID=parent&sequence=1").says(t, "a breakout room", "")
	if got := r.ask("getMeetingInfo", "meetingID=room-1"); got.elements["isBreakout"] != "true" || got.elements["sequence"] != "1" {
		t.Errorf("breakout: %s", got.body)
	}
	r.ask("end", "meetingID=parent")
	if got := r.ask("getMeetingInfo", "meetingID=room-1"); got.elements["endTime"] == "0" {
		t.Errorf("a breakout room outlives its parent: %s", got.body)
	}
}

func TestUnknownCalls(t *testing.T) {
	r := newRig(t, V30)
	if got := r.do(httptest.NewRequest("GET", apiPath+"/nonsense?checksum=x", nil)); got.elements["returncode"] == "SUCCESS" {
		t.Error(got.body)
	}
	if got := r.do(httptest.NewRequest("GET", "/elsewhere", nil)); got.status != http.StatusNotFound {
		t.Error(got.status)
	}
	for _, path := range []string{apiPath, apiPath + "/"} {
		if got := r.do(httptest.NewRequest("GET", path, nil)); got.elements["version"] != "2.0" {
			t.Errorf("root: %s", got.body)
		}
	}
}

func TestOlderLinesGroupThousands(t *testing.T) {
	if got := newRig(t, V26).count("participantCount", 1234).text; got != "1,234" {
		t.Error(got)
	}
	if got := newRig(t, V30).count("participantCount", 1234).text; got != "1234" {
		t.Error(got)
	}
}

// FuzzRequests feeds the server whatever a client could send, rightly signed; it answers and keeps its wits.
func FuzzRequests(f *testing.F) {
	f.Add("create", "name=AB&meetingID=abc&meta_x=1")
	f.Add("join", "fullName=%F0%9F%8C%B1&meetingID=abc&role=viewer&errorRedirectUrl=%3F")
	f.Add("end", "meetingID=%00%0a&password=;")
	f.Fuzz(func(t *testing.T, call, query string) {
		if strings.ContainsAny(call, "/?#% ") || call == "" {
			return
		}
		u, err := url.Parse(signedURL(call, query))
		if err != nil || u.Path != apiPath+"/"+call || strings.Contains(query, "#") {
			return
		}
		r := newRig(t, V30)
		r.ask("create", "name=AB&meetingID=abc")
		req := httptest.NewRequest("GET", "/", nil)
		req.URL = u
		if got := r.do(req); got.status >= 500 {
			t.Errorf("%s?%s: %d", call, query, got.status)
		}
	})
}
