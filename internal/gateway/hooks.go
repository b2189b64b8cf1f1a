// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"meetcoop/internal/conference"
	"meetcoop/internal/web"
)

// hooksCreate registers an address for events.
func (h *Handler) hooksCreate(w http.ResponseWriter, r *request) error {
	to := r.q.Get("callbackURL")
	if to == "" {
		return problem{Key: "missingParamCallbackURL", Message: "You must specify a callbackURL in the parameters."}
	}
	in := conference.HookInput{Connection: r.connection.ID, URL: to, Meeting: r.q.Get("meetingID"), Events: r.q.Get("eventID")}
	made, known, err := h.deps.Conferences.CreateHook(r.http.Context(), in)
	if err != nil {
		return err
	}
	id := "<hookID>" + strconv.FormatInt(made.ID, 10) + "</hookID>"
	if known {
		success(w, id+"<messageKey>duplicateWarning</messageKey><message>There is already a hook for this callback URL.</message>")
		return nil
	}
	success(w, id+"<permanentHook>false</permanentHook><rawData>false</rawData>")
	return nil
}

// hooksList tells the hooks of a meeting and those of all, or every one.
func (h *Handler) hooksList(w http.ResponseWriter, r *request) error {
	all, err := h.deps.Conferences.Hooks(r.http.Context(), r.connection.ID, r.q.Get("meetingID"))
	if err != nil {
		h.deps.Log.ErrorContext(r.http.Context(), "hooks not listed", "err", err)
		return problem{Key: "listHookError", Message: "An error happened while listing registered hooks. Check the logs."}
	}
	var b strings.Builder
	b.WriteString("<hooks>")
	for _, one := range all {
		b.WriteString("<hook><hookID>" + strconv.FormatInt(one.ID, 10) + "</hookID><callbackURL>" + cdata(one.URL) + "</callbackURL>")
		if one.Meeting != "" {
			b.WriteString("<meetingID>" + cdata(one.Meeting) + "</meetingID>")
		}
		if len(one.Events) > 0 {
			b.Write(element(nil, "eventID", strings.Join(one.Events, ",")))
		}
		b.WriteString("<permanentHook>false</permanentHook><rawData>false</rawData></hook>")
	}
	b.WriteString("</hooks>")
	success(w, b.String())
	return nil
}

// hooksDestroy forgets a hook of the connection.
func (h *Handler) hooksDestroy(w http.ResponseWriter, r *request) error {
	given := r.q.Get("hookID")
	if given == "" {
		return problem{Key: "missingParamHookID", Message: "You must specify a hookID in the parameters."}
	}
	n, err := strconv.ParseInt(given, 10, 64)
	if err != nil {
		return conference.ErrHookUnknown
	}
	if err := h.deps.Conferences.DestroyHook(r.http.Context(), r.connection.ID, n); err != nil {
		return err
	}
	success(w, "<removed>true</removed>")
	return nil
}

// hooksPing is what clients take for a sign of webhooks: plain text, unsigned, the same for every name.
func hooksPing(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write([]byte("bbb-webhooks up!")) // a client that is gone
}

// cdata writes text as servers write it here; the one sequence that would end it is cut in two.
func cdata(text string) string {
	return "<![CDATA[" + strings.ReplaceAll(text, "]]>", "]]]]><![CDATA[>") + "]]>"
}

// mostEvent bounds what a server may send at once.
const mostEvent = 1 << 20

// events takes what a server tells by its webhook. Servers take 401 for delivered, and anything but 2xx for something to send again:
// only what may succeed later is answered so.
func (h *Handler) events(w http.ResponseWriter, r *http.Request, token string) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Method != http.MethodPost || err != nil || media != formType {
		http.NotFound(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostEvent))
	if err != nil {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	err = h.deps.Conferences.Hear(r.Context(), conference.EventInput{Token: token, Checksum: r.URL.Query().Get("checksum"), Bearer: bearer, Body: body})
	switch {
	case errors.Is(err, conference.ErrEventToken):
		http.NotFound(w, r)
	case errors.Is(err, conference.ErrEventForged):
		h.brake.press(r.Context(), web.ClientOf(r))
		http.Error(w, "wrong checksum", http.StatusUnauthorized)
	case err != nil:
		h.deps.Log.WarnContext(r.Context(), "event of a server not taken", "err", err)
		http.Error(w, "try again", http.StatusServiceUnavailable)
	default:
		w.WriteHeader(http.StatusOK)
	}
}
