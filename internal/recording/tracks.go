// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"regexp"

	"meetcoop/internal/conference"
	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/store"
)

// Track is one set of subtitles or captions of a stored recording.
type Track struct {
	Kind   string // subtitles or captions
	Lang   string // RFC 5646
	Label  string
	Source string // upload
	VTT    string // WebVTT
}

// Name is the file under which the track is served.
func (t Track) Name() string {
	if t.Label == t.Lang {
		return t.Kind + "_" + t.Lang + ".vtt"
	}
	sum := sha256.Sum256([]byte(t.Label))
	return t.Kind + "_" + t.Lang + "_" + hex.EncodeToString(sum[:4]) + ".vtt"
}

const (
	// MostTrack is how many bytes a file of subtitles may have.
	MostTrack  = 1 << 20
	mostTracks = 100
)

var langForm = regexp.MustCompile(`^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,7}$`)

// IsLanguage reports whether a text looks like a language of RFC 5646.
func IsLanguage(text string) bool { return langForm.MatchString(text) }

// Problems of subtitles; keys are the API's.
var (
	ErrNoRecordings = conference.Problem{Key: "noRecordings", Message: "No recording was found."}
	ErrEmptyTrack   = conference.Problem{Key: "empty_uploaded_text_track", Message: "Empty uploaded text track."}
	ErrTrack        = conference.Problem{Key: "upload_text_track_failed", Message: "Text track upload failed."}
)

// Owner returns a recording of a connection that is not deleted. Problem noRecordings.
func (s *Service) Owner(ctx context.Context, c id.Connection, rec ID) (Recording, error) {
	var out []Recording
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		out, err = owned(ctx, r, c, []ID{rec})
		return err
	})
	if err == nil && len(out) == 0 {
		err = ErrNoRecordings
	}
	if err != nil {
		return Recording{}, err
	}
	return out[0], nil
}

// Tracks returns the tracks of a stored recording of a connection. Problem noRecordings.
func (s *Service) Tracks(ctx context.Context, c id.Connection, rec ID) ([]Track, error) {
	if _, err := s.Owner(ctx, c, rec); err != nil {
		return nil, err
	}
	var out []Track
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		out, err = tracksOf(ctx, r, rec)
		return err
	})
	return out, err
}

// PutTrack gives a stored recording of a connection subtitles, in SRT or WebVTT; those of the same kind, language and label are replaced.
// Problem noRecordings, empty_uploaded_text_track, upload_text_track_failed.
func (s *Service) PutTrack(ctx context.Context, c id.Connection, rec ID, t Track, file []byte) error {
	vtt, err := toWebVTT(file)
	if errors.Is(err, errNoCues) {
		return ErrEmptyTrack
	}
	if err != nil {
		return ErrTrack
	}
	t.VTT, t.Source = vtt, "upload"
	if t.Label == "" {
		t.Label = t.Lang
	}
	if len(t.Label) > maxText {
		return ErrTrack
	}
	now := s.deps.Now()
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		mine, err := owned(ctx, tx, c, []ID{rec})
		if err != nil {
			return err
		}
		if len(mine) == 0 || mine[0].Mode != Stored {
			return ErrNoRecordings
		}
		have, err := tracksOf(ctx, tx, rec)
		if err != nil {
			return err
		}
		if len(have) >= mostTracks {
			return ErrTrack
		}
		return saveTrack(ctx, tx, now, rec, t)
	})
}

// AskTracks makes a call about the tracks of a remote recording on its server and returns the JSON it answers. Unavailable when it does
// not answer, or not with JSON.
func (s *Service) AskTracks(ctx context.Context, rec Recording, call, query string, body io.Reader, media string, length int64) ([]byte, error) {
	if s.deps.Conferences == nil {
		return nil, errors.New("recording: no way to servers")
	}
	client, err := s.deps.Conferences.Server(ctx, rec.Server)
	if err != nil {
		return nil, err
	}
	if body != nil {
		body = io.NopCloser(body)
	}
	resp, err := client.Stream(ctx, bbb.Request{Call: call, Query: query, Body: body, ContentType: media, Length: length})
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // read
	out, err := io.ReadAll(io.LimitReader(resp.Body, MostTrack))
	if err != nil {
		return nil, err
	}
	if !json.Valid(out) {
		return nil, fault.New(fault.Unavailable, "bbb.unanswered")
	}
	return out, nil
}
