// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bufio"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

var large = strings.Repeat("<p>One line of a page.</p>\n", 200)

func TestPagesAreCompressedAndNothingElse(t *testing.T) {
	for name, c := range map[string]struct {
		method, accept, kind, content string
		status                        int
		header                        map[string]string
		zipped                        bool
	}{
		"a page":                    {accept: "gzip, br", kind: "text/html; charset=utf-8", content: large, zipped: true},
		"an error page":             {accept: "gzip", kind: "text/html", content: large, status: 404, zipped: true},
		"any case, any place":       {accept: "br;q=1.0, GZIP;q=0.5", kind: "text/html", content: large, zipped: true},
		"not accepted":              {accept: "", kind: "text/html", content: large},
		"refused by name":           {accept: "gzip;q=0", kind: "text/html", content: large},
		"another coding":            {accept: "x-gzip-like", kind: "text/html", content: large},
		"a small page":              {accept: "gzip", kind: "text/html", content: "<p>short</p>"},
		"not a page":                {accept: "gzip", kind: "text/event-stream", content: large},
		"already compressed":        {accept: "gzip", kind: "text/html", content: large, header: map[string]string{"Content-Encoding": "br"}},
		"only the head":             {method: "HEAD", accept: "gzip", kind: "text/html", content: large},
		"nothing to say":            {accept: "gzip", kind: "text/html", status: 204},
		"only a status, no content": {accept: "gzip", kind: "text/html", status: 303},
	} {
		if c.method == "" {
			c.method = "GET"
		}
		h := Compress(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			w.Header().Set("ETag", `"tag"`)
			if c.method == "GET" && c.content != "" {
				w.Header().Set("Content-Length", strconv.Itoa(len(c.content)))
			}
			for k, v := range c.header {
				w.Header().Set(k, v)
			}
			if c.status != 0 {
				w.WriteHeader(c.status)
			}
			if c.content != "" {
				_, _ = io.WriteString(w, c.content)
			}
		}))
		r := httptest.NewRequest(c.method, "/", nil)
		r.Header.Set("Accept-Encoding", c.accept)
		res := do(t, h, r)
		zipped := res.Header.Get("Content-Encoding") == "gzip"
		if zipped != c.zipped || res.StatusCode != max(c.status, 200) && c.status != 0 {
			t.Errorf("%s: compressed %v, want %v, status %d", name, zipped, c.zipped, res.StatusCode)
			continue
		}
		if !zipped {
			if got := body(t, res); got != c.content {
				t.Errorf("%s: %d bytes, want %d", name, len(got), len(c.content))
			}
			continue
		}
		if res.Header.Get("Vary") != "Accept-Encoding" || res.Header.Get("ETag") != `W/"tag"` || res.Header.Get("Content-Length") != "" {
			t.Errorf("%s: headers %v", name, res.Header)
		}
		z, err := gzip.NewReader(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(z); err != nil || string(got) != c.content {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

func TestACompressedPageCanBeFlushed(t *testing.T) {
	proceed := make(chan struct{})
	server := httptest.NewServer(Compress(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, large)
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-proceed
	})))
	defer server.Close()
	defer close(proceed)
	res, err := http.Get(server.URL) // the client unpacks by itself
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if got, err := bufio.NewReader(res.Body).ReadString('\n'); err != nil || got != large[:len(got)] {
		t.Errorf("%q, %v", got, err)
	}
}

// events reads the fields of the next event of a stream, comments left out.
func events(t *testing.T, in *bufio.Reader) []string {
	t.Helper()
	var out []string
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "" && len(out) > 0:
			return out
		case line != "" && line[0] != ':':
			out = append(out, line)
		}
	}
}

func TestAStreamOutlivesTheTimeoutsAndEndsWithTheServer(t *testing.T) {
	dir := t.TempDir()
	certPEM, keyPEM := pair(t, "meet.example", 1)
	files := &TLSConfig{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	write(t, files.CertFile, certPEM, time.Now())
	write(t, files.KeyFile, keyPEM, time.Now())
	t.Run("HTTP/1.1", func(t *testing.T) { streamFrom(t, nil, http.DefaultClient, "http://") })
	t.Run("HTTP/2", func(t *testing.T) { streamFrom(t, files, trusting(certPEM), "https://") })
}

func streamFrom(t *testing.T, files *TLSConfig, client *http.Client, scheme string) {
	proceed := make(chan struct{})
	ended := make(chan error, 1)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := OpenStream(w, r)
		if err != nil {
			t.Error(err)
			return
		}
		defer s.Close()
		<-proceed
		for _, e := range []struct{ id, kind, data string }{{"1", "chat", `{"text":"hi"}`}, {"2", "", "two\r\nlines"}} {
			if err := s.Event(e.id, e.kind, []byte(e.data)); err != nil {
				t.Error(err)
			}
		}
		if s.Event("1\ndata: forged", "x", nil) == nil || s.Event("1", "x\ny", nil) == nil {
			t.Error("a forged event went through")
		}
		<-s.Context().Done()
		ended <- r.Context().Err()
	})
	s, err := NewServer(t.Context(), ServerConfig{Listen: "127.0.0.1:0", Handler: h, Log: quiet, TLS: files})
	if err != nil {
		t.Fatal(err)
	}
	s.http.ReadTimeout, s.http.WriteTimeout = 50*time.Millisecond, 50*time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	res, err := client.Get(scheme + s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("Cache-Control") != "no-store" || (files != nil) != (res.ProtoMajor == 2) {
		t.Errorf("HTTP/%d, headers %v", res.ProtoMajor, res.Header)
	}
	<-time.After(150 * time.Millisecond) // the time-outs that must not matter
	close(proceed)
	in := bufio.NewReader(res.Body)
	if got := strings.Join(events(t, in), "|"); got != `id: 1|event: chat|data: {"text":"hi"}` {
		t.Errorf("first event %q", got)
	}
	if got := strings.Join(events(t, in), "|"); got != "id: 2|data: two|data: lines" {
		t.Errorf("second event %q", got)
	}
	began := time.Now()
	cancel()
	if err := <-ran; err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the request was cut off instead of told: %v", err)
	}
	if took := time.Since(began); took >= shutdownTimeout {
		t.Errorf("shutdown took %v", took)
	}
}

func TestAnAnswerUnderWayIsFinishedAtShutdown(t *testing.T) {
	began, proceed := make(chan struct{}), make(chan struct{})
	s, err := NewServer(t.Context(), ServerConfig{Listen: "127.0.0.1:0", Log: quiet, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(began)
		<-proceed
		if r.Context().Err() == nil {
			_, _ = io.WriteString(w, "whole")
		}
	})})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewServer(t.Context(), ServerConfig{Listen: s.Addr().String(), Handler: ok, Log: quiet}); err == nil || !strings.Contains(err.Error(), s.Addr().String()) {
		t.Errorf("a taken port: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran, answered := make(chan error, 1), make(chan string, 1)
	go func() { ran <- s.Run(ctx) }()
	go func() {
		res, err := http.Get("http://" + s.Addr().String())
		if err != nil {
			answered <- err.Error()
			return
		}
		b, _ := io.ReadAll(res.Body)
		answered <- string(b)
	}()
	<-began
	cancel()
	<-s.closing
	close(proceed)
	if got := <-answered; got != "whole" {
		t.Errorf("answer %q", got)
	}
	if err := <-ran; err != nil {
		t.Error(err)
	}
}

// The control channel of a meeting is a socket behind the same middleware as the pages.
func TestASocketPassesTheWholeChain(t *testing.T) {
	engine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = buf.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: " + r.Header.Get("Upgrade") + "\r\n\r\n")
		_ = buf.Flush()
		line, err := buf.ReadString('\n')
		if err != nil {
			t.Error(err)
		}
		_, _ = conn.Write([]byte("heard " + line))
	}))
	defer engine.Close()
	served := make(chan Served, 1)
	proxy := httputil.NewSingleHostReverseProxy(parse(t, engine.URL))
	h := Chain(Routed(proxy), Identify, Client(nil), Log(quiet, func(s Served) { served <- s }), Recover(quiet, plain), Secure(SecureOptions{}), Languages,
		Hosts(parse(t, "http://127.0.0.1"), plain), Origin(plain), LimitBody(1000, plain), Compress)
	portal := httptest.NewServer(h)
	defer portal.Close()
	conn, err := net.Dial("tcp", portal.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "GET /rtc HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: gzip\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v, %v", res, err)
	}
	_, _ = io.WriteString(conn, "hello\n")
	if got, err := in.ReadString('\n'); got != "heard hello\n" {
		t.Errorf("%q, %v", got, err)
	}
	_ = conn.Close()
	if s := <-served; s.Status != http.StatusSwitchingProtocols || !s.Visit {
		t.Errorf("served %+v", s)
	}
}

func TestBuiltFilesAreServedUnderTheirHashes(t *testing.T) {
	files := fstest.MapFS{
		"manifest.json":              {Data: []byte(`{"portal.css":"portal.0a1b2c3d4e.css","font.woff2":"font.1122334455.woff2"}`)},
		"portal.0a1b2c3d4e.css":      {Data: []byte("body{}")},
		"portal.0a1b2c3d4e.css.br":   {Data: []byte("brotli")},
		"portal.0a1b2c3d4e.css.gz":   {Data: []byte("gzip")},
		"font.1122334455.woff2":      {Data: []byte("font")},
		"meet-media.ABCD1234.js":     {Data: []byte("chunk")},
		"plain.css":                  {Data: []byte("plain")},
		"secret.pem":                 {Data: []byte("secret")},
		"below/portal.0123456789.js": {Data: []byte("below")},
	}
	a, err := NewAssets(files, false)
	if err != nil || !a.Built() {
		t.Fatal(err)
	}
	if got := a.URL("portal.css"); got != "/assets/portal.0a1b2c3d4e.css" {
		t.Errorf("URL %s", got)
	}
	if got := a.URL("absent.css"); got != "/assets/absent.css" {
		t.Errorf("URL of an unknown name %s", got)
	}
	const forever = "public, max-age=31536000, immutable"
	for _, c := range []struct {
		path, accept       string
		status             int
		body, coding, keep string
	}{
		{"/assets/portal.0a1b2c3d4e.css", "gzip, br", 200, "brotli", "br", forever},
		{"/assets/portal.0a1b2c3d4e.css", "gzip", 200, "gzip", "gzip", forever},
		{"/assets/portal.0a1b2c3d4e.css", "br;q=0", 200, "body{}", "", forever},
		{"/assets/font.1122334455.woff2", "gzip, br", 200, "font", "", forever},
		{"/assets/meet-media.ABCD1234.js", "", 200, "chunk", "", forever},
		{"/assets/plain.css", "", 200, "plain", "", "no-cache"},
		{"/assets/portal.0a1b2c3d4e.css.br", "", 404, "", "", ""},
		{"/assets/manifest.json", "", 404, "", "", ""},
		{"/assets/secret.pem", "", 404, "", "", ""},
		{"/assets/absent.css", "", 404, "", "", ""},
		{"/assets/", "", 404, "", "", ""},
		{"/assets/../plain.css", "", 404, "", "", ""},
		{"/assets/%2e%2e/plain.css", "", 404, "", "", ""},
	} {
		r := httptest.NewRequest("GET", c.path, nil)
		r.Header.Set("Accept-Encoding", c.accept)
		res := do(t, a, r)
		got := body(t, res)
		if res.StatusCode != c.status {
			t.Errorf("%s: %d, want %d", c.path, res.StatusCode, c.status)
			continue
		}
		if c.status == 200 && (got != c.body || res.Header.Get("Content-Encoding") != c.coding || res.Header.Get("Cache-Control") != c.keep || res.Header.Get("Vary") != "Accept-Encoding") {
			t.Errorf("%s for %q: %q %v", c.path, c.accept, got, res.Header)
		}
	}
	head := do(t, a, httptest.NewRequest("HEAD", "/assets/plain.css", nil))
	if got := body(t, head); got != "" || head.Header.Get("Content-Length") != "5" {
		t.Errorf("HEAD: %q %v", got, head.Header)
	}
}

func TestDevelopersSeeWhatTheyBuildNext(t *testing.T) {
	files := fstest.MapFS{"manifest.json": {Data: []byte(`{"portal.css":"portal.1111111111.css"}`)}}
	a, err := NewAssets(files, true)
	if err != nil {
		t.Fatal(err)
	}
	files["manifest.json"] = &fstest.MapFile{Data: []byte(`{"portal.css":"portal.2222222222.css"}`)}
	files["portal.2222222222.css"] = &fstest.MapFile{Data: []byte("new")}
	if got := a.URL("portal.css"); got != "/assets/portal.2222222222.css" {
		t.Errorf("URL %s", got)
	}
	if res := do(t, a, httptest.NewRequest("GET", "/assets/portal.2222222222.css", nil)); body(t, res) != "new" || res.Header.Get("Cache-Control") != "no-cache" {
		t.Errorf("%v", res.Header)
	}
	files["manifest.json"] = &fstest.MapFile{Data: []byte(`{"por`)} // being written
	if got := a.URL("portal.css"); got != "/assets/portal.2222222222.css" {
		t.Errorf("URL while building %s", got)
	}
	if _, err := NewAssets(files, false); err == nil {
		t.Error("a broken manifest at start")
	}
	none, err := NewAssets(fstest.MapFS{}, false)
	if err != nil || none.Built() || none.URL("portal.css") != "/assets/portal.css" {
		t.Errorf("nothing built: %v", err)
	}
}
