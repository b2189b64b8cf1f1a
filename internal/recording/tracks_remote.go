// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"bytes"
	"context"
	"encoding/json"
	"mime/multipart"
	"net/textproto"
	"net/url"
	"strings"
	"time"
	"unicode"

	"meetcoop/internal/conference"
	"meetcoop/internal/fault"
	"meetcoop/internal/identity"
	"meetcoop/internal/store"
)

// tracksWait is how long a server may take to tell its tracks: a page waits for it. It ends the question by its context and not as the call's
// own time, so that people who look at pages do not make a slow server count as a dead one.
const tracksWait = 1200 * time.Millisecond

// trackPutWait is how long a server may take to accept a file of at most MostTrack bytes.
const trackPutWait = 8 * time.Second

// TracksThere returns the tracks that the server of a remote recording tells, which was found for the actor by Look: at most 100, without
// their texts, and without the addresses it names. It takes 1.2 s at most. Unavailable (bbb.*) when the server does not answer in time or
// not sensibly, Conflict (recording.server_refused) when it refuses.
func (s *Service) TracksThere(ctx context.Context, rec Recording) ([]Track, error) {
	ctx, cancel := context.WithTimeout(ctx, tracksWait)
	defer cancel()
	a, err := s.trackAnswer(ctx, rec, "getRecordingTextTracks", "recordID="+url.QueryEscape(string(rec.ID)), nil, "")
	if err != nil {
		return nil, err
	}
	switch {
	case a.ReturnCode == "SUCCESS":
		return a.tracks(), nil
	case a.Key == "noCaptionsFound" || a.Key == "noRecordings": // the latter too for one that has never had any
		return nil, nil
	}
	return nil, serverRefused(conference.Problem{Key: a.Key, Message: a.Message})
}

// trackAnswer is what servers answer to the calls about tracks.
type trackAnswer struct {
	ReturnCode string `json:"returncode"`
	Key        string `json:"messageKey"`
	Message    string `json:"message"`
	Tracks     []struct {
		Kind  string `json:"kind"`
		Label string `json:"label"`
		Lang  string `json:"lang"`
	} `json:"tracks"`
}

// tracks are those of an answer that could be ours: a server may say anything.
func (a trackAnswer) tracks() []Track {
	var out []Track
	for _, t := range a.Tracks {
		label := oneLine(t.Label)
		if label == "" {
			label = t.Lang
		}
		if (t.Kind == "subtitles" || t.Kind == "captions") && IsLanguage(t.Lang) && len(out) < mostTracks {
			out = append(out, Track{Kind: t.Kind, Lang: t.Lang, Label: label})
		}
	}
	return out
}

// oneLine is a text of a server as one line of at most mostTitle characters, of those that show: what turns the direction of letters around
// could make a page say something else.
func oneLine(text string) string {
	text = strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case !unicode.IsGraphic(c), c == unicode.ReplacementChar:
			return -1
		}
		return c
	}, text)
	out := []rune(strings.Join(strings.Fields(text), " "))
	return string(out[:min(len(out), mostTitle)])
}

func (s *Service) trackAnswer(ctx context.Context, rec Recording, call, query string, body *bytes.Buffer, media string) (trackAnswer, error) {
	var out struct {
		Response trackAnswer `json:"response"`
	}
	var text []byte
	var err error
	if body == nil {
		text, err = s.AskTracks(ctx, rec, call, query, nil, "", 0)
	} else {
		text, err = s.AskTracks(ctx, rec, call, query, body, media, int64(body.Len()))
	}
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	code := out.Response.ReturnCode
	if err != nil && fault.As(err) == nil || err == nil && code != "SUCCESS" && code != "FAILED" {
		err = fault.Wrap(err, fault.Unavailable, "bbb.unanswered")
	}
	return out.Response, err
}

// addRemoteTrack hands a track to the server of a remote recording; remote is false, and nothing is done, for a stored one. The server is
// asked in no transaction, and the audit trail has the track only after it agreed.
func (s *Service) addRemoteTrack(ctx context.Context, actor identity.Actor, of Of, t Track) (remote bool, err error) {
	var rec Recording
	err = s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		if err = authorise(ctx, r, actor, of.Member); err == nil {
			rec, err = mine(ctx, r, of)
		}
		return err
	})
	switch {
	case err != nil || rec.Mode != Remote:
		return false, err
	case rec.State != Published && rec.State != Unpublished:
		return true, fault.New(fault.Conflict, "recording.not_ready")
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="` + t.Kind + "_" + t.Lang + `.vtt"`}, "Content-Type": {"text/vtt"}})
	if err == nil {
		_, err = part.Write([]byte(t.VTT))
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		return true, err
	}
	query := url.Values{"recordID": {string(rec.ID)}, "kind": {t.Kind}, "lang": {t.Lang}, "label": {t.Label}}.Encode()
	wait, cancel := context.WithTimeout(ctx, trackPutWait)
	defer cancel()
	a, err := s.trackAnswer(wait, rec, "putRecordingTextTrack", query, &body, form.FormDataContentType())
	if err != nil {
		return true, err
	}
	if a.ReturnCode != "SUCCESS" {
		return true, serverRefused(conference.Problem{Key: a.Key, Message: a.Message})
	}
	now := s.deps.Now()
	return true, s.deps.DB.Write(ctx, func(tx store.Tx) error {
		return identity.Audit(ctx, tx, now, identity.Event{
			Actor: actor, Action: "recording.track_add", Object: string(of.ID), Member: of.Member, Detail: map[string]string{"kind": t.Kind, "lang": t.Lang},
		})
	})
}
