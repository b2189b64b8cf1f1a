// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// post is the receiver of callbacks: it keeps what comes, and answers 200 or what is queued.
type post struct {
	mu      sync.Mutex
	answers []int
	always  int
	got     []Request
	slept   []time.Duration
}

// RoundTrip implements http.RoundTripper.
func (p *post) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, Request{Method: req.Method, Query: req.URL.String(), Header: req.Header, Body: body})
	status := 200
	if p.always != 0 {
		status = p.always
	}
	if len(p.answers) > 0 {
		status, p.answers = p.answers[0], p.answers[1:]
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(bytes.NewReader(nil)), Header: http.Header{}}, nil
}

func (p *post) sleep(ctx context.Context, d time.Duration) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.slept = append(p.slept, d)
	return ctx.Err()
}

// newPost is a rig whose callbacks arrive at a post.
func newPost(t testing.TB, profile Profile) (*rig, *post) {
	t.Helper()
	p := &post{}
	r := newRig(t, profile, func(c *Config) { c.Transport, c.Sleep = p, p.sleep })
	t.Cleanup(r.Close)
	return r, p
}

// all waits until everything is delivered.
func (p *post) all(r *rig) []Request {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 10*time.Second)
	defer cancel()
	if err := r.Delivered(ctx); err != nil {
		r.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got)
}

// names are the events that arrived, in their order.
func (p *post) names(r *rig) string {
	r.t.Helper()
	var out []string
	for _, g := range p.all(r) {
		_, e := event1(r.t, g)
		out = append(out, e)
	}
	return strings.Join(out, " ")
}

// event1 reads a webhook.
func event1(t testing.TB, g Request) (attributes map[string]any, id string) {
	t.Helper()
	form, err := url.ParseQuery(string(g.Body))
	if err != nil {
		t.Fatal(err)
	}
	var list []struct {
		Data struct {
			ID         string
			Attributes map[string]any
			Event      struct{ TS int64 }
		}
	}
	if err := json.Unmarshal([]byte(form.Get("event")), &list); err != nil || len(list) != 1 {
		t.Fatalf("%v: %s", err, form.Get("event"))
	}
	return list[0].Data.Attributes, list[0].Data.ID
}

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

func TestTheEndIsTold(t *testing.T) {
	for profile, marks := range map[Profile]string{V26: "", V27: "&recordingmarks=true", V30: "&recordingmarks=true"} {
		r, p := newPost(t, profile)
		r.ask("create", "name=AB&meetingID=caf%C3%A9&record=true&autoStartRecording=true&meetingEndedURL="+url.QueryEscape("https://ended.test/?t=1")+"&meta_endCallbackUrl="+url.QueryEscape("https://end.test/cb")).says(t, "create", "")
		if err := r.Connect(r.joins("fullName=Ada&meetingID=caf%C3%A9&role=viewer")); err != nil {
			t.Fatal(err)
		}
		room, err := r.Breakouts("café", 2)
		if err != nil || len(room) != 2 {
			t.Fatal(err)
		}
		r.ask("end", "meetingID=caf%C3%A9")
		r.ask("end", "meetingID=caf%C3%A9")
		var got []string
		for _, g := range p.all(r) {
			got = append(got, g.Method+" "+g.Query)
		}
		slices.Sort(got)
		want := []string{"GET https://end.test/cb?recordingmarks=true&meetingID=caf%C3%A9", "GET https://ended.test/?t=1" + marks}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", profile, got, want)
		}
	}
}

func TestTheEndIsToldFiveTimesAtMost(t *testing.T) {
	r, p := newPost(t, V30)
	p.always = 500
	r.ask("create", "name=AB&meetingID=coop-1&meetingEndedURL=https%3A%2F%2Fended.test")
	r.Jump(6 * time.Minute) // nobody came
	if got := p.all(r); len(got) != 5 || !slices.Equal(p.slept, []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute}) {
		t.Errorf("%d tries after %v", len(got), p.slept)
	}
	if !strings.HasSuffix(p.got[0].Query, "?recordingmarks=false") {
		t.Error(p.got[0].Query)
	}
}

func verified(t testing.TB, token, secret, alg string, newHash func() hash.Hash) (payload map[string]any, ok bool) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("token %q", token)
	}
	header, _ := base64.RawURLEncoding.DecodeString(parts[0])
	body, _ := base64.RawURLEncoding.DecodeString(parts[1])
	mac := hmac.New(newHash, []byte(secret))
	mac.Write([]byte(parts[0] + "." + parts[1]))
	if err := json.Unmarshal(body, &payload); err != nil {
		t.Fatal(err)
	}
	return payload, strings.Contains(string(header), `"`+alg+`"`) && parts[2] == base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestAReadyRecordingIsToldOncePerFormat(t *testing.T) {
	r, p := newPost(t, V30)
	p.always = 500
	id := r.recorded("coop-1", "&meta_bbb-recording-ready-url="+url.QueryEscape("https://ready.test/r?x=1"))
	if err := r.PublishRecording(id, "video"); err != nil {
		t.Fatal(err)
	}
	got := p.all(r)
	if len(got) != 2 || len(p.slept) != 0 {
		t.Fatalf("%d callbacks, waits %v", len(got), p.slept)
	}
	form, err := url.ParseQuery(string(got[0].Body))
	if err != nil || len(form) != 1 || got[0].Query != "https://ready.test/r?x=1" || got[0].Method != "POST" {
		t.Fatal(err, got[0])
	}
	payload, ok := verified(t, form.Get("signed_parameters"), secret, "HS256", sha256.New)
	if !ok || len(payload) != 2 || payload["meeting_id"] != "coop-1" || payload["record_id"] != id {
		t.Errorf("right %v: %v", ok, payload)
	}
	if _, ok := verified(t, form.Get("signed_parameters"), "other", "HS256", sha256.New); ok {
		t.Error("another secret verifies it")
	}
}

func TestAnalyticsAreToldAtTheEnd(t *testing.T) {
	r, p := newPost(t, V30)
	r.ask("create", "name=AB&meetingID=coop-1&meta_analytics-callback-url=https%3A%2F%2Fa.test")
	r.ask("end", "meetingID=coop-1")
	got := p.all(r)
	if len(got) != 1 {
		t.Fatalf("%d callbacks", len(got))
	}
	token, ok := strings.CutPrefix(got[0].Header.Get("Authorization"), "Bearer ")
	if _, right := verified(t, token, secret, "HS512", sha512.New); !ok || !right || !strings.Contains(string(got[0].Body), `"meeting_id":"coop-1"`) {
		t.Errorf("%v %s", got[0].Header, got[0].Body)
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
