// SPDX-License-Identifier: AGPL-3.0-or-later

package bbb_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
)

// wire is a server written by hand, without a network: it gets each connection once a request has been read to the end of its head.
// It works inside a synctest bubble.
func wire(t *testing.T, serve func(conn net.Conn, head string)) *http.Transport {
	t.Helper()
	tr := bbb.NewTransport()
	tr.DialContext = func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() {
			defer func() { _ = theirs.Close() }()
			var head strings.Builder
			for r := bufio.NewReader(theirs); ; {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if head.WriteString(line); strings.TrimSpace(line) == "" {
					break
				}
			}
			serve(theirs, head.String())
		}()
		return ours, nil
	}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

// says is a server that writes this and hangs up.
func says(text string) func(net.Conn, string) {
	return func(conn net.Conn, _ string) { _, _ = io.WriteString(conn, text) }
}

func ok(body string) string {
	return "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

const hidden = "password=hidden&meetingID=hidden"

// judge looks at an error of a call with the hidden query.
func judge(t *testing.T, what string, err error, code string, sent bool) {
	t.Helper()
	switch {
	case fault.CodeOf(err) != code || fault.KindOf(err) != fault.Unavailable:
		t.Errorf("%s: %v, want %s", what, err, code)
	case bbb.Sent(err) != sent:
		t.Errorf("%s: sent is %v: %v", what, !sent, err)
	case strings.Contains(err.Error(), "hidden") || strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "checksum"):
		t.Errorf("%s: the error tells too much: %v", what, err)
	}
}

func TestAnAnswerThatCannotBeBelievedIsNone(t *testing.T) {
	const success = "<response><returncode>SUCCESS</returncode></response>"
	cases := map[string]string{
		"nothing at all":                   "",
		"no HTTP":                          "SSH-2.0-OpenSSH hidden\r\n",
		"a status that is none":            "HTTP/1.1 hidden hidden\r\n\r\n",
		"a header that is none":            "HTTP/1.1 200 OK\r\nhidden\r\n\r\n",
		"half a head":                      "HTTP/1.1 200 OK\r\nContent-",
		"headers without end":              "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: "+strings.Repeat("a", 1000)+"\r\n", 100) + "\r\n",
		"an answer that is too short":      "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + success,
		"a last chunk that is missing":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n35\r\n" + success + "\r\n",
		"an empty body":                    ok(""),
		"a body of 50 MB":                  "HTTP/1.1 200 OK\r\n\r\n<response>" + strings.Repeat(" ", 50<<20),
		"the promise of 50 MB":             "HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n<response>",
		"an answer of another program":     ok("<html>hidden</html>"),
		"no return code":                   ok("<response><hidden/></response>"),
		"a return code of its own":         ok("<response><returncode>hidden</returncode></response>"),
		"a return code in other case":      ok("<response><returncode>success</returncode></response>"),
		"compressed":                       "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
		"created":                          "HTTP/1.1 201 Created\r\nContent-Length: 53\r\n\r\n" + success,
		"no content":                       "HTTP/1.1 204 No Content\r\n\r\n",
		"part of it":                       "HTTP/1.1 206 Partial Content\r\nContent-Length: 53\r\n\r\n" + success,
		"a redirect":                       "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/hidden\r\nContent-Length: 0\r\n\r\n",
		"a redirect that stays":            "HTTP/1.1 308 Permanent Redirect\r\nLocation: https://hidden/\r\nContent-Length: 53\r\n\r\n" + success,
		"not found":                        "HTTP/1.1 404 Not Found\r\nContent-Length: 53\r\n\r\n" + success,
		"a crash":                          "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 53\r\n\r\n" + success,
		"nobody behind the web server":     "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 53\r\n\r\n" + success,
		"another protocol":                 "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
		"a document type":                  ok("<!DOCTYPE response [<!ENTITY a 'hidden'>]><response>&a;</response>"),
		"two answers in one":               ok(success + success),
		"NUL in a text":                    ok("<response><returncode>SUCCESS</returncode><message>\x00</message></response>"),
		"Latin-1":                          ok("<response><returncode>SUCCESS</returncode><message>\xe9</message></response>"),
		"a length that is none":            "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n" + success,
		"two lengths":                      "HTTP/1.1 200 OK\r\nContent-Length: 53\r\nContent-Length: 54\r\n\r\n" + success,
		"nothing but intermediate answers": strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 100_000),
	}
	for name, text := range cases {
		c := client(t, bbb.Config{URL: "http://bbb.example/api", Transport: wire(t, says(text))})
		a, err := c.Do(t.Context(), bbb.Request{Call: "end", Query: hidden})
		if judge(t, name, err, "bbb.unanswered", true); a != nil {
			t.Errorf("%s: an answer all the same: %+v", name, a)
		}
	}
	c := client(t, bbb.Config{URL: "http://bbb.example/api", Transport: wire(t, says(ok(success)))})
	if a, err := c.Do(t.Context(), bbb.Request{Call: "end", Query: hidden}); err != nil || !a.OK {
		t.Errorf("a good answer: %v", err)
	}
}

func TestAnAnswerCutOffAnywhereIsNone(t *testing.T) {
	whole := ok(people)
	body := len(whole) - len(people)
	for cut := range len(whole) {
		c := client(t, bbb.Config{URL: "http://bbb.example/api", Transport: wire(t, says(whole[:cut]))})
		list, err := c.Meetings(t.Context())
		if judge(t, fmt.Sprintf("%d bytes", cut), err, "bbb.unanswered", true); list != nil {
			t.Errorf("%d bytes: a list all the same", cut)
		}
		if cut < body {
			continue
		}
		until := "HTTP/1.0 200 OK\r\n\r\n" + whole[body:cut] // a length that nobody said: the end of the connection is the end of the answer
		c = client(t, bbb.Config{URL: "http://bbb.example/api", Transport: wire(t, says(until))})
		if list, err := c.Meetings(t.Context()); list != nil || fault.CodeOf(err) != "bbb.unanswered" {
			t.Errorf("%d bytes until the end of the connection: %v, %v", cut-body, list, err)
		}
	}
	c := client(t, bbb.Config{URL: "http://bbb.example/api", Transport: wire(t, says(whole))})
	if list, err := c.Meetings(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("the whole: %v, %v", list, err)
	}
}

func TestAListIsBelievedOnlyWhenItIsOne(t *testing.T) {
	good := "<meeting><meetingID>a</meetingID></meeting>"
	for name, tc := range map[string]struct{ body, code string }{
		"no list: the answer to another call": {"", "bbb.unanswered"},
		"a meeting without id":                {"<meetings>" + good + "<meeting><meetingName>x</meetingName></meeting></meetings>", "bbb.unanswered"},
		"a meeting with a blank id":           {"<meetings><meeting><meetingID> </meetingID></meeting></meetings>", "bbb.unanswered"},
		"something else in the list":          {"<meetings><session/></meetings>", "bbb.unanswered"},
		"none":                                {"<meetings/><messageKey>noMeetings</messageKey>", "internal"},
		"one":                                 {"<meetings>" + good + "</meetings>", "internal"},
	} {
		c := client(t, bbb.Config{URL: "http://bbb.example/api", Transport: wire(t, says(ok("<response><returncode>SUCCESS</returncode>"+tc.body+"</response>")))})
		if list, err := c.Meetings(t.Context()); fault.CodeOf(err) != tc.code || (list == nil) != (err != nil) {
			t.Errorf("%s: %v, %v", name, list, err)
		}
	}
	for key, want := range map[string]error{"checksumError": bbb.ErrSecret, "apiNotEnabled": bbb.ErrRefused, "": bbb.ErrRefused, "<hidden>": bbb.ErrRefused} {
		body := "<response><returncode>FAILED</returncode><messageKey>" + strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(key) + "</messageKey><meetings/></response>"
		c := client(t, bbb.Config{URL: "http://bbb.example/api", Transport: wire(t, says(ok(body)))})
		if list, err := c.Meetings(t.Context()); !errors.Is(err, want) || list != nil || !bbb.Sent(err) {
			t.Errorf("FAILED with key %q: %v, %v", key, list, err)
		}
	}
}

func TestAServerThatSpeaksOfAnotherMeetingIsNotBelieved(t *testing.T) {
	body := "<response><returncode>SUCCESS</returncode><meetingID>theirs</meetingID><internalMeetingID>in-1</internalMeetingID></response>"
	c := client(t, bbb.Config{URL: "http://bbb.example/api", Transport: wire(t, says(ok(body)))})
	if _, err := c.Info(t.Context(), "ours"); fault.CodeOf(err) != "bbb.unanswered" {
		t.Error(err)
	}
	for _, id := range []string{"theirs", "in-1"} {
		if _, err := c.Info(t.Context(), id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestSlownessIsBounded(t *testing.T) {
	const began = "HTTP/1.1 200 OK\r\n\r\n<response>"
	for name, tc := range map[string]struct {
		url   string
		serve func(net.Conn, string)
		code  string
		sent  bool
		after time.Duration
	}{
		"frozen after the request":    {"http://bbb.example", func(c net.Conn, _ string) { _, _ = io.Copy(io.Discard, c) }, "bbb.unanswered", true, 5 * time.Second},
		"frozen after the head":       {"http://bbb.example", func(c net.Conn, _ string) { _, _ = io.WriteString(c, began); _, _ = io.Copy(io.Discard, c) }, "bbb.unanswered", true, 8 * time.Second},
		"a byte each second":          {"http://bbb.example", func(c net.Conn, _ string) { drip(c, began) }, "bbb.unanswered", true, 8 * time.Second},
		"a head that drips":           {"http://bbb.example", func(c net.Conn, _ string) { drip(c, "HTTP/1.1 200 OK\r\nX-A: ") }, "bbb.unanswered", true, 8 * time.Second},
		"a server that speaks no TLS": {"https://bbb.example", nil, "bbb.unreachable", false, 2 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			tr := wire(t, tc.serve)
			if tc.serve == nil {
				tr.DialContext = func(context.Context, string, string) (net.Conn, error) {
					ours, theirs := net.Pipe()
					go func() { _, _ = io.Copy(io.Discard, theirs) }()
					return ours, nil
				}
			}
			c := client(t, bbb.Config{URL: tc.url, Transport: tr})
			start := time.Now()
			_, err := c.Do(t.Context(), bbb.Request{Call: "end", Query: hidden})
			judge(t, name, err, tc.code, tc.sent)
			if took := time.Since(start); took > tc.after {
				t.Errorf("%s: after %v", name, took)
			}
			if s := c.State(); s.Failures != 1 || s.InFlight != 0 {
				t.Errorf("%s: %+v", name, s)
			}
			time.Sleep(2 * time.Second) // the server notices
			synctest.Wait()
		})
	}
}

func drip(c net.Conn, begin string) {
	for text := begin; ; text = "a" {
		if _, err := io.WriteString(c, text); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

func TestNothingIsSentWithoutAConnection(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := closed.Addr().String()
	_ = closed.Close()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler()) // its certificate is known to nobody
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	dial := func(err error) *http.Transport {
		tr := bbb.NewTransport()
		tr.DialContext = func(context.Context, string, string) (net.Conn, error) { return nil, err }
		return tr
	}
	for name, tc := range map[string]struct {
		ctx context.Context
		cfg bbb.Config
	}{
		"a closed port":            {t.Context(), bbb.Config{URL: "http://" + port}},
		"no such host":             {t.Context(), bbb.Config{URL: "http://bbb.example", Transport: dial(&net.DNSError{Err: "no such host", Name: "bbb.example", IsNotFound: true})}},
		"a caller who has gone":    {over, bbb.Config{URL: "http://" + port}},
		"a certificate of nobody":  {t.Context(), bbb.Config{URL: secure.URL}},
		"a connection that is cut": {t.Context(), bbb.Config{URL: "https://bbb.example", Transport: dial(io.EOF)}},
	} {
		_, err := client(t, tc.cfg).Do(tc.ctx, bbb.Request{Call: "create", Query: hidden})
		judge(t, name, err, "bbb.unreachable", false)
	}
}

func TestAResetAfterTheRequestCountsAsSent(t *testing.T) {
	for name, serve := range map[string]func(*net.TCPConn){
		"after the request": func(c *net.TCPConn) { _, _ = c.Read(make([]byte, 4096)) },
		"in the middle of it": func(c *net.TCPConn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<response>")
		},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				tcp, _ := c.(*net.TCPConn)
				serve(tcp)
				_ = tcp.SetLinger(0)
				_ = tcp.Close()
			}
		}()
		c := client(t, bbb.Config{URL: "http://" + l.Addr().String()})
		_, err = c.Do(t.Context(), bbb.Request{Call: "create", Query: hidden, Body: strings.NewReader("<modules/>"), ContentType: "text/xml"})
		judge(t, name, err, "bbb.unanswered", true)
		_ = l.Close()
	}
}

func TestATransportThatTellsNothingCountsAsSent(t *testing.T) {
	tr := roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("hidden") })
	_, err := client(t, bbb.Config{URL: "http://bbb.example", Transport: tr}).Do(t.Context(), bbb.Request{Call: "create", Query: hidden})
	judge(t, "a silent transport", err, "bbb.unanswered", true)
	if bbb.Sent(nil) || !bbb.Sent(io.EOF) {
		t.Error("no error is sent, or a foreign one is not")
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestABodyIsBoundedWhenTheCallerReadsIt(t *testing.T) {
	tr := wire(t, func(c net.Conn, _ string) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
		for block := bytes.Repeat([]byte("a"), 1<<20); ; {
			if _, err := c.Write(block); err != nil {
				return
			}
		}
	})
	c := client(t, bbb.Config{URL: "http://bbb.example", Transport: tr})
	resp, err := c.Stream(t.Context(), bbb.Request{Call: "getRecordingTextTracks", Query: hidden})
	if err != nil {
		t.Fatal(err)
	}
	if c.State().InFlight != 1 {
		t.Error("a body that is read is not in flight")
	}
	n, err := io.Copy(io.Discard, resp.Body)
	judge(t, "an endless body", err, "bbb.unanswered", true)
	if resp.Body.Close() != nil || n > bbb.MaxAnswer || c.State().InFlight != 0 {
		t.Errorf("%d bytes, %+v", n, c.State())
	}
}

func TestABodyThatNobodyClosesHoldsItsPlaceForItsTimeOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := wire(t, func(c net.Conn, _ string) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n{")
			_, _ = io.Copy(io.Discard, c)
		})
		c := client(t, bbb.Config{URL: "http://bbb.example", Transport: tr})
		resp, err := c.Stream(t.Context(), bbb.Request{Call: "getRecordingTextTracks", Timeout: 3 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(3*time.Second + time.Millisecond)
		synctest.Wait()
		if s := c.State(); s.InFlight != 0 {
			t.Errorf("%+v", s)
		}
		_, err = io.ReadAll(resp.Body)
		judge(t, "reading on", err, "bbb.unanswered", true)
		if resp.Body.Close() != nil {
			t.Error("closing")
		}
	})
}

func TestAStreamIsHandedOnAsItIs(t *testing.T) {
	const tracks = `{"response":{"returncode":"SUCCESS","tracks":[]}}`
	c := client(t, bbb.Config{URL: "http://bbb.example", Transport: wire(t, says(ok(tracks)))})
	resp, err := c.Stream(t.Context(), bbb.Request{Call: "getRecordingTextTracks"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(resp.Body)
	if err != nil || string(got) != tracks || resp.Header.Get("Content-Type") != "text/xml" || resp.Body.Close() != nil {
		t.Errorf("%s, %v", got, err)
	}
}
