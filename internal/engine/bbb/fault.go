// SPDX-License-Identifier: AGPL-3.0-or-later

package bbb

import (
	"context"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"

	"meetcoop/internal/fault"
)

// The faults of this package without what caused them; compare with errors.Is.
var (
	// ErrUnreachable: nothing was sent (no address, refused, no TLS, too slow to connect).
	ErrUnreachable = fault.New(fault.Unavailable, "bbb.unreachable")
	// ErrBreakerOpen: nothing was sent, because the server failed a moment ago.
	ErrBreakerOpen = fault.New(fault.Unavailable, "bbb.breaker_open")
	// ErrBusy: nothing was sent, because as many calls as allowed are in flight.
	ErrBusy = fault.New(fault.Unavailable, "bbb.busy")
	// ErrUnanswered: something may have been sent, and no answer came that can be believed: the server may have acted.
	ErrUnanswered = fault.New(fault.Unavailable, "bbb.unanswered")
	// ErrNotFound: the server has no such meeting.
	ErrNotFound = fault.New(fault.NotFound, "bbb.not_found")
	// ErrSecret: the server does not take our checksum.
	ErrSecret = fault.New(fault.Invalid, "bbb.secret_refused")
	// ErrRefused: the server answered FAILED for another reason; parameter Key is its message key.
	ErrRefused = fault.New(fault.Conflict, "bbb.refused", fault.Params{"Key": ""})
)

// Sent reports whether the server may have seen, and acted on, the call that returned err. It is false only when it is certain that
// nothing left this machine: then, and only then, the same create may go to another server. Of nil, and of errors
// from elsewhere, it is false and true.
func Sent(err error) bool {
	return err != nil && !errors.Is(err, ErrUnreachable) && !errors.Is(err, ErrBreakerOpen) && !errors.Is(err, ErrBusy)
}

// cause is what an operator reads. It never holds what a server has sent: an answer may repeat our request with its
// checksum and passwords.
type cause struct {
	text  string
	under error // one of a few known errors, for errors.Is; or nil
}

func (c cause) Error() string { return c.text }
func (c cause) Unwrap() error { return c.under }

func unreachable(err error) error {
	return fault.Wrap(err, fault.Unavailable, "bbb.unreachable")
}

func unanswered(text string, under error) error {
	return fault.Wrap(cause{text, under}, fault.Unavailable, "bbb.unanswered")
}

// broken says in our words how a connection failed after it was there.
func broken(err error) error {
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		return unanswered("given up by the caller", context.Canceled)
	case errors.Is(err, context.DeadlineExceeded):
		return unanswered("no complete answer in time", context.DeadlineExceeded)
	case errors.As(err, &timeout) && timeout.Timeout():
		return unanswered("no answer in time", nil)
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return unanswered("connection reset", nil)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return unanswered("connection closed before the end of the answer", io.ErrUnexpectedEOF)
	default:
		return unanswered("connection broken or no HTTP", nil)
	}
}

// Err returns the fault that a FAILED answer means to whoever needs a success: ErrNotFound, ErrSecret or ErrRefused; nil of a success.
func (a *Answer) Err() error {
	switch {
	case a.OK:
		return nil
	case a.Key == "notFound":
		return fault.New(fault.NotFound, "bbb.not_found")
	case a.Key == "checksumError":
		return fault.New(fault.Invalid, "bbb.secret_refused")
	default:
		return fault.New(fault.Conflict, "bbb.refused", fault.Params{"Key": shortKey(a.Key)})
	}
}

// shortKey makes a foreign message key fit for a log and a sentence.
func shortKey(key string) string {
	key = strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-' || r == ' ' {
			return r
		}
		return -1
	}, key)
	if key = key[:min(len(key), 60)]; key == "" {
		return "-"
	}
	return key
}

func statusText(status int) string { return "HTTP status " + strconv.Itoa(status) }

func busy(under error) error {
	return fault.Wrap(cause{"too many calls in flight", under}, fault.Unavailable, "bbb.busy")
}

func (c *Client) open() error { return fault.New(fault.Unavailable, "bbb.breaker_open") }
