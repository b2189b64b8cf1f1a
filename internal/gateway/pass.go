// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway

import (
	"errors"
	"net/http"
	"unicode/utf8"

	"meetcoop/internal/conference"
)

// insertDocument hands slides to a running meeting. Its failures have no key, as on servers.
func (h *Handler) insertDocument(w http.ResponseWriter, r *request) error {
	if err := r.check(meetingID(false)); err != nil {
		return err
	}
	if r.body == nil {
		return errContentType
	}
	children, err := h.deps.Conferences.InsertDocument(r.http.Context(), r.connection.ID, r.q, r.body, r.body.media, r.body.length)
	switch {
	case errors.Is(err, conference.ErrNotFound):
		xml(w, "FAILED", string(element(nil, "message", "Meeting with id ["+r.q.Get("meetingID")+"] not found.")))
		return nil
	case err != nil:
		return err
	case children == "":
		w.Header().Set("Content-Type", "text/xml;charset=utf-8")
		w.WriteHeader(http.StatusOK)
		return nil
	}
	success(w, children)
	return nil
}

func (h *Handler) sendChatMessage(w http.ResponseWriter, r *request) error {
	if err := r.check(meetingID(false), chatMessage, chatName); err != nil {
		return err
	}
	children, err := h.deps.Conferences.SendChat(r.http.Context(), r.connection.ID, r.q)
	if err != nil {
		return err
	}
	success(w, children)
	return nil
}

// chatMessage has 1 to 500 characters.
func chatMessage(r *request) error {
	switch n := utf8.RuneCountInString(r.q.Get("message")); {
	case !r.q.Has("message"):
		return problem{Key: "nullError", Message: "You must provide a message"}
	case n < 1 || n > 500:
		return problem{Key: "sizeError", Message: "message must be between 1 and 500 characters"}
	}
	return nil
}

func chatName(r *request) error {
	if utf8.RuneCountInString(r.q.Get("userName")) > 255 {
		return problem{Key: "sizeError", Message: "userName must be at most 255 characters"}
	}
	return nil
}
