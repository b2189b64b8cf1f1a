// SPDX-License-Identifier: AGPL-3.0-or-later

package sfu

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"regexp"
	"syscall"
)

// jwtShape is three base64url parts of which the first begins like {"…: what a token
// looks like wherever it appears. LiveKit v1.13.5 writes tokens into errors and logs
// (mended upstream by livekit#4756).
var jwtShape = regexp.MustCompile(`eyJ[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){0,2}`)

func redact(s string) string { return jwtShape.ReplaceAllString(s, "[token]") }

func portTaken(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }

// maxLogLine is how much of one line of the child is kept, in bytes.
const maxLogLine = 4096

// logChild turns what the child writes on standard error into our log, until it ends.
// The child's words become attributes: nothing it writes can pass as a line of ours.
func logChild(log *slog.Logger, from io.Reader) {
	in := bufio.NewReaderSize(from, maxLogLine)
	for {
		line, long, err := in.ReadLine()
		if len(line) > 0 {
			logLine(log, line)
		}
		for long && err == nil {
			_, long, err = in.ReadLine()
		}
		if err != nil {
			return
		}
	}
}

func logLine(log *slog.Logger, line []byte) {
	var z struct{ Level, Msg, Logger, Error string }
	if json.Unmarshal(line, &z) != nil || z.Msg == "" {
		// Not LiveKit's form: the Go runtime's last words, or something cut off.
		log.Error("engine wrote", "text", redact(string(line)))
		return
	}
	level := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelDebug, "warn": slog.LevelWarn, "error": slog.LevelError}
	at, known := level[z.Level]
	if !known {
		at = slog.LevelError
	}
	// Only these fields: the others may hold addresses of people.
	log.Log(context.Background(), at, "engine says", "text", redact(z.Msg), "from", z.Logger, "err", redact(z.Error))
}
