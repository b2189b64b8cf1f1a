// SPDX-License-Identifier: AGPL-3.0-or-later

package bbb_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"meetcoop/internal/engine/bbb"
)

// stage is a server that does what a test says next, and a clock.
type stage struct {
	t      *testing.T
	client *bbb.Client
	now    time.Time
	does   func(*http.Request) (*http.Response, error)
}

func onStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{t: t, now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	tr := roundTrip(func(r *http.Request) (*http.Response, error) { return s.does(r) })
	s.client = client(t, bbb.Config{URL: "http://bbb.example/api", Transport: tr, Now: func() time.Time { return s.now }})
	return s
}

func status(code int, body string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: -1}, nil
	}
}

func breaks(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

var (
	succeeds = status(200, "<response><returncode>SUCCESS</returncode></response>")
	refuses  = status(200, "<response><returncode>FAILED</returncode></response>")
	babbles  = status(200, "<html>")
)

// call makes n calls that end so, and returns the last error.
func (s *stage) call(n int, does func(*http.Request) (*http.Response, error)) error {
	return s.calls(n, does, false)
}

func (s *stage) calls(n int, does func(*http.Request) (*http.Response, error), probe bool) error {
	s.does = does
	var err error
	for range n {
		_, err = s.client.Do(s.t.Context(), bbb.Request{Call: "end", Probe: probe})
	}
	return err
}

func (s *stage) wait(d time.Duration) { s.now = s.now.Add(d) }

func (s *stage) is(when string, want bbb.Breaker) {
	s.t.Helper()
	if got := s.client.State().Breaker; got != want {
		s.t.Errorf("%s: the breaker is %s, want %s", when, got, want)
	}
}

func TestWhatOpensTheBreaker(t *testing.T) {
	for name, tc := range map[string]struct {
		course func(*stage)
		want   bbb.Breaker
	}{
		"two failures":             {func(s *stage) { _ = s.call(2, breaks) }, bbb.BreakerClosed},
		"three in a row":           {func(s *stage) { _ = s.call(3, breaks) }, bbb.BreakerOpen},
		"three, hours apart":       {func(s *stage) { _ = s.call(2, breaks); s.wait(5 * time.Hour); _ = s.call(1, breaks) }, bbb.BreakerOpen},
		"three with one good call": {func(s *stage) { _ = s.call(2, breaks); _ = s.call(1, succeeds); _ = s.call(2, breaks) }, bbb.BreakerClosed},
		"half of ten": {func(s *stage) {
			for range 5 {
				_ = s.call(1, succeeds)
				_ = s.call(1, breaks)
			}
		}, bbb.BreakerOpen},
		"half of nine": {func(s *stage) {
			for range 4 {
				_ = s.call(1, breaks)
				_ = s.call(1, succeeds)
			}
			_ = s.call(1, breaks)
		}, bbb.BreakerClosed},
		"half of ten in fifteen seconds": {func(s *stage) {
			for range 5 {
				_ = s.call(1, succeeds)
				_ = s.call(1, breaks)
				s.wait(3 * time.Second)
			}
		}, bbb.BreakerClosed},
		"a third of many": {func(s *stage) {
			_ = s.call(60, succeeds)
			for range 30 {
				_ = s.call(1, breaks)
				_ = s.call(1, refuses)
			}
		}, bbb.BreakerClosed},
		"nobody behind the web server":     {func(s *stage) { _ = s.call(3, status(502, "")) }, bbb.BreakerOpen},
		"the web server is full":           {func(s *stage) { _ = s.call(3, status(503, "")) }, bbb.BreakerOpen},
		"the one behind it is silent":      {func(s *stage) { _ = s.call(3, status(504, "")) }, bbb.BreakerOpen},
		"refusals":                         {func(s *stage) { _ = s.call(30, refuses) }, bbb.BreakerClosed},
		"crashes that members can provoke": {func(s *stage) { _ = s.call(30, status(500, "")) }, bbb.BreakerClosed},
		"nonsense, likewise":               {func(s *stage) { _ = s.call(30, babbles) }, bbb.BreakerClosed},
		"crashes under our own probes":     {func(s *stage) { _ = s.calls(3, status(500, ""), true) }, bbb.BreakerOpen},
		"nonsense for our own probes":      {func(s *stage) { _ = s.calls(3, babbles, true) }, bbb.BreakerOpen},
		"callers who go away": {func(s *stage) {
			for range 30 {
				ctx, cancel := context.WithCancel(s.t.Context())
				s.does = func(*http.Request) (*http.Response, error) { cancel(); return nil, ctx.Err() }
				if _, err := s.client.Do(ctx, bbb.Request{Call: "end"}); !errors.Is(err, context.Canceled) || !bbb.Sent(err) {
					s.t.Errorf("a caller who went away: %v", err)
				}
			}
		}, bbb.BreakerClosed},
		"callers whose upload breaks off": {func(s *stage) {
			s.does = func(r *http.Request) (*http.Response, error) {
				return nil, errors.Join(io.EOF, second(io.ReadAll(r.Body)))
			}
			for range 30 {
				_, _ = s.client.Create(s.t.Context(), "", io.MultiReader(strings.NewReader("a"), brokenReader{}), "text/xml", -1)
			}
		}, bbb.BreakerClosed},
		"uploads that the server cuts": {func(s *stage) {
			s.does = func(r *http.Request) (*http.Response, error) {
				return nil, errors.Join(io.EOF, second(io.ReadAll(r.Body)))
			}
			for range 3 {
				_, _ = s.client.Create(s.t.Context(), "", strings.NewReader("a"), "text/xml", 1)
			}
		}, bbb.BreakerOpen},
	} {
		s := onStage(t)
		tc.course(s)
		s.is(name, tc.want)
	}
}

func second(_ []byte, err error) error { return err }

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("the member has gone") }

func TestAnOpenBreakerSendsNothing(t *testing.T) {
	s := onStage(t)
	_ = s.call(3, breaks)
	err := s.call(1, func(*http.Request) (*http.Response, error) { t.Error("a call was sent"); return breaks(nil) })
	judge(t, "an open breaker", err, "bbb.breaker_open", false)
	if st := s.client.State(); st.Opened != 1 || st.Sent != 3 || st.Failures != 3 || !st.OpenUntil.Equal(s.now.Add(5*time.Second)) {
		t.Errorf("%+v", st)
	}
}

func TestAnOpenBreakerLetsOneThroughAndDoublesItsPause(t *testing.T) {
	s := onStage(t)
	_ = s.call(3, breaks)
	for _, seconds := range []int{5, 10, 20, 40, 60, 60} {
		pause := time.Duration(seconds) * time.Second
		s.wait(pause - time.Millisecond)
		judge(t, "just before", s.call(1, succeeds), "bbb.breaker_open", false)
		s.wait(time.Millisecond)
		s.is("after the pause", bbb.BreakerHalfOpen)
		judge(t, "the one that may", s.call(1, breaks), "bbb.unanswered", true)
		s.is("after it failed", bbb.BreakerOpen)
	}
	s.wait(time.Minute)
	if err := s.call(1, refuses); err != nil {
		t.Error(err)
	}
	s.is("after it was answered", bbb.BreakerClosed)
	_ = s.call(2, breaks)
	s.is("what failed before is forgotten", bbb.BreakerClosed)
	_ = s.call(1, breaks)
	if until := s.client.State().OpenUntil; !until.Equal(s.now.Add(5 * time.Second)) {
		t.Errorf("the next pause ends at %v", until)
	}
}

func TestOnlyOneCallDecidesAndGivesItsTurnBack(t *testing.T) {
	s := onStage(t)
	_ = s.call(3, breaks)
	s.wait(5 * time.Second)
	ctx, cancel := context.WithCancel(t.Context())
	s.does = func(*http.Request) (*http.Response, error) {
		s.does = succeeds
		if _, err := s.client.Do(t.Context(), bbb.Request{Call: "end"}); !errors.Is(err, bbb.ErrBreakerOpen) {
			t.Errorf("a second call meanwhile: %v", err)
		}
		cancel()
		return nil, ctx.Err()
	}
	if _, err := s.client.Do(ctx, bbb.Request{Call: "end"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	s.is("after its caller went away", bbb.BreakerHalfOpen)
	if err := s.call(1, babbles); !errors.Is(err, bbb.ErrUnanswered) {
		t.Error(err)
	}
	s.is("after nonsense, which decides nothing", bbb.BreakerHalfOpen)
	if err := s.call(1, succeeds); err != nil {
		t.Error(err)
	}
	s.is("after the next was answered", bbb.BreakerClosed)
}

func TestAProbePassesAnOpenBreaker(t *testing.T) {
	s := onStage(t)
	_ = s.call(3, breaks)
	judge(t, "a probe that fails", s.calls(5, breaks, true), "bbb.unanswered", true)
	if until := s.client.State().OpenUntil; !until.Equal(s.now.Add(5 * time.Second)) {
		t.Errorf("probes before the end of the pause made it longer: %v", until)
	}
	if err := s.calls(1, succeeds, true); err != nil {
		t.Error(err)
	}
	s.is("after a probe was answered", bbb.BreakerClosed)
}

func TestALateOutcomeCountsInItsOwnPeriodOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onStage(t)
		late := make(chan struct{})
		s.does = func(*http.Request) (*http.Response, error) { <-late; return breaks(nil) }
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() { _, _ = s.client.Do(t.Context(), bbb.Request{Call: "end"}) })
		}
		synctest.Wait()
		_ = s.call(3, breaks)
		_ = s.calls(1, succeeds, true)
		s.is("opened and closed meanwhile", bbb.BreakerClosed)
		close(late)
		wg.Wait()
		s.is("after the old calls failed", bbb.BreakerClosed)
	})
}

func TestAsManyCallsAsAllowedAreInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onStage(t)
		gate := make(chan struct{})
		s.does = func(*http.Request) (*http.Response, error) { <-gate; return succeeds(nil) }
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				if _, err := s.client.Do(t.Context(), bbb.Request{Call: "end"}); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		start := time.Now()
		_, err := s.client.Do(t.Context(), bbb.Request{Call: "end"})
		judge(t, "the 33rd", err, "bbb.busy", false)
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("it waited %v", waited)
		}
		short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err = s.client.Do(short, bbb.Request{Call: "end"})
		if judge(t, "one in a hurry", err, "bbb.busy", false); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		wg.Go(func() {
			if _, err := s.client.Do(t.Context(), bbb.Request{Call: "end"}); err != nil {
				t.Errorf("one that waits a moment: %v", err)
			}
		})
		wg.Go(func() {
			if _, err := s.client.Do(t.Context(), bbb.Request{Call: "end", Probe: true}); err != nil {
				t.Errorf("a probe beside them: %v", err)
			}
		})
		synctest.Wait()
		if st := s.client.State(); st.InFlight != 33 || st.Waiting != 1 || st.Breaker != bbb.BreakerClosed {
			t.Errorf("%+v", st)
		}
		close(gate)
		wg.Wait()
		if st := s.client.State(); st.InFlight != 0 || st.Waiting != 0 || st.Sent != 34 || st.Failures != 0 {
			t.Errorf("%+v", st)
		}
	})
}

func TestAStreamThatNobodyClosesGivesItsTurnBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := onStage(t)
		_ = s.call(3, breaks)
		s.wait(5 * time.Second)
		s.does = succeeds
		if _, err := s.client.Stream(t.Context(), bbb.Request{Call: "x", Timeout: time.Second}); err != nil {
			t.Fatal(err)
		}
		judge(t, "meanwhile", s.call(1, succeeds), "bbb.breaker_open", false)
		time.Sleep(time.Second + time.Millisecond)
		synctest.Wait()
		if err := s.call(1, succeeds); err != nil {
			t.Error(err)
		}
		s.is("after the next call", bbb.BreakerClosed)
	})
}
