// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

var noSuchRecordings = breach{"notFound", "We could not find recordings"}

// publishRecordings shows recordings to everybody, or to nobody.
func (s *Server) publishRecordings(w http.ResponseWriter, c *call) {
	found := s.recordings.named(c.p.get("recordID"))
	if len(found) == 0 {
		fail(w, noSuchRecordings)
		return
	}
	for _, r := range found {
		s.publishIt(r, c.p.flag("publish", false), c.now)
	}
	success(w, el("published", c.p.get("publish")))
}

func (s *Server) deleteRecordings(w http.ResponseWriter, c *call) {
	found := s.recordings.named(c.p.get("recordID"))
	if len(found) == 0 {
		fail(w, noSuchRecordings)
		return
	}
	for _, r := range found {
		r.state = stateDeleted
		s.tellRecording(r, "", "rap-deleted", c.now)
	}
	success(w, yes("deleted", true))
}

// updateRecordings sets metadata; an empty value removes a name.
func (s *Server) updateRecordings(w http.ResponseWriter, c *call) {
	found := s.recordings.named(c.p.get("recordID"))
	if len(found) == 0 {
		fail(w, noSuchRecordings)
		return
	}
	for _, r := range found {
		for name, value := range c.p.meta() {
			if value == "" {
				delete(r.meta, name)
			} else {
				r.meta[name] = value
			}
		}
	}
	success(w, yes("updated", true))
}

// track is one set of captions.
type track struct{ Href, Kind, Label, Lang, Source string }

func (s *Server) getRecordingTextTracks(w http.ResponseWriter, c *call) {
	found := s.recordings.named(c.p.get("recordID"))
	bad := func(key, text string) {
		answerJSON(w, response(map[string]any{"returncode": "FAILED", "messageKey": key, "message": text}))
	}
	switch {
	case len(found) == 0:
		bad("noRecordings", "No recording found for "+c.p.get("recordID")+".")
		return
	case len(found[0].tracks) == 0:
		bad("noCaptionsFound", "No captions found for "+c.p.get("recordID")+".")
		return
	}
	var list []any
	for _, t := range found[0].tracks {
		list = append(list, map[string]string{"href": t.Href, "kind": t.Kind, "label": t.Label, "lang": t.Lang, "source": t.Source})
	}
	answerJSON(w, response(map[string]any{"returncode": "SUCCESS", "tracks": list}))
}

// putRecordingTextTrack takes a file of captions. It is served as WebVTT afterwards.
func (s *Server) putRecordingTextTrack(w http.ResponseWriter, c *call) {
	id, kind, lang := c.p.get("recordID"), c.p.get("kind"), c.p.get("lang")
	bad := func(key, text string) {
		answerJSON(w, response(map[string]any{"returncode": "FAILED", "messageKey": key, "message": text}))
	}
	for _, name := range []string{"recordID", "kind", "lang"} {
		if c.p.get(name) == "" {
			bad("paramError", "Missing param "+name+".")
			return
		}
	}
	r := s.recordings.get(id)
	switch {
	case r == nil || r.state == stateDeleted:
		bad("noRecordings", "No recording was found for "+id+".")
		return
	case !slices.Contains([]string{"subtitles", "captions"}, kind):
		bad("invalidKind", "Invalid kind parameter, expected='subtitles|captions' actual="+kind)
		return
	case !languageTag(lang):
		bad("invalidLang", "Malformed lang param, received="+lang)
		return
	}
	text := c.upload("file")
	done := map[string]any{"returncode": "SUCCESS", "recordId": id, "messageKey": "upload_text_track_success", "message": "Text track uploaded successfully"}
	if text == "" {
		done["messageKey"], done["message"] = "empty_uploaded_text_track", "Empty uploaded text track."
		done["returncode"] = "FAILED"
		answerJSON(w, response(done))
		return
	}
	label := c.p.get("label")
	if label == "" {
		label = lang
	}
	r.tracks = slices.DeleteFunc(r.tracks, func(t track) bool { return t.Kind == kind && t.Lang == lang && t.Label == label })
	r.tracks = append(r.tracks, track{Href: s.cfg.URL + "/presentation/" + r.id + "/" + kind + "_" + lang + ".vtt", Kind: kind, Label: label, Lang: lang, Source: "upload"})
	answerJSON(w, response(done))
}

// upload is the content of a file of the form.
func (c *call) upload(field string) string {
	if c.http.MultipartForm == nil || len(c.http.MultipartForm.File[field]) == 0 {
		return ""
	}
	f, err := c.http.MultipartForm.File[field][0].Open()
	if err != nil {
		return ""
	}
	text, err := io.ReadAll(io.LimitReader(f, maxBody))
	_ = f.Close() // it was read only
	if err != nil {
		return ""
	}
	return string(text)
}

// languageTag accepts what looks like RFC 5646: words of one to eight letters and digits, the first of letters.
func languageTag(s string) bool {
	for i, part := range strings.Split(s, "-") {
		if part == "" || len(part) > 8 || (i == 0 && len(part) < 2) {
			return false
		}
		for _, r := range part {
			letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
			if !letter && (i == 0 || r < '0' || r > '9') {
				return false
			}
		}
	}
	return true
}

// DeleteRecording removes a recording with all its files, as an operator does on the machine. No event tells it.
func (s *Server) DeleteRecording(id string) error {
	return s.about(id, func(r *recording, _ time.Time) {
		s.recordings.list = slices.DeleteFunc(s.recordings.list, func(o *recording) bool { return o == r })
	})
}
