// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// View says which of a member's recordings are looked at.
type View string

// The views. What is in the trash is in no other.
const (
	ViewAll         View = ""
	ViewPublished   View = "published"
	ViewUnpublished View = "unpublished"
	ViewProcessing  View = "processing"
	ViewTrash       View = "trash"
)

// Views lists them all.
var Views = []View{ViewAll, ViewPublished, ViewUnpublished, ViewProcessing, ViewTrash}

func (v View) holds(s State) bool {
	switch v {
	case ViewPublished, ViewUnpublished:
		return s == State(v)
	case ViewProcessing:
		return s == Processing || s == Processed
	case ViewTrash:
		return s == Deleted
	}
	return s != Deleted
}

// Order says what stands first.
type Order string

// The orders.
const (
	NewestFirst  Order = ""
	OldestFirst  Order = "oldest"
	ByTitle      Order = "title"
	LargestFirst Order = "size"
	SoonestToGo  Order = "end" // what is never removed stands last
	mostOfShelf        = 100
	usualOfShelf       = 25
)

// ShelfInput says which recordings of a member are wanted.
type ShelfInput struct {
	Member     id.Member
	Text       string        // in title, meeting id or record id, whatever its case; "" is all
	Connection id.Connection // "" is all
	View       View
	Order      Order
	Offset     int
	Limit      int // 0 is 25, at most 100; -1 is all
}

// Shelf is some of a member's recordings, and what all of them take.
type Shelf struct {
	Recordings []Recording
	Total      int // that fit, whatever the page
	Kept       int // all of the member outside of the trash
	Trash      int
	Used       int64 // bytes of those that are stored here, the trash included
	Limits     tariff.Limits
}

// Shelf returns recordings of a member to those who look after them. NotFound (member.unknown), Forbidden (member.forbidden).
func (s *Service) Shelf(ctx context.Context, actor identity.Actor, in ShelfInput) (Shelf, error) {
	var out Shelf
	now := s.deps.Now()
	err := s.deps.DB.Read(ctx, func(r store.Reader) error {
		if err := authorise(ctx, r, actor, in.Member); err != nil {
			return err
		}
		e, err := s.deps.Entitled(ctx, r, in.Member, now)
		if err != nil {
			return err
		}
		out = Shelf{Limits: e.Limits}
		all, err := briefs(ctx, r, in.Member)
		if err != nil {
			return err
		}
		for _, b := range all {
			if b.Mode == Stored {
				out.Used += b.bytes
			}
			if b.State == Deleted {
				out.Trash++
			} else {
				out.Kept++
			}
		}
		text := strings.ToLower(strings.TrimSpace(in.Text))
		all = slices.DeleteFunc(all, func(b brief) bool {
			return !in.View.holds(b.State) || in.Connection != "" && b.Connection != in.Connection || !b.says(text)
		})
		out.Total = len(all)
		until := func(b brief) int64 {
			if at := KeptUntil(b.Recording, e.Limits.RetentionDays, now); !at.IsZero() {
				return at.Micros()
			}
			return 1<<63 - 1
		}
		slices.SortStableFunc(all, func(a, b brief) int {
			switch in.Order {
			case OldestFirst:
				return cmp.Compare(a.StartedMS, b.StartedMS)
			case ByTitle:
				return cmp.Compare(strings.ToLower(a.Title()), strings.ToLower(b.Title()))
			case LargestFirst:
				return cmp.Compare(b.bytes, a.bytes)
			case SoonestToGo:
				return cmp.Compare(until(a), until(b))
			}
			return newest(a, b)
		})
		out.Recordings, err = whole(ctx, r, page(all, in.Offset, in.Limit))
		return err
	})
	return out, err
}

func newest(a, b brief) int { return cmp.Compare(b.StartedMS, a.StartedMS) }

// says reports whether a text in small letters is in what people call the recording by.
func (b brief) says(text string) bool {
	return text == "" || strings.Contains(strings.ToLower(b.Title()+"\n"+b.Name+"\n"+b.ExternalID+"\n"+string(b.ID)), text)
}

// page cuts a page out of a list. An offset beyond the end is the last page.
func page(all []brief, offset, limit int) []brief {
	switch {
	case limit < 0:
		return all
	case limit == 0:
		limit = usualOfShelf
	}
	limit = min(limit, mostOfShelf)
	if offset >= len(all) {
		offset = (len(all) - 1) / limit * limit
	}
	offset = max(offset, 0)
	return all[offset:min(offset+limit, len(all))]
}

// WatchInput says which recordings somebody wants to watch.
type WatchInput struct {
	Text   string // as ShelfInput has it
	Offset int
	Limit  int // 0 is 25, at most 100
}

// WatchList is some of what a person may watch.
type WatchList struct {
	Recordings []Recording // newest first
	Total      int
}

// WatchList returns what a person may watch in all members they belong to: what is there for the members' people, and everything published
// in members whose recordings they look after. Unauthenticated (session.none).
func (s *Service) WatchList(ctx context.Context, actor identity.Actor, in WatchInput) (WatchList, error) {
	if err := actor.SignedIn(); err != nil {
		return WatchList{}, err
	}
	var out WatchList
	err := s.deps.DB.Read(ctx, func(r store.Reader) error {
		places, err := membership.Affiliations(ctx, r, actor.Person)
		if err != nil {
			return err
		}
		roles := map[id.Member][]membership.Role{}
		var members []id.Member
		for _, p := range places {
			if _, twice := roles[p.Member]; !twice {
				members = append(members, p.Member)
			}
			roles[p.Member] = append(roles[p.Member], p.Roles...)
		}
		all, err := briefs(ctx, r, members...)
		if err != nil {
			return err
		}
		text := strings.ToLower(strings.TrimSpace(in.Text))
		all = slices.DeleteFunc(all, func(b brief) bool { return !mayWatch(actor, b.Recording, roles[b.Member]) || !b.says(text) })
		slices.SortStableFunc(all, newest)
		out.Total = len(all)
		out.Recordings, err = whole(ctx, r, page(all, in.Offset, max(in.Limit, 0)))
		return err
	})
	return out, err
}

// mayWatch reports whether a person with roles in the recording's member is shown the way to watch it.
func mayWatch(actor identity.Actor, r Recording, roles []membership.Role) bool {
	if r.State != Published || r.Member == "" {
		return false
	}
	target := membership.Target{Member: r.Member, Roles: roles}
	return membership.Can(actor, membership.ActionRecordings, target) ||
		r.Mode == Stored && r.Access == AccessMembers && membership.Can(actor, membership.ActionRecordingWatch, target)
}

// Of names a recording of a member. One of another member does not exist.
type Of struct {
	Member id.Member
	ID     ID
}

// Detail is one recording, with what is not in a list.
type Detail struct {
	Recording
	Tracks []Track
	Limits tariff.Limits
	Links  Links // how its formats are reached, for who was just told of it
	Over   bool  // its time is over by the level in force: it cannot come back from the trash
}

// Link is the address of a format's page.
func (d Detail) Link(format string) string { return d.Links.To(format, "") }

// Look returns a recording of a member to those who look after them. NotFound (member.unknown, recording.unknown), Forbidden
// (member.forbidden).
func (s *Service) Look(ctx context.Context, actor identity.Actor, of Of) (Detail, error) {
	var out Detail
	now := s.deps.Now()
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		if err := authorise(ctx, r, actor, of.Member); err != nil {
			return err
		}
		if out.Recording, err = mine(ctx, r, of); err != nil {
			return err
		}
		e, err := s.deps.Entitled(ctx, r, of.Member, now)
		if err != nil {
			return err
		}
		out.Limits, out.Over = e.Limits, over(out.Recording, e, now)
		out.Tracks, err = tracksOf(ctx, r, of.ID)
		return err
	})
	if err == nil {
		out.Links = s.Links(out.Recording)
	}
	return out, err
}

// Watch returns the address under which a format is watched, for somebody who may now. It is good for a few minutes where the recording
// is not for everybody with the link. NotFound (member.unknown, recording.unknown).
func (s *Service) Watch(ctx context.Context, actor identity.Actor, of Of, format string) (string, error) {
	if err := actor.SignedIn(); err != nil {
		return "", err
	}
	var rec Recording
	err := s.deps.DB.Read(ctx, func(r store.Reader) error {
		roles, err := membership.RolesOf(ctx, r, of.Member, actor.Person)
		if err != nil {
			return err
		}
		if rec, err = mine(ctx, r, of); err == nil && !mayWatch(actor, rec, roles) {
			err = errUnknown
		}
		return err
	})
	if err != nil {
		return "", err
	}
	f, ok := rec.Format(format)
	switch {
	case !ok:
	case rec.Mode == Remote && isWeb(f.URL):
		return f.URL, nil
	case rec.Watchable() && f.Dir != "":
		l := s.Links(rec)
		if rec.Access == AccessMembers {
			l.query = "?token=" + s.pass(passMember, rec.ID, s.deps.Now().Add(memberLinkAge))
		}
		return l.To(format, ""), nil
	}
	return "", errUnknown
}

func isWeb(address string) bool {
	return strings.HasPrefix(address, "https://") || strings.HasPrefix(address, "http://")
}

// authorise asks whether somebody looks after a member's recordings, as membership.Authorise would; stewardship gives no right here. It joins r.
func authorise(ctx context.Context, r store.Reader, actor identity.Actor, member id.Member) error {
	t := membership.Target{Member: member}
	if actor.Kind == identity.ActorPerson {
		roles, err := membership.RolesOf(ctx, r, member, actor.Person)
		if err != nil {
			return err
		}
		t.Roles = roles
	}
	if len(t.Roles) == 0 && actor.Kind == identity.ActorPerson {
		return fault.New(fault.NotFound, "member.unknown") // who may see the member for other reasons sees no recordings
	}
	return membership.Check(actor, membership.ActionRecordings, t)
}

// mine finds a recording of a member whose files are not gone. NotFound (recording.unknown). It joins r.
func mine(ctx context.Context, r store.Reader, of Of) (Recording, error) {
	rec, ok, err := byID(ctx, r, of.ID)
	if err != nil {
		return rec, err
	}
	if !ok || rec.Member != of.Member || of.Member == "" || rec.State == Deleted && rec.Mode == Remote {
		return Recording{}, errUnknown
	}
	if rec.State == Deleted {
		gone, err := isPurged(ctx, r, of.ID)
		if err != nil {
			return rec, err
		}
		if gone {
			return Recording{}, errUnknown
		}
	}
	return rec, nil
}
