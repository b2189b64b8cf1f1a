// SPDX-License-Identifier: AGPL-3.0-or-later

package cli

import (
	"io"

	"meetcoop/internal/admission"
	"meetcoop/internal/fleet"
	"meetcoop/internal/identity"
	"meetcoop/internal/membership"
	"meetcoop/internal/recording"
	"meetcoop/internal/rooms"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// UsageCmd is the noun usage.
type UsageCmd struct {
	Show UsageShow `cmd:"" help:"Show what a member uses now, against its limits."`
}

// UsageShow is usage show.
type UsageShow struct {
	Member string `required:"" placeholder:"SLUG" help:"The member."`
}

type shownUsage struct {
	Member       string           `json:"member"`
	Level        string           `json:"level"`
	Standing     membership.State `json:"standing"`
	Seats        used             `json:"seats"`
	Held         int              `json:"held"` // of the seats used: on the way in, or cut off and awaited
	RunningRooms used             `json:"running_rooms"`
	Rooms        used             `json:"rooms"`
	Hosts        used             `json:"hosts"`
	Participants tariff.Limit     `json:"participants_limit"`
	Duration     tariff.Span      `json:"duration_limit"`
	Storage      used             `json:"storage_bytes"` // of recordings kept here, the trash included
	Waiting      int              `json:"waiting"`
	Meetings     []fleet.Meeting  `json:"meetings"`
}

// Run prints the gate's own figures.
func (c *UsageShow) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	m, err := s.memberBySlug(r.Context, c.Member)
	if err != nil {
		return err
	}
	var now admission.Usage
	var owned int
	var counts membership.Counts
	var stored int64
	err = s.DB.Read(r.Context, func(tx store.Reader) (err error) {
		if now, err = s.Gate.UsageNow(r.Context, tx, m.ID, s.Now()); err != nil {
			return err
		}
		if owned, err = rooms.Count(r.Context, tx, m.ID); err != nil {
			return err
		}
		if stored, err = recording.StoredBytes(r.Context, tx, m.ID); err != nil {
			return err
		}
		counts, err = membership.CountsOf(r.Context, tx, m.ID)
		return err
	})
	if err != nil {
		return err
	}
	limits := now.Entitlement.Limits
	out := shownUsage{
		Member: m.Slug, Level: now.Entitlement.Level, Standing: now.Entitlement.Standing.State,
		Seats: used{now.Seats.Used, now.Seats.Limit}, Held: now.Seats.Held, RunningRooms: used{now.RunningRooms.Used, now.RunningRooms.Limit},
		Rooms: used{owned, limits.Rooms}, Hosts: used{counts.Hosts, limits.Hosts}, Participants: limits.Participants, Duration: tariff.Span(limits.Duration),
		Storage: used{int(stored), limits.StorageBytes}, Waiting: now.Waiting, Meetings: now.Meetings,
	}
	return r.print(out, func(w io.Writer) {
		line(w, "level", out.Level)
		line(w, "standing", out.Standing)
		line(w, "seats", out.Seats)
		line(w, "running rooms", out.RunningRooms)
		line(w, "rooms", out.Rooms)
		line(w, "hosts", out.Hosts)
		line(w, "people in one meeting", out.Participants)
		line(w, "duration", spanText(limits.Duration))
		line(w, "bytes of recordings", out.Storage)
		line(w, "waiting", out.Waiting)
	})
}

// AuditCmd is the noun audit.
type AuditCmd struct {
	List AuditList `cmd:"" help:"List changes, the newest first."`
}

// AuditList is audit list.
type AuditList struct {
	Member string `placeholder:"SLUG" help:"Only what concerns a member."`
	Action string `placeholder:"ACTION" help:"Only one kind, such as level.override."`
	Limit  int    `default:"50" placeholder:"N" help:"How many, 1 to 500."`
}

// Run prints the trail.
func (c *AuditList) Run(r *Run) error {
	s, err := r.Open()
	if err != nil {
		return err
	}
	f := identity.AuditFilter{Action: c.Action, Limit: c.Limit}
	if c.Member != "" {
		m, err := s.memberBySlug(r.Context, c.Member)
		if err != nil {
			return err
		}
		f.Member = m.ID
	}
	var found []identity.Recorded
	err = s.DB.Read(r.Context, func(tx store.Reader) (err error) {
		found, err = identity.AuditList(r.Context, tx, f)
		return err
	})
	if err != nil {
		return err
	}
	type event struct {
		ID     string            `json:"id"`
		At     string            `json:"at"`
		Actor  string            `json:"actor"`
		Door   string            `json:"door"`
		Action string            `json:"action"`
		Object string            `json:"object"`
		Member string            `json:"member,omitempty"`
		Reason string            `json:"reason,omitempty"`
		Detail map[string]string `json:"detail,omitempty"`
	}
	out := make([]event, 0, len(found))
	for _, e := range found {
		actor := string(e.Actor.Kind)
		if e.Actor.Person != "" {
			actor = string(e.Actor.Person)
		}
		out = append(out, event{string(e.ID), e.At.String(), actor, string(e.Actor.Door), e.Action, e.Object, string(e.Member), e.Reason, e.Detail})
	}
	return r.print(out, func(w io.Writer) {
		line(w, "AT", "ACTOR", "ACTION", "OBJECT", "REASON")
		for _, e := range out {
			line(w, e.At, e.Actor, e.Action, e.Object, e.Reason)
		}
	})
}
