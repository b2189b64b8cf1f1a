// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// get makes a signed call over the network.
func (r *Running) get(ctx context.Context, c *http.Client, call, query string) (status int, body string, err error) {
	sum := Checksum(sha256.New, call, query, r.Secret())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.API()+call+"?"+strings.Trim(query+"&checksum="+sum, "&"), nil)
	if err != nil {
		return 0, "", err
	}
	res, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	text, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	return res.StatusCode, string(text), err
}

func client(t testing.TB) *http.Client {
	t.Helper()
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func TestAServerDiesAndComesBack(t *testing.T) {
	r, c := Start(t, Config{}), client(t)
	if _, body, err := r.get(t.Context(), c, "create", "name=AB&meetingID=coop-1"); err != nil || !strings.Contains(body, "SUCCESS") {
		t.Fatal(err, body)
	}
	conn, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET /bigbluebutton/api HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 4096)); err != nil || r.Connections() < 1 {
		t.Fatalf("%v, %d connections", err, r.Connections())
	}
	r.Kill()
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("an open connection: %v", err)
	}
	if _, _, err := r.get(t.Context(), c, "getMeetings", ""); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a new connection: %v", err)
	}
	if n := r.Connections(); n != 0 {
		t.Errorf("%d connections of a dead server", n)
	}
	r.Kill()
	for _, kept := range []bool{true, false} {
		if err := r.Revive(kept); err != nil {
			t.Fatal(err)
		}
		if _, body, err := r.get(t.Context(), c, "getMeetings", ""); err != nil || strings.Contains(body, "coop-1") != kept {
			t.Errorf("kept %v: %v %s", kept, err, body)
		}
	}
	r.Close()
	r.Close()
}

func TestAFrozenServerTakesConnectionsAndSaysNothing(t *testing.T) {
	r, c := Start(t, Config{}), client(t)
	r.Freeze()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, _, err := r.get(ctx, c, "getMeetings", ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("frozen: %v", err)
	}
	answered := make(chan error)
	go func() {
		_, _, err := r.get(t.Context(), c, "getMeetings", "")
		answered <- err
	}()
	for r.Connections() == 0 {
		time.Sleep(time.Millisecond)
	}
	r.Thaw()
	if err := <-answered; err != nil {
		t.Errorf("thawed: %v", err)
	}
}

func TestMeetingsEndByThemselves(t *testing.T) {
	ended := make(chan string, 1)
	r := Start(t, Config{Transport: roundTrip(func(req *http.Request) { ended <- req.URL.String() })})
	if _, body, err := r.get(t.Context(), client(t), "create", "name=AB&meetingID=coop-1&meetingEndedURL=https%3A%2F%2Fended.test"); err != nil {
		t.Fatal(err, body)
	}
	r.Jump(5*time.Minute - 20*time.Millisecond) // and nobody asks any more
	select {
	case got := <-ended:
		if !strings.HasPrefix(got, "https://ended.test") {
			t.Error(got)
		}
	case <-time.After(5 * time.Second):
		t.Error("nobody woke the server")
	}
}

type roundTrip func(*http.Request)

// RoundTrip implements http.RoundTripper.
func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) {
	f(req)
	return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
}

// fallible records what Start says to a test that it fails.
type fallible struct {
	testing.TB

	said string
}

func (f *fallible) Fatalf(format string, _ ...any) { f.said = format }

func TestStartFailsTheTestItCannotServe(t *testing.T) {
	f := &fallible{TB: t}
	if r := Start(f, Config{Profile: "1.0"}); r != nil || f.said == "" {
		t.Error("a server of no profile runs")
	}
}

func TestFaultsOfAnswers(t *testing.T) {
	r, c := Start(t, Config{}), client(t)
	for _, id := range []string{"coop-1", "coop-2", "coop-3", "coop-4"} {
		if _, body, err := r.get(t.Context(), c, "create", "name=AB&meetingID="+id); err != nil {
			t.Fatal(err, body)
		}
	}
	if _, err := r.Invent("coop-1", 1200); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		fault Fault
		right func(status int, body string, err error) bool
	}{
		{Fault{Kind: FaultLatency, Delay: time.Millisecond}, func(_ int, body string, err error) bool { return err == nil && strings.Contains(body, "coop-4") }},
		{Fault{Kind: FaultLatency, Delay: time.Millisecond, Before: true}, func(_ int, body string, err error) bool { return err == nil && strings.Contains(body, "coop-4") }},
		{Fault{Kind: FaultResetBefore}, func(_ int, _ string, err error) bool {
			return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF)
		}},
		{Fault{Kind: FaultResetIn}, func(status int, body string, err error) bool {
			return err != nil && !strings.Contains(body, "</response>")
		}},
		{Fault{Kind: FaultStatus, Status: 500}, func(status int, body string, err error) bool {
			return status == 500 && strings.Contains(body, "<html>")
		}},
		{Fault{Kind: FaultStatus, Status: 502}, func(status int, _ string, _ error) bool { return status == 502 }},
		{Fault{Kind: FaultStatus, Status: 302}, func(status int, _ string, _ error) bool { return status == 302 }},
		{Fault{Kind: FaultFailed, Key: "checksumError"}, func(_ int, body string, _ error) bool { return strings.Contains(body, "<messageKey>checksumError<") }},
		{Fault{Kind: FaultTruncated}, func(status int, body string, err error) bool {
			return status == 200 && err == nil && xml.Unmarshal([]byte(body), new(struct{})) != nil
		}},
		{Fault{Kind: FaultNonsense}, func(status int, body string, err error) bool {
			return status == 200 && err == nil && xml.Unmarshal([]byte(body), new(struct{})) != nil
		}},
		{Fault{Kind: FaultMissing}, func(_ int, body string, _ error) bool { return strings.Count(body, "<meetingID>") == 2 }},
		{Fault{Kind: FaultDoubled}, func(_ int, body string, _ error) bool { return strings.Count(body, "<meetingID>") == 8 }},
		{Fault{Kind: FaultThousands}, func(_ int, body string, _ error) bool { return strings.Contains(body, "<participantCount>1,200<") }},
		{Fault{Kind: FaultThousands, Call: "create"}, func(_ int, body string, _ error) bool { return strings.Contains(body, "<participantCount>1200<") }},
	} {
		r.ClearFaults()
		if err := r.AddFault(tc.fault); err != nil {
			t.Fatal(err)
		}
		if status, body, err := r.get(t.Context(), client(t), "getMeetings", ""); !tc.right(status, body, err) {
			t.Errorf("%+v: %d %v %.200s", tc.fault, status, err, body)
		}
	}
}

func TestAnAnswerIsOverWhenTheConnectionIsReset(t *testing.T) {
	r := Start(t, Config{})
	if err := r.AddFault(Fault{Kind: FaultResetAfter, Call: "", Times: 1}); err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET /bigbluebutton/api HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(conn)
	if !strings.HasSuffix(string(text), "</response>") || !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%v: %s", err, text)
	}
}

func TestAnswersThatAreTooSlowOrTooLong(t *testing.T) {
	r, c := Start(t, Config{}), client(t)
	for _, f := range []Fault{{Kind: FaultSilence}, {Kind: FaultDrip, Delay: time.Hour}, {Kind: FaultEndless}} {
		r.ClearFaults()
		if err := r.AddFault(f); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		_, body, err := r.get(ctx, c, "isMeetingRunning", "meetingID=coop-1")
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || (len(body) > 1<<20) != (f.Kind == FaultEndless) || (len(body) == 1) != (f.Kind == FaultDrip) {
			t.Errorf("%s: %v, %d bytes", f.Kind, err, len(body))
		}
	}
	r.ClearFaults()
	if err := r.AddFault(Fault{Kind: FaultHuge, Times: 1}); err != nil {
		t.Fatal(err)
	}
	if _, body, err := r.get(t.Context(), c, "isMeetingRunning", "meetingID=coop-1"); err != nil || len(body) < hugeBytes || !strings.HasSuffix(body, "<running>false</running></response>") {
		t.Errorf("huge: %v, %d bytes", err, len(body))
	}
	if _, body, err := r.get(t.Context(), c, "isMeetingRunning", "meetingID=coop-1"); err != nil || len(body) > 200 {
		t.Errorf("once only: %v, %d bytes", err, len(body))
	}
}

func TestACallIsDoneBeforeItsAnswerIsLostUnlessToldOtherwise(t *testing.T) {
	for _, before := range []bool{false, true} {
		r := Start(t, Config{})
		if err := r.AddFault(Fault{Kind: FaultResetBefore, Call: "create", Before: before}); err != nil {
			t.Fatal(err)
		}
		if _, body, err := r.get(t.Context(), client(t), "create", "name=AB&meetingID=coop-1"); err == nil {
			t.Error(body)
		}
		if _, body, _ := r.get(t.Context(), client(t), "getMeetings", ""); strings.Contains(body, "noMeetings") != before {
			t.Errorf("before %v: %s", before, body)
		}
	}
}

func TestAShareOfTheCallsFails(t *testing.T) {
	run := func(seed uint64) (pattern string) {
		r := newRig(t, V30, func(c *Config) { c.Seed = seed })
		if err := r.AddFault(Fault{Kind: FaultFailed, Key: "x", Share: 0.3}); err != nil {
			t.Fatal(err)
		}
		for range 200 {
			pattern += map[bool]string{true: "x", false: "."}[r.ask("getMeetings", "").elements["messageKey"] == "x"]
		}
		return pattern
	}
	one := run(1)
	if n := strings.Count(one, "x"); n < 40 || n > 80 {
		t.Errorf("%d of 200 fail", n)
	}
	if run(1) != one || run(2) == one {
		t.Error("the seed does not decide")
	}
	for _, f := range []Fault{{Kind: "x"}, {Kind: FaultLost, Share: 2}, {Kind: FaultStatus}, {Kind: FaultFailed}, {Kind: FaultDrip}} {
		if newRig(t, V30).AddFault(f) == nil {
			t.Errorf("%+v is taken", f)
		}
	}
}

// orders makes a control call.
func (r *Running) orders(t testing.TB, verb, body string) (status int, said map[string]any, raw []byte) {
	t.Helper()
	res, err := http.Post(r.URL()+"/sim/"+verb, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	raw, err = io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(raw, &said)
	return res.StatusCode, said, raw
}

func TestEveryControlCall(t *testing.T) {
	r, c := Start(t, Config{}), client(t)
	must := func(verb, body string) map[string]any {
		t.Helper()
		status, said, raw := r.orders(t, verb, body)
		if status != 200 {
			t.Errorf("%s %s: %d %s", verb, body, status, raw)
		}
		return said
	}
	ask := func(call, query string) string {
		t.Helper()
		_, body, err := r.get(t.Context(), c, call, query)
		if err != nil {
			t.Fatal(err)
		}
		return body
	}
	ask("create", "name=AB&meetingID=coop-1&record=true&guestPolicy=ASK_MODERATOR")
	ask("join", "fullName=Ada&role=moderator&meetingID=coop-1")
	ask("join", "fullName=Guest&role=viewer&meetingID=coop-1")
	ask("join", "fullName=Other&role=viewer&meetingID=coop-1")
	all, _ := must("sessions", `{"meeting":"coop-1"}`)["sessions"].([]any)
	waiting, _ := must("waiting", `{"meeting":"coop-1"}`)["sessions"].([]any)
	if len(all) != 3 || len(waiting) != 2 {
		t.Fatalf("%d sessions, %d waiting", len(all), len(waiting))
	}
	session := func(v any) string { return `{"session":"` + v.(string) + `","on":true,"count":2}` }
	for _, verb := range []string{"connect", "voice", "listen-only", "cameras", "present", "reload", "disconnect", "connect"} {
		must(verb, session(all[0]))
	}
	must("let-in", session(waiting[0]))
	must("connect", session(waiting[0]))
	must("send-away", session(waiting[1]))
	must("connect", session(must("second", session(all[0]))["session"]))
	must("dial-in", `{"meeting":"coop-1","number":"030"}`)
	if got, _ := must("invent", `{"meeting":"coop-1","count":5}`)["sessions"].([]any); len(got) != 5 {
		t.Errorf("invented %v", got)
	}
	must("leave", session(waiting[0]))
	if body := ask("getMeetingInfo", "meetingID=coop-1"); !strings.Contains(body, "<participantCount>7</participantCount>") {
		t.Error(body)
	}
	if got, _ := must("breakouts", `{"meeting":"coop-1","count":2}`)["meetings"].([]any); len(got) != 2 {
		t.Errorf("breakouts %v", got)
	}
	must("start-recording", `{"meeting":"coop-1"}`)
	must("documents", `{"meeting":"coop-1"}`)
	must("chat", `{"meeting":"coop-1"}`)
	must("end", `{"meeting":"coop-1"}`)
	id, _ := must("record", `{"meeting":"coop-1"}`)["recording"].(string)
	must("process", `{"recording":"`+id+`"}`)
	must("publish", `{"recording":"`+id+`","format":"video"}`)
	if status, _, file := r.orders(t, "tar", `{"recording":"`+id+`","format":"video"}`); status != 200 || !bytes.Contains(file, []byte("metadata.xml")) {
		t.Errorf("tar: %d", status)
	}
	if body := ask("getRecordings", ""); !strings.Contains(body, id) {
		t.Error(body)
	}
	must("delete-recording", `{"recording":"`+id+`"}`)
	ask("hooks/create", "callbackURL=http%3A%2F%2F127.0.0.1%3A9%2F")
	if got, _ := must("hook-list", "")["hooks"].([]any); len(got) != 1 {
		t.Errorf("hooks %v", got)
	}
	must("hooks", `{"on":false}`)
	must("clock", `{"by":"1h"}`)
	must("clock-offset", `{"by":"-30s"}`)
	must("fault", `{"kind":"latency","call":"end","delay":"1ms","share":0.5,"times":3,"before":true}`)
	if f := r.faults[0]; *f != (Fault{Kind: FaultLatency, Call: "end", Delay: time.Millisecond, Share: 0.5, Times: 3, Before: true}) {
		t.Errorf("fault %+v", f)
	}
	must("no-faults", "")
	counted := must("counters", "")
	if calls, _ := counted["calls"].(map[string]any); calls["join"] != 3.0 || counted["connections"].(float64) < 1 {
		t.Errorf("counters %v", counted)
	}
	if got, _ := must("last", `{"call":"join"}`)["requests"].([]any); len(got) != 3 || !strings.HasPrefix(got[2].(map[string]any)["Query"].(string), "fullName=Other") {
		t.Errorf("last %v", got)
	}
	must("forget", "")
	must("reset", "")
	for verb, want := range map[string]int{"nothing": 404, "connect": 400, "publish": 400, "fault": 400} {
		if status, _, _ := r.orders(t, verb, "{}"); status != want {
			t.Errorf("%s: %d", verb, status)
		}
	}
	if status, _, _ := r.orders(t, "clock", `{"by":"soon"}`); status != 400 {
		t.Errorf("a duration that is none: %d", status)
	}
	if res, err := http.Get(r.URL() + "/sim/reset"); err != nil || res.StatusCode != 405 {
		t.Error(err)
	}
}

func TestAServerIsKilledAndFrozenByControlCalls(t *testing.T) {
	r := Start(t, Config{})
	for _, verb := range []string{"freeze", "kill"} {
		if status, _, raw := r.orders(t, verb, `{"for":"20ms"}`); status != 200 {
			t.Fatalf("%s: %s", verb, raw)
		}
		down := false
		for range 2000 {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
			_, _, err := r.get(ctx, client(t), "getMeetings", "")
			cancel()
			if down = down || err != nil; down && err == nil {
				break
			}
		}
		if !down {
			t.Errorf("%s: it never was", verb)
		}
		if _, _, err := r.get(t.Context(), client(t), "getMeetings", ""); err != nil {
			t.Errorf("%s for ever: %v", verb, err)
		}
	}
	if rig := newRig(t, V30); rig.later(order{}, nil, nil) == nil {
		t.Error("a server without a machine dies")
	}
}
