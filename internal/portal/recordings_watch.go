// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"

	"meetcoop/internal/id"
	"meetcoop/internal/membership"
	"meetcoop/internal/recording"
)

// watchPage lists what a person may watch, whatever member it is of.
type watchPage struct {
	Page
	Filter *Filter
	Table  *Table
	Pager  *Pager
	None   string
	Empty  *Empty
}

func (h *Handler) recordingsWatch(w http.ResponseWriter, r *Request) error {
	q := recordingQueryOf(r)
	list, err := h.Recordings.WatchList(r.Context(), r.Actor(), recording.WatchInput{Text: q.Text, Offset: q.offset(), Limit: q.Size})
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "recordings_watch", h.watchOf(r, list))
}

func (h *Handler) watchOf(r *Request, list recording.WatchList) watchPage {
	const path = "/recordings"
	q := recordingQueryOf(r)
	q.View, q.Order, q.Connection = "", "", ""
	page := watchPage{Page: h.page(r, "recordings", r.P.T("recordings.mine"))}
	if list.Total == 0 && q.Text == "" {
		page.Empty = &Empty{Icon: "film", Text: r.P.T("recordings.mine_empty")}
		for _, hat := range r.Visitor.Hats {
			if hat.Has(rolesOf[Manager]...) {
				page.Empty.Text = r.P.T("recordings.mine_empty_manager")
				page.Empty.Action = &Button{Icon: "film", Label: r.P.T("recordings.of", map[string]any{"Member": hat.Member.Name}), Href: recordingPath(hat.Member.Slug, "")}
				break
			}
		}
		return page
	}
	page.Lead = r.P.T("recordings.mine_lead")
	page.Filter = recordingFilter(r, recordingFigures{}, q, path)
	if list.Total == 0 {
		page.None = r.P.T("recordings.none_found")
		return page
	}
	hats := map[id.Member]Hat{}
	for _, hat := range r.Visitor.Hats {
		hats[hat.Member.ID] = hat
	}
	page.Table = &Table{ID: "recordings", Caption: r.P.T("recordings.mine"), CaptionHidden: true, Columns: []Column{
		{Label: r.P.T("recordings.recording")}, {Label: r.P.T("recordings.meeting")}, {Label: r.P.T("recordings.access")}, {Label: r.P.T("recordings.acts"), Hidden: true},
	}}
	for _, v := range list.Recordings {
		page.Table.Rows = append(page.Table.Rows, watchRow(r, hats[v.Member], v))
	}
	page.Pager = recordingPager(r, q, path, list.Total, len(list.Recordings))
	return page
}

func watchRow(r *Request, hat Hat, v recording.Recording) []Cell {
	title, path := recordingTitle(r, v), recordingPath(hat.Member.Slug, v.ID)
	first := Cell{Text: title, Sub: joined(hat.Member.Name, formatsWords(r, v))}
	f, playable := mainFormat(v)
	if playable {
		first.Href = path + "/watch/" + f.Type
	}
	row := []Cell{first, {Text: r.P.DateTimeShort(startOf(v)), Sub: lengthWords(r, v)}, {Text: accessWords(r, v)}, {}}
	if playable {
		row[3].Buttons = append(row[3].Buttons, Button{Small: true, Icon: "play", Label: r.P.T("recordings.play"), Describe: r.P.T("recordings.play_one", map[string]any{"Title": title}), Href: first.Href})
	}
	if hat.Has(membership.RoleOwner, membership.RoleManager) {
		row[0].Href = path
		row[3].Buttons = append(row[3].Buttons, Button{Kind: ButtonQuiet, Small: true, Icon: "share-2", Label: r.P.T("recordings.share_act"), Describe: r.P.T("recordings.share_one", map[string]any{"Title": title}), Href: path + "#share"})
	}
	return row
}
