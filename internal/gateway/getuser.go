// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway

import (
	"errors"
	"net/http"
	"net/url"

	"meetcoop/internal/fault"
	"meetcoop/internal/web"
)

// UserPath is where a Greenlight that serves many members asks whose endpoint a name is.
const UserPath = "/api/getUser"

// ServeUser answers getUser. Its checksum is SHA-1 over "getUser", the query without it and the container's secret.
func (h *Handler) ServeUser(w http.ResponseWriter, r *http.Request) {
	web.Route(r, UserPath)
	w.Header().Set("Cache-Control", "no-store")
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		w.Header().Set("Allow", "GET, POST")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	name, sum, text, err := userAsked(r)
	if err == nil {
		found, findErr := h.deps.Members.Tenant(r.Context(), name, "getUser"+text, sum)
		if err = findErr; err == nil {
			user := element(nil, "name", name)
			user = element(user, "apiURL", h.deps.PublicURL+Path+found.Connection.Name+"/bigbluebutton/")
			user = element(user, "secret", found.Secret)
			h.count("getUser", "ok")
			success(w, "<user>"+string(user)+"</user>")
			return
		}
	}
	if fault.KindOf(err) != fault.NotFound && !errors.As(err, &problem{}) {
		h.deps.Log.ErrorContext(r.Context(), "getUser failed", "err", err)
	}
	h.brake.press(r.Context(), web.ClientOf(r))
	h.count("getUser", "checksumError")
	failure(w, errChecksum.Key, errChecksum.Message)
}

// userAsked reads name and checksum from the query, or from a form when there is none.
func userAsked(r *http.Request) (name, sum, text string, err error) {
	raw := r.URL.RawQuery
	if raw == "" && hasBody(r) {
		form, err := readForm(r.Body)
		if err != nil {
			return "", "", "", errBody
		}
		return form.Get("name"), form.Get("checksum"), formText(form), nil
	}
	if len(raw) > maxForm {
		return "", "", "", errQuery
	}
	q, err := url.ParseQuery(raw)
	if err != nil {
		return "", "", "", errQuery
	}
	sum = q.Get("checksum")
	return q.Get("name"), sum, withoutChecksum(raw, sum), nil
}
