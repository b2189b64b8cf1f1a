// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"meetcoop/internal/fault"
	"meetcoop/internal/instant"
	"meetcoop/internal/tariff"
)

var start = instant.Of(time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC))

// TestALifeByAge walks through every day and notes what happens when.
func TestALifeByAge(t *testing.T) {
	for name, tc := range map[string]struct {
		days func(day int) tariff.Limit
		want map[string]int // what happens on which day after the end
	}{
		"announced 14 and 3 days before": {func(int) tariff.Limit { return 90 }, map[string]int{"notice 14": 76, "notice 3": 87, "removed": 90}},
		"kept without limit":             {func(int) tariff.Limit { return tariff.Unlimited }, map[string]int{}},
		"too old when first looked at":   {func(int) tariff.Limit { return 0 }, map[string]int{"notice 14": 0, "notice 3": 11, "removed": 14}},
		"a downgrade gives 30 days": {func(d int) tariff.Limit {
			if d < 50 {
				return 365
			}
			return 30
		}, map[string]int{"notice 14": 66, "notice 3": 77, "removed": 80}},
		"an upgrade in the last days": {func(d int) tariff.Limit {
			if d < 88 {
				return 90
			}
			return 200
		}, map[string]int{"notice 14": 186, "notice 3": 197, "removed": 200}},
		"an upgrade to no limit": {func(d int) tariff.Limit {
			if d < 80 {
				return 90
			}
			return tariff.Unlimited
		}, map[string]int{"notice 14": 76}},
	} {
		t.Run(name, func(t *testing.T) {
			r := Recording{EndedMS: start.Time().UnixMilli()}
			got := map[string]int{}
			for d := range 400 {
				a := age(start.Add(time.Duration(d)*day), r, tc.days(d), 0)
				if a.remove {
					got["removed"] = d
					break
				}
				if a.tell {
					got["notice "+map[int]string{14: "14", 3: "3"}[a.notice]] = d
				}
				r.KeepUntil, r.Notice = a.until, a.notice
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestNothingIsRemovedWithoutNotice(t *testing.T) {
	r := Recording{EndedMS: start.Time().UnixMilli()}
	a := age(start.Add(1000*day), r, 90, 0)
	if a.remove || !a.tell || a.until.Sub(start.Add(1000*day)) < firstNotice*day {
		t.Errorf("after a long silence: %+v", a)
	}
	r.KeepUntil, r.Notice = a.until, a.notice
	late := start.Add(2000 * day)
	if a = age(late, r, 90, 0); a.remove || !a.tell || a.notice != lastNotice || a.until.Sub(late) < lastNotice*day {
		t.Errorf("the last notice was never given: %+v", a)
	}
}

func TestSubtitlesBecomeWebVTT(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"SRT":               {"1\r\n00:00:01,000 --> 00:00:02,5\r\n<i>Hello</i> {\\an8}there\r\nyou\r\n\r\n2\r\n01:00:00,000 --> 01:00:01,000\r\nBye\r\n", "WEBVTT\n\n00:00:01.000 --> 00:00:02.500\nHello there\nyou\n\n01:00:00.000 --> 01:00:01.000\nBye\n"},
		"WebVTT":            {"WEBVTT - title\n\nNOTE x\n\nSTYLE\n::cue{}\n\na\n00:01.000 --> 00:02.000 align:left\nHej & <b>hå\n", "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nHej & hå\n"},
		"byte order mark":   {"\ufeff00:00:01,000 --> 00:00:02,000\nA", "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nA\n"},
		"an end too early":  {"00:00:02,000 --> 00:00:01,000\nA\n\n00:00:03,000 --> 00:00:04,000\nB", "WEBVTT\n\n00:00:03.000 --> 00:00:04.000\nB\n"},
		"an arrow in words": {"00:00:01,000 --> 00:00:02,000\nA --> B", "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nA → B\n"},
	} {
		if got, err := toWebVTT([]byte(tc.in)); err != nil || got != tc.want {
			t.Errorf("%s: %v\n%q\n%q", name, err, got, tc.want)
		}
	}
	for name, in := range map[string]string{"empty": "", "blank": " \n", "text": "hello", "binary": "\x00\x01", "no UTF-8": "00:00:01,000 --> 00:00:02,000\n\xff", "no words": "00:00:01,000 --> 00:00:02,000\n\n"} {
		if _, err := toWebVTT([]byte(in)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func FuzzWebVTT(f *testing.F) {
	f.Add([]byte("1\n00:00:01,000 --> 00:00:02,000\nHello\n"))
	f.Add([]byte("WEBVTT\n\n00:01.000 --> 00:02.000\n<b>x"))
	f.Fuzz(func(t *testing.T, src []byte) {
		out, err := toWebVTT(src)
		if err != nil {
			return
		}
		again, err := toWebVTT([]byte(out))
		if err != nil {
			t.Fatalf("not read again: %v\n%q", err, out)
		}
		if strings.Count(out, " --> ") != strings.Count(again, " --> ") || strings.ContainsAny(strings.ReplaceAll(out, "-->", ""), "<>") {
			t.Errorf("not the same twice, or markup: %q %q", out, again)
		}
	})
}

const good = `<?xml version="1.0"?><recording><id>0123-4</id><state>published</state><published>true</published><start_time>1000</start_time><end_time>61000</end_time>
<participants>3</participants><meeting id="0123-4" externalId="coop" name="Assembly" breakout="false"/><meta><meetingId>coop</meetingId><tenant>north</tenant></meta>
<playback><format>video</format><link>https://bbb.example/video/0123-4/</link><processing_time>7</processing_time><duration>60000</duration>
<extensions><preview><images><image width="1" height="2" alt="x">https://bbb.example/video/0123-4/thumb-1.png</image><image>https://bbb.example/video/0123-4/../../x</image></images></preview></extensions></playback></recording>`

func TestDescriptionsAreReadStrictly(t *testing.T) {
	d, err := parseDescription(strings.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	if d.recording.ID != "0123-4" || d.recording.State != Published || d.format.Minutes != 1 || d.meta["tenant"] != "north" || d.recording.ExternalID != "coop" || len(d.format.Images) != 1 || d.format.Images[0].Path != "thumb-1.png" {
		t.Errorf("%+v", d)
	}
	for name, text := range map[string]string{
		"document type": `<!DOCTYPE x [<!ENTITY e "x">]>` + good[21:], "cut off": good[:300], "two": good[21:] + good[21:], "another root": "<x/>", "a path as id": strings.ReplaceAll(good, "0123-4", "../x"),
		"a path as format": strings.Replace(good, "<format>video", "<format>../video", 1), "large": "<recording>" + strings.Repeat(" ", maxMetadata) + "</recording>", "empty": "",
	} {
		if _, err := parseDescription(strings.NewReader(text)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func FuzzDescription(f *testing.F) {
	f.Add([]byte(good))
	f.Fuzz(func(t *testing.T, src []byte) {
		d, err := parseDescription(bytes.NewReader(src))
		if err != nil {
			return
		}
		if !idForm.MatchString(string(d.recording.ID)) || !formatForm.MatchString(d.format.Type) || d.format.Minutes < 0 {
			t.Errorf("%+v", d)
		}
		for _, i := range d.format.Images {
			if !filepath.IsLocal(i.Path) {
				t.Errorf("image %q", i.Path)
			}
		}
	})
}

func TestTooManyThingsAreRefused(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := range maxFiles + 1 {
		if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("video/id%d/", i), Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
			t.Fatal(err)
		}
	}
	n, err := newIntake(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer n.close()
	if err := n.readTar(context.Background(), &b); fault.CodeOf(err) != "recording.too_large" {
		t.Error(err)
	}
}

// FuzzTar looks for an archive after which there is a file outside of its directory.
func FuzzTar(f *testing.F) {
	for _, name := range []string{"video/0123-4/metadata.xml", "../x", "/etc/passwd", "video/0123-4/../../../x", "published/video/0123-4/a/b"} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		_ = w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: 1, Mode: 0o644})
		_, _ = w.Write([]byte("x"))
		_ = w.Close()
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		dir := t.TempDir()
		n, err := newIntake(filepath.Join(dir, "in"))
		if err != nil {
			t.Fatal(err)
		}
		_ = n.readTar(context.Background(), bytes.NewReader(src)) // refused or not: nothing may be elsewhere
		err = filepath.WalkDir(dir, func(at string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() && (!strings.HasPrefix(at, n.path+string(filepath.Separator)) || !d.Type().IsRegular()) {
				t.Errorf("outside, or no file: %s", at)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
		n.close()
		if _, err := os.Stat(n.path); err == nil {
			t.Error("the temporary directory stays")
		}
	})
}
