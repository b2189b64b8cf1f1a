// SPDX-License-Identifier: AGPL-3.0-or-later

package portal

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/usage"
)

// The samples of the pages about connections.

func sampleConnection(n int) membership.Connection {
	c := membership.Connection{
		ID: id.Connection(fmt.Sprintf("conn_%d", n)), Member: "mem_1", Name: fmt.Sprintf("hilado-moodle-%d", n), Refusal: membership.RefusalCreate, JoinMode: membership.JoinRedirect,
		Params: []membership.Param{}, CreatedAt: sampleNow.Add(-90 * 24 * time.Hour), Tags: []string{}, HookAlgorithm: membership.HookSHA1,
	}
	if n%2 == 1 {
		c.Name, c.Refusal, c.JoinMode = "hilado-greenlight", membership.RefusalJoin, membership.JoinHandover
		c.Level, c.TenantName, c.Tags, c.HookAlgorithm = "level-1", "hilado.example", []string{"eu", "large"}, membership.HookSHA512
	}
	return c
}

// longConnection has the longest name and one rule of each kind, as long as they may be.
func longConnection() membership.Connection {
	c := sampleConnection(0)
	c.Name = strings.Repeat("nachbarschaft", 4) + "-moodle-xxx"
	c.Params = []membership.Param{
		{Operator: "default", Name: "muteOnStart", Value: "true"}, {Operator: "add", Name: "disabledFeatures", Value: "polls,captions"}, {Operator: "cap", Name: "maxParticipants", Value: "40"},
		{Operator: "force", Name: "logo", Value: "https://" + longWord + ".example/" + longWord + ".svg"}, {Operator: "force", Name: "record"},
	}
	return c
}

// adoptingConnection was taken over from a tenant of another load balancer.
func adoptingConnection(origin string) membership.Connection {
	c := sampleConnection(1)
	c.Origin, c.Adopts = origin, true
	return c
}

// placing are figures for somebody who looks after servers.
func placing(f connectionFigures) connectionFigures {
	f.Places = true
	return f
}

const sampleSecret = "nR8vTq3xWb7kLm2ZpY6hCd9sFj4gVe5aUo1iKx0Q"

// connectionsSample are the figures of some connections in slots that begin hourly or daily.
func connectionsSample(slots []instant.Instant, all ...membership.Connection) connectionFigures {
	f := connectionFigures{All: all, Used: map[id.Connection]instant.Instant{}, Shares: map[id.Connection]usage.Share{}, Now: sampleUsage(18, 0, 2)}
	f.Now.Entitlement.Limits.Connections = 3
	rep := sampleReport(30)
	for i, c := range all {
		f.Used[c.ID] = sampleNow.Add(-time.Duration(i+1) * time.Hour)
		s := usage.Share{Refusals: rep.Refusals, Meetings: 31, Duration: 54 * time.Hour, SeatTime: 420 * time.Hour}
		for j, from := range slots {
			slot := usage.Slot{From: from, Peak: (j * 7) % 19}
			if j%9 == 4 {
				slot.Refused, slot.Attempts = 2, 5
			}
			s.Slots = append(s.Slots, slot)
		}
		f.Shares[c.ID] = s
		f.Now.Meetings[0].Connection = c.ID
	}
	if len(all) > 0 {
		f.Current = all[0]
	}
	f.Service = []string{"recorder-*", longWord + "*"}
	f.Keys = []membership.Secret{
		{ID: "sec_2", Text: sampleSecret, CreatedAt: sampleNow.Add(-time.Hour)},
		{ID: "sec_1", Text: sampleSecret[5:], CreatedAt: sampleNow.Add(-90 * 24 * time.Hour), ExpiresAt: sampleNow.Add(23 * time.Hour), UsedAt: sampleNow.Add(-10 * time.Minute)},
	}
	return f
}

func daysOf(r *Request) []instant.Instant { return stretches[0].begins(r.Now, r.P.Zone()) }

// spanned is the request for another tab.
func spanned(r *Request, span string) *Request {
	r.URL = &url.URL{Path: "/m/hilado/connections/x", RawQuery: "span=" + span}
	return r
}

func revokedConnection() membership.Connection {
	c := sampleConnection(2)
	c.RevokedAt = sampleNow.Add(-30 * 24 * time.Hour)
	return c
}

var (
	_ = sampleOf("connections_list", "filled", func(r *Request) any {
		r = asOwner(r)
		return testPortal.connectionsOf(r, connectionsSample(daysOf(r)[:1], sampleConnection(0), sampleConnection(1), revokedConnection()))
	})
	_ = sampleOf("connections_list", "empty", func(r *Request) any { return testPortal.connectionsOf(asOwner(r), connectionFigures{}) })
	_ = sampleOf("connections_list", "revoked", func(r *Request) any {
		return testPortal.connectionsOf(asOwner(r), connectionFigures{All: []membership.Connection{revokedConnection()}})
	})
	_ = sampleOf("connections_list", "crowded", func(r *Request) any {
		r = asOwner(r)
		r.Hat.Member = longMember
		var all []membership.Connection
		for i := range crowd {
			c := longConnection()
			c.ID, c.Name = id.Connection(fmt.Sprintf("conn_%d", i)), fmt.Sprintf("%s%03d", c.Name[:60], i)
			all = append(all, c)
		}
		f := connectionsSample(daysOf(r)[:1], all...)
		f.Now.Entitlement.Limits.Connections = crowd
		return testPortal.connectionsOf(r, f)
	})

	_ = sampleOf("connection_new", "empty", func(r *Request) any { return testPortal.connectionForm(asOwner(r), Mistakes{}) })
	_ = sampleOf("connection_new", "wrong", func(r *Request) any {
		return testPortal.connectionForm(typed(asOwner(r), url.Values{"name": {"<Hilado>"}, "refusal": {"join"}, "join_mode": {"handover"}}), mistaken(r, "name", "connection.name", "refusal", "input.choice", "join_mode", "input.choice"))
	})
	_ = sampleOf("connection_new", "refused", func(r *Request) any {
		return testPortal.connectionFormRefused(asOwner(r), fault.New(fault.LimitReached, "connection.limit", fault.Params{"Limit": 3, "Used": 3}))
	})

	_ = sampleOf("connection_edit", "filled", func(r *Request) any {
		return testPortal.connectionEditOf(asOwner(r), connectionEditing{sampleConnection(0), sampleLevels(), false}, Mistakes{})
	})
	_ = sampleOf("connection_edit", "placing", func(r *Request) any {
		return testPortal.connectionEditOf(asOwner(r), connectionEditing{sampleConnection(1), nil, true}, Mistakes{}) // a level that is over
	})
	_ = sampleOf("connection_edit", "adopting", func(r *Request) any {
		return testPortal.connectionEditOf(asOwner(r), connectionEditing{adoptingConnection("north"), sampleLevels(), true}, Mistakes{})
	})
	_ = sampleOf("connection_edit", "wrong", func(r *Request) any {
		r = typed(asOwner(r), url.Values{"refusal": {"never"}, "join_mode": {""}, "level": {"<b>"}, "hook_algorithm": {"md5"}, "tenant_name": {longName}, "tags": {"<i>"}, "origin": {longName}, "adopts": {"on"}})
		m := mistaken(r, "refusal", "input.choice", "join_mode", "input.choice", "level", "level.unknown", "hook_algorithm", "input.choice", "tenant_name", "connection.tenant_name", "tags", "level.unknown", "origin", "connection.tenant_name")
		return testPortal.connectionEditOf(r, connectionEditing{longConnection(), sampleLevels(), true}, m)
	})
	_ = sampleOf("connection_edit", "refused", func(r *Request) any {
		r = typed(asOwner(r), url.Values{"refusal": {"join"}, "join_mode": {"handover"}, "level": {"level-1"}, "hook_algorithm": {"sha256"}})
		return testPortal.connectionEditChanged(r, connectionEditing{adoptingConnection(membership.NoTenant), sampleLevels(), true}, fault.New(fault.Conflict, "connection.changed"))
	})
	_ = sampleOf("connection_secret", "filled", func(r *Request) any { return testPortal.secretOf(asOwner(r), sampleConnection(0), sampleSecret, 0) })
	_ = sampleOf("connection_secret", "rotated", func(r *Request) any {
		return testPortal.secretOf(asOwner(r), sampleConnection(0), sampleSecret, 24*time.Hour)
	})
	_ = sampleOf("connection_secret", "crowded", func(r *Request) any {
		return testPortal.secretOf(asOwner(r), longConnection(), sampleSecret, 7*24*time.Hour)
	})

	_ = sampleOf("connection_show", "filled", func(r *Request) any {
		r = asOwner(r)
		return testPortal.connectionOf(r, connectionsSample(daysOf(r), sampleConnection(0)), Mistakes{})
	})
	_ = sampleOf("connection_show", "adopting", func(r *Request) any {
		r = asOwner(r)
		return testPortal.connectionOf(r, placing(connectionsSample(daysOf(r), adoptingConnection(longName))), Mistakes{})
	})
	_ = sampleOf("connection_show", "adopting-unnamed", func(r *Request) any {
		r = asOwner(r)
		return testPortal.connectionOf(r, placing(connectionsSample(daysOf(r), adoptingConnection(membership.NoTenant))), Mistakes{})
	})
	_ = sampleOf("connection_show", "taken-over", func(r *Request) any {
		r = asOwner(r)
		c := adoptingConnection("north")
		c.Adopts = false
		return testPortal.connectionOf(r, placing(connectionsSample(daysOf(r), c)), Mistakes{})
	})
	_ = sampleOf("connection_show", "hours", func(r *Request) any {
		r = spanned(asOwner(r), "hours")
		return testPortal.connectionOf(r, connectionsSample(stretches[1].begins(r.Now, r.P.Zone()), sampleConnection(1)), Mistakes{})
	})
	_ = sampleOf("connection_show", "empty", func(r *Request) any {
		r = asOwner(r)
		f := connectionsSample(nil, sampleConnection(0))
		f.Shares, f.Keys = nil, f.Keys[:1]
		return testPortal.connectionOf(r, f, Mistakes{})
	})
	_ = sampleOf("connection_show", "refused", func(r *Request) any {
		r = typed(asOwner(r), url.Values{"operator": {"cap"}, "param": {"meetingID"}, "value": {"many"}})
		return testPortal.connectionOf(r, connectionsSample(daysOf(r), longConnection()), mistaken(r, "params", "connection.params_many"))
	})
	_ = sampleOf("connection_show", "revoked", func(r *Request) any {
		r = asOwner(r)
		return testPortal.connectionOf(r, connectionsSample(daysOf(r), revokedConnection()), Mistakes{})
	})
	_ = sampleOf("connection_show", "crowded", func(r *Request) any {
		r = asOwner(r)
		r.Hat.Member = longMember
		return testPortal.connectionOf(r, connectionsSample(daysOf(r), longConnection()), Mistakes{})
	})

	_ = sampleOf("connection_rotate", "filled", func(r *Request) any {
		return testPortal.rotateOf(asOwner(r), connectionsSample(nil, sampleConnection(0)), Mistakes{})
	})
	_ = sampleOf("connection_rotate", "wrong", func(r *Request) any {
		r = typed(asOwner(r), url.Values{"overlap": {"1y"}})
		return testPortal.rotateOf(r, connectionsSample(nil, longConnection()), mistaken(r, "overlap", "connection.overlap"))
	})
	_ = sampleOf("confirm", "revoke", func(r *Request) any { return testPortal.revokeOf(asOwner(r), sampleConnection(0), Mistakes{}) })
	_ = sampleOf("confirm", "revoke-wrong", func(r *Request) any {
		r = typed(asOwner(r), url.Values{"typed": {"<b>"}})
		m, _ := mistakes(r.P, typedWrong(r, longConnection().Name))
		return testPortal.revokeOf(r, longConnection(), m)
	})

	_ = sampleOf("usage_show", "connections", func(r *Request) any {
		r = asOwner(r)
		links := []membership.Connection{sampleConnection(0), sampleConnection(1), revokedConnection()}
		return testPortal.usageOf(r, namesOf(usageFigures{Span: spans[0], Now: sampleUsage(18, 0, 2), Last: sampleReport(adviceDays), Links: links}, "Weekly round"))
	})
	_ = sampleOf("usage_show", "connections-month", func(r *Request) any {
		r = asOwner(r)
		links := []membership.Connection{sampleConnection(0), longConnection(), revokedConnection()}
		f := connectionsSample(daysOf(r)[:1], links...)
		f.Shares["conn_portal"] = usage.Share{Slots: []usage.Slot{{Peak: 12, Refused: 3}}, Meetings: 9, Duration: 11 * time.Hour}
		return testPortal.usageOf(r, usageFigures{Span: spans[1], Now: sampleUsage(18, 0, 2), Report: sampleReport(30), Last: sampleReport(adviceDays), Links: links, Shares: f.Shares})
	})
)
