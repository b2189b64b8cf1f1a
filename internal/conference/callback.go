// SPDX-License-Identifier: AGPL-3.0-or-later

package conference

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"meetcoop/internal/id"
	"meetcoop/internal/jobs"
	"meetcoop/internal/store"
)

// marksWithin is how long a server has to tell whether recording marks were set, before the client is told there were none.
const marksWithin = 60 * time.Second

const callbackAnswer = 64 << 10 // bytes of an answer that are read

// callEndJob is one address to be told of the end of a meeting.
type callEndJob struct {
	Meeting id.Meeting `json:"meeting"`
	URL     string     `json:"url"`
}

// callEnd is the job: GET, the address's own query kept, with the client's meetingID and the recording marks (gateway.md K2).
func (s *Service) callEnd(ctx context.Context, job jobs.Job) error {
	var args callEndJob
	if err := job.Decode(&args); err != nil {
		return jobs.Park(err)
	}
	var c Conference
	var ok, marks bool
	err := s.deps.DB.Read(ctx, func(r store.Reader) (err error) {
		if c, ok, err = byID(ctx, r, args.Meeting); err != nil || !ok {
			return err
		}
		marks, err = marksOf(ctx, r, args.Meeting)
		return err
	})
	if err != nil || !ok {
		return err
	}
	u, err := url.Parse(args.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
		return jobs.Park(fmt.Errorf("no address to call: %s", c.Connection))
	}
	extra := url.Values{"meetingID": {c.ExternalID}, "recordingmarks": {strconv.FormatBool(marks)}}.Encode()
	if u.RawQuery != "" {
		extra = u.RawQuery + "&" + extra
	}
	u.RawQuery, u.Fragment = extra, ""
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return jobs.Park(fmt.Errorf("no address to call: %s", c.Connection))
	}
	resp, err := s.deps.Outbound.Do(req)
	if err != nil {
		return fmt.Errorf("call %s: %w", u.Hostname(), unwrapURL(err))
	}
	defer func() { _ = resp.Body.Close() }() // nothing is to be learned
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, callbackAnswer))
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("call %s: HTTP status %d", u.Hostname(), resp.StatusCode)
	}
	return nil
}

// unwrapURL drops the address from an error of package http: its query may hold the client's token.
func unwrapURL(err error) error {
	if u, ok := err.(*url.Error); ok { //nolint:errorlint // returned so by http.Client
		return u.Err
	}
	return err
}
