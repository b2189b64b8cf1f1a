// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"bytes"
	"context"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"meetcoop/internal/engine/bbb/bbbtest"
	"meetcoop/internal/fleet"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/recording"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
)

// caption posts a file of subtitles.
func caption(t *testing.T, k *gatewaytest.Client, query, text string) gatewaytest.Reply {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	f, err := w.CreateFormFile("file", "subtitles.srt")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.Write([]byte(text)) // a buffer
	_ = w.Close()
	req, err := http.NewRequest(http.MethodPost, k.URL("putRecordingTextTrack", query), &b)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", w.FormDataContentType())
	return gatewaytest.Do(t, req)
}

func TestSubtitlesOfStoredAndRemoteRecordings(t *testing.T) {
	each(t, withRecordings, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		a, b := c.Client(n, "hilado", tariff.OverrideFields{}), c.Client(n, "faro", tariff.OverrideFields{})
		stored, remote := recorded(t, c, a, "coop-1", "", "presentation"), recorded(t, c, a, "coop-2", "", "presentation")
		bring(t, c, n, stored, "presentation")
		gatewaytest.Until(t, "both are listed", func() bool { return len(listed(a.Must("getRecordings", ""))) == 2 })
		const srt = "1\n00:00:01,000 --> 00:00:02,000\n<b>Hola</b>\n"
		for name, rec := range map[string]string{"stored": stored, "remote": remote} {
			q := "recordID=" + rec + "&kind=captions&lang=es"
			if r := a.Ask("getRecordingTextTracks", "recordID="+rec); !strings.Contains(r.Body, "noCaptionsFound") {
				t.Errorf("%s, none yet: %s", name, r.Body)
			}
			if r := caption(t, a, q, srt); r.Status != http.StatusOK || !strings.Contains(r.Body, "upload_text_track_success") || !strings.Contains(r.Body, `"SUCCESS"`) {
				t.Errorf("%s: %d %s", name, r.Status, r.Body)
			}
			if r := a.Ask("getRecordingTextTracks", "recordID="+rec); !strings.Contains(r.Body, `"lang":"es"`) || !strings.Contains(r.Body, `"response"`) {
				t.Errorf("%s, listed: %s", name, r.Body)
			}
			for key, query := range map[string]string{"paramError": "recordID=" + rec, "invalidKind": "recordID=" + rec + "&kind=x&lang=es", "invalidLang": "recordID=" + rec + "&kind=captions&lang=%2E", "noRecordings": "recordID=0-0&kind=captions&lang=es"} {
				if r := caption(t, a, query, srt); !strings.Contains(r.Body, key) {
					t.Errorf("%s, %s: %s", name, key, r.Body)
				}
			}
			if r := caption(t, a, q, ""); !strings.Contains(r.Body, "empty_uploaded_text_track") {
				t.Errorf("%s, empty: %s", name, r.Body)
			}
			if r := caption(t, b, q, srt); !strings.Contains(r.Body, "noRecordings") {
				t.Errorf("%s, another's: %s", name, r.Body)
			}
			if r := b.Ask("getRecordingTextTracks", "recordID="+rec); !strings.Contains(r.Body, "noRecordings") {
				t.Errorf("%s, another's list: %s", name, r.Body)
			}
		}
		if r := get(t, n.URL+"/recordings/presentation/"+stored+"/tracks/captions_es.vtt"); r.Status != http.StatusOK || r.Body != "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nHola\n" || !strings.HasPrefix(r.Header.Get("Content-Type"), "text/vtt") {
			t.Errorf("served: %d %q", r.Status, r.Body)
		}
		if r := a.Ask("getRecordingTextTracks", ""); r.Key() != "missingParamRecordID" {
			t.Errorf("without id: %s", r.Body)
		}
	})
}

func TestRecordingIsOffWhereTheLevelOrTheStorageSaysSo(t *testing.T) {
	each(t, gatewaytest.Options{}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		asked := func(k *gatewaytest.Client, id string) url.Values {
			k.Must("create", "name=Spring+Assembly&record=true&autoStartRecording=true&allowStartStopRecording=true&meetingID="+id)
			seen := c.Servers[0].Last("create")
			q, err := url.ParseQuery(seen[len(seen)-1].Query)
			if err != nil {
				t.Fatal(err)
			}
			return q
		}
		off := false
		note := func(k *gatewaytest.Client, id, more string) string {
			k.Must("create", "name=Assembly&meetingID="+id+more)
			seen := c.Servers[0].Last("create")
			q, err := url.ParseQuery(seen[len(seen)-1].Query)
			if err != nil {
				t.Fatal(err)
			}
			return q.Get("moderatorOnlyMessage")
		}
		none, full := c.Client(n, "hilado", tariff.OverrideFields{Recording: &off}), c.Client(n, "faro", tariff.OverrideFields{StorageBytes: limit(100)})
		for _, name := range []string{"record", "autoStartRecording", "allowStartStopRecording"} {
			if q := asked(none, "off-"+name); q.Get(name) != "false" {
				t.Errorf("%s=%s where the level has none", name, q.Get(name))
			}
			if q := asked(full, "room-"+name); q.Get(name) != "true" {
				t.Errorf("%s=%s with room", name, q.Get(name))
			}
		}
		rec := recorded(t, c, full, "coop-42", "", "presentation")
		bring(t, c, n, rec, "presentation")
		if q := asked(full, "full"); q.Get("record") != "false" {
			t.Errorf("record=%s with full storage", q.Get("record"))
		}
		const level, storage = "the service level in use has no recording", "the room for recordings is used up"
		if got := note(none, "noted", "&record=true&moderatorOnlyMessage=Dial+in:+123"); !strings.HasPrefix(got, "Dial in: 123<br><br>This meeting is not recorded: "+level) {
			t.Errorf("moderators are told %q", got)
		}
		if got := note(full, "noted", "&record=TRUE"); !strings.HasPrefix(got, "This meeting is not recorded: "+storage) {
			t.Errorf("moderators are told %q with full storage", got)
		}
		if got := note(none, "not-wanted", "&record=false&moderatorOnlyMessage=Hello"); got != "Hello" {
			t.Errorf("moderators are told %q although nobody wanted a recording", got)
		}
		if got := note(c.Client(n, "spoken", tariff.OverrideFields{}), "recorded", "&record=true&moderatorOnlyMessage=Hello"); got != "Hello" {
			t.Errorf("moderators are told %q of a meeting that is recorded", got)
		}
		speak(t, c, none.Member.ID, "de")
		if got := note(none, "auf-deutsch", "&autoStartRecording=true"); !strings.HasPrefix(got, "Dieses Treffen wird nicht aufgezeichnet") {
			t.Errorf("moderators of a German member are told %q", got)
		}
		if len(listed(full.Must("getRecordings", ""))) != 1 {
			t.Error("deleted for lack of space")
		}
	})
}

// speak gives a member a language.
func speak(t *testing.T, c *gatewaytest.Cooperative, m id.Member, tag string) {
	t.Helper()
	err := c.DB.Write(context.Background(), func(tx store.Tx) error {
		_, err := tx.Exec(context.Background(), `UPDATE member SET locale = $1 WHERE id = $2`, tag, string(m))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestASecretThatAClientNoLongerTakesIsNotTheEnd(t *testing.T) {
	each(t, gatewaytest.Options{}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		app := newApplication(t)
		a := c.Client(n, "hilado", tariff.OverrideFields{})
		fresh, err := n.Members.Rotate(context.Background(), identity.Operator(), a.Connection.ID, 24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		app.answer = func(token string) int {
			if payload(token, fresh) == "" {
				return http.StatusUnauthorized
			}
			return http.StatusOK
		}
		rec := recorded(t, c, a, "coop-42", "&meta_bn-recording-ready-url="+url.QueryEscape(app.URL), "video") // signed with the old secret, so that it was used last
		gatewaytest.Until(t, "the client was told with both", func() bool { return len(app.got()) >= 1 && payload(app.got()[len(app.got())-1], fresh) != "" })
		if got := payload(app.got()[len(app.got())-1], fresh); !strings.Contains(got, rec) {
			t.Errorf("payload %s", got)
		}
		if len(app.got()) > 2 {
			t.Errorf("told %d times", len(app.got()))
		}
	})
}

func TestRecordingsAgeByTheLevelInForce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		o := gatewaytest.Options{}
		c := gatewaytest.New(t, db, o)
		n := c.Node(db, o)
		a := c.Client(n, "hilado", tariff.OverrideFields{RetentionDays: limit(90)})
		rec := recorded(t, c, a, "coop-42", "", "video")
		bring(t, c, n, rec, "video")
		clock := instant.Of(time.Now())
		s, err := n.RecordingsAt(func() instant.Instant { return clock })
		if err != nil {
			t.Fatal(err)
		}
		state := func() (out recording.Recording) {
			err := db.Read(context.Background(), func(r store.Reader) (err error) {
				out, err = recording.Get(context.Background(), r, recording.ID(rec))
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		from := clock
		days := func(d int) {
			t.Helper()
			clock = from.Add(time.Duration(d)*24*time.Hour + time.Hour)
			if err := s.Keep(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		days(1)
		if r := state(); r.KeepUntil.IsZero() || r.Notice != 0 {
			t.Errorf("day 1: until %v, notice %d", r.KeepUntil, r.Notice)
		}
		c.Override(t, a.Member.ID, tariff.OverrideFields{RetentionDays: limit(5)})
		days(20)
		if r := state(); r.State != recording.Published || r.KeepUntil.Sub(clock) < 29*24*time.Hour {
			t.Errorf("after the downgrade: %s until %v", r.State, r.KeepUntil)
		}
		days(37)
		days(48)
		if r := state(); r.State != recording.Published || r.Notice != 3 {
			t.Errorf("day 48: %s, notice %d", r.State, r.Notice)
		}
		days(52)
		if r := state(); r.State != recording.Deleted {
			t.Errorf("day 52: %s", r.State)
		}
		if r := get(t, n.URL+"/recordings/video/"+rec+"/video.mp4"); r.Status != http.StatusNotFound {
			t.Errorf("in the trash: %d", r.Status)
		}
		days(55)
		if r := state(); len(r.Formats) != 1 {
			t.Error("the trash was emptied too early")
		}
		days(60)
		if r := state(); len(r.Formats) != 0 || r.Name != "" {
			t.Errorf("after the trash: %+v", r)
		}
		if err := n.Recordings.DiscoverAll(context.Background()); err != nil {
			t.Fatal(err)
		}
		if r := state(); r.State != recording.Deleted {
			t.Errorf("its server brought it back: %s", r.State)
		}
		var seen []string
		err = db.Read(context.Background(), func(r store.Reader) error {
			all, err := identity.AuditList(context.Background(), r, identity.AuditFilter{Limit: 50})
			for _, e := range all {
				if e.Object == rec && e.Member == a.Member.ID {
					seen = append(seen, e.Action)
				}
			}
			return err
		})
		if err != nil || strings.Join(seen, " ") != "recording.expired recording.expires recording.expires recording.shortened" {
			t.Errorf("%v audited: %v", err, seen)
		}
	})
}

func TestAServerSpeaksOnlyOfItsOwn(t *testing.T) {
	each(t, gatewaytest.Options{Servers: 2}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		a := c.Client(n, "hilado", tariff.OverrideFields{})
		made := a.Must("create", "name=Spring+Assembly&record=true&meetingID=coop-42")
		rec := made.Root.Value("internalMeetingID")
		mine, other := c.Servers[0], c.Servers[1]
		if _, err := mine.MakeRecording(rec); err != nil {
			mine, other = other, mine
			if _, err := mine.MakeRecording(rec); err != nil {
				t.Fatal(err)
			}
		}
		if err := mine.PublishRecording(rec, "video"); err != nil {
			t.Fatal(err)
		}
		tar, err := mine.RecordingTar(rec, "video")
		if err != nil {
			t.Fatal(err)
		}
		err = n.Recordings.DiscoverAll(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		r := put(t, n, other.Secret(), serverAt(t, c, other), rec, "video", tar, nil)
		if r.Status != http.StatusUnprocessableEntity {
			t.Errorf("another server's upload: %d %s", r.Status, r.Body)
		}
		got := listed(a.Must("getRecordings", ""))
		if len(got) != 1 || !strings.HasPrefix(got[0].Child("playback").Child("format").Value("url"), mine.URL()) {
			t.Errorf("listed: %v", got)
		}
		// What the server no longer has is deleted here too, and only then.
		mine.Kill()
		_ = n.Recordings.DiscoverAll(context.Background()) // fails, and says nothing about any recording
		if err := mine.Revive(true); err != nil {
			t.Fatal(err)
		}
		if len(listed(a.Must("getRecordings", ""))) != 1 {
			t.Error("a silent server took its recordings along")
		}
		if err := mine.DeleteRecording(rec); err != nil {
			t.Fatal(err)
		}
		gatewaytest.Until(t, "gone", func() bool {
			_ = n.Recordings.DiscoverAll(context.Background()) // the breaker may still be open
			return a.Must("getRecordings", "").Key() == "noRecordings"
		})
	})
}

// serverAt is a server as the fleet names it.
func serverAt(t *testing.T, c *gatewaytest.Cooperative, s *bbbtest.Running) (out id.Server) {
	t.Helper()
	err := c.DB.Read(context.Background(), func(r store.Reader) error {
		v, err := fleet.ByName(context.Background(), r, s.Addr())
		out = v.ID
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestTheScriptOfServersDelivers runs what packaging/bbb holds against the upload, in several parts.
func TestTheScriptOfServersDelivers(t *testing.T) {
	each(t, gatewaytest.Options{}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		a := c.Client(n, "hilado", tariff.OverrideFields{})
		rec := recorded(t, c, a, "coop-42", "", "presentation", "podcast")
		published := t.TempDir()
		for _, f := range []string{"presentation", "podcast"} {
			archive, err := c.Servers[0].RecordingTar(rec, f)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("tar", "-x", "-C", published)
			cmd.Stdin = bytes.NewReader(archive)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatal(err, string(out))
			}
		}
		run := func(secret string, args ...string) (string, error) {
			cmd := exec.Command("sh", append([]string{"../../packaging/bbb/meetcoop_upload.sh"}, args...)...)
			cmd.Env = append(os.Environ(), "MEETCOOP_UPLOAD_CONF=/nonexistent", "MEETCOOP_URL="+n.URL, "MEETCOOP_SERVER="+string(serverOf(t, c)), "MEETCOOP_SECRET="+secret,
				"MEETCOOP_PUBLISHED="+published, "MEETCOOP_CHUNK_BYTES=4096", "MEETCOOP_PAUSE=0")
			out, err := cmd.CombinedOutput()
			return string(out), err
		}
		if out, err := run("not it", rec); err == nil {
			t.Errorf("with another secret: %s", out)
		}
		if out, err := run(c.Servers[0].Secret(), rec); err != nil {
			t.Fatalf("%v %s", err, out)
		}
		if got := listed(a.Must("getRecordings", "")); len(got) != 1 || len(got[0].Child("playback").Kids) != 2 || got[0].Child("protected") == nil {
			t.Errorf("listed: %v", got)
		}
		if out, err := run(c.Servers[0].Secret(), "--all"); err != nil || strings.Count(out, "is there") != 2 {
			t.Errorf("again: %v %s", err, out)
		}
	})
}
