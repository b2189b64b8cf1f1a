// SPDX-License-Identifier: AGPL-3.0-or-later

package admission

import (
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/tariff"
	"meetcoop/internal/usage"
)

// ReadFew has a gate that has served nobody yet never read all seats of a member, as if there were many.
func (g *Gate) ReadFew() { g.reading = reading{most: -1, anyway: -1} }

// Op is a request that a test gives to a gate and to a Reference.
type Op struct {
	Kind        string // of request
	Join        JoinInput
	Meeting     id.Meeting
	Participant id.Participant
	Seen        []Seen
	Began       instant.Instant
}

// Reference is one member's gate without a database, other nodes or failures: decide on a ledger that
// was never read or written.
type Reference struct {
	ledger *ledger
	rules  rules
	places *places
	gone   map[seatKey]instant.Instant // who left, and when
}

// NewReference makes a Reference with one server.
func NewReference(member id.Member, e tariff.Entitlement, server fleet.Server) *Reference {
	l := newLedger(member)
	l.complete, l.limits = true, limitsOf(e)
	servers := []fleet.Server{server}
	return &Reference{
		ledger: l, rules: rules{lease: defaultLease, away: defaultAway}, gone: map[seatKey]instant.Instant{},
		places: &places{servers: servers, byID: byID(servers), loads: map[id.Server]fleet.Load{}, moved: map[id.Server]fleet.Load{}, exact: map[id.Server]int{}},
	}
}

// Do decides one request.
func (r *Reference) Do(op Op, now instant.Instant) (Admission, error) {
	req := &request{join: op.Join, meeting: op.Meeting, participant: op.Participant, why: WhyLeft, reason: fleet.EndHost, seen: op.Seen, began: op.Began}
	for k, name := range kindNames {
		if name == op.Kind {
			req.kind = requestKind(k)
		}
	}
	if req.kind == kindReconcile {
		req.gone = map[seatKey]bool{}
		for k, at := range r.gone {
			req.gone[k] = !at.Before(op.Began.Add(-clocksDiffer))
		}
	}
	r.places.servers[0].SeenAt = now
	answers, out := decide(r.ledger, []*request{req}, now, r.rules, r.places, false)
	for _, f := range out.facts {
		if f.Kind == usage.Left && f.Code != string(WhyExpired) {
			r.gone[seatKey{f.Meeting, f.PersonKey}] = now
		}
	}
	return answers[0].admission, answers[0].err
}

// Limit changes the limits.
func (r *Reference) Limit(e tariff.Entitlement, now instant.Instant) {
	r.ledger.limits = limitsOf(e)
	decide(r.ledger, nil, now, r.rules, r.places, true)
}

// Seats returns who holds a seat.
func (r *Reference) Seats() map[id.Participant]Seat {
	out := map[id.Participant]Seat{}
	for p, s := range r.ledger.holders {
		out[p] = *s
	}
	return out
}
