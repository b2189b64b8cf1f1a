// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"meetcoop/internal/conference"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
	"meetcoop/internal/tariff"
)

// What people of a member do to its recordings. Every verb asks for the right in the transaction of the change, and is audited.
//
// All of them answer NotFound (member.unknown, recording.unknown) for what is another member's or nobody's, Forbidden (member.forbidden)
// without the role, Conflict (recording.trashed) for what is in the trash, and, when a server has the recording, Unavailable (bbb.*) or
// Conflict (recording.server_refused): then nothing has changed.

// tending is one change.
type tending struct {
	action string                                  // of the audit trail
	detail map[string]string                       // likewise
	call   string                                  // of the API, for the server that has the recording
	query  string                                  // of that call, but for the recording
	trash  bool                                    // it may be, or must be, in the trash
	may    func(r Recording) error                 // nil: always
	idle   func(r Recording) bool                  // it is so already; nil: never
	do     func(now instant.Instant, r *Recording) // may run more than once
}

// look finds the recording of a change and asks whether it may be made. It joins r.
func (t tending) look(ctx context.Context, r store.Reader, of Of) (Recording, error) {
	rec, err := mine(ctx, r, of)
	switch {
	case err != nil:
		return rec, err
	case rec.State == Deleted && !t.trash:
		return rec, fault.New(fault.Conflict, "recording.trashed")
	case t.may != nil:
		return rec, t.may(rec)
	}
	return rec, nil
}

// event is what the audit trail says of a change.
func (t tending) event(actor identity.Actor, of Of) identity.Event {
	return identity.Event{Actor: actor, Action: t.action, Object: string(of.ID), Member: of.Member, Detail: t.detail}
}

// tend makes one change.
func (s *Service) tend(ctx context.Context, actor identity.Actor, of Of, t tending) (Recording, error) {
	look := func(r store.Reader) (Recording, error) {
		if err := authorise(ctx, r, actor, of.Member); err != nil {
			return Recording{}, err
		}
		return t.look(ctx, r, of)
	}
	var out Recording
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		out, err = look(r)
		return err
	})
	if err != nil || t.idle != nil && t.idle(out) {
		return out, err
	}
	if out.Mode == Remote && t.call != "" && s.deps.Conferences != nil {
		if err := s.agree(ctx, out.Server, []ID{of.ID}, t); err != nil {
			return out, err
		}
	}
	now := s.deps.Now()
	err = s.deps.DB.Write(ctx, func(tx store.Tx) (err error) {
		if out, err = look(tx); err != nil {
			return err
		}
		if err := s.alter(ctx, tx, now, &out, t.call, t.query, t.do); err != nil {
			return err
		}
		return identity.Audit(ctx, tx, now, t.event(actor, of))
	})
	return out, err
}

// agree asks a server to make a change to recordings it has.
func (s *Service) agree(ctx context.Context, server id.Server, recs []ID, t tending) error {
	err := s.askServer(ctx, forward{Server: server, Call: t.call, Query: idsQuery(recs) + t.query})
	if p, refused := errors.AsType[conference.Problem](err); refused {
		return serverRefused(p)
	}
	return err
}

// wordForm is how the keys of BigBlueButton's answers look. A server may send anything.
var wordForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)

// serverRefused says that a server answered FAILED. What is no key of the API is not repeated to people.
func serverRefused(p conference.Problem) error {
	key := p.Key
	if !wordForm.MatchString(key) {
		key = "?"
	}
	return fault.Wrap(p, fault.Conflict, "recording.server_refused", fault.Params{"Key": key})
}

// SetPublished shows a recording to those who may see it, or to nobody. Conflict (recording.not_ready) while its server works on it.
func (s *Service) SetPublished(ctx context.Context, actor identity.Actor, of Of, on bool) (Recording, error) {
	return s.tend(ctx, actor, of, publishing(on))
}

func publishing(on bool) tending {
	state := Unpublished
	if on {
		state = Published
	}
	return tending{
		action: "recording.publish", detail: map[string]string{"state": string(state)}, call: "publishRecordings", query: "&publish=" + strconv.FormatBool(on),
		may: func(r Recording) error {
			if r.State != Published && r.State != Unpublished {
				return fault.New(fault.Conflict, "recording.not_ready")
			}
			return nil
		},
		idle: func(r Recording) bool { return r.State == state },
		do:   func(_ instant.Instant, r *Recording) { r.State = state },
	}
}

// SetAccess says who may watch a stored recording. Conflict (recording.remote) for one whose server decides, Invalid (recording.access).
func (s *Service) SetAccess(ctx context.Context, actor identity.Actor, of Of, access Access) (Recording, error) {
	var c fault.Check
	c.Field(slices.Contains(Accesses, access), "access", "recording.access")
	if err := c.Err(); err != nil {
		return Recording{}, err
	}
	return s.tend(ctx, actor, of, opening(access))
}

func opening(access Access) tending {
	return tending{
		action: "recording.access", detail: map[string]string{"access": string(access)}, may: storedOnly,
		idle: func(r Recording) bool { return r.Access == access },
		do:   func(_ instant.Instant, r *Recording) { r.Access = access },
	}
}

func storedOnly(r Recording) error {
	if r.Mode != Stored {
		return fault.New(fault.Conflict, "recording.remote")
	}
	return nil
}

// mostTitle is how many characters a title may have.
const mostTitle = 200

// Rename gives a recording another title, as applications do: in its metadata, where they read it. "" takes it back to the name of its
// meeting. Invalid (recording.title, recording.metadata_full).
func (s *Service) Rename(ctx context.Context, actor identity.Actor, of Of, title string) (Recording, error) {
	title = strings.TrimSpace(title)
	var c fault.Check
	c.Field(utf8.ValidString(title) && utf8.RuneCountInString(title) <= mostTitle && !strings.ContainsFunc(title, unicode.IsControl), "title", "recording.title", fault.Params{"Limit": mostTitle})
	if err := c.Err(); err != nil {
		return Recording{}, err
	}
	return s.tend(ctx, actor, of, tending{
		action: "recording.rename", call: "updateRecordings", query: "&meta_" + metaTitle + "=" + url.QueryEscape(title),
		may: func(r Recording) error {
			var c fault.Check
			_, has := r.Metadata[metaTitle]
			c.Field(has || title == "" || len(r.Metadata) < maxMetas, "title", "recording.metadata_full")
			return c.Err()
		},
		idle: func(r Recording) bool { return r.Metadata[metaTitle] == title },
		do: func(_ instant.Instant, r *Recording) {
			if r.Metadata == nil {
				r.Metadata = map[string]string{}
			}
			r.Metadata[metaTitle] = title
			if title == "" {
				delete(r.Metadata, metaTitle)
			}
		},
	})
}

// Discard takes a recording away, at once for everybody. A stored one can be restored for a week; one that is on its server is deleted there
// for good.
func (s *Service) Discard(ctx context.Context, actor identity.Actor, of Of) (Recording, error) {
	return s.tend(ctx, actor, of, discarding())
}

func discarding() tending {
	return tending{
		action: "recording.delete", call: "deleteRecordings",
		do: func(now instant.Instant, r *Recording) {
			r.State, r.DeletedAt, r.Announce = Deleted, now, AnnounceNothing
		},
	}
}

// Restore brings a recording back from the trash, hidden. One that is not there stays as it is. Conflict (recording.time_over) when its
// time is over by the level in force: the next look would remove it again.
func (s *Service) Restore(ctx context.Context, actor identity.Actor, of Of) (Recording, error) {
	now := s.deps.Now()
	var e tariff.Entitlement
	err := s.deps.DB.Read(ctx, func(r store.Reader) error {
		err := authorise(ctx, r, actor, of.Member)
		if err == nil {
			e, err = s.deps.Entitled(ctx, r, of.Member, now)
		}
		return err
	})
	if err != nil {
		return Recording{}, err
	}
	return s.tend(ctx, actor, of, restoring(e, now))
}

func restoring(e tariff.Entitlement, now instant.Instant) tending {
	return tending{
		action: "recording.restore", call: "publishRecordings", query: "&publish=false", trash: true,
		may: func(r Recording) error {
			if over(r, e, now) {
				days, _ := e.Limits.RetentionDays.Int()
				return fault.New(fault.Conflict, "recording.time_over", fault.Params{"Limit": days})
			}
			return nil
		},
		idle: func(r Recording) bool { return r.State != Deleted },
		do:   func(_ instant.Instant, r *Recording) { r.State, r.DeletedAt = Unpublished, instant.Instant{} },
	}
}

// over reports whether age has removed a recording that is in the trash, and would again.
func over(r Recording, e tariff.Entitlement, now instant.Instant) bool {
	return r.State == Deleted && r.Mode == Stored && e.Allowed && age(now, r, e.Limits.RetentionDays, 0).remove
}

// AddTrack gives a recording subtitles or captions, in SRT or WebVTT; those of the same kind, language and label are replaced. One that is on
// its server gets them there, as plain WebVTT. Invalid (recording.track_kind, recording.track_language, recording.track_label,
// recording.track_empty, recording.track_file, recording.tracks_many), Conflict (recording.not_ready) while its server works on it.
func (s *Service) AddTrack(ctx context.Context, actor identity.Actor, of Of, t Track, file []byte) error {
	t.Lang, t.Label = strings.TrimSpace(t.Lang), strings.TrimSpace(t.Label)
	if t.Label == "" {
		t.Label = t.Lang
	}
	vtt, err := toWebVTT(file)
	var c fault.Check
	c.Field(t.Kind == "subtitles" || t.Kind == "captions", "kind", "recording.track_kind")
	c.Field(IsLanguage(t.Lang), "lang", "recording.track_language")
	c.Field(utf8.ValidString(t.Label) && utf8.RuneCountInString(t.Label) <= mostTitle && !strings.ContainsFunc(t.Label, unicode.IsControl), "label", "recording.track_label", fault.Params{"Limit": mostTitle})
	c.Field(!errors.Is(err, errNoCues), "file", "recording.track_empty")
	c.Field(err == nil || errors.Is(err, errNoCues), "file", "recording.track_file")
	if err := c.Err(); err != nil {
		return err
	}
	t.VTT, t.Source = vtt, "upload"
	if remote, err := s.addRemoteTrack(ctx, actor, of, t); remote || err != nil {
		return err
	}
	return s.tendTracks(ctx, actor, of, "recording.track_add", t, func(tx store.Tx, now instant.Instant, have []Track) error {
		var c fault.Check
		known := slices.ContainsFunc(have, func(h Track) bool { return h.Name() == t.Name() })
		c.Field(known || len(have) < mostTracks, "file", "recording.tracks_many", fault.Params{"Limit": mostTracks})
		if err := c.Err(); err != nil {
			return err
		}
		return saveTrack(ctx, tx, now, of.ID, t)
	})
}

// RemoveTrack takes subtitles away, named as Track.Name does. NotFound (recording.track_unknown), Conflict (recording.remote).
func (s *Service) RemoveTrack(ctx context.Context, actor identity.Actor, of Of, name string) error {
	return s.tendTracks(ctx, actor, of, "recording.track_remove", Track{}, func(tx store.Tx, _ instant.Instant, have []Track) error {
		for _, t := range have {
			if t.Name() == name {
				return removeTrack(ctx, tx, of.ID, t)
			}
		}
		return fault.New(fault.NotFound, "recording.track_unknown")
	})
}

// tendTracks makes one change to the tracks of a stored recording.
func (s *Service) tendTracks(ctx context.Context, actor identity.Actor, of Of, action string, t Track, do func(tx store.Tx, now instant.Instant, have []Track) error) error {
	now := s.deps.Now()
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		if err := authorise(ctx, tx, actor, of.Member); err != nil {
			return err
		}
		rec, err := mine(ctx, tx, of)
		if err != nil {
			return err
		}
		if rec.State == Deleted {
			return fault.New(fault.Conflict, "recording.trashed")
		}
		if err := storedOnly(rec); err != nil {
			return err
		}
		have, err := tracksOf(ctx, tx, of.ID)
		if err != nil {
			return err
		}
		if err := do(tx, now, have); err != nil {
			return err
		}
		var detail map[string]string
		if t.Lang != "" {
			detail = map[string]string{"kind": t.Kind, "lang": t.Lang}
		}
		return identity.Audit(ctx, tx, now, identity.Event{Actor: actor, Action: action, Object: string(of.ID), Member: of.Member, Detail: detail})
	})
}
