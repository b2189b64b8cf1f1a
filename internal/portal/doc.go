// SPDX-License-Identifier: AGPL-3.0-or-later

// Package portal is the face that people meet: pages, forms and fragments. It holds no rule and no SQL; every
// number, right and refusal comes from a capability, every word from the locale files.
//
// # How to add a page
//
//  1. pages/<noun>_<verb>.html defines "content" (all of main below the heading) and, if there is a primary
//     action, "actions" (it stands beside the h1). The layout writes the document, the shell, the h1 (Page.Title)
//     and the lead; set Page.NoHeading to write the h1 yourself. "headmeta" may add to the head.
//
//  2. <noun>_<verb>.go holds one struct with exactly what the template shows, and the handler; see below.
//
//  3. routes.go gets its line: method, pattern, class, handler. The class is enforced before the handler runs;
//     r.Hat is the member of the path for Member and narrower. A page that belongs into the nav is an entry of
//     shell.go; it appears once its route exists.
//
//  4. <noun>_samples_test.go registers its samples; TestPages runs each in every language and parses what comes
//     out. A page has at least the samples filled, empty, refused and crowded, where they differ.
//
//  5. Its words are in locales/<area>.<language>.json, all seven languages.
//
// The struct and the handler, which parses, authorises, calls and renders (the service checks the actor):
//
//	type roomsListPage struct {
//		Page
//		Rooms []roomCard
//		Seats SeatRow
//	}
//
//	func (h *Handler) roomsList(w http.ResponseWriter, r *Request) error {
//		rooms, err := h.Rooms.List(r.Context(), r.Actor())
//		if err != nil {
//			return err
//		}
//		page := roomsListPage{Page: h.page(r, "rooms", r.P.T("rooms.title")), Rooms: cards(rooms)}
//		return h.render(w, r, http.StatusOK, "rooms_list", page)
//	}
//
// A sample:
//
//	var _ = sampleOf("rooms_list", "empty", func(r *Request) any {
//		return roomsListPage{Page: samplePage(r, "rooms", "rooms.title")}
//	})
//
// # Forms
//
// A form posts to a route of its own, ends in h.seeOther (303) with the key of a text done.<key> to show on the
// next page, and answers 422 with the same page when the input is wrong:
//
//	if m, bad := mistakes(r.P, err); bad {
//		return h.render(w, r, http.StatusUnprocessableEntity, "room_new", newRoomNew(h, r, in, m))
//	}
//	return err
//
// m.Of("name") is the error of a field (its id is f-name), m.Summary() the list above the form. Any other
// error is returned: the wrapper logs it and shows the page for its kind. A refusal that deserves its own page
// (limits, waiting rooms) renders the component "refusal" with the status Status(err).
//
// # Fragments
//
// htmx is loaded for people who are signed in. A control says data-hx-post or data-hx-get, data-hx-target and
// data-hx-select, and gets the whole page answered, of which htmx takes the selected element: no second template. Where the
// piece is asked for often, render "page#block". An element with data-say has its text said after a swap. A
// block with an id, data-live-list="/stream" and data-from="/page" listens to server-sent events and has itself
// drawn again at each (see assets/src/portal/live.ts).
//
// # Components
//
// components.go lists the parameters of every template in components/; /dev/components (--dev) shows them all, with
// ?shell=app as a signed-in person sees them. No template carries a style attribute or a script; the policy of the
// site forbids both. What one page needs of styles and no other stands in assets/src/css/pages.css.
//
// # Looking at pages
//
// go test ./internal/portal -run TestPages -write-pages DIR leaves every sample in every language in DIR, for
// a browser to look at without a server.
package portal
