// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

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
	until := func(what string, is func() bool) {
		t.Helper()
		for range 5000 {
			if is() {
				return
			}
			time.Sleep(time.Millisecond)
		}
		t.Fatalf("%s: never", what)
	}
	answers := func() bool {
		_, _, err := r.get(t.Context(), client(t), "getMeetings", "")
		return err == nil
	}
	conn, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if status, _, raw := r.orders(t, "kill", `{"for":"10ms","meetings":true}`); status != 200 {
		t.Fatalf("%s", raw)
	}
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("killed: %v", err)
	}
	until("alive again", answers)
	if status, _, raw := r.orders(t, "freeze", ""); status != 200 {
		t.Fatalf("%s", raw)
	}
	until("frozen", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.thawed != nil
	})
	r.Thaw()
	if !answers() {
		t.Error("thawed, and it does not answer")
	}
	undone := make(chan struct{})
	if err := r.later(order{For: duration(time.Millisecond)}, (*Running).freeze, func(r *Running) { r.thaw(); close(undone) }); err != nil {
		t.Fatal(err)
	}
	<-undone
	if rig := newRig(t, V30); rig.later(order{}, nil, nil) == nil {
		t.Error("a server without a machine dies")
	}
}
