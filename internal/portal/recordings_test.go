// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"archive/tar"
	"bytes"
	"encoding/csv"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"meetcoop/internal/identity"
	"meetcoop/internal/membership"
	"meetcoop/internal/recording"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// recorded brings a recording of a meeting on the nth day before now, of a connection of the house which is made when it is missing, and
// returns its id. Without connection it goes into quarantine.
func (w *town) recorded(h house, connection string, n int, formats ...string) string {
	w.t.Helper()
	start := w.Clock.Now().Add(-time.Duration(n) * 24 * time.Hour).Time().UnixMilli()
	rec := fmt.Sprintf("%040x-%d", len(connection)*1000+n, start)
	in := recording.ImportInput{}
	if connection != "" {
		var all []membership.Connection
		w.must(w.DB.Read(w.t.Context(), func(r store.Reader) (err error) {
			all, err = membership.ConnectionsOf(w.t.Context(), r, h.member.ID)
			return err
		}))
		for _, c := range all {
			if c.Name == connection {
				in.Connection = c.ID
			}
		}
		if in.Connection == "" {
			some := int64(5)
			w.Override(w.t, h.member.ID, tariff.OverrideFields{Connections: &some})
			in.Connection = w.connect(h, connection).ID
		}
	}
	var b bytes.Buffer
	out := tar.NewWriter(&b)
	add := func(name, text string) {
		w.must(out.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(text)), Mode: 0o644}))
		_, err := out.Write([]byte(text))
		w.must(err)
	}
	for _, f := range formats {
		add(f+"/"+rec+"/metadata.xml", fmt.Sprintf(`<recording><id>%s</id><state>published</state><published>true</published><start_time>%d</start_time><end_time>%d</end_time><participants>7</participants>
<meeting id="%s" externalId="course-%d" name="Lesson %d &lt;b&gt;" breakout="false"/><meta><meetingId>course-%d</meetingId><meetingName>Lesson %d</meetingName></meta>
<playback><format>%s</format><link>https://old.example/x</link><processing_time>1</processing_time><duration>3240000</duration></playback></recording>`, rec, start, start+54*60_000, rec, n, n, n, n, f))
		add(f+"/"+rec+"/video.webm", strings.Repeat("webm", 100*n+1))
	}
	w.must(out.Close())
	in.Tar = &b
	report, err := w.recordings.Import(w.t.Context(), in)
	if err != nil || len(report.Imported) != len(formats) {
		w.t.Fatalf("%v %+v", err, report)
	}
	return rec
}

func (w *town) recordingNow(rec string) (out recording.Recording) {
	w.t.Helper()
	w.must(w.DB.Read(w.t.Context(), func(r store.Reader) (err error) {
		out, err = recording.Get(w.t.Context(), r, recording.ID(rec))
		return err
	}))
	return out
}

// upload posts a form with a file.
func (b *browser) upload(path, file string, form map[string]string) answer {
	b.w.t.Helper()
	var body bytes.Buffer
	out := multipart.NewWriter(&body)
	for k, v := range form {
		b.w.must(out.WriteField(k, v))
	}
	part, err := out.CreateFormFile("file", "x.vtt")
	b.w.must(err)
	_, err = part.Write([]byte(file))
	b.w.must(err)
	b.w.must(out.Close())
	r := httptest.NewRequest(http.MethodPost, path, &body)
	r.Header.Set("Content-Type", out.FormDataContentType())
	return b.do(r)
}

func TestAManagerLooksAfterRecordings(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		h := w.house("Hilado", "level-2", rooms.Settings{})
		days, room := int64(30), int64(2_000_000)
		w.Override(t, h.member.ID, tariff.OverrideFields{RetentionDays: &days, StorageBytes: &room})
		list := "/m/" + h.member.Slug + "/recordings"
		h.owner.get(list).is("nothing, no connection", 200).says("why", "There is no connection yet", `href="/m/hilado/connections"`, "Nothing new is recorded.")
		rec := w.recorded(h, "hilado-moodle", 20, "presentation", "video")
		other := w.recorded(h, "hilado-cloud", 25, "video")
		page, path := list+"/"+rec, list+"/"+rec
		h.owner.get(list).is("the list", 200).says("it", "Lesson 20 &lt;b&gt;", "hilado-moodle · Presentation · Video", "54 min", "with the link", "14 days left", "kB of 2\u00a0MB", "keeps recordings for 30 days")
		if got := h.owner.get(list + "?sort=end"); strings.Index(got.body, "Lesson 25") > strings.Index(got.body, "Lesson 20") {
			t.Error("what goes sooner stands below")
		}
		for query, n := range map[string]int{"?q=LESSON+20": 1, "?q=course-2": 2, "?connection=hilado-cloud": 1, "?connection=nobody": 0, "?view=unpublished": 0, "?view=published&q=25": 1, "?page=7": 2, "?view=nonsense&sort=x&size=7": 2} {
			if got := strings.Count(h.owner.get(list+query).is(query, 200).body, "class=\"row-link\""); got != n {
				t.Errorf("%s lists %d, want %d", query, got, n)
			}
		}

		h.owner.get(page).is("one", 200).says("it", "whoever has the link can watch", `value="http://localhost/recordings/presentation/`+rec+`/"`, "course-20", rec)
		h.owner.post(path+"/hide", url.Values{"next": {list + "?view=published"}}).leads("hide", list+"?view=published&done=recording_hidden")
		h.owner.post(path+"/hide", url.Values{"next": {"https://evil.example/"}}).leads("hide again, led astray", page+"?done=recording_hidden")
		h.owner.get(page).is("hidden", 200).says("it", "nobody can watch it", "There is a link to share once it is published")
		h.owner.get(path+"/watch/video").is("play what is hidden", 404)
		h.owner.post(path+"/publish", nil).leads("publish", page+"?done=recording_published")

		h.owner.post(path+"/access", url.Values{"access": {"world"}}).is("no such access", 422).says("it", "Choose who can watch")
		h.owner.post(path+"/access", url.Values{"access": {"protected"}}).leads("protect", page+"?done=recording_access")
		if to := h.owner.get(path + "/watch/video").header.Get("Location"); !strings.HasPrefix(to, "http://localhost/recordings/video/"+rec+"/?token=") {
			t.Errorf("play leads to %s", to)
		}
		h.owner.post(path+"/access", url.Values{"access": {"members"}}).leads("for members", page+"?done=recording_access")
		h.owner.get(page).says("the link for members", `value="http://localhost/m/hilado/recordings/`+rec+`/watch/presentation"`)

		h.owner.post(path+"/title", url.Values{"title": {"a\nb"}}).is("two lines", 422).says("it", "Write a title")
		h.owner.post(path+"/title", url.Values{"title": {"<i>Spring</i>"}}).leads("rename", page+"?done=recording_renamed")
		h.owner.get(page).is("renamed", 200).says("it", "&lt;i&gt;Spring", "Name of the meeting")
		if v := w.recordingNow(rec); v.Metadata["name"] != "<i>Spring</i>" || v.Access != recording.AccessMembers || v.State != recording.Published {
			t.Errorf("%+v", v)
		}

		h.owner.upload(path+"/tracks", "no subtitles", map[string]string{"lang": "xx yy", "kind": "x"}).is("three mistakes", 422).says("them", "3 things to correct", "neither WebVTT nor SubRip")
		h.owner.upload(path+"/tracks", strings.Repeat("x", recording.MostTrack+5), map[string]string{"lang": "ca", "kind": "subtitles"}).is("too long", 413)
		h.owner.upload(path+"/tracks", "1\n00:00:01,000 --> 00:00:02,000\nHola\n", map[string]string{"lang": "ca", "kind": "subtitles", "label": "<Català>"}).leads("subtitles", page+"?done=recording_track_added#tracks")
		name := h.owner.get(page).says("them", "&lt;Català&gt;", "Subtitles · ca").value("track")
		h.owner.post(path+"/tracks/remove", url.Values{"track": {name}}).leads("remove", page+"?done=recording_track_removed#tracks")
		h.owner.post(path+"/tracks/remove", url.Values{"track": {name}}).is("remove again", 404)

		h.owner.get(path+"/delete").is("the question", 200).says("what follows", "7 days")
		h.owner.post(path+"/delete", nil).leads("delete", page+"?done=recording_trashed")
		h.owner.get(path+"/delete").is("asked again", 409)
		for _, act := range []string{"delete", "publish", "hide", "title"} {
			h.owner.post(path+"/"+act, nil).is(act+" in the trash", 409).says(act, "Restore it first")
		}
		h.owner.get(page).is("in the trash", 200).says("it", "In the trash", "removed for good on", "Restore")
		h.owner.get(list).says("the tab", "Trash (1)")
		h.owner.get(list+"?view=trash").is("the trash", 200).says("it", "Spring", "7 days left")
		h.owner.post(path+"/restore", nil).leads("restore", page+"?done=recording_restored")
		if v := w.recordingNow(rec); v.State != recording.Unpublished || !v.DeletedAt.IsZero() {
			t.Errorf("restored: %+v", v)
		}
		h.owner.post(list+"/"+other+"/delete", nil)
		w.Clock.Pass(8 * 24 * time.Hour)
		w.must(w.recordings.Keep(t.Context()))
		h.owner.get(list+"/"+other).is("after the trash", 404)
		h.owner.post(list+"/"+other+"/restore", nil).is("restored after the trash", 404)

		got := h.owner.get(list+".csv").is("as CSV", 200)
		rows, err := csv.NewReader(strings.NewReader(got.body)).ReadAll()
		if err != nil || len(rows) != 2 || rows[1][1] != "<i>Spring</i>" || rows[1][2] != "hilado-moodle" || rows[1][10] != "unpublished" {
			t.Errorf("%v %q", err, rows)
		}
		var done []string
		w.must(w.DB.Read(t.Context(), func(r store.Reader) error {
			all, err := identity.AuditList(t.Context(), r, identity.AuditFilter{Member: h.member.ID, Object: rec, Limit: 50})
			for _, e := range all {
				if e.Actor.Person == h.actor.Person {
					done = append([]string{strings.TrimPrefix(e.Action, "recording.")}, done...)
				}
			}
			return err
		}))
		if want := "publish publish access access rename track_add track_remove delete restore"; strings.Join(done, " ") != want {
			t.Errorf("audited: %s, want %s", strings.Join(done, " "), want)
		}
	})
}

func TestWhoSeesWhichRecordings(t *testing.T) {
	w := liteTown(t, townOptions{})
	h, elsewhere := w.house("Hilado", "level-2", rooms.Settings{}), w.house("Faro", "level-2", rooms.Settings{})
	open, inside, theirs := w.recorded(h, "hilado-moodle", 1, "video"), w.recorded(h, "hilado-moodle", 2, "video"), w.recorded(elsewhere, "faro-moodle", 3, "video")
	list := "/m/" + h.member.Slug + "/recordings/"
	h.owner.post(list+inside+"/access", url.Values{"access": {"members"}})
	watch := func(rec string) string { return list + rec + "/watch/video" }
	for name, b := range map[string]*browser{"a member": w.someone("Mere", h.member.ID, membership.RoleMember), "billing": w.someone("Bill", h.member.ID, membership.RoleBilling)} {
		got := b.get("/recordings").is(name+" at what they may watch", 200)
		if n := strings.Count(got.body, "class=\"row-link\""); n != 1 || !strings.Contains(got.body, watch(inside)) {
			t.Errorf("%s sees %d: %s", name, n, excerpt(got.body))
		}
		if to := b.get(watch(inside)).header.Get("Location"); !strings.Contains(to, "/recordings/video/"+inside+"/?token=") {
			t.Errorf("%s is led to %q", name, to)
		}
		b.get(watch(open)).is(name+" plays what is for people with the link", 404)
		b.get(list+inside).is(name+" at the page", 403)
	}
	for name, b := range map[string]*browser{"the owner of another member": elsewhere.owner, "an admin of the platform": w.admin("Admin"), "somebody without a member": w.someone("Nowhere", "")} {
		for _, rec := range []string{open, inside} {
			b.get(list+rec).is(name, 404)
			b.get(watch(rec)).is(name+" plays", 404)
			b.post(list+rec+"/hide", nil).is(name+" hides", 404)
		}
		if strings.Contains(b.get("/recordings").is(name+" at the list", 200).body, "Lesson 1") {
			t.Errorf("%s is shown foreign recordings", name)
		}
	}
	// One's own member in the path does not help to another one's recording.
	own := "/m/" + elsewhere.member.Slug + "/recordings/"
	for _, path := range []string{own + open, own + open + "/watch/video", own + open + "/delete", own + "none"} {
		elsewhere.owner.get(path).is(path, 404)
	}
	for _, act := range []string{"publish", "hide", "restore", "delete", "title", "tracks/remove"} {
		elsewhere.owner.post(own+open+"/"+act, url.Values{"title": {"x"}}).is(act+" of another member’s", 404)
	}
	if v := w.recordingNow(open); v.State != recording.Published || v.Metadata["name"] != "" {
		t.Errorf("changed by a stranger: %+v", v)
	}
	elsewhere.owner.get("/recordings").is("the own list", 200).says("it", "Lesson 3", own+theirs)
	b := w.as("Hilado")
	b.headers["Origin"], b.headers["Sec-Fetch-Site"] = "https://evil.example", "cross-site"
	b.post(list+open+"/hide", nil).is("a foreign page", 403)
}

func TestAStewardSeesNoRecordings(t *testing.T) {
	w := liteTown(t, townOptions{})
	h := w.house("Hilado", "level-2", rooms.Settings{})
	rec := w.recorded(h, "hilado-moodle", 1, "video")
	manager := w.Human("Steward")
	var steward membership.Member
	w.must(w.DB.Read(t.Context(), func(r store.Reader) (err error) {
		steward, err = membership.GetBySlug(t.Context(), r, membership.HouseSlug)
		return err
	}))
	w.Add(steward.ID, manager, membership.RoleManager)
	if got, err := w.Members.People(t.Context(), manager, h.member.ID); err == nil {
		t.Errorf("not even a steward: %v", got)
	}
	_, err := w.recordings.Look(t.Context(), manager, recording.Of{Member: h.member.ID, ID: recording.ID(rec)})
	if err == nil {
		t.Error("a steward looks at a recording")
	}
}

func TestAnAdminEmptiesTheQuarantine(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		h := w.house("Hilado", "level-2", rooms.Settings{})
		w.recorded(h, "hilado-moodle", 9, "video") // makes the connection
		b := w.admin("Admin")
		const list = "/admin/recordings"
		b.get(list).is("nothing", 200).says("it", "The owner of every recording is known")
		first, second := w.recorded(h, "", 1, "video"), w.recorded(h, "", 2, "presentation")
		b.get(list).is("two", 200).says("them", "Lesson 1 &lt;b&gt;", "Without owner (2)", "Imported by hand")
		b.get(list+"/"+first+"/assign").is("the form", 200).says("it", "course-1", `<option value="hilado-moodle">`)
		b.post(list+"/"+first+"/assign", url.Values{"connection": {"nobody"}}).is("no connection", 422).says("it", "There is no connection of this name")
		b.post(list+"/"+first+"/assign", url.Values{"connection": {"hilado-moodle"}}).leads("assign", list+"?done=quarantine_assigned")
		b.post(list+"/"+first+"/assign", url.Values{"connection": {"hilado-moodle"}}).is("assign again", 404)
		h.owner.get("/m/"+h.member.Slug+"/recordings").says("the owner sees it", "Lesson 1")
		if v := w.recordingNow(first); v.Member != h.member.ID {
			t.Errorf("%+v", v)
		}
		b.get(list+"/"+second+"/drop").is("the question", 200).says("it", "7 days")
		b.post(list+"/"+second+"/drop", nil).leads("drop", list+"?done=quarantine_dropped")
		b.post(list+"/"+second+"/assign", url.Values{"connection": {"hilado-moodle"}}).is("assign what is dropped", 409)
		b.get(list+"?view=trash").is("dropped", 200).says("it", "Lesson 2", "Dropped (1)")
		b.post(list+"/"+second+"/restore", nil).leads("restore", list+"?done=quarantine_restored")
		b.post(list+"/"+second+"/drop", nil)
		w.Clock.Pass(8 * 24 * time.Hour)
		w.must(w.recordings.Keep(t.Context()))
		b.post(list+"/"+second+"/restore", nil).is("restored after a week", 404)
		if n := w.count(`SELECT COUNT(*) FROM audit_event WHERE action IN ('recording.assign', 'recording.drop', 'recording.take_back') AND actor_kind = 'person'`); n != 4 {
			t.Errorf("%d events in the audit trail", n)
		}
		h.owner.get(list).is("an owner", 404)
	})
}

func TestLongListsOfRecordingsHavePages(t *testing.T) {
	w := liteTown(t, townOptions{})
	h := w.house("Hilado", "level-2", rooms.Settings{})
	for n := range 27 {
		w.recorded(h, "hilado-moodle", n+1, "video")
	}
	list := "/m/" + h.member.Slug + "/recordings"
	h.owner.get(list).is("the first page", 200).says("where it is", "1 to 25 of 27", "page=2")
	h.owner.get(list+"?page=2").is("the second", 200).says("where it is", "26 to 27 of 27", `rel="prev"`)
	h.owner.get(list+"?page=99").is("beyond the last", 200).says("the last", "26 to 27 of 27")
	h.owner.get(list+"?size=50&q=lesson").is("fifty", 200).says("all", "1 to 27 of 27")
}
