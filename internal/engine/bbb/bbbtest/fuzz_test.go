// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"encoding/base64"
	"encoding/xml"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzModules feeds bodies of create and insertDocument.
func FuzzModules(f *testing.F) {
	f.Add([]byte(slides))
	f.Add([]byte(`<modules><module name="presentation"><document name="a">` + base64.StdEncoding.EncodeToString([]byte("x")) + `</document></module></modules>`))
	f.Add([]byte(`<modules><module name="x"><![CDATA[]]></module>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		list, presentation, err := parseModules(body)
		if err != nil {
			return
		}
		for i, d := range list {
			if d.Module == "presentation" && (!presentation || d.URL == "" && d.Name == "") {
				t.Errorf("document %+v", d)
			}
			if d.Current && d.URL == "" && i > 0 && d.Module != "presentation" {
				t.Errorf("current: %+v", d)
			}
		}
	})
}

// FuzzQueries feeds queries of recordings and hooks, rightly signed, and forms.
func FuzzQueries(f *testing.F) {
	f.Add("getRecordings", "recordID=a,b&meta_x=%25y%25&limit=2&offset=1&state=any")
	f.Add("hooks/create", "callbackURL=http%3A%2F%2Fx&eventID=,a,&meetingID=coop-1")
	f.Add("updateRecordings", "recordID=%zz&meta_a=")
	f.Add("publishRecordings", "recordID=%2525&publish=TRUE")
	f.Add("getRecordingTextTracks", "recordID=;")
	f.Add("getJoinUrl", "sessionToken=x&userdata-a=b")
	f.Fuzz(func(t *testing.T, call, query string) {
		to, known := routes["/"+call]
		if !known || !to.get || strings.ContainsAny(query, "#") {
			return
		}
		u, err := url.Parse(signedURL(call, query))
		if err != nil {
			return
		}
		r := newRig(t, V30)
		r.recorded("coop-1", "&meta_x=xyz")
		r.hooked("")
		r.Close() // nothing is sent
		req := httptest.NewRequest("GET", "/", nil)
		req.URL = u
		rec := httptest.NewRecorder()
		r.ServeHTTP(rec, req)
		if rec.Code >= 500 {
			t.Errorf("%s?%s: %d", call, query, rec.Code)
		}
		if strings.HasPrefix(rec.Body.String(), "<response>") && xml.Unmarshal(rec.Body.Bytes(), new(struct{})) != nil && utf8.ValidString(query) {
			t.Errorf("%s?%s: not XML: %s", call, query, rec.Body)
		}
	})
}

// FuzzHooks gives hooks addresses and filters: what is listed is what was asked for, and delivery ends.
func FuzzHooks(f *testing.F) {
	f.Add("https://hook.test/?a=1#x", "meeting-created,,User-Joined", "coop-1")
	f.Add("]]>", "", "")
	f.Add("http://[::1", ",", "x")
	f.Fuzz(func(t *testing.T, to, events, meeting string) {
		r, p := newPost(t, V30)
		set := url.Values{"callbackURL": {to}, "eventID": {events}, "meetingID": {meeting}}
		got := r.ask("hooks/create", set.Encode())
		if want := sanitised(to) != ""; (got.elements["returncode"] == "SUCCESS") != want {
			t.Fatalf("%q: %s", to, got.body)
		}
		r.ask("create", "name=AB&meetingID=coop-1")
		p.all(r)
		if hooks := r.Hooks(); utf8.ValidString(to) && sanitised(to) != "" && len(hooks) == 1 {
			list := r.ask("hooks/list", "")
			if !slices.Contains(hooks, list.elements["hooks.hook.callbackURL"]) && !strings.Contains(to, "]]>") && !strings.ContainsFunc(to, func(r rune) bool { return r == utf8.RuneError || r >= 0xfffe }) {
				t.Errorf("%q is listed as %q", hooks, list.elements["hooks.hook.callbackURL"])
			}
		}
	})
}
