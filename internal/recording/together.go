// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/id"
	"meetcoop/internal/identity"
	"meetcoop/internal/instant"
	"meetcoop/internal/store"
)

const (
	// MostTogether is how many recordings are changed at once: as many as the longest page of their list holds.
	MostTogether = mostOfShelf
	// togetherWait is how long all servers together may take to agree: somebody waits for the page.
	togetherWait = 6 * time.Second
)

// Act is what is done to several recordings at once.
type Act string

// The acts.
const (
	ActPublish Act = "publish"
	ActHide    Act = "hide"
	ActAccess  Act = "access"
	ActDiscard Act = "delete"
	ActRestore Act = "restore"
)

var acts = []Act{ActPublish, ActHide, ActAccess, ActDiscard, ActRestore}

// TogetherInput says what to do to which recordings of a member.
type TogetherInput struct {
	Member id.Member
	IDs    []ID // 1 to MostTogether; one that is named twice counts once
	Act    Act
	Access Access // of ActAccess
}

// Validate is Invalid with the fields picks (recording.none_picked, recording.too_many), act (recording.act) and access (recording.access).
func (in TogetherInput) Validate() error {
	var c fault.Check
	c.Field(len(in.IDs) > 0, "picks", "recording.none_picked")
	c.Field(len(in.IDs) <= MostTogether, "picks", "recording.too_many", fault.Params{"Limit": MostTogether})
	c.Field(slices.Contains(acts, in.Act), "act", "recording.act")
	c.Field(in.Act != ActAccess || slices.Contains(Accesses, in.Access), "access", "recording.access")
	return c.Err()
}

// Together is what became of several recordings, in the order in which they were named.
type Together struct {
	Changed []Recording // as they are now
	Same    []Recording // were so already
	Left    []Left
}

// Left is a recording that was left as it was.
type Left struct {
	Recording       // its id alone when the member has none of it
	Why       error // as of the verb for one recording, or Conflict (recording.meanwhile)
}

// Together makes one change to several recordings. Servers are asked first, one call for all that each has, for 6 s at most; what one of them
// refuses or does not answer is left. All that remains changes in one transaction: an error changes none of it. Another member's recording
// is left as one that does not exist.
//
// Errors are those of Validate, NotFound (member.unknown) and Forbidden (member.forbidden).
func (s *Service) Together(ctx context.Context, actor identity.Actor, in TogetherInput) (Together, error) {
	in.IDs = once(in.IDs)
	if err := in.Validate(); err != nil {
		return Together{}, err
	}
	now := s.deps.Now()
	var t tending
	var remote []Recording
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		if err := authorise(ctx, r, actor, in.Member); err != nil {
			return err
		}
		if t, err = s.tending(ctx, r, in, now); err != nil {
			return err
		}
		remote = remote[:0]
		for _, rec := range in.IDs {
			v, err := t.look(ctx, r, Of{Member: in.Member, ID: rec})
			if err != nil && !ofRecording(err) {
				return err
			}
			if err == nil && v.Mode == Remote && !t.isIdle(v) {
				remote = append(remote, v)
			}
		}
		return nil
	})
	if err != nil {
		return Together{}, err
	}
	asks := t.call != "" && s.deps.Conferences != nil // else a job tells them
	var answers map[ID]error
	if asks {
		answers = s.agreeTogether(ctx, remote, t)
	}
	now = s.deps.Now()
	var out Together
	err = s.deps.DB.Write(ctx, func(tx store.Tx) error {
		out = Together{}
		if err := authorise(ctx, tx, actor, in.Member); err != nil {
			return err
		}
		for _, rec := range in.IDs {
			of := Of{Member: in.Member, ID: rec}
			v, err := t.look(ctx, tx, of)
			answer, asked := answers[rec]
			switch {
			case err == nil && t.isIdle(v):
				out.Same = append(out.Same, v)
				continue
			case in.Act == ActDiscard && fault.CodeOf(err) == "recording.trashed":
				out.Same = append(out.Same, v)
				continue
			case err == nil && answer != nil:
				err = answer
			case err == nil && asks && !asked && v.Mode == Remote: // its server has not been asked: it was otherwise a moment ago
				err = fault.New(fault.Conflict, "recording.meanwhile")
			case err != nil && !ofRecording(err):
				return err
			}
			if err != nil {
				out.Left = append(out.Left, Left{leftOf(rec, v, err), err})
				continue
			}
			if err := s.alter(ctx, tx, now, &v, t.call, t.query, t.do); err != nil {
				return err
			}
			if err := identity.Audit(ctx, tx, now, t.event(actor, of)); err != nil {
				return err
			}
			out.Changed = append(out.Changed, v)
		}
		return nil
	})
	return out, err
}

// leftOf is what may be told of a recording that is left: nothing when it is not the member's.
func leftOf(rec ID, v Recording, why error) Recording {
	if errors.Is(why, errUnknown) {
		return Recording{ID: rec}
	}
	return v
}

// ofRecording reports whether an error is about one recording; others, such as those of the database, end the whole change.
func ofRecording(err error) bool { return strings.HasPrefix(fault.CodeOf(err), "recording.") }

// once returns ids without those that were named before.
func once(ids []ID) (out []ID) {
	seen := make(map[ID]bool, len(ids))
	for _, v := range ids {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

func (t tending) isIdle(r Recording) bool { return t.idle != nil && t.idle(r) }

// tending is the change of one of several recordings. It joins r.
func (s *Service) tending(ctx context.Context, r store.Reader, in TogetherInput, now instant.Instant) (tending, error) {
	switch in.Act {
	case ActPublish, ActHide:
		return publishing(in.Act == ActPublish), nil
	case ActAccess:
		return opening(in.Access), nil
	case ActRestore:
		e, err := s.deps.Entitled(ctx, r, in.Member, now)
		return restoring(e, now), err
	}
	return discarding(), nil
}

// agreeTogether asks the servers of remote recordings to make a change, and returns for each recording why its server did not; nil when it
// did. Servers are asked side by side. One that fails is not asked about its other recordings: it would only take longer.
func (s *Service) agreeTogether(ctx context.Context, some []Recording, t tending) map[ID]error {
	ctx, cancel := context.WithTimeout(ctx, togetherWait)
	defer cancel()
	servers := map[id.Server][]ID{}
	for _, v := range some {
		servers[v.Server] = append(servers[v.Server], v.ID)
	}
	out := make(map[ID]error, len(some))
	places := make(chan struct{}, discoverAtOnce)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for server, recs := range servers {
		wg.Go(func() {
			places <- struct{}{} // given back within togetherWait
			defer func() { <-places }()
			var err error
			for part := range slices.Chunk(recs, mostAsked) {
				if err == nil || fault.KindOf(err) != fault.Unavailable {
					err = s.agree(ctx, server, part, t)
				}
				mu.Lock()
				for _, rec := range part {
					out[rec] = err
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return out
}

// LookTogether returns those of several recordings that a member has outside of the trash, in the order in which they were named, to those who
// look after them. NotFound (member.unknown), Forbidden (member.forbidden), Invalid as TogetherInput.Validate.
func (s *Service) LookTogether(ctx context.Context, actor identity.Actor, in TogetherInput) ([]Recording, error) {
	in.IDs = once(in.IDs)
	if err := in.Validate(); err != nil {
		return nil, err
	}
	var out []Recording
	err := s.deps.DB.Read(ctx, func(r store.Reader) error {
		if err := authorise(ctx, r, actor, in.Member); err != nil {
			return err
		}
		out = nil
		for _, rec := range in.IDs {
			v, err := mine(ctx, r, Of{Member: in.Member, ID: rec})
			switch {
			case err == nil && v.State != Deleted:
				out = append(out, v)
			case err != nil && !ofRecording(err):
				return err
			}
		}
		return nil
	})
	return out, err
}
