// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"

	"meetcoop/internal/recording"
)

// keptBody among the bodies of a call says that a form with files is kept as it came.
const keptBody = "kept"

var withFile = []string{multipartType, keptBody}

// failedJSON is the error form of the calls about text tracks.
func failedJSON(w http.ResponseWriter, p problem) {
	writeJSON(w, map[string]string{"returncode": "FAILED", "messageKey": p.Key, "message": p.Message})
}

// inJSON answers a problem as JSON; other errors stay what they are.
func inJSON(w http.ResponseWriter, err error) error {
	if p, ok := errors.AsType[problem](err); ok {
		failedJSON(w, p)
		return nil
	}
	return err
}

// getRecordingTextTracks lists subtitles: ours, or what the recording's server says.
func (h *Handler) getRecordingTextTracks(w http.ResponseWriter, r *request) error {
	if r.q.Get("recordID") == "" {
		return errNoRecordID
	}
	ctx, id := r.http.Context(), recording.ID(r.q.Get("recordID"))
	rec, err := h.deps.Recordings.Owner(ctx, r.connection.ID, id)
	if err != nil {
		return inJSON(w, err)
	}
	if rec.Mode == recording.Remote {
		return h.remoteTracks(w, r, rec, nil, "", 0)
	}
	tracks, err := h.deps.Recordings.Tracks(ctx, r.connection.ID, id)
	if err != nil {
		return inJSON(w, err)
	}
	if len(tracks) == 0 || len(rec.Formats) == 0 {
		failedJSON(w, problem{Key: "noCaptionsFound", Message: "No captions found for " + string(id) + "."})
		return nil
	}
	links := h.deps.Recordings.Links(rec)
	list := make([]map[string]string, 0, len(tracks))
	for _, t := range tracks {
		list = append(list, map[string]string{"href": links.To(rec.Formats[0].Type, "tracks/"+t.Name()), "kind": t.Kind, "label": t.Label, "lang": t.Lang, "source": t.Source})
	}
	writeJSON(w, map[string]any{"returncode": "SUCCESS", "tracks": list})
	return nil
}

// putRecordingTextTrack takes SRT or WebVTT.
func (h *Handler) putRecordingTextTrack(w http.ResponseWriter, r *request) error {
	for _, name := range []string{"recordID", "kind", "lang"} {
		if r.q.Get(name) == "" {
			failedJSON(w, problem{Key: "paramError", Message: "Missing param " + name + "."})
			return nil
		}
	}
	ctx, id := r.http.Context(), recording.ID(r.q.Get("recordID"))
	rec, err := h.deps.Recordings.Owner(ctx, r.connection.ID, id)
	if err != nil {
		return inJSON(w, err)
	}
	t := recording.Track{Kind: r.q.Get("kind"), Lang: r.q.Get("lang"), Label: r.q.Get("label")}
	switch {
	case t.Kind != "subtitles" && t.Kind != "captions":
		failedJSON(w, problem{Key: "invalidKind", Message: "Invalid kind parameter, expected='subtitles|captions' actual=" + t.Kind})
		return nil
	case !recording.IsLanguage(t.Lang):
		failedJSON(w, problem{Key: "invalidLang", Message: "Malformed lang param, received=" + t.Lang})
		return nil
	case r.body == nil:
		return inJSON(w, recording.ErrEmptyTrack)
	case rec.Mode == recording.Remote:
		return h.remoteTracks(w, r, rec, r.body, r.body.media, r.body.length)
	}
	file, err := fileOf(r.body)
	if err != nil {
		return inJSON(w, recording.ErrTrack)
	}
	if err := h.deps.Recordings.PutTrack(ctx, r.connection.ID, id, t, file); err != nil {
		return inJSON(w, err)
	}
	writeJSON(w, map[string]string{"returncode": "SUCCESS", "recordId": string(id), "messageKey": "upload_text_track_success", "message": "Text track uploaded successfully"})
	return nil
}

// fileOf returns the field "file" of a form; none is empty.
func fileOf(b *spool) ([]byte, error) {
	_, params, err := mime.ParseMediaType(b.media)
	if err != nil {
		return nil, err
	}
	in := multipart.NewReader(b, params["boundary"])
	for {
		part, err := in.NextPart()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if part.FormName() != "file" {
			continue
		}
		var out bytes.Buffer
		if _, err := io.Copy(&out, io.LimitReader(part, recording.MostTrack+1)); err != nil {
			return nil, err
		}
		return out.Bytes(), nil
	}
}

// remoteTracks hands a call on to the server that has the recording, and its answer back.
func (h *Handler) remoteTracks(w http.ResponseWriter, r *request, rec recording.Recording, body io.Reader, media string, length int64) error {
	answer, err := h.deps.Recordings.AskTracks(r.http.Context(), rec, r.name, r.q.Without("checksum").String(), body, media, length)
	if err != nil {
		return err
	}
	head := w.Header()
	head.Set("Content-Type", "application/json;charset=utf-8")
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Cache-Control", "no-cache")
	_, _ = w.Write(answer) // a client that is gone
	return nil
}
