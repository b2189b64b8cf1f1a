// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"crypto/sha1" // #nosec G505: ids are made so
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// limitMost is the most recordings of one page; limits beyond are taken for it.
const limitMost = 100

// getRecordings finds recordings by ids, state and metadata.
func (s *Server) getRecordings(w http.ResponseWriter, c *call) {
	var found []*recording
	_, err := strconv.Atoi(c.p.get("limit"))
	refused := s.cfg.NoFetchAll && err != nil && c.p.get("recordID") == "" && c.p.get("meetingID") == ""
	for _, r := range s.recordings.list {
		if !refused && r.fits(c.p) {
			found = append(found, r)
		}
	}
	total := len(found)
	offset := max(c.p.number("offset", 0), 0)
	limit, paged := 0, false
	if n, err := strconv.Atoi(c.p.get("limit")); err == nil {
		limit, paged = min(max(n, 1), limitMost), true
		found = found[min(offset, total):]
		found = found[:min(limit, len(found))]
	}
	if len(found) == 0 {
		success(w, group("recordings", nil), el("messageKey", "noRecordings"), el("message", "There are no recordings for the meeting(s)."))
		return
	}
	list := make([]node, 0, len(found))
	for _, r := range found {
		list = append(list, r.told(s.cfg.URL))
	}
	kids := []node{group("recordings", list)}
	switch {
	case s.cfg.Profile != V26:
		kids = append(kids, num("totalElements", int64(total)))
	case paged:
		kids = append(kids, group("pagination", []node{
			group("pageable", []node{num("offset", int64(offset)), num("limit", int64(limit)), yes("paged", true), yes("unpaged", false)}),
			num("totalElements", int64(total)), yes("empty", false),
		}))
	}
	success(w, kids...)
}

// splitIDs reads a list of ids. They are decoded once more than other parameters, before commas count.
func splitIDs(list string) []string {
	if decoded, err := url.QueryUnescape(list); err == nil {
		list = decoded
	}
	var out []string
	for id := range strings.SplitSeq(list, ",") {
		if id = strings.TrimSpace(id); id != "" {
			out = append(out, id)
		}
	}
	return out
}

// fits reports whether a recording is asked for.
func (r *recording) fits(p params) bool {
	prefixes := splitIDs(p.get("recordID"))
	if len(prefixes) == 0 {
		for _, id := range splitIDs(p.get("meetingID")) {
			sum := sha1.Sum([]byte(id)) // #nosec G401
			prefixes = append(prefixes, hex.EncodeToString(sum[:]))
		}
	}
	if len(prefixes) > 0 && !slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(r.id, prefix) }) {
		return false
	}
	states := splitIDs(p.get("state"))
	if len(states) == 0 {
		states = []string{statePublished, stateUnpublished}
	}
	if !slices.Contains(states, "any") && !slices.Contains(states, r.state) {
		return false
	}
	for name, pattern := range p.meta() {
		if have, ok := r.metadata()[name]; !ok || !like(have, pattern) {
			return false
		}
	}
	return true
}

// like compares with a pattern that may begin and end with %.
func like(have, pattern string) bool {
	rest, before := strings.CutPrefix(pattern, "%")
	rest, after := strings.CutSuffix(rest, "%")
	switch {
	case before && after:
		return strings.Contains(have, rest)
	case before:
		return strings.HasSuffix(have, rest)
	case after:
		return strings.HasPrefix(have, rest)
	}
	return have == pattern
}

// metadata are all the names a recording can be found by, in lower case.
func (r *recording) metadata() map[string]string {
	all := maps.Clone(r.meta)
	all["isbreakout"], all["meetingid"], all["meetingname"] = strconv.FormatBool(r.breakout), r.external, r.name
	return all
}

// told is a recording with its formats as one element.
func (r *recording) told(base string) node {
	kids := []node{
		el("recordID", r.id), el("meetingID", r.external), el("internalMeetingID", r.id), el("name", r.name), yes("isBreakout", r.breakout), yes("published", r.published()),
		el("state", r.state), num("startTime", millis(r.start)), num("endTime", millis(r.end)), num("participants", int64(r.participants)), num("rawSize", r.rawSize),
	}
	if r.breakout {
		kids = append(kids, group("breakout", []node{el("parentId", r.parent), num("sequence", int64(r.sequence)), yes("freeJoin", r.freeJoin)}))
	}
	if len(r.rooms) > 0 {
		var rooms []node
		for _, id := range r.rooms {
			rooms = append(rooms, el("breakoutRoom", id))
		}
		kids = append(kids, group("breakoutRooms", rooms))
	}
	meta := append([]node{yes("isBreakout", r.breakout), el("meetingId", r.external), el("meetingName", r.name)}, metadata(r.meta)...)
	kids = append(kids, group("metadata", meta))
	var size int64
	var formats []node
	for _, f := range r.formats {
		size += f.size
		parts := []node{
			el("type", f.kind), el("url", r.link(base, f.kind)), num("processingTime", f.since.Milliseconds()), num("length", int64(r.end.Sub(r.start)/time.Minute)), num("size", f.size),
		}
		if f.kind == "presentation" {
			image := el("image", base+"/presentation/"+r.id+"/thumb-1.png")
			image.attrs = []string{"width", "176", "height", "136", "alt", "Welcome"}
			parts = append(parts, group("preview", []node{group("images", []node{image})}))
		}
		formats = append(formats, group("format", parts))
	}
	return group("recording", append(kids, num("size", size), group("playback", formats)))
}

// link is where a format is watched.
func (r *recording) link(base, kind string) string {
	if kind == "presentation" {
		return base + "/playback/presentation/2.3/" + r.id
	}
	return base + "/" + kind + "/" + r.id + "/"
}
