// SPDX-License-Identifier: AGPL-3.0-or-later

package bbb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Request is one call of the API.
type Request struct {
	Call        string        // "create", "hooks/create"; "" is the root, unsigned
	Query       string        // raw, without checksum: sent byte for byte
	Method      string        // none is GET, and POST with a Body
	Body        io.Reader     // may be nil; best a bytes.Reader or strings.Reader, as it can be sent again. May be read a moment longer than Do takes
	ContentType string        // of Body
	Length      int64         // of Body; 0 when Body itself knows (bytes.Reader and the like) or nobody does, -1 unknown
	Timeout     time.Duration // of everything from the connection to the last byte; none is CallTimeout
	Probe       bool          // a poll: passes an open breaker and closes it when it succeeds; every fault of it counts against the server
}

// Answer is a complete, well-formed answer.
type Answer struct {
	Root    *Element // <response>
	OK      bool     // returncode SUCCESS; FAILED otherwise, there is nothing else
	Key     string   // messageKey, or that of the first error of several; often ""
	Message string   // for people; its wording is the server's
}

// Do calls the server and reads its answer. FAILED is an answer and no error. Errors are Unavailable: bbb.unreachable, bbb.breaker_open and
// bbb.busy when nothing was sent, bbb.unanswered otherwise (see Sent).
//
// A GET whose kept connection ends before the first byte of an answer is sent once more by net/http: BigBlueButton closes idle
// connections at any time, and its calls, create among them, may be repeated.
func (c *Client) Do(ctx context.Context, r Request) (*Answer, error) {
	t, resp, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	defer t.release()
	defer closeBody(resp)
	body, err := readAll(resp)
	if err != nil {
		if errors.Is(err, errTooLarge) {
			return nil, t.nonsense(err.Error())
		}
		return nil, t.fail(err)
	}
	root, err := parse(body)
	if err != nil {
		return nil, t.nonsense(err.Error())
	}
	a := &Answer{Root: root, Key: root.Value("messageKey"), Message: root.Value("message")}
	if e := root.Child("errors").Child("error"); e != nil && a.Key == "" {
		a.Key, a.Message = e.Value("key"), e.Value("message")
	}
	switch root.Value("returncode") {
	case "SUCCESS":
		a.OK = true
	case "FAILED":
	default:
		return nil, t.nonsense("neither SUCCESS nor FAILED")
	}
	t.done(answered)
	return a, nil
}

// Stream calls the server and returns its answer unread, for what is not XML. Its status is 200, and its body ends with an error beyond
// MaxAnswer bytes, when Request.Timeout is over, or when ctx is done; reading errors are bbb.unanswered. Close the body: the call
// is in flight until then. Errors are as of Do.
func (c *Client) Stream(ctx context.Context, r Request) (*http.Response, error) {
	t, resp, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	b := &stream{call: t, body: resp.Body, left: MaxAnswer}
	b.stop = context.AfterFunc(t.limited, t.release) // a body that nobody closes holds its place, and a turn, no longer than its time
	resp.Body = b
	return resp, nil
}

// call is one request in flight.
type call struct {
	client  *Client
	caller  context.Context // who asked; its end is no failure of the server
	limited context.Context // ends with the time of the call, too
	cancel  context.CancelFunc
	places  chan struct{}
	pass    pass
	probe   bool

	traced    atomic.Bool // the transport tells how far it came
	connected atomic.Bool // from here on something may have been sent
	upload    *upload
	once      sync.Once
	freed     sync.Once
}

// send gets a place, passes the breaker and sends the request. What it returns without error must be released.
func (c *Client) send(ctx context.Context, r Request) (*call, *http.Response, error) {
	if err := r.validate(); err != nil {
		return nil, nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, unreachable(err)
	}
	places := c.calls
	if r.Probe {
		places = c.probes
	}
	if err := c.place(ctx, places, r.Probe); err != nil {
		return nil, nil, err
	}
	p, ok := c.breaker.enter(r.Probe)
	if !ok {
		<-places
		return nil, nil, c.open()
	}
	c.sent.Add(1)
	timeout := r.Timeout
	if timeout <= 0 {
		timeout = CallTimeout
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	t := &call{client: c, caller: ctx, limited: limited, cancel: cancel, places: places, pass: p, probe: r.Probe}
	req, err := t.request(r)
	if err != nil {
		t.release()
		return nil, nil, err
	}
	resp, err := c.transport.RoundTrip(req)
	if err == nil {
		if err = t.head(resp); err != nil {
			closeBody(resp)
		}
	} else {
		err = t.fail(err)
	}
	if err != nil {
		t.release()
		return nil, nil, err
	}
	return t, resp, nil
}

// validate finds requests that would not arrive as they are meant: mistakes of the program, for a URL that came in cannot hold these.
func (r Request) validate() error {
	control := func(c rune) bool { return c < ' ' || c == 0x7F }
	if strings.ContainsFunc(r.Call+r.Query+r.ContentType, control) || strings.Contains(r.Call+r.Query, " ") {
		return errors.New("bbb: a request with control characters or blanks")
	}
	if strings.Trim(r.Call, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/") != "" {
		return errors.New("bbb: no name of a call")
	}
	return nil
}

// place waits a moment for a place among the calls in flight.
func (c *Client) place(ctx context.Context, places chan struct{}, probe bool) error {
	if !c.breaker.lets(probe) {
		return c.open()
	}
	select {
	case places <- struct{}{}:
		return nil
	default:
	}
	c.waiting.Add(1)
	defer c.waiting.Add(-1)
	timer := time.NewTimer(maxWait)
	defer timer.Stop()
	select {
	case places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return busy(ctx.Err())
	case <-timer.C:
		return busy(nil)
	}
}

func (t *call) request(r Request) (*http.Request, error) {
	ctx := httptrace.WithClientTrace(t.limited, &httptrace.ClientTrace{
		GetConn: func(string) { t.traced.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { t.connected.Store(true) },
	})
	method := r.Method
	if method == "" {
		method = http.MethodGet
		if r.Body != nil {
			method = http.MethodPost
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "", r.Body)
	if err != nil {
		return nil, fmt.Errorf("bbb: make a request: %w", err)
	}
	req.URL = t.client.signed(r.Call, r.Query) // never through text: a query with # would lose what follows
	req.Host = req.URL.Host
	if r.Length != 0 && r.Body != nil {
		req.ContentLength = r.Length
	}
	if req.Body != nil && req.Body != http.NoBody {
		req.Header.Set("Content-Type", r.ContentType)
		t.upload = &upload{}
		req.Body = t.upload.follow(req.Body)
		if again := req.GetBody; again != nil {
			req.GetBody = func() (io.ReadCloser, error) {
				b, err := again()
				if err != nil {
					return nil, fmt.Errorf("read the body again: %w", err)
				}
				return t.upload.follow(b), nil
			}
		}
	}
	req.Header.Set("User-Agent", "meetcoop")
	return req, nil
}

// head looks at the status: everything but 200 is no answer of the API, a redirect least of all.
func (t *call) head(resp *http.Response) error {
	switch {
	case resp.StatusCode == http.StatusBadGateway || resp.StatusCode == http.StatusServiceUnavailable || resp.StatusCode == http.StatusGatewayTimeout:
		t.done(failed) // the web server says that nobody is behind it
		return unanswered(statusText(resp.StatusCode), nil)
	case resp.StatusCode != http.StatusOK:
		return t.nonsense(statusText(resp.StatusCode))
	case resp.Header.Get("Content-Encoding") != "" && !strings.EqualFold(resp.Header.Get("Content-Encoding"), "identity"):
		return t.nonsense("a compressed answer, which nobody asked for")
	case resp.ContentLength > MaxAnswer:
		return t.nonsense(errTooLarge.Error())
	}
	return nil
}

// fail notes that the connection failed and says whether something may have been sent.
func (t *call) fail(err error) error {
	o := failed
	if t.caller.Err() != nil || t.upload != nil && t.upload.atFault() {
		o = undecided
	}
	t.done(o)
	if t.traced.Load() && !t.connected.Load() {
		return unreachable(err)
	}
	return broken(err)
}

// nonsense notes an answer that came and cannot be believed. A member can provoke one with odd parameters, so it only counts against
// the server when the call was our own.
func (t *call) nonsense(text string) error {
	if t.probe {
		t.done(failed)
	} else {
		t.done(undecided)
	}
	return unanswered(text, nil)
}

// done gives the breaker the outcome of the call; the first one counts.
func (t *call) done(o outcome) {
	t.once.Do(func() {
		if o == failed {
			t.client.failures.Add(1)
		}
		t.client.breaker.leave(t.pass, o)
	})
}

// release ends the call and gives its place to the next.
func (t *call) release() {
	t.done(undecided)
	t.free()
}

func (t *call) free() {
	t.freed.Do(func() {
		t.cancel()
		<-t.places
	})
}

func closeBody(resp *http.Response) {
	_ = resp.Body.Close() // read or given up; nothing is to be learned
}

// readAll reads a body of at most MaxAnswer bytes.
func readAll(resp *http.Response) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswer+1))
	if err != nil {
		return nil, err
	}
	if len(b) > MaxAnswer {
		return nil, errTooLarge
	}
	return b, nil
}

// stream is the body of an answer that the caller reads.
type stream struct {
	call *call
	body io.ReadCloser
	left int64
	stop func() bool
}

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.body.Read(p[:min(int64(len(p)), s.left+1)])
	if s.left -= int64(n); s.left < 0 {
		return 0, s.call.nonsense(errTooLarge.Error())
	}
	switch {
	case err == nil:
		return n, nil
	case errors.Is(err, io.EOF):
		s.call.done(answered)
		return n, io.EOF
	default:
		return n, s.call.fail(err)
	}
}

func (s *stream) Close() error {
	err := s.body.Close()
	s.call.done(answered) // what was read so far was an answer
	s.stop()
	s.call.free()
	return err
}

// upload follows a body that is sent, to tell a caller who is slow or fails from a server that is.
type upload struct {
	reading atomic.Bool
	broken  atomic.Bool
}

func (u *upload) atFault() bool { return u.reading.Load() || u.broken.Load() }

func (u *upload) follow(b io.ReadCloser) io.ReadCloser { return followed{b, u} }

type followed struct {
	io.ReadCloser

	upload *upload
}

func (f followed) Read(p []byte) (int, error) {
	f.upload.reading.Store(true)
	n, err := f.ReadCloser.Read(p)
	f.upload.reading.Store(false)
	if err != nil && !errors.Is(err, io.EOF) {
		f.upload.broken.Store(true)
	}
	return n, err
}
