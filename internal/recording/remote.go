// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"meetcoop/internal/conference"
	"meetcoop/internal/engine/bbb"
	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/store"
)

const kindDiscover jobs.Kind = "recording.discover"

var discoverPolicy = jobs.Policy{Retries: []time.Duration{2 * time.Second, 10 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour}, Timeout: 30 * time.Second}

const (
	pageSize       = 100
	mostPages      = 2000 // of one server
	discoverAtOnce = 8    // servers
	batch          = 50   // recordings of one transaction
	mostAsked      = 40   // ids in one question
)

type discoverJob struct {
	Server id.Server `json:"server"`
	Record ID        `json:"record"`
}

func enqueueDiscover(ctx context.Context, tx store.Tx, now instant.Instant, j discoverJob) error {
	return jobs.Enqueue(ctx, tx, now, jobs.EnqueueInput{Kind: kindDiscover, Key: string(j.Server) + " " + string(j.Record), Args: j})
}

// discoverJob is the job: it looks at one recording of a server.
func (s *Service) discoverJob(ctx context.Context, job jobs.Job) error {
	var j discoverJob
	if err := job.Decode(&j); err != nil {
		return err
	}
	if s.deps.Conferences == nil {
		return errors.New("no way to servers")
	}
	client, err := s.deps.Conferences.Server(ctx, j.Server)
	if err != nil {
		return err
	}
	began := s.deps.Now()
	found, err := ask(ctx, client, []ID{j.Record})
	if err != nil {
		return err
	}
	if len(found) == 0 && !job.Last {
		return fmt.Errorf("recording %s is not there yet", j.Record)
	}
	return s.index(ctx, j.Server, found, began)
}

// DiscoverAll asks every BigBlueButton server for its recordings.
func (s *Service) DiscoverAll(ctx context.Context) error {
	if s.deps.Conferences == nil {
		return nil
	}
	all, err := s.deps.Conferences.Servers(ctx)
	if err != nil {
		return err
	}
	places := make(chan struct{}, discoverAtOnce)
	var wg sync.WaitGroup
	for server, client := range all {
		wg.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			err := s.Discover(ctx, server, client)
			s.metrics.discovery.WithLabelValues(result(err)).Inc()
			if err != nil && ctx.Err() == nil {
				s.deps.Log.DebugContext(ctx, "recordings of a server not read", "server", server, "err", err)
			}
		})
	}
	wg.Wait()
	return nil
}

// Discover brings the index of one server's recordings up to date. What the server lists no longer is asked for once more by its id, and
// then noted as deleted.
func (s *Service) Discover(ctx context.Context, server id.Server, client *bbb.Client) error {
	var have []known
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		have, err = knownOf(ctx, r, server)
		return err
	})
	if err != nil {
		return err
	}
	listed := map[ID]bool{}
	for page := range mostPages {
		began := s.deps.Now()
		found, err := page100(ctx, client, page*pageSize)
		if err != nil {
			return err
		}
		fresh := found[:0:0]
		for _, f := range found {
			if !listed[f.recording.ID] {
				listed[f.recording.ID] = true
				fresh = append(fresh, f)
			}
		}
		if err := s.index(ctx, server, fresh, began); err != nil {
			return err
		}
		if len(found) < pageSize || len(fresh) == 0 { // servers before 2.6 know no pages and list everything each time
			break
		}
	}
	return s.missing(ctx, server, client, have, listed)
}

// missing notes as deleted what a server has no longer.
func (s *Service) missing(ctx context.Context, server id.Server, client *bbb.Client, have []known, listed map[ID]bool) error {
	var gone []ID
	for _, k := range have {
		if k.mode == Remote && k.state != Deleted && !listed[k.id] {
			gone = append(gone, k.id)
		}
	}
	for part := range slices.Chunk(gone, mostAsked) {
		found, err := ask(ctx, client, part) // pages may have moved while they were read
		if err != nil {
			return err
		}
		now := s.deps.Now()
		err = s.deps.DB.Write(ctx, func(tx store.Tx) error {
			for _, rec := range part {
				if slices.ContainsFunc(found, func(l listing) bool { return l.recording.ID == rec }) {
					continue
				}
				r, ok, err := byID(ctx, tx, rec)
				if err != nil || !ok || r.Server != server || r.Mode != Remote {
					return err
				}
				r.State, r.DeletedAt = Deleted, now
				if err := save(ctx, tx, now, r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// listing is a recording as its server tells it.
type listing struct {
	recording Recording // without owner
	meta      map[string]string
	tree      *bbb.Element
}

func ask(ctx context.Context, client *bbb.Client, ids []ID) ([]listing, error) {
	words := make([]string, len(ids))
	for i, v := range ids {
		words[i] = string(v)
	}
	found, err := list(ctx, client, "recordID="+url.QueryEscape(strings.Join(words, ","))+"&state=any")
	return slices.DeleteFunc(found, func(l listing) bool { return !slices.Contains(ids, l.recording.ID) }), err // servers compare beginnings
}

func page100(ctx context.Context, client *bbb.Client, offset int) ([]listing, error) {
	return list(ctx, client, "state=any&offset="+strconv.Itoa(offset)+"&limit="+strconv.Itoa(pageSize))
}

func list(ctx context.Context, client *bbb.Client, query string) ([]listing, error) {
	a, err := client.Do(ctx, bbb.Request{Call: "getRecordings", Query: query})
	if err != nil {
		return nil, err
	}
	if err := a.Err(); err != nil {
		return nil, err
	}
	all := a.Root.Child("recordings")
	if all == nil {
		return nil, fault.Wrap(errors.New("no list of recordings"), fault.Unavailable, "bbb.unanswered")
	}
	var out []listing
	for _, e := range all.Kids {
		if l, ok := parseListing(e); ok {
			out = append(out, l)
		}
	}
	return out, nil
}

// parseListing reads <recording> of getRecordings; ok is false for what has no id, or a state nobody knows.
func parseListing(e *bbb.Element) (listing, bool) {
	meta := metaOf(e.Child("metadata"))
	rec := Recording{
		ID: ID(e.Value("recordID")), Mode: Remote, Access: AccessLink, State: State(e.Value("state")), ExternalID: e.Value("meetingID"), Name: e.Value("name"),
		StartedMS: count(e.Value("startTime"), maxMillis), EndedMS: count(e.Value("endTime"), maxMillis),
		Participants: int(count(e.Value("participants"), 1_000_000)), RawBytes: count(e.Value("rawSize"), 1<<50),
	}
	rec.Breakout.Is = strings.EqualFold(e.Value("isBreakout"), "true")
	if rec.State == "" {
		rec.State = Unpublished
		if strings.EqualFold(e.Value("published"), "true") {
			rec.State = Published
		}
	}
	if !idForm.MatchString(string(rec.ID)) || !slices.Contains(states, rec.State) || len(rec.Name) > maxText || len(rec.ExternalID) > maxText {
		return listing{}, false
	}
	if p := e.Child("playback"); p != nil {
		for _, k := range p.Kids {
			f := Format{
				Type: k.Value("type"), URL: k.Value("url"), Minutes: int(count(k.Value("length"), 1_000_000)), Bytes: count(k.Value("size"), 1<<50),
				ProcessingMS: count(k.Value("processingTime"), maxMillis),
			}
			_, twice := rec.Format(f.Type)
			if k.Name == "format" && formatForm.MatchString(f.Type) && len(f.URL) <= maxText && !twice && len(rec.Formats) < 50 {
				rec.Formats = append(rec.Formats, f)
			}
		}
	}
	return listing{rec, meta, e}, true
}

// index writes what a server told in an answer asked for at began: its own recordings, and of them those that are not stored here. What
// was changed since is left alone: the answer may be older than the change, and the next one tells.
func (s *Service) index(ctx context.Context, server id.Server, found []listing, began instant.Instant) error {
	for part := range slices.Chunk(found, batch) {
		now := s.deps.Now()
		var fresh []listing
		err := s.deps.DB.Read(ctx, func(r store.Reader) error {
			fresh = fresh[:0]
			for _, l := range part {
				l.recording.Server = server
				_, changes, err := s.compare(ctx, r, &l, began)
				if err != nil {
					return err
				}
				if changes {
					fresh = append(fresh, l)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if len(fresh) == 0 {
			continue
		}
		err = s.deps.DB.Write(ctx, func(tx store.Tx) error {
			for _, l := range fresh {
				if err := s.indexOne(ctx, tx, now, l, began); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// compare puts a listing into the client's words and tells whether the index says something else. It joins r.
func (s *Service) compare(ctx context.Context, r store.Reader, l *listing, began instant.Instant) (o conference.Origin, changes bool, err error) {
	rec := &l.recording
	if o, err = s.claim(ctx, r, rec, l.meta, ImportInput{Server: rec.Server}); err != nil {
		return o, false, err
	}
	was, exists, err := byID(ctx, r, rec.ID)
	if rec.Connection == "" && was.Connection != "" && was.Server == rec.Server { // an operator said whose it is
		rec.Connection, rec.Member, rec.Meeting, rec.ExternalID = was.Connection, was.Member, was.Meeting, was.ExternalID
		maps.DeleteFunc(rec.Metadata, func(name, _ string) bool { return conference.IsOurMeta(name) })
	}
	rec.XML = tenantsWords(*rec, l.tree)
	if err != nil || !exists {
		return o, true, err
	}
	if was.Mode == Stored || was.Connection != "" && was.Server != rec.Server || was.Connection == "" && rec.Connection == "" && was.Server != rec.Server {
		return o, false, nil
	}
	for i, f := range rec.Formats {
		old, _ := was.Format(f.Type)
		rec.Formats[i].Told, rec.Formats[i].CreatedAt = old.Told, old.CreatedAt
	}
	rec.IndexedAt, rec.DeletedAt = was.IndexedAt, was.DeletedAt
	if was.XML == rec.XML && was.State == rec.State && was.Connection == rec.Connection {
		return o, false, nil
	}
	changed, err := changedAt(ctx, r, rec.ID)
	return o, changed.Before(began), err
}

func (s *Service) indexOne(ctx context.Context, tx store.Tx, now instant.Instant, l listing, began instant.Instant) error {
	o, changes, err := s.compare(ctx, tx, &l, began)
	if err != nil || !changes {
		return err
	}
	rec := l.recording
	if rec.IndexedAt.IsZero() {
		rec.IndexedAt = now
	}
	if rec.State == Deleted && rec.DeletedAt.IsZero() {
		rec.DeletedAt = now
	}
	if rec.State != Deleted {
		rec.DeletedAt = instant.Instant{}
	}
	if err := save(ctx, tx, now, rec); err != nil {
		return err
	}
	if err := s.tell(ctx, tx, now, &rec, o); err != nil {
		return err
	}
	was, _, err := byID(ctx, tx, rec.ID)
	if err != nil {
		return err
	}
	for _, f := range was.Formats {
		if _, stays := rec.Format(f.Type); !stays {
			if err := removeFormat(ctx, tx, rec.ID, f.Type); err != nil {
				return err
			}
		}
	}
	for _, f := range rec.Formats {
		if f.CreatedAt.IsZero() {
			f.CreatedAt = now
		}
		if err := saveFormat(ctx, tx, rec.ID, f); err != nil {
			return err
		}
	}
	return nil
}

// tenantsWords are the children of <recording> as its server told them, with the client's ids and metadata; what a newer server adds
// passes.
func tenantsWords(rec Recording, tree *bbb.Element) string {
	root := tree.Clone()
	if rec.Connection != "" {
		root.Set("meetingID", rec.ExternalID)
		if meta := root.Child("metadata"); meta != nil {
			meta.Kids = slices.DeleteFunc(meta.Kids, func(e *bbb.Element) bool { return conference.IsOurMeta(e.Name) })
			for _, k := range meta.Kids {
				if strings.EqualFold(k.Name, "meetingId") {
					k.Text, k.Kids = rec.ExternalID, nil
				}
			}
			for _, name := range sortedKeys(rec.Metadata) {
				if conference.IsOurMeta(name) {
					meta.Kids = append(meta.Kids, &bbb.Element{Name: name, Text: rec.Metadata[name]})
				}
			}
		}
	}
	var out []byte
	for _, kid := range root.Kids {
		out = kid.Append(out)
	}
	return string(out)
}
