// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"meetcoop/internal/fault"
	"meetcoop/internal/locale"
	"meetcoop/internal/locale/localetest"
)

var quiet = slog.New(slog.DiscardHandler)

// plain is a Refuser that answers with the code.
func plain(w http.ResponseWriter, _ *http.Request, err error) {
	http.Error(w, fault.CodeOf(err), Status(err))
}

func do(t *testing.T, h http.Handler, r *http.Request) *http.Response {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Result()
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestChainIsOutermostFirst(t *testing.T) {
	var order []string
	named := func(name string) Middleware {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { order = append(order, name); next.ServeHTTP(w, r) })
		}
	}
	do(t, Chain(http.NotFoundHandler(), named("a"), named("b"), named("c")), httptest.NewRequest("GET", "/", nil))
	if diff := cmp.Diff([]string{"a", "b", "c"}, order); diff != "" {
		t.Error(diff)
	}
}

func TestARequestGetsItsOwnID(t *testing.T) {
	seen := map[string]bool{}
	h := Identify(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if RequestID(r) != r.Header.Get("X-Request-Id") {
			t.Error("header and context differ")
		}
		seen[RequestID(r)] = true
	}))
	for range 3 {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-Request-Id", "chosen\nby the client")
		res := do(t, h, r)
		if id := res.Header.Get("X-Request-Id"); !seen[id] || !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(id) {
			t.Errorf("id %q", id)
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d ids for three requests", len(seen))
	}
}

func TestTheLogNamesRoutesNotPathsNorPeople(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /signin/confirm/{token}", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, "short")
	})
	mux.HandleFunc("GET /boom", func(http.ResponseWriter, *http.Request) { panic("oh") })
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		s, err := OpenStream(w, r)
		if err == nil {
			s.Close()
		}
	})
	var lines bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&lines, nil))
	var served []Served
	h := Chain(Routed(mux), Identify, Log(log, func(s Served) { served = append(served, s) }), Recover(quiet, plain))
	server := httptest.NewServer(h)
	defer server.Close()
	for _, path := range []string{"/signin/confirm/s3cret?mail=ada@example.org", "/nowhere/s3cret", "/boom", "/events"} {
		res, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = body(t, res)
	}
	want := []Served{
		{Method: "GET", Pattern: "GET /signin/confirm/{token}", Status: http.StatusTeapot, Bytes: 5},
		{Method: "GET", Status: http.StatusNotFound, Bytes: 19},
		{Method: "GET", Pattern: "GET /boom", Status: http.StatusInternalServerError, Bytes: 9},
		{Method: "GET", Pattern: "GET /events", Status: http.StatusOK, Bytes: 3, Visit: true},
	}
	if diff := cmp.Diff(want, served, cmpopts.IgnoreFields(Served{}, "Duration")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, secret := range []string{"s3cret", "ada@", "127.0.0.1"} {
		if strings.Contains(lines.String(), secret) {
			t.Errorf("the log tells %q:\n%s", secret, lines.String())
		}
	}
	var line map[string]any
	if err := json.Unmarshal(bytes.SplitN(lines.Bytes(), []byte("\n"), 2)[0], &line); err != nil || line["route"] != "GET /signin/confirm/{token}" || line["request_id"] == "" {
		t.Errorf("line %v, %v", line, err)
	}
}

func TestAPanicIsAPageUntilTheAnswerHasBegun(t *testing.T) {
	var lines bytes.Buffer
	log := slog.New(slog.NewTextHandler(&lines, nil))
	h := func(fn http.HandlerFunc) http.Handler {
		return Chain(fn, Identify, Recover(log, Refusal(localetest.Catalog(t), quiet)))
	}
	res := do(t, h(func(http.ResponseWriter, *http.Request) { panic("secret of the house") }), httptest.NewRequest("GET", "/", nil))
	page := body(t, res)
	if res.StatusCode != http.StatusInternalServerError || strings.Contains(page, "secret") || strings.Contains(page, "goroutine") || !strings.Contains(page, res.Header.Get("X-Request-Id")) {
		t.Errorf("%d\n%s", res.StatusCode, page)
	}
	if !strings.Contains(lines.String(), "secret of the house") || !strings.Contains(lines.String(), "request_test.go") {
		t.Errorf("the log has no stack:\n%s", lines.String())
	}
	aborted := func(fn http.HandlerFunc) (p any) {
		defer func() { p = recover() }()
		do(t, h(fn), httptest.NewRequest("GET", "/", nil))
		return nil
	}
	if p := aborted(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); panic("late") }); p != http.ErrAbortHandler {
		t.Errorf("after the answer has begun: %v", p)
	}
	if p := aborted(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }); p != http.ErrAbortHandler {
		t.Errorf("a wanted abort: %v", p)
	}
}

func TestEveryKindOfFaultHasItsStatus(t *testing.T) {
	for _, c := range []struct {
		err   error
		want  int
		level slog.Level
	}{
		{fault.New(fault.Invalid, "input.invalid"), 422, slog.LevelDebug},
		{fault.New(fault.Invalid, "input.unreadable"), 400, slog.LevelDebug},
		{fault.New(fault.Invalid, "web.too_large"), 413, slog.LevelInfo},
		{fault.New(fault.Unauthenticated, "page.signin"), 401, slog.LevelInfo},
		{fault.New(fault.Forbidden, "web.origin"), 403, slog.LevelInfo},
		{fault.New(fault.NotFound, "page.unknown"), 404, slog.LevelDebug},
		{fault.New(fault.NotFound, "web.host"), 421, slog.LevelInfo},
		{fault.New(fault.Conflict, "store.unique"), 409, slog.LevelInfo},
		{fault.New(fault.LimitReached, "rooms.limit"), 409, slog.LevelInfo},
		{fault.New(fault.LimitReached, "web.rate"), 429, slog.LevelInfo},
		{fault.New(fault.Unavailable, "store.unavailable"), 503, slog.LevelWarn},
		{fmt.Errorf("around: %w", fault.New(fault.NotFound, "x.y")), 404, slog.LevelDebug},
		{errors.New("mistake"), 500, slog.LevelError},
		{fmt.Errorf("read: %w", context.Canceled), 499, slog.LevelDebug},
	} {
		if got := Status(c.err); got != c.want || Level(c.err) != c.level {
			t.Errorf("%v: %d %v, want %d %v", c.err, got, Level(c.err), c.want, c.level)
		}
	}
}

func TestARefusalSpeaksTheVisitorsLanguage(t *testing.T) {
	refuse := Refusal(localetest.Catalog(t), quiet)
	for _, tag := range locale.Supported {
		for _, err := range []error{fault.New(fault.NotFound, "web.host", fault.Params{"URL": "https://meet.example"}), tooLarge(1 << 20), errors.New("cause")} {
			h := Chain(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { refuse(w, r, err) }), Identify, Languages)
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Accept-Language", string(tag))
			res := do(t, h, r)
			page := body(t, res)
			if !strings.Contains(page, `<html lang="`+string(tag)+`">`) || strings.Contains(page, "cause") || strings.Contains(page, "fault.") || res.StatusCode != Status(err) {
				t.Errorf("%s, %v: %d\n%s", tag, err, res.StatusCode, page)
			}
		}
	}
	res := do(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse(w, r, fault.New(fault.Unavailable, "store.unavailable"))
	}), httptest.NewRequest("GET", "/", nil))
	if res.Header.Get("Retry-After") != "5" || res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers of a 503: %v", res.Header)
	}
}
