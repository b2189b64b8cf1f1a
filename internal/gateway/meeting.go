// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway

import (
	"net/http"
	"strconv"
	"strings"

	"meetcoop/internal/engine/bbb"
)

// isMeetingRunning says false for what does not exist.
func (h *Handler) isMeetingRunning(w http.ResponseWriter, r *request) error {
	if err := r.check(meetingID(false)); err != nil {
		return err
	}
	running, err := h.deps.Conferences.Running(r.http.Context(), r.connection.ID, r.q.Get("meetingID"))
	if err != nil {
		return err
	}
	success(w, "<running>"+strconv.FormatBool(running)+"</running>")
	return nil
}

// end asks for the end of a meeting; the password's value has not been compared by servers since 2.4.
func (h *Handler) end(w http.ResponseWriter, r *request) error {
	if err := r.check(meetingID(false), password("password")); err != nil {
		return err
	}
	if err := h.deps.Conferences.End(r.http.Context(), r.connection, r.q); err != nil {
		return err
	}
	success(w, "<messageKey>sentEndMeetingRequest</messageKey><message>A request to end the meeting was sent. Please wait a few seconds, and then use the getMeetingInfo or isMeetingRunning API calls to verify that it was ended.</message>")
	return nil
}

func (h *Handler) getMeetingInfo(w http.ResponseWriter, r *request) error {
	if err := r.check(meetingID(false)); err != nil {
		return err
	}
	children, err := h.deps.Conferences.Info(r.http.Context(), r.connection, r.q.Get("meetingID"))
	if err != nil {
		return err
	}
	success(w, children)
	return nil
}

const (
	noMeetings = "<response><returncode>SUCCESS</returncode><meetings></meetings><messageKey>noMeetings</messageKey><message>no meetings were found on this server</message></response>"
	noSessions = "<response><returncode>SUCCESS</returncode><sessions></sessions><messageKey>noSessions</messageKey><message>no sessions were found on this serverr</message></response>"
)

// getMeetings answers from memory, with the bytes of the last time when nothing has changed.
func (h *Handler) getMeetings(w http.ResponseWriter, r *request) error {
	writeXML(w, h.deps.Conferences.Meetings(r.connection.ID, "getMeetings", func(meetings []string) []byte {
		if len(meetings) == 0 {
			return []byte(noMeetings)
		}
		var b strings.Builder
		b.WriteString("<response><returncode>SUCCESS</returncode><meetings>")
		for _, m := range meetings {
			b.WriteString("<meeting>" + m + "</meeting>")
		}
		b.WriteString("</meetings></response>")
		return []byte(b.String())
	}))
	return nil
}

// getSessions tells who is in which meeting, which is named by its internal id.
func (h *Handler) getSessions(w http.ResponseWriter, r *request) error {
	writeXML(w, h.deps.Conferences.Meetings(r.connection.ID, "getSessions", func(meetings []string) []byte {
		var b []byte
		for _, m := range meetings {
			tree, err := bbb.ParseXML(strings.NewReader("<response>"+m+"</response>"), bbb.MaxAnswer)
			if err != nil {
				continue // written by us
			}
			people := tree.Child("attendees")
			if people == nil {
				continue
			}
			for _, a := range people.Kids {
				b = append(b, "<meeting>"...)
				b = element(b, "meetingID", tree.Value("internalMeetingID"))
				b = element(b, "meetingName", tree.Value("meetingName"))
				b = element(b, "userName", a.Value("fullName"))
				b = append(b, "</meeting>"...)
			}
		}
		if b == nil {
			return []byte(noSessions)
		}
		return []byte("<response><returncode>SUCCESS</returncode><sessions>" + string(b) + "</sessions></response>")
	}))
	return nil
}

// stateless answers calls that belong between a browser and its server: we know no session (bbb-api 8). It reports whether name is
// one.
func (h *Handler) stateless(w http.ResponseWriter, r *http.Request, name string) bool {
	token := r.URL.Query().Get("sessionToken")
	switch name {
	case "hooks/ping":
		hooksPing(w, r)
		h.count(name, "ok")
		return true
	case "signOut":
		success(w, "")
	case "getJoinUrl":
		writeJSON(w, map[string]string{"returncode": "FAILED", "message": "Could not find user session.", "sessionToken": token})
	case "learningDashboard":
		writeJSON(w, map[string]string{"returncode": "FAILED", "message": "Could not find user session.", "sessionToken": token})
	case "enter", "guestWait", "feedback":
		writeJSON(w, map[string]string{"returncode": "FAILED", "messageKey": "missingSession", "message": "Could not find user session."})
	case "stuns":
		w.Header().Set("Content-Type", "application/json;charset=utf-8")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write([]byte(`{"returncode":"FAILED","message":"Could not find conference.","logoutURL":""}`)) // a client that is gone
	default:
		return false
	}
	h.count(name, "missingSession")
	return true
}
