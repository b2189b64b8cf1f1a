// SPDX-License-Identifier: AGPL-3.0-or-later

package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meetcoop/internal/web"
)

func TestTheLoggerWritesWhatItIsAskedFor(t *testing.T) {
	var out bytes.Buffer
	log, err := NewLogger(&out, "json", "info")
	if err != nil {
		t.Fatal(err)
	}
	log.Debug("silent")
	log.Info("room closed", "room", "room_1")
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || line["msg"] != "room closed" || line["room"] != "room_1" {
		t.Errorf("%s, %v", out.String(), err)
	}
	out.Reset()
	if log, err = NewLogger(&out, "text", "debug"); err != nil {
		t.Fatal(err)
	}
	if log.Debug("loud"); !strings.Contains(out.String(), "msg=loud") {
		t.Errorf("%s", out.String())
	}
	for _, wrong := range [][2]string{{"xml", "info"}, {"text", "noisy"}} {
		if _, err := NewLogger(&out, wrong[0], wrong[1]); err == nil {
			t.Errorf("%v went through", wrong)
		}
	}
}

func get(t *testing.T, h http.Handler, path string) (int, string) {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
	b, err := io.ReadAll(rec.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return rec.Code, string(b)
}

func TestRequestsAreCountedByRouteAndClass(t *testing.T) {
	reg := NewRegistry("v1.2.3")
	observe := Requests(reg)
	observe(web.Served{Method: "GET", Pattern: "GET /r/{room}", Status: 200, Duration: 2 * time.Millisecond})
	observe(web.Served{Method: "GET", Pattern: "GET /r/{room}", Status: 204})
	observe(web.Served{Method: "GET", Status: 404})
	observe(web.Served{Method: "GET", Pattern: "GET /events", Status: 200, Duration: time.Hour, Visit: true})
	_, page := get(t, NewOps(reg, slog.New(slog.DiscardHandler)), "/metrics")
	for _, line := range []string{
		`meetcoop_http_requests_total{route="GET /r/{room}",status="2xx"} 2`,
		`meetcoop_http_requests_total{route="none",status="4xx"} 1`,
		`meetcoop_http_request_seconds_count{route="GET /r/{room}"} 2`,
		`meetcoop_http_request_seconds_bucket{route="GET /r/{room}",le="0.003"} 2`,
		`meetcoop_build_info{version="v1.2.3"} 1`,
		"go_goroutines",
	} {
		if !strings.Contains(page, line) {
			t.Errorf("/metrics misses %s", line)
		}
	}
	if strings.Contains(page, `meetcoop_http_request_seconds_count{route="GET /events"}`) {
		t.Error("a visit counts as a slow answer")
	}
}

func TestReadyMeansThatEveryCheckPasses(t *testing.T) {
	o := NewOps(NewRegistry("dev"), slog.New(slog.DiscardHandler))
	if code, text := get(t, o, "/healthz"); code != 200 || text != "ok\n" {
		t.Errorf("healthz %d %q", code, text)
	}
	var broken error
	o.Check("database", func(context.Context) error { return nil })
	o.Check("engine", func(context.Context) error { return broken })
	if code, text := get(t, o, "/readyz"); code != 200 || text != "database: ok\nengine: ok\n" {
		t.Errorf("readyz %d %q", code, text)
	}
	broken = errors.New("no answer")
	if code, text := get(t, o, "/readyz"); code != 503 || text != "database: ok\nengine: no answer\n" {
		t.Errorf("readyz with a broken engine %d %q", code, text)
	}
	broken = nil
	o.Drain()
	if code, text := get(t, o, "/readyz"); code != 503 || !strings.Contains(text, "shutting down") {
		t.Errorf("readyz while draining %d %q", code, text)
	}
	if code, _ := get(t, o, "/healthz"); code != 200 {
		t.Errorf("healthz while draining %d", code)
	}
}

func TestACheckThatHangsCountsAsFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := NewOps(NewRegistry("dev"), slog.New(slog.DiscardHandler))
		forever := make(chan struct{})
		o.Check("deaf", func(context.Context) error { <-forever; return nil })
		began := time.Now()
		code, text := get(t, o, "/readyz")
		if took := time.Since(began); code != 503 || took != checkTimeout || !strings.Contains(text, "deaf: context deadline exceeded") {
			t.Errorf("%d %q after %v", code, text, took)
		}
		close(forever)
	})
}

func TestProfilesAreServedWithoutTheCommandLine(t *testing.T) {
	o := NewOps(NewRegistry("dev"), slog.New(slog.DiscardHandler))
	for path, want := range map[string]int{"/debug/pprof/": 200, "/debug/pprof/goroutine": 200, "/debug/pprof/cmdline": 404, "/nowhere": 404} {
		if code, _ := get(t, o, path); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
}
