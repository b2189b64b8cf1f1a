// SPDX-License-Identifier: AGPL-3.0-or-later

package bbbtest

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const slides = `<?xml version="1.0"?><modules><module name="presentation">
<document url="https://x.test/a.pdf" filename="a"/><document/>
<document name="b.pdf" current="true" downloadable="true" removable="false">aGVs
bG8=</document></module><module name="clientSettingsOverride"><![CDATA[{"public":{}}]]></module></modules>`

func (r *rig) sends(call, query, media, body string) reply {
	r.t.Helper()
	req := httptest.NewRequest("POST", signedURL(call, query), strings.NewReader(body))
	req.Header.Set("Content-Type", media)
	return r.do(req)
}

func TestDocumentsArriveWithTheMeeting(t *testing.T) {
	r := newRig(t, V30)
	r.sends("create", "name=AB&meetingID=coop-1", "application/xml", slides).says(t, "create", "")
	got := r.Documents("coop-1")
	if len(got) != 3 {
		t.Fatalf("documents %+v", got)
	}
	if d := got[0]; d.Name != "b.pdf" || string(d.Content) != "hello" || !d.Current || !d.Downloadable || d.Removable {
		t.Errorf("the current one comes first: %+v", d)
	}
	if d := got[1]; d.URL != "https://x.test/a.pdf" || d.Name != "a" || d.Current || d.Downloadable || !d.Removable {
		t.Errorf("the other: %+v", d)
	}
	if d := got[2]; d.Module != "clientSettingsOverride" || string(d.Content) != `{"public":{}}` {
		t.Errorf("the module: %+v", d)
	}
	if last := r.Last("create"); len(last) != 1 || string(last[0].Body) != slides || last[0].Header.Get("Content-Type") != "application/xml" {
		t.Errorf("the body as it came: %+v", last)
	}
	r.sends("create", "name=AB&meetingID=coop-1", "application/xml", slides).says(t, "again", "ok:duplicateWarning")
	if n := len(r.Documents("coop-1")); n != 3 {
		t.Errorf("%d documents after a second create", n)
	}
	r.sends("create", "name=AB&meetingID=coop-2", "application/xml", "<modules><mod").says(t, "broken XML makes a meeting all the same", "")
	r.sends("create", "name=AB&meetingID=coop-3&disabledFeatures=chat,presentation", "text/xml", slides).says(t, "disabled", "")
	if n := len(r.Documents("coop-3")); n != 1 {
		t.Errorf("%d documents where presentations are disabled", n)
	}
	r.ask("create", "name=AB&meetingID=coop-4&preUploadedPresentation=https%3A%2F%2Fx.test%2Fc.pdf&preUploadedPresentationName=c.pdf").says(t, "by URL", "")
	if got := r.Documents("coop-4"); len(got) != 1 || got[0].Name != "c.pdf" {
		t.Errorf("documents %+v", got)
	}
	form := "name=AB&meetingID=coop-5"
	if got := r.sends("create", "", "application/x-www-form-urlencoded", form+"&checksum="+base64.StdEncoding.EncodeToString([]byte("x"))); got.elements["messageKey"] != "checksumError" {
		t.Error(got.body)
	}
}

func TestDocumentsAreInserted(t *testing.T) {
	r := newRig(t, V30)
	made := r.ask("create", "name=AB&meetingID=coop-1")
	r.ask("create", "name=AB&meetingID=bare&disabledFeatures=presentation")
	got := r.sends("insertDocument", "meetingID="+made.elements["internalMeetingID"], "application/xml", slides)
	if strings.Join(got.order, " ") != "returncode message" || got.elements["message"] != "Presentation is being uploaded" {
		t.Error(got.body)
	}
	if list := r.Documents("coop-1"); len(list) != 3 || !list[0].InsertedAfterCreation {
		t.Errorf("documents %+v", list)
	}
	got = r.sends("insertDocument", "meetingID=none", "application/xml", slides)
	if strings.Join(got.order, " ") != "returncode message" || got.elements["message"] != "Meeting with id [none] not found." || got.elements["returncode"] != "FAILED" {
		t.Error(got.body)
	}
	if got = r.sends("insertDocument", "meetingID=bare", "application/xml", slides); got.elements["returncode"] != "FAILED" {
		t.Error(got.body)
	}
	if got = r.sends("insertDocument", "meetingID=coop-1", "application/xml", "<modules/>"); got.status != 200 || got.body != "" {
		t.Errorf("no presentation: %d %s", got.status, got.body)
	}
	r.sends("insertDocument", "meetingID=coop-1", "application/json", slides).says(t, "JSON", "unsupportedContentType")
	if got = r.ask("insertDocument", "meetingID=coop-1"); got.status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", got.status)
	}
}

func TestMessagesAreSentIntoTheChat(t *testing.T) {
	r := newRig(t, V30)
	r.ask("create", "name=AB&meetingID=coop-1")
	r.ask("sendChatMessage", "meetingID=coop-1&message=hello").says(t, "nobody is there", "meetingNotFound")
	if _, err := r.Invent("coop-1", 1); err != nil {
		t.Fatal(err)
	}
	for query, key := range map[string]string{
		"meetingID=none&message=x": "meetingNotFound", "message=x": "missingParamMeetingID", "meetingID=coop-1": "nullError",
		"meetingID=coop-1&message=" + strings.Repeat("%C3%A9", 501): "sizeError", "meetingID=coop-1&message=x&userName=" + strings.Repeat("x", 256): "sizeError",
		"meetingID=coop-1&message=" + strings.Repeat("%C3%A9", 500): "",
	} {
		r.ask("sendChatMessage", query).says(t, query, key)
	}
	r.ask("sendChatMessage", "meetingID=coop-1&message=hello&userName=Ada").says(t, "sent", "")
	if got := r.Chat("coop-1"); len(got) != 2 || got[0].From != "System" || got[1] != (ChatMessage{From: "Ada", Text: "hello"}) {
		t.Errorf("chat %+v", got)
	}
	if got := newRig(t, V27).ask("sendChatMessage", "meetingID=coop-1&message=x"); got.status != 404 {
		t.Errorf("2.7: %d", got.status)
	}
}
