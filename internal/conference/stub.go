// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"crypto/sha1" // #nosec G505: internal ids are made so by servers
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

const (
	stubFor   = 5 * time.Minute // as long as an empty meeting lives
	stubsMost = 100             // per connection
)

// stub is a meeting that was refused, answered for all the same: whoever joins it reads why (refusal mode join). It takes no room
// and no seat, and becomes a meeting with the first create or join that fits.
type stub struct {
	Connection id.Connection   `json:"-"`
	ExternalID string          `json:"-"`
	CreateTime int64           `json:"-"`
	Code       string          `json:"-"` // of the fault it was refused with
	ExpiresAt  instant.Instant `json:"-"`

	Query       string `json:"query"` // the client's create
	AttendeePW  string `json:"attendee_pw"`
	ModeratorPW string `json:"moderator_pw"`
	Reply       string `json:"reply"`
}

// refusable reports whether a create that failed so is answered with a stub.
func refusable(err error) bool {
	switch fault.KindOf(err) {
	case fault.LimitReached, fault.Forbidden:
		return true
	}
	return fault.CodeOf(err) == "fleet.no_server"
}

// answerFor turns a refused create into a stub, or renews the one there is; the refusal itself is returned when that is not possible.
func (s *Service) answerFor(ctx context.Context, in CreateInput, asked bbb.Query, refusal error) (Created, error) {
	now := s.deps.Now()
	external := asked.Get("meetingID")
	var out Created
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		known, ok, err := stubOf(ctx, tx, in.Connection.ID, external, now)
		if err != nil {
			return err
		}
		if ok {
			attendee, moderator := asked.Get("attendeePW"), asked.Get("moderatorPW")
			if (attendee != "" || moderator != "") && (attendee != known.AttendeePW || moderator != known.ModeratorPW) {
				return ErrNotUnique
			}
			known.ExpiresAt = now.Add(stubFor)
			out = Created{Reply: known.Reply, Duplicate: true}
			return saveStub(ctx, tx, known)
		}
		n, err := countStubs(ctx, tx, in.Connection.ID, now)
		if err != nil {
			return err
		}
		if n >= stubsMost {
			return refusal
		}
		fresh := s.newStub(in, asked, now, fault.CodeOf(refusal))
		out = Created{Reply: fresh.Reply}
		return saveStub(ctx, tx, fresh)
	})
	return out, err
}

// newStub is what a first create is answered with.
func (s *Service) newStub(in CreateInput, asked bbb.Query, now instant.Instant, code string) stub {
	external := asked.Get("meetingID")
	v := stub{
		Connection: in.Connection.ID, ExternalID: external, CreateTime: now.Time().UnixMilli(), Code: code, ExpiresAt: now.Add(stubFor),
		Query: in.Query.Without("checksum").String(), AttendeePW: asked.Get("attendeePW"), ModeratorPW: asked.Get("moderatorPW"),
	}
	if v.AttendeePW == "" {
		v.AttendeePW = draw(8)
	}
	if v.ModeratorPW == "" {
		v.ModeratorPW = draw(8)
	}
	var b []byte
	add := func(name, text string) { b = (&bbb.Element{Name: name, Text: text}).Append(b) }
	add("meetingID", external)
	add("internalMeetingID", v.internalID(s.ids.server(in.Connection.ID, external)))
	add("parentMeetingID", "bbb-none")
	add("attendeePW", v.AttendeePW)
	add("moderatorPW", v.ModeratorPW)
	add("createTime", strconv.FormatInt(v.CreateTime, 10))
	bridge := asked.Get("voiceBridge")
	if bridge == "" {
		bridge = fmt.Sprintf("%05d", 10_000+v.CreateTime%90_000)
	}
	add("voiceBridge", bridge)
	dial := asked.Get("dialNumber")
	if dial == "" {
		dial = "613-555-1234" // what servers come with
	}
	add("dialNumber", dial)
	add("createDate", now.Time().UTC().Format("Mon Jan 02 15:04:05 UTC 2006"))
	add("hasUserJoined", "false")
	add("duration", strconv.Itoa(askedNumber(asked, "duration")))
	add("hasBeenForciblyEnded", "false")
	v.Reply = string(b)
	return v
}

// internalID has the form of a server's, and is no server's.
func (v stub) internalID(key string) string {
	sum := sha1.Sum([]byte("stub " + key)) // #nosec G401
	return hex.EncodeToString(sum[:]) + "-" + strconv.FormatInt(v.CreateTime, 10)
}

// stubNamed returns the stub a client means by external or internal id; ok is false on connections that have none.
func (s *Service) stubNamed(ctx context.Context, c membership.Connection, name string) (v stub, ok bool, err error) {
	if c.Refusal != membership.RefusalJoin {
		return v, false, nil
	}
	now := s.deps.Now()
	err = s.deps.DB.Read(ctx, func(r store.Reader) error {
		if v, ok, err = stubOf(ctx, r, c.ID, name, now); ok || err != nil {
			return err
		}
		all, err := stubsOf(ctx, r, c.ID, now)
		for _, o := range all {
			if o.internalID(s.ids.server(c.ID, o.ExternalID)) == name {
				v, ok = o, true
			}
		}
		return err
	})
	return v, ok, err
}

// promote tries again to make the meeting a stub stands for.
func (s *Service) promote(ctx context.Context, c membership.Connection, v stub) error {
	q, err := bbb.ParseQuery(v.Query)
	if err != nil {
		return err
	}
	_, err = s.Create(ctx, CreateInput{Connection: c, Query: q, promoting: true})
	return err
}

// become takes over into a draft what people have been told about its stub.
func (v stub) become(c *Conference, asked bbb.Query) bbb.Query {
	c.CreateTimes = append(c.CreateTimes, v.CreateTime)
	if asked.Get("attendeePW") == "" && asked.Get("moderatorPW") == "" {
		asked = asked.With("attendeePW", v.AttendeePW).With("moderatorPW", v.ModeratorPW)
		c.AttendeePW, c.ModeratorPW = v.AttendeePW, v.ModeratorPW
	}
	return asked
}

// told is a stub as getMeetingInfo tells it: nobody is in it.
func (v stub) told() string {
	q, err := bbb.ParseQuery(v.Query)
	if err != nil {
		return ""
	}
	c := Conference{
		Meeting: fleet.Meeting{Cap: -1}, Title: q.Get("name"), Reply: v.Reply, Query: v.Query, Recordings: strings.EqualFold(q.Get("record"), "true"),
	}
	return c.before()
}

func (v stub) document() (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}
