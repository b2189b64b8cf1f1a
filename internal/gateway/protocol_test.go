// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"crypto/sha1" // #nosec G505: clients choose it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/engine/bbb/bbbtest"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/identity"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
)

// one runs a test on SQLite with one node: what it looks at has nothing to do with the database.
func one(t *testing.T, o gatewaytest.Options) (*gatewaytest.Cooperative, *gatewaytest.Node, *gatewaytest.Client) {
	t.Helper()
	db := storetest.New(t, store.SQLite)
	c := gatewaytest.New(t, db, o)
	n := c.Node(db, o)
	return c, n, c.Client(n, "hilado", tariff.OverrideFields{})
}

func send(t *testing.T, method, to, media, body string) gatewaytest.Reply {
	t.Helper()
	var from io.Reader = http.NoBody
	if body != "" {
		from = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, to, from)
	if err != nil {
		t.Fatal(err)
	}
	if media != "" {
		req.Header.Set("Content-Type", media)
	}
	return gatewaytest.Do(t, req)
}

func digest(newHash func() hash.Hash, text string) string {
	h := newHash()
	_, _ = h.Write([]byte(text))
	return hex.EncodeToString(h.Sum(nil))
}

func TestChecksumsAsClientsMakeThem(t *testing.T) {
	_, n, k := one(t, gatewaytest.Options{})
	at := k.Endpoint()
	for name, newHash := range map[string]func() hash.Hash{"sha1": sha1.New, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New} {
		for _, query := range []string{"", "meetingID=caf%C3%A9", "meetingID=a+b", "meetingID=a%20b&x=%3b;y"} {
			sum := digest(newHash, "isMeetingRunning"+query+k.Secret)
			for _, raw := range []string{query + "&checksum=" + sum, "checksum=" + sum + "&" + query, query + "&checksum=" + strings.ToUpper(sum)} {
				if r := send(t, "GET", at+"/isMeetingRunning?"+strings.Trim(raw, "&"), "", ""); r.Key() == "checksumError" {
					t.Errorf("%s is refused: %s", name, raw)
				}
			}
		}
	}
	sum := digest(sha256.New, "isMeetingRunningmeetingID=abc&x=1"+k.Secret)
	if r := send(t, "GET", at+"/isMeetingRunning?meetingID=abc&checksum="+sum+"&x=1", "", ""); !r.OK() {
		t.Errorf("in the middle: %s", r.Body)
	}
	if r := send(t, "GET", at+"/getMeetings?&checksum="+digest(sha1.New, "getMeetings"+k.Secret), "", ""); !r.OK() {
		t.Errorf("alone after &: %s", r.Body)
	}
	form := url.Values{"name": {"B*~"}, "meetingID": {"a b"}}
	for what, over := range map[string]string{"over the form": "meetingID=a+b&name=B*%7E", "over nothing": ""} {
		form.Set("checksum", digest(sha256.New, "create"+over+k.Secret))
		if r := send(t, "POST", at+"/create", "application/x-www-form-urlencoded; charset=UTF-8", form.Encode()); !r.OK() {
			t.Errorf("a form signed %s: %s", what, r.Body)
		}
	}
	// Whoever the endpoint belongs to: a wrong checksum, a name nobody has and one that was revoked are the same.
	wrong := digest(sha256.New, "getMeetingsother")
	want := send(t, "GET", at+"/getMeetings?checksum="+wrong, "", "")
	if want.Key() != "checksumError" || want.Status != 200 {
		t.Fatalf("%d %s", want.Status, want.Body)
	}
	old := k.Secret
	revoked := k.URL("getMeetings", "")
	if err := n.Members.Revoke(t.Context(), operator, k.Connection.ID); err != nil {
		t.Fatal(err)
	}
	gatewaytest.Until(t, "revoked", func() bool { return send(t, "GET", revoked, "", "").Key() == "checksumError" })
	for what, to := range map[string]string{
		"unknown": n.URL + "/bbb/nobody/bigbluebutton/api/getMeetings?checksum=" + digest(sha256.New, "getMeetings"+old), "revoked": revoked,
	} {
		got := send(t, "GET", to, "", "")
		got.Header.Del("Date")
		want.Header.Del("Date")
		if got.Body != want.Body || got.Status != want.Status || cmp.Diff(want.Header, got.Header) != "" {
			t.Errorf("%s differs: %d %s\n%s", what, got.Status, got.Body, cmp.Diff(want.Header, got.Header))
		}
	}
	if r := send(t, "GET", n.URL+"/bbb/nobody/bigbluebutton/api/", "", ""); !r.OK() || r.Root.Value("version") != "2.0" {
		t.Errorf("the root of nobody: %s", r.Body)
	}
}

var operator = identity.Operator()

// paths are the elements of an answer in order, those of equal neighbours once.
func paths(e *bbb.Element, at string) []string {
	var out []string
	for _, kid := range e.Kids {
		here := at + "/" + kid.Name
		if len(out) == 0 || out[len(out)-1] != here {
			out = append(out, here)
		}
		out = append(out, paths(kid, here)...)
	}
	return slices.Compact(out)
}

// Every answer has the elements of the server's own, in their order.
func TestAnswersHaveTheFormOfAServers(t *testing.T) {
	c, _, k := one(t, gatewaytest.Options{Server: bbbtest.Config{AutoConnect: true}})
	there := bbbtest.Start(t, bbbtest.Config{AutoConnect: true}) // of its own, so that lists compare
	direct := func(method, call, query, media, body string) gatewaytest.Reply {
		if query != "" {
			query += "&"
		}
		return send(t, method, there.URL()+"/bigbluebutton/api/"+call+"?"+query+"checksum="+digest(sha256.New, call+strings.TrimSuffix(query, "&")+there.Secret()), media, body)
	}
	const xml = `<modules><module name="presentation"><document url="https://x.example/a.pdf" filename="a.pdf"/></module></modules>`
	steps := []struct{ what, method, call, query, media, body string }{
		{"no meetings", "GET", "getMeetings", "", "", ""}, {"no sessions", "GET", "getSessions", "", "", ""},
		{"create", "GET", "create", "name=Room&meetingID=%s&attendeePW=ap&moderatorPW=mp&meta_a=1&duration=60&maxParticipants=7", "", ""},
		{"created, nobody in it", "GET", "getMeetingInfo", "meetingID=%s", "", ""}, {"list of it", "GET", "getMeetings", "", "", ""},
		{"create again", "GET", "create", "name=Room&meetingID=%s&attendeePW=ap&moderatorPW=mp", "", ""},
		{"other passwords", "GET", "create", "name=Room&meetingID=%s&attendeePW=xx&moderatorPW=mp", "", ""},
		{"without a name", "GET", "create", "meetingID=%s-2", "", ""}, {"without an id", "GET", "create", "name=Room", "", ""},
		{"a comma", "GET", "create", "name=Room&meetingID=a,b", "", ""}, {"JSON", "POST", "create", "name=Room&meetingID=%s-2", "application/json", "{}"},
		{"with slides", "POST", "create", "name=Room&meetingID=%s-slides", "application/xml", xml},
		{"breakout without a parent", "GET", "create", "name=Room&meetingID=%s-b&isBreakout=true", "", ""},
		{"breakout", "GET", "create", "name=Room&meetingID=%s-b&isBreakout=true&parentMeetingID=%s&sequence=1", "", ""},
		{"info of the breakout", "GET", "getMeetingInfo", "meetingID=%s-b", "", ""},
		{"running", "GET", "isMeetingRunning", "meetingID=%s", "", ""}, {"running without an id", "GET", "isMeetingRunning", "", "", ""},
		{"join", "GET", "join", "fullName=Ana&meetingID=%s&password=mp&redirect=false&userID=u1&userdata-bbb_x=1", "", ""},
		{"join with a wrong password", "GET", "join", "fullName=Ana&meetingID=%s&password=zz", "", ""},
		{"join without a role", "GET", "join", "fullName=Ana&meetingID=%s", "", ""},
		{"join with another time", "GET", "join", "fullName=Ana&meetingID=%s&password=mp&createTime=1&redirect=false", "", ""},
		{"somebody in it", "GET", "getMeetingInfo", "meetingID=%s", "", ""}, {"list with somebody", "GET", "getMeetings", "", "", ""}, {"sessions", "GET", "getSessions", "", "", ""},
		{"chat", "GET", "sendChatMessage", "meetingID=%s&message=hello&userName=Bot", "", ""}, {"chat nowhere", "GET", "sendChatMessage", "meetingID=none&message=hello", "", ""},
		{"chat of nothing", "GET", "sendChatMessage", "meetingID=%s", "", ""},
		{"document", "POST", "insertDocument", "meetingID=%s", "application/xml", xml}, {"document nowhere", "POST", "insertDocument", "meetingID=none", "application/xml", xml},
		{"end", "GET", "end", "meetingID=%s-b", "", ""}, {"end of nothing", "GET", "end", "meetingID=none", "", ""},
		{"info of nothing", "GET", "getMeetingInfo", "meetingID=none", "", ""},
	}
	for _, s := range steps {
		mine, theirs := strings.ReplaceAll(s.query, "%s", "mine"), strings.ReplaceAll(s.query, "%s", "theirs")
		want := direct(s.method, s.call, theirs, s.media, s.body)
		if s.what == "somebody in it" {
			gatewaytest.Until(t, "Ana is seen", func() bool { return strings.Contains(k.Ask("getMeetings", "").Body, "<fullName>Ana") })
		}
		got := send(t, s.method, k.URL(s.call, mine), s.media, s.body)
		if got.Status != want.Status || got.Key() != want.Key() || got.Root.Value("returncode") != want.Root.Value("returncode") {
			t.Errorf("%s: %d %s, want %d %s", s.what, got.Status, got.Body, want.Status, want.Body)
			continue
		}
		if diff := cmp.Diff(paths(want.Root, ""), paths(got.Root, "")); diff != "" && want.Status == 200 {
			t.Errorf("%s (-server +gateway):\n%s", s.what, diff)
		}
		for _, h := range []string{"Content-Type", "Cache-Control"} {
			if a, b := strings.ToLower(strings.ReplaceAll(want.Header.Get(h), " ", "")), strings.ToLower(strings.ReplaceAll(got.Header.Get(h), " ", "")); a != b && a != "" && s.call != "join" {
				t.Errorf("%s: %s is %q, the server's %q", s.what, h, b, a)
			}
		}
	}
	for _, m := range c.Servers[0].Meetings() {
		if strings.Contains(string(m.Body), "modules") && string(m.Body) != xml {
			t.Errorf("the body arrived as %q", m.Body)
		}
	}
}

func TestWhatIsNoCall(t *testing.T) {
	_, n, k := one(t, gatewaytest.Options{})
	for path, status := range map[string]int{
		"/bbb/": 404, "/bbb/hilado": 404, "/bbb/hilado/": 404, "/bbb/hilado/bigbluebutton/apix": 404, "/bbb/Hilado/bigbluebutton/api": 404, "/bbb//bigbluebutton/api": 404,
		"/bbb/hilado/../hilado/bigbluebutton/api/getMeetings": 404, "/bbb/-/": 404, "/bbb/-/ended/x": 404, "/bbb/hilado/bigbluebutton/api": 200, "/bbb/hilado/bigbluebutton/api/": 200,
		"/bbb/hilado/bigbluebutton/api/nothing": 200, "/bbb/hilado/bigbluebutton/api/create/": 200,
	} {
		req, err := http.NewRequest("GET", n.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Opaque = path
		if r := gatewaytest.Do(t, req); r.Status != status {
			t.Errorf("%s: %d, want %d", path, r.Status, status)
		}
	}
	if r := send(t, "GET", n.URL+"/bbb/hilado/bigbluebutton/api/nothing", "", ""); r.Key() != "unsupportedRequest" {
		t.Errorf("an unknown call: %s", r.Body)
	}
	if r := send(t, "POST", k.URL("join", "fullName=A&meetingID=abc&role=viewer"), "", ""); r.Status != 405 {
		t.Errorf("join by POST: %d", r.Status)
	}
	k.Must("create", "name=Room&meetingID=abc&attendeePW=ap&moderatorPW=mp")
	link := k.URL("join", "fullName=A&meetingID=abc&role=viewer")
	if r := send(t, "HEAD", link, "", ""); r.Status != 204 {
		t.Errorf("join by HEAD: %d", r.Status)
	}
	req, err := http.NewRequest("GET", link, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Sec-Purpose", "prefetch;prerender")
	if r := gatewaytest.Do(t, req); r.Status != 204 {
		t.Errorf("join fetched ahead: %d", r.Status)
	}
}

func TestHostileRequestsGetAnswersOfTheAPI(t *testing.T) {
	c, _, k := one(t, gatewaytest.Options{})
	k.Must("create", "name=Room&meetingID=abc&attendeePW=ap&moderatorPW=mp")
	signed := func(call, query string) string { return k.URL(call, query) }
	bomb := `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "` + strings.Repeat("x", 1000) + `"><!ENTITY b "` + strings.Repeat("&a;", 1000) + `">]><modules><module name="presentation">&b;</module></modules>`
	for what, s := range map[string]struct{ method, to, media, body, key string }{
		"a bad escape":            {"GET", k.Endpoint() + "/create?name=%zz&checksum=x", "", "", "checksumError"},
		"control characters":      {"GET", signed("create", "name=Room%00%1b&meetingID=abg"), "", "", ""},
		"an id with a control":    {"GET", signed("create", "name=Room&meetingID=ab%0ac"), "", "", "validationError"},
		"17 KiB":                  {"GET", signed("create", "name=Room&meetingID=abc&welcome="+strings.Repeat("x", 17<<10)), "", "", "checksumError"},
		"300 parameters":          {"GET", signed("create", "name=Room&meetingID=abc"+strings.Repeat("&x=1", 300)), "", "", "checksumError"},
		"257 characters":          {"GET", signed("create", "name=Room&meetingID="+strings.Repeat("x", 257)), "", "", "sizeError"},
		"a form of 2 MiB":         {"POST", signed("create", "name=Room&meetingID=abd"), "application/x-www-form-urlencoded", strings.Repeat("x", 2<<20), "validationError"},
		"a form that is broken":   {"POST", signed("create", "name=Room&meetingID=abd"), "application/x-www-form-urlencoded", "a=%zz", "validationError"},
		"multipart that is none":  {"POST", signed("create", "name=Room&meetingID=abd"), "multipart/form-data; boundary=x", "nothing", "validationError"},
		"an XML bomb":             {"POST", signed("create", "name=Room&meetingID=bomb"), "application/xml", bomb, ""},
		"XML that is none":        {"POST", signed("create", "name=Room&meetingID=none"), "application/xml", "<modules><module", ""},
		"a type that is none":     {"POST", signed("create", "name=Room&meetingID=abe"), ";;;", "x", "unsupportedContentType"},
		"meta of somebody else":   {"GET", signed("create", "name=Room&meetingID=abf&meta_mc-owner=x"), "", "", ""},
		"another createTime":      {"GET", signed("join", "fullName=A&meetingID=abc&role=viewer&createTime=9223372036854775808"), "", "", "validationError"},
		"a role that is none":     {"GET", signed("join", "fullName=A&meetingID=abc&role=admin"), "", "", "Params required"},
		"a name of 10,000":        {"GET", signed("join", "meetingID=abc&role=viewer&fullName="+strings.Repeat("n", 10000)), "", "", ""},
		"right-to-left overrides": {"GET", signed("join", "meetingID=abc&role=viewer&fullName=%E2%80%AEevil&userID=%E2%80%AEx"), "", "", ""},
	} {
		began := time.Now()
		r := send(t, s.method, s.to, s.media, s.body)
		if r.Status != 200 && r.Status != 302 || r.Key() != s.key {
			t.Errorf("%s: %d %.300s, want %q", what, r.Status, r.Body, s.key)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s took %s", what, took)
		}
	}
	for _, m := range c.Servers[0].Meetings() {
		if strings.Contains(m.Query, "mc-owner") {
			t.Errorf("metadata of ours from a client: %s", m.Query)
		}
	}
}

// Servers that answer nonsense, late, or not at all.
func TestHostileServersHarmNobody(t *testing.T) {
	for kind, want := range map[bbbtest.FaultKind]string{
		bbbtest.FaultTruncated: "", bbbtest.FaultNonsense: "", bbbtest.FaultStatus: "", bbbtest.FaultHuge: "", bbbtest.FaultResetBefore: "", bbbtest.FaultResetIn: "",
	} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			t.Parallel()
			c, n, k := one(t, gatewaytest.Options{Servers: 2})
			if err := c.Servers[0].AddFault(bbbtest.Fault{Kind: kind, Call: "create", Share: 1, Status: 500}); err != nil {
				t.Fatal(err)
			}
			for i := range 6 {
				if r := k.Ask("create", fmt.Sprintf("name=Room&meetingID=room-%d&attendeePW=ap&moderatorPW=mp", i)); !r.OK() || (r.Key() != want && r.Key() != "duplicateWarning") {
					t.Errorf("create %d: %s", i, r.Body)
				}
			}
			c.Servers[0].ClearFaults()
			// Whatever a server made without being able to say so is ended or taken over: one copy of each remains.
			gatewaytest.Until(t, "one copy of each", func() bool {
				here := 0
				for _, s := range c.Servers {
					for _, m := range s.Meetings() {
						if !m.Ended {
							here++
						}
					}
				}
				return here == 6
			})
			if _, rooms := used(t, c, n, k); rooms != 6 {
				t.Errorf("%d rooms", rooms)
			}
		})
	}
}
