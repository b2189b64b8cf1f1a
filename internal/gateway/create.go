// SPDX-License-Identifier: AGPL-3.0-or-later

package gateway

import (
	"io"
	"net/http"

	"meetcoop/internal/conference"
)

// create makes a meeting, or answers for the one that has the id.
func (h *Handler) create(w http.ResponseWriter, r *request) error {
	if err := r.check(meetingID(true), name, password("attendeePW"), password("moderatorPW"), integer("voiceBridge"), boolean("record"), boolean("isBreakout"), boolean("isBreakoutRoom")); err != nil {
		return err
	}
	in := conference.CreateInput{Connection: r.connection, Query: r.q}
	if r.body != nil && r.body.length > 0 {
		in.Body, in.Media, in.Length = io.ReadSeeker(r.body), r.body.media, r.body.length
	}
	made, err := h.deps.Conferences.Create(r.http.Context(), in)
	if err != nil {
		return err
	}
	key, message := "", ""
	if made.Duplicate {
		key, message = "duplicateWarning", "This conference was already in existence and may currently be in progress."
	}
	b := element([]byte(made.Reply), "messageKey", key)
	success(w, string(element(b, "message", message)))
	return nil
}
