// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/membership"
	"meetcoop/internal/membership/membershiptest"
	"meetcoop/internal/recording"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

func TestPeopleChangeRecordingsWhereTheyAre(t *testing.T) {
	each(t, withRecordings, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		ctx := context.Background()
		a := c.Client(n, "hilado", tariff.OverrideFields{})
		manager := membershiptest.Signed(c.Person(t, a.Member.ID, "manager@hilado.example", membership.RoleManager))
		rec := recorded(t, c, a, "coop-42", "", "presentation")
		of := recording.Of{Member: a.Member.ID, ID: recording.ID(rec)}
		gatewaytest.Until(t, "it is listed", func() bool { return len(listed(a.Must("getRecordings", ""))) == 1 })
		there := func() string {
			answer, err := c.ServerClient(0).Do(ctx, bbb.Request{Call: "getRecordings", Query: "state=any&recordID=" + rec})
			if err != nil || len(answer.Root.Child("recordings").Kids) == 0 {
				return "nothing"
			}
			e := answer.Root.Child("recordings").Kids[0]
			return e.Value("state") + " " + e.Child("metadata").Value("name")
		}

		if _, err := n.Recordings.Rename(ctx, manager, of, "Spring"); err != nil {
			t.Fatal(err)
		}
		if _, err := n.Recordings.SetPublished(ctx, manager, of, false); err != nil {
			t.Fatal(err)
		}
		if got := there(); got != "unpublished Spring" {
			t.Errorf("on its server: %s", got)
		}
		seen := listed(a.Must("getRecordings", "state=any"))[0]
		if seen.Value("state") != "unpublished" || seen.Child("metadata").Value("name") != "Spring" {
			t.Errorf("the application reads %s %s", seen.Value("state"), seen.Child("metadata").Value("name"))
		}
		if _, err := n.Recordings.SetAccess(ctx, manager, of, recording.AccessMembers); fault.CodeOf(err) != "recording.remote" {
			t.Errorf("access of a remote one: %v", err)
		}
		if err := n.Recordings.AddTrack(ctx, manager, of, recording.Track{Kind: "subtitles", Lang: "ca"}, []byte("1\n00:00:01,000 --> 00:00:02,000\nHola\n")); err != nil {
			t.Errorf("subtitles of a remote one: %v", err)
		}
		if r := a.Ask("getRecordingTextTracks", "recordID="+rec); !strings.Contains(r.Body, `"lang":"ca"`) {
			t.Errorf("the application reads of its subtitles: %s", r.Body)
		}
		if _, err := n.Recordings.SetPublished(ctx, manager, of, true); err != nil {
			t.Fatal(err)
		}
		if to, err := n.Recordings.Watch(ctx, manager, of, "presentation"); err != nil || !strings.HasPrefix(to, "http") || strings.HasPrefix(to, n.URL) {
			t.Errorf("watched at %s, %v", to, err)
		}
		if _, err := n.Recordings.Discard(ctx, manager, of); err != nil {
			t.Fatal(err)
		}
		if got := there(); !strings.HasPrefix(got, "deleted") && got != "nothing" {
			t.Errorf("deleted, on its server: %s", got)
		}
		if _, err := n.Recordings.Restore(ctx, manager, of); fault.CodeOf(err) != "recording.unknown" {
			t.Errorf("restored a remote one: %v", err)
		}

		// A server that does not answer: nothing has changed.
		rec = recorded(t, c, a, "coop-43", "", "video")
		of.ID = recording.ID(rec)
		gatewaytest.Until(t, "the other is listed", func() bool { return len(listed(a.Must("getRecordings", "recordID="+rec))) == 1 })
		c.Servers[0].Kill()
		if _, err := n.Recordings.SetPublished(ctx, manager, of, false); err == nil || fault.KindOf(err) != fault.Unavailable {
			t.Errorf("a dead server: %v", err)
		}
		err := c.DB.Read(ctx, func(r store.Reader) error {
			v, err := recording.Get(ctx, r, of.ID)
			if v.State != recording.Published {
				t.Errorf("%s although its server does not know", v.State)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

// TestAPassOfAMemberOpensOneRecording follows the way that a signed-in person is sent, on an origin without their session.
func TestAPassOfAMemberOpensOneRecording(t *testing.T) {
	each(t, gatewaytest.Options{}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		ctx := context.Background()
		a := c.Client(n, "hilado", tariff.OverrideFields{})
		manager := membershiptest.Signed(c.Person(t, a.Member.ID, "manager@hilado.example", membership.RoleManager))
		mere := membershiptest.Signed(c.Person(t, a.Member.ID, "mere@hilado.example", membership.RoleMember))
		rec, other := recorded(t, c, a, "coop-42", "", "video"), recorded(t, c, a, "coop-43", "", "video")
		for _, v := range []string{rec, other} {
			bring(t, c, n, v, "video")
			if _, err := n.Recordings.SetAccess(ctx, manager, recording.Of{Member: a.Member.ID, ID: recording.ID(v)}, recording.AccessMembers); err != nil {
				t.Fatal(err)
			}
		}
		to, err := n.Recordings.Watch(ctx, mere, recording.Of{Member: a.Member.ID, ID: recording.ID(rec)}, "video")
		if err != nil {
			t.Fatal(err)
		}
		r := get(t, to)
		if r.Status != http.StatusSeeOther || strings.Contains(r.Location.String(), "token") {
			t.Fatalf("%d to %v", r.Status, r.Location)
		}
		cookie := r.Header.Get("Set-Cookie")
		with := func(q *http.Request) { q.Header.Set("Cookie", strings.Split(cookie, ";")[0]) }
		file := n.URL + "/recordings/video/" + rec + "/video.mp4"
		if r := get(t, file, with); r.Status != http.StatusOK {
			t.Errorf("a file with the cookie: %d", r.Status)
		}
		if r := get(t, file); r.Status != http.StatusNotFound {
			t.Errorf("a file without: %d", r.Status)
		}
		if r := get(t, strings.ReplaceAll(to, rec, other)); r.Status != http.StatusNotFound {
			t.Errorf("the pass at another recording: %d", r.Status)
		}
		if _, err := n.Recordings.SetAccess(ctx, manager, recording.Of{Member: a.Member.ID, ID: recording.ID(rec)}, recording.AccessProtected); err != nil {
			t.Fatal(err)
		}
		if r := get(t, file, with); r.Status != http.StatusNotFound {
			t.Errorf("the cookie after the access was changed: %d", r.Status)
		}
	})
}
