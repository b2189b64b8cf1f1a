// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const hookTo = "https://hook.test/cb?a=1"

func (r *rig) hooked(more string) {
	r.t.Helper()
	r.ask("hooks/create", "callbackURL="+url.QueryEscape(hookTo)+more).says(r.t, "hook", "")
}

func TestHooksAreKept(t *testing.T) {
	r, _ := newPost(t, V30)
	first := r.ask("hooks/create", "callbackURL=https%3A%2F%2Fh.test%2F1").says(t, "create", "")
	if first.elements["hookID"] != "1" || first.elements["permanentHook"] != "false" || first.elements["rawData"] != "false" {
		t.Error(first.body)
	}
	if again := r.ask("hooks/create", "callbackURL=https%3A%2F%2Fh.test%2F1&meetingID=x").says(t, "the same", "ok:duplicateWarning"); again.elements["hookID"] != "1" {
		t.Error(again.body)
	}
	r.ask("hooks/create", "callbackURL=https%3A%2F%2Fh.test%2F2&meetingID=coop-1&eventID=meeting-ended,User-Joined&getRaw=true").says(t, "bound", "")
	for query, want := range map[string]string{"": "12", "meetingID=coop-1": "12", "meetingID=coop-2": "1"} {
		got := r.ask("hooks/list", query)
		ids := ""
		for part := range strings.SplitSeq(got.body, "<hookID>") {
			if id, _, ok := strings.Cut(part, "</hookID>"); ok {
				ids += id
			}
		}
		if ids != want {
			t.Errorf("%s lists %s, want %s", query, ids, want)
		}
	}
	list := r.ask("hooks/list", "")
	for _, part := range []string{"<callbackURL><![CDATA[https://h.test/1]]></callbackURL><permanentHook>", "<meetingID><![CDATA[coop-1]]></meetingID><eventID>meeting-ended,user-joined</eventID>", "<rawData>true</rawData>"} {
		if !strings.Contains(list.body, part) {
			t.Errorf("without %s: %s", part, list.body)
		}
	}
	for query, key := range map[string]string{"": "missingParamHookID", "hookID=77": "destroyMissingHook", "hookID=x": "destroyMissingHook"} {
		r.ask("hooks/destroy", query).says(t, query, key)
	}
	r.ask("hooks/create", "").says(t, "no address", "missingParamCallbackURL")
	if got := r.ask("hooks/destroy", "hookID=1"); got.elements["removed"] != "true" {
		t.Error(got.body)
	}
	if got := r.Hooks(); len(got) != 1 || got[0] != "https://h.test/2" {
		t.Error(got)
	}
	bad := r.do(httptest.NewRequest("GET", apiPath+"/hooks/list?checksum="+strings.Repeat("0", 40), nil)).says(t, "wrongly signed", "checksumError")
	if bad.elements["message"] != "You did not pass the checksum security check." {
		t.Error(bad.body)
	}
	r.SetHooks(false)
	if got := r.ask("hooks/list", ""); got.status != 404 {
		t.Errorf("without webhooks: %d", got.status)
	}
	r.SetHooks(true)
	if got := r.ask("hooks/list", "").says(t, "none", ""); !strings.Contains(got.body, "<hooks></hooks>") {
		t.Error(got.body)
	}
}

func TestAWebhookIsSignedOverItsBodyAsSent(t *testing.T) {
	r, p := newPost(t, V30)
	r.hooked("&eventID=user-joined")
	r.ask("create", "name=AB&meetingID=coop-1")
	session := r.joins("fullName=Ada+L&meetingID=coop-1&role=moderator&userID=u-7&userdata-x=y")
	if err := r.Connect(session); err != nil {
		t.Fatal(err)
	}
	got := p.all(r)
	if len(got) != 1 {
		t.Fatalf("%d callbacks", len(got))
	}
	body := string(got[0].Body)
	sum := sha1.Sum([]byte(hookTo + body + secret))
	if want := hookTo + "&checksum=" + hex.EncodeToString(sum[:]); got[0].Query != want {
		t.Errorf("sent to %s, want %s", got[0].Query, want)
	}
	if !strings.HasPrefix(body, "domain=bbb.test&event=%5B%7B%22data%22") || !strings.HasSuffix(body, "%7D%5D&timestamp=1795326876359") {
		t.Errorf("body %s", body)
	}
	attributes, _ := event1(t, got[0])
	meeting, user := attributes["meeting"].(map[string]any), attributes["user"].(map[string]any)
	if meeting["external-meeting-id"] != "coop-1" || user["external-user-id"] != "u-7" || user["name"] != "Ada L" || user["role"] != "MODERATOR" {
		t.Errorf("attributes %v", attributes)
	}
}

func TestEventsComeInTheirOrder(t *testing.T) {
	r, p := newPost(t, V30)
	r.hooked("")
	r.ask("create", "name=AB&meetingID=coop-1&record=true")
	ada := r.joins("fullName=Ada&meetingID=coop-1&role=moderator")
	ben := r.joins("fullName=Ben&meetingID=coop-1&role=viewer")
	for _, do := range []func() error{
		func() error { return r.Connect(ada) }, func() error { return r.Connect(ben) }, func() error { return r.Voice(ben, true) }, func() error { return r.Voice(ben, false) },
		func() error { return r.Cameras(ada, 2) }, func() error { return r.Cameras(ada, 1) }, func() error { return r.Present(ben) }, func() error { return r.StartRecording("coop-1") },
		func() error { return r.Reload(ben) }, func() error { return r.Leave(ben) }, func() error { return r.End("coop-1") },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	id, err := r.MakeRecording("coop-1")
	if err == nil {
		err = r.PublishRecording(id, "presentation")
	}
	if err != nil {
		t.Fatal(err)
	}
	r.ask("deleteRecordings", "recordID="+id)
	want := "meeting-created user-joined user-presenter-assigned user-joined user-audio-voice-enabled user-audio-voice-disabled user-cam-broadcast-start user-cam-broadcast-start " +
		"user-cam-broadcast-end user-presenter-unassigned user-presenter-assigned meeting-recording-started user-left user-joined user-left meeting-ended " +
		"rap-archive-started rap-archive-ended rap-sanity-started rap-sanity-ended rap-post-archive-started rap-post-archive-ended rap-process-started rap-process-ended " +
		"rap-post-process-started rap-post-process-ended rap-publish-started rap-publish-ended rap-post-publish-started rap-post-publish-ended rap-published rap-deleted"
	if got := p.names(r); got != want {
		t.Errorf("events %s", got)
	}
	attributes, _ := event1(t, p.all(r)[0])
	about := attributes["meeting"].(map[string]any)
	for _, name := range []string{"name", "is-breakout", "parent-id", "duration", "create-time", "create-date", "moderator-pass", "viewer-pass", "record", "voice-conf", "dial-number", "max-users", "metadata"} {
		if _, ok := about[name]; !ok {
			t.Errorf("meeting-created without %s", name)
		}
	}
}

func TestABoundHookHearsOfItsMeetingOnly(t *testing.T) {
	r, p := newPost(t, V30)
	r.hooked("&meetingID=coop-1&eventID=meeting-created")
	r.ask("create", "name=AB&meetingID=coop-1")
	r.ask("create", "name=AB&meetingID=coop-2")
	r.ask("end", "meetingID=coop-1")
	if got := p.names(r); got != "meeting-created" {
		t.Errorf("events %s", got)
	}
}

func TestWebhooksAreTriedAgain(t *testing.T) {
	r, p := newPost(t, V30)
	p.answers = []int{500, 302, 404, 401}
	r.hooked("")
	r.ask("create", "name=AB&meetingID=coop-1")
	got := p.all(r)
	if len(got) != 4 || string(got[0].Body) != string(got[3].Body) || !slices.Equal(p.slept, hookWaits[:3]) {
		t.Errorf("%d tries after %v", len(got), p.slept)
	}
	p.always = 503
	r.ask("end", "meetingID=coop-1")
	if got := p.all(r); len(got) != 4+13 || !slices.Equal(p.slept[3:], hookWaits) {
		t.Errorf("%d tries after %v", len(got)-4, p.slept[3:])
	}
	if hooks := r.Hooks(); len(hooks) != 0 {
		t.Errorf("a hook nobody answers is kept: %v", hooks)
	}
}

func TestWebhooksAreSignedAsTheServerIsSetUp(t *testing.T) {
	p := &post{}
	r := newRig(t, V30, func(c *Config) { c.Transport, c.Sleep, c.HookHash = p, p.sleep, sha256.New })
	r.hooked("")
	r.ask("create", "name=AB&meetingID=coop-1")
	got := p.all(r)[0]
	if want := hookTo + "&checksum=" + Checksum(sha256.New, hookTo, string(got.Body), secret); got.Query != want {
		t.Errorf("sent to %s, want %s", got.Query, want)
	}
	p = &post{}
	r = newRig(t, V30, func(c *Config) { c.Transport, c.Sleep, c.HookBearer = p, p.sleep, true })
	r.hooked("")
	r.ask("create", "name=AB&meetingID=coop-1")
	if got := p.all(r)[0]; got.Query != hookTo || got.Header.Get("Authorization") != "Bearer "+secret {
		t.Errorf("sent to %s with %v", got.Query, got.Header)
	}
}

func TestRawHooksGetAnotherForm(t *testing.T) {
	r, p := newPost(t, V30)
	r.hooked("&getRaw=true")
	r.ask("create", "name=AB&meetingID=coop-1")
	form, err := url.ParseQuery(string(p.all(r)[0].Body))
	if err != nil || !strings.Contains(form.Get("event"), `"envelope":{"name":"meeting-created"`) {
		t.Errorf("%v: %v", err, form)
	}
}

func TestCallbacksGoWrong(t *testing.T) {
	for kind, want := range map[FaultKind]string{
		FaultLost: "user-joined meeting-ended", FaultTwice: "meeting-created meeting-created user-joined meeting-ended", FaultDisordered: "user-joined meeting-created meeting-ended",
		FaultForged: "meeting-created user-joined meeting-ended",
	} {
		r, p := newPost(t, V30)
		r.hooked("&eventID=meeting-created,user-joined,meeting-ended")
		if err := r.AddFault(Fault{Kind: kind, Call: CallbackHook, Times: 1}); err != nil {
			t.Fatal(err)
		}
		r.ask("create", "name=AB&meetingID=coop-1")
		if err := r.Connect(r.joins("fullName=Ada&meetingID=coop-1&role=viewer")); err != nil {
			t.Fatal(err)
		}
		r.ask("end", "meetingID=coop-1")
		if got := p.names(r); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
		first := p.got[0]
		sum := sha1.Sum([]byte(hookTo + string(first.Body) + secret))
		if right := strings.HasSuffix(first.Query, hex.EncodeToString(sum[:])); right == (kind == FaultForged) {
			t.Errorf("%s: rightly signed %v", kind, right)
		}
	}
	r, p := newPost(t, V30)
	if err := r.AddFault(Fault{Kind: FaultForged}); err != nil {
		t.Fatal(err)
	}
	r.recorded("coop-1", "&meta_bbb-recording-ready-url=https%3A%2F%2Fready.test")
	form, _ := url.ParseQuery(string(p.all(r)[0].Body))
	if _, ok := verified(t, form.Get("signed_parameters"), secret, "HS256", sha256.New); ok {
		t.Error("a forged token is right")
	}
}
