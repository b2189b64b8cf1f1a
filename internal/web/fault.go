// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"meetcoop/internal/fault"
)

type answer struct {
	status int
	level  slog.Level
}

// answers is the table of house style, section 5.
var answers = map[fault.Kind]answer{
	fault.Internal:        {http.StatusInternalServerError, slog.LevelError},
	fault.Invalid:         {http.StatusUnprocessableEntity, slog.LevelDebug},
	fault.Unauthenticated: {http.StatusUnauthorized, slog.LevelInfo},
	fault.Forbidden:       {http.StatusForbidden, slog.LevelInfo},
	fault.NotFound:        {http.StatusNotFound, slog.LevelDebug},
	fault.Conflict:        {http.StatusConflict, slog.LevelInfo},
	fault.LimitReached:    {http.StatusConflict, slog.LevelInfo},
	fault.Unavailable:     {http.StatusServiceUnavailable, slog.LevelWarn},
}

// special are the codes that HTTP has a status of its own for.
var special = map[string]answer{
	"input.unreadable": {http.StatusBadRequest, slog.LevelDebug},
	"web.too_large":    {http.StatusRequestEntityTooLarge, slog.LevelInfo},
	"web.host":         {http.StatusMisdirectedRequest, slog.LevelInfo},
}

// statusGone is what nginx logs for a client that closed the connection; it never reaches anybody.
const statusGone = 499

// RetryAfter is told with every 503 and 429, in seconds: about the time a crashed engine needs to
// come back.
const RetryAfter = 5

func answerTo(err error) answer {
	code := fault.CodeOf(err)
	if a, ok := special[code]; ok {
		return a
	}
	kind := fault.KindOf(err)
	switch {
	case kind == fault.LimitReached && (strings.HasSuffix(code, ".rate") || strings.HasSuffix(code, "_rate")):
		return answer{http.StatusTooManyRequests, slog.LevelInfo}
	case kind == fault.Internal && errors.Is(err, context.Canceled):
		return answer{statusGone, slog.LevelDebug}
	}
	return answers[kind]
}

// Status returns the HTTP status for an error. A limit whose code ends in "rate" as a word is 429; a client
// that went away is 499.
func Status(err error) int { return answerTo(err).status }

// Level returns how loud an error is logged.
func Level(err error) slog.Level { return answerTo(err).level }

// Refuser answers a request with the page or document that explains err.
type Refuser func(w http.ResponseWriter, r *http.Request, err error)
