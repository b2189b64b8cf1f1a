// SPDX-License-Identifier: AGPL-3.0-or-later

package web

import (
	"compress/gzip"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// compressFrom is the size below which gzip costs more than it saves: one packet.
const compressFrom = 1000

var zippers = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(nil, 5) // 6 is a third slower for one part in a hundred, on our pages
	if err != nil {
		panic(err) // 5 is a level
	}
	return z
}}

// Compress sends HTML with gzip to who accepts it. Event streams, files and small answers pass.
// Pages hold no secret beside what their reader typed, so that their size tells nothing (BREACH).
func Compress(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead || !accepts(r.Header, "gzip") {
			next.ServeHTTP(w, r)
			return
		}
		z := &zipped{ResponseWriter: w}
		defer z.close()
		next.ServeHTTP(z, r)
	})
}

// accepts reads Accept-Encoding (RFC 9110, section 12.5.3).
func accepts(h http.Header, coding string) bool {
	for _, part := range strings.Split(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		name, params, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), coding) {
			continue
		}
		key, value, _ := strings.Cut(strings.TrimSpace(params), "=")
		if !strings.EqualFold(strings.TrimSpace(key), "q") {
			return true
		}
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		return err == nil && q > 0
	}
	return false
}

// zipped holds the status back until the first bytes decide.
type zipped struct {
	http.ResponseWriter
	status  int
	decided bool
	gz      *gzip.Writer // nil: the answer passes as it is
}

func (z *zipped) Unwrap() http.ResponseWriter { return z.ResponseWriter }

func (z *zipped) WriteHeader(status int) {
	if z.decided || status < 200 {
		z.ResponseWriter.WriteHeader(status)
		return
	}
	if z.status == 0 {
		z.status = status
	}
	if status == http.StatusNoContent || status == http.StatusNotModified || !html(z.Header()) {
		z.decide(false)
	}
}

func (z *zipped) Write(p []byte) (int, error) {
	if !z.decided {
		z.decide(len(p) >= compressFrom && html(z.Header()))
	}
	if z.gz != nil {
		return z.gz.Write(p)
	}
	return z.ResponseWriter.Write(p)
}

// FlushError lets http.ResponseController flush what is compressed so far.
func (z *zipped) FlushError() error {
	if !z.decided {
		z.decide(false)
	}
	if z.gz != nil {
		if err := z.gz.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(z.ResponseWriter).Flush()
}

func html(h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return err == nil && kind == "text/html" && h.Get("Content-Encoding") == ""
}

func (z *zipped) decide(compress bool) {
	z.decided = true
	h := z.Header()
	if html(h) {
		h.Add("Vary", "Accept-Encoding")
	}
	if compress {
		h.Set("Content-Encoding", "gzip")
		h.Del("Content-Length")
		if tag := h.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
			h.Set("ETag", "W/"+tag) // other bytes, same meaning
		}
		z.gz = zippers.Get().(*gzip.Writer) // the pool holds nothing else
		z.gz.Reset(z.ResponseWriter)
	}
	if z.status != 0 {
		z.ResponseWriter.WriteHeader(z.status)
	}
}

func (z *zipped) close() {
	if !z.decided && z.status != 0 {
		z.decide(false)
	}
	if z.gz != nil {
		_ = z.gz.Close() // the connection is gone; net/http notices by itself
		zippers.Put(z.gz)
		z.gz = nil
	}
}
