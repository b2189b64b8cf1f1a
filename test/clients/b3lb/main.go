// SPDX-License-Identifier: AGPL-3.0-or-later

// B3lb walks the client of another balancer, github.com/SLedunois/b3lb/v2, through the gateway: everything that its packages api and
// restclient can say. It prints a line for each step as run.mjs does, which starts it:
//
//	b3lb <endpoint> <secret> <standing meeting> <simulator>...
package main

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/SLedunois/b3lb/v2/pkg/api"
	"github.com/SLedunois/b3lb/v2/pkg/restclient"
)

const meeting, room, title = "clients-go", "clients-go-room", "Spring Assembly Ü & Co"

func main() {
	if len(os.Args) < 5 {
		fmt.Fprintln(os.Stderr, "usage: b3lb <endpoint> <secret> <standing meeting> <simulator>...")
		os.Exit(2)
	}
	restclient.Init()
	w := &walk{lib: api.BigBlueButtonInstance{URL: os.Args[1], Secret: os.Args[2]}, standing: os.Args[3], sims: os.Args[4:]}
	w.create()
	w.join()
	w.look()
	w.breakout()
	w.chat()
	w.document()
	w.hooks()
	w.wrongSecret()
	w.end()
	w.recordings()
	if w.failed > 0 {
		os.Exit(1)
	}
}

// walk is the library on its way through one meeting.
type walk struct {
	lib      api.BigBlueButtonInstance
	standing string // the id of a meeting on another server
	sims     []string
	internal string // the meeting's id on its server
	failed   int
}

func (w *walk) check(what string, ok bool, seen ...any) {
	if ok {
		fmt.Println("ok   b3lb 2.0.0:", what)
		return
	}
	w.failed++
	fmt.Printf("FAIL b3lb 2.0.0: %s: %.600s\n", what, strings.ReplaceAll(fmt.Sprintf("%+v", seen), "\n", " "))
}

// query writes names and values in turn.
func query(pairs ...string) string {
	q := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return q.Encode()
}

// until tries for ten seconds.
func until(holds func() bool) bool {
	for range 200 {
		if holds() {
			return true
		}
		time.Sleep(50 * time.Millisecond)
	}
	return false
}

func (w *walk) create() {
	params := query("name", title, "meetingID", meeting, "attendeePW", "ap", "moderatorPW", "mp", "record", "true", "meta_bbb-origin", "clients")
	made, err := w.lib.Create(params)
	// InternalMeetingID stays empty: the library reads "internalMetingID", which no server writes.
	w.check("Create", err == nil && made.ReturnCode == "SUCCESS" && made.MeetingID == meeting && made.ModeratorPW == "mp", made, err)
	again, err := w.lib.Create(params)
	w.check("Create again", err == nil && again.ReturnCode == "SUCCESS" && again.MessageKey == "duplicateWarning", again, err)
	other, err := w.lib.Create(query("name", title, "meetingID", meeting, "attendeePW", "xx", "moderatorPW", "yy"))
	w.check("Create with other passwords", err == nil && other.ReturnCode == "FAILED" && other.MessageKey == "idNotUnique", other, err)
}

func (w *walk) join() {
	before, err := w.lib.IsMeetingRunning(query("meetingID", meeting))
	w.check("IsMeetingRunning: nobody is in it", err == nil && before.ReturnCode == "SUCCESS" && !before.Running, before, err)

	joined, err := w.lib.Join(query("fullName", "Ana Ü & Co", "meetingID", meeting, "password", "mp", "userID", "u-1", "redirect", "false"))
	if err != nil {
		w.check("Join", false, err)
		return
	}
	place, err := follow(joined.URL)
	w.check("Join", err == nil && joined.ReturnCode == "SUCCESS" && joined.SessionToken != "" && w.isSession(place), joined, place, err)

	link, err := w.lib.GetJoinRedirectURL(query("fullName", "Ben", "meetingID", meeting, "password", "ap", "userID", "u-2"))
	if err == nil {
		place, err = follow(link)
	}
	w.check("GetJoinRedirectURL", err == nil && w.isSession(place), link, place, err)

	w.check("IsMeetingRunning", until(func() bool {
		running, err := w.lib.IsMeetingRunning(query("meetingID", meeting))
		return err == nil && running.Running
	}))
}

// follow goes where a browser would, and returns the address at its end.
func follow(to string) (string, error) {
	resp, err := http.Get(to)
	if err != nil {
		return "", err
	}
	return resp.Request.URL.String(), resp.Body.Close()
}

func (w *walk) isSession(place string) bool {
	for _, sim := range w.sims {
		if strings.HasPrefix(place, sim+"/") && strings.Contains(place, "sessionToken=") {
			return true
		}
	}
	return false
}

func (w *walk) look() {
	var info *api.GetMeetingInfoResponse
	var err error
	two := until(func() bool {
		info, err = w.lib.GetMeetingInfo(query("meetingID", meeting))
		return err == nil && info.ParticipantCount == 2 && len(info.Attendees) == 2
	})
	w.check("GetMeetingInfo", two && info.MeetingName == title && info.Running && info.ModeratorCount == 1 && info.Attendees[0].FullName == "Ana Ü & Co", info, err)
	if info != nil {
		w.internal = info.InternalMeetingID
	}
	list, err := w.lib.GetMeetings()
	w.check("GetMeetings of both servers", err == nil && list.ReturnCode == "SUCCESS" && lists(list, meeting) && lists(list, w.standing), list, err)
}

func lists(in *api.GetMeetingsResponse, id string) bool {
	return slices.ContainsFunc(in.Meetings, func(m api.MeetingInfo) bool { return m.MeetingID == id })
}

func (w *walk) breakout() {
	made, err := w.lib.Create(query("name", "Room 1", "meetingID", room, "isBreakout", "true", "parentMeetingID", meeting, "sequence", "1"))
	w.check("breakout: Create", err == nil && made.ReturnCode == "SUCCESS" && made.MeetingID == room, made, err)
	info, err := w.lib.GetMeetingInfo(query("meetingID", room))
	w.check("breakout: GetMeetingInfo", err == nil && info.ReturnCode == "SUCCESS" && info.IsBreakout, info, err)
	orphan, err := w.lib.Create(query("name", "Room 2", "meetingID", room+"2", "isBreakout", "true", "parentMeetingID", "nothing", "sequence", "2"))
	w.check("breakout: of nothing", err == nil && orphan.ReturnCode == "FAILED" && orphan.MessageKey == "parentMeetingDoesNotExist", orphan, err)
}

// signed is the address of a call that the library has no method for: it lends its checksum.
func (w *walk) signed(call, params string) (string, error) {
	sum, err := api.CreateChecksum(w.lib.Secret, call, params).Process()
	return w.lib.URL + "/api/" + call + "?" + params + "&checksum=" + sum, err
}

// ask signs, sends and reads; a call with a body is posted.
func (w *walk) ask(call, params, media string, body []byte) (string, error) {
	to, err := w.signed(call, params)
	if err != nil {
		return "", err
	}
	send := restclient.Get
	if body != nil {
		send = func(to string) (*http.Response, error) {
			return restclient.PostWithHeaders(to, map[string]string{"Content-Type": media}, body)
		}
	}
	resp, err := send(to)
	if err != nil {
		return "", err
	}
	answer, err := io.ReadAll(resp.Body)
	return string(answer), errors.Join(err, resp.Body.Close())
}

// read is ask for answers in the library's general form.
func (w *walk) read(call, params, media string, body []byte) (out api.Response, err error) {
	answer, err := w.ask(call, params, media, body)
	if err != nil {
		return out, err
	}
	return out, xml.Unmarshal([]byte(answer), &out)
}

func (w *walk) chat() {
	said, err := w.read("sendChatMessage", query("meetingID", meeting, "message", "Lunch & more ü", "userName", "Desk"), "", nil)
	messages := w.order("chat", map[string]string{"meeting": w.internal})
	w.check("sendChatMessage, by its Checksum and restclient", err == nil && said.ReturnCode == "SUCCESS" && strings.Contains(messages, `"Desk"`), said, messages, err)
}

func (w *walk) document() {
	slides := `<?xml version="1.0" encoding="UTF-8"?><modules><module name="presentation"><document url="http://slides.test/a.pdf" filename="a.pdf"/></module></modules>`
	said, err := w.read("insertDocument", query("meetingID", meeting), "application/xml", []byte(slides))
	documents := w.order("documents", map[string]string{"meeting": w.internal})
	w.check("insertDocument, by its Checksum and restclient", err == nil && said.ReturnCode == "SUCCESS" && strings.Contains(documents, "http://slides.test/a.pdf"), said, documents, err)
}

func (w *walk) hooks() {
	const where = "http://127.0.0.1:9/go"
	answer, err := w.ask("hooks/create", query("callbackURL", where, "meetingID", meeting), "", nil)
	var made struct {
		HookID string `xml:"hookID"`
	}
	err = errors.Join(err, xml.Unmarshal([]byte(answer), &made))
	w.check("hooks/create, by its Checksum and restclient", err == nil && made.HookID != "", answer, err)
	answer, err = w.ask("hooks/list", query("meetingID", meeting), "", nil)
	w.check("hooks/list, by its Checksum and restclient", err == nil && strings.Contains(answer, where), answer, err)
	answer, err = w.ask("hooks/destroy", query("hookID", made.HookID), "", nil)
	w.check("hooks/destroy, by its Checksum and restclient", err == nil && strings.Contains(answer, "<removed>true"), answer, err)
}

func (w *walk) wrongSecret() {
	other := api.BigBlueButtonInstance{URL: w.lib.URL, Secret: "other"}
	refused, err := other.End(query("meetingID", meeting, "password", "mp"))
	w.check("a wrong secret", err == nil && refused.ReturnCode == "FAILED" && refused.MessageKey == "checksumError", refused, err)
}

func (w *walk) end() {
	ended, err := w.lib.End(query("meetingID", meeting, "password", "mp"))
	w.check("End", err == nil && ended.ReturnCode == "SUCCESS" && ended.MessageKey == api.MessageKeys().SendEndMeetingRequest, ended, err)
	for _, id := range []string{meeting, room} {
		w.check("gone: "+id, until(func() bool {
			info, err := w.lib.GetMeetingInfo(query("meetingID", id))
			return err == nil && info.ReturnCode == "FAILED"
		}))
	}
}

func (w *walk) recordings() {
	none, err := w.lib.GetRecordings(query("meetingID", meeting))
	w.check("GetRecordings: none yet", err == nil && none.ReturnCode == "SUCCESS" && len(none.Recordings) == 0 && none.MessageKey == api.MessageKeys().NoRecordings, none, err)

	var made struct {
		Recording string `json:"recording"`
	}
	answer := w.order("record", map[string]string{"meeting": w.internal})
	if err := json.Unmarshal([]byte(answer), &made); err != nil || made.Recording == "" {
		w.check("a recording is made", false, answer, err)
		return
	}
	w.order("publish", map[string]string{"recording": made.Recording, "format": "presentation"})
	var one *api.GetRecordingsResponse
	there := until(func() bool {
		one, err = w.lib.GetRecordings(query("meetingID", meeting))
		return err == nil && len(one.Recordings) == 1
	})
	w.check("GetRecordings", there && one.Recordings[0].RecordID == made.Recording && one.Recordings[0].MeetingID == meeting && one.Recordings[0].Published && one.Recordings[0].Name == title, one, err)

	w.publish(made.Recording, false)
	w.publish(made.Recording, true)
	w.update(made.Recording)
	w.tracks(made.Recording)
	w.remove(made.Recording)
}

func (w *walk) publish(id string, yes bool) {
	done, err := w.lib.PublishRecordings(query("recordID", id, "publish", fmt.Sprint(yes)))
	if err != nil || done.ReturnCode != "SUCCESS" || done.Published != yes {
		w.check(fmt.Sprint("PublishRecordings: ", yes), false, done, err)
		return
	}
	seen, err := w.lib.GetRecordings(query("recordID", id, "state", "any"))
	w.check(fmt.Sprint("PublishRecordings: ", yes), err == nil && len(seen.Recordings) == 1 && seen.Recordings[0].Published == yes, seen, err)
}

func (w *walk) update(id string) {
	done, err := w.lib.UpdateRecordings(query("recordID", id, "meta_chair", "Ana Ü"))
	if err != nil || done.ReturnCode != "SUCCESS" || !done.Updated {
		w.check("UpdateRecordings", false, done, err)
		return
	}
	seen, err := w.lib.GetRecordings(query("meta_chair", "Ana Ü"))
	w.check("UpdateRecordings", err == nil && len(seen.Recordings) == 1 && seen.Recordings[0].RecordID == id && bytes.Contains(seen.Recordings[0].MetaData.Inner, []byte("<chair>Ana Ü</chair>")), seen, err)
}

// tracks uploads with what the library lends, for it has a name for the call and no method, and reads with its method.
func (w *walk) tracks(id string) {
	none, err := w.lib.GetRecordingTextTracks(query("recordID", id))
	w.check("GetRecordingTextTracks: none yet", err == nil && none.Response.ReturnCode == "FAILED" && len(none.Response.Tracks) == 0, none, err)

	var form bytes.Buffer
	out := multipart.NewWriter(&form)
	file, err := out.CreateFormFile("file", "en.srt")
	if err == nil {
		_, err = file.Write([]byte("1\n00:00:01,000 --> 00:00:02,000\nWelcome\n"))
	}
	err = errors.Join(err, out.Close())
	if err != nil {
		w.check("putRecordingTextTrack", false, err)
		return
	}
	answer, err := w.ask(api.PutRecordingTextTrack, query("recordID", id, "kind", "subtitles", "lang", "en-GB", "label", "English"), out.FormDataContentType(), form.Bytes())
	w.check("putRecordingTextTrack, by its Checksum and restclient", err == nil && strings.Contains(answer, "upload_text_track_success"), answer, err)

	got, err := w.lib.GetRecordingTextTracks(query("recordID", id))
	w.check("GetRecordingTextTracks", err == nil && got.Response.ReturnCode == "SUCCESS" && len(got.Response.Tracks) == 1 && got.Response.Tracks[0].Lang == "en-GB" && got.Response.Tracks[0].Label == "English", got, err)
}

func (w *walk) remove(id string) {
	done, err := w.lib.DeleteRecordings(query("recordID", id))
	if err != nil || done.ReturnCode != "SUCCESS" || !done.Deleted {
		w.check("DeleteRecordings", false, done, err)
		return
	}
	none, err := w.lib.GetRecordings(query("meetingID", meeting))
	w.check("DeleteRecordings", err == nil && none.ReturnCode == "SUCCESS" && len(none.Recordings) == 0, none, err)
}

// order tells the simulator that has the thing, and returns its answer; the others refuse, or have nothing.
func (w *walk) order(verb string, what map[string]string) string {
	body, err := json.Marshal(what)
	if err != nil {
		return err.Error()
	}
	answer := ""
	for _, sim := range w.sims {
		resp, err := http.Post(sim+"/sim/"+verb, "application/json", bytes.NewReader(body))
		if err != nil {
			return err.Error()
		}
		raw, err := io.ReadAll(resp.Body)
		if err = errors.Join(err, resp.Body.Close()); err != nil {
			return err.Error()
		}
		answer = string(raw)
		if resp.StatusCode == http.StatusOK && !isEmpty(raw) {
			break
		}
	}
	return answer
}

// isEmpty reports whether an answer has nothing but names.
func isEmpty(answer []byte) bool {
	var said map[string]json.RawMessage
	if json.Unmarshal(answer, &said) != nil {
		return true
	}
	for _, v := range said {
		if string(v) != "null" {
			return false
		}
	}
	return len(said) > 0
}
