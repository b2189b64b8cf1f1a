// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// hugeBytes is the size of an answer that is too large for anybody.
const hugeBytes = 50 << 20

// waits returns whether the caller was still there after d.
func (s *Server) waits(r *http.Request, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
	case <-s.ctx.Done():
	}
	return false
}

// send writes an answer, or what a fault makes of it.
func (s *Server) send(w http.ResponseWriter, c *call, o *out) {
	r := c.http
	body := o.body.Bytes()
	switch f := c.fault; f.Kind {
	case FaultLatency:
		if !f.Before && !s.waits(r, f.Delay) {
			reset(w, nil)
			return
		}
	case FaultSilence:
		s.waits(r, 24*time.Hour)
		reset(w, nil)
		return
	case FaultResetBefore:
		reset(w, nil)
		return
	case FaultResetIn:
		reset(w, func(to io.Writer) { raw(to, o, body[:len(body)/2]) })
		return
	case FaultResetAfter:
		reset(w, func(to io.Writer) { raw(to, o, body) })
		return
	case FaultStatus:
		o = &out{status: f.Status, header: http.Header{"Content-Type": {"text/html"}}}
		if f.Status/100 == 3 {
			o.header.Set("Location", s.cfg.URL+"/elsewhere")
		}
		body = fmt.Appendf(nil, "<html><head><title>%d</title></head><body><h1>%d %s</h1></body></html>", f.Status, f.Status, http.StatusText(f.Status))
	case FaultTruncated:
		body = body[:len(body)/2]
	case FaultNonsense:
		body = []byte("<!DOCTYPE html><html><body>&nbsp;<p>Maintenance<br></body>\x00\xff")
	case FaultDrip:
		s.drip(w, r, o, f.Delay)
		return
	case FaultHuge, FaultEndless:
		s.flood(w, r, o, f.Kind == FaultEndless)
		return
	}
	head(w, o)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(o.status)
	_, _ = w.Write(body) // nobody left to tell
}

func head(w http.ResponseWriter, o *out) {
	maps.Copy(w.Header(), o.header)
}

// drip sends a body byte by byte.
func (s *Server) drip(w http.ResponseWriter, r *http.Request, o *out, each time.Duration) {
	head(w, o)
	w.Header().Set("Content-Length", strconv.Itoa(o.body.Len()))
	w.WriteHeader(o.status)
	flush := http.NewResponseController(w)
	for _, b := range o.body.Bytes() {
		if _, err := w.Write([]byte{b}); err != nil {
			return
		}
		_ = flush.Flush() // a writer that cannot has it all at the end
		if !s.waits(r, each) {
			return
		}
	}
}

// flood sends an answer with very much in it, or without an end.
func (s *Server) flood(w http.ResponseWriter, r *http.Request, o *out, endless bool) {
	head(w, o)
	w.WriteHeader(o.status)
	begin, end, found := strings.Cut(o.body.String(), "</returncode>")
	if !found { // the call was not done, or answers with no XML
		begin, end = "<response><returncode>SUCCESS", "</response>"
	}
	_, err := io.WriteString(w, begin+"</returncode>")
	filler := []byte("<filler>" + strings.Repeat("x", 64<<10) + "</filler>")
	for n := 0; err == nil && (endless || n < hugeBytes) && r.Context().Err() == nil && s.ctx.Err() == nil; n += len(filler) {
		_, err = w.Write(filler)
	}
	if err == nil && !endless {
		_, _ = io.WriteString(w, end) // nobody left to tell
	}
}

// reset breaks a connection off, after what say writes to it. Without a connection there is no answer.
func reset(w http.ResponseWriter, say func(io.Writer)) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	if say != nil {
		say(conn)
	}
	if c, ok := conn.(interface{ SetLinger(sec int) error }); ok {
		_ = c.SetLinger(0) // then Close resets
	}
	_ = conn.Close()
}

// raw writes an answer that announces its whole body, with part of it.
func raw(to io.Writer, o *out, part []byte) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\nContent-Length: %d\r\n", o.status, http.StatusText(o.status), o.body.Len())
	_ = o.header.Write(&b) // a buffer never fails
	b.WriteString("\r\n")
	b.Write(part)
	_, _ = b.WriteTo(to) // nobody left to tell
}
