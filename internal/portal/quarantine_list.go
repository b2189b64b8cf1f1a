// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"

	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/recording"
	"meetcoop/internal/store"
)

// quarantinePage lists the recordings that nobody owns, for admins of the platform.
type quarantinePage struct {
	Page
	Refusals []Notice
	Shares   []Meter
	Tabs     *Tabs
	Table    *Table
	Pager    *Pager
	None     string
	Empty    *Empty
}

// quarantineFigures is what the list rests on.
type quarantineFigures struct {
	Quarantine recording.Quarantine
	Servers    map[id.Server]string // their names
}

func (h *Handler) quarantineList(w http.ResponseWriter, r *Request) error {
	q := recordingQueryOf(r)
	dropped := q.View == recording.ViewTrash
	f := quarantineFigures{Servers: map[id.Server]string{}}
	var err error
	f.Quarantine, err = h.Recordings.Quarantine(r.Context(), r.Actor(), recording.QuarantineInput{Dropped: dropped, Offset: q.offset(), Limit: q.Size})
	if err != nil {
		return err
	}
	err = h.DB.Read(r.Context(), func(tx store.Reader) error {
		all, err := fleet.Servers(r.Context(), tx)
		for _, s := range all {
			f.Servers[s.ID] = s.Name
		}
		return err
	})
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "quarantine_list", h.quarantineOf(r, f))
}

const quarantinePath = "/admin/recordings"

func (h *Handler) quarantineOf(r *Request, f quarantineFigures) quarantinePage {
	q, s := recordingQueryOf(r), f.Quarantine
	q.Text, q.Connection, q.Order = "", "", ""
	page := quarantinePage{Page: h.page(r, "quarantine", r.P.T("quarantine.title"))}
	for _, v := range s.Refusals {
		page.Refusals = append(page.Refusals, Notice{
			Kind: NoticeWarn, Title: r.P.T("quarantine.refused." + v.Bound),
			Text: r.P.N("quarantine.refused_text", v.Times, map[string]any{"Server": f.server(r, v.Server), "Recording": string(v.Last), "First": r.P.DateTimeShort(v.First), "Ago": r.P.Ago(v.At, r.Now)}),
		})
	}
	if s.Here+s.Dropped == 0 {
		page.Empty = &Empty{Icon: "circle-check", Text: r.P.T("quarantine.empty")}
		return page
	}
	page.Lead = r.P.T("quarantine.lead")
	for _, v := range s.Shares {
		m := newMeter(f.server(r, v.Server), r.P.T("recordings.storage_of", map[string]any{"Used": r.P.Bytes(v.Bytes), "Limit": r.P.Bytes(s.MostBytes)}),
			r.P.T("quarantine.share", map[string]any{"Used": v.Recordings, "Limit": s.MostEach}), int(v.Bytes), int(s.MostBytes))
		if v.Recordings >= s.MostEach {
			m.State = "full"
		}
		page.Shares = append(page.Shares, m)
	}
	total := s.Here
	dropped := q.View == recording.ViewTrash
	if dropped {
		total = s.Dropped
	}
	page.Tabs = &Tabs{Label: r.P.T("recordings.views"), Links: []NavLink{
		{Label: r.P.T("quarantine.here", map[string]any{"Count": s.Here}), Href: quarantinePath, Current: !dropped},
		{Label: r.P.T("quarantine.dropped", map[string]any{"Count": s.Dropped}), Href: quarantinePath + "?view=trash", Current: dropped},
	}}
	if total == 0 {
		page.None = r.P.T("quarantine.none")
		return page
	}
	page.Table = &Table{ID: "quarantine", Caption: r.P.T("quarantine.title"), CaptionHidden: true, Columns: []Column{
		{Label: r.P.T("recordings.recording")}, {Label: r.P.T("recordings.meeting")}, {Label: r.P.T("quarantine.server")}, {Label: r.P.T("recordings.size"), Number: true}, {Label: r.P.T("recordings.acts"), Hidden: true},
	}}
	for _, v := range s.Recordings {
		page.Table.Rows = append(page.Table.Rows, []Cell{
			{Text: recordingTitle(r, v), Sub: joined(v.ExternalID, formatsWords(r, v))},
			{Text: r.P.DateTimeShort(startOf(v)), Sub: lengthWords(r, v)},
			{Text: f.server(r, v.Server), Sub: r.P.T("recordings.where." + string(v.Mode))},
			{Text: r.P.Bytes(v.Bytes())},
			{Buttons: quarantineActs(r, v)},
		})
	}
	page.Pager = recordingPager(r, q, quarantinePath, total, len(s.Recordings))
	return page
}

func quarantineActs(r *Request, v recording.Recording) []Button {
	path, what := quarantinePath+"/"+string(v.ID), map[string]any{"Title": recordingTitle(r, v)}
	if v.State == recording.Deleted {
		return []Button{{Kind: ButtonQuiet, Small: true, Icon: "undo-2", Label: r.P.T("recordings.restore"), Describe: r.P.T("recordings.restore_one", what), Post: path + "/restore"}}
	}
	return []Button{
		{Small: true, Icon: "user-plus", Label: r.P.T("quarantine.assign"), Describe: r.P.T("quarantine.assign_one", what), Href: path + "/assign"},
		{Kind: ButtonQuiet, Small: true, Icon: "trash-2", Label: r.P.T("quarantine.drop"), Describe: r.P.T("quarantine.drop_one", what), Href: path + "/drop"},
	}
}

// server is what a server is called; recordings that an operator brought have none, and one may have been removed.
func (f quarantineFigures) server(r *Request, v id.Server) string {
	switch name, known := f.Servers[v]; {
	case v == "":
		return r.P.T("quarantine.imported")
	case known:
		return name
	}
	return string(v)
}
