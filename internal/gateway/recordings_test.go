// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/engine/bbb/bbbtest"
	"meetcoop/internal/fleet"
	"meetcoop/internal/gateway/gatewaytest"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/recording"
	"meetcoop/internal/store"
	"meetcoop/internal/store/storetest"
	"meetcoop/internal/tariff"
)

var withRecordings = gatewaytest.Options{RecordingsEvery: 150 * time.Millisecond}

// recorded makes a meeting of a client that was recorded, and returns the record id.
func recorded(t *testing.T, c *gatewaytest.Cooperative, k *gatewaytest.Client, external, more string, formats ...string) string {
	t.Helper()
	made := k.Must("create", "name=Spring+Assembly&record=true&meetingID="+external+more)
	rec, err := c.Servers[0].MakeRecording(made.Root.Value("internalMeetingID"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range formats {
		if err := c.Servers[0].PublishRecording(rec, f); err != nil {
			t.Fatal(err)
		}
	}
	return rec
}

// serverOf is the only server of a cooperative.
func serverOf(t *testing.T, c *gatewaytest.Cooperative) (out id.Server) {
	t.Helper()
	err := c.DB.Read(context.Background(), func(r store.Reader) error {
		all, err := fleet.Servers(context.Background(), r)
		out = all[0].ID
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// bring uploads a format as the script on the server does.
func bring(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node, rec, format string) gatewaytest.Reply {
	t.Helper()
	tar, err := c.Servers[0].RecordingTar(rec, format)
	if err != nil {
		t.Fatal(err)
	}
	return put(t, n, c.Servers[0].Secret(), serverOf(t, c), rec, format, tar, nil)
}

func put(t *testing.T, n *gatewaytest.Node, secret string, server id.Server, rec, format string, tar []byte, change func(*http.Request)) gatewaytest.Reply {
	t.Helper()
	path := "/bbb/-/upload/" + string(server) + "/" + rec + "/" + format
	req, err := http.NewRequest(http.MethodPut, n.URL+path, bytes.NewReader(tar))
	if err != nil {
		t.Fatal(err)
	}
	sign(req, secret, tar)
	if change != nil {
		change(req)
	}
	return gatewaytest.Do(t, req)
}

func sign(req *http.Request, secret string, tar []byte) {
	sum := sha256.Sum256(tar)
	digest, now := hex.EncodeToString(sum[:]), strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("X-Meetcoop-Time", now)
	req.Header.Set("X-Meetcoop-Digest", digest)
	req.Header.Set("X-Meetcoop-Signature", recording.SignUpload(secret, req.Method, req.URL.Path, now, digest))
}

func get(t *testing.T, address string, change ...func(*http.Request)) gatewaytest.Reply {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(req)
	}
	return gatewaytest.Do(t, req)
}

// listed returns <recording> elements.
func listed(r gatewaytest.Reply) []*bbb.Element {
	if all := r.Root.Child("recordings"); all != nil {
		return all.Kids
	}
	return nil
}

// placesOf are the paths of elements in their order.
func placesOf(e *bbb.Element, at string) []string {
	out := []string{at + e.Name}
	for _, k := range e.Kids {
		out = append(out, placesOf(k, at+e.Name+"/")...)
	}
	return out
}

func TestRemoteRecordingsAreListedAsTheirServerListsThem(t *testing.T) {
	each(t, withRecordings, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		a, b := c.Client(n, "hilado", tariff.OverrideFields{}), c.Client(n, "faro", tariff.OverrideFields{})
		rec := recorded(t, c, a, "coop-42", "&meta_tenant=north&meta_bbb-recording-ready-url=http%3A%2F%2F127.0.0.1%3A1%2Fready", "presentation", "video")
		other := recorded(t, c, b, "coop-42", "", "video")
		gatewaytest.Until(t, "both are listed", func() bool {
			return len(listed(a.Must("getRecordings", ""))) == 1 && len(listed(b.Must("getRecordings", ""))) == 1
		})
		ours := a.Must("getRecordings", "")
		got := listed(ours)[0]
		if got.Value("recordID") != rec || got.Value("meetingID") != "coop-42" || got.Child("metadata").Value("meetingId") != "coop-42" || got.Child("metadata").Value("tenant") != "north" {
			t.Errorf("told: %s", ours.Body)
		}
		if got.Child("metadata").Value("bbb-recording-ready-url") != "http://127.0.0.1:1/ready" || strings.Contains(ours.Body, "mc-meeting") || strings.Contains(ours.Body, "/bbb/-/") {
			t.Errorf("ours in the metadata: %s", ours.Body)
		}
		theirs, err := c.ServerClient(0).Do(context.Background(), bbb.Request{Call: "getRecordings", Query: "recordID=" + rec})
		if err != nil {
			t.Fatal(err)
		}
		// mc-meeting is ours and not the tenant's.
		want := slices.DeleteFunc(placesOf(theirs.Root, ""), func(p string) bool { return strings.Contains(p, "mc-meeting") })
		have := placesOf(a.Must("getRecordings", "recordID="+rec).Root, "")
		slices.Sort(want)
		slices.Sort(have)
		if !slices.Equal(want, have) {
			t.Errorf("elements differ\nserver  %v\ngateway %v", want, have)
		}
		for name, query := range map[string]string{"another's id": "recordID=" + other, "another's prefix": "recordID=" + other[:20], "unknown": "recordID=0000", "empty state": "state=deleted", "a zero byte": "recordID=x%2500y", "no UTF-8": "meetingID=%25ff", "beyond the last": "recordID=%EF%BF%BF"} {
			if r := a.Must("getRecordings", query); r.Key() != "noRecordings" {
				t.Errorf("%s: %s", name, r.Body)
			}
		}
		for name, query := range map[string]string{
			"prefix": "recordID=" + rec[:12], "meetingID": "meetingID=coop-42", "list": "meetingID=x%2Ccoop-42", "encoded twice": "meetingID=x%252Ccoop-42", "wildcard": "meta_tenant=%25ort%25",
			"own meta": "meta_meetingId=coop-42", "recordID wins": "meetingID=nothing&recordID=" + rec, "any": "state=any", "page": "limit=1", "clamped": "limit=-5&offset=-3",
		} {
			if r := a.Must("getRecordings", query); len(listed(r)) != 1 || r.Root.Value("totalElements") != "1" {
				t.Errorf("%s: %s", name, r.Body)
			}
		}
		if r := a.Must("getRecordings", "meta_tenant=south"); len(listed(r)) != 0 {
			t.Errorf("filtered: %s", r.Body)
		}
		// Writers touch own ones only.
		if r := a.Ask("publishRecordings", "publish=false&recordID="+other); r.Key() != "notFound" {
			t.Errorf("another's published: %s", r.Body)
		}
		if r := a.Must("publishRecordings", "publish=false&recordID="+other+"%2C"+rec); r.Root.Value("published") != "false" {
			t.Errorf("unpublished: %s", r.Body)
		}
		if got := listed(a.Must("getRecordings", "")); got[0].Value("state") != "unpublished" || got[0].Value("published") != "false" {
			t.Errorf("state is %s at once", got[0].Value("state"))
		}
		if got := listed(b.Must("getRecordings", "")); got[0].Value("state") != "published" {
			t.Errorf("another's state is %s", got[0].Value("state"))
		}
		a.Must("updateRecordings", "meta_tenant=&meta_topic=budget&recordID="+rec)
		if meta := listed(a.Must("getRecordings", ""))[0].Child("metadata"); meta.Child("tenant") != nil || meta.Value("topic") != "budget" {
			t.Error("metadata not updated")
		}
		a.Must("deleteRecordings", "recordID="+rec)
		if r := a.Must("getRecordings", ""); r.Key() != "noRecordings" {
			t.Errorf("after the deletion: %s", r.Body)
		}
		if r := a.Must("getRecordings", "state=deleted"); len(listed(r)) != 1 {
			t.Errorf("deleted ones: %s", r.Body)
		}
		if r := a.Ask("deleteRecordings", "recordID="+rec); r.Key() != "notFound" {
			t.Errorf("deleted twice: %s", r.Body)
		}
		for call, query := range map[string]string{"publishRecordings": "publish=true", "deleteRecordings": "", "updateRecordings": "meta_a=b"} {
			if r := a.Ask(call, query); r.Key() != "missingParamRecordID" {
				t.Errorf("%s without id: %s", call, r.Body)
			}
		}
		if r := a.Ask("publishRecordings", "recordID="+rec); r.Key() != "missingParamPublish" {
			t.Errorf("without publish: %s", r.Body)
		}
	})
}

func TestStoredRecordingsAreWatchedThroughUs(t *testing.T) {
	each(t, gatewaytest.Options{}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		a, b := c.Client(n, "hilado", tariff.OverrideFields{}), c.Client(n, "faro", tariff.OverrideFields{})
		rec := recorded(t, c, a, "coop-42", "&meta_tenant=north", "presentation", "video")
		for _, f := range []string{"presentation", "video"} {
			if r := bring(t, c, n, rec, f); r.Status != http.StatusOK || !strings.Contains(r.Body, `"done":true`) {
				t.Fatalf("%s not taken: %d %s", f, r.Status, r.Body)
			}
		}
		if r := bring(t, c, n, rec, "video"); r.Status != http.StatusOK || !strings.Contains(r.Body, `"done":true`) {
			t.Errorf("the same again: %d %s", r.Status, r.Body)
		}
		list := a.Must("getRecordings", "")
		got := listed(list)[0]
		formats := got.Child("playback").Kids
		if len(formats) != 2 || got.Value("meetingID") != "coop-42" || got.Child("metadata").Value("tenant") != "north" || strings.Contains(list.Body, "mc-") || got.Value("protected") != "false" {
			t.Fatalf("told: %s", list.Body)
		}
		theirs, err := c.ServerClient(0).Do(context.Background(), bbb.Request{Call: "getRecordings", Query: "recordID=" + rec})
		if err != nil {
			t.Fatal(err)
		}
		want := slices.DeleteFunc(placesOf(theirs.Root, ""), func(p string) bool {
			return strings.Contains(p, "metadata/mc-") || strings.Contains(p, "recording-ready-url")
		})
		have := slices.DeleteFunc(placesOf(a.Must("getRecordings", "recordID="+rec).Root, ""), func(p string) bool { return strings.HasSuffix(p, "/protected") })
		if !slices.Equal(want, have) {
			t.Errorf("elements differ, or their order\nserver  %v\ngateway %v", want, have)
		}
		page := formats[0].Value("url")
		thumb := strings.TrimSpace(formats[0].Child("preview").Child("images").Child("image").Text)
		if r := get(t, page); r.Status != http.StatusOK || !strings.Contains(r.Body, "video/webcams.webm") || !strings.Contains(r.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("page: %d %s", r.Status, r.Body)
		}
		file := page + "video/webcams.webm"
		if r := get(t, file, func(r *http.Request) { r.Header.Set("Range", "bytes=1-2") }); r.Status != http.StatusPartialContent || len(r.Body) != 2 || r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Content-Security-Policy") != "sandbox allow-scripts" || r.Header.Get("Content-Type") != "video/webm" {
			t.Errorf("range: %d %v", r.Status, r.Header)
		}
		if r := get(t, thumb); r.Status != http.StatusOK || r.Header.Get("Content-Type") != "image/png" {
			t.Errorf("thumbnail %s: %d", thumb, r.Status)
		}
		for _, path := range []string{"metadata.xml", "../video/video.mp4", "%2e%2e/x", "video", "none.txt", "video/", "..%5cx"} {
			if r := get(t, page+path); r.Status == http.StatusOK {
				t.Errorf("%s served: %d", path, r.Status)
			}
		}
		if r := get(t, n.URL+"/playback/presentation/2.3/"+rec); r.Status != http.StatusPermanentRedirect || r.Location.Path != "/recordings/presentation/"+rec+"/" {
			t.Errorf("old address: %d %v", r.Status, r.Location)
		}
		if r := get(t, n.URL+"/presentation/"+rec+"/thumb-1.png"); r.Location == nil || r.Location.Path != "/recordings/presentation/"+rec+"/thumb-1.png" {
			t.Errorf("old file: %d %v", r.Status, r.Location)
		}

		// state x access x who x path
		paths := []string{"", "video/webcams.webm", "thumb-1.png"}
		status := func(token, cookie string) (out []int) {
			for _, p := range paths {
				r := get(t, n.URL+"/recordings/presentation/"+rec+"/"+p+token, func(r *http.Request) {
					if cookie != "" {
						r.Header.Set("Cookie", cookie)
					}
				})
				out = append(out, r.Status)
			}
			return out
		}
		none, all := []int{404, 404, 404}, []int{200, 200, 200}
		expect := func(name string, want, have []int) {
			t.Helper()
			if !slices.Equal(want, have) {
				t.Errorf("%s: %v, not %v", name, have, want)
			}
		}
		expect("published with link", all, status("", ""))
		a.Must("updateRecordings", "protect=true&recordID="+rec)
		expect("protected without token", none, status("", ""))
		told := listed(a.Must("getRecordings", ""))[0]
		link, err := url.Parse(told.Child("playback").Kids[0].Value("url"))
		if err != nil || told.Value("protected") != "true" {
			t.Fatal(err, told.Value("protected"))
		}
		token := "?" + link.RawQuery
		expect("protected with token", []int{303, 200, 200}, status(token, ""))
		cookie, _, _ := strings.Cut(get(t, link.String()).Header.Get("Set-Cookie"), ";")
		expect("protected with cookie", all, status("", cookie))
		expect("with a forged token", none, status("?token=9999999999.AAAAAAAAAAAAAAAAAAAAAA", ""))
		expect("the token as cookie", none, status("", "meetcoop_recording="+link.Query().Get("token")))
		second := recorded(t, c, a, "coop-43", "", "presentation")
		bring(t, c, n, second, "presentation")
		a.Must("updateRecordings", "protect=true&recordID="+second)
		if r := get(t, n.URL+"/recordings/presentation/"+second+"/thumb-1.png"+token); r.Status != http.StatusNotFound {
			t.Errorf("another recording's token: %d", r.Status)
		}
		if _, err := n.Recordings.Set(context.Background(), identity.Operator(), recording.SetInput{ID: recording.ID(rec), Access: recording.AccessMembers}); err != nil {
			t.Fatal(err)
		}
		expect("members only, for strangers", none, status(token, cookie))
		if _, err := n.Recordings.Set(context.Background(), identity.Operator(), recording.SetInput{ID: recording.ID(rec), Access: recording.AccessProtected}); err != nil {
			t.Fatal(err)
		}
		a.Must("publishRecordings", "publish=false&recordID="+rec)
		expect("unpublished", none, status(token, cookie))
		a.Must("publishRecordings", "publish=true&recordID="+rec)
		expect("published again", all, status("", cookie))
		if r := b.Ask("deleteRecordings", "recordID="+rec); r.Key() != "notFound" {
			t.Errorf("another's deletion: %s", r.Body)
		}
		a.Must("deleteRecordings", "recordID="+rec)
		expect("deleted", none, status(token, cookie))
		if r := bring(t, c, n, rec, "video"); r.Status == http.StatusOK && len(listed(a.Must("getRecordings", "recordID="+rec))) != 0 {
			t.Errorf("a deleted one came back: %d %s", r.Status, r.Body)
		}
		// The server has been told, so that its own copy is no longer public.
		gatewaytest.Until(t, "the server has deleted its copy", func() bool {
			answer, err := c.ServerClient(0).Do(context.Background(), bbb.Request{Call: "getRecordings", Query: "state=deleted&recordID=" + rec})
			return err == nil && answer.Root.Child("recordings").Child("recording") != nil
		})
	})
}

func TestMembersWatchWhatIsForMembers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var who id.Member
		o := gatewaytest.Options{IsMember: func(_ context.Context, r *http.Request, m id.Member) bool {
			return r.Header.Get("X-Test-Signed-In") != "" && m == who
		}}
		c := gatewaytest.New(t, db, o)
		n := c.Node(db, o)
		a := c.Client(n, "hilado", tariff.OverrideFields{})
		rec := recorded(t, c, a, "coop-42", "", "video")
		bring(t, c, n, rec, "video")
		if _, err := n.Recordings.Set(context.Background(), identity.Operator(), recording.SetInput{ID: recording.ID(rec), Access: recording.AccessMembers}); err != nil {
			t.Fatal(err)
		}
		address := n.URL + "/recordings/video/" + rec + "/video.mp4"
		in := func(r *http.Request) { r.Header.Set("X-Test-Signed-In", "1") }
		if r := get(t, address, in); r.Status != http.StatusNotFound {
			t.Errorf("somebody of another member: %d", r.Status)
		}
		who = a.Member.ID
		if r := get(t, address); r.Status != http.StatusNotFound {
			t.Errorf("a stranger: %d", r.Status)
		}
		if r := get(t, address, in); r.Status != http.StatusOK {
			t.Errorf("a member: %d", r.Status)
		}
	})
}

func TestUploadsAreSignedAndGoOn(t *testing.T) {
	each(t, gatewaytest.Options{}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		a := c.Client(n, "hilado", tariff.OverrideFields{})
		rec := recorded(t, c, a, "coop-42", "", "presentation")
		tar, err := c.Servers[0].RecordingTar(rec, "presentation")
		if err != nil {
			t.Fatal(err)
		}
		server, secret := serverOf(t, c), c.Servers[0].Secret()
		for name, change := range map[string]func(r *http.Request){
			"another signature": func(r *http.Request) { r.Header.Set("X-Meetcoop-Signature", strings.Repeat("0", 64)) },
			"no signature":      func(r *http.Request) { r.Header.Del("X-Meetcoop-Signature") },
			"an old time":       func(r *http.Request) { r.Header.Set("X-Meetcoop-Time", "1700000000") },
			"another path":      func(r *http.Request) { r.URL.Path = strings.Replace(r.URL.Path, "presentation", "video", 1) },
			"another server": func(r *http.Request) {
				r.URL.Path = strings.Replace(r.URL.Path, string(server), string(id.NewServer()), 1)
			},
		} {
			if r := put(t, n, secret, server, rec, "presentation", tar, change); r.Status != http.StatusForbidden {
				t.Errorf("%s: %d %s", name, r.Status, r.Body)
			}
		}
		part := func(from, to int) gatewaytest.Reply {
			path := "/bbb/-/upload/" + string(server) + "/" + rec + "/presentation"
			req, err := http.NewRequest(http.MethodPut, n.URL+path, bytes.NewReader(tar[from:to]))
			if err != nil {
				t.Fatal(err)
			}
			sign(req, secret, tar)
			req.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(tar)))
			return gatewaytest.Do(t, req)
		}
		half := len(tar) / 2
		if r := part(0, half); r.Status != http.StatusOK || !strings.Contains(r.Body, fmt.Sprintf(`"offset":%d`, half)) || strings.Contains(r.Body, `"done":true`) {
			t.Errorf("first half: %d %s", r.Status, r.Body)
		}
		asked, err := http.NewRequest(http.MethodGet, n.URL+"/bbb/-/upload/"+string(server)+"/"+rec+"/presentation", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		sign(asked, secret, tar)
		if r := gatewaytest.Do(t, asked); !strings.Contains(r.Body, fmt.Sprintf(`"offset":%d`, half)) {
			t.Errorf("asked how far: %s", r.Body)
		}
		if r := part(half+1, len(tar)); r.Status != http.StatusConflict || !strings.Contains(r.Body, fmt.Sprintf(`"offset":%d`, half)) {
			t.Errorf("with a gap: %d %s", r.Status, r.Body)
		}
		if r := part(half, len(tar)); !strings.Contains(r.Body, `"done":true`) {
			t.Errorf("second half: %d %s", r.Status, r.Body)
		}
		if r := a.Must("getRecordings", ""); len(listed(r)) != 1 {
			t.Errorf("listed: %s", r.Body)
		}
		breakOff(t, n, secret, server, rec, "video", tar, 700)
		asked.URL.Path = strings.Replace(asked.URL.Path, "presentation", "video", 1)
		sign(asked, secret, tar)
		gatewaytest.Until(t, "what came before the line broke is here", func() bool { return strings.Contains(gatewaytest.Do(t, asked).Body, `"offset":700`) })
		wrong := append(bytes.Clone(tar), 0)
		r := put(t, n, secret, server, rec, "video", tar, func(r *http.Request) { sign(r, secret, wrong) })
		if r.Status != http.StatusUnprocessableEntity || !strings.Contains(r.Body, "recording.digest") {
			t.Errorf("another digest: %d %s", r.Status, r.Body)
		}
		if r := put(t, n, secret, server, rec, "video", tar, nil); r.Status != http.StatusUnprocessableEntity {
			t.Errorf("another format than announced: %d %s", r.Status, r.Body)
		}
	})
}

// breakOff sends the beginning of a tar and hangs up.
func breakOff(t *testing.T, n *gatewaytest.Node, secret string, server id.Server, rec, format string, tar []byte, sent int) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPut, n.URL+"/bbb/-/upload/"+string(server)+"/"+rec+"/"+format, bytes.NewReader(tar))
	if err != nil {
		t.Fatal(err)
	}
	sign(req, secret, tar)
	var raw bytes.Buffer
	if err := req.Write(&raw); err != nil {
		t.Fatal(err)
	}
	line, err := net.Dial("tcp", req.URL.Host)
	if err != nil {
		t.Fatal(err)
	}
	_, err = line.Write(raw.Bytes()[:raw.Len()-len(tar)+sent])
	if closeErr := line.Close(); err != nil || closeErr != nil {
		t.Fatal(err, closeErr)
	}
}

// application is a client's side of recording-ready callbacks.
type application struct {
	*httptest.Server

	mu     sync.Mutex
	tokens []string
	answer func(token string) int
}

func newApplication(t *testing.T) *application {
	t.Helper()
	a := &application{answer: func(string) int { return http.StatusOK }}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := r.PostFormValue("signed_parameters")
		a.mu.Lock()
		defer a.mu.Unlock()
		a.tokens = append(a.tokens, token)
		w.WriteHeader(a.answer(token))
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *application) got() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.tokens)
}

// payload is what a token signed with a secret says; "" for another secret.
func payload(token, secret string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(parts[0] + "." + parts[1])) // never fails
	if base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) != parts[2] {
		return ""
	}
	text, _ := base64.RawURLEncoding.DecodeString(parts[1])
	return string(text)
}

func TestClientsHearOfRecordings(t *testing.T) {
	each(t, gatewaytest.Options{}, func(t *testing.T, c *gatewaytest.Cooperative, n *gatewaytest.Node) {
		app := newApplication(t)
		a := c.Client(n, "hilado", tariff.OverrideFields{})
		ready := "&meta_bbb-recording-ready-url=" + url.QueryEscape(app.URL+"/ready")
		rec := recorded(t, c, a, "coop-42", ready, "presentation")
		gatewaytest.Until(t, "the client was told", func() bool { return len(app.got()) == 1 })
		if got := payload(app.got()[0], a.Secret); got != `{"meeting_id":"coop-42","record_id":"`+rec+`"}` {
			t.Errorf("payload %s", got)
		}
		if len(listed(a.Must("getRecordings", "recordID="+rec))) != 1 {
			t.Error("told before it can be watched through us")
		}
		if err := c.Servers[0].PublishRecording(rec, "video"); err != nil {
			t.Fatal(err)
		}
		gatewaytest.Until(t, "the client was told of the second format", func() bool { return len(app.got()) == 2 })

		// Words that are not the server's change nothing.
		token := ""
		for _, s := range c.Servers[0].Last(bbbtest.CallbackReady) {
			token = s.Query
		}
		for name, form := range map[string]string{
			"another secret": bbbtest.Token("HS256", "not it", map[string]string{"meeting_id": "x", "record_id": rec}),
			"another hash":   bbbtest.Token("HS512", c.Servers[0].Secret(), map[string]string{"meeting_id": "x", "record_id": rec}),
			"no signature":   "eyJhbGciOiJub25lIn0.e30.",
			"another record": bbbtest.Token("HS256", c.Servers[0].Secret(), map[string]string{"meeting_id": "x", "record_id": "0000-1"}),
			"nonsense":       "x",
		} {
			req, err := http.NewRequest(http.MethodPost, token, strings.NewReader("signed_parameters="+form))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if r := gatewaytest.Do(t, req); r.Status != http.StatusForbidden {
				t.Errorf("%s: %d", name, r.Status)
			}
		}
		if len(app.got()) != 2 {
			t.Errorf("told %d times", len(app.got()))
		}
	})
}
