// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
)

// serverEditPage changes what an admin may choose of a server. Fields are those it has: an engine has tags only.
type serverEditPage struct {
	Page
	Errors  FormErrors
	Refused *Notice
	Action  string
	Have    string // of the server the reader has seen
	Fields  []Field
	NoCheck *Switch
	Back    Link
}

func (h *Handler) serverEdit(w http.ResponseWriter, r *Request) error {
	s, _, err := h.server(r)
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "server_edit", h.serverEditOf(r, s, Mistakes{}))
}

// serverEditOf is the form: what was typed, else what the server is now.
func (h *Handler) serverEditOf(r *Request, s fleet.Server, m Mistakes) serverEditPage {
	have, sent := r.FormValue("have"), r.Method == http.MethodPost
	if have == "" {
		have = s.Fingerprint()
	}
	value := func(name, now string) string {
		if sent {
			return r.FormValue(name)
		}
		return now
	}
	tags := Field{Name: "tags", Label: r.P.T("servers.tags"), Hint: r.P.T("servers.tags_form"), Value: value("tags", strings.Join(s.Tags, ", ")), Error: m.Of("tags"), MaxLength: 1000, Optional: true}
	page := serverEditPage{
		Page: h.page(r, "servers", r.P.T("servers.change_title", map[string]any{"Name": s.Name})), Errors: m.Summary(), Action: serverPath(s) + "/edit", Have: have,
		Fields: []Field{tags}, Back: Link{Label: r.P.T("portal.cancel"), Href: serverPath(s)},
	}
	page.Lead = r.P.T("servers.change_lead")
	page.Trail = []Link{{Label: r.P.T("servers.title"), Href: "/admin/servers"}, {Label: s.Name, Href: serverPath(s)}}
	if s.Kind != fleet.KindBBB {
		return page
	}
	page.Fields = []Field{
		{Name: "name", Label: r.P.T("servers.name"), Value: value("name", s.Name), Error: m.Of("name"), MaxLength: fleet.MaxName},
		tags,
		{Name: "weight", Label: r.P.T("servers.weight"), Hint: r.P.T("servers.weight_hint"), Value: value("weight", weightWords(s)), Error: m.Of("weight"), InputMode: "decimal", MaxLength: 8},
		{Name: "url", Label: r.P.T("servers.url"), Hint: r.P.T("servers.url_hint"), Value: value("url", s.URL), Error: m.Of("url"), Type: "url", InputMode: "url", MaxLength: 500},
		{Name: "secret", Label: r.P.T("servers.secret"), Hint: r.P.T("servers.secret_keep"), Error: m.Of("secret"), Type: "password", MaxLength: 500, Optional: true},
	}
	page.NoCheck = &Switch{Name: "no_check", Label: r.P.T("servers.save_anyway"), Hint: r.P.T("servers.no_check_hint"), On: r.FormValue("no_check") == "on"}
	return page
}

// weightWords writes a weight as it is typed.
func weightWords(s fleet.Server) string {
	return strconv.FormatFloat(math.Round(s.Weight()*1000)/1000, 'f', -1, 64)
}

// serverChangeInput reads the form: only what differs from the server is asked for. Invalid (input.invalid) with the wrong fields.
func serverChangeInput(r *Request, s fleet.Server) (fleet.ChangeInput, error) {
	in := fleet.ChangeInput{Actor: r.Actor(), Server: s.ID, Have: r.FormValue("have")}
	tags := typedTags(r)
	slices.Sort(tags)
	if tags = slices.Compact(tags); !slices.Equal(tags, s.Tags) {
		in.Tags = &tags
	}
	if s.Kind != fleet.KindBBB {
		return in, nil
	}
	var c fault.Check
	if name := strings.TrimSpace(r.FormValue("name")); name != s.Name {
		in.Name = &name
	}
	if r.FormValue("weight") != weightWords(s) {
		units := typedUnits(r, &c)
		in.LoadUnits = &units
	}
	if address := fleet.APIAddress(r.FormValue("url")); address != s.URL {
		in.URL = &address
	}
	if secret := strings.TrimSpace(r.FormValue("secret")); secret != "" {
		in.Secret = &secret
	}
	return in, c.Err()
}

func (h *Handler) serverSave(w http.ResponseWriter, r *Request) error {
	s, _, err := h.server(r)
	if err != nil {
		return err
	}
	in, err := serverChangeInput(r, s)
	if err == nil && (in.URL != nil || in.Secret != nil) && r.FormValue("no_check") != "on" {
		err = h.tryChanged(r, s, in)
	}
	if err == nil {
		_, err = h.Fleet.Change(r.Context(), in)
	}
	if m, wrong := mistakes(r.P, err); wrong {
		return h.render(w, r, http.StatusUnprocessableEntity, "server_edit", h.serverEditOf(r, s, m))
	}
	switch fault.CodeOf(err) {
	case "fleet.server_refused", "fleet.server_known", "fleet.server_changed":
		if err != nil {
			return h.render(w, r, http.StatusConflict, "server_edit", h.serverEditRefused(r, s, err))
		}
	}
	if err != nil {
		return err
	}
	return h.seeOther(w, r, serverPath(s), "server_set")
}

// tryChanged calls the server under the address and the secret it will have.
func (h *Handler) tryChanged(r *Request, s fleet.Server, in fleet.ChangeInput) error {
	address := s.URL
	if in.URL != nil {
		address = *in.URL
	}
	secret, err := h.Fleet.Secret(s)
	if in.Secret != nil {
		secret, err = *in.Secret, nil
	}
	if err != nil {
		return err
	}
	return h.CheckServer(r.Context(), address, secret)
}

// serverEditRefused is the form when the server does not answer, or when somebody else changed it: both versions are there then, and
// sending it again means the typed one.
func (h *Handler) serverEditRefused(r *Request, s fleet.Server, err error) serverEditPage {
	page := h.serverEditOf(r, s, Mistakes{})
	page.Refused = &Notice{Kind: NoticeBad, Text: r.P.Fault(err)}
	if fault.CodeOf(err) == "fleet.server_changed" {
		page.Have = s.Fingerprint()
		page.Refused = &Notice{
			Kind: NoticeWarn, Title: r.P.Fault(err),
			Text: r.P.T("servers.changed_now", map[string]any{"Name": s.Name, "Weight": weightWords(s), "Tags": tagWords(r, s), "URL": s.URL}),
		}
	}
	page.Alarm = r.P.Fault(err)
	return page
}
