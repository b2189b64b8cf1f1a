// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"

	"meetcoop/internal/membership"
	"meetcoop/internal/recording"
	"meetcoop/internal/store"
)

// quarantineAssignPage asks whose a recording is.
type quarantineAssignPage struct {
	Page
	Errors     FormErrors
	Action     string
	Facts      []usageLine
	Connection Field
	Back       Link
}

func (h *Handler) quarantineAssignAsk(w http.ResponseWriter, r *Request) error {
	return h.quarantineAssignForm(w, r, http.StatusOK, Mistakes{})
}

func (h *Handler) quarantineAssignForm(w http.ResponseWriter, r *Request, status int, m Mistakes) error {
	v, err := h.quarantined(r)
	if err != nil {
		return err
	}
	var all []membership.Connection
	err = h.DB.Read(r.Context(), func(tx store.Reader) error {
		all, err = membership.AllConnections(r.Context(), tx)
		return err
	})
	if err != nil {
		return err
	}
	return h.render(w, r, status, "quarantine_assign", h.assignOf(r, v, all, m))
}

// quarantined finds the recording of the path. NotFound (recording.unknown).
func (h *Handler) quarantined(r *Request) (recording.Recording, error) {
	return h.Recordings.LookQuarantined(r.Context(), r.Actor(), recording.ID(r.PathValue("record")))
}

func (h *Handler) assignOf(r *Request, v recording.Recording, all []membership.Connection, m Mistakes) quarantineAssignPage {
	page := quarantineAssignPage{
		Page: h.page(r, "quarantine", r.P.T("quarantine.assign_title", map[string]any{"Title": recordingTitle(r, v)})), Errors: m.Summary(), Action: quarantinePath + "/" + string(v.ID) + "/assign",
		Connection: Field{Name: "connection", Label: r.P.T("recordings.connection"), Hint: r.P.T("quarantine.assign_hint"), Error: m.Of("connection"), Value: r.FormValue("connection"), MaxLength: 63},
		Back:       Link{Label: r.P.T("portal.cancel"), Href: quarantinePath},
		Facts: []usageLine{
			{Label: r.P.T("recordings.started"), Value: r.P.DateTime(startOf(v))},
			{Label: r.P.T("recordings.meeting_id"), Value: v.ExternalID},
			{Label: r.P.T("recordings.record_id"), Value: string(v.ID)},
		},
	}
	for _, name := range []string{"bbb-origin", "bbb-origin-server-name", "bbb-context", "tenant-id"} { // what tells where a meeting came from
		if value := v.Metadata[name]; value != "" {
			page.Facts = append(page.Facts, usageLine{Label: name, Value: value})
		}
	}
	for _, c := range all {
		if c.RevokedAt.IsZero() {
			page.Connection.Suggestions = append(page.Connection.Suggestions, c.Name)
		}
	}
	page.Trail = []Link{{Label: r.P.T("quarantine.title"), Href: quarantinePath}}
	return page
}

func (h *Handler) quarantineAssign(w http.ResponseWriter, r *Request) error {
	_, err := h.Recordings.Assign(r.Context(), r.Actor(), recording.AssignInput{ID: recording.ID(r.PathValue("record")), Connection: r.FormValue("connection")})
	if m, wrong := mistakes(r.P, err); wrong {
		return h.quarantineAssignForm(w, r, http.StatusUnprocessableEntity, m)
	}
	if err != nil {
		return err
	}
	return h.seeOther(w, r, quarantinePath, "quarantine_assigned")
}

func (h *Handler) quarantineDropAsk(w http.ResponseWriter, r *Request) error {
	v, err := h.quarantined(r)
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "confirm", h.dropOf(r, v))
}

func (h *Handler) dropOf(r *Request, v recording.Recording) confirmPage {
	page := confirmPage{
		Page: h.page(r, "quarantine", r.P.T("quarantine.drop_title", map[string]any{"Title": recordingTitle(r, v)})), Action: quarantinePath + "/" + string(v.ID) + "/drop", Text: r.P.T("quarantine.drop_text"),
		Confirm: Button{Kind: ButtonDanger, Icon: "trash-2", Label: r.P.T("quarantine.drop")}, Back: Link{Label: r.P.T("portal.cancel"), Href: quarantinePath},
	}
	page.Effects = []string{r.P.T("quarantine.drop_week")}
	if v.Mode == recording.Remote {
		page.Effects = []string{r.P.T("recordings.delete_remote")}
	}
	page.Trail = []Link{{Label: r.P.T("quarantine.title"), Href: quarantinePath}}
	return page
}

func (h *Handler) quarantineDrop(w http.ResponseWriter, r *Request) error {
	if _, err := h.Recordings.Drop(r.Context(), r.Actor(), recording.ID(r.PathValue("record"))); err != nil {
		return err
	}
	return h.seeOther(w, r, quarantinePath, "quarantine_dropped")
}

func (h *Handler) quarantineRestore(w http.ResponseWriter, r *Request) error {
	if _, err := h.Recordings.TakeBack(r.Context(), r.Actor(), recording.ID(r.PathValue("record"))); err != nil {
		return err
	}
	return h.seeOther(w, r, quarantinePath, "quarantine_restored")
}
