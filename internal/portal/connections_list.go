// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"net/http"
	"slices"

	"meetcoop/internal/admission"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
	"meetcoop/internal/usage"
)

// connectionsPage lists how the applications of a member (its Greenlight, its Moodle) are plugged in.
type connectionsPage struct {
	Page
	New         *Button
	Used        *Meter // of the connections the level allows
	Connections []connectionCard
	Revoked     *Table
	Empty       *Empty
	Clients     []string // names of applications, in the empty state
}

// connectionCard is one connection of the list.
type connectionCard struct {
	Name, Href string
	Badge      Badge
	Endpoint   CopyField
	Text       string // when it was last used
	Figures    []usageLine
}

// connectionFigures is what pages about connections rest on, read in one snapshot.
type connectionFigures struct {
	All     []membership.Connection // those in use first
	Used    map[id.Connection]instant.Instant
	Shares  map[id.Connection]usage.Share
	Now     admission.Usage
	Keys    []membership.Secret // of one connection
	Current membership.Connection
	Service []string // userIDs of its helpers
	Places  bool     // the reader chooses servers, the tenant name and what is taken over
}

// InUse are the connections that were not revoked.
func (f connectionFigures) InUse() []membership.Connection {
	var out []membership.Connection
	for _, c := range f.All {
		if c.RevokedAt.IsZero() {
			out = append(out, c)
		}
	}
	return out
}

func (h *Handler) connectionsList(w http.ResponseWriter, r *Request) error {
	zone := r.Hat.Member.Location()
	today := r.Now.In(zone)
	_, _, day := today.Parts()
	f, err := h.connectionFigures(r, "", []instant.Instant{today.AddDays(1 - day).Start(zone)})
	if err != nil {
		return err
	}
	return h.render(w, r, http.StatusOK, "connections_list", h.connectionsOf(r, f))
}

// connectionFigures reads the connections of the member in the path and what they used since the slots began. With a name it reads
// the keys of that one too. The class of the route has asked for the right already. NotFound (connection.unknown).
func (h *Handler) connectionFigures(r *Request, name string, slots []instant.Instant) (f connectionFigures, err error) {
	ctx, member := r.Context(), r.Hat.Member.ID
	err = h.DB.Read(ctx, func(tx store.Reader) error {
		if f.All, err = membership.ConnectionsOf(ctx, tx, member); err != nil {
			return err
		}
		if name == "" {
			if f.Used, err = membership.LastUses(ctx, tx, member); err != nil {
				return err
			}
		} else {
			i := slices.IndexFunc(f.All, func(c membership.Connection) bool { return keyword(c) == name })
			if i < 0 {
				return errNoConnection
			}
			f.Current = f.All[i]
			if f.Keys, err = h.Members.Keys(ctx, tx, f.Current, r.Now); err != nil {
				return err
			}
			helpers, err := membership.ServiceUsers(ctx, tx)
			if err != nil {
				return err
			}
			for _, u := range helpers {
				if u.Connection == "" || u.Connection == f.Current.ID {
					f.Service = append(f.Service, u.Pattern)
				}
			}
			if f.Places, err = places(r, tx); err != nil {
				return err
			}
		}
		if len(slots) == 0 || len(f.All) == 0 {
			return nil
		}
		if f.Now, err = h.Gate.UsageNow(ctx, tx, member, r.Now); err != nil {
			return err
		}
		f.Shares, err = usage.ReadShares(ctx, tx, sharesInput(r, f.Now, slots))
		return err
	})
	return f, err
}

// errNoConnection is the same for what never was, what is another member's, and for names nobody may have.
var errNoConnection = fault.New(fault.NotFound, "connection.unknown")

// sharesInput asks for what each connection used since the first slot until now.
func sharesInput(r *Request, now admission.Usage, slots []instant.Instant) usage.SharesInput {
	in := usage.SharesInput{
		Member: r.Hat.Member.ID, Slots: slots, Until: r.Now.Add(1), Now: r.Now, Seats: max(now.Seats.Used, now.Seats.Peak),
	}
	for _, m := range now.Meetings {
		in.Running = append(in.Running, usage.Running{Connection: m.Connection, Since: m.StartedAt, Peak: m.Peak})
	}
	return in
}

func (h *Handler) connectionsOf(r *Request, f connectionFigures) connectionsPage {
	page := connectionsPage{Page: h.page(r, "connections", r.P.T("connections.title"))}
	page.Lead = r.P.T("connections.lead")
	create := Button{Kind: ButtonPrimary, Icon: "plus", Label: r.P.T("connections.new"), Href: h.connectionPath(r, "new")}
	inUse := f.InUse()
	if len(inUse) == 0 {
		page.Empty = &Empty{Icon: "plug", Text: r.P.T("connections.empty"), Action: &create}
		page.Lead = ""
		for _, c := range clients {
			page.Clients = append(page.Clients, c.name)
		}
	} else {
		page.New = &create
		if limit, limited := f.Now.Entitlement.Limits.Connections.Int(); limited {
			m := newMeter(r.P.T("connections.used"), r.P.T("usage.of", map[string]any{"Used": len(inUse), "Limit": limit}), r.P.T("connections.used_hint"), len(inUse), limit)
			page.Used = &m
		}
	}
	seats := peopleOf(f.Now)
	for _, c := range inUse {
		share := f.Shares[c.ID]
		page.Connections = append(page.Connections, connectionCard{
			Name: c.Name, Href: h.connectionPath(r, keyword(c)), Badge: refusalBadge(r, c), Text: lastUsed(r, f.Used[c.ID]),
			Endpoint: CopyField{ID: "endpoint-" + c.Name, Label: r.P.T("connections.endpoint"), Value: h.endpoint(c.Name)},
			Figures: []usageLine{
				{Label: r.P.T("connections.now"), Value: r.P.Number(int64(seats[c.ID]))},
				{Label: r.P.T("connections.peak_month"), Value: r.P.Number(int64(share.Peak()))},
				{Label: r.P.T("connections.refused_month"), Value: r.P.Number(int64(share.Refused()))},
			},
		})
	}
	for _, c := range f.All[len(inUse):] { // those in use stand first
		if page.Revoked == nil {
			page.Revoked = &Table{Caption: r.P.T("connections.revoked"), Columns: []Column{{Label: r.P.T("connections.name")}, {Label: r.P.T("connections.revoked_on")}}}
		}
		page.Revoked.Rows = append(page.Revoked.Rows, []Cell{{Text: c.Name, Href: h.connectionPath(r, keyword(c))}, {Text: r.P.DateTimeShort(c.RevokedAt)}})
	}
	return page
}

// peopleOf counts the seats taken now by connection.
func peopleOf(now admission.Usage) map[id.Connection]int {
	out := map[id.Connection]int{}
	for _, m := range now.Meetings {
		out[m.Connection] += m.People
	}
	return out
}

func lastUsed(r *Request, at instant.Instant) string {
	if at.IsZero() {
		return r.P.T("connections.never")
	}
	return r.P.T("connections.last_used", map[string]any{"When": r.P.Ago(at, r.Now)})
}

func refusalBadge(r *Request, c membership.Connection) Badge {
	return Badge{Text: r.P.T("connections.badge." + string(c.Refusal))}
}

// connectionPath is the path of a page below the connections of the member in the path.
func (h *Handler) connectionPath(r *Request, below string) string {
	return "/m/" + r.Hat.Member.Slug + "/connections/" + below
}

// keyword is what names a connection in a path: its name, which no other connection ever has; the id of one that is called as the page
// for new ones.
func keyword(c membership.Connection) string {
	if c.Name == "new" {
		return string(c.ID)
	}
	return c.Name
}

// connectionsTrail leads back from a page below the list, and from one below a connection.
func (h *Handler) connectionsTrail(r *Request, c membership.Connection) []Link {
	trail := []Link{{Label: r.P.T("connections.title"), Href: "/m/" + r.Hat.Member.Slug + "/connections"}}
	if c.Name != "" {
		trail = append(trail, Link{Label: c.Name, Href: h.connectionPath(r, keyword(c))})
	}
	return trail
}
