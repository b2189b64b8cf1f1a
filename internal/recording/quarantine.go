// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"meetcoop/internal/conference"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

// What one server may have in quarantine unless the settings say otherwise: enough for a server that was moved here with its archive to be
// noticed, too little to fill a disk.
const (
	DefaultQuarantineRecordings = 200
	DefaultQuarantineBytes      = 20_000_000_000
)

// The bounds of a server's share of the quarantine.
const (
	boundRecordings = "recordings"
	boundBytes      = "bytes"
)

var errQuarantineFull = fault.New(fault.LimitReached, "recording.quarantine_full")

// fits decides whether a format of so many bytes may go into quarantine for a server; "" is yes, else the bound it would cross. room is how many bytes are left without it. It joins r.
func (s *Service) fits(ctx context.Context, r store.Reader, server id.Server, rec ID, format string, bytes int64) (bound string, room int64, err error) {
	others, have, err := inQuarantine(ctx, r, server, rec, format)
	room = s.deps.QuarantineBytes - have
	switch {
	case err != nil:
		return "", 0, err
	case others >= s.deps.QuarantineRecordings:
		return boundRecordings, room, nil
	case bytes > room:
		return boundBytes, room, nil
	}
	return "", room, nil
}

// admitUpload looks before anything of a tar is written: what is likely to go into quarantine must fit there, beside what its server has there
// and is sending for it. Whose a recording is may also stand in its metadata, which come with the tar; with a full quarantine those wait
// until there is room. LimitReached (recording.quarantine_full), which operators see. most is how many bytes a tar of unknown length may have.
func (s *Service) admitUpload(ctx context.Context, in UploadInput) (most int64, err error) {
	total := max(in.Total, in.Offset)
	bound := ""
	most = mostUpload
	err = s.deps.DB.Read(ctx, func(r store.Reader) error {
		owned, err := ownedByID(ctx, r, in.Recording, in.Server)
		if err != nil || owned {
			return err
		}
		sending, err := s.sending(ctx, r, in)
		if err != nil {
			return err
		}
		var room int64
		bound, room, err = s.fits(ctx, r, in.Server, in.Recording, in.Format, total+sending)
		most = min(most, room-sending)
		return err
	})
	if err != nil || bound == "" {
		return most, err
	}
	return 0, s.refuseQuarantine(ctx, in.Server, in.Recording, bound)
}

// ownedByID reports whether the id alone tells whose a recording is. It joins r.
func ownedByID(ctx context.Context, r store.Reader, rec ID, server id.Server) (bool, error) {
	v, ok, err := byID(ctx, r, rec)
	if err != nil || ok && v.Connection != "" {
		return ok, err
	}
	_, ok, err = conference.OriginOf(ctx, r, string(rec), server)
	return ok, err
}

// sending is how many bytes of other unowned recordings of a server are here in part. It joins r.
func (s *Service) sending(ctx context.Context, r store.Reader, in UploadInput) (bytes int64, err error) {
	parts, err := filepath.Glob(filepath.Join(globless(s.deps.Dir), incoming, globless(string(in.Server))+".*"))
	if err != nil {
		return 0, err
	}
	owned := map[ID]bool{in.Recording: true}
	for _, p := range parts {
		words := strings.Split(filepath.Base(p), ".")
		info, err := os.Stat(p)
		if err != nil || len(words) != 4 {
			continue // it is finished
		}
		rec := ID(words[1])
		if _, known := owned[rec]; !known {
			if owned[rec], err = ownedByID(ctx, r, rec, in.Server); err != nil {
				return 0, err
			}
		}
		if !owned[rec] {
			bytes += info.Size()
		}
	}
	return bytes, nil
}

// refuseQuarantine notes for operators what did not fit, and returns the refusal.
func (s *Service) refuseQuarantine(ctx context.Context, server id.Server, rec ID, bound string) error {
	now := s.deps.Now()
	s.metrics.refused.Inc()
	s.deps.Log.WarnContext(ctx, "no room in quarantine", "server", server, "recording", rec, "bound", bound)
	if err := s.deps.DB.Write(ctx, func(tx store.Tx) error { return noteRefusal(ctx, tx, now, server, rec, bound) }); err != nil {
		return internalError{err}
	}
	return errQuarantineFull
}

// Refusal is what a server was not let into quarantine since it was full.
type Refusal struct {
	Server id.Server
	Last   ID     // that was refused
	Bound  string // recordings or bytes
	Times  int
	First  instant.Instant
	At     instant.Instant // the last time
}

// ServerShare is what a server has in quarantine.
type ServerShare struct {
	Server     id.Server
	Recordings int
	Bytes      int64
}

// QuarantineInput says what of the quarantine is wanted.
type QuarantineInput struct {
	Dropped bool // what was dropped within a week
	Offset  int
	Limit   int // 0 is 25, at most 100
}

// Quarantine is some of the recordings that nobody owns, and what servers have there.
type Quarantine struct {
	Recordings    []Recording // latest first
	Here, Dropped int
	Shares        []ServerShare
	Refusals      []Refusal
	MostEach      int   // recordings of one server
	MostBytes     int64 // likewise
}

// Quarantine shows the quarantine to admins of the platform. Forbidden (member.forbidden), Unauthenticated (session.none).
func (s *Service) Quarantine(ctx context.Context, actor identity.Actor, in QuarantineInput) (Quarantine, error) {
	out := Quarantine{MostEach: s.deps.QuarantineRecordings, MostBytes: s.deps.QuarantineBytes}
	if err := membership.Check(actor, membership.ActionQuarantine, membership.Target{}); err != nil {
		return out, err
	}
	limit := min(max(in.Limit, 0), mostOfShelf)
	if limit == 0 {
		limit = usualOfShelf
	}
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		if out.Here, out.Dropped, err = countQuarantine(ctx, r); err != nil {
			return err
		}
		if out.Recordings, err = quarantined(ctx, r, in.Dropped, max(in.Offset, 0), limit); err != nil {
			return err
		}
		if out.Shares, err = shares(ctx, r); err != nil {
			return err
		}
		if out.Refusals, err = refusals(ctx, r); err != nil {
			return err
		}
		return withFormats(ctx, r, out.Recordings)
	})
	return out, err
}

// LookQuarantined returns a recording that nobody owns to admins of the platform. NotFound (recording.unknown).
func (s *Service) LookQuarantined(ctx context.Context, actor identity.Actor, rec ID) (out Recording, err error) {
	if err := membership.Check(actor, membership.ActionQuarantine, membership.Target{}); err != nil {
		return out, err
	}
	err = s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		out, err = unowned(ctx, r, rec)
		return err
	})
	return out, err
}

// unowned finds a recording in quarantine whose files are not gone. NotFound (recording.unknown). It joins r.
func unowned(ctx context.Context, r store.Reader, rec ID) (Recording, error) {
	v, ok, err := byID(ctx, r, rec)
	if err != nil {
		return v, err
	}
	gone, err := isPurged(ctx, r, rec)
	if err == nil && (!ok || v.Connection != "" || gone || v.State == Deleted && v.Mode == Remote) {
		err = errUnknown
	}
	return v, err
}

// AssignInput names a recording in quarantine and the connection it belongs to.
type AssignInput struct {
	ID         ID
	Connection string // its name
}

// Assign says whose a recording in quarantine is: its member sees it from now on, as it is. NotFound (recording.unknown), Invalid with the
// field connection (recording.no_connection), Conflict (recording.trashed) for what was dropped.
func (s *Service) Assign(ctx context.Context, actor identity.Actor, in AssignInput) (Recording, error) {
	return s.settle(ctx, actor, in.ID, func(tx store.Tx, r *Recording) (identity.Event, error) {
		if r.State == Deleted {
			return identity.Event{}, fault.New(fault.Conflict, "recording.trashed")
		}
		c, err := membership.ConnectionByName(ctx, tx, strings.TrimSpace(in.Connection))
		if fault.KindOf(err) == fault.NotFound && err != nil {
			var check fault.Check
			check.Field(false, "connection", "recording.no_connection")
			err = check.Err()
		}
		if err != nil {
			return identity.Event{}, err
		}
		r.Connection, r.Member = c.ID, c.Member
		maps.DeleteFunc(r.Metadata, func(name, _ string) bool { return conference.IsOurMeta(name) })
		return identity.Event{Action: "recording.assign", Member: c.Member, Detail: map[string]string{"connection": c.Name}}, nil
	})
}

// Drop takes a recording in quarantine away; its files go after a week. NotFound (recording.unknown).
func (s *Service) Drop(ctx context.Context, actor identity.Actor, rec ID) (Recording, error) {
	now := s.deps.Now()
	return s.settle(ctx, actor, rec, func(_ store.Tx, r *Recording) (identity.Event, error) {
		if r.State != Deleted {
			r.State, r.DeletedAt = Deleted, now
		}
		return identity.Event{Action: "recording.drop"}, nil
	})
}

// TakeBack brings a dropped recording back into quarantine, unpublished. NotFound (recording.unknown).
func (s *Service) TakeBack(ctx context.Context, actor identity.Actor, rec ID) (Recording, error) {
	return s.settle(ctx, actor, rec, func(_ store.Tx, r *Recording) (identity.Event, error) {
		if r.State == Deleted {
			r.State, r.DeletedAt = Unpublished, instant.Instant{}
		}
		return identity.Event{Action: "recording.take_back"}, nil
	})
}

// settle makes one change to a recording in quarantine.
func (s *Service) settle(ctx context.Context, actor identity.Actor, rec ID, do func(tx store.Tx, r *Recording) (identity.Event, error)) (out Recording, err error) {
	if err := membership.Check(actor, membership.ActionQuarantine, membership.Target{}); err != nil {
		return out, err
	}
	now := s.deps.Now()
	err = s.deps.DB.Write(ctx, func(tx store.Tx) (err error) {
		if out, err = unowned(ctx, tx, rec); err != nil {
			return err
		}
		was := out.State
		e, err := do(tx, &out)
		if err != nil {
			return err
		}
		if err := save(ctx, tx, now, out); err != nil {
			return err
		}
		if out.State != was && out.Server != "" {
			if err := enqueueForward(ctx, tx, now, forward{Server: out.Server, Recording: out.ID}); err != nil {
				return err
			}
		}
		e.Actor, e.Object = actor, string(rec)
		return identity.Audit(ctx, tx, now, e)
	})
	return out, err
}
