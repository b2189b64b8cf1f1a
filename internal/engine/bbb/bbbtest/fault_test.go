// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"bufio"
	"encoding/xml"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

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
	for _, tc := range []struct {
		fault Fault
		reads int // so much comes, and then one waits
	}{{Fault{Kind: FaultSilence}, 0}, {Fault{Kind: FaultDrip, Delay: time.Hour}, 1}, {Fault{Kind: FaultEndless}, 2 * hugeBytes}} {
		r.ClearFaults()
		if err := r.AddFault(tc.fault); err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", r.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.WriteString(conn, "GET /bigbluebutton/api HTTP/1.1\r\nHost: x\r\n\r\n")
		in := bufio.NewReader(conn)
		if err == nil && tc.reads > 0 {
			var res *http.Response
			if res, err = http.ReadResponse(in, nil); err == nil {
				_, err = io.CopyN(io.Discard, res.Body, int64(tc.reads))
			}
		}
		if err != nil {
			t.Errorf("%s: %v", tc.fault.Kind, err)
		}
		if tc.reads < 2 {
			err = conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
			if _, none := in.ReadByte(); err != nil || !errors.Is(none, os.ErrDeadlineExceeded) {
				t.Errorf("%s: more comes: %v %v", tc.fault.Kind, err, none)
			}
		}
		_ = conn.Close()
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
