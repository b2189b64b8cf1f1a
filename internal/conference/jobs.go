// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"

	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/id"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/store"
)

const (
	kindEndOrphan jobs.Kind = "conference.end_orphan"
	kindCallEnd   jobs.Kind = "conference.call_end"
	kindPanic     jobs.Kind = "conference.panic"
)

var (
	endOrphanPolicy = jobs.Policy{Retries: []time.Duration{
		5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	}, Timeout: 20 * time.Second}
	panicPolicy   = jobs.Policy{Retries: []time.Duration{5 * time.Second, 15 * time.Second, time.Minute}, Timeout: time.Minute}
	callEndPolicy = jobs.Policy{Retries: callbackRetries, Timeout: 10 * time.Second}
	// callbackRetries are the pauses between tries of a client's address (gateway.md K4).
	callbackRetries = []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}
)

// orphanJob names a copy of a meeting on a server.
type orphanJob struct {
	Server  id.Server  `json:"server"`
	Key     string     `json:"key"`
	Meeting id.Meeting `json:"meeting,omitempty"` // ended together with the copy: its end was asked for while the server was silent
}

// orphan has the copy of a meeting on a server ended, unless the open meeting names that server by then.
func (s *Service) orphan(ctx context.Context, server id.Server, key string) {
	now := s.deps.Now()
	err := s.deps.DB.Write(context.WithoutCancel(ctx), func(tx store.Tx) error {
		return enqueueOrphan(ctx, tx, now, now.Add(2*time.Second), orphanJob{Server: server, Key: key})
	})
	if err != nil { // the poll that finds the copy tries again
		s.deps.Log.WarnContext(ctx, "copy of a meeting not noted for its end", "server", server, "err", err)
	}
}

func enqueueOrphan(ctx context.Context, tx store.Tx, now, at instant.Instant, o orphanJob) error {
	return jobs.Enqueue(ctx, tx, now, jobs.EnqueueInput{Kind: kindEndOrphan, Key: string(o.Server) + " " + o.Key, Args: o, RunAt: at})
}

// endLater has a meeting ended that its silent server could not be told about.
func (s *Service) endLater(ctx context.Context, m id.Meeting) error {
	now := s.deps.Now()
	return s.deps.DB.Write(context.WithoutCancel(ctx), func(tx store.Tx) error {
		c, ok, err := byID(ctx, tx, m)
		if err != nil || !ok {
			return err
		}
		return enqueueOrphan(ctx, tx, now, now.Add(time.Second), orphanJob{Server: c.Server, Key: c.ServerKey, Meeting: m})
	})
}

// endOrphan is the job: it ends a copy, and is done when the server no longer has it.
func (s *Service) endOrphan(ctx context.Context, job jobs.Job) error {
	var o orphanJob
	if err := job.Decode(&o); err != nil {
		return jobs.Park(err)
	}
	var named bool
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		named, err = namesServer(ctx, r, o.Key, o.Server)
		return err
	})
	if err != nil || (named && o.Meeting == "") {
		return err
	}
	all, err := s.servers.all(ctx)
	if err != nil {
		return err
	}
	srv := all[o.Server]
	if srv == nil {
		return nil // removed
	}
	if err := srv.End(ctx, o.Key, ""); err != nil && fault.CodeOf(err) != "bbb.not_found" {
		return err
	}
	if o.Meeting != "" {
		return s.deps.Gate.End(ctx, o.Meeting, fleet.EndHost)
	}
	return nil
}

// token signs the name of a meeting for one purpose: who calls our addresses about it must have been given it.
func (s *Service) token(purpose string, m id.Meeting) string {
	return string(m) + "." + base64.RawURLEncoding.EncodeToString(s.mac(purpose, string(m)))
}

func (s *Service) mac(purpose, text string) []byte {
	mac := hmac.New(sha256.New, s.ids.key)
	_, _ = mac.Write([]byte("token " + purpose + "\x00" + text)) // never fails
	return mac.Sum(nil)[:16]
}

// opened returns the meeting a token is for; ok is false for any other text.
func (s *Service) opened(purpose, token string) (id.Meeting, bool) {
	name, sum, found := strings.Cut(token, ".")
	given, err := base64.RawURLEncoding.DecodeString(sum)
	if !found || err != nil || !hmac.Equal(given, s.mac(purpose, name)) {
		return "", false
	}
	return id.Meeting(name), true
}

// endedURL is where a server tells that a meeting has ended.
func (s *Service) endedURL(c *Conference) string {
	return s.deps.PublicURL + "/bbb/-/ended/" + s.token("ended", c.ID)
}

// Ended is a server's word that a meeting has ended; marks is what it says of recording marks, "" for nothing. NotFound
// (meeting.unknown) for a token that is none of ours.
func (s *Service) Ended(ctx context.Context, token, marks string) error {
	m, ok := s.opened("ended", token)
	if !ok {
		return fault.New(fault.NotFound, "meeting.unknown")
	}
	now := s.deps.Now()
	var c Conference
	err := s.deps.DB.Write(ctx, func(tx store.Tx) (err error) {
		if c, ok, err = byID(ctx, tx, m); err != nil || !ok {
			return err
		}
		return noteMarks(ctx, tx, m, strings.EqualFold(marks, "true"))
	})
	if err != nil || c.State != fleet.Live {
		return err
	}
	why := fleet.EndHost
	if !c.DeadlineAt.IsZero() && !now.Before(c.DeadlineAt.Add(-time.Minute)) {
		why = fleet.EndDuration
	}
	// A late word about an earlier copy must not end the one that runs: the server is asked.
	if over, err := s.isOver(ctx, &c); over || err != nil {
		return err
	}
	s.deps.Log.InfoContext(ctx, "end reported of a meeting that runs", "meeting", m, "why", why)
	return nil
}
