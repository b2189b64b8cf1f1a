// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"meetcoop/internal/conference"
	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/engine/bbb/bbbtest"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/recording"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// together is the form of a list with some boxes ticked.
func together(act string, recs ...string) url.Values {
	return url.Values{"act": {act}, "picks": recs}
}

// there makes a recording one that is on a server which nobody can ask.
func (w *town) there(rec string) {
	w.t.Helper()
	w.must(w.DB.Write(w.t.Context(), func(tx store.Tx) error {
		_, err := tx.Exec(w.t.Context(), `UPDATE recording SET mode = 'remote' WHERE id = $1`, rec)
		return err
	}))
}

// audited is what a member's audit trail has of recordings, newest last.
func (w *town) audited(h house) (out []string) {
	w.t.Helper()
	w.must(w.DB.Read(w.t.Context(), func(r store.Reader) error {
		all, err := identity.AuditList(w.t.Context(), r, identity.AuditFilter{Member: h.member.ID, Limit: 500})
		out = nil
		for _, e := range all {
			if what, ok := strings.CutPrefix(e.Action, "recording."); ok && e.Actor.Person != "" {
				out = append([]string{what + " " + e.Object}, out...)
			}
		}
		return err
	}))
	return out
}

var ticked = regexp.MustCompile(`name="picks" value="[^"]*" checked`)

func TestAManagerChangesSeveralRecordingsAtOnce(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		h := w.house("Hilado", "level-2", rooms.Settings{})
		var recs []string
		for n := range 5 {
			recs = append(recs, w.recorded(h, "hilado-moodle", n+1, "video"))
		}
		list := "/m/" + h.member.Slug + "/recordings"
		state := func(want recording.State, some ...string) {
			t.Helper()
			for _, rec := range some {
				if v := w.recordingNow(rec); v.State != want {
					t.Errorf("%s is %s, want %s", rec, v.State, want)
				}
			}
		}

		page := h.owner.get(list+"?sort=oldest&size=50").is("the list", 200).says("boxes and the bar", `<label for="pick-`+recs[0]+`"><span class="unseen">Choose Lesson 1 &lt;b&gt;</span>`, "With the ticked recordings", `action="/m/hilado/recordings?size=50&amp;sort=oldest"`, "tick=all")
		if ticked.MatchString(page.body) {
			t.Error("ticked by itself")
		}
		if n := len(ticked.FindAllString(h.owner.get(list+"?tick=all").is("all ticked", 200).body, -1)); n != 5 {
			t.Errorf("%d of 5 ticked", n)
		}

		h.owner.post(list, nil).is("nothing ticked, nothing chosen", 422).says("both", "Tick at least one recording", "Choose what to do with the recordings", `href="#f-picks"`, `href="#f-act"`)
		got := h.owner.post(list, together("", recs[1])).is("nothing chosen", 422)
		if n := len(ticked.FindAllString(got.body, -1)); n != 1 {
			t.Errorf("%d boxes stay ticked, want the one", n)
		}
		h.owner.post(list, together("access-world", recs[1])).is("no such access", 422)
		h.owner.post(list, together("purge", recs[1])).is("no such act", 422)
		many := make([]string, recording.MostTogether+1)
		for i := range many {
			many[i] = fmt.Sprintf("%d-1", i)
		}
		h.owner.post(list, together("hide", many...)).is("more than a page holds", 422).says("the limit", "at most 100 recordings")

		h.owner.post(list+"?size=50&page=1&sort=oldest", together("hide", recs[0], recs[1], recs[1])).leads("hide two", list+"?size=50&sort=oldest&done=recordings_hidden")
		state(recording.Unpublished, recs[:2]...)
		state(recording.Published, recs[2:]...)
		h.owner.post(list, together("publish", recs...)).leads("publish all, three are so already", list+"?done=recordings_published")
		state(recording.Published, recs...)
		h.owner.post(list, together("access-members", recs[2:]...)).leads("who can watch", list+"?done=recordings_access")
		for i, rec := range recs {
			if v := w.recordingNow(rec); (v.Access == recording.AccessMembers) != (i >= 2) {
				t.Errorf("%d: %s", i, v.Access)
			}
		}

		h.owner.post(list, together("delete", recs[:3]...)).is("the question", 200).says("what follows", "Delete 3 recordings?", "3 stay in the trash for 7 days", "Lesson 1 &lt;b&gt;", "Lesson 3", `name="sure"`, `value="`+recs[2]+`"`)
		state(recording.Published, recs...)
		sure := together("delete", recs[:3]...)
		sure.Set("sure", "yes")
		h.owner.post(list, sure).leads("delete", list+"?done=recordings_deleted")
		state(recording.Deleted, recs[:3]...)
		h.owner.post(list, sure).leads("delete again", list+"?done=recordings_deleted")
		h.owner.post(list, together("hide", recs[2], recs[3])).is("one in the trash", 200).says("which and why", "Done for 1 recording.", "1 recording is as it was.", "Lesson 3", "Restore it first", `href="`+list+`/`+recs[2]+`"`)
		state(recording.Unpublished, recs[3])
		h.owner.post(list, together("hide", recs[0], recs[1])).is("all in the trash", 409).says("none", "None was changed", "2 recordings are as they were.")

		h.owner.get(list+"?view=trash").is("the trash", 200).says("its only act", `name="act" value="restore"`)
		h.owner.post(list+"?view=trash", together("restore", recs[:3]...)).leads("restore", list+"?view=trash&done=recordings_restored")
		state(recording.Unpublished, recs[:3]...)
		want := []string{}
		for what, some := range map[string][]string{"publish": {recs[0], recs[1], recs[0], recs[1], recs[3]}, "access": recs[2:], "delete": recs[:3], "restore": recs[:3]} {
			for _, rec := range some {
				want = append(want, what+" "+rec)
			}
		}
		if got := w.audited(h); len(got) != len(want) {
			t.Errorf("audited %d: %q, want %d", len(got), got, len(want))
		}
	})
}

func TestSeveralRecordingsOfWhichSomeCannotChange(t *testing.T) {
	w := liteTown(t, townOptions{})
	h, elsewhere := w.house("Hilado", "level-2", rooms.Settings{}), w.house("Faro", "level-2", rooms.Settings{})
	days := int64(30)
	w.Override(t, h.member.ID, tariff.OverrideFields{RetentionDays: &days})
	mine, far, theirs := w.recorded(h, "hilado-moodle", 1, "video"), w.recorded(h, "hilado-moodle", 2, "video"), w.recorded(elsewhere, "faro-moodle", 3, "video")
	w.there(far)
	list := "/m/" + h.member.Slug + "/recordings"

	// Another member's recording and one that nobody has are the same, whatever is done.
	for _, act := range []string{"publish", "hide", "access-members", "restore"} {
		one := h.owner.post(list, together(act, theirs)).is(act+" of another member’s", 409)
		two := h.owner.post(list, together(act, "0123-1")).is(act+" of nobody’s", 409)
		if a, b := strings.ReplaceAll(one.body, theirs, "X"), strings.ReplaceAll(two.body, "0123-1", "X"); a != b || strings.Contains(a, "Lesson 3") {
			t.Errorf("%s tells another member’s recording from none", act)
		}
	}
	for _, rec := range []string{theirs, "0123-1"} {
		if body := h.owner.post(list, together("delete", mine, rec)).is("the question", 200).body; !strings.Contains(body, "Delete 1 recording?") || strings.Contains(body, rec) {
			t.Errorf("the question names %s", rec)
		}
		h.owner.post(list, together("delete", rec)).is("delete nothing of one’s own", 409).says("it", "A recording that is not here")
	}
	if v := w.recordingNow(theirs); v.State != recording.Published || v.Access != recording.AccessLink {
		t.Errorf("changed by a stranger: %+v", v)
	}
	h.owner.post(list, together("hide", mine, theirs)).is("one of another member among them", 200).says("it", "Done for 1 recording.", "It was removed meanwhile, or was never one of hilado.")

	h.owner.post(list, together("access-members", mine, far)).is("who can watch, one is on its server", 200).says("it", "Lesson 2", "which decides this")
	h.owner.post(list, together("delete", mine, far)).is("the question", 200).says("what is gone for good", "1 stays in the trash", "1 lies on the server", "Type how many are gone for good")
	sure := together("delete", mine, far)
	sure.Set("sure", "yes")
	h.owner.post(list, sure).is("without the number", 422).says("it", "Write 1 to confirm.")
	sure.Set("typed", " 1 ")
	h.owner.post(list, sure).leads("with the number", list+"?done=recordings_deleted")

	// Roles and origins are asked as for one.
	for name, b := range map[string]*browser{"a member": w.someone("Mere", h.member.ID, membership.RoleMember), "billing": w.someone("Bill", h.member.ID, membership.RoleBilling)} {
		b.post(list, together("hide", mine)).is(name, 403)
	}
	elsewhere.owner.post(list, together("hide", mine)).is("the owner of another member", 404)
	w.browser().post(list, together("hide", mine)).leads("somebody not signed in", "/signin?next=%2F")
	b := w.as("Hilado")
	b.headers["Origin"], b.headers["Sec-Fetch-Site"] = "https://evil.example", "cross-site"
	b.post(list, together("hide", mine)).is("a foreign page", 403)

	// What age has removed cannot come back.
	old := w.recorded(h, "hilado-moodle", 29, "video")
	sure = together("delete", old)
	sure.Set("sure", "yes")
	h.owner.post(list, sure).leads("delete", list+"?done=recordings_deleted")
	w.must(w.DB.Write(t.Context(), func(tx store.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE recording SET notice = 3 WHERE id = $1`, old)
		return err
	}))
	w.Clock.Pass(2 * 24 * time.Hour)
	w.as("Hilado").post(list+"?view=trash", together("restore", old, mine)).is("restore what is too old", 200).says("it", "Lesson 29", "keeps recordings for 30 days", "Done for 1 recording.")
}

// TestSeveralTwiceAtOnce has the same form sent several times in one moment: each recording changes once.
func TestSeveralTwiceAtOnce(t *testing.T) {
	eachTown(t, func(t *testing.T, w *town) {
		h := w.house("Hilado", "level-2", rooms.Settings{})
		var recs []string
		for n := range 8 {
			recs = append(recs, w.recorded(h, "hilado-moodle", n+1, "video"))
		}
		list := "/m/" + h.member.Slug + "/recordings"
		sure := together("delete", recs...)
		sure.Set("sure", "yes")
		for _, form := range []url.Values{together("hide", recs...), sure, together("restore", recs...)} {
			before := len(w.audited(h))
			var all sync.WaitGroup
			for range 4 {
				b := w.as("Hilado")
				all.Go(func() {
					if got := b.post(list, form); got.status != 303 {
						t.Errorf("%s: %d %s", form.Get("act"), got.status, excerpt(got.body))
					}
				})
			}
			all.Wait()
			if n := len(w.audited(h)) - before; n != len(recs) {
				t.Errorf("%s: %d events for %d recordings", form.Get("act"), n, len(recs))
			}
		}
		for _, rec := range recs {
			if v := w.recordingNow(rec); v.State != recording.Unpublished || v.DeletedAt != (instant.Instant{}) {
				t.Errorf("%+v", v)
			}
		}
	})
}

func TestSubtitlesOfARecordingWhoseServerIsSilent(t *testing.T) {
	w := liteTown(t, townOptions{})
	h := w.house("Hilado", "level-2", rooms.Settings{})
	rec := w.recorded(h, "hilado-moodle", 1, "video")
	w.there(rec)
	page := "/m/" + h.member.Slug + "/recordings/" + rec
	h.owner.get(page).is("the page", 200).says("it", "does not say just now which subtitles there are", "kept on its server")
	h.owner.upload(page+"/tracks", "1\n00:00:01,000 --> 00:00:02,000\nHola\n", map[string]string{"lang": "ca", "kind": "subtitles", "label": "Català"}).is("an upload", 503).says("it", "This could not be done", "no usable answer", `value="Català"`)
	h.owner.upload(page+"/tracks", "nothing", map[string]string{"lang": "ca", "kind": "subtitles"}).is("what is no file of subtitles", 422)
}

// onServer brings a town a BigBlueButton server with a recording that belongs to a house, and returns both.
func (w *town) onServer(h house) (*bbbtest.Running, string) {
	w.t.Helper()
	ctx := w.t.Context()
	sim := bbbtest.Start(w.t, bbbtest.Config{})
	v, err := w.fleet.Add(ctx, fleet.AddInput{Name: "bbb", URL: fleet.APIAddress(sim.URL()), Secret: sim.Secret(), LoadUnits: 100, Admin: fleet.AdminEnabled})
	w.must(err)
	servers, err := conference.New(conference.Deps{
		DB: w.DB, Now: w.Clock.Now, Log: slog.New(slog.DiscardHandler), Gate: w.gate, Fleet: w.fleet, Node: id.NewNode(), IDs: make([]byte, 32), PublicURL: "http://localhost",
		Transport: bbb.NewTransport(), Outbound: http.DefaultClient, Registry: prometheus.NewRegistry(), Keys: w.Members.Keys,
	})
	w.must(err)
	w.recordings, err = recording.New(recording.Deps{
		DB: w.DB, Now: w.Clock.Now, Log: slog.New(slog.DiscardHandler), Members: w.Members, Fleet: w.fleet, IDs: make([]byte, 32), Links: make([]byte, 32), Dir: w.t.TempDir(), BaseURL: "http://localhost",
		Catalog: w.Catalog, PublicURL: "http://localhost", Entitled: w.Entitled, Conferences: servers,
	})
	w.must(err)
	w.portal.Recordings = w.recordings
	client, err := servers.Server(ctx, v.ID)
	w.must(err)
	made, err := client.Do(ctx, bbb.Request{Call: "create", Query: "meetingID=choir&name=Choir&record=true"})
	w.must(err)
	w.must(made.Err())
	rec, err := sim.MakeRecording(made.Root.Value("internalMeetingID"))
	w.must(err)
	w.must(sim.PublishRecording(rec, "presentation"))
	w.must(w.recordings.Discover(ctx, v.ID, client))
	plug := w.connect(h, "hilado-choir")
	w.must(w.DB.Write(ctx, func(tx store.Tx) error {
		_, err := tx.Exec(ctx, `UPDATE recording SET member = $1, connection = $2 WHERE id = $3`, string(h.member.ID), string(plug.ID), rec)
		return err
	}))
	return sim, rec
}

func TestSubtitlesOfARemoteRecordingAreOnItsPage(t *testing.T) {
	w := liteTown(t, townOptions{})
	h := w.house("Hilado", "level-2", rooms.Settings{})
	sim, rec := w.onServer(h)
	page := "/m/" + h.member.Slug + "/recordings/" + rec
	h.owner.get(page).is("none yet", 200).says("it", "There are none yet.", "kept on its server")
	const srt = "1\n00:00:01,000 --> 00:00:02,000\nHola\n"
	form := map[string]string{"lang": "ca", "kind": "captions", "label": "<script>alert(1)</script>"}
	h.owner.upload(page+"/tracks", srt, form).leads("an upload", page+"?done=recording_track_added#tracks")
	got := h.owner.get(page).is("one", 200).says("it", "<b>&lt;script&gt;alert(1)&lt;/script&gt;</b>", "Captions · ca")
	if strings.Contains(got.body, "/tracks/remove") {
		t.Error("offers to remove what only the server can")
	}
	for _, f := range []bbbtest.Fault{{Kind: bbbtest.FaultSilence}, {Kind: bbbtest.FaultHuge}, {Kind: bbbtest.FaultTruncated}, {Kind: bbbtest.FaultFailed, Key: "<img src=x>"}} {
		f.Call = "getRecordingTextTracks"
		w.must(sim.AddFault(f))
		began := time.Now()
		got := h.owner.get(page).is(string(f.Kind), 200).says(string(f.Kind), "does not say just now which subtitles there are", "Add subtitles")
		if took := time.Since(began); took > 1500*time.Millisecond || strings.Contains(got.body, "<img") {
			t.Errorf("%s: after %s", f.Kind, took)
		}
		sim.ClearFaults()
	}
	w.must(sim.AddFault(bbbtest.Fault{Kind: bbbtest.FaultFailed, Call: "putRecordingTextTrack", Key: "<img src=x>"}))
	if got := h.owner.upload(page+"/tracks", srt, form).is("refused", 503).says("it", "This could not be done", "no usable answer", `value="ca"`); strings.Contains(got.body, "<img") {
		t.Error("a server writes into the page")
	}

	// A server that is down holds up nothing of what is done to several.
	sim.Kill()
	list := "/m/" + h.member.Slug + "/recordings"
	h.owner.post(list, together("hide", rec)).is("hide on a dead server", 409).says("it", "None was changed", "cannot be reached", "Try again", `name="act" value="hide"`)
}
