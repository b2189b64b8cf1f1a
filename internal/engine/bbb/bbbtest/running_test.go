// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
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

func TestNobodyHearsFromTheDead(t *testing.T) {
	p := &post{}
	r := Start(t, Config{Transport: p, Sleep: p.sleep})
	for _, id := range []string{"coop-1", "coop-2", "coop-3"} {
		if _, body, err := r.get(t.Context(), client(t), "create", "name=AB&meetingEndedURL=https%3A%2F%2Fended.test&meetingID="+id); err != nil {
			t.Fatal(err, body)
		}
	}
	end := func(id string) {
		t.Helper()
		if err := r.End(id); err != nil {
			t.Fatal(err)
		}
	}
	heard := func() int {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.got)
	}
	r.Kill()
	var w resets
	if r.ServeHTTP(&w, httptest.NewRequest("GET", apiPath, nil)); !w.done { // that was on its way
		t.Error("a dead server answers")
	}
	end("coop-1")
	if err := r.Delivered(t.Context()); err != nil || heard() != 0 {
		t.Errorf("dead: %v, %d callbacks", err, heard())
	}
	if err := r.Revive(true); err != nil {
		t.Fatal(err)
	}
	r.Freeze()
	end("coop-2")
	if heard() != 0 {
		t.Errorf("frozen: %d callbacks", heard())
	}
	r.Thaw()
	if err := r.Delivered(t.Context()); err != nil || heard() != 1 {
		t.Errorf("thawed: %v, %d callbacks", err, heard())
	}
	end("coop-3")
	if err := r.Delivered(t.Context()); err != nil || heard() != 2 {
		t.Errorf("alive: %v, %d callbacks", err, heard())
	}
}

// resets is a connection that the server breaks off.
type resets struct {
	http.ResponseWriter

	done bool
}

// Hijack is how a server gets at it.
func (w *resets) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	here, there := net.Pipe()
	w.done = true
	return here, nil, there.Close()
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
