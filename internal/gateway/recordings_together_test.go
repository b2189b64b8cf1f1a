// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"meetcoop/internal/engine/bbb/bbbtest"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/membership/membershiptest"
	"meetcoop/internal/recording"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
)

// Remote recordings are looked after by people of their member through the service of a node, against a server that may misbehave.

// remoteHouse is a member with an owner, recordings on its server, and one brought here.
type remoteHouse struct {
	c      *gatewaytest.Cooperative
	n      *gatewaytest.Node
	member id.Member
	owner  identity.Actor
	remote []string
	stored string
}

func newRemoteHouse(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) remoteHouse {
	t.Helper()
	k := c.Client(n, "hilado", tariff.OverrideFields{})
	h := remoteHouse{c: c, n: n, member: k.Member.ID, owner: membershiptest.Signed(c.Person(t, k.Member.ID, "alba@hilado.example", membership.RoleOwner))}
	for _, name := range []string{"coop-1", "coop-2", "coop-3"} {
		h.remote = append(h.remote, recorded(t, c, k, name, "", "presentation"))
	}
	h.stored = recorded(t, c, k, "coop-4", "", "presentation")
	bring(t, c, n, h.stored, "presentation")
	gatewaytest.Until(t, "all are listed", func() bool { return len(listed(k.Must("getRecordings", ""))) == 4 })
	return h
}

func (h remoteHouse) all() []recording.ID {
	out := []recording.ID{recording.ID(h.stored)}
	for _, v := range h.remote {
		out = append(out, recording.ID(v))
	}
	return out
}

func (h remoteHouse) do(t *testing.T, act recording.Act, access recording.Access, recs ...recording.ID) recording.Together {
	t.Helper()
	out, err := h.n.Recordings.Together(context.Background(), h.owner, recording.TogetherInput{Member: h.member, IDs: recs, Act: act, Access: access})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// brief is what became of recordings, for a line of a test.
func brief(v recording.Together) string {
	out := fmt.Sprintf("%d changed, %d so already, %d left", len(v.Changed), len(v.Same), len(v.Left))
	for _, l := range v.Left {
		out += fmt.Sprintf("; %q: %v", l.Name, l.Why)
	}
	return out
}

func (h remoteHouse) look(t *testing.T, rec string) recording.Recording {
	t.Helper()
	d, err := h.n.Recordings.Look(context.Background(), h.owner, recording.Of{Member: h.member, ID: recording.ID(rec)})
	if err != nil {
		t.Fatal(err)
	}
	return d.Recording
}

func (h remoteHouse) misbehaves(t *testing.T, f bbbtest.Fault) {
	t.Helper()
	if err := h.c.Servers[0].AddFault(f); err != nil {
		t.Fatal(err)
	}
}

func TestSeveralRemoteRecordingsAtOnce(t *testing.T) {
	each(t, withRecordings, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		h := newRemoteHouse(t, c, n)
		server := c.Servers[0]
		got := h.do(t, recording.ActHide, "", h.all()...)
		if calls := server.Last("publishRecordings"); len(got.Changed) != 4 || len(got.Left) != 0 || strings.Count(calls[0].Query, "%2C") != 2 {
			t.Errorf("one call for all three: %s, asked %+v", brief(got), calls)
		}
		for _, v := range h.all() {
			if s := h.look(t, string(v)).State; s != recording.Unpublished {
				t.Errorf("%s is %s", v, s)
			}
		}
		got = h.do(t, recording.ActAccess, recording.AccessMembers, h.all()...)
		if len(got.Changed) != 1 || len(got.Left) != 3 || fault.CodeOf(got.Left[0].Why) != "recording.remote" {
			t.Errorf("who can watch: %s", brief(got))
		}

		// What a server refuses is left as it was, with its own words only where they look like such.
		for key, shown := range map[string]string{"checksumError": "checksumError", "<script>alert(1)</script>" + strings.Repeat("x", 5000): "?"} {
			h.misbehaves(t, bbbtest.Fault{Kind: bbbtest.FaultFailed, Call: "publishRecordings", Key: key})
			got = h.do(t, recording.ActPublish, "", h.all()...)
			server.ClearFaults()
			if len(got.Left) != 3 || fault.CodeOf(got.Left[0].Why) != "recording.server_refused" || fault.As(got.Left[0].Why).Params["Key"] != shown || got.Left[2].Name == "" {
				t.Errorf("refused with %.20s: %s", key, brief(got))
			}
		}
		if h.look(t, h.stored).State != recording.Published || h.look(t, h.remote[0]).State != recording.Unpublished {
			t.Error("changed what was refused, or left what is here")
		}

		// A server that says nothing is waited for once, however many it has.
		h.misbehaves(t, bbbtest.Fault{Kind: bbbtest.FaultSilence, Call: "deleteRecordings", Before: true})
		began := time.Now()
		got = h.do(t, recording.ActDiscard, "", h.all()...)
		if took := time.Since(began); took > 7500*time.Millisecond || len(got.Changed) != 1 || len(got.Left) != 3 || fault.KindOf(got.Left[0].Why) != fault.Unavailable {
			t.Errorf("silent, after %s: %s", took, brief(got))
		}
		server.ClearFaults()
		if h.look(t, h.remote[0]).State != recording.Unpublished {
			t.Error("deleted without its server")
		}
		gatewaytest.Until(t, "it is asked again", func() bool { return len(h.do(t, recording.ActDiscard, "", h.all()...).Left) == 0 })
		if got = h.do(t, recording.ActDiscard, "", recording.ID(h.remote[0])); len(got.Left) != 1 || got.Left[0].Name != "" || fault.CodeOf(got.Left[0].Why) != "recording.unknown" {
			t.Errorf("gone: %s", brief(got))
		}
	})
}

// deadline is what a page may be held up for by a server that does not answer, with room for a busy machine.
const deadline = 1500 * time.Millisecond

func TestSubtitlesThatAServerTells(t *testing.T) {
	each(t, withRecordings, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		h := newRemoteHouse(t, c, n)
		ctx, of := context.Background(), recording.Of{Member: h.member, ID: recording.ID(h.remote[0])}
		rec := h.look(t, h.remote[0])
		if tracks, err := n.Recordings.TracksThere(ctx, rec); err != nil || len(tracks) != 0 {
			t.Fatalf("none yet: %v %v", tracks, err)
		}
		const srt = "1\n00:00:01,000 --> 00:00:02,000\n<b>Hola</b>\n"
		in := recording.Track{Kind: "captions", Lang: "pt-BR", Label: "Português & co <b>"}
		if err := n.Recordings.AddTrack(ctx, h.owner, of, in, []byte(srt)); err != nil {
			t.Fatal(err)
		}
		if tracks, err := n.Recordings.TracksThere(ctx, rec); err != nil || len(tracks) != 1 || tracks[0] != in {
			t.Errorf("told: %+v %v", tracks, err)
		}
		if err := n.Recordings.RemoveTrack(ctx, h.owner, of, in.Name()); fault.CodeOf(err) != "recording.remote" {
			t.Errorf("removed: %v", err)
		}
		if err := n.Recordings.AddTrack(ctx, h.owner, of, recording.Track{Kind: "x", Lang: "pt BR"}, []byte("none")); fault.KindOf(err) != fault.Invalid {
			t.Errorf("three mistakes: %v", err)
		}
		stranger := membershiptest.Signed(c.Person(t, c.Client(n, "faro", tariff.OverrideFields{}).Member.ID, "bo@faro.example", membership.RoleOwner))
		if err := n.Recordings.AddTrack(ctx, stranger, of, in, []byte(srt)); fault.KindOf(err) != fault.NotFound {
			t.Errorf("a stranger: %v", err)
		}
		if err := n.Recordings.AddTrack(ctx, h.owner, recording.Of{Member: "mem_other", ID: of.ID}, in, []byte(srt)); fault.KindOf(err) != fault.NotFound {
			t.Errorf("as another member’s: %v", err)
		}
		h.misbehaves(t, bbbtest.Fault{Kind: bbbtest.FaultFailed, Call: "putRecordingTextTrack", Key: "x", Times: 1})
		if err := n.Recordings.AddTrack(ctx, h.owner, of, in, []byte(srt)); err == nil {
			t.Error("taken by a server that refuses")
		}

		for _, f := range []bbbtest.Fault{
			{Kind: bbbtest.FaultSilence}, {Kind: bbbtest.FaultDrip, Delay: 100 * time.Millisecond}, {Kind: bbbtest.FaultHuge}, {Kind: bbbtest.FaultEndless}, {Kind: bbbtest.FaultTruncated},
			{Kind: bbbtest.FaultNonsense}, {Kind: bbbtest.FaultResetIn}, {Kind: bbbtest.FaultStatus, Status: 500}, {Kind: bbbtest.FaultStatus, Status: 302}, {Kind: bbbtest.FaultLatency, Delay: 5 * time.Second},
		} {
			f.Call = "getRecordingTextTracks"
			h.misbehaves(t, f)
			began := time.Now()
			tracks, err := n.Recordings.TracksThere(ctx, rec)
			if took := time.Since(began); err == nil || fault.KindOf(err) != fault.Unavailable || len(tracks) != 0 || took > deadline {
				t.Errorf("%s %d: after %s %v %v", f.Kind, f.Status, took, tracks, err)
			}
			c.Servers[0].ClearFaults()
		}
		// People who look at pages of a slow server do not make it count as a dead one.
		h.misbehaves(t, bbbtest.Fault{Kind: bbbtest.FaultLatency, Call: "getRecordingTextTracks", Delay: 5 * time.Second})
		for range 4 {
			_, _ = n.Recordings.TracksThere(ctx, rec) // too slow, as above
		}
		if got := h.do(t, recording.ActHide, "", rec.ID); len(got.Changed) != 1 {
			t.Errorf("left alone: %s", brief(got))
		}
		c.Servers[0].ClearFaults()
		c.Servers[0].Kill()
		began := time.Now()
		if _, err := n.Recordings.TracksThere(ctx, rec); fault.KindOf(err) != fault.Unavailable || time.Since(began) > deadline {
			t.Errorf("dead: %v after %s", err, time.Since(began))
		}
	})
}

// TestWhatAServerMayCallItsSubtitles has answers that no server of good will gives.
func TestWhatAServerMayCallItsSubtitles(t *testing.T) {
	db := storetest.New(t, store.SQLite)
	c := gatewaytest.New(t, db, withRecordings)
	n := c.Node(db, withRecordings)
	h := newRemoteHouse(t, c, n)
	rec := h.look(t, h.remote[0])
	answer := ""
	origin, err := url.Parse(c.Servers[0].URL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(origin)
	hostile := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/getRecordingTextTracks") {
			_, _ = w.Write([]byte(answer)) // a client that has read enough
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(hostile.Close)
	servers, err := fleet.New(fleet.Deps{DB: c.DB, Now: instant.System(0), Sealer: c.Key})
	if err != nil {
		t.Fatal(err)
	}
	moved := fleet.APIAddress(hostile.URL)
	if _, err := servers.Change(context.Background(), fleet.ChangeInput{Server: rec.Server, URL: &moved}); err != nil {
		t.Fatal(err)
	}
	told := func(v any) ([]recording.Track, error) {
		text, ok := v.(string)
		if !ok {
			b, err := json.Marshal(map[string]any{"response": map[string]any{"returncode": "SUCCESS", "tracks": v}})
			if err != nil {
				t.Fatal(err)
			}
			text = string(b)
		}
		answer = text
		return n.Recordings.TracksThere(context.Background(), rec)
	}
	type track map[string]string
	gatewaytest.Until(t, "the other server is asked", func() bool {
		tracks, err := told([]track{{"kind": "subtitles", "lang": "ca", "label": "Català"}})
		return err == nil && len(tracks) == 1
	})
	long := strings.Repeat("é", 5000)
	tracks, err := told([]track{
		{"kind": "subtitles", "lang": "ca", "label": "<script>alert(1)</script>\x00\n\u202egpj.exe", "href": "javascript:alert(1)"},
		{"kind": "subtitles", "lang": "ca\"><script>", "label": "x"}, {"kind": "<b>", "lang": "ca", "label": "x"}, {}, {"kind": "captions", "lang": "de", "label": long}, {"kind": "captions", "lang": "de", "label": " \u200b "},
	})
	if err != nil || len(tracks) != 3 || tracks[0].Label != "<script>alert(1)</script> gpj.exe" || utf8.RuneCountInString(tracks[1].Label) != 200 || tracks[2].Label != "de" {
		t.Errorf("%v %+q", err, tracks)
	}
	many := make([]track, 5000)
	for i := range many {
		many[i] = track{"kind": "subtitles", "lang": "ca"}
	}
	if tracks, err := told(many); err != nil || len(tracks) != 100 {
		t.Errorf("%d tracks, %v", len(tracks), err)
	}
	for _, text := range []string{
		``, `null`, `[]`, `{}`, `{"response":[]}`, `{"response":{"returncode":"MAYBE"}}`, `{"response":{"returncode":"SUCCESS","tracks":"x"}}`, `{"response":{"returncode":"SUCCESS","tracks":[`,
		strings.Repeat(`{"response":`, 100_000), strings.Repeat(`[`, 500_000), `{"response":{"returncode":"SUCCESS","message":"` + strings.Repeat("x", 3<<20) + `"}}`,
	} {
		if tracks, err := told(text); fault.KindOf(err) != fault.Unavailable || len(tracks) != 0 {
			t.Errorf("%.40s: %v %v", text, tracks, err)
		}
	}
	if _, err := told(`{"response":{"returncode":"FAILED","messageKey":"<script>"}}`); fault.CodeOf(err) != "recording.server_refused" || fault.As(err).Params["Key"] != "?" {
		t.Errorf("%v", err)
	}
}
