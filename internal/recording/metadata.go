// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"bytes"
	"errors"
	"io"
	"net/url"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"meetcoop/internal/engine/bbb"
)

const (
	maxMetadata = 1 << 20 // bytes of metadata.xml
	maxImages   = 20
	maxMillis   = 9_999_999_999_999 // the year 2286
	maxText     = 2000              // bytes of a name or a value
	maxMetas    = 200
)

var errMetadata = errors.New("metadata.xml is not a recording's")

// description is what metadata.xml says beside the files of a format.
type description struct {
	recording Recording         // without owner
	format    Format            // without files
	meta      map[string]string // as the server has it, names in small letters
}

// parseDescription reads metadata.xml of a published format (bbb-api 9): one element <recording>, well-formed, without document type,
// at most 1 MiB.
func parseDescription(r io.Reader) (description, error) {
	src, err := io.ReadAll(io.LimitReader(r, maxMetadata+1))
	if err != nil {
		return description{}, err
	}
	if len(src) > maxMetadata {
		return description{}, errMetadata
	}
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	if rest, ok := bytes.CutPrefix(bytes.TrimSpace(src), []byte("<?xml")); ok {
		_, src, ok = bytes.Cut(rest, []byte("?>"))
		if !ok {
			return description{}, errMetadata
		}
	}
	root, err := bbb.ParseXML(io.MultiReader(strings.NewReader("<response>"), bytes.NewReader(src), strings.NewReader("</response>")), maxMetadata+64)
	if err != nil {
		return description{}, err
	}
	e := root.Child("recording")
	if e == nil || len(root.Kids) != 1 {
		return description{}, errMetadata
	}
	return describe(e)
}

func describe(e *bbb.Element) (description, error) {
	var d description
	meeting, playback := e.Child("meeting"), e.Child("playback")
	rec := Recording{
		ID: ID(e.Value("id")), Mode: Stored, Access: AccessLink, StartedMS: count(e.Value("start_time"), maxMillis), EndedMS: count(e.Value("end_time"), maxMillis),
		Participants: int(count(e.Value("participants"), 1_000_000)), RawBytes: count(e.Value("raw_size"), 1<<50),
		ExternalID: attr(meeting, "externalId"), Name: attr(meeting, "name"),
	}
	d.meta = metaOf(e.Child("meta"))
	if rec.ExternalID == "" {
		rec.ExternalID = d.meta["meetingid"]
	}
	if rec.Name == "" {
		rec.Name = d.meta["meetingname"]
	}
	rec.Breakout.Is = strings.EqualFold(attr(meeting, "breakout"), "true")
	if b := e.Child("breakout"); b != nil {
		rec.Breakout.Is = true
		rec.Breakout.Parent, rec.Breakout.Sequence = attr(b, "parentMeetingId"), int(count(attr(b, "sequence"), 1000))
		rec.Breakout.FreeJoin = strings.EqualFold(attr(b, "freeJoin"), "true")
	}
	if rooms := e.Child("breakoutRooms"); rooms != nil {
		for _, k := range rooms.Kids {
			if v := strings.TrimSpace(k.Text); v != "" && len(rec.Breakout.Rooms) < 100 {
				rec.Breakout.Rooms = append(rec.Breakout.Rooms, v)
			}
		}
	}
	rec.State = State(e.Value("state"))
	switch published := e.Value("published"); {
	case rec.State != Published && rec.State != Unpublished && rec.State != Deleted, published != "" && (published == "true") != (rec.State == Published):
		rec.State = Unpublished
		if published == "true" {
			rec.State = Published
		}
	}
	d.recording = rec
	d.format = Format{
		Type: playback.Value("format"), Minutes: int(count(playback.Value("duration"), maxMillis) / time.Minute.Milliseconds()),
		ProcessingMS: count(playback.Value("processing_time"), maxMillis),
		Images:       imagesOf(playback.Child("extensions").Child("preview").Child("images"), func(u string) string { return below(u, rec.ID) }),
	}
	if !idForm.MatchString(string(rec.ID)) || !formatForm.MatchString(d.format.Type) || len(rec.Name) > maxText || len(rec.ExternalID) > maxText {
		return d, errMetadata
	}
	return d, nil
}

// metaOf reads metadata: names in small letters, the first of equal ones.
func metaOf(e *bbb.Element) map[string]string {
	out := map[string]string{}
	if e == nil {
		return out
	}
	for _, k := range e.Kids {
		name := strings.ToLower(k.Name)
		if _, twice := out[name]; !twice && len(out) < maxMetas && len(k.Text) <= maxText && len(name) <= 200 {
			out[name] = strings.TrimSpace(k.Text)
		}
	}
	return out
}

// imagesOf reads previews whose address place accepts: "" is none.
func imagesOf(e *bbb.Element, place func(address string) string) []Image {
	if e == nil {
		return nil
	}
	var out []Image
	for _, k := range e.Kids {
		at := place(strings.TrimSpace(k.Text))
		if k.Name == "image" && at != "" && len(out) < maxImages {
			out = append(out, Image{Width: attr(k, "width"), Height: attr(k, "height"), Alt: attr(k, "alt"), Path: at})
		}
	}
	return out
}

// below turns the address of a file of a recording into its path below the directory of its format; "" when it is none.
func below(address string, rec ID) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	_, rest, ok := strings.Cut(u.Path, "/"+string(rec)+"/")
	if !ok || rest == "" || path.Clean(rest) != rest || !filepath.IsLocal(filepath.FromSlash(rest)) {
		return ""
	}
	return rest
}

func attr(e *bbb.Element, name string) string {
	if e == nil {
		return ""
	}
	for _, a := range e.Attrs {
		if a.Name == name && len(a.Value) <= maxText {
			return strings.TrimSpace(a.Value)
		}
	}
	return ""
}

// count reads a whole number from 0 to most; anything else is 0.
func count(text string, most int64) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n < 0 || n > most {
		return 0
	}
	return n
}
