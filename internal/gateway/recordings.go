// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/recording"
)

var (
	errNoRecordID = problem{Key: "missingParamRecordID", Message: "You must specify a recordID."}
	errNoPublish  = problem{Key: "missingParamPublish", Message: "You must specify a publish value true or false."}
)

const noRecordings = "<recordings></recordings><messageKey>noRecordings</messageKey><message>There are no recordings for the meeting(s).</message>"

// getRecordings finds recordings of the connection; those of others answer as if they did not exist.
func (h *Handler) getRecordings(w http.ResponseWriter, r *request) error {
	q := recording.Query{IDs: splitIDs(r.q.Get("recordID")), External: splitIDs(r.q.Get("meetingID")), Metadata: filters(r.q)}
	if words := splitIDs(r.q.Get("state")); len(words) > 0 {
		q.States = recording.ParseStates(words)
	}
	if n, err := strconv.Atoi(r.q.Get("limit")); err == nil {
		q.Limit = min(max(n, 1), recording.MostOfPage)
		q.Offset, _ = strconv.Atoi(r.q.Get("offset")) // nonsense is 0
	}
	page, err := h.deps.Recordings.Find(r.http.Context(), r.connection.ID, q)
	if err != nil {
		return err
	}
	if len(page.Recordings) == 0 {
		success(w, noRecordings)
		return nil
	}
	b := []byte("<recordings>")
	for _, v := range page.Recordings {
		b = h.recording(b, v)
	}
	b = append(b, "</recordings>"...)
	success(w, string(element(b, "totalElements", strconv.Itoa(page.Total))))
	return nil
}

// filters are the metadata asked for. Unlike at create, a name may be one of those every recording has.
func filters(q bbb.Query) map[string]string {
	out := map[string]string{}
	for _, k := range q.Keys() {
		if name, ok := strings.CutPrefix(k, "meta_"); ok && name != "" {
			name = strings.ToLower(name)
			if _, twice := out[name]; !twice {
				out[name] = q.Get(k)
			}
		}
	}
	return out
}

// splitIDs reads a list. It is decoded once more than other parameters, before commas count (bbb-api 9).
func splitIDs(list string) []string {
	if decoded, err := url.QueryUnescape(list); err == nil {
		list = decoded
	}
	var out []string
	for v := range strings.SplitSeq(list, ",") {
		if v = bbb.Clean(v); v != "" && utf8.ValidString(v) { // the second decoding may bring anything
			out = append(out, v)
		}
	}
	return out
}

// recording appends <recording>: as its server said, or as we know it.
func (h *Handler) recording(b []byte, r recording.Recording) []byte {
	if r.Mode == recording.Remote {
		return append(append(append(b, "<recording>"...), r.XML...), "</recording>"...)
	}
	e := &bbb.Element{Name: "recording"}
	add := func(name, text string) { e.Kids = append(e.Kids, &bbb.Element{Name: name, Text: text}) }
	add("recordID", string(r.ID))
	add("meetingID", r.ExternalID)
	add("internalMeetingID", string(r.ID))
	add("name", r.Name)
	add("isBreakout", strconv.FormatBool(r.Breakout.Is))
	add("published", strconv.FormatBool(r.State == recording.Published))
	add("protected", strconv.FormatBool(r.Access == recording.AccessProtected))
	add("state", string(r.State))
	add("startTime", strconv.FormatInt(r.StartedMS, 10))
	add("endTime", strconv.FormatInt(r.EndedMS, 10))
	add("participants", strconv.Itoa(r.Participants))
	if r.RawBytes > 0 {
		add("rawSize", strconv.FormatInt(r.RawBytes, 10))
	}
	e.Kids = append(e.Kids, breakoutOf(r)...)
	meta := &bbb.Element{Name: "metadata", Kids: []*bbb.Element{
		{Name: "isBreakout", Text: strconv.FormatBool(r.Breakout.Is)}, {Name: "meetingId", Text: r.ExternalID}, {Name: "meetingName", Text: r.Name},
	}}
	for _, name := range slices.Sorted(maps.Keys(r.Metadata)) {
		meta.Kids = append(meta.Kids, &bbb.Element{Name: name, Text: r.Metadata[name]})
	}
	e.Kids = append(e.Kids, meta)
	add("size", strconv.FormatInt(r.Bytes(), 10))
	playback := &bbb.Element{Name: "playback"}
	links := h.deps.Recordings.Links(r)
	for _, f := range r.Formats {
		playback.Kids = append(playback.Kids, formatOf(f, links))
	}
	e.Kids = append(e.Kids, playback)
	return e.Append(b)
}

func breakoutOf(r recording.Recording) (out []*bbb.Element) {
	if r.Breakout.Is && r.Breakout.Parent != "" {
		out = append(out, &bbb.Element{Name: "breakout", Kids: []*bbb.Element{
			{Name: "parentId", Text: r.Breakout.Parent}, {Name: "sequence", Text: strconv.Itoa(r.Breakout.Sequence)}, {Name: "freeJoin", Text: strconv.FormatBool(r.Breakout.FreeJoin)},
		}})
	}
	if len(r.Breakout.Rooms) > 0 {
		rooms := &bbb.Element{Name: "breakoutRooms"}
		for _, v := range r.Breakout.Rooms {
			rooms.Kids = append(rooms.Kids, &bbb.Element{Name: "breakoutRoom", Text: v})
		}
		out = append(out, rooms)
	}
	return out
}

func formatOf(f recording.Format, links recording.Links) *bbb.Element {
	e := &bbb.Element{Name: "format"}
	add := func(name, text string) { e.Kids = append(e.Kids, &bbb.Element{Name: name, Text: text}) }
	add("type", f.Type)
	add("url", links.To(f.Type, ""))
	add("processingTime", strconv.FormatInt(f.ProcessingMS, 10))
	add("length", strconv.Itoa(f.Minutes))
	add("size", strconv.FormatInt(f.Bytes, 10))
	if len(f.Images) > 0 {
		images := &bbb.Element{Name: "images"}
		for _, i := range f.Images {
			one := &bbb.Element{Name: "image", Text: links.To(f.Type, i.Path)}
			for _, a := range []bbb.Attr{{Name: "width", Value: i.Width}, {Name: "height", Value: i.Height}, {Name: "alt", Value: i.Alt}} {
				if a.Value != "" || a.Name == "alt" {
					one.Attrs = append(one.Attrs, a)
				}
			}
			images.Kids = append(images.Kids, one)
		}
		e.Kids = append(e.Kids, &bbb.Element{Name: "preview", Kids: []*bbb.Element{images}})
	}
	return e
}

// recordIDs are the recordings a call is about, whole ids.
func (r *request) recordIDs() ([]recording.ID, error) {
	var out []recording.ID
	for _, v := range splitIDs(r.q.Get("recordID")) {
		out = append(out, recording.ID(v))
	}
	if len(out) == 0 {
		return nil, errNoRecordID
	}
	return out, nil
}

func (h *Handler) publishRecordings(w http.ResponseWriter, r *request) error {
	ids, err := r.recordIDs()
	if err != nil {
		return err
	}
	publish := r.q.Get("publish")
	if publish == "" {
		return errNoPublish
	}
	if err := h.deps.Recordings.Publish(r.http.Context(), r.connection.ID, ids, strings.EqualFold(publish, "true")); err != nil {
		return err
	}
	success(w, string(element(nil, "published", publish)))
	return nil
}

func (h *Handler) deleteRecordings(w http.ResponseWriter, r *request) error {
	ids, err := r.recordIDs()
	if err != nil {
		return err
	}
	if err := h.deps.Recordings.Delete(r.http.Context(), r.connection.ID, ids); err != nil {
		return err
	}
	success(w, "<deleted>true</deleted>")
	return nil
}

// updateRecordings sets metadata, an empty value removes it; protect says whether a fresh link is needed for each visit.
func (h *Handler) updateRecordings(w http.ResponseWriter, r *request) error {
	ids, err := r.recordIDs()
	if err != nil {
		return err
	}
	in := recording.UpdateInput{Metadata: r.q.Metadata()}
	if r.q.Has("protect") {
		protect := strings.EqualFold(r.q.Get("protect"), "true")
		in.Protect = &protect
	}
	if err := h.deps.Recordings.Update(r.http.Context(), r.connection.ID, ids, in); err != nil {
		return err
	}
	success(w, "<updated>true</updated>")
	return nil
}
