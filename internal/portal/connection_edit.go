// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"slices"
	"strings"

	"meetcoop/internal/fault"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// connectionEditPage changes how a connection is served. Placed and Adopts are the fields of those who look after the member.
type connectionEditPage struct {
	Page
	Errors  FormErrors
	Refused *Notice
	Action  string
	Have    string // of the connection the reader has seen
	Refusal Choices
	Join    Choices
	Level   Select
	Signed  Select
	Placed  []Field
	Adopts  *Switch
	Back    Link
}

// connectionEditing is what the page rests on.
type connectionEditing struct {
	connection membership.Connection
	levels     []tariff.Level
	places     bool // the reader may choose servers, the tenant name and what is taken over
}

// places reports whether the reader looks after the servers of the member in the path, as membership.ActionConnectionPlace has it. What is
// known of the reader already is enough, but for people of operational members.
func places(r *Request, tx store.Reader) (bool, error) {
	t := membership.Target{Member: r.Hat.Member.ID, Individual: r.Hat.Member.Individual, Roles: r.Hat.Roles}
	may := slices.ContainsFunc(r.Visitor.Hats, func(hat Hat) bool {
		return hat.Member.Kind == membership.KindOperational && hat.Has(rolesOf[Manager]...)
	})
	if may {
		steward, err := membership.StewardOf(r.Context(), tx, t.Member)
		if err != nil && fault.KindOf(err) != fault.NotFound {
			return false, err
		}
		hat, _ := r.Visitor.Hat(steward.Slug)
		t.Steward = hat.Has(rolesOf[Manager]...)
	}
	return membership.Can(r.Actor(), membership.ActionConnectionPlace, t), nil
}

func (h *Handler) connectionEditing(r *Request) (out connectionEditing, err error) {
	f, err := h.connectionInUse(r)
	if err != nil {
		return out, err
	}
	out.connection, out.places = f.Current, f.Places
	err = h.DB.Read(r.Context(), func(tx store.Reader) error {
		out.levels, err = tariff.Levels(r.Context(), tx, r.Now)
		return err
	})
	return out, err
}

func (h *Handler) connectionEdit(w http.ResponseWriter, r *Request) error {
	e, err := h.connectionEditing(r)
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "connection_edit", h.connectionEditOf(r, e, Mistakes{}))
}

// connectionEditOf is the form: what was typed, else what the connection is now.
func (h *Handler) connectionEditOf(r *Request, e connectionEditing, m Mistakes) connectionEditPage {
	c, path, sent := e.connection, h.connectionPath(r, keyword(e.connection)), r.Method == http.MethodPost
	value := func(name, now string) string {
		if sent {
			return r.FormValue(name)
		}
		return now
	}
	choices := func(name, now string, all ...string) Choices {
		out := Choices{Name: name, Legend: r.P.T("connections." + name), Error: m.Of(name)}
		for _, v := range all {
			out.Options = append(out.Options, Choice{Value: v, Label: r.P.T("connections." + name + "." + v), Hint: r.P.T("connections." + name + "_hint." + v), Chosen: value(name, now) == v})
		}
		return out
	}
	page := connectionEditPage{
		Page: h.page(r, "connections", r.P.T("connections.change_title", map[string]any{"Name": c.Name})), Errors: m.Summary(), Action: path + "/edit", Have: value("have", c.Fingerprint()),
		Refusal: choices("refusal", string(c.Refusal), string(membership.RefusalCreate), string(membership.RefusalJoin)),
		Join:    choices("join_mode", string(c.JoinMode), string(membership.JoinRedirect), string(membership.JoinHandover)),
		Level:   Select{Name: "level", Label: r.P.T("connections.level"), Hint: r.P.T("connections.level_hint"), Error: m.Of("level")},
		Signed:  Select{Name: "hook_algorithm", Label: r.P.T("connections.signed"), Hint: r.P.T("connections.signed_hint"), Error: m.Of("hook_algorithm")},
		Back:    Link{Label: r.P.T("portal.cancel"), Href: path},
	}
	page.Lead = r.P.T("connections.change_lead")
	page.Trail = h.connectionsTrail(r, c)
	known := c.Level == ""
	page.Level.Options = []Choice{{Label: r.P.T("connections.level_none"), Chosen: value("level", c.Level) == ""}}
	for _, l := range e.levels {
		known = known || l.Key == c.Level
		page.Level.Options = append(page.Level.Options, Choice{Value: l.Key, Label: levelName(r.P, l.Key), Chosen: value("level", c.Level) == l.Key})
	}
	if !known { // it is no longer in force, and stays unless another one is chosen
		page.Level.Options = append(page.Level.Options, Choice{Value: c.Level, Label: levelName(r.P, c.Level), Chosen: value("level", c.Level) == c.Level})
	}
	for _, a := range membership.HookAlgorithms {
		page.Signed.Options = append(page.Signed.Options, Choice{Value: string(a), Label: algorithmWords(a), Chosen: value("hook_algorithm", string(c.HookAlgorithm)) == string(a)})
	}
	if e.places {
		page.Placed = []Field{
			{Name: "tenant_name", Label: r.P.T("connections.tenant"), Hint: r.P.T("connections.tenant_hint"), Value: value("tenant_name", c.TenantName), Error: m.Of("tenant_name"), MaxLength: 256, Optional: true},
			{Name: "tags", Label: r.P.T("connections.tags"), Hint: r.P.T("connections.tags_hint"), Value: value("tags", strings.Join(c.Tags, ", ")), Error: m.Of("tags"), MaxLength: 1000, Optional: true},
			{Name: "origin", Label: r.P.T("connections.origin"), Hint: r.P.T("connections.origin_hint"), Value: value("origin", c.Origin), Error: m.Of("origin"), MaxLength: 256, Optional: true},
		}
		page.Adopts = &Switch{Name: "adopts", Label: r.P.T("connections.adopts"), Hint: r.P.T("connections.adopts_hint"), On: c.Adopts}
		if sent {
			page.Adopts.On = r.FormValue("adopts") == "on"
		}
	}
	return page
}

// algorithmWords writes an algorithm as documentation does: SHA-256.
func algorithmWords(a membership.HookAlgorithm) string {
	return "SHA-" + strings.TrimPrefix(string(a), "sha")
}

func (h *Handler) connectionSave(w http.ResponseWriter, r *Request) error {
	e, err := h.connectionEditing(r)
	if err != nil {
		return err
	}
	level, refusal, join, signed := r.FormValue("level"), membership.Refusal(r.FormValue("refusal")), membership.JoinMode(r.FormValue("join_mode")), membership.HookAlgorithm(r.FormValue("hook_algorithm"))
	in := membership.ConnectionChange{Connection: e.connection.ID, Have: r.FormValue("have"), Level: &level, Refusal: &refusal, JoinMode: &join, HookAlgorithm: &signed}
	placedInput(r, &in)
	_, err = h.Members.SetConnection(r.Context(), r.Actor(), in)
	var taken fault.Check
	switch fault.CodeOf(err) {
	case "connection.tenant_taken":
		taken.Field(false, "tenant_name", "connection.tenant_taken", fault.As(err).Params)
		err = taken.Err()
	case "connection.origin_taken":
		taken.Field(false, "origin", "connection.origin_taken", fault.As(err).Params)
		err = taken.Err()
	}
	if m, wrong := mistakes(r.P, err); wrong {
		return h.render(w, r, http.StatusUnprocessableEntity, "connection_edit", h.connectionEditOf(r, e, m))
	}
	if fault.CodeOf(err) == "connection.changed" {
		return h.render(w, r, http.StatusConflict, "connection_edit", h.connectionEditChanged(r, e, err))
	}
	if err != nil {
		return err
	}
	return h.seeOther(w, r, h.connectionPath(r, keyword(e.connection)), "connection_set")
}

// placedInput reads the fields that not everybody is shown. Whoever sends them asks for what they say: the service refuses those who may
// not, and so those who could when they were shown the form, and can no longer.
func placedInput(r *Request, in *membership.ConnectionChange) {
	if r.PostForm.Has("tenant_name") {
		tenant := strings.TrimSpace(r.PostForm.Get("tenant_name"))
		in.TenantName = &tenant
	}
	if r.PostForm.Has("tags") {
		tags := typedTags(r)
		in.Tags = &tags
	}
	if r.PostForm.Has("origin") || r.PostForm.Has("adopts") { // a box that is off sends nothing
		origin, adopts := strings.TrimSpace(r.PostForm.Get("origin")), r.PostForm.Get("adopts") == "on"
		in.Origin, in.Adopts = &origin, &adopts
	}
}

// connectionEditChanged is the form when somebody else changed the connection: both versions are there then, and sending it again means
// the typed one.
func (h *Handler) connectionEditChanged(r *Request, e connectionEditing, err error) connectionEditPage {
	page := h.connectionEditOf(r, e, Mistakes{})
	page.Have = e.connection.Fingerprint()
	var now []string
	for _, line := range connectionFacts(r, e.connection, e.places) {
		now = append(now, line.Label+": "+line.Value)
	}
	page.Refused = &Notice{Kind: NoticeWarn, Title: r.P.Fault(err), Text: r.P.T("connections.changed_now", map[string]any{"Now": strings.Join(now, "; ")})}
	page.Alarm = r.P.Fault(err)
	return page
}

// connectionFacts tells how a connection is served. Where it was taken over from is said to those who look after servers.
func connectionFacts(r *Request, c membership.Connection, places bool) []usageLine {
	out := []usageLine{
		{Label: r.P.T("connections.refusal"), Value: r.P.T("connections.refusal." + string(c.Refusal)), Hint: r.P.T("connections.refusal_hint." + string(c.Refusal))},
		{Label: r.P.T("connections.join_mode"), Value: r.P.T("connections.join_mode." + string(c.JoinMode)), Hint: r.P.T("connections.join_mode_hint." + string(c.JoinMode))},
	}
	if c.Level != "" {
		out = append(out, usageLine{Label: r.P.T("connections.level"), Value: levelName(r.P, c.Level), Hint: r.P.T("connections.level_hint")})
	}
	out = append(out, usageLine{Label: r.P.T("connections.signed"), Value: algorithmWords(c.HookAlgorithm)})
	if c.TenantName != "" {
		out = append(out, usageLine{Label: r.P.T("connections.tenant"), Value: c.TenantName, Hint: r.P.T("connections.tenant_hint")})
	}
	if len(c.Tags) > 0 {
		out = append(out, usageLine{Label: r.P.T("connections.tags"), Value: r.P.List(c.Tags), Hint: r.P.T("connections.tags_fact")})
	}
	if c.Origin != "" && places {
		from, running := c.Origin, "connections.adopts.off"
		if c.Origin == membership.NoTenant {
			from = r.P.T("connections.origin_unnamed")
		}
		if c.Adopts {
			running = "connections.adopts.on"
		}
		out = append(out, usageLine{Label: r.P.T("connections.origin"), Value: from}, usageLine{Label: r.P.T("connections.adopts_fact"), Value: r.P.T(running)})
	}
	return out
}
