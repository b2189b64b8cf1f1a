// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"hash"
	"io"
	"net/http"
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
		r.ask("create", "name=AB&meetingID=room&isBreakout=true&parentMeetingID=caf%C3%A9&sequence=3&meetingEndedURL=https%3A%2F%2Froom.test").says(t, "a breakout room", "")
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
