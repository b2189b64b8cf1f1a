// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// ErrNoRecording is returned for an id that no recording has.
var ErrNoRecording = errors.New("bbbtest: no such recording")

// The states a recording is in.
const (
	stateProcessing  = "processing"
	stateProcessed   = "processed"
	statePublished   = "published"
	stateUnpublished = "unpublished"
	stateDeleted     = "deleted"
)

// recordings are those of a server, in the order they were made.
type recordings struct{ list []*recording }

// recording is what became of one meeting.
type recording struct {
	id, external, name string // the id is the meeting's internal one
	state              string
	start, end         time.Time
	participants       int
	rawSize            int64
	meta               map[string]string
	breakout           bool
	parent             string
	sequence           int
	freeJoin           bool
	rooms              []string
	formats            []*format
	tracks             []track
}

// format is one playback of a recording.
type format struct {
	kind  string
	size  int64
	since time.Duration // it took to process
}

func (r *recording) published() bool { return r.state == statePublished }

func (r *recording) format(kind string) *format {
	for _, f := range r.formats {
		if f.kind == kind {
			return f
		}
	}
	return nil
}

func (x *recordings) get(id string) *recording {
	for _, r := range x.list {
		if r.id == id {
			return r
		}
	}
	return nil
}

// MakeRecording makes a recording of a meeting, whether it goes on, has ended or was even forgotten a while ago. It is in state
// processing and not published in any format yet. It returns the record id, which is the meeting's internal id.
func (s *Server) MakeRecording(meeting string) (id string, err error) {
	err = ErrNoMeeting
	s.locked(func(now time.Time) {
		m := s.index.ever(meeting)
		if m == nil {
			return
		}
		id, err = m.internal, nil
		if s.recordings.get(id) != nil {
			return
		}
		end := m.ended
		if end.IsZero() {
			end = now
		}
		r := &recording{
			id: m.internal, external: m.external, name: m.name, state: stateProcessing, start: m.created, end: end, participants: m.everybody, rawSize: 1 << 20,
			meta: maps.Clone(m.meta), breakout: m.parent != nil, sequence: m.sequence, freeJoin: m.freeJoin,
		}
		if r.meta == nil {
			r.meta = map[string]string{}
		}
		if m.parent != nil {
			r.parent = m.parent.internal
		}
		for _, b := range m.rooms {
			r.rooms = append(r.rooms, b.internal)
		}
		s.recordings.list = append(s.recordings.list, r)
		for _, step := range []string{"archive", "sanity", "post-archive"} {
			s.tellRecording(r, "", "rap-"+step+"-started", now)
			s.tellRecording(r, "", "rap-"+step+"-ended", now)
		}
	})
	return id, err
}

// ProcessRecording ends the processing of a recording: state processed, as before its first publication.
func (s *Server) ProcessRecording(id string) error {
	return s.about(id, func(r *recording, _ time.Time) { r.state = stateProcessed })
}

// PublishRecording publishes a recording in a format ("presentation", "video", "podcast"...) and tells whoever wanted to know.
func (s *Server) PublishRecording(id, kind string) error {
	if kind == "" || strings.ContainsFunc(kind, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' }) {
		return errors.New("bbbtest: a format is a lower-case word")
	}
	return s.about(id, func(r *recording, now time.Time) {
		for _, step := range []string{"process", "post-process", "publish", "post-publish"} {
			s.tellRecording(r, kind, "rap-"+step+"-started", now)
			s.tellRecording(r, kind, "rap-"+step+"-ended", now)
		}
		if r.format(kind) == nil {
			r.formats = append(r.formats, &format{kind: kind, size: int64(1000 * (len(r.formats) + 1)), since: 7 * time.Second})
		}
		s.publishIt(r, true, now)
		s.sendReady(r)
	})
}

// publishIt moves a recording between what everybody and what nobody sees.
func (s *Server) publishIt(r *recording, yes bool, now time.Time) {
	state, event := stateUnpublished, "rap-unpublished"
	if yes {
		state, event = statePublished, "rap-published"
	}
	if r.state != state {
		r.state = state
		s.tellRecording(r, "", event, now)
	}
}

func (s *Server) about(id string, do func(r *recording, now time.Time)) error {
	err := ErrNoRecording
	s.locked(func(now time.Time) {
		if r := s.recordings.get(id); r != nil {
			do(r, now)
			err = nil
		}
	})
	return err
}

// named are the recordings that a comma list of ids names, deleted ones not.
func (x *recordings) named(list string) []*recording {
	ids := splitIDs(list)
	var out []*recording
	for _, r := range x.list {
		if r.state != stateDeleted && slices.Contains(ids, r.id) {
			out = append(out, r)
		}
	}
	return out
}
