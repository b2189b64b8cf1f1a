// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/recording"
	"meetcoop/internal/web"
)

// recordingReady takes a server's word that a recording can be watched.
func (h *Handler) recordingReady(w http.ResponseWriter, r *http.Request, token string) {
	form, err := readForm(r.Body)
	if err != nil {
		http.Error(w, "bad form", http.StatusBadRequest)
		return
	}
	h.answerServer(w, r, h.deps.Recordings.Ready(r.Context(), token, form.Get("signed_parameters")), nil)
}

// uploadAnswer is what an uploading machine is told.
type uploadAnswer struct {
	Offset int64  `json:"offset"` // bytes that are here
	Done   bool   `json:"done"`
	Error  string `json:"error,omitempty"` // the code of a fault
}

// answerServer answers a BigBlueButton machine: a status, and a document when there is one.
func (h *Handler) answerServer(w http.ResponseWriter, r *http.Request, err error, doc *uploadAnswer) {
	status := http.StatusOK
	if err != nil {
		switch fault.KindOf(err) {
		case fault.NotFound:
			status = http.StatusNotFound
		case fault.Forbidden:
			h.brake.press(r.Context(), web.ClientOf(r))
			status = http.StatusForbidden
		case fault.Conflict:
			status = http.StatusConflict
		case fault.Invalid:
			status = http.StatusUnprocessableEntity
		case fault.LimitReached:
			status = http.StatusInsufficientStorage
		default:
			status = http.StatusServiceUnavailable
		}
		if r.Context().Err() == nil && status == http.StatusServiceUnavailable {
			h.deps.Log.WarnContext(r.Context(), "server not answered", "err", err)
		}
	}
	head := w.Header()
	head.Set("Cache-Control", "no-store")
	head.Set("X-Content-Type-Options", "nosniff")
	if doc == nil {
		w.WriteHeader(status)
		return
	}
	body, err := json.Marshal(doc)
	if err != nil {
		body = []byte("{}")
	}
	head.Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a server that is gone
}

var contentRange = regexp.MustCompile(`^bytes (\d{1,15})-(\d{1,15})/(\d{1,15})$`)

const uploadWithin = 30 * time.Minute // for the part of a tar in one request

// upload takes a recording from a BigBlueButton machine: PUT with the tar, or a part of it under Content-Range; GET tells how much is here. The
// answer is {"offset","done"}.
func (h *Handler) upload(w http.ResponseWriter, r *http.Request, rest string) {
	words := strings.Split(rest, "/")
	if len(words) != 3 {
		http.NotFound(w, r)
		return
	}
	head := r.Header
	in := recording.UploadInput{
		Method: r.Method, Path: r.URL.Path, Server: id.Server(words[0]), Recording: recording.ID(words[1]), Format: words[2],
		Time: head.Get("X-Meetcoop-Time"), Digest: head.Get("X-Meetcoop-Digest"), Signature: head.Get("X-Meetcoop-Signature"), Total: r.ContentLength,
	}
	if r.Method == http.MethodPut {
		in.Body = io.Reader(r.Body)
		if text := head.Get("Content-Range"); text != "" {
			m := contentRange.FindStringSubmatch(text)
			if m == nil {
				http.Error(w, "bad Content-Range", http.StatusBadRequest)
				return
			}
			in.Offset, _ = strconv.ParseInt(m[1], 10, 64) // digits
			in.Total, _ = strconv.ParseInt(m[3], 10, 64)
		}
		deadline := h.deps.Now().Time().Add(uploadWithin)
		control := http.NewResponseController(w)
		_ = control.SetReadDeadline(deadline)  // a server that cannot has none
		_ = control.SetWriteDeadline(deadline) // likewise
	}
	done, err := h.deps.Recordings.Upload(r.Context(), in)
	doc := uploadAnswer{Offset: done.Offset, Done: done.Done}
	if err != nil {
		doc.Error = fault.CodeOf(err)
	}
	h.answerServer(w, r, err, &doc)
}
