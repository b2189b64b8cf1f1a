// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
)

// serverNewPage asks for a BigBlueButton server.
type serverNewPage struct {
	Page
	Errors  FormErrors
	Refused *Notice
	URL     Field
	Secret  Field
	Name    Field
	Tags    Field
	Weight  Field
	NoCheck Switch
}

func (h *Handler) serverNew(w http.ResponseWriter, r *Request) error {
	return h.render(w, r, http.StatusOK, "server_new", h.serverForm(r, Mistakes{}))
}

// mostWeight is the most a server may weigh.
const mostWeight = 1000

func (h *Handler) serverForm(r *Request, m Mistakes) serverNewPage {
	weight := r.FormValue("weight")
	if weight == "" {
		weight = "1"
	}
	page := serverNewPage{
		Page: h.page(r, "servers", r.P.T("servers.new")), Errors: m.Summary(),
		URL: Field{
			Name: "url", Label: r.P.T("servers.url"), Hint: r.P.T("servers.url_hint"), Value: r.FormValue("url"), Error: m.Of("url"), Type: "url", InputMode: "url",
			Placeholder: "https://bbb.example.org/bigbluebutton/", MaxLength: 500, Autofocus: !m.Summary().Any(),
		},
		// What was typed is not sent back: it would stand in the page.
		Secret:  Field{Name: "secret", Label: r.P.T("servers.secret"), Hint: r.P.T("servers.secret_hint"), Error: m.Of("secret"), Type: "password", MaxLength: 500},
		Name:    Field{Name: "name", Label: r.P.T("servers.name"), Hint: r.P.T("servers.name_hint"), Value: r.FormValue("name"), Error: m.Of("name"), MaxLength: fleet.MaxName, Optional: true},
		Tags:    Field{Name: "tags", Label: r.P.T("servers.tags"), Hint: r.P.T("servers.tags_form"), Value: r.FormValue("tags"), Error: m.Of("tags"), MaxLength: 500, Optional: true},
		Weight:  Field{Name: "weight", Label: r.P.T("servers.weight"), Hint: r.P.T("servers.weight_hint"), Value: weight, Error: m.Of("weight"), InputMode: "decimal", MaxLength: 8},
		NoCheck: Switch{Name: "no_check", Label: r.P.T("servers.no_check"), Hint: r.P.T("servers.no_check_hint"), On: r.FormValue("no_check") == "on"},
	}
	page.Trail = []Link{{Label: r.P.T("servers.title"), Href: "/admin/servers"}}
	return page
}

// serverInput reads the form. Invalid (input.invalid) with the wrong fields.
func serverInput(r *Request) (fleet.AddInput, error) {
	in := fleet.AddInput{Name: strings.TrimSpace(r.FormValue("name")), URL: fleet.APIAddress(r.FormValue("url")), Secret: strings.TrimSpace(r.FormValue("secret")), Admin: fleet.AdminEnabled, Actor: r.Actor()}
	var c fault.Check
	bbb.CheckAddress(&c, in.URL)
	bbb.CheckSecret(&c, in.Secret)
	if u, err := url.Parse(in.URL); in.Name == "" && err == nil {
		in.Name = u.Host
	}
	c.Field(utf8.ValidString(in.Name) && utf8.RuneCountInString(in.Name) <= fleet.MaxName, "name", "member.name_long", fault.Params{"Limit": fleet.MaxName})
	in.Tags = typedTags(r)
	c.Field(len(in.Tags) <= fleet.MaxTags && !slices.ContainsFunc(in.Tags, func(t string) bool { return !fleet.IsTag(t) }), "tags", "level.tags", fault.Params{"Limit": fleet.MaxTags})
	in.LoadUnits = typedUnits(r, &c)
	return in, c.Err()
}

// typedTags reads the tags of a form, with commas or blanks between them.
func typedTags(r *Request) []string {
	return strings.FieldsFunc(r.FormValue("tags"), func(r rune) bool { return r == ',' || r == ' ' })
}

// typedUnits reads a weight, with a comma or a point, as load units.
func typedUnits(r *Request, c *fault.Check) int {
	weight, err := strconv.ParseFloat(strings.Replace(strings.TrimSpace(r.FormValue("weight")), ",", ".", 1), 64)
	fits := err == nil && weight >= 0.01 && weight <= mostWeight
	c.Field(fits, "weight", "config.range", fault.Params{"Least": "0.01", "Most": mostWeight})
	if !fits {
		return 0
	}
	return fleet.UnitsOf(weight)
}

func (h *Handler) serverAdd(w http.ResponseWriter, r *Request) error {
	in, err := serverInput(r)
	if err == nil && r.FormValue("no_check") != "on" {
		err = h.CheckServer(r.Context(), in.URL, in.Secret)
	}
	var added fleet.Server
	if err == nil {
		added, err = h.Fleet.Add(r.Context(), in)
	}
	if m, wrong := mistakes(r.P, err); wrong {
		return h.render(w, r, http.StatusUnprocessableEntity, "server_new", h.serverForm(r, m))
	}
	if code := fault.CodeOf(err); code == "fleet.server_refused" || code == "fleet.server_known" {
		return h.render(w, r, http.StatusConflict, "server_new", h.serverFormRefused(r, err))
	}
	if err != nil {
		return err
	}
	return h.seeOther(w, r, serverPath(added), "server_added")
}

// serverFormRefused is the form when the server does not answer, or is known.
func (h *Handler) serverFormRefused(r *Request, err error) serverNewPage {
	page := h.serverForm(r, Mistakes{})
	page.Refused = &Notice{Kind: NoticeBad, Text: r.P.Fault(err)}
	page.Alarm = page.Refused.Text
	return page
}
