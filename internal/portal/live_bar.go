// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"

	"meetcoop/internal/fault"
)

// liveShow is the bar of the running meetings among the visitor's rooms, as pages fetch it into their shell, without the
// room named by ?not: its own page tells. An empty answer says that nothing runs.
func (h *Handler) liveShow(w http.ResponseWriter, r *Request) error {
	if !r.HX() {
		return fault.New(fault.NotFound, "page.unknown")
	}
	listed, err := h.Rooms.ListFor(r.Context(), r.Visitor.Actor)
	if err != nil {
		return err
	}
	running, err := h.runningIn(r, listed)
	if err != nil {
		return err
	}
	var bar *LiveBar
	others := 0
	for _, l := range listed {
		run := running[l.ID]
		switch {
		case run.Meeting == "" || l.Slug == r.URL.Query().Get("not"):
		case bar == nil:
			bar = &LiveBar{
				Text:   r.P.N("portal.live_now", run.Seated, map[string]any{"Room": l.Name}),
				Action: Button{Kind: ButtonPlain, Small: true, Label: r.P.T("rooms.list.join"), Describe: r.P.T("rooms.list.join_room", map[string]any{"Name": l.Name}), Href: "/r/" + l.Slug + "/join"},
			}
		default:
			others++
		}
	}
	if others > 0 {
		bar.More = &Link{Label: r.P.N("portal.live_others", others), Href: "/rooms"}
	}
	return h.render(w, r, http.StatusOK, "rooms_list#live", bar)
}
