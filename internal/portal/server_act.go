// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"context"
	"net/http"
	"slices"
	"time"

	"meetcoop/internal/conference"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

var errNoServer = fault.New(fault.NotFound, "fleet.server")

// serverToAct finds the server and the act of the path. NotFound (fleet.server, page.unknown); Conflict (servers.state) when the
// server is not, or no longer, in a state for it.
func (h *Handler) serverToAct(r *Request) (fleet.Server, fleet.Load, serverChange, error) {
	i := slices.IndexFunc(serverChanges, func(a serverChange) bool { return a.name == r.PathValue("act") })
	if i < 0 {
		return fleet.Server{}, fleet.Load{}, serverChange{}, fault.New(fault.NotFound, "page.unknown")
	}
	s, load, err := h.server(r)
	if err == nil && !serverChanges[i].fits(s) {
		err = fault.New(fault.Conflict, "servers.state")
	}
	return s, load, serverChanges[i], err
}

func (h *Handler) serverActAsk(w http.ResponseWriter, r *Request) error {
	s, load, a, err := h.serverToAct(r)
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "confirm", h.actOf(r, s, load, a, Mistakes{}))
}

// actOf asks before an act: what it does, how many it touches, and a name to type where it cannot be undone.
func (h *Handler) actOf(r *Request, s fleet.Server, load fleet.Load, a serverChange, m Mistakes) confirmPage {
	page := confirmPage{
		Page: h.page(r, "servers", r.P.T("servers.ask."+a.name, map[string]any{"Name": s.Name})), Errors: m.Summary(), Action: serverPath(s) + "/" + a.name,
		Text:    r.P.T("servers.act_text." + a.name),
		Confirm: Button{Kind: ButtonPrimary, Icon: a.icon, Label: r.P.T("servers.act." + a.name)}, Back: Link{Label: r.P.T("portal.cancel"), Href: serverPath(s)},
	}
	page.Trail = []Link{{Label: r.P.T("servers.title"), Href: "/admin/servers"}, {Label: s.Name, Href: serverPath(s)}}
	if a.danger {
		page.Confirm.Kind = ButtonDanger
		page.Typed = typedName(r, s.Name, m)
	}
	if a.admin == fleet.AdminDraining {
		page.Until = deadlines(r, m)
	}
	page.Effects = []string{r.P.T("servers.there_now", map[string]any{"Load": loadWords(r, load)})}
	if a.name == "disable" && load.Meetings > 0 {
		page.Force = &Switch{Name: "force", Label: r.P.T("servers.force"), Hint: r.P.T("servers.force_hint"), On: r.FormValue("force") == "on"}
	}
	return page
}

// drainTimes are the deadlines that are offered.
var drainTimes = []time.Duration{0, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 12 * time.Hour, 24 * time.Hour}

// deadlines asks when what is left on a server is ended.
func deadlines(r *Request, m Mistakes) *Select {
	out := &Select{Name: "until", Label: r.P.T("servers.deadline"), Hint: r.P.T("servers.deadline_hint"), Error: m.Of("until")}
	for _, d := range drainTimes {
		c := Choice{Value: d.String(), Label: r.P.T("servers.deadline_none"), Chosen: r.FormValue("until") == d.String()}
		if d > 0 {
			c.Label = r.P.T("servers.deadline_in", map[string]any{"Duration": r.P.Duration(d)})
		}
		out.Options = append(out.Options, c)
	}
	return out
}

// typedDeadline reads the chosen deadline; none is none. Invalid (input.invalid) for one that is not offered.
func typedDeadline(r *Request) (instant.Instant, error) {
	text := r.FormValue("until")
	if text == "" {
		return instant.Instant{}, nil
	}
	i := slices.IndexFunc(drainTimes, func(d time.Duration) bool { return d.String() == text })
	var c fault.Check
	c.Field(i >= 0, "until", "input.choice")
	if i <= 0 {
		return instant.Instant{}, c.Err()
	}
	return r.Now.Add(drainTimes[i]), nil
}

func (h *Handler) serverAct(w http.ResponseWriter, r *Request) error {
	s, load, a, err := h.serverToAct(r)
	if err != nil {
		return err
	}
	if a.danger {
		if m, wrong := mistakes(r.P, typedWrong(r, s.Name)); wrong {
			return h.render(w, r, http.StatusUnprocessableEntity, "confirm", h.actOf(r, s, load, a, m))
		}
	}
	if a.name == "remove" {
		if err := h.Fleet.Remove(r.Context(), r.Actor(), s.ID); err != nil {
			return err
		}
		return h.seeOther(w, r, "/admin/servers", "server_remove")
	}
	in := fleet.AdminInput{Actor: r.Actor(), Server: s.ID, Admin: a.admin, Force: r.FormValue("force") == "on"}
	if a.admin == fleet.AdminDraining {
		in.Until, err = typedDeadline(r)
		if m, wrong := mistakes(r.P, err); wrong {
			return h.render(w, r, http.StatusUnprocessableEntity, "confirm", h.actOf(r, s, load, a, m))
		}
	}
	if a.name == "panic" {
		in.Force, in.Panic = true, true
		in.Then = func(ctx context.Context, tx store.Tx, now instant.Instant) error {
			return conference.Panic(ctx, tx, now, s.ID)
		}
	}
	_, err = h.Fleet.SetAdmin(r.Context(), in)
	if fault.CodeOf(err) == "fleet.server_in_use" {
		load.Meetings = max(load.Meetings, 1) // one that began a moment ago
		page := h.actOf(r, s, load, a, Mistakes{})
		page.Refused = &Notice{Kind: NoticeWarn, Text: r.P.N("servers.in_use", load.Meetings)}
		page.Alarm = page.Refused.Text
		return h.render(w, r, http.StatusConflict, "confirm", page)
	}
	if err != nil {
		return err
	}
	return h.seeOther(w, r, serverPath(s), "server_"+a.name)
}
