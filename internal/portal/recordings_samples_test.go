// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/membership"
	"meetcoop/internal/recording"
	"meetcoop/internal/tariff"
)

// The samples of the pages about recordings.

func sampleRecording(n int) recording.Recording {
	start := sampleNow.Add(-time.Duration(n+1) * 26 * time.Hour).Time().UnixMilli()
	v := recording.Recording{
		ID: recording.ID(fmt.Sprintf("%040x-%d", n, start)), Member: "mem_1", Connection: id.Connection(fmt.Sprintf("conn_%d", n%2)), Server: "srv_1", ExternalID: fmt.Sprintf("course-%d", n), Name: fmt.Sprintf("Lesson %d", n),
		Mode: recording.Stored, State: recording.Published, Access: recording.Accesses[n%3], StartedMS: start, EndedMS: start + 54*60_000, Participants: 9,
		Formats: []recording.Format{{Type: "presentation", Dir: "x", Bytes: 48_000_000 * int64(n+1), Minutes: 54}, {Type: "video", Dir: "x", Bytes: 312_000_000, Minutes: 54}},
	}
	switch n % 7 {
	case 3:
		v.State = recording.Unpublished
	case 4:
		v.Mode, v.Formats = recording.Remote, []recording.Format{{Type: "presentation", URL: "https://bbb1.example/playback/x", Minutes: 54}}
	case 5:
		v.State, v.Formats = recording.Processing, nil
	}
	return v
}

// longRecording has the longest title and a format nobody knows.
func longRecording() recording.Recording {
	v := sampleRecording(2)
	v.ID += "-long"
	v.Name, v.ExternalID, v.Metadata = longName+" "+longWord, longWord+longWord, map[string]string{"name": longWord + " " + longName}
	v.Formats = append(v.Formats, recording.Format{Type: "an-unknown-format-of-32-letters-x", Dir: "x"})
	return v
}

func trashedRecording() recording.Recording {
	v := sampleRecording(1)
	v.State, v.DeletedAt = recording.Deleted, sampleNow.Add(-26*time.Hour)
	return v
}

func sampleShelf(all ...recording.Recording) recording.Shelf {
	s := recording.Shelf{Recordings: all, Total: len(all), Kept: len(all), Used: 7_400_000_000, Limits: sampleLimits()}
	s.Limits.Recording, s.Limits.RetentionDays, s.Limits.StorageBytes = true, 90, 20_000_000_000
	return s
}

func shelfOf(r *Request, query string, s recording.Shelf, connections ...membership.Connection) recordingsPage {
	r = asOwner(r)
	r.URL = &url.URL{Path: "/m/hilado/recordings", RawQuery: query}
	return testPortal.recordingsOf(r, recordingFigures{Shelf: s, Connections: connections})
}

func detailOf(v recording.Recording, tracks ...recording.Track) recording.Detail {
	return recording.Detail{Recording: v, Tracks: tracks, Limits: sampleShelf().Limits}
}

// shownOf is the page of a recording. Links of stored ones need keys, which samples have not.
func shownOf(r *Request, d recording.Detail, m recordingMistakes) recordingPage {
	return testPortal.recordingOf(asOwner(r), d, recordingFigures{Connections: []membership.Connection{sampleConnection(0), sampleConnection(1)}}, m)
}

func quarantineSample(r *Request, query string, s recording.Quarantine) quarantinePage {
	r.URL = &url.URL{Path: "/admin/recordings", RawQuery: query}
	return testPortal.quarantineOf(r, quarantineFigures{Quarantine: s, Servers: map[id.Server]string{"srv_1": "bbb-es-1"}})
}

func manyRecordings(n int) (out []recording.Recording) {
	for i := range n {
		out = append(out, sampleRecording(i))
	}
	return out
}

var (
	_ = sampleOf("recordings_list", "filled", func(r *Request) any {
		return shelfOf(r, "", sampleShelf(manyRecordings(7)...), sampleConnection(0), sampleConnection(1))
	})
	_ = sampleOf("recordings_list", "empty", func(r *Request) any {
		return shelfOf(r, "", recording.Shelf{Limits: sampleShelf().Limits}, sampleConnection(0))
	})
	_ = sampleOf("recordings_list", "unplugged", func(r *Request) any { return shelfOf(r, "", recording.Shelf{Limits: sampleLimits()}) })
	_ = sampleOf("recordings_list", "refused", func(r *Request) any {
		s := sampleShelf(manyRecordings(3)...)
		s.Used = 20_100_000_000
		return shelfOf(r, "sort=size", s, sampleConnection(0))
	})
	_ = sampleOf("recordings_list", "none", func(r *Request) any {
		s := sampleShelf()
		s.Kept = 3
		return shelfOf(r, "q=nothing&view=published", s, sampleConnection(0), sampleConnection(1))
	})
	_ = sampleOf("recordings_list", "trash", func(r *Request) any {
		s := sampleShelf(trashedRecording())
		s.Kept, s.Trash, s.Limits.StorageBytes, s.Limits.RetentionDays = 0, 1, tariff.Unlimited, tariff.Unlimited
		return shelfOf(r, "view=trash", s, sampleConnection(0))
	})
	_ = sampleOf("recordings_list", "crowded", func(r *Request) any {
		s := sampleShelf(append([]recording.Recording{longRecording()}, manyRecordings(49)...)...)
		s.Total, s.Kept, s.Trash = 10_000, 10_000, 999
		return shelfOf(r, "page=3&size=50&sort=oldest", s, longConnection(), sampleConnection(1))
	})

	_ = sampleOf("recording_show", "filled", func(r *Request) any {
		v := sampleRecording(4)
		return shownOf(r, detailOf(v), recordingMistakes{})
	})
	_ = sampleOf("recording_show", "hidden", func(r *Request) any {
		return shownOf(r, detailOf(sampleRecording(3), recording.Track{Kind: "subtitles", Lang: "ca", Label: "Català"}, recording.Track{Kind: "captions", Lang: "de", Label: longWord}), recordingMistakes{})
	})
	_ = sampleOf("recording_show", "members", func(r *Request) any { return shownOf(r, detailOf(sampleRecording(2)), recordingMistakes{}) })
	_ = sampleOf("recording_show", "processing", func(r *Request) any { return shownOf(r, detailOf(sampleRecording(5)), recordingMistakes{}) })
	_ = sampleOf("recording_show", "crowded", func(r *Request) any { return shownOf(r, detailOf(longRecording()), recordingMistakes{}) })
	_ = sampleOf("recording_show", "trash", func(r *Request) any { return shownOf(r, detailOf(trashedRecording()), recordingMistakes{}) })
	_ = sampleOf("recording_show", "over", func(r *Request) any {
		d := detailOf(trashedRecording())
		d.Over = true
		return shownOf(r, d, recordingMistakes{})
	})
	_ = sampleOf("recording_show", "refused", func(r *Request) any {
		r = typed(r, url.Values{"lang": {"xx yy"}, "label": {longWord}, "kind": {"captions"}})
		return shownOf(r, detailOf(sampleRecording(3)), recordingMistakes{track: mistaken(r, "lang", "recording.track_language", "file", "recording.track_file")})
	})
	_ = sampleOf("recording_show", "title", func(r *Request) any {
		r = typed(r, url.Values{"title": {strings.Repeat("x", 201)}})
		return shownOf(r, detailOf(sampleRecording(3)), recordingMistakes{title: mistaken(r, "title", "recording.title")})
	})
	_ = sampleOf("recording_show", "access", func(r *Request) any {
		return shownOf(r, detailOf(sampleRecording(3)), recordingMistakes{access: mistaken(r, "access", "recording.access")})
	})
	_ = sampleOf("confirm", "recording-delete", func(r *Request) any { return testPortal.recordingDeleteOf(asOwner(r), sampleRecording(1), Mistakes{}) })
	_ = sampleOf("confirm", "recording-delete-remote", func(r *Request) any {
		return testPortal.recordingDeleteOf(asOwner(r), sampleRecording(4), Mistakes{})
	})

	_ = sampleOf("recordings_watch", "filled", func(r *Request) any {
		list := recording.WatchList{Recordings: manyRecordings(4), Total: 4}
		list.Recordings[2].Member = "mem_2"
		return testPortal.watchOf(r, list)
	})
	_ = sampleOf("recordings_watch", "empty", func(r *Request) any {
		r.Visitor.Hats = r.Visitor.Hats[1:]
		return testPortal.watchOf(r, recording.WatchList{})
	})
	_ = sampleOf("recordings_watch", "empty-manager", func(r *Request) any { return testPortal.watchOf(r, recording.WatchList{}) })
	_ = sampleOf("recordings_watch", "none", func(r *Request) any {
		r.URL = &url.URL{Path: "/recordings", RawQuery: "q=nothing"}
		return testPortal.watchOf(r, recording.WatchList{})
	})
	_ = sampleOf("recordings_watch", "crowded", func(r *Request) any {
		return testPortal.watchOf(r, recording.WatchList{Recordings: append([]recording.Recording{longRecording()}, manyRecordings(24)...), Total: 10_000})
	})

	_ = sampleOf("quarantine_list", "filled", func(r *Request) any {
		return quarantineSample(r, "", recording.Quarantine{
			Recordings: []recording.Recording{sampleRecording(0), longRecording(), func() recording.Recording { v := sampleRecording(4); v.Server = ""; return v }()}, Here: 3, Dropped: 1, MostEach: 200, MostBytes: 20_000_000_000,
			Shares:   []recording.ServerShare{{Server: "srv_1", Recordings: 200, Bytes: 7_300_000_000}, {Server: "srv_gone", Recordings: 2, Bytes: 19_900_000_000}},
			Refusals: []recording.Refusal{{Server: "srv_1", Last: sampleRecording(1).ID, Bound: "recordings", Times: 12, First: sampleNow.Add(-30 * time.Hour), At: sampleNow.Add(-10 * time.Minute)}, {Server: "srv_gone", Last: "x", Bound: "bytes", Times: 1, First: sampleNow, At: sampleNow}},
		})
	})
	_ = sampleOf("quarantine_list", "empty", func(r *Request) any { return quarantineSample(r, "", recording.Quarantine{}) })
	_ = sampleOf("quarantine_list", "none", func(r *Request) any { return quarantineSample(r, "view=trash", recording.Quarantine{Here: 3}) })
	_ = sampleOf("quarantine_list", "dropped", func(r *Request) any {
		v := trashedRecording()
		v.Member, v.Connection = "", ""
		return quarantineSample(r, "view=trash", recording.Quarantine{Recordings: []recording.Recording{v}, Dropped: 1})
	})
	_ = sampleOf("quarantine_assign", "filled", func(r *Request) any {
		v := longRecording()
		v.Metadata = map[string]string{"bbb-origin": "Moodle", "bbb-origin-server-name": longWord + ".example"}
		return testPortal.assignOf(r, v, []membership.Connection{sampleConnection(0), longConnection()}, Mistakes{})
	})
	_ = sampleOf("quarantine_assign", "refused", func(r *Request) any {
		return testPortal.assignOf(r, sampleRecording(0), nil, mistaken(r, "connection", "recording.no_connection"))
	})
	_ = sampleOf("confirm", "quarantine-drop", func(r *Request) any { return testPortal.dropOf(r, sampleRecording(0)) })
	_ = sampleOf("confirm", "quarantine-drop-remote", func(r *Request) any { return testPortal.dropOf(r, sampleRecording(4)) })
)

// togetherSample is the page of several recordings of which some are as they were.
func togetherSample(r *Request, done recording.Together) togetherPage {
	r = typed(asOwner(r), url.Values{"act": {"hide"}})
	return testPortal.togetherOf(r, done, "/m/hilado/recordings?page=2")
}

func lefts(all ...error) (out []recording.Left) {
	for i, why := range all {
		v := sampleRecording(i)
		if fault.CodeOf(why) == "recording.unknown" {
			v = recording.Recording{ID: v.ID}
		}
		out = append(out, recording.Left{Recording: v, Why: why})
	}
	return out
}

var (
	_ = sampleOf("recordings_list", "ticked", func(r *Request) any {
		return shelfOf(r, "tick=all", sampleShelf(manyRecordings(7)...), sampleConnection(0))
	})
	_ = sampleOf("recordings_list", "nothing-ticked", func(r *Request) any {
		r = typed(asOwner(r), url.Values{"act": {"access-members"}})
		r.URL = &url.URL{Path: "/m/hilado/recordings"}
		return testPortal.recordingsOf(r, recordingFigures{Shelf: sampleShelf(manyRecordings(3)...), Mistakes: mistaken(r, "picks", "recording.none_picked", "act", "recording.act")})
	})
	_ = sampleOf("recordings_together", "part", func(r *Request) any {
		return togetherSample(r, recording.Together{Changed: manyRecordings(9), Left: lefts(
			fault.New(fault.Conflict, "recording.remote"), fault.New(fault.NotFound, "recording.unknown"), fault.New(fault.Unavailable, "bbb.unreachable"), fault.New(fault.Conflict, "recording.server_refused", fault.Params{"Key": "notFound"}),
		)})
	})
	_ = sampleOf("recordings_together", "none", func(r *Request) any {
		return togetherSample(r, recording.Together{Left: lefts(fault.New(fault.Conflict, "recording.trashed"))})
	})
	_ = sampleOf("recordings_together", "crowded", func(r *Request) any {
		return togetherSample(r, recording.Together{Changed: manyRecordings(1), Left: append([]recording.Left{{Recording: longRecording(), Why: fault.New(fault.Unavailable, "bbb.unanswered")}}, lefts(
			fault.New(fault.Conflict, "recording.meanwhile"), fault.New(fault.Conflict, "recording.not_ready"), fault.New(fault.Conflict, "recording.time_over", fault.Params{"Limit": 30}),
		)...)})
	})
	_ = sampleOf("confirm", "recordings-delete", func(r *Request) any {
		return testPortal.deleteTogetherOf(asOwner(r), append([]recording.Recording{longRecording()}, manyRecordings(3)...), Mistakes{})
	})
	_ = sampleOf("confirm", "recordings-delete-remote", func(r *Request) any {
		r = typed(r, url.Values{"typed": {"3"}})
		return testPortal.deleteTogetherOf(asOwner(r), manyRecordings(20), mistaken(r, "typed", "recording.typed_count"))
	})
	_ = sampleOf("recording_show", "remote-tracks", func(r *Request) any {
		return shownOf(r, detailOf(sampleRecording(4), recording.Track{Kind: "subtitles", Lang: "ca", Label: "Català"}, recording.Track{Kind: "captions", Lang: "de", Label: longWord + " <script>"}), recordingMistakes{})
	})
	_ = sampleOf("recording_show", "remote-silent", func(r *Request) any {
		f := recordingFigures{Connections: []membership.Connection{sampleConnection(0)}, Silent: true}
		return testPortal.recordingOf(asOwner(r), detailOf(sampleRecording(4)), f, recordingMistakes{track: notDone(r.P, "file", fault.New(fault.Unavailable, "bbb.unanswered"))})
	})
	_ = sampleOf("recording_show", "remote-processing", func(r *Request) any {
		v := sampleRecording(4)
		v.State = recording.Processing
		return shownOf(r, detailOf(v), recordingMistakes{})
	})
)
