// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"archive/tar"
	"bytes"
	"encoding/xml"
	"io"
	"mime/multipart"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// recorded makes a meeting and a recording of it, published as a presentation.
func (r *rig) recorded(id, more string) string {
	r.t.Helper()
	r.ask("create", "name=Hall&record=true&meetingID="+id+more).says(r.t, "create", "")
	r.now = r.now.Add(5 * time.Minute)
	record, err := r.MakeRecording(id)
	if err == nil {
		err = r.PublishRecording(record, "presentation")
	}
	if err != nil {
		r.t.Fatal(err)
	}
	return record
}

func (a reply) ids() string {
	var out []string
	for part := range strings.SplitSeq(a.body, "<recordID>") {
		if id, _, ok := strings.Cut(part, "</recordID>"); ok {
			out = append(out, id)
		}
	}
	return strings.Join(out, " ")
}

func TestRecordingsAreFound(t *testing.T) {
	r := newRig(t, V30)
	one := r.recorded("coop-1", "&meta_tenant=north&meta_Title=Spring+Assembly")
	two := r.recorded("coop-2", "&meta_tenant=south")
	gone := r.recorded("coop-3", "&meta_tenant=south")
	hidden := r.recorded("coop-4", "")
	r.ask("create", "name=AB&meetingID=coop-5")
	raw, err := r.MakeRecording("coop-5")
	if err != nil {
		t.Fatal(err)
	}
	r.ask("deleteRecordings", "recordID="+gone).says(t, "delete", "")
	r.ask("publishRecordings", "publish=false&recordID="+hidden).says(t, "hide", "")
	all := one + " " + two + " " + gone + " " + hidden + " " + raw
	for query, want := range map[string]string{
		"":                                      one + " " + two + " " + hidden,
		"state=any":                             all,
		"state=published":                       one + " " + two,
		"state=unpublished":                     hidden,
		"state=deleted":                         gone,
		"state=processing":                      raw,
		"state=deleted%2Cprocessing":            gone + " " + raw,
		"meetingID=coop-1":                      one,
		"meetingID=coop-1%2Ccoop-2":             one + " " + two,
		"meetingID=coop-1%252Ccoop-2":           one + " " + two, // decoded once more
		"meetingID=coop":                        "",
		"recordID=" + one[:12]:                  one,
		"recordID=" + one + "," + two[:40]:      one + " " + two,
		"recordID=" + one + "&meetingID=coop-2": one, // recordID wins
		"meta_tenant=north":                     one,
		"meta_tenant=nor":                       "",
		"meta_tenant=nor%25":                    one,
		"meta_tenant=%25uth":                    two,
		"meta_tenant=%25ort%25":                 one,
		"meta_tenant=north&meta_title=Spring+Assembly": one,
		"meta_tenant=south&meta_title=Spring+Assembly": "",
		"meta_meetingId=coop-2":                        two,
	} {
		got := r.ask("getRecordings", query)
		if got.ids() != want {
			t.Errorf("%s: %q, want %q", query, got.ids(), want)
		}
		if want == "" {
			got.says(t, query, "ok:noRecordings")
		}
	}
}

func TestARecordingIsMadeAfterTheMeetingIsGone(t *testing.T) {
	r := newRig(t, V30)
	r.ask("create", "name=Hall&meetingID=coop-1")
	r.Jump(time.Hour)
	r.ask("getMeetingInfo", "meetingID=coop-1").says(t, "gone", "notFound")
	id, err := r.MakeRecording("coop-1")
	if err != nil || !strings.HasPrefix(id, internalID("coop-1", r.now)[:40]) {
		t.Error(err, id)
	}
	r.must(r.ProcessRecording(id))
	if got := r.ask("getRecordings", "state=processed").ids(); got != id {
		t.Errorf("processed: %s", got)
	}
	if _, err := r.MakeRecording("none"); err == nil {
		t.Error("a recording of nothing")
	}
}

func TestPagesOfRecordings(t *testing.T) {
	for _, profile := range []Profile{V26, V27, V30} {
		r := newRig(t, profile)
		var all []string
		for _, id := range []string{"aa", "bb", "cc"} {
			all = append(all, r.recorded(id, ""))
		}
		for query, want := range map[string]int{"": 3, "offset=1": 3, "limit=0": 1, "limit=500": 3, "limit=2": 2, "limit=2&offset=2": 1, "limit=2&offset=-7": 2, "limit=x": 3, "limit=2&offset=x": 2} {
			got := r.ask("getRecordings", query)
			if n := len(strings.Fields(got.ids())); n != want {
				t.Errorf("%s %s: %d recordings, want %d", profile, query, n, want)
			}
			switch {
			case profile == V26 && strings.Contains(query, "limit=2"):
				if got.elements["pagination.totalElements"] != "3" || got.elements["totalElements"] != "" {
					t.Errorf("2.6 %s: %s", query, got.body)
				}
			case profile != V26 && got.elements["totalElements"] != "3":
				t.Errorf("%s %s: total %q", profile, query, got.elements["totalElements"])
			}
		}
		if got := r.ask("getRecordings", "limit=1&offset=1").ids(); got != all[1] {
			t.Errorf("the second page: %s", got)
		}
		r.ask("getRecordings", "limit=1&offset=9").says(t, "after the last page", "ok:noRecordings")
	}
	if got := newRig(t, V30).ask("getRecordings", "").says(t, "none", "ok:noRecordings"); !strings.Contains(got.body, "<recordings></recordings>") {
		t.Error(got.body)
	}
}

func TestLimitsOfPagesAreClamped(t *testing.T) {
	r := newRig(t, V30)
	for i := range 101 {
		r.ask("create", "name=AB&meetingID=m-"+strings.Repeat("x", i))
	}
	for _, m := range r.index.all {
		r.recordings.list = append(r.recordings.list, &recording{id: m.internal, state: statePublished, meta: map[string]string{}})
	}
	if n := len(strings.Fields(r.ask("getRecordings", "limit=500").ids())); n != 100 {
		t.Errorf("%d on a page", n)
	}
}

func TestOneRecordingWithItsFormats(t *testing.T) {
	r := newRig(t, V30)
	id := r.recorded("coop-1", "&meta_Tenant=N%26S")
	if err := r.PublishRecording(id, "video"); err != nil {
		t.Fatal(err)
	}
	got := r.ask("getRecordings", "")
	var doc struct {
		Recordings []struct {
			Elements []struct {
				XMLName xml.Name
				Inner   string `xml:",innerxml"`
			} `xml:",any"`
			Types  []string `xml:"playback>format>type"`
			Length []int    `xml:"playback>format>length"`
		} `xml:"recordings>recording"`
	}
	if err := xml.Unmarshal([]byte(got.body), &doc); err != nil || len(doc.Recordings) != 1 {
		t.Fatal(err, got.body)
	}
	var names []string
	for _, e := range doc.Recordings[0].Elements {
		names = append(names, e.XMLName.Local)
	}
	if want := "recordID meetingID internalMeetingID name isBreakout published state startTime endTime participants rawSize metadata size"; strings.Join(names, " ") != want {
		t.Errorf("elements %s", names)
	}
	if x := doc.Recordings[0]; strings.Join(x.Types, " ") != "presentation video" || x.Length[0] != 5 {
		t.Errorf("formats %v, minutes %v", x.Types, x.Length)
	}
	for _, part := range []string{"<metadata><isBreakout>false</isBreakout><meetingId>coop-1</meetingId><meetingName>Hall</meetingName><tenant>N&amp;S</tenant></metadata>", `<image width="176" height="136" alt="Welcome">`, "<state>published</state>"} {
		if !strings.Contains(got.body, part) {
			t.Errorf("without %s: %s", part, got.body)
		}
	}
	if got.header.Get("Cache-Control") != "" {
		t.Error("getRecordings forbids caching")
	}
}

func TestRecordingsAreChanged(t *testing.T) {
	r := newRig(t, V30)
	id := r.recorded("coop-1", "&meta_a=1&meta_b=2")
	for query, key := range map[string]string{
		"publishRecordings?publish=true": "missingParamRecordID", "publishRecordings?recordID=" + id: "missingParamPublish", "publishRecordings?publish=true&recordID=none": "notFound",
		"deleteRecordings?": "missingParamRecordID", "deleteRecordings?recordID=none": "notFound", "deleteRecordings?recordID=" + id[:20]: "notFound",
		"updateRecordings?": "missingParamRecordID", "updateRecordings?recordID=none&meta_a=1": "notFound",
	} {
		call, query, _ := strings.Cut(query, "?")
		r.ask(call, query).says(t, call+" "+query, key)
	}
	for _, call := range []string{"getRecordings", "publishRecordings", "deleteRecordings", "updateRecordings"} {
		req := httptest.NewRequest("GET", apiPath+"/"+call+"?recordID=x&publish=true&checksum="+strings.Repeat("0", 40), nil)
		if got := r.do(req).says(t, call, "checksumError"); got.elements["message"] != "You did not pass the checksum security check" {
			t.Error(got.body)
		}
	}
	if got := r.ask("publishRecordings", "publish=false&recordID="+id); got.elements["published"] != "false" {
		t.Error(got.body)
	}
	if got := r.ask("updateRecordings", "recordID="+id+"&meta_a=&meta_b=3&meta_c=4"); got.elements["updated"] != "true" {
		t.Error(got.body)
	}
	info := r.ask("getRecordings", "")
	if info.elements["recordings.recording.state"] != "unpublished" || info.elements["recordings.recording.published"] != "false" || !strings.Contains(info.body, "<b>3</b><c>4</c>") || strings.Contains(info.body, "<a>") {
		t.Error(info.body)
	}
	if got := r.ask("deleteRecordings", "recordID="+id); got.elements["deleted"] != "true" {
		t.Error(got.body)
	}
	r.ask("getRecordings", "").says(t, "deleted", "ok:noRecordings")
}

func (r *rig) puts(query, content string) string {
	r.t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile("file", "a.srt")
	if err == nil {
		_, err = part.Write([]byte(content))
	}
	if err != nil || form.Close() != nil {
		r.t.Fatal(err)
	}
	req := httptest.NewRequest("POST", signedURL("putRecordingTextTrack", query), &b)
	req.Header.Set("Content-Type", form.FormDataContentType())
	rec := httptest.NewRecorder()
	r.ServeHTTP(rec, req)
	return rec.Body.String()
}

func (r *rig) says(call, query string) string {
	r.t.Helper()
	rec := httptest.NewRecorder()
	r.ServeHTTP(rec, httptest.NewRequest("GET", signedURL(call, query), nil))
	return rec.Body.String()
}

func TestCaptionsOfRecordings(t *testing.T) {
	r := newRig(t, V30)
	id := r.recorded("coop-1", "")
	for _, tc := range []struct{ query, content, want string }{
		{"kind=subtitles&lang=en", "x", "paramError"},
		{"recordID=none&kind=subtitles&lang=en", "x", "noRecordings"},
		{"recordID=" + id + "&kind=songs&lang=en", "x", "invalidKind"},
		{"recordID=" + id + "&kind=subtitles&lang=e_n", "x", "invalidLang"},
		{"recordID=" + id + "&kind=subtitles&lang=en", "", "empty_uploaded_text_track"},
	} {
		if got := r.puts(tc.query, tc.content); !strings.Contains(got, `"messageKey":"`+tc.want+`"`) {
			t.Errorf("%s: %s", tc.query, got)
		}
	}
	if got := r.says("getRecordingTextTracks", "recordID="+id); !strings.Contains(got, "noCaptionsFound") {
		t.Error(got)
	}
	if got := r.says("getRecordingTextTracks", "recordID=none"); !strings.Contains(got, `"messageKey":"noRecordings"`) {
		t.Error(got)
	}
	r.ask("getRecordingTextTracks", "").says(t, "without an id as XML", "missingParamRecordID")
	for range 2 { // the second replaces the first
		if got := r.puts("recordID="+id+"&kind=subtitles&lang=pt-BR&label=Legendas", "1\n"); !strings.Contains(got, "upload_text_track_success") || !strings.Contains(got, id) {
			t.Error(got)
		}
	}
	got := r.says("getRecordingTextTracks", "recordID="+id)
	if strings.Count(got, `"lang":`) != 1 || !strings.Contains(got, `"lang":"pt-BR"`) || !strings.Contains(got, `"source":"upload"`) || !strings.Contains(got, `"label":"Legendas"`) {
		t.Error(got)
	}
}

func TestTheFilesOfARecording(t *testing.T) {
	r := newRig(t, V30)
	id := r.recorded("coop-1", "&meta_tenant=north")
	if _, err := r.RecordingTar(id, "video"); err == nil {
		t.Error("a format there is not")
	}
	if _, err := r.RecordingTar("none", "video"); err == nil {
		t.Error("a recording there is not")
	}
	for _, kind := range []string{"presentation", "video", "podcast"} {
		if err := r.PublishRecording(id, kind); err != nil {
			t.Fatal(err)
		}
		file, err := r.RecordingTar(id, kind)
		if err != nil {
			t.Fatal(err)
		}
		found := false
		in := tar.NewReader(bytes.NewReader(file))
		for {
			h, err := in.Next()
			if err == io.EOF {
				break
			}
			if err != nil || !strings.HasPrefix(h.Name, kind+"/") {
				t.Fatal(err, h)
			}
			if h.Name != kind+"/"+id+"/metadata.xml" {
				continue
			}
			found = true
			var doc struct {
				ID      string `xml:"id"`
				Meeting struct {
					External string `xml:"externalId,attr"`
				} `xml:"meeting"`
				Tenant string `xml:"meta>tenant"`
				Format string `xml:"playback>format"`
				Millis int    `xml:"playback>duration"`
			}
			if err := xml.NewDecoder(in).Decode(&doc); err != nil || doc.ID != id || doc.Meeting.External != "coop-1" || doc.Tenant != "north" || doc.Format != kind || doc.Millis != 300_000 {
				t.Errorf("%v: %+v", err, doc)
			}
		}
		if !found {
			t.Errorf("%s has no metadata.xml", kind)
		}
	}
	if err := r.PublishRecording(id, "../etc"); err == nil {
		t.Error("a format that is a path")
	}
	if err := r.DeleteRecording(id); err != nil {
		t.Fatal(err)
	}
	r.ask("getRecordings", "state=any").says(t, "no recording", "ok:noRecordings")
}
