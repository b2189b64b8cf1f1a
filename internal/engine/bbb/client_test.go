// SPDX-License-Identifier: AGPL-3.0-or-later

package bbb_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/engine/bbb/bbbtest"
	"meetcoop/internal/fault"
)

const secret = "meet-secret"

// simulated returns a client of a simulated server.
func simulated(t *testing.T) *bbb.Client {
	t.Helper()
	sim, err := bbbtest.New(bbbtest.Config{Secret: secret, URL: "http://bbb.example"})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(sim)
	t.Cleanup(srv.Close)
	return client(t, bbb.Config{URL: srv.URL + "/bigbluebutton/api"})
}

// client fills in what a test does not care about.
func client(t *testing.T, cfg bbb.Config) *bbb.Client {
	t.Helper()
	if cfg.Secret == "" {
		cfg.Secret = secret
	}
	if cfg.Transport == nil {
		tr := bbb.NewTransport()
		t.Cleanup(tr.CloseIdleConnections)
		cfg.Transport = tr
	}
	c, err := bbb.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAMeetingLivesOnAServer(t *testing.T) {
	c := simulated(t)
	ctx := t.Context()
	if list, err := c.Meetings(ctx); err != nil || len(list) != 0 || list == nil {
		t.Fatalf("at first %v, %v", list, err)
	}
	a, err := c.Create(ctx, "name=Spring+Assembly&meetingID=coop-42&meta_tenant=north", nil, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	made, err := bbb.ParseCreated(a)
	if err != nil || made.MeetingID != "coop-42" || made.CreateTime == 0 || made.Duplicate {
		t.Fatalf("%+v, %v", made, err)
	}
	m, err := c.Info(ctx, "coop-42")
	if err != nil || m.InternalID != made.InternalID || m.Metadata["tenant"] != "north" {
		t.Errorf("%+v, %v", m, err)
	}
	list, err := c.Meetings(ctx)
	if err != nil || len(list) != 1 || list[0].ExternalID != "coop-42" {
		t.Errorf("%+v, %v", list, err)
	}
	if err := c.End(ctx, "coop-42", ""); err != nil {
		t.Error(err)
	}
	if _, err := c.Info(ctx, "another"); !errors.Is(err, bbb.ErrNotFound) {
		t.Error(err)
	}
}

func TestADuplicateAndAWrongPasswordAreAnswers(t *testing.T) {
	c := simulated(t)
	create := func(query string) *bbb.Answer {
		a, err := c.Create(t.Context(), query, nil, "", 0)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	first, err := bbb.ParseCreated(create("name=Rat&meetingID=coop-42"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := bbb.ParseCreated(create("name=Rat&meetingID=coop-42"))
	if err != nil || !again.Duplicate || again.InternalID != first.InternalID || again.CreateTime != first.CreateTime {
		t.Errorf("again %+v, %v", again, err)
	}
	a := create("name=Rat&meetingID=coop-42&attendeePW=other")
	if a.OK || a.Key != "idNotUnique" || a.Message == "" {
		t.Errorf("%+v", a)
	}
	if _, err := bbb.ParseCreated(a); !errors.Is(err, bbb.ErrRefused) || !strings.Contains(err.Error(), "idNotUnique") {
		t.Error(err)
	}
}

func TestTheSecretIsProven(t *testing.T) {
	sim, err := bbbtest.New(bbbtest.Config{Secret: "another", URL: "http://bbb.example"})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(sim)
	defer srv.Close()
	wrong := client(t, bbb.Config{URL: srv.URL + "/bigbluebutton/api/"})
	if err := wrong.Check(t.Context()); !errors.Is(err, bbb.ErrSecret) {
		t.Errorf("a wrong secret: %v", err)
	}
	if v, err := wrong.Version(t.Context()); err != nil || v.API != "2.0" {
		t.Errorf("without secret: %+v, %v", v, err)
	}
	for _, sha1 := range []bool{false, true} {
		if err := client(t, bbb.Config{URL: srv.URL + "/bigbluebutton/api", Secret: "another", SHA1: sha1}).Check(t.Context()); err != nil {
			t.Errorf("the right secret, sha1 %v: %v", sha1, err)
		}
	}
}

func TestCallsAreSigned(t *testing.T) {
	for _, tc := range []struct{ call, query, sha1, sha256 string }{ // computed apart, spec section 15
		{"create", "name=Spring+Assembly&meetingID=coop-42&attendeePW=ap&moderatorPW=mp&meta_tenant=north", "226107af53fb9f13f319d6da1991cf1d58aaa4e0", "3b21eb2d5b201f96a949a45d0937c11b3d171ce95476ea9c2ca4b7d5e4140e9d"},
		{"getMeetings", "", "5ef56660d949c00d610cbeebdc54bccee75e8c21", "3eb134b443b2e682fcaa529d8c3f3dd6cc369a4fd25a32f33df5e2270c114814"},
		{"hooks/create", "callbackURL=http%3A%2F%2F127.0.0.1%3A9%2Fcb", "c83f502d2855c166d14745177b5fd1dfc7fd059c", "a98ecc7c5d74f3233c5006d467d6492a3c74e53ebebc3f86bccb2095bcc72536"},
	} {
		for sum, sha1 := range map[string]bool{tc.sha1: true, tc.sha256: false} {
			want := "https://bbb.example/bigbluebutton/api/" + tc.call + "?" + tc.query + "&checksum=" + sum
			want = strings.Replace(want, "?&", "?", 1)
			if got := client(t, bbb.Config{URL: "https://bbb.example/bigbluebutton/api/", SHA1: sha1}).Sign(tc.call, tc.query); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
	}
	if got := client(t, bbb.Config{URL: "https://bbb.example/api"}).Sign("", ""); got != "https://bbb.example/api" {
		t.Errorf("the root: %s", got)
	}
}

func TestWhatIsSentIsWhatWasGiven(t *testing.T) {
	type seen struct{ Method, URI, ContentType, Length, Body, Odd string }
	var got seen
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		uri, _, _ := strings.Cut(strings.Replace(r.RequestURI, "&checksum=", "?checksum=", 1), "?checksum=")
		got = seen{r.Method, uri, r.Header.Get("Content-Type"), r.Header.Get("Content-Length"), string(b), r.Header.Get("Accept-Encoding") + r.Header.Get("Cookie") + r.Header.Get("Referer")}
		w.Header().Set("Set-Cookie", "a=b")
		_, _ = io.WriteString(w, "<response><returncode>FAILED</returncode><errors><error><key>k</key><message>m</message></error></errors></response>")
	}))
	defer srv.Close()
	c := client(t, bbb.Config{URL: srv.URL + "/api"})
	const odd = "b=%c3%a9+%20&a=;&&=x&a=2&b=é/?#|\"&c=%zz"
	for name, tc := range map[string]struct {
		r    bbb.Request
		want seen
	}{
		"an odd query":                    {bbb.Request{Call: "create", Query: odd}, seen{Method: "GET", URI: "/api/create?" + odd}},
		"no query":                        {bbb.Request{Call: "getMeetings", ContentType: "application/xml"}, seen{Method: "GET", URI: "/api/getMeetings"}},
		"a call below another":            {bbb.Request{Call: "hooks/list", Query: "a=b"}, seen{Method: "GET", URI: "/api/hooks/list?a=b"}},
		"a body":                          {bbb.Request{Call: "create", Query: "a=b", Body: strings.NewReader("<m/>"), ContentType: "application/xml; charset=UTF-8"}, seen{"POST", "/api/create?a=b", "application/xml; charset=UTF-8", "4", "<m/>", ""}},
		"a body of known length":          {bbb.Request{Call: "create", Body: io.MultiReader(strings.NewReader("abc")), Length: 3, ContentType: "x/y"}, seen{"POST", "/api/create", "x/y", "3", "abc", ""}},
		"a body of unknown length":        {bbb.Request{Call: "create", Body: bytes.NewReader([]byte("abc")), Length: -1, ContentType: "x/y"}, seen{"POST", "/api/create", "x/y", "", "abc", ""}},
		"a body with a method of its own": {bbb.Request{Call: "x", Method: "PUT", Body: strings.NewReader("a")}, seen{"PUT", "/api/x", "", "1", "a", ""}},
		"a POST without body":             {bbb.Request{Call: "x", Method: "POST"}, seen{"POST", "/api/x", "", "0", "", ""}},
	} {
		got = seen{}
		a, err := c.Do(t.Context(), tc.r)
		if diff := cmp.Diff(tc.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got)\n%s", name, err, diff)
			continue
		}
		if a.OK || a.Key != "k" || a.Message != "m" {
			t.Errorf("%s: the answer %+v", name, a)
		}
	}
	for _, r := range []bbb.Request{{Call: "a b"}, {Call: "x", Query: "a b"}, {Call: "x", Query: "a\r\nHost: y"}, {Call: "x?y"}, {Call: "x#y"}, {Call: "x", ContentType: "a\nb"}, {Call: "x", Method: "A B"}} {
		if _, err := c.Do(t.Context(), r); fault.KindOf(err) != fault.Internal || err == nil || c.State().Failures != 0 {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

func TestAKeptConnectionThatWasClosedIsReplaced(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<response><returncode>SUCCESS</returncode></response>")
	}))
	defer srv.Close()
	c := client(t, bbb.Config{URL: srv.URL})
	for range 20 {
		for _, body := range []io.Reader{nil, strings.NewReader("<modules/>")} {
			if _, err := c.Create(t.Context(), "", body, "text/xml", 0); err != nil {
				t.Errorf("with body %v: %v", body != nil, err)
			}
		}
		srv.CloseClientConnections()
	}
}

func TestAServerThatCannotBeMeantIsRefused(t *testing.T) {
	tr := bbb.NewTransport()
	for name, tc := range map[string]struct {
		url, secret string
		wrong       string
	}{
		"right":                    {"https://bbb.example/bigbluebutton/api", "s", ""},
		"on an address and a port": {"http://[::1]:8080/api", "s", ""},
		"no scheme":                {"bbb.example/api", "s", "url"},
		"another scheme":           {"ftp://bbb.example/api", "s", "url"},
		"no host":                  {"https:///api", "s", "url"},
		"only a port":              {"https://:443/api", "s", "url"},
		"a user":                   {"https://a:b@bbb.example/api", "s", "url"},
		"a query":                  {"https://bbb.example/api?a=b", "s", "url"},
		"an empty query":           {"https://bbb.example/api?", "s", "url"},
		"a fragment":               {"https://bbb.example/api#", "s", "url"},
		"a blank in the host":      {"https://bbb .example/api", "s", "url"},
		"no secret":                {"https://bbb.example/api", "", "secret"},
		"a secret with a line end": {"https://bbb.example/api", "s\n", "secret"},
		"nothing":                  {"", "", "url secret"},
	} {
		_, err := bbb.New(bbb.Config{URL: tc.url, Secret: tc.secret, Transport: tr})
		var wrong []string
		if f := fault.As(err); f != nil {
			for _, field := range f.Fields {
				wrong = append(wrong, field.Name)
			}
		}
		if got := strings.Join(wrong, " "); got != tc.wrong || (err == nil) != (tc.wrong == "") {
			t.Errorf("%s: wrong is %q: %v", name, got, err)
		}
	}
	if _, err := bbb.New(bbb.Config{URL: "https://bbb.example", Secret: "s"}); err == nil {
		t.Error("a client without transport")
	}
}

func TestConnectionsAreKept(t *testing.T) {
	var opened atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<response><returncode>SUCCESS</returncode></response>")
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	c := client(t, bbb.Config{URL: srv.URL})
	for range 20 {
		if _, err := c.Do(t.Context(), bbb.Request{Call: "end"}); err != nil {
			t.Fatal(err)
		}
		resp, err := c.Stream(t.Context(), bbb.Request{Call: "x"})
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for 40 calls", n)
	}
}

func TestEveryVerbSaysWhatWentWrong(t *testing.T) {
	verbs := map[string]func(*bbb.Client) error{
		"Meetings": func(c *bbb.Client) error { _, err := c.Meetings(t.Context()); return err },
		"Info":     func(c *bbb.Client) error { _, err := c.Info(t.Context(), "a"); return err },
		"End":      func(c *bbb.Client) error { return c.End(t.Context(), "a", "secret word") },
		"Version":  func(c *bbb.Client) error { _, err := c.Version(t.Context()); return err },
		"Check":    func(c *bbb.Client) error { return c.Check(t.Context()) },
	}
	for name, call := range verbs {
		for want, does := range map[*fault.Error]func(*http.Request) (*http.Response, error){
			bbb.ErrUnanswered: breaks,
			bbb.ErrNotFound:   status(200, "<response><returncode>FAILED</returncode><messageKey>notFound</messageKey></response>"),
			bbb.ErrSecret:     status(200, "<response><returncode>FAILED</returncode><messageKey>checksumError</messageKey></response>"),
			bbb.ErrRefused:    refuses,
		} {
			if err := call(client(t, bbb.Config{URL: "http://bbb.example", Transport: roundTrip(does)})); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}
	}
	if _, err := client(t, bbb.Config{URL: "http://bbb.example", Transport: roundTrip(succeeds)}).Info(t.Context(), "a"); !errors.Is(err, bbb.ErrUnanswered) {
		t.Errorf("a meeting without id: %v", err)
	}
}
