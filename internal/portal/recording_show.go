// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"time"

	"meetcoop/internal/instant"
	"meetcoop/internal/recording"
	"meetcoop/internal/tariff"
)

// recordingPage is one recording: who can watch it, until when, and what can be done to it.
type recordingPage struct {
	Page
	Play     *Button
	State    Badge
	Meaning  string // of state and access
	Until    string
	Notice   *Notice // why something cannot be done
	Turn     []Button
	Share    []CopyField
	NoShare  string
	Formats  []formatLine
	Access   *accessForm
	Title    titleForm
	Tracks   []trackLine
	Track    *trackForm
	NoTracks string
	TracksAt string // where they are, when not here
	Facts    []usageLine
	Delete   *Button
	Trashed  bool
}

// formatLine is one playback.
type formatLine struct {
	Name, Sub string
	Play      *Button
}

type accessForm struct {
	Errors FormErrors
	Action string
	Access Choices
}

type titleForm struct {
	Errors FormErrors
	Action string
	Title  Field
}

// trackLine is one set of subtitles.
type trackLine struct {
	Name, Sub string
	Remove    *Button // nil: not ours to remove
}

type trackForm struct {
	Errors FormErrors
	Action string
	Kind   Select
	Lang   Field
	Label  Field
	File   FileField
}

func (h *Handler) recordingShow(w http.ResponseWriter, r *Request) error {
	return h.recordingAnswer(w, r, http.StatusOK, recordingMistakes{})
}

// recordingMistakes are those of the form that was sent.
type recordingMistakes struct{ access, title, track Mistakes }

func (h *Handler) recordingAnswer(w http.ResponseWriter, r *Request, status int, m recordingMistakes) error {
	d, err := h.Recordings.Look(r.Context(), r.Actor(), recordingOf(r))
	if err != nil {
		return err
	}
	all, err := h.connectionNames(r, r.Hat.Member.ID)
	if err != nil {
		return err
	}
	f := recordingFigures{Connections: all}
	if d.Mode == recording.Remote && hasTracks(d.Recording) {
		d.Tracks, err = h.Recordings.TracksThere(r.Context(), d.Recording)
		if f.Silent = err != nil; f.Silent {
			h.Log.Debug("tracks of a recording not told", "request_id", r.ID, "server", d.Server, "err", err)
		}
	}
	return h.render(w, r, status, "recording_show", h.recordingOf(r, d, f, m))
}

// recordingOf names the recording of the path.
func recordingOf(r *Request) recording.Of {
	return recording.Of{Member: r.Hat.Member.ID, ID: recording.ID(r.PathValue("record"))}
}

func (h *Handler) recordingOf(r *Request, d recording.Detail, f recordingFigures, m recordingMistakes) recordingPage {
	path := recordingPath(r.Hat.Member.Slug, d.ID)
	page := recordingPage{
		Page: h.page(r, "member_recordings", recordingTitle(r, d.Recording)), State: stateBadge(r, d.Recording), Meaning: meaningWords(r, d.Recording), Trashed: d.State == recording.Deleted,
		Title: titleForm{Errors: m.title.Summary(), Action: path + "/title", Title: Field{
			Name: "title", Label: r.P.T("recordings.title_label"), Hint: r.P.T("recordings.title_hint"), Value: d.Title(), Error: m.title.Of("title"), MaxLength: 200, Optional: true,
		}},
	}
	if page.Title.Errors.Any() {
		page.Title.Title.Value = r.FormValue("title")
	}
	page.Lead = r.P.T("recordings.met", map[string]any{"When": r.P.DateTime(startOf(d.Recording)), "Long": lengthWords(r, d.Recording)})
	page.Trail = []Link{{Label: r.P.T("recordings.title"), Href: recordingPath(r.Hat.Member.Slug, "")}}
	page.Until = keptSentence(r, d.Recording, d.Limits)
	page.Facts = recordingFacts(r, d.Recording, f)
	for _, v := range d.Formats {
		page.Formats = append(page.Formats, formatLineOf(r, d.Recording, v, path))
	}
	if page.Trashed {
		page.Turn = []Button{{Kind: ButtonPrimary, Icon: "undo-2", Label: r.P.T("recordings.restore"), Post: path + "/restore"}}
		if d.Over {
			days, _ := d.Limits.RetentionDays.Int()
			page.Turn, page.Notice = nil, &Notice{Kind: NoticeInfo, Text: r.P.N("recordings.time_over", days), Link: Link{Label: r.P.T("recordings.levels"), Href: "/levels"}}
		}
		return page
	}
	switch d.State {
	case recording.Published:
		page.Turn = []Button{{Icon: "eye-off", Label: r.P.T("recordings.hide"), Post: path + "/hide"}}
		if v, ok := mainFormat(d.Recording); ok {
			page.Play = &Button{Kind: ButtonPrimary, Icon: "play", Label: r.P.T("recordings.play"), Href: path + "/watch/" + v.Type}
		}
	case recording.Unpublished:
		page.Turn = []Button{{Kind: ButtonPrimary, Icon: "eye", Label: r.P.T("recordings.publish"), Post: path + "/publish"}}
	}
	h.recordingShare(r, &page, d)
	if d.Mode == recording.Stored {
		page.Access = accessFormOf(r, d.Recording, path, m.access)
	}
	recordingTracks(r, &page, d, f, m.track)
	page.Delete = &Button{Kind: ButtonDanger, Icon: "trash-2", Label: r.P.T("recordings.delete"), Href: path + "/delete"}
	return page
}

// hasTracks reports whether a recording is so far that it can have subtitles.
func hasTracks(v recording.Recording) bool {
	return v.Mode == recording.Stored || v.State == recording.Published || v.State == recording.Unpublished
}

// recordingTracks lists subtitles and offers to add some. Those on a server can be added there and not be removed: its API has no call for it.
func recordingTracks(r *Request, page *recordingPage, d recording.Detail, f recordingFigures, m Mistakes) {
	path := recordingPath(r.Hat.Member.Slug, d.ID)
	if !hasTracks(d.Recording) {
		page.NoTracks = r.P.T("recordings.tracks_later")
		return
	}
	page.Track = trackFormOf(r, path, m)
	for _, t := range d.Tracks {
		line := trackLineOf(r, t, path)
		if d.Mode == recording.Remote {
			line.Remove = nil
		}
		page.Tracks = append(page.Tracks, line)
	}
	switch {
	case f.Silent:
		page.NoTracks = r.P.T("recordings.tracks_silent")
	case len(d.Tracks) == 0:
		page.NoTracks = r.P.T("recordings.tracks_none")
	}
	if d.Mode == recording.Remote {
		page.TracksAt = r.P.T("recordings.tracks_remote")
	}
}

// meaningWords says in a sentence who can watch it now.
func meaningWords(r *Request, v recording.Recording) string {
	switch {
	case v.State != recording.Published && v.State != recording.Unpublished && v.State != recording.Deleted:
		return r.P.T("recordings.means.processing")
	case v.State != recording.Published:
		return r.P.T("recordings.means." + string(v.State))
	case v.Mode == recording.Remote:
		return r.P.T("recordings.means.remote")
	}
	return r.P.T("recordings.means."+string(v.Access), map[string]any{"Member": r.Hat.Member.Name})
}

// keptSentence says when it goes.
func keptSentence(r *Request, v recording.Recording, l tariff.Limits) string {
	at := recording.KeptUntil(v, l.RetentionDays, r.Now)
	switch {
	case v.State == recording.Deleted:
		return r.P.T("recordings.gone_on", map[string]any{"When": r.P.DateTime(at)})
	case v.Mode == recording.Remote:
		return r.P.T("recordings.until_remote")
	case at.IsZero():
		return r.P.T("recordings.until_never")
	}
	_, left := untilWords(r, v, l)
	return r.P.T("recordings.until", map[string]any{"When": r.P.Date(at.In(r.P.Zone())), "Left": left})
}

func formatLineOf(r *Request, v recording.Recording, f recording.Format, path string) formatLine {
	line := formatLine{Name: formatWords(r, f.Type)}
	if f.Minutes > 0 {
		line.Sub = r.P.DurationShort(time.Duration(f.Minutes) * time.Minute)
	}
	if f.Bytes > 0 {
		line.Sub = joined(line.Sub, r.P.Bytes(f.Bytes))
	}
	if v.State == recording.Published {
		line.Play = &Button{Small: true, Icon: "play", Label: r.P.T("recordings.play"), Describe: r.P.T("recordings.play_one", map[string]any{"Title": line.Name}), Href: path + "/watch/" + f.Type}
	}
	return line
}

// recordingShare offers the link that people may be given.
func (h *Handler) recordingShare(r *Request, page *recordingPage, d recording.Detail) {
	v := d.Recording
	f, ok := mainFormat(v)
	if v.State != recording.Published || !ok {
		page.NoShare = r.P.T("recordings.share_hidden")
		return
	}
	field := CopyField{ID: "link", Label: r.P.T("recordings.link"), Hint: r.P.T("recordings.link_hint."+string(v.Access), map[string]any{"Member": r.Hat.Member.Name})}
	switch {
	case v.Mode == recording.Remote:
		field.Value, field.Hint = f.URL, r.P.T("recordings.link_hint.remote")
	case v.Access == recording.AccessMembers:
		field.Value = h.PublicURL + recordingPath(r.Hat.Member.Slug, v.ID) + "/watch/" + f.Type
	default:
		field.Value = d.Link(f.Type)
	}
	page.Share = []CopyField{field}
}

func accessFormOf(r *Request, v recording.Recording, path string, m Mistakes) *accessForm {
	out := &accessForm{Errors: m.Summary(), Action: path + "/access", Access: Choices{Name: "access", Legend: r.P.T("recordings.access"), Error: m.Of("access")}}
	for _, a := range recording.Accesses {
		who := map[string]any{"Member": r.Hat.Member.Name}
		out.Access.Options = append(out.Access.Options, Choice{Value: string(a), Label: r.P.T("recordings.access."+string(a), who), Hint: r.P.T("recordings.access_hint."+string(a), who), Chosen: a == v.Access})
	}
	return out
}

var trackKinds = []string{"subtitles", "captions"}

func trackFormOf(r *Request, path string, m Mistakes) *trackForm {
	out := &trackForm{
		Errors: m.Summary(), Action: path + "/tracks",
		Kind:  Select{Name: "kind", Label: r.P.T("recordings.track_kind"), Hint: r.P.T("recordings.track_kind_hint"), Error: m.Of("kind")},
		Lang:  Field{Name: "lang", Label: r.P.T("recordings.track_lang"), Hint: r.P.T("recordings.track_lang_hint"), Error: m.Of("lang"), MaxLength: 35, Placeholder: "ca", Value: r.PostFormValue("lang")},
		Label: Field{Name: "label", Label: r.P.T("recordings.track_label"), Hint: r.P.T("recordings.track_label_hint"), Error: m.Of("label"), MaxLength: 200, Optional: true, Value: r.PostFormValue("label")},
		File:  FileField{Name: "file", Label: r.P.T("recordings.track_file"), Hint: r.P.T("recordings.track_file_hint"), Error: m.Of("file"), Accept: ".vtt,.srt,text/vtt,application/x-subrip"},
	}
	for _, k := range trackKinds {
		out.Kind.Options = append(out.Kind.Options, Choice{Value: k, Label: r.P.T("recordings.track." + k), Chosen: k == r.PostFormValue("kind")})
	}
	return out
}

func trackLineOf(r *Request, t recording.Track, path string) trackLine {
	line := trackLine{Name: t.Label, Sub: joined(r.P.T("recordings.track."+t.Kind), t.Lang)}
	line.Remove = &Button{
		Kind: ButtonPlain, Small: true, Label: r.P.T("recordings.track_remove"), Describe: r.P.T("recordings.track_remove_one", map[string]any{"Name": t.Label}), Name: "track", Value: t.Name(), Post: path + "/tracks/remove",
	}
	return line
}

func recordingFacts(r *Request, v recording.Recording, f recordingFigures) []usageLine {
	where := "recordings.where." + string(v.Mode)
	out := []usageLine{
		{Label: r.P.T("recordings.started"), Value: r.P.DateTime(startOf(v))},
		{Label: r.P.T("recordings.ended"), Value: r.P.DateTime(instant.Micros(v.EndedMS * 1000))},
		{Label: r.P.T("recordings.people"), Value: r.P.Number(int64(v.Participants))},
		{Label: r.P.T("recordings.connection"), Value: f.name(v.Connection)},
		{Label: r.P.T("recordings.size"), Value: r.P.Bytes(v.Bytes())},
		{Label: r.P.T("recordings.where"), Value: r.P.T(where), Hint: r.P.T(where + "_hint")},
	}
	if v.Name != "" && v.Name != v.Title() {
		out = append(out, usageLine{Label: r.P.T("recordings.meeting_name"), Value: v.Name})
	}
	return append(out, usageLine{Label: r.P.T("recordings.meeting_id"), Value: v.ExternalID}, usageLine{Label: r.P.T("recordings.record_id"), Value: string(v.ID)})
}
