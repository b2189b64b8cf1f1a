// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"meetcoop/internal/admission"
	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// metaTenant is the metadata in which Scalelite notes whose a meeting is: the id of the tenant
// (https://github.com/blindsidenetworks/scalelite, app/controllers/bigbluebutton_api_controller.rb).
const metaTenant = "tenant-id"

// b3scaleMark ends the list that b3scale makes a meetingID of (https://github.com/b3scale/b3scale,
// pkg/middlewares/requests/rewrite_unique_meeting_id.go).
const b3scaleMark = "b3scl"

// OriginNamed says whose a meeting or recording of another load balancer is, as Connection.Origin has it, and what that one's clients call
// it. key is the meetingID on the server, meta its metadata. b3scale joins the two to base64 of ["frontend","id","b3scl"]; Scalelite keeps
// the id and writes the tenant's into the metadata; who knows no tenants says nothing (membership.NoTenant).
func OriginNamed(key string, meta map[string]string) (origin, external string) {
	if raw, err := base64.URLEncoding.DecodeString(key); err == nil {
		var parts []string
		if json.Unmarshal(raw, &parts) == nil && len(parts) == 3 && parts[2] == b3scaleMark && parts[0] != "" && parts[1] != "" {
			return parts[0], parts[1]
		}
	}
	if tenant := meta[metaTenant]; tenant != "" {
		return tenant, key
	}
	return membership.NoTenant, key
}

// isMeetingID reports whether a client could have chosen an id.
func isMeetingID(text string) bool {
	return utf8.ValidString(text) && utf8.RuneCountInString(text) >= 2 && utf8.RuneCountInString(text) <= 256 && !strings.ContainsFunc(text, func(r rune) bool {
		return r == ',' || unicode.IsControl(r)
	})
}

// takeOver makes a meeting that runs on one of our servers, begun there by another load balancer, a conference of the connection that
// adopts that one's tenant (gateway.md X2): under the id its clients know, on the server where its people are, whatever the limits say
// of one more, and counted from now on. It is nil when no connection wants it, or has an open meeting of that id elsewhere.
func (s *Service) takeOver(ctx context.Context, srv *server, info bbb.Meeting) (*Conference, error) {
	origin, external := OriginNamed(info.ExternalID, info.Metadata)
	if !isMeetingID(external) || info.InternalID == "" {
		return nil, nil
	}
	var conn membership.Connection
	var wanted bool
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		conn, wanted, err = membership.ConnectionByOrigin(ctx, r, origin)
		return err
	})
	if err != nil || !wanted || !conn.Adopts {
		return nil, err
	}
	c := Conference{
		Meeting:   fleet.Meeting{ID: id.NewMeeting(), Member: conn.Member, Connection: conn.ID, ExternalID: external},
		ServerKey: info.ExternalID, Adopted: true, Title: info.Name, Query: queryFrom(external, info), Node: s.deps.Node, Recordings: info.Recording,
		AttendeePW: info.Tree.Value("attendeePW"), ModeratorPW: info.Tree.Value("moderatorPW"),
	}
	reserve := admission.ReserveInput{
		Member: c.Member, Connection: c.Connection, ExternalID: external, Meeting: c.ID, Kinds: s.kinds(), On: srv.ID, Running: true,
		Cap: tariff.Limit(asked(info.Tree.Value("maxUsers"))), Expected: people(info),
	}
	finish := s.flights.begin(c.ID)
	defer finish()
	a, err := s.deps.Gate.Reserve(ctx, reserve, func(ctx context.Context, tx store.Tx, now instant.Instant, a admission.Admission) error {
		c.Meeting = a.Meeting
		c.Until = now.Add(reservedFor)
		if err := insert(ctx, tx, c); err != nil {
			return err
		}
		if err := deleteStub(ctx, tx, c.Connection, c.ExternalID); err != nil {
			return err
		}
		return store.Changed(ctx, tx, now, TopicConference, string(c.ID))
	})
	if err != nil || !a.Started {
		return nil, err
	}
	c.Meeting = a.Meeting
	live, err := s.confirm(ctx, &c, createdFrom(info), replyFromInfo(&c, info))
	if err != nil {
		return nil, err
	}
	s.metrics.adopted.Inc()
	s.deps.Log.InfoContext(ctx, "meeting of another load balancer taken over", "meeting", c.ID, "server", srv.ID, "connection", conn.Name)
	return live, nil
}

// queryFrom is the create of a meeting as far as its server still knows it: what a successor elsewhere is made of.
func queryFrom(external string, info bbb.Meeting) string {
	q := bbb.Query{}.With("name", info.Name).With("meetingID", external)
	for _, f := range []struct{ param, field string }{{"attendeePW", "attendeePW"}, {"moderatorPW", "moderatorPW"}, {"duration", "duration"}, {"maxParticipants", "maxUsers"}} {
		if v := info.Tree.Value(f.field); v != "" && v != "0" {
			q = q.With(f.param, v)
		}
	}
	q = q.With("record", strconv.FormatBool(info.Recording))
	for _, name := range slices.Sorted(maps.Keys(info.Metadata)) {
		q = q.With("meta_"+name, info.Metadata[name])
	}
	return q.String()
}
