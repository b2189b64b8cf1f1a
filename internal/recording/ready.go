// SPDX-License-Identifier: AGPL-3.0-or-later

package recording

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"meetcoop/internal/conference"
	"meetcoop/internal/fault"
	"meetcoop/internal/fleet"
	"meetcoop/internal/instant"
	"meetcoop/internal/jobs"
	"meetcoop/internal/membership"
	"meetcoop/internal/store"
)

const kindCallReady jobs.Kind = "recording.call_ready"

// callReadyPolicy spaces the tries of a client's address (gateway.md K4).
var callReadyPolicy = jobs.Policy{Retries: []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}, Timeout: 15 * time.Second}

const callbackAnswer = 64 << 10 // bytes of an answer that are read

// Ready is a server's word that a recording can be watched: token is from our address, signed what it posted. The recording is looked
// at by a job. NotFound (recording.unknown) for a token that is none of ours, Forbidden (recording.signature) for a wrong signature, or for a
// recording that is not of that meeting.
func (s *Service) Ready(ctx context.Context, token, signed string) error {
	m, ok := conference.OpenToken(s.deps.IDs, conference.TokenRecording, token)
	if !ok {
		return errUnknown
	}
	now := s.deps.Now()
	return s.deps.DB.Write(ctx, func(tx store.Tx) error {
		servers, err := conference.HadCopies(ctx, tx, m)
		if err != nil {
			return err
		}
		for _, v := range servers {
			row, err := fleet.ServerByID(ctx, tx, v)
			if fault.KindOf(err) == fault.NotFound && err != nil {
				continue // removed
			}
			if err != nil {
				return err
			}
			secret, err := s.deps.Fleet.Secret(row)
			if err != nil {
				return err
			}
			said, good := verifyReady(signed, secret)
			if !good || !idForm.MatchString(said.Record) {
				continue
			}
			o, known, err := conference.OriginOf(ctx, tx, said.Record, v)
			if err != nil {
				return err
			}
			if known && o.Meeting == m {
				return enqueueDiscover(ctx, tx, now, discoverJob{Server: v, Record: ID(said.Record)})
			}
		}
		return errSignature
	})
}

var errSignature = fault.New(fault.Forbidden, "recording.signature")

// readyJob is one address to be told of a recording.
type readyJob struct {
	Recording ID     `json:"recording"`
	URL       string `json:"url"`
}

// tell has the client told of each format once it can be watched through us. It changes Told in rec.Formats, which the caller writes. It
// joins tx.
func (s *Service) tell(ctx context.Context, tx store.Tx, now instant.Instant, rec *Recording, o conference.Origin) error {
	if rec.State != Published || rec.Connection == "" {
		return nil
	}
	fresh := false
	for i := range rec.Formats {
		fresh = fresh || !rec.Formats[i].Told
		rec.Formats[i].Told = true
	}
	if !fresh {
		return nil
	}
	for _, u := range o.ReadyURLs() {
		if err := jobs.Enqueue(ctx, tx, now, jobs.EnqueueInput{Kind: kindCallReady, Key: string(rec.ID) + " " + u, Args: readyJob{rec.ID, u}}); err != nil {
			return err
		}
	}
	return nil
}

// callReady is the job: POST with the token as the only field (gateway.md K3).
func (s *Service) callReady(ctx context.Context, job jobs.Job) (err error) {
	defer func() { s.metrics.callbacks.WithLabelValues(result(err)).Inc() }()
	var args readyJob
	if err := job.Decode(&args); err != nil {
		return err
	}
	var rec Recording
	var secrets []membership.Secret
	now := s.deps.Now()
	err = s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		var ok bool
		if rec, ok, err = byID(ctx, r, args.Recording); err != nil || !ok || rec.Connection == "" {
			rec = Recording{}
			return err
		}
		c, err := membership.ConnectionByID(ctx, r, rec.Connection)
		if err != nil {
			return err
		}
		secrets, err = s.deps.Members.Keys(ctx, r, c, now)
		return err
	})
	if err != nil || rec.State != Published || len(secrets) == 0 || s.deps.Outbound == nil {
		return err // nothing to be told any more
	}
	// The one the client used last; a client that has not taken up a new secret knows the old one only.
	slices.SortStableFunc(secrets, func(a, b membership.Secret) int { return b.UsedAt.Compare(a.UsedAt) })
	status := 0
	for i, secret := range secrets[:min(2, len(secrets))] {
		if i > 0 && status != http.StatusUnauthorized && status != http.StatusForbidden {
			break
		}
		if status, err = s.callOnce(ctx, args.URL, secret.Text, ready{rec.ExternalID, string(rec.ID)}); err != nil {
			return err
		}
	}
	if status >= 200 && status <= 299 || status == http.StatusNotFound || status == http.StatusGone {
		return nil
	}
	return fmt.Errorf("call of a client: HTTP status %d", status)
}

func (s *Service) callOnce(ctx context.Context, to, secret string, v ready) (status int, err error) {
	u, err := url.Parse(to)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return 0, jobs.Park(fmt.Errorf("no address to call for %s", v.Record))
	}
	u.Fragment = ""
	token, err := signReady(secret, v)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(url.Values{"signed_parameters": {token}}.Encode()))
	if err != nil {
		return 0, jobs.Park(fmt.Errorf("no address to call for %s", v.Record))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := s.deps.Outbound.Do(req)
	if err != nil {
		if e, ok := err.(*url.Error); ok { //nolint:errorlint // returned so by http.Client; its address may hold the client's token
			err = e.Err
		}
		return 0, fmt.Errorf("call %s: %w", u.Hostname(), err)
	}
	defer func() { _ = resp.Body.Close() }() // nothing is to be learned
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, callbackAnswer))
	return resp.StatusCode, nil
}
