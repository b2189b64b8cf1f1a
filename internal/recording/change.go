// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"meetcoop/internal/conference"
	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/store"
)

// ErrNone is the API's answer when none of the ids given is one's own.
var ErrNone = conference.Problem{Key: "notFound", Message: "We could not find recordings"}

const kindForward jobs.Kind = "recording.forward"

var forwardPolicy = jobs.Policy{Retries: []time.Duration{5 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour}, Timeout: 20 * time.Second}

// forward is a change that a server is told of: a call, or that a recording is in another state, which is looked up when it is told.
type forward struct {
	Server    id.Server `json:"server"`
	Recording ID        `json:"recording,omitempty"`
	Call      string    `json:"call,omitempty"`
	Query     string    `json:"query,omitempty"`
}

// mostIDs bounds the ids of one call.
const mostIDs = 500

// Publish shows recordings of a connection to those who may see them, or to nobody. Problem notFound when none is its own.
func (s *Service) Publish(ctx context.Context, c id.Connection, ids []ID, publish bool) error {
	state := Unpublished
	if publish {
		state = Published
	}
	return s.change(ctx, c, ids, "publishRecordings", "&publish="+strconv.FormatBool(publish), func(_ instant.Instant, r *Recording) { r.State = state })
}

// Delete takes recordings of a connection away: at once for everybody, the files after a week. Problem notFound when none is its own.
func (s *Service) Delete(ctx context.Context, c id.Connection, ids []ID) error {
	return s.change(ctx, c, ids, "deleteRecordings", "", func(now instant.Instant, r *Recording) { r.State, r.DeletedAt = Deleted, now })
}

// UpdateInput is what to change about recordings.
type UpdateInput struct {
	Metadata map[string]string // names in small letters; "" removes
	Protect  *bool             // stored ones only; nil leaves it
}

// Update changes metadata and protection of recordings of a connection. Problem notFound when none is its own.
func (s *Service) Update(ctx context.Context, c id.Connection, ids []ID, in UpdateInput) error {
	var query strings.Builder
	for _, name := range sortedKeys(in.Metadata) {
		if !conference.IsOurMeta(name) {
			query.WriteString("&meta_" + url.QueryEscape(name) + "=" + url.QueryEscape(in.Metadata[name]))
		}
	}
	return s.change(ctx, c, ids, "updateRecordings", query.String(), func(_ instant.Instant, r *Recording) {
		if r.Metadata == nil {
			r.Metadata = map[string]string{}
		}
		for name, value := range in.Metadata {
			if conference.IsOurMeta(name) && strings.HasPrefix(name, "mc-") {
				continue
			}
			if value == "" {
				delete(r.Metadata, name)
			} else if _, known := r.Metadata[name]; known || len(r.Metadata) < maxMetas {
				r.Metadata[name] = value
			}
		}
		if in.Protect != nil && r.Mode == Stored && r.Access != AccessMembers {
			r.Access = AccessLink
			if *in.Protect {
				r.Access = AccessProtected
			}
		}
	})
}

// change asks the servers of remote recordings first; what they refuse is the answer, and nothing has changed here then. Stored ones change
// here, and their servers hear of it later: a copy that stays there would be public.
func (s *Service) change(ctx context.Context, c id.Connection, ids []ID, call, query string, do func(now instant.Instant, r *Recording)) error {
	if len(ids) > mostIDs {
		ids = ids[:mostIDs]
	}
	var mine []Recording
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		mine, err = owned(ctx, r, c, ids)
		return err
	})
	if err != nil {
		return err
	}
	if len(mine) == 0 {
		return ErrNone
	}
	remote := map[id.Server][]ID{}
	for _, r := range mine {
		if r.Mode == Remote {
			remote[r.Server] = append(remote[r.Server], r.ID)
		}
	}
	for server, some := range remote {
		if s.deps.Conferences == nil {
			break // told by a job, below
		}
		if err := s.askServer(ctx, forward{Server: server, Call: call, Query: idsQuery(some) + query}); err != nil {
			return err
		}
	}
	return s.changed(ctx, c, mine, call, query, do)
}

func idsQuery(ids []ID) string {
	words := make([]string, len(ids))
	for i, v := range ids {
		words[i] = string(v)
	}
	return "recordID=" + url.QueryEscape(strings.Join(words, ","))
}

// askServer makes a call. A server that knows no such recording has nothing to change.
func (s *Service) askServer(ctx context.Context, f forward) error {
	client, err := s.deps.Conferences.Server(ctx, f.Server)
	if err != nil {
		return err
	}
	a, err := client.Do(ctx, bbb.Request{Call: f.Call, Query: f.Query})
	if err != nil {
		return err
	}
	if !a.OK && a.Key != "notFound" {
		return conference.Problem{Key: a.Key, Message: a.Message}
	}
	return nil
}

// changed writes a change of recordings of a connection, whose servers have agreed.
func (s *Service) changed(ctx context.Context, c id.Connection, mine []Recording, call, query string, do func(now instant.Instant, r *Recording)) error {
	now := s.deps.Now()
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		for _, m := range mine {
			r, ok, err := byID(ctx, tx, m.ID)
			if err != nil {
				return err
			}
			if !ok || r.Connection != c || r.State == Deleted {
				continue
			}
			if err := s.alter(ctx, tx, now, &r, call, query, do); err != nil {
				return err
			}
		}
		return nil
	})
}

// alter writes one change of a recording, and has its server told of it where it was not asked before: a copy that stays there would be
// public. It joins tx.
func (s *Service) alter(ctx context.Context, tx store.Tx, now instant.Instant, r *Recording, call, query string, do func(now instant.Instant, r *Recording)) error {
	before := r.State
	do(now, r)
	if r.Mode == Remote {
		r.XML = restated(*r)
	}
	if err := save(ctx, tx, now, *r); err != nil {
		return err
	}
	f := forward{Server: r.Server, Recording: r.ID}
	if call == "updateRecordings" {
		f = forward{Server: r.Server, Call: call, Query: idsQuery([]ID{r.ID}) + query}
	}
	if r.Server != "" && (r.Mode == Stored || s.deps.Conferences == nil) && (r.State != before || query != "" && f.Call != "") {
		if err := enqueueForward(ctx, tx, now, f); err != nil {
			return err
		}
	}
	return s.tellAgain(ctx, tx, now, *r)
}

// tellAgain has a client told of formats that became watchable by a change. It joins tx.
func (s *Service) tellAgain(ctx context.Context, tx store.Tx, now instant.Instant, r Recording) error {
	if r.State != Published || !slices.ContainsFunc(r.Formats, func(f Format) bool { return !f.Told }) {
		return nil
	}
	o, ok, err := conference.OriginOf(ctx, tx, string(r.ID), r.Server)
	if err != nil || !ok {
		return err
	}
	if err := s.tell(ctx, tx, now, &r, o); err != nil {
		return err
	}
	for _, f := range r.Formats {
		if err := saveFormat(ctx, tx, r.ID, f); err != nil {
			return err
		}
	}
	return nil
}

func enqueueForward(ctx context.Context, tx store.Tx, now instant.Instant, f forward) error {
	return jobs.Enqueue(ctx, tx, now, jobs.EnqueueInput{Kind: kindForward, Key: string(f.Server) + " " + string(f.Recording) + f.Query, Args: f})
}

// forwardJob is the job: it tells a server of a change that holds here already.
func (s *Service) forwardJob(ctx context.Context, job jobs.Job) error {
	var f forward
	if err := job.Decode(&f); err != nil {
		return err
	}
	if s.deps.Conferences == nil {
		return errors.New("no way to servers")
	}
	if f.Call == "" {
		var r Recording
		err := s.deps.DB.Read(ctx, func(rd store.Reader) (err error) {
			r, err = Get(ctx, rd, f.Recording)
			return err
		})
		if err != nil {
			return err
		}
		f.Call, f.Query = "publishRecordings", idsQuery([]ID{r.ID})+"&publish="+strconv.FormatBool(r.State == Published)
		if r.State == Deleted {
			f.Call, f.Query = "deleteRecordings", idsQuery([]ID{r.ID})
		}
	}
	err := s.askServer(ctx, f)
	if p, refused := errors.AsType[conference.Problem](err); refused {
		return jobs.Park(p)
	}
	return err
}

// restated brings what a server said of a recording up to what it has agreed to since.
func restated(r Recording) string {
	tree, err := bbb.ParseXML(strings.NewReader("<response>"+r.XML+"</response>"), bbb.MaxAnswer)
	if err != nil {
		return r.XML // written by us
	}
	tree.Set("state", string(r.State))
	tree.Set("published", strconv.FormatBool(r.State == Published))
	if meta := tree.Child("metadata"); meta != nil {
		kept := meta.Kids[:0]
		seen := map[string]bool{"isbreakout": true, "meetingid": true, "meetingname": true}
		for _, k := range meta.Kids {
			name := strings.ToLower(k.Name)
			value, ok := r.Metadata[name]
			if !ok && !seen[name] {
				continue
			}
			if ok && !seen[name] {
				k.Text = value
			}
			seen[name] = true
			kept = append(kept, k)
		}
		for _, name := range sortedKeys(r.Metadata) {
			if !seen[name] {
				kept = append(kept, &bbb.Element{Name: name, Text: r.Metadata[name]})
			}
		}
		meta.Kids = kept
	}
	var out []byte
	for _, kid := range tree.Kids {
		out = kid.Append(out)
	}
	return string(out)
}

// SetInput is what an operator does to one recording, whoever owns it.
type SetInput struct {
	ID     ID
	State  State  // Published, Unpublished or Deleted; "" leaves it. What is in the trash comes back when it is published
	Access Access // "" leaves it; stored ones only
}

// Set changes one recording for an operator. NotFound (recording.unknown), Conflict (recording.purged) when its files are gone.
func (s *Service) Set(ctx context.Context, actor identity.Actor, in SetInput) (Recording, error) {
	if err := actor.Runs(); err != nil {
		return Recording{}, err
	}
	now := s.deps.Now()
	var out Recording
	err := s.deps.DB.Write(ctx, func(tx store.Tx) error {
		r, err := Get(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		if gone, err := isPurged(ctx, tx, in.ID); err != nil || gone {
			if gone {
				err = fault.New(fault.Conflict, "recording.purged")
			}
			return err
		}
		before := r.State
		switch in.State {
		case Published, Unpublished:
			r.State, r.DeletedAt = in.State, instant.Instant{}
		case Deleted:
			r.State, r.DeletedAt = Deleted, now
		}
		if in.Access != "" && r.Mode == Stored {
			r.Access = in.Access
		}
		if r.Mode == Remote {
			r.XML = restated(r)
		}
		if err := save(ctx, tx, now, r); err != nil {
			return err
		}
		if r.State != before && r.Server != "" {
			if err := enqueueForward(ctx, tx, now, forward{Server: r.Server, Recording: r.ID}); err != nil {
				return err
			}
		}
		out = r
		return identity.Audit(ctx, tx, now, identity.Event{
			Actor: actor, Action: "recording.set", Object: string(r.ID), Member: r.Member, Detail: map[string]string{"state": string(r.State), "access": string(r.Access)},
		})
	})
	return out, err
}
