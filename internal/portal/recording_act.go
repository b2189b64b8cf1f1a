// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"errors"
	"io"
	"net/http"

	"meetcoop/internal/fault"
	"meetcoop/internal/recording"
	"meetcoop/internal/web"
)

// recordingWatch leads to the playback, whose address is made for this visit where not everybody with a link may watch.
func (h *Handler) recordingWatch(w http.ResponseWriter, r *Request) error {
	to, err := h.Recordings.Watch(r.Context(), r.Actor(), recordingOf(r), r.PathValue("format"))
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r.Request, to, http.StatusSeeOther)
	return nil
}

func (h *Handler) recordingPublish(w http.ResponseWriter, r *Request) error {
	return h.recordingTurn(w, r, true, "recording_published")
}

func (h *Handler) recordingHide(w http.ResponseWriter, r *Request) error {
	return h.recordingTurn(w, r, false, "recording_hidden")
}

func (h *Handler) recordingTurn(w http.ResponseWriter, r *Request, on bool, done string) error {
	v, err := h.Recordings.SetPublished(r.Context(), r.Actor(), recordingOf(r), on)
	if err != nil {
		return err
	}
	return h.seeOther(w, r, r.Next(recordingPath(r.Hat.Member.Slug, v.ID)), done)
}

func (h *Handler) recordingRestore(w http.ResponseWriter, r *Request) error {
	v, err := h.Recordings.Restore(r.Context(), r.Actor(), recordingOf(r))
	if err != nil {
		return err
	}
	return h.seeOther(w, r, recordingPath(r.Hat.Member.Slug, v.ID), "recording_restored")
}

func (h *Handler) recordingAccess(w http.ResponseWriter, r *Request) error {
	v, err := h.Recordings.SetAccess(r.Context(), r.Actor(), recordingOf(r), recording.Access(r.FormValue("access")))
	if m, wrong := mistakes(r.P, err); wrong {
		return h.recordingAnswer(w, r, http.StatusUnprocessableEntity, recordingMistakes{access: m})
	}
	if err != nil {
		return err
	}
	return h.seeOther(w, r, recordingPath(r.Hat.Member.Slug, v.ID), "recording_access")
}

func (h *Handler) recordingRename(w http.ResponseWriter, r *Request) error {
	v, err := h.Recordings.Rename(r.Context(), r.Actor(), recordingOf(r), r.FormValue("title"))
	if m, wrong := mistakes(r.P, err); wrong {
		return h.recordingAnswer(w, r, http.StatusUnprocessableEntity, recordingMistakes{title: m})
	}
	if err != nil {
		return err
	}
	return h.seeOther(w, r, recordingPath(r.Hat.Member.Slug, v.ID), "recording_renamed")
}

func (h *Handler) recordingDeleteAsk(w http.ResponseWriter, r *Request) error {
	d, err := h.Recordings.Look(r.Context(), r.Actor(), recordingOf(r))
	if err == nil && d.State == recording.Deleted {
		err = fault.New(fault.Conflict, "recording.trashed")
	}
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "confirm", h.recordingDeleteOf(r, d.Recording, Mistakes{}))
}

// recordingDeleteOf asks before a recording is taken away: a stored one for a week, one on its server for good.
func (h *Handler) recordingDeleteOf(r *Request, v recording.Recording, m Mistakes) confirmPage {
	path, title := recordingPath(r.Hat.Member.Slug, v.ID), recordingTitle(r, v)
	page := confirmPage{
		Page: h.page(r, "member_recordings", r.P.T("recordings.delete_title", map[string]any{"Title": title})), Errors: m.Summary(), Action: path + "/delete",
		Text:    r.P.T("recordings.delete_text"),
		Effects: []string{r.P.T("recordings.delete_links")},
		Confirm: Button{Kind: ButtonDanger, Icon: "trash-2", Label: r.P.T("recordings.delete")}, Back: Link{Label: r.P.T("portal.cancel"), Href: path},
	}
	if v.Mode == recording.Stored {
		page.Effects = append(page.Effects, r.P.T("recordings.delete_trash"), r.P.T("recordings.delete_storage"))
	} else {
		page.Effects = append(page.Effects, r.P.T("recordings.delete_remote"))
		page.Typed = typedName(r, title, m)
	}
	page.Trail = []Link{{Label: r.P.T("recordings.title"), Href: recordingPath(r.Hat.Member.Slug, "")}, {Label: title, Href: path}}
	return page
}

func (h *Handler) recordingDelete(w http.ResponseWriter, r *Request) error {
	d, err := h.Recordings.Look(r.Context(), r.Actor(), recordingOf(r))
	if err != nil {
		return err
	}
	if d.Mode == recording.Remote {
		if m, wrong := mistakes(r.P, typedWrong(r, recordingTitle(r, d.Recording))); wrong {
			return h.render(w, r, http.StatusUnprocessableEntity, "confirm", h.recordingDeleteOf(r, d.Recording, m))
		}
	}
	v, err := h.Recordings.Discard(r.Context(), r.Actor(), recordingOf(r))
	if err != nil {
		return err
	}
	if v.Mode == recording.Remote {
		return h.seeOther(w, r, recordingPath(r.Hat.Member.Slug, ""), "recording_deleted")
	}
	return h.seeOther(w, r, recordingPath(r.Hat.Member.Slug, v.ID), "recording_trashed")
}

func (h *Handler) trackAdd(w http.ResponseWriter, r *Request) error {
	file, err := uploaded(r, "file", recording.MostTrack)
	if err != nil {
		return err
	}
	t := recording.Track{Kind: r.PostFormValue("kind"), Lang: r.PostFormValue("lang"), Label: r.PostFormValue("label")}
	err = h.Recordings.AddTrack(r.Context(), r.Actor(), recordingOf(r), t, file)
	if m, wrong := mistakes(r.P, err); wrong {
		return h.recordingAnswer(w, r, http.StatusUnprocessableEntity, recordingMistakes{track: m})
	}
	if code := fault.CodeOf(err); err != nil && (fault.KindOf(err) == fault.Unavailable || code == "recording.server_refused") {
		h.Log.Log(r.Context(), web.Level(err), "subtitles not taken by a server", "request_id", r.ID, "code", code, "err", err)
		retryAfter(w, err)
		return h.recordingAnswer(w, r, Status(err), recordingMistakes{track: notDone(r.P, "file", err)})
	}
	if err != nil {
		return err
	}
	return h.seeOther(w, r, recordingPath(r.Hat.Member.Slug, recordingOf(r).ID)+"#tracks", "recording_track_added")
}

// uploaded returns a file of a form, at most so many bytes and one of it; none is empty. Invalid (web.too_large, input.unreadable).
func uploaded(r *Request, name string, most int64) ([]byte, error) {
	f, _, err := r.FormFile(name)
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) {
		return nil, nil
	}
	if err != nil {
		return nil, web.BodyFault(err)
	}
	defer func() { _ = f.Close() }() // read only
	out, err := io.ReadAll(io.LimitReader(f, most+1))
	return out, web.BodyFault(err)
}

func (h *Handler) trackRemove(w http.ResponseWriter, r *Request) error {
	if err := h.Recordings.RemoveTrack(r.Context(), r.Actor(), recordingOf(r), r.FormValue("track")); err != nil {
		return err
	}
	return h.seeOther(w, r, recordingPath(r.Hat.Member.Slug, recordingOf(r).ID)+"#tracks", "recording_track_removed")
}
