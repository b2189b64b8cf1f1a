// SPDX-License-Identifier: AGPL-3.0-or-later

package bbb

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsNotTouchedStaysAsItCame(t *testing.T) {
	for _, raw := range []string{"", "a=1", "a=+b&c=%20d", "a=%C3%A9&b=;x;y", "z=1&a=2&z=3", "a", "a=&b", "name=a%2Bb%26c"} {
		q, err := ParseQuery(raw)
		if err != nil || q.String() != raw {
			t.Errorf("%q becomes %q, %v", raw, q, err)
		}
	}
	q, err := ParseQuery("&&a=1&&b=2&")
	if err != nil || q.String() != "a=1&b=2" {
		t.Errorf("%q, %v", q, err)
	}
}

func TestTheFirstValueWins(t *testing.T) {
	q, err := ParseQuery("a=1&a=2&b=%20x%00y%20&c=a;b")
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"a": "1", "b": "xy", "c": "a;b", "d": ""} {
		if got := q.Get(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if got := q.With("a", "x y").String(); got != "a=x+y&b=%20x%00y%20&c=a;b" {
		t.Errorf("replaced: %s", got)
	}
	if got := q.Without("a", "c").With("e", "é&=").String(); got != "b=%20x%00y%20&e=%C3%A9%26%3D" {
		t.Errorf("without: %s", got)
	}
}

func TestQueriesThatAreNone(t *testing.T) {
	for raw, want := range map[string]error{
		"a=%": ErrQueryEscape, "a=%g1": ErrQueryEscape, "%zz=1": ErrQueryEscape, "a=%ff%fe": ErrQueryEscape, "a=" + strings.Repeat("x", maxQuery): ErrQueryTooLong,
		strings.Repeat("a=1&", maxParams+1): ErrQueryTooLong, strings.Repeat("meta_a=1&", maxMeta+1): ErrQueryTooLong,
	} {
		if _, err := ParseQuery(raw); !errors.Is(err, want) {
			t.Errorf("%.40q: %v, want %v", raw, err, want)
		}
	}
}

func TestMetadataIsWhatServersAccept(t *testing.T) {
	q, err := ParseQuery("meta_Course=1&meta_course=2&meta_a_b=3&meta_1x=4&meta_=5&meta_bbb-origin=Moodle&Meta_x=6")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"course": "1", "bbb-origin": "Moodle"}, q.Metadata()); diff != "" {
		t.Error(diff)
	}
}

func TestAQueryForABrowserIsAURL(t *testing.T) {
	q, err := ParseQuery("fullName=Ána&x=a#b&userdata-bbb_title=1&userdata-1x=bad&userdata-a<b=bad&q=\"'&ok=a%20b+c")
	if err != nil {
		t.Fatal(err)
	}
	got := q.Portable().String()
	if want := "fullName=%C3%81na&x=a%23b&userdata-bbb_title=1&q=%22%27&ok=a%20b+c"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if u, err := url.Parse("https://bbb.example/join?" + got); err != nil || u.RawQuery != got {
		t.Errorf("read as %v, %v", u, err)
	}
}

func FuzzQuery(f *testing.F) {
	for _, raw := range []string{"", "a=1&b=2", "a=%C3%A9&userdata-x=1;2", "&&=&%3D=x", "meta_a=+&a=%00"} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := ParseQuery(raw)
		if err != nil {
			return
		}
		again, err := ParseQuery(q.String())
		if err != nil || again.String() != q.String() {
			t.Fatalf("%q, then %q, %v", q, again, err)
		}
		for _, k := range q.Keys() {
			if again.Get(k) != q.Get(k) {
				t.Fatalf("%q is %q, then %q", k, q.Get(k), again.Get(k))
			}
		}
		portable := q.Portable()
		back, err := ParseQuery(portable.String())
		if err != nil {
			t.Fatalf("portable %q: %v", portable, err)
		}
		if u, err := url.Parse("https://x/?" + portable.String()); err != nil || u.Fragment != "" {
			t.Fatalf("portable %q: %v", portable, err)
		}
		for _, k := range back.Keys() {
			if back.Get(k) != q.Get(k) {
				t.Fatalf("portable %q is %q, was %q", k, back.Get(k), q.Get(k))
			}
		}
	})
}
