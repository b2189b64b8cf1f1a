// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"errors"
	"fmt"
	"net/http"

	"meetcoop/internal/fault"
)

// LimitBody refuses bodies of more than limit bytes with 413 (web.too_large): at once when the client
// says the length, else when reading passes the limit (see BodyFault).
func LimitBody(limit int64, refuse Refuser) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ContentLength > limit {
				w.Header().Set("Connection", "close") // the rest is not worth reading
				refuse(w, r, tooLarge(limit))
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, limit)
			next.ServeHTTP(w, r)
		})
	}
}

// BodyFault turns an error of reading or parsing a body into its fault: web.too_large or
// input.unreadable. nil stays nil.
func BodyFault(err error) error {
	if err == nil {
		return nil
	}
	if large, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge(large.Limit)
	}
	return fault.Wrap(err, fault.Invalid, "input.unreadable")
}

func tooLarge(limit int64) error {
	return fault.New(fault.Invalid, "web.too_large", fault.Params{"Size": size(limit)})
}

// size writes bytes as people do; the units are the same in all our languages.
func size(n int64) string {
	switch {
	case n >= 1<<20:
		return fmt.Sprintf("%d MB", n>>20)
	case n >= 1<<10:
		return fmt.Sprintf("%d kB", n>>10)
	}
	return fmt.Sprintf("%d B", n)
}
