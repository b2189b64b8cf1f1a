// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"archive/tar"
	"bytes"
	"errors"
	"time"
)

// ErrNoFormat is returned for a format in which a recording was not published.
var ErrNoFormat = errors.New("bbbtest: the recording has no such format")

// RecordingTar returns the published files of a format as a tar, names beginning with <format>/<recordID>/, as they lie below
// /var/bigbluebutton/published.
func (s *Server) RecordingTar(id, kind string) ([]byte, error) {
	var b bytes.Buffer
	err := ErrNoFormat
	missing := s.about(id, func(r *recording, _ time.Time) {
		if f := r.format(kind); f != nil {
			err = r.tar(&b, f, s.cfg.URL)
		}
	})
	if missing != nil {
		return nil, missing
	}
	return b.Bytes(), err
}

func (r *recording) tar(b *bytes.Buffer, f *format, base string) error {
	w := tar.NewWriter(b)
	dir := f.kind + "/" + r.id + "/"
	files := []struct{ name, text string }{{"metadata.xml", r.metadataXML(f, base)}}
	switch f.kind {
	case "presentation":
		files = append(files, []struct{ name, text string }{
			{"shapes.svg", `<svg xmlns="http://www.w3.org/2000/svg" version="1.1"></svg>` + "\n"},
			{"slides_new.xml", "<popcorn></popcorn>\n"},
			{"thumb-1.png", "\x89PNG\r\n\x1a\n"},
			{"presentation_text.json", "{}\n"},
			{"video/webcams.webm", "\x1a\x45\xdf\xa3"},
		}...)
	case "podcast":
		files = append(files, struct{ name, text string }{"audio.ogg", "OggS"})
	default:
		files = append(files, struct{ name, text string }{f.kind + ".mp4", "\x00\x00\x00\x18ftypmp42"})
	}
	for _, name := range []string{f.kind + "/", dir} {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755, ModTime: r.end}); err != nil {
			return err
		}
	}
	for _, file := range files {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: dir + file.name, Mode: 0o644, Size: int64(len(file.text)), ModTime: r.end}); err != nil {
			return err
		}
		if _, err := w.Write([]byte(file.text)); err != nil {
			return err
		}
	}
	return w.Close()
}

// metadataXML is the description that lies beside the files.
func (r *recording) metadataXML(f *format, base string) string {
	meeting := node{name: "meeting", attrs: []string{"id", r.id, "externalId", r.external, "name", r.name, "breakout", yes("", r.breakout).text}}
	meta := append([]node{el("meetingId", r.external), el("meetingName", r.name), yes("isBreakout", r.breakout)}, metadata(r.meta)...)
	kids := []node{
		el("id", r.id), el("state", r.state), yes("published", r.published()), num("start_time", millis(r.start)), num("end_time", millis(r.end)),
		num("participants", int64(r.participants)), meeting, group("meta", meta),
	}
	if r.breakout {
		kids = append(kids, node{name: "breakout", attrs: []string{"parentMeetingId", r.parent, "sequence", num("", int64(r.sequence)).text, "meetingId", r.id}})
	}
	playback := []node{
		el("format", f.kind), el("link", r.link(base, f.kind)), num("processing_time", f.since.Milliseconds()), num("duration", r.end.Sub(r.start).Milliseconds()), num("size", f.size),
	}
	if f.kind == "presentation" {
		image := el("image", base+"/presentation/"+r.id+"/thumb-1.png")
		image.attrs = []string{"width", "176", "height", "136", "alt", "Welcome"}
		playback = append(playback, group("extensions", []node{group("preview", []node{group("images", []node{image})})}))
	}
	kids = append(kids, group("playback", playback), num("raw_size", r.rawSize))
	var b bytes.Buffer
	b.WriteString("<?xml version=\"1.0\"?>\n")
	all := group("recording", kids)
	all.write(&b)
	return b.String()
}
