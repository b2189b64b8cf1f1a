// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/live"
	"meetcoop/internal/web"
)

// The page of a running meeting posts JSON and gets JSON. What it may ask for is listed in routes.go; each act is one verb of live.

// act is one post to a running meeting: it reads the body into in and returns what is answered, nil for {}.
type act func(r *Request, m id.Meeting, in *actInput) (any, error)

// actInput is every field an act may carry; each act reads its own.
type actInput struct {
	Text   string     `json:"text"`
	To     string     `json:"to"`
	Up     bool       `json:"up"`
	Kind   string     `json:"kind"`
	Name   string     `json:"name"`
	Closed bool       `json:"closed"`
	Media  live.Media `json:"media"`
	Role   live.Role  `json:"role"`

	Mic    *bool `json:"mic"`
	Camera *bool `json:"camera"`
	Screen *bool `json:"screen"`
	Chat   *bool `json:"chat"`
	Names  *bool `json:"names"`
}

// maxActBytes bounds the body of an act: the longest is a line of chat.
const maxActBytes = 16 << 10

// meet turns an act into a handler. Faults are answered as JSON: {"code", "message", "request_id"}.
func (h *Handler) meet(do act) HandlerFunc {
	return func(w http.ResponseWriter, r *Request) error {
		out, err := h.meetAct(r, do)
		if err != nil {
			return h.meetFail(w, r, err)
		}
		if out == nil {
			out = struct{}{}
		}
		return h.writeJSON(w, r, http.StatusOK, out)
	}
}

func (h *Handler) meetAct(r *Request, do act) (any, error) {
	m, err := id.ParseMeeting(r.PathValue("meeting"))
	if err != nil {
		return nil, err
	}
	var in actInput
	body := http.MaxBytesReader(nil, r.Body, maxActBytes)
	if err := json.NewDecoder(body).Decode(&in); err != nil && !errors.Is(err, io.EOF) { // a goodbye has no body
		return nil, web.BodyFault(err)
	}
	return do(r, m, &in)
}

// meetError is how the page hears of a refusal. Why is set when the meeting is over.
type meetError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Request string `json:"request_id"`
	Why     string `json:"why,omitempty"`
}

func (h *Handler) meetFail(w http.ResponseWriter, r *Request, err error) error {
	code, answer := Status(err), meetError{Code: fault.CodeOf(err), Message: r.P.Fault(err), Request: r.ID}
	if why, over := live.EndedWhy(err); over {
		code, answer.Why = http.StatusGone, why
	}
	h.Log.Log(r.Context(), web.Level(err), "meeting post refused", "request_id", r.ID, "route", r.route.Pattern, "code", answer.Code, "err", err)
	retryAfter(w, err)
	return h.writeJSON(w, r, code, answer)
}

func (h *Handler) writeJSON(w http.ResponseWriter, r *Request, code int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, err = w.Write(b)
	return dropped(h, r, err)
}

// enterAnswer is what the page needs to take part.
type enterAnswer struct {
	State  live.State `json:"state"`
	Engine struct {
		Kind  string `json:"kind"`
		URL   string `json:"url"`
		Token string `json:"token"`
	} `json:"engine"`
}

func (h *Handler) meetEnter(r *Request, m id.Meeting, _ *actInput) (any, error) {
	got, err := h.Live.Enter(r.Context(), live.EnterInput{Meeting: m, Who: h.who(r), From: h.Client(r.Request)})
	if err != nil {
		return nil, err
	}
	out := enterAnswer{State: got.State}
	out.Engine.Kind, out.Engine.URL, out.Engine.Token = "sfu", got.Entry.URL, got.Entry.Token
	return out, nil
}

// meetEvents is the page's stream. Last-Event-ID counts before ?after=: the browser sends it when it connects again.
func (h *Handler) meetEvents(w http.ResponseWriter, r *Request) error {
	m, err := id.ParseMeeting(r.PathValue("meeting"))
	if err != nil {
		return err
	}
	after, _ := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64) // nonsense reads as 0: the whole state comes first
	if last, err := strconv.ParseInt(r.Header.Get("Last-Event-ID"), 10, 64); err == nil {
		after = last
	}
	events, err := h.Live.Open(r.Context(), live.OpenInput{Meeting: m, Who: h.who(r), After: after, Printer: r.P})
	if err != nil {
		return h.meetFail(w, r, err)
	}
	defer events.Close()
	stream, err := openStream(w, r)
	if err != nil || stream == nil {
		return err
	}
	defer stream.Close()
	for {
		found, err := h.nextEvents(stream, events)
		if err != nil {
			if !errors.Is(err, io.EOF) && stream.Context().Err() == nil {
				h.Log.Warn("meeting stream interrupted", "request_id", r.ID, "err", err)
			}
			return nil
		}
		for _, e := range found {
			if stream.Event(strconv.FormatInt(e.N, 10), e.Kind, e.Data) != nil {
				return nil // the reader is gone
			}
		}
	}
}

// nextEvents waits for events; while there are none it keeps the connection open and finds out whether the reader is still there.
func (h *Handler) nextEvents(stream *web.Stream, events *live.Stream) ([]live.Event, error) {
	for {
		ctx, cancel := context.WithTimeout(stream.Context(), stream.PingEvery())
		found, err := events.Next(ctx)
		cancel()
		if err == nil || stream.Context().Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return found, err
		}
		if err := stream.Ping(); err != nil {
			return nil, io.EOF
		}
	}
}
