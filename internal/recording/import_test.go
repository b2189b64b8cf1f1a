// SPDX-License-Identifier: AGPL-3.0-or-later

package recording_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"meetcoop/internal/fault"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/identity"
	"meetcoop/internal/membership"
	"meetcoop/internal/recording"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
)

var background = context.Background()

func each(t *testing.T, fn func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := gatewaytest.New(t, db, gatewaytest.Options{})
		fn(t, c, c.Node(db, gatewaytest.Options{}))
	})
}

const firstID, secondID = "0123456789abcdef0123456789abcdef01234567-1700000000000", "0123456789abcdef0123456789abcdef01234567-1700000000001"

func metadata(id, format, external string) string {
	return fmt.Sprintf(`<recording><id>%s</id><state>published</state><published>true</published><start_time>1700000000000</start_time><end_time>1700000600000</end_time><participants>2</participants>
<meeting id="%s" externalId="%s" name="Assembly" breakout="false"/><meta><meetingId>%s</meetingId><meetingName>Assembly</meetingName><tenant-id>north</tenant-id></meta>
<playback><format>%s</format><link>https://old.example/x</link><processing_time>1</processing_time><duration>600000</duration></playback></recording>`, id, id, external, external, format)
}

// entry is one thing in a tar.
type entry struct {
	name, text, link string
	kind             byte
}

func archive(t *testing.T, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Typeflag: tar.TypeReg, Size: int64(len(e.text)), Mode: 0o644, Linkname: e.link}
		if e.kind != 0 {
			h.Typeflag = e.kind
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(e.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func fine(id, format string) []entry {
	return []entry{{name: format + "/" + id + "/metadata.xml", text: metadata(id, format, "coop-1")}, {name: format + "/" + id + "/a/video.webm", text: "webm"}}
}

func outcome(r recording.Report) string {
	return fmt.Sprintf("%d imported, %d known, %d broken", len(r.Imported), len(r.Known), len(r.Broken))
}

func TestABrokenFormatDoesNotStopTheOthers(t *testing.T) {
	each(t, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "north", tariff.OverrideFields{})
		all := fine(firstID, "presentation")
		all = append(all, entry{name: "video/" + firstID + "/metadata.xml", text: "<recording>"}, entry{name: "podcast/" + firstID + "/metadata.xml", text: metadata(secondID, "podcast", "x")},
			entry{name: "notes/" + firstID + "/notes.pdf", text: "x"}, entry{name: "screenshare/" + firstID + "/l", kind: tar.TypeSymlink, link: "/etc/passwd"})
		all = append(all, fine(secondID, "video")...)
		in := recording.ImportInput{Tar: bytes.NewReader(archive(t, all...))}
		out, err := n.Recordings.Import(background, in)
		if err != nil || outcome(out) != "2 imported, 0 known, 4 broken" {
			t.Fatalf("%v %s %+v", err, outcome(out), out)
		}
		in.Tar = bytes.NewReader(archive(t, all...))
		if out, err = n.Recordings.Import(background, in); err != nil || outcome(out) != "0 imported, 2 known, 4 broken" {
			t.Errorf("twice: %v %s", err, outcome(out))
		}
		page, err := n.Recordings.Find(background, k.Connection.ID, recording.Query{External: []string{"coop-1"}})
		if err != nil || page.Total != 2 || page.Recordings[0].ID != firstID || page.Recordings[0].Metadata["tenant-id"] != "north" {
			t.Errorf("found by tenant-id: %v %+v", err, page)
		}
	})
}

func TestHostileArchivesAreRefused(t *testing.T) {
	each(t, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		file := "video/" + firstID + "/"
		before := tree(t, os.TempDir())
		for name, entries := range map[string][]entry{
			"absolute":          {{name: "/tmp/evil", text: "x"}},
			"parent":            {{name: "../evil", text: "x"}},
			"parent further in": {{name: file + "../../../evil", text: "x"}},
			"a backslash":       {{name: file + `..\evil`, text: "x"}},
			"a link above":      {{name: "video", kind: tar.TypeSymlink, link: "/tmp"}},
			"a file above":      {{name: "video/" + firstID, text: "x"}},
			"no format":         {{name: "Video/" + firstID + "/x", text: "x"}},
			"too deep":          {{name: file + strings.Repeat("a/", 40) + "x", text: "x"}},
		} {
			out, err := n.Recordings.Import(background, recording.ImportInput{Tar: bytes.NewReader(archive(t, append(fine(firstID, "presentation"), entries...)...))})
			if fault.CodeOf(err) != "recording.archive" || len(out.Imported) > 0 {
				t.Errorf("%s: %v %s", name, err, outcome(out))
			}
		}
		for name, entries := range map[string][]entry{
			"symbolic link":       {{name: file + "x", kind: tar.TypeSymlink, link: "/etc/passwd"}},
			"hard link":           {{name: file + "x", kind: tar.TypeLink, link: file + "metadata.xml"}},
			"device":              {{name: file + "x", kind: tar.TypeChar}},
			"fifo":                {{name: file + "x", kind: tar.TypeFifo}},
			"the same file twice": {{name: file + "a/video.webm", text: "other"}},
			"a file as directory": {{name: file + "a/video.webm/x", text: "x"}},
		} {
			out, err := n.Recordings.Import(background, recording.ImportInput{Tar: bytes.NewReader(archive(t, append(fine(firstID, "video"), entries...)...))})
			if err != nil || outcome(out) != "0 imported, 0 known, 1 broken" {
				t.Errorf("%s: %v %s", name, err, outcome(out))
			}
		}
		whole := archive(t, fine(firstID, "video")...)
		if _, err := n.Recordings.Import(background, recording.ImportInput{Tar: bytes.NewReader(whole[:len(whole)-1600])}); fault.CodeOf(err) != "recording.archive" {
			t.Errorf("cut off: %v", err)
		}
		if after := tree(t, os.TempDir()); after != before {
			t.Errorf("files elsewhere: %s", after)
		}
		out, err := n.Recordings.Import(background, recording.ImportInput{Tar: bytes.NewReader(whole)})
		if err != nil || outcome(out) != "1 imported, 0 known, 0 broken" {
			t.Errorf("the good one after all: %v %s", err, outcome(out))
		}
	})
}

// tree names what evil archives would write.
func tree(t *testing.T, dir string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "evil*"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(found, " ")
}

func TestADirectoryIsImportedAsItLies(t *testing.T) {
	each(t, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{})
		dir := t.TempDir()
		for _, e := range append(fine(firstID, "presentation"), fine(secondID, "video")...) {
			file := filepath.Join(dir, "published", filepath.FromSlash(e.name))
			if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(e.text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink("/etc/passwd", filepath.Join(dir, "published", "video", secondID, "x")); err != nil {
			t.Fatal(err)
		}
		out, err := n.Recordings.Import(background, recording.ImportInput{Path: dir, Connection: k.Connection.ID})
		if err != nil || outcome(out) != "1 imported, 0 known, 1 broken" {
			t.Fatalf("%v %s", err, outcome(out))
		}
		if page, err := n.Recordings.Find(background, k.Connection.ID, recording.Query{}); err != nil || page.Total != 1 {
			t.Errorf("given to the connection named: %v %+v", err, page)
		}
		if _, err := n.Recordings.Import(background, recording.ImportInput{Path: filepath.Join(dir, "none")}); fault.CodeOf(err) != "recording.path" {
			t.Errorf("no path: %v", err)
		}
	})
}

func TestWhatNobodyOwnsIsListedToNobody(t *testing.T) {
	each(t, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		k := c.Client(n, "hilado", tariff.OverrideFields{})
		if _, err := n.Recordings.Import(background, recording.ImportInput{Tar: bytes.NewReader(archive(t, fine(firstID, "video")...))}); err != nil {
			t.Fatal(err)
		}
		if page, err := n.Recordings.Find(background, k.Connection.ID, recording.Query{States: recording.ParseStates([]string{"any"})}); err != nil || page.Total != 0 {
			t.Errorf("listed: %v %+v", err, page)
		}
		if _, err := n.Recordings.Open(background, recording.PlayInput{Recording: firstID, Format: "video", File: "a/video.webm"}); fault.KindOf(err) != fault.NotFound || err == nil {
			t.Errorf("watched: %v", err)
		}
		err := c.DB.Read(background, func(r store.Reader) error {
			all, err := recording.All(background, r, "", 10)
			if len(all) != 1 || all[0].Connection != "" || all[0].Bytes() == 0 {
				t.Errorf("operators see %+v", all)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		// Found out later: the same import with an owner does not change what is here, the operator's word does.
		out, err := n.Recordings.Import(background, recording.ImportInput{Tar: bytes.NewReader(archive(t, fine(firstID, "presentation")...)), Connection: k.Connection.ID})
		if err != nil || outcome(out) != "1 imported, 0 known, 0 broken" {
			t.Errorf("%v %s", err, outcome(out))
		}
		if page, err := n.Recordings.Find(background, k.Connection.ID, recording.Query{}); err != nil || page.Total != 1 || len(page.Recordings[0].Formats) != 2 {
			t.Errorf("out of quarantine: %v %+v", err, page)
		}
	})
}

// What the load balancer before noted tells whose a recording is: Scalelite the tenant's id, b3scale its frontend in the meeting's id.
func TestTenantsOfAnotherLoadBalancerFindTheirRecordings(t *testing.T) {
	each(t, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		named, moved, front := c.Client(n, "north", tariff.OverrideFields{}), c.Client(n, "hilado", tariff.OverrideFields{}), c.Client(n, "telar", tariff.OverrideFields{})
		for k, origin := range map[*gatewaytest.Client]string{moved: "north", front: "fkey1"} {
			if _, err := n.Members.SetConnection(background, identity.Operator(), membership.ConnectionChange{Connection: k.Connection.ID, Origin: &origin}); err != nil {
				t.Fatal(err)
			}
		}
		joined := "WyJma2V5MSIsIm1pZDEiLCJiM3NjbCJd" // ["fkey1","mid1","b3scl"]
		out, err := n.Recordings.Import(background, recording.ImportInput{Tar: bytes.NewReader(archive(t,
			entry{name: "video/" + firstID + "/metadata.xml", text: metadata(firstID, "video", "coop-1")}, entry{name: "video/" + firstID + "/a.webm", text: "webm"},
			entry{name: "video/" + secondID + "/metadata.xml", text: metadata(secondID, "video", joined)}, entry{name: "video/" + secondID + "/a.webm", text: "webm"},
		))})
		if err != nil || outcome(out) != "2 imported, 0 known, 0 broken" {
			t.Fatalf("%v %s %+v", err, outcome(out), out)
		}
		for k, want := range map[*gatewaytest.Client]string{named: "", moved: "coop-1", front: "mid1"} {
			page, err := n.Recordings.Find(background, k.Connection.ID, recording.Query{})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, r := range page.Recordings {
				got += r.ExternalID
			}
			if got != want {
				t.Errorf("%s has %q, want %q", k.Member.Slug, got, want)
			}
		}
	})
}
