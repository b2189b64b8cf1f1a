// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/recording"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// recordingsPage lists what the connections of a member recorded, for those who look after it.
type recordingsPage struct {
	Page
	Off     *Notice // nothing new is recorded, and why
	Storage *Meter
	Keeps   string // how long the level keeps them
	Tabs    *Tabs
	Filter  *Filter
	Table   *Table
	Pager   *Pager
	None    string // nothing fits the filter
	Empty   *Empty
	CSV     *Link

	Together *togetherForm
}

// recordingQuery is what the address of a list says.
type recordingQuery struct {
	Text       string
	Connection string // its name
	View       recording.View
	Order      recording.Order
	Page       int // the first is 1
	Size       int
}

var (
	recordingOrders = []recording.Order{recording.NewestFirst, recording.OldestFirst, recording.ByTitle, recording.LargestFirst, recording.SoonestToGo}
	pageSizes       = []int{25, 50, 100}
)

func recordingQueryOf(r *Request) recordingQuery {
	q := r.URL.Query()
	out := recordingQuery{Text: q.Get("q"), Connection: q.Get("connection"), Page: 1, Size: pageSizes[0]}
	if v := recording.View(q.Get("view")); slices.Contains(recording.Views, v) {
		out.View = v
	}
	if v := recording.Order(q.Get("sort")); slices.Contains(recordingOrders, v) {
		out.Order = v
	}
	if n, err := strconv.Atoi(q.Get("page")); err == nil && n > 0 && n < 1_000_000 {
		out.Page = n
	}
	if n, err := strconv.Atoi(q.Get("size")); err == nil && slices.Contains(pageSizes, n) {
		out.Size = n
	}
	return out
}

func (q recordingQuery) offset() int { return (q.Page - 1) * q.Size }

// filtered reports whether something is left out by what the reader chose.
func (q recordingQuery) filtered() bool { return q.Text != "" || q.Connection != "" }

// at is the address of the list with some of its choices changed.
func (q recordingQuery) at(path string, change func(*recordingQuery)) string {
	q.Page = 1
	if change != nil {
		change(&q)
	}
	v := url.Values{}
	for name, value := range map[string]string{"q": q.Text, "connection": q.Connection, "view": string(q.View), "sort": string(q.Order)} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Page > 1 {
		v.Set("page", strconv.Itoa(q.Page))
	}
	if q.Size != pageSizes[0] {
		v.Set("size", strconv.Itoa(q.Size))
	}
	if len(v) == 0 {
		return path
	}
	return path + "?" + v.Encode()
}

// here is the address of the list as it is.
func (q recordingQuery) here(path string) string {
	return q.at(path, func(n *recordingQuery) { n.Page = q.Page })
}

// recordingFigures is what the list rests on.
type recordingFigures struct {
	Shelf       recording.Shelf
	Connections []membership.Connection
	Mistakes    Mistakes // of what was to be done to several
	Silent      bool     // of one recording: its server did not tell its subtitles
}

// name is what a connection is called.
func (f recordingFigures) name(c id.Connection) string {
	for _, v := range f.Connections {
		if v.ID == c {
			return v.Name
		}
	}
	return ""
}

func (h *Handler) recordingsList(w http.ResponseWriter, r *Request) error {
	f, err := h.recordingFigures(r, recordingQueryOf(r).Size)
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "recordings_list", h.recordingsOf(r, f))
}

// recordingFigures reads the part of the list that the address asks for; limit -1 is all of it.
func (h *Handler) recordingFigures(r *Request, limit int) (f recordingFigures, err error) {
	f.Connections, err = h.connectionNames(r, r.Hat.Member.ID)
	if err != nil {
		return f, err
	}
	q := recordingQueryOf(r)
	in := recording.ShelfInput{Member: r.Hat.Member.ID, Text: q.Text, View: q.View, Order: q.Order, Offset: q.offset(), Limit: limit}
	if q.Connection != "" {
		in.Connection = "none"
		for _, c := range f.Connections {
			if c.Name == q.Connection {
				in.Connection = c.ID
			}
		}
	}
	f.Shelf, err = h.Recordings.Shelf(r.Context(), r.Actor(), in)
	return f, err
}

func (h *Handler) connectionNames(r *Request, member id.Member) (all []membership.Connection, err error) {
	err = h.DB.Read(r.Context(), func(tx store.Reader) error {
		all, err = membership.ConnectionsOf(r.Context(), tx, member)
		return err
	})
	return all, err
}

func (h *Handler) recordingsOf(r *Request, f recordingFigures) recordingsPage {
	q, path, s := recordingQueryOf(r), recordingPath(r.Hat.Member.Slug, ""), f.Shelf
	page := recordingsPage{Page: h.page(r, "member_recordings", r.P.T("recordings.title"))}
	page.Off, page.Keeps = recordingOff(r, s), keepsWords(r, s.Limits)
	if s.Kept+s.Trash == 0 {
		page.Empty = &Empty{Icon: "film", Text: r.P.T("recordings.empty")}
		if len(f.Connections) == 0 {
			page.Empty.Text = r.P.T("recordings.empty_unplugged")
			page.Empty.Action = &Button{Kind: ButtonPrimary, Icon: "plug", Label: r.P.T("recordings.to_connections"), Href: "/m/" + r.Hat.Member.Slug + "/connections"}
		}
		return page
	}
	page.Lead = r.P.T("recordings.lead")
	page.Storage = storageMeter(r, s)
	page.CSV = &Link{Label: r.P.T("recordings.csv"), Href: q.at(path+".csv", nil)}
	page.Tabs = &Tabs{Label: r.P.T("recordings.views")}
	for _, v := range recording.Views {
		label := r.P.T("recordings.view." + viewKey(v))
		if v == recording.ViewTrash && s.Trash > 0 {
			label = r.P.T("recordings.view_trash", map[string]any{"Count": s.Trash})
		}
		page.Tabs.Links = append(page.Tabs.Links, NavLink{Label: label, Href: q.at(path, func(q *recordingQuery) { q.View = v }), Current: v == q.View})
	}
	page.Filter = recordingFilter(r, f, q, path)
	if s.Total == 0 {
		page.None = r.P.T("recordings.none." + viewKey(q.View))
		if q.filtered() {
			page.None = r.P.T("recordings.none_found")
		}
		return page
	}
	page.Table = recordingTable(r, f, q, path)
	page.Together = togetherFormOf(r, f, q, path)
	page.Pager = recordingPager(r, q, path, s.Total, len(s.Recordings))
	return page
}

// viewKey names a view in keys.
func viewKey(v recording.View) string {
	if v == recording.ViewAll {
		return "all"
	}
	return string(v)
}

// recordingOff explains why nothing new is recorded, if so.
func recordingOff(r *Request, s recording.Shelf) *Notice {
	room, limited := s.Limits.StorageBytes.Int()
	switch {
	case !s.Limits.Recording:
		return &Notice{Kind: NoticeInfo, Title: r.P.T("recordings.off_level"), Text: r.P.T("recordings.off_level_text"), Link: Link{Label: r.P.T("recordings.levels"), Href: "/levels"}}
	case limited && s.Used >= int64(room):
		return &Notice{Kind: NoticeWarn, Title: r.P.T("recordings.off_storage"), Text: r.P.T("recordings.off_storage_text"), Link: Link{Label: r.P.T("recordings.largest"), Href: "?sort=size"}}
	}
	return nil
}

// storageMeter is what all recordings take, of what the level allows.
func storageMeter(r *Request, s recording.Shelf) *Meter {
	used := r.P.Bytes(s.Used)
	room, limited := s.Limits.StorageBytes.Int()
	if !limited {
		m := newMeter(r.P.T("recordings.storage"), r.P.T("recordings.storage_unlimited", map[string]any{"Used": used}), "", 0, -1)
		return &m
	}
	m := newMeter(r.P.T("recordings.storage"), r.P.T("recordings.storage_of", map[string]any{"Used": used, "Limit": r.P.Bytes(int64(room))}), r.P.T("recordings.storage_hint"), int(s.Used), room)
	return &m
}

func keepsWords(r *Request, l tariff.Limits) string {
	days, limited := l.RetentionDays.Int()
	if !limited {
		return r.P.T("recordings.keeps_forever")
	}
	return r.P.N("recordings.keeps", days)
}

func recordingFilter(r *Request, f recordingFigures, q recordingQuery, path string) *Filter {
	out := &Filter{
		Action: path, Submit: r.P.T("recordings.search"),
		Search: Field{Name: "q", Label: r.P.T("recordings.search_label"), Type: "search", Value: q.Text, Optional: true, MaxLength: 200, Unsaid: true},
		Keep:   []Choice{{Value: string(q.View), Label: "view"}, {Value: string(q.Order), Label: "sort"}},
	}
	if len(f.Connections) > 1 {
		pick := Select{Name: "connection", Label: r.P.T("recordings.connection"), Options: []Choice{{Label: r.P.T("recordings.connection_any"), Chosen: q.Connection == ""}}}
		for _, c := range f.Connections {
			pick.Options = append(pick.Options, Choice{Value: c.Name, Label: c.Name, Chosen: c.Name == q.Connection})
		}
		out.Selects = []Select{pick}
	}
	if q.filtered() {
		out.Reset = Link{Label: r.P.T("recordings.show_all"), Href: q.at(path, func(q *recordingQuery) { q.Text, q.Connection = "", "" })}
	}
	return out
}

func recordingTable(r *Request, f recordingFigures, q recordingQuery, path string) *Table {
	column := func(label, first, second string, number bool) Column {
		c := Column{Label: r.P.T(label), Number: number}
		direction := func(o string) string {
			if o == string(recording.LargestFirst) || o == string(recording.NewestFirst) {
				return "descending"
			}
			return "ascending"
		}
		next := first
		if string(q.Order) == first {
			next, c.Direction = second, direction(first)
		} else if string(q.Order) == second {
			c.Direction = direction(second)
		}
		c.Sort = q.at(path, func(q *recordingQuery) { q.Order = recording.Order(next) })
		return c
	}
	picked := pickedOf(r)
	t := &Table{ID: "recordings", Caption: r.P.T("recordings.title"), CaptionHidden: true, Columns: []Column{
		{Label: r.P.T("recordings.pick"), Hidden: true},
		column("recordings.recording", string(recording.ByTitle), string(recording.ByTitle), false),
		column("recordings.meeting", string(recording.NewestFirst), string(recording.OldestFirst), false),
		column("recordings.size", string(recording.LargestFirst), string(recording.LargestFirst), true),
		{Label: r.P.T("recordings.state")},
		column("recordings.kept", string(recording.SoonestToGo), string(recording.SoonestToGo), false),
		{Label: r.P.T("recordings.acts"), Hidden: true},
	}}
	for _, v := range f.Shelf.Recordings {
		badge := stateBadge(r, v)
		until, left := untilWords(r, v, f.Shelf.Limits)
		t.Rows = append(t.Rows, []Cell{
			{Pick: &Pick{
				ID: "pick-" + string(v.ID), Form: "together", Name: "picks", Value: string(v.ID), Label: r.P.T("recordings.pick_one", map[string]any{"Title": recordingTitle(r, v)}), Chosen: picked(v.ID),
			}},
			{Text: recordingTitle(r, v), Href: recordingPath(r.Hat.Member.Slug, v.ID), Sub: joined(f.name(v.Connection), formatsWords(r, v))},
			{Text: r.P.DateTimeShort(startOf(v)), Sub: lengthWords(r, v)},
			{Text: r.P.Bytes(v.Bytes())},
			{Badge: &badge, Sub: accessWords(r, v)},
			{Text: until, Sub: left},
			{Buttons: rowActs(r, v, q.here(path))},
		})
	}
	return t
}

// rowActs are what one press does to a recording of the list. They come back to the list as it is.
func rowActs(r *Request, v recording.Recording, here string) []Button {
	path, what := recordingPath(r.Hat.Member.Slug, v.ID), map[string]any{"Title": recordingTitle(r, v)}
	post := func(act, icon, label, describe string) Button {
		return Button{Kind: ButtonQuiet, Small: true, Icon: icon, Label: label, Describe: describe, Post: path + "/" + act, Name: "next", Value: here}
	}
	switch v.State {
	case recording.Deleted:
		return []Button{post("restore", "undo-2", r.P.T("recordings.restore"), r.P.T("recordings.restore_one", what))}
	case recording.Published:
		out := []Button{post("hide", "eye-off", r.P.T("recordings.hide"), r.P.T("recordings.hide_one", what))}
		if f, ok := mainFormat(v); ok {
			out = append([]Button{{Small: true, Icon: "play", Label: r.P.T("recordings.play"), Describe: r.P.T("recordings.play_one", what), Href: path + "/watch/" + f.Type}}, out...)
		}
		return out
	case recording.Unpublished:
		return []Button{post("publish", "eye", r.P.T("recordings.publish"), r.P.T("recordings.publish_one", what))}
	}
	return nil
}

func recordingPager(r *Request, q recordingQuery, path string, total, shown int) *Pager {
	if total <= pageSizes[0] {
		return nil
	}
	last := (total + q.Size - 1) / q.Size
	q.Page = min(q.Page, last)
	from := q.offset()
	p := &Pager{Label: r.P.T("recordings.pages"), Text: r.P.T("recordings.page", map[string]any{"From": from + 1, "To": from + shown, "Total": total})}
	if q.Page > 1 {
		p.Previous = Link{Label: r.P.T("recordings.previous"), Href: q.at(path, func(n *recordingQuery) { n.Page = q.Page - 1 })}
	}
	if q.Page < last {
		p.Next = Link{Label: r.P.T("recordings.next"), Href: q.at(path, func(n *recordingQuery) { n.Page = q.Page + 1 })}
	}
	for _, n := range pageSizes {
		p.Sizes = append(p.Sizes, NavLink{Label: r.P.T("recordings.page_size", map[string]any{"Size": n}), Href: q.at(path, func(q *recordingQuery) { q.Size = n }), Current: n == q.Size})
	}
	return p
}

func (h *Handler) recordingsCSV(w http.ResponseWriter, r *Request) error {
	f, err := h.recordingFigures(r, -1)
	if err != nil {
		return err
	}
	rows := [][]string{{"id", "title", "connection", "meeting_id", "started_at", "ended_at", "participants", "bytes", "formats", "where", "state", "access", "kept_until"}}
	for _, v := range f.Shelf.Recordings {
		var formats string
		for _, x := range v.Formats {
			formats = joinedBy(formats, x.Type, " ")
		}
		until := ""
		if at := recording.KeptUntil(v, f.Shelf.Limits.RetentionDays, r.Now); !at.IsZero() {
			until = at.String()
		}
		rows = append(rows, []string{
			string(v.ID), v.Title(), f.name(v.Connection), v.ExternalID, startOf(v).String(), instant.Micros(v.EndedMS * 1000).String(), strconv.Itoa(v.Participants),
			strconv.FormatInt(v.Bytes(), 10), formats, string(v.Mode), string(v.State), string(v.Access), until,
		})
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="recordings-`+r.Hat.Member.Slug+`.csv"`)
	w.Header().Set("Cache-Control", "no-store")
	return dropped(h, r, writeCSV(w, rows))
}

// recordingPath is the page of a recording of a member, or the list.
func recordingPath(slug string, rec recording.ID) string {
	path := "/m/" + slug + "/recordings"
	if rec != "" {
		path += "/" + string(rec)
	}
	return path
}

// recordingTitle is what a recording is called; a meeting may have had no name.
func recordingTitle(r *Request, v recording.Recording) string {
	if t := v.Title(); t != "" {
		return t
	}
	return r.P.T("recordings.untitled")
}

func startOf(v recording.Recording) instant.Instant { return instant.Micros(v.StartedMS * 1000) }

// lengthWords is how long the playback is, else how long the meeting was.
func lengthWords(r *Request, v recording.Recording) string {
	long := time.Duration(v.EndedMS-v.StartedMS) * time.Millisecond
	for _, f := range v.Formats {
		if f.Minutes > 0 {
			long = time.Duration(f.Minutes) * time.Minute
			break
		}
	}
	if long < time.Minute {
		long = time.Minute
	}
	return r.P.DurationShort(long.Round(time.Minute))
}

// formatWords names a format; those nobody translated have their own word.
func formatWords(r *Request, kind string) string {
	if slices.Contains(knownFormats, kind) {
		return r.P.T("recordings.format." + kind)
	}
	return kind
}

// knownFormats are those of BigBlueButton, the one people want first in front.
var knownFormats = []string{"presentation", "video", "screenshare", "podcast", "notes", "statistics"}

func formatsWords(r *Request, v recording.Recording) string {
	out := ""
	for _, f := range v.Formats {
		out = joined(out, formatWords(r, f.Type))
	}
	return out
}

// mainFormat is what Play plays.
func mainFormat(v recording.Recording) (recording.Format, bool) {
	for _, kind := range knownFormats {
		if f, ok := v.Format(kind); ok {
			return f, true
		}
	}
	if len(v.Formats) > 0 {
		return v.Formats[0], true
	}
	return recording.Format{}, false
}

func joined(a, b string) string { return joinedBy(a, b, " · ") }

func joinedBy(a, b, by string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + by + b
}

func stateBadge(r *Request, v recording.Recording) Badge {
	switch v.State {
	case recording.Published:
		return Badge{Kind: NoticeOK, Icon: "eye", Text: r.P.T("recordings.state.published")}
	case recording.Unpublished:
		return Badge{Icon: "eye-off", Text: r.P.T("recordings.state.unpublished")}
	case recording.Deleted:
		return Badge{Kind: NoticeWarn, Icon: "trash-2", Text: r.P.T("recordings.state.deleted")}
	}
	return Badge{Kind: NoticeInfo, Icon: "hourglass", Text: r.P.T("recordings.state.processing")}
}

// accessWords says who may watch, in short.
func accessWords(r *Request, v recording.Recording) string {
	switch {
	case v.State != recording.Published:
		return "" // nobody, for now
	case v.Mode == recording.Remote:
		return r.P.T("recordings.access_short.remote")
	}
	return r.P.T("recordings.access_short." + string(v.Access))
}

// untilWords says when a recording goes, and how far that is.
func untilWords(r *Request, v recording.Recording, l tariff.Limits) (when, left string) {
	at := recording.KeptUntil(v, l.RetentionDays, r.Now)
	if at.IsZero() {
		if v.Mode == recording.Remote {
			return r.P.T("recordings.kept_remote"), ""
		}
		return r.P.T("recordings.kept_forever"), ""
	}
	days := int((at.Sub(r.Now) + 24*time.Hour - 1) / (24 * time.Hour))
	return r.P.DateShort(at.In(r.P.Zone())), r.P.N("recordings.days_left", max(days, 0))
}
