// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/identity"
	"meetcoop/internal/recording"
	"meetcoop/internal/tariff"
)

// strayTar is a recording of a meeting that nobody began through us, with so many bytes of video.
func strayTar(t *testing.T, rec, format string, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, text := range map[string]string{
		"metadata.xml": fmt.Sprintf(`<recording><id>%s</id><state>published</state><published>true</published><start_time>1700000000000</start_time><end_time>1700000600000</end_time><participants>2</participants>
<meeting id="%s" externalId="stray" name="Stray" breakout="false"/><meta><meetingId>stray</meetingId><meetingName>Stray</meetingName></meta>
<playback><format>%s</format><link>https://old.example/x</link><processing_time>1</processing_time><duration>600000</duration></playback></recording>`, rec, rec, format),
		"video.webm": strings.Repeat("x", size),
	} {
		if err := w.WriteHeader(&tar.Header{Name: format + "/" + rec + "/" + name, Typeflag: tar.TypeReg, Size: int64(len(text)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func strayID(n int) string { return fmt.Sprintf("%040x-1700000000000", n) }

func TestAServerCannotFillTheQuarantine(t *testing.T) {
	each(t, gatewaytest.Options{QuarantineRecordings: 2, QuarantineBytes: 60_000}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		server, secret := serverOf(t, c), c.Servers[0].Secret()
		send := func(rec, format string, tar []byte) string {
			r := put(t, n, secret, server, rec, format, tar, nil)
			return fmt.Sprint(r.Status, " ", r.Body)
		}
		operator := identity.Operator()
		quarantine := func() recording.Quarantine {
			q, err := n.Recordings.Quarantine(context.Background(), operator, recording.QuarantineInput{})
			if err != nil {
				t.Fatal(err)
			}
			return q
		}
		const full = `507 {"offset":0,"done":false,"error":"recording.quarantine_full"}`

		if got := send(strayID(1), "video", strayTar(t, strayID(1), "video", 1000)); !strings.HasPrefix(got, "200") {
			t.Fatalf("the first: %s", got)
		}
		if got := send(strayID(2), "video", strayTar(t, strayID(2), "video", 80_000)); got != full {
			t.Errorf("too many bytes: %s", got)
		}
		if q := quarantine(); len(q.Refusals) != 1 || q.Refusals[0].Bound != "bytes" || q.Refusals[0].Server != server || string(q.Refusals[0].Last) != strayID(2) || q.Here != 1 {
			t.Errorf("operators see %+v", q)
		}
		if got := send(strayID(2), "video", strayTar(t, strayID(2), "video", 1000)); !strings.HasPrefix(got, "200") {
			t.Errorf("the second: %s", got)
		}
		if q := quarantine(); len(q.Refusals) != 0 || len(q.Shares) != 1 || q.Shares[0].Recordings != 2 {
			t.Errorf("after there was room: %+v", q)
		}
		if got := send(strayID(1), "presentation", strayTar(t, strayID(1), "presentation", 1000)); !strings.HasPrefix(got, "200") {
			t.Errorf("another format of the first: %s", got)
		}
		for range 3 {
			if got := send(strayID(3), "video", strayTar(t, strayID(3), "video", 10)); got != full {
				t.Errorf("the third: %s", got)
			}
		}
		if q := quarantine(); len(q.Refusals) != 1 || q.Refusals[0].Bound != "recordings" || q.Refusals[0].Times != 3 || q.Here != 2 {
			t.Errorf("operators see %+v", q)
		}
		// Known owners are not concerned, and no tenant sees any of it.
		a := c.Client(n, "hilado", tariff.OverrideFields{})
		rec := recorded(t, c, a, "coop-42", "", "video")
		if r := bring(t, c, n, rec, "video"); r.Status != http.StatusOK {
			t.Errorf("one with an owner: %d %s", r.Status, r.Body)
		}
		if got := a.Must("getRecordings", "state=any").Body; strings.Contains(got, "Stray") || strings.Contains(got, "quarantine") {
			t.Errorf("a tenant reads %s", got)
		}
		// An operator makes room.
		if _, err := n.Recordings.Assign(context.Background(), operator, recording.AssignInput{ID: recording.ID(strayID(1)), Connection: "hilado"}); err != nil {
			t.Fatal(err)
		}
		if got := listed(a.Must("getRecordings", "recordID="+strayID(1))); len(got) != 1 {
			t.Error("the owner does not see what was assigned")
		}
		if got := send(strayID(3), "video", strayTar(t, strayID(3), "video", 10)); !strings.HasPrefix(got, "200") {
			t.Errorf("after one was assigned: %s", got)
		}
		if _, err := n.Recordings.Drop(context.Background(), operator, recording.ID(strayID(2))); err != nil {
			t.Fatal(err)
		}
		if got := send(strayID(4), "video", strayTar(t, strayID(4), "video", 10)); !strings.HasPrefix(got, "200") {
			t.Errorf("after one was dropped: %s", got)
		}
		if got := send(strayID(2), "video", strayTar(t, strayID(2), "video", 1000)); strings.HasPrefix(got, "2") && !strings.Contains(got, "true") {
			t.Errorf("what was dropped is brought back: %s", got)
		}
	})
}

// TestAPartOfATarCountsToo sends beginnings of tars and never their ends.
func TestAPartOfATarCountsToo(t *testing.T) {
	each(t, gatewaytest.Options{QuarantineBytes: 100_000}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		server, secret := serverOf(t, c), c.Servers[0].Secret()
		begin := func(i, total int) int {
			tar := strayTar(t, strayID(i), "video", total)
			req, err := http.NewRequest(http.MethodPut, n.URL+"/bbb/-/upload/"+string(server)+"/"+strayID(i)+"/video", bytes.NewReader(tar[:total/2]))
			if err != nil {
				t.Fatal(err)
			}
			sign(req, secret, tar)
			req.Header.Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", total/2-1, len(tar)))
			return gatewaytest.Do(t, req).Status
		}
		if got := []int{begin(1, 60_000), begin(2, 60_000), begin(3, 80_000)}; fmt.Sprint(got) != "[200 200 507]" {
			t.Errorf("beginnings are answered %v", got)
		}
		left := 0
		for _, dir := range n.RecordingFiles(t) {
			if strings.Contains(dir, ".incoming"+string(filepath.Separator)) {
				left++
			}
		}
		if left != 2 {
			t.Errorf("%d beginnings are kept", left)
		}
		if q, err := n.Recordings.Quarantine(context.Background(), identity.Operator(), recording.QuarantineInput{}); err != nil || len(q.Refusals) != 1 {
			t.Errorf("%v %+v", err, q)
		}
	})
}

// TestARefusedFormatLeavesNoFiles has the bound crossed by what the metadata tell only at the end.
func TestARefusedFormatLeavesNoFiles(t *testing.T) {
	each(t, gatewaytest.Options{QuarantineBytes: 30_000}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		server := serverOf(t, c)
		for i, size := range []int{20_000, 20_000} {
			in := recording.ImportInput{Tar: bytes.NewReader(strayTar(t, strayID(i), "video", size)), Server: server}
			_, err := n.Recordings.Import(context.Background(), in)
			if (err == nil) != (i == 0) {
				t.Errorf("%d: %v", i, err)
			}
		}
		for _, f := range n.RecordingFiles(t) {
			if strings.Contains(f, strayID(1)) {
				t.Errorf("%s was left behind", f)
			}
		}
	})
}
